/**
 * What a dynamic supervisor does about the ends of its children.
 */
import { assert, describe, it } from "@effect/vitest"
import { DynamicSupervisor, ExitReason, GenServer, Process } from "@effect-otp/core"
import * as Cause from "effect/Cause"
import type { DurationInput } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { quiet, told } from "./fixtures/observing.ts"
import {
  boom,
  count,
  end,
  endOf,
  enrol,
  enrolTrapper,
  failing,
  inits,
  occupy,
  open,
  type PupilRef,
  roll
} from "./fixtures/Pupil.ts"

const reasons = {
  normal: ExitReason.normal,
  shutdown: ExitReason.shutdown(),
  "shutdown with a note": ExitReason.shutdown("enough"),
  crash: boom
}

describe("the restart types", () => {
  for (const [restart, restarting] of [
    ["permanent", ["normal", "shutdown", "shutdown with a note", "crash", "killed"]],
    ["transient", ["crash", "killed"]],
    ["temporary", []]
  ] as const) {
    for (const [name, reason] of Object.entries({ ...reasons, killed: ExitReason.killed })) {
      const again = (restarting as ReadonlyArray<string>).includes(name)
      it.scoped(
        `a ${restart} child ${again ? "is started again" : "is not restarted and is forgotten"} after ${name} (DYN-7, SUP-9)`,
        () =>
          Effect.gen(function* () {
            const school = yield* open()
            const pupil = yield* enrol(school, {}, { restart })
            yield* count(pupil)
            yield* name === "killed" ? Process.exit(pupil, reason) : end(pupil, reason)
            yield* quiet
            assert.strictEqual(yield* roll(school), again ? "1 of 1" : "0 of 0")
            // A fresh state, in the same ref.
            assert.strictEqual(yield* told(count(pupil)), again ? "1" : "ServerDown: no process")
          })
      )
    }
  }

  it.scoped("permanent is the default", () =>
    Effect.gen(function* () {
      const school = yield* open()
      yield* end(yield* enrol(school), ExitReason.normal)
      yield* quiet
      assert.deepStrictEqual(
        Array.from(yield* DynamicSupervisor.whichChildren(school), ({ restart, restarts }) => [restart, restarts]),
        [["permanent", 1]]
      )
    })
  )
})

describe("a child that is started again", () => {
  it.scoped("gets the arguments that it had been given (SUP-13, Elixir's extra_arguments at restarts)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const pupil = yield* enrol(school, {
        init: inits(
          () => 10,
          () => 20
        )
      })
      assert.strictEqual(yield* count(pupil), 11)
      yield* end(pupil, boom)
      yield* quiet
      assert.strictEqual(yield* count(pupil), 21)
    })
  )

  it.scoped("keeps its ref: who waited is told the reason, who comes later is served (SUP-13)", () =>
    Effect.gen(function* () {
      const school = yield* open({ backoff: Schedule.spaced("1 second") })
      const pupil = yield* enrol(school)
      const waiting = yield* Effect.fork(endOf(pupil))
      yield* quiet
      yield* end(pupil, boom)
      yield* quiet
      assert.strictEqual(yield* Fiber.join(waiting), "ServerDown: crashed: Error: boom")
      assert.strictEqual(yield* told(count(pupil)), "ServerDown: restarting after Error: boom")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* count(pupil), 1)
    })
  )

  it.scoped("is there again within the turn in which it has ended, if its init is plain (SUP-13)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const pupil = yield* enrol(school)
      const waiting = yield* Effect.fork(Effect.zipRight(endOf(pupil), told(count(pupil))))
      yield* quiet
      yield* end(pupil, boom)
      assert.strictEqual(yield* Fiber.join(waiting), "1")
    })
  )

  it.scoped("queues calls while an init that takes its time runs (START-3)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const pupil = yield* enrol(school, {
        init: inits(
          () => 0,
          () => Effect.as(Effect.sleep("1 second"), 5)
        )
      })
      yield* end(pupil, boom)
      yield* quiet
      const asking = yield* Effect.fork(count(pupil))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(asking), 6)
    })
  )

  it.scoped("leaves the others alone (DYN-1)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const pupils = yield* Effect.replicateEffect(enrol(school), 3)
      yield* Effect.forEach(pupils, count)
      yield* end(pupils[1]!, boom)
      yield* quiet
      assert.deepStrictEqual(yield* Effect.forEach(pupils, count), [2, 1, 2])
      assert.deepStrictEqual(
        Array.from(yield* DynamicSupervisor.whichChildren(school), ({ restarts }) => restarts),
        [0, 1, 0]
      )
    })
  )

  it.scoped("is dropped if it wants no process this time (DYN-6, Elixir's restarted with different values)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      for (const ignored of [() => GenServer.ignore, () => Effect.as(Effect.yieldNow(), GenServer.ignore)]) {
        const pupil = yield* enrol(school, { init: inits(() => 0, ignored) })
        yield* end(pupil, boom)
        yield* quiet
        assert.strictEqual(yield* roll(school), "0 of 0")
        assert.strictEqual(yield* told(count(pupil)), "ServerDown: no process")
      }
    })
  )

  it.scoped("is restarted also if it ends in the turn of its start (DYN-7)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const pupil = yield* enrol(school, {
        init: inits(
          () => Effect.as(Effect.yieldNow(), 0),
          () => 7
        )
      })
      yield* end(pupil, boom)
      yield* quiet
      assert.strictEqual(yield* count(pupil), 8)
    })
  )
})

