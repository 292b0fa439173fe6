/**
 * What servers have of whoever starts them.
 */
import { assert, describe, it } from "@effect/vitest"
import { GenServer } from "@effect-otp/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Scheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"
import { capture, type Environment, isLive } from "../../src/internal/environment.ts"
import { quiet, told } from "../fixtures/observing.ts"
import { ask, Next, Note, type Ref, start, tell } from "../fixtures/Scripted.ts"

const { noReply, reply } = GenServer

const here: Effect.Effect<Environment> = Effect.withFiberRuntime((fiber) =>
  Effect.succeed(capture(fiber as Fiber.RuntimeFiber<unknown, unknown>))
)

const number = FiberRef.unsafeMake(0)

class Word extends Context.Tag("@test/Word")<Word, string>() {}

describe("the environment", () => {
  it.effect("is one for all that a fiber starts", () =>
    Effect.gen(function* () {
      const first = yield* here
      for (let i = 0; i < 10; i++) {
        yield* Effect.yieldNow()
        assert.strictEqual(yield* here, first)
      }
      const inALoop = yield* Effect.forEach([1, 2, 3], () => here)
      assert.deepStrictEqual(
        inALoop.map((environment) => environment === first),
        [true, true, true]
      )
    })
  )

  it.effect("is one for all that is started uninterruptibly, too, and has nothing of that", () =>
    Effect.gen(function* () {
      const first = yield* here
      const masked = yield* Effect.uninterruptible(Effect.zip(here, here))
      assert.strictEqual(masked[0], masked[1])
      assert.strictEqual(masked[0].runtimeFlags, first.runtimeFlags)
    })
  )

  it.effect("is another one for another logger, service, or FiberRef", () =>
    Effect.gen(function* () {
      const first = yield* here
      const changed: ReadonlyArray<Effect.Effect<Environment>> = [
        Effect.locally(here, number, 1),
        Effect.provide(here, Logger.replace(Logger.defaultLogger, Logger.none)),
        Effect.provideService(here, Word, "one"),
        Effect.annotateLogs(here, "key", "value"),
        Effect.withLogSpan(here, "span")
      ]
      for (const other of changed) assert.notStrictEqual(yield* other, first)
    })
  )

  it.effect("of another fiber is another one where it differs", () =>
    Effect.gen(function* () {
      const first = yield* here
      const other = yield* Effect.locally(Effect.flatMap(Effect.fork(here), Fiber.join), number, 5)
      assert.notStrictEqual(other, first)
    })
  )

  it("is live under the default scheduler, and under that of runSync once it has returned", () => {
    assert.isTrue(isLive(Scheduler.defaultScheduler))
    const scheduler = new Scheduler.SyncScheduler()
    assert.isFalse(isLive(scheduler))
    scheduler.flush()
    assert.isTrue(isLive(scheduler))
    assert.isFalse(isLive(new Scheduler.MixedScheduler(1)))
  })
})

/** What the callbacks of a server find in a FiberRef, each of which sets it for itself. */
const seenBy = (
  run: (server: Ref, look: Effect.Effect<void>) => Effect.Effect<unknown, unknown, Scope.Scope>
): Effect.Effect<ReadonlyArray<number>, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const seen: Array<number> = []
    const look = Effect.flatMap(FiberRef.getAndSet(number, 99), (value) => Effect.sync(() => void seen.push(value)))
    yield* Effect.scoped(
      Effect.gen(function* () {
        const server = yield* Effect.locally(
          start({ init: () => Effect.as(look, 0), terminate: () => look, trapExit: true }),
          number,
          1
        )
        yield* run(server, look)
        yield* quiet
      })
    )
    return seen
  })

