/**
 * What a PubSub does between nodes: Phoenix's distributed tests, over an adapter within this process.
 */
import { assert, describe, it } from "@effect/vitest"
import { PubSub, Supervisor } from "@effect-otp/core"
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as HashSet from "effect/HashSet"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { calls, heard, inside, join, Listener, News, Updates, waiting } from "./fixtures/Listener.ts"
import { logging, makeLog } from "./fixtures/logging.ts"
import { Network } from "./fixtures/network.ts"
import { quiet } from "./fixtures/observing.ts"

type Pool = Pick<PubSub.Options<never, never>, "poolSize" | "broadcastPoolSize">
type Node = Context.Context<Updates>

const open = (network: Network, name: string, pool: Pool = {}): Effect.Effect<Node, never, Scope.Scope> =>
  Layer.build(Updates.layer({ adapter: network.adapter(name), ...pool }))

const at =
  (node: Node) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Updates>> =>
    Effect.provide(effect, node)

const subscription = (node: Node) => at(node)(PubSub.subscription(Updates, News))

/** Two nodes, and a third that listens, too. */
const three = (pool: Pool = {}) =>
  Effect.gen(function* () {
    const network = new Network()
    const [a, b, c] = [
      yield* open(network, "a", pool),
      yield* open(network, "b", pool),
      yield* open(network, "c", pool)
    ] as const
    const queues = [yield* subscription(a), yield* subscription(b), yield* subscription(c)]
    const all = Effect.zipRight(quiet, Effect.forEach(queues, waiting))
    return { network, a: at(a), b: at(b), c: at(c), queues, all }
  })

for (const poolSize of [1, 8]) {
  describe(`nodes with a pool of ${poolSize}`, () => {
    it.scoped("broadcast targets all nodes (PS-4)", () =>
      Effect.gen(function* () {
        const { a, all } = yield* three({ poolSize })
        yield* a(PubSub.broadcast(Updates, News, "ping"))
        assert.deepStrictEqual(yield* all, [["ping"], ["ping"], ["ping"]])
      })
    )

    it.scoped("broadcast_from leaves out one subscriber of this node, and none of another (PS-5)", () =>
      Effect.gen(function* () {
        const { a, all, queues } = yield* three({ poolSize })
        yield* a(PubSub.broadcastFrom(Updates, queues[0] as PubSub.Subscription<string>, News, "ping"))
        assert.deepStrictEqual(yield* all, [[], ["ping"], ["ping"]])
      })
    )

    it.scoped("local_broadcast targets the current node (PS-6)", () =>
      Effect.gen(function* () {
        const { a, all, queues } = yield* three({ poolSize })
        yield* a(PubSub.localBroadcast(Updates, News, "ping"))
        yield* a(PubSub.localBroadcastFrom(Updates, queues[0] as PubSub.Subscription<string>, News, "pong"))
        assert.deepStrictEqual(yield* all, [["ping"], [], []])
      })
    )

    it.scoped("direct_broadcast targets a specific node (PS-7)", () =>
      Effect.gen(function* () {
        const { a, all } = yield* three({ poolSize })
        yield* a(PubSub.directBroadcast(Updates, "b", News, "to b"))
        yield* a(PubSub.directBroadcast(Updates, "a", News, "to a"))
        yield* a(PubSub.directBroadcast(Updates, "nobody", News, "to nobody"))
        assert.deepStrictEqual(yield* all, [["to a"], ["to b"], []])
      })
    )

    it.scoped("a server on another node gets it as a message of its own (PS-4)", () =>
      Effect.gen(function* () {
        const { a, b } = yield* three({ poolSize })
        const pid = yield* b(Listener.start(join(News)))
        yield* a(PubSub.broadcast(Updates, News, "ping"))
        yield* quiet
        assert.deepStrictEqual(yield* heard(pid), ["ping"])
      })
    )

    it.scoped("what one sender sends arrives in its order, whoever else sends (PS-9)", () =>
      Effect.gen(function* () {
        const { a, all, b, network } = yield* three({ poolSize })
        const many = (who: string) =>
          Effect.forEach(
            Array.from({ length: 50 }, (_, n) => `${who}${n}`),
            (text) => Effect.zipRight(PubSub.broadcast(Updates, News, text), Effect.yieldNow()),
            { discard: true }
          )
        const senders = ["p", "q", "r", "s"]
        const expected = Array.from({ length: 50 }, (_, n) => n)
        yield* Effect.all([...senders.map((who) => a(many(who))), b(many("t"))], {
          concurrency: "unbounded",
          discard: true
        })
        for (const texts of yield* all) {
          assert.strictEqual(texts.length, 250)
          for (const who of [...senders, "t"]) {
            const own = texts.filter((text) => text.startsWith(who)).map((text) => Number(text.slice(1)))
            assert.deepStrictEqual(own, expected)
          }
        }
        assert.strictEqual(network.usedLanes.size > 1, poolSize > 1)
      })
    )

    it.scoped("a server keeps its lane also when it gets another fiber (PS-9)", () =>
      Effect.gen(function* () {
        const { a, network } = yield* three({ poolSize })
        const pid = yield* a(Listener.start())
        const fibers = new Set<number>()
        for (let n = 0; n < 5; n++) {
          const note = Effect.map(Effect.fiberId, (id) => FiberId.ids(id).pipe(HashSet.forEach((id) => fibers.add(id))))
          yield* inside(pid, Effect.zipRight(note, PubSub.broadcast(Updates, News, String(n))))
          // Long enough to let go of its fiber.
          yield* TestClock.adjust("2 seconds")
          yield* quiet
        }
        assert.strictEqual(fibers.size, 5)
        assert.strictEqual(network.usedLanes.size, 1)
      })
    )

    it.scoped("with custom dispatching, on each node, and from none on others (PS-10)", () =>
      Effect.gen(function* () {
        const { a, b, queues } = yield* three({ poolSize })
        const pid = yield* b(Listener.start(Effect.zipRight(join(News, "one"), join(News, "two"))))
        calls.length = 0
        const from = queues[0] as PubSub.Subscription<string>
        yield* a(PubSub.broadcastFrom(Updates, from, News, "1", { dispatcher: "noting" }))
        yield* quiet
        yield* a(PubSub.directBroadcast(Updates, "b", News, "2", { dispatcher: "tell" }))
        yield* quiet
        assert.deepStrictEqual([...calls].sort(), ["1 None 1", "1 Some 1", "3 None 1"])
        assert.deepStrictEqual(yield* heard(pid), ["1", "1", "None one: 2", "None two: 2"])
      })
    )
  })
}