describe("a restart that fails", () => {
  for (const [how, init] of [
    ["fails", failing],
    ["dies", () => Effect.die(new Error("a bug"))],
    [
      "throws",
      () => {
        throw new Error("a bug")
      }
    ],
    ["fails later", () => Effect.zipRight(Effect.yieldNow(), Effect.fail("no chalk"))],
    ["is interrupted", () => Effect.interrupt]
  ] satisfies ReadonlyArray<readonly [string, () => number | Effect.Effect<number, string>]>) {
    it.scoped(`is tried again until it succeeds, within the intensity: init ${how} (DYN-7, SUP-17, SUP-18)`, () =>
      Effect.gen(function* () {
        const school = yield* open()
        const pupil = yield* enrol(school, {
          init: inits(
            () => 0,
            init,
            init,
            () => 30
          )
        })
        yield* end(pupil, boom)
        yield* quiet
        assert.strictEqual(yield* count(pupil), 31)
        assert.strictEqual(yield* roll(school), "1 of 1")
      })
    )
  }

  it.scoped("counts each time, so that failing alone reaches the limit (DYN-12, Elixir's when trying again)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const ending = yield* Effect.fork(Effect.exit(DynamicSupervisor.awaitEnd(school)))
      let begun = 0
      const pupil = yield* enrol(school, {
        init: () => (begun++ === 0 ? 0 : Effect.fail("no chalk"))
      })
      yield* quiet
      yield* end(pupil, boom)
      const exit = yield* Fiber.join(ending)
      // The start, and three attempts.
      assert.strictEqual(begun, 4)
      const error = Exit.isFailure(exit) ? Cause.failureOption(exit.cause) : undefined
      assert.strictEqual(error?._tag, "Some")
      assert.strictEqual(yield* told(roll(school)), "ServerDown: shutdown")
    })
  )

  it.scoped("does not keep the supervisor from answering between two attempts (DYN-7, SUP-18)", () =>
    Effect.gen(function* () {
      const school = yield* open({ intensity: { restarts: Number.POSITIVE_INFINITY, within: "1 second" } })
      let fails = true
      const pupil = yield* enrol(school, {
        init: inits(
          () => 0,
          () => (fails ? Effect.fail("no chalk") : 1)
        )
      })
      yield* end(pupil, boom)
      yield* quiet
      assert.strictEqual(yield* roll(school), "0 of 1")
      const other = yield* enrol(school)
      assert.strictEqual(yield* count(other), 1)
      assert.strictEqual(yield* told(count(pupil)), "ServerDown: restarting after Error: no chalk")
      fails = false
      yield* quiet
      assert.strictEqual(yield* roll(school), "2 of 2")
      assert.strictEqual(yield* count(pupil), 2)
    })
  )

  it.scoped("is not tried any more once the child is terminated (DYN-8, SUP-18)", () =>
    Effect.gen(function* () {
      const school = yield* open({ intensity: { restarts: Number.POSITIVE_INFINITY, within: "1 second" } })
      let attempts = 0
      const init = inits(
        () => 0,
        () => {
          attempts++
          return Effect.fail("no chalk")
        }
      )
      const pupil = yield* enrol(school, { init })
      yield* end(pupil, boom)
      yield* quiet
      yield* DynamicSupervisor.terminateChild(school, pupil)
      const before = attempts
      yield* quiet
      assert.strictEqual(attempts, before)
      assert.strictEqual(yield* roll(school), "0 of 0")
    })
  )
})

