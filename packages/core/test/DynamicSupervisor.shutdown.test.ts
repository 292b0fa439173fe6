/**
 * The end of a dynamic supervisor: its children end all at once, each within its own time.
 */
import { assert, describe, it } from "@effect/vitest"
import { DynamicSupervisor, ExitReason, GenServer, Process } from "@effect-otp/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { countsSinceNow } from "./fixtures/metrics.ts"
import { quiet, told } from "./fixtures/observing.ts"
import {
  boom,
  count,
  end,
  endOf,
  enrol,
  enrolTrapper,
  type Life,
  occupy,
  open,
  roll,
  School,
  type SchoolRef
} from "./fixtures/Pupil.ts"

type Shutdown = DynamicSupervisor.ChildOptions["shutdown"]

/** Starts a child that traps exits, and that lets nobody wait for it in vain. */
const pupil = (school: SchoolRef, life: Life, shutdown?: Shutdown) =>
  Effect.gen(function* () {
    const ref = yield* enrolTrapper(school, life, { shutdown })
    return yield* Effect.zipLeft(Effect.fork(endOf(ref)), quiet)
  })

/** One that does not trap them. */
const simple = (school: SchoolRef, shutdown?: Shutdown) =>
  Effect.gen(function* () {
    const ref = yield* enrol(school, {}, { shutdown })
    return yield* Effect.zipLeft(Effect.fork(endOf(ref)), quiet)
  })

const lasting = (duration: "1 second" | "3 seconds" | "10 seconds") => ({ terminate: () => Effect.sleep(duration) })

const isOver = (fiber: Fiber.RuntimeFiber<unknown, unknown>) => Effect.map(fiber.poll, Option.isSome)

const joinAll = (fibers: ReadonlyArray<Fiber.RuntimeFiber<string>>) => Effect.forEach(fibers, Fiber.join)

