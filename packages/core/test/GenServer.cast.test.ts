import { assert, describe, it } from "@effect/vitest"
import { ExitReason, GenServer } from "@effect-otp/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { eachGear } from "./fixtures/gears.ts"
import { quiet, told } from "./fixtures/observing.ts"
import { ask, layer, Scripted, start, stateOf, tell } from "./fixtures/Scripted.ts"

const { noReply, reply, stop } = GenServer

describe("GenServer.cast", () => {
  it.scoped("CALL-14: a cast is handled, and gives nothing (gen_server_test: start_link/2, call/2 and cast/2)", () =>
    Effect.gen(function* () {
      const server = yield* start()
      assert.strictEqual(yield* tell(server, (n) => noReply(n + 1)), undefined)
      assert.strictEqual(yield* stateOf(server), 1)
      yield* GenServer.stop(server)
    })
  )

  it.scoped(
    "CALL-14: a cast to a server that has ended does nothing, and says so to nobody (gen_server_test: start_link/2, call/2 and cast/2)",
    () =>
      Effect.gen(function* () {
        const server = yield* start()
        yield* GenServer.stop(server)
        const log: Array<string> = []
        yield* tell(server, (n) => {
          log.push("handled")
          return noReply(n)
        })
        yield* quiet
        assert.deepStrictEqual(log, [])
      })
  )

  it.scoped("CALL-14: a cast does not wait for its handler, nor for those before it", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const latch = yield* Effect.makeLatch()
      const log: Array<string> = []
      yield* tell(server, (n) => Effect.as(latch.await, noReply(n)))
      yield* tell(server, (n) => {
        log.push("handled")
        return noReply(n)
      })
      log.push("sent")
      yield* latch.open
      yield* stateOf(server)
      assert.deepStrictEqual(log, ["sent", "handled"])
    })
  )

  it.scoped("CALL-14: also a plain handler does not run in the turn of whoever casts", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const log: Array<string> = []
      yield* Effect.zipRight(
        tell(server, (n) => {
          log.push("handled")
          return noReply(n)
        }),
        Effect.sync(() => log.push("sent"))
      )
      yield* stateOf(server)
      assert.deepStrictEqual(log, ["sent", "handled"])
    })
  )

  eachGear("CALL-14: calls and casts of one sender keep their order", (gear) =>
    Effect.gen(function* () {
      const server = yield* start()
      for (let i = 0; i < 5; i++) {
        yield* tell(server, (n) => noReply(n * 10 + 1))
        yield* gear.ask(server, (n) => reply(n, n + 1))
      }
      assert.strictEqual(yield* stateOf(server), 22222)
    })
  )

  it.scoped("CALL-14: a burst of casts is handled in order, and a call behind it sees it all", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const log: Array<number> = []
      for (let i = 0; i < 3000; i++) {
        yield* tell(server, (n) => {
          log.push(i)
          return noReply(n + 1)
        })
      }
      assert.strictEqual(yield* stateOf(server), 3000)
      assert.deepStrictEqual(
        log,
        Array.from({ length: 3000 }, (_, i) => i)
      )
    })
  )

  it.effect("CALL-14: a cast finds its server by its class", () =>
    Effect.gen(function* () {
      yield* tell(Scripted, (n) => noReply(n + 1))
      assert.strictEqual(yield* ask(Scripted, (n) => reply(n, n)), 1)
    }).pipe(Effect.provide(layer()))
  )

  it.scoped("casts that are left when the server ends are not handled, and disturb nobody", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const latch = yield* Effect.makeLatch()
      const log: Array<string> = []
      const ending = yield* Effect.fork(told(ask(server, (n) => Effect.as(latch.await, stop(ExitReason.normal, n)))))
      yield* quiet
      yield* tell(server, (n) => {
        log.push("handled")
        return noReply(n)
      })
      yield* latch.open
      assert.strictEqual(yield* Fiber.join(ending), "ServerDown: normal")
      yield* quiet
      assert.deepStrictEqual(log, [])
    })
  )
})
