import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { actual, expectations, isMet, makeChecker, sorted, unexpected } from "./fixture.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))
const path = (name: string): string => fileURLToPath(new URL(`fixtures/${name}.ts`, import.meta.url))
const met = path("met")
const unmet = path("unmet")
const checker = makeChecker(root, [met, unmet])

const verdicts = (file: string): ReadonlyArray<string> =>
  expectations(readFileSync(file, "utf8")).map((expectation) => {
    const verdict = isMet(expectation, actual(checker, file, expectation)) ? "met" : "not met"
    return `${expectation.line} ${expectation.kind}: ${verdict}`
  })

describe("a fixture", () => {
  it("is met where the compiler says what it expects", () => {
    expect(verdicts(met)).toEqual(["7 error: met", "11 error: met", "12 error: met", "16 hover: met", "19 hover: met"])
    expect(unexpected(checker, met, expectations(readFileSync(met, "utf8")))).toEqual([])
  })

  it("is not met by another message, by none, nor by another hover", () => {
    expect(verdicts(unmet)).toEqual(["2 error: not met", "5 error: not met", "9 hover: not met"])
  })

  it("names every message that nobody expects", () => {
    expect(unexpected(checker, unmet, expectations(readFileSync(unmet, "utf8")))).toEqual([
      "line 3: Type 'string' is not assignable to type 'number'.",
      "line 11: Type 'number' is not assignable to type 'string'."
    ])
  })

  it("does not mind the order of a union's parts", () => {
    expect(sorted('const f: (a: C | B) => Layer<B | A<{ x: 2 | 1; y: 0 }>, "b | a", never>')).toBe(
      sorted('const f: (a: B | C) => Layer<A<{ x: 1 | 2; y: 0 }> | B, "b | a", never>')
    )
    expect(sorted("Layer<A | B, C>")).not.toBe(sorted("Layer<A | C, B>"))
    expect(sorted("(a: A) => B | C")).not.toBe(sorted("(a: B) => A | C"))
    expect(sorted('"b | a"')).not.toBe(sorted('"a | b"'))
  })

  it("must spell its comments right", () => {
    expect(() => expectations("// @expect-error missing colon\nx")).toThrow("line 1")
    expect(() => expectations("x\n// ^ no question mark")).toThrow("line 2")
  })
})
