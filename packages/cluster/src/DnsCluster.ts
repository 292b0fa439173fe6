/**
 * Finds the other machines of a program by DNS, and tells who came and who went.
 *
 * A cluster is a process for anybody's list of children. Right after its start, and then again and again, it looks up the
 * A, AAAA or SRV records of one or more domain names, and has those connected that it does not know. What connecting means
 * is said by its {@link Resolver}: without one of your own the peers are known, and nothing else is done.
 *
 * **When to use it.** Where the platform keeps the addresses of all instances under one name: Kubernetes' headless
 * services, Fly, Nomad and Consul, AWS Cloud Map. **When not.** Where machines are few and fixed, a list in the
 * configuration is simpler; where it has to be known within a second that one is dead, let the connections say so: DNS
 * tells late.
 *
 * @example
 * ```ts
 * import { DnsCluster } from "@effect-otp/cluster"
 * import { Application, Supervisor } from "@effect-otp/core"
 * import { Config, Effect } from "effect"
 *
 * const Scuti = Application.make({
 *   name: "ScutiWeb.Supervisor",
 *   children: Effect.map(Config.withDefault(Config.string("DNS_CLUSTER_QUERY"), "ignore"), (query) => [
 *     DnsCluster.layer({ query })
 *   ])
 * })
 *
 * const program = Effect.map(Supervisor.whichChildren(Scuti.supervisor), ([child]) => {
 *   // DNS_CLUSTER_QUERY is not set, so that there is nothing to run
 *   console.log(child?.id, child?.status) // => DnsCluster stopped
 * })
 *
 * await Effect.runPromise(Effect.provide(program, Scuti.layer))
 * ```
 */
import type { CallError } from "@effect-otp/core/CallError"
import * as GenServer from "@effect-otp/core/GenServer"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { emptyView, type ResourceType, tell } from "./internal/discovery.ts"
import type { Peer, PeerChange } from "./internal/peer.ts"
import { ListPeers, processOf, type State } from "./internal/process.ts"
import { lookupBy, type ResolverService } from "./internal/resolver.ts"
import { nodeDnsOf, ordersOf, show } from "./internal/settings.ts"

export type { ResourceType } from "./internal/discovery.ts"
export { type Address, Peer, type PeerChange, PeerDown, PeerUp } from "./internal/peer.ts"
export { ConnectTimeout } from "./internal/process.ts"
export { LookupFailed, type ResolverService } from "./internal/resolver.ts"

// ---------------------------------------------------------------------------------------------------------------------
// Resolvers
// ---------------------------------------------------------------------------------------------------------------------

/**
 * What {@link resolver} can be told: where and how to look up, and the parts of a resolver that are not of DNS.
 *
 * @category models
 */
export interface ResolverOptions extends Partial<Omit<ResolverService, "lookup">> {
  /** The name servers: IP addresses, with a port or without (`"10.0.0.10"`, `"127.0.0.1:5353"`). The system's by default. */
  readonly servers?: ReadonlyArray<string> | undefined
  /** How long a name server is waited for at first, before it is tried again. 2 seconds by default. */
  readonly timeout?: Duration.DurationInput | undefined
  /** How often each name server is tried, from 1 up. 2 by default. */
  readonly tries?: number | undefined
}

/**
 * A resolver that looks up through `node:dns`.
 *
 * It asks name servers and does not read `/etc/hosts`, and names are looked up as they are: search domains are not
 * added, so a query is a whole name (`app.default.svc.cluster.local`). An interrupted lookup is cancelled.
 *
 * An option that makes no sense throws.
 *
 * @example
 * ```ts
 * import { DnsCluster } from "@effect-otp/cluster"
 * import { Effect } from "effect"
 *
 * const resolver = DnsCluster.resolver({
 *   servers: ["10.0.0.10"],
 *   connectNode: (peer) => Effect.as(Effect.log(`connecting ${peer.host}`), true)
 * })
 *
 * export const layer = DnsCluster.layer({ query: "app.internal", resolver })
 * ```
 *
 * @category resolvers
 */
