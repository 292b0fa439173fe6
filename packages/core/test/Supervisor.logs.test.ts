/**
 * What is logged and counted of children that end.
 */
import { assert, describe, it } from "@effect/vitest"
import { DynamicSupervisor, ExitReason, GenServer, Process, Supervisor } from "@effect-otp/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as LogLevel from "effect/LogLevel"
import * as MetricState from "effect/MetricState"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { type Line, logging, makeLog } from "./fixtures/logging.ts"
import { countsSinceNow, metricsOf } from "./fixtures/metrics.ts"
import { quiet } from "./fixtures/observing.ts"
import { boom, count, end, enrol, enrolTrapper, failing, inits, occupy, open, School } from "./fixtures/Pupil.ts"

class Top extends Supervisor.Service<Top>()("@test/Top") {}

const unlimited = { restarts: Number.POSITIVE_INFINITY, within: "1 second" } as const

/** Starts something with a log of its own. */
const logged = <A, E, R>(start: Effect.Effect<A, E, R>) => {
  const { lines, logger } = makeLog()
  return Effect.map(start.pipe(logging({ lines, logger })), (started) => ({ started, lines }))
}

/** The lines so far, in words; none is left. */
const said = (lines: Array<Line>) =>
  Effect.map(quiet, () =>
    lines
      .splice(0)
      .map(({ annotations: { path, restarts }, cause, level, message }) =>
        [`${level} ${message}`, cause, path, restarts].filter((part) => part !== undefined && part !== "").join(" | ")
      )
  )

const crash = (text: string) => ExitReason.crash(new Error(text))

