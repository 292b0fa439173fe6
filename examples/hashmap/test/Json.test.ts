import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Json from "../src/Json.ts"

describe("Json", () => {
  it.prop("shows JSON on one line", [FastCheck.jsonValue()], ([value]) => {
    const shown = Json.show(value)
    assert.deepStrictEqual(JSON.parse(shown), JSON.parse(JSON.stringify(value)))
    assert.strictEqual(Json.escape(shown), shown)
  })

  it("shows nothing that a terminal would act upon", () => {
    for (const text of ["\u001b[2J", "\u009b2J", "\u0085", "\u007f", "\u2028", "\u202e", "\ufeff", "a\r\nb"]) {
      assert.match(Json.show(text), /^"[ -~]*"$/)
      assert.strictEqual(JSON.parse(Json.show(text)), text)
      assert.match(Json.quote(text), /^`[ -~]*`$/)
    }
  })

  it("shows a record with its keys sorted, whatever they are called", () => {
    assert.strictEqual(Json.showEntries([]), "{}")
    assert.strictEqual(
      Json.showEntries([
        ["b", { d: 1, c: [null] }],
        ["é", 2],
        ["", true],
        ["__proto__", "x"],
        ["10", 0],
        ["9", 0]
      ]),
      '{"":true,"10":0,"9":0,"__proto__":"x","b":{"d":1,"c":[null]},"é":2}'
    )
  })
})
