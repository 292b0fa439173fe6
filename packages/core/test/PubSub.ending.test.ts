/**
 * The ends of subscribers and of the PubSub itself: what is left, who is told, and what goes on.
 */
import { assert, describe, it } from "@effect/vitest"
import { Application, CallError, ExitReason, GenServer, Process, PubSub, Supervisor } from "@effect-otp/core"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import {
  type Heard,
  heard,
  inside,
  join,
  Listener,
  News,
  Offered,
  Room,
  Sports,
  Trapper,
  trapped,
  Updates,
  waiting
} from "./fixtures/Listener.ts"
import { logging, makeLog } from "./fixtures/logging.ts"
import { quiet, told } from "./fixtures/observing.ts"
import { Random, RandomScheduler } from "./property/scheduler.ts"

const build = Layer.build(Updates.layer)

const run = <A, E, R>(test: Effect.Effect<A, E, R>) => Effect.flatMap(build, (node) => Effect.provide(test, node))

class Inner extends Supervisor.Service<Inner>()("@app/Inner") {}

class All extends GenServer.Call<All>()("All", { success: Schema.Array(Schema.String) }) {}

interface Kept {
  readonly gate: Deferred.Deferred<void>
  readonly texts: ReadonlyArray<string>
}

/** Keeps its mail for its next life, and ends when the gate is open. */
class Keeper extends GenServer.Service<Keeper>()("@app/Keeper", {
  state: Schema.declare((u): u is Kept => typeof u === "object" && u !== null && "gate" in u),
  messages: [Offered, All]
}) {
  static readonly layer = this.toLayer(
    (gate: Deferred.Deferred<void>) =>
      Effect.as(
        PubSub.subscribeSelf(Updates, Keeper.self, News, (text) => new Offered({ text })),
        { gate, texts: [] }
      ),
    {
      trapExit: true,
      mailbox: { onRestart: "keep" },
      terminate: (_, { gate }) => Deferred.await(gate),
      handleCall: { All: (_, kept) => GenServer.reply(kept.texts, kept) },
      handleCast: { Offered: ({ text }, kept) => GenServer.noReply({ ...kept, texts: [...kept.texts, text] }) }
    }
  )
}

const ping = told(PubSub.broadcast(Updates, News, "ping"))

const subscribed = Effect.map(PubSub.counts(Updates), ({ subscriptions, topics }) => [topics, subscriptions])

