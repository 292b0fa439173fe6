import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { Mailbox, type Overflow } from "../../src/internal/mailbox.ts"

/** A message with a number to know it by: `takesRoom` as calls and casts do, and Infos do not. */
interface Item {
  readonly id: number
  readonly takesRoom: boolean
  isWithdrawn: boolean
}

const traits = {
  counted: (item: Item) => item.takesRoom,
  withdrawn: (item: Item) => item.isWithdrawn
}

/** The same rules over plain lists, with no thought for cost. */
class Model {
  inside: Array<Item> = []
  outside: Array<Item> = []
  readonly capacity: number
  readonly overflow: Overflow
  constructor(capacity: number, overflow: Overflow) {
    this.capacity = capacity
    this.overflow = overflow
  }
  get counted(): number {
    return this.inside.filter((item) => item.takesRoom).length
  }
  offer(item: Item): string {
    if (this.counted < this.capacity) {
      this.inside.push(item)
      return "Taken"
    }
    if (this.overflow === "backpressure") {
      this.outside.push(item)
      return "Waiting"
    }
    if (this.overflow !== "dropOldest") return "Refused"
    const oldest = this.inside.find((item) => item.takesRoom)
    if (oldest === undefined) {
      this.inside.push(item)
      return "Taken"
    }
    this.inside = this.inside.filter((other) => other !== oldest)
    this.inside.push(item)
    return `Displaced ${oldest.id}`
  }
  admit(): ReadonlyArray<number> {
    const admitted: Array<number> = []
    while (this.outside.length > 0 && this.counted < this.capacity) {
      const item = this.outside.shift() as Item
      this.inside.push(item)
      admitted.push(item.id)
    }
    return admitted
  }
  withdraw(item: Item): boolean {
    const inside = this.inside.includes(item)
    this.inside = this.inside.filter((other) => other !== item)
    this.outside = this.outside.filter((other) => other !== item)
    return inside
  }
}

const admitAll = (mailbox: Mailbox<Item>): ReadonlyArray<number> => {
  const admitted: Array<number> = []
  for (let item = mailbox.admit(); item !== undefined; item = mailbox.admit()) admitted.push(item.id)
  return admitted
}

const Step = FastCheck.oneof(
  { weight: 4, arbitrary: FastCheck.record({ op: FastCheck.constant("offer" as const), at: FastCheck.nat() }) },
  { weight: 1, arbitrary: FastCheck.record({ op: FastCheck.constant("push" as const), at: FastCheck.nat() }) },
  { weight: 3, arbitrary: FastCheck.record({ op: FastCheck.constant("take" as const), at: FastCheck.nat() }) },
  { weight: 2, arbitrary: FastCheck.record({ op: FastCheck.constant("withdraw" as const), at: FastCheck.nat() }) }
)

const Case = FastCheck.record({
  capacity: FastCheck.oneof(FastCheck.integer({ min: 1, max: 5 }), FastCheck.constant(Number.POSITIVE_INFINITY)),
  overflow: FastCheck.constantFrom<Overflow>("backpressure", "reject", "dropNewest", "dropOldest"),
  steps: FastCheck.array(Step, { maxLength: 200 })
})

describe("mailbox", () => {
  it("does what lists would do, for every policy", () => {
    FastCheck.assert(
      FastCheck.property(Case, ({ capacity, overflow, steps }) => {
        const mailbox = new Mailbox<Item>(capacity, overflow, traits)
        const model = new Model(capacity, overflow)
        let ids = 0
        for (const { at, op } of steps) {
          switch (op) {
            case "offer": {
              const item = { id: ids++, takesRoom: true, isWithdrawn: false }
              const offer = mailbox.offer(item)
              const said = offer._tag === "Displaced" ? `Displaced ${offer.item.id}` : offer._tag
              assert.strictEqual(said, model.offer(item))
              break
            }
            case "push": {
              const item = { id: ids++, takesRoom: at % 2 === 0, isWithdrawn: false }
              mailbox.push(item)
              model.inside.push(item)
              break
            }
            case "take": {
              assert.strictEqual(mailbox.take()?.id, model.inside.shift()?.id)
              assert.deepStrictEqual(admitAll(mailbox), model.admit())
              break
            }
            case "withdraw": {
              const all = model.inside.concat(model.outside).filter((item) => item.takesRoom)
              if (all.length === 0) break
              const item = all[at % all.length] as Item
              item.isWithdrawn = true
              mailbox.withdraw(model.withdraw(item))
              assert.deepStrictEqual(admitAll(mailbox), model.admit())
              break
            }
          }
          assert.strictEqual(mailbox.size, model.inside.length)
          assert.strictEqual(mailbox.waiting, model.outside.length)
          assert.strictEqual(mailbox.isFull, model.counted >= capacity)
        }
        const rest = model.inside.concat(model.outside).map((item) => item.id)
        assert.deepStrictEqual(
          mailbox.drain().map((item) => item.id),
          rest
        )
        assert.strictEqual(mailbox.size, 0)
        assert.strictEqual(mailbox.waiting, 0)
      }),
      { numRuns: 2_000 }
    )
  })

  it("holds a million messages and gives them back in order", () => {
    const mailbox = new Mailbox<Item>(Number.POSITIVE_INFINITY, "backpressure", traits)
    for (let id = 0; id < 1_000_000; id++) mailbox.push({ id, takesRoom: true, isWithdrawn: false })
    for (let id = 0; id < 1_000_000; id++) {
      if (mailbox.take()?.id !== id) assert.fail(`message ${id} is out of order`)
    }
    assert.strictEqual(mailbox.take(), undefined)
  })

  it("clears away what was withdrawn, before anybody takes it", () => {
    const mailbox = new Mailbox<Item>(Number.POSITIVE_INFINITY, "backpressure", traits)
    for (let id = 0; id < 10_000; id++) {
      const item = { id, takesRoom: true, isWithdrawn: false }
      mailbox.push(item)
      item.isWithdrawn = true
      mailbox.withdraw(true)
    }
    assert.strictEqual(mailbox.size, 0)
    assert.deepStrictEqual(mailbox.drain(), [])
  })
})
