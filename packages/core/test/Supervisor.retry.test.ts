import { assert, describe, it } from "@effect/vitest"
import { CallError, ExitReason, Supervisor } from "@effect-otp/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import {
  crash,
  eachKind,
  end,
  Family,
  type MemberOptions,
  settled,
  start,
  stateOf,
  statuses
} from "./fixtures/family.ts"
import { told } from "./fixtures/observing.ts"

const crashed = (name: string) => `${name} terminated: crashed: Error: a bug`

/** An `init` that fails at those of its runs, at once or after a second. */
const failingAt = (...runs: ReadonlyArray<number>): MemberOptions => ({
  init: (n) => (runs.includes(n) ? Effect.fail(`no disk ${n}`) : n)
})
const slowlyFailingAt = (...runs: ReadonlyArray<number>): MemberOptions => ({
  init: (n) => (runs.includes(n) ? Effect.delay(Effect.fail(`no disk ${n}`), "1 second") : n)
})

/** Restarts without an end. */
const patient = { restarts: Infinity, within: "5 seconds" } as const

describe("Supervisor, restarts that fail", () => {
  eachKind("SUP-18: a restart that fails is tried again, at once", (family) =>
    Effect.gen(function* () {
      const { a, sup } = yield* start({ children: [family.a(failingAt(2, 3)), family.b()] })
      yield* Effect.sync(() => family.news)
      yield* crash(a)
      yield* settled
      assert.deepStrictEqual(family.news, [crashed("a"), "a failed", "a failed", "a started"])
      assert.strictEqual(yield* stateOf(a), 4)
      // It was started again once.
      assert.strictEqual((yield* Supervisor.getChild(sup, "a")).restarts, 1)
    })
  )

  eachKind("SUP-18: a transient child is tried again, too: a failure to start is no end that it wanted", (family) =>
    Effect.gen(function* () {
      const { a } = yield* start({ children: [family.a({ ...failingAt(2), restart: "transient" })] })
      yield* crash(a)
      yield* settled
      assert.strictEqual(yield* stateOf(a), 3)
    })
  )

  it.scoped("SUP-18: the supervisor answers between the attempts, and the child is restarting", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a, b, sup } = yield* start({
        intensity: patient,
        children: [
          family.a({ init: (n) => (n === 1 ? n : Effect.delay(Effect.fail("no disk"), "1 second")) }),
          family.b()
        ]
      })
      yield* crash(a)
      const seen: Array<string> = []
      for (let i = 0; i < 3; i++) {
        const looking = yield* Effect.fork(statuses(sup))
        yield* TestClock.adjust("1 second")
        seen.push(...(yield* Fiber.join(looking)))
      }
      assert.deepStrictEqual(seen, Array.from({ length: 3 }, () => ["a: restarting", "b: running"]).flat())
      assert.strictEqual(yield* stateOf(b), 0)
    })
  )

  it.scoped("SUP-18: meanwhile the child's place is taken, and it can be neither restarted nor deleted", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a, sup } = yield* start({
        intensity: patient,
        children: [family.a({ init: (n) => (n === 1 ? n : Effect.delay(Effect.fail("no disk"), "1 second")) })]
      })
      yield* crash(a)
      const asked: ReadonlyArray<Effect.Effect<unknown, Error>> = [
        Supervisor.startChild(sup, family.a()),
        Supervisor.restartChild(sup, "a"),
        Supervisor.deleteChild(sup, "a")
      ]
      const answers: Array<string> = []
      for (const ask of asked) {
        const asking = yield* Effect.fork(Effect.flip(ask))
        yield* TestClock.adjust("1 second")
        answers.push((yield* Fiber.join(asking)).message)
      }
      assert.deepStrictEqual(answers, [
        "the child a of Sup does not run: restart it or delete it",
        "the child a of Sup is restarting: terminate it first",
        "the child a of Sup is restarting: terminate it first"
      ])
    })
  )

  it.scoped("SUP-18: terminateChild cancels the restart", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a, sup } = yield* start({
        intensity: patient,
        children: [family.a({ init: (n) => (n <= 1 || n > 9 ? n : Effect.delay(Effect.fail("no disk"), "1 second")) })]
      })
      yield* crash(a)
      yield* settled
      const terminating = yield* Effect.fork(Supervisor.terminateChild(sup, "a"))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(terminating)
      assert.deepStrictEqual(family.news, ["a started", crashed("a"), "a failed"])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(family.news, [])
      assert.deepStrictEqual(yield* statuses(sup), ["a: stopped"])
      assert.strictEqual(yield* told(stateOf(a)), "ServerDown: no process")
      yield* Supervisor.deleteChild(sup, "a")
      assert.deepStrictEqual(yield* statuses(sup), [])
    })
  )

  it.scoped("callers are told with each failed attempt why the last one failed, and which it was", () =>
    Effect.gen(function* () {
      const family = new Family()
      const seen: Array<string> = []
      const { a } = yield* start({
        intensity: patient,
        backoff: Schedule.spaced("1 second"),
        children: [family.a(failingAt(2, 3))]
      })
      const look = Effect.map(Effect.flip(stateOf(a)), (error) => {
        assert(error instanceof CallError.ServerDown && error.reason._tag === "Restarting")
        seen.push(`${error.reason.attempt}: ${ExitReason.format(error.reason)}`)
      })
      yield* crash(a)
      for (let i = 0; i < 3; i++) {
        yield* settled
        yield* look
        yield* TestClock.adjust("1 second")
      }
      assert.deepStrictEqual(seen, [
        "0: restarting after Error: a bug",
        "1: restarting after Error: no disk 2",
        "2: restarting after Error: no disk 3"
      ])
      assert.strictEqual(yield* stateOf(a), 4)
    })
  )

  it.scoped("a supervisor that is stopped while it restarts a child gives that up", () =>
    Effect.gen(function* () {
      const family = new Family()
      const scope = yield* Scope.make()
      const { a, b } = yield* Scope.extend(
        start({ children: [family.b(), family.a({ init: (n) => (n === 1 ? n : Effect.never) })] }),
        scope
      )
      yield* crash(a)
      yield* settled
      const waiting = yield* Effect.fork(told(stateOf(a)))
      yield* settled
      yield* Scope.close(scope, Exit.void)
      assert.match(yield* Fiber.join(waiting), /^ServerDown: /)
      assert.strictEqual(yield* told(stateOf(b)), "ServerDown: no process")
      assert.deepStrictEqual(family.log, ["b started", "a started", crashed("a"), "b terminated: shutdown"])
    })
  )
})

