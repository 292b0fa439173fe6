/**
 * One budget for the whole process that keeps busy servers from starving timers, I/O and signals.
 *
 * Each Effect fiber has a microtask runner of its own, so two servers that keep each other busy never let the event
 * loop turn. Whoever handles a message spends one unit of the budget. When it is spent, about every two milliseconds,
 * somebody looks at the clock; and when the loop has not turned for 5 ms, everybody's next step goes through a macrotask
 * until it has. This is about the real event loop, so it reads real time, not the `Clock`.
 */

/** Messages between two looks at the clock, at most: handlers may turn slow from one to the next. */
const most = 64

/** Milliseconds between two looks. */
const glance = 2

/** How long the event loop may stand still, in milliseconds. */
const patience = 5

const macrotask: (task: () => void) => void =
  typeof globalThis.setImmediate === "function"
    ? globalThis.setImmediate
    : (task) => void globalThis.setTimeout(task, 0)

let allowance = most
let left = allowance
let lookedAt = 0
let isWatching = false
let watchedSince = 0

const turned = (): void => {
  isWatching = false
  left = allowance
}

const isOverdue = (): boolean => {
  const now = performance.now()
  const elapsed = now - lookedAt
  lookedAt = now
  allowance = elapsed > glance ? Math.max(1, Math.floor((allowance * glance) / elapsed)) : Math.min(most, allowance * 2)
  left = allowance
  if (!isWatching) {
    isWatching = true
    watchedSince = now
    macrotask(turned)
    return false
  }
  if (now - watchedSince < patience) return false
  // From here on every step counts as overdue, whoever makes it: of a hundred busy servers each must give way.
  left = 1
  return true
}

/** Counts one handled message. True when the next step must let the event loop turn (see {@link afterTurn}). */
export const spend = (): boolean => --left <= 0 && isOverdue()

/** Runs `resume` after the event loop has turned. */
export const afterTurn = macrotask