describe("a subscriber that ends", () => {
  it.scoped("leaves nothing, whatever it ends for (PS-2, REG-18)", () =>
    run(
      Effect.gen(function* () {
        for (const reason of [ExitReason.shutdown(), ExitReason.killed, ExitReason.crash(new Error("boom"))]) {
          const pid = yield* Listener.start(Effect.all([join(News), join(News), join(Sports), join(Room("1"))]))
          assert.deepStrictEqual(yield* subscribed, [3, 4])
          yield* Process.exit(pid, reason)
          yield* quiet
          assert.deepStrictEqual(yield* subscribed, [0, 0])
        }
        const pid = yield* Listener.start(join(News))
        yield* GenServer.stop(pid)
        assert.deepStrictEqual(yield* subscribed, [0, 0])
      })
    )
  )

  it.scoped("in its init leaves nothing either (REG-18)", () =>
    run(
      Effect.gen(function* () {
        yield* Effect.exit(Listener.start(Effect.zipRight(join(News), Effect.dieMessage("no"))))
        assert.deepStrictEqual(yield* subscribed, [0, 0])
      })
    )
  )

  it.scoped("a server that is started again subscribes again, and once (PS-2)", () =>
    run(
      Effect.gen(function* () {
        const listener = Supervisor.layer({ children: [Listener.layer(join(News))] })
        const context = yield* Layer.build(listener)
        const pid = Effect.provide(Listener, context)
        yield* Process.exit(pid, ExitReason.killed)
        yield* quiet
        yield* ping
        assert.deepStrictEqual(yield* heard(pid), ["ping"])
        assert.deepStrictEqual(yield* subscribed, [1, 1])
      })
    )
  )

  it.scoped(
    "and is slow to do so gets nothing any more that the next one gets in its seat, which has it once (PS-8)",
    () =>
      run(
        Effect.gen(function* () {
          const gate = yield* Deferred.make<void>()
          const context = yield* Layer.build(
            Supervisor.layer({ children: [Inner.layer({ children: [Keeper.layer(gate)] })] })
          )
          const keeper = Context.get(context, Keeper)
          yield* Process.exit(Context.get(context, Inner), ExitReason.killed)
          yield* quiet
          // Both are there.
          assert.deepStrictEqual(yield* subscribed, [1, 2])
          yield* ping
          yield* Deferred.succeed(gate, undefined)
          yield* quiet
          assert.deepStrictEqual(yield* subscribed, [1, 1])
          assert.deepStrictEqual(yield* GenServer.call(keeper, new All()), ["ping"])
        })
      )
  )

  it.scoped("a Stream whose fiber is interrupted unsubscribes (PS-2, REG-18)", () =>
    run(
      Effect.gen(function* () {
        const reader = yield* Effect.fork(Stream.runDrain(PubSub.subscribe(Updates, News)))
        yield* quiet
        assert.deepStrictEqual(yield* subscribed, [1, 1])
        yield* Fiber.interrupt(reader)
        assert.deepStrictEqual(yield* subscribed, [0, 0])
      })
    )
  )

  it.scoped("a subscription ends with its scope (PS-2, REG-18)", () =>
    run(
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const queue = yield* Scope.extend(PubSub.subscription(Updates, News), scope)
        yield* Scope.close(scope, Exit.void)
        yield* ping
        assert.deepStrictEqual(yield* subscribed, [0, 0])
        assert.deepStrictEqual(yield* waiting(queue), [])
      })
    )
  )

  it.scoped(
    "100,000 subscriptions that were ended leave nothing, in the table and in their scope (REG-18)",
    () =>
      run(
        Effect.gen(function* () {
          const scope = yield* Scope.make()
          const pid = yield* Listener.start()
          for (let n = 0; n < 50_000; n++) {
            const queue = yield* Scope.extend(PubSub.subscription(Updates, Room(String(n))), scope)
            yield* queue.unsubscribe
          }
          yield* inside(
            pid,
            Effect.forEach(
              Array.from({ length: 50_000 }, (_, n) => Room(String(n))),
              (room) => Effect.zipRight(join(room), PubSub.unsubscribe(Updates, Listener.self, room)),
              { discard: true }
            )
          )
          assert.deepStrictEqual(yield* subscribed, [0, 0])
          // Effect keeps the finalizers of a scope in its state.
          const { state } = scope as unknown as { readonly state: { readonly finalizers: Map<unknown, unknown> } }
          assert.strictEqual(state.finalizers.size, 0)
        })
      ),
    30_000
  )

  it.scoped(
    "subscribing that is interrupted, at whatever step, and in a scope that is closed, leaves nothing (REG-18)",
    () =>
      run(
        Effect.gen(function* () {
          const runtime = yield* Effect.runtime<Updates>()
          const closed = Effect.tap(Scope.make(), (scope) => Scope.close(scope, Exit.void))
          for (let seed = 1; seed <= 200; seed++) {
            for (const make of [Scope.make(), closed]) {
              const scope = yield* make
              const random = new Random(seed)
              const scheduler = new RandomScheduler(random, 0.1)
              const subscribing = Scope.extend(PubSub.subscription(Updates, News), scope)
              const fiber = Runtime.runFork(runtime)(subscribing, { scheduler })
              for (let steps = random.below(8); steps > 0 && !scheduler.isQuiet; steps--) scheduler.step()
              fiber.unsafeInterruptAsFork(FiberId.none)
              while (!scheduler.isQuiet) scheduler.step()
              assert.isNotNull(fiber.unsafePoll())
              yield* Scope.close(scope, Exit.void)
              assert.deepStrictEqual(yield* subscribed, [0, 0], `seed ${seed}`)
            }
          }
        })
      )
  )

  it.scoped("a server of 10,000 topics ends in one step (REG-18)", () =>
    run(
      Effect.gen(function* () {
        const rooms = Array.from({ length: 10_000 }, (_, n) => Room(String(n)))
        const pid = yield* Listener.start(Effect.forEach(rooms, (room) => join(room), { discard: true }))
        assert.deepStrictEqual(yield* subscribed, [10_000, 10_000])
        yield* Process.exit(pid, ExitReason.killed)
        assert.deepStrictEqual(yield* subscribed, [0, 0])
      })
    )
  )
})

