import { addEqualityTesters, assert, expect } from "@effect/vitest"

// `expect(…).toEqual` and `toStrictEqual` then compare Effect's values by `Equal`.
addEqualityTesters()

// Chai's own comparison looks at how things iterate, and whatever can be `yield*`ed iterates alike: it holds
// `Option.none()` and `Option.some(1)` for equal. So that of `expect` stands in for it.
assert.deepStrictEqual = (actual, expected, message) => expect(actual, message).toStrictEqual(expected)
assert.deepEqual = (actual, expected, message) => expect(actual, message).toEqual(expected)
assert.notDeepStrictEqual = (actual, expected, message) => expect(actual, message).not.toStrictEqual(expected)
assert.notDeepEqual = (actual, expected, message) => expect(actual, message).not.toEqual(expected)
