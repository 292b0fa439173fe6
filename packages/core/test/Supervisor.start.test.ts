import { assert, describe, it } from "@effect/vitest"
import { type ChildSpec, GenServer, Supervisor, SupervisorError } from "@effect-otp/core"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { A, B, eachKind, Family, kill, Sup, settled, start, startedIn, stateOf, statuses } from "./fixtures/family.ts"
import { told } from "./fixtures/observing.ts"

/** What the compiler would refuse, and JavaScript would not. */
const unchecked = (value: unknown): never => value as never

const idle = Supervisor.worker("idle", Effect.never)

/** How the start of a supervisor with these children ends. */
const startOf = (children: ReadonlyArray<ChildSpec.ChildSpec<never, unknown> | Layer.Layer<never, unknown>>) =>
  Effect.exit(Effect.scoped(Layer.build(Sup.layer({ children }))))

const causeOf = <A, E>(exit: Exit.Exit<A, E>): Cause.Cause<E> => (Exit.isFailure(exit) ? exit.cause : Cause.empty)

describe("Supervisor, options", () => {
  for (const [option, value, complaint] of [
    [
      "strategy",
      "one_for_none",
      '`strategy` must be one of one_for_one, one_for_all, rest_for_one, but is "one_for_none"'
    ],
    ["strategy", "simple_one_for_one", "`strategy` must be one of one_for_one, one_for_all, rest_for_one, but is"],
    ["strategy", null, "`strategy` must be one of one_for_one, one_for_all, rest_for_one, but is null"],
    [
      "autoShutdown",
      "always",
      '`autoShutdown` must be one of never, any_significant, all_significant, but is "always"'
    ],
    ["autoShutdown", true, "`autoShutdown` must be one of never, any_significant, all_significant, but is true"],
    ["children", undefined, "`children` must be an array or an Effect of one, but is undefined"],
    ["children", { 0: idle }, "`children` must be an array or an Effect of one, but is {"],
    ["children", [idle, 5], "a child must be a Layer, Supervisor.child or Supervisor.worker, but is 5"],
    ["children", [() => idle], "a child must be a Layer, Supervisor.child or Supervisor.worker, but is function"],
    ["children", [Effect.never], "a child must be a Layer, Supervisor.child or Supervisor.worker, but is"],
    ["intensity", 3, "`intensity` must be { restarts, within }, but is 3"],
    ["intensity", null, "`intensity` must be { restarts, within }, but is null"],
    ["intensity", { restarts: -1 }, "`intensity.restarts` must be a whole number from 0 up, but is -1"],
    ["intensity", { restarts: 1.5 }, "`intensity.restarts` must be a whole number from 0 up, but is 1.5"],
    ["intensity", { restarts: Number.NaN }, "`intensity.restarts` must be a whole number from 0 up, but is NaN"],
    ["intensity", { restarts: "3" }, '`intensity.restarts` must be a whole number from 0 up, but is "3"'],
    ["intensity", { within: 0 }, "`intensity.within` must be more than nothing, but is 0"],
    ["intensity", { within: -1 }, "`intensity.within` must be a duration that is not negative, but is -1"],
    [
      "intensity",
      { within: "a while" },
      '`intensity.within` must be a duration that is not negative, but is "a while"'
    ],
    ["intensity", { period: 5 }, "intensity: there is no option `period`"],
    ["backoff", "1 second", '`backoff` must be a Schedule, but is "1 second"'],
    ["backoff", 1000, "`backoff` must be a Schedule, but is 1000"],
    ["maxRestarts", 3, "there is no option `maxRestarts`"]
  ] as const) {
    const quoted = typeof value === "object" && value !== null ? JSON.stringify(value) : String(value)
    it(`SUP-1: ${option} cannot be ${quoted}`, () => {
      const options = unchecked({ children: [idle], [option]: value })
      assert.throws(() => Sup.layer(options), TypeError, `Sup.layer: ${complaint}`)
      assert.throws(() => Supervisor.layer(options), TypeError, `Supervisor.layer: ${complaint}`)
    })
  }

  it("SUP-1: options that are no object are refused", () => {
    for (const options of [undefined, null, 5, "one_for_one"]) {
      assert.throws(
        () => Sup.layer(unchecked(options)),
        TypeError,
        "Sup.layer: the options must be an object, but are "
      )
    }
  })

  for (const [option, value, complaint] of [
    ["id", "", '`id` must be a string that is not empty, but is ""'],
    ["id", 5, "`id` must be a string that is not empty, but is 5"],
    ["restart", "always", '`restart` must be one of permanent, transient, temporary, but is "always"'],
    ["shutdown", -1, "`shutdown` must be a duration that is not negative, but is -1"],
    ["shutdown", "brutal_kill", '`shutdown` must be a duration that is not negative, but is "brutal_kill"'],
    ["significant", "yes", '`significant` must be true or false, but is "yes"'],
    ["significant", true, "a significant child must be transient or temporary"],
    ["lateBound", "Repo", '`lateBound` must be an array of tags, but is "Repo"'],
    ["lateBound", ["Repo"], "`lateBound` must be an array of tags, but is"],
    ["startIf", true, "`startIf` must be an Effect of a boolean, but is true"],
    ["watch", 1, "`watch` must be true or false, but is 1"],
    ["type", "worker", "there is no option `type`"]
  ] as const) {
    it(`SUP-3: a child's ${option} cannot be ${JSON.stringify(value)}`, () => {
      const make = () => Supervisor.child(Layer.empty, unchecked({ [option]: value }))
      assert.throws(make, TypeError, `Supervisor.child: ${complaint}`)
    })
  }

  it("SUP-3: a child must be a Layer, a worker an Effect with an id", () => {
    assert.throws(() => Supervisor.child(unchecked(Effect.void), {}), TypeError, "the child must be a Layer, but is ")
    assert.throws(
      () => Supervisor.child(unchecked(undefined), {}),
      TypeError,
      "the child must be a Layer, but is undef"
    )
    assert.throws(() => Supervisor.worker("w", unchecked(5)), TypeError, "the worker must be an Effect, but is 5")
    assert.throws(() => Supervisor.worker("", Effect.void), TypeError, 'not empty, but is ""')
    assert.throws(() => Supervisor.worker(unchecked(1), Effect.void), TypeError, "not empty, but is 1")
    assert.throws(() => Supervisor.worker("w", Effect.void, unchecked({ id: "x" })), TypeError, "no option `id`")
    assert.throws(() => Supervisor.worker("w", Effect.void, unchecked({ startIf: 1 })), TypeError, "`startIf` must be")
  })

  it("SUP-3: two children of one id are refused, whether it was given or is the server's name", () => {
    const family = new Family()
    const message = 'Sup.layer: two of its children have the id "a"'
    assert.throws(() => Sup.layer({ children: [family.a(), family.a()] }), TypeError, message)
    assert.throws(() => Sup.layer({ children: [family.a(), Supervisor.worker("a", Effect.never)] }), TypeError, message)
    assert.throws(
      () => Sup.layer({ children: [Layer.empty, Supervisor.worker("#1", Effect.never)] }),
      TypeError,
      'two of its children have the id "#1"'
    )
  })

  it("SUP-29: significant children need a supervisor that minds, and one that minds needs one of them", () => {
    const family = new Family()
    const significant = family.a({ restart: "transient", significant: true })
    assert.throws(
      () => Sup.layer({ children: [significant] }),
      TypeError,
      "a is significant, but `autoShutdown` is never"
    )
    assert.throws(
      () => Sup.layer({ autoShutdown: "any_significant", children: [family.a()] }),
      TypeError,
      "`autoShutdown` is any_significant, but none of its children is significant"
    )
    assert.doesNotThrow(() => Sup.layer({ autoShutdown: "any_significant", children: [significant] }))
  })

  it("the name of a supervisor's class must end with a word", () => {
    for (const name of ["", "@app/", unchecked(5)]) {
      assert.throws(() => Supervisor.Service<Sup>()(name), TypeError, "the name must be a string that ends with a word")
    }
  })

  it.effect("SUP-3: what an Effect of children gives is checked when it starts", () =>
    Effect.gen(function* () {
      const family = new Family()
      const children = Effect.succeed([family.a(), family.a()] as const)
      const exit = yield* Effect.exit(Effect.scoped(Layer.build(Sup.layer({ children }))))
      assert.include(String(causeOf(exit)), 'Sup.layer: two of its children have the id "a"')
      assert.deepStrictEqual(family.log, [])
    })
  )

  it.scoped("SUP-2: what is not said of a child is OTP's default", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { sup } = yield* start({
        children: [family.a(), Layer.empty, idle, Supervisor.layer({ children: [] }), B.make("server", [], {})]
      })
      assert.deepStrictEqual(
        (yield* Supervisor.whichChildren(sup)).map(({ id, restart, significant, type }) => [
          id,
          type,
          restart,
          significant
        ]),
        [
          ["b", "worker", "permanent", false],
          ["#4", "supervisor", "permanent", false],
          ["idle", "worker", "permanent", false],
          ["#2", "worker", "permanent", false],
          ["a", "worker", "permanent", false]
        ]
      )
      assert.deepStrictEqual(yield* Supervisor.countChildren(sup), { specs: 5, active: 5, supervisors: 1, workers: 4 })
    })
  )

  it.scoped("a supervisor may have no children", () =>
    Effect.gen(function* () {
      const { sup } = yield* start({ children: [] })
      assert.deepStrictEqual(yield* Supervisor.whichChildren(sup), [])
      assert.deepStrictEqual(yield* Supervisor.countChildren(sup), { specs: 0, active: 0, supervisors: 0, workers: 0 })
    })
  )
})

