import { assert, describe, it } from "@effect/vitest"
import { GenServer } from "@effect-otp/core"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { eachGear } from "./fixtures/gears.ts"
import { quiet, told } from "./fixtures/observing.ts"
import { ask, type CallScript, layer, Next, Note, Scripted, start, stateOf, tell } from "./fixtures/Scripted.ts"

const { noReply, reply } = GenServer

/** Something that only FiberRefs tell. */
const mark = FiberRef.unsafeMake("unmarked")

const readMark: CallScript = (n) => Effect.map(FiberRef.get(mark), (value) => reply(value, n))

const held = (log: Array<string>, what: string) =>
  Effect.acquireRelease(
    Effect.sync(() => log.push(`acquired ${what}`)),
    () => Effect.sync(() => log.push(`released ${what}`))
  )

describe("GenServer, what callbacks run in", () => {
  eachGear("a handler's scope is closed with its outcome, and before its answer is told", (gear) =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start()
      log.push(yield* told(gear.ask(server, (n) => Effect.as(held(log, "1"), reply("answer 1", n)))))
      log.push(yield* told(gear.ask(server, () => Effect.zipRight(held(log, "2"), Effect.fail("no")))))
      log.push(yield* told(gear.ask(server, (n) => Effect.as(held(log, "3"), reply("answer 3", n)))))
      assert.deepStrictEqual(log, [
        ...["acquired 1", "released 1", "answer 1"],
        ...["acquired 2", "released 2", "error: no"],
        ...["acquired 3", "released 3", "answer 3"]
      ])
    })
  )

  it.scoped("a handler's scope is closed with what it ended with", () =>
    Effect.gen(function* () {
      const exits: Array<Exit.Exit<unknown, unknown>> = []
      const finalizer = Effect.addFinalizer((exit) => Effect.sync(() => exits.push(exit)))
      const server = yield* start()
      const answer = reply("answer", 0)
      yield* ask(server, () => Effect.as(finalizer, answer))
      yield* told(ask(server, () => Effect.zipRight(finalizer, Effect.fail("no"))))
      yield* told(ask(server, () => Effect.zipRight(finalizer, Effect.die("a bug"))))
      assert.deepStrictEqual(exits, [Exit.succeed(answer), Exit.fail("no"), Exit.die("a bug")])
    })
  )

  it.scoped("each callback has a scope of its own: a continue's and an Info's are closed with theirs", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start()
      const next = new Next({ handle: (n) => Effect.as(held(log, "continue's"), noReply(n)) })
      const note = new Note({ handle: (n) => Effect.as(held(log, "Info's"), noReply(n)) })
      yield* tell(server, (n) =>
        Effect.gen(function* () {
          const self = yield* Scripted.self
          yield* self.send(note)
          yield* held(log, "cast's")
          return noReply(n, { continue: next })
        })
      )
      yield* quiet
      assert.deepStrictEqual(log, [
        ...["acquired cast's", "released cast's"],
        ...["acquired continue's", "released continue's"],
        ...["acquired Info's", "released Info's"]
      ])
    })
  )

  it.scoped("a finalizer of a handler's that dies crashes the server, with the state that was before", () =>
    Effect.gen(function* () {
      const states: Array<number> = []
      const server = yield* start({ terminate: (_, n) => Effect.sync(() => states.push(n)) })
      const call = ask(server, (n) =>
        Effect.as(
          Effect.addFinalizer(() => Effect.die(new Error("a bug in a finalizer"))),
          reply("answer", n + 1)
        )
      )
      assert.strictEqual(yield* told(call), "ServerDown: crashed: Error: a bug in a finalizer")
      assert.deepStrictEqual(states, [0])
    })
  )

  it.scoped("what has to live longer goes to self.scope, which is closed with the server", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start({ init: () => Effect.as(held(log, "init's"), 0) })
      yield* ask(server, (n) =>
        Effect.gen(function* () {
          const self = yield* Scripted.self
          yield* Scope.extend(held(log, "self's"), self.scope)
          return reply(n, n)
        })
      )
      yield* stateOf(server)
      assert.deepStrictEqual(log, ["acquired init's", "acquired self's"])
      yield* GenServer.stop(server)
      assert.deepStrictEqual(log, ["acquired init's", "acquired self's", "released self's", "released init's"])
    })
  )

  it.scoped(
    "self.scope works for a server that has used no scope before, and may be used from outside its handlers",
    () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const server = yield* start()
        const scopes: Array<Scope.Scope> = []
        yield* ask(server, (n) =>
          Effect.map(Scripted.self, ({ scope }) => {
            scopes.push(scope)
            return reply(n, n)
          })
        )
        yield* Scope.extend(held(log, "outside"), scopes[0]!)
        yield* GenServer.stop(server)
        assert.deepStrictEqual(log, ["acquired outside", "released outside"])
      })
  )

  it.scoped(
    "a fiber that a handler forked lives on after it, also while the server sleeps",
    () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const server = yield* start({ hibernateAfter: "1 second" })
        const work = Effect.delay(
          Effect.sync(() => log.push("done")),
          "1 hour"
        )
        yield* ask(server, (n) => Effect.as(Effect.fork(work), reply(n, n)))
        yield* ask(server, (n) => reply(n, n, { hibernate: true }))
        yield* TestClock.adjust("59 minutes")
        yield* stateOf(server)
        assert.deepStrictEqual(log, [])
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(log, ["done"])
      }),
    20_000
  )

  it.scoped("a fiber forked in the scope of a handler ends with the handler, one in self.scope with the server", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const until = (what: string) => Effect.onInterrupt(Effect.never, () => Effect.sync(() => log.push(what)))
      const server = yield* start()
      yield* ask(server, (n) =>
        Effect.gen(function* () {
          const self = yield* Scripted.self
          yield* Effect.forkScoped(until("handler's"))
          yield* Effect.forkIn(until("server's"), self.scope)
          yield* Effect.yieldNow()
          return reply(n, n)
        })
      )
      assert.deepStrictEqual(log, ["handler's"])
      yield* GenServer.stop(server)
      assert.deepStrictEqual(log, ["handler's", "server's"])
    })
  )

  eachGear("FiberRefs that one handler sets do not reach the next one", (gear) =>
    Effect.gen(function* () {
      const server = yield* start()
      yield* gear.ask(server, (n) => Effect.as(FiberRef.set(mark, "set by a handler"), reply(n, n)))
      assert.strictEqual(yield* gear.ask(server, readMark), "unmarked")
      yield* tell(server, (n) => Effect.as(FiberRef.set(mark, "set by a cast"), noReply(n)))
      assert.strictEqual(yield* gear.ask(server, readMark), "unmarked")
    })
  )

  it.scoped("FiberRefs that a handler or init sets do not reach its continue, nor terminate", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const write = Effect.flatMap(FiberRef.get(mark), (value) => Effect.sync(() => log.push(value)))
      const server = yield* start({
        init: () => Effect.as(FiberRef.set(mark, "set by init"), 0),
        terminate: () => write
      })
      yield* ask(server, (n) =>
        Effect.as(
          FiberRef.set(mark, "set by a handler"),
          reply(n, n, { continue: new Next({ handle: (n) => Effect.as(write, noReply(n)) }) })
        )
      )
      yield* ask(server, (n) => Effect.as(FiberRef.set(mark, "set by the last handler"), reply(n, n)))
      yield* GenServer.stop(server)
      assert.deepStrictEqual(log, ["unmarked", "unmarked"])
    })
  )

  eachGear("FiberRefs are those of who built the layer, not of who calls", (gear) =>
    Effect.gen(function* () {
      const server = yield* Effect.locally(start(), mark, "layer's")
      assert.strictEqual(yield* Effect.locally(gear.ask(server, readMark), mark, "caller's"), "layer's")
      // Nor does a handler change those of its caller.
      yield* gear.ask(server, (n) => Effect.as(FiberRef.set(mark, "handler's"), reply(n, n)))
      assert.strictEqual(yield* FiberRef.get(mark), "unmarked")
    })
  )

  eachGear("services are those of the layer: nothing of its first caller is frozen into the server", (gear) =>
    Effect.gen(function* () {
      class Colour extends Context.Tag("@test/Colour")<Colour, string>() {}
      const colour = Effect.serviceOption(Colour) as Effect.Effect<Option.Option<string>>
      const read: CallScript = (n) =>
        Effect.map(colour, (value) =>
          reply(
            Option.getOrElse(value, () => "none"),
            n
          )
        )
      const server = yield* start()
      for (const caller of ["red", "green"]) {
        assert.strictEqual(yield* Effect.provideService(gear.ask(server, read), Colour, caller), "none")
      }
      const blue = yield* Effect.provideService(start(), Colour, "blue")
      assert.strictEqual(yield* Effect.provideService(gear.ask(blue, read), Colour, "red"), "blue")
    })
  )

  it.scoped("a handler can be interrupted though neither its caller nor who built the layer could", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const other = yield* Effect.uninterruptible(Scope.extend(start(), scope))
      const call = yield* Effect.fork(Effect.uninterruptible(told(ask(other, () => Effect.never))))
      yield* quiet
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* Fiber.join(call), "ServerDown: shutdown")
    })
  )

  it.effect("a server that is started by one layer is reached by the handlers of another", () =>
    Effect.gen(function* () {
      class Twice extends GenServer.Call<Twice>()("Twice", { success: Schema.Unknown }) {}
      class Client extends GenServer.Service<Client>()("@test/Client", { messages: [Twice] }) {
        static readonly layer = this.toLayer(() => null, {
          handleCall: {
            Twice: (_, state) =>
              Effect.map(Effect.orDie(ask(Scripted, (n) => reply(n * 2, n))), (twice) => reply(twice, state))
          }
        })
      }
      const twice = GenServer.call(Client, new Twice())
      assert.strictEqual(yield* Effect.provide(twice, Layer.provide(Client.layer, layer({ init: () => 21 }))), 42)
    })
  )

  it.scoped("time in handlers is that of the layer", () =>
    Effect.gen(function* () {
      const server = yield* start()
      yield* TestClock.adjust("1 day")
      const now: CallScript = (n) => Effect.map(Clock.currentTimeMillis, (time) => reply(time, n))
      const live = Effect.withClock(ask(server, now), Clock.make())
      assert.strictEqual(yield* live, 24 * 60 * 60 * 1000)
    })
  )
})
