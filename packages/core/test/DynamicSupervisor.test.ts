/**
 * Starting children, looking at them, and ending them one by one.
 */
import { assert, describe, it } from "@effect/vitest"
import { DynamicSupervisor, ExitReason, GenServer, Process, Supervisor } from "@effect-otp/core"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
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
  Pupil,
  roll,
  School,
  Trapper
} from "./fixtures/Pupil.ts"

/** What the compiler would refuse, and JavaScript would not. */
const unchecked = (value: unknown): never => value as never

/** The defect with which an effect ends, in words. */
const defectOf = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<string, never, R> =>
  Effect.map(Effect.exit(effect), (exit) =>
    Exit.isFailure(exit) && Cause.isDieType(exit.cause) ? String(exit.cause.defect) : `no defect: ${String(exit)}`
  )

const messageOf = (make: () => unknown): string => {
  try {
    make()
    return "nothing thrown"
  } catch (error) {
    return String(error)
  }
}

describe("the options of a dynamic supervisor", () => {
  for (const [options, complaint] of [
    [{ strategy: "one_for_all" }, "School.layer: there is no option `strategy`"],
    [{ autoShutdown: "any_significant" }, "School.layer: there is no option `autoShutdown`"],
    [{ extraArguments: [1] }, "School.layer: there is no option `extraArguments`"],
    [{ maxChildren: -1 }, "School.layer: `maxChildren` must be a whole number from 0 up, but is -1"],
    [{ maxChildren: 1.5 }, "School.layer: `maxChildren` must be a whole number from 0 up, but is 1.5"],
    [{ maxChildren: "many" }, 'School.layer: `maxChildren` must be a whole number from 0 up, but is "many"'],
    [{ intensity: 3 }, "School.layer: `intensity` must be { restarts, within }, but is 3"],
    [{ intensity: { most: 3 } }, "School.layer: intensity: there is no option `most`"],
    [{ intensity: { restarts: -1 } }, "School.layer: `intensity.restarts` must be a whole number from 0 up, but is -1"],
    [
      { intensity: { within: "soon" } },
      'School.layer: `intensity.within` must be a duration that is not negative, but is "soon"'
    ],
    [{ intensity: { within: 0 } }, "School.layer: `intensity.within` must be more than nothing, but is 0"],
    [{ backoff: "1 second" }, 'School.layer: `backoff` must be a Schedule, but is "1 second"'],
    ["none", 'School.layer: the options must be an object, but are "none"']
  ] as const) {
    it(`a bad one is refused and quoted, as Elixir's "with non-ok init" asks (DYN-1): ${JSON.stringify(options)}`, () => {
      assert.strictEqual(
        messageOf(() => School.layer(unchecked(options))),
        `TypeError: ${complaint}`
      )
    })
  }

  it("a class without a name, without an array of kinds, or with an unknown option is refused (DYN-1)", () => {
    const { Service } = DynamicSupervisor
    assert.match(
      messageOf(() => Service<School>()(unchecked(""), { children: [] })),
      /the name must be a string that ends with a word/
    )
    assert.strictEqual(
      messageOf(() => Service<School>()("@test/S", { children: unchecked(Pupil.name) })),
      'TypeError: S: `children` must be an array of servers, but is "Pupil"'
    )
    assert.strictEqual(
      messageOf(() => Service<School>()("@test/S", unchecked({ kinds: [] }))),
      "TypeError: S: there is no option `kinds`"
    )
  })

  it.scoped("the defaults are one_for_one, 3 restarts in 5 seconds and no limit of children (DYN-1, DYN-12)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const pupils = yield* Effect.replicateEffect(enrol(school), 50)
      const [first, other] = [pupils[0]!, pupils[1]!]
      yield* count(other)
      for (let i = 0; i < 3; i++) yield* Effect.zipRight(end(first, boom), quiet)
      assert.strictEqual(yield* roll(school), "50 of 50")
      // Another one keeps what it has counted: nobody but the crashed one is restarted.
      assert.strictEqual(yield* count(other), 2)
      yield* TestClock.adjust("4999 millis")
      yield* end(first, boom)
      yield* quiet
      assert.strictEqual(yield* told(roll(school)), "ServerDown: shutdown")
    })
  )
})

