/**
 * Which lines the journal gets for what arrives from the table: plain data and functions.
 *
 * Changes are numbered from 1, on and on for one run of the application. So a number that was written already is written
 * no second time, and one that is left out is a gap, which gets a line of its own.
 */
import type * as DateTime from "effect/DateTime"
import * as Json from "../Json.ts"
import type { Update } from "../Updates.ts"

export type Operation = "start" | "put" | "update" | "delete" | "gap"

/** A line that is still to be written. Its value is JSON. */
export interface Line {
  readonly sequence: number
  readonly operation: Operation
  readonly key: string | null
  readonly value: string | null
  readonly at: DateTime.Utc
}

/** What arrives: a change, or word that the table has made so many of them, and that no more of those will come. */
export type Arrival =
  | { readonly _tag: "Changed"; readonly line: Line }
  | { readonly _tag: "Reached"; readonly sequence: number; readonly at: DateTime.Utc }

/** The line of a change. */
export const lineOf = (update: Update): Line => {
  const { at, sequence } = update
  switch (update._tag) {
    case "Put":
      return { sequence, operation: update.by, key: update.key, value: Json.text(update.value), at }
    case "Delete":
      return { sequence, operation: "delete", key: update.key, value: null, at }
    case "Start":
      return { sequence, operation: "start", key: null, value: Json.text(update.entries), at }
  }
}

/** The line of the changes from one number to another, which are missing: its value says how many they are. */
const gap = (from: number, to: number, at: DateTime.Utc): Line => ({
  sequence: to,
  operation: "gap",
  key: null,
  value: String(to - from + 1),
  at
})

export interface Plan {
  /** To be written together, in this order. */
  readonly lines: ReadonlyArray<Line>
  /** The number of the last change that is then written, or known to be missing. */
  readonly last: number
}

/** What to write for what has arrived, after the change with the number `last`; 0 where there is none in this run. */
export const plan = (last: number, arrivals: Iterable<Arrival>): Plan => {
  const lines: Array<Line> = []
  for (const arrival of arrivals) {
    const { at, sequence } = arrival._tag === "Changed" ? arrival.line : arrival
    if (sequence <= last) continue
    if (arrival._tag === "Reached") lines.push(gap(last + 1, sequence, at))
    else {
      if (sequence > last + 1) lines.push(gap(last + 1, sequence - 1, at))
      lines.push(arrival.line)
    }
    last = sequence
  }
  return { lines, last }
}
