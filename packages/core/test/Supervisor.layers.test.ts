import { assert, describe, it } from "@effect/vitest"
import { Process, Supervisor } from "@effect-otp/core"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import {
  Ann,
  Bob,
  Cid,
  count,
  crash,
  House,
  type News,
  openHouse,
  quit,
  room,
  say,
  since,
  statuses
} from "./fixtures/household.ts"
import { type Log, logging, makeLog } from "./fixtures/logging.ts"
import { quiet, told } from "./fixtures/observing.ts"
import { recording } from "./fixtures/recording.ts"

class Key extends Context.Tag("@test/Key")<Key, number>() {}
class Door extends Context.Tag("@test/Door")<Door, string>() {}

/** Makes a layer whose service is another one at each build: 1, 2, 3, … */
const keys = (news: News): Layer.Layer<Key> => {
  let made = 0
  return Layer.scoped(
    Key,
    Effect.suspend(() => {
      const key = ++made
      return Effect.as(
        Effect.acquireRelease(say(news, `+key ${key}`), () => say(news, `-key ${key}`)),
        key
      )
    })
  )
}

/** Announces the key that it has been given. */
const door = (news: News, name: string): Layer.Layer<never, never, Key> =>
  Layer.scopedDiscard(
    Effect.flatMap(Key, (key) =>
      Effect.acquireRelease(say(news, `+${name} ${key}`), () => say(news, `-${name} ${key}`))
    )
  )

/** A layer with fibers that end as the test says. */
const fragile = (news: News, name: string) =>
  Effect.gen(function* () {
    const fate = yield* Ref.make(yield* Deferred.make<unknown, string>())
    const layer = Layer.merge(
      room(name, news),
      Layer.scopedDiscard(
        Effect.flatMap(Deferred.make<unknown, string>(), (next) =>
          Effect.zipRight(Ref.set(fate, next), Effect.forkScoped(Deferred.await(next)))
        )
      )
    )
    const end = (exit: Exit.Exit<unknown, string>) =>
      Effect.zipRight(
        Effect.flatMap(Ref.get(fate), (deferred) => Deferred.done(deferred, exit)),
        quiet
      )
    return { layer, end }
  })

/** What is logged, but for what Effect itself says of any fiber that fails. */
const said = (log: Log) => log.lines.filter(({ level }) => level !== "DEBUG")

/** What has happened to processes since this was run, in words. */
const listening = Effect.gen(function* () {
  const events: Array<string> = []
  yield* Effect.forkScoped(
    Stream.runForEach(Process.events, ({ _tag, process }) => Effect.sync(() => events.push(`${process} ${_tag}`)))
  )
  yield* quiet
  return Effect.zipRight(
    quiet,
    Effect.sync(() => events.splice(0))
  )
})

