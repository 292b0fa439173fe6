/**
 * What a supervisor does about the end of a child, as functions over plain data: which children it stops, in which
 * order, which it starts, and whether it ends itself. Positions are those of the list of children, from 0.
 */

import type { AutoShutdown, Restart, Strategy } from "../ChildSpec.ts"
import { type ExitReason, isExpected } from "../ExitReason.ts"

/**
 * Where a child is: `running`; `restarting` while an attempt to restart it is to come; `stopped` when it has finished, was
 * terminated, was ignored or has never been started.
 */
export type Status = "running" | "restarting" | "stopped"

/** What has to be known of a child. */
export interface Child {
  readonly restart: Restart
  readonly significant: boolean
  readonly status: Status
}

/** A supervisor's rules. */
export interface Rules {
  readonly strategy: Strategy
  readonly autoShutdown: AutoShutdown
}

export type Decision =
  /** The others are left alone (`SUP-9`). The child stays in the list, as one that has ended, unless it is forgotten. */
  | { readonly _tag: "Leave"; readonly forget: boolean }
  /** First these stop, then the forgotten ones are taken out of the list, then these start, each in that order. */
  | {
      readonly _tag: "Restart"
      readonly stop: ReadonlyArray<number>
      readonly forget: ReadonlyArray<number>
      readonly start: ReadonlyArray<number>
    }
  /** The supervisor ends with `shutdown`: it has restarted too often, or a significant child has ended. */
  | { readonly _tag: "End"; readonly why: "intensity" | "autoShutdown" }

/** Whether a child that has ended for that reason is to be started again (`SUP-9`). */
export const isRestarted = (restart: Restart, reason: ExitReason): boolean =>
  restart === "permanent" || (restart === "transient" && !isExpected(reason))

/**
 * The child at `position` has ended by itself. `isTooMany` counts a restart and
 * says whether the limit is passed; it is asked only if there is one to be counted (`SUP-17`).
 */
export const ended = (
  rules: Rules,
  children: ReadonlyArray<Child>,
  position: number,
  reason: ExitReason,
  isTooMany: () => boolean
): Decision => {
  const child = children[position] as Child
  if (isRestarted(child.restart, reason)) return restart(rules, children, position, isTooMany)
  return endsWith(rules, children, position)
    ? { _tag: "End", why: "autoShutdown" }
    : { _tag: "Leave", forget: child.restart === "temporary" }
}

/**
 * The child at `position` is to be started again, with those that its strategy ties to it (`SUP-10` to `SUP-12`): it has
 * ended, or an attempt to restart it has failed, for whatever reason (`SUP-18`).
 */
export const restart = (
  { strategy }: Rules,
  children: ReadonlyArray<Child>,
  position: number,
  isTooMany: () => boolean
): Decision => {
  if (isTooMany()) return { _tag: "End", why: "intensity" }
  if (strategy === "one_for_one") return { _tag: "Restart", stop: [], forget: [], start: [position] }
  const stop: Array<number> = []
  const forget: Array<number> = []
  const start: Array<number> = []
  for (let at = strategy === "one_for_all" ? 0 : position; at < children.length; at++) {
    const child = children[at] as Child
    if (at !== position && child.status === "running") stop.push(at)
    // A temporary sibling is stopped for good; all others start, whatever they had come to (`SUP-10`).
    if (at !== position && child.restart === "temporary") forget.push(at)
    else start.push(at)
  }
  return { _tag: "Restart", stop: stop.reverse(), forget, start }
}

/** Whether the end of that child, which is not restarted, ends the supervisor (`SUP-28`). */
const endsWith = ({ autoShutdown }: Rules, children: ReadonlyArray<Child>, position: number): boolean => {
  if (autoShutdown === "never" || !(children[position] as Child).significant) return false
  return (
    autoShutdown === "any_significant" ||
    children.every((child, at) => at === position || !child.significant || child.status === "stopped")
  )
}
