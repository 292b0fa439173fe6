import { assert, describe, it } from "@effect/vitest"
import type { ContestantName } from "../src/contestant.ts"
import {
  align,
  evaluate,
  type Figure,
  type Goal,
  goals,
  goalTable,
  median,
  type RowResult,
  resultTable,
  summarise
} from "../src/report.ts"
import { type RowId, rows, select } from "../src/rows.ts"

const figure = (value: number, max = value): Figure => ({ median: value, min: value, max, n: 1, operations: 1 })

const result = (row: RowId, unit: RowResult["unit"], contestants: RowResult["contestants"]): RowResult => ({
  row,
  title: row,
  unit,
  contestants
})

describe("figures", () => {
  it("the median is the middle one, or between the two in the middle", () => {
    assert.strictEqual(median([3, 100, 1]), 3)
    assert.strictEqual(median([4, 1, 2, 100]), 3)
    assert.throws(() => median([]))
  })

  it("a figure has the median, the extremes and the number of rounds", () => {
    assert.deepStrictEqual(summarise([5, 1, 3], 1_000), { median: 3, min: 1, max: 5, n: 3, operations: 1_000 })
  })
})

describe("goals", () => {
  const faster: Goal = { kind: "times faster", title: "get", row: "get", against: "erlang", atLeast: 2 }
  const limit: Goal = { kind: "limit", title: "gap", row: "gap-plain", of: "max", atMost: 50 }
  const growth: Goal = { kind: "growth", title: "linear", row: "burst-1e6", from: "burst-1e3", atMost: 2 }
  const verdict = (goal: Goal, results: ReadonlyArray<RowResult>) => {
    const { measured, met } = evaluate([goal], results)[0]!
    return { measured, met }
  }

  it("times faster is theirs by ours", () => {
    const against = (erlang: number) => [result("get", "ns/op", { ours: figure(500), erlang: figure(erlang) })]
    assert.deepStrictEqual(verdict(faster, against(1_000)), { measured: 2, met: true })
    assert.deepStrictEqual(verdict(faster, against(900)), { measured: 1.8, met: false })
  })

  it("a limit holds for the figure it is of", () => {
    const ours = (max: number) => [result("gap-plain", "ms", { ours: figure(12, max) })]
    assert.deepStrictEqual(verdict(limit, ours(50)), { measured: 50, met: true })
    assert.deepStrictEqual(verdict(limit, ours(51)), { measured: 51, met: false })
  })

  it("growth is the later row by the earlier", () => {
    const ours = (large: number) => [
      result("burst-1e3", "ns/op", { ours: figure(400) }),
      result("burst-1e6", "ns/op", { ours: figure(large) })
    ]
    assert.deepStrictEqual(verdict(growth, ours(600)), { measured: 1.5, met: true })
    assert.deepStrictEqual(verdict(growth, ours(1_000)), { measured: 2.5, met: false })
  })

  it("what was not measured is neither met nor missed", () => {
    const nothing = { measured: undefined, met: undefined }
    assert.deepStrictEqual(verdict(faster, []), nothing)
    assert.deepStrictEqual(verdict(faster, [result("get", "ns/op", { ours: figure(500) })]), nothing)
    assert.deepStrictEqual(verdict(growth, [result("burst-1e6", "ns/op", { ours: figure(1) })]), nothing)
    assert.deepStrictEqual(verdict(limit, [result("gap-plain", "ms", { loop: figure(12) })]), nothing)
  })

  it("every goal is about a row there is", () => {
    const ids = new Set<RowId>(rows.map(({ id }) => id))
    assert.deepStrictEqual(
      goals.filter(({ row }) => !ids.has(row)),
      []
    )
  })
})

describe("rows", () => {
  it("each has an id of its own", () => {
    assert.strictEqual(new Set(rows.map(({ id }) => id)).size, rows.length)
  })

  it("are selected by id or by group", () => {
    const ids = (word: string) => select(word).map(({ id }) => id)
    assert.deepStrictEqual(ids("get"), ["get"])
    assert.deepStrictEqual(ids("burst"), ["burst-1e3", "burst-1e4", "burst-1e5", "burst-1e6"])
    assert.deepStrictEqual(ids("bur"), [])
  })
})

describe("tables", () => {
  it("columns are as wide as their widest cell", () => {
    assert.strictEqual(
      align([
        ["a", "bcd", "e"],
        ["long", "f", "10"]
      ]),
      ["a     bcd   e", "long    f  10"].join("\n")
    )
  })

  it("the others' figures tell how many times ours they are", () => {
    const names: ReadonlyArray<ContestantName> = ["ours", "loop", "erlang"]
    const table = resultTable([result("get", "ns/op", { ours: figure(400), loop: figure(10_000) })], names)
    assert.strictEqual(
      table,
      ["      unit  GenServer              loop  Erlang", "get  ns/op        400  10,000 (25.00 ×)       -"].join("\n")
    )
  })

  it("goals say whether they were met", () => {
    const results = evaluate(
      [
        { kind: "times faster", title: "one", row: "get", against: "nact", atLeast: 1, aim: true },
        { kind: "limit", title: "two", row: "memory-idle", of: "median", atMost: 2_700 },
        { kind: "limit", title: "three", row: "gap-plain", of: "max", atMost: 50 }
      ],
      [
        result("get", "ns/op", { ours: figure(400), nact: figure(300) }),
        result("memory-idle", "bytes", { ours: figure(1_500) })
      ]
    )
    assert.deepStrictEqual(
      goalTable(results)
        .split("\n")
        .map((line) => line.trim().split(/ {2,}/)),
      [
        ["goal", "against", "required", "measured"],
        ["one", "nact", "≥ 1 ×", "0.75 ×", "missed (an aim)"],
        ["two", "-", "≤ 2700 bytes", "1,500", "met"],
        ["three", "-", "≤ 50", "-", "not measured"]
      ]
    )
  })
})
