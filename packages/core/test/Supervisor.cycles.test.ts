import { assert, describe, it } from "@effect/vitest"
import { CallError, Supervisor } from "@effect-otp/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import {
  Ann,
  Bob,
  busy,
  count,
  crash,
  House,
  type News,
  openHouse,
  room,
  say,
  since,
  statuses
} from "./fixtures/household.ts"
import { quiet } from "./fixtures/observing.ts"

/** Asks the house for its children, and announces what it is told: a circle, if there is one, by its path. */
const asking = (news: News, who: string) =>
  Effect.flatMap(
    Effect.match(statuses(House), {
      onFailure: (error) => (error instanceof CallError.CallCycle ? error.path.join(" ") : error._tag),
      onSuccess: (children) => children.join(", ")
    }),
    (answer) => say(news, `${who}: ${answer}`)
  )

/** A layer that asks while it is built. */
const nosy = (news: News) => Layer.effectDiscard(asking(news, "layer"))

describe("CallCycle, with supervisors", () => {
  it.effect("a child that asks its supervisor in init is told at once", () =>
    Effect.gen(function* () {
      const news: News = []
      const { close } = yield* openHouse(
        House.layer({ children: [Ann.layer(news), Bob.layer(news, { init: asking(news, "Bob") })] })
      )
      assert.deepStrictEqual(news, ["+Ann", "Bob: Bob House Bob", "+Bob"])
      yield* close
    })
  )

  it.effect("a child that asks its supervisor in terminate is told at once", () =>
    Effect.gen(function* () {
      const news: News = []
      const { close } = yield* openHouse(
        House.layer({ children: [Ann.layer(news, { trapExit: true, terminate: asking(news, "Ann") })] })
      )
      since(news)
      yield* close
      assert.deepStrictEqual(news, ["Ann: shutdown", "Ann: Ann House Ann", "-Ann"])
    })
  )

  it.effect("the same when it is started again, started later and terminated", () =>
    Effect.gen(function* () {
      const news: News = []
      const { close, house } = yield* openHouse(House.layer({ strategy: "one_for_all", children: [Ann.layer(news)] }))
      const bob = Bob.layer(news, { init: Effect.provideService(asking(news, "Bob"), House, house) })
      const context = yield* Supervisor.startChild(house, bob)
      assert.deepStrictEqual(since(news), ["+Ann", "Bob: Bob House Bob", "+Bob"])
      yield* crash(Context.get(context, Bob))
      assert.include(since(news), "Bob: Bob House Bob")
      yield* close
    })
  )

  it.effect("a layer that asks the supervisor of the child while it is built is told at once", () =>
    Effect.gen(function* () {
      const news: News = []
      const { close } = yield* openHouse(
        House.layer({ children: [room("room", news), Supervisor.child(nosy(news), { id: "nosy" })] })
      )
      assert.deepStrictEqual(news, ["+room", "layer: nosy House nosy"])
      yield* close
    })
  )

  it.effect("a finalizer of a layer that asks the supervisor of the child is told at once", () =>
    Effect.gen(function* () {
      const news: News = []
      const leaving = Layer.scopedDiscard(
        Effect.flatMap(House, (house) =>
          Effect.addFinalizer(() => Effect.provideService(asking(news, "finalizer"), House, house))
        )
      )
      const { close } = yield* openHouse(House.layer({ children: [Supervisor.child(leaving, { id: "leaving" })] }))
      const closing = yield* Effect.fork(close)
      yield* quiet
      assert.isNotNull(closing.unsafePoll())
      assert.deepStrictEqual(news, ["finalizer: leaving House leaving"])
    })
  )

  it.effect("a server of a child's layer that asks in init or in terminate is told at once", () =>
    Effect.gen(function* () {
      const news: News = []
      const both = Layer.provideMerge(
        Bob.layer(news, { init: asking(news, "Bob"), trapExit: true, terminate: asking(news, "Bob") }),
        Ann.layer(news)
      )
      const { close } = yield* openHouse(House.layer({ children: [Supervisor.child(both, { id: "both" })] }))
      const closing = yield* Effect.fork(close)
      yield* quiet
      assert.isNotNull(closing.unsafePoll())
      assert.deepStrictEqual(news, [
        "+Ann",
        "Bob: Bob House both Bob",
        "+Bob",
        "Bob: shutdown",
        "Bob: Bob House both Bob",
        "-Bob",
        "-Ann"
      ])
    })
  )

  it.effect("a child of an inner supervisor that asks the outer one is told at once", () =>
    Effect.gen(function* () {
      const news: News = []
      const inner = Supervisor.layer({
        children: [
          Bob.layer(news, { init: asking(news, "Bob"), trapExit: true, terminate: asking(news, "Bob") }),
          Supervisor.child(nosy(news), { id: "nosy" })
        ]
      })
      const { close } = yield* openHouse(House.layer({ children: [Supervisor.child(inner, { id: "inner" })] }))
      const closing = yield* Effect.fork(close)
      yield* quiet
      assert.isNotNull(closing.unsafePoll())
      assert.deepStrictEqual(news, [
        "Bob: Bob House inner Supervisor Bob",
        "+Bob",
        "layer: nosy House inner Supervisor nosy",
        "Bob: shutdown",
        "Bob: Bob House inner Supervisor Bob",
        "-Bob"
      ])
    })
  )

  it.effect("a circle over another child is closed by whoever asks last", () =>
    Effect.gen(function* () {
      const news: News = []
      const { close, context, house } = yield* openHouse(House.layer({ children: [Ann.layer(news)] }))
      const ann = Context.get(context, Ann)
      const latch = yield* Effect.makeLatch()
      const call = Effect.match(count(ann), {
        onFailure: (error) => (error instanceof CallError.CallCycle ? error.path.join(" ") : error._tag),
        onSuccess: String
      })
      // The house waits for Bob's start, Ann for the house, and Bob for Ann.
      const init = Effect.zipRight(
        latch.await,
        Effect.flatMap(call, (answer) => say(news, `Bob: ${answer}`))
      )
      const starting = yield* Effect.fork(Supervisor.startChild(house, Bob.layer(news, { init })))
      yield* quiet
      yield* busy(ann, Effect.provideService(asking(news, "Ann"), House, house))
      yield* latch.open
      yield* Fiber.join(starting)
      yield* quiet
      assert.deepStrictEqual(since(news), ["+Ann", "Bob: Bob Ann House Bob", "+Bob", "Ann: Bob running, Ann running"])
      yield* close
    })
  )

  it.effect("fibers that a child forks may ask, and are answered when the start is over", () =>
    Effect.gen(function* () {
      const news: News = []
      const later = Layer.scopedDiscard(Effect.forkScoped(asking(news, "fiber")))
      const { close } = yield* openHouse(
        House.layer({
          children: [
            Supervisor.child(later, { id: "later" }),
            Ann.layer(news, { init: Effect.fork(asking(news, "Ann's fiber")) }),
            Supervisor.worker("worker", asking(news, "worker"), { restart: "transient" })
          ]
        })
      )
      yield* quiet
      assert.deepStrictEqual(since(news).sort(), [
        "+Ann",
        "Ann's fiber: worker running, Ann running, later running",
        "fiber: worker running, Ann running, later running",
        "worker: worker running, Ann running, later running"
      ])
      yield* close
    })
  )

  it.effect("others who ask a supervisor that is starting a child wait for that", () =>
    Effect.gen(function* () {
      const news: News = []
      const latch = yield* Effect.makeLatch()
      const { close, house } = yield* openHouse(House.layer({ children: [Ann.layer(news)] }))
      const starting = yield* Effect.fork(Supervisor.startChild(house, Bob.layer(news, { init: latch.await })))
      yield* quiet
      const waiting = yield* Effect.fork(statuses(house))
      yield* quiet
      assert.isNull(waiting.unsafePoll())
      yield* latch.open
      yield* Fiber.join(starting)
      assert.deepStrictEqual(yield* Fiber.join(waiting), ["Bob running", "Ann running"])
      yield* close
    })
  )
})
