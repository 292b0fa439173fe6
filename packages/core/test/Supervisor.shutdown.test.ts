import { assert, describe, it } from "@effect/vitest"
import { ExitReason, Process, Supervisor } from "@effect-otp/core"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import {
  Ann,
  Bob,
  busy,
  Cid,
  count,
  crash,
  House,
  type News,
  open,
  openHouse,
  quit,
  room,
  say,
  since,
  statuses
} from "./fixtures/household.ts"
import { logging, makeLog } from "./fixtures/logging.ts"
import { quiet, told } from "./fixtures/observing.ts"

/** Closes a tree in a fiber of its own, as a program does that has other things to do. */
const begun = (close: Effect.Effect<void>) => Effect.zipLeft(Effect.fork(close), quiet)

/** The processes that were killed and still hold something, with their age. */
const zombies = Effect.map(Process.list, (processes) =>
  processes
    .filter(({ status }) => status === "zombie")
    .map(({ name, zombieFor }) => `${name} ${Duration.toMillis(Option.getOrThrow(zombieFor))}`)
)

describe("Supervisor, shutdown", () => {
  it.effect("SUP-20: children stop in the reverse of the order in which they were started (SUP-4)", () =>
    Effect.gen(function* () {
      const news: News = []
      const children = [
        Ann.layer(news, { trapExit: true }),
        room("first", news),
        Bob.layer(news),
        room("second", news),
        Cid.layer(news, { trapExit: true })
      ] as const
      const { close } = yield* openHouse(House.layer({ children }))
      assert.deepStrictEqual(since(news), ["+Ann", "+first", "+Bob", "+second", "+Cid"])
      yield* close
      assert.deepStrictEqual(since(news), [
        "Cid: shutdown",
        "-Cid",
        "-second",
        "-Bob",
        "-first",
        "Ann: shutdown",
        "-Ann"
      ])
    })
  )

  it.effect("SUP-20: one after another, so the times add up", () =>
    Effect.gen(function* () {
      const news: News = []
      const children = [
        room("first", news, { letGo: "1 second" }),
        Ann.layer(news, { trapExit: true, terminate: Effect.sleep("2 seconds") }),
        room("last", news, { letGo: "3 seconds" })
      ] as const
      const { close } = yield* openHouse(House.layer({ children }))
      since(news)
      const closing = yield* begun(close)
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(closing)
      assert.deepStrictEqual(news, ["-last at 3000", "Ann: shutdown at 3000", "-Ann at 5000", "-first at 6000"])
    })
  )

  describe("SUP-21: what hangs is killed when its time is over, and the others go on", () => {
    for (const [shutdown, ms] of [
      [undefined, 5000],
      ["2 seconds", 2000],
      [1, 1]
    ] as const) {
      it.effect(`a layer whose finalizer does not end, after ${ms} ms; it is left behind as a zombie`, () =>
        Effect.gen(function* () {
          const news: News = []
          const children = [
            room("first", news),
            Supervisor.child(room("stuck", news, { letGo: "1 hour" }), { id: "stuck", shutdown }),
            room("last", news)
          ] as const
          const { close } = yield* openHouse(House.layer({ children }))
          since(news)
          const closing = yield* begun(close)
          yield* TestClock.adjust(ms - 1)
          assert.isNull(closing.unsafePoll())
          assert.deepStrictEqual(since(news), ["-last"])
          yield* TestClock.adjust(1)
          yield* Fiber.join(closing)
          assert.deepStrictEqual(since(news), [`-first at ${ms}`])
          yield* TestClock.adjust(500)
          assert.deepStrictEqual(yield* zombies, ["stuck 500"])
          yield* TestClock.adjust("1 hour")
          assert.deepStrictEqual(since(news), ["-stuck at 3600000"])
          assert.deepStrictEqual(yield* zombies, [])
        })
      )

      it.effect(`a server whose terminate does not end, after ${ms} ms`, () =>
        Effect.gen(function* () {
          const news: News = []
          const hanging = Ann.layer(news, {
            trapExit: true,
            terminate: Effect.uninterruptible(Effect.sleep("1 hour"))
          })
          const children = [room("first", news), Supervisor.child(hanging, { shutdown })] as const
          const { close } = yield* openHouse(House.layer({ children }))
          since(news)
          const closing = yield* begun(close)
          yield* TestClock.adjust(ms - 1)
          assert.isNull(closing.unsafePoll())
          yield* TestClock.adjust(1)
          yield* Fiber.join(closing)
          assert.deepStrictEqual(since(news), ["Ann: shutdown", `-first at ${ms}`])
          yield* TestClock.adjust(500)
          assert.deepStrictEqual(yield* zombies, ["Ann 500"])
          yield* TestClock.adjust("1 hour")
          assert.deepStrictEqual(since(news), ["-Ann at 3600000"])
          assert.deepStrictEqual(yield* zombies, [])
        })
      )
    }

    it.effect("a layer whose server hangs: both its time and the server's own hold", () =>
      Effect.gen(function* () {
        const news: News = []
        const hanging = (shutdown: Duration.DurationInput) =>
          Layer.merge(Ann.layer(news, { trapExit: true, shutdown, terminate: Effect.never }), room("around", news))
        for (const [own, childs, ms] of [
          ["1 second", "4 seconds", 1000],
          ["4 seconds", "2 seconds", 2000]
        ] as const) {
          const children = [Supervisor.child(hanging(own), { shutdown: childs })] as const
          const { close } = yield* openHouse(House.layer({ children }))
          const closing = yield* begun(close)
          yield* TestClock.adjust(ms - 1)
          assert.isNull(closing.unsafePoll())
          yield* TestClock.adjust(1)
          yield* Fiber.join(closing)
        }
      })
    )
  })

  it.effect("SUP-21: a server's own shutdown counts, unless its child spec says otherwise (SUP-2)", () =>
    Effect.gen(function* () {
      const news: News = []
      const hanging = Ann.layer(news, { trapExit: true, shutdown: "1 second", terminate: Effect.never })
      for (const [child, ms] of [
        [hanging, 1000],
        [Supervisor.child(hanging, {}), 1000],
        [Supervisor.child(hanging, { shutdown: "3 seconds" }), 3000]
      ] as const) {
        const { close } = yield* openHouse(House.layer({ children: [child] }))
        const closing = yield* begun(close)
        yield* TestClock.adjust(ms - 1)
        assert.isNull(closing.unsafePoll())
        yield* TestClock.adjust(1)
        yield* Fiber.join(closing)
      }
    })
  )

  it.effect('SUP-21: "infinity" waits as long as it takes', () =>
    Effect.gen(function* () {
      const news: News = []
      const children = [
        Supervisor.child(room("slow", news, { letGo: "3 days" }), { shutdown: "infinity" }),
        Supervisor.child(Ann.layer(news, { letGo: "1 day" }), { shutdown: "infinity" })
      ] as const
      const { close } = yield* openHouse(House.layer({ children }))
      since(news)
      const closing = yield* begun(close)
      yield* TestClock.adjust("95 hours")
      assert.isNull(closing.unsafePoll())
      yield* TestClock.adjust("1 hour")
      yield* Fiber.join(closing)
      assert.deepStrictEqual(news, ["-Ann at 86400000", "-slow at 345600000"])
    })
  )

  for (const shutdown of ["brutal", 0] as const) {
    it.effect(`SUP-21: ${JSON.stringify(shutdown)} kills at once: no terminate, and nothing is waited for`, () =>
      Effect.gen(function* () {
        const news: News = []
        const children = [
          room("first", news),
          Supervisor.child(Ann.layer(news, { trapExit: true, letGo: "1 second" }), { shutdown }),
          Supervisor.child(room("second", news, { letGo: "1 second" }), { shutdown }),
          Supervisor.worker("worker", Effect.never, { shutdown })
        ] as const
        const { close, context } = yield* openHouse(House.layer({ children }))
        since(news)
        const ann = Context.get(context, Ann)
        yield* busy(ann, Effect.never)
        const waiting = yield* Effect.fork(told(count(ann)))
        yield* quiet
        yield* close
        assert.deepStrictEqual(since(news), ["-first"])
        assert.strictEqual(yield* Fiber.join(waiting), "ServerDown: killed")
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(since(news).sort(), ["-Ann at 1000", "-second at 1000"])
      })
    )
  }

  it.effect("SUP-22: a tree in a scope that a finalizer closes ends on time", () =>
    Effect.gen(function* () {
      const news: News = []
      const children = [
        room("first", news),
        Supervisor.child(room("stuck", news, { letGo: "1 hour" }), { shutdown: "100 millis" }),
        Ann.layer(news, { trapExit: true, shutdown: "200 millis", terminate: Effect.never })
      ] as const
      const outer = yield* Scope.make()
      const { close } = yield* openHouse(House.layer({ children }))
      since(news)
      yield* Scope.addFinalizer(outer, Effect.zipRight(close, say(news, "closed")))
      const closing = yield* begun(Scope.close(outer, Exit.void))
      yield* TestClock.adjust("300 millis")
      yield* Fiber.join(closing)
      assert.deepStrictEqual(news, ["Ann: shutdown", "-Ann at 200", "-first at 300", "closed at 300"])
      yield* TestClock.adjust("1 hour")
    })
  )

  it.effect("SUP-22: a tree inside a child of another one ends on time, too", () =>
    Effect.gen(function* () {
      const news: News = []
      const inner = Layer.scopedDiscard(
        Effect.gen(function* () {
          const scope = yield* Scope.make()
          const stuck = Supervisor.child(room("stuck", news, { letGo: "1 hour" }), { shutdown: "100 millis" })
          yield* Layer.buildWithScope(Supervisor.layer({ children: [room("first", news), stuck] }), scope)
          yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
        })
      )
      const { close } = yield* openHouse(House.layer({ children: [room("before", news), inner] }))
      since(news)
      const closing = yield* begun(close)
      yield* TestClock.adjust("100 millis")
      yield* Fiber.join(closing)
      assert.deepStrictEqual(news, ["-first at 100", "-before at 100"])
      yield* TestClock.adjust("1 hour")
    })
  )

  it.effect("SUP-23: a child that ends by another reason while it is stopped does not stop the others' stop", () =>
    Effect.gen(function* () {
      const log = makeLog()
      const news: News = []
      const children = [
        Ann.layer(news, { trapExit: true }),
        Bob.layer(news, { trapExit: true, terminate: Effect.die(new Error("a bug in terminate")) }),
        Layer.scopedDiscard(Effect.addFinalizer(() => Effect.die(new Error("a bug in a finalizer")))),
        Supervisor.worker(
          "worker",
          Effect.onInterrupt(Effect.never, () => Effect.die(new Error("a bug in a worker")))
        )
      ] as const
      const { close } = yield* logging(log)(openHouse(House.layer({ children })))
      since(news)
      yield* close
      assert.deepStrictEqual(news, ["Bob: shutdown", "-Bob", "Ann: shutdown", "-Ann"])
      assert.deepStrictEqual(
        log.lines.map(({ cause, message }) => `${message}: ${cause}`),
        [
          "A finalizer of #3 failed: Error: a bug in a finalizer",
          "GenServer Bob crashed in terminate: Error: a bug in terminate"
        ]
      )
    })
  )

  it.effect("SUP-23: children that end meanwhile are not started again", () =>
    Effect.gen(function* () {
      const news: News = []
      const children = [
        Ann.layer(news),
        Bob.layer(news),
        Supervisor.worker("worker", Effect.zipRight(Effect.sleep("500 millis"), Effect.die(new Error("a bug")))),
        room("slow", news, { letGo: "1 second" })
      ] as const
      for (const strategy of ["one_for_one", "one_for_all", "rest_for_one"] as const) {
        const { close, context } = yield* openHouse(House.layer({ strategy, children }))
        since(news)
        const closing = yield* begun(close)
        yield* crash(Context.get(context, Bob))
        yield* quit(Context.get(context, Ann))
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(closing)
        assert.deepStrictEqual(
          since(news).map((line) => line.replace(/ at .*/, "")),
          ["Bob: crashed: Error: a bug", "-Bob", "Ann: normal", "-Ann", "-slow"]
        )
      }
    })
  )

  describe("SUP-24: Supervisor.stop", () => {
    for (const reason of [
      ExitReason.normal,
      ExitReason.shutdown(),
      ExitReason.shutdown("enough"),
      ExitReason.crash("no")
    ]) {
      it.effect(`stops the children in reverse, and ends it: ${ExitReason.format(reason)}`, () =>
        Effect.gen(function* () {
          const news: News = []
          const children = [Ann.layer(news, { trapExit: true }), room("room", news)] as const
          const { close, house } = yield* openHouse(House.layer({ children }))
          since(news)
          const waiting = yield* Effect.fork(Supervisor.awaitEnd(house))
          yield* quiet
          yield* Supervisor.stop(house, reason)
          assert.deepStrictEqual(news, ["-room", "Ann: shutdown", "-Ann"])
          assert.deepStrictEqual(yield* Fiber.join(waiting), reason)
          assert.strictEqual(yield* told(Supervisor.countChildren(house)), "ServerDown: no process")
          yield* close
          assert.lengthOf(news, 3)
        })
      )
    }

    it.effect("is done when everything has stopped, and normal by default", () =>
      Effect.gen(function* () {
        const news: News = []
        const { context, house } = yield* openHouse(House.layer({ children: [Ann.layer(news, { letGo: "1 second" })] }))
        const waiting = yield* Effect.fork(Supervisor.awaitEnd(house))
        const stopping = yield* begun(Effect.orDie(Supervisor.stop(house)))
        yield* TestClock.adjust(999)
        assert.isNull(stopping.unsafePoll())
        yield* TestClock.adjust(1)
        yield* Fiber.join(stopping)
        assert.deepStrictEqual(yield* Fiber.join(waiting), ExitReason.normal)
        assert.strictEqual(yield* told(count(Context.get(context, Ann))), "ServerDown: no process")
      })
    )

    it.effect("is refused by one that is not there", () =>
      Effect.gen(function* () {
        const { close, house } = yield* openHouse(House.layer({ children: [] }))
        yield* close
        assert.strictEqual(yield* told(Supervisor.stop(house)), "ServerDown: no process")
        assert.strictEqual(yield* told(Supervisor.awaitEnd(house)), "ServerDown: no process")
      })
    )
  })

  it.effect("SUP-25: the exit signal of a stranger is ignored, whatever its reason", () =>
    Effect.gen(function* () {
      const news: News = []
      const { close, house } = yield* openHouse(House.layer({ children: [Ann.layer(news)] }))
      for (const reason of [ExitReason.normal, ExitReason.shutdown(), ExitReason.crash("a bug")]) {
        yield* Process.exit(house, reason)
        yield* quiet
      }
      assert.deepStrictEqual(yield* statuses(house), ["Ann running"])
      assert.deepStrictEqual(news, ["+Ann"])
      yield* close
    })
  )

  it.effect("SUP-26: a killed supervisor takes its children with it: killed, with terminate if they trap that", () =>
    Effect.gen(function* () {
      const news: News = []
      const children = [
        Ann.layer(news),
        Bob.layer(news, { trapExit: true }),
        room("room", news),
        Supervisor.worker(
          "worker",
          Effect.onInterrupt(Effect.never, () => say(news, "-worker"))
        )
      ] as const
      const { close, context, house } = yield* openHouse(House.layer({ children }))
      yield* quiet
      since(news)
      const [ann, bob] = [Context.get(context, Ann), Context.get(context, Bob)]
      yield* busy(ann, Effect.never)
      const waiting = yield* Effect.fork(
        Effect.all([told(count(ann)), told(Supervisor.awaitEnd(house))], { concurrency: 2 })
      )
      yield* quiet
      yield* Process.exit(house, ExitReason.killed)
      yield* quiet
      assert.deepStrictEqual(yield* Fiber.join(waiting), ["ServerDown: killed", String(ExitReason.killed)])
      // There is no order among them.
      assert.deepStrictEqual(since(news).sort(), ["-Ann", "-Bob", "-room", "-worker", "Bob: killed"])
      assert.strictEqual(yield* told(count(ann)), "ServerDown: no process")
      assert.strictEqual(yield* told(count(bob)), "ServerDown: no process")
      yield* close
      assert.deepStrictEqual(news, [])
    })
  )

  it.effect("SUP-26: servers inside a child that is a layer are told the same", () =>
    Effect.gen(function* () {
      const news: News = []
      const both = Layer.merge(Ann.layer(news), Bob.layer(news, { trapExit: true }))
      const { context, house } = yield* openHouse(House.layer({ children: [Supervisor.child(both, { id: "both" })] }))
      since(news)
      const ann = Context.get(context, Ann)
      yield* busy(ann, Effect.never)
      const waiting = yield* Effect.fork(told(count(ann)))
      yield* quiet
      yield* Process.exit(house, ExitReason.killed)
      yield* quiet
      assert.strictEqual(yield* Fiber.join(waiting), "ServerDown: killed")
      assert.deepStrictEqual(since(news).sort(), ["-Ann", "-Bob", "Bob: killed"])
    })
  )

  it.effect("SUP-26: a killed inner supervisor is started again, with all its children, as one that crashed", () =>
    Effect.gen(function* () {
      const news: News = []
      const inner = House.layer({ children: [Ann.layer(news, { trapExit: true }), Bob.layer(news)] })
      const { close, context } = yield* open(
        Supervisor.layer({ children: [Supervisor.child(inner, { id: "inner", restart: "transient" })] })
      )
      since(news)
      yield* Process.exit(Context.get(context, House), ExitReason.killed)
      yield* quiet
      // There is no order among the children of the killed one, nor between them and those of the next.
      assert.deepStrictEqual(since(news).sort(), ["+Ann", "+Bob", "-Ann", "-Bob", "Ann: killed"])
      assert.strictEqual(yield* count(Context.get(context, Ann)), 1)
      yield* close
    })
  )

  describe("a scope that is closed while children are still being started", () => {
    it.effect("interrupts the build that is under way, and stops what had started in reverse", () =>
      Effect.gen(function* () {
        const news: News = []
        const children = [
          room("first", news),
          Ann.layer(news, { trapExit: true }),
          room("slow", news, { build: "1 second" }),
          Bob.layer(news)
        ] as const
        const scope = yield* Scope.make()
        const building = yield* Effect.fork(Layer.buildWithScope(House.layer({ children }), scope))
        yield* quiet
        assert.deepStrictEqual(since(news), ["+first", "+Ann"])
        yield* Fiber.interrupt(building)
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(since(news), ["slow interrupted", "Ann: shutdown", "-Ann", "-first"])
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(news, [])
      })
    )

    it.effect("interrupts the init that is under way", () =>
      Effect.gen(function* () {
        const news: News = []
        const slow = Effect.onInterrupt(Effect.sleep("1 second"), () => say(news, "Bob interrupted"))
        const children = [Ann.layer(news), Bob.layer(news, { init: slow }), Cid.layer(news)] as const
        const scope = yield* Scope.make()
        const building = yield* Effect.fork(Layer.buildWithScope(House.layer({ children }), scope))
        yield* quiet
        yield* Fiber.interrupt(building)
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(since(news), ["+Ann", "Bob interrupted", "-Ann"])
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(news, [])
      })
    )

    for (const trapExit of [false, true]) {
      it.effect(`waits until what init had acquired is released: trapExit: ${trapExit}`, () =>
        Effect.gen(function* () {
          const news: News = []
          const init = Effect.zipRight(
            Effect.acquireRelease(say(news, "+lock"), () => Effect.delay(say(news, "-lock"), "1 second")),
            Effect.never
          )
          const scope = yield* Scope.make()
          const children = [room("first", news), Bob.layer(news, { init, trapExit })] as const
          const building = yield* Effect.fork(Layer.buildWithScope(House.layer({ children }), scope))
          yield* quiet
          const closing = yield* Effect.fork(Effect.zipRight(Fiber.interrupt(building), Scope.close(scope, Exit.void)))
          yield* quiet
          yield* TestClock.adjust("1 second")
          yield* Fiber.join(closing)
          assert.deepStrictEqual(news, ["+first", "+lock", "-lock at 1000", "-first at 1000"])
        })
      )
    }

    for (const [shutdown, ms] of [
      [undefined, 5000],
      ["2 seconds", 2000],
      ["brutal", 0]
    ] as const) {
      it.effect(`leaves a build behind that does not let itself be interrupted, after ${ms} ms`, () =>
        Effect.gen(function* () {
          const news: News = []
          const slow = Layer.scopedDiscard(
            Effect.acquireRelease(Effect.delay(say(news, "+slow"), "1 hour"), () => say(news, "-slow"))
          )
          const children = [
            room("first", news),
            Supervisor.child(slow, { id: "slow", shutdown }),
            Ann.layer(news)
          ] as const
          const scope = yield* Scope.make()
          const building = yield* Effect.fork(Layer.buildWithScope(House.layer({ children }), scope))
          yield* quiet
          since(news)
          const closing = yield* Effect.fork(Effect.zipRight(Fiber.interrupt(building), Scope.close(scope, Exit.void)))
          yield* quiet
          if (ms > 0) {
            yield* TestClock.adjust(ms - 1)
            assert.isNull(closing.unsafePoll())
            yield* TestClock.adjust(1)
          }
          yield* Fiber.join(closing)
          assert.deepStrictEqual(since(news), [ms === 0 ? "-first" : `-first at ${ms}`])
          assert.deepStrictEqual(yield* zombies, ["slow 0"])
          yield* TestClock.adjust("1 hour")
          assert.deepStrictEqual(since(news), ["+slow at 3600000", "-slow at 3600000"])
          assert.deepStrictEqual(yield* zombies, [])
        })
      )
    }

    it.effect("does so through all levels", () =>
      Effect.gen(function* () {
        const news: News = []
        const lowest = Supervisor.layer({
          children: [Ann.layer(news), room("slow", news, { build: "1 second" }), Bob.layer(news)]
        })
        const middle = Supervisor.layer({ children: [room("middle", news), lowest] })
        const scope = yield* Scope.make()
        const building = yield* Effect.fork(
          Layer.buildWithScope(Supervisor.layer({ children: [room("top", news), middle] }), scope)
        )
        yield* quiet
        since(news)
        yield* Fiber.interrupt(building)
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(since(news), ["slow interrupted", "-Ann", "-middle", "-top"])
      })
    )

    it.effect("while one is being started again", () =>
      Effect.gen(function* () {
        const news: News = []
        let starts = 0
        const slowThen = Effect.suspend(() =>
          starts++ === 0 ? Effect.void : Effect.onInterrupt(Effect.never, () => say(news, "Bob interrupted"))
        )
        const children = [Ann.layer(news, { trapExit: true }), Bob.layer(news, { init: slowThen })] as const
        const { close, context } = yield* openHouse(House.layer({ children }))
        yield* crash(Context.get(context, Bob))
        since(news)
        yield* close
        yield* quiet
        assert.deepStrictEqual(since(news).sort(), ["-Ann", "Ann: shutdown", "Bob interrupted"])
      })
    )
  })

  describe("SUP-27: an inner supervisor at its limit", () => {
    const tree = (news: News, restart: "permanent" | "transient" | "temporary") => {
      const inner = House.layer({
        children: [Ann.layer(news, { trapExit: true }), Bob.layer(news)],
        intensity: { restarts: 0, within: "5 seconds" }
      })
      return Outer.layer({ children: [room("before", news), Supervisor.child(inner, { id: "inner", restart })] })
    }
    class Outer extends Supervisor.Service<Outer>()("@test/Outer") {}

    it.effect("is started again if it is permanent, with all its children", () =>
      Effect.gen(function* () {
        const news: News = []
        const { close, context } = yield* open(tree(news, "permanent"))
        since(news)
        const ended = yield* Effect.fork(Effect.flip(Supervisor.awaitEnd(Context.get(context, House))))
        yield* quiet
        yield* crash(Context.get(context, Bob))
        assert.deepStrictEqual(since(news), [
          "Bob: crashed: Error: a bug",
          "-Bob",
          "Ann: shutdown",
          "-Ann",
          "+Ann",
          "+Bob"
        ])
        assert.strictEqual((yield* Fiber.join(ended))._tag, "MaxRestartsExceeded")
        const [inner] = yield* Supervisor.whichChildren(Context.get(context, Outer))
        assert.deepInclude(inner, { id: "inner", status: "running", restarts: 1, type: "supervisor" })
        assert.strictEqual(yield* count(Context.get(context, Bob)), 1)
        yield* close
      })
    )

    for (const [restart, left] of [
      ["transient", "inner stopped, #1 running"],
      ["temporary", "#1 running"]
    ] as const) {
      it.effect(`is not started again if it is ${restart}: it ends by shutdown`, () =>
        Effect.gen(function* () {
          const news: News = []
          const { close, context } = yield* open(tree(news, restart))
          since(news)
          yield* crash(Context.get(context, Bob))
          assert.deepStrictEqual(since(news), ["Bob: crashed: Error: a bug", "-Bob", "Ann: shutdown", "-Ann"])
          const children = yield* Supervisor.whichChildren(Context.get(context, Outer))
          assert.strictEqual(children.map(({ id, status }) => `${id} ${status}`).join(", "), left)
          yield* close
          assert.deepStrictEqual(since(news), ["-before"])
        })
      )
    }

    it.effect("ends the outer ones, level by level, when they are at theirs (SUP-14)", () =>
      Effect.gen(function* () {
        const news: News = []
        const intensity = { restarts: 0, within: "5 seconds" } as const
        const lowest = Supervisor.layer({ children: [Ann.layer(news), Bob.layer(news)], intensity })
        const middle = Supervisor.layer({ children: [room("middle", news), lowest], intensity })
        const { context, house } = yield* openHouse(House.layer({ children: [room("top", news), middle], intensity }))
        since(news)
        const ended = yield* Effect.fork(Effect.flip(Supervisor.awaitEnd(house)))
        yield* quiet
        yield* crash(Context.get(context, Bob))
        assert.deepInclude(yield* Fiber.join(ended), { _tag: "MaxRestartsExceeded", child: "#2", path: ["House"] })
        assert.deepStrictEqual(since(news), ["Bob: crashed: Error: a bug", "-Bob", "-Ann", "-middle", "-top"])
      })
    )
  })
})
