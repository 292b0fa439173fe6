// Clusters: what their layers give and require, what asks them, and which options there may be.
import { Application, GenServer, Supervisor } from "@effect-otp/core"
import { Config, Effect, Layer, Schema } from "effect"
import { DnsCluster } from "../src/index.ts"

class Workers extends DnsCluster.Service<Workers>()("@app/Workers") {}

class Size extends GenServer.Call<Size>()("Size", { success: Schema.Number }) {}
class Room extends GenServer.Service<Room>()("@app/Room", { messages: [Size] }) {}

// -- layers -----------------------------------------------------------------------------------------------------------

export const layer = DnsCluster.layer({ query: "app.internal" })
//           ^? const layer: Layer.Layer<DnsCluster.DnsCluster, never, never>
export const workers = Workers.layer({
  //         ^? const workers: Layer.Layer<Workers, never, never>
  query: ["app.internal", { basename: "worker", query: "_work._tcp.app.internal" }],
  resourceTypes: ["A", "SRV"],
  interval: "10 seconds",
  connectTimeout: 500,
  self: ["app@10.0.0.1", "app@fd00::1"],
  resolver: DnsCluster.resolver({ servers: ["10.0.0.10"], tries: 3 })
})
export const byName = Workers.byName
//           ^? const byName: Layer.Layer<Workers, never, never>
export const started = Workers.start({ query: "ignore" })
//           ^? const started: Effect.Effect<GenServer.ServerRef<Workers>, never, Scope>
export const children = Supervisor.layer({ children: [layer, Supervisor.child(workers, { restart: "transient" })] })
//           ^? const children: Layer.Layer<DnsCluster.DnsCluster | Workers, never, never>

export const Scuti = Application.make({
  name: "ScutiWeb.Supervisor",
  children: Effect.map(Config.string("DNS_CLUSTER_QUERY"), (query) => [DnsCluster.layer({ query })])
})

// -- clients ----------------------------------------------------------------------------------------------------------

export const all = DnsCluster.peers()
//           ^? const all: Effect.Effect<readonly DnsCluster.Peer[], CallError, DnsCluster.DnsCluster>
export const some = DnsCluster.peers(Workers)
//           ^? const some: Effect.Effect<readonly DnsCluster.Peer[], CallError, Workers>
export const ofRef = Effect.flatMap(started, (ref) => DnsCluster.peers(ref))
//           ^? const ofRef: Effect.Effect<readonly DnsCluster.Peer[], CallError, Scope>
export const news = DnsCluster.changes()
//           ^? const news: Stream<DnsCluster.PeerChange, never, DnsCluster.DnsCluster>
export const workersNews = DnsCluster.changes(Workers)
//           ^? const workersNews: Stream<DnsCluster.PeerChange, never, Workers>

// @expect-error: is not assignable to parameter of type
export const notACluster = DnsCluster.peers(Room)
// @expect-error: is not assignable to parameter of type
export const noChanges = DnsCluster.changes(Room)

// -- resolvers --------------------------------------------------------------------------------------------------------

export const provided = Layer.provide(layer, Layer.succeed(DnsCluster.Resolver, DnsCluster.resolver()))
//           ^? const provided: Layer.Layer<DnsCluster.DnsCluster, never, never>

export const own: DnsCluster.ResolverService = {
  lookup: (query, type) =>
    query === ""
      ? Effect.fail(new DnsCluster.LookupFailed({ query, type, reason: "no name" }))
      : Effect.succeed([{ host: "10.0.0.1", port: 4000 }]),
  connectNode: (peer) => Effect.succeed(peer.port === 4000),
  listNodes: Effect.succeed(new Set(["app@10.0.0.1"]))
}

// @expect-error: Type 'string' is not assignable to type 'Address'
export const texts: DnsCluster.ResolverService = { ...own, lookup: () => Effect.succeed(["10.0.0.1"]) }

// @expect-error: is not assignable to type 'boolean'
export const silent: DnsCluster.ResolverService = { ...own, connectNode: () => Effect.void }

// -- options ----------------------------------------------------------------------------------------------------------

// @expect-error: Property 'query' is missing in type '{}' but required in type 'Options'
DnsCluster.layer({})
// @expect-error: Type 'number' is not assignable to type
DnsCluster.layer({ query: 1 })
// @expect-error: Type '[string, string]' is not assignable to type 'string | NamedQuery'
DnsCluster.layer({ query: [["app", "app.internal"]] })
// @expect-error: Type '{ query: string; }' is not assignable to type 'string | NamedQuery | readonly (string | NamedQuery)[]'
DnsCluster.layer({ query: { query: "app.internal" } })
// @expect-error: Type '"MX"' is not assignable to type 'ResourceType'
DnsCluster.layer({ query: "app.internal", resourceTypes: ["MX"] })
// @expect-error: 'pollInterval' does not exist in type 'Options'
DnsCluster.layer({ query: "app.internal", pollInterval: 1 })
// @expect-error: Missing `Self` generic - use `class Self extends DnsCluster.Service<Self>()...`
class Nobody extends DnsCluster.Service()("@app/Nobody") {}

export type Unused = Nobody
