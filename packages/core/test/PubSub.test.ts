/**
 * What a PubSub does on each node: Phoenix's conformance kit for adapters, which runs with pools of 1 and of 8.
 */
import { assert, describe, it } from "@effect/vitest"
import { Process, PubSub, Supervisor } from "@effect-otp/core"
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { calls, heard, inside, join, Listener, leave, News, Sports, Updates, waiting } from "./fixtures/Listener.ts"
import { logging, makeLog } from "./fixtures/logging.ts"
import { Network } from "./fixtures/network.ts"
import { quiet, told } from "./fixtures/observing.ts"
import { traced } from "./fixtures/recording.ts"

type Here = Updates | Scope.Scope

/** Runs a test on a node of its own. */
const on = (layer: Layer.Layer<Updates>) => (test: Effect.Effect<void, unknown, Here>) =>
  Effect.flatMap(Layer.build(layer), (node) => Effect.provide(test, node))

const kinds: ReadonlyArray<readonly [string, () => Layer.Layer<Updates>]> = [
  ["this node alone", () => Updates.layer],
  ["pool 1", () => Updates.layer({ adapter: new Network().adapter("here"), poolSize: 1 })],
  ["pool 8", () => Updates.layer({ adapter: new Network().adapter("here"), poolSize: 8 })]
]

const tell = () => {}

const listener = (init?: Parameters<typeof Listener.layer>[0]) => Listener.start(init)