describe("a subscriber that is slow or fails", () => {
  const broadcastAll = (count: number) =>
    Effect.forEach(
      Array.from({ length: count }, (_, n) => String(n + 1)),
      (text) => PubSub.broadcast(Updates, News, text),
      { discard: true }
    )

  it.scoped("holds up nobody: its queue takes everything (PS-8)", () =>
    run(
      Effect.gen(function* () {
        const slow = yield* PubSub.subscription(Updates, News)
        const quick = yield* PubSub.subscription(Updates, News)
        yield* broadcastAll(5)
        assert.deepStrictEqual(yield* waiting(quick), ["1", "2", "3", "4", "5"])
        assert.deepStrictEqual(yield* slow.messages.size, Option.some(5))
        assert.strictEqual(yield* slow.dropped, 0)
      })
    )
  )

  it.scoped("may have the newest dropped", () =>
    run(
      Effect.gen(function* () {
        const queue = yield* PubSub.subscription(Updates, News, { capacity: 2, overflow: "dropNewest" })
        yield* broadcastAll(5)
        assert.deepStrictEqual(yield* waiting(queue), ["1", "2"])
        assert.strictEqual(yield* queue.dropped, 3)
        yield* broadcastAll(1)
        assert.deepStrictEqual(yield* waiting(queue), ["1"])
        assert.strictEqual((yield* PubSub.counts(Updates)).dropped, 3)
      })
    )
  )

  it.scoped("may have the oldest dropped", () =>
    run(
      Effect.gen(function* () {
        const queue = yield* PubSub.subscription(Updates, News, { capacity: 2, overflow: "dropOldest" })
        yield* broadcastAll(5)
        assert.deepStrictEqual(yield* waiting(queue), ["4", "5"])
        assert.strictEqual(yield* queue.dropped, 3)
      })
    )
  )

  it.scoped("may have its subscription ended: what waited still comes, then SubscriberFull", () =>
    run(
      Effect.gen(function* () {
        const queue = yield* PubSub.subscription(Updates, News, { capacity: 2, overflow: "end" })
        yield* broadcastAll(5)
        assert.deepStrictEqual(yield* subscribed, [0, 0])
        assert.strictEqual(yield* queue.dropped, 1)
        const texts: Array<string> = []
        const error = yield* Effect.flip(Stream.runForEach(queue.stream, (text) => Effect.sync(() => texts.push(text))))
        assert.deepStrictEqual(texts, ["1", "2"])
        assert.strictEqual(
          `${error._tag}: ${error.message}`,
          "SubscriberFull: the subscription to the topic news of Scuti.PubSub has ended: 2 messages waited, which is all that its queue holds, and another one came"
        )
      })
    )
  )

  it.scoped("a full queue is no matter of those that come after it", () =>
    run(
      Effect.gen(function* () {
        yield* PubSub.subscription(Updates, News, { capacity: 1, overflow: "end" })
        yield* PubSub.subscription(Updates, News, { capacity: 1, overflow: "dropNewest" })
        const last = yield* PubSub.subscription(Updates, News)
        yield* broadcastAll(3)
        assert.deepStrictEqual(yield* waiting(last), ["1", "2", "3"])
      })
    )
  )

  it.scoped("a server that is busy holds up nobody: Infos always get in, Casts as its mailbox says (PS-8)", () =>
    run(
      Effect.gen(function* () {
        const gate = yield* Deferred.make<void>()
        const offered = PubSub.subscribeSelf(Updates, Listener.self, Sports, (text) => new Offered({ text }))
        const pid = yield* Listener.start(Effect.all([join(News), offered]))
        const busy = yield* Effect.fork(inside(pid, Deferred.await(gate)))
        yield* quiet
        yield* broadcastAll(5)
        for (const text of ["a", "b", "c", "d", "e"]) yield* PubSub.broadcast(Updates, Sports, text)
        yield* Deferred.succeed(gate, undefined)
        yield* busy
        // Its mailbox holds three, and drops the oldest.
        assert.deepStrictEqual(yield* heard(pid), ["1", "2", "3", "4", "5", "c", "d", "e"])
      })
    )
  )

  it.scoped("casts to a mailbox under backpressure wait before it, and the broadcaster does not", () =>
    run(
      Effect.gen(function* () {
        class Count extends GenServer.Call<Count>()("Count", { success: Schema.Array(Schema.String) }) {}
        class Wait extends GenServer.Call<Wait>()("Wait", { payload: { what: Schema.Unknown } }) {}
        class Narrow extends GenServer.Service<Narrow>()("@app/Narrow", {
          state: Schema.Array(Schema.String),
          messages: [Offered, Count, Wait]
        }) {
          static readonly layer = this.toLayer(
            () =>
              Effect.as(
                PubSub.subscribeSelf(Updates, Narrow.self, News, (text) => new Offered({ text })),
                []
              ),
            {
              handleCall: {
                Count: (_, texts) => GenServer.reply(texts, texts),
                Wait: ({ what }, texts) => Effect.as(what as Effect.Effect<void>, GenServer.reply(undefined, texts))
              },
              handleCast: { Offered: ({ text }, texts) => GenServer.noReply([...texts, text]) },
              mailbox: { capacity: 1 }
            }
          )
        }
        const pid = yield* Narrow.start()
        const gate = yield* Deferred.make<void>()
        const busy = yield* Effect.fork(GenServer.call(pid, new Wait({ what: Deferred.await(gate) })))
        yield* quiet
        yield* broadcastAll(4)
        yield* Deferred.succeed(gate, undefined)
        yield* busy
        yield* quiet
        assert.deepStrictEqual(yield* GenServer.call(pid, new Count()), ["1", "2", "3", "4"])
      })
    )
  )

  it.scoped("one that cannot make anything of a message crashes, and nobody else hears of it", () => {
    const log = makeLog()
    return run(
      Effect.gen(function* () {
        const first = yield* Listener.start(
          PubSub.subscribeSelf(Updates, Listener.self, News, (): Heard => {
            throw new Error("cannot read that")
          })
        ).pipe(logging(log))
        const foreign = yield* Listener.start(
          // What JavaScript may do.
          PubSub.subscribeSelf(Updates, Listener.self, News, () => "no message" as unknown as Heard)
        ).pipe(logging(log))
        const last = yield* Listener.start(join(News))
        assert.strictEqual(yield* ping, "undefined")
        assert.deepStrictEqual(yield* heard(last), ["ping"])
        yield* quiet
        assert.strictEqual(yield* told(heard(first)), "ServerDown: no process")
        assert.strictEqual(yield* told(heard(foreign)), "ServerDown: no process")
        assert.deepStrictEqual(
          log.lines.map(({ cause, message }) => `${message}: ${cause}`),
          [
            "GenServer Listener crashed in its process: Error: cannot read that",
            'GenServer Listener crashed in its process: TypeError: Listener: "no message" is no cast or Info of its protocol'
          ]
        )
        assert.deepStrictEqual(yield* subscribed, [1, 1])
      })
    )
  })

  it.scoped("one that was killed, and whose callback goes on all the same, subscribes to nothing (REG-18)", () =>
    run(
      Effect.gen(function* () {
        const gate = yield* Deferred.make<void>()
        const pid = yield* Listener.start()
        const stubborn = Effect.uninterruptible(Effect.zipRight(Deferred.await(gate), join(News)))
        yield* Effect.fork(inside(pid, stubborn))
        yield* quiet
        yield* Process.exit(pid, ExitReason.killed)
        yield* Deferred.succeed(gate, undefined)
        yield* quiet
        assert.deepStrictEqual(yield* subscribed, [0, 0])
      })
    )
  )

  it.scoped("messages that do not fit the schema of a subscriber's own topic are not given to it", () => {
    const log = makeLog()
    return Effect.gen(function* () {
      const node = yield* Layer.build(Updates.layer).pipe(logging(log))
      yield* Effect.gen(function* () {
        const numbers = yield* PubSub.subscription(Updates, PubSub.topic("news", Schema.Number))
        const texts = yield* PubSub.subscription(Updates, News)
        yield* ping
        yield* PubSub.broadcast(Updates, PubSub.topic("news", Schema.Number), 42)
        assert.deepStrictEqual(yield* waiting(texts), ["ping"])
        assert.deepStrictEqual(yield* waiting(numbers), [42])
        assert.strictEqual((yield* PubSub.counts(Updates)).misfits, 2)
      }).pipe(Effect.provide(node))
      yield* quiet
      assert.deepStrictEqual(
        log.lines.map(({ message }) => message),
        [
          "PubSub Scuti.PubSub has dropped a message of the topic news, which does not fit the schema that a subscriber has for it"
        ]
      )
    })
  })

  it.scoped("a dispatcher that fails is a defect of the broadcaster; what it sends is checked (PS-10)", () =>
    run(
      Effect.gen(function* () {
        const queue = yield* PubSub.subscription(Updates, News)
        const broken = yield* Effect.exit(PubSub.broadcast(Updates, News, "ping", { dispatcher: "broken" }))
        assert.deepStrictEqual(broken, Exit.die(new Error("no dispatcher at all")))
        const wrong = yield* Effect.exit(PubSub.broadcast(Updates, News, "ping", { dispatcher: "wrong" }))
        assert.deepStrictEqual(
          wrong,
          Exit.die(
            new TypeError("a dispatcher has sent 42 to a subscriber of the topic news, whose schema it does not fit")
          )
        )
        yield* ping
        assert.deepStrictEqual(yield* waiting(queue), ["ping"])
      })
    )
  )
})

