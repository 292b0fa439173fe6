import { assert, describe, it } from "@effect/vitest"
import { Application, GenServer, Supervisor } from "@effect-otp/core"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { type Log, logging, makeLog } from "./fixtures/logging.ts"
import { quiet } from "./fixtures/observing.ts"
import { group, nowhere, part } from "./fixtures/parts.ts"
import { ask, layer, Scripted, tell } from "./fixtures/Scripted.ts"

const { noReply, reply } = GenServer

type App = Application.Application<never, unknown, never>

/** Launches it, as far as it comes without time passing. */
const launched = (app: App) =>
  Effect.gen(function* () {
    const log = makeLog()
    const fiber = yield* Effect.fork(logging(log)(app.launch))
    yield* quiet
    return { fiber, log }
  })

/** What a signal does. Everything goes as far as it can without time passing. */
const interrupt = (fiber: Fiber.RuntimeFiber<unknown, unknown>) => Effect.zipRight(Fiber.interruptFork(fiber), quiet)

/** Lets time pass in steps, since what wakes up has to be done before more of it does. */
const pass = (millis: number) =>
  Effect.gen(function* () {
    yield* quiet
    yield* TestClock.adjust(millis)
    yield* quiet
  })

const linesOf = ({ lines }: Log) => lines.map(({ cause, level, message }) => [level, message, cause].join(" ").trim())

const isOver = (fiber: Fiber.RuntimeFiber<unknown, unknown>) => Effect.map(Fiber.poll(fiber), Option.isSome)

/** An end that takes as long, and cannot be cut short. */
const takes = (millis: number): Effect.Effect<void> => Effect.sleep(millis)

