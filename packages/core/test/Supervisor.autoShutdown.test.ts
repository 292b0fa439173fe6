import { assert, describe, it } from "@effect/vitest"
import { type ChildSpec, ExitReason, Process, Supervisor } from "@effect-otp/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import {
  Ann,
  Bob,
  Cid,
  crash,
  House,
  type News,
  open,
  openHouse,
  quit,
  room,
  since,
  statuses
} from "./fixtures/household.ts"
import { quiet, told } from "./fixtures/observing.ts"

/** Ann and Bob are significant, Cid and a room are not. */
const house = (
  news: News,
  autoShutdown: ChildSpec.AutoShutdown,
  restart: "transient" | "temporary",
  strategy: ChildSpec.Strategy = "one_for_one"
) =>
  openHouse(
    House.layer({
      strategy,
      autoShutdown,
      children: [
        room("room", news),
        Supervisor.child(Ann.layer(news), { restart, significant: true }),
        Supervisor.child(Bob.layer(news), { restart, significant: true }),
        Supervisor.child(Cid.layer(news), { restart: "transient" })
      ]
    })
  )

const reasons = [ExitReason.normal, ExitReason.shutdown(), ExitReason.shutdown("enough")]

describe("Supervisor, autoShutdown", () => {
  for (const reason of reasons) {
    it.effect(
      `SUP-28: any_significant: the first that ends ends it, in reverse order: ${ExitReason.format(reason)}`,
      () =>
        Effect.gen(function* () {
          const news: News = []
          const { close, context, house: ref } = yield* house(news, "any_significant", "transient")
          since(news)
          const ended = yield* Effect.fork(Supervisor.awaitEnd(ref))
          yield* quiet
          yield* quit(Context.get(context, Ann), reason)
          assert.deepStrictEqual(since(news), [`Ann: ${ExitReason.format(reason)}`, "-Ann", "-Cid", "-Bob", "-room"])
          assert.deepStrictEqual(yield* Fiber.join(ended), ExitReason.shutdown())
          assert.strictEqual(yield* told(statuses(ref)), "ServerDown: no process")
          yield* close
          assert.deepStrictEqual(news, [])
        })
    )
  }

  it.effect("SUP-28: all_significant: the last that ends ends it", () =>
    Effect.gen(function* () {
      const news: News = []
      const { context, house: ref } = yield* house(news, "all_significant", "transient")
      since(news)
      yield* quit(Context.get(context, Bob))
      assert.deepStrictEqual(since(news), ["Bob: normal", "-Bob"])
      yield* quit(Context.get(context, Cid))
      assert.deepStrictEqual(since(news), ["Cid: normal", "-Cid"])
      assert.deepStrictEqual(yield* statuses(ref), ["Cid stopped", "Bob stopped", "Ann running", "#1 running"])
      yield* quit(Context.get(context, Ann))
      assert.deepStrictEqual(since(news), ["Ann: normal", "-Ann", "-room"])
      assert.strictEqual(yield* told(statuses(ref)), "ServerDown: no process")
    })
  )

  it.effect("SUP-28: the end of a child that is not significant ends nothing", () =>
    Effect.gen(function* () {
      const news: News = []
      const { close, context, house: ref } = yield* house(news, "any_significant", "transient")
      yield* quit(Context.get(context, Cid))
      assert.deepStrictEqual(yield* statuses(ref), ["Cid stopped", "Bob running", "Ann running", "#1 running"])
      yield* close
    })
  )

  it.effect("SUP-28: a crash of a transient child is a restart", () =>
    Effect.gen(function* () {
      const news: News = []
      const { close, context, house: ref } = yield* house(news, "any_significant", "transient")
      since(news)
      yield* crash(Context.get(context, Ann))
      yield* Process.exit(Context.get(context, Bob), ExitReason.killed)
      yield* quiet
      // What a killed one held is let go in the background.
      assert.deepStrictEqual(since(news), ["Ann: crashed: Error: a bug", "-Ann", "+Ann", "+Bob", "-Bob"])
      assert.deepStrictEqual(yield* statuses(ref), ["Cid running", "Bob running", "Ann running", "#1 running"])
      yield* close
    })
  )

  it.effect("SUP-28: a temporary child's end counts whatever the reason", () =>
    Effect.gen(function* () {
      for (const autoShutdown of ["any_significant", "all_significant"] as const) {
        const news: News = []
        const { context, house: ref } = yield* house(news, autoShutdown, "temporary")
        if (autoShutdown === "all_significant") {
          yield* quit(Context.get(context, Bob))
          assert.deepStrictEqual(yield* statuses(ref), ["Cid running", "Ann running", "#1 running"])
        }
        since(news)
        yield* crash(Context.get(context, Ann))
        assert.strictEqual(since(news).at(-1), "-room")
        assert.strictEqual(yield* told(statuses(ref)), "ServerDown: no process")
      }
    })
  )

  for (const restart of ["transient", "temporary"] as const) {
    for (const autoShutdown of ["any_significant", "all_significant"] as const) {
      it.effect(`SUP-28: terminateChild never does, ${autoShutdown}, ${restart}`, () =>
        Effect.gen(function* () {
          const news: News = []
          const { close, house: ref } = yield* house(news, autoShutdown, restart)
          yield* Supervisor.terminateChild(ref, "Ann")
          yield* Supervisor.terminateChild(ref, "Bob")
          const left = restart === "transient" ? ["Bob stopped", "Ann stopped"] : []
          assert.deepStrictEqual(yield* statuses(ref), ["Cid running", ...left, "#1 running"])
          yield* close
        })
      )

      it.effect(`SUP-28: a sibling's restart never does, ${autoShutdown}, ${restart}`, () =>
        Effect.gen(function* () {
          const news: News = []
          const { close, context, house: ref } = yield* house(news, autoShutdown, restart, "one_for_all")
          yield* crash(Context.get(context, Cid))
          // Temporary siblings are stopped for good (`SUP-10`).
          const left = restart === "transient" ? ["Bob running", "Ann running"] : []
          assert.deepStrictEqual(yield* statuses(ref), ["Cid running", ...left, "#1 running"])
          yield* close
        })
      )
    }
  }

  it.effect("SUP-28: all_significant: a child that was terminated by hand counts as ended", () =>
    Effect.gen(function* () {
      const news: News = []
      const { context, house: ref } = yield* house(news, "all_significant", "transient")
      yield* Supervisor.terminateChild(ref, "Ann")
      yield* quit(Context.get(context, Bob))
      assert.strictEqual(yield* told(statuses(ref)), "ServerDown: no process")
    })
  )

  it.effect("SUP-30: it goes up through levels where the inner supervisor is significant and transient", () =>
    Effect.gen(function* () {
      const news: News = []
      const child = Supervisor.child(Ann.layer(news), { restart: "transient", significant: true })
      const level = <A>(layer: ChildSpec.ChildSpec<A>, name: string) =>
        Supervisor.layer({ autoShutdown: "any_significant", children: [room(name, news), layer] })
      const upward = { restart: "transient", significant: true } as const
      const middle = level(child as ChildSpec.ChildSpec<Ann>, "low")
      const top = House.layer({
        autoShutdown: "any_significant",
        children: [room("high", news), Supervisor.child(middle, upward)]
      })
      const { close, context } = yield* open(top)
      const ended = yield* Effect.fork(Supervisor.awaitEnd(Context.get(context, House)))
      since(news)
      yield* quit(Context.get(context, Ann))
      assert.deepStrictEqual(news, ["Ann: normal", "-Ann", "-low", "-high"])
      assert.deepStrictEqual(yield* Fiber.join(ended), ExitReason.shutdown())
      yield* close
    })
  )

  it.effect("SUP-29: a significant child may also be started later", () =>
    Effect.gen(function* () {
      const news: News = []
      const { context, house: ref } = yield* house(news, "any_significant", "transient")
      yield* quit(Context.get(context, Cid))
      const late = Supervisor.worker("late", Effect.void, { restart: "transient", significant: true })
      yield* Supervisor.startChild(ref, late)
      yield* quiet
      assert.strictEqual(yield* told(statuses(ref)), "ServerDown: no process")
    })
  )
})
