import { assert, describe, it } from "@effect/vitest"
import { CallError, ExitReason, GenServer, Process, Supervisor } from "@effect-otp/core"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import {
  type A,
  ask,
  C,
  crash,
  eachKind,
  end,
  Family,
  kill,
  type MemberOptions,
  type Started,
  Sup,
  settled,
  start,
  startedIn,
  stateOf,
  statuses,
  tell
} from "./fixtures/family.ts"
import { told } from "./fixtures/observing.ts"
import {
  ask as askScripted,
  layer,
  Note,
  Scripted,
  stateOf as stateOfScripted,
  tell as tellScripted
} from "./fixtures/Scripted.ts"

const { noReply, reply } = GenServer

class Outer extends Supervisor.Service<Outer>()("@test/Outer") {}

/** Restarts without an end, a second after each end. */
const waiting = {
  intensity: { restarts: Infinity, within: "1 minute" },
  backoff: Schedule.spaced("1 second")
} as const

describe("refs of supervised servers", () => {
  eachKind("a ref that was taken before a restart is good after it", (family) =>
    Effect.gen(function* () {
      const { a } = yield* start({ children: [family.a({ init: (n) => n })] })
      const ref = yield* a
      yield* crash(ref)
      yield* settled
      assert.strictEqual(yield* stateOf(ref), 2)
      assert.strictEqual(yield* ref, a)
      yield* kill(ref)
      yield* settled
      assert.strictEqual(yield* stateOf(ref), 3)
    })
  )

  eachKind("callers who wait when the server crashes are told the cause: handled, queued, and with a token", (family) =>
    Effect.gen(function* () {
      const { a } = yield* start({ children: [family.a()] })
      const told3 = yield* Effect.forEach(
        [ask(a, (n) => noReply(n)), ask(a, () => Effect.delay(Effect.die(new Error("a bug")), "1 second")), stateOf(a)],
        (call) => Effect.zipLeft(Effect.fork(told(call)), settled)
      )
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(Fiber.all(told3)), [
        "ServerDown: crashed: Error: a bug",
        "ServerDown: crashed: Error: a bug",
        "ServerDown: crashed: Error: a bug"
      ])
      yield* settled
      assert.strictEqual(yield* stateOf(a), 0)
    })
  )

  eachKind("a call while the server is down fails at once with `Restarting`, and says after what", (family) =>
    Effect.gen(function* () {
      const { a } = yield* start({ ...waiting, children: [family.a()] })
      yield* crash(a)
      yield* settled
      const error = yield* Effect.flip(stateOf(a))
      assert(error instanceof CallError.ServerDown && error.reason instanceof ExitReason.Restarting)
      assert.strictEqual(error.server, "a")
      assert.strictEqual(error.request, "Ask")
      assert.include(Cause.pretty(error.reason.cause), "Error: a bug")
      assert.strictEqual(error.message, "a did not answer Ask: restarting after Error: a bug")
      // So does a stop. A cast and an exit signal say nothing (CALL-14, PROC-7).
      assert.match(yield* told(GenServer.stop(a)), /^ServerDown: restarting/)
      yield* crash(a)
      yield* kill(a)
      yield* TestClock.adjust("1 second")
      yield* settled
      assert.strictEqual(yield* stateOf(a), 0)
    })
  )

  for (const [how, ending, words] of [
    ["an end without an error", (a: Parameters<typeof kill>[0]) => end(a, ExitReason.normal), "restarting"],
    ["a kill", kill, "restarting after an interruption"]
  ] as const) {
    it.scoped(`a server that is down after ${how} is restarting, too`, () =>
      Effect.gen(function* () {
        const family = new Family()
        const { a } = yield* start({ ...waiting, children: [family.a()] })
        yield* ending(a) as Effect.Effect<void>
        yield* settled
        assert.strictEqual(yield* told(stateOf(a)), `ServerDown: ${words}`)
      })
    )
  }

  for (const [restart, words] of [
    ["permanent", "ServerDown: restarting after an interruption"],
    ["transient", "ServerDown: restarting after an interruption"],
    ["temporary", "ServerDown: no process"]
  ] as const) {
    it.scoped(`SUP-39: so it is while the supervisor is busy and has not come to it: a ${restart} child`, () =>
      Effect.gen(function* () {
        const family = new Family()
        const { a, sup } = yield* start({ children: [family.a({ restart })] })
        yield* Effect.fork(
          Supervisor.startChild(sup, family.b({ init: () => Effect.delay(Effect.succeed(0), "1 second") }))
        )
        yield* settled
        yield* kill(a)
        assert.strictEqual(yield* told(stateOf(a)), words)
        yield* TestClock.adjust("1 second")
        yield* settled
        assert.strictEqual(yield* told(stateOf(a)), restart === "temporary" ? words : "0")
      })
    )
  }

  it.scoped("START-3: calls that come while the next init runs are queued, and answered", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a } = yield* start({
        children: [family.a({ init: (n) => (n === 1 ? n : Effect.delay(Effect.succeed(n * 10), "1 second")) })]
      })
      yield* crash(a)
      yield* settled
      const calls = yield* Effect.forEach([1, 2, 3], (i) => Effect.fork(told(ask(a, (n) => reply(n + i, n + i)))))
      yield* settled
      yield* tell(a, (n) => noReply(n * 100))
      yield* settled
      assert.deepStrictEqual(
        calls.map((call) => call.unsafePoll()),
        [null, null, null]
      )
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(Fiber.all(calls)), ["21", "23", "26"])
      assert.strictEqual(yield* stateOf(a), 2600)
    })
  )

  it.scoped("START-3: if that init fails, they are told why", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a } = yield* start({
        children: [family.a({ init: (n) => (n === 2 ? Effect.delay(Effect.fail("no disk"), "1 second") : n) })]
      })
      yield* crash(a)
      yield* settled
      const call = yield* Effect.fork(told(stateOf(a)))
      yield* settled
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(call), "ServerDown: crashed: Error: no disk")
      yield* settled
      assert.strictEqual(yield* stateOf(a), 3)
    })
  )

  eachKind("changes goes on through restarts, and ends with the child's place", (family) =>
    Effect.gen(function* () {
      const { a, sup } = yield* start({ ...waiting, children: [family.a({ init: (n) => n * 10 })] })
      const seen: Array<number | string> = []
      const watcher = yield* Effect.fork(
        Effect.zipRight(
          Stream.runForEach(GenServer.changes(a), (n) => Effect.sync(() => seen.push(n))),
          Effect.sync(() => seen.push("end"))
        )
      )
      yield* settled
      yield* ask(a, (n) => reply(n, n + 1))
      yield* settled
      yield* crash(a)
      yield* settled
      assert.deepStrictEqual(seen, [10, 11])
      // One that comes while nobody is there waits for the next state.
      const late: Array<number> = []
      yield* Effect.fork(Stream.runForEach(GenServer.changes(a), (n) => Effect.sync(() => late.push(n))))
      yield* settled
      yield* TestClock.adjust("1 second")
      yield* settled
      assert.deepStrictEqual(seen, [10, 11, 20])
      assert.deepStrictEqual(late, [20])
      yield* Supervisor.terminateChild(sup, "a")
      yield* settled
      assert.deepStrictEqual(seen, [10, 11, 20])
      yield* Supervisor.deleteChild(sup, "a")
      yield* Fiber.join(watcher)
      assert.deepStrictEqual(seen, [10, 11, 20, "end"])
    })
  )

  it.scoped("changes ends when the supervisor has ended", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a, sup } = yield* start({ ...waiting, children: [family.a(), family.b()] })
      const watcher = yield* Effect.fork(Stream.runCollect(GenServer.changes(a)))
      yield* settled
      yield* crash(a)
      yield* settled
      yield* Supervisor.stop(sup)
      assert.deepStrictEqual(Array.from(yield* Fiber.join(watcher)), [0])
    })
  )

  it.scoped("a timer and a continue are their server's own: the next one does not get them", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const note = new Note({
        handle: (n) => {
          log.push("tick")
          return noReply(n)
        }
      })
      const context = yield* Layer.build(Supervisor.layer({ children: [layer({ mailbox: { onRestart: "keep" } })] }))
      const server = Context.get(context, Scripted)
      yield* tellScripted(server, (n) =>
        Effect.gen(function* () {
          const self = yield* Scripted.self
          yield* self.sendAfter(note, "1 second")
          yield* self.sendEvery(note, "1 second")
          yield* self.send(note)
          return yield* Effect.die(new Error(`a bug at ${n}`))
        })
      )
      yield* settled
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* stateOfScripted(server), 0)
      assert.deepStrictEqual(log, [])
    })
  )

  it.scoped("CB-13: a token of one server answers nobody of the next one's", () =>
    Effect.gen(function* () {
      const tokens: Array<GenServer.From<never>> = []
      const context = yield* Layer.build(Supervisor.layer({ children: [layer()] }))
      const server = Context.get(context, Scripted)
      const keep = askScripted(server, (n, from) => {
        tokens.push(from as never)
        return noReply(n)
      })
      const first = yield* Effect.fork(told(keep))
      yield* settled
      yield* tellScripted(server, () => Effect.die(new Error("a bug")))
      yield* settled
      assert.strictEqual(yield* Fiber.join(first), "ServerDown: crashed: Error: a bug")
      const second = yield* Effect.fork(told(keep))
      yield* settled
      yield* tokens[0]!.succeed("late" as never)
      yield* settled
      assert.strictEqual(second.unsafePoll(), null)
      yield* tokens[1]!.succeed("in time" as never)
      assert.strictEqual(yield* Fiber.join(second), "in time")
    })
  )

  eachKind(
    "a child that is terminated by hand is not there, and its ref is good again when it is restarted",
    (family) =>
      Effect.gen(function* () {
        const { a, sup } = yield* start({ children: [family.a({ init: (n) => n }), family.b()] })
        yield* Supervisor.terminateChild(sup, "a")
        assert.strictEqual(yield* told(stateOf(a)), "ServerDown: no process")
        yield* Supervisor.restartChild(sup, "a")
        assert.strictEqual(yield* stateOf(a), 2)
        yield* Supervisor.terminateChild(sup, "a")
        yield* Supervisor.deleteChild(sup, "a")
        assert.strictEqual(yield* told(stateOf(a)), "ServerDown: no process")
      })
  )

  it.scoped("all servers of one layer are one child: the crash of either restarts it, and both refs stay good", () =>
    Effect.gen(function* () {
      const family = new Family()
      const both = Layer.merge(family.layerOf("a"), family.layerOf("b"))
      const context = yield* Layer.build(Sup.layer({ children: [both] }))
      const { a, b } = startedIn(context as never)
      yield* ask(a, (n) => reply(n, 5))
      yield* crash(b)
      yield* settled
      assert.strictEqual(yield* stateOf(a), 0)
      assert.strictEqual(yield* stateOf(b), 0)
      yield* kill(a)
      yield* settled
      assert.strictEqual(yield* stateOf(a), 0)
      assert.strictEqual(yield* stateOf(b), 0)
      assert.strictEqual(family.log.filter((line) => line === "a started").length, 3)
      assert.strictEqual(family.log.filter((line) => line === "b started").length, 3)
    })
  )

  describe("refs go on through the restart of an inner supervisor, too", () => {
    /** An outer supervisor, and an inner one with `a` and `b`. */
    const nested = (family: Family, options: MemberOptions = {}, more: Partial<typeof waiting> = {}) =>
      Effect.gen(function* () {
        const inner = Sup.layer({
          intensity: { restarts: 0, within: "5 seconds" },
          children: [family.a({ init: (n) => n, ...options }), family.b({ init: (n) => n })]
        })
        const context = yield* Layer.build(Outer.layer({ ...more, children: [inner] }))
        return Object.assign(startedIn(context as never), { outer: Context.get(context, Outer) })
      })

    for (const [how, ending] of [
      ["it gives up", ({ a }: { readonly a: GenServer.ServerRef<A> }) => crash(a)],
      ["it is stopped", ({ sup }: { readonly sup: GenServer.ServerRef<Sup> }) => Supervisor.stop(sup)],
      ["it is killed", ({ sup }: { readonly sup: GenServer.ServerRef<Sup> }) => Process.exit(sup, ExitReason.killed)]
    ] satisfies ReadonlyArray<readonly [string, (given: Started) => Effect.Effect<void, unknown>]>) {
      eachKind(how, (family) =>
        Effect.gen(function* () {
          const given = yield* nested(family)
          const { a, b, sup } = given
          const seen: Array<number> = []
          yield* Effect.fork(Stream.runForEach(GenServer.changes(b), (n) => Effect.sync(() => seen.push(n))))
          yield* settled
          yield* ending(given)
          yield* settled
          assert.strictEqual(yield* stateOf(a), 2)
          assert.strictEqual(yield* stateOf(b), 2)
          assert.deepStrictEqual(seen, [1, 2])
          assert.deepStrictEqual(yield* statuses(sup), ["a: running", "b: running"])
        })
      )
    }

    eachKind("meanwhile callers are told that there is to be another one", (family) =>
      Effect.gen(function* () {
        const { a, b, outer } = yield* nested(family, {}, waiting)
        yield* crash(a)
        yield* settled
        assert.strictEqual(yield* told(stateOf(a)), "ServerDown: restarting")
        assert.strictEqual(yield* told(stateOf(b)), "ServerDown: restarting")
        yield* TestClock.adjust("1 second")
        yield* settled
        assert.strictEqual(yield* stateOf(a), 2)
        yield* Supervisor.terminateChild(outer, "Sup")
        assert.strictEqual(yield* told(stateOf(a)), "ServerDown: no process")
        yield* Supervisor.restartChild(outer, "Sup")
        assert.strictEqual(yield* stateOf(a), 3)
        const watcher = yield* Effect.fork(Stream.runDrain(GenServer.changes(a)))
        yield* settled
        yield* Supervisor.terminateChild(outer, "Sup")
        yield* Supervisor.deleteChild(outer, "Sup")
        assert.strictEqual(yield* told(stateOf(a)), "ServerDown: no process")
        yield* Fiber.join(watcher)
      })
    )

    it.scoped("callers who are held wait for it, and are told if it does not come", () =>
      Effect.gen(function* () {
        const family = new Family()
        const { a, b, outer } = yield* nested(family, { mailbox: { onRestart: "keep" }, trapExit: false }, waiting)
        const hold = Effect.gen(function* () {
          yield* Effect.fork(told(ask(a, () => Effect.never)))
          yield* settled
          const held = yield* Effect.fork(told(stateOf(a)))
          yield* settled
          yield* crash(b)
          yield* settled
          assert.strictEqual(held.unsafePoll(), null)
          return held
        })
        const first = yield* hold
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* Fiber.join(first), "2")
        const second = yield* hold
        yield* Supervisor.terminateChild(outer, "Sup")
        assert.strictEqual(yield* Fiber.join(second), "ServerDown: shutdown")
      })
    )

    it.scoped(
      "what the servers of a supervisor that was killed still do concerns nobody; what waited for them is the next ones'",
      () =>
        Effect.gen(function* () {
          const family = new Family()
          const { a, b, sup } = yield* nested(family, { mailbox: { onRestart: "keep" } })
          const seen: Array<number> = []
          yield* Effect.fork(Stream.runForEach(GenServer.changes(b), (n) => Effect.sync(() => seen.push(n))))
          const latch = yield* Effect.makeLatch()
          const crashing = yield* Effect.fork(
            told(ask(a, () => Effect.zipRight(latch.await, Effect.die(new Error("a bug")))))
          )
          const committing = yield* Effect.fork(told(ask(b, (n) => Effect.as(latch.await, reply("done", n + 100)))))
          yield* settled
          const queued = yield* Effect.fork(told(stateOf(a)))
          yield* settled
          yield* Process.exit(sup, ExitReason.killed)
          yield* settled
          assert.strictEqual(yield* stateOf(a), 2)
          assert.strictEqual(yield* stateOf(b), 2)
          yield* latch.open
          assert.strictEqual(yield* Fiber.join(crashing), "ServerDown: crashed: Error: a bug")
          assert.strictEqual(yield* Fiber.join(committing), "done")
          assert.strictEqual(yield* Fiber.join(queued), "2")
          yield* settled
          assert.deepStrictEqual(seen, [1, 2])
          assert.strictEqual(yield* stateOf(a), 2)
          assert.strictEqual(yield* stateOf(b), 2)
        })
    )

    it.scoped("a child that the next supervisor does not have is not there", () =>
      Effect.gen(function* () {
        const family = new Family()
        const { a, sup } = yield* nested(family)
        const c = Context.get(yield* Supervisor.startChild(sup, family.c()), C)
        yield* crash(a)
        yield* settled
        assert.strictEqual(yield* told(stateOf(c)), "ServerDown: no process")
        assert.deepStrictEqual(yield* Stream.runCollect(GenServer.changes(c)).pipe(Effect.map(Chunk.size)), 0)
      })
    )
  })
})
