/** What every server of the benchmark does: the same table in each, and the same check of each answer. */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type { Seed } from "./contestant.ts"

export const seed: Seed = { table: HashMap.make(["name", "John"], ["age", 30]), count: 0 }

/** An answer that is not what the messages before it make it. A benchmark of a server that errs is worth nothing. */
export class WrongAnswer extends Error {
  override readonly name = "WrongAnswer"
  constructor(what: string, expected: unknown, actual: unknown) {
    super(`${what}: expected ${String(expected)}, got ${String(actual)}`)
  }
}

/** To be called with every answer to a `get`. */
export const checkName = (answer: Option.Option<unknown>): void => {
  if (answer._tag === "None" || answer.value !== "John") throw new WrongAnswer("get", "John", answer)
}

/** To be called with every answer to a `put`. */
export const checkStored = (answer: unknown): void => {
  if (answer !== undefined) throw new WrongAnswer("put", undefined, answer)
}

/** To be called with what `get` says after the last `put`. */
export const checkLast = (answer: Option.Option<unknown>, last: number): void => {
  if (!Option.contains(answer, last)) throw new WrongAnswer("get after put", last, answer)
}

/** The next count, if `index` is the cast that was to come; a cast lost, doubled or overtaken makes it `NaN` for good. */
export const countCast = (count: number, index: number): number => (index === count ? count + 1 : Number.NaN)

/** To be called with a counting server's answer after `sent` casts. */
export const checkCount = (count: number, sent: number): void => {
  if (count !== sent) throw new WrongAnswer("casts counted", sent, count)
}

/** To be called with how many servers have been seen to start, or to end. */
export const checkServers = (what: "started" | "stopped", seen: number, expected: number): void => {
  if (seen !== expected) throw new WrongAnswer(`servers ${what}`, expected, seen)
}
