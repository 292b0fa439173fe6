import { assert, describe, it } from "@effect/vitest"
import { GenServer, Supervisor, SupervisorError } from "@effect-otp/core"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { A, ask, B, crash, eachKind, Family, kill, Sup, settled, start, startedIn, stateOf } from "./fixtures/family.ts"
import { told } from "./fixtures/observing.ts"

const { reply } = GenServer

/** Asks for `a` by its name, from a place in the tree. */
class Asker extends Context.Tag("@test/Asker")<
  Asker,
  { readonly state: Effect.Effect<string>; readonly crash: Effect.Effect<void>; readonly find: Effect.Effect<string> }
>() {
  static readonly layer = Layer.effect(
    Asker,
    Effect.gen(function* () {
      const context = yield* Effect.context<A>()
      const whereabouts = yield* Effect.runtime()
      const here = <X, E>(effect: Effect.Effect<X, E, A>) =>
        Effect.provide(effect, whereabouts).pipe(Effect.provide(context))
      return {
        state: here(told(stateOf(A))),
        crash: here(crash(A)),
        find: here(
          Effect.map(GenServer.whereis(A), Option.match({ onNone: () => "nobody", onSome: (ref) => String(ref) }))
        )
      }
    })
  ).pipe(Layer.provide(A.byName))
}

const waiting = {
  intensity: { restarts: Infinity, within: "1 minute" },
  backoff: Schedule.spaced("1 second")
} as const

const askerIn = (context: Context.Context<never>) => Context.get(context as Context.Context<Asker>, Asker)

