import { assert, describe, it } from "@effect/vitest"
import { ExitReason, GenServer, Process } from "@effect-otp/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { quiet } from "./fixtures/observing.ts"
import { ask, layer, Scripted, start, stateOf, tell } from "./fixtures/Scripted.ts"

const { noReply, reply, stopReply } = GenServer

const resource = (name: string, seen: Array<string>, release: Effect.Effect<void> = Effect.void) =>
  Effect.acquireRelease(
    Effect.sync(() => seen.push(`acquired ${name}`)),
    () =>
      Effect.zipRight(
        release,
        Effect.sync(() => seen.push(`released ${name}`))
      )
  )

describe("GenServer, between two steps", () => {
  it.effect(
    "a scope that closes right after a cast is not held up: no time passes, and init's resource is released",
    () =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        const server = layer({ init: () => Effect.as(resource("table", seen), 0) })
        yield* Effect.provide(
          tell(Scripted, () => noReply(1)),
          server
        )
        assert.deepStrictEqual(seen, ["acquired table", "released table"])
      })
  )

  it.scoped("an exit signal right after a cast ends a server whose fiber has not begun", () =>
    Effect.gen(function* () {
      const server = yield* start()
      yield* tell(server, () => noReply(1))
      yield* Process.exit(server, ExitReason.shutdown())
      const exit = yield* Effect.exit(GenServer.stop(server))
      assert.isTrue(Exit.isFailure(exit))
    })
  )

  it.scoped("a kill right after a cast releases what init acquired", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const server = yield* start({
        hibernateAfter: "1 second",
        init: () => Effect.as(resource("table", seen), 0)
      })
      yield* TestClock.adjust("3 seconds")
      yield* tell(server, () => noReply(1))
      yield* Process.exit(server, ExitReason.killed)
      yield* quiet
      assert.deepStrictEqual(seen, ["acquired table", "released table"])
    })
  )

  it.scoped("all finalizers of a handler run, also when the server is ended while they do", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const server = yield* start()
      yield* Effect.fork(
        ask(server, (state) =>
          Effect.gen(function* () {
            yield* resource("1", seen)
            yield* resource("2", seen, Effect.sleep("1 second"))
            return reply(undefined, state)
          })
        )
      )
      yield* quiet
      yield* Process.exit(server, ExitReason.shutdown())
      yield* TestClock.adjust("1 second")
      yield* quiet
      assert.deepStrictEqual(seen, ["acquired 1", "acquired 2", "released 2", "released 1"])
    })
  )

  it.scoped("a logger that throws keeps nobody waiting", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const broken = Logger.replace(
        Logger.defaultLogger,
        Logger.make(() => {
          throw new Error("no disk")
        })
      )
      const server = yield* start({
        init: () => Effect.as(resource("table", seen), 0),
        terminate: () => Effect.sync(() => seen.push("terminate"))
      }).pipe(Effect.provide(broken))
      const exit = yield* Effect.exit(ask(server, () => Effect.die("boom"), { timeout: "infinity" }))
      assert.isTrue(Exit.isFailure(exit))
      assert.deepStrictEqual(seen, ["acquired table", "terminate", "released table"])
    })
  )

  it.scoped("stopReply gives no reply from a server that is killed in terminate (PROC-5)", () =>
    Effect.gen(function* () {
      const server = yield* start({ terminate: () => Effect.never })
      const call = yield* Effect.fork(Effect.flip(ask(server, () => stopReply(ExitReason.normal, 42, 0))))
      yield* quiet
      yield* Process.exit(server, ExitReason.killed)
      const error = yield* Fiber.join(call)
      assert.isTrue(
        typeof error === "object" && error._tag === "ServerDown" && error.reason._tag === "Killed",
        String(error)
      )
    })
  )

  it.scoped("a reader of changes that gives up a pull does not lose the next state", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const pull = yield* Stream.toPull(GenServer.changes(server))
      assert.deepStrictEqual(Array.from(yield* pull), [0])
      const given = yield* Effect.fork(Effect.timeoutOption(pull, "1 second"))
      yield* TestClock.adjust("1 second")
      assert.isTrue(Option.isNone(yield* Fiber.join(given)))
      yield* ask(server, () => reply(undefined, 7))
      assert.deepStrictEqual(Array.from(yield* pull), [7])
    })
  )
})

describe("GenServer, full mailboxes", () => {
  it.scoped("a cast from a fiber that a handler forked is the server's own: it never waits", () =>
    Effect.gen(function* () {
      const server = yield* start({ mailbox: { capacity: 1, overflow: "backpressure" } })
      const add = tell(server, (state) => noReply(state + 1))
      yield* ask(server, (state) =>
        Effect.as(Effect.all([add, add, add], { concurrency: "unbounded", discard: true }), reply(undefined, state))
      )
      assert.strictEqual(yield* stateOf(server), 3)
    })
  )

  it.scoped("two servers whose casts wait for each other's room both go on", () =>
    Effect.gen(function* () {
      const options = { mailbox: { capacity: 1, overflow: "backpressure" } } as const
      const [a, b] = yield* Effect.all([start(options), start(options)])
      const twice = (other: typeof a) =>
        Effect.zipRight(
          tell(other, (state) => noReply(state + 1)),
          tell(other, (state) => noReply(state + 1))
        )
      const busy = (own: typeof a, other: typeof a) =>
        ask(own, (state) => Effect.zipRight(Effect.yieldNow(), Effect.as(twice(other), reply(undefined, state))))
      yield* Effect.all([busy(a, b), busy(b, a)], { concurrency: "unbounded" })
      yield* quiet
      assert.deepStrictEqual([yield* stateOf(a), yield* stateOf(b)], [2, 2])
    })
  )

  it.scoped("one server's flood of another's full mailbox waits, and all of it arrives in order", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const server = yield* start({ mailbox: { capacity: 2, overflow: "backpressure" } }).pipe(Scope.extend(scope))
      yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], (n) => tell(server, (state) => noReply(state * 10 + n)), {
        discard: true
      })
      assert.strictEqual(yield* stateOf(server), 12345678)
      yield* Scope.close(scope, Exit.void)
    })
  )
})
