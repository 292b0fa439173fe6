import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as FastCheck from "effect/FastCheck"
import * as Json from "../src/Json.ts"
import { type Arrival, type Line, lineOf, plan } from "../src/repo/Lines.ts"
import { run as at, put } from "./fixtures/database.ts"

const changed = (sequence: number): Arrival => ({ _tag: "Changed", line: put(sequence) })
const reached = (sequence: number): Arrival => ({ _tag: "Reached", sequence, at })

/** What a line says in a word: `put 3`, `gap 4 (2)`. */
const word = ({ operation, sequence, value }: Line) =>
  operation === "gap" ? `gap ${sequence} (${value})` : `put ${sequence}`

const arrivals = FastCheck.array(
  FastCheck.tuple(FastCheck.integer({ min: 1, max: 30 }), FastCheck.boolean()).map(([sequence, isChange]) =>
    isChange ? changed(sequence) : reached(sequence)
  ),
  { maxLength: 40 }
)

describe("Lines", () => {
  it("changes in a row get a line each", () => {
    assert.deepStrictEqual(plan(0, [changed(1), changed(2)]).lines.map(word), ["put 1", "put 2"])
  })

  it("numbers that are left out get a line, with how many they are, before the change that shows it", () => {
    const { last, lines } = plan(2, [changed(3), changed(6)])
    assert.deepStrictEqual(lines.map(word), ["put 3", "gap 5 (2)", "put 6"])
    assert.strictEqual(last, 6)
  })

  it("what was written already is not written again", () => {
    assert.deepStrictEqual(plan(2, [changed(1), changed(2), reached(2)]), { lines: [], last: 2 })
  })

  it("a last number beyond what has come is a gap, and what comes of it later is not written any more", () => {
    assert.deepStrictEqual(plan(1, [reached(4), changed(3), changed(5)]).lines.map(word), ["gap 4 (3)", "put 5"])
  })

  it("property: lines and gaps cover every number up to the last, each once and in order", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.integer({ min: 0, max: 20 }), arrivals, (start, arrivals) => {
        const { last, lines } = plan(start, arrivals)
        let covered = start
        for (const { operation, sequence, value } of lines) {
          const count = operation === "gap" ? Number(value) : 1
          assert.strictEqual(sequence, covered + count)
          assert.isAbove(count, 0)
          covered = sequence
        }
        assert.strictEqual(covered, last)
        assert.strictEqual(
          last,
          Math.max(start, ...arrivals.map((a) => (a._tag === "Changed" ? a.line.sequence : a.sequence)))
        )
      })
    )
  })

  it("property: it makes no difference how arrivals are cut into batches", () => {
    FastCheck.assert(
      FastCheck.property(arrivals, FastCheck.nat(40), (arrivals, cut) => {
        const first = plan(0, arrivals.slice(0, cut))
        const second = plan(first.last, arrivals.slice(cut))
        const whole = plan(0, arrivals)
        assert.deepStrictEqual([...first.lines, ...second.lines], whole.lines)
        assert.strictEqual(second.last, whole.last)
      })
    )
  })

  it("each kind of change has its line", () => {
    const when = { sequence: 7, at: DateTime.unsafeMake(0) }
    const key = "a"
    assert.deepStrictEqual(
      [
        lineOf({ _tag: "Put", by: "put", key, value: { b: [1, null] }, ...when }),
        lineOf({ _tag: "Put", by: "update", key, value: "c", ...when }),
        lineOf({ _tag: "Delete", key, ...when }),
        lineOf({ _tag: "Start", entries: { started_at: when.at }, ...when })
      ].map(({ key, operation, value }) => [operation, key, value]),
      [
        ["put", "a", '{"b":[1,null]}'],
        ["update", "a", '"c"'],
        ["delete", "a", null],
        ["start", null, '{"started_at":"1970-01-01T00:00:00.000Z"}']
      ]
    )
  })

  it("property: whatever a value is, it becomes JSON", () => {
    const circle: { self?: unknown } = {}
    circle.self = circle
    for (const value of [undefined, () => 1, Symbol("a"), 1n, circle, { n: 1n }, Number.NaN])
      JSON.parse(Json.text(value))
    FastCheck.assert(
      FastCheck.property(FastCheck.jsonValue(), (value) =>
        assert.deepStrictEqual(JSON.parse(Json.text(value)), JSON.parse(JSON.stringify(value)))
      )
    )
  })
})