export const resolver = (options: ResolverOptions = {}): ResolverService => {
  const lookup = lookupBy(nodeDnsOf("DnsCluster.resolver", options))
  const { basename, connectNode = () => Effect.succeed(true), listNodes } = options
  return { basename, lookup, connectNode, listNodes }
}

/**
 * The resolver of clusters that are given none by their options. It need not be provided: it is Node's DNS.
 *
 * @category resolvers
 */
export class Resolver extends Context.Reference<Resolver>()("@effect-otp/cluster/DnsCluster/Resolver", {
  defaultValue: (): ResolverService => resolver()
}) {}

// ---------------------------------------------------------------------------------------------------------------------
// Clusters
// ---------------------------------------------------------------------------------------------------------------------

/**
 * A query whose peers have a basename other than this node's. It is a record, because a pair of two texts would look like
 * a list of two queries.
 *
 * @category models
 */
export interface NamedQuery {
  readonly basename: string
  readonly query: string
}

/**
 * The options of a cluster.
 *
 * @category models
 */
export interface Options {
  /**
   * The domain names to look up, one or more; or `"ignore"`, by which no process is started (`DNS-1`). Peers have this
   * node's basename, those of a {@link NamedQuery} have its own.
   */
  readonly query: string | NamedQuery | ReadonlyArray<string | NamedQuery>
  /** What is looked up of each: at least one of `"A"`, `"AAAA"`, `"SRV"`. The first two by default (`DNS-2`). */
  readonly resourceTypes?: ReadonlyArray<ResourceType> | undefined
  /** How long to wait after a round before the next one. 5 seconds by default (`DNS-3`). */
  readonly interval?: Duration.DurationInput | undefined
  /** How long a lookup may take. After that it counts as failed. 10 seconds by default. */
  readonly lookupTimeout?: Duration.DurationInput | undefined
  /**
   * How long connecting a peer may take. After that the process crashes with {@link ConnectTimeout}, to be started again by
   * its supervisor (`DNS-4`). 10 seconds by default.
   */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /**
   * This node's own name, `basename@host`, or all of its names, where it is known under several addresses. Who has that
   * name is no peer, and the first one's basename is that of the peers. With a port (`basename@host:port`) it is one
   * process of an SRV record's host, without all of them. `"nonode@nohost"` by default, as in Erlang: then this machine
   * finds itself, too.
   */
  readonly self?: string | ReadonlyArray<string> | undefined
  /** What looks up and connects. {@link Resolver} by default. */
  readonly resolver?: ResolverService | undefined
}

declare const cluster: unique symbol

/** What the type of any server's class has that answers so, and has that state. */
type Protocol =
  GenServer.ServiceClass<unknown, string, ListPeers, State> extends { new (_: never): infer Instance }
    ? Instance
    : never

/**
 * What the class of a cluster says of its protocol.
 *
 * @category models
 */
export interface Instance<out Id extends string> extends Protocol {
  readonly [cluster]: Id
}

/**
 * The class made by {@link Service}: a tag whose service is the cluster's ref.
 *
 * @category models
 */
export interface ServiceClass<in out Cluster, out Id extends string>
  extends Context.Tag<Cluster, GenServer.ServerRef<Cluster>> {
  new (_: never): Instance<Id>
  readonly key: Id
  /**
   * The cluster. It is built when the process has started; the first round of lookups comes after that. Options that make
   * no sense throw a `TypeError`, which names the option and quotes the value.
   */
  layer(options: Options): Layer.Layer<Cluster>
  /** Starts a cluster in the scope of whoever asks, and gives its ref. */
  start(options: Options): Effect.Effect<GenServer.ServerRef<Cluster>, never, Scope.Scope>
  /** Builds nothing: finds, at each use, the cluster of that name under the same root. */
  readonly byName: Layer.Layer<Cluster>
}