describe("the end of the PubSub", () => {
  class App extends Supervisor.Service<App>()("@app/App") {}
  const app = (options: { readonly backoff?: Schedule.Schedule<unknown> } = {}) =>
    Layer.build(App.layer({ children: [Updates.layer], ...options }))

  for (const [name, reason] of [
    ["killed", ExitReason.killed],
    ["shutdown", ExitReason.shutdown()],
    ["a crash", ExitReason.crash(new Error("boom"))]
  ] as const) {
    it.scoped(`by ${name} ends a Stream with ServerDown, after what has come before (REG-17)`, () =>
      Effect.gen(function* () {
        const node = yield* app()
        yield* Effect.gen(function* () {
          const queue = yield* PubSub.subscription(Updates, News)
          yield* ping
          yield* Process.exit(Updates, reason)
          yield* quiet
          const texts: Array<string> = []
          const end = yield* told(Stream.runForEach(queue.stream, (text) => Effect.sync(() => texts.push(text))))
          assert.deepStrictEqual(texts, ["ping"])
          assert.strictEqual(end, `ServerDown: ${ExitReason.format(reason)}`)
          // It is no subscriber of the next one.
          assert.deepStrictEqual(yield* subscribed, [0, 0])
          yield* queue.unsubscribe
        }).pipe(Effect.provide(node))
      }).pipe(logging(makeLog()))
    )
  }

  it.scoped("is told by one error to all subscriptions to a topic, which it names (REG-17)", () =>
    run(
      Effect.gen(function* () {
        const topics = [News, News, Sports]
        const subscriptions = yield* Effect.forEach(topics, (topic) => PubSub.subscription(Updates, topic))
        yield* Process.exit(Updates, ExitReason.killed)
        const errors = yield* Effect.forEach(subscriptions, ({ messages }) => Effect.flip(messages.take))
        const words = errors.map((error) => (error instanceof CallError.ServerDown ? error.request : error._tag))
        assert.deepStrictEqual(words, ["subscribe news", "subscribe news", "subscribe sports"])
        assert.isTrue(errors[0] === errors[1])
      })
    )
  )

  it.scoped("a Stream that is retried goes on with the next one (REG-17)", () =>
    Effect.gen(function* () {
      const node = yield* app()
      yield* Effect.gen(function* () {
        const texts: Array<string> = []
        const reader = yield* PubSub.subscribe(Updates, News).pipe(
          Stream.retry(Schedule.forever),
          Stream.runForEach((text) => Effect.sync(() => texts.push(text))),
          Effect.fork
        )
        yield* quiet
        yield* ping
        for (let n = 0; n < 3; n++) {
          yield* Process.exit(Updates, ExitReason.killed)
          yield* quiet
          yield* PubSub.broadcast(Updates, News, String(n))
        }
        yield* quiet
        assert.deepStrictEqual(texts, ["ping", "0", "1", "2"])
        yield* Fiber.interrupt(reader)
      }).pipe(Effect.provide(node))
    })
  )

  it.scoped("is an exit signal to subscribed servers, which their supervisor starts again (REG-17, PROC-3)", () =>
    Effect.gen(function* () {
      const node = yield* app()
      yield* Effect.gen(function* () {
        const context = yield* Layer.build(
          Supervisor.layer({ children: [Listener.layer(join(News))], intensity: { restarts: 10, within: "5 seconds" } })
        )
        const pid = Effect.provide(Listener, context)
        yield* ping
        assert.deepStrictEqual(yield* heard(pid), ["ping"])
        yield* Process.exit(Updates, ExitReason.killed)
        yield* quiet
        // A new life, and subscribed to the next one.
        assert.deepStrictEqual(yield* heard(pid), [])
        yield* ping
        assert.deepStrictEqual(yield* heard(pid), ["ping"])
      }).pipe(Effect.provide(node))
    })
  )

  it.scoped("is one exit signal, however often a server has subscribed (REG-17, PROC-3)", () =>
    run(
      Effect.gen(function* () {
        const pid = yield* Listener.start(Effect.all([join(News), join(News), join(Sports)]))
        yield* Process.exit(Updates, ExitReason.killed)
        yield* quiet
        assert.strictEqual(yield* told(heard(pid)), "ServerDown: no process")
      })
    )
  )

  it.scoped("is a message to a server that traps exits: killed is an ordinary reason (PROC-5)", () =>
    run(
      Effect.gen(function* () {
        const pid = yield* Trapper.start()
        yield* Process.exit(Updates, ExitReason.killed)
        yield* quiet
        assert.deepStrictEqual(yield* trapped(pid), ["EXIT from Scuti.PubSub: killed"])
      })
    )
  )

  it.scoped("that is normal is told as a shutdown: no subscription is lost without a word (REG-17)", () =>
    run(
      Effect.gen(function* () {
        const trapper = yield* Trapper.start()
        const pid = yield* Listener.start(join(News))
        yield* GenServer.stop(Updates)
        yield* quiet
        assert.deepStrictEqual(yield* trapped(trapper), ["EXIT from Scuti.PubSub: shutdown"])
        assert.strictEqual(yield* told(heard(pid)), "ServerDown: no process")
      })
    )
  )

  it.scoped("leaves nothing in a server that goes on, nor does unsubscribing (REG-18)", () =>
    run(
      Effect.gen(function* () {
        const trapper = yield* Trapper.start()
        const pid = yield* Listener.start()
        // Whom a process tells of its end, of which there is no other sign.
        const waiters = (ref: unknown) =>
          (ref as { readonly occupant: { readonly onEnd: ReadonlyArray<unknown> } }).occupant.onEnd.length
        const before = [waiters(trapper), waiters(pid)]
        assert.strictEqual(before[0], (before[1] as number) + 1)
        yield* inside(pid, join(News))
        yield* inside(pid, Effect.zipRight(join(News), join(Sports)))
        assert.strictEqual(waiters(pid), (before[1] as number) + 1)
        yield* inside(pid, PubSub.unsubscribe(Updates, Listener.self, News))
        assert.strictEqual(waiters(pid), (before[1] as number) + 1)
        yield* inside(pid, PubSub.unsubscribe(Updates, Listener.self, Sports))
        assert.strictEqual(waiters(pid), before[1])
        yield* Process.exit(Updates, ExitReason.killed)
        assert.strictEqual(waiters(trapper), (before[0] as number) - 1)
      })
    )
  )

  it.scoped("does not touch a server that has unsubscribed, nor one of another PubSub (REG-17)", () =>
    run(
      Effect.gen(function* () {
        const pid = yield* Listener.start(join(News))
        yield* inside(pid, PubSub.unsubscribe(Updates, Listener.self, News))
        yield* Process.exit(Updates, ExitReason.killed)
        yield* quiet
        assert.deepStrictEqual(yield* heard(pid), [])
      })
    )
  )

  it.scoped("by the end of its layer ends Streams with shutdown, and callers are told that there is none", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const node = yield* Scope.extend(build, scope)
      yield* Effect.gen(function* () {
        const queue = yield* PubSub.subscription(Updates, News)
        const pid = yield* Listener.start(join(News))
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(yield* told(queue.messages.take), "ServerDown: shutdown")
        assert.strictEqual(yield* told(heard(pid)), "ServerDown: no process")
        assert.strictEqual(yield* ping, "ServerDown: no process")
        assert.strictEqual(yield* told(PubSub.subscription(Updates, News)), "ServerDown: no process")
        assert.strictEqual(yield* told(Stream.runDrain(PubSub.subscribe(Updates, News))), "ServerDown: no process")
        assert.strictEqual(yield* told(PubSub.subscribers(Updates, News)), "ServerDown: no process")
        assert.strictEqual(yield* told(PubSub.nodeName(Updates)), "ServerDown: no process")
      }).pipe(Effect.provide(node))
    })
  )

  it.scoped("in an application comes after the ends of those who use it, and nobody has a complaint", () => {
    const log = makeLog()
    return Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { layer } = Application.make({ name: "Scuti", children: [Updates.layer, Listener.layer(join(News))] })
      const node = yield* Scope.extend(Layer.build(layer), scope).pipe(logging(log))
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* ping, "undefined")
        assert.deepStrictEqual(yield* heard(Listener), ["ping"])
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(yield* told(heard(Listener)), "ServerDown: no process")
        assert.strictEqual(yield* ping, "ServerDown: no process")
      }).pipe(Effect.provide(node))
      assert.deepStrictEqual(log.lines, [])
    })
  })

  it.scoped("while it is being started again, everybody is told so; afterwards the same ref is good", () =>
    Effect.gen(function* () {
      const network = Updates.layer({
        adapter: {
          nodeName: "a",
          start: () => Effect.succeed({ broadcast: () => Effect.void, directBroadcast: () => Effect.void })
        }
      })
      // Its own supervisor gives up at the fourth end; the one above it waits a second.
      const node = yield* Layer.build(App.layer({ children: [network], backoff: Schedule.spaced("1 second") }))
      yield* Effect.gen(function* () {
        for (let n = 0; n < 4; n++) {
          yield* Process.exit(Updates, ExitReason.killed)
          yield* quiet
        }
        assert.match(yield* ping, /^ServerDown: restarting/)
        assert.match(yield* told(PubSub.subscription(Updates, News)), /^ServerDown: restarting/)
        yield* TestClock.adjust("1 second")
        yield* quiet
        const queue = yield* PubSub.subscription(Updates, News)
        assert.strictEqual(yield* ping, "undefined")
        assert.deepStrictEqual(yield* waiting(queue), ["ping"])
      }).pipe(Effect.provide(node))
    }).pipe(logging(makeLog()))
  )

  it.scoped("a Layer that was built once goes on through all of this: the service is bound late", () =>
    Effect.gen(function* () {
      class Announcer extends Effect.Tag("Announcer")<
        Announcer,
        { readonly announce: (text: string) => Effect.Effect<string> }
      >() {
        static readonly layer = Layer.effect(
          Announcer,
          Effect.map(Updates, (updates) => ({
            announce: (text: string) => told(PubSub.broadcast(updates, News, text))
          }))
        )
      }
      const node = yield* Layer.build(
        Supervisor.layer({ strategy: "one_for_one", children: [Updates.layer, Announcer.layer] })
      )
      yield* Effect.gen(function* () {
        yield* Process.exit(Updates, ExitReason.killed)
        yield* quiet
        const queue = yield* PubSub.subscription(Updates, News)
        assert.strictEqual(yield* Announcer.announce("again"), "undefined")
        assert.deepStrictEqual(yield* waiting(queue), ["again"])
      }).pipe(Effect.provide(node))
    })
  )

  it.scoped("what is no PubSub is refused", () =>
    run(
      Effect.gen(function* () {
        const pid = yield* Listener.start()
        const exit = yield* Effect.exit(PubSub.broadcast(pid as unknown as typeof Updates, News, "ping"))
        assert.deepStrictEqual(
          exit,
          Exit.die(new TypeError("PubSub.broadcast: Listener is no PubSub, but a GenServer"))
        )
      })
    )
  )
})
