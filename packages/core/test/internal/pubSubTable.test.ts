import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { admit, laneOf, overflows, poolMisfit } from "../../src/internal/pubSubRules.ts"
import { type Row, Table } from "../../src/internal/pubSubTable.ts"

type Step =
  | { readonly does: "add"; readonly topic: string; readonly owner: number | null }
  | { readonly does: "remove"; readonly at: number }
  | { readonly does: "removeOf"; readonly owner: number; readonly topic: string | undefined }

const owners = [{ name: "p" }, { name: "q" }, { name: "r" }] as const
const topics = ["a", "b", "c"] as const

const topic = FastCheck.constantFrom(...topics)
const owner = FastCheck.nat(owners.length - 1)
const step: FastCheck.Arbitrary<Step> = FastCheck.oneof(
  {
    weight: 4,
    arbitrary: FastCheck.record({
      does: FastCheck.constant("add" as const),
      topic,
      owner: FastCheck.option(owner, { nil: null })
    })
  },
  { weight: 2, arbitrary: FastCheck.record({ does: FastCheck.constant("remove" as const), at: FastCheck.nat(40) }) },
  {
    weight: 1,
    arbitrary: FastCheck.record({
      does: FastCheck.constant("removeOf" as const),
      owner,
      topic: FastCheck.option(topic, { nil: undefined })
    })
  }
)

describe("Table", () => {
  it("is what a plain list of its rows would be, and keeps nothing beside them (PS-2, PS-3, REG-18)", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const table = new Table<Row>()
        const all: Array<Row> = []
        let list: Array<Row> = []
        for (const step of steps) {
          if (step.does === "add") {
            const row = { topic: step.topic, owner: step.owner === null ? null : (owners[step.owner] ?? null) }
            table.add(row)
            list.push(row)
            all.push(row)
          } else if (step.does === "remove") {
            const row = all[step.at]
            if (row === undefined) continue
            // Also one that was taken out before.
            assert.strictEqual(table.remove(row), list.includes(row))
            list = list.filter((other) => other !== row)
          } else {
            const of = (row: Row) =>
              row.owner === owners[step.owner] && (step.topic === undefined || row.topic === step.topic)
            assert.strictEqual(table.removeOf(owners[step.owner] as object, step.topic), list.filter(of).length)
            list = list.filter((row) => !of(row))
          }
          assert.strictEqual(table.size, list.length)
          for (const topic of topics) {
            const rows = list.filter((row) => row.topic === topic)
            assert.isTrue(Array.from(table.of(topic)).every((row, at) => row === rows[at]))
            assert.strictEqual(table.of(topic).size, rows.length)
          }
          assert.deepStrictEqual(table.topics.sort(), [...new Set(list.map((row) => row.topic))].sort())
          for (const owner of owners) {
            assert.strictEqual(
              table.has(owner),
              list.some((row) => row.owner === owner)
            )
          }
          assert.strictEqual(table.owners.length, new Set(list.flatMap((row) => row.owner ?? [])).size)
        }
      }),
      { numRuns: 500 }
    )
  })

  it("lets rows be taken out while one goes through them", () => {
    const table = new Table<Row>()
    const rows: ReadonlyArray<Row> = Array.from({ length: 5 }, () => ({ topic: "a", owner: null }))
    for (const row of rows) table.add(row)
    const seen: Array<number> = []
    for (const row of table.of("a")) {
      seen.push(rows.indexOf(row))
      if (row === rows[1]) table.remove(rows[2] as Row)
      if (row === rows[3]) table.remove(row)
    }
    assert.deepStrictEqual(seen, [0, 1, 3, 4])
  })
})

describe("admit", () => {
  it("takes what there is room for, and never lets more wait than the queue holds (PS-8)", () => {
    const waitingAfter = { take: 1, refuse: 0, replace: 0, end: 0 }
    FastCheck.assert(
      FastCheck.property(
        FastCheck.integer({ min: 1, max: 100 }),
        FastCheck.constantFrom(...overflows),
        FastCheck.nat(300),
        (capacity, overflow, count) => {
          let waiting = 0
          for (let n = 0; n < count; n++) {
            const admission = admit(waiting, capacity, overflow)
            assert.strictEqual(admission === "take", waiting < capacity)
            if (admission === "end") assert.strictEqual(overflow, "end")
            waiting += waitingAfter[admission]
            assert.isAtMost(waiting, capacity)
          }
        }
      )
    )
  })
})

describe("pools (PS-9, PS-12)", () => {
  const size = FastCheck.integer({ min: 1, max: 64 })

  it("a sender has one lane, which is one that the node sends on", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.nat(), size, size, (sender, poolSize, broadcastPoolSize) => {
        const pool = { poolSize, broadcastPoolSize }
        const lane = laneOf(sender, pool)
        assert.strictEqual(lane, laneOf(sender, pool))
        assert.isTrue(Number.isInteger(lane) && lane >= 0 && lane < broadcastPoolSize)
        assert.strictEqual(poolMisfit(pool) === null, broadcastPoolSize <= poolSize)
      })
    )
  })

  it("what is no number of lanes is refused", () => {
    for (const poolSize of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.match(String(poolMisfit({ poolSize, broadcastPoolSize: 1 })), /`poolSize` must be a whole number/)
      assert.match(
        String(poolMisfit({ poolSize: 1, broadcastPoolSize: poolSize })),
        /`broadcastPoolSize` must be a whole/
      )
    }
  })
})
