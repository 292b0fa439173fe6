import { assert, describe, it } from "@effect/vitest"
import { ExitReason, Process, Supervisor } from "@effect-otp/core"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as TestClock from "effect/TestClock"
import { House, type News, openHouse, say, since, statuses } from "./fixtures/household.ts"
import { heard, listening } from "./fixtures/listening.ts"
import { logging, makeLog } from "./fixtures/logging.ts"
import { quiet, told } from "./fixtures/observing.ts"

/** A worker that announces its runs and is told how to end each of them. */
const obeying = <E>(news: News, orders: Queue.Dequeue<Effect.Effect<unknown, E>>) =>
  Effect.gen(function* () {
    yield* Effect.acquireRelease(say(news, "+worker"), () => say(news, "-worker"))
    return yield* Effect.flatten(Queue.take(orders))
  }).pipe(Effect.onInterrupt(() => say(news, "interrupted")))

const withWorker = (options: Supervisor.WorkerOptions<never, never>) =>
  Effect.gen(function* () {
    const news: News = []
    const orders = yield* Queue.unbounded<Effect.Effect<unknown, string>>()
    const { close, house } = yield* openHouse(
      House.layer({ children: [Supervisor.worker("worker", obeying(news, orders), options)] })
    )
    yield* quiet
    const order = (end: Effect.Effect<unknown, string>) => Effect.zipRight(Queue.offer(orders, end), quiet)
    return { close, house, news, order }
  })

const ends = [
  ["success", Effect.succeed(1)],
  ["failure", Effect.fail("no")],
  ["a defect", Effect.die(new Error("a bug"))],
  ["an interruption of its own", Effect.interrupt]
] as const