/**
 * Makes the tag of a cluster. A program with one cluster needs none: see {@link layer}.
 *
 * @example
 * ```ts
 * import { DnsCluster } from "@effect-otp/cluster"
 *
 * class Workers extends DnsCluster.Service<Workers>()("@app/Workers") {}
 *
 * export const layer = Workers.layer({ query: "_work._tcp.workers.internal", resourceTypes: ["SRV"] })
 * export const peers = DnsCluster.peers(Workers)
 * ```
 *
 * @category constructors
 */
export const Service =
  <Self = never>() =>
  <const Id extends string>(
    key: Id
  ): [Self] extends [never]
    ? "Missing `Self` generic - use `class Self extends DnsCluster.Service<Self>()...`"
    : ServiceClass<Self, Id> => {
    if (typeof key !== "string" || !/[^/]$/.test(key)) {
      throw new TypeError(`DnsCluster.Service: the name must be a string that ends with a word, but is ${show(key)}`)
    }
    const process = processOf(key)
    const who = `${key.slice(key.lastIndexOf("/") + 1)}.layer`
    const tag = Context.Tag(key)<unknown, unknown>()
    // The class's types are the interface's: the process is known by its key, and has a type of its own.
    return class extends tag {
      static readonly byName = process.byName
      static layer(options: unknown): unknown {
        return process.layer(ordersOf(who, options), Resolver)
      }
      static start(options: unknown): unknown {
        return Effect.suspend(() => process.start(ordersOf(who, options), Resolver))
      }
    } as never
  }

/**
 * The cluster of a program that has one.
 *
 * @category clusters
 */
export class DnsCluster extends Service<DnsCluster>()("@effect-otp/cluster/DnsCluster") {}

/**
 * The layer of the one cluster, a child with the id `DnsCluster`. Options that make no sense throw a `TypeError`, which
 * names the option and quotes the value.
 *
 * @category clusters
 */
export const layer = (options: Options): Layer.Layer<DnsCluster> => DnsCluster.layer(options)

type AnyCluster = Effect.Effect<unknown, unknown, unknown>

/** Whatever the class of a cluster, its protocol and its state are those of this one. */
const known = (cluster: AnyCluster) => cluster as Effect.Effect<GenServer.ServerRef<DnsCluster>, unknown, unknown>

/**
 * The peers that are there: DNS has them, and they are connected. It waits for a round that is under way, the first one
 * too. It fails with `ServerDown` if the cluster does not run, as when its query is `"ignore"`.
 *
 * @category clients
 */
export function peers(): Effect.Effect<ReadonlyArray<Peer>, CallError, DnsCluster>
export function peers<Cluster extends Instance<string>, E, R>(
  cluster: Effect.Effect<GenServer.ServerRef<Cluster>, E, R>
): Effect.Effect<ReadonlyArray<Peer>, CallError | E, R>
export function peers(cluster: AnyCluster = DnsCluster): Effect.Effect<ReadonlyArray<Peer>, unknown, unknown> {
  // A round has its own time-outs.
  return GenServer.call(known(cluster), new ListPeers(), { timeout: "infinity" })
}

/**
 * What becomes of peers: `PeerUp` for each that is there now, then `PeerUp` and `PeerDown` as they come and go.
 *
 * It goes on while the cluster is started again, and nobody is told to have gone because of that. It ends when
 * the cluster has ended for good, and tells nothing of one that is not started. A slow reader never holds the cluster up, and is not told of peers
 * that came and went meanwhile.
 *
 * @category clients
 */
export function changes(): Stream.Stream<PeerChange, never, DnsCluster>
export function changes<Cluster extends Instance<string>, E, R>(
  cluster: Effect.Effect<GenServer.ServerRef<Cluster>, E, R>
): Stream.Stream<PeerChange, E, R>
export function changes(cluster: AnyCluster = DnsCluster): Stream.Stream<PeerChange, unknown, unknown> {
  return GenServer.changes(known(cluster)).pipe(
    Stream.mapAccum(emptyView, (view, { found }) => tell(view, found)),
    Stream.mapConcat((changes) => changes)
  )
}