describe("when a dynamic supervisor is stopped", () => {
  it.scoped("children whose shutdown is brutal are killed (DYN-9, Elixir's brutal kill)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const log: Array<string> = []
      const life = { terminate: () => Effect.sync(() => log.push("terminate")) }
      const children = yield* Effect.replicateEffect(pupil(school, life, "brutal"), 3)
      yield* DynamicSupervisor.stop(school)
      assert.deepStrictEqual(yield* joinAll(children), Array(3).fill("ServerDown: killed"))
      assert.deepStrictEqual(log, [])
    })
  )

  it.scoped("children that do not trap exits end with shutdown (DYN-9, Elixir's infinity and integer shutdown)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const children = [yield* simple(school, "infinity"), yield* simple(school, "1 second"), yield* simple(school)]
      yield* DynamicSupervisor.stop(school)
      assert.deepStrictEqual(yield* joinAll(children), Array(3).fill("ServerDown: shutdown"))
    })
  )

  it.scoped("infinity waits as long as it takes (DYN-9)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const child = yield* pupil(school, { terminate: () => Effect.sleep("1 day") }, "infinity")
      const stopping = yield* Effect.fork(DynamicSupervisor.stop(school))
      yield* TestClock.adjust("23 hours")
      assert.isFalse(yield* isOver(stopping))
      yield* TestClock.adjust("1 hour")
      yield* Fiber.join(stopping)
      assert.strictEqual(yield* Fiber.join(child), "ServerDown: shutdown")
    })
  )

  it.scoped(
    "a child may end for a reason of its own, and the supervisor goes on (DYN-9, SUP-23, Elixir's abnormal reason)",
    () =>
      Effect.gen(function* () {
        const school = yield* open()
        const crash = { terminate: () => Effect.die(new Error("no goodbye")) }
        const children = [
          yield* pupil(school, crash, "infinity"),
          yield* pupil(school, crash, "1 second"),
          yield* pupil(school, {}, "1 second")
        ]
        yield* DynamicSupervisor.stop(school)
        assert.deepStrictEqual(yield* joinAll(children), [
          "ServerDown: crashed: Error: no goodbye",
          "ServerDown: crashed: Error: no goodbye",
          "ServerDown: shutdown"
        ])
      })
  )

  it.scoped("only the one that overruns its time is killed (DYN-9, Elixir's expired integer shutdown)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const children = [
        yield* pupil(school, lasting("1 second"), "2 seconds"),
        yield* pupil(school, lasting("10 seconds"), "2 seconds"),
        yield* pupil(school, lasting("1 second"), "2 seconds")
      ]
      const stopping = yield* Effect.fork(DynamicSupervisor.stop(school))
      yield* TestClock.adjust("1999 millis")
      assert.isFalse(yield* isOver(stopping))
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(stopping)
      assert.deepStrictEqual(yield* joinAll(children), [
        "ServerDown: shutdown",
        "ServerDown: killed",
        "ServerDown: shutdown"
      ])
    })
  )

  it.scoped("they end all at once: it takes as long as the slowest, not their sum (DYN-9)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const children = [
        yield* pupil(school, lasting("1 second"), "infinity"),
        yield* pupil(school, lasting("10 seconds"), "5 seconds"),
        yield* pupil(school, lasting("3 seconds"), "infinity"),
        yield* pupil(school, lasting("10 seconds"), "brutal"),
        yield* simple(school)
      ]
      const stopping = yield* Effect.fork(DynamicSupervisor.stop(school))
      const states = Effect.forEach(children, isOver)
      yield* quiet
      assert.deepStrictEqual(yield* states, [false, false, false, true, true])
      yield* TestClock.adjust("1 second")
      yield* quiet
      assert.deepStrictEqual(yield* states, [true, false, false, true, true])
      yield* TestClock.adjust("2 seconds")
      yield* quiet
      assert.deepStrictEqual(yield* states, [true, false, true, true, true])
      assert.isFalse(yield* isOver(stopping))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(stopping)
      assert.deepStrictEqual(yield* joinAll(children), [
        "ServerDown: shutdown",
        "ServerDown: killed",
        "ServerDown: shutdown",
        "ServerDown: killed",
        "ServerDown: shutdown"
      ])
    })
  )

  it.scoped("infinity and brutal may stand side by side (DYN-9, Elixir's mixed children)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const children = [
        yield* simple(school, "infinity"),
        yield* simple(school, "brutal"),
        yield* simple(school, "infinity"),
        yield* simple(school, "brutal")
      ]
      yield* DynamicSupervisor.stop(school)
      assert.deepStrictEqual(yield* joinAll(children), [
        "ServerDown: shutdown",
        "ServerDown: killed",
        "ServerDown: shutdown",
        "ServerDown: killed"
      ])
    })
  )

  it.scoped(
    "a permanent child that ends normally meanwhile is not started again (SUP-23, Elixir's normal reason)",
    () =>
      Effect.gen(function* () {
        const school = yield* open({ intensity: { restarts: 0, within: "1 second" } })
        let begun = 0
        const init = () => {
          begun++
          return 0
        }
        const ref = yield* enrolTrapper(school, { init })
        yield* pupil(school, lasting("1 second"))
        // What it has got before the supervisor stops is handled first.
        yield* occupy(ref, Effect.sleep("1 second"))
        yield* end(ref, ExitReason.normal)
        yield* quiet
        const stopping = yield* Effect.fork(DynamicSupervisor.stop(school))
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(stopping)
        assert.strictEqual(begun, 1)
        assert.strictEqual(yield* told(count(ref)), "ServerDown: no process")
      })
  )

  it.scoped("of a child that has ended nobody is told that it comes back, and its end is no news (SUP-23)", () =>
    Effect.gen(function* () {
      const counts = yield* countsSinceNow("School")
      const school = yield* open()
      const [fresh, restarted] = [yield* enrol(school), yield* enrol(school)]
      yield* end(restarted, boom)
      yield* pupil(school, lasting("1 second"))
      const stopping = yield* Effect.fork(DynamicSupervisor.stop(school))
      yield* quiet
      assert.isFalse(yield* isOver(stopping))
      assert.deepStrictEqual(
        [yield* told(count(fresh)), yield* told(count(restarted))],
        ["ServerDown: no process", "ServerDown: no process"]
      )
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(stopping)
      assert.isUndefined((yield* counts).undelivered)
    })
  )

  it.scoped("a child that asks it on its way out is told at once that they wait for each other", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const answers: Array<string> = []
      const asks = { terminate: () => Effect.map(told(roll(school)), (answer) => answers.push(answer)) }
      const children = [
        yield* pupil(school, asks),
        yield* pupil(school, lasting("1 second")),
        yield* pupil(school, asks)
      ]
      const stopping = yield* Effect.fork(DynamicSupervisor.stop(school))
      yield* quiet
      assert.deepStrictEqual(answers, ["CallCycle", "CallCycle"])
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(stopping)
      assert.deepStrictEqual(yield* joinAll(children), Array(3).fill("ServerDown: shutdown"))
    })
  )

  it.scoped("nothing is started any more, and whoever asks is told its end (CALL-8)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      yield* pupil(school, lasting("1 second"))
      const stopping = yield* Effect.fork(DynamicSupervisor.stop(school))
      yield* quiet
      const late = yield* Effect.fork(told(enrol(school)))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(stopping)
      assert.strictEqual(yield* Fiber.join(late), "ServerDown: normal")
    })
  )
})