describe("pools of different sizes (PS-12)", () => {
  it.scoped("broadcast is received by another node that has pool_size > broadcast_pool_size", () =>
    Effect.gen(function* () {
      const network = new Network()
      const old = yield* open(network, "old", { poolSize: 1 })
      const next = yield* open(network, "next", { poolSize: 4, broadcastPoolSize: 1 })
      const queue = yield* subscription(next)
      yield* at(old)(PubSub.broadcast(Updates, News, "ping"))
      yield* quiet
      assert.deepStrictEqual(yield* waiting(queue), ["ping"])
    })
  )

  it.scoped("broadcast is received by another node from one that has broadcast_pool_size < pool_size", () =>
    Effect.gen(function* () {
      const network = new Network()
      const old = yield* open(network, "old", { poolSize: 1 })
      const next = yield* open(network, "next", { poolSize: 4, broadcastPoolSize: 1 })
      const queue = yield* subscription(old)
      const senders = Array.from({ length: 8 }, (_, n) => PubSub.broadcast(Updates, News, String(n)))
      yield* at(next)(Effect.all(senders, { concurrency: "unbounded" }))
      yield* quiet
      assert.strictEqual((yield* waiting(queue)).length, 8)
      assert.strictEqual(network.lost, 0)
    })
  )

  it.scoped("without the step in between, lanes that nobody listens on lose messages", () =>
    Effect.gen(function* () {
      const network = new Network()
      const old = yield* open(network, "old", { poolSize: 1 })
      const next = yield* open(network, "next", { poolSize: 4 })
      const queue = yield* subscription(old)
      const senders = Array.from({ length: 8 }, (_, n) => PubSub.broadcast(Updates, News, String(n)))
      yield* at(next)(Effect.all(senders, { concurrency: "unbounded" }))
      yield* quiet
      assert.strictEqual((yield* waiting(queue)).length + network.lost, 8)
      assert.isAbove(network.lost, 0)
    })
  )
})