describe("Supervisor, start", () => {
  eachKind("SUP-4: children start in order, each when the one before it has started, and stop in reverse", (family) =>
    Effect.gen(function* () {
      const slow = { init: (n: number) => Effect.as(Effect.sleep("1 second"), n) }
      const scope = yield* Scope.make()
      const starting = yield* Effect.fork(
        Scope.extend(start({ children: [family.a(slow), family.b(), family.c(slow)] }), scope)
      )
      yield* settled
      assert.deepStrictEqual(family.news, [])
      yield* TestClock.adjust("1 second")
      yield* settled
      assert.deepStrictEqual(family.news, ["a started", "b started"])
      assert.strictEqual(starting.unsafePoll(), null)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(starting)
      assert.deepStrictEqual(family.news, ["c started"])
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(family.news, [
        "c terminated: shutdown",
        "b terminated: shutdown",
        "a terminated: shutdown"
      ])
    })
  )

  eachKind("SUP-5: when one fails, those before it stop in reverse, and those after it are never started", (family) =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(
        start({
          children: [family.a(), family.b(), family.c({ init: () => Effect.fail("no disk") }), family.d()]
        })
      )
      assert.deepStrictEqual(exit, Exit.fail("no disk"))
      assert.deepStrictEqual(family.log, [
        "a started",
        "b started",
        "c failed",
        "b terminated: shutdown",
        "a terminated: shutdown"
      ])
    })
  )

  eachKind("SUP-5, SUP-6: the defect of a child is the supervisor's", (family) =>
    Effect.gen(function* () {
      const bug = new Error("a bug")
      const exit = yield* Effect.exit(
        start({
          children: [
            family.a(),
            family.b({
              init: () => {
                throw bug
              }
            })
          ]
        })
      )
      assert.deepStrictEqual(exit, Exit.die(bug))
      assert.deepStrictEqual(family.log, ["a started", "b failed", "a terminated: shutdown"])
    })
  )

  eachKind("SUP-5: a child that interrupts itself is a defect, which names it, and no interruption", (family) =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(start({ children: [family.a(), family.b({ init: () => Effect.interrupt })] }))
      const defect = Cause.dieOption(causeOf(exit))
      assert(defect._tag === "Some" && defect.value instanceof SupervisorError.FailedToStart)
      assert.strictEqual(defect.value.supervisor, "Sup")
      assert.strictEqual(defect.value.id, "b")
      assert.isTrue(Cause.isInterruptedOnly(defect.value.reason))
      assert.isFalse(Cause.isInterrupted(causeOf(exit)))
      assert.deepStrictEqual(family.log, ["a started", "b failed", "a terminated: shutdown"])
    })
  )

  it.effect("SUP-5: so it is with a layer that fails, dies, or interrupts itself", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const say = (what: string) => Effect.sync(() => void log.push(what))
      const first = Layer.scopedDiscard(Effect.acquireRelease(say("acquired"), () => say("released")))
      const after = Layer.effectDiscard(say("never"))
      const failing = (effect: Effect.Effect<never, string>) => startOf([first, Layer.effectDiscard(effect), after])
      assert.deepStrictEqual(yield* failing(Effect.fail("no disk")), Exit.fail("no disk"))
      assert.deepStrictEqual(yield* failing(Effect.die("a bug")), Exit.die("a bug"))
      const exit = yield* failing(Effect.interrupt)
      assert.isFalse(Cause.isInterrupted(causeOf(exit)))
      assert.include(String(causeOf(exit)), "Sup could not start #2")
      assert.deepStrictEqual(log, ["acquired", "released", "acquired", "released", "acquired", "released"])
    })
  )

  it.effect("SUP-5: there is no second attempt at the first start, whatever the intensity", () =>
    Effect.gen(function* () {
      const family = new Family()
      yield* Effect.exit(
        start({ intensity: { restarts: 10, within: 1 }, children: [family.a({ init: () => Effect.fail("no") })] })
      )
      assert.deepStrictEqual(family.log, ["a failed"])
    }).pipe(Effect.scoped)
  )

  it.scoped("SUP-5: the children of an inner supervisor are stopped before those that stand before it", () =>
    Effect.gen(function* () {
      const family = new Family()
      const inner = Supervisor.layer({ children: [family.b(), family.c({ init: () => Effect.fail("no disk") })] })
      const exit = yield* Effect.exit(start({ children: [family.a(), inner, family.d()] }))
      assert.deepStrictEqual(exit, Exit.fail("no disk"))
      assert.deepStrictEqual(family.log, [
        "a started",
        "b started",
        "c failed",
        "b terminated: shutdown",
        "a terminated: shutdown"
      ])
    })
  )

  it.scoped("SUP-5: a supervisor that is interrupted while it starts stops what has started", () =>
    Effect.gen(function* () {
      const family = new Family()
      const starting = yield* Effect.fork(
        Effect.scoped(start({ children: [family.a(), family.b({ init: () => Effect.never }), family.c()] }))
      )
      yield* settled
      yield* Fiber.interrupt(starting)
      assert.deepStrictEqual(family.log, ["a started", "a terminated: shutdown"])
    })
  )

  it.effect("SUP-8: an Effect of children that fails is the start that fails", () =>
    Effect.gen(function* () {
      const children = Effect.fail("no list") as Effect.Effect<readonly [], string>
      assert.deepStrictEqual(
        yield* Effect.exit(Effect.scoped(Layer.build(Sup.layer({ children })))),
        Exit.fail("no list")
      )
    })
  )

  it.effect("an Effect of children is run at each start of the supervisor", () =>
    Effect.gen(function* () {
      let runs = 0
      const family = new Family()
      const layer = Sup.layer({ children: Effect.sync(() => [family.a({ init: () => ++runs })] as const) })
      assert.strictEqual(yield* Effect.provide(stateOf(A), layer), 1)
      assert.strictEqual(yield* Effect.provide(stateOf(A), layer), 2)
    })
  )

  it.scoped(
    "each child finds what those before it provide, the supervisor's own ref, and what was provided outside",
    () =>
      Effect.gen(function* () {
        class Setting extends Context.Tag("@test/Setting")<Setting, string>() {}
        const seen: Array<string> = []
        const looking = Layer.effectDiscard(
          Effect.gen(function* () {
            seen.push(yield* Setting, String(yield* A), String(yield* Sup))
          })
        )
        const family = new Family()
        yield* Layer.build(
          Sup.layer({ children: [family.a(), looking] }).pipe(Layer.provide(Layer.succeed(Setting, "a setting")))
        )
        assert.deepStrictEqual(seen, ["a setting", "ServerRef(a)", "ServerRef(Sup)"])
      })
  )

  it.scoped("the layer provides what the children provide", () =>
    Effect.gen(function* () {
      class Setting extends Context.Tag("@test/Setting")<Setting, string>() {}
      const family = new Family()
      const context = yield* Layer.build(
        Supervisor.layer({ children: [family.a({ init: () => 7 }), Layer.succeed(Setting, "a setting")] })
      )
      assert.strictEqual(Context.get(context, Setting), "a setting")
      assert.strictEqual(yield* stateOf(Context.get(context, A)), 7)
    })
  )
})