for (const [kind, layer] of kinds) {
  const node = on(layer())
  const nodeName = kind === "this node alone" ? "nonode@nohost" : "here"

  describe(kind, () => {
    it.scoped("node_name/1 returns the node name", () =>
      node(
        Effect.gen(function* () {
          assert.strictEqual(yield* PubSub.nodeName(Updates), nodeName)
        })
      )
    )

    it.scoped("subscribe and unsubscribe: the list of subscribers is one, then empty (PS-2)", () =>
      node(
        Effect.gen(function* () {
          const pid = yield* listener(join(News))
          const [first, ...others] = yield* PubSub.subscribers(Updates, News)
          assert.strictEqual<unknown>(first?.subscriber, pid)
          assert.deepStrictEqual([first?.metadata, others], [undefined, []])
          yield* inside(pid, leave(News))
          assert.deepStrictEqual(yield* PubSub.subscribers(Updates, News), [])

          const queue = yield* PubSub.subscription(Updates, News, { metadata: "mine" })
          assert.deepStrictEqual(yield* PubSub.subscribers(Updates, News), [{ subscriber: queue, metadata: "mine" }])
          yield* queue.unsubscribe
          assert.deepStrictEqual(yield* PubSub.subscribers(Updates, News), [])
        })
      )
    )

    it.scoped("broadcast/3 publishes the message to each subscriber (PS-4)", () =>
      node(
        Effect.gen(function* () {
          const pid = yield* listener(join(News))
          const queue = yield* PubSub.subscription(Updates, News)
          assert.strictEqual(yield* PubSub.broadcast(Updates, News, "ping"), undefined)
          assert.deepStrictEqual(yield* heard(pid), ["ping"])
          assert.deepStrictEqual(yield* waiting(queue), ["ping"])
        })
      )
    )

    it.scoped("a message is passed on as it is, and not encoded for this node (PS-8)", () =>
      node(
        Effect.gen(function* () {
          const Dated = PubSub.topic("dated", Schema.Date)
          const queue = yield* PubSub.subscription(Updates, Dated)
          const date = new Date(0)
          yield* PubSub.broadcast(Updates, Dated, date)
          assert.strictEqual((yield* waiting(queue))[0], date)
        })
      )
    )

    it.scoped("broadcast/3 does not publish to the subscribers of other topics", () =>
      node(
        Effect.gen(function* () {
          const pid = yield* listener(join(Sports))
          const queue = yield* PubSub.subscription(Updates, Sports)
          yield* PubSub.broadcast(Updates, News, "ping")
          assert.deepStrictEqual(yield* heard(pid), [])
          assert.deepStrictEqual(yield* waiting(queue), [])
        })
      )
    )

    it.scoped("broadcast_from/4 skips the sender (PS-5)", () =>
      node(
        Effect.gen(function* () {
          const pid = yield* listener(Effect.zipRight(join(News), join(News)))
          const other = yield* listener(join(News))
          const queue = yield* PubSub.subscription(Updates, News)
          yield* inside(
            pid,
            Effect.flatMap(Listener.self, ({ ref }) => PubSub.broadcastFrom(Updates, ref, News, "from pid"))
          )
          yield* PubSub.broadcastFrom(Updates, queue, News, "from queue")
          assert.deepStrictEqual(yield* heard(pid), ["from queue", "from queue"])
          assert.deepStrictEqual(yield* heard(other), ["from pid", "from queue"])
          assert.deepStrictEqual(yield* waiting(queue), ["from pid"])
        })
      )
    )

    it.scoped("unsubscribe on a topic that is not subscribed to does nothing (PS-3)", () =>
      node(
        Effect.gen(function* () {
          const pid = yield* listener(join(News))
          yield* inside(pid, leave(Sports))
          const queue = yield* PubSub.subscription(Updates, News)
          yield* queue.unsubscribe
          yield* queue.unsubscribe
          yield* PubSub.broadcast(Updates, News, "ping")
          assert.deepStrictEqual(yield* heard(pid), ["ping"])
        })
      )
    )

    it.scoped("direct_broadcast sends to the given node (PS-7)", () =>
      node(
        Effect.gen(function* () {
          const queue = yield* PubSub.subscription(Updates, News)
          yield* PubSub.directBroadcast(Updates, nodeName, News, "ping")
          assert.deepStrictEqual(yield* waiting(queue), ["ping"])
        })
      )
    )

    it.scoped("direct_broadcast to an unknown node is ok, and nobody receives (PS-7)", () =>
      node(
        Effect.gen(function* () {
          const queue = yield* PubSub.subscription(Updates, News)
          assert.strictEqual(yield* PubSub.directBroadcast(Updates, "IDONTKNOW", News, "ping"), undefined)
          yield* quiet
          assert.deepStrictEqual(yield* waiting(queue), [])
        })
      )
    )

    it.scoped("local_broadcast sends to the current node (PS-6)", () =>
      node(
        Effect.gen(function* () {
          const queue = yield* PubSub.subscription(Updates, News)
          yield* PubSub.localBroadcast(Updates, News, "ping")
          assert.deepStrictEqual(yield* waiting(queue), ["ping"])
        })
      )
    )

    it.scoped("local_broadcast_from/5 skips the sender (PS-6)", () =>
      node(
        Effect.gen(function* () {
          const queue = yield* PubSub.subscription(Updates, News)
          const other = yield* PubSub.subscription(Updates, News)
          yield* PubSub.localBroadcastFrom(Updates, queue, News, "ping")
          assert.deepStrictEqual(yield* waiting(queue), [])
          assert.deepStrictEqual(yield* waiting(other), ["ping"])
        })
      )
    )

    it.scoped("with custom dispatching: entries with metadata, two of one pid, from none or pid (PS-10)", () =>
      node(
        Effect.gen(function* () {
          const pid = yield* listener(Effect.zipRight(join(News, "one"), join(News, "two")))
          yield* PubSub.broadcast(Updates, News, "1", { dispatcher: "tell" })
          yield* PubSub.broadcastFrom(Updates, pid, News, "2", { dispatcher: "tell" })
          yield* PubSub.localBroadcast(Updates, News, "3", { dispatcher: "tell" })
          yield* PubSub.localBroadcastFrom(Updates, pid, News, "4", { dispatcher: "tell" })
          yield* PubSub.directBroadcast(Updates, nodeName, News, "5", { dispatcher: "tell" })
          const expected = ["None", "Some", "None", "Some", "None"].flatMap((from, at) => [
            `${from} one: ${at + 1}`,
            `${from} two: ${at + 1}`
          ])
          assert.deepStrictEqual(yield* heard(pid), expected)
        })
      )
    )

    it.scoped("a dispatcher is told whom it is to leave out (PS-10)", () =>
      node(
        Effect.gen(function* () {
          const queue = yield* PubSub.subscription(Updates, News)
          const other = yield* PubSub.subscription(Updates, News)
          calls.length = 0
          yield* PubSub.broadcastFrom(Updates, queue, News, "ping", { dispatcher: "noting" })
          assert.deepStrictEqual(calls, ["2 Some ping"])
          assert.deepStrictEqual(yield* waiting(queue), [])
          assert.deepStrictEqual(yield* waiting(other), ["ping"])
        })
      )
    )
  })
}