describe("DynamicSupervisor.startChild", () => {
  it.scoped("gives the ref of a child that runs, with the arguments of its init (DYN-5, Elixir's {:ok, pid})", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const pupil = yield* enrol(school, { init: () => 41 })
      assert.strictEqual(yield* count(pupil), 42)
      assert.strictEqual(yield* roll(school), "1 of 1")
    })
  )

  it.scoped("the same kind may be started many times; each is a child of its own (DYN-1, SUP-44)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const one = yield* enrol(school)
      const other = yield* enrol(school)
      yield* count(one)
      assert.deepStrictEqual([yield* count(one), yield* count(other)], [2, 1])
      assert.deepStrictEqual(yield* DynamicSupervisor.countChildren(school), {
        specs: 2,
        active: 2,
        supervisors: 0,
        workers: 2
      })
    })
  )

  it.scoped("works by the supervisor's tag, under a supervisor of its own (Elixir's can be supervised directly)", () =>
    Effect.gen(function* () {
      const pupil = yield* DynamicSupervisor.startChild(School, Pupil, [])
      assert.strictEqual(yield* count(pupil), 1)
      const [info] = Option.toArray(yield* Process.info(pupil))
      assert.deepStrictEqual(info?.path, ["Supervisor", "School", "Pupil#1"])
    }).pipe(Effect.provide(Supervisor.layer({ children: [School.layer({ maxChildren: 1 })] })))
  )

  it.effect("in a tree it is drawn with its kind and its children", () =>
    Effect.gen(function* () {
      class Top extends Supervisor.Service<Top>()("@test/Top") {}
      yield* Effect.gen(function* () {
        yield* DynamicSupervisor.startChild(School, Pupil, [])
        assert.strictEqual(yield* Supervisor.tree(Top), "Top\n└─ School (DynamicSupervisor)\n   └─ Pupil#1 (GenServer)")
      }).pipe(Effect.provide(Top.layer({ children: [School.layer()] })))
    })
  )

  it.effect("under a supervisor its id is its name, so that there is one of each (Elixir's multiple supervisors)", () =>
    Effect.gen(function* () {
      const { layer } = Supervisor
      assert.strictEqual(
        messageOf(() => layer({ children: [School.layer(), School.layer({ maxChildren: 1 })] })),
        'TypeError: Supervisor.layer: two of its children have the id "School"'
      )
      class Top extends Supervisor.Service<Top>()("@test/Top") {}
      const children = [School.layer(), Supervisor.layer({ children: [] }), Supervisor.worker("idle", Effect.never)]
      const ids = yield* Supervisor.whichChildren(Top).pipe(
        Effect.map((children) => children.map(({ id, type }) => `${id}: ${type}`)),
        Effect.provide(Top.layer({ children }))
      )
      assert.deepStrictEqual(ids, ["idle: worker", "#2: supervisor", "School: supervisor"])
    })
  )

  it.scoped("waits for an init that takes its time, within the supervisor (DYN-5, DYN-11)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const slow = yield* Effect.fork(enrol(school, { init: () => Effect.as(Effect.sleep("1 second"), 0) }))
      yield* quiet
      const next = yield* Effect.fork(enrol(school))
      const counting = yield* Effect.fork(roll(school))
      yield* quiet
      assert.isNull(yield* slow.poll.pipe(Effect.map(Option.getOrNull)))
      assert.isNull(yield* next.poll.pipe(Effect.map(Option.getOrNull)))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* count(yield* Fiber.join(slow)), 1)
      yield* Fiber.join(next)
      assert.strictEqual(yield* Fiber.join(counting), "2 of 2")
    })
  )

  it.scoped("a caller that gives up in that time leaves the supervisor as it is (DYN-11)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const slow = yield* Effect.fork(enrol(school, { init: () => Effect.as(Effect.sleep("1 second"), 0) }))
      yield* quiet
      yield* Fiber.interrupt(slow)
      yield* TestClock.adjust("1 second")
      yield* quiet
      // As in OTP, the child was asked for, and nobody has taken that back.
      assert.strictEqual(yield* roll(school), "1 of 1")
      yield* enrol(school)
      assert.strictEqual(yield* roll(school), "2 of 2")
    })
  )

  it.scoped("a child that is ignored is not kept, and its ref answers NoProcess (DYN-6, Elixir's :ignore)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      for (const init of [() => GenServer.ignore, () => Effect.as(Effect.yieldNow(), GenServer.ignore)]) {
        const pupil = yield* enrol(school, { init })
        assert.strictEqual(yield* told(count(pupil)), "ServerDown: no process")
        assert.strictEqual(yield* roll(school), "0 of 0")
      }
    })
  )

  for (const [how, init, reason] of [
    ["fails", () => Effect.fail("no chalk"), "Error: no chalk"],
    ["fails later", () => Effect.zipRight(Effect.yieldNow(), Effect.fail("no chalk")), "Error: no chalk"],
    ["dies", () => Effect.die(new Error("a bug")), "Error: a bug"],
    [
      "throws",
      () => {
        throw new Error("a bug")
      },
      "Error: a bug"
    ],
    ["interrupts itself", () => Effect.interrupt, "All fibers interrupted without errors."],
    ["gives what is no outcome of init", () => unchecked(GenServer.noReply(0)), /^TypeError: Pupil: init returned what/]
  ] as const) {
    it.scoped(`an init that ${how} is FailedToStart, and nothing is kept (DYN-5, Elixir's throw/error/exit)`, () =>
      Effect.gen(function* () {
        const school = yield* open()
        const error = yield* Effect.flip(enrol(school, { init: unchecked(init) }))
        assert.instanceOf(error, DynamicSupervisor.FailedToStart)
        assert.strictEqual(error.supervisor, "School")
        assert.strictEqual(error.id, "Pupil#1")
        const [line] = Cause.pretty(error.reason).split("\n")
        if (typeof reason === "string") assert.strictEqual(line, reason)
        else assert.match(line!, reason)
        assert.strictEqual(yield* roll(school), "0 of 0")
        // The supervisor goes on.
        yield* enrol(school)
        assert.strictEqual(yield* roll(school), "1 of 1")
      })
    )
  }

  it.scoped("what an init that fails has acquired is released before the caller is told (DYN-5)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const log: Array<string> = []
      const init = () =>
        Effect.zipRight(
          Effect.addFinalizer(() => Effect.sync(() => log.push("released"))),
          Effect.fail("no chalk")
        )
      yield* Effect.flip(enrol(school, { init }))
      assert.deepStrictEqual(log, ["released"])
    })
  )

  it.scoped("bad options are a defect in the caller, which quotes them, even if nobody is there (DYN-2)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      for (const gone of [false, true]) {
        if (gone) yield* DynamicSupervisor.stop(school)
        const start = (options: unknown) => defectOf(enrol(school, {}, unchecked(options)))
        assert.deepStrictEqual(
          [
            yield* start({ restart: "always" }),
            yield* start({ shutdown: -1 }),
            yield* start({ shutdown: "soon" }),
            yield* start({ significant: true }),
            yield* start({ id: "ann" }),
            yield* start("none")
          ],
          [
            'TypeError: DynamicSupervisor.startChild: `restart` must be one of permanent, transient, temporary, but is "always"',
            "TypeError: DynamicSupervisor.startChild: `shutdown` must be a duration that is not negative, but is -1",
            'TypeError: DynamicSupervisor.startChild: `shutdown` must be a duration that is not negative, but is "soon"',
            "TypeError: DynamicSupervisor.startChild: there is no option `significant`",
            "TypeError: DynamicSupervisor.startChild: there is no option `id`",
            'TypeError: DynamicSupervisor.startChild: the options must be an object, but are "none"'
          ]
        )
      }
    })
  )

  it.scoped("what is no kind of child is a defect in the caller, and so are arguments that are no array (DYN-2)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      for (const kind of [{ layer: Layer.empty, key: "x" }, {}, null, undefined, "Pupil", School]) {
        assert.match(
          yield* defectOf(DynamicSupervisor.startChild(school, unchecked(kind), unchecked([]))),
          /^TypeError: DynamicSupervisor.startChild: .* has no `layer` made by `toLayer`, with nothing done to it$/
        )
      }
      assert.match(
        yield* defectOf(DynamicSupervisor.startChild(school, Pupil, unchecked("ann"))),
        /^payload of StartChild\n└─ \["args"\]/
      )
      assert.strictEqual(yield* roll(school), "0 of 0")
    })
  )

  it.scoped("a complaint about something long is short (DYN-2)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const start = (kind: unknown) =>
        defectOf(DynamicSupervisor.startChild(school, unchecked({ layer: kind }), unchecked([])))
      const complaint = (shown: string) =>
        `TypeError: DynamicSupervisor.startChild: ${shown} has no \`layer\` made by \`toLayer\`, with nothing done to it`
      const room = Pupil.layer({})
      assert.strictEqual(
        yield* defectOf(DynamicSupervisor.startChild(school, unchecked(room), unchecked([]))),
        complaint("a Layer")
      )
      const long = "x".repeat(1_000)
      assert.strictEqual(yield* start(long), complaint(`{"layer":"${long.slice(0, 190)}…`))
    })
  )

  it.scoped("the effect may be run again, and starts another child each time (DYN-1)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const start = enrol(school)
      assert.notStrictEqual(yield* start, yield* start)
      assert.strictEqual(yield* roll(school), "2 of 2")
    })
  )

  for (const shutdown of [0, 1, "1 second", "brutal", "infinity"] as const) {
    it.scoped(`takes a shutdown of ${JSON.stringify(shutdown)} (Elixir's with valid shutdown)`, () =>
      Effect.gen(function* () {
        const school = yield* open()
        yield* enrol(school, {}, { shutdown })
        assert.strictEqual(yield* roll(school), "1 of 1")
      })
    )
  }
})