describe("the limit", () => {
  it.scoped("one restart too many ends the supervisor with shutdown, and all its children (DYN-12, SUP-14)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const log: Array<string> = []
      const [pupil, other] = [
        yield* enrol(school),
        yield* enrolTrapper(school, {
          terminate: (reason) => Effect.sync(() => log.push(`terminate: ${ExitReason.format(reason)}`))
        })
      ]
      const ending = yield* Effect.fork(Effect.flip(DynamicSupervisor.awaitEnd(school)))
      const told = yield* Effect.fork(endOf(other))
      for (let i = 0; i < 4; i++) yield* Effect.zipRight(quiet, end(pupil, boom))
      const error = yield* Fiber.join(ending)
      assert.instanceOf(error, DynamicSupervisor.MaxRestartsExceeded)
      assert.deepStrictEqual(
        { ...error, reason: Cause.pretty(error.reason).split("\n")[0] },
        {
          _tag: "MaxRestartsExceeded",
          supervisor: "School",
          path: ["School"],
          child: "Pupil#1",
          restarts: 3,
          within: 5000,
          limit: "intensity",
          reason: "Error: boom"
        }
      )
      assert.strictEqual(
        error.message,
        "School gave up: Pupil#1 ended once more after 3 restarts within 5s. The last time: Error: boom"
      )
      assert.strictEqual(yield* Fiber.join(told), "ServerDown: shutdown")
      assert.deepStrictEqual(log, ["terminate: shutdown"])
    })
  )

  it.scoped("is counted over all children together (DYN-12)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const pupils = yield* Effect.replicateEffect(enrol(school), 4)
      for (const pupil of pupils.slice(0, 3)) yield* end(pupil, boom)
      yield* quiet
      assert.strictEqual(yield* roll(school), "4 of 4")
      yield* end(pupils[3]!, boom)
      yield* quiet
      assert.strictEqual(yield* told(roll(school)), "ServerDown: shutdown")
    })
  )

  it.scoped("is not reached by ends that are no restarts (SUP-9, SUP-17)", () =>
    Effect.gen(function* () {
      const school = yield* open({ intensity: { restarts: 0, within: "1 second" } })
      for (const restart of ["temporary", "transient"] as const) {
        const pupil = yield* enrol(school, {}, { restart })
        yield* end(pupil, restart === "temporary" ? boom : ExitReason.normal)
      }
      yield* quiet
      assert.strictEqual(yield* roll(school), "0 of 0")
    })
  )

  it.scoped("of 0 is passed by the first one (SUP-16)", () =>
    Effect.gen(function* () {
      const school = yield* open({ intensity: { restarts: 0, within: "1 second" } })
      yield* end(yield* enrol(school), boom)
      yield* quiet
      assert.strictEqual(yield* told(roll(school)), "ServerDown: shutdown")
    })
  )

  it.scoped("is for a time that slides, its border counted as within (SUP-15)", () =>
    Effect.gen(function* () {
      const intensity = { restarts: 1, within: "1 second" } as const
      const crash = (pupil: PupilRef, after: DurationInput) =>
        Effect.zipRight(TestClock.adjust(after), Effect.zipRight(end(pupil, boom), quiet))
      const slow = yield* open({ intensity })
      const pupil = yield* enrol(slow)
      for (let i = 0; i < 5; i++) yield* crash(pupil, "1001 millis")
      assert.strictEqual(yield* roll(slow), "1 of 1")
      const quick = yield* open({ intensity })
      const other = yield* enrol(quick)
      yield* crash(other, "5 seconds")
      yield* crash(other, "1 second")
      assert.strictEqual(yield* told(roll(quick)), "ServerDown: shutdown")
    })
  )

  it.scoped("tells those who wait in a child that is not to come back (SUP-14)", () =>
    Effect.gen(function* () {
      const school = yield* open({ intensity: { restarts: 0, within: "1 second" } })
      const [pupil, other] = [yield* enrol(school), yield* enrol(school)]
      yield* occupy(other, Effect.sleep("1 minute"))
      const queued = yield* Effect.fork(told(count(other)))
      yield* quiet
      yield* end(pupil, boom)
      assert.strictEqual(yield* Fiber.join(queued), "ServerDown: shutdown")
      // They know why: nobody has asked for that end.
      assert.deepStrictEqual(
        [yield* told(count(pupil)), yield* told(count(other))],
        ["ServerDown: shutdown", "ServerDown: shutdown"]
      )
    })
  )
})

