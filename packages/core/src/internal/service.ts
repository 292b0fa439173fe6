/**
 * The class that `GenServer.Service` makes: a tag, and the way from callbacks to a layer.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { start } from "./calling.ts"
import { checkProtocol, type Definition, define, processName, selfKey } from "./definition.ts"
import { NameRef } from "./nameRef.ts"
import { currentWhereabouts } from "./whereabouts.ts"

/** What a server's layer carries, so that it can be started without building the layer. */
const ServerLayerTypeId = "~@effect-otp/core/ServerLayer"

interface ServerLayer {
  readonly [ServerLayerTypeId]: { readonly definition: Definition; readonly args: ReadonlyArray<unknown> }
}

/** The definition and arguments of a layer that `toLayer` made and nothing was done to. */
export const serverLayerOf = (layer: unknown): ServerLayer[typeof ServerLayerTypeId] | undefined =>
  (typeof layer === "object" || typeof layer === "function") && layer !== null && ServerLayerTypeId in layer
    ? (layer as ServerLayer)[ServerLayerTypeId]
    : undefined

/** What the layer of a named supervisor carries: its name, by which it is known as a child, too. */
const LayerNameTypeId = "~@effect-otp/core/LayerName"

/** Says what the process is called that a layer starts. */
export const withName = <L extends object>(layer: L, name: string): L =>
  Object.assign(layer, { [LayerNameTypeId]: name })

/** The name of the server or supervisor that a layer starts, if that is all it does. */
export const nameOf = (layer: object): string | undefined =>
  serverLayerOf(layer)?.definition.name ?? (layer as { readonly [LayerNameTypeId]?: string })[LayerNameTypeId]

const options = ["state", "messages"]

export const makeService = (key: unknown, given: unknown): object => {
  if (typeof key !== "string" || processName(key) === "") {
    throw new TypeError(`GenServer.Service: the name must be a string that ends with a word, but is ${String(key)}`)
  }
  const name = processName(key)
  if (typeof given !== "object" || given === null) {
    throw new TypeError(`${name}: the second argument must be an object with \`messages\`, but is ${String(given)}`)
  }
  for (const option of Object.keys(given)) {
    if (!options.includes(option)) throw new TypeError(`${name}: there is no option \`${option}\``)
  }
  const { messages, state } = given as { readonly messages?: unknown; readonly state?: unknown }
  if (state !== undefined && !Schema.isSchema(state)) {
    throw new TypeError(`${name}: \`state\` must be a schema, but is ${String(state)}`)
  }
  const protocol = checkProtocol(name, messages)
  const tag = Context.Tag(key)<unknown, unknown>()
  const self = Context.GenericTag<unknown>(selfKey(key))

  return class extends tag {
    static readonly state = state
    static readonly messages = messages
    static readonly self = self
    static readonly byName = byName(tag, name)

    static toLayer(init: unknown, callbacks: unknown): object {
      return layerOf(tag, define(key, protocol, init, callbacks))
    }

    static start(...args: ReadonlyArray<unknown>): Effect.Effect<unknown, unknown, unknown> {
      // What the user's class calls `layer` is not known here, and in JavaScript it may be missing.
      const { layer } = this as { readonly layer?: unknown }
      const server = serverLayerOf(layer)
      if (server !== undefined) return start(server.definition, args)
      const built = typeof layer === "function" && !Layer.isLayer(layer) ? layer(...args) : layer
      if (Layer.isLayer(built)) return Effect.map(Layer.build(built), (context) => Context.unsafeGet(context, tag))
      return Effect.dieMessage(`${name}.start: ${name} has no \`layer\``)
    }
  }
}

/** A layer that builds nothing: its ref finds, at each use, who holds the name under the root it was built under. */
export const byName = (tag: Context.Tag<unknown, unknown>, name: string): Layer.Layer<unknown> =>
  Layer.effect(
    tag,
    Effect.withFiberRuntime((fiber) =>
      Effect.succeed(new NameRef(tag.key, name, fiber.getFiberRef(currentWhereabouts)?.root ?? null))
    )
  )

/**
 * A layer for an `init` without arguments, a function to layers for one with arguments: which of the two cannot be seen
 * in JavaScript (`(initial = empty) => …` has a length of 0), so it is both, and the types say which it is.
 */
const layerOf = (tag: Context.Tag<unknown, unknown>, definition: Definition): object =>
  callable((...args) => serverLayer(tag, definition, args))

/** The layer of a server with these arguments of its `init`. */
export const serverLayer = (
  tag: Context.Tag<unknown, unknown>,
  definition: Definition,
  args: ReadonlyArray<unknown>
): Layer.Layer<unknown, unknown> =>
  Object.assign(Layer.scoped(tag, start(definition, args)), { [ServerLayerTypeId]: { definition, args } })

/** What a function gives without arguments, that is also that function. */
export const callable = (
  build: (...args: ReadonlyArray<unknown>) => Layer.Layer<unknown, unknown, unknown>
): object => {
  const layer = build()
  return Object.assign((...args: ReadonlyArray<unknown>) => build(...args), layer, {
    [Layer.LayerTypeId]: layer[Layer.LayerTypeId],
    pipe: layer.pipe
  })
}