describe("maxChildren", () => {
  it.scoped("0 allows none, and the error says so (DYN-3, Elixir's with max_children)", () =>
    Effect.gen(function* () {
      const school = yield* open({ maxChildren: 0 })
      const error = yield* Effect.flip(enrol(school))
      assert.deepStrictEqual(error, new DynamicSupervisor.MaxChildren({ supervisor: "School", maxChildren: 0 }))
      assert.strictEqual(error.message, "School may have no more children: `maxChildren` is 0")
    })
  )

  it.scoped("a place is free again when a child has ended for good, was ignored, or could not start (DYN-3)", () =>
    Effect.gen(function* () {
      const school = yield* open({ maxChildren: 1 })
      yield* enrol(school, { init: () => GenServer.ignore })
      yield* Effect.flip(enrol(school, { init: failing }))
      const pupil = yield* enrol(school, {}, { restart: "temporary" })
      assert.instanceOf(yield* Effect.flip(enrol(school)), DynamicSupervisor.MaxChildren)
      yield* end(pupil, boom)
      yield* quiet
      const other = yield* enrol(school)
      assert.instanceOf(yield* Effect.flip(enrol(school)), DynamicSupervisor.MaxChildren)
      yield* DynamicSupervisor.terminateChild(school, other)
      yield* enrol(school)
    })
  )

  it.scoped("a child that was restarted still has its place (DYN-3, Elixir's restarting on exit counted)", () =>
    Effect.gen(function* () {
      const school = yield* open({ maxChildren: 1 })
      const pupil = yield* enrol(school)
      yield* end(pupil, boom)
      yield* quiet
      assert.strictEqual(yield* roll(school), "1 of 1")
      assert.instanceOf(yield* Effect.flip(enrol(school)), DynamicSupervisor.MaxChildren)
    })
  )

  it.scoped("a child whose restart has failed still has its place (DYN-3, Elixir's restarting on init counted)", () =>
    Effect.gen(function* () {
      const school = yield* open({ maxChildren: 1, backoff: Schedule.spaced("1 second") })
      const pupil = yield* enrol(school, { init: inits(() => 0, failing) })
      yield* end(pupil, boom)
      yield* TestClock.adjust("1 second")
      yield* quiet
      assert.strictEqual(yield* roll(school), "0 of 1")
      assert.instanceOf(yield* Effect.flip(enrol(school)), DynamicSupervisor.MaxChildren)
    })
  )
})