describe("a back-off", () => {
  it.scoped("is waited for before each start, and the supervisor answers meanwhile", () =>
    Effect.gen(function* () {
      const school = yield* open({ backoff: Schedule.exponential("1 second") })
      const pupil = yield* enrol(school)
      for (const seconds of [1, 2, 4]) {
        yield* end(pupil, boom)
        yield* TestClock.adjust(`${seconds * 1000 - 1} millis`)
        yield* quiet
        assert.strictEqual(yield* roll(school), "0 of 1")
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(yield* roll(school), "1 of 1")
      }
    })
  )

  it.scoped("tells callers when the next attempt is, and how many have failed", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000_000)
      const school = yield* open({ backoff: Schedule.spaced("10 seconds") })
      const pupil = yield* enrol(school, {
        init: inits(
          () => 0,
          failing,
          () => 0
        )
      })
      yield* end(pupil, boom)
      yield* quiet
      const down = Effect.map(Effect.flip(count(pupil)), (error) =>
        error._tag === "ServerDown" && error.reason._tag === "Restarting"
          ? [error.reason.attempt, error.reason.at]
          : error
      )
      assert.deepStrictEqual(yield* down, [0, 1_010_000])
      yield* TestClock.adjust("10 seconds")
      yield* quiet
      assert.deepStrictEqual(yield* down, [1, 1_020_000])
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* count(pupil), 1)
    })
  )

  it.scoped("begins anew for a child that has run for the intensity's time, and not for another", () =>
    Effect.gen(function* () {
      const school = yield* open({
        backoff: Schedule.exponential("1 second"),
        intensity: { restarts: 10, within: "1 minute" }
      })
      const [pupil, other] = [yield* enrol(school), yield* enrol(school)]
      yield* end(pupil, boom)
      yield* TestClock.adjust("1 second")
      // The other one has its own.
      yield* end(other, boom)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* roll(school), "2 of 2")
      yield* TestClock.adjust("58999 millis")
      yield* end(pupil, boom)
      yield* TestClock.adjust("1999 millis")
      yield* quiet
      assert.strictEqual(yield* roll(school), "1 of 2")
      yield* TestClock.adjust("1 millis")
      yield* TestClock.adjust("1 minute")
      yield* end(pupil, boom)
      yield* TestClock.adjust("1 second")
      yield* quiet
      assert.strictEqual(yield* roll(school), "2 of 2")
    })
  )

  it.scoped("that is done means giving up", () =>
    Effect.gen(function* () {
      const school = yield* open({
        backoff: Schedule.recurs(1),
        intensity: { restarts: 100, within: "1 minute" }
      })
      const pupil = yield* enrol(school)
      yield* end(pupil, boom)
      yield* quiet
      assert.strictEqual(yield* count(pupil), 1)
      yield* end(pupil, boom)
      yield* quiet
      assert.strictEqual(yield* told(roll(school)), "ServerDown: shutdown")
    })
  )

  it.scoped("is not waited for by whoever stops the supervisor, and nothing is started after", () =>
    Effect.gen(function* () {
      const school = yield* open({ backoff: Schedule.spaced("1 minute") })
      let begun = 0
      const init = () => {
        begun++
        return 0
      }
      const pupil = yield* enrol(school, { init })
      yield* end(pupil, boom)
      yield* quiet
      yield* DynamicSupervisor.stop(school)
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(begun, 1)
      assert.strictEqual(yield* told(count(pupil)), "ServerDown: no process")
    })
  )
})
