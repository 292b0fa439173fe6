import { assert, describe, it } from "@effect/vitest"
import { CallError, ExitReason, Supervisor } from "@effect-otp/core"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { Ann, crash, House, type News, openHouse, say, since, statuses } from "./fixtures/household.ts"
import { quiet } from "./fixtures/observing.ts"

/** Every kind of member that can be given out late; each says which of the shops it is. */
class Shop extends Context.Tag("@test/Shop")<
  Shop,
  {
    readonly number: Effect.Effect<number>
    readonly stock: Stream.Stream<string>
    readonly sell: (what: string, howMany?: number) => Effect.Effect<string, string>
    readonly watch: (what: string) => Stream.Stream<string>
    readonly break: Effect.Effect<void>
  }
>() {}

class Numbers extends Effect.Service<Numbers>()("Numbers", { succeed: { one: Effect.succeed(1) } }) {}

class Other extends Context.Tag("@test/Other")<Other, { readonly number: number }>() {}

/** A shop that is another one at each build, breaks when it is told to, and opens as long as `opens` says. */
const shop = (news: News, opens: (number: number) => Effect.Effect<unknown, string> = () => Effect.void) => {
  let built = 0
  return Layer.scopedContext(
    Effect.gen(function* () {
      const number = ++built
      yield* opens(number)
      yield* Effect.acquireRelease(say(news, `+shop ${number}`), () => say(news, `-shop ${number}`))
      const latch = yield* Effect.makeLatch()
      yield* Effect.forkScoped(Effect.zipRight(latch.await, Effect.die(new Error("a bug"))))
      return Context.make(Shop, {
        number: Effect.succeed(number),
        stock: Stream.make(`bread of ${number}`, `milk of ${number}`),
        sell: (what, howMany = 1) =>
          what === "nothing" ? Effect.fail("no") : Effect.succeed(`${howMany} ${what} of ${number}`),
        watch: (what) => Stream.make(`${what} of ${number}`),
        break: latch.open
      }).pipe(Context.add(Other, { number }))
    })
  )
}

const late = (layer: Layer.Layer<Shop | Other, string>, options?: { readonly restart?: "temporary" | "transient" }) =>
  Supervisor.child(layer, { id: "shop", lateBound: [Shop], ...options })

/** What comes of using each member. */
const uses = (shop: Context.Tag.Service<Shop>) =>
  Effect.all([
    shop.number,
    Effect.map(Stream.runCollect(shop.stock), Chunk.join(", ")),
    shop.sell("eggs"),
    shop.sell("eggs", 6),
    Effect.map(Stream.runCollect(shop.watch("door")), Chunk.join(", ")),
    Effect.flip(shop.sell("nothing"))
  ])

const of = (number: number) => [
  number,
  `bread of ${number}, milk of ${number}`,
  `1 eggs of ${number}`,
  `6 eggs of ${number}`,
  `door of ${number}`,
  "no"
]

/** What a use dies of: the member, and why there is nobody. */
const diesOf = <A, E>(use: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(Effect.sandbox(use)), (cause) => {
    const [defect] = Chunk.toReadonlyArray(Cause.defects(cause))
    return defect instanceof CallError.ServerDown
      ? `${defect.server}.${defect.request}: ${ExitReason.format(defect.reason)}`
      : String(Cause.squash(cause))
  })