describe("what goes to other nodes", () => {
  const Dated = PubSub.topic("dated", Schema.Date)

  it.scoped("is encoded by the topic's schema, and decoded there; here it is what it was (PS-4)", () =>
    Effect.gen(function* () {
      const network = new Network()
      const a = yield* open(network, "a")
      const b = yield* open(network, "b")
      const here = yield* at(a)(PubSub.subscription(Updates, Dated))
      const there = yield* at(b)(PubSub.subscription(Updates, Dated))
      const date = new Date(1_000)
      yield* at(a)(PubSub.broadcast(Updates, Dated, date))
      yield* quiet
      assert.strictEqual((yield* waiting(here))[0], date)
      const [copy] = yield* waiting(there)
      assert.deepStrictEqual(copy, date)
      assert.notStrictEqual(copy, date)
    })
  )

  it.scoped("what cannot be encoded fails, and nobody here gets it either (PS-4)", () =>
    Effect.gen(function* () {
      const network = new Network()
      const a = yield* open(network, "a")
      const queue = yield* at(a)(PubSub.subscription(Updates, Dated))
      const error = yield* Effect.flip(at(a)(PubSub.broadcast(Updates, Dated, new Date(Number.NaN))))
      assert.strictEqual(error._tag, "BroadcastError")
      assert.strictEqual(
        error.message,
        "Scuti.PubSub could not send a message of the topic dated to the other nodes: Expected a valid Date, actual Invalid Date"
      )
      assert.deepStrictEqual(yield* waiting(queue), [])
    })
  )

  it.scoped(
    "what does not fit is said by where it does not: here to the broadcaster, there to the log (PS-4, PS-11)",
    () => {
      const log = makeLog()
      const Moved = PubSub.topic("moved", Schema.Struct({ to: Schema.Array(Schema.Struct({ x: Schema.Int })) }))
      return Effect.gen(function* () {
        const network = new Network()
        const a = yield* open(network, "a").pipe(logging(log))
        yield* at(a)(PubSub.subscription(Updates, Moved))
        const error = yield* Effect.flip(at(a)(PubSub.broadcast(Updates, Moved, { to: [{ x: 1 }, { x: 0.5 }] })))
        assert.strictEqual(
          error.message,
          "Scuti.PubSub could not send a message of the topic moved to the other nodes: at to.1.x: Expected an integer, actual 0.5"
        )
        network.inject("a", { topic: "moved", message: { to: [{}] } })
        yield* quiet
        assert.deepStrictEqual(
          log.lines.map(({ message }) => message),
          [
            "PubSub Scuti.PubSub has dropped a message of the topic moved, which another node has sent and cannot be read: at to.0.x: is missing"
          ]
        )
      })
    }
  )

  it.scoped("if the adapter fails, its error is given and nobody here gets it (PS-4)", () =>
    Effect.gen(function* () {
      const { a, all, network } = yield* three()
      network.fault = new Error("no route")
      const error = yield* Effect.flip(a(PubSub.broadcast(Updates, News, "ping")))
      assert.strictEqual(
        error.message,
        "Scuti.PubSub could not send a message of the topic news to the other nodes: Error: no route"
      )
      const direct = yield* Effect.flip(a(PubSub.directBroadcast(Updates, "b", News, "ping")))
      assert.strictEqual(
        direct.message,
        "Scuti.PubSub could not send a message of the topic news to the node b: Error: no route"
      )
      // This node alone does not ask the adapter.
      yield* a(PubSub.localBroadcast(Updates, News, "pong"))
      assert.deepStrictEqual(yield* all, [["pong"], [], []])
    })
  )

  it.scoped("a `from` that is nobody is a defect, and nothing goes out (PS-5)", () =>
    Effect.gen(function* () {
      const { a, all } = yield* three()
      const from = "me" as unknown as PubSub.Subscriber
      const exit = yield* Effect.exit(a(PubSub.broadcastFrom(Updates, from, News, "ping")))
      assert.deepStrictEqual(
        exit,
        Exit.die(new TypeError('PubSub.broadcastFrom: `from` must be a subscription or a server\'s ref, but is "me"'))
      )
      assert.deepStrictEqual(yield* all, [[], [], []])
    })
  )

  it.scoped("a dispatcher that does not exist is a defect, and nothing goes out (PS-10)", () =>
    Effect.gen(function* () {
      const { a, all } = yield* three()
      const dispatcher = "nothing of the kind" as "tell"
      for (const effect of [
        PubSub.broadcast(Updates, News, "ping", { dispatcher }),
        PubSub.directBroadcast(Updates, "b", News, "ping", { dispatcher }),
        PubSub.localBroadcast(Updates, News, "ping", { dispatcher })
      ]) {
        const exit = yield* Effect.exit(a(effect))
        assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "Scuti.PubSub: there is no dispatcher")
      }
      assert.deepStrictEqual(yield* all, [[], [], []])
    })
  )
})

