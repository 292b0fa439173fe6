/**
 * What an application that has failed says of itself: what it could not do, why, and what became of the rest.
 */
import * as Cause from "effect/Cause"
import * as ExitReason from "../ExitReason.ts"
import { MaxRestartsExceeded } from "../SupervisorError.ts"
import { causeLine } from "./causeLine.ts"
import type { Root } from "./root.ts"

export interface Failure {
  readonly application: string
  readonly during: "start" | "run"
  readonly path: ReadonlyArray<string>
  readonly reason: Cause.Cause<unknown>
  readonly started: ReadonlyArray<string>
  readonly account: string
}

type Path = ReadonlyArray<string>

const inWords = (path: Path): string => path.slice(1).join(" / ")

const startedOf = ({ started }: Root): ReadonlyArray<string> => started.map(inWords)

/** A child could not be started, or the list of children could not be made. */
export const notStarted = (name: string, root: Root, cause: Cause.Cause<unknown>): Failure => {
  const path = root.failure?.path ?? [name]
  const reason = root.failure?.cause ?? cause
  const started = startedOf(root)
  const what = path.length === 1 ? "its children" : inWords(path)
  const rest =
    started.length === 0 ? "Nothing had been started." : `Started, and stopped again in reverse: ${started.join(", ")}.`
  return {
    application: name,
    during: "start",
    path,
    reason,
    started,
    account: `${name} could not start ${what}: ${causeLine(reason)}. ${rest}`
  }
}

/** The supervisor that gave up first: those above it did because of it. */
const innermost = (gaveUp: MaxRestartsExceeded): MaxRestartsExceeded => {
  const within = Cause.failureOption(gaveUp.reason)
  return within._tag === "Some" && within.value instanceof MaxRestartsExceeded ? innermost(within.value) : gaveUp
}

/** The top supervisor gave up. */
export const gaveUp = (name: string, root: Root, top: MaxRestartsExceeded): Failure => {
  const { child, path, reason } = innermost(top)
  return {
    application: name,
    during: "run",
    path: [...path, child],
    reason,
    started: startedOf(root),
    account: `${name} has ended: ${top.message}.`
  }
}

/** The top supervisor has ended as nobody wanted. */
export const fell = (name: string, root: Root, reason: ExitReason.ExitReason): Failure => {
  const cause = reason._tag === "Crash" ? reason.cause : Cause.empty
  const end = reason._tag === "Crash" ? `ended by itself: ${causeLine(cause)}` : `was ${ExitReason.format(reason)}`
  return {
    application: name,
    during: "run",
    path: [name],
    reason: cause,
    started: startedOf(root),
    account: `${name} has ended: its supervisor ${end}.`
  }
}
