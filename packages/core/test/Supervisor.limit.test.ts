import { assert, describe, it } from "@effect/vitest"
import { ExitReason, GenServer, Process, Supervisor, SupervisorError } from "@effect-otp/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import {
  type A,
  ask,
  type B,
  crash,
  eachKind,
  end,
  Family,
  kill,
  Sup,
  settled,
  start,
  startedIn,
  stateOf,
  statuses
} from "./fixtures/family.ts"
import { logging, makeLog } from "./fixtures/logging.ts"
import { told } from "./fixtures/observing.ts"

/** Lets a child crash so many times, one after the other. */
const crashTimes = (server: Parameters<typeof crash>[0], times: number) =>
  Effect.repeatN(Effect.zipRight(crash(server) as Effect.Effect<void>, settled), times - 1)

/** A call that is not answered. */
const stuck = (b: GenServer.ServerRef<B>) => ask(b, (n) => GenServer.noReply(n))

const crashed = "a terminated: crashed: Error: a bug"

describe("Supervisor, restart intensity", () => {
  eachKind("SUP-14: the fourth crash within five seconds is one too many, by default", (family) =>
    Effect.gen(function* () {
      const { a, b, c, sup } = yield* start({ children: [family.a(), family.b(), family.c()] })
      yield* Effect.sync(() => family.news)
      const waiting = yield* Effect.fork(Effect.exit(Supervisor.awaitEnd(sup)))
      yield* crashTimes(a, 3)
      assert.deepStrictEqual(family.news, [crashed, "a started", crashed, "a started", crashed, "a started"])
      yield* crash(a)
      yield* settled
      // The remaining ones stop in reverse, and the supervisor ends with `shutdown`, whatever the child's reason was.
      assert.deepStrictEqual(family.news, [crashed, "c terminated: shutdown", "b terminated: shutdown"])
      for (const server of [a, b, c]) {
        assert.strictEqual(yield* told(stateOf(server as typeof a)), "ServerDown: shutdown")
      }
      assert.strictEqual(yield* told(Supervisor.whichChildren(sup)), "ServerDown: shutdown")
      const exit = yield* Fiber.join(waiting)
      assert(Exit.isFailure(exit) && exit.cause._tag === "Fail")
      const { error } = exit.cause
      assert(error instanceof SupervisorError.MaxRestartsExceeded)
      assert.strictEqual(error.supervisor, "Sup")
      assert.deepStrictEqual(error.path, ["Sup"])
      assert.strictEqual(error.child, "a")
      assert.strictEqual(error.restarts, 3)
      assert.strictEqual(error.within, 5_000)
      assert.strictEqual(
        error.message,
        "Sup gave up: a ended once more after 3 restarts within 5s. The last time: Error: a bug"
      )
    })
  )

  it.scoped("SUP-14: the count is one for all children together", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a, b, c, sup } = yield* start({ children: [family.a(), family.b(), family.c()] })
      for (const server of [a, b, c]) yield* crashTimes(server as typeof a, 1)
      assert.deepStrictEqual(yield* statuses(sup), ["a: running", "b: running", "c: running"])
      yield* crash(b)
      yield* settled
      assert.strictEqual(yield* told(stateOf(b)), "ServerDown: shutdown")
    })
  )

  it.scoped("SUP-14: ends that somebody wanted count, too, where they are followed by a restart", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a } = yield* start({ intensity: { restarts: 1, within: "5 seconds" }, children: [family.a()] })
      yield* end(a, ExitReason.normal)
      yield* settled
      assert.strictEqual(yield* stateOf(a), 0)
      yield* end(a, ExitReason.shutdown())
      yield* settled
      assert.strictEqual(yield* told(stateOf(a)), "ServerDown: shutdown")
    })
  )

  it.scoped("SUP-14: what is not restarted does not count, nor what is restarted by hand", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a, b, sup } = yield* start({
        intensity: { restarts: 1, within: "5 seconds" },
        children: [family.a({ restart: "transient" }), family.b()]
      })
      for (let i = 0; i < 3; i++) {
        yield* end(a, ExitReason.normal)
        yield* settled
        yield* Supervisor.restartChild(sup, "a")
      }
      yield* crash(b)
      yield* settled
      assert.deepStrictEqual(yield* statuses(sup), ["a: running", "b: running"])
    })
  )

  it.scoped("SUP-15: the window slides, and its border is within", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a, sup } = yield* start({ intensity: { restarts: 1, within: "1 second" }, children: [family.a()] })
      // One restart each 1001 ms can go on for ever.
      for (let i = 0; i < 5; i++) {
        yield* crashTimes(a, 1)
        yield* TestClock.adjust("1001 millis")
      }
      assert.deepStrictEqual(yield* statuses(sup), ["a: running"])
      yield* crashTimes(a, 1)
      yield* TestClock.adjust("1000 millis")
      yield* crashTimes(a, 1)
      assert.strictEqual(yield* told(stateOf(a)), "ServerDown: shutdown")
    })
  )

  it.scoped("SUP-15: what counts is any time of that length, not one that begins with the first crash", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a, sup } = yield* start({ intensity: { restarts: 2, within: "5 seconds" }, children: [family.a()] })
      yield* crashTimes(a, 1)
      yield* TestClock.adjust("4 seconds")
      yield* crashTimes(a, 1)
      yield* TestClock.adjust("2 seconds")
      yield* crashTimes(a, 1)
      assert.deepStrictEqual(yield* statuses(sup), ["a: running"])
      // The second, the third and this one are within 3 seconds.
      yield* TestClock.adjust("1 second")
      yield* crashTimes(a, 1)
      assert.strictEqual(yield* told(stateOf(a)), "ServerDown: shutdown")
    })
  )

  it.scoped("SUP-16: with 0 restarts the first crash ends the supervisor", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a, b } = yield* start({
        intensity: { restarts: 0, within: "5 seconds" },
        children: [family.a(), family.b()]
      })
      yield* Effect.sync(() => family.news)
      yield* crash(a)
      yield* settled
      assert.deepStrictEqual(family.news, [crashed, "b terminated: shutdown"])
      assert.strictEqual(yield* told(stateOf(b)), "ServerDown: shutdown")
    })
  )

  it.scoped("any number of restarts can be allowed", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a } = yield* start({ intensity: { restarts: Infinity, within: "1 hour" }, children: [family.a()] })
      for (let i = 0; i < 100; i++) yield* Effect.zipRight(kill(a), settled)
      assert.strictEqual(yield* stateOf(a), 0)
      assert.strictEqual(family.log.length, 101)
    })
  )

  for (const strategy of ["one_for_all", "rest_for_one"] as const) {
    it.scoped(`SUP-17: a restart of a group counts once: ${strategy}`, () =>
      Effect.gen(function* () {
        const family = new Family()
        const { a, sup } = yield* start({
          strategy,
          intensity: { restarts: 2, within: "5 seconds" },
          children: [family.a(), family.b(), family.c()]
        })
        yield* crashTimes(a, 2)
        assert.deepStrictEqual(yield* statuses(sup), ["a: running", "b: running", "c: running"])
        yield* Effect.sync(() => family.news)
        yield* crash(a)
        yield* settled
        assert.deepStrictEqual(family.news, [crashed, "c terminated: shutdown", "b terminated: shutdown"])
      })
    )
  }

  for (const [words, strategy] of [
    ["one by one", "one_for_one"],
    ["as a group", "one_for_all"]
  ] as const) {
    it.scoped(`SUP-17: each failed attempt counts, ${words}, and the first one too many ends the supervisor`, () =>
      Effect.gen(function* () {
        const family = new Family()
        const { a, b, sup } = yield* start({
          strategy,
          children: [family.a({ init: (n) => (n === 1 ? 0 : Effect.fail("no disk")) }), family.b()]
        })
        yield* Effect.sync(() => family.news)
        const waiting = yield* Effect.fork(Effect.flip(Supervisor.awaitEnd(sup)))
        yield* crash(a)
        yield* settled
        assert.deepStrictEqual(
          family.news.filter((line) => line.startsWith("a")),
          [crashed, "a failed", "a failed", "a failed"]
        )
        const error = yield* Fiber.join(waiting)
        assert.include(error.message, "The last time: Error: no disk")
        for (const server of [a, b as never]) {
          assert.strictEqual(yield* told(stateOf(server as typeof a)), "ServerDown: shutdown")
        }
      })
    )
  }

  it.scoped("at the limit, callers that wait are told `shutdown`, and later ones too", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a, b } = yield* start({
        intensity: { restarts: 0, within: "5 seconds" },
        children: [family.a(), family.b()]
      })
      const waiting = yield* Effect.fork(told(stuck(b)))
      yield* settled
      yield* crash(a)
      yield* settled
      assert.strictEqual(yield* Fiber.join(waiting), "ServerDown: shutdown")
      assert.strictEqual(yield* told(stateOf(b)), "ServerDown: shutdown")
    })
  )

  it.scoped("a supervisor at the top that gives up is a fatal line in the log, once", () =>
    Effect.gen(function* () {
      const log = makeLog()
      const family = new Family()
      const { a } = yield* start({ children: [family.a(), family.b()] }).pipe(logging(log))
      yield* crashTimes(a, 4)
      assert.deepStrictEqual(
        log.lines.filter(({ level }) => level === "FATAL").map(({ annotations, message }) => [message, annotations]),
        [["Sup gave up: a ended once more after 3 restarts within 5s. The last time: Error: a bug", { path: "Sup" }]]
      )
      // The crash itself is logged at its first time only: it is the same one again and again.
      assert.deepStrictEqual(
        log.lines.filter(({ level }) => level !== "FATAL").map(({ level, message }) => [level, message]),
        [["ERROR", "GenServer a crashed in handleCast.Tell"]]
      )
    })
  )

  it.scoped("that of an inner supervisor is an error in the log, and the outer one restarts it", () =>
    Effect.gen(function* () {
      class Outer extends Supervisor.Service<Outer>()("@test/Outer") {}
      const log = makeLog()
      const family = new Family()
      const context = yield* Layer.build(Outer.layer({ children: [Sup.layer({ children: [family.a()] })] })).pipe(
        logging(log)
      )
      const { a } = startedIn(context as never)
      yield* crashTimes(a, 4)
      assert.deepStrictEqual(
        log.lines.filter(({ message }) => message.includes("gave up")).map(({ level, message }) => [level, message]),
        [["ERROR", "Outer / Sup gave up: a ended once more after 3 restarts within 5s. The last time: Error: a bug"]]
      )
      assert.strictEqual((yield* Supervisor.whichChildren(Context.get(context, Outer)))[0]?.restarts, 1)
    })
  )

  for (const [how, ending, account] of [
    ["a kill", kill, "5s. The last time: it was interrupted"],
    [
      "an end without an error",
      (a: GenServer.ServerRef<A>) => end(a, ExitReason.normal),
      "5s. The last time: it ended by itself"
    ]
  ] as const) {
    it.scoped(`the account says what the last end was: ${how}`, () =>
      Effect.gen(function* () {
        const family = new Family()
        const { a, sup } = yield* start({ intensity: { restarts: 0, within: 5_000 }, children: [family.a()] })
        const waiting = yield* Effect.fork(Effect.flip(Supervisor.awaitEnd(sup)))
        yield* settled
        yield* ending(a)
        const { message } = yield* Fiber.join(waiting)
        assert.isTrue(message.endsWith(account), message)
      })
    )
  }

  it.scoped("the account does not say of a supervisor that was stopped that it gave up, even if it once had", () =>
    Effect.gen(function* () {
      class Inner extends Supervisor.Service<Inner>()("@test/Inner") {}
      const family = new Family()
      const inner = Inner.layer({ intensity: { restarts: 0, within: 1_000 }, children: [family.a()] })
      const context = yield* Layer.build(Sup.layer({ intensity: { restarts: 1, within: "1 hour" }, children: [inner] }))
      const { a, sup } = startedIn(context)
      const waiting = yield* Effect.fork(Effect.flip(Supervisor.awaitEnd(sup)))
      yield* crash(a)
      yield* settled
      yield* Supervisor.stop(Context.get(context, Inner), ExitReason.shutdown())
      const { message } = yield* Fiber.join(waiting)
      assert.strictEqual(
        message,
        "Sup gave up: Inner ended once more after 1 restart within 1h. The last time: it ended by itself"
      )
    })
  )

  it.scoped("giving up is an event, after the crash that was one too many", () =>
    Effect.gen(function* () {
      const family = new Family()
      const events: Array<string> = []
      yield* Effect.fork(
        Stream.runForEach(Process.events, (event) =>
          Effect.sync(() => {
            if (event.path[0] === "Sup") events.push(`${event.path.join("/")}: ${event._tag}`)
          })
        )
      )
      yield* settled
      const { a } = yield* start({ intensity: { restarts: 1, within: 5_000 }, children: [family.a()] })
      yield* crashTimes(a, 2)
      assert.deepStrictEqual(events, [
        "Sup/a: Started",
        "Sup: Started",
        "Sup/a: Crashed",
        "Sup/a: Restarted",
        "Sup/a: Crashed",
        "Sup: GaveUp",
        "Sup: Stopped"
      ])
    })
  )

  it.scoped("awaitEnd that is interrupted leaves nothing behind", () =>
    Effect.gen(function* () {
      const { sup } = yield* start({ children: [] })
      // What is looked at is nobody's business outside.
      const { occupant } = sup as unknown as { readonly occupant: { readonly onEnd: ReadonlyArray<unknown> } }
      const before = occupant.onEnd.length
      const waiting = yield* Effect.forkAll(Array.from({ length: 3 }, () => Supervisor.awaitEnd(sup)))
      yield* settled
      assert.strictEqual(occupant.onEnd.length, before + 3)
      yield* Fiber.interrupt(waiting)
      assert.strictEqual(occupant.onEnd.length, before)
    })
  )

  it.scoped("awaitEnd gives the reason of a supervisor that was stopped, and of none", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { sup } = yield* start({ children: [family.a()] })
      const waiting = yield* Effect.fork(Supervisor.awaitEnd(sup))
      yield* settled
      yield* Supervisor.stop(sup, ExitReason.shutdown("enough"))
      assert.deepStrictEqual(yield* Fiber.join(waiting), ExitReason.shutdown("enough"))
      assert.strictEqual(yield* told(Supervisor.awaitEnd(sup)), "ServerDown: no process")
    })
  )
})
