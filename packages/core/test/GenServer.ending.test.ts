import { assert, describe, it } from "@effect/vitest"
import { ExitReason, GenServer, Process } from "@effect-otp/core"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { eachGear } from "./fixtures/gears.ts"
import { quiet, told } from "./fixtures/observing.ts"
import { ask, Note, Scripted, type ScriptedOptions, start, stateOf, tell } from "./fixtures/Scripted.ts"

const { noReply, reply, stop } = GenServer

/** A server in a scope of its own, that writes down when what its callbacks acquired is released. */
const inScope = (log: Array<string>, options?: ScriptedOptions) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const server = yield* Scope.extend(start({ init: () => Effect.as(holding(log, "init's"), 0), ...options }), scope)
    return { server, close: Scope.close(scope, Exit.void) }
  })

const holding = (log: Array<string>, what: string) =>
  Effect.acquireRelease(Effect.void, () => Effect.sync(() => log.push(`released ${what}`)))

/** Says so when it is interrupted, and takes its time about it. */
const stubborn = (log: Array<string>, what: string, time: Duration.DurationInput) =>
  Effect.onInterrupt(Effect.never, () =>
    Effect.delay(
      Effect.sync(() => log.push(`${what} interrupted`)),
      time
    )
  )

describe("GenServer, its end", () => {
  describe("TERM-9: the end of the scope waits", () => {
    for (const [shutdown, ms] of [
      [undefined, 5000],
      ["2 seconds", 2000]
    ] as const) {
      for (const trapExit of [false, true]) {
        it.scoped(`at most ${ms} ms, and then kills: ${trapExit ? "a long terminate" : "a handler that lingers"}`, () =>
          Effect.gen(function* () {
            const log: Array<string> = []
            const { close, server } = yield* inScope(log, {
              shutdown,
              trapExit,
              terminate: () => stubborn(log, "terminate", 0)
            })
            const waiting = yield* Effect.fork(
              told(
                ask(server, (n) => (trapExit ? noReply(n) : stubborn(log, "handler", "1 hour")), {
                  timeout: "infinity"
                })
              )
            )
            yield* quiet
            const closing = yield* Effect.fork(close)
            yield* TestClock.adjust(ms - 1)
            assert.isNull(closing.unsafePoll())
            assert.isNull(waiting.unsafePoll())
            yield* TestClock.adjust(1)
            yield* Fiber.join(closing)
            assert.strictEqual(yield* Fiber.join(waiting), "ServerDown: killed")
            // What is left of it ends in the background.
            yield* TestClock.adjust("1 hour")
            assert.deepStrictEqual(log, [trapExit ? "terminate interrupted" : "handler interrupted", "released init's"])
          })
        )
      }
    }

    it.scoped('as long as it takes, with "infinity"', () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const { close } = yield* inScope(log, {
          shutdown: "infinity",
          trapExit: true,
          terminate: () =>
            Effect.delay(
              Effect.sync(() => log.push("terminated")),
              "3 days"
            )
        })
        const closing = yield* Effect.fork(close)
        yield* quiet
        yield* TestClock.adjust("71 hours")
        assert.isNull(closing.unsafePoll())
        yield* TestClock.adjust("1 hour")
        yield* Fiber.join(closing)
        assert.deepStrictEqual(log, ["terminated", "released init's"])
      })
    )

    it.scoped('not at all, with "brutal": it is killed, and terminate does not run', () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const { close, server } = yield* inScope(log, {
          shutdown: "brutal",
          trapExit: true,
          terminate: () => Effect.sync(() => log.push("terminate"))
        })
        const waiting = yield* Effect.fork(told(ask(server, () => Effect.uninterruptible(Effect.never))))
        yield* quiet
        yield* close
        assert.strictEqual(yield* Fiber.join(waiting), "ServerDown: killed")
        assert.deepStrictEqual(log, [])
      })
    )

    it.scoped("for a server that is stopping already", () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const { close, server } = yield* inScope(log, {
          terminate: (reason) =>
            Effect.delay(
              Effect.sync(() => log.push(ExitReason.format(reason))),
              "1 second"
            )
        })
        const stopping = yield* Effect.fork(GenServer.stop(server))
        yield* quiet
        const closing = yield* Effect.fork(close)
        yield* TestClock.adjust("999 millis")
        assert.isNull(closing.unsafePoll())
        yield* TestClock.adjust("1 millis")
        yield* Fiber.join(closing)
        yield* Fiber.join(stopping)
        assert.deepStrictEqual(log, ["normal", "released init's"])
      })
    )
  })

  it.scoped("what init acquired is released when the server ends, whatever way, and once", () =>
    Effect.gen(function* () {
      for (const end of [
        (server: GenServer.ServerRef<Scripted>) => GenServer.stop(server),
        (server: GenServer.ServerRef<Scripted>) => told(ask(server, (n) => stop(ExitReason.normal, n))),
        (server: GenServer.ServerRef<Scripted>) => told(ask(server, () => Effect.die("a bug"))),
        (server: GenServer.ServerRef<Scripted>) => Process.exit(server, ExitReason.shutdown()),
        (server: GenServer.ServerRef<Scripted>) => Process.exit(server, ExitReason.killed)
      ]) {
        const log: Array<string> = []
        const { close, server } = yield* inScope(log)
        yield* stateOf(server)
        assert.deepStrictEqual(log, [])
        yield* end(server)
        yield* quiet
        assert.deepStrictEqual(log, ["released init's"])
        yield* close
        assert.deepStrictEqual(log, ["released init's"])
      }
    })
  )

  it.scoped(
    "the order on the way out: the handler's scope, terminate, forked fibers, init's scope backwards, callers",
    () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const { server } = yield* inScope(log, {
          init: () =>
            Effect.gen(function* () {
              yield* holding(log, "first")
              yield* holding(log, "second")
              yield* Effect.fork(stubborn(log, "init's fiber", 0))
              return 0
            }),
          terminate: () => Effect.as(holding(log, "terminate's"), log.push("terminate"))
        })
        const waiting = yield* Effect.fork(Effect.tap(told(ask(server, (n) => noReply(n))), (given) => log.push(given)))
        yield* quiet
        const crashing = ask(server, () =>
          Effect.gen(function* () {
            yield* holding(log, "handler's")
            const self = yield* Scripted.self
            yield* Scope.addFinalizer(
              self.scope,
              Effect.sync(() => log.push("released self's"))
            )
            return yield* Effect.die(new Error("a bug"))
          })
        )
        yield* Effect.tap(told(crashing), (given) => log.push(given))
        yield* Fiber.join(waiting)
        assert.deepStrictEqual(log, [
          "released handler's",
          "terminate",
          "released terminate's",
          "init's fiber interrupted",
          "released self's",
          "released second",
          "released first",
          "ServerDown: crashed: Error: a bug",
          "ServerDown: crashed: Error: a bug"
        ])
      })
  )

  it.scoped("init's scope is closed with why the server ended", () =>
    Effect.gen(function* () {
      const exits: Array<Exit.Exit<unknown, unknown>> = []
      const init = () =>
        Effect.as(
          Effect.addFinalizer((exit) => Effect.sync(() => exits.push(exit))),
          0
        )
      yield* GenServer.stop(yield* start({ init }))
      yield* told(ask(yield* start({ init }), () => Effect.die("a bug")))
      assert.deepStrictEqual(exits, [Exit.void, Exit.die("a bug")])
    })
  )

  eachGear(
    "a killed handler is disowned: what it still does is dropped, its callers are told at once (PROC-5)",
    (gear) =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const { close, server } = yield* inScope(log)
        const lingering = Effect.uninterruptible(
          Effect.delay(
            Effect.sync(() => log.push("handler ended")),
            "1 hour"
          )
        )
        const handled = yield* Effect.fork(
          told(gear.ask(server, (n) => Effect.as(lingering, reply("too late", n + 1)), { timeout: "infinity" }))
        )
        yield* quiet
        yield* Process.exit(server, ExitReason.killed)
        assert.strictEqual(yield* Fiber.join(handled), "ServerDown: killed")
        // The parent does not wait for a zombie.
        yield* close
        assert.deepStrictEqual(log, [])
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual(log, ["handler ended", "released init's"])
        assert.strictEqual(yield* told(stateOf(server)), "ServerDown: no process")
      })
  )

  it.scoped("a kill during terminate ends the wait for it, and what init acquired is released", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const { server } = yield* inScope(log, { terminate: () => stubborn(log, "terminate", 0) })
      const stopping = yield* Effect.fork(told(GenServer.stop(server)))
      yield* quiet
      yield* Process.exit(server, ExitReason.killed)
      assert.strictEqual(yield* Fiber.join(stopping), "ServerDown: killed")
      yield* quiet
      assert.deepStrictEqual(log, ["terminate interrupted", "released init's"])
    })
  )

  it.scoped("a server that has been told to end is not told a second time (PROC-7)", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const { server } = yield* inScope(log, {
        terminate: (reason) =>
          Effect.delay(
            Effect.sync(() => log.push(ExitReason.format(reason))),
            "1 second"
          )
      })
      const stopping = yield* Effect.fork(told(GenServer.stop(server, ExitReason.shutdown("first"))))
      yield* quiet
      yield* Process.exit(server, ExitReason.shutdown("second"))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(stopping), "undefined")
      assert.deepStrictEqual(log, ["shutdown: first", "released init's"])
    })
  )

  it.scoped("fibers that handlers forked end with the server, and before its end is told", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const { server } = yield* inScope(log)
      yield* ask(server, (n) => Effect.as(Effect.fork(stubborn(log, "forked", "1 second")), reply(n, n)))
      yield* quiet
      const stopping = yield* Effect.fork(GenServer.stop(server))
      yield* quiet
      assert.isNull(stopping.unsafePoll())
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(stopping)
      assert.deepStrictEqual(log, ["forked interrupted", "released init's"])
    })
  )

  it.scoped("fibers that handlers forked end with a killed server", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const { server } = yield* inScope(log)
      yield* ask(server, (n) => Effect.as(Effect.fork(stubborn(log, "forked", 0)), reply(n, n)))
      yield* quiet
      yield* Process.exit(server, ExitReason.killed)
      yield* quiet
      assert.deepStrictEqual(log, ["forked interrupted", "released init's"])
    })
  )

  it.scoped("timers die with their server (PROC-19)", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start({ terminate: () => Effect.delay(Effect.void, "3 seconds") })
      const tick = new Note({
        handle: (n) => {
          log.push("tick")
          return noReply(n)
        }
      })
      yield* ask(server, (n) =>
        Effect.gen(function* () {
          const self = yield* Scripted.self
          yield* self.sendEvery(tick, "1 second")
          yield* self.sendAfter(tick, "1500 millis")
          return reply(undefined, n)
        })
      )
      yield* TestClock.adjust("1 second")
      const stopping = yield* Effect.fork(GenServer.stop(server))
      yield* TestClock.adjust("1 hour")
      yield* Fiber.join(stopping)
      assert.deepStrictEqual(log, ["tick"])
    })
  )

  it.scoped("a server may end itself with a signal, normal included (PROC-4)", () =>
    Effect.gen(function* () {
      for (const [reason, expected] of [
        [ExitReason.normal, "ServerDown: normal"],
        [ExitReason.shutdown(), "ServerDown: shutdown"],
        [ExitReason.killed, "ServerDown: killed"]
      ] as const) {
        const server = yield* start()
        const call = ask(server, (n) =>
          Effect.as(Effect.zipLeft(Process.exit(Scripted, reason), Effect.yieldNow()), reply(n, n))
        )
        assert.strictEqual(yield* told(call), expected)
      }
    })
  )

  it.scoped("messages to a server that has ended by a crash go nowhere, for each sender alike", () =>
    Effect.gen(function* () {
      const server = yield* start()
      yield* told(ask(server, () => Effect.die("a bug")))
      yield* tell(server, (n) => noReply(n))
      assert.strictEqual(yield* told(stateOf(server)), "ServerDown: no process")
    })
  )
})
