import { assert, describe, it } from "@effect/vitest"
import { Application, ExitReason, GenServer, Process, Supervisor } from "@effect-otp/core"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { logging, makeLog } from "./fixtures/logging.ts"
import { quiet, told } from "./fixtures/observing.ts"
import { group, nowhere, part } from "./fixtures/parts.ts"
import { ask, layer, Scripted, tell } from "./fixtures/Scripted.ts"

const { noReply, reply } = GenServer

class Broken extends Schema.TaggedError<Broken>("Broken")("Broken", { what: Schema.String }) {
  override get message(): string {
    return `the ${this.what} is broken`
  }
}

const crash = tell(Scripted, () => {
  throw new Error("a bug")
})

/** Launches it, and gives the failure that it ends with and the fatal lines that it has logged. */
const failureOf = (app: Application.Application<never, unknown, never>) =>
  Effect.gen(function* () {
    const log = makeLog()
    const failure = yield* Effect.flip(logging(log)(app.launch))
    return { failure, fatal: log.lines.filter(({ level }) => level === "FATAL").map(({ message }) => message), log }
  })

describe("Application", () => {
  describe("make", () => {
    it("refuses options that make no sense, by name", () => {
      const refused = (options: object, message: string) =>
        assert.throws(() => Application.make(options as never), TypeError, message)
      refused({ children: [] }, "Application.make: `name` must be a string that is not empty, but is undefined")
      refused({ name: "", children: [] }, 'Application.make: `name` must be a string that is not empty, but is ""')
      refused({ name: "App", children: [], color: "red" }, "Application.make: there is no option `color`")
      refused({ name: "App", children: 1 }, "App: `children` must be an array or an Effect of one, but is 1")
      refused({ name: "App", children: [1] }, "App: a child must be a Layer")
      refused({ name: "App", children: [], prepStop: () => {} }, "App: `prepStop` must be an Effect")
      refused({ name: "App", children: [], stop: Effect.void }, "App: `stop` must be a function")
      refused({ name: "App", children: [], configChange: 1 }, "App: `configChange` must be a function, but is 1")
      refused({ name: "App", children: [], shutdownTimeout: -1 }, "App: `shutdownTimeout` must be a duration")
      refused({ name: "App", children: [], strategy: "all" }, "App: `strategy` must be one of")
    })

    it.effect("starts nothing", () =>
      Effect.sync(() => {
        const diary: Array<string> = []
        const app = Application.make({ name: "App", children: [part(diary, "a")] })
        assert.strictEqual(app.name, "App")
        assert.deepStrictEqual(diary, [])
      })
    )
  })

  describe("layer", () => {
    it.scoped("provides what the children provide, and its top supervisor (APP-2, APP-14)", () =>
      Effect.gen(function* () {
        const app = Application.make({ name: "App", children: [layer({ init: () => 3 })] })
        yield* Effect.gen(function* () {
          assert.strictEqual(yield* ask(Scripted, (n) => reply(n, n)), 3)
          const [child] = yield* Supervisor.whichChildren(app.supervisor)
          assert.deepStrictEqual(child?.path, ["App", "Scripted"])
          assert.strictEqual(yield* Supervisor.tree(app.supervisor), "App\n└─ Scripted (GenServer)")
        }).pipe(Effect.provide(app.layer))
      })
    )

    it.scoped("starts children in order, each with what is before it, and stops them in reverse (APP-10)", () =>
      Effect.gen(function* () {
        const diary: Array<string> = []
        class Word extends Context.Tag("@test/Word")<Word, string>() {}
        const app = Application.make({
          name: "App",
          children: [
            part(diary, "a"),
            Layer.succeed(Word, "hello"),
            Layer.effectDiscard(Effect.map(Word, (word) => diary.push(word))),
            group("g", [part(diary, "b"), part(diary, "c")])
          ]
        })
        yield* Effect.provide(Effect.void, app.layer)
        assert.deepStrictEqual(diary, ["+a", "hello", "+b", "+c", "-c", "-b", "-a"])
      })
    )

    it.effect("fails as its children do, and has stopped those that had started (SUP-5)", () =>
      Effect.gen(function* () {
        const diary: Array<string> = []
        const app = Application.make({
          name: "App",
          children: [part(diary, "a"), Layer.effectDiscard(Effect.fail(new Broken({ what: "disk" }))), part(diary, "c")]
        })
        const error = yield* Effect.flip(Effect.provide(Effect.void, app.layer))
        assert.deepStrictEqual(error, new Broken({ what: "disk" }))
        assert.deepStrictEqual(diary, ["+a", "-a"])
      })
    )

    it.scoped("gives up with a fatal line; then refs answer Shutdown, and awaitEnd fails (SUP-14)", () =>
      Effect.gen(function* () {
        const log = makeLog()
        const app = Application.make({ name: "App", children: [layer()], intensity: { restarts: 0, within: 1_000 } })
        yield* Effect.gen(function* () {
          const end = yield* Effect.fork(Effect.flip(Supervisor.awaitEnd(app.supervisor)))
          yield* quiet
          yield* crash
          const error = yield* Fiber.join(end)
          assert.instanceOf(error, Supervisor.MaxRestartsExceeded)
          yield* quiet
          assert.strictEqual(yield* told(ask(Scripted, (n) => reply(n, n))), "ServerDown: shutdown")
          assert.strictEqual(yield* told(Supervisor.whichChildren(app.supervisor)), "ServerDown: shutdown")
          const told_ = yield* told(app.changeConfig(ConfigProvider.fromMap(new Map())))
          assert.strictEqual(told_, "ServerDown: no process")
        }).pipe(Effect.provide(app.layer), logging(log))
        assert.deepStrictEqual(
          log.lines.filter(({ level }) => level === "FATAL").map(({ message }) => message),
          ["App gave up: Scripted ended once more after no restarts within 1s. The last time: Error: a bug"]
        )
      })
    )

    it.scoped("is a child of another application, which starts it again with new children (SUP-27)", () =>
      Effect.gen(function* () {
        const diary: Array<string> = []
        const inner = Application.make({
          name: "Inner",
          children: [part(diary, "a"), layer()],
          intensity: { restarts: 0, within: 1_000 },
          stop: () => Effect.sync(() => void diary.push("stopped"))
        })
        const outer = Application.make({ name: "Outer", children: [part(diary, "first"), inner.layer] })
        yield* Effect.gen(function* () {
          yield* crash
          yield* quiet
          assert.deepStrictEqual(diary, ["+first", "+a", "-a", "stopped", "+a"])
          const [child] = yield* Supervisor.whichChildren(outer.supervisor)
          assert.deepInclude(child, { type: "supervisor", restarts: 1 })
          const [of] = yield* Supervisor.whichChildren(inner.supervisor)
          assert.deepStrictEqual(of?.path, ["Outer", "#2", "Scripted"])
        }).pipe(Effect.provide(outer.layer))
        assert.deepStrictEqual(diary.slice(5), ["-a", "stopped", "-first"])
      })
    )
  })

  describe("names", () => {
    const other = (n: number) =>
      ask(Scripted, (state) => reply(state, state)).pipe(
        Effect.provide(Scripted.byName),
        told,
        Effect.map((text) => `${n}: ${text}`)
      )

    it.scoped("a child finds a later one by its name, at each use", () =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        const look = Effect.gen(function* () {
          seen.push(yield* other(1))
          yield* Effect.sleep(10)
          seen.push(yield* other(1))
          yield* Effect.never
        })
        const app = Application.make({
          name: "App",
          children: [
            Layer.effectDiscard(Effect.map(other(0), (text) => void seen.push(text))),
            layer({ init: () => 7 }),
            Supervisor.worker("looks", look)
          ]
        })
        yield* Effect.gen(function* () {
          yield* quiet
          yield* tell(Scripted, () => noReply(8))
          yield* TestClock.adjust(10)
          yield* quiet
        }).pipe(Effect.provide(app.layer))
        assert.deepStrictEqual(seen, ["0: ServerDown: no process", "1: 7", "1: 8"])
      })
    )

    it.scoped("two applications side by side do not share them", () =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        const app = (n: number) =>
          Application.make({
            name: "App",
            children: [
              layer({ init: () => n }),
              Layer.effectDiscard(Effect.map(other(n), (text) => void seen.push(text)))
            ]
          })
        yield* Layer.build(app(1).layer)
        yield* Layer.build(app(2).layer)
        const same = app(3)
        yield* Layer.build(Layer.fresh(same.layer))
        yield* Layer.build(Layer.fresh(same.layer))
        assert.deepStrictEqual(seen, ["1: 1", "2: 2", "3: 3", "3: 3"])
      })
    )

    it.scoped("a second holder in one application is refused, in its account too", () =>
      Effect.gen(function* () {
        const app = Application.make({
          name: "App",
          children: [layer(), Supervisor.child(layer(), { id: "again" })]
        })
        const { failure } = yield* failureOf(app)
        assert.strictEqual(
          failure.account,
          "App could not start again: AlreadyStarted: Scripted is already started. Started, and stopped again in reverse: Scripted."
        )
      })
    )

    it.scoped("the top supervisor has one, also for an application within another (APP-14)", () =>
      Effect.gen(function* () {
        const seen: Array<unknown> = []
        const inner: Application.Application<never, never, never> = Application.make({
          name: "Inner",
          children: [
            Supervisor.worker(
              "counts",
              Effect.gen(function* () {
                yield* Effect.yieldNow()
                seen.push(yield* Supervisor.countChildren(inner.supervisor))
                return yield* Effect.never
              }).pipe(Effect.orDie, Effect.provide(Layer.suspend(() => inner.supervisor.byName)))
            )
          ]
        })
        yield* Layer.build(Application.make({ name: "Outer", children: [inner.layer] }).layer)
        yield* quiet
        assert.deepStrictEqual(seen, [{ specs: 1, active: 1, supervisors: 0, workers: 1 }])
      })
    )
  })

  describe("children as an Effect", () => {
    it.effect("is run at each start, with the clock and the configuration of that time", () =>
      Effect.gen(function* () {
        const diary: Array<string> = []
        const app = Application.make({
          name: "App",
          children: Effect.gen(function* () {
            const now = DateTime.toEpochMillis(yield* DateTime.now)
            const word = yield* Config.string("word")
            return [part(diary, `${word} at ${now}`)]
          })
        })
        const once = (word: string) =>
          Effect.provide(Effect.void, app.layer).pipe(
            Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["word", word]])))
          )
        yield* once("one")
        yield* TestClock.adjust("1 second")
        yield* once("two")
        assert.deepStrictEqual(diary, ["+one at 0", "-one at 0", "+two at 1000", "-two at 1000"])
      })
    )

    it.effect("that fails is told by the account, with nothing started", () =>
      Effect.gen(function* () {
        const children = Effect.as(Effect.fail(new Broken({ what: "list" })), [])
        const { failure, fatal } = yield* failureOf(Application.make({ name: "App", children }))
        assert.deepStrictEqual(fatal, [
          "App could not start its children: Broken: the list is broken. Nothing had been started."
        ])
        assert.deepStrictEqual(failure.path, ["App"])
      })
    )

    it.effect("that gives two children of one id is told by the account", () =>
      Effect.gen(function* () {
        const diary: Array<string> = []
        const children = Effect.sync(() => [part(diary, "a"), part(diary, "a")])
        const { fatal } = yield* failureOf(Application.make({ name: "App", children }))
        assert.deepStrictEqual(fatal, [
          'App could not start its children: TypeError: App: two of its children have the id "a". Nothing had been started.'
        ])
        assert.deepStrictEqual(diary, [])
      })
    )

    it.effect("that interrupts itself is a failure, not the end that somebody wanted", () =>
      Effect.gen(function* () {
        const children = Effect.as(Effect.interrupt, [])
        const { fatal } = yield* failureOf(Application.make({ name: "App", children }))
        assert.deepStrictEqual(fatal, [
          "App could not start its children: it was interrupted. Nothing had been started."
        ])
      })
    )
  })

  describe("launch, when a child cannot be started", () => {
    const failing = (start: Effect.Effect<unknown, unknown>) => {
      const diary: Array<string> = []
      const app = Application.make({
        name: "App",
        children: [part(diary, "a"), part(diary, "b"), part(diary, "c", { start }), part(diary, "d")]
      })
      return { app, diary }
    }

    const causes: ReadonlyArray<readonly [string, Effect.Effect<never, unknown>, string, Cause.Cause<unknown>]> = [
      [
        "by a typed error",
        Effect.fail(new Broken({ what: "disk" })),
        "Broken: the disk is broken",
        Cause.fail(new Broken({ what: "disk" }))
      ],
      ["by a defect", Effect.die("no\nstack"), "Error: no", Cause.die("no\nstack")]
    ]
    for (const [how, start, why, cause] of causes) {
      it.effect(`${how}, says which and why, and what was started and stopped (APP-2)`, () =>
        Effect.gen(function* () {
          const { app, diary } = failing(start)
          const { failure, fatal, log } = yield* failureOf(app)
          assert.deepStrictEqual(diary, ["+a", "+b", "+c", "-c", "-b", "-a"])
          assert.deepStrictEqual(fatal, [`App could not start c: ${why}. Started, and stopped again in reverse: a, b.`])
          assert.deepStrictEqual(log.lines.length, 1)
          assert.strictEqual(failure._tag, "ApplicationFailed")
          assert.strictEqual(failure.message, fatal[0])
          assert.strictEqual(failure.during, "start")
          assert.deepStrictEqual(failure.path, ["App", "c"])
          assert.deepStrictEqual(failure.started, ["a", "b"])
          assert.deepStrictEqual(failure.reason, cause)
        })
      )
    }

    it.effect("by an interruption, fails all the same", () =>
      Effect.gen(function* () {
        const { app, diary } = failing(Effect.interrupt)
        const { failure, fatal } = yield* failureOf(app)
        assert.deepStrictEqual(diary, ["+a", "+b", "+c", "-c", "-b", "-a"])
        assert.deepStrictEqual(fatal, [
          "App could not start c: it was interrupted. Started, and stopped again in reverse: a, b."
        ])
        assert.isTrue(Cause.isInterruptedOnly(failure.reason))
      })
    )

    it.effect("deep in a tree, names the path to it (APP-15)", () =>
      Effect.gen(function* () {
        for (const [start, why] of [
          [Effect.fail("no"), "Error: no"],
          [Effect.interrupt, "it was interrupted"],
          [Effect.die(new Broken({ what: "disk" })), "Broken: the disk is broken"]
        ] as const) {
          const diary: Array<string> = []
          const app = Application.make({
            name: "App",
            children: [
              part(diary, "a"),
              group("g", [part(diary, "b"), group("h", [part(diary, "c"), part(diary, "d", { start })])])
            ]
          })
          const { failure, fatal } = yield* failureOf(app)
          assert.deepStrictEqual(fatal, [
            `App could not start g / h / d: ${why}. Started, and stopped again in reverse: a, g / b, g / h / c.`
          ])
          assert.deepStrictEqual(failure.path, ["App", "g", "h", "d"])
          assert.deepStrictEqual(failure.started, ["a", "g / b", "g / h / c"])
          assert.deepStrictEqual(diary, ["+a", "+b", "+c", "+d", "-d", "-c", "-b", "-a"])
        }
      })
    )

    it.effect("names that child, not one deeper in the tree that could not be started again meanwhile", () =>
      Effect.gen(function* () {
        let starts = 0
        const shaky = part(nowhere, "shaky", {
          start: Effect.suspend(() => (++starts === 2 ? Effect.fail("the second time") : Effect.void))
        })
        const unsteady = Supervisor.worker(
          "unsteady",
          Effect.suspend(() => (starts === 1 ? Effect.fail("the first time") : Effect.never))
        )
        const app = Application.make({
          name: "App",
          children: [
            group("g", [group("h", [shaky, unsteady], { intensity: { restarts: 0, within: 1 } })]),
            part(nowhere, "last", { start: Effect.zipRight(quiet, Effect.fail("no")) })
          ]
        })
        const { failure } = yield* failureOf(app)
        assert.strictEqual(starts, 3)
        assert.deepStrictEqual(failure.path, ["App", "last"])
        assert.deepStrictEqual(failure.reason, Cause.fail("no"))
        assert.deepStrictEqual(failure.started, ["g / h / shaky", "g / h / unsteady", "g / h", "g"])
      })
    )

    it.effect("tells of those that were started at first, not of those that a supervisor had later", () =>
      Effect.gen(function* () {
        let starts = 0
        const children = Effect.sync(() => [Supervisor.worker(`w${++starts}`, Effect.fail("no"))])
        const g = Supervisor.layer({ intensity: { restarts: 0, within: 1 }, children })
        const { failure } = yield* failureOf(
          Application.make({ name: "App", children: [Supervisor.child(g, { id: "g" })] })
        )
        assert.strictEqual(starts, 4)
        assert.deepStrictEqual(failure.path, ["App", "g", "w4"])
        assert.deepStrictEqual(failure.started, ["g / w1", "g"])
      })
    )

    it.effect("starts afresh when it is launched again", () =>
      Effect.gen(function* () {
        const diary: Array<string> = []
        let isBroken = true
        const app = Application.make({
          name: "App",
          autoShutdown: "any_significant",
          children: [
            part(diary, "a", { start: Effect.suspend(() => (isBroken ? Effect.fail("no") : Effect.void)) }),
            Supervisor.worker("job", Effect.void, { restart: "transient", significant: true })
          ]
        })
        yield* failureOf(app)
        isBroken = false
        yield* app.launch
        yield* app.launch
        assert.deepStrictEqual(diary, ["+a", "-a", "+a", "-a", "+a", "-a"])
      })
    )
  })

  describe("launch, later", () => {
    it.effect(
      "fails when the top supervisor gives up, with one account when all is stopped (SUP-14, APP-5, APP-9)",
      () =>
        Effect.gen(function* () {
          const diary: Array<string> = []
          const app = Application.make({
            name: "App",
            children: [
              part(diary, "a"),
              Supervisor.worker("poll", Effect.zipRight(Effect.sleep(10), Effect.fail(new Broken({ what: "line" }))))
            ],
            intensity: { restarts: 1, within: "1 second" },
            prepStop: Effect.sync(() => void diary.push("prepStop")),
            stop: () => Effect.sync(() => void diary.push("stop"))
          })
          const log = makeLog()
          const fiber = yield* Effect.fork(Effect.flip(logging(log)(app.launch)))
          yield* quiet
          yield* TestClock.adjust(10)
          yield* quiet
          yield* TestClock.adjust(10)
          const failure = yield* Fiber.join(fiber)
          assert.deepStrictEqual(
            log.lines.filter(({ level }) => level === "FATAL").map(({ message }) => message),
            [
              "App has ended: App gave up: poll ended once more after 1 restart within 1s. " +
                "The last time: Broken: the line is broken."
            ]
          )
          assert.strictEqual(log.lines.at(-1)?.level, "FATAL")
          assert.strictEqual(failure.during, "run")
          assert.deepStrictEqual(failure.path, ["App", "poll"])
          assert.deepStrictEqual(failure.reason, Cause.fail(new Broken({ what: "line" })))
          assert.deepStrictEqual(diary, ["+a", "-a", "prepStop", "stop"])
        })
    )

    it.effect("tells of the supervisor that gave up first, and of what it gave up over (SUP-27)", () =>
      Effect.gen(function* () {
        const app = Application.make({
          name: "App",
          intensity: { restarts: 0, within: 1_000 },
          children: [
            group("g", [Supervisor.worker("w", Effect.fail("no"))], { intensity: { restarts: 0, within: 1_000 } })
          ]
        })
        const { failure, fatal } = yield* failureOf(app)
        assert.deepStrictEqual(failure.path, ["App", "g", "w"])
        assert.deepStrictEqual(failure.reason, Cause.fail("no"))
        assert.strictEqual(fatal.length, 1)
        assert.match(fatal[0]!, /^App has ended: App gave up: g ended once more after no restarts within 1s\. /)
        assert.match(fatal[0]!, /App \/ g gave up: w ended once more .* The last time: Error: no\.$/)
      })
    )

    it.effect("tells of a permanent child that ended without an error, or was killed", () =>
      Effect.gen(function* () {
        const app = (children: ReadonlyArray<ReturnType<typeof part>>) =>
          Application.make({ name: "App", intensity: { restarts: 0, within: 1_000 }, children })
        const { failure } = yield* failureOf(app([Supervisor.worker("job", Effect.void)]))
        assert.match(failure.account, /The last time: it ended by itself\.$/)
        const kills = Supervisor.worker(
          "kills",
          Effect.zipRight(Process.exit(Scripted, ExitReason.killed), Effect.never).pipe(Effect.provide(Scripted.byName))
        )
        const given = yield* failureOf(
          Application.make({ name: "App", intensity: { restarts: 0, within: 1_000 }, children: [layer(), kills] })
        )
        assert.match(given.failure.account, /Scripted ended once more .* The last time: it was interrupted\.$/)
      })
    )

    it.effect("succeeds when it ends by autoShutdown, everything stopped in reverse (SUP-28, APP-9)", () =>
      Effect.gen(function* () {
        const diary: Array<string> = []
        const app = Application.make({
          name: "App",
          autoShutdown: "any_significant",
          children: [
            part(diary, "a"),
            part(diary, "b"),
            Supervisor.worker("job", Effect.sleep(10), { restart: "transient", significant: true })
          ],
          prepStop: Effect.sync(() => void diary.push("prepStop")),
          stop: () => Effect.sync(() => void diary.push("stop"))
        })
        const log = makeLog()
        const fiber = yield* Effect.fork(logging(log)(app.launch))
        yield* quiet
        yield* TestClock.adjust(10)
        assert.deepStrictEqual(yield* Fiber.await(fiber), Exit.void)
        assert.deepStrictEqual(diary, ["+a", "+b", "-b", "-a", "prepStop", "stop"])
        assert.deepStrictEqual(log.lines, [
          { level: "INFO", message: "App has stopped in 0 ms", cause: "", annotations: {} }
        ])
      })
    )

    it.effect("a defect of a child in its start is logged with its stack, a typed failure without (APP-15)", () =>
      Effect.gen(function* () {
        const fatal = (start: Effect.Effect<unknown, unknown>) =>
          Effect.map(failureOf(Application.make({ name: "App", children: [Layer.effectDiscard(start)] })), ({ log }) =>
            log.lines.filter(({ level }) => level === "FATAL").map(({ cause, message }) => [message, cause])
          )
        assert.deepStrictEqual(yield* fatal(Effect.die(new Error("a bug"))), [
          ["App could not start #1: Error: a bug. Nothing had been started.", "Error: a bug"]
        ])
        assert.deepStrictEqual(yield* fatal(Effect.fail(new Broken({ what: "disk" }))), [
          ["App could not start #1: Broken: the disk is broken. Nothing had been started.", ""]
        ])
      })
    )

    const endings: ReadonlyArray<readonly [string, ExitReason.ExitReason, string]> = [
      ["succeeds when somebody stops the top supervisor", ExitReason.normal, "succeeded"],
      ["succeeds when somebody shuts it down", ExitReason.shutdown("enough"), "succeeded"],
      [
        "fails when somebody stops it with an error",
        ExitReason.crash(new Broken({ what: "door" })),
        "App has ended: its supervisor ended by itself: Broken: the door is broken."
      ],
      ["fails when somebody kills it", ExitReason.killed, "App has ended: its supervisor was killed."]
    ]
    for (const [title, reason, expected] of endings) {
      it.effect(`${title} (APP-5)`, () =>
        Effect.gen(function* () {
          const diary: Array<string> = []
          const log = makeLog()
          const end: Effect.Effect<void> = Effect.suspend(() => {
            const { supervisor } = app
            const ending =
              reason._tag === "Killed" ? Process.exit(supervisor, reason) : Supervisor.stop(supervisor, reason)
            return Effect.provide(Effect.orDie(ending), supervisor.byName)
          })
          const app: Application.Application<never, unknown, never> = Application.make({
            name: "App",
            children: [part(diary, "a"), Supervisor.worker("ends it", Effect.zipRight(quiet, end))]
          })
          const given = yield* Effect.match(logging(log)(app.launch), {
            onFailure: ({ account }) => account,
            onSuccess: () => "succeeded"
          })
          yield* quiet
          assert.strictEqual(given, expected)
          assert.deepStrictEqual(diary, ["+a", "-a"])
          assert.deepStrictEqual(
            log.lines.filter(({ level }) => level === "FATAL").map(({ message }) => message),
            expected === "succeeded" ? [] : [expected]
          )
        })
      )
    }
  })
})
