import { assert, describe, it } from "@effect/vitest"
import { type ChildSpec, ExitReason, GenServer, Process, Supervisor } from "@effect-otp/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import {
  A,
  ask,
  B,
  crash,
  eachKind,
  end,
  Family,
  kill,
  Sup,
  settled,
  start,
  stateOf,
  statuses
} from "./fixtures/family.ts"
import { told } from "./fixtures/observing.ts"
import { Next, Scripted, layer as scripted, stateOf as scriptedState } from "./fixtures/Scripted.ts"

const { reply } = GenServer

const strategies = ["one_for_one", "one_for_all", "rest_for_one"] as const

/** Every way in which a child ends, and whether that is one that a transient child is restarted after. */
const ends: ReadonlyArray<readonly [words: string, reason: ExitReason.ExitReason, abnormal: boolean]> = [
  ["normal", ExitReason.normal, false],
  ["shutdown", ExitReason.shutdown(), false],
  ["shutdown: enough", ExitReason.shutdown("enough"), false],
  ["killed", ExitReason.killed, true],
  ["crashed: Error: no disk", ExitReason.crash(new Error("no disk")), true]
]

/** What is said of the end of `b`: a kill leaves it no time to say anything. */
const lastWords = (words: string): ReadonlyArray<string> => (words === "killed" ? [] : [`b terminated: ${words}`])

const endB = (b: GenServer.ServerRef<B>, reason: ExitReason.ExitReason): Effect.Effect<void> =>
  Effect.zipRight(reason._tag === "Killed" ? kill(b) : end(b, reason), settled)

/** The ends with a transient child, which is brought back by the crash of a sibling. */
const backAfter = (
  strategy: ChildSpec.Strategy,
  prepare: (given: Effect.Effect.Success<ReturnType<typeof start>>, family: Family) => Effect.Effect<void, unknown>
) =>
  Effect.gen(function* () {
    const family = new Family()
    const started = yield* start({
      strategy,
      children: [family.a(), family.b({ restart: "transient" }), family.c()]
    })
    yield* prepare(started, family)
    yield* settled
    assert.deepStrictEqual(yield* statuses(started.sup), ["a: running", "b: stopped", "c: running"])
    assert.strictEqual(yield* told(stateOf(started.b)), "ServerDown: no process")
    yield* Effect.sync(() => family.news)
    yield* crash(started.a)
    yield* settled
    assert.deepStrictEqual(family.news, [
      "a terminated: crashed: Error: a bug",
      "c terminated: shutdown",
      "a started",
      "b started",
      "c started"
    ])
    assert.deepStrictEqual(yield* statuses(started.sup), ["a: running", "b: running", "c: running"])
    assert.strictEqual(yield* stateOf(started.b), 0)
  })

