import { addEqualityTesters, assert, expect } from "@effect/vitest"

// `expect(…).toEqual` and `toStrictEqual` then compare Effect's values by `Equal`.
addEqualityTesters()

type Comparison = (actual: unknown, expected: unknown, message?: string) => void

/** A failure is shown where the test asserts, not here. */
const shownAtCaller = (compare: Comparison): Comparison =>
  function asserted(actual, expected, message) {
    try {
      compare(actual, expected, message)
    } catch (error) {
      if (error instanceof Error) Error.captureStackTrace(error, asserted)
      throw error
    }
  }

// Chai's own comparison looks at how things iterate, and whatever can be `yield*`ed iterates alike: it holds
// `Option.none()` and `Option.some(1)` for equal. So that of `expect` stands in for it.
assert.deepStrictEqual = shownAtCaller((actual, expected, message) => expect(actual, message).toStrictEqual(expected))
assert.deepEqual = shownAtCaller((actual, expected, message) => expect(actual, message).toEqual(expected))
assert.notDeepEqual = shownAtCaller((actual, expected, message) => expect(actual, message).not.toEqual(expected))
