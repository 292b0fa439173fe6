/**
 * Carrying one field from a payload into a message.
 *
 * JavaScript engines keep what they have learnt about a property access with its place in the source. A place that
 * carries the fields of every message class meets many names and knows nothing: making a message of two fields takes
 * 70 ns that way, and 20 ns when each field has a place of its own. Generated code would have one, but is forbidden by
 * many content security policies; so here are sixty-four, equal to the letter, and the fields of the classes take turns
 * at them. Fields that share a place, in programs with more of them, are as slow as if all did, and right all the same.
 */
import type { Guard } from "./guard.ts"

/** Sets the field if its value is there and fits, and says whether it did. */
export type Carry = (
  to: Record<PropertyKey, unknown>,
  from: Record<PropertyKey, unknown>,
  field: { readonly key: PropertyKey; readonly fits: Guard }
) => boolean

// biome-ignore format: one place is one line
const places: ReadonlyArray<Carry> = [
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true },
  (to, from, { key, fits }) => { const v = from[key]; if (v === undefined || !fits(v)) return false; to[key] = v; return true }
]

let taken = 0

/** The next place. */
export const carry = (): Carry => places[taken++ % places.length]!
