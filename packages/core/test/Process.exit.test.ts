/**
 * Exit signals to processes that have a supervisor. What they do to servers by themselves is in `GenServer.signals`.
 */
import { assert, describe, it } from "@effect/vitest"
import { DynamicSupervisor, ExitReason, GenServer, Process, Supervisor } from "@effect-otp/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { heard, listening } from "./fixtures/listening.ts"
import { quiet, told } from "./fixtures/observing.ts"
import {
  boom,
  count,
  end,
  endOf,
  enrol,
  enrolTrapper,
  occupy,
  open,
  Pupil,
  roll,
  School,
  Trapper
} from "./fixtures/Pupil.ts"

const { noReply, reply } = GenServer

class Heard extends GenServer.Call<Heard>()("Heard", { success: Schema.Array(Schema.String) }) {}

/** Traps exits, and keeps what it hears. */
class Guard extends GenServer.Service<Guard>()("@test/Guard", {
  state: Schema.Array(Schema.String),
  messages: [Heard, Process.Exit]
}) {
  static readonly heard = GenServer.call(this, new Heard())
  static readonly layer = this.toLayer((): ReadonlyArray<string> => [], {
    trapExit: true,
    handleCall: { Heard: (_, heard) => reply(heard, heard) },
    handleInfo: { EXIT: ({ from, reason }, heard) => noReply([...heard, `${from}: ${ExitReason.format(reason)}`]) }
  })
}

/** What `terminate` was given, in words. */
const terminating = (log: Array<string>) => ({
  terminate: (reason: ExitReason.ExitReason) => Effect.sync(() => log.push(`terminate: ${ExitReason.format(reason)}`))
})

