import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { Deadline, Deadlines } from "../../src/internal/deadlines.ts"

class Named extends Deadline {
  readonly name: number
  constructor(name: number) {
    super()
    this.name = name
  }
  override onDue(): void {}
}

const nameOf = (deadline: Deadline | undefined): number | undefined =>
  deadline instanceof Named ? deadline.name : undefined

const takeAll = (deadlines: Deadlines, now: number): Array<number | undefined> => {
  const taken: Array<number | undefined> = []
  for (let next = deadlines.takeDue(now); next !== undefined; next = deadlines.takeDue(now)) taken.push(nameOf(next))
  return taken
}

/** What `Deadlines` promises, in the plainest form: an array, searched and sorted. */
class Model {
  pending: Array<{ readonly name: number; readonly duration: number; readonly at: number }> = []
  add(name: number, duration: number, at: number): void {
    this.remove(name)
    this.pending.push({ name, duration, at })
  }
  remove(name: number): boolean {
    const before = this.pending.length
    this.pending = this.pending.filter((entry) => entry.name !== name)
    return this.pending.length < before
  }
  takeDue(now: number): number | undefined {
    const first = this.sorted()[0]
    if (first === undefined || first.at > now) return undefined
    this.remove(first.name)
    return first.name
  }
  // The sort is stable, so equal moments stay in the order of insertion.
  sorted() {
    return [...this.pending].sort((a, b) => a.at - b.at)
  }
}

const stepsOf = (name: FastCheck.Arbitrary<number>, duration: FastCheck.Arbitrary<number>) =>
  FastCheck.array(
    FastCheck.oneof(
      FastCheck.record({ type: FastCheck.constant("add" as const), name, duration }),
      FastCheck.record({ type: FastCheck.constant("addAt" as const), name, duration, at: FastCheck.nat(200) }),
      FastCheck.record({ type: FastCheck.constant("remove" as const), name }),
      FastCheck.record({ type: FastCheck.constant("takeOne" as const) }),
      FastCheck.record({ type: FastCheck.constant("advance" as const), by: FastCheck.nat(20) })
    ),
    { maxLength: 120 }
  )

/** Many deadlines of few durations, and few deadlines, of which one is often the last of its duration. */
const steps = FastCheck.oneof(
  stepsOf(FastCheck.nat(30), FastCheck.constantFrom(0, 1, 5, 5, 5, 60, 0.5, 2 ** 31, 2 ** 40)),
  stepsOf(FastCheck.nat(2), FastCheck.constantFrom(5, 60, 61))
)

/** How often the links and moments of deadlines are looked at. */
class Counted extends Named {
  static reads = 0
  constructor(name: number) {
    super(name)
    for (const key of ["at", "prev", "next"] as const) {
      let value: unknown = this[key]
      Object.defineProperty(this, key, {
        get: () => {
          Counted.reads++
          return value
        },
        set: (to) => {
          value = to
        }
      })
    }
  }
}

