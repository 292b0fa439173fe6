import { assert, describe, it } from "@effect/vitest"
import { CallError, ExitReason, Process, Supervisor } from "@effect-otp/core"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { crash, eachKind, end, Family, kill, settled, start, stateOf, statuses } from "./fixtures/family.ts"
import { told } from "./fixtures/observing.ts"

const patient = { restarts: Infinity, within: "1 minute" } as const

/** An `init` that says when it runs, in milliseconds. */
const timed = (times: Array<number>, fails: (n: number) => boolean = () => false) => ({
  init: (n: number) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      times.push(now)
      return fails(n) ? Effect.fail("no disk") : Effect.succeed(n)
    })
})

const after = (ms: number) => Effect.zipRight(TestClock.adjust(ms), settled)

/** What somebody who calls it is told: nothing if it answers. */
const downOf = (server: Parameters<typeof stateOf>[0]) =>
  Effect.match(stateOf(server) as Effect.Effect<unknown, CallError.CallError>, {
    onSuccess: () => null,
    onFailure: (error) => (error instanceof CallError.ServerDown ? error.reason : error)
  })

describe("Supervisor, back-off", () => {
  eachKind("waits before a child is started again, for as long as the schedule says, longer each time", (family) =>
    Effect.gen(function* () {
      const times: Array<number> = []
      const { a } = yield* start({
        intensity: patient,
        backoff: Schedule.exponential("1 second"),
        children: [family.a(timed(times))]
      })
      for (const ms of [1_000, 2_000, 4_000]) {
        yield* crash(a)
        yield* settled
        yield* after(ms - 1)
        assert.match(yield* told(stateOf(a)), /^ServerDown: restarting after Error: a bug/)
        yield* after(1)
        assert.match(yield* told(stateOf(a)), /^\d$/)
      }
      assert.deepStrictEqual(times, [0, 1_000, 3_000, 7_000])
    })
  )

  eachKind("waits between failed attempts, too", (family) =>
    Effect.gen(function* () {
      const times: Array<number> = []
      const { a } = yield* start({
        intensity: patient,
        backoff: Schedule.exponential("1 second"),
        children: [family.a(timed(times, (n) => n === 2 || n === 3))]
      })
      yield* crash(a)
      yield* settled
      for (let i = 0; i < 7; i++) yield* after(1_000)
      assert.deepStrictEqual(times, [0, 1_000, 3_000, 7_000])
      assert.strictEqual(yield* stateOf(a), 4)
    })
  )

  it.scoped("the supervisor answers while it waits, and sees to its other children", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a, b, sup } = yield* start({
        intensity: patient,
        backoff: Schedule.spaced("1 second"),
        children: [family.a(), family.b()]
      })
      yield* crash(a)
      yield* settled
      assert.deepStrictEqual(yield* statuses(sup), ["a: restarting", "b: running"])
      assert.deepStrictEqual(yield* Supervisor.countChildren(sup), { specs: 2, active: 1, supervisors: 0, workers: 2 })
      yield* after(500)
      yield* crash(b)
      yield* settled
      yield* Supervisor.startChild(sup, family.c())
      assert.deepStrictEqual(yield* statuses(sup), ["a: restarting", "b: restarting", "c: running"])
      yield* after(500)
      assert.deepStrictEqual(yield* statuses(sup), ["a: running", "b: restarting", "c: running"])
      yield* after(500)
      assert.deepStrictEqual(yield* statuses(sup), ["a: running", "b: running", "c: running"])
    })
  )

  for (const strategy of ["one_for_one", "one_for_all", "rest_for_one"] as const) {
    it.scoped(`callers are told when it will be tried again, the group's as well: ${strategy}`, () =>
      Effect.gen(function* () {
        const family = new Family()
        const { a, b } = yield* start({
          strategy,
          intensity: patient,
          backoff: Schedule.spaced("1 second"),
          children: [family.a(), family.b()]
        })
        yield* TestClock.adjust(500)
        yield* crash(a)
        yield* settled
        const expected = new ExitReason.Restarting({
          cause: Cause.die(new Error("a bug")),
          attempt: 0,
          at: 1_500
        })
        for (const server of strategy === "one_for_one" ? [a] : [a, b]) {
          const down = yield* downOf(server as typeof a)
          assert(down instanceof ExitReason.Restarting)
          assert.strictEqual(down.at, expected.at)
          assert.strictEqual(down.attempt, expected.attempt)
          assert.strictEqual(ExitReason.format(down), ExitReason.format(expected))
        }
      })
    )
  }

  it.scoped("after a failed attempt, too, callers of those that come after it are told when", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a, c } = yield* start({
        strategy: "rest_for_one",
        intensity: patient,
        backoff: Schedule.spaced("1 second"),
        children: [family.a(), family.b({ init: (n) => (n === 2 ? Effect.fail("no disk") : n) }), family.c()]
      })
      yield* crash(a)
      yield* settled
      yield* after(1_000)
      const down = yield* downOf(c)
      assert(down instanceof ExitReason.Restarting)
      assert.strictEqual(down.at, 2_000)
      assert.strictEqual(ExitReason.format(down), "restarting after Error: no disk")
      yield* after(1_000)
      assert.strictEqual(yield* downOf(c), null)
    })
  )

  it.scoped("each child has a schedule of its own", () =>
    Effect.gen(function* () {
      const family = new Family()
      const aTimes: Array<number> = []
      const bTimes: Array<number> = []
      const { a, b } = yield* start({
        intensity: patient,
        backoff: Schedule.exponential("1 second"),
        children: [family.a(timed(aTimes)), family.b(timed(bTimes))]
      })
      yield* crash(a)
      yield* settled
      yield* after(1_000)
      yield* crash(a)
      yield* crash(b)
      yield* settled
      yield* after(1_000)
      yield* after(1_000)
      assert.deepStrictEqual(aTimes, [0, 1_000, 3_000])
      assert.deepStrictEqual(bTimes, [0, 2_000])
    })
  )

  it.scoped("a child that has run for the intensity's time begins the schedule anew", () =>
    Effect.gen(function* () {
      const family = new Family()
      const times: Array<number> = []
      const { a } = yield* start({
        intensity: { restarts: Infinity, within: "10 seconds" },
        backoff: Schedule.exponential("1 second"),
        children: [family.a(timed(times))]
      })
      const crashAndWait = (ms: number) => Effect.zipRight(Effect.zipRight(crash(a), settled), after(ms))
      yield* crashAndWait(1_000)
      yield* crashAndWait(2_000)
      yield* after(9_999)
      yield* crashAndWait(4_000)
      yield* after(10_000)
      yield* crashAndWait(1_000)
      assert.deepStrictEqual(times, [0, 1_000, 3_000, 16_999, 27_999])
    })
  )

  it.scoped("a schedule that is done means giving up", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a, sup } = yield* start({
        intensity: patient,
        backoff: Schedule.intersect(Schedule.spaced("1 second"), Schedule.recurs(2)),
        children: [family.a(), family.b()]
      })
      const waiting = yield* Effect.fork(Effect.flip(Supervisor.awaitEnd(sup)))
      for (let i = 0; i < 2; i++) {
        yield* crash(a)
        yield* settled
        yield* after(1_000)
      }
      assert.strictEqual(yield* stateOf(a), 0)
      yield* Effect.sync(() => family.news)
      yield* crash(a)
      yield* settled
      assert.deepStrictEqual(family.news, ["a terminated: crashed: Error: a bug", "b terminated: shutdown"])
      assert.strictEqual(
        (yield* Fiber.join(waiting)).message,
        "Sup gave up: a ended once more than its back-off allows. The last time: Error: a bug"
      )
      assert.strictEqual(yield* told(stateOf(a)), "ServerDown: shutdown")
    })
  )

  it.scoped("a schedule that is done between failed attempts means giving up as well", () =>
    Effect.gen(function* () {
      const family = new Family()
      const times: Array<number> = []
      const { a } = yield* start({
        intensity: patient,
        backoff: Schedule.intersect(Schedule.spaced("1 second"), Schedule.recurs(2)),
        children: [family.a(timed(times, (n) => n > 1))]
      })
      yield* crash(a)
      yield* settled
      for (let i = 0; i < 5; i++) yield* after(1_000)
      assert.deepStrictEqual(times, [0, 1_000, 2_000])
      assert.strictEqual(yield* told(stateOf(a)), "ServerDown: shutdown")
    })
  )

  it.scoped("SUP-14: the intensity counts all the same, and a restart that is waited for counts once", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a } = yield* start({
        intensity: { restarts: 2, within: "1 minute" },
        backoff: Schedule.spaced("1 second"),
        children: [family.a()]
      })
      for (let i = 0; i < 2; i++) {
        yield* crash(a)
        yield* settled
        yield* after(1_000)
      }
      assert.strictEqual(yield* stateOf(a), 0)
      yield* crash(a)
      yield* settled
      assert.strictEqual(yield* told(stateOf(a)), "ServerDown: shutdown")
    })
  )

  it.scoped("the schedule is given the reason of the end", () =>
    Effect.gen(function* () {
      const family = new Family()
      const seen: Array<string> = []
      const { a } = yield* start({
        intensity: patient,
        backoff: Schedule.tapInput(Schedule.spaced("1 second"), (reason: ExitReason.ExitReason) =>
          Effect.sync(() => void seen.push(ExitReason.format(reason)))
        ),
        children: [family.a({ init: (n) => (n === 4 ? Effect.fail("no disk") : n) })]
      })
      for (const ending of [crash(a), end(a, ExitReason.normal), kill(a)]) {
        yield* ending
        yield* settled
        yield* after(1_000)
      }
      assert.deepStrictEqual(seen, ["crashed: Error: a bug", "normal", "killed", "crashed: Error: no disk"])
    })
  )

  it.scoped("a schedule without delays starts a child again at once", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a } = yield* start({ intensity: patient, backoff: Schedule.forever, children: [family.a()] })
      for (let i = 0; i < 5; i++) {
        yield* crash(a)
        yield* settled
        assert.strictEqual(yield* stateOf(a), 0)
      }
    })
  )

  for (const strategy of ["one_for_all", "rest_for_one"] as const) {
    it.scoped(`a group is stopped at once, and started when the time is over: ${strategy}`, () =>
      Effect.gen(function* () {
        const family = new Family()
        const { a } = yield* start({
          strategy,
          intensity: patient,
          backoff: Schedule.spaced("1 second"),
          children: [family.a(), family.b(), family.c()]
        })
        yield* Effect.sync(() => family.news)
        yield* crash(a)
        yield* settled
        assert.deepStrictEqual(family.news, [
          "a terminated: crashed: Error: a bug",
          "c terminated: shutdown",
          "b terminated: shutdown"
        ])
        yield* after(1_000)
        assert.deepStrictEqual(family.news, ["a started", "b started", "c started"])
      })
    )
  }

  it.scoped("one that waits is not started before those that it stands after: rest_for_one", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a, b, sup } = yield* start({
        strategy: "rest_for_one",
        intensity: patient,
        backoff: Schedule.spaced("1 second"),
        children: [family.a(), family.b()]
      })
      yield* Effect.sync(() => family.news)
      yield* crash(b)
      yield* settled
      yield* after(500)
      yield* crash(a)
      yield* settled
      yield* after(500)
      assert.deepStrictEqual(family.news, [
        "b terminated: crashed: Error: a bug",
        "a terminated: crashed: Error: a bug"
      ])
      yield* after(500)
      assert.deepStrictEqual(family.news, ["a started", "b started"])
      yield* after(10_000)
      assert.deepStrictEqual(family.news, [])
      assert.deepStrictEqual(yield* statuses(sup), ["a: running", "b: running"])
    })
  )

  it.scoped("SUP-18: terminateChild ends the wait, and a restart by hand does not wait", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a, sup } = yield* start({
        intensity: patient,
        backoff: Schedule.spaced("1 second"),
        children: [family.a()]
      })
      yield* crash(a)
      yield* settled
      yield* Supervisor.terminateChild(sup, "a")
      assert.strictEqual(yield* told(stateOf(a)), "ServerDown: no process")
      yield* after(10_000)
      assert.deepStrictEqual(yield* statuses(sup), ["a: stopped"])
      yield* crash(a)
      yield* Supervisor.restartChild(sup, "a")
      assert.strictEqual(yield* stateOf(a), 0)
    })
  )

  it.scoped("a supervisor that waits can be stopped, and nobody is started after that", () =>
    Effect.gen(function* () {
      const family = new Family()
      const scope = yield* Scope.make()
      const { a } = yield* Scope.extend(
        start({ intensity: patient, backoff: Schedule.spaced("1 second"), children: [family.a(), family.b()] }),
        scope
      )
      yield* crash(a)
      yield* settled
      yield* Effect.sync(() => family.news)
      yield* Scope.close(scope, Exit.void)
      yield* after(10_000)
      assert.deepStrictEqual(family.news, ["b terminated: shutdown"])
      assert.strictEqual(yield* told(stateOf(a)), "ServerDown: no process")
    })
  )

  it.scoped("the wait is an event, with the time of the next start", () =>
    Effect.gen(function* () {
      const family = new Family()
      const seen: Array<string> = []
      yield* Effect.fork(
        Stream.runForEach(Process.events, (event) =>
          Effect.sync(() => {
            if (event._tag === "Delayed") seen.push(`${event.path.join("/")}: ${event.at}, ${event.attempt}`)
          })
        )
      )
      yield* settled
      const { a } = yield* start({
        intensity: patient,
        backoff: Schedule.spaced("1 second"),
        children: [family.a({ init: (n) => (n === 2 ? Effect.fail("no disk") : n) })]
      })
      yield* crash(a)
      yield* settled
      yield* after(1_000)
      yield* after(1_000)
      assert.deepStrictEqual(seen, ["Sup/a: 1000, 0", "Sup/a: 2000, 1"])
    })
  )
})