describe("Process.exit to a child", () => {
  for (const [name, reason, again] of [
    ["a crash", boom, true],
    ["shutdown", ExitReason.shutdown(), false],
    ["shutdown with a note", ExitReason.shutdown("enough"), false],
    ["killed", ExitReason.killed, true]
  ] as const) {
    it.scoped(
      `${name} ends one that does not trap exits with that reason; a transient one is ${again ? "" : "not "}restarted (PROC-3, PROC-5)`,
      () =>
        Effect.gen(function* () {
          const school = yield* open()
          const log: Array<string> = []
          const pupil = yield* enrol(school, terminating(log), { restart: "transient" })
          const waiting = yield* Effect.fork(endOf(pupil))
          yield* quiet
          yield* Process.exit(pupil, reason)
          assert.strictEqual(yield* Fiber.join(waiting), `ServerDown: ${ExitReason.format(reason)}`)
          yield* quiet
          assert.strictEqual(yield* roll(school), again ? "1 of 1" : "0 of 0")
          // What it does not trap, it is not asked about.
          assert.deepStrictEqual(log, [])
        })
    )
  }

  it.scoped("normal from somebody else is ignored, and is no reason for a restart (PROC-4)", () =>
    Effect.gen(function* () {
      const school = yield* open({ intensity: { restarts: 0, within: "1 second" } })
      const pupil = yield* enrol(school)
      yield* count(pupil)
      yield* Process.exit(pupil, ExitReason.normal)
      yield* quiet
      assert.strictEqual(yield* count(pupil), 2)
    })
  )

  it.scoped("normal from itself ends it: a permanent one is restarted (PROC-4)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const pupil = yield* enrol(school)
      yield* count(pupil)
      const waiting = yield* Effect.fork(endOf(pupil))
      yield* quiet
      yield* occupy(pupil, Effect.zipRight(Process.exit(pupil, ExitReason.normal), Effect.never))
      assert.strictEqual(yield* Fiber.join(waiting), "ServerDown: normal")
      assert.strictEqual(yield* count(pupil), 1)
    })
  )

  it.scoped("one that traps exits is sent them as Infos, and lives (PROC-3, PROC-4)", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(Supervisor.layer({ children: [Guard.layer] }))
      const guard = Context.get(context, Guard)
      for (const reason of [boom, ExitReason.shutdown(), ExitReason.normal]) yield* Process.exit(guard, reason)
      yield* quiet
      assert.deepStrictEqual(yield* GenServer.call(guard, new Heard()), [
        ": crashed: Error: boom",
        ": shutdown",
        ": normal"
      ])
    })
  )

  it.scoped("killed cannot be trapped; the next one knows nothing of it (PROC-5)", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(Supervisor.layer({ children: [Guard.layer] }))
      const guard = Context.get(context, Guard)
      yield* Process.exit(guard, boom)
      yield* Process.exit(guard, ExitReason.killed)
      assert.deepStrictEqual(yield* GenServer.call(guard, new Heard()), [])
      assert.strictEqual(Option.getOrThrow(yield* Process.info(guard)).restarts, 1)
    })
  )

  it.scoped("killed ends one at once, whatever it is doing, and who waits is told so (PROC-5)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const log: Array<string> = []
      const pupil = yield* enrolTrapper(school, terminating(log))
      yield* occupy(pupil, Effect.uninterruptible(Effect.sleep("1 minute")))
      const waiting = yield* Effect.fork(told(count(pupil)))
      yield* quiet
      yield* Process.exit(pupil, ExitReason.killed)
      assert.strictEqual(yield* Fiber.join(waiting), "ServerDown: killed")
      // The next one works while the old one's handler is still at it.
      assert.strictEqual(yield* count(pupil), 1)
      yield* TestClock.adjust("1 minute")
      yield* quiet
      assert.strictEqual(yield* count(pupil), 2)
      assert.deepStrictEqual(log, [])
    })
  )

  it.scoped("one that ends itself with killed is no killer: terminate runs, its supervisor lives (PROC-6)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const log: Array<string> = []
      const pupil = yield* enrol(school, terminating(log), { restart: "transient" })
      const waiting = yield* Effect.fork(endOf(pupil))
      yield* quiet
      yield* end(pupil, ExitReason.killed)
      assert.strictEqual(yield* Fiber.join(waiting), "ServerDown: killed")
      yield* quiet
      assert.deepStrictEqual(log, ["terminate: killed"])
      assert.strictEqual(yield* roll(school), "1 of 1")
    })
  )

  it.scoped("a second signal to one that is ending is ignored: one end, one restart (PROC-7)", () =>
    Effect.gen(function* () {
      const school = yield* open({ intensity: { restarts: 1, within: "1 second" } })
      const pupil = yield* enrol(school)
      // What it is doing takes its time to be interrupted.
      yield* occupy(
        pupil,
        Effect.onInterrupt(Effect.never, () => Effect.sleep("1 second"))
      )
      const waiting = yield* Effect.fork(endOf(pupil))
      yield* quiet
      yield* Process.exit(pupil, ExitReason.shutdown("first"))
      yield* Process.exit(pupil, boom)
      yield* Process.exit(pupil, ExitReason.shutdown("third"))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(waiting), "ServerDown: shutdown: first")
      assert.strictEqual(yield* count(pupil), 1)
      assert.strictEqual(Option.getOrThrow(yield* Process.info(pupil)).restarts, 1)
    })
  )

  it.scoped("killed ends one that is ending already, and a second one finds nobody (PROC-5, PROC-7)", () =>
    Effect.gen(function* () {
      const school = yield* open({ intensity: { restarts: 1, within: "1 second" } })
      const pupil = yield* enrolTrapper(school, { terminate: () => Effect.never }, { shutdown: "brutal" })
      const waiting = yield* Effect.fork(endOf(pupil))
      yield* quiet
      yield* end(pupil, ExitReason.normal)
      yield* quiet
      assert.isTrue(Option.isNone(yield* waiting.poll))
      yield* Process.exit(pupil, ExitReason.killed)
      assert.strictEqual(yield* Fiber.join(waiting), "ServerDown: killed")
      assert.strictEqual(yield* count(pupil), 1)
    })
  )

  it.scoped("to one that is being restarted, or has ended for good, does nothing (PROC-2)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const pupil = yield* enrol(school, {}, { restart: "temporary" })
      yield* end(pupil, boom)
      yield* quiet
      yield* Process.exit(pupil, ExitReason.killed)
      yield* Process.exit(pupil, boom)
      assert.strictEqual(yield* roll(school), "0 of 0")
    })
  )

  it.scoped("to one that is still starting ends the start, as its failure (PROC-3, PROC-5)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      for (const reason of [ExitReason.killed, boom]) {
        const refs: Array<GenServer.ServerRef<Pupil>> = []
        class Slow extends GenServer.Service<Slow>()("@test/Slow", { messages: [] }) {
          static readonly layer = this.toLayer(
            () =>
              Effect.flatMap(Slow, (self) => {
                refs.push(self as never)
                return Effect.as(Effect.never, 0)
              }),
            {}
          )
        }
        const starting = yield* Effect.fork(DynamicSupervisor.startChild(school, Slow as never, [] as never))
        yield* quiet
        yield* Process.exit(refs[0]!, reason)
        const error = yield* Effect.flip(Fiber.join(starting))
        assert.instanceOf(error, DynamicSupervisor.FailedToStart)
        assert.strictEqual(yield* roll(school), "0 of 0")
      }
    })
  )
})