describe("the log of a supervisor", () => {
  it.scoped("tells starts, restarts and ends of children at Debug, for those who see that", () =>
    Effect.gen(function* () {
      const { lines, logger } = makeLog()
      const school = yield* open().pipe(logging({ lines, logger }, LogLevel.Debug))
      const pupil = yield* enrol(school)
      yield* Effect.zipRight(end(pupil, ExitReason.shutdown("home")), quiet)
      yield* DynamicSupervisor.terminateChild(school, pupil)
      yield* quiet
      assert.deepStrictEqual(
        lines.map(({ annotations, level, message }) => `${level} ${message} | ${annotations["path"]}`),
        ["has started", "has ended: shutdown: home", "has started again", "has stopped: shutdown"].map(
          (what) => `DEBUG Pupil#1 ${what} | School / Pupil#1`
        )
      )
    })
  )

  it.scoped("has one line for each crash: its name, its place, its cause, and how often it was restarted (CB-17)", () =>
    Effect.gen(function* () {
      const { lines, started: school } = yield* logged(open())
      const pupil = yield* enrol(school)
      for (const text of ["one", "two"]) yield* Effect.zipRight(end(pupil, crash(text)), quiet)
      assert.strictEqual(lines[0]?.annotations["server"], "Pupil")
      assert.strictEqual(lines[0]?.annotations["state"], "<redacted>")
      assert.include(String(lines[0]?.annotations["message"]), "End")
      assert.deepStrictEqual(yield* said(lines), [
        "ERROR GenServer Pupil crashed in handleCast.End | Error: one | School / Pupil#1 | 0",
        "ERROR GenServer Pupil crashed in handleCast.End | Error: two | School / Pupil#1 | 1"
      ])
    })
  )

  it.scoped("has nothing for an end that somebody wanted, though the child is restarted (CB-17)", () =>
    Effect.gen(function* () {
      const { lines, started: school } = yield* logged(open())
      const pupil = yield* enrol(school)
      for (const reason of [ExitReason.normal, ExitReason.shutdown(), ExitReason.shutdown("enough")]) {
        yield* Effect.zipRight(end(pupil, reason), quiet)
      }
      yield* DynamicSupervisor.terminateChild(school, pupil)
      yield* enrol(school, {}, { shutdown: "brutal" })
      yield* DynamicSupervisor.stop(school)
      assert.deepStrictEqual(yield* said(lines), [])
    })
  )

  it.scoped("has a line for a child that was killed, which could not say so itself (PROC-5)", () =>
    Effect.gen(function* () {
      const { lines, started: school } = yield* logged(open())
      const pupil = yield* enrol(school)
      yield* Process.exit(pupil, ExitReason.killed)
      assert.deepStrictEqual(yield* said(lines), ["ERROR Pupil#1 was killed | School / Pupil#1 | 0"])
      yield* Process.exit(pupil, ExitReason.killed)
      assert.deepStrictEqual(yield* said(lines), [])
    })
  )

  it.scoped("has workers and layers in the same way", () =>
    Effect.gen(function* () {
      let runs = 0
      const layer = Layer.scopedDiscard(
        Effect.forkScoped(Effect.zipRight(Effect.sleep("1 second"), Effect.die(new Error("a bug"))))
      )
      const { lines } = yield* logged(
        Layer.build(
          Top.layer({
            children: [
              Supervisor.worker(
                "busy",
                Effect.suspend(() => (runs++ === 0 ? Effect.fail("no ink") : Effect.never))
              ),
              Supervisor.child(layer, { id: "plain", restart: "temporary" })
            ]
          })
        )
      )
      assert.deepStrictEqual(yield* said(lines), ["ERROR busy crashed | Error: no ink | Top / busy | 0"])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* said(lines), ["ERROR plain crashed | Error: a bug | Top / plain | 0"])
    })
  )

  it.scoped("has a warning for a fiber that fails while a layer is built that is built all the same", () =>
    Effect.gen(function* () {
      const layer = Layer.scopedDiscard(Effect.zipRight(Effect.forkScoped(Effect.fail("no ink")), quiet))
      const { lines } = yield* logged(Layer.build(Top.layer({ children: [Supervisor.child(layer, { id: "plain" })] })))
      assert.deepStrictEqual(yield* said(lines), [
        "WARN A fiber of plain failed while plain was being built | Error: no ink | Top / plain | 0"
      ])
    })
  )

  it.scoped("has a line for a restart that fails, and none for a first start, whose caller is told (SUP-43)", () =>
    Effect.gen(function* () {
      const { lines, started: school } = yield* logged(open())
      yield* Effect.flip(enrol(school, { init: failing }))
      assert.deepStrictEqual(yield* said(lines), [])
      const pupil = yield* enrol(school, {
        init: inits(
          () => 0,
          failing,
          () => 0
        )
      })
      yield* end(pupil, boom)
      assert.deepStrictEqual(yield* said(lines), [
        "ERROR GenServer Pupil crashed in handleCast.End | Error: boom | School / Pupil#2 | 0",
        "ERROR Pupil#2 could not be started again | Error: no chalk | School / Pupil#2 | 0"
      ])
    })
  )

  it.scoped("folds a crash loop: the same cause is said at the 1st, 10th and 100th time", () =>
    Effect.gen(function* () {
      const { lines, started: school } = yield* logged(open({ intensity: unlimited }))
      const pupil = yield* enrol(school)
      const loop = (times: number) => Effect.repeatN(Effect.zipRight(end(pupil, boom), quiet), times - 1)
      const again = (times: number) =>
        `ERROR Pupil#1 has crashed ${times} times in a row for the same reason: ` +
        `handleCast.End: Error: boom | School / Pupil#1 | ${times - 1}`
      yield* loop(1)
      assert.deepStrictEqual(yield* said(lines), [
        "ERROR GenServer Pupil crashed in handleCast.End | Error: boom | School / Pupil#1 | 0"
      ])
      yield* loop(8)
      assert.deepStrictEqual(yield* said(lines), [])
      yield* loop(1)
      assert.deepStrictEqual(yield* said(lines), [again(10)])
      yield* loop(89)
      assert.deepStrictEqual(yield* said(lines), [])
      yield* loop(1)
      assert.deepStrictEqual(yield* said(lines), [again(100)])
    })
  )

  it.scoped("says another cause, another place of a crash, and another child's crash in full, and counts anew", () =>
    Effect.gen(function* () {
      const { lines, started: school } = yield* logged(open({ intensity: unlimited }))
      const [pupil, other] = [yield* enrol(school), yield* enrol(school)]
      const one = Effect.zipRight(end(pupil, boom), quiet)
      yield* Effect.repeatN(one, 4)
      lines.length = 0
      yield* end(other, boom)
      yield* end(pupil, crash("bang"))
      yield* quiet
      yield* occupy(pupil, Effect.die(new Error("bang")))
      assert.deepStrictEqual(yield* said(lines), [
        "ERROR GenServer Pupil crashed in handleCast.End | Error: boom | School / Pupil#2 | 0",
        "ERROR GenServer Pupil crashed in handleCast.End | Error: bang | School / Pupil#1 | 5",
        "ERROR GenServer Pupil crashed in handleCast.Work | Error: bang | School / Pupil#1 | 6"
      ])
      yield* Effect.repeatN(one, 8)
      assert.deepStrictEqual(yield* said(lines), [
        "ERROR GenServer Pupil crashed in handleCast.End | Error: boom | School / Pupil#1 | 7"
      ])
      yield* one
      assert.strictEqual((yield* said(lines)).length, 1)
    })
  )

  it.scoped("folds restarts that fail for the same reason in the same way", () =>
    Effect.gen(function* () {
      const { lines, started: school } = yield* logged(
        open({ intensity: unlimited, backoff: Schedule.spaced("1 second") })
      )
      const pupil = yield* enrol(school, { init: inits(() => 0, failing) })
      yield* end(pupil, boom)
      yield* quiet
      lines.length = 0
      for (let i = 0; i < 11; i++) yield* Effect.zipRight(TestClock.adjust("1 second"), quiet)
      const [first, tenth, ...more] = yield* said(lines)
      assert.strictEqual(first, "ERROR Pupil#1 could not be started again | Error: no chalk | School / Pupil#1 | 0")
      assert.strictEqual(
        tenth,
        "ERROR Pupil#1 has crashed 10 times in a row for the same reason: start: Error: no chalk | School / Pupil#1 | 0"
      )
      assert.deepStrictEqual(more, [])
    })
  )

  it.scoped("says that a supervisor gives up: fatal at the top of a tree, an error below (SUP-14, SUP-43)", () =>
    Effect.gen(function* () {
      const intensity = { restarts: 0, within: "1 second" } as const
      const alone = yield* logged(open({ intensity }))
      yield* end(yield* enrol(alone.started), boom)
      assert.deepStrictEqual((yield* said(alone.lines)).slice(1), [
        "FATAL School gave up: Pupil#1 ended once more after no restarts within 1s. The last time: Error: boom | School"
      ])
      const tree = yield* logged(Layer.build(Top.layer({ children: [School.layer({ intensity })] })))
      yield* end(yield* enrol(Context.get(tree.started, School)), boom)
      assert.deepStrictEqual((yield* said(tree.lines)).slice(1), [
        "ERROR Top / School gave up: Pupil#1 ended once more after no restarts within 1s. " +
          "The last time: Error: boom | Top / School"
      ])
    })
  )

  it.scoped("goes to the supervisor's loggers, not to those of whoever starts a child", () =>
    Effect.gen(function* () {
      const { lines, started: school } = yield* logged(open())
      const callers = yield* logged(enrol(school))
      yield* end(callers.started, boom)
      assert.strictEqual((yield* said(lines)).length, 1)
      assert.deepStrictEqual(callers.lines, [])
    })
  )

  it.scoped("a logger that throws keeps nobody from being restarted", () =>
    Effect.gen(function* () {
      const { logger } = makeLog()
      const bad = {
        ...logger,
        log: () => {
          throw new Error("no disk")
        }
      }
      const school = yield* open().pipe(logging({ lines: [], logger: bad }))
      const pupil = yield* enrol(school, {
        init: inits(
          () => 0,
          failing,
          () => 7
        )
      })
      yield* end(pupil, boom)
      yield* quiet
      assert.strictEqual(yield* count(pupil), 8)
    })
  )
})