describe("DynamicSupervisor.terminateChild", () => {
  for (const [shutdown, reason] of [
    ["brutal", "killed"],
    ["1 second", "shutdown"]
  ] as const) {
    it.scoped(`ends a child with ${reason}; the second time there is none (DYN-8, Elixir's ${shutdown})`, () =>
      Effect.gen(function* () {
        const school = yield* open()
        const pupil = yield* enrol(school, {}, { shutdown })
        const ending = yield* Effect.fork(endOf(pupil))
        yield* quiet
        yield* DynamicSupervisor.terminateChild(school, pupil)
        assert.strictEqual(yield* Fiber.join(ending), `ServerDown: ${reason}`)
        assert.strictEqual(yield* roll(school), "0 of 0")
        assert.deepStrictEqual(
          yield* Effect.flip(DynamicSupervisor.terminateChild(school, pupil)),
          new DynamicSupervisor.NoSuchChild({ supervisor: "School", id: "Pupil" })
        )
        assert.strictEqual(yield* told(count(pupil)), "ServerDown: no process")
      })
    )
  }

  it.scoped("a permanent child is not started again, and that does not count as a restart (DYN-8)", () =>
    Effect.gen(function* () {
      const school = yield* open({ intensity: { restarts: 0, within: "1 second" } })
      const pupil = yield* enrol(school)
      yield* DynamicSupervisor.terminateChild(school, pupil)
      yield* quiet
      assert.strictEqual(yield* roll(school), "0 of 0")
    })
  )

  it.scoped("waits for terminate as long as the child's shutdown, then kills (DYN-8)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const late = yield* enrolTrapper(school, { terminate: () => Effect.never }, { shutdown: "2 seconds" })
      const ending = yield* Effect.fork(endOf(late))
      yield* quiet
      const terminating = yield* Effect.fork(DynamicSupervisor.terminateChild(school, late))
      yield* TestClock.adjust("1999 millis")
      assert.isTrue(Option.isNone(yield* terminating.poll))
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(terminating)
      assert.strictEqual(yield* Fiber.join(ending), "ServerDown: killed")
    })
  )

  it.scoped("without an option the server's own shutdown counts: 5 seconds (DYN-8)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const late = yield* enrolTrapper(school, { terminate: () => Effect.never })
      const terminating = yield* Effect.fork(DynamicSupervisor.terminateChild(school, late))
      yield* TestClock.adjust("4999 millis")
      assert.isTrue(Option.isNone(yield* terminating.poll))
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(terminating)
    })
  )

  it.scoped("interrupts what a child is doing (DYN-8)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const pupil = yield* enrol(school)
      const log: Array<string> = []
      yield* occupy(
        pupil,
        Effect.onInterrupt(Effect.never, () => Effect.sync(() => log.push("interrupted")))
      )
      yield* quiet
      yield* DynamicSupervisor.terminateChild(school, pupil)
      assert.deepStrictEqual(log, ["interrupted"])
    })
  )

  it.scoped("of a child that is being restarted cancels that (DYN-8, Elixir's terminates restarting child)", () =>
    Effect.gen(function* () {
      const school = yield* open({ backoff: Schedule.spaced("1 second") })
      let begun = 0
      const pupil = yield* enrol(school, {
        init: () => {
          begun++
          return 0
        }
      })
      yield* end(pupil, boom)
      yield* quiet
      assert.strictEqual(yield* roll(school), "0 of 1")
      yield* DynamicSupervisor.terminateChild(school, pupil)
      assert.strictEqual(yield* roll(school), "0 of 0")
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(begun, 1)
      assert.strictEqual(yield* told(count(pupil)), "ServerDown: no process")
      assert.instanceOf(
        yield* Effect.flip(DynamicSupervisor.terminateChild(school, pupil)),
        DynamicSupervisor.NoSuchChild
      )
    })
  )

  it.scoped("of a child of another supervisor, or of none, is NoSuchChild, and it lives (DYN-8)", () =>
    Effect.gen(function* () {
      const [school, other] = [yield* open(), yield* open()]
      const pupil = yield* enrol(other)
      const loner = yield* Pupil.start()
      for (const stranger of [pupil, loner]) {
        assert.instanceOf(
          yield* Effect.flip(DynamicSupervisor.terminateChild(school, stranger)),
          DynamicSupervisor.NoSuchChild
        )
        assert.strictEqual(yield* count(stranger), 1)
      }
    })
  )

  it.scoped("what is no ref is a defect in the caller (DYN-2)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      assert.strictEqual(
        yield* defectOf(DynamicSupervisor.terminateChild(school, unchecked("Pupil#1"))),
        'TypeError: DynamicSupervisor.terminateChild: "Pupil#1" is no ref'
      )
    })
  )

  it.scoped("a child that asks for its own end gets CallCycle, since the supervisor would wait for it", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const pupil = yield* enrolTrapper(school, {
        terminate: () => Effect.sync(() => log.push("terminate"))
      })
      const log: Array<string> = []
      yield* occupy(
        pupil,
        Effect.flatMap(Effect.sleep("1 second"), () =>
          Effect.map(told(DynamicSupervisor.countChildren(school)), (answer) => log.push(answer))
        )
      )
      yield* quiet
      const terminating = yield* Effect.fork(DynamicSupervisor.terminateChild(school, pupil))
      yield* quiet
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(terminating)
      assert.deepStrictEqual(log, ["CallCycle", "terminate"])
    })
  )
})