describe("dispatching", () => {
  const node = on(Updates.layer)

  it.scoped("a dispatcher is not called for nobody, as a registry does not (PS-10)", () =>
    node(
      Effect.gen(function* () {
        calls.length = 0
        yield* PubSub.broadcast(Updates, News, "nobody has subscribed", { dispatcher: "noting" })
        yield* PubSub.subscription(Updates, PubSub.topic("news", Schema.Number))
        yield* PubSub.broadcast(Updates, News, "whom it does not fit", { dispatcher: "noting" })
        assert.deepStrictEqual(calls, [])
      })
    ).pipe(logging(makeLog()))
  )

  it.scoped(
    "a server hears what it broadcasts itself, when it comes to it, in the order of one sender (PS-5, PS-9)",
    () =>
      node(
        Effect.gen(function* () {
          const pid = yield* listener(join(News))
          const queue = yield* PubSub.subscription(Updates, News)
          yield* inside(
            pid,
            Effect.gen(function* () {
              const { ref } = yield* Listener.self
              yield* PubSub.broadcast(Updates, News, "1")
              yield* PubSub.broadcastFrom(Updates, ref, News, "2")
              yield* PubSub.localBroadcast(Updates, News, "3")
              // What is in its mailbox stays there.
              yield* leave(News)
              yield* PubSub.broadcast(Updates, News, "4")
            })
          )
          assert.deepStrictEqual(yield* heard(pid), ["1", "3"])
          assert.deepStrictEqual(yield* waiting(queue), ["1", "2", "3", "4"])
        })
      )
  )
})

