/**
 * Looking at processes: all that are alive, or one of them.
 */
import { assert, describe, it } from "@effect/vitest"
import { DynamicSupervisor, ExitReason, GenServer, Process, Supervisor } from "@effect-otp/core"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { quiet, told } from "./fixtures/observing.ts"
import {
  boom,
  count,
  end,
  enrol,
  enrolTrapper,
  failing,
  inits,
  occupy,
  open,
  Pupil,
  type PupilRef,
  School,
  type SchoolRef,
  Trapper
} from "./fixtures/Pupil.ts"
import { ask, start } from "./fixtures/Scripted.ts"

class Top extends Supervisor.Service<Top>()("@test/Top") {}

/** The processes whose path begins so: the list is that of everything alive, other tests included. */
const under = (root: string) => Effect.map(Process.list, (all) => all.filter(({ path }) => path[0] === root))

const lines = (processes: ReadonlyArray<Process.ProcessInfo>) =>
  processes.map(({ kind, name, path, status }) => {
    const where = path.join("/")
    return `${where}${where.endsWith(name) ? "" : ` ${name}`}: ${kind}, ${status}`
  })

const seen = (root: string) => Effect.map(under(root), lines)

const infoOf = (target: PupilRef | SchoolRef) =>
  Effect.map(Process.info(target as SchoolRef), (info) =>
    Option.match(info, {
      onNone: () => "none",
      onSome: ({ handled, queueLength, restarts, status }) => ({ status, queueLength, restarts, handled })
    })
  )

/** What it is handling, and for how many milliseconds. */
const handling = (target: PupilRef | SchoolRef) =>
  Effect.map(Process.info(target as SchoolRef), (info) =>
    Option.getOrNull(
      Option.map(
        Option.flatMap(info, ({ handling }) => handling),
        ({ elapsed, message }) => `${message} for ${Duration.toMillis(elapsed)}`
      )
    )
  )

/** The zombies, and for how many milliseconds they have been that. */
const zombies = (root: string) =>
  Effect.map(under(root), (all) =>
    all
      .filter(({ status }) => status === "zombie")
      .map(({ path, zombieFor }) => [path.join("/"), Duration.toMillis(Option.getOrThrow(zombieFor))])
  )

/** Nothing of it is left in the list when the test is over. */
const leavesNothing = (
  title: string,
  roots: ReadonlyArray<string>,
  body: () => Effect.Effect<unknown, unknown, Scope.Scope>
) =>
  it.effect(title, () =>
    Effect.gen(function* () {
      yield* Effect.scoped(body())
      yield* quiet
      for (const root of roots) assert.deepStrictEqual(yield* seen(root), [])
    })
  )

/** The tree of this test: one child of each kind. */
const top = Top.layer({
  children: [
    Pupil.layer(),
    School.layer(),
    Supervisor.child(Supervisor.layer({ children: [Supervisor.worker("inner", Effect.never)] }), { id: "nested" }),
    Supervisor.child(Layer.scopedDiscard(Effect.void), { id: "plain" }),
    Supervisor.child(Layer.merge(Trapper.layer(), Layer.scopedDiscard(Effect.void)), { id: "both" }),
    Supervisor.worker("busy", Effect.never)
  ]
})