describe("looking at the children", () => {
  it.scoped("countChildren counts specs and those that run (DYN-10)", () =>
    Effect.gen(function* () {
      const school = yield* open({ backoff: Schedule.spaced("1 second") })
      assert.strictEqual(yield* roll(school), "0 of 0")
      const pupil = yield* enrol(school)
      yield* enrol(school)
      yield* end(pupil, boom)
      yield* quiet
      assert.deepStrictEqual(yield* DynamicSupervisor.countChildren(school), {
        specs: 2,
        active: 1,
        supervisors: 0,
        workers: 2
      })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* roll(school), "2 of 2")
    })
  )

  it.scoped("whichChildren shows each with its ref, and that it is being restarted (DYN-7)", () =>
    Effect.gen(function* () {
      const school = yield* open({ backoff: Schedule.spaced("1 second") })
      const [one, two] = [yield* enrol(school), yield* enrolTrapper(school, {}, { restart: "transient" })]
      const children = yield* DynamicSupervisor.whichChildren(school)
      yield* end(one, boom)
      yield* quiet
      const first = { ref: one, restart: "permanent", status: "restarting", restarts: 0 }
      const second = { ref: two, restart: "transient", status: "running", restarts: 0 }
      const seen = Array.from(children)
      assert.deepStrictEqual(
        seen.map(({ restart, restarts, status }) => ({ restart, restarts, status })),
        [first, second].map(({ restart, restarts, status }) => ({ restart, restarts, status }))
      )
      assert.isTrue(seen[0]?.ref === (one as unknown) && seen[1]?.ref === (two as unknown))
      yield* TestClock.adjust("1 second")
      // Told as one looks: the same again is what is so now.
      assert.deepStrictEqual(
        Array.from(children, ({ restarts, status }) => [status, restarts]),
        [
          ["running", 1],
          ["running", 0]
        ]
      )
    })
  )

  it.scoped("children may be terminated while one looks at them", () =>
    Effect.gen(function* () {
      const school = yield* open()
      for (let i = 0; i < 10; i++) yield* enrol(school)
      for (const { ref } of yield* DynamicSupervisor.whichChildren(school)) {
        yield* DynamicSupervisor.terminateChild(school, ref)
      }
      assert.strictEqual(yield* roll(school), "0 of 0")
    })
  )
})