describe("callbacks", () => {
  it.scoped("find the layer's FiberRefs, whatever one before has set", () =>
    Effect.gen(function* () {
      const seen = yield* seenBy((server, look) =>
        Effect.gen(function* () {
          const note = (state: number) => Effect.as(look, noReply(state))
          yield* ask(server, (state) => Effect.as(look, reply(0, state)))
          yield* ask(server, (state) => Effect.as(Effect.zipRight(Effect.yieldNow(), look), reply(0, state)))
          yield* tell(server, note)
          yield* tell(server, note)
          yield* ask(server, (state) => Effect.as(look, reply(0, state, { continue: new Next({ handle: note }) })))
          yield* ask(server, (state) =>
            Effect.as(look, reply(0, state, { idleTimeout: [0, new Note({ handle: note })] }))
          )
        })
      )
      assert.deepStrictEqual(
        seen,
        Array.from({ length: 10 }, () => 1)
      )
    })
  )

  it.scoped("find them after one that has failed, too", () =>
    Effect.gen(function* () {
      const seen = yield* seenBy((server, look) =>
        Effect.gen(function* () {
          yield* told(ask(server, () => Effect.zipRight(look, Effect.fail("no"))))
          yield* told(ask(server, (state) => Effect.as(look, reply(0, state))))
          yield* told(ask(server, () => Effect.zipRight(look, Effect.die("no"))))
        })
      )
      assert.deepStrictEqual(seen, [1, 1, 1, 1, 1])
    })
  )

  it.scoped("find the layer's, not their caller's", () =>
    Effect.gen(function* () {
      const seen = yield* seenBy((server, look) =>
        Effect.locally(
          Effect.gen(function* () {
            yield* ask(server, (state) => Effect.as(look, reply(0, state)))
            yield* ask(server, (state) => Effect.as(Effect.zipRight(Effect.yieldNow(), look), reply(0, state)))
          }),
          number,
          5
        )
      )
      assert.deepStrictEqual(seen, [1, 1, 1, 1])
    })
  )

  it.effect("find the services of their layer, not of whoever uses it", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* Effect.provideService(start(), Word, "layer's")
          yield* Effect.provideService(
            ask(server, (state) =>
              Effect.map(Effect.serviceOption(Word), (word) => {
                seen.push(word._tag === "Some" ? word.value : "none")
                return reply(0, state)
              })
            ),
            Word,
            "caller's"
          )
        })
      )
      assert.deepStrictEqual(seen, ["layer's"])
    })
  )

  it.scoped("can be interrupted, though their layer is built uninterruptibly", () =>
    Effect.gen(function* () {
      const server = yield* Effect.uninterruptible(start())
      const isInterruptible = yield* ask(server, (state) =>
        Effect.checkInterruptible((isInterruptible) => Effect.succeed(reply(isInterruptible, state)))
      )
      assert.strictEqual(isInterruptible, true)
    })
  )

  it.effect("that silence the log do not silence the crash that follows", () =>
    Effect.gen(function* () {
      const logged: Array<unknown> = []
      const logger = Logger.make(({ message }) => void logged.push(message))
      yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* Effect.provide(start(), Logger.replace(Logger.defaultLogger, logger))
          yield* told(
            ask(server, () =>
              FiberRef.set(FiberRef.currentMinimumLogLevel, LogLevel.None).pipe(
                Effect.zipRight(FiberRef.set(FiberRef.currentLoggers, HashSet.empty())),
                Effect.zipRight(Effect.die("no"))
              )
            )
          )
        })
      )
      assert.strictEqual(logged.length, 1)
      assert.include(String(logged[0]), "Scripted crashed in handleCall.Do")
    })
  )

  it.scoped("log with their own layer's loggers", () =>
    Effect.gen(function* () {
      const logs: ReadonlyArray<Array<string>> = [[], []]
      const servers = yield* Effect.forEach(logs, (log) =>
        Effect.provide(
          start(),
          Logger.replace(
            Logger.defaultLogger,
            Logger.make(({ message }) => void log.push(String(message)))
          )
        )
      )
      for (const [index, server] of servers.entries()) {
        yield* ask(server, (state) => Effect.as(Effect.log(`handler ${index}`), reply(0, state)))
      }
      assert.deepStrictEqual(logs, [["handler 0"], ["handler 1"]])
    })
  )
})