/** What a counter has counted since now, whenever that is run. */
const since = (server: string, metric: string) => {
  const counted = Effect.map(metricsOf(server), (metrics) => {
    const state = metrics.get(metric)
    return state !== undefined && MetricState.isCounterState(state) ? Number(state.count) : Number.NaN
  })
  return Effect.map(counted, (before) => Effect.map(counted, (now) => now - before))
}

describe("Metric.snapshot of supervisors", () => {
  it.scoped("counts the children that were started again, by the supervisor's name", () =>
    Effect.gen(function* () {
      const [restarts, others] = [
        yield* since("School", "supervisor_restarts"),
        yield* since("Top", "supervisor_restarts")
      ]
      const school = Context.get(yield* Layer.build(Top.layer({ children: [School.layer()] })), School)
      const pupil = yield* enrol(school, {
        init: inits(
          () => 0,
          failing,
          () => 0
        )
      })
      const other = yield* enrol(school, {}, { restart: "temporary" })
      assert.strictEqual(yield* restarts, 0)
      yield* end(pupil, boom)
      yield* end(other, boom)
      yield* quiet
      // An attempt that fails is none.
      assert.strictEqual(yield* restarts, 1)
      yield* end(pupil, ExitReason.normal)
      yield* quiet
      assert.strictEqual(yield* restarts, 2)
      assert.strictEqual(yield* others, 0)
      yield* Process.exit(school, ExitReason.killed)
      yield* quiet
      assert.strictEqual(yield* others, 1)
      assert.isFalse((yield* metricsOf("Pupil")).has("supervisor_restarts"))
    })
  )

  it.scoped("counts children that ended by an error or a kill, whatever they are, by the supervisor's name", () =>
    Effect.gen(function* () {
      const crashes = yield* since("Top", "supervisor_child_crashes")
      const worker = Supervisor.worker("worker", Effect.fail("no"), { restart: "temporary" })
      const top = Top.layer({ intensity: unlimited, children: [worker, School.layer()] })
      const context = yield* Layer.build(top)
      yield* quiet
      assert.strictEqual(yield* crashes, 1)
      yield* Process.exit(Context.get(context, School), ExitReason.killed)
      yield* quiet
      assert.strictEqual(yield* crashes, 2)
      yield* GenServer.stop(Context.get(context, School))
      yield* quiet
      assert.strictEqual(yield* crashes, 2)
    })
  )

  it.scoped("counts crashes, by the server's name, and not ends that somebody wanted", () =>
    Effect.gen(function* () {
      const counts = yield* countsSinceNow("Pupil")
      const school = yield* open({ intensity: unlimited })
      const pupil = yield* enrol(school)
      yield* Effect.repeatN(Effect.zipRight(end(pupil, boom), quiet), 11)
      assert.deepStrictEqual(yield* counts, { handled: 12, crashes: 12 })
      yield* end(pupil, ExitReason.normal)
      yield* quiet
      assert.deepStrictEqual(yield* counts, { handled: 13, crashes: 12 })
      yield* GenServer.stop(yield* enrolTrapper(school))
      yield* Effect.flip(enrol(school, { init: failing }))
      assert.deepStrictEqual(yield* counts, { handled: 13, crashes: 12 })
    })
  )
})
