/**
 * What is decided about one message: whether a subscriber's queue takes it, and by which lane it goes to other nodes.
 */

/** What a queue with a limit does when it is full. */
export type Overflow = "dropNewest" | "dropOldest" | "end"

export const overflows: ReadonlyArray<Overflow> = ["dropNewest", "dropOldest", "end"]

/** What becomes of a message that comes to a queue. */
export type Admission =
  | "take"
  /** It is dropped. */
  | "refuse"
  /** It is taken, and the oldest one dropped for it. */
  | "replace"
  /** It is dropped, and so is the subscription. */
  | "end"

export const admit = (waiting: number, capacity: number, overflow: Overflow): Admission => {
  if (waiting < capacity) return "take"
  switch (overflow) {
    case "dropNewest":
      return "refuse"
    case "dropOldest":
      return "replace"
    case "end":
      return "end"
  }
}

/** How many lanes a node listens on, and on how many of them it sends. */
export interface Pool {
  readonly poolSize: number
  readonly broadcastPoolSize: number
}

/** What is wrong with a pool (`PS-1`), if anything is. */
export const poolMisfit = ({ broadcastPoolSize, poolSize }: Pool): string | null => {
  if (!isCount(poolSize)) return `\`poolSize\` must be a whole number from 1 up, but is ${String(poolSize)}`
  if (!isCount(broadcastPoolSize)) {
    return `\`broadcastPoolSize\` must be a whole number from 1 up, but is ${String(broadcastPoolSize)}`
  }
  return broadcastPoolSize <= poolSize
    ? null
    : `\`broadcastPoolSize\` must not be greater than \`poolSize\`, which is ${poolSize}, but is ${broadcastPoolSize}: a node sends on no lane that it does not listen on itself`
}

const isCount = (n: number): boolean => Number.isInteger(n) && n >= 1

/** The lane of a sender: always the same, so that what it sends stays in its order (`PS-9`). */
export const laneOf = (sender: number, { broadcastPoolSize }: Pool): number => Math.abs(sender) % broadcastPoolSize
