/**
 * The process that asks DNS again and again, and connects whom it finds.
 */
import * as GenServer from "@effect-otp/core/GenServer"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { type Found, type Heard, nothing, plan, type Question, settle } from "./discovery.ts"
import { keyOf, nameOf, Peer } from "./peer.ts"
import { LookupFailed, type ResolverService } from "./resolver.ts"
import { type Orders, type Settings, settingsOf } from "./settings.ts"

/**
 * A peer was not connected within `connectTimeout`, given here in milliseconds. It is what the cluster's process crashes
 * with (`DNS-4`).
 *
 * @category errors
 */
export class ConnectTimeout extends Schema.TaggedError<ConnectTimeout>("@effect-otp/cluster/ConnectTimeout")(
  "ConnectTimeout",
  { cluster: Schema.String, peer: Schema.String, timeout: Schema.Number }
) {
  override get message(): string {
    return `${this.cluster} could not connect ${this.peer} within ${this.timeout} ms`
  }
}

/** What a cluster knows, and what it works by. */
export interface State {
  readonly found: Found
  readonly settings: Settings
  readonly resolver: ResolverService
}

const State = Schema.declare((u): u is State => typeof u === "object" && u !== null && "found" in u)

/** Asks who is there. */
export class ListPeers extends GenServer.Call<ListPeers>()("ListPeers", { success: Schema.Array(Peer) }) {}
/** The first round, right after the start. */
class Discover extends GenServer.Continue<Discover>()("Discover") {}
/** The next round. */
class Poll extends GenServer.Info<Poll>()("Poll") {}

const failedLookups = Metric.counter("dns_cluster_failed_lookups", {
  description: "Lookups that a name server did not answer",
  incremental: true
})

/** What tells clusters in metrics and logs apart. */
interface Label {
  readonly key: string
  readonly name: string
}

const lookUp = (question: Question, { name, key }: Label, { resolver, settings }: State): Effect.Effect<Heard> => {
  const { query, type } = question
  return resolver.lookup(query, type).pipe(
    // What does not let itself be interrupted must not hold up the round; and a fiber that fails is logged by Effect.
    Effect.either,
    Effect.disconnect,
    Effect.timeoutFail({
      duration: settings.lookupTimeout,
      onTimeout: () =>
        new LookupFailed({ query, type, reason: `no answer within ${Duration.toMillis(settings.lookupTimeout)} ms` })
    }),
    Effect.flatten,
    Effect.map((addresses): Heard => [question, addresses]),
    Effect.catchAll((error) =>
      Metric.increment(failedLookups).pipe(
        Effect.tagMetrics({ cluster: name, key }),
        Effect.zipRight(Effect.logDebug(`${name}: ${error.message}`)),
        Effect.as<Heard>([question, null])
      )
    )
  )
}

/** The peer, if it is connected now. */
const connect = (peer: Peer, { name }: Label, { resolver, settings }: State): Effect.Effect<Option.Option<Peer>> => {
  const timeout = settings.connectTimeout
  const refused = (cause: Cause.Cause<unknown>): Effect.Effect<Option.Option<Peer>> =>
    Effect.as(Effect.logWarning(`${name} could not connect ${keyOf(peer)}`, cause), Option.none())
  return resolver.connectNode(peer).pipe(
    Effect.matchEffect({
      onFailure: (error) => refused(Cause.fail(error)),
      onSuccess: (isConnected) =>
        isConnected
          ? Effect.as(Effect.logDebug(`${name} has connected ${keyOf(peer)}`), Option.some(peer))
          : refused(Cause.empty)
    }),
    // What does not let itself be interrupted must not hold up what happens on a time-out.
    Effect.disconnect,
    Effect.timeoutFail({
      duration: timeout,
      onTimeout: () => new ConnectTimeout({ cluster: name, peer: keyOf(peer), timeout: Duration.toMillis(timeout) })
    }),
    Effect.orDie
  )
}

const round = (label: Label, state: State): Effect.Effect<State> =>
  Effect.gen(function* () {
    const { found, resolver, settings } = state
    const heard = yield* Effect.forEach(settings.questions, (question) => lookUp(question, label, state), {
      concurrency: "unbounded"
    })
    const listed = resolver.listNodes === undefined ? null : new Set(Array.from(yield* resolver.listNodes, nameOf))
    const next = plan(found, heard, settings.own, listed)
    const connected = yield* Effect.forEach(next.connect, (peer) => connect(peer, label, state), {
      concurrency: "unbounded"
    })
    return { ...state, found: settle(found, next, connected.flatMap(Option.toArray)) }
  })

/** The server behind a cluster. It is told its orders, null for none, and what finds the resolver if they name none. */
interface ClusterProcess {
  readonly byName: Layer.Layer<never>
  layer(orders: Orders | null, contextual: Effect.Effect<ResolverService>): Layer.Layer<never>
  start(orders: Orders | null, contextual: Effect.Effect<ResolverService>): Effect.Effect<unknown, never, Scope.Scope>
}

/** The server behind the cluster of that key. */
export const processOf = (key: string): ClusterProcess => {
  class Cluster extends GenServer.Service<Cluster>()(key, { state: State, messages: [ListPeers, Discover, Poll] }) {
    static readonly #name = key.slice(key.lastIndexOf("/") + 1)

    static readonly #round = (state: State) =>
      Effect.gen(function* () {
        const next = yield* round({ key, name: Cluster.#name }, state)
        // From the end of the round, not from its beginning: rounds never run into one another.
        const self = yield* Cluster.self
        yield* self.sendAfter(new Poll(), state.settings.interval)
        return GenServer.noReply(next)
      })

    static readonly layer = this.toLayer(
      (orders: Orders | null, contextual: Effect.Effect<ResolverService>) =>
        orders === null
          ? GenServer.ignore
          : Effect.map(orders.resolver === null ? contextual : Effect.succeed(orders.resolver), (resolver) => {
              const [self = ""] = orders.self
              const basename = resolver.basename?.(self) ?? self.slice(0, self.indexOf("@"))
              const settings = settingsOf(orders, basename)
              return GenServer.ok(
                { settings, resolver, found: nothing(settings.questions) },
                { continue: new Discover() }
              )
            }),
      {
        handleCall: { ListPeers: (_, state) => GenServer.reply(state.found.peers, state) },
        handleContinue: { Discover: (_, state) => Cluster.#round(state) },
        handleInfo: { Poll: (_, state) => Cluster.#round(state) },
        format: ({ found }) => ({ peers: found.peers.map(keyOf) })
      }
    )
  }
  return {
    byName: Cluster.byName,
    layer: Cluster.layer,
    start: (orders, contextual) => Cluster.start(orders, contextual)
  }
}