describe("Process.list", () => {
  leavesNothing("shows each kind of process with its name, its path and its status (PROC-25)", ["Top"], () =>
    Effect.gen(function* () {
      const school = Context.get(yield* Layer.build(top), School)
      yield* enrol(school)
      yield* enrolTrapper(school)
      assert.deepStrictEqual(yield* seen("Top"), [
        "Top: Supervisor, idle",
        "Top/Pupil: GenServer, idle",
        // A supervisor is a process, and so is the child whose layer starts it.
        "Top/School: Layer, idle",
        "Top/School: DynamicSupervisor, idle",
        "Top/nested: Layer, idle",
        "Top/nested Supervisor: Supervisor, idle",
        "Top/nested/inner: Worker, running",
        "Top/plain: Layer, idle",
        "Top/both: Layer, idle",
        "Top/both/Trapper: GenServer, idle",
        "Top/busy: Worker, running",
        "Top/School/Pupil#1 Pupil: GenServer, idle",
        "Top/School/Trapper#2 Trapper: GenServer, idle"
      ])
    })
  )

  leavesNothing("has servers that have no supervisor, by their names (PROC-25)", ["Pupil", "School"], () =>
    Effect.gen(function* () {
      const pupil = yield* Pupil.start()
      assert.deepStrictEqual(yield* seen("Pupil"), ["Pupil: GenServer, idle"])
      const school = yield* open()
      yield* enrol(school)
      assert.deepStrictEqual(yield* seen("School"), [
        "School: DynamicSupervisor, idle",
        "School/Pupil#1 Pupil: GenServer, idle"
      ])
      yield* GenServer.stop(pupil)
      assert.deepStrictEqual(yield* seen("Pupil"), [])
      yield* DynamicSupervisor.stop(school)
      assert.deepStrictEqual(yield* seen("School"), [])
    })
  )

  leavesNothing("is in the order in which they were started, a restarted one last (PROC-25)", ["School"], () =>
    Effect.gen(function* () {
      const school = yield* open()
      const pupil = yield* enrol(school)
      yield* enrol(school)
      yield* enrol(school)
      const ids = Effect.map(under("School"), (all) => all.slice(1).map(({ path }) => path[1]))
      assert.deepStrictEqual(yield* ids, ["Pupil#1", "Pupil#2", "Pupil#3"])
      yield* end(pupil, boom)
      yield* quiet
      assert.deepStrictEqual(yield* ids, ["Pupil#2", "Pupil#3", "Pupil#1"])
    })
  )

  leavesNothing("has nothing of a server that was ignored or failed to start (PROC-25)", ["School", "Pupil"], () =>
    Effect.gen(function* () {
      const school = yield* open()
      yield* enrol(school, { init: () => GenServer.ignore })
      yield* Effect.flip(enrol(school, { init: failing }))
      yield* Pupil.start({ init: () => GenServer.ignore })
      yield* Effect.exit(Pupil.start({ init: failing }))
      assert.deepStrictEqual(yield* seen("School"), ["School: DynamicSupervisor, idle"])
      assert.deepStrictEqual(yield* seen("Pupil"), [])
    })
  )

  leavesNothing("is of that moment: what comes later does not change it", ["Pupil"], () =>
    Effect.gen(function* () {
      const pupil = yield* Pupil.start()
      const [info] = yield* under("Pupil")
      yield* occupy(pupil, Effect.never)
      yield* quiet
      assert.strictEqual(info?.status, "idle")
      assert.strictEqual(yield* handling(pupil), "Work for 0")
      yield* GenServer.stop(pupil).pipe(Effect.zipLeft(Process.exit(pupil, ExitReason.killed)), Effect.fork)
      yield* Process.exit(pupil, ExitReason.killed)
      assert.strictEqual(info?.name, "Pupil")
    })
  )

  leavesNothing("is readable as JSON (PROC-25)", ["School"], () =>
    Effect.gen(function* () {
      const school = yield* open()
      const pupil = yield* enrol(school)
      yield* occupy(pupil, Effect.sleep("2 seconds"))
      yield* quiet
      yield* TestClock.adjust("1 second")
      const [_, info] = yield* under("School")
      assert.deepStrictEqual(JSON.parse(JSON.stringify(info)), {
        _id: "ProcessInfo",
        name: "Pupil",
        kind: "GenServer",
        path: ["School", "Pupil#1"],
        status: "running",
        queueLength: 0,
        restarts: 0,
        handling: { message: "Work", millis: 1000 }
      })
    })
  )
})