describe("Deadlines", () => {
  it("gives what a sorted array gives", () => {
    FastCheck.assert(
      FastCheck.property(steps, (program) => {
        const deadlines = new Deadlines()
        const model = new Model()
        const entries = Array.from({ length: 31 }, (_, index) => new Named(index))
        let now = 0
        for (const step of program) {
          switch (step.type) {
            case "add": {
              deadlines.add(entries[step.name]!, step.duration, now + step.duration)
              model.add(step.name, step.duration, now + step.duration)
              break
            }
            case "addAt": {
              deadlines.add(entries[step.name]!, step.duration, step.at)
              model.add(step.name, step.duration, step.at)
              break
            }
            case "remove": {
              assert.strictEqual(deadlines.remove(entries[step.name]!), model.remove(step.name))
              break
            }
            case "takeOne": {
              assert.strictEqual(nameOf(deadlines.takeDue(now)), model.takeDue(now))
              break
            }
            case "advance": {
              now += step.by
              const expected: Array<number | undefined> = []
              for (let next = model.takeDue(now); next !== undefined; next = model.takeDue(now)) expected.push(next)
              assert.deepStrictEqual(takeAll(deadlines, now), expected)
              break
            }
          }
          assert.strictEqual(deadlines.size, model.pending.length)
          assert.strictEqual(deadlines.nearest(), model.sorted()[0]?.at)
          const durations = new Set(model.pending.map((entry) => entry.duration)).size
          assert.include([durations, durations + 1], deadlines.durations)
          assert.deepStrictEqual(
            entries.filter((entry) => deadlines.isPending(entry)).map((entry) => entry.name),
            model.pending.map((entry) => entry.name).sort((a, b) => a - b)
          )
        }
        const rest = model.sorted().map((entry) => entry.name)
        assert.deepStrictEqual(takeAll(deadlines, Number.POSITIVE_INFINITY), rest)
        assert.isAtMost(deadlines.durations, 1)
      }),
      { numRuns: 500 }
    )
  })

  it("keeps the order of many durations, whichever of them are removed", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(FastCheck.tuple(FastCheck.nat(1000), FastCheck.boolean()), { minLength: 10, maxLength: 60 }),
        (moments) => {
          const deadlines = new Deadlines()
          const model = new Model()
          const entries = moments.map((_, index) => new Named(index))
          moments.forEach(([at], index) => {
            deadlines.add(entries[index]!, index, at)
            model.add(index, index, at)
          })
          moments.forEach(([_, isRemoved], index) => {
            if (isRemoved) assert.strictEqual(deadlines.remove(entries[index]!), model.remove(index))
          })
          const rest = model.sorted().map((entry) => entry.name)
          assert.deepStrictEqual(takeAll(deadlines, 1000), rest)
        }
      ),
      { numRuns: 300 }
    )
  })

  it("takes equal moments in the order of insertion, whatever their durations", () => {
    const deadlines = new Deadlines()
    deadlines.add(new Named(1), 30, 100)
    deadlines.add(new Named(2), 10, 100)
    deadlines.add(new Named(3), 30, 100)
    deadlines.add(new Named(4), 20, 100)
    deadlines.add(new Named(5), 10, 99)
    assert.deepStrictEqual(takeAll(deadlines, 98), [])
    assert.deepStrictEqual(takeAll(deadlines, 100), [5, 1, 2, 3, 4])
  })

  it("keeps moments in order that are not added in order", () => {
    const deadlines = new Deadlines()
    for (const at of [50, 10, 30, 70, 20, 60, 40]) deadlines.add(new Named(at), 10, at)
    assert.deepStrictEqual(takeAll(deadlines, 45), [10, 20, 30, 40])
    assert.deepStrictEqual(takeAll(deadlines, 100), [50, 60, 70])
  })

  it("moves a deadline that is pending, also out of another set", () => {
    const [one, other] = [new Deadlines(), new Deadlines()]
    const deadline = new Named(1)
    one.add(deadline, 5, 5)
    one.add(deadline, 7, 7)
    assert.strictEqual(one.size, 1)
    assert.strictEqual(one.nearest(), 7)
    other.add(deadline, 5, 5)
    assert.strictEqual(one.size, 0)
    assert.strictEqual(one.remove(deadline), false)
    assert.isTrue(other.isPending(deadline))
    assert.isFalse(one.isPending(deadline))
  })

  it("waits for more than 2^31 milliseconds", () => {
    const deadlines = new Deadlines()
    deadlines.add(new Named(1), 2 ** 40, 2 ** 40)
    deadlines.add(new Named(2), 2 ** 31, 2 ** 31)
    deadlines.add(new Named(3), Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
    assert.deepStrictEqual(takeAll(deadlines, 2 ** 31 - 1), [])
    assert.deepStrictEqual(takeAll(deadlines, 2 ** 40), [2, 1])
    assert.strictEqual(deadlines.size, 1)
  })

  it("keeps nothing of a hundred thousand durations used once", () => {
    const deadlines = new Deadlines()
    const kept = new Named(-1)
    deadlines.add(kept, 5000, 5000)
    let most = 0
    for (let index = 0; index < 100_000; index++) {
      const deadline = new Named(index)
      deadlines.add(deadline, index + 0.25, index)
      most = Math.max(most, deadlines.durations)
      deadlines.remove(deadline)
    }
    assert.strictEqual(most, 3)
    assert.strictEqual(deadlines.durations, 2)
    const entries = Array.from({ length: 10_000 }, (_, index) => new Named(index))
    for (const entry of entries) deadlines.add(entry, entry.name + 0.5, entry.name)
    assert.strictEqual(deadlines.durations, 10_002)
    for (const entry of entries) deadlines.remove(entry)
    assert.strictEqual(deadlines.durations, 2)
    assert.strictEqual(deadlines.size, 1)
  })

  it("keeps one list of a duration that was forgotten in between", () => {
    const deadlines = new Deadlines()
    const [first, second] = [new Named(1), new Named(2)]
    deadlines.add(second, 20, 20)
    deadlines.add(first, 10, 10)
    deadlines.remove(first)
    deadlines.remove(second)
    assert.strictEqual(deadlines.durations, 1)
    deadlines.add(first, 10, 10)
    deadlines.add(second, 20, 20)
    assert.strictEqual(deadlines.durations, 2)
    assert.deepStrictEqual(takeAll(deadlines, 20), [1, 2])
  })

  it("looks at no more deadlines to add or remove one when there are many", () => {
    const readsPerPair = (pending: number): number => {
      const deadlines = new Deadlines()
      const entries = Array.from({ length: pending }, (_, index) => new Counted(index))
      for (const entry of entries) deadlines.add(entry, 5000, 5000 + entry.name)
      Counted.reads = 0
      let at = 5000 + pending
      // From the middle outwards, so that neither end is what is removed.
      for (let index = 0; index < pending; index++) {
        const entry = entries[(index * 7919 + (pending >> 1)) % pending]!
        deadlines.remove(entry)
        deadlines.add(entry, 5000, at++)
      }
      return Counted.reads / pending
    }
    assert.isAtMost(readsPerPair(10), 12)
    assert.isAtMost(readsPerPair(10_000), 12)
  })
})