describe("subscribing", () => {
  const node = on(Updates.layer)

  it.scoped("a Stream takes all that waits: what is left of it is gone, and one by one they are not", () =>
    node(
      Effect.gen(function* () {
        const queue = yield* PubSub.subscription(Updates, News)
        const pings = Effect.forEach(["1", "2", "3"], (text) => PubSub.broadcast(Updates, News, text))
        yield* pings
        assert.strictEqual(yield* queue.messages.take, "1")
        assert.deepStrictEqual(yield* Stream.runHead(queue.stream), Option.some("2"))
        assert.deepStrictEqual(yield* waiting(queue), [])
        yield* pings
        assert.deepStrictEqual(yield* waiting(queue), ["1", "2", "3"])
      })
    )
  )

  it.scoped("wakes a server that has let go of its fiber (PS-8)", () =>
    node(
      Effect.gen(function* () {
        const pid = yield* listener(join(News))
        yield* PubSub.broadcast(Updates, News, "1")
        yield* quiet
        yield* TestClock.adjust("1 minute")
        yield* quiet
        yield* PubSub.broadcast(Updates, News, "2")
        assert.deepStrictEqual(yield* heard(pid), ["1", "2"])
      })
    )
  )

  it.scoped("under two roots the same class is two, and a ref of the other one leaves out nobody (PS-5)", () =>
    Effect.gen(function* () {
      const one = yield* Layer.build(Updates.layer)
      const other = yield* Layer.build(Updates.layer)
      const here = yield* Effect.provide(PubSub.subscription(Updates, News), one)
      const there = yield* Effect.provide(PubSub.subscription(Updates, News), other)
      yield* Effect.provide(PubSub.broadcast(Updates, News, "here"), one)
      yield* Effect.provide(PubSub.broadcastFrom(Updates, here, News, "there"), other)
      assert.deepStrictEqual(yield* waiting(here), ["here"])
      assert.deepStrictEqual(yield* waiting(there), ["there"])
    })
  )

  it.scoped("twice delivers twice, and unsubscribing drops both (PS-2, PS-3)", () =>
    node(
      Effect.gen(function* () {
        const pid = yield* listener(Effect.zipRight(join(News), join(News)))
        yield* PubSub.broadcast(Updates, News, "ping")
        assert.deepStrictEqual(yield* heard(pid), ["ping", "ping"])
        yield* inside(pid, leave(News))
        yield* PubSub.broadcast(Updates, News, "pong")
        assert.deepStrictEqual(yield* heard(pid), ["ping", "ping"])
        assert.deepStrictEqual((yield* PubSub.counts(Updates)).subscriptions, 0)
      })
    )
  )

  it.scoped("a Stream subscribes when it is run, each run by itself, and unsubscribes when it ends (PS-2)", () =>
    node(
      Effect.gen(function* () {
        const stream = Stream.runCollect(Stream.take(PubSub.subscribe(Updates, News), 2))
        assert.strictEqual((yield* PubSub.counts(Updates)).subscriptions, 0)
        const readers = yield* Effect.fork(Effect.all([stream, stream], { concurrency: 2 }))
        yield* quiet
        assert.strictEqual((yield* PubSub.counts(Updates)).subscriptions, 2)
        yield* PubSub.broadcast(Updates, News, "one")
        yield* PubSub.broadcast(Updates, News, "two")
        assert.deepStrictEqual(
          (yield* readers).map((texts) => Array.from(texts)),
          [
            ["one", "two"],
            ["one", "two"]
          ]
        )
        assert.strictEqual((yield* PubSub.counts(Updates)).subscriptions, 0)
      })
    )
  )

  it.scoped("what has come before unsubscribing can still be taken, and then the Stream ends (PS-3)", () =>
    node(
      Effect.gen(function* () {
        const queue = yield* PubSub.subscription(Updates, News)
        yield* PubSub.broadcast(Updates, News, "one")
        yield* queue.unsubscribe
        yield* PubSub.broadcast(Updates, News, "two")
        assert.deepStrictEqual(Array.from(yield* Stream.runCollect(queue.stream)), ["one"])
      })
    )
  )

  traced("a server handles its message in a span of its own, linked with the broadcaster's", ({ the }) =>
    node(
      Effect.gen(function* () {
        yield* listener(join(News))
        yield* Effect.withSpan(PubSub.broadcast(Updates, News, "ping"), "publisher")
        yield* quiet
        assert.deepStrictEqual(the("Listener.Heard").linkedWith, ["publisher"])
      })
    )
  )

  it.scoped("topics of one name are one topic, whoever has made them", () =>
    node(
      Effect.gen(function* () {
        const queue = yield* PubSub.subscription(Updates, PubSub.topic("news", Schema.String))
        yield* PubSub.broadcast(Updates, News, "ping")
        assert.deepStrictEqual(yield* waiting(queue), ["ping"])
      })
    )
  )
})