describe("what a process is doing", () => {
  leavesNothing("is nothing, then a message for so long, with others in the queue (PROC-25)", ["School"], () =>
    Effect.gen(function* () {
      const school = yield* open()
      const pupil = yield* enrol(school)
      assert.deepStrictEqual(yield* infoOf(pupil), { status: "idle", queueLength: 0, restarts: 0, handled: 0 })
      assert.isNull(yield* handling(pupil))
      yield* count(pupil)
      yield* TestClock.adjust("1 minute")
      yield* occupy(pupil, Effect.sleep("3 seconds"))
      yield* occupy(pupil, Effect.sleep("2 seconds"))
      const asking = yield* Effect.fork(count(pupil))
      yield* quiet
      assert.deepStrictEqual(yield* infoOf(pupil), { status: "running", queueLength: 2, restarts: 0, handled: 2 })
      assert.strictEqual(yield* handling(pupil), "Work for 0")
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* handling(pupil), "Work for 2000")
      yield* TestClock.adjust("1 second")
      yield* quiet
      assert.deepStrictEqual(yield* infoOf(pupil), { status: "running", queueLength: 1, restarts: 0, handled: 3 })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* handling(pupil), "Work for 1000")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(asking), 2)
      assert.deepStrictEqual(yield* infoOf(pupil), { status: "idle", queueLength: 0, restarts: 0, handled: 4 })
      assert.isNull(yield* handling(pupil))
    })
  )

  leavesNothing("is a call as well, handed over to the idle server's fiber (PROC-25)", ["Scripted"], () =>
    Effect.gen(function* () {
      const server = yield* start()
      yield* Effect.fork(ask(server, (n) => Effect.as(Effect.sleep("2 seconds"), GenServer.reply(n, n))))
      yield* TestClock.adjust("1 second")
      const [info] = yield* under("Scripted")
      assert.deepStrictEqual(info?.handling, Option.some({ message: "Do", elapsed: Duration.seconds(1) }))
      yield* TestClock.adjust("1 second")
      const [later] = yield* under("Scripted")
      assert.deepStrictEqual(later?.handling, Option.none())
    })
  )

  leavesNothing("is to start, as long as init runs (PROC-25)", ["School"], () =>
    Effect.gen(function* () {
      const school = yield* open()
      const starting = yield* Effect.fork(enrol(school, { init: () => Effect.as(Effect.sleep("2 seconds"), 0) }))
      yield* TestClock.adjust("1 second")
      yield* quiet
      assert.deepStrictEqual(yield* seen("School"), [
        "School: DynamicSupervisor, running",
        "School/Pupil#1 Pupil: GenServer, starting"
      ])
      // It waits for its child.
      assert.strictEqual(yield* handling(school), "StartChild for 1000")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* infoOf(yield* Fiber.join(starting)), {
        status: "idle",
        queueLength: 0,
        restarts: 0,
        handled: 0
      })
      assert.isNull(yield* handling(school))
    })
  )

  leavesNothing("is to stop, as long as terminate runs (PROC-25)", ["School"], () =>
    Effect.gen(function* () {
      const school = yield* open()
      const pupil = yield* enrolTrapper(school, { terminate: () => Effect.sleep("2 seconds") })
      const stopping = yield* Effect.fork(DynamicSupervisor.stop(school))
      yield* TestClock.adjust("1 second")
      yield* quiet
      assert.deepStrictEqual(yield* seen("School"), [
        "School: DynamicSupervisor, stopping",
        "School/Trapper#1 Trapper: GenServer, stopping"
      ])
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(stopping)
      assert.strictEqual(yield* infoOf(pupil), "none")
    })
  )

  leavesNothing("is told also while it hibernates: nothing (PROC-25)", ["School"], () =>
    Effect.gen(function* () {
      const school = yield* open()
      const pupil = yield* enrol(school)
      yield* occupy(pupil, Effect.void)
      yield* quiet
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* infoOf(pupil), { status: "idle", queueLength: 0, restarts: 0, handled: 1 })
    })
  )
})

describe("Process.info", () => {
  leavesNothing("counts restarts, and what the incarnation that is there has handled (PROC-25)", ["School"], () =>
    Effect.gen(function* () {
      const school = yield* open()
      const pupil = yield* enrol(school)
      yield* count(pupil)
      yield* end(pupil, boom)
      yield* quiet
      assert.deepStrictEqual(yield* infoOf(pupil), { status: "idle", queueLength: 0, restarts: 1, handled: 0 })
      yield* Process.exit(pupil, ExitReason.killed)
      yield* count(pupil)
      assert.deepStrictEqual(yield* infoOf(pupil), { status: "idle", queueLength: 0, restarts: 2, handled: 1 })
    })
  )

  leavesNothing("is nothing once it has ended, nor between two incarnations (PROC-25)", ["School"], () =>
    Effect.gen(function* () {
      const school = yield* open({ backoff: Schedule.spaced("1 second") })
      const pupil = yield* enrol(school)
      yield* end(pupil, boom)
      yield* quiet
      assert.strictEqual(yield* infoOf(pupil), "none")
      assert.deepStrictEqual(yield* seen("School"), ["School: DynamicSupervisor, idle"])
      yield* TestClock.adjust("1 second")
      yield* quiet
      assert.deepStrictEqual(yield* infoOf(pupil), { status: "idle", queueLength: 0, restarts: 1, handled: 0 })
      yield* DynamicSupervisor.terminateChild(school, pupil)
      assert.strictEqual(yield* infoOf(pupil), "none")
    })
  )

  it.effect("finds a server by its tag, and fails as what finds it does", () =>
    Effect.gen(function* () {
      assert.strictEqual(Option.getOrThrow(yield* Process.info(Pupil)).name, "Pupil")
      assert.strictEqual(yield* Effect.flip(Process.info(Effect.fail("nobody"))), "nobody")
    }).pipe(Effect.provide(Pupil.layer()))
  )
})