describe("Supervisor.worker", () => {
  for (const [restart, restarting] of [
    ["permanent", ["success", "failure", "a defect", "an interruption of its own"]],
    ["transient", ["failure", "a defect", "an interruption of its own"]],
    ["temporary", []]
  ] as ReadonlyArray<readonly ["permanent" | "transient" | "temporary", ReadonlyArray<string>]>) {
    for (const [how, end] of ends) {
      const isRestarted = restarting.includes(how)
      it.effect(`SUP-9: ${restart}: ${how} ${isRestarted ? "runs it again" : "was all"}; its scope is closed`, () =>
        Effect.gen(function* () {
          const { close, house, news, order } = yield* withWorker({ restart })
          assert.deepStrictEqual(since(news), ["+worker"])
          yield* order(end)
          assert.deepStrictEqual(
            since(news).filter((line) => line !== "interrupted"),
            ["-worker", ...(isRestarted ? ["+worker"] : [])]
          )
          const left = isRestarted ? ["worker running"] : restart === "temporary" ? [] : ["worker stopped"]
          assert.deepStrictEqual(yield* statuses(house), left)
          yield* close
          assert.deepStrictEqual(since(news), isRestarted ? ["interrupted", "-worker"] : [])
        })
      )
    }
  }

  it.effect(
    "counts as a restart each time, also after success, and ends its supervisor when that is too much (SUP-14)",
    () =>
      Effect.gen(function* () {
        let runs = 0
        const { house } = yield* openHouse(
          House.layer({
            children: [
              Supervisor.worker(
                "eager",
                Effect.sync(() => runs++)
              )
            ]
          })
        )
        yield* quiet
        assert.strictEqual(yield* told(statuses(house)), "ServerDown: shutdown")
        assert.strictEqual(runs, 4)
      })
  )

  it.effect("stops by interruption, within its shutdown (SUP-21)", () =>
    Effect.gen(function* () {
      const news: News = []
      const stubborn = Effect.onInterrupt(Effect.never, () => Effect.delay(say(news, "done"), "1 hour"))
      const children = [
        Supervisor.worker(
          "first",
          Effect.onInterrupt(Effect.never, () => say(news, "first"))
        ),
        Supervisor.worker("stubborn", stubborn, { shutdown: "2 seconds" })
      ] as const
      const { close } = yield* openHouse(House.layer({ children }))
      yield* quiet
      const closing = yield* Effect.fork(close)
      yield* TestClock.adjust(1999)
      assert.deepStrictEqual(news, [])
      yield* TestClock.adjust(1)
      yield* Fiber.join(closing)
      assert.deepStrictEqual(since(news), ["first at 2000"])
      assert.deepStrictEqual(
        (yield* Process.list).map(({ name, status }) => `${name} ${status}`),
        ["stubborn zombie"]
      )
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* Process.list, [])
    })
  )

  it.effect("is not waited for when it starts: the next child starts while it runs", () =>
    Effect.gen(function* () {
      const news: News = []
      const done = yield* Deferred.make<void>()
      const children = [
        Supervisor.worker("waiting", Effect.zipRight(Deferred.await(done), say(news, "done")), {
          restart: "transient"
        }),
        Supervisor.worker("telling", Deferred.succeed(done, undefined), { restart: "transient" })
      ] as const
      const { close, house } = yield* openHouse(House.layer({ children }))
      yield* quiet
      assert.deepStrictEqual(news, ["done"])
      assert.deepStrictEqual(yield* statuses(house), ["telling stopped", "waiting stopped"])
      yield* close
    })
  )

  for (const shutdown of ["5 seconds", "brutal"] as const) {
    it.effect(`is not run at all if its supervisor ends before its first step, and that is no crash: ${shutdown}`, () =>
      Effect.gen(function* () {
        const log = makeLog()
        const events = yield* listening
        // At every step of the start.
        for (let steps = 0; steps < 16; steps++) {
          const first = Supervisor.child(Layer.effectDiscard(Effect.yieldNow()), { id: "first" })
          const worker = Supervisor.worker("worker", Effect.never, { shutdown })
          const building = yield* Effect.fork(
            Effect.scoped(logging(log)(Layer.build(House.layer({ children: [first, worker] }))))
          )
          for (let step = 0; step < steps; step++) yield* Effect.yieldNow()
          yield* Fiber.interrupt(building)
        }
        assert.deepStrictEqual(log.lines, [])
        assert.deepStrictEqual(
          (yield* heard(events)).filter((line) => line.startsWith("Crashed") && !line.includes("killed")),
          []
        )
      }).pipe(Effect.scoped)
    )
  }

  it.effect("says its crash in the log, once for each that is another one, and tells what it is in Process.list", () =>
    Effect.gen(function* () {
      const log = makeLog()
      const run = Effect.die(new Error("a bug"))
      const { house } = yield* logging(log)(openHouse(House.layer({ children: [Supervisor.worker("worker", run)] })))
      yield* quiet
      assert.strictEqual(yield* told(statuses(house)), "ServerDown: shutdown")
      assert.deepStrictEqual(
        log.lines.map(({ annotations, cause, level, message }) => [
          level,
          message.split(":")[0],
          cause,
          annotations.path
        ]),
        [
          ["ERROR", "worker crashed", "Error: a bug", "House / worker"],
          ["FATAL", "House gave up", "", "House"]
        ]
      )
      const { close } = yield* openHouse(House.layer({ children: [Supervisor.worker("worker", Effect.never)] }))
      yield* quiet
      assert.deepStrictEqual(
        (yield* Process.list).map(({ kind, path, status }) => `${path.join("/")} ${kind} ${status}`),
        ["House Supervisor idle", "House/worker Worker running"]
      )
      yield* close
      assert.deepStrictEqual(yield* Process.list, [])
    })
  )

  it.effect("runs with what its supervisor has, and fibers that it forks end with it", () =>
    Effect.gen(function* () {
      const news: News = []
      const { close, order, news: runs } = yield* withWorker({})
      yield* close
      assert.deepStrictEqual(runs, ["+worker", "interrupted", "-worker"])
      yield* order(Effect.void)
      const forking = Effect.zipRight(
        Effect.fork(Effect.onInterrupt(Effect.never, () => say(news, "forked: interrupted"))),
        Effect.zipRight(Effect.yieldNow(), Effect.void)
      )
      const other = yield* openHouse(
        House.layer({ children: [Supervisor.worker("worker", forking, { restart: "temporary" })] })
      )
      yield* quiet
      assert.deepStrictEqual(news, ["forked: interrupted"])
      yield* other.close
    })
  )

  it.effect("SUP-7: startIf false leaves it out, and is asked at each start", () =>
    Effect.gen(function* () {
      const news: News = []
      let isWanted = false
      const asked = Effect.tap(
        Effect.sync(() => isWanted),
        (isWanted) => say(news, `asked: ${isWanted}`)
      )
      const { close, house } = yield* openHouse(
        House.layer({
          children: [Supervisor.worker("worker", Effect.zipRight(say(news, "runs"), Effect.never), { startIf: asked })]
        })
      )
      assert.deepStrictEqual(yield* statuses(house), ["worker stopped"])
      isWanted = true
      yield* Supervisor.restartChild(house, "worker")
      yield* quiet
      assert.deepStrictEqual(yield* statuses(house), ["worker running"])
      assert.deepStrictEqual(news, ["asked: false", "asked: true", "runs"])
      yield* close
    })
  )

  it.effect("SUP-5: a startIf that fails is a start that fails", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.flip(
        openHouse(
          House.layer({ children: [Supervisor.worker("worker", Effect.never, { startIf: Effect.fail("no") })] })
        )
      )
      assert.strictEqual(exit, "no")
    })
  )

  it.effect("SUP-26: a kill from outside of its supervisor ends it", () =>
    Effect.gen(function* () {
      const { house, news } = yield* withWorker({})
      yield* Process.exit(house, ExitReason.killed)
      yield* quiet
      assert.deepStrictEqual(news, ["+worker", "interrupted", "-worker"])
    })
  )
})
