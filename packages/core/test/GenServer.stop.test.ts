import { assert, describe, it } from "@effect/vitest"
import { CallError, ExitReason, GenServer } from "@effect-otp/core"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { quiet, told } from "./fixtures/observing.ts"
import { ask, layer, Scripted, start, stateOf, tell } from "./fixtures/Scripted.ts"

const { noReply, reply, stop } = GenServer

describe("GenServer.stop", () => {
  for (const [name, reason] of [
    ["normal, the default", undefined],
    ["shutdown", ExitReason.shutdown()],
    ["a shutdown with a note", ExitReason.shutdown({ because: "maintenance" })],
    ["a reason of one's own", ExitReason.crash(new Error("no disk"))]
  ] as const) {
    it.scoped(`CALL-19: it stops for the reason asked for, after terminate: ${name} (gen_server_test: stop/3)`, () =>
      Effect.gen(function* () {
        const log: Array<unknown> = []
        const server = yield* start({
          terminate: (reason, state) => Effect.sync(() => log.push([reason, state])),
          init: () => 3
        })
        assert.strictEqual(yield* GenServer.stop(server, reason), undefined)
        assert.deepStrictEqual(log, [[reason ?? ExitReason.normal, 3]])
        assert.strictEqual(yield* told(stateOf(server)), "ServerDown: no process")
      })
    )
  }

  it.scoped("CALL-19: it takes its turn behind what is queued, and what comes after it is not handled", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start({ terminate: (_, n) => Effect.sync(() => log.push(`terminate ${n}`)) })
      const say = (what: string) =>
        tell(server, (n) => {
          log.push(what)
          return Effect.as(Effect.yieldNow(), noReply(n + 1))
        })
      yield* say("first")
      yield* say("second")
      const stopping = yield* Effect.fork(GenServer.stop(server))
      yield* Effect.yieldNow()
      yield* say("third")
      yield* Fiber.join(stopping)
      assert.deepStrictEqual(log, ["first", "second", "terminate 2"])
    })
  )

  it.scoped("CALL-19: it waits for the handler that runs, and returns when the server has ended", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start({
        terminate: () =>
          Effect.delay(
            Effect.sync(() => log.push("terminated")),
            "1 minute"
          )
      })
      const call = yield* Effect.fork(ask(server, (n) => Effect.as(Effect.sleep("1 second"), reply("answered", n))))
      yield* quiet
      const stopping = yield* Effect.fork(GenServer.stop(server))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(call), "answered")
      assert.isNull(stopping.unsafePoll())
      yield* TestClock.adjust("59 seconds")
      assert.isNull(stopping.unsafePoll())
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.join(stopping)
      assert.deepStrictEqual(log, ["terminated"])
    })
  )

  it.scoped("CALL-19: it fails with the real reason if that is another one", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const latch = yield* Effect.makeLatch()
      yield* tell(server, (n) => Effect.as(latch.await, stop(ExitReason.shutdown("by itself"), n)))
      const stopping = yield* Effect.fork(Effect.flip(GenServer.stop(server)))
      yield* quiet
      yield* latch.open
      assert.deepStrictEqual(
        yield* Fiber.join(stopping),
        new CallError.ServerDown({ server: "Scripted", request: "stop", reason: ExitReason.shutdown("by itself") })
      )
    })
  )

  it.scoped("CALL-19: it fails with the crash of terminate, which is the real reason then", () =>
    Effect.gen(function* () {
      const server = yield* start({ terminate: () => Effect.die(new Error("a bug in terminate")) })
      assert.strictEqual(yield* told(GenServer.stop(server)), "ServerDown: crashed: Error: a bug in terminate")
    })
  )

  it.scoped("CALL-19: several who ask for the same reason are all content", () =>
    Effect.gen(function* () {
      const server = yield* start({ terminate: () => Effect.yieldNow() })
      const stop = told(GenServer.stop(server, ExitReason.shutdown("note")))
      const given = yield* Effect.all([stop, stop, stop], { concurrency: "unbounded" })
      assert.deepStrictEqual(given, ["undefined", "undefined", "undefined"])
    })
  )

  it.effect("CALL-19: it finds its server by its class (gen_server_test: stop/3)", () =>
    Effect.gen(function* () {
      yield* GenServer.stop(Scripted)
      assert.strictEqual(yield* told(ask(Scripted, (n) => reply(n, n))), "ServerDown: no process")
    }).pipe(Effect.provide(layer()))
  )

  it.scoped("CALL-20: a server that has ended is no process (gen_server_test: stop/3)", () =>
    Effect.gen(function* () {
      const server = yield* start()
      yield* GenServer.stop(server)
      assert.deepStrictEqual(
        yield* Effect.flip(GenServer.stop(server, ExitReason.shutdown())),
        new CallError.ServerDown({ server: "Scripted", request: "stop", reason: ExitReason.noProcess })
      )
    })
  )

  it.scoped("CALL-20: after its time-out the caller goes, and the server goes on stopping", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start({
        terminate: (reason) =>
          Effect.delay(
            Effect.sync(() => log.push(ExitReason.format(reason))),
            "1 minute"
          )
      })
      const stopping = yield* Effect.fork(
        Effect.flip(GenServer.stop(server, ExitReason.shutdown(), { timeout: "10 seconds" }))
      )
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(
        yield* Fiber.join(stopping),
        new CallError.CallTimeout({ server: "Scripted", request: "stop", timeout: 10_000 })
      )
      assert.deepStrictEqual(log, [])
      yield* TestClock.adjust("50 seconds")
      assert.deepStrictEqual(log, ["shutdown"])
      assert.strictEqual(yield* told(stateOf(server)), "ServerDown: no process")
    })
  )

  it.scoped("CALL-20: a caller whose time is up before its turn has come stops the server all the same", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const latch = yield* Effect.makeLatch()
      yield* tell(server, (n) => Effect.as(latch.await, noReply(n)))
      const stopping = yield* Effect.fork(told(GenServer.stop(server, ExitReason.normal, { timeout: "1 second" })))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(stopping), "CallTimeout")
      yield* latch.open
      yield* quiet
      assert.strictEqual(yield* told(stateOf(server)), "ServerDown: no process")
    })
  )

  it.scoped("CALL-20: a caller that is interrupted stops the server all the same", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const latch = yield* Effect.makeLatch()
      yield* tell(server, (n) => Effect.as(latch.await, noReply(n)))
      const stopping = yield* Effect.fork(GenServer.stop(server))
      yield* quiet
      yield* Fiber.interrupt(stopping)
      yield* latch.open
      yield* quiet
      assert.strictEqual(yield* told(stateOf(server)), "ServerDown: no process")
    })
  )

  for (const timeout of [-1, Number.NaN, "soon", {}]) {
    it.scoped(`CALL-20: an invalid time-out is an error, and the server lives: ${String(timeout)}`, () =>
      Effect.gen(function* () {
        const server = yield* start()
        // As JavaScript would allow.
        const exit = yield* Effect.exit(GenServer.stop(server, ExitReason.normal, { timeout: timeout as number }))
        if (Exit.isSuccess(exit)) return assert.fail("it stopped")
        assert.match(Cause.pretty(exit.cause), /Scripted: `timeout` must be a duration that is not negative/)
        assert.strictEqual(yield* stateOf(server), 0)
      })
    )
  }
})