describe("starting", () => {
  const complaint = (make: () => unknown): string => {
    try {
      make()
    } catch (error) {
      return String(error)
    }
    return "none"
  }

  it("child_spec/1 expects a name (PS-1)", () => {
    // What JavaScript may do.
    const service = PubSub.Service<Updates>() as unknown as (key?: unknown) => unknown
    const wanted =
      'TypeError: PubSub.Service: the name is mandatory, and must be a string that ends with a word, as in "@app/Updates", but is'
    assert.strictEqual(
      complaint(() => service()),
      `${wanted} undefined`
    )
    assert.strictEqual(
      complaint(() => service("")),
      `${wanted} ""`
    )
    assert.strictEqual(
      complaint(() => service("@app/")),
      `${wanted} "@app/"`
    )
  })

  it("pool_size can't be smaller than broadcast_pool_size (PS-1)", () => {
    assert.strictEqual(
      complaint(() => Updates.layer({ poolSize: 1, broadcastPoolSize: 2 })),
      "TypeError: Scuti.PubSub.layer: `broadcastPoolSize` must not be greater than `poolSize`, which is 1, but is 2: a node sends on no lane that it does not listen on itself"
    )
    assert.strictEqual(
      complaint(() => Updates.layer({ poolSize: 0 })),
      "TypeError: Scuti.PubSub.layer: `poolSize` must be a whole number from 1 up, but is 0"
    )
  })

  it("what makes no sense is refused where it is said", () => {
    // What JavaScript may do.
    const subscribe = PubSub.subscribe as (...args: ReadonlyArray<unknown>) => unknown
    const subscription = PubSub.subscription as (...args: ReadonlyArray<unknown>) => unknown
    const broadcast = PubSub.broadcast as (...args: ReadonlyArray<unknown>) => unknown
    const self = PubSub.subscribeSelf as (...args: ReadonlyArray<unknown>) => unknown
    const service = PubSub.Service<Updates>() as (...args: ReadonlyArray<unknown>) => unknown
    const layer = Updates.layer as (...args: ReadonlyArray<unknown>) => unknown
    const topic = PubSub.topic as (...args: ReadonlyArray<unknown>) => unknown
    const told: ReadonlyArray<readonly [() => unknown, string]> = [
      [() => topic("", Schema.String), 'PubSub.topic: the name must be a string that is not empty, but is ""'],
      [() => topic("a", "b"), 'PubSub.topic "a": the schema of its messages must be a schema, but is "b"'],
      [
        () => subscribe(Updates, "news"),
        'PubSub.subscribe: a topic is made by PubSub.topic(name, schema), but given was "news"'
      ],
      [
        () => subscribe(Updates, News, { capacity: 0, overflow: "end" }),
        "PubSub.subscribe: `capacity` must be a whole number from 1 up, but is 0"
      ],
      [
        () => subscribe(Updates, News, { capacity: 1 }),
        "PubSub.subscribe: with a `capacity`, `overflow` must be one of dropNewest, dropOldest, end, but is undefined"
      ],
      [() => subscribe(Updates, News, { size: 1 }), "PubSub.subscribe: there is no option `size`"],
      [() => subscribe(Updates, News, null), "PubSub.subscribe: the options must be an object, but are null"],
      [() => subscription(Updates, News, null), "PubSub.subscription: the options must be an object, but are null"],
      [
        () => broadcast(Updates, "news", "ping"),
        'PubSub.broadcast: a topic is made by PubSub.topic(name, schema), but given was "news"'
      ],
      [
        () => broadcast(Updates, News, "ping", { dispatcher: tell }),
        "PubSub.broadcast: `dispatcher` must be the name of one, but is function tell"
      ],
      [
        () => self(Updates, Listener.self, News, "Heard"),
        'PubSub.subscribeSelf: `as` must be a function, but is "Heard"'
      ],
      [
        () => service("@app/Other", { dispatchers: { fast: 1 } }),
        "Other: `dispatchers.fast` must be a function, but is 1"
      ],
      [() => service("@app/Other", { adapter: 1 }), "Other: there is no option `adapter`"],
      [() => layer({ adapter: {} }), "Scuti.PubSub.layer: `adapter` must be { nodeName, start }, but is {}"],
      [
        () => layer({ adapter: { start: () => 1 } }),
        "Scuti.PubSub.layer: `adapter.nodeName` must be a string that is not empty, but is undefined"
      ],
      [() => layer({ pool: 2 }), "Scuti.PubSub.layer: there is no option `pool`"]
    ]
    for (const [make, why] of told) assert.strictEqual(complaint(make), `TypeError: ${why}`)
  })

  const pools = (given: PubSub.Options<never, never>) =>
    Effect.gen(function* () {
      let told: PubSub.Node | undefined
      const adapter: PubSub.Adapter = {
        nodeName: "here",
        start: (node) => {
          told = node
          return Effect.succeed({ broadcast: () => Effect.void, directBroadcast: () => Effect.void })
        }
      }
      yield* Layer.build(Updates.layer({ ...given, adapter }))
      return [told?.pubsub, told?.poolSize, told?.broadcastPoolSize]
    })

  it.scoped("the pool's size is the adapter's, 1 by default; the table has none (PS-1)", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* pools({}), ["Scuti.PubSub", 1, 1])
      assert.deepStrictEqual(yield* pools({ poolSize: 4 }), ["Scuti.PubSub", 4, 4])
    })
  )

  it.scoped("the pool for sending can be configured separately (PS-12)", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* pools({ poolSize: 4, broadcastPoolSize: 2 }), ["Scuti.PubSub", 4, 2])
    })
  )

  it.scoped("the table comes first, then the adapter, under a supervisor of their own (PS-1)", () =>
    Effect.gen(function* () {
      const layer = Updates.layer({ adapter: new Network().adapter("here") })
      class App extends Supervisor.Service<App>()("@app/App") {}
      const context: Context.Context<App | Updates> = yield* Layer.build(App.layer({ children: [layer] }))
      const processes = (yield* Process.list).filter(({ path }) => path[0] === "App")
      assert.deepStrictEqual(
        processes.map(({ kind, name, path }) => `${kind} ${name}: ${path.join("/")}`),
        [
          "Supervisor App: App",
          "Layer Scuti.PubSub: App/Scuti.PubSub",
          "Supervisor Scuti.PubSub.Supervisor: App/Scuti.PubSub",
          "PubSub Scuti.PubSub: App/Scuti.PubSub/Registry",
          "Layer Adapter: App/Scuti.PubSub/Adapter"
        ]
      )
      assert.strictEqual(
        yield* Effect.provide(Supervisor.tree(App), context),
        ["App", "└─ Scuti.PubSub (Supervisor)", "   ├─ Registry (PubSub)", "   └─ Adapter (Layer)"].join("\n")
      )
    })
  )

  it.scoped("two of one name under one root are refused (PS-1)", () =>
    Effect.gen(function* () {
      const twice = Supervisor.layer({
        children: [Updates.layer, Supervisor.child(Updates.layer({ poolSize: 2 }), { id: "another" })]
      })
      const exit = yield* Effect.exit(Layer.build(twice))
      const why = Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "it has started"
      assert.include(why, "AlreadyStarted: Scuti.PubSub")
    })
  )

  it.scoped("it is found by its name under the same root (PS-1)", () =>
    Effect.gen(function* () {
      class Reader extends PubSub.Service<Reader>()("@app/Later") {}
      const found: Array<string> = []
      const asking = Layer.scopedDiscard(
        Effect.flatMap(told(PubSub.broadcast(Reader, News, "ping")), (now) => Effect.sync(() => found.push(now)))
      )
      yield* Layer.build(
        Supervisor.layer({
          children: [
            Supervisor.child(Layer.provide(asking, Reader.byName), { id: "before" }),
            Reader.layer,
            Supervisor.child(Layer.provide(asking, Reader.byName), { id: "after" })
          ]
        })
      )
      assert.deepStrictEqual(found, ["ServerDown: no process", "undefined"])
    })
  )
})