describe("what comes from other nodes", () => {
  it.scoped("and does not fit the topic's schema is dropped, counted and logged, and harms nobody (PS-11)", () => {
    const log = makeLog()
    return Effect.gen(function* () {
      const network = new Network()
      const a = yield* open(network, "a").pipe(logging(log))
      const queue = yield* subscription(a)
      network.inject("a", { topic: "news", message: 42 })
      network.inject("a", { topic: "news", message: "ping" })
      network.inject("a", { topic: "nobody is interested", message: 42 })
      yield* quiet
      assert.deepStrictEqual(yield* waiting(queue), ["ping"])
      assert.strictEqual((yield* at(a)(PubSub.counts(Updates))).misfits, 1)
      assert.strictEqual(network.starts, 1)
      assert.deepStrictEqual(
        log.lines.map(({ level, message }) => `${level} ${message}`),
        [
          "WARN PubSub Scuti.PubSub has dropped a message of the topic news, which another node has sent and cannot be read: Expected string, actual 42"
        ]
      )
    })
  })

  it.scoped("and is for a dispatcher that is not known here, too (PS-10)", () => {
    const log = makeLog()
    return Effect.gen(function* () {
      const network = new Network()
      const a = yield* open(network, "a").pipe(logging(log))
      const queue = yield* subscription(a)
      network.inject("a", { topic: "news", message: "ping", dispatcher: "newer" })
      yield* quiet
      assert.deepStrictEqual(yield* waiting(queue), [])
      assert.deepStrictEqual(
        log.lines.map(({ message }) => message),
        [
          'PubSub Scuti.PubSub has dropped a message of the topic news, which another node has sent for the dispatcher "newer", which is not known here'
        ]
      )
    })
  })

  it.scoped("and makes a dispatcher fail is the adapter's defect, which is started again (PS-10, PS-11)", () =>
    Effect.gen(function* () {
      const network = new Network()
      const a = yield* open(network, "a")
      const queue = yield* subscription(a)
      network.inject("a", { topic: "news", message: "ping", dispatcher: "broken" })
      yield* quiet
      assert.strictEqual(network.starts, 2)
      network.inject("a", { topic: "news", message: "pong" })
      yield* quiet
      assert.deepStrictEqual(yield* waiting(queue), ["pong"])
    }).pipe(logging(makeLog()))
  )

  it.scoped("and makes a schema throw is dropped, too: neither the adapter nor anybody else ends of it (PS-11)", () =>
    Effect.gen(function* () {
      const network = new Network()
      const a = yield* open(network, "a")
      const broken = Schema.String.pipe(
        Schema.filter(() => {
          throw new Error("no filter at all")
        })
      )
      const first = yield* at(a)(PubSub.subscription(Updates, PubSub.topic("news", broken)))
      const last = yield* subscription(a)
      network.inject("a", { topic: "news", message: "ping" })
      yield* quiet
      yield* at(a)(PubSub.localBroadcast(Updates, News, "pong"))
      assert.deepStrictEqual(yield* waiting(first), [])
      assert.deepStrictEqual(yield* waiting(last), ["ping", "pong"])
      assert.strictEqual(network.starts, 1)
      assert.strictEqual((yield* at(a)(PubSub.counts(Updates))).misfits, 2)
    }).pipe(logging(makeLog()))
  )

  it.scoped("is read by each subscriber's own schema, where they differ", () =>
    Effect.gen(function* () {
      const network = new Network()
      const a = yield* open(network, "a")
      const text = yield* subscription(a)
      const number = yield* at(a)(PubSub.subscription(Updates, PubSub.topic("news", Schema.NumberFromString)))
      network.inject("a", { topic: "news", message: "42" })
      network.inject("a", { topic: "news", message: "ping" })
      yield* quiet
      assert.deepStrictEqual(yield* waiting(text), ["42", "ping"])
      assert.deepStrictEqual(yield* waiting(number), [42])
    })
  )
})