describe("Supervisor, children that are plain layers", () => {
  it.effect("SUP-4: they are built in order, each with what the earlier ones provide", () =>
    Effect.gen(function* () {
      const news: News = []
      const doors = Layer.effect(
        Door,
        Effect.flatMap(Key, (key) => Effect.as(say(news, `door for ${key}`), `door ${key}`))
      )
      const user = Layer.effectDiscard(
        Effect.flatMap(Effect.all([Key, Door, Effect.flatMap(Ann, count)]), (found) => say(news, found.join(", ")))
      )
      const children = [keys(news), Ann.layer(news), doors, user] as const
      const { close, context } = yield* openHouse(House.layer({ children }))
      assert.deepStrictEqual(since(news), ["+key 1", "+Ann", "door for 1", "1, door 1, 1"])
      assert.deepStrictEqual([Context.get(context, Key), Context.get(context, Door)], [1, "door 1"])
      yield* close
      assert.deepStrictEqual(since(news), ["-Ann", "-key 1"])
    })
  )

  it.effect("a later child that provides the same service hides the earlier one from those after it", () =>
    Effect.gen(function* () {
      const news: News = []
      const children = [
        Layer.succeed(Key, 1),
        door(news, "first"),
        Layer.effect(
          Key,
          Effect.map(Key, (key) => key + 1)
        ),
        door(news, "second")
      ] as const
      const { close, context } = yield* openHouse(House.layer({ children }))
      assert.deepStrictEqual(news, ["+first 1", "+second 2"])
      assert.strictEqual(Context.get(context, Key), 2)
      yield* close
    })
  )

  describe("a fiber that the layer has forked", () => {
    for (const [how, exit] of [
      ["fails", Exit.fail("no")],
      ["dies", Exit.die(new Error("a bug"))]
    ] as const) {
      it.effect(`that ${how} is the crash of the child, which is built anew`, () =>
        Effect.gen(function* () {
          const news: News = []
          const { end, layer } = yield* fragile(news, "fragile")
          const children = [
            room("before", news),
            Supervisor.child(layer, { id: "fragile" }),
            room("after", news)
          ] as const
          const { close, house } = yield* openHouse(House.layer({ children }))
          since(news)
          for (const restarts of [1, 2]) {
            yield* end(exit)
            assert.deepStrictEqual(since(news), ["-fragile", "+fragile"])
            assert.deepInclude(yield* Supervisor.getChild(house, "fragile"), { restarts, status: "running" })
          }
          yield* close
        })
      )
    }

    for (const [how, exit] of [
      ["succeeds", Exit.succeed(1)],
      ["is interrupted", Exit.interrupt("fiber" as never)]
    ] as const) {
      it.effect(`that ${how} changes nothing`, () =>
        Effect.gen(function* () {
          const news: News = []
          const { end, layer } = yield* fragile(news, "fragile")
          const { close, house } = yield* openHouse(House.layer({ children: [layer] }))
          since(news)
          yield* end(exit)
          assert.deepStrictEqual(news, [])
          assert.deepStrictEqual(yield* statuses(house), ["#1 running"])
          yield* close
        })
      )
    }

    it.effect("is watched however it was forked, and through fibers between", () =>
      Effect.gen(function* () {
        for (const fork of [
          Effect.fork,
          Effect.forkDaemon,
          (effect: Effect.Effect<never>) => Effect.fork(Effect.zipRight(Effect.fork(effect), Effect.never))
        ]) {
          const news: News = []
          const latch = yield* Effect.makeLatch()
          const layer = Layer.merge(
            room("layer", news),
            Layer.effectDiscard(
              Effect.zipRight(fork(Effect.zipRight(latch.await, Effect.die(new Error("a bug")))), Effect.yieldNow())
            )
          )
          const { close } = yield* openHouse(
            House.layer({ children: [Supervisor.child(layer, { restart: "temporary" })] })
          )
          yield* quiet
          since(news)
          yield* latch.open
          yield* quiet
          assert.deepStrictEqual(news, ["-layer"])
          yield* close
        }
      })
    )

    it.effect("that fails says so in the log, with what it failed of, and as an event", () =>
      Effect.gen(function* () {
        const log = makeLog()
        const events = yield* listening
        const { end, layer } = yield* fragile([], "fragile")
        const { close } = yield* logging(log)(
          openHouse(House.layer({ children: [Supervisor.child(layer, { id: "fragile" })] }))
        )
        assert.deepStrictEqual(yield* events, ["fragile Started", "House Started"])
        yield* end(Exit.fail("no"))
        assert.deepStrictEqual(yield* events, ["fragile Crashed", "fragile Restarted"])
        assert.deepStrictEqual(said(log), [
          {
            level: "ERROR",
            message: "fragile crashed",
            cause: "Error: no",
            annotations: { path: "House / fragile", restarts: 0 }
          }
        ])
        yield* close
        assert.deepStrictEqual(yield* events, ["fragile Stopped", "House Stopped"])
      }).pipe(Effect.scoped)
    )

    it.effect("that fails is nothing with watch: false", () =>
      Effect.gen(function* () {
        const news: News = []
        const { end, layer } = yield* fragile(news, "fragile")
        const { close, house } = yield* openHouse(
          House.layer({ children: [Supervisor.child(layer, { id: "fragile", watch: false })] })
        )
        since(news)
        yield* end(Exit.fail("no"))
        assert.deepStrictEqual(news, [])
        assert.deepStrictEqual(yield* statuses(house), ["fragile running"])
        yield* close
      })
    )

    it.effect("that is forked when the build is done is not watched: a request handler, for example", () =>
      Effect.gen(function* () {
        class Shop extends Context.Tag("@test/Shop")<Shop, { readonly sell: Effect.Effect<void> }>() {}
        const sell = Effect.asVoid(Effect.forkDaemon(Effect.die(new Error("a bug"))))
        const news: News = []
        const shop = Layer.merge(
          room("shop", news),
          Layer.scoped(
            Shop,
            Effect.gen(function* () {
              const latch = yield* Effect.makeLatch()
              // A fiber of the layer itself that forks others later.
              yield* Effect.forkScoped(Effect.forever(Effect.zipRight(latch.await, Effect.zipRight(latch.close, sell))))
              return { sell: latch.open }
            })
          )
        )
        const { close, context } = yield* openHouse(House.layer({ children: [shop] }))
        since(news)
        yield* Context.get(context, Shop).sell
        yield* sell
        yield* quiet
        assert.deepStrictEqual(news, [])
        yield* close
      })
    )
  })

  describe("concurrency that the layer handles itself is not taken for a crash", () => {
    const failing = Effect.zipRight(Effect.yieldNow(), Effect.fail("no"))
    for (const [what, effect] of [
      ["a forked fiber that is joined", Effect.ignore(Effect.flatMap(Effect.fork(failing), Fiber.join))],
      ["Effect.all", Effect.ignore(Effect.all([failing, Effect.never, failing], { concurrency: "unbounded" }))],
      ["Effect.race", Effect.ignore(Effect.race(failing, Effect.yieldNow()))],
      ["Effect.validateAll", Effect.ignore(Effect.validateAll([1, 2, 3], () => failing, { concurrency: 3 }))],
      ["a Stream", Effect.ignore(Stream.runDrain(Stream.mergeAll([Stream.fromEffect(failing)], { concurrency: 2 })))],
      ["a scope of its own", Effect.scoped(Effect.zipRight(Effect.forkScoped(Effect.never), Effect.yieldNow()))]
    ] as ReadonlyArray<readonly [string, Effect.Effect<unknown>]>) {
      it.effect(what, () =>
        Effect.gen(function* () {
          const news: News = []
          const { close, house } = yield* openHouse(
            House.layer({ children: [Layer.merge(room("room", news), Layer.effectDiscard(effect))] })
          ).pipe(Effect.zipLeft(quiet))
          assert.deepStrictEqual(yield* statuses(house), ["#1 running"])
          assert.deepStrictEqual(news, ["+room"])
          yield* close
        })
      )
    }
  })

  it.effect("a fiber that fails during a build that succeeds: an event and a warning, no crash", () =>
    Effect.gen(function* () {
      const log = makeLog()
      const events = yield* listening
      const news: News = []
      const layer = Layer.provideMerge(
        room("room", news),
        Layer.effectDiscard(Effect.zipRight(Effect.forkDaemon(Effect.fail("no")), quiet))
      )
      const { close, house } = yield* logging(log)(
        openHouse(House.layer({ children: [Supervisor.child(layer, { id: "child" })] }))
      )
      yield* quiet
      assert.deepStrictEqual(yield* statuses(house), ["child running"])
      assert.deepStrictEqual(news, ["+room"])
      assert.deepStrictEqual(yield* events, ["child Started", "child WorkerFailed", "House Started"])
      assert.deepStrictEqual(
        said(log).map(({ cause, level, message }) => `${level} ${message}: ${cause}`),
        ["WARN A fiber of child failed while child was being built: Error: no"]
      )
      yield* close
    }).pipe(Effect.scoped)
  )

  it.effect("a build that fails because a fiber did is a start that fails, without more ado (SUP-5)", () =>
    Effect.gen(function* () {
      const events = yield* listening
      const layer = Layer.effectDiscard(Effect.flatMap(Effect.fork(Effect.fail("no")), Fiber.join))
      assert.strictEqual(yield* Effect.flip(openHouse(House.layer({ children: [layer] }))), "no")
      assert.deepStrictEqual(yield* events, ["#1 FailedToStart"])
    }).pipe(Effect.scoped)
  )

  it.effect("what happens to a child of an inner supervisor is not heard by the watcher of an outer one", () =>
    Effect.gen(function* () {
      const news: News = []
      const { end, layer } = yield* fragile(news, "fragile")
      const inner = Supervisor.layer({ children: [room("beside", news), layer, Ann.layer(news)] })
      const worker = Supervisor.worker("worker", Effect.zipRight(Effect.yieldNow(), Effect.fail("no")), {
        restart: "temporary"
      })
      const { close, context, house } = yield* openHouse(
        House.layer({
          children: [Supervisor.child(inner, { id: "inner" }), Supervisor.layer({ children: [worker] })]
        })
      )
      yield* quiet
      since(news)
      yield* end(Exit.die(new Error("a bug")))
      yield* crash(Context.get(context, Ann))
      assert.deepStrictEqual(since(news), ["-fragile", "+fragile", "Ann: crashed: Error: a bug", "-Ann", "+Ann"])
      assert.deepInclude(yield* Supervisor.getChild(house, "inner"), { restarts: 0, status: "running" })
      assert.deepInclude(yield* Supervisor.getChild(house, "#2"), { restarts: 0, status: "running" })
      yield* close
    })
  )

  it.effect("an effect's own Supervisor of the user goes on watching", () =>
    Effect.gen(function* () {
      const { layer } = yield* fragile([], "fragile")
      const before = yield* FiberRef.get(FiberRef.currentSupervisor)
      const { close } = yield* openHouse(House.layer({ children: [layer] }))
      assert.strictEqual(yield* FiberRef.get(FiberRef.currentSupervisor), before)
      yield* close
    })
  )

  describe("several servers in the layer of one child", () => {
    const both = (news: News) => Layer.mergeAll(Ann.layer(news), Bob.layer(news), room("room", news))

    for (const [who, tag] of [
      ["the first", Ann],
      ["the second", Bob]
    ] as const) {
      it.effect(`when ${who} crashes, the child is built anew, and all refs stay good`, () =>
        Effect.gen(function* () {
          const news: News = []
          const { close, context, house } = yield* openHouse(
            House.layer({ children: [Supervisor.child(both(news), { id: "both" }), Cid.layer(news)] })
          )
          since(news)
          const [ann, bob] = [Context.get(context, Ann), Context.get(context, Bob)]
          assert.deepStrictEqual([yield* count(ann), yield* count(bob)], [1, 1])
          yield* crash<Ann | Bob, never, never>(Context.get(context, tag as typeof Ann) as never)
          const name = tag.key.slice("@test/".length)
          const other = name === "Ann" ? "Bob" : "Ann"
          const happened = since(news)
          assert.deepStrictEqual(happened.slice(0, 2), [`${name}: crashed: Error: a bug`, `-${name}`])
          assert.deepStrictEqual(happened.slice(2, 4).sort(), [`-${other}`, "-room"].sort())
          assert.deepStrictEqual(happened.slice(4).sort(), ["+Ann", "+Bob", "+room"])
          assert.deepStrictEqual([yield* count(ann), yield* count(bob)], [1, 1])
          assert.deepInclude(yield* Supervisor.getChild(house, "both"), { restarts: 1, status: "running" })
          yield* close
        })
      )
    }

    it.effect("when one ends normally, a transient child has ended: the other stops, too (SUP-9)", () =>
      Effect.gen(function* () {
        const news: News = []
        const { close, context, house } = yield* openHouse(
          House.layer({ children: [Supervisor.child(both(news), { id: "both", restart: "transient" })] })
        )
        since(news)
        yield* quit(Context.get(context, Ann))
        assert.deepStrictEqual(since(news).sort(), ["-Ann", "-Bob", "-room", "Ann: normal"])
        assert.deepStrictEqual(yield* statuses(house), ["both stopped"])
        assert.strictEqual(yield* told(count(Context.get(context, Bob))), "ServerDown: no process")
        yield* close
      })
    )

    it.effect("a server that the layer uses only while it is built is no part of it", () =>
      Effect.gen(function* () {
        const news: News = []
        const using = Layer.effectDiscard(Effect.provide(Effect.flatMap(Ann, count), Ann.layer(news)))
        const { close, house } = yield* openHouse(
          House.layer({ children: [Layer.provideMerge(room("room", news), using)] })
        )
        yield* quiet
        assert.deepStrictEqual(news, ["+Ann", "-Ann", "+room"])
        assert.deepInclude(yield* Supervisor.getChild(house, "#1"), { restarts: 0, status: "running" })
        yield* close
      })
    )
  })

  describe("each build is its own", () => {
    it.effect("a restart builds everything in the layer anew", () =>
      Effect.gen(function* () {
        const news: News = []
        const { end, layer } = yield* fragile(news, "fragile")
        const shared = room("shared", news)
        const child = Layer.mergeAll(Layer.provide(layer, shared), Layer.provide(room("other", news), shared))
        const { close } = yield* openHouse(House.layer({ children: [Supervisor.child(child, { id: "child" })] }))
        assert.deepStrictEqual(since(news).sort(), ["+fragile", "+other", "+shared"])
        yield* end(Exit.die(new Error("a bug")))
        assert.deepStrictEqual(since(news).sort(), ["+fragile", "+other", "+shared", "-fragile", "-other", "-shared"])
        yield* close
      })
    )

    it.effect("a layer inside two children is two instances, and a child of its own is one", () =>
      Effect.gen(function* () {
        const news: News = []
        const shared = keys(news)
        const inside = yield* openHouse(
          House.layer({ children: [Layer.provide(door(news, "a"), shared), Layer.provide(door(news, "b"), shared)] })
        )
        assert.deepStrictEqual(since(news), ["+key 1", "+a 1", "+key 2", "+b 2"])
        yield* inside.close
        since(news)
        const beside = yield* openHouse(House.layer({ children: [shared, door(news, "a"), door(news, "b")] }))
        assert.deepStrictEqual(since(news), ["+key 3", "+a 3", "+b 3"])
        yield* beside.close
      })
    )
  })

  describe("what a restart gives to the others", () => {
    /** A child that provides keys, and crashes when it is told to. */
    const keeper = (news: News) =>
      Effect.map(fragile([], "fragile"), ({ end, layer }) => ({
        layer: Layer.provideMerge(keys(news), layer),
        end: end(Exit.die(new Error("a bug")))
      }))

    for (const strategy of ["rest_for_one", "one_for_all"] as const) {
      it.effect(`${strategy}: those after it are built anew with the new service (SUP-10, SUP-11)`, () =>
        Effect.gen(function* () {
          const news: News = []
          const { end, layer } = yield* keeper(news)
          const { close, house } = yield* openHouse(
            House.layer({ strategy, children: [room("room", news), layer, door(news, "a"), door(news, "b")] })
          )
          assert.deepStrictEqual(since(news), ["+room", "+key 1", "+a 1", "+b 1"])
          yield* end
          const isAll = strategy === "one_for_all"
          assert.deepStrictEqual(since(news), [
            "-key 1",
            "-b 1",
            "-a 1",
            ...(isAll ? ["-room", "+room"] : []),
            "+key 2",
            "+a 2",
            "+b 2"
          ])
          yield* Supervisor.startChild(
            house,
            Layer.effectDiscard(Effect.map(Effect.serviceOption(Key), (key) => news.push(JSON.stringify(key))))
          )
          assert.include(since(news)[0], '"value":2')
          yield* close
        })
      )
    }

    it.effect("one_for_one: those that have the old service keep it, and those that start later get the new one", () =>
      Effect.gen(function* () {
        const news: News = []
        const { end, layer } = yield* keeper(news)
        const { close, house } = yield* openHouse(
          House.layer({ children: [layer, Supervisor.child(door(news, "a"), { id: "a" }), door(news, "b")] })
        )
        since(news)
        yield* end
        assert.deepStrictEqual(since(news), ["-key 1", "+key 2"])
        yield* Supervisor.terminateChild(house, "a")
        yield* Supervisor.restartChild(house, "a")
        assert.deepStrictEqual(since(news), ["-a 1", "+a 2"])
        yield* close
        assert.deepStrictEqual(since(news), ["-b 1", "-a 2", "-key 2"])
      })
    )

    it.effect("a server's ref is good for those after it, whichever of them is started again", () =>
      Effect.gen(function* () {
        const news: News = []
        const caller = Effect.flatMap(Effect.flatMap(Ann, count), (n) => say(news, `Ann's ${n}`))
        const { close, context } = yield* openHouse(
          House.layer({ children: [Ann.layer(news), Bob.layer(news, { init: Effect.orDie(caller) })] })
        )
        yield* crash(Context.get(context, Ann))
        yield* crash(Context.get(context, Bob))
        assert.deepStrictEqual(news, [
          "+Ann",
          "Ann's 1",
          "+Bob",
          "Ann: crashed: Error: a bug",
          "-Ann",
          "+Ann",
          "Bob: crashed: Error: a bug",
          "-Bob",
          "Ann's 1",
          "+Bob"
        ])
        yield* close
      })
    )
  })

  it.effect("what a build sets reaches the children after it: loggers, tracers, config providers", () =>
    Effect.gen(function* () {
      const log = makeLog()
      const { spans, tracer } = recording()
      const news: News = []
      const setting = Layer.mergeAll(
        Logger.add(log.logger),
        Layer.setTracer(tracer),
        Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["KEY", "the tree's"]])))
      )
      const using = (who: string) =>
        Effect.flatMap(
          Effect.orElseSucceed(Config.string("KEY"), () => "none"),
          (key) => Effect.zipRight(Effect.logInfo(`${who}: ${key}`), say(news, `${who}: ${key}`))
        ).pipe(Effect.withSpan(who))
      const children = [
        Layer.effectDiscard(using("before")),
        setting,
        Layer.effectDiscard(using("layer")),
        Ann.layer(news, { init: using("Ann") }),
        Supervisor.worker("worker", Effect.zipRight(using("worker"), Effect.never)),
        Supervisor.layer({ children: [Bob.layer(news, { init: using("Bob") })] })
      ] as const
      const { close, context } = yield* openHouse(House.layer({ children }))
      yield* quiet
      yield* crash(Context.get(context, Ann))
      const users = ["layer", "Ann", "worker", "Bob", "Ann"]
      assert.deepStrictEqual(
        news.filter((line) => line.includes(": ") && !line.includes("crashed")),
        ["before: none", ...users.map((who) => `${who}: the tree's`)]
      )
      assert.deepStrictEqual(
        log.lines.filter(({ level }) => level === "INFO").map(({ message }) => message),
        users.map((who) => `${who}: the tree's`)
      )
      assert.deepStrictEqual(
        spans.filter(({ name }) => users.includes(name)).map(({ name }) => name),
        users
      )
      // Nobody outside is changed by that.
      assert.strictEqual(yield* Effect.orElseSucceed(Config.string("KEY"), () => "none"), "none")
      yield* close
    })
  )

  describe("startIf", () => {
    it.effect("SUP-7: false leaves a child out, which has no process then", () =>
      Effect.gen(function* () {
        const news: News = []
        const children = [
          Supervisor.child(room("out", news), { id: "out", startIf: Effect.succeed(false) }),
          Supervisor.child(room("in", news), { id: "in", startIf: Effect.succeed(true) }),
          Supervisor.child(room("temporary", news), {
            id: "temporary",
            restart: "temporary",
            startIf: Effect.succeed(false)
          })
        ] as const
        const { close, house } = yield* openHouse(House.layer({ children }))
        assert.deepStrictEqual(news, ["+in"])
        assert.deepStrictEqual(yield* statuses(house), ["in running", "out stopped"])
        assert.deepStrictEqual(
          (yield* Process.list).map(({ name }) => name),
          ["House", "in"]
        )
        yield* close
      })
    )

    it.effect("SUP-10: it is asked at each start, also when a sibling's crash brings one", () =>
      Effect.gen(function* () {
        const news: News = []
        let isWanted = false
        const startIf = Effect.sync(() => isWanted)
        const { close, context, house } = yield* openHouse(
          House.layer({
            strategy: "one_for_all",
            children: [Supervisor.child(room("moody", news), { id: "moody", startIf }), Ann.layer(news)]
          })
        )
        since(news)
        isWanted = true
        yield* crash(Context.get(context, Ann))
        assert.deepStrictEqual(since(news), ["Ann: crashed: Error: a bug", "-Ann", "+moody", "+Ann"])
        isWanted = false
        yield* crash(Context.get(context, Ann))
        assert.deepStrictEqual(since(news), ["Ann: crashed: Error: a bug", "-Ann", "-moody", "+Ann"])
        assert.deepStrictEqual(yield* statuses(house), ["Ann running", "moody stopped"])
        yield* close
      })
    )
  })

  it.effect("a finalizer that fails is logged, and the child and those after it stop all the same", () =>
    Effect.gen(function* () {
      const log = makeLog()
      const news: News = []
      const { end, layer } = yield* fragile(news, "fragile")
      const bad = Layer.merge(layer, Layer.scopedDiscard(Effect.addFinalizer(() => Effect.die(new Error("no")))))
      const { close, house } = yield* logging(log)(
        openHouse(House.layer({ children: [room("before", news), Supervisor.child(bad, { id: "bad" })] }))
      )
      yield* end(Exit.die(new Error("a bug")))
      assert.deepStrictEqual(yield* statuses(house), ["bad running", "#1 running"])
      yield* close
      assert.deepStrictEqual(news, ["+before", "+fragile", "-fragile", "+fragile", "-fragile", "-before"])
      assert.deepStrictEqual(
        said(log).map(({ cause, message }) => `${message}: ${cause}`),
        ["bad crashed: Error: a bug", "A finalizer of bad failed: Error: no", "A finalizer of bad failed: Error: no"]
      )
    })
  )

  it.effect(
    "a layer that interrupts its own build is a start that fails, and no interruption of the program (SUP-5)",
    () =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(
          openHouse(House.layer({ children: [Supervisor.child(Layer.effectDiscard(Effect.interrupt), { id: "odd" })] }))
        )
        assert.isTrue(Exit.isFailure(exit))
        if (Exit.isSuccess(exit)) return
        assert.isFalse(Cause.isInterrupted(exit.cause))
        assert.deepInclude(Cause.squash(exit.cause), { _tag: "FailedToStart", supervisor: "House", id: "odd" })
      })
  )

  it.effect("whoever interrupts the fiber that has built a child changes nothing: that is its supervisor's", () =>
    Effect.gen(function* () {
      const news: News = []
      const fibers: Array<Fiber.RuntimeFiber<unknown, unknown>> = []
      const builder = Layer.effectDiscard(
        Effect.withFiberRuntime<void>((fiber) => {
          fibers.push(fiber as Fiber.RuntimeFiber<unknown, unknown>)
          return Effect.void
        })
      )
      const { close, house } = yield* openHouse(
        House.layer({ children: [Layer.provideMerge(room("room", news), builder)] })
      )
      for (const fiber of fibers) yield* Fiber.interruptFork(fiber)
      yield* quiet
      assert.lengthOf(fibers, 1)
      assert.deepStrictEqual(yield* statuses(house), ["#1 running"])
      yield* close
      assert.deepStrictEqual(news, ["+room", "-room"])
    })
  )

  it.effect("the scope that the layer is given is closed by the fiber that built it", () =>
    Effect.gen(function* () {
      const fibers: Array<unknown> = []
      const here = Effect.fiberIdWith((id) => Effect.sync(() => fibers.push(id)))
      const { end, layer } = yield* fragile([], "fragile")
      const { close } = yield* openHouse(
        House.layer({
          children: [Layer.provideMerge(Layer.scopedDiscard(Effect.acquireRelease(here, () => here)), layer)]
        })
      )
      yield* end(Exit.die(new Error("a bug")))
      yield* close
      assert.lengthOf(fibers, 4)
      assert.deepStrictEqual(fibers[0], fibers[1])
      assert.deepStrictEqual(fibers[2], fibers[3])
    })
  )
})