/** A school in a scope of its own. */
const openIn = (scope: Scope.Scope) =>
  Effect.map(Layer.buildWithScope(School.layer(), scope), (context) => Context.get(context, School))

describe("the end of its scope", () => {
  it.scoped("ends it and its children with shutdown, whatever it ends with (SUP-25)", () =>
    Effect.gen(function* () {
      for (const exit of [Exit.void, Exit.die("a bug")]) {
        const scope = yield* Scope.make()
        const school = yield* openIn(scope)
        const child = yield* pupil(school, lasting("1 second"), "infinity")
        const closing = yield* Effect.fork(Scope.close(scope, exit))
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(closing)
        assert.strictEqual(yield* Fiber.join(child), "ServerDown: shutdown")
        assert.strictEqual(yield* told(roll(school)), "ServerDown: no process")
      }
    })
  )

  it.scoped("gives up a child that is being started, and what its init has acquired is released", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const school = yield* openIn(scope)
      const log: Array<string> = []
      const init = () =>
        Effect.zipRight(
          Effect.addFinalizer(() => Effect.sync(() => log.push("released"))),
          Effect.never
        )
      const starting = yield* Effect.fork(told(enrol(school, { init })))
      yield* quiet
      yield* Scope.close(scope, Exit.void)
      yield* quiet
      assert.deepStrictEqual(log, ["released"])
      // As of a supervisor: that its child could not be started is not why.
      assert.strictEqual(yield* Fiber.join(starting), "ServerDown: shutdown")
    })
  )

  it.scoped("gives up a restart that takes its time", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const school = yield* openIn(scope)
      let begun = 0
      const child = yield* enrol(school, { init: () => (begun++ === 0 ? 0 : Effect.never) })
      yield* end(child, boom)
      yield* quiet
      assert.strictEqual(begun, 2)
      yield* Scope.close(scope, Exit.void)
      yield* quiet
      assert.strictEqual(begun, 2)
      assert.strictEqual(yield* told(count(child)), "ServerDown: no process")
    })
  )
})

describe("a dynamic supervisor that is killed", () => {
  it.scoped("takes its children with it: trapping ones run terminate with killed (SUP-26)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const log: Array<string> = []
      const traps = yield* enrolTrapper(school, {
        terminate: (reason) => Effect.sync(() => log.push(`terminate: ${ExitReason.format(reason)}`))
      })
      const children = [yield* simple(school), yield* Effect.fork(endOf(traps))]
      yield* quiet
      yield* Process.exit(school, ExitReason.killed)
      assert.deepStrictEqual(yield* joinAll(children), ["ServerDown: killed", "ServerDown: killed"])
      assert.deepStrictEqual(log, ["terminate: killed"])
      assert.strictEqual(yield* told(roll(school)), "ServerDown: no process")
    })
  )

  it.scoped("leaves nobody behind who waits for a restart: the refs answer NoProcess (SUP-26)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const refs = [
        yield* enrol(school),
        yield* enrolTrapper(school),
        yield* enrol(school, {}, { restart: "temporary" })
      ]
      yield* Process.exit(school, ExitReason.killed)
      yield* quiet
      assert.deepStrictEqual(
        yield* Effect.forEach(refs, (ref) => told(count(ref))),
        Array(3).fill("ServerDown: no process")
      )
    })
  )

  it.scoped("while it starts a child: that one is not kept, either (SUP-26)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      const log: Array<string> = []
      const init = () =>
        Effect.zipRight(
          Effect.addFinalizer(() => Effect.sync(() => log.push("released"))),
          Effect.zipRight(
            Effect.sleep("1 second"),
            Effect.sync(() => log.push("begun"))
          )
        )
      const starting = yield* Effect.fork(told(enrol(school, { init })))
      yield* quiet
      yield* Process.exit(school, ExitReason.killed)
      yield* TestClock.adjust("1 second")
      yield* quiet
      assert.strictEqual(yield* Fiber.join(starting), "ServerDown: killed")
      assert.deepStrictEqual(log, ["released"])
    })
  )

  it.scoped("ignores an exit signal from a stranger, which is not its parent (SUP-25)", () =>
    Effect.gen(function* () {
      const school = yield* open()
      yield* enrol(school)
      for (const reason of [ExitReason.shutdown(), ExitReason.normal, boom]) yield* Process.exit(school, reason)
      yield* quiet
      assert.strictEqual(yield* roll(school), "1 of 1")
      yield* GenServer.stop(school)
    })
  )
})