describe("Supervisor, ignored children", () => {
  for (const kind of ["server", "server with an Effect for init"] as const) {
    it.scoped(`SUP-7: a child whose init is ignored stays in the list without a process: ${kind}`, () =>
      Effect.gen(function* () {
        const family = new Family(kind)
        const { b, sup } = yield* start({
          children: [
            family.a(),
            family.b({ init: (n) => (n === 1 ? GenServer.ignore : n) }),
            family.c({ init: () => GenServer.ignore, restart: "transient" }),
            family.d()
          ]
        })
        assert.deepStrictEqual(family.log, ["a started", "b ignored", "c ignored", "d started"])
        assert.deepStrictEqual(yield* statuses(sup), ["a: running", "b: stopped", "c: stopped", "d: running"])
        assert.deepStrictEqual(yield* Supervisor.countChildren(sup), {
          specs: 4,
          active: 2,
          supervisors: 0,
          workers: 4
        })
        assert.strictEqual(yield* told(stateOf(b)), "ServerDown: no process")
        yield* Supervisor.restartChild(sup, "b")
        assert.strictEqual(yield* stateOf(b), 2)
      })
    )

    it.scoped(`SUP-7: a temporary one is dropped: ${kind}`, () =>
      Effect.gen(function* () {
        const family = new Family(kind)
        const { a, sup } = yield* start({
          children: [family.a({ init: () => GenServer.ignore, restart: "temporary" }), family.b()]
        })
        assert.deepStrictEqual(yield* statuses(sup), ["b: running"])
        assert.strictEqual(yield* told(stateOf(a)), "ServerDown: no process")
      })
    )
  }

  it.scoped("a child that has been forgotten is one that is not there, for children that require it, too", () =>
    Effect.gen(function* () {
      const said: Array<string> = []
      const family = new Family()
      const looking = Layer.effectDiscard(Effect.map(told(stateOf(A)), (given) => said.push(given)))
      const { a, b, sup } = yield* start({
        strategy: "rest_for_one",
        children: [family.a({ restart: "temporary" }), family.b(), looking]
      })
      yield* kill(a)
      yield* kill(b)
      yield* settled
      assert.deepStrictEqual(said, ["0", "ServerDown: no process"])
      assert.deepStrictEqual(yield* statuses(sup), ["b: running", "#3: running"])
    })
  )

  it.scoped("SUP-7: a child that is not wanted is left out, and asked again at each start", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      let isWanted = false
      const say = (what: string) => Effect.sync(() => void log.push(what))
      const startIf = Effect.zipRight(
        say("asked"),
        Effect.sync(() => isWanted)
      )
      const { sup } = yield* start({
        children: [
          Supervisor.worker("worker", Effect.zipRight(say("runs"), Effect.never), { startIf }),
          Supervisor.child(Layer.effectDiscard(say("built")), { id: "layer", startIf })
        ]
      })
      assert.deepStrictEqual(yield* statuses(sup), ["worker: stopped", "layer: stopped"])
      isWanted = true
      yield* Supervisor.restartChild(sup, "worker")
      yield* Supervisor.restartChild(sup, "layer")
      yield* settled
      assert.deepStrictEqual(yield* statuses(sup), ["worker: running", "layer: running"])
      assert.deepStrictEqual(log, ["asked", "asked", "asked", "runs", "asked", "built"])
    })
  )

  it.scoped("the failure to say whether a child is wanted is its failure to start (SUP-5)", () =>
    Effect.gen(function* () {
      const family = new Family()
      const startIf = Effect.fail("who knows")
      const exit = yield* Effect.exit(
        Layer.build(
          Sup.layer({ children: [family.a(), Supervisor.worker("w", Effect.never, { startIf }), family.b()] })
        )
      )
      assert.deepStrictEqual(Exit.asVoid(exit), Exit.fail("who knows"))
      assert.deepStrictEqual(family.log, ["a started", "a terminated: shutdown"])
    })
  )

  it.effect("two supervisors of one layer value are two", () =>
    Effect.gen(function* () {
      const family = new Family()
      const layer = Sup.layer({ children: [family.a({ init: (n) => n })] })
      const one = startedIn((yield* Layer.build(layer)) as never)
      const other = startedIn((yield* Layer.build(layer)) as never)
      assert.deepStrictEqual([yield* stateOf(one.a), yield* stateOf(other.a)], [1, 2])
    }).pipe(Effect.scoped)
  )
})