describe("Supervisor, restarts", () => {
  describe("SUP-9: who is restarted after what", () => {
    for (const restart of ["permanent", "transient", "temporary"] as const) {
      for (const [words, reason, abnormal] of ends) {
        const isRestarted = restart === "permanent" || (restart === "transient" && abnormal)
        eachKind(`a ${restart} child that ends by ${words} is ${isRestarted ? "" : "not "}restarted`, (family) =>
          Effect.gen(function* () {
            const { b, sup } = yield* start({ children: [family.a(), family.b({ restart }), family.c()] })
            yield* Effect.sync(() => family.news)
            yield* endB(b, reason)
            assert.deepStrictEqual(family.news, [...lastWords(words), ...(isRestarted ? ["b started"] : [])])
            assert.deepStrictEqual(yield* statuses(sup), [
              "a: running",
              ...(isRestarted ? ["b: running"] : restart === "transient" ? ["b: stopped"] : []),
              "c: running"
            ])
            assert.strictEqual(yield* told(stateOf(b)), isRestarted ? "0" : "ServerDown: no process")
          })
        )
      }
    }
  })

  describe("SUP-9: an end after which nobody is restarted leaves the siblings alone, whatever the strategy", () => {
    for (const strategy of strategies) {
      for (const [restart, reason] of [
        ["transient", ExitReason.normal],
        ["transient", ExitReason.shutdown("enough")],
        ["temporary", ExitReason.normal],
        ["temporary", ExitReason.killed],
        ["temporary", ExitReason.crash(new Error("no disk"))]
      ] as const) {
        it.scoped(`${strategy}, ${restart}, ${ExitReason.format(reason)}`, () =>
          Effect.gen(function* () {
            const family = new Family()
            const { a, b, c } = yield* start({ strategy, children: [family.a(), family.b({ restart }), family.c()] })
            yield* ask(a, (n) => reply(n, 1))
            yield* ask(c, (n) => reply(n, 3))
            yield* Effect.sync(() => family.news)
            yield* endB(b, reason)
            assert.deepStrictEqual(family.news, lastWords(ExitReason.format(reason)))
            assert.strictEqual(yield* stateOf(a), 1)
            assert.strictEqual(yield* stateOf(c), 3)
          })
        )
      }
    }
  })

  eachKind("SUP-12: one_for_one restarts only the child, which keeps its place", (family) =>
    Effect.gen(function* () {
      const { b, sup } = yield* start({ children: [family.a(), family.b(), family.c()] })
      assert.deepStrictEqual(family.news, ["a started", "b started", "c started"])
      yield* crash(b)
      yield* settled
      assert.deepStrictEqual(family.news, ["b terminated: crashed: Error: a bug", "b started"])
      assert.deepStrictEqual(yield* statuses(sup), ["a: running", "b: running", "c: running"])
      assert.strictEqual((yield* Supervisor.getChild(sup, "b")).restarts, 1)
      assert.strictEqual((yield* Supervisor.getChild(sup, "a")).restarts, 0)
    })
  )

  eachKind("SUP-10: one_for_all stops the others in reverse order, then starts all in order", (family) =>
    Effect.gen(function* () {
      const { b, sup } = yield* start({
        strategy: "one_for_all",
        children: [family.a(), family.b(), family.c(), family.d()]
      })
      yield* Effect.sync(() => family.news)
      yield* crash(b)
      yield* settled
      assert.deepStrictEqual(family.news, [
        "b terminated: crashed: Error: a bug",
        "d terminated: shutdown",
        "c terminated: shutdown",
        "a terminated: shutdown",
        "a started",
        "b started",
        "c started",
        "d started"
      ])
      assert.deepStrictEqual(yield* statuses(sup), ["a: running", "b: running", "c: running", "d: running"])
    })
  )

  eachKind("SUP-11: rest_for_one does the same with those after the child; those before keep running", (family) =>
    Effect.gen(function* () {
      const { a, b } = yield* start({
        strategy: "rest_for_one",
        children: [family.a(), family.b(), family.c(), family.d()]
      })
      yield* ask(a, (n) => reply(n, 1))
      yield* Effect.sync(() => family.news)
      yield* crash(b)
      yield* settled
      assert.deepStrictEqual(family.news, [
        "b terminated: crashed: Error: a bug",
        "d terminated: shutdown",
        "c terminated: shutdown",
        "b started",
        "c started",
        "d started"
      ])
      assert.strictEqual(yield* stateOf(a), 1)
    })
  )

  it.scoped("SUP-11: the crash of the last one concerns nobody else, that of the first one everybody", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a, c } = yield* start({ strategy: "rest_for_one", children: [family.a(), family.b(), family.c()] })
      yield* Effect.sync(() => family.news)
      yield* crash(c)
      yield* settled
      assert.deepStrictEqual(family.news, ["c terminated: crashed: Error: a bug", "c started"])
      yield* crash(a)
      yield* settled
      assert.deepStrictEqual(family.news, [
        "a terminated: crashed: Error: a bug",
        "c terminated: shutdown",
        "b terminated: shutdown",
        "a started",
        "b started",
        "c started"
      ])
    })
  )

  for (const strategy of ["one_for_all", "rest_for_one"] as const) {
    it.scoped(`${strategy === "one_for_all" ? "SUP-10" : "SUP-11"}: ${strategy} takes along a child added later`, () =>
      Effect.gen(function* () {
        const family = new Family()
        const { a, sup } = yield* start({ strategy, children: [family.a(), family.b()] })
        yield* Supervisor.startChild(sup, family.c())
        yield* Effect.sync(() => family.news)
        yield* crash(a)
        yield* settled
        assert.deepStrictEqual(family.news, [
          "a terminated: crashed: Error: a bug",
          "c terminated: shutdown",
          "b terminated: shutdown",
          "a started",
          "b started",
          "c started"
        ])
      })
    )

    describe(`SUP-10: ${strategy} brings back`, () => {
      it.scoped("a child that was terminated by hand", () =>
        backAfter(strategy, ({ sup }) => Supervisor.terminateChild(sup, "b"))
      )

      it.scoped("a child that had finished", () => backAfter(strategy, ({ b }) => end(b, ExitReason.normal)))

      it.scoped("a child that had been ignored", () =>
        Effect.gen(function* () {
          const family = new Family()
          const { a, b, sup } = yield* start({
            strategy,
            children: [family.a(), family.b({ init: (n) => (n === 1 ? GenServer.ignore : n) }), family.c()]
          })
          assert.deepStrictEqual(yield* statuses(sup), ["a: running", "b: stopped", "c: running"])
          assert.strictEqual(yield* told(stateOf(b)), "ServerDown: no process")
          yield* crash(a)
          yield* settled
          assert.deepStrictEqual(family.news.slice(-3), ["a started", "b started", "c started"])
          assert.strictEqual(yield* stateOf(b), 2)
        })
      )
    })

    eachKind(`SUP-10: ${strategy} stops temporary siblings, and forgets them`, (family) =>
      Effect.gen(function* () {
        const { a, b, sup } = yield* start({
          strategy,
          children: [family.a(), family.b({ restart: "temporary" }), family.c()]
        })
        yield* Effect.sync(() => family.news)
        yield* crash(a)
        yield* settled
        assert.deepStrictEqual(family.news, [
          "a terminated: crashed: Error: a bug",
          "c terminated: shutdown",
          "b terminated: shutdown",
          "a started",
          "c started"
        ])
        assert.deepStrictEqual(yield* statuses(sup), ["a: running", "c: running"])
        assert.strictEqual(yield* told(stateOf(b)), "ServerDown: no process")
      })
    )

    eachKind(`${strategy}: a sibling that is ignored at the restart is no failure (SUP-7)`, (family) =>
      Effect.gen(function* () {
        const { a, b, sup } = yield* start({
          strategy,
          children: [family.a(), family.b({ init: (n) => (n === 2 ? GenServer.ignore : n) }), family.c()]
        })
        yield* Effect.sync(() => family.news)
        yield* crash(a)
        yield* settled
        assert.deepStrictEqual(family.news.slice(-3), ["a started", "b ignored", "c started"])
        assert.strictEqual(yield* told(stateOf(b)), "ServerDown: no process")
        if (family.kind !== "layer") {
          assert.deepStrictEqual(yield* statuses(sup), ["a: running", "b: stopped", "c: running"])
        }
      })
    )
  }

  it.scoped("SUP-10: siblings that end before the supervisor comes to it are one restart of all", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a, b, sup } = yield* start({
        strategy: "one_for_all",
        intensity: { restarts: 1, within: "5 seconds" },
        children: [family.a(), family.b()]
      })
      yield* Effect.fork(
        Supervisor.startChild(sup, family.c({ init: () => Effect.delay(Effect.succeed(0), "1 second") }))
      )
      yield* settled
      yield* kill(a)
      yield* kill(b)
      yield* Effect.sync(() => family.news)
      yield* TestClock.adjust("1 second")
      yield* TestClock.adjust("1 second")
      yield* settled
      assert.deepStrictEqual(family.news, [
        "c started",
        "c terminated: shutdown",
        "a started",
        "b started",
        "c started"
      ])
      assert.deepStrictEqual(yield* statuses(sup), ["a: running", "b: running", "c: running"])
    })
  )

  it.scoped("SUP-13: init runs again with the same arguments, and nothing of the old state and mailbox is left", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a } = yield* start({ children: [family.a({ init: (n) => n * 10 })] })
      assert.strictEqual(yield* stateOf(a), 10)
      yield* ask(a, (n) => reply(n, 11))
      // What is queued behind the crash is lost.
      yield* crash(a)
      const queued = yield* told(ask(a, (n) => reply(n, 12)))
      yield* settled
      assert.strictEqual(queued, "ServerDown: crashed: Error: a bug")
      assert.strictEqual(yield* stateOf(a), 20)
    })
  )

  it.scoped("SUP-13: what init acquired is released before the next init begins", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const family = new Family()
      const { a } = yield* start({
        children: [
          Supervisor.child(
            A.toLayer(
              () =>
                Effect.as(
                  Effect.acquireRelease(
                    Effect.sync(() => log.push("acquired")),
                    () =>
                      Effect.zipRight(
                        Effect.yieldNow(),
                        Effect.sync(() => log.push("released"))
                      )
                  ),
                  0
                ),
              family.callbacks("a")
            ),
            {}
          )
        ]
      })
      yield* crash(a)
      yield* settled
      yield* GenServer.stop(a)
      yield* settled
      assert.deepStrictEqual(log, ["acquired", "released", "acquired", "released", "acquired"])
      assert.deepStrictEqual(family.log, ["a terminated: crashed: Error: a bug", "a terminated: normal"])
    })
  )

  it.scoped("a permanent child that is asked to stop is restarted, and whoever asked is answered", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a } = yield* start({ children: [family.a()] })
      yield* ask(a, (n) => reply(n, 1))
      assert.strictEqual(yield* told(GenServer.stop(a)), "undefined")
      yield* settled
      assert.strictEqual(yield* stateOf(a), 0)
      assert.deepStrictEqual(family.log, ["a started", "a terminated: normal", "a started"])
    })
  )

  it.scoped("an exit signal restarts what it ends, and `normal` ends nobody (PROC-4)", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a } = yield* start({ children: [family.a({ trapExit: false })] })
      yield* ask(a, (n) => reply(n, 1))
      yield* Process.exit(a, ExitReason.normal)
      yield* settled
      assert.strictEqual(yield* stateOf(a), 1)
      yield* Process.exit(a, ExitReason.shutdown())
      yield* settled
      assert.strictEqual(yield* stateOf(a), 0)
      yield* ask(a, (n) => reply(n, 1))
      yield* Process.exit(a, ExitReason.killed)
      yield* settled
      assert.strictEqual(yield* stateOf(a), 0)
      assert.deepStrictEqual(family.log, ["a started", "a started", "a started"])
    })
  )

  for (const [how, wrap] of [
    ["by itself", (layer: Layer.Layer<Scripted, string>) => layer],
    ["inside a layer", (layer: Layer.Layer<Scripted, string>) => Layer.fresh(layer)]
  ] as const) {
    it.scoped(`a server that crashes as soon as init has ended is restarted: ${how}`, () =>
      Effect.gen(function* () {
        let starts = 0
        const bug = new Next({ handle: () => Effect.die(new Error("a bug")) })
        const init = () =>
          Effect.map(Effect.yieldNow(), () => (++starts < 3 ? GenServer.ok(starts, { continue: bug }) : starts))
        const context = yield* Layer.build(Supervisor.layer({ children: [wrap(scripted({ init }))] }))
        yield* settled
        assert.strictEqual(yield* scriptedState(Context.get(context, Scripted)), 3)
      })
    )
  }

  it.effect("a client that knows the tag alone does not see that the server was another one", () =>
    Effect.gen(function* () {
      const family = new Family()
      yield* Effect.gen(function* () {
        yield* ask(A, (n) => reply(n, 1))
        yield* crash(A)
        yield* settled
        assert.strictEqual(yield* stateOf(A), 0)
        assert.strictEqual(yield* stateOf(B), 0)
      }).pipe(Effect.provide(Sup.layer({ children: [family.a(), family.b()] })))
      assert.deepStrictEqual(family.log, [
        "a started",
        "b started",
        "a terminated: crashed: Error: a bug",
        "a started",
        "b terminated: shutdown",
        "a terminated: shutdown"
      ])
    })
  )
})
