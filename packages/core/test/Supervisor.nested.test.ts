import { assert, describe, it } from "@effect/vitest"
import { type ChildSpec, ExitReason, GenServer, Process, Supervisor } from "@effect-otp/core"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { Ann, Bob, Cid, count, crash, House, type News, open, openHouse, room, since } from "./fixtures/household.ts"
import { quiet, told } from "./fixtures/observing.ts"

const impatient = { restarts: 0, within: "5 seconds" } as const

/** An inner supervisor that is at its limit with the first crash, within an outer one. */
const within = <const Children extends readonly [] | ReadonlyArray<ChildSpec.Child>>(
  children: Children,
  restart: ChildSpec.Restart = "permanent"
) => Supervisor.child(House.layer({ children, intensity: impatient }), { id: "inner", restart })

/** Ways in which an inner supervisor comes to be started again. */
const ends = [
  ["is at its limit", (_house: GenServer.ServerRef<House>, culprit: Effect.Effect<void>) => culprit],
  ["is killed", (house: GenServer.ServerRef<House>) => Effect.zipRight(Process.exit(house, ExitReason.killed), quiet)],
  ["is stopped", (house: GenServer.ServerRef<House>) => Effect.orDie(Supervisor.stop(house))]
] as const

describe("Supervisor, an inner one that is started again", () => {
  for (const [how, end] of ends) {
    it.effect(`when it ${how}: what its children had given out is good for those who come after them (SUP-27)`, () =>
      Effect.gen(function* () {
        const news: News = []
        const lowest = Supervisor.layer({ children: [Cid.layer(news)] })
        const wrapped = Layer.provide(Bob.layer(news), room("room", news))
        const { close, context } = yield* open(
          Supervisor.layer({ children: [within([Ann.layer(news), wrapped, lowest])] })
        )
        const people = [Context.get(context, Ann), Context.get(context, Bob), Context.get(context, Cid)] as const
        const [ann, bob, cid] = people
        const counts = Effect.all([count(ann), count(bob), count(cid)])
        for (const _ of [1, 2]) {
          assert.deepStrictEqual(yield* counts, [1, 1, 1])
          assert.deepStrictEqual(yield* counts, [2, 2, 2])
          yield* end(Context.get(context, House), crash(bob))
          yield* quiet
        }
        assert.deepStrictEqual(yield* counts, [1, 1, 1])
        yield* close
        for (const someone of [count(ann), count(bob), count(cid)]) {
          assert.strictEqual(yield* told(someone), "ServerDown: no process")
        }
        assert.deepStrictEqual(yield* Process.list, [])
      })
    )

    it.effect(`when it ${how}: its own ref is good, too, and so are names`, () =>
      Effect.gen(function* () {
        const news: News = []
        const caller = Layer.effectDiscard(
          Effect.flatMap(Effect.orDie(Effect.flatMap(Bob, count)), (n) => Effect.sync(() => news.push(`Bob's ${n}`)))
        )
        const { close, context } = yield* open(
          Supervisor.layer({
            children: [
              within([Ann.layer(news), Bob.layer(news)]),
              Supervisor.child(Layer.provide(caller, Bob.byName), { id: "caller" })
            ]
          })
        )
        yield* end(Context.get(context, House), crash(Context.get(context, Ann)))
        yield* quiet
        assert.deepInclude(yield* Supervisor.countChildren(Context.get(context, House)), { specs: 2, active: 2 })
        assert.strictEqual(since(news).at(-1), "+Bob")
        yield* close
      })
    )
  }

  it.effect("changes of a child's state go on through that", () =>
    Effect.gen(function* () {
      const { close, context } = yield* open(Supervisor.layer({ children: [within([Ann.layer([])])] }))
      const ann = Context.get(context, Ann)
      const states = yield* Effect.fork(Stream.runCollect(Stream.take(GenServer.changes(ann), 4)))
      yield* quiet
      yield* count(ann)
      yield* quiet
      yield* crash(ann)
      yield* count(ann)
      yield* quiet
      assert.deepStrictEqual(Chunk.toReadonlyArray(yield* Fiber.join(states)), [0, 1, 0, 1])
      yield* close
    })
  )

  it.effect("a late-bound service of a child goes on, too", () =>
    Effect.gen(function* () {
      class Clerk extends Context.Tag("@test/Clerk")<Clerk, { readonly number: Effect.Effect<number> }>() {}
      let made = 0
      const clerk = Layer.sync(Clerk, () => ({ number: Effect.succeed(++made) }))
      const child = Supervisor.child(clerk, { id: "clerk", lateBound: [Clerk] })
      const { close, context } = yield* open(Supervisor.layer({ children: [within([child, Ann.layer([])])] }))
      const { number } = Context.get(context, Clerk)
      yield* crash(Context.get(context, Ann))
      assert.deepStrictEqual([yield* number, made], [2, 2])
      yield* close
      assert.isTrue((yield* Effect.exit(number))._tag === "Failure")
    })
  )

  it.effect("a transient one that is not started again leaves nobody: NoProcess, also of what is deeper", () =>
    Effect.gen(function* () {
      const lowest = Supervisor.layer({ children: [Cid.layer([])] })
      const { close, context } = yield* open(
        Supervisor.layer({ children: [within([Ann.layer([]), Bob.layer([]), lowest], "transient")] })
      )
      yield* crash(Context.get(context, Bob))
      for (const someone of [Ann, Bob, Cid]) {
        const ref = Context.get(context, someone as typeof Ann)
        assert.strictEqual(yield* told(count(ref)), "ServerDown: no process")
      }
      yield* close
    })
  )

  it.effect("while it is down, its children's refs say that it is being started again", () =>
    Effect.gen(function* () {
      const latch = yield* Effect.makeLatch(true)
      const news: News = []
      const slow = Layer.effectDiscard(latch.await)
      const { close, context } = yield* open(
        Supervisor.layer({ children: [within([slow, Ann.layer(news), Bob.layer(news)])] })
      )
      yield* latch.close
      yield* crash(Context.get(context, Ann))
      for (const ref of [Context.get(context, Ann), Context.get(context, Bob)]) {
        assert.match(yield* told(count(ref as typeof Ann.Service)), /^ServerDown: restarting/)
      }
      yield* latch.open
      yield* quiet
      assert.strictEqual(yield* count(Context.get(context, Ann)), 1)
      yield* close
    })
  )

  it.effect("children that were started later, and those that its next list does not have, are gone for good", () =>
    Effect.gen(function* () {
      let starts = 0
      const children = Effect.sync((): ReadonlyArray<Layer.Layer<Ann, string> | Layer.Layer<Bob, string>> => {
        return starts++ === 0 ? [Ann.layer([]), Bob.layer([])] : [Bob.layer([])]
      })
      const inner = House.layer({ children, intensity: impatient })
      const { close, context } = yield* open(Supervisor.layer({ children: [inner] }))
      const house = Context.get(context, House)
      const cid = Context.get(yield* Supervisor.startChild(house, Cid.layer([])), Cid)
      yield* crash(Context.get(context, Bob))
      assert.strictEqual(yield* count(Context.get(context, Bob)), 1)
      assert.strictEqual(yield* told(count(Context.get(context, Ann))), "ServerDown: no process")
      assert.strictEqual(yield* told(count(cid)), "ServerDown: no process")
      assert.deepInclude(yield* Supervisor.countChildren(house), { specs: 1 })
      yield* close
    })
  )

  it.effect("a top supervisor that has given up is followed by nobody (SUP-14)", () =>
    Effect.gen(function* () {
      const { close, context } = yield* openHouse(
        House.layer({ children: [Ann.layer([]), Bob.layer([])], intensity: impatient })
      )
      yield* crash(Context.get(context, Bob))
      for (const ref of [Context.get(context, Ann), Context.get(context, Bob)]) {
        assert.strictEqual(yield* told(count(ref as typeof Ann.Service)), "ServerDown: shutdown")
      }
      yield* close
    })
  )
})