describe("Supervisor, restarts of a group that fail", () => {
  eachKind("SUP-19: one_for_all stops what it has just started, and starts all again", (family) =>
    Effect.gen(function* () {
      const { a, sup } = yield* start({
        strategy: "one_for_all",
        children: [family.a(), family.b(failingAt(2, 3)), family.c()]
      })
      yield* Effect.sync(() => family.news)
      yield* crash(a)
      yield* settled
      assert.deepStrictEqual(family.news, [
        crashed("a"),
        "c terminated: shutdown",
        "b terminated: shutdown",
        "a started",
        "b failed",
        "a terminated: shutdown",
        "a started",
        "b failed",
        "a terminated: shutdown",
        "a started",
        "b started",
        "c started"
      ])
      assert.deepStrictEqual(yield* statuses(sup), ["a: running", "b: running", "c: running"])
    })
  )

  eachKind("SUP-19: rest_for_one goes on with the child that failed", (family) =>
    Effect.gen(function* () {
      const { a, sup } = yield* start({
        strategy: "rest_for_one",
        children: [family.a(), family.b(failingAt(2, 3)), family.c()]
      })
      yield* Effect.sync(() => family.news)
      yield* crash(a)
      yield* settled
      assert.deepStrictEqual(family.news, [
        crashed("a"),
        "c terminated: shutdown",
        "b terminated: shutdown",
        "a started",
        "b failed",
        "b failed",
        "b started",
        "c started"
      ])
      assert.deepStrictEqual(yield* statuses(sup), ["a: running", "b: running", "c: running"])
    })
  )

  for (const strategy of ["one_for_all", "rest_for_one"] as const) {
    it.scoped(`SUP-19, SUP-17: each attempt counts, and too many end the supervisor: ${strategy}`, () =>
      Effect.gen(function* () {
        const family = new Family()
        const { a, b, c } = yield* start({
          strategy,
          children: [family.a(), family.b(failingAt(2, 3, 4, 5, 6)), family.c()]
        })
        yield* Effect.sync(() => family.news)
        yield* crash(a)
        yield* settled
        assert.strictEqual(family.news.filter((line) => line === "b failed").length, 3)
        assert.strictEqual(yield* told(stateOf(a)), "ServerDown: shutdown")
        assert.strictEqual(yield* told(stateOf(b)), "ServerDown: shutdown")
        assert.strictEqual(yield* told(stateOf(c)), "ServerDown: shutdown")
      })
    )

    it.scoped(`SUP-19: the supervisor answers between the attempts: ${strategy}`, () =>
      Effect.gen(function* () {
        const family = new Family()
        const { a, sup } = yield* start({ strategy, children: [family.a(), family.b(slowlyFailingAt(2)), family.c()] })
        yield* crash(a)
        yield* settled
        const looking = yield* Effect.fork(statuses(sup))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* Fiber.join(looking), ["a: running", "b: restarting", "c: stopped"])
        yield* settled
        assert.deepStrictEqual(yield* statuses(sup), ["a: running", "b: running", "c: running"])
      })
    )

    it.scoped(`SUP-18: a cancelled restart leaves those after it where they are, and tells so: ${strategy}`, () =>
      Effect.gen(function* () {
        const family = new Family()
        const { a, b, c, sup } = yield* start({
          strategy,
          children: [family.a(), family.b(slowlyFailingAt(2)), family.c()]
        })
        yield* crash(a)
        yield* settled
        const terminating = yield* Effect.fork(Supervisor.terminateChild(sup, "b"))
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(terminating)
        yield* settled
        assert.deepStrictEqual(yield* statuses(sup), ["a: running", "b: stopped", "c: stopped"])
        assert.strictEqual(yield* told(stateOf(b)), "ServerDown: no process")
        assert.strictEqual(yield* told(stateOf(c)), "ServerDown: no process")
        yield* Supervisor.restartChild(sup, "c")
        assert.strictEqual(yield* stateOf(c), 0)
      })
    )
  }

  it.scoped("a child of the group that ends while others are being started is restarted after that", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a, b } = yield* start({
        strategy: "rest_for_one",
        children: [
          family.a(),
          family.b(),
          family.c({ init: (n) => (n === 2 ? Effect.delay(Effect.succeed(n), "1 second") : n) })
        ]
      })
      yield* Effect.sync(() => family.news)
      yield* crash(a)
      yield* settled
      yield* end(b, ExitReason.normal)
      yield* TestClock.adjust("1 second")
      yield* settled
      assert.deepStrictEqual(family.news, [
        crashed("a"),
        "c terminated: shutdown",
        "b terminated: shutdown",
        "a started",
        "b started",
        "b terminated: normal",
        "c started",
        "c terminated: shutdown",
        "b started",
        "c started"
      ])
    })
  )
})