describe("a zombie", () => {
  leavesNothing("is a killed process whose handler or finalizers are not done, until they are", ["School"], () =>
    Effect.gen(function* () {
      const school = yield* open()
      const release = yield* Deferred.make<void>()
      const pupil = yield* enrol(school, {
        init: inits(
          () =>
            Effect.as(
              Effect.addFinalizer(() => Deferred.await(release)),
              0
            ),
          () => 0
        )
      })
      yield* Process.exit(pupil, ExitReason.killed)
      // The next one is there already.
      assert.strictEqual(yield* count(pupil), 1)
      yield* TestClock.adjust("90 seconds")
      assert.deepStrictEqual(yield* zombies("School"), [["School/Pupil#1", 90_000]])
      assert.deepStrictEqual(yield* infoOf(pupil), { status: "idle", queueLength: 0, restarts: 1, handled: 1 })
      assert.strictEqual((yield* under("School")).length, 3)
      yield* Deferred.succeed(release, undefined)
      yield* quiet
      assert.deepStrictEqual(yield* zombies("School"), [])
      assert.strictEqual((yield* under("School")).length, 2)
    })
  )

  leavesNothing("is one also in a handler that does not let itself be interrupted", ["School"], () =>
    Effect.gen(function* () {
      const school = yield* open()
      const pupil = yield* enrol(school)
      yield* occupy(pupil, Effect.uninterruptible(Effect.sleep("10 seconds")))
      yield* quiet
      yield* Process.exit(pupil, ExitReason.killed)
      yield* TestClock.adjust("4 seconds")
      yield* Process.exit(pupil, ExitReason.killed)
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* zombies("School"), [["School/Pupil#1", 9000]])
      yield* TestClock.adjust("1 second")
      yield* quiet
      assert.deepStrictEqual(yield* zombies("School"), [])
    })
  )

  leavesNothing("is what does not end within its shutdown; nobody waits for it", ["School"], () =>
    Effect.gen(function* () {
      const school = yield* open()
      yield* enrolTrapper(school, { terminate: () => Effect.uninterruptible(Effect.sleep("7 seconds")) })
      const stopping = yield* Effect.fork(DynamicSupervisor.stop(school))
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(stopping)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* zombies("School"), [["School/Trapper#1", 1000]])
      assert.strictEqual((yield* under("School")).length, 1)
      yield* TestClock.adjust("1 second")
      yield* quiet
      assert.deepStrictEqual(yield* zombies("School"), [])
    })
  )

  leavesNothing("may be a worker or a layer as well", ["Top"], () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const stubborn = Effect.uninterruptible(Effect.sleep("8 seconds"))
      yield* Layer.buildWithScope(
        Top.layer({
          children: [
            Supervisor.child(Layer.scopedDiscard(Effect.addFinalizer(() => stubborn)), { id: "plain" }),
            Supervisor.worker("busy", stubborn, { shutdown: "brutal" })
          ]
        }),
        scope
      )
      yield* quiet
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(closing)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* zombies("Top"), [
        ["Top/plain", 1000],
        ["Top/busy", 6000]
      ])
      yield* TestClock.adjust("1 minute")
      yield* quiet
      assert.deepStrictEqual(yield* zombies("Top"), [])
    })
  )

  leavesNothing("is also what is left of a server without a supervisor", ["Pupil"], () =>
    Effect.gen(function* () {
      const pupil = yield* Pupil.start({
        init: () =>
          Effect.as(
            Effect.addFinalizer(() => Effect.sleep("3 seconds")),
            0
          )
      })
      yield* Process.exit(pupil, ExitReason.killed)
      assert.strictEqual(yield* told(count(pupil)), "ServerDown: no process")
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* zombies("Pupil"), [["Pupil", 2000]])
      yield* TestClock.adjust("1 second")
      yield* quiet
      assert.deepStrictEqual(yield* seen("Pupil"), [])
    })
  )
})
