import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Lane from "../src/repo/Lane.ts"

const settle = Effect.repeatN(Effect.yieldNow(), 20)

/** Somebody on a lane: it says when it is in, and leaves when it is told. */
const guest = (lane: Lane.Lane, name: number, log: Array<number>) =>
  Effect.gen(function* () {
    const done = yield* Deferred.make<void, string>()
    const fiber = yield* Effect.fork(
      lane.through(
        Effect.zipRight(
          Effect.sync(() => log.push(name)),
          Deferred.await(done)
        )
      )
    )
    yield* settle
    return { name, done, fiber }
  })

describe("Lane", () => {
  it.effect("lets so many through at once, and the others in the order in which they came", () =>
    Effect.gen(function* () {
      const log: Array<number> = []
      const lane = Lane.make(2)
      const guests = yield* Effect.forEach([1, 2, 3, 4], (name) => guest(lane, name, log))
      assert.deepStrictEqual(log, [1, 2])
      yield* Deferred.succeed(guests[1]!.done, undefined)
      yield* settle
      assert.deepStrictEqual(log, [1, 2, 3])
      yield* Deferred.fail(guests[0]!.done, "no")
      yield* settle
      assert.deepStrictEqual(log, [1, 2, 3, 4])
    })
  )

  it.effect("an interruption that comes with the place loses it for nobody", () =>
    Effect.gen(function* () {
      const log: Array<number> = []
      const lane = Lane.make(1)
      const [first, second, third] = yield* Effect.forEach([1, 2, 3], (name) => guest(lane, name, log))
      // in one turn: the place is given to the second, which is interrupted before it has run
      Deferred.unsafeDone(first!.done, Exit.void)
      yield* Effect.yieldNow()
      second!.fiber.unsafeInterruptAsFork(first!.fiber.id())
      yield* settle
      assert.include(log, 3)
      yield* Deferred.succeed(third!.done, undefined)
      assert.strictEqual(yield* lane.through(Effect.succeed("free")), "free")
    })
  )

  it.effect(
    "property: whoever leaves, fails or is interrupted, when, no more are in than may be, and all who stay get in",
    () =>
      Effect.promise(() =>
        FastCheck.assert(
          FastCheck.asyncProperty(
            FastCheck.integer({ min: 1, max: 3 }),
            FastCheck.array(FastCheck.tuple(FastCheck.constantFrom("leave", "fail", "interrupt"), FastCheck.nat(9)), {
              maxLength: 20
            }),
            (width, steps) =>
              Effect.runPromise(
                Effect.gen(function* () {
                  const log: Array<number> = []
                  const lane = Lane.make(width)
                  const all = yield* Effect.forEach(
                    Array.from({ length: 10 }, (_, name) => name),
                    (name) => guest(lane, name, log)
                  )
                  for (const [how, name] of steps) {
                    const { done, fiber } = all[name]!
                    if (how === "leave") yield* Deferred.succeed(done, undefined)
                    else if (how === "fail") yield* Deferred.fail(done, "no")
                    else fiber.unsafeInterruptAsFork(fiber.id())
                    if (name % 2 === 0) yield* settle
                  }
                  yield* settle
                  const inside = all.filter(({ fiber, name }) => log.includes(name) && fiber.unsafePoll() === null)
                  assert.isAtMost(inside.length, width)
                  yield* Effect.forEach(all, ({ done }) => Deferred.succeed(done, undefined))
                  const exits = yield* Effect.forEach(all, ({ fiber }) => Fiber.await(fiber))
                  all.forEach(({ name }, index) => {
                    if (Exit.isSuccess(exits[index]!)) assert.include(log, name)
                  })
                  // nobody's place is lost: as many as may be get in at once
                  let most = 0
                  let now = 0
                  yield* Effect.forEach(
                    Array.from({ length: width + 1 }),
                    () =>
                      lane.through(
                        Effect.acquireUseRelease(
                          Effect.sync(() => {
                            most = Math.max(most, ++now)
                          }),
                          () => settle,
                          () => Effect.sync(() => now--)
                        )
                      ),
                    { concurrency: "unbounded" }
                  )
                  assert.strictEqual(most, width)
                })
              )
          ),
          { numRuns: 100 }
        )
      )
  )
})