class Top extends Supervisor.Service<Top>()("@test/Top") {}

describe("Process.exit to a supervisor", () => {
  it.scoped("killed takes its children with it: trapping ones run terminate with killed (SUP-26)", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const say = (what: string) => Effect.sync(() => log.push(what))
      const context = yield* Layer.build(
        Top.layer({
          children: [
            Pupil.layer(terminating(log)),
            Supervisor.child(Layer.merge(Trapper.layer(terminating(log)), Layer.empty), { id: "wrapped" }),
            School.layer(),
            Supervisor.worker(
              "worker",
              Effect.onInterrupt(Effect.never, () => say("worker interrupted"))
            ),
            Supervisor.child(Layer.scopedDiscard(Effect.addFinalizer(() => say("layer released"))), { id: "layer" })
          ]
        })
      )
      const [top, school, pupil, trapper] = [
        Context.get(context, Top),
        Context.get(context, School),
        Context.get(context, Pupil),
        Context.get(context, Trapper)
      ]
      const refs = [pupil, trapper, yield* enrol(school), yield* enrolTrapper(school, terminating(log))]
      yield* quiet
      const waiting = yield* Effect.forEach(refs, (ref) => Effect.fork(endOf(ref)))
      yield* quiet
      yield* Process.exit(top, ExitReason.killed)
      // A supervisor among them does what it always does at the end of its parent: it stops its own (SUP-25).
      assert.deepStrictEqual(yield* Effect.forEach(waiting, Fiber.join), [
        "ServerDown: killed",
        "ServerDown: killed",
        "ServerDown: shutdown",
        "ServerDown: shutdown"
      ])
      yield* quiet
      // In no order (SUP-26).
      assert.deepStrictEqual(log.slice().sort(), [
        "layer released",
        "terminate: killed",
        "terminate: shutdown",
        "worker interrupted"
      ])
      assert.deepStrictEqual(
        yield* Effect.forEach([top, school, ...refs], (ref) => told(count(ref as never))),
        Array(6).fill("ServerDown: no process")
      )
      assert.deepStrictEqual(
        (yield* Process.list).filter(({ path }) => path[0] === "Top").map(({ path }) => path.join("/")),
        []
      )
    })
  )

  it.scoped("killed restarts it where it has a supervisor itself, with its list of children (SUP-27)", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(Top.layer({ children: [School.layer(), Guard.layer] }))
      const [school, guard] = [Context.get(context, School), Context.get(context, Guard)]
      const pupil = yield* enrol(school)
      yield* Process.exit(guard, boom)
      const events = yield* listening
      yield* Process.exit(school, ExitReason.killed)
      yield* quiet
      // Children that were started at run time are forgotten with their supervisor.
      assert.strictEqual(yield* roll(school), "0 of 0")
      assert.strictEqual(yield* told(count(pupil)), "ServerDown: no process")
      yield* enrol(school)
      // The other one has not noticed.
      assert.strictEqual((yield* GenServer.call(guard, new Heard())).length, 1)
      assert.include(yield* heard(events), "Restarted Top/School (School, DynamicSupervisor): restart 1")
    })
  )

  for (const [name, reason] of [
    ["normal", ExitReason.normal],
    ["shutdown", ExitReason.shutdown()],
    ["a crash", boom]
  ] as const) {
    it.scoped(`${name} from a stranger is ignored (SUP-25)`, () =>
      Effect.gen(function* () {
        const context = yield* Layer.build(Top.layer({ children: [School.layer()] }))
        yield* Process.exit(Context.get(context, Top), reason)
        yield* Process.exit(Context.get(context, School), reason)
        yield* quiet
        assert.strictEqual((yield* Supervisor.countChildren(Context.get(context, Top))).active, 1)
        assert.strictEqual(yield* roll(Context.get(context, School)), "0 of 0")
      })
    )
  }

  it.scoped("killed leaves nothing running of a child that is just being built (SUP-26)", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const slow = Layer.scopedDiscard(
        Effect.zipRight(
          Effect.addFinalizer(() => Effect.sync(() => log.push("released"))),
          Effect.sleep("1 second")
        )
      )
      const context = yield* Layer.build(Top.layer({ children: [] }))
      const top = Context.get(context, Top)
      const starting = yield* Effect.fork(told(Supervisor.startChild(top, slow)))
      yield* quiet
      yield* Process.exit(top, ExitReason.killed)
      assert.strictEqual(yield* Fiber.join(starting), "ServerDown: killed")
      yield* quiet
      assert.deepStrictEqual(log, ["released"])
    })
  )
})