describe("Supervisor, lateBound", () => {
  it.effect("what others are given goes on with the next child", () =>
    Effect.gen(function* () {
      const news: News = []
      const held: Array<Context.Tag.Service<Shop>> = []
      const holder = Layer.effectDiscard(Effect.map(Shop, (shop) => held.push(shop)))
      const { close, context } = yield* openHouse(House.layer({ children: [late(shop(news)), holder] }))
      const outside = Context.get(context, Shop)
      const [inside] = held as [typeof outside]
      for (const number of [1, 2, 3]) {
        assert.deepStrictEqual(yield* uses(outside), of(number))
        assert.deepStrictEqual(yield* uses(inside), of(number))
        yield* outside.break
        yield* quiet
      }
      assert.deepStrictEqual(since(news), ["+shop 1", "-shop 1", "+shop 2", "-shop 2", "+shop 3", "-shop 3", "+shop 4"])
      yield* close
    })
  )

  it.effect("an effect, a stream or a function that was taken from it before a crash asks the next child, too", () =>
    Effect.gen(function* () {
      const { close, context } = yield* openHouse(House.layer({ children: [late(shop([]))] }))
      const { break: breaks, number, sell, stock, watch } = Context.get(context, Shop)
      const sale = sell("eggs")
      const watching = watch("door")
      assert.strictEqual(yield* sale, "1 eggs of 1")
      yield* breaks
      yield* quiet
      assert.strictEqual(yield* number, 2)
      assert.strictEqual(yield* sale, "1 eggs of 2")
      assert.deepStrictEqual(Chunk.toReadonlyArray(yield* Stream.runCollect(Stream.concat(stock, watching))), [
        "bread of 2",
        "milk of 2",
        "door of 2"
      ])
      assert.strictEqual(yield* sell("milk"), "1 milk of 2")
      yield* close
    })
  )

  it.effect("it is one service, whichever child runs: it is the same and equal for all who ask for it", () =>
    Effect.gen(function* () {
      const { close, context, house } = yield* openHouse(House.layer({ children: [late(shop([]))] }))
      const before = Context.get(context, Shop)
      const { number } = before
      yield* before.break
      yield* quiet
      const seen: Array<unknown> = []
      yield* Supervisor.startChild(
        house,
        Layer.effectDiscard(Effect.map(Effect.serviceOption(Shop), (shop) => seen.push(shop)))
      )
      assert.strictEqual((seen[0] as { readonly value: unknown }).value, before)
      assert.strictEqual(before.number, number)
      assert.sameMembers(Object.keys(before), ["number", "stock", "sell", "watch", "break"])
      assert.isTrue("sell" in before)
      assert.isFalse("then" in before)
      assert.isUndefined((before as { readonly then?: unknown }).then)
      yield* close
    })
  )

  it.effect("a service that is not named is a value that stays as it was", () =>
    Effect.gen(function* () {
      const { close, context } = yield* openHouse(House.layer({ children: [late(shop([]))] }))
      const shops = Context.get(context, Shop)
      yield* shops.break
      yield* quiet
      assert.strictEqual(yield* shops.number, 2)
      assert.deepStrictEqual(Context.get(context, Other), { number: 1 })
      yield* close
    })
  )

  it.effect("while there is none, a use dies with ServerDown: Restarting", () =>
    Effect.gen(function* () {
      const latch = yield* Effect.makeLatch()
      const news: News = []
      const opens = (number: number) => (number === 1 ? Effect.void : latch.await)
      const { close, context } = yield* openHouse(House.layer({ children: [late(shop(news, opens))] }))
      const { break: breaks, number, sell, stock, watch } = Context.get(context, Shop)
      yield* breaks
      yield* quiet
      assert.deepStrictEqual(since(news), ["+shop 1", "-shop 1"])
      const why = "restarting after Error: a bug"
      assert.strictEqual(yield* diesOf(number), `shop.number: ${why}`)
      assert.strictEqual(yield* diesOf(sell("eggs")), `shop.sell: ${why}`)
      assert.strictEqual(yield* diesOf(Stream.runDrain(stock)), `shop.stock: ${why}`)
      assert.strictEqual(yield* diesOf(Stream.runDrain(watch("door"))), `shop.watch: ${why}`)
      yield* latch.open
      yield* quiet
      assert.deepStrictEqual(yield* uses(Context.get(context, Shop)), of(2))
      yield* close
    })
  )

  it.effect("the same while it is stopped and waits for its turn in a group's restart (SUP-10)", () =>
    Effect.gen(function* () {
      const news: News = []
      const slow = Layer.provideMerge(
        shop(news),
        Layer.scopedDiscard(Effect.addFinalizer(() => Effect.sleep("1 second")))
      )
      const { close, context } = yield* openHouse(
        House.layer({ strategy: "one_for_all", children: [late(slow), Ann.layer(news)] })
      )
      const { number } = Context.get(context, Shop)
      yield* crash(Context.get(context, Ann))
      assert.strictEqual(yield* diesOf(number), "shop.number: restarting after Error: a bug")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* number, 2)
      const closing = yield* Effect.fork(close)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
    })
  )

  it.effect("between two attempts it says how many there were and when the next one is", () =>
    Effect.gen(function* () {
      const opens = (number: number) => (number === 1 ? Effect.void : Effect.fail("closed"))
      const { close, context } = yield* openHouse(
        House.layer({ children: [late(shop([], opens))], backoff: Schedule.spaced("10 seconds") })
      )
      const { break: breaks, number } = Context.get(context, Shop)
      yield* breaks
      yield* quiet
      const restarting = Effect.map(Effect.flip(Effect.sandbox(number)), (cause) => {
        const { reason } = Cause.squash(cause) as CallError.ServerDown
        return reason._tag === "Restarting" ? [reason.attempt, reason.at] : reason._tag
      })
      assert.deepStrictEqual(yield* restarting, [0, 10_000])
      yield* TestClock.adjust("10 seconds")
      yield* quiet
      assert.deepStrictEqual(yield* restarting, [1, 20_000])
      yield* close
    })
  )

  it.effect("when nobody will come after it, a use dies with ServerDown: NoProcess", () =>
    Effect.gen(function* () {
      for (const end of ["terminated", "temporary", "closed"] as const) {
        const { close, context, house } = yield* openHouse(
          House.layer({ children: [end === "temporary" ? late(shop([]), { restart: end }) : late(shop([]))] })
        )
        const { break: breaks, number } = Context.get(context, Shop)
        if (end === "terminated") yield* Supervisor.terminateChild(house, "shop")
        else if (end === "temporary") yield* Effect.zipLeft(breaks, quiet)
        else yield* close
        assert.strictEqual(yield* diesOf(number), "shop.number: no process")
        yield* close
      }
    })
  )

  it.effect("what was given out is good again when the child is restarted by hand", () =>
    Effect.gen(function* () {
      const { close, context, house } = yield* openHouse(House.layer({ children: [late(shop([]))] }))
      yield* Supervisor.terminateChild(house, "shop")
      yield* Supervisor.restartChild(house, "shop")
      assert.deepStrictEqual(yield* statuses(house), ["shop running"])
      assert.deepStrictEqual(yield* uses(Context.get(context, Shop)), of(2))
      yield* close
    })
  )

  it.effect("a use that is under way when the child crashes goes on with what it has", () =>
    Effect.gen(function* () {
      class Slow extends Context.Tag("@test/Slow")<Slow, { readonly work: Effect.Effect<number> }>() {}
      let built = 0
      const slow = Layer.scoped(
        Slow,
        Effect.gen(function* () {
          const number = ++built
          yield* Effect.forkScoped(
            Effect.zipRight(Effect.sleep("1 second"), number === 1 ? Effect.die("a bug") : Effect.void)
          )
          return { work: Effect.delay(Effect.succeed(number), "2 seconds") }
        })
      )
      const { close, context } = yield* openHouse(
        House.layer({ children: [Supervisor.child(slow, { lateBound: [Slow] })] })
      )
      const working = yield* Effect.fork(Context.get(context, Slow).work)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* Fiber.join(working), 1)
      assert.strictEqual(built, 2)
      yield* close
    })
  )

  it.effect("a member that is neither an Effect nor a Stream dies when it is used, with its name", () =>
    Effect.gen(function* () {
      // As JavaScript would allow.
      const lateBound = [Other] as never
      const { close, context } = yield* openHouse(
        House.layer({ children: [Supervisor.child(shop([]), { id: "shop", lateBound })] })
      )
      assert.match(
        yield* diesOf(Effect.sync(() => Context.get(context, Other).number)),
        /^TypeError: shop: the member number of @test\/Other gives no Effect and no Stream$/
      )
      yield* close
    })
  )

  it.effect("a class of Effect.Service can be given out: its `_tag` stays what it is", () =>
    Effect.gen(function* () {
      const numbers = yield* Numbers
      assert.strictEqual(numbers._tag, "Numbers")
      assert.strictEqual(yield* numbers.one, 1)
    }).pipe(
      Effect.provide(Supervisor.layer({ children: [Supervisor.child(Numbers.Default, { lateBound: [Numbers] })] }))
    )
  )
})
