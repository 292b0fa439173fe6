import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import { ExitReason, GenServer } from "@effect-otp/core"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { eachGear, type Gear } from "./fixtures/gears.ts"
import { quiet, told } from "./fixtures/observing.ts"
import { ask, type CallScript, type Do, type Ref, start, stateOf } from "./fixtures/Scripted.ts"

const { noReply, reply, stop } = GenServer

type Token = Parameters<CallScript>[1]

/** A call whose token is kept, and its caller. */
const kept = (gear: Gear, server: Ref) =>
  Effect.gen(function* () {
    const tokens: Array<Token> = []
    const caller = yield* Effect.fork(
      told(
        gear.ask(server, (n, from) => {
          tokens.push(from)
          return noReply(n)
        })
      )
    )
    yield* quiet
    return { caller, token: tokens[0]! }
  })

describe("GenServer.From", () => {
  eachGear("CALL-12: a token answers from any fiber, after the handler has ended", (gear) =>
    Effect.gen(function* () {
      const server = yield* start()
      for (const [answer, expected] of [
        [(from: Token) => from.succeed("yes"), "yes"],
        [(from: Token) => from.fail("no"), "error: no"],
        [(from: Token) => from.done(Exit.succeed("done")), "done"],
        [(from: Token) => from.done(Exit.fail("undone")), "error: undone"]
      ] as const) {
        const { caller, token } = yield* kept(gear, server)
        yield* Effect.fork(Effect.delay(answer(token), "3 seconds"))
        yield* TestClock.adjust("2999 millis")
        assert.isNull(caller.unsafePoll())
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(yield* Fiber.join(caller), expected)
      }
    })
  )

  eachGear("CALL-12: a token may be used in the handler itself, before noReply", (gear) =>
    Effect.gen(function* () {
      const server = yield* start()
      const answer = gear.ask(server, (n, from) => Effect.as(from.succeed("early"), noReply(n + 1)))
      assert.strictEqual(yield* answer, "early")
      assert.strictEqual(yield* stateOf(server), 1)
    })
  )

  it.scoped("CALL-12: a token's functions may be passed on by themselves", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const answerBy = (work: Effect.Effect<string, string>) =>
        told(
          ask(server, (n, from) =>
            Effect.as(Effect.matchEffect(work, { onSuccess: from.succeed, onFailure: from.fail }), noReply(n))
          )
        )
      assert.strictEqual(yield* answerBy(Effect.succeed("yes")), "yes")
      assert.strictEqual(yield* answerBy(Effect.fail("no")), "error: no")
    })
  )

  eachGear("CALL-12: a token may be used before a stop", (gear) =>
    Effect.gen(function* () {
      const server = yield* start()
      const answer = gear.ask(server, (n, from) => Effect.as(from.succeed("last words"), stop(ExitReason.normal, n)))
      assert.strictEqual(yield* answer, "last words")
      yield* quiet
      assert.strictEqual(yield* told(stateOf(server)), "ServerDown: no process")
    })
  )

  it.scoped("CALL-12: a later message may answer an earlier call, and the fibers that a handler forks may", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const waiting: Array<Token> = []
      const first = yield* Effect.fork(
        ask(server, (n, from) => {
          waiting.push(from)
          return noReply(n)
        })
      )
      yield* quiet
      assert.strictEqual(
        yield* ask(server, (n) => Effect.as(waiting[0]!.succeed("by another message"), reply("second", n))),
        "second"
      )
      assert.strictEqual(yield* Fiber.join(first), "by another message")
      const byFiber = ask(server, (n, from) =>
        Effect.as(Effect.fork(Effect.delay(from.succeed("by a fiber"), "1 second")), noReply(n))
      )
      const caller = yield* Effect.fork(byFiber)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(caller), "by a fiber")
    })
  )

  eachGear("CALL-10: the first answer counts, a second one is ignored", (gear) =>
    Effect.gen(function* () {
      const server = yield* start()
      const { caller, token } = yield* kept(gear, server)
      yield* token.succeed("first")
      yield* token.fail("second")
      yield* token.succeed("third")
      assert.strictEqual(yield* Fiber.join(caller), "first")
      // Nor does it reach whoever calls next.
      assert.strictEqual(yield* gear.ask(server, (n) => reply("next", n)), "next")
    })
  )

  eachGear(
    "CALL-10: a token used and then an outcome that replies: the first answer counts, the state is the outcome's",
    (gear) =>
      Effect.gen(function* () {
        const server = yield* start()
        const answer = gear.ask(server, (n, from) => Effect.as(from.succeed("token"), reply("outcome", n + 1)))
        assert.strictEqual(yield* answer, "token")
        assert.strictEqual(yield* stateOf(server), 1)
      })
  )

  eachGear("CALL-10: a token used after the handler has replied is ignored", (gear) =>
    Effect.gen(function* () {
      const server = yield* start()
      const tokens: Array<Token> = []
      const answer = yield* gear.ask(server, (n, from) => {
        tokens.push(from)
        return reply("outcome", n)
      })
      yield* tokens[0]!.succeed("token")
      assert.strictEqual(answer, "outcome")
      assert.strictEqual(yield* gear.ask(server, (n) => reply("next", n)), "next")
    })
  )

  it.scoped("CALL-13: each token answers its own call, whoever holds it and in whatever order", () =>
    Effect.gen(function* () {
      expectTypeOf<keyof GenServer.From<Do>>().toEqualTypeOf<"succeed" | "fail" | "done">()
      const server = yield* start()
      const tokens: Array<Token> = []
      const callers = yield* Effect.forEach([0, 1, 2], () =>
        Effect.fork(
          ask(server, (n, from) => {
            tokens.push(from)
            return noReply(n)
          })
        )
      )
      yield* quiet
      for (const i of [2, 0, 1]) yield* tokens[i]!.succeed(i)
      assert.deepStrictEqual(yield* Fiber.join(Fiber.all(callers)), [0, 1, 2])
    })
  )

  eachGear("CB-13: a token that is never used: the caller waits for its time-out", (gear) =>
    Effect.gen(function* () {
      const server = yield* start()
      const { caller } = yield* kept(gear, server)
      yield* TestClock.adjust("4999 millis")
      assert.isNull(caller.unsafePoll())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(caller), "CallTimeout")
      assert.strictEqual(yield* stateOf(server), 0)
    })
  )

  eachGear("CB-13: a token that is never used: the caller is told the server's end", (gear) =>
    Effect.gen(function* () {
      const server = yield* start()
      const { caller } = yield* kept(gear, server)
      yield* GenServer.stop(server, ExitReason.shutdown("done"))
      assert.strictEqual(yield* Fiber.join(caller), "ServerDown: shutdown: done")
    })
  )

  it.scoped("CALL-6: a token outlives neither its server nor its caller's wait: using it afterwards does nothing", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const tokens: Array<Token> = []
      const caller = yield* Effect.fork(
        told(
          ask(server, (n, from) => {
            tokens.push(from)
            return noReply(n)
          })
        )
      )
      yield* quiet
      yield* GenServer.stop(server)
      yield* tokens[0]!.succeed("too late")
      assert.strictEqual(yield* Fiber.join(caller), "ServerDown: normal")
    })
  )

  it.scoped("a token may answer with a defect: it is the caller's, not the server's", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const call = ask(server, (n, from) => Effect.as(from.done(Exit.die("theirs")), noReply(n)))
      const exit = yield* Effect.exit(call)
      assert.deepStrictEqual(exit, Exit.failCause(Cause.die("theirs")))
      assert.strictEqual(yield* stateOf(server), 0)
    })
  )
})