class Greeting extends Context.Tag("@test/Greeting")<Greeting, string>() {}
class Greet extends GenServer.Call<Greet>()("Greet", { success: Schema.String }) {}

const mood = FiberRef.unsafeMake("plain")

class Porter extends GenServer.Service<Porter>()("@test/Porter", { state: Schema.String, messages: [Greet] }) {
  static readonly layer = this.toLayer(
    (name: string) =>
      Effect.map(Effect.zip(Greeting, FiberRef.get(mood)), ([greeting, mood]) => `${greeting}, ${name} (${mood})`),
    {
      handleCall: {
        Greet: (_, greeting) =>
          Effect.map(Effect.zip(Greeting, FiberRef.get(mood)), ([now, mood]) =>
            GenServer.reply(`${greeting} / ${now} (${mood})`, greeting)
          )
      }
    }
  )
}
class Porters extends DynamicSupervisor.Service<Porters>()("@test/Porters", { children: [Porter, Pupil] }) {}

describe("what a child is given", () => {
  it.effect("is the supervisor's: nothing of the caller who starts it, at restarts neither", () =>
    Effect.gen(function* () {
      const porter = yield* DynamicSupervisor.startChild(Porters, Porter, ["ann"]).pipe(
        Effect.provideService(Greeting, "caller's"),
        Effect.locally(mood, "angry")
      )
      assert.strictEqual(yield* GenServer.call(porter, new Greet()), "hello, ann (merry) / hello (merry)")
      yield* Process.exit(porter, ExitReason.killed)
      yield* quiet
      assert.strictEqual(yield* GenServer.call(porter, new Greet()), "hello, ann (merry) / hello (merry)")
    }).pipe(
      Effect.provide(
        Layer.provide(
          Layer.unwrapEffect(Effect.sync(() => Porters.layer())).pipe(Layer.locally(mood, "merry")),
          Layer.succeed(Greeting, "hello")
        )
      )
    )
  )

  it.scoped("is also its supervisor's ref, by which it may start siblings", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const pupil = yield* enrol(school)
      yield* occupy(pupil, Effect.ignore(enrol(school)))
      yield* quiet
      assert.strictEqual(yield* roll(school), "2 of 2")
    })
  )

  it.effect("is no name: children are found by their refs alone, the supervisor by its name", () =>
    Effect.gen(function* () {
      const seen: Array<boolean> = []
      const [one] = yield* Effect.replicateEffect(DynamicSupervisor.startChild(School, Pupil, []), 2)
      yield* occupy(
        one!,
        Effect.gen(function* () {
          seen.push(Option.isSome(yield* GenServer.whereis(Pupil)))
          seen.push(Option.isSome(yield* GenServer.whereis(School)))
        })
      )
      yield* quiet
      assert.deepStrictEqual(seen, [false, true])
    }).pipe(Effect.provide(Supervisor.layer({ children: [Supervisor.child(School.layer(), { id: "school" })] })))
  )
})