describe("an adapter", () => {
  class Unreachable extends Data.TaggedError("Unreachable") {}

  it.scoped("that cannot start is the layer's error, and nothing is left (PS-1)", () =>
    Effect.gen(function* () {
      const layer = Updates.layer({ adapter: { nodeName: "a", start: () => new Unreachable() } })
      const exit = yield* Effect.exit(Layer.build(layer))
      assert.deepStrictEqual(exit, Exit.fail(new Unreachable()))
    })
  )

  it.scoped("that crashes is started again, and no subscription is lost (PS-1, PS-11)", () =>
    Effect.gen(function* () {
      const { a, all, b, network } = yield* three()
      network.crash("a")
      yield* quiet
      assert.strictEqual(network.starts, 4)
      yield* b(PubSub.broadcast(Updates, News, "from b"))
      yield* a(PubSub.broadcast(Updates, News, "from a"))
      assert.deepStrictEqual(yield* all, [
        ["from a", "from b"],
        ["from b", "from a"],
        ["from b", "from a"]
      ])
    })
  )

  it.scoped("that is being started again: broadcast fails, this node alone goes on (PS-4, PS-6)", () =>
    Effect.gen(function* () {
      let starts = 0
      const adapter: PubSub.Adapter = {
        nodeName: "a",
        start: () =>
          Effect.gen(function* () {
            if (++starts > 1) yield* Effect.never
            yield* Effect.forkScoped(Effect.zipRight(quiet, Effect.dieMessage("unplugged")))
            return { broadcast: () => Effect.void, directBroadcast: () => Effect.void }
          })
      }
      const a = yield* Layer.build(Updates.layer({ adapter }))
      const queue = yield* subscription(a)
      yield* at(a)(PubSub.broadcast(Updates, News, "before"))
      yield* Effect.repeatN(quiet, 3)
      const error = yield* Effect.flip(at(a)(PubSub.broadcast(Updates, News, "meanwhile")))
      assert.strictEqual(
        error.message,
        "Scuti.PubSub could not send a message of the topic news to the other nodes: Error: its adapter is not connected; its supervisor is starting it again"
      )
      yield* at(a)(PubSub.localBroadcast(Updates, News, "here"))
      assert.deepStrictEqual(yield* waiting(queue), ["before", "here"])
    })
  )

  it.scoped("may require something and may be made by an effect", () =>
    Effect.gen(function* () {
      const network = new Network()
      const layer = Layer.unwrapEffect(
        Effect.map(Effect.succeed("computed"), (name) => Updates.layer({ adapter: network.adapter(name) }))
      )
      const a = yield* Layer.build(Supervisor.layer({ children: [layer] }))
      assert.strictEqual(yield* at(a)(PubSub.nodeName(Updates)), "computed")
    })
  )

  it.scoped("whose start gives no way out is refused", () =>
    Effect.gen(function* () {
      const adapter = { nodeName: "a", start: () => Effect.succeed({}) } as unknown as PubSub.Adapter
      const exit = yield* Effect.exit(Layer.build(Updates.layer({ adapter })))
      assert.include(
        Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "",
        "Scuti.PubSub: its adapter's `start` must give { broadcast, directBroadcast }, but has given {}"
      )
    })
  )

  it.scoped("a Stream of another node's messages is a Stream like any other", () =>
    Effect.gen(function* () {
      const network = new Network()
      const a = yield* open(network, "a")
      const b = yield* open(network, "b")
      const reader = yield* Effect.fork(at(b)(Stream.runCollect(Stream.take(PubSub.subscribe(Updates, News), 2))))
      yield* quiet
      yield* at(a)(Effect.zipRight(PubSub.broadcast(Updates, News, "1"), PubSub.broadcast(Updates, News, "2")))
      assert.deepStrictEqual(Array.from(yield* reader), ["1", "2"])
    })
  )
})
