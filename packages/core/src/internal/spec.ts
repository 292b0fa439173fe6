/**
 * Children as they are given to supervisors: checked where they are made, and turned into places where they are to live.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { AutoShutdown, Options } from "../ChildSpec.ts"
import { durationOption, show } from "./definition.ts"
import { FiberPlace, type StartIf, type Stuff } from "./fiberPlace.ts"
import type { Care, Keeper, Place } from "./place.ts"
import type { Seats } from "./seat.ts"
import { ServerPlace } from "./serverPlace.ts"
import { nameOf, serverLayerOf } from "./service.ts"

/** A child with what was said about it. */
export class Spec {
  readonly id: string | undefined
  readonly stuff: Stuff
  readonly care: Care
  readonly startIf: StartIf | null

  constructor(id: string | undefined, stuff: Stuff, care: Care, startIf: StartIf | null) {
    this.id = id
    this.stuff = stuff
    this.care = care
    this.startIf = startIf
  }
}

const refuse = (who: string, what: string): never => {
  throw new TypeError(`${who}: ${what}`)
}

/** Options as they may come from JavaScript. */
interface CareOptions extends Omit<Options, "significant"> {
  readonly significant?: unknown
}

const restarts = ["permanent", "transient", "temporary"]

/** How a child is looked after, as its options say. */
export const careOf = (who: string, given: CareOptions): Care => {
  const { restart = "permanent", shutdown, significant = false } = given
  if (!restarts.includes(restart)) {
    refuse(who, `\`restart\` must be one of ${restarts.join(", ")}, but is ${show(restart)}`)
  }
  if (typeof significant !== "boolean") {
    return refuse(who, `\`significant\` must be true or false, but is ${show(significant)}`)
  }
  if (significant && restart === "permanent") {
    refuse(who, "a significant child must be transient or temporary: a permanent one never ends for good")
  }
  return {
    restart,
    significant,
    shutdown:
      shutdown === undefined
        ? null
        : durationOption(who, "shutdown", shutdown, { brutal: 0, infinity: Number.POSITIVE_INFINITY })
  }
}

/** What is wrong with a significant child of a supervisor that does not mind how its children end (`SUP-29`). */
export const significanceMisfit = (id: string, { care }: Spec, autoShutdown: AutoShutdown): string | null =>
  care.significant && autoShutdown === "never" ? `the child ${id} is significant, but \`autoShutdown\` is never` : null

/** The options of a child, and no others. */
export const checkOptions = (who: string, given: unknown, known: ReadonlyArray<string>): void => {
  if (typeof given !== "object" || given === null) refuse(who, `the options must be an object, but are ${show(given)}`)
  for (const key of Object.keys(given as object)) if (!known.includes(key)) refuse(who, `there is no option \`${key}\``)
}

const idOf = (who: string, id: unknown): string | undefined => {
  if (id !== undefined && (typeof id !== "string" || id === "")) {
    refuse(who, `\`id\` must be a string that is not empty, but is ${show(id)}`)
  }
  return id as string | undefined
}

interface ChildOptions extends CareOptions {
  readonly lateBound?: unknown
  readonly startIf?: unknown
  readonly watch?: unknown
}

export const childSpec = (layer: unknown, options: ChildOptions): Spec => {
  const who = "Supervisor.child"
  checkOptions(who, options, ["id", "restart", "shutdown", "significant", "lateBound", "startIf", "watch"])
  if (!isLayer(layer)) return refuse(who, `the child must be a Layer, but is ${show(layer)}`)
  const { lateBound = [], startIf, watch = true } = options
  if (!Array.isArray(lateBound) || !lateBound.every(Context.isTag)) {
    return refuse(who, `\`lateBound\` must be an array of tags, but is ${show(lateBound)}`)
  }
  if (startIf !== undefined && !Effect.isEffect(startIf)) {
    return refuse(who, `\`startIf\` must be an Effect of a boolean, but is ${show(startIf)}`)
  }
  if (typeof watch !== "boolean") return refuse(who, `\`watch\` must be true or false, but is ${show(watch)}`)
  return new Spec(
    idOf(who, options.id),
    {
      _tag: "Layer",
      layer,
      lateBound: (lateBound as ReadonlyArray<{ readonly key: string }>).map(({ key }) => key),
      watch
    },
    careOf(who, options),
    (startIf as StartIf | undefined) ?? null
  )
}

export const workerSpec = (id: unknown, effect: unknown, options: ChildOptions): Spec => {
  const who = "Supervisor.worker"
  checkOptions(who, options, ["restart", "shutdown", "significant", "startIf"])
  if (typeof id !== "string") return refuse(who, `the id must be a string that is not empty, but is ${show(id)}`)
  if (!Effect.isEffect(effect)) return refuse(who, `the worker must be an Effect, but is ${show(effect)}`)
  const { startIf } = options
  if (startIf !== undefined && !Effect.isEffect(startIf)) {
    return refuse(who, `\`startIf\` must be an Effect of a boolean, but is ${show(startIf)}`)
  }
  return new Spec(
    idOf(who, id),
    { _tag: "Worker", effect: effect as Effect.Effect<unknown, unknown, unknown> },
    careOf(who, options),
    (startIf as StartIf | undefined) ?? null
  )
}

// A server's layer whose `init` takes optional arguments is a function, too.
const isLayer = (u: unknown): u is Layer.Layer<unknown, unknown, unknown> =>
  Layer.isLayer(u) || (typeof u === "function" && Layer.LayerTypeId in u)

/** A child of a list: a layer stands for itself with the defaults. */
export const specOf = (who: string, child: unknown): Spec => {
  if (child instanceof Spec) return child
  if (isLayer(child)) return childSpec(child, {})
  return refuse(who, `a child must be a Layer, Supervisor.child or Supervisor.worker, but is ${show(child)}`)
}

const serverOf = ({ stuff }: Spec) => (stuff._tag === "Layer" ? serverLayerOf(stuff.layer) : undefined)

/** A child's id at that position, from 1. */
export const idAt = ({ id, stuff }: Spec, position: number): string =>
  id ?? (stuff._tag === "Layer" ? nameOf(stuff.layer) : undefined) ?? `#${position}`

/** Where a child is to live. `position` counts from 1. */
export const placeOf = (
  spec: Spec,
  position: number,
  keeper: Keeper,
  inherited: (id: string) => Seats | undefined
): Place => {
  const { care, startIf, stuff } = spec
  const server = serverOf(spec)
  const id = idAt(spec, position)
  return server !== undefined && startIf === null
    ? new ServerPlace(id, care, keeper, server.definition, server.args, true, inherited(id))
    : new FiberPlace(id, care, keeper, stuff, startIf, inherited(id))
}