describe("Application, ending", () => {
  it.effect(
    "stops everything in reverse when it is interrupted, prepStop before and stop after that (APP-7, APP-10)",
    () =>
      Effect.gen(function* () {
        const diary: Array<string> = []
        const app = Application.make({
          name: "App",
          children: [part(diary, "a"), layer({ init: () => 7 }), group("g", [part(diary, "b"), part(diary, "c")])],
          prepStop: Effect.gen(function* () {
            const state = yield* ask(Scripted, (n) => reply(n, n))
            diary.push(`prepStop: ${state}`)
            return state
          }),
          stop: ({ prepared, report }) =>
            Effect.sync(() => void diary.push(`stop: ${Option.getOrNull(prepared)}, ${report.name}, ${report.isClean}`))
        })
        const { fiber, log } = yield* launched(app)
        assert.deepStrictEqual(diary, ["+a", "+b", "+c"])
        yield* interrupt(fiber)
        assert.isTrue(Exit.isInterrupted(yield* Fiber.await(fiber)))
        assert.deepStrictEqual(diary.slice(3), ["prepStop: 7", "-c", "-b", "-a", "stop: 7, App, true"])
        assert.deepStrictEqual(linesOf(log), ["INFO App has stopped in 0 ms"])
      })
  )

  it.effect("does so when the scope of its layer is closed", () =>
    Effect.gen(function* () {
      const diary: Array<string> = []
      const log = makeLog()
      const app = Application.make({
        name: "App",
        children: [part(diary, "a"), part(diary, "b")],
        prepStop: Effect.sync(() => void diary.push("prepStop")),
        stop: () => Effect.sync(() => void diary.push("stop"))
      })
      yield* logging(log, LogLevel.Debug)(Effect.provide(Effect.void, app.layer))
      assert.deepStrictEqual(diary, ["+a", "+b", "prepStop", "-b", "-a", "stop"])
      assert.deepStrictEqual(linesOf(log), [
        ...["DEBUG a has started", "DEBUG b has started"],
        ...["DEBUG b has stopped: shutdown", "DEBUG a has stopped: shutdown", "DEBUG App has stopped in 0 ms"]
      ])
    })
  )

  it.effect("says so, too, if a supervisor within it could not be started while it ran, or at first", () =>
    Effect.gen(function* () {
      const log = makeLog()
      const refused = () => group("g", [part(nowhere, "x", { start: Effect.fail("no") })])
      const patient = Layer.catchAll(
        Supervisor.layer({ children: [part(nowhere, "y", { start: Effect.fail("no") })] }),
        () => Layer.empty
      )
      const app = Application.make({ name: "App", children: [part(nowhere, "a"), patient] })
      const ask = Effect.flip(Supervisor.startChild(app.supervisor, refused()))
      const debugging = logging(log, LogLevel.Debug)
      assert.strictEqual((yield* debugging(Effect.provide(ask, app.layer)))._tag, "FailedToStart")
      yield* debugging(Effect.provide(Effect.void, app.layer))
      const ends = linesOf(log).filter((line) => line.includes("App has stopped"))
      assert.deepStrictEqual(ends, ["DEBUG App has stopped in 0 ms", "DEBUG App has stopped in 0 ms"])
    })
  )

  it.effect("prepStop and stop may use the top supervisor, which has ended by the time of stop (APP-14)", () =>
    Effect.gen(function* () {
      const diary: Array<string> = []
      const count = Effect.suspend(() => Supervisor.countChildren(app.supervisor)).pipe(
        Effect.match({ onFailure: ({ _tag }) => _tag, onSuccess: ({ active }) => String(active) }),
        Effect.map((text) => void diary.push(text))
      )
      const app: Application.Application<never, unknown, never> = Application.make({
        name: "App",
        children: [part(nowhere, "a")],
        prepStop: count as Effect.Effect<void, never, Application.TopSupervisor>,
        stop: () => count
      })
      const { fiber } = yield* launched(app)
      yield* interrupt(fiber)
      assert.deepStrictEqual(diary, ["1", "ServerDown"])
    })
  )

  describe("a prepStop or stop that fails is logged, and the end goes on (APP-8)", () => {
    const failures: ReadonlyArray<readonly [string, () => Effect.Effect<never, unknown>, string]> = [
      ["by a typed error", () => Effect.fail("no"), "Error: no"],
      ["by a defect", () => Effect.die(new Error("a bug")), "Error: a bug"],
      [
        "by throwing",
        () => {
          throw new Error("thrown")
        },
        "Error: thrown"
      ],
      ["by an interruption", () => Effect.interrupt, "All fibers interrupted without errors."]
    ]
    for (const [how, fail, text] of failures) {
      it.effect(how, () =>
        Effect.gen(function* () {
          const diary: Array<string> = []
          const app = Application.make({
            name: "App",
            children: [part(diary, "a")],
            prepStop: Effect.suspend(fail),
            stop: ({ prepared }) => {
              diary.push(`stop: ${Option.isNone(prepared)}`)
              return fail()
            }
          })
          const { fiber, log } = yield* launched(app)
          yield* interrupt(fiber)
          assert.isTrue(Exit.isInterrupted(yield* Fiber.await(fiber)))
          assert.deepStrictEqual(diary, ["+a", "-a", "stop: true"])
          assert.deepStrictEqual(linesOf(log), [
            `ERROR prepStop of App failed ${text}`,
            "INFO App has stopped in 0 ms",
            `ERROR stop of App failed ${text}`
          ])
        })
      )
    }

    it.effect("a logger that throws holds nothing up", () =>
      Effect.gen(function* () {
        const diary: Array<string> = []
        const app = Application.make({
          name: "App",
          children: [part(diary, "a")],
          prepStop: Effect.fail("no"),
          stop: () => Effect.sync(() => void diary.push("stop"))
        })
        const log: Log = makeLog()
        const broken = {
          ...log,
          logger: {
            ...log.logger,
            log: () => {
              throw new Error("no room")
            }
          }
        }
        const fiber = yield* Effect.fork(logging(broken)(app.launch))
        yield* quiet
        yield* interrupt(fiber)
        assert.isTrue(Exit.isInterrupted(yield* Fiber.await(fiber)))
        assert.deepStrictEqual(diary, ["+a", "-a", "stop"])
      })
    )
  })

  describe("its time", () => {
    it.effect("a child that does not end within its own is killed as late, and the others have theirs", () =>
      Effect.gen(function* () {
        const diary: Array<string> = []
        const reports: Array<Application.ShutdownReport> = []
        const app = Application.make({
          name: "App",
          children: [
            part(diary, "a", { end: takes(500) }),
            part(diary, "b", { end: takes(60_000), shutdown: "2 seconds" }),
            part(diary, "c", { end: Effect.never, shutdown: "1 second" })
          ],
          stop: ({ report }) => Effect.sync(() => void reports.push(report))
        })
        const { fiber, log } = yield* launched(app)
        yield* interrupt(fiber)
        yield* pass(999)
        assert.deepStrictEqual(diary.slice(3), ["-c"])
        yield* pass(1)
        assert.deepStrictEqual(diary.slice(3), ["-c", "-b"])
        yield* pass(2_000)
        assert.deepStrictEqual(diary.slice(3), ["-c", "-b", "-a"])
        assert.isFalse(yield* isOver(fiber))
        yield* pass(500)
        assert.isTrue(yield* isOver(fiber))
        assert.deepStrictEqual(linesOf(log), ["WARN App has stopped in 3500 ms; late: c (1000 ms), b (2000 ms)"])
        assert.deepStrictEqual(reports, [
          new Application.ShutdownReport({
            name: "App",
            took: Duration.millis(3_500),
            late: [
              { path: ["App", "c"], waited: 1_000, why: "late" },
              { path: ["App", "b"], waited: 2_000, why: "late" }
            ],
            killed: [],
            unhandled: []
          })
        ])
      })
    )

    it.effect("at the end of the application's, the rest is killed", () =>
      Effect.gen(function* () {
        const diary: Array<string> = []
        const app = Application.make({
          name: "App",
          shutdownTimeout: "3 seconds",
          children: [
            part(diary, "a"),
            part(diary, "gone at once", { shutdown: "brutal" }),
            part(diary, "b", { end: Effect.never }),
            part(diary, "c", { end: Effect.never, shutdown: "2 seconds" })
          ]
        })
        const { fiber, log } = yield* launched(app)
        yield* interrupt(fiber)
        yield* pass(2_000)
        yield* pass(999)
        assert.isFalse(yield* isOver(fiber))
        yield* pass(1)
        assert.isTrue(yield* isOver(fiber))
        assert.deepStrictEqual(linesOf(log), [
          "WARN App has stopped in 3000 ms; late: c (2000 ms); killed, as there was no time left: b, a"
        ])
        // Left behind, they are released all the same.
        assert.deepStrictEqual(diary.slice(4).sort(), ["-a", "-b", "-c", "-gone at once"])
      })
    )

    it.effect("is 30 seconds unless said otherwise", () =>
      Effect.gen(function* () {
        const app = Application.make({
          name: "App",
          children: [part(nowhere, "a", { end: Effect.never, shutdown: "infinity" })]
        })
        const { fiber, log } = yield* launched(app)
        yield* interrupt(fiber)
        yield* pass(29_999)
        assert.isFalse(yield* isOver(fiber))
        yield* pass(1)
        assert.isTrue(yield* isOver(fiber))
        assert.deepStrictEqual(linesOf(log), ["WARN App has stopped in 30000 ms; killed, as there was no time left: a"])
      })
    )

    it.effect("without a limit, each child has its own, and what was late is told", () =>
      Effect.gen(function* () {
        const app = Application.make({
          name: "App",
          shutdownTimeout: "infinity",
          children: [
            part(nowhere, "a", { end: takes(100_000), shutdown: "infinity" }),
            part(nowhere, "b", { end: Effect.never })
          ]
        })
        const { fiber, log } = yield* launched(app)
        yield* interrupt(fiber)
        yield* pass(5_000)
        yield* pass(99_999)
        assert.isFalse(yield* isOver(fiber))
        yield* pass(1)
        assert.isTrue(yield* isOver(fiber))
        assert.deepStrictEqual(linesOf(log), ["WARN App has stopped in 105000 ms; late: b (5000 ms)"])
      })
    )

    it.effect("nothing of it: everything is killed at once", () =>
      Effect.gen(function* () {
        const app = Application.make({
          name: "App",
          shutdownTimeout: 0,
          children: [
            part(nowhere, "a", { end: Effect.never }),
            layer({ trapExit: true, terminate: () => Effect.never })
          ]
        })
        const { fiber, log } = yield* launched(app)
        yield* interrupt(fiber)
        yield* pass(1)
        assert.isTrue(yield* isOver(fiber))
        assert.match(
          linesOf(log).join(),
          /^WARN App has stopped in [01] ms; killed, as there was no time left: Scripted, a$/
        )
      })
    )

    it.effect("is that of supervisors within it, too; told is who hung, the deepest", () =>
      Effect.gen(function* () {
        const diary: Array<string> = []
        const app = Application.make({
          name: "App",
          shutdownTimeout: "4 seconds",
          children: [
            part(diary, "first"),
            group("g", [
              part(diary, "a"),
              group("h", [
                part(diary, "b", { end: Effect.never, shutdown: "infinity" }),
                part(diary, "c", { end: Effect.never, shutdown: "1 second" })
              ])
            ])
          ]
        })
        const { fiber, log } = yield* launched(app)
        yield* interrupt(fiber)
        yield* pass(1_000)
        yield* pass(2_999)
        assert.isFalse(yield* isOver(fiber))
        yield* pass(1)
        assert.isTrue(yield* isOver(fiber))
        const [line] = linesOf(log)
        assert.strictEqual(
          line,
          "WARN App has stopped in 4000 ms; late: g / h / c (1000 ms); " +
            "killed, as there was no time left: g / h / b, g / a, first"
        )
      })
    )

    it.effect("runs when a server does not come to its end", () =>
      Effect.gen(function* () {
        const app = Application.make({
          name: "App",
          shutdownTimeout: "1 second",
          children: [layer({ trapExit: true, terminate: () => Effect.never })]
        })
        const { fiber, log } = yield* launched(app)
        yield* interrupt(fiber)
        yield* pass(1_000)
        assert.isTrue(yield* isOver(fiber))
        assert.deepStrictEqual(linesOf(log), [
          "WARN App has stopped in 1000 ms; killed, as there was no time left: Scripted"
        ])
      })
    )

    it.effect("holds when the supervisor is busy with something that does not end", () =>
      Effect.gen(function* () {
        const started = yield* Deferred.make<void>()
        const stopsA: Effect.Effect<unknown, unknown> = Effect.suspend(() =>
          Effect.provide(Supervisor.terminateChild(app.supervisor, "a"), app.supervisor.byName)
        )
        const app: Application.Application<never, unknown, never> = Application.make({
          name: "App",
          shutdownTimeout: "2 seconds",
          children: [
            part(nowhere, "a", { end: Effect.never, shutdown: "infinity" }),
            Supervisor.worker("stops a", Effect.zipRight(Deferred.await(started), Effect.orDie(stopsA)))
          ]
        })
        const { fiber, log } = yield* launched(app)
        yield* Deferred.succeed(started, void 0)
        yield* pass(60_000)
        yield* interrupt(fiber)
        yield* pass(1_999)
        assert.isFalse(yield* isOver(fiber))
        yield* pass(1)
        assert.isTrue(yield* isOver(fiber))
        assert.deepStrictEqual(linesOf(log), [
          "WARN App has stopped in 2000 ms; killed, as there was no time left: stops a, a"
        ])
      })
    )

    it.effect("includes prepStop and stop, which are left behind when it is over", () =>
      Effect.gen(function* () {
        const diary: Array<string> = []
        const app = Application.make({
          name: "App",
          shutdownTimeout: "2 seconds",
          children: [part(diary, "a", { end: takes(1_000) })],
          prepStop: takes(500),
          stop: () =>
            Effect.zipRight(
              Effect.sync(() => void diary.push("stop")),
              Effect.never
            )
        })
        const { fiber, log } = yield* launched(app)
        yield* interrupt(fiber)
        yield* pass(500)
        yield* pass(1_000)
        yield* pass(499)
        assert.isFalse(yield* isOver(fiber))
        yield* pass(1)
        assert.isTrue(yield* isOver(fiber))
        assert.deepStrictEqual(diary, ["+a", "-a", "stop"])
        assert.deepStrictEqual(linesOf(log), [
          "INFO App has stopped in 1500 ms",
          "WARN stop of App was left behind: no time is left"
        ])
      })
    )

    it.effect("a prepStop that does not end leaves none: the children are killed, and stop has a turn", () =>
      Effect.gen(function* () {
        const diary: Array<string> = []
        const app = Application.make({
          name: "App",
          shutdownTimeout: "2 seconds",
          children: [part(diary, "a")],
          prepStop: Effect.uninterruptible(Effect.never),
          stop: () => Effect.sync(() => void diary.push("stop"))
        })
        const { fiber, log } = yield* launched(app)
        yield* interrupt(fiber)
        yield* pass(2_000)
        assert.isTrue(yield* isOver(fiber))
        assert.deepStrictEqual(diary, ["+a", "-a", "stop"])
        assert.deepStrictEqual(linesOf(log), [
          "WARN prepStop of App was left behind: no time is left",
          "WARN App has stopped in 2000 ms; killed, as there was no time left: a"
        ])
      })
    )

    it.effect("runs for an end of its own, too: when it gives up, and when a child could not be started", () =>
      Effect.gen(function* () {
        const apps = [
          [
            Application.make({
              name: "App",
              shutdownTimeout: "2 seconds",
              intensity: { restarts: 0, within: 1 },
              children: [
                part(nowhere, "a", { end: Effect.never, shutdown: "infinity" }),
                Supervisor.worker("w", Effect.fail("no"))
              ]
            }),
            /^FATAL App has ended: App gave up: w ended once more .*: Error: no\.$/
          ],
          [
            Application.make({
              name: "App",
              shutdownTimeout: "2 seconds",
              children: [
                part(nowhere, "a", { end: Effect.never, shutdown: "infinity" }),
                part(nowhere, "b", { start: Effect.fail("no") })
              ]
            }),
            /^FATAL App could not start b: Error: no\. Started, and stopped again in reverse: a\.$/
          ]
        ] as const
        for (const [app, account] of apps) {
          const { fiber, log } = yield* launched(app)
          yield* pass(1_999)
          assert.isFalse(yield* isOver(fiber))
          yield* pass(1)
          assert.isTrue(yield* isOver(fiber))
          const lines = linesOf(log)
          assert.strictEqual(lines.at(-2), "WARN App has stopped in 2000 ms; killed, as there was no time left: a")
          assert.match(lines.at(-1)!, account)
        }
      })
    )

    it.effect("an end by autoShutdown that runs out of it is a success all the same", () =>
      Effect.gen(function* () {
        const app = Application.make({
          name: "App",
          shutdownTimeout: "2 seconds",
          autoShutdown: "any_significant",
          children: [
            part(nowhere, "a", { end: Effect.never, shutdown: "infinity" }),
            Supervisor.worker("job", Effect.void, { restart: "transient", significant: true })
          ]
        })
        const { fiber } = yield* launched(app)
        yield* pass(2_000)
        assert.deepStrictEqual(yield* Fiber.poll(fiber), Option.some(Exit.void))
      })
    )
  })

  describe("interrupted while children start", () => {
    it.effect("gives up the start, stops what had started, and calls neither prepStop nor stop", () =>
      Effect.gen(function* () {
        const diary: Array<string> = []
        const app = Application.make({
          name: "App",
          children: [
            part(diary, "a"),
            group("g", [part(diary, "b"), part(diary, "slow", { start: Effect.never }), part(diary, "c")]),
            part(diary, "d")
          ],
          prepStop: Effect.sync(() => void diary.push("prepStop")),
          stop: () => Effect.sync(() => void diary.push("stop"))
        })
        const { fiber, log } = yield* launched(app)
        assert.deepStrictEqual(diary, ["+a", "+b", "+slow"])
        yield* interrupt(fiber)
        assert.isTrue(Exit.isInterrupted(yield* Fiber.await(fiber)))
        assert.deepStrictEqual(diary.slice(3), ["-slow", "-b", "-a"])
        assert.deepStrictEqual(linesOf(log), ["INFO App has stopped in 0 ms"])
      })
    )

    it.effect("does not wait longer than its time for a start that cannot be interrupted, nor for an end", () =>
      Effect.gen(function* () {
        const diary: Array<string> = []
        for (const start of [Effect.uninterruptible(Effect.never), Effect.never]) {
          const app = Application.make({
            name: "App",
            shutdownTimeout: "2 seconds",
            children: [part(diary, "a", { end: Effect.never, shutdown: "infinity" }), part(diary, "slow", { start })]
          })
          const { fiber } = yield* launched(app)
          yield* interrupt(fiber)
          yield* pass(1_999)
          assert.isFalse(yield* isOver(fiber))
          yield* pass(1)
          assert.isTrue(Exit.isInterrupted(yield* Fiber.await(fiber)))
        }
      })
    )

    it.effect("is interrupted, too, if the list of children is not there yet", () =>
      Effect.gen(function* () {
        const { fiber } = yield* launched(Application.make({ name: "App", children: Effect.never }))
        yield* interrupt(fiber)
        assert.isTrue(Exit.isInterrupted(yield* Fiber.await(fiber)))
      })
    )

    it.effect("has failed all the same if a child had failed before", () =>
      Effect.gen(function* () {
        const app = Application.make({
          name: "App",
          children: [part(nowhere, "a", { end: takes(100) }), part(nowhere, "b", { start: Effect.interrupt })]
        })
        const { fiber, log } = yield* launched(app)
        yield* interrupt(fiber)
        yield* pass(100)
        const exit = yield* Fiber.await(fiber)
        assert.isTrue(Exit.isFailure(exit) && !Cause.isInterruptedOnly(exit.cause))
        assert.deepStrictEqual(linesOf(log), [
          "FATAL App could not start b: it was interrupted. Started, and stopped again in reverse: a."
        ])
      })
    )
  })

  it.effect("interrupted while it gives up, it has failed all the same", () =>
    Effect.gen(function* () {
      const app = Application.make({
        name: "App",
        intensity: { restarts: 0, within: 1 },
        children: [part(nowhere, "a", { end: takes(100) }), Supervisor.worker("w", Effect.fail("no"))]
      })
      const { fiber } = yield* launched(app)
      yield* interrupt(fiber)
      yield* pass(100)
      const error = yield* Effect.flip(Fiber.join(fiber))
      assert.instanceOf(error, Application.ApplicationFailed)
    })
  )

  it.effect("interrupted again while it ends, it goes on ending", () =>
    Effect.gen(function* () {
      const diary: Array<string> = []
      const app = Application.make({
        name: "App",
        children: [part(diary, "a", { end: takes(100) }), part(diary, "b", { end: takes(100) })]
      })
      const { fiber, log } = yield* launched(app)
      yield* interrupt(fiber)
      yield* pass(100)
      yield* interrupt(fiber)
      yield* interrupt(fiber)
      assert.isFalse(yield* isOver(fiber))
      yield* pass(100)
      assert.isTrue(yield* isOver(fiber))
      assert.deepStrictEqual(diary, ["+a", "+b", "-b", "-a"])
      assert.deepStrictEqual(linesOf(log), ["INFO App has stopped in 200 ms"])
    })
  )

  describe("messages that nobody has handled", () => {
    const busy = Effect.gen(function* () {
      yield* tell(Scripted, () => Effect.never)
      for (let count = 0; count < 3; count++) yield* tell(Scripted, (n) => noReply(n))
    })

    for (const [what, child, path] of [
      ["of a server", layer(), ["App", "Scripted"]],
      ["of a server in a layer", Supervisor.child(Layer.fresh(layer()), { id: "wrapped" }), ["App", "wrapped"]],
      ["of a server that was killed", layer({ shutdown: "brutal" }), ["App", "Scripted"]],
      ["of a server under another supervisor", Supervisor.layer({ children: [layer()] }), ["App", "#1", "Scripted"]]
    ] as const) {
      it.effect(`${what} are in the report`, () =>
        Effect.gen(function* () {
          const reports: Array<Application.ShutdownReport> = []
          const log = makeLog()
          const app = Application.make({
            name: "App",
            children: [child],
            stop: ({ report }) => Effect.sync(() => void reports.push(report))
          })
          yield* logging(log)(Effect.provide(Effect.zipRight(busy, quiet), app.layer))
          assert.deepStrictEqual(reports[0]?.unhandled, [{ path: [...path], messages: 3 }])
          assert.include(linesOf(log), `INFO App has stopped in 0 ms; not handled: 3 of ${path.slice(1).join(" / ")}`)
        })
      )
    }
  })

  describe("ShutdownReport", () => {
    const report = {
      name: "App",
      took: Duration.millis(1_234.5),
      late: [],
      killed: [],
      unhandled: []
    }

    it("reads as one line", () => {
      assert.strictEqual(String(new Application.ShutdownReport(report)), "App has stopped in 1235 ms")
      const all = new Application.ShutdownReport({
        ...report,
        late: [
          { path: ["App", "a"], waited: 1_000.4, why: "late" },
          { path: ["App", "g", "b"], waited: 5, why: "late" }
        ],
        killed: [{ path: ["App", "c"], waited: 0, why: "killed" }],
        unhandled: [{ path: ["App", "d"], messages: 2 }]
      })
      assert.strictEqual(
        String(all),
        "App has stopped in 1235 ms; late: a (1000 ms), g / b (5 ms); killed, as there was no time left: c; " +
          "not handled: 2 of d"
      )
      assert.isFalse(all.isClean)
    })
  })
})
