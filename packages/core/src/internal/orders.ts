/**
 * What a supervisor is told: its options, checked where they are given.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { AutoShutdown, Strategy } from "../ChildSpec.ts"
import { durationOption, show } from "./definition.ts"
import type { Patience } from "./overseer.ts"
import { checkOptions, idAt, type Spec, significanceMisfit, specOf } from "./spec.ts"
import type { Orders } from "./supervisor.ts"

const refuse = (who: string, what: string): never => {
  throw new TypeError(`${who}: ${what}`)
}

const strategies: ReadonlyArray<unknown> = ["one_for_one", "one_for_all", "rest_for_one"]
const autoShutdowns: ReadonlyArray<unknown> = ["never", "any_significant", "all_significant"]

interface Given {
  readonly strategy?: unknown
  readonly autoShutdown?: unknown
  readonly children?: unknown
  readonly intensity?: unknown
  readonly backoff?: unknown
}

/** The options of every supervisor that has children of its own. */
export const supervisorOptions = ["strategy", "children", "intensity", "backoff", "autoShutdown"]

export const ordersOf = (who: string, given: Given): Orders => {
  const { autoShutdown = "never", children, strategy = "one_for_one" } = given
  if (!strategies.includes(strategy)) {
    refuse(who, `\`strategy\` must be one of ${strategies.join(", ")}, but is ${show(strategy)}`)
  }
  if (!autoShutdowns.includes(autoShutdown)) {
    refuse(who, `\`autoShutdown\` must be one of ${autoShutdowns.join(", ")}, but is ${show(autoShutdown)}`)
  }
  const rules = { strategy: strategy as Strategy, autoShutdown: autoShutdown as AutoShutdown }
  const check = (children: unknown): ReadonlyArray<Spec> => specsOf(who, children, rules.autoShutdown)
  const isEffect = Effect.isEffect(children)
  const list = isEffect ? null : check(children)
  return {
    rules,
    patience: patienceOf(who, given),
    children: isEffect
      ? Effect.map(children as Effect.Effect<unknown, unknown, unknown>, check)
      : Effect.succeed(list as ReadonlyArray<Spec>)
  }
}

/** How many restarts within which time; 3 within 5 seconds unless said otherwise (`SUP-1`). */
export const patienceOf = (who: string, given: Given): Patience => {
  const { backoff, intensity = {} } = given
  if (typeof intensity !== "object" || intensity === null) {
    return refuse(who, `\`intensity\` must be { restarts, within }, but is ${show(intensity)}`)
  }
  checkOptions(`${who}: intensity`, intensity, ["restarts", "within"])
  const { restarts = 3, within = 5_000 } = intensity as { readonly restarts?: unknown; readonly within?: unknown }
  if (typeof restarts !== "number" || !(restarts >= 0) || !(restarts === Infinity || Number.isInteger(restarts))) {
    return refuse(who, `\`intensity.restarts\` must be a whole number from 0 up, but is ${show(restarts)}`)
  }
  const millis = durationOption(who, "intensity.within", within)
  if (millis <= 0) refuse(who, `\`intensity.within\` must be more than nothing, but is ${show(within)}`)
  if (backoff !== undefined && !Schedule.isSchedule(backoff)) {
    return refuse(who, `\`backoff\` must be a Schedule, but is ${show(backoff)}`)
  }
  return { restarts, within: millis, backoff: (backoff as Patience["backoff"] | undefined) ?? null }
}

/** The children of a list, checked together. */
const specsOf = (who: string, children: unknown, autoShutdown: AutoShutdown): ReadonlyArray<Spec> => {
  if (!Array.isArray(children)) {
    return refuse(who, `\`children\` must be an array or an Effect of one, but is ${show(children)}`)
  }
  const specs = (children as ReadonlyArray<unknown>).map((child) => specOf(who, child))
  const ids = new Set<string>()
  for (const [at, spec] of specs.entries()) {
    const id = idAt(spec, at + 1)
    if (ids.has(id)) refuse(who, `two of its children have the id ${show(id)}`)
    ids.add(id)
    const misfit = significanceMisfit(id, spec, autoShutdown)
    if (misfit !== null) refuse(who, misfit)
  }
  if (autoShutdown !== "never" && !specs.some((spec) => spec.care.significant)) {
    refuse(who, `\`autoShutdown\` is ${autoShutdown}, but none of its children is significant`)
  }
  return specs
}