describe("a child's ref", () => {
  it.scoped("says Trapper or Pupil, and is equal to itself only", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const one = yield* enrol(school)
      const other = yield* DynamicSupervisor.startChild(school, Trapper, [])
      assert.deepStrictEqual([one.name, other.name], ["Pupil", "Trapper"])
      assert.strictEqual(yield* one, one)
    })
  )
})

describe("DynamicSupervisor.stop", () => {
  it.scoped("ends it with that reason, when its children have ended (SUP-24, Elixir's with registered process)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const pupil = yield* enrol(school)
      const ending = yield* Effect.fork(endOf(pupil))
      const waiting = yield* Effect.fork(DynamicSupervisor.awaitEnd(school))
      yield* quiet
      yield* DynamicSupervisor.stop(school, ExitReason.shutdown("holidays"))
      assert.strictEqual(yield* Fiber.join(ending), "ServerDown: shutdown")
      assert.deepStrictEqual(yield* Fiber.join(waiting), ExitReason.shutdown("holidays"))
      assert.strictEqual(yield* told(enrol(school)), "ServerDown: no process")
      assert.strictEqual(yield* told(count(pupil)), "ServerDown: no process")
      assert.strictEqual(yield* told(DynamicSupervisor.awaitEnd(school)), "ServerDown: no process")
    })
  )
})