describe("names", () => {
  eachKind("a name finds, at each use, who holds it: also a child that stands later in the list", (family) =>
    Effect.gen(function* () {
      const early: Array<string> = []
      const asking = Layer.effectDiscard(
        Effect.flatMap(Asker, ({ state }) => Effect.map(state, (given) => early.push(given)))
      )
      const context = yield* Layer.build(
        Sup.layer({ children: [Asker.layer, asking, family.a({ init: (n) => n * 10 })] })
      )
      const asker = askerIn(context as never)
      assert.deepStrictEqual(early, ["ServerDown: no process"])
      assert.strictEqual(yield* asker.state, "10")
      yield* asker.crash
      yield* settled
      assert.strictEqual(yield* asker.state, "20")
    })
  )

  eachKind(
    "between two servers the name says that there is to be one, after an end for good that there is none",
    (family) =>
      Effect.gen(function* () {
        const context = yield* Layer.build(Sup.layer({ ...waiting, children: [Asker.layer, family.a()] }))
        const asker = askerIn(context as never)
        const { sup } = startedIn(context as never)
        yield* asker.crash
        yield* settled
        assert.strictEqual(yield* asker.state, "ServerDown: restarting after Error: a bug")
        yield* TestClock.adjust("1 second")
        yield* settled
        assert.strictEqual(yield* asker.state, "0")
        yield* Supervisor.terminateChild(sup, "a")
        assert.strictEqual(yield* asker.state, "ServerDown: no process")
        yield* Supervisor.deleteChild(sup, "a")
        assert.strictEqual(yield* asker.state, "ServerDown: no process")
        yield* Supervisor.startChild(sup, family.a())
        assert.strictEqual(yield* asker.state, "0")
      })
  )

  it.scoped("without a supervisor a name finds nobody, whoever runs", () =>
    Effect.gen(function* () {
      const found = told(stateOf(A)).pipe(Effect.provide(A.byName))
      assert.strictEqual(yield* found, "ServerDown: no process")
      const family = new Family()
      const context = yield* Layer.build(Layer.provideMerge(Asker.layer, family.layerOf("a")))
      assert.strictEqual(yield* askerIn(context as never).state, "ServerDown: no process")
    })
  )

  it.effect("by name or by ref, a client is the same program", () =>
    Effect.gen(function* () {
      const family = new Family()
      const program = Effect.zipRight(
        ask(A, (n) => reply(n, n + 1)),
        stateOf(A)
      )
      const said: Array<unknown> = []
      const client = Layer.effectDiscard(Effect.map(program, (state) => said.push(state)))
      yield* Effect.scoped(
        Layer.build(Sup.layer({ children: [family.a(), client, client.pipe(Layer.provide(A.byName), Layer.fresh)] }))
      )
      assert.deepStrictEqual(said, [1, 2])
    })
  )

  it.scoped(
    "START-4: a second holder of a name under one root is refused, and whoever starts it is told the first",
    () =>
      Effect.gen(function* () {
        const family = new Family()
        const exit = yield* Effect.exit(start({ children: [family.a(), family.b(), family.a({ id: "again" })] }))
        assert(Exit.isFailure(exit))
        const defect = Option.getOrThrow(Cause.dieOption(exit.cause))
        assert(defect instanceof SupervisorError.AlreadyStarted)
        assert.strictEqual(defect.process, "a")
        assert.strictEqual(defect.message, "a is already started")
        assert.deepStrictEqual(family.log, [
          "a started",
          "b started",
          "b terminated: shutdown",
          "a terminated: shutdown"
        ])
      })
  )

  for (const kind of ["server", "layer"] as const) {
    it.scoped(`SUP-31: at run time that is AlreadyStarted with the ref of the holder, who goes on: ${kind}`, () =>
      Effect.gen(function* () {
        const family = new Family(kind)
        const { a, sup } = yield* start({ children: [family.a({ init: (n) => n })] })
        const error = yield* Effect.flip(Supervisor.startChild(sup, family.a({ id: "again" })))
        assert(error instanceof SupervisorError.AlreadyStarted)
        assert.strictEqual(error.ref, a)
        assert.strictEqual(yield* stateOf(a), 1)
        assert.strictEqual((yield* Supervisor.whichChildren(sup)).length, 1)
        assert.deepStrictEqual(family.log, ["a started"])
      })
    )
  }

  it.scoped("START-4: two servers of one name in one child's layer are refused, too", () =>
    Effect.gen(function* () {
      const family = new Family("layer")
      const twice = Layer.merge(family.layerOf("a"), Layer.fresh(family.layerOf("a")))
      const exit = yield* Effect.exit(Layer.build(Sup.layer({ children: [twice] })))
      assert(Exit.isFailure(exit))
      assert.include(Cause.pretty(exit.cause), "a is already started")
    })
  )

  it.scoped("START-12: a name is free before the failure of its holder to start is reported", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { sup } = yield* start({ children: [] })
      for (let i = 0; i < 3; i++) {
        const error = yield* Effect.flip(
          Supervisor.startChild(sup, family.a({ id: `${i}`, init: () => Effect.fail("no disk") }))
        )
        assert.strictEqual(error._tag, "FailedToStart")
      }
      const context = yield* Supervisor.startChild(sup, family.a())
      assert.strictEqual(yield* stateOf(Context.get(context, A)), 0)
    })
  )

  it.scoped("PROC-15: between two servers, too, the name is free: who takes it keeps it", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a, sup } = yield* start({ ...waiting, children: [family.a({ init: (n) => n })] })
      yield* kill(a)
      yield* settled
      const context = yield* Supervisor.startChild(sup, family.a({ id: "other", init: () => 100 }))
      assert.strictEqual(yield* stateOf(Context.get(context, A)), 100)
      yield* TestClock.adjust("1 second")
      yield* settled
      assert.match(yield* told(stateOf(a)), /^ServerDown: restarting after .*a is already started/)
    })
  )

  it.scoped("a temporary child that has ended leaves its name to others", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a, sup } = yield* start({ children: [family.a({ restart: "temporary" })] })
      yield* crash(a)
      yield* settled
      const context = yield* Supervisor.startChild(sup, family.a({ id: "again" }))
      assert.strictEqual(yield* stateOf(Context.get(context, A)), 0)
    })
  )

  it.scoped("an inner supervisor has its outer one's names", () =>
    Effect.gen(function* () {
      const family = new Family()
      const inner = Supervisor.layer({ children: [family.a({ init: () => 7 })] })
      const context = yield* Layer.build(Sup.layer({ children: [Asker.layer, inner] }))
      assert.strictEqual(yield* askerIn(context as never).state, "7")
      const { sup } = startedIn(context as never)
      const second = yield* Effect.flip(Supervisor.startChild(sup, family.a({ id: "again" })))
      assert.strictEqual(second._tag, "AlreadyStarted")
      const nested = yield* Effect.flip(
        Supervisor.startChild(sup, Supervisor.layer({ children: [family.b(), family.a({ id: "again" })] }))
      )
      assert.strictEqual(nested._tag, "AlreadyStarted")
      // What had started of it is gone.
      assert.deepStrictEqual(family.news, ["a started", "b started", "b terminated: shutdown"])
    })
  )

  it.scoped("two roots side by side do not meet", () =>
    Effect.gen(function* () {
      const family = new Family()
      const tree = (state: number) =>
        Layer.build(Sup.layer({ children: [Asker.layer, family.a({ init: () => state })] }))
      const one = yield* tree(1)
      const other = yield* tree(2)
      assert.strictEqual(yield* askerIn(one as never).state, "1")
      assert.strictEqual(yield* askerIn(other as never).state, "2")
      yield* Supervisor.stop(startedIn(one as never).sup)
      assert.strictEqual(yield* askerIn(one as never).state, "ServerDown: no process")
      assert.strictEqual(yield* askerIn(other as never).state, "2")
    })
  )

  it.scoped("CALL-21, PROC-18: whereis gives the ref of a server that runs, and nothing if there is none", () =>
    Effect.gen(function* () {
      const family = new Family()
      const context = yield* Layer.build(Sup.layer({ ...waiting, children: [Asker.layer, family.a()] }))
      const asker = askerIn(context as never)
      assert.strictEqual(yield* asker.find, "ServerRef(a)")
      yield* asker.crash
      yield* settled
      assert.strictEqual(yield* asker.find, "nobody")
      yield* TestClock.adjust("1 second")
      yield* settled
      assert.strictEqual(yield* asker.find, "ServerRef(a)")
      assert.deepStrictEqual(yield* GenServer.whereis(A), Option.none())
    })
  )

  it.scoped("a supervisor has a name, too", () =>
    Effect.gen(function* () {
      class Inner extends Supervisor.Service<Inner>()("@test/Inner") {}
      const said: Array<unknown> = []
      const asking = (tag: typeof Sup | typeof Inner) =>
        Layer.effectDiscard(
          Effect.map(told(Effect.map(Supervisor.countChildren(tag as typeof Sup), ({ specs }) => specs)), (given) =>
            said.push(given)
          )
        )
      const family = new Family()
      yield* Layer.build(
        Sup.layer({
          children: [
            asking(Inner).pipe(Layer.provide(Inner.byName)) as Layer.Layer<never>,
            Inner.layer({ children: [family.b()] }),
            asking(Inner).pipe(Layer.provide(Inner.byName), Layer.fresh) as Layer.Layer<never>
          ]
        })
      )
      assert.deepStrictEqual(said, ["ServerDown: no process", "1"])
    })
  )

  it("a ref by name shows what it is", () => {
    const program = Effect.provide(B, B.byName)
    const ref = Effect.runSync(program)
    assert.strictEqual(String(ref), "ServerRef(b, by name)")
    assert.deepStrictEqual(JSON.parse(JSON.stringify(ref)), { _id: "ServerRef", name: "b", by: "name" })
  })
})
