import { assert, describe, it } from "@effect/vitest"
import { CallError, ExitReason, GenServer } from "@effect-otp/core"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { quiet, told } from "./fixtures/observing.ts"
import { ask, layer, Next, Note, type Ref, Scripted, start, stateOf, tell } from "./fixtures/Scripted.ts"

const { ignore, noReply, ok, reply } = GenServer

class Get extends GenServer.Call<Get>()("Get", { success: Schema.Unknown }) {}

const boom = new Error("a bug")

/** Every way in which `init` can fail, with the exit of whoever starts the server. */
const failures = [
  ["throws", () => raise(boom), Exit.die(boom)],
  ["dies", () => Effect.die(boom), Exit.die(boom)],
  ["dies after a while", () => Effect.zipRight(Effect.yieldNow(), Effect.die(boom)), Exit.die(boom)],
  ["fails", () => Effect.fail("no"), Exit.fail("no")],
  ["fails after a while", () => Effect.zipRight(Effect.yieldNow(), Effect.fail("no")), Exit.fail("no")]
] as const

const raise = (error: Error): never => {
  throw error
}

describe("GenServer, its start", () => {
  it.scoped("START-1: start returns when init has ended", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const init = () =>
        Effect.sync(() => {
          log.push("init ended")
          return 7
        }).pipe(Effect.delay("3 seconds"))
      const starting = yield* Effect.fork(Effect.tap(start({ init }), () => log.push("started")))
      yield* TestClock.adjust("2999 millis")
      assert.deepStrictEqual(log, [])
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* stateOf(yield* Fiber.join(starting)), 7)
      assert.deepStrictEqual(log, ["init ended", "started"])
    })
  )

  it.scoped("START-1: who started a server is not disturbed by its crash (gen_server_test: start/2)", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const server = yield* Scope.extend(start(), scope)
      const other = yield* Scope.extend(start(), scope)
      assert.strictEqual(yield* told(ask(server, () => Effect.die(boom))), "ServerDown: crashed: Error: a bug")
      assert.strictEqual(yield* stateOf(other), 0)
      yield* Scope.close(scope, Exit.void)
    })
  )

  it.scoped("START-1: a server lives as long as the scope in which it was started, not as its starter's fiber", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const starter = yield* Effect.fork(Scope.extend(start({ init: () => Effect.succeed(1) }), scope))
      const server = yield* Fiber.join(starter)
      yield* quiet
      assert.strictEqual(yield* stateOf(server), 1)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* told(stateOf(server)), "ServerDown: no process")
    })
  )

  it.scoped("START-1: a starter that is interrupted ends the init, and what it acquired is released", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const init = () =>
        Effect.gen(function* () {
          yield* Effect.addFinalizer(() => Effect.sync(() => log.push("released")))
          yield* Effect.onInterrupt(Effect.never, () => Effect.sync(() => log.push("interrupted")))
          return 0
        })
      const starting = yield* Effect.fork(start({ init }))
      yield* quiet
      yield* Fiber.interrupt(starting)
      assert.deepStrictEqual(log, ["interrupted", "released"])
    })
  )

  it.scoped("START-3: calls and casts sent while init runs are queued until it has ended", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const ref = yield* Deferred.make<Ref>()
      const latch = yield* Effect.makeLatch()
      const init = () =>
        Effect.gen(function* () {
          const self = yield* Scripted.self
          yield* Deferred.succeed(ref, self.ref)
          yield* latch.await
          log.push("init ended")
          return 5
        })
      const starting = yield* Effect.fork(start({ init }))
      const server = yield* Deferred.await(ref)
      const call = yield* Effect.fork(stateOf(server))
      yield* quiet
      yield* tell(server, (n) => {
        log.push(`cast ${n}`)
        return noReply(n)
      })
      yield* quiet
      assert.isNull(call.unsafePoll())
      assert.deepStrictEqual(log, [])
      yield* latch.open
      assert.strictEqual(yield* Fiber.join(call), 5)
      yield* Fiber.join(starting)
      yield* quiet
      assert.deepStrictEqual(log, ["init ended", "cast 5"])
    })
  )

  describe("START-7: init gives", () => {
    for (const [what, init, state] of [
      ["the state", () => 3, 3],
      ["the state, in an Effect", () => Effect.succeed(3), 3],
      ["the state, in an Effect that suspends", () => Effect.as(Effect.yieldNow(), 3), 3],
      ["ok", () => ok(3), 3],
      ["ok, in an Effect", () => Effect.succeed(ok(3)), 3],
      ["ok with hibernate", () => ok(3, { hibernate: true }), 3],
      ["ok with a continue", () => ok(3, { continue: new Next({ handle: (n) => noReply(n + 1) }) }), 4],
      [
        "ok with a continue, in an Effect",
        () => Effect.succeed(ok(3, { continue: new Next({ handle: (n) => Effect.succeed(noReply(n + 1)) }) })),
        4
      ]
    ] as const) {
      it.scoped(what, () =>
        Effect.gen(function* () {
          assert.strictEqual(yield* stateOf(yield* start({ init })), state)
        })
      )
    }

    it.scoped("ok with an idle time-out", () =>
      Effect.gen(function* () {
        const idle = new Note({ handle: (n) => noReply(n + 1) })
        const server = yield* start({ init: () => ok(3, { idleTimeout: ["1 second", idle] }) })
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* stateOf(server), 4)
      })
    )

    it.scoped("a state that is an Effect itself, in ok", () =>
      Effect.gen(function* () {
        class Holder extends GenServer.Service<Holder>()("@test/Holder", {
          state: Schema.OptionFromSelf(Schema.Number),
          messages: [Get]
        }) {
          static readonly layer = this.toLayer((state: Option.Option<number>) => ok(state), {
            handleCall: { Get: (_, state) => reply(state, state) }
          })
        }
        for (const state of [Option.none(), Option.some(1)]) {
          const server = yield* Holder.start(state)
          assert.deepStrictEqual(yield* GenServer.call(server, new Get()), state)
        }
      })
    )
  })

  for (const [how, init, exit] of failures) {
    it.scoped(
      `${how.includes("fails") ? "START-9" : "START-8"}: when init ${how}, so does whoever starts the server`,
      () =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* Effect.exit(start({ init })), exit)
          // With nothing left of it: what the starter does goes on.
          yield* quiet
        })
    )

    it.scoped(`START-12: when init ${how}, what it had acquired is released before its starter is told`, () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const acquiring = () =>
          Effect.zipRight(
            Effect.addFinalizer(() =>
              Effect.delay(
                Effect.sync(() => log.push("released")),
                "1 second"
              )
            ),
            Effect.suspend((): Effect.Effect<never, string> => init())
          )
        const starting = yield* Effect.fork(
          Effect.ensuring(
            Effect.exit(start({ init: acquiring })),
            Effect.sync(() => log.push("told"))
          )
        )
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* Fiber.join(starting), exit)
        assert.deepStrictEqual(log, ["released", "told"])
      })
    )
  }

  it.scoped("START-8: an init that interrupts itself interrupts whoever starts the server", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(start({ init: () => Effect.interrupt }))
      assert.isTrue(Exit.isInterrupted(exit))
    })
  )

  it.effect("START-9: the layer fails with the error of init", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Effect.provide(Effect.void, layer({ init: () => Effect.fail("no") })))
      assert.deepStrictEqual(exit, Exit.fail("no"))
    })
  )

  it.scoped("START-12: callers who are queued when init fails are told why", () =>
    Effect.gen(function* () {
      const ref = yield* Deferred.make<Ref>()
      const latch = yield* Effect.makeLatch()
      const init = () =>
        Effect.gen(function* () {
          const self = yield* Scripted.self
          yield* Deferred.succeed(ref, self.ref)
          yield* latch.await
          return yield* Effect.fail("no")
        })
      const starting = yield* Effect.fork(Effect.exit(start({ init })))
      const server = yield* Deferred.await(ref)
      const call = yield* Effect.fork(Effect.flip(stateOf(server)))
      yield* quiet
      yield* latch.open
      assert.deepStrictEqual(
        yield* Fiber.join(call),
        new CallError.ServerDown({ server: "Scripted", request: "Do", reason: ExitReason.crash(Cause.fail("no")) })
      )
      assert.deepStrictEqual(yield* Fiber.join(starting), Exit.fail("no"))
      assert.strictEqual(yield* told(stateOf(server)), "ServerDown: no process")
    })
  )

  for (const [how, init] of [
    ["plainly", () => ignore],
    ["by an Effect", () => Effect.as(Effect.yieldNow(), ignore)]
  ] as const) {
    it.scoped(`START-10: init that asks to be ignored ${how} starts no server, and that is no failure`, () =>
      Effect.gen(function* () {
        const server = yield* start({ init })
        assert.strictEqual(yield* told(stateOf(server)), "ServerDown: no process")
        assert.strictEqual(yield* told(GenServer.stop(server)), "ServerDown: no process")
        yield* tell(server, noReply)
      })
    )
  }

  it.scoped("START-10: what an ignored init had acquired is released at once", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const finalizer = Effect.addFinalizer(() => Effect.sync(() => log.push("released")))
      yield* start({ init: () => Effect.as(finalizer, ignore) })
      assert.deepStrictEqual(log, ["released"])
    })
  )

  it.scoped("START-13: an init that returns an outcome of another callback is refused, with what it returned", () =>
    Effect.gen(function* () {
      for (const given of [reply(1, 2), noReply(1), GenServer.stop(ExitReason.normal, 1)]) {
        // As JavaScript would allow.
        const exit = yield* Effect.exit(start({ init: () => given as unknown as number }))
        if (Exit.isSuccess(exit)) return assert.fail("it started")
        assert.match(Cause.pretty(exit.cause), /TypeError: Scripted: init returned what is no outcome: /)
      }
    })
  )

  describe("START-11, START-2: initTimeout", () => {
    const timed = (log: Array<string>, time: "1 second" | "2 seconds" | "1 hour") => {
      class Slow extends GenServer.Service<Slow>()("@test/Slow", { messages: [Get] }) {
        static readonly layer = this.toLayer(
          () =>
            Effect.gen(function* () {
              yield* Effect.addFinalizer(() => Effect.sync(() => log.push("released")))
              yield* Effect.sleep(time).pipe(Effect.onInterrupt(() => Effect.sync(() => log.push("interrupted"))))
              return "ready"
            }),
          {
            initTimeout: "2 seconds",
            terminate: () => Effect.sync(() => log.push("terminate")),
            handleCall: { Get: (_, state) => reply(state, state) }
          }
        )
      }
      return Slow
    }

    it.scoped("an init that takes longer is killed, and the start fails with InitTimeout", () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const starting = yield* Effect.fork(Effect.flip(timed(log, "1 hour").start()))
        yield* TestClock.adjust("1999 millis")
        assert.isNull(starting.unsafePoll())
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(
          yield* Fiber.join(starting),
          new CallError.InitTimeout({ server: "Slow", timeout: 2000 })
        )
        yield* quiet
        assert.deepStrictEqual(log, ["interrupted", "released"])
      })
    )

    it.scoped("an init that is done in time is not touched by it", () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const starting = yield* Effect.fork(timed(log, "1 second").start())
        yield* TestClock.adjust("1 second")
        const server = yield* Fiber.join(starting)
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(yield* GenServer.call(server, new Get()), "ready")
        assert.deepStrictEqual(log, [])
      })
    )
  })

  it.scoped("START-16: layer and start take the arguments of init, optional ones too", () =>
    Effect.gen(function* () {
      class Greeter extends GenServer.Service<Greeter>()("@test/Greeter", { messages: [Get] }) {
        static readonly layer = this.toLayer((name: string, greeting = "Hello") => `${greeting} ${name}`, {
          handleCall: { Get: (_, state) => reply(state, state) }
        })
      }
      const get = GenServer.call(Greeter, new Get())
      assert.strictEqual(yield* Effect.provide(get, Greeter.layer("Ann")), "Hello Ann")
      assert.strictEqual(yield* Effect.provide(get, Greeter.layer("Bob", "Bye")), "Bye Bob")
      assert.strictEqual(yield* GenServer.call(yield* Greeter.start("Cid"), new Get()), "Hello Cid")
      assert.strictEqual(yield* GenServer.call(yield* Greeter.start("Dan", "Hi"), new Get()), "Hi Dan")
    })
  )

  it.scoped("START-16: a layer without arguments is a Layer, which starts a server each time it is built", () =>
    Effect.gen(function* () {
      let started = 0
      class Plain extends GenServer.Service<Plain>()("@test/Plain", { messages: [Get] }) {
        static readonly layer = this.toLayer(() => ++started, {
          handleCall: { Get: (_, state) => reply(state, state) }
        })
      }
      assert.strictEqual(started, 0)
      const get = GenServer.call(Plain, new Get())
      assert.strictEqual(yield* Effect.provide(get, Plain.layer), 1)
      assert.strictEqual(yield* Effect.provide(get, Plain.layer), 2)
      assert.strictEqual(yield* GenServer.call(yield* Plain.start(), new Get()), 3)
      // One build, one server, however many use it.
      assert.deepStrictEqual(
        yield* Effect.provide(Effect.all([get, get]), Layer.merge(Plain.layer, Plain.layer)),
        [4, 4]
      )
    })
  )

  it.scoped(
    "servers of one class that were started side by side are servers of their own (gen_server_test: nil name)",
    () =>
      Effect.gen(function* () {
        const servers = yield* Effect.all([1, 2, 3].map((n) => start({ init: () => n })))
        yield* tell(servers[1]!, (n) => noReply(n * 10))
        assert.deepStrictEqual(yield* Effect.forEach(servers, stateOf), [1, 20, 3])
        yield* GenServer.stop(servers[0]!)
        assert.deepStrictEqual(yield* Effect.forEach(servers, (server) => told(stateOf(server))), [
          "ServerDown: no process",
          "20",
          "3"
        ])
      })
  )

  it.scoped("init and the handlers are given what the layer was given", () =>
    Effect.gen(function* () {
      class Greeting extends Context.Tag("@test/Greeting")<Greeting, string>() {}
      class Polite extends GenServer.Service<Polite>()("@test/Polite", { messages: [Get] }) {
        static readonly layer = this.toLayer(() => Effect.map(Greeting, (greeting) => `init ${greeting}`), {
          handleCall: { Get: (_, state) => Effect.map(Greeting, (greeting) => reply(`${state}, ${greeting}`, state)) }
        })
      }
      const server = yield* Polite.start().pipe(Effect.provideService(Greeting, "layer's"))
      const call = GenServer.call(server, new Get())
      assert.strictEqual(yield* Effect.provideService(call, Greeting, "caller's"), "init layer's, layer's")
    })
  )
})