describe("Supervisor, trees", () => {
  const three = (news: News) =>
    House.layer({
      children: [
        room("attic", news),
        Supervisor.child(
          Supervisor.layer({
            children: [
              Ann.layer(news),
              Supervisor.child(Supervisor.layer({ children: [Bob.layer(news), Cid.layer(news)] }), { id: "cellar" }),
              Supervisor.worker("worker", Effect.never, { restart: "transient" })
            ]
          }),
          { id: "floor" }
        )
      ]
    })

  it.effect("three levels start in order and stop in reverse, and each restarts its own", () =>
    Effect.gen(function* () {
      const news: News = []
      const { close, context } = yield* openHouse(three(news))
      assert.deepStrictEqual(since(news), ["+attic", "+Ann", "+Bob", "+Cid"])
      yield* crash(Context.get(context, Bob))
      assert.deepStrictEqual(since(news), ["Bob: crashed: Error: a bug", "-Bob", "+Bob"])
      assert.strictEqual(yield* count(Context.get(context, Bob)), 1)
      yield* close
      assert.deepStrictEqual(since(news), ["-Cid", "-Bob", "-Ann", "-attic"])
      assert.deepStrictEqual(yield* Process.list, [])
    })
  )

  it.effect("three levels look like this", () =>
    Effect.gen(function* () {
      const { close, context, house } = yield* openHouse(three([]))
      yield* crash(Context.get(context, Bob))
      assert.deepStrictEqual((yield* Supervisor.tree(house)).split("\n"), [
        "House",
        "├─ #1 (Layer)",
        "└─ floor (Supervisor)",
        "   ├─ Ann (GenServer)",
        "   ├─ cellar (Supervisor)",
        "   │  ├─ Bob (GenServer, restarted 1 time)",
        "   │  └─ Cid (GenServer)",
        "   └─ worker (Worker, transient)"
      ])
      assert.deepStrictEqual(
        (yield* Process.list).map(({ kind, path }) => `${path.join("/")} ${kind}`),
        [
          "House Supervisor",
          "House/#1 Layer",
          // An inner supervisor has the place of the child whose layer it is in.
          "House/floor Layer",
          "House/floor Supervisor",
          "House/floor/Ann GenServer",
          "House/floor/cellar Layer",
          "House/floor/cellar Supervisor",
          "House/floor/cellar/Cid GenServer",
          "House/floor/worker Worker",
          "House/floor/cellar/Bob GenServer"
        ]
      )
      yield* close
      assert.strictEqual(yield* told(Supervisor.tree(house)), "ServerDown: no process")
    })
  )

  it.effect("SUP-2: a child with a supervisor in its layer is waited for as long as that takes", () =>
    Effect.gen(function* () {
      const news: News = []
      const slow = Supervisor.child(room("slow", news, { letGo: "3 days" }), { shutdown: "infinity" })
      const children = [Layer.merge(room("beside", news), Supervisor.layer({ children: [slow] }))] as const
      const { close, house } = yield* openHouse(House.layer({ children }))
      assert.deepInclude(yield* Supervisor.getChild(house, "#1"), { type: "supervisor" })
      const closing = yield* Effect.fork(close)
      yield* TestClock.adjust("71 hours")
      assert.isNull(closing.unsafePoll())
      yield* TestClock.adjust("1 hour")
      yield* Fiber.join(closing)
      assert.deepStrictEqual(yield* Process.list, [])
    })
  )
})
