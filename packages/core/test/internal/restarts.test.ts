import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { Restarts } from "../../src/internal/restarts.ts"

/** What `Restarts` promises, in the plainest form: all there ever was, counted each time. */
class Model {
  readonly limit: number
  readonly within: number
  readonly times: Array<number> = []
  constructor(limit: number, within: number) {
    this.limit = limit
    this.within = within
  }
  isTooMany(now: number): boolean {
    this.times.push(now)
    return this.times.filter((time) => time >= now - this.within).length > this.limit
  }
}

const answers = (limit: number, within: number, times: ReadonlyArray<number>): Array<boolean> => {
  const restarts = new Restarts(limit, within)
  return times.map((time) => restarts.isTooMany(time))
}

/** A moment that counts how often it is looked at. */
class Counted {
  static reads = 0
  readonly at: number
  constructor(at: number) {
    this.at = at
  }
  valueOf(): number {
    Counted.reads++
    return this.at
  }
}

const program = FastCheck.record({
  limit: FastCheck.oneof(FastCheck.nat(5), FastCheck.nat(100)),
  within: FastCheck.constantFrom(0, 1, 5, 10, 100, 1000, Number.POSITIVE_INFINITY),
  start: FastCheck.constantFrom(0, 1_700_000_000_000),
  steps: FastCheck.array(
    FastCheck.oneof(
      { weight: 5, arbitrary: FastCheck.constantFrom(0, 0, 1, 1, 2) },
      { weight: 1, arbitrary: FastCheck.constantFrom(4, 5, 6, 9, 10, 11) },
      { weight: 1, arbitrary: FastCheck.nat(150) }
    ),
    { maxLength: 600, size: "max" }
  )
})

describe("Restarts", () => {
  it("SUP-14: the fourth restart within 5 seconds is one too many", () => {
    assert.deepStrictEqual(answers(3, 5000, [0, 0, 0, 0]), [false, false, false, true])
    assert.deepStrictEqual(answers(3, 5000, [0, 1000, 2000, 3000]), [false, false, false, true])
    assert.deepStrictEqual(answers(3, 5000, [0, 1000, 2000, 6000]), [false, false, false, false])
  })

  it("SUP-15: the border is within", () => {
    assert.deepStrictEqual(answers(3, 5000, [0, 1, 2, 5000]), [false, false, false, true])
    assert.deepStrictEqual(answers(3, 5000, [0, 1, 2, 5001]), [false, false, false, false])
    assert.deepStrictEqual(answers(1, 1000, [0, 1000]), [false, true])
    assert.deepStrictEqual(answers(1, 1000, [0, 1001]), [false, false])
    assert.deepStrictEqual(answers(1, 0, [7, 7]), [false, true])
    assert.deepStrictEqual(answers(1, 0, [7, 8]), [false, false])
  })

  it("SUP-15: the window slides: it neither begins at fixed times nor anew with a restart", () => {
    // Two before 5000 and two after.
    assert.deepStrictEqual(answers(3, 5000, [4000, 4500, 5500, 6000]), [false, false, false, true])
    // Each comes within 10 of the one before, but no three do.
    assert.notInclude(answers(2, 10, [0, 8, 16, 24, 32, 40]), true)
    // What has left is no longer counted, one after the other.
    assert.notInclude(answers(2, 10, [0, 5, 11, 16, 22, 27, 33]), true)
    assert.deepStrictEqual(answers(2, 10, [0, 5, 11, 15]), [false, false, false, true])
  })

  it("SUP-15: at the right distance it goes on for ever", () => {
    const restarts = new Restarts(1, 1000)
    for (let now = 0, count = 0; count < 100_000; count++, now += 1001) {
      if (restarts.isTooMany(now)) assert.fail(`too many at ${now}`)
    }
  })

  it("SUP-16: with a limit of 0 the first is one too many", () => {
    assert.deepStrictEqual(answers(0, 5000, [0]), [true])
    assert.deepStrictEqual(answers(0, 0, [0]), [true])
    assert.deepStrictEqual(answers(0, 5000, [0, 10_000]), [true, true])
  })

  it("SUP-14, SUP-15: it counts as one does who keeps them all", () => {
    let answered = { yes: 0, no: 0 }
    FastCheck.assert(
      FastCheck.property(program, ({ limit, within, start, steps }) => {
        const restarts = new Restarts(limit, within)
        const model = new Model(limit, within)
        let now = start
        for (const step of steps) {
          now += step
          const expected = model.isTooMany(now)
          if (restarts.isTooMany(now) !== expected) {
            assert.fail(`${!expected} for the last of ${model.times}, of which ${limit} may be within ${within}`)
          }
          answered = expected ? { ...answered, yes: answered.yes + 1 } : { ...answered, no: answered.no + 1 }
        }
      }),
      { numRuns: 300 }
    )
    assert.isAbove(Math.min(answered.yes, answered.no), 1000)
  })

  it("SUP-14: counting takes the same time whatever the limit", () => {
    const adds = 100_000
    for (const within of [0, 10, 1000, 50_000, Number.POSITIVE_INFINITY]) {
      const restarts = new Restarts(10_000_000, within)
      Counted.reads = 0
      let copied = 0
      let most = 0
      for (let at = 0; at < adds; at++) {
        const before = restarts["times"]
        // The arithmetic is a number's, so that it can be counted.
        if (restarts.isTooMany(new Counted(at) as unknown as number)) assert.fail(`too many at ${at}`)
        const { length } = restarts["times"]
        if (restarts["times"] !== before) copied += length
        most = Math.max(most, length)
      }
      assert.isAtMost(Counted.reads, 4 * adds)
      assert.isAtMost(copied, adds)
      // Within a time of 10 there are 11 of them.
      assert.isAtMost(most, 2 * (within + 1) + 64)
    }
  })

  it("SUP-14: a million are allowed, and one more is not", () => {
    const limit = 1_000_000
    const restarts = new Restarts(limit, 1)
    for (let count = 0; count < limit; count++) if (restarts.isTooMany(5)) assert.fail(`too many: ${count}`)
    assert.isTrue(restarts.isTooMany(6))
    assert.isFalse(restarts.isTooMany(7))
  })
})
