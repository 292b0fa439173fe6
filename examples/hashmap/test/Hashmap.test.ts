import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import { Hashmap } from "../src/Hashmap.ts"

const person = HashMap.make<ReadonlyArray<[string, unknown]>>(["name", "John"], ["age", 30])

describe("Hashmap", () => {
  it.effect("does what the introduction does", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Hashmap.get("name"), Option.some("John"))
      assert.strictEqual(yield* Hashmap.update("name", "Doe"), undefined)
      assert.strictEqual(yield* Hashmap.put("gender", "Male"), undefined)
      assert.deepStrictEqual(Object.fromEntries(yield* Hashmap.getAll), { name: "Doe", age: 30, gender: "Male" })
      assert.strictEqual(yield* Hashmap.delete("gender"), undefined)
      assert.deepStrictEqual(Object.fromEntries(yield* Hashmap.getAll), { name: "Doe", age: 30 })
    }).pipe(Effect.provide(Hashmap.layer(person)))
  )

  it.effect("gives the default where the key is absent, and not where it is null", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Hashmap.get("spouse"), Option.none())
      assert.strictEqual(yield* Hashmap.getOr("spouse", "Jane"), "Jane")
      yield* Hashmap.put("spouse", null)
      assert.deepStrictEqual(yield* Hashmap.get("spouse"), Option.some(null))
      assert.strictEqual(yield* Hashmap.getOr("spouse", "Jane"), null)
    }).pipe(Effect.provide(Hashmap.layer()))
  )

  it.effect("is down for its callers after a crash", () =>
    Effect.gen(function* () {
      const crash = yield* Effect.flip(Hashmap.crash)
      assert(crash._tag === "ServerDown" && crash.reason._tag === "Crash", crash.message)
      for (const request of [Hashmap.get("name"), Hashmap.put("name", "Doe"), Hashmap.crash]) {
        const error = yield* Effect.flip(request)
        assert(error._tag === "ServerDown" && error.reason._tag === "NoProcess", error.message)
      }
      assert.strictEqual(yield* Hashmap.delete("name"), undefined)
    }).pipe(Effect.provide(Hashmap.layer(person)))
  )
})
