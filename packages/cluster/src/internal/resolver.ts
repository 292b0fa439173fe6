/**
 * What a cluster asks of the world around it, and how Node's DNS answers.
 */
import { Resolver } from "node:dns/promises"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { ResourceType } from "./discovery.ts"
import type { Address, Peer } from "./peer.ts"

/**
 * Something could not be looked up. That a name does not exist, or has no records of that type, is no failure but an
 * answer: nobody is there.
 *
 * @category errors
 */
export class LookupFailed extends Schema.TaggedError<LookupFailed>("@effect-otp/cluster/LookupFailed")("LookupFailed", {
  query: Schema.String,
  type: Schema.Literal("A", "AAAA", "SRV"),
  /** Node's code of the error, `ESERVFAIL` for example, or what else went wrong. */
  reason: Schema.String
}) {
  override get message(): string {
    return `the ${this.type} records of ${this.query} could not be looked up: ${this.reason}`
  }
}

/**
 * What finds peers and connects them (`DNS-5`).
 *
 * @category models
 */
export interface ResolverService {
  /**
   * What stands for this node where a query names no basename, of this node's name. What is before the `@`, if this is
   * left out.
   */
  readonly basename?: ((node: string) => string) | undefined
  /**
   * Finds the addresses of a query. No addresses is an answer: those who were there have gone. A failure is none: nobody
   * comes, and nobody goes.
   */
  readonly lookup: (query: string, type: ResourceType) => Effect.Effect<ReadonlyArray<Address>, LookupFailed>
  /**
   * Connects a peer, and says whether it is connected now. `false` and a failure are logged as a warning, and it is tried
   * again in the next round. A defect crashes the process. So does taking longer than `connectTimeout`, and then none of
   * those counts that were connected in the same round: what may hang should give up before that.
   */
  readonly connectNode: (peer: Peer) => Effect.Effect<boolean, unknown>
  /**
   * The names of the nodes that are connected: `basename@host`, or `basename@host:port` for one of several processes of a
   * host. A peer that is not among them is connected again. If this is left out, a peer stays connected as long as DNS
   * has it.
   */
  readonly listNodes?: Effect.Effect<Iterable<string>> | undefined
}

/** How Node looks up. */
export interface NodeDns {
  readonly servers: ReadonlyArray<string> | null
  readonly timeout: Duration.Duration
  readonly tries: number
}

/** Codes by which a name server says that there is nothing. */
const isNothing = (code: string): boolean => code === "ENOTFOUND" || code === "ENODATA"

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : String(error)

const records = async (resolver: Resolver, query: string, type: ResourceType): Promise<ReadonlyArray<Address>> => {
  if (type === "A") return (await resolver.resolve4(query)).map((host) => ({ host }))
  if (type === "AAAA") return (await resolver.resolve6(query)).map((host) => ({ host }))
  const services = await resolver.resolveSrv(query)
  // The root as a target says that there is no such service (RFC 2782).
  return services.filter(({ name }) => name !== "" && name !== ".").map(({ name, port }) => ({ host: name, port }))
}

/**
 * A lookup through `node:dns`. Each has a resolver of its own: interrupting the lookup cancels that one's queries and no
 * others, and what the system says of its name servers is read anew.
 */
export const lookupBy =
  ({ servers, timeout, tries }: NodeDns): ResolverService["lookup"] =>
  (query, type) =>
    Effect.tryPromise({
      try: (signal) => {
        const resolver = new Resolver({ timeout: Math.ceil(Duration.toMillis(timeout)), tries })
        if (servers !== null) resolver.setServers(servers)
        signal.addEventListener("abort", () => resolver.cancel(), { once: true })
        return records(resolver, query, type)
      },
      catch: codeOf
    }).pipe(
      Effect.catchIf(isNothing, () => Effect.succeed([])),
      Effect.mapError((reason) => new LookupFailed({ query, type, reason }))
    )
