/**
 * The rules for a supervisor whose child has ended, once more and in the plainest form: said from the contract's rows, one
 * question at a time, each answered for all children.
 */
import * as ExitReason from "../../src/ExitReason.ts"
import type { Child, Decision, Rules } from "../../src/internal/plan.ts"

/** Exit reasons, as the contract tells them apart. */
export const reasons = {
  normal: ExitReason.normal,
  shutdown: ExitReason.shutdown(),
  "shutdown with a note": ExitReason.shutdown("note"),
  killed: ExitReason.killed,
  crash: ExitReason.crash("boom")
} as const

export type Reason = keyof typeof reasons

export const reasonNames = Object.keys(reasons) as ReadonlyArray<Reason>

/** The table of exit reasons. */
const comesBack: { readonly [R in Child["restart"]]: { readonly [_ in Reason]: boolean } } = {
  permanent: { normal: true, shutdown: true, "shutdown with a note": true, killed: true, crash: true },
  transient: { normal: false, shutdown: false, "shutdown with a note": false, killed: true, crash: true },
  temporary: { normal: false, shutdown: false, "shutdown with a note": false, killed: false, crash: false }
}

/** What must happen. */
export interface Outcome {
  readonly ends: "no" | "intensity" | "autoShutdown"
  /** How many restarts are counted. */
  readonly counted: number
  readonly stopped: ReadonlyArray<number>
  /** In no order. */
  readonly forgotten: ReadonlySet<number>
  readonly started: ReadonlyArray<number>
}

const quiet: Outcome = { ends: "no", counted: 0, stopped: [], forgotten: new Set(), started: [] }

/** The child at `position`, which ran, has ended by itself. */
export const ruledEnd = (
  rules: Rules,
  children: ReadonlyArray<Child>,
  position: number,
  reason: Reason,
  limitPassed: boolean
): Outcome => {
  const { restart, significant } = children[position]!
  // SUP-9: who triggers.
  if (comesBack[restart][reason]) return ruledRestart(rules, children, position, limitPassed)
  // SUP-28: a significant child's end, if it is not restarted, may be the supervisor's.
  const others = children.filter((_, at) => at !== position)
  const isLast = others.filter((other) => other.significant).every((other) => other.status === "stopped")
  const isEnough = { never: false, any_significant: true, all_significant: isLast }[rules.autoShutdown]
  if (significant && isEnough) return { ...quiet, ends: "autoShutdown" }
  // SUP-9: "a finished transient child stays, a temporary spec is removed"; siblings are not touched.
  return { ...quiet, forgotten: new Set(restart === "temporary" ? [position] : []) }
}

/** The child at `position` is to be started again: it has ended, or the attempt to do so has failed (SUP-18). */
export const ruledRestart = (
  rules: Rules,
  children: ReadonlyArray<Child>,
  position: number,
  limitPassed: boolean
): Outcome => {
  // SUP-17: each event counts once, however many children it concerns. SUP-14: beyond the limit nothing is restarted.
  if (limitPassed) return { ...quiet, counted: 1, ends: "intensity" }
  const all = [...children.keys()]
  const siblings = {
    one_for_one: [], // SUP-12
    one_for_all: all.filter((at) => at !== position), // SUP-10
    rest_for_one: all.filter((at) => at > position) // SUP-11
  }[rules.strategy]
  const temporary = siblings.filter((at) => children[at]!.restart === "temporary")
  const staying = siblings.filter((at) => children[at]!.restart !== "temporary")
  return {
    ends: "no",
    counted: 1,
    // "Stop all others in reverse order": those there is something to stop of.
    stopped: siblings.filter((at) => children[at]!.status === "running").sort((a, b) => b - a),
    // "Temporary siblings are stopped and forgotten."
    forgotten: new Set(temporary),
    // "Then start all in order. All means every spec."
    started: [position, ...staying].sort((a, b) => a - b)
  }
}

/** What a decision comes to, when so many restarts have been counted to take it. */
export const outcomeOf = (decision: Decision, position: number, counted: number): Outcome => {
  switch (decision._tag) {
    case "Leave":
      return { ...quiet, counted, forgotten: new Set(decision.forget ? [position] : []) }
    case "Restart":
      return {
        ends: "no",
        counted,
        stopped: decision.stop,
        forgotten: new Set(decision.forget),
        started: decision.start
      }
    case "End":
      return { ...quiet, counted, ends: decision.why }
  }
}

/** As `deepStrictEqual` does, for the millions of times that it holds. */
export const isSame = (a: Outcome, b: Outcome): boolean =>
  a.ends === b.ends &&
  a.counted === b.counted &&
  a.stopped.length === b.stopped.length &&
  a.stopped.every((at, index) => at === b.stopped[index]) &&
  a.forgotten.size === b.forgotten.size &&
  [...a.forgotten].every((at) => b.forgotten.has(at)) &&
  a.started.length === b.started.length &&
  a.started.every((at, index) => at === b.started[index])
