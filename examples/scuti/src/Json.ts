/** Values of the table as JSON. Plain functions. */
import * as Inspectable from "effect/Inspectable"

/** How deep a value may be nested: what is deeper than the stack of the reader would break it. */
export const maxDepth = 64

/** A value, what is in it, what is in that, and so on. It does not recurse, as a value may be as deep as anything. */
function* levels(value: unknown): Generator<ReadonlyArray<unknown>> {
  for (let level: ReadonlyArray<unknown> = [value]; level.length > 0; ) {
    yield level
    level = level.flatMap((one) => (typeof one === "object" && one !== null ? Object.values(one) : []))
  }
}

/** Whether a value is nested no deeper than `maxDepth`. */
export const isShallow = (value: unknown): boolean => {
  let depth = -1
  for (const _ of levels(value)) if (++depth > maxDepth) return false
  return true
}

/** Whether no number in it is beyond all that there are: JSON can say `1e999`, but there it is read as infinite. */
export const isFinite = (value: unknown): boolean => {
  for (const level of levels(value)) {
    if (level.some((one) => typeof one === "number" && !Number.isFinite(one))) return false
  }
  return true
}

/**
 * A value that JSON can show. What JSON does not know (a bigint, a circle) is shown as text: others than this API may
 * have put it into the table.
 */
export const plain = (value: unknown): unknown => {
  try {
    return JSON.stringify(value) === undefined ? null : value
  } catch {
    return Inspectable.toStringUnknown(value, 0)
  }
}

/** A value as JSON, whatever it is: what JSON does not know is no reason to fail. Dates are ISO strings, as they say. */
export const text = (value: unknown): string => JSON.stringify(plain(value))

/** An object with the keys in order; one made by JavaScript would have those that look like numbers first. */
export const object = (entries: Iterable<readonly [string, unknown]>): string =>
  `{${Array.from(entries)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, value]) => `${JSON.stringify(key)}:${text(value)}`)
    .join(",")}}`
