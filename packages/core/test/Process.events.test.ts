/**
 * What is told of processes as it happens.
 */
import { assert, describe, it } from "@effect/vitest"
import { DynamicSupervisor, ExitReason, GenServer, Process, Supervisor } from "@effect-otp/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { heard, listening, wordsOf } from "./fixtures/listening.ts"
import { quiet, quietUntil, told } from "./fixtures/observing.ts"
import { boom, count, end, enrol, enrolTrapper, failing, inits, occupy, open, Pupil, School } from "./fixtures/Pupil.ts"

class Top extends Supervisor.Service<Top>()("@test/Top") {}

class Poison extends GenServer.Cast<Poison>()("Poison") {}

/** Sets a message aside that has crashed it twice. */
class Stubborn extends GenServer.Service<Stubborn>()("@test/Stubborn", { messages: [Poison] }) {
  static readonly layer = this.toLayer(() => 0, {
    mailbox: { onRestart: { retry: 2 } },
    handleCast: { Poison: () => Effect.die(new Error("poison")) }
  })
}

describe("Process.events", () => {
  it.scoped("tells of the start and the end of each process, with its name, path and kind (SUP-43)", () =>
    Effect.gen(function* () {
      const events = yield* listening
      const pupil = yield* Pupil.start()
      const school = yield* open()
      yield* enrol(school)
      assert.deepStrictEqual(yield* heard(events), [
        "Started Pupil (Pupil, GenServer)",
        "Started School (School, DynamicSupervisor)",
        "Started School/Pupil#1 (Pupil, GenServer)"
      ])
      yield* GenServer.stop(pupil, ExitReason.shutdown("enough"))
      yield* DynamicSupervisor.stop(school)
      assert.deepStrictEqual(yield* heard(events), [
        "Stopped Pupil (Pupil, GenServer): shutdown: enough",
        "Stopped School/Pupil#1 (Pupil, GenServer): shutdown",
        "Stopped School (School, DynamicSupervisor): normal"
      ])
    })
  )

  it.scoped("tells of children that are layers or effects in the same way (SUP-43)", () =>
    Effect.gen(function* () {
      const events = yield* listening
      const scope = yield* Scope.make()
      yield* Layer.buildWithScope(
        Top.layer({
          children: [
            Supervisor.child(Layer.scopedDiscard(Effect.void), { id: "plain" }),
            Supervisor.worker("busy", Effect.never)
          ]
        }),
        scope
      )
      assert.deepStrictEqual(yield* heard(events), [
        "Started Top/plain (plain, Layer)",
        "Started Top/busy (busy, Worker)",
        "Started Top (Top, Supervisor)"
      ])
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* heard(events), [
        "Stopped Top/busy (busy, Worker): shutdown",
        "Stopped Top/plain (plain, Layer): shutdown",
        "Stopped Top (Top, Supervisor): shutdown"
      ])
    })
  )

  it.scoped("tells first of a crash, then of the restart, each with the number of restarts (SUP-43)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const pupil = yield* enrol(school)
      const events = yield* listening
      yield* end(pupil, boom)
      yield* quiet
      yield* Process.exit(pupil, ExitReason.killed)
      yield* quiet
      yield* end(pupil, ExitReason.normal)
      assert.deepStrictEqual(yield* heard(events), [
        "Crashed School/Pupil#1 (Pupil, GenServer): crashed: Error: boom, after 0 restarts",
        "Restarted School/Pupil#1 (Pupil, GenServer): restart 1",
        "Crashed School/Pupil#1 (Pupil, GenServer): killed, after 1 restarts",
        "Restarted School/Pupil#1 (Pupil, GenServer): restart 2",
        "Stopped School/Pupil#1 (Pupil, GenServer): normal",
        "Restarted School/Pupil#1 (Pupil, GenServer): restart 3"
      ])
    })
  )

  it.scoped("tells of a worker that fails and runs again in the same way (SUP-43)", () =>
    Effect.gen(function* () {
      const events = yield* listening
      let runs = 0
      const work = Effect.suspend(() =>
        runs++ === 0 ? Effect.zipRight(Effect.sleep("1 second"), Effect.fail("no ink")) : Effect.never
      )
      yield* Layer.build(Top.layer({ children: [Supervisor.worker("busy", work)] }))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* heard(events), [
        "Started Top/busy (busy, Worker)",
        "Started Top (Top, Supervisor)",
        "Crashed Top/busy (busy, Worker): crashed: Error: no ink, after 0 restarts",
        "Restarted Top/busy (busy, Worker): restart 1"
      ])
    })
  )

  it.scoped("tells of a child that could not be started, at first or again (SUP-43)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const events = yield* listening
      yield* Effect.flip(enrol(school, { init: failing }))
      const pupil = yield* enrol(school, {
        init: inits(
          () => 0,
          failing,
          () => 0
        )
      })
      yield* end(pupil, boom)
      assert.deepStrictEqual(yield* heard(events), [
        "FailedToStart School/Pupil#1 (Pupil, GenServer): Error: no chalk, after 0 restarts",
        "Started School/Pupil#2 (Pupil, GenServer)",
        "Crashed School/Pupil#2 (Pupil, GenServer): crashed: Error: boom, after 0 restarts",
        "FailedToStart School/Pupil#2 (Pupil, GenServer): Error: no chalk, after 0 restarts",
        "Restarted School/Pupil#2 (Pupil, GenServer): restart 1"
      ])
      yield* Effect.exit(
        Layer.build(
          Top.layer({
            children: [
              Supervisor.worker("busy", Effect.never),
              Supervisor.child(Layer.effectDiscard(Effect.fail("no disk")), { id: "plain" })
            ]
          })
        )
      )
      assert.deepStrictEqual(yield* heard(events), [
        "Started Top/busy (busy, Worker)",
        "FailedToStart Top/plain (plain, Layer): Error: no disk, after 0 restarts",
        "Stopped Top/busy (busy, Worker): shutdown"
      ])
    })
  )

  it.scoped("tells nothing of a child that is ignored (DYN-6)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const events = yield* listening
      yield* enrol(school, { init: () => GenServer.ignore })
      assert.deepStrictEqual(yield* heard(events), [])
    })
  )

  it.scoped("tells until when a supervisor waits before it starts a child again", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000_000)
      const school = yield* open({ backoff: Schedule.exponential("1 second") })
      const pupil = yield* enrol(school, {
        init: inits(
          () => 0,
          failing,
          () => 0
        )
      })
      const events = yield* listening
      yield* end(pupil, boom)
      yield* quiet
      yield* TestClock.adjust("1 second")
      yield* quiet
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* heard(events), [
        "Crashed School/Pupil#1 (Pupil, GenServer): crashed: Error: boom, after 0 restarts",
        "Delayed School/Pupil#1 (Pupil, GenServer): until 1001000, attempt 0",
        "FailedToStart School/Pupil#1 (Pupil, GenServer): Error: no chalk, after 0 restarts",
        "Delayed School/Pupil#1 (Pupil, GenServer): until 1003000, attempt 1",
        "Restarted School/Pupil#1 (Pupil, GenServer): restart 1"
      ])
    })
  )

  it.scoped("tells of a supervisor that gives up, and of the ends of its children (SUP-14, SUP-43)", () =>
    Effect.gen(function* () {
      const school = yield* open({ intensity: { restarts: 0, within: "1 second" } })
      const [pupil] = [yield* enrol(school), yield* enrol(school)]
      const events = yield* listening
      yield* end(pupil, boom)
      assert.deepStrictEqual(yield* heard(events), [
        "Crashed School/Pupil#1 (Pupil, GenServer): crashed: Error: boom, after 0 restarts",
        "GaveUp School (School, DynamicSupervisor): Pupil#1 ended by Error: boom",
        "Stopped School/Pupil#2 (Pupil, GenServer): shutdown",
        "Stopped School (School, DynamicSupervisor): shutdown"
      ])
    })
  )

  it.scoped("tells of a message that is set aside, between the crash and the restart", () =>
    Effect.gen(function* () {
      const stubborn = Context.get(yield* Layer.build(Supervisor.layer({ children: [Stubborn.layer] })), Stubborn)
      const events = yield* listening
      yield* GenServer.cast(stubborn, new Poison())
      assert.deepStrictEqual(yield* heard(events), [
        "Crashed Supervisor/Stubborn (Stubborn, GenServer): crashed: Error: poison, after 0 restarts",
        "Restarted Supervisor/Stubborn (Stubborn, GenServer): restart 1",
        "Crashed Supervisor/Stubborn (Stubborn, GenServer): crashed: Error: poison, after 1 restarts",
        "Quarantined Supervisor/Stubborn (Stubborn, GenServer): Poison, 2 crashes, crashed: Error: poison",
        "Restarted Supervisor/Stubborn (Stubborn, GenServer): restart 2"
      ])
    })
  )

  it.scoped("tells of a fiber that fails while the layer that has forked it is built", () =>
    Effect.gen(function* () {
      const events = yield* listening
      const layer = Layer.scopedDiscard(
        Effect.zipRight(Effect.forkScoped(Effect.fail("no ink")), Effect.zipRight(quiet, Effect.void))
      )
      yield* Layer.build(Top.layer({ children: [Supervisor.child(layer, { id: "plain" })] }))
      assert.deepStrictEqual(yield* heard(events), [
        "Started Top/plain (plain, Layer)",
        "WorkerFailed Top/plain (plain, Layer): Error: no ink",
        "Started Top (Top, Supervisor)"
      ])
    })
  )

  it.scoped("tells of a child that is terminated, or killed for being late, once (SUP-43)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const [one, two] = [yield* enrol(school), yield* enrolTrapper(school, { terminate: () => Effect.never })]
      const events = yield* listening
      yield* DynamicSupervisor.terminateChild(school, one)
      const late = yield* Effect.fork(DynamicSupervisor.terminateChild(school, two))
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(late)
      assert.deepStrictEqual(yield* heard(events), [
        "Stopped School/Pupil#1 (Pupil, GenServer): shutdown",
        "Crashed School/Trapper#2 (Trapper, GenServer): killed, after 0 restarts"
      ])
    })
  )
})

