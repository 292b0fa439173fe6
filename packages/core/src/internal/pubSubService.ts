/**
 * The class that `PubSub.Service` makes, and the processes behind its layer: a supervisor of the table, and of an adapter
 * if there is one. When the adapter ends it alone is started again; when the table does, both are (`PS-1`).
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { type Ref, seatOf } from "./calling.ts"
import { type Definition, define, processName, show } from "./definition.ts"
import { ordersOf } from "./orders.ts"
import { connect, receive } from "./pubSub.ts"
import { Board, type Connection, type Dispatcher, type Parcel, type Setting } from "./pubSubBoard.ts"
import { type Pool, poolMisfit } from "./pubSubRules.ts"
import { byName, callable, serverLayer, withName } from "./service.ts"
import { checkOptions, childSpec } from "./spec.ts"
import { supervisorDefinition, supervisorLayer } from "./supervisor.ts"

const refuse = (who: string, what: string): never => {
  throw new TypeError(`${who}: ${what}`)
}

/** What an adapter is given. */
export interface Node extends Pool {
  readonly pubsub: string
  readonly receive: (parcel: Parcel) => Effect.Effect<void>
}

interface Adapter {
  readonly nodeName: string
  readonly start: (node: Node) => Effect.Effect<Connection, unknown, Scope.Scope>
}

const localNode = "nonode@nohost"

/** The process that keeps the table. */
const tableDefinition = (key: string): Definition =>
  define(key, new Map(), (setting: Setting) => new Board(setting), { format: (board: Board) => board.counts }, "PubSub")

export const makePubSub = (key: unknown, given: unknown): object => {
  if (typeof key !== "string" || processName(key) === "") {
    return refuse(
      "PubSub.Service",
      `the name is mandatory, and must be a string that ends with a word, as in "@app/Updates", but is ${show(key)}`
    )
  }
  const name = processName(key)
  const dispatchers = dispatchersOf(name, given)
  const tag = Context.Tag(key)<unknown, unknown>()
  const table = tableDefinition(key)
  const supervisor = supervisorDefinition(`${key}.Supervisor`, name, true)
  const layer = callable((options = {}) => {
    const who = `${name}.layer`
    const { adapter, pool } = optionsOf(who, options)
    const setting: Setting = {
      nodeName: adapter?.nodeName ?? localNode,
      isDistributed: adapter !== null,
      pool,
      dispatchers
    }
    const children: Array<unknown> = [childSpec(serverLayer(tag, table, [setting]), { id: "Registry" })]
    if (adapter !== null) children.push(childSpec(adapterLayer(name, tag, adapter, pool), { id: "Adapter" }))
    return withName(supervisorLayer(supervisor, null, ordersOf(who, { strategy: "rest_for_one", children })), name)
  })

  return class extends tag {
    static readonly layer = layer
    static readonly byName = byName(tag, name)
  }
}

const dispatchersOf = (name: string, given: unknown): ReadonlyMap<string, Dispatcher> => {
  if (given === undefined) return new Map()
  checkOptions(name, given, ["dispatchers"])
  const { dispatchers = {} } = given as { readonly dispatchers?: unknown }
  if (typeof dispatchers !== "object" || dispatchers === null) {
    return refuse(name, `\`dispatchers\` must be an object of functions, but is ${show(dispatchers)}`)
  }
  for (const [dispatcher, value] of Object.entries(dispatchers)) {
    if (typeof value !== "function")
      refuse(name, `\`dispatchers.${dispatcher}\` must be a function, but is ${show(value)}`)
  }
  return new Map(Object.entries(dispatchers as { readonly [name: string]: Dispatcher }))
}

const optionsOf = (who: string, given: unknown): { readonly adapter: Adapter | null; readonly pool: Pool } => {
  checkOptions(who, given, ["adapter", "poolSize", "broadcastPoolSize"])
  const { adapter, poolSize = 1, broadcastPoolSize = poolSize } = given as { readonly [option: string]: unknown }
  // What is not a number is told of by the rule, too.
  const pool = { poolSize, broadcastPoolSize } as Pool
  const misfit = poolMisfit(pool)
  if (misfit !== null) refuse(who, misfit)
  return { adapter: adapter === undefined ? null : adapterOf(who, adapter), pool }
}

const adapterOf = (who: string, adapter: unknown): Adapter => {
  const { nodeName, start } = (adapter ?? {}) as { readonly nodeName?: unknown; readonly start?: unknown }
  if (typeof start !== "function") refuse(who, `\`adapter\` must be { nodeName, start }, but is ${show(adapter)}`)
  if (typeof nodeName !== "string" || nodeName === "") {
    refuse(who, `\`adapter.nodeName\` must be a string that is not empty, but is ${show(nodeName)}`)
  }
  return adapter as Adapter
}

const adapterLayer = (
  name: string,
  tag: Context.Tag<unknown, unknown>,
  adapter: Adapter,
  pool: Pool
): Layer.Layer<never, unknown, unknown> =>
  Layer.scopedDiscard(
    Effect.flatMap(tag, (service) => {
      const ref = seatOf(service) as Ref
      return Effect.flatMap(
        adapter.start({ pubsub: name, ...pool, receive: (parcel) => receive(ref, parcel) }),
        (connection) => connect(ref, connectionOf(name, connection))
      )
    })
  )

const connectionOf = (name: string, given: Connection): Connection => {
  const { broadcast, directBroadcast } = (given ?? {}) as Partial<Connection>
  if (typeof broadcast === "function" && typeof directBroadcast === "function") return given
  return refuse(name, `its adapter's \`start\` must give { broadcast, directBroadcast }, but has given ${show(given)}`)
}
