import { assert, describe, it } from "@effect/vitest"
import { ExitReason, Process, Supervisor } from "@effect-otp/core"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import {
  Ann,
  Bob,
  Cid,
  command,
  count,
  crash,
  crashing,
  House,
  type News,
  openHouse,
  quit,
  room,
  say,
  since,
  statuses
} from "./fixtures/household.ts"
import { quiet, told } from "./fixtures/observing.ts"

const ofHouse = (id: string) => ({ supervisor: "House", id })

/** What it dies of, in words. */
const diesOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.sandbox(effect).pipe(Effect.flip), (cause) => String(Cause.squash(cause)))

describe("Supervisor, its children", () => {
  it.effect("the life of a child (supervisor_test: child life cycle; SUP-32 to SUP-34, SUP-13)", () =>
    Effect.gen(function* () {
      const news: News = []
      const { close, house } = yield* openHouse(House.layer({ children: [] }))
      assert.deepStrictEqual(yield* Supervisor.whichChildren(house), [])
      assert.deepStrictEqual(yield* Supervisor.countChildren(house), {
        specs: 0,
        active: 0,
        supervisors: 0,
        workers: 0
      })
      const ann = Context.get(yield* Supervisor.startChild(house, Ann.layer(news)), Ann)
      assert.deepStrictEqual(yield* statuses(house), ["Ann running"])
      assert.deepStrictEqual(yield* Supervisor.countChildren(house), {
        specs: 1,
        active: 1,
        supervisors: 0,
        workers: 1
      })
      assert.deepStrictEqual([yield* count(ann), yield* count(ann)], [1, 2])
      assert.deepStrictEqual(
        yield* Effect.flip(Supervisor.deleteChild(house, "Ann")),
        new Supervisor.ChildRunning({ ...ofHouse("Ann"), status: "running" })
      )
      yield* Supervisor.terminateChild(house, "Ann")
      assert.deepStrictEqual(yield* statuses(house), ["Ann stopped"])
      assert.deepStrictEqual(yield* Supervisor.countChildren(house), {
        specs: 1,
        active: 0,
        supervisors: 0,
        workers: 1
      })
      assert.strictEqual(yield* told(count(ann)), "ServerDown: no process")
      yield* Supervisor.restartChild(house, "Ann")
      assert.strictEqual(yield* count(ann), 1)
      yield* Supervisor.terminateChild(house, "Ann")
      yield* Supervisor.deleteChild(house, "Ann")
      assert.deepStrictEqual(yield* statuses(house), [])
      assert.deepStrictEqual(news, ["+Ann", "-Ann", "+Ann", "-Ann"])
      yield* close
      assert.lengthOf(news, 4)
    })
  )

  describe("startChild", () => {
    it.effect("SUP-31: starts a child as the last of the list, and gives what it provides", () =>
      Effect.gen(function* () {
        const news: News = []
        const { close, house } = yield* openHouse(House.layer({ children: [Ann.layer(news), room("room", news)] }))
        const bob = Context.get(yield* Supervisor.startChild(house, Bob.layer(news)), Bob)
        assert.strictEqual(yield* count(bob), 1)
        const given = yield* Supervisor.startChild(house, Supervisor.child(room("late", news), { id: "late" }))
        assert.strictEqual(given.unsafeMap.size, 0)
        assert.deepStrictEqual(yield* statuses(house), ["late running", "Bob running", "#2 running", "Ann running"])
        assert.deepStrictEqual(since(news), ["+Ann", "+room", "+Bob", "+late"])
        yield* close
        assert.deepStrictEqual(news, ["-late", "-Bob", "-room", "-Ann"])
      })
    )

    it.effect("SUP-31: it is looked after like any other, and a group's restart takes it along (SUP-11)", () =>
      Effect.gen(function* () {
        const news: News = []
        const { close, context, house } = yield* openHouse(
          House.layer({ strategy: "rest_for_one", children: [Ann.layer(news), Bob.layer(news)] })
        )
        const cid = Context.get(yield* Supervisor.startChild(house, Cid.layer(news)), Cid)
        since(news)
        yield* crash(cid)
        assert.deepStrictEqual(since(news), ["Cid: crashed: Error: a bug", "-Cid", "+Cid"])
        yield* crash(Context.get(context, Bob))
        assert.deepStrictEqual(since(news), ["Bob: crashed: Error: a bug", "-Bob", "-Cid", "+Bob", "+Cid"])
        assert.strictEqual(yield* count(cid), 1)
        yield* close
      })
    )

    it.effect("SUP-31: with the id of a child that runs: AlreadyStarted, with its ref if it is a server", () =>
      Effect.gen(function* () {
        const news: News = []
        const { close, context, house } = yield* openHouse(
          House.layer({ children: [Ann.layer(news), Supervisor.child(room("room", news), { id: "room" })] })
        )
        since(news)
        assert.deepStrictEqual(
          yield* Effect.flip(Supervisor.startChild(house, Ann.layer(news))),
          new Supervisor.AlreadyStarted({ process: "Ann", ref: Context.get(context, Ann) })
        )
        assert.deepStrictEqual(
          yield* Effect.flip(Supervisor.startChild(house, Supervisor.worker("room", Effect.never))),
          new Supervisor.AlreadyStarted({ process: "room" })
        )
        assert.deepStrictEqual(since(news), [])
        yield* close
      })
    )

    it.effect("SUP-31: with the id of a child that does not run: AlreadyPresent", () =>
      Effect.gen(function* () {
        const news: News = []
        const { close, house } = yield* openHouse(
          House.layer({
            children: [Ann.layer(news), Supervisor.worker("worker", Effect.void, { restart: "transient" })]
          })
        )
        yield* quiet
        yield* Supervisor.terminateChild(house, "Ann")
        for (const child of [Ann.layer(news), Supervisor.worker("worker", Effect.never)] as const) {
          const error = yield* Effect.flip(Supervisor.startChild(house, child))
          assert.strictEqual(error._tag, "AlreadyPresent")
        }
        assert.deepStrictEqual(yield* statuses(house), ["worker stopped", "Ann stopped"])
        yield* close
      })
    )

    for (const [how, init] of [
      ["fails", Effect.fail("no")],
      ["dies", Effect.die(new Error("no"))],
      ["is interrupted", Effect.interrupt]
    ] as const) {
      it.effect(`SUP-31: a child that ${how} at its start is FailedToStart, and is not kept`, () =>
        Effect.gen(function* () {
          const news: News = []
          const { close, house } = yield* openHouse(House.layer({ children: [Ann.layer(news)] }))
          for (const child of [
            Bob.layer(news, { init }),
            Supervisor.child(Layer.effectDiscard(init), { id: "Bob" }),
            Supervisor.child(Layer.effectDiscard(init), { id: "Bob", restart: "temporary" })
          ] as const) {
            const error = yield* Effect.flip(Supervisor.startChild(house, child))
            assert.deepInclude(error, { _tag: "FailedToStart", ...ofHouse("Bob") })
            assert.deepStrictEqual(yield* statuses(house), ["Ann running"])
          }
          // The id is free again, and nothing of the failed start is there.
          yield* Supervisor.startChild(house, Bob.layer(news))
          assert.deepStrictEqual(news, ["+Ann", "+Bob"])
          yield* close
        })
      )
    }

    it.effect("SUP-31: a server that is started elsewhere under the same root is AlreadyStarted, and not adopted", () =>
      Effect.gen(function* () {
        const news: News = []
        const rest = Supervisor.layer({ children: [Bob.layer(news)] })
        const { close, context, house } = yield* openHouse(House.layer({ children: [rest] }))
        for (const child of [Bob.layer(news), Supervisor.child(Bob.layer(news), { id: "other" })]) {
          assert.deepStrictEqual(
            yield* Effect.flip(Supervisor.startChild(house, child)),
            new Supervisor.AlreadyStarted({ process: "Bob", ref: Context.get(context, Bob) })
          )
        }
        assert.deepStrictEqual(yield* statuses(house), ["#1 running"])
        yield* crash(Context.get(context, Bob))
        assert.deepStrictEqual(news, ["+Bob", "Bob: crashed: Error: a bug", "-Bob", "+Bob"])
        yield* close
      })
    )

    it.effect(
      "SUP-31: what is no child dies in the caller (supervisor_test: start_child/2, with invalid child spec)",
      () =>
        Effect.gen(function* () {
          const { close, house } = yield* openHouse(House.layer({ children: [] }))
          const start = (child: unknown) =>
            // As JavaScript would allow.
            Effect.suspend(() => Supervisor.startChild(house, child as Layer.Layer<never>))
          for (const child of [undefined, {}, { id: "child", start: () => Effect.void }, Effect.void]) {
            assert.match(yield* diesOf(start(child)), /^TypeError: Supervisor.startChild: a child must be a Layer/)
          }
          assert.deepStrictEqual(yield* Supervisor.whichChildren(house), [])
          yield* close
        })
    )

    it.effect("SUP-29: a significant child is refused by one that does not shut down by itself", () =>
      Effect.gen(function* () {
        const { close, house } = yield* openHouse(House.layer({ children: [] }))
        const significant = Supervisor.worker("worker", Effect.never, { restart: "transient", significant: true })
        assert.deepStrictEqual(
          yield* Effect.flip(Supervisor.startChild(house, significant)),
          new Supervisor.FailedToStart({
            ...ofHouse("worker"),
            reason: Cause.die(new TypeError("House: the child worker is significant, but `autoShutdown` is never"))
          })
        )
        assert.deepStrictEqual(yield* Supervisor.whichChildren(house), [])
        yield* close
      })
    )

    it.effect("SUP-7: a child that wants no process is kept, unless it is temporary", () =>
      Effect.gen(function* () {
        const { close, house } = yield* openHouse(House.layer({ children: [] }))
        for (const restart of ["permanent", "transient", "temporary"] as const) {
          yield* Supervisor.startChild(
            house,
            Supervisor.child(Layer.empty, { id: restart, restart, startIf: Effect.succeed(false) })
          )
        }
        assert.deepStrictEqual(yield* statuses(house), ["transient stopped", "permanent stopped"])
        yield* close
      })
    )

    it.effect(
      "a child finds what its supervisor was given and what the children before it provide, not what the caller has",
      () =>
        Effect.gen(function* () {
          class Given extends Context.Tag("@test/Given")<Given, string>() {}
          const news: News = []
          const seen = (name: string) =>
            Layer.effectDiscard(
              Effect.flatMap(Effect.context<never>(), ({ unsafeMap }) =>
                say(news, `${name}: ${String(unsafeMap.get(Given.key))}, ${unsafeMap.has(Ann.key) ? "Ann" : "nobody"}`)
              )
            )
          const { close, house } = yield* openHouse(
            Layer.provide(
              House.layer({ children: [seen("first"), Ann.layer(news)] }),
              Layer.succeed(Given, "the house's")
            )
          )
          yield* Effect.provideService(Supervisor.startChild(house, seen("late")), Given, "the caller's")
          assert.deepStrictEqual(news, ["first: the house's, nobody", "+Ann", "late: the house's, Ann"])
          yield* close
        })
    )
  })

  describe("terminateChild", () => {
    it.effect("SUP-32: stops the child within its time, keeps it, and does not start it again", () =>
      Effect.gen(function* () {
        const news: News = []
        const children = [
          Ann.layer(news, { trapExit: true }),
          Supervisor.child(room("slow", news, { letGo: "1 hour" }), { id: "slow", shutdown: "1 second" }),
          Supervisor.child(Bob.layer(news), { restart: "transient" })
        ] as const
        const { close, house } = yield* openHouse(House.layer({ children }))
        since(news)
        const terminating = yield* Effect.fork(Supervisor.terminateChild(house, "slow"))
        yield* quiet
        // It is busy with that (`SUP-39`).
        const asking = yield* Effect.fork(statuses(house))
        yield* TestClock.adjust(999)
        assert.isNull(asking.unsafePoll())
        yield* TestClock.adjust(1)
        yield* Fiber.join(terminating)
        assert.deepStrictEqual(yield* Fiber.join(asking), ["Bob running", "slow stopped", "Ann running"])
        yield* Supervisor.terminateChild(house, "Ann")
        yield* Supervisor.terminateChild(house, "Bob")
        yield* quiet
        assert.deepStrictEqual(yield* statuses(house), ["Bob stopped", "slow stopped", "Ann stopped"])
        assert.deepStrictEqual(news, ["Ann: shutdown at 1000", "-Ann at 1000", "-Bob at 1000"])
        yield* close
      })
    )

    it.effect("SUP-32: of a child that does not run is ok; of one that is not there, NoSuchChild", () =>
      Effect.gen(function* () {
        const { close, house } = yield* openHouse(House.layer({ children: [Ann.layer([])] }))
        yield* Supervisor.terminateChild(house, "Ann")
        yield* Supervisor.terminateChild(house, "Ann")
        assert.deepStrictEqual(
          yield* Effect.flip(Supervisor.terminateChild(house, "Bob")),
          new Supervisor.NoSuchChild(ofHouse("Bob"))
        )
        yield* close
      })
    )

    it.effect("SUP-32: a temporary child is forgotten", () =>
      Effect.gen(function* () {
        const { close, house } = yield* openHouse(
          House.layer({ children: [Supervisor.child(Ann.layer([]), { restart: "temporary" })] })
        )
        yield* Supervisor.terminateChild(house, "Ann")
        assert.deepStrictEqual(yield* statuses(house), [])
        assert.strictEqual((yield* Effect.flip(Supervisor.terminateChild(house, "Ann")))._tag, "NoSuchChild")
        yield* close
      })
    )
  })

  describe("restartChild", () => {
    it.effect("SUP-33: only of a child that does not run", () =>
      Effect.gen(function* () {
        const news: News = []
        const { close, house } = yield* openHouse(House.layer({ children: [Ann.layer(news)] }))
        assert.deepStrictEqual(
          yield* Effect.flip(Supervisor.restartChild(house, "Ann")),
          new Supervisor.ChildRunning({ ...ofHouse("Ann"), status: "running" })
        )
        assert.deepStrictEqual(
          yield* Effect.flip(Supervisor.restartChild(house, "Bob")),
          new Supervisor.NoSuchChild(ofHouse("Bob"))
        )
        assert.deepStrictEqual(news, ["+Ann"])
        yield* close
      })
    )

    it.effect("SUP-33: a start that fails leaves it stopped, and it can be tried again", () =>
      Effect.gen(function* () {
        const news: News = []
        let isBroken = false
        const moody = Effect.suspend(() => (isBroken ? Effect.fail("not now") : Effect.void))
        const children = [
          Ann.layer(news, { init: moody }),
          Supervisor.child(Layer.provideMerge(room("room", news), Layer.effectDiscard(moody)), { id: "room" })
        ] as const
        const { close, house } = yield* openHouse(House.layer({ children }))
        for (const id of ["Ann", "room"]) {
          yield* Supervisor.terminateChild(house, id)
          isBroken = true
          assert.deepStrictEqual(
            yield* Effect.flip(Supervisor.restartChild(house, id)),
            new Supervisor.FailedToStart({ ...ofHouse(id), reason: Cause.fail("not now") })
          )
          assert.deepInclude(yield* Supervisor.getChild(house, id), { status: "stopped" })
          isBroken = false
          yield* Supervisor.restartChild(house, id)
          assert.deepInclude(yield* Supervisor.getChild(house, id), { status: "running" })
        }
        assert.deepStrictEqual(news, ["+Ann", "+room", "-Ann", "+Ann", "-room", "+room"])
        yield* close
      })
    )

    it.effect("SUP-33: a start that is ignored leaves it stopped, and that is ok", () =>
      Effect.gen(function* () {
        const { close, house } = yield* openHouse(
          House.layer({ children: [Supervisor.worker("worker", Effect.never, { startIf: Effect.succeed(false) })] })
        )
        yield* Supervisor.restartChild(house, "worker")
        assert.deepStrictEqual(yield* statuses(house), ["worker stopped"])
        yield* close
      })
    )

    it.effect("a child that has finished can be started again", () =>
      Effect.gen(function* () {
        const news: News = []
        const { close, context, house } = yield* openHouse(
          House.layer({ children: [Supervisor.child(Ann.layer(news), { restart: "transient" })] })
        )
        const ann = Context.get(context, Ann)
        yield* quit(ann)
        assert.deepStrictEqual(yield* statuses(house), ["Ann stopped"])
        yield* Supervisor.restartChild(house, "Ann")
        assert.strictEqual(yield* count(ann), 1)
        yield* crash(ann)
        assert.strictEqual(yield* count(ann), 1)
        yield* close
      })
    )
  })

  describe("deleteChild", () => {
    it.effect("SUP-34: only of a child that does not run; its position and id are free then", () =>
      Effect.gen(function* () {
        const news: News = []
        const { close, context, house } = yield* openHouse(
          House.layer({ strategy: "one_for_all", children: [Ann.layer(news), Bob.layer(news), Cid.layer(news)] })
        )
        assert.strictEqual((yield* Effect.flip(Supervisor.deleteChild(house, "Dan")))._tag, "NoSuchChild")
        assert.strictEqual((yield* Effect.flip(Supervisor.deleteChild(house, "Bob")))._tag, "ChildRunning")
        yield* Supervisor.terminateChild(house, "Bob")
        yield* Supervisor.deleteChild(house, "Bob")
        assert.deepStrictEqual(yield* statuses(house), ["Cid running", "Ann running"])
        since(news)
        yield* crash(Context.get(context, Ann))
        assert.deepStrictEqual(since(news), ["Ann: crashed: Error: a bug", "-Ann", "-Cid", "+Ann", "+Cid"])
        yield* Supervisor.startChild(house, Bob.layer(news))
        assert.deepStrictEqual(yield* statuses(house), ["Bob running", "Cid running", "Ann running"])
        yield* close
      })
    )
  })

  it.effect("SUP-18: while a child is being restarted again and again", () =>
    Effect.gen(function* () {
      const news: News = []
      let starts = 0
      const onlyOnce = Effect.suspend(() => (starts++ === 0 ? Effect.void : Effect.fail("no more")))
      // With nothing else to do it would be at its limit before anybody could ask.
      const { close, context, house } = yield* openHouse(
        House.layer({
          children: [Ann.layer(news, { init: onlyOnce })],
          intensity: { restarts: Number.POSITIVE_INFINITY, within: "5 seconds" }
        })
      )
      yield* command(Context.get(context, Ann), crashing)
      yield* Effect.yieldNow()
      assert.strictEqual((yield* Effect.flip(Supervisor.startChild(house, Ann.layer(news))))._tag, "AlreadyPresent")
      for (const ask of [Supervisor.restartChild(house, "Ann"), Supervisor.deleteChild(house, "Ann")]) {
        assert.deepInclude(yield* Effect.flip(ask), { _tag: "ChildRunning", status: "restarting" })
      }
      assert.deepStrictEqual(yield* statuses(house), ["Ann restarting"])
      assert.deepInclude(yield* Supervisor.countChildren(house), { specs: 1, active: 0 })
      yield* Supervisor.terminateChild(house, "Ann")
      const before = starts
      yield* quiet
      assert.strictEqual(starts, before)
      assert.deepStrictEqual(yield* statuses(house), ["Ann stopped"])
      yield* close
    })
  )

  describe("what is told of children", () => {
    it.effect("SUP-35: the newest first; SUP-36: how many; SUP-37: one of them", () =>
      Effect.gen(function* () {
        const news: News = []
        const children = [
          Ann.layer(news),
          Supervisor.layer({ children: [Bob.layer(news)] }),
          Supervisor.worker("done", Effect.void, { restart: "transient" }),
          Supervisor.child(Cid.layer(news), { id: "third", restart: "temporary" }),
          Supervisor.child(room("out", news), { id: "out", startIf: Effect.succeed(false) })
        ] as const
        const { close, context, house } = yield* openHouse(House.layer({ children }))
        yield* crash(Context.get(context, Ann))
        const about = (id: string, rest: Partial<Supervisor.ChildInfo>): Supervisor.ChildInfo => ({
          id,
          type: "worker",
          restart: "permanent",
          significant: false,
          status: "running",
          restarts: 0,
          path: ["House", id],
          ...rest
        })
        const expected = [
          about("out", { status: "stopped" }),
          about("third", { restart: "temporary" }),
          about("done", { restart: "transient", status: "stopped" }),
          about("#2", { type: "supervisor" }),
          about("Ann", { restarts: 1 })
        ]
        assert.deepStrictEqual(yield* Supervisor.whichChildren(house), expected)
        assert.deepStrictEqual(yield* Supervisor.countChildren(house), {
          specs: 5,
          active: 3,
          supervisors: 1,
          workers: 4
        })
        for (const child of expected) assert.deepStrictEqual(yield* Supervisor.getChild(house, child.id), child)
        assert.deepStrictEqual(
          yield* Effect.flip(Supervisor.getChild(house, "nobody")),
          new Supervisor.NoSuchChild(ofHouse("nobody"))
        )
        yield* close
      })
    )

    it.effect("a child's id is its server's name, or its position from 1; deleted positions are not given again", () =>
      Effect.gen(function* () {
        const news: News = []
        const children = [
          room("first", news),
          Ann.layer(news),
          Layer.provide(Bob.layer(news), room("given", news)),
          Supervisor.child(Cid.layer(news), { restart: "temporary" })
        ] as const
        const { close, house } = yield* openHouse(House.layer({ children }))
        yield* Supervisor.startChild(house, room("fifth", news))
        assert.deepStrictEqual(
          (yield* Supervisor.whichChildren(house)).map(({ id }) => id),
          ["#5", "Cid", "#3", "Ann", "#1"]
        )
        yield* Supervisor.terminateChild(house, "#5")
        yield* Supervisor.deleteChild(house, "#5")
        yield* Supervisor.startChild(house, room("sixth", news))
        assert.deepStrictEqual((yield* Supervisor.whichChildren(house)).map(({ id }) => id)[0], "#6")
        yield* close
      })
    )
  })

  describe("what is refused when a child or a supervisor is made", () => {
    const child = (options: object) => () => Supervisor.child(Layer.empty, options)
    const layer = (options: object) => () => Supervisor.layer(options as { readonly children: [] })
    const significant = Supervisor.worker("worker", Effect.never, { restart: "transient", significant: true })
    for (const [what, make, message] of [
      ["an unknown option of a child", child({ restrat: "permanent" }), "there is no option `restrat`"],
      ["SUP-3: a restart that is none", child({ restart: "always" }), "`restart` must be one of"],
      ["SUP-3: a shutdown that is none", child({ shutdown: "soon" }), "`shutdown`"],
      ["SUP-3: a negative shutdown", child({ shutdown: -1 }), "`shutdown`"],
      ["SUP-3: a significant that is none", child({ significant: 1 }), "`significant` must be true or false"],
      ["SUP-29: permanent and significant", child({ significant: true }), "must be transient or temporary"],
      ["an empty id", child({ id: "" }), "`id` must be a string that is not empty"],
      ["a lateBound that is no list of tags", child({ lateBound: ["Ann"] }), "`lateBound` must be an array of tags"],
      ["a startIf that is no Effect", child({ startIf: true }), "`startIf` must be an Effect of a boolean"],
      ["a watch that is no boolean", child({ watch: 1 }), "`watch` must be true or false"],
      ["a worker without an id", () => Supervisor.worker("", Effect.void), "`id` must be a string that is not empty"],
      ["a worker that is no Effect", () => Supervisor.worker("a", 1 as never), "the worker must be an Effect"],
      [
        "an unknown option of a worker",
        () => Supervisor.worker("a", Effect.void, { id: "b" } as object),
        "there is no option `id`"
      ],
      ["no children", layer({}), "`children` must be an array or an Effect of one"],
      ["an unknown option of a supervisor", layer({ children: [], max: 3 }), "there is no option `max`"],
      ["SUP-1: a strategy that is none", layer({ children: [], strategy: "all" }), "`strategy` must be one of"],
      [
        "SUP-1: an autoShutdown that is none",
        layer({ children: [], autoShutdown: "any" }),
        "`autoShutdown` must be one of"
      ],
      ["SUP-1: restarts that are none", layer({ children: [], intensity: { restarts: -1 } }), "`intensity.restarts`"],
      ["SUP-1: a within of nothing", layer({ children: [], intensity: { within: 0 } }), "`intensity.within`"],
      ["a backoff that is no Schedule", layer({ children: [], backoff: "1 second" }), "`backoff` must be a Schedule"],
      ["SUP-3: two children of one id", layer({ children: [Ann.layer([]), Ann.layer([])] }), 'have the id "Ann"'],
      [
        "SUP-3: an id that is another's position",
        layer({ children: [Layer.empty, Supervisor.worker("#1", Effect.void)] }),
        'have the id "#1"'
      ],
      [
        "SUP-29: a significant child, and autoShutdown never",
        layer({ children: [significant] }),
        "`autoShutdown` is never"
      ],
      [
        "autoShutdown, and nobody significant",
        layer({ children: [Layer.empty], autoShutdown: "any_significant" }),
        "none of its children is significant"
      ],
      ["a child that is none", layer({ children: [Effect.void] }), "a child must be a Layer"],
      [
        "a service without a name",
        () => Supervisor.Service<Ann>()(""),
        "the name must be a string that ends with a word"
      ]
    ] as ReadonlyArray<readonly [string, () => unknown, string]>) {
      it(what, () => {
        try {
          make()
        } catch (error) {
          assert.instanceOf(error, TypeError)
          assert.include(error.message, message)
          return
        }
        assert.fail("it was not refused")
      })
    }

    it.effect("the same of children that an Effect gives: it dies when it is started", () =>
      Effect.gen(function* () {
        const children = Effect.sync((): ReadonlyArray<Layer.Layer<Ann, string>> => [Ann.layer([]), Ann.layer([])])
        assert.match(
          yield* diesOf(openHouse(House.layer({ children }))),
          /TypeError: House.layer: two .* have the id "Ann"/
        )
      })
    )

    it("SUP-21: shutdowns of 0 and 1 are accepted (supervisor_test: start_child/2, with valid child spec)", () => {
      for (const shutdown of [0, 1, "infinity", "brutal", "1 minute"] as const) child({ shutdown })()
    })
  })

  it.effect("SUP-1: children that an Effect gives are asked for at each start of the supervisor", () =>
    Effect.gen(function* () {
      const news: News = []
      let starts = 0
      const house = House.layer({
        children: Effect.sync((): ReadonlyArray<Layer.Layer<never>> => [room(`room ${++starts}`, news)])
      })
      const { close, context } = yield* openHouse(house)
      yield* Process.exit(Context.get(context, House), ExitReason.killed)
      yield* close
      const again = yield* openHouse(house)
      yield* again.close
      assert.deepStrictEqual(news, ["+room 1", "-room 1", "+room 2", "-room 2"])
    })
  )
})

describe("Supervisor, the first start", () => {
  for (const [how, bad] of [
    ["fails", Effect.fail("no")],
    ["dies", Effect.die(new Error("no"))]
  ] as const) {
    it.effect(
      `SUP-5: a child that ${how} ends the start: those before it stop in reverse, those after it never start`,
      () =>
        Effect.gen(function* () {
          for (const child of [(news: News) => Cid.layer(news, { init: bad }), () => Layer.effectDiscard(bad)]) {
            const news: News = []
            const children = [
              Ann.layer(news, { trapExit: true }),
              room("room", news),
              child(news),
              Bob.layer(news)
            ] as const
            const exit = yield* Effect.exit(openHouse(House.layer({ children })))
            assert.deepStrictEqual(exit, yield* Effect.exit<never, string, never>(bad))
            assert.deepStrictEqual(news, ["+Ann", "+room", "-room", "Ann: shutdown", "-Ann"])
          }
        })
    )
  }
})