describe("those who listen to Process.events", () => {
  it.scoped("all hear everything, each from its own subscription on", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const first = yield* listening
      yield* enrol(school)
      yield* quiet
      const second = yield* listening
      yield* enrol(school)
      assert.deepStrictEqual(yield* heard(second), ["Started School/Pupil#2 (Pupil, GenServer)"])
      assert.deepStrictEqual(yield* heard(first), [
        "Started School/Pupil#1 (Pupil, GenServer)",
        "Started School/Pupil#2 (Pupil, GenServer)"
      ])
    })
  )

  it.scoped("cost nothing as long as there are none: no event is made then", () =>
    Effect.gen(function* () {
      const school = yield* open()
      let made = 0
      const pupil = yield* enrol(school)
      // What an event says of a process is asked for when the event is made, and never else.
      const seat = pupil as unknown as { readonly occupant: { readonly parent: object } }
      const place = seat.occupant.parent
      const path = () => {
        made++
        return ["School", "watched"]
      }
      Object.defineProperty(place, "path", { get: path })
      Object.defineProperty(place, "identity", { get: () => ({ process: "watched", path: path(), kind: "GenServer" }) })
      Object.defineProperty(place, "pathOf", { value: path })
      yield* end(pupil, ExitReason.normal)
      yield* quiet
      assert.strictEqual(yield* count(pupil), 1)
      assert.strictEqual(made, 0)
      const events = yield* listening
      yield* end(pupil, ExitReason.normal)
      assert.strictEqual((yield* heard(events)).length, 2)
      assert.strictEqual(made, 2)
    })
  )

  it.scoped("leave no trace when they stop", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const some = yield* Effect.fork(Stream.runCollect(Stream.take(Process.events, 2)))
      yield* quiet
      yield* enrol(school)
      yield* enrol(school)
      const collected = yield* Fiber.join(some)
      assert.deepStrictEqual(Array.from(collected, wordsOf), [
        "Started School/Pupil#1 (Pupil, GenServer)",
        "Started School/Pupil#2 (Pupil, GenServer)"
      ])
    })
  )

  it.scoped("do not hold up anybody: one that is stuck loses the oldest of more than 16,384", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      let isStuck = true
      const slow = Stream.runForEach(Process.events, (event) =>
        Effect.suspend(() => {
          seen.push(event.process)
          return isStuck ? Effect.sleep("1 minute") : Effect.void
        })
      )
      yield* Effect.forkScoped(slow)
      yield* quiet
      const school = yield* open()
      // It has that one, and is stuck.
      yield* quiet
      for (let i = 0; i < 17_000; i++) yield* enrol(school)
      yield* enrolTrapper(school)
      isStuck = false
      yield* TestClock.adjust("1 minute")
      yield* quietUntil(() => seen.at(-1) === "Trapper")
      assert.strictEqual(seen.length, 1 + 16_384)
    })
  )

  it.scoped("may be the processes themselves: they hear of their own ends, as long as they can", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const worker = Supervisor.worker(
        "listener",
        Stream.runForEach(Process.events, (event) => Effect.sync(() => heard.push(wordsOf(event))))
      )
      const context = yield* Layer.build(Top.layer({ children: [worker, School.layer()] }))
      yield* quiet
      const school = Context.get(context, School)
      heard.length = 0
      const pupil = yield* enrol(school)
      yield* occupy(pupil, Effect.die(new Error("boom")))
      yield* quiet
      assert.deepStrictEqual(heard, [
        "Started Top/School/Pupil#1 (Pupil, GenServer)",
        "Crashed Top/School/Pupil#1 (Pupil, GenServer): crashed: Error: boom, after 0 restarts",
        "Restarted Top/School/Pupil#1 (Pupil, GenServer): restart 1"
      ])
      assert.strictEqual(yield* told(count(pupil)), "1")
    })
  )
})
