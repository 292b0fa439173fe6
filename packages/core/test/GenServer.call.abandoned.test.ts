import { assert, describe, it } from "@effect/vitest"
import { GenServer } from "@effect-otp/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { eachGear } from "./fixtures/gears.ts"
import { quiet, told } from "./fixtures/observing.ts"
import { ask, type CallScript, type Ref, start, stateOf, tell } from "./fixtures/Scripted.ts"

const { noReply, reply } = GenServer

/** Keeps the server busy until the latch opens. */
const occupy = (server: Ref) =>
  Effect.gen(function* () {
    const latch = yield* Effect.makeLatch()
    yield* tell(server, (n) => Effect.as(latch.await, noReply(n)))
    yield* quiet
    return latch
  })

/** Two ways of giving up on a call that would wait for ever. */
const givingUp: ReadonlyArray<
  readonly [
    name: string,
    giveUp: <A, E>(call: (timeout: "infinity" | "1 second") => Effect.Effect<A, E>) => Effect.Effect<void>
  ]
> = [
  [
    "timed out",
    (call) =>
      Effect.gen(function* () {
        const caller = yield* Effect.fork(told(call("1 second")))
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* Fiber.join(caller), "CallTimeout")
      })
  ],
  [
    "interrupted",
    (call) =>
      Effect.gen(function* () {
        const caller = yield* Effect.fork(call("infinity"))
        yield* quiet
        yield* Fiber.interrupt(caller)
      })
  ]
]

describe("GenServer.call, abandoned", () => {
  for (const [how, giveUp] of givingUp) {
    it.scoped(`CALL-7, CALL-9: a request that is still queued is withdrawn when its caller is ${how}`, () =>
      Effect.gen(function* () {
        const server = yield* start()
        const log: Array<string> = []
        const latch = yield* occupy(server)
        yield* giveUp((timeout) =>
          ask(
            server,
            (n) => {
              log.push("abandoned")
              return reply(n, n + 1)
            },
            { timeout }
          )
        )
        const next = yield* Effect.fork(
          ask(server, (n) => {
            log.push("next")
            return reply(n, n)
          })
        )
        yield* quiet
        yield* latch.open
        assert.strictEqual(yield* Fiber.join(next), 0)
        assert.deepStrictEqual(log, ["next"])
      })
    )

    it.scoped(`CALL-7, CALL-9: with abandoned "run" it is handled all the same when its caller is ${how}`, () =>
      Effect.gen(function* () {
        const server = yield* start()
        const log: Array<string> = []
        const latch = yield* occupy(server)
        yield* giveUp((timeout) =>
          ask(
            server,
            (n) => {
              log.push("abandoned")
              return reply(n, n + 1)
            },
            { timeout, abandoned: "run" }
          )
        )
        yield* latch.open
        assert.strictEqual(yield* stateOf(server), 1)
        assert.deepStrictEqual(log, ["abandoned"])
      })
    )

    eachGear(`CALL-9: a handler that has begun is not disturbed when its caller is ${how}`, (gear) =>
      Effect.gen(function* () {
        const server = yield* start()
        const latch = yield* Effect.makeLatch()
        yield* giveUp((timeout) =>
          gear.ask(server, (n) => Effect.as(latch.await, reply("nobody hears it", n + 1)), { timeout })
        )
        yield* latch.open
        assert.strictEqual(yield* stateOf(server), 1)
      })
    )

    eachGear(`CALL-6: a late reply reaches nobody: its caller was ${how}`, (gear) =>
      Effect.gen(function* () {
        const server = yield* start()
        const tokens: Array<Parameters<CallScript>[1]> = []
        yield* giveUp((timeout) =>
          gear.ask(
            server,
            (n, from) => {
              tokens.push(from)
              return noReply(n)
            },
            { timeout }
          )
        )
        // The next call's caller waits while the reply to the first is given.
        const next = yield* Effect.fork(
          gear.ask(server, (n, from) => {
            tokens.push(from)
            return noReply(n)
          })
        )
        yield* quiet
        yield* tokens[0]!.succeed("late")
        yield* quiet
        assert.isNull(next.unsafePoll())
        yield* tokens[1]!.succeed("in time")
        assert.strictEqual(yield* Fiber.join(next), "in time")
      })
    )

    it.scoped(`CALL-9: later requests of a caller whose fiber was ${how} still run`, () =>
      Effect.gen(function* () {
        const server = yield* start()
        const latch = yield* occupy(server)
        const log: Array<string> = []
        yield* giveUp((timeout) =>
          Effect.zipRight(
            tell(server, (n) => {
              log.push("cast before")
              return noReply(n)
            }),
            ask(server, (n) => reply(n, n), { timeout })
          )
        )
        yield* latch.open
        yield* stateOf(server)
        assert.deepStrictEqual(log, ["cast before"])
      })
    )
  }

  it.scoped("CALL-5: a reply that is there when the time is up is given, and one that comes after it is not", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const at = (when: "4999 millis" | "5001 millis") =>
        Effect.fork(told(ask(server, (n) => Effect.as(Effect.sleep(when), reply(`after ${when}`, n)))))
      const inTime = yield* at("4999 millis")
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* Fiber.join(inTime), "after 4999 millis")
      const late = yield* at("5001 millis")
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* Fiber.join(late), "CallTimeout")
    })
  )

  it.scoped("CALL-5: a reply given just before the time is up is not lost, though its caller has not run yet", () =>
    Effect.gen(function* () {
      const server = yield* start()
      let answer: Effect.Effect<void> = Effect.void
      const caller = yield* Effect.fork(
        told(
          ask(server, (n, from) => {
            answer = from.succeed("just in time")
            return noReply(n)
          })
        )
      )
      yield* TestClock.adjust("4999 millis")
      // In one turn: the answer, and then the time. The caller runs after both.
      yield* Effect.zipRight(answer, TestClock.adjust("1 hour"))
      assert.strictEqual(yield* Fiber.join(caller), "just in time")
    })
  )

  it.scoped("CALL-7: a hundred withdrawn requests leave the others in their order", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const latch = yield* occupy(server)
      const log: Array<number> = []
      const callers = yield* Effect.forEach(
        Array.from({ length: 200 }, (_, i) => i),
        (i) =>
          Effect.fork(
            ask(server, (n) => {
              log.push(i)
              return reply(i, n)
            })
          )
      )
      yield* quiet
      yield* Fiber.interruptAll(callers.filter((_, i) => i % 2 === 1))
      yield* latch.open
      const even = callers.filter((_, i) => i % 2 === 0)
      const expected = Array.from({ length: 100 }, (_, i) => 2 * i)
      assert.deepStrictEqual(yield* Fiber.join(Fiber.all(even)), expected)
      assert.deepStrictEqual(log, expected)
    })
  )

  it.scoped("CALL-6: one effect run by two callers, one of which gives up, answers the other", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const latch = yield* Effect.makeLatch()
      const call = ask(server, (n) => Effect.as(latch.await, reply(n, n + 1)))
      const first = yield* Effect.fork(call)
      const second = yield* Effect.fork(call)
      yield* quiet
      yield* Fiber.interrupt(second)
      yield* latch.open
      assert.strictEqual(yield* Fiber.join(first), 0)
      assert.strictEqual(yield* stateOf(server), 1)
    })
  )

  it.scoped("a caller that is interrupted before its call begins sends nothing", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const caller = yield* Effect.fork(
        Effect.zipRight(
          Effect.yieldNow(),
          ask(server, (n) => reply(n, n + 1))
        )
      )
      yield* Fiber.interrupt(caller)
      assert.strictEqual(yield* stateOf(server), 0)
    })
  )
})
