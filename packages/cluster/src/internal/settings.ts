/**
 * What a cluster is told, checked where it is given.
 */
import { Resolver } from "node:dns/promises"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Question, questionsOf, type ResourceType } from "./discovery.ts"
import { nameOf } from "./peer.ts"
import type { NodeDns, ResolverService } from "./resolver.ts"

/** What a cluster works by. */
export interface Settings {
  readonly questions: ReadonlyArray<Question>
  /** The names of this node. */
  readonly own: ReadonlySet<string>
  readonly interval: Duration.Duration
  readonly lookupTimeout: Duration.Duration
  readonly connectTimeout: Duration.Duration
}

/** What was given, checked. The basename is the resolver's to say, and the resolver is known when the cluster starts. */
export interface Orders extends Omit<Settings, "questions" | "own"> {
  readonly queries: ReadonlyArray<string | { readonly basename: string; readonly query: string }>
  readonly resourceTypes: ReadonlyArray<ResourceType>
  readonly self: ReadonlyArray<string>
  readonly resolver: ResolverService | null
}

const refuse = (who: string, what: string): never => {
  throw new TypeError(`${who}: ${what}`)
}

/** What a value looks like in a complaint about it. */
export const show = (value: unknown): string => {
  if (typeof value === "string") return JSON.stringify(value)
  if (typeof value === "function") return `function ${value.name || "(anonymous)"}`
  if (typeof value !== "object" || value === null) return String(value)
  try {
    const text = JSON.stringify(value) ?? String(value)
    return text.length > 200 ? `${text.slice(0, 200)}…` : text
  } catch {
    // A value that JSON cannot hold is quoted as best as can be: the complaint is about the option.
    return Object.prototype.toString.call(value)
  }
}

/** The options, and no others. */
export const checkOptions = (who: string, given: unknown, known: ReadonlyArray<string>): void => {
  if (typeof given !== "object" || given === null) refuse(who, `the options must be an object, but are ${show(given)}`)
  for (const key of Object.keys(given as object)) if (!known.includes(key)) refuse(who, `there is no option \`${key}\``)
}

/** A duration that is more than nothing. */
export const durationOption = (who: string, option: string, value: unknown): Duration.Duration => {
  const duration = isNegative(value) ? Option.none() : Duration.decodeUnknown(value)
  return Option.isSome(duration) && Duration.greaterThan(duration.value, Duration.zero)
    ? duration.value
    : refuse(who, `\`${option}\` must be a duration that is more than nothing, but is ${show(value)}`)
}

/** What Effect would take for a duration of nothing: it reads `-1`, `"-1 seconds"` and `NaN` as zero. */
const isNegative = (value: unknown): boolean => {
  if (typeof value === "number") return !(value >= 0)
  if (typeof value === "bigint") return value < 0n
  if (typeof value === "string") return value.trimStart().startsWith("-")
  return Array.isArray(value) && value.some(isNegative)
}

/** The word for a cluster that is not started. */
const ignored = "ignore"

// What nobody can look up: blanks, a URL, a port, an e-mail address, parts that are empty or too long.
const domainName = /^(?=.{1,254}$)[^.\s/:@]{1,63}(?:\.[^.\s/:@]{1,63})*\.?$/u

const isDomainName = (u: unknown): u is string => typeof u === "string" && domainName.test(u)

const isBasename = (u: unknown): u is string => typeof u === "string" && /^[^@\s]+$/u.test(u)

const isNamedQuery = (u: unknown): u is { readonly basename: string; readonly query: string } =>
  typeof u === "object" &&
  u !== null &&
  Object.keys(u).sort().join() === "basename,query" &&
  "basename" in u &&
  isBasename(u.basename) &&
  "query" in u &&
  isDomainName(u.query)

/** The queries (`DNS-1`); null for none at all. */
const queriesOf = (who: string, given: unknown): Orders["queries"] | null => {
  if (given === ignored) return null
  if (given === undefined) {
    refuse(who, '`query` is missing: the domain name that holds the peers, or "ignore" to look for none')
  }
  const queries: ReadonlyArray<unknown> = Array.isArray(given) ? given : [given]
  if (queries.length === 0) refuse(who, '`query` is an empty list: to look for no peers, say "ignore"')
  return queries.map((query) => {
    if (query === ignored) return refuse(who, `\`query\` must be "ignore" by itself, but is ${show(given)}`)
    if (isDomainName(query) || isNamedQuery(query)) return query
    return refuse(
      who,
      `\`query\` must be a domain name, { basename, query }, a list of these, or "ignore", but is ${show(given)}`
    )
  })
}

const resourceTypes: ReadonlyArray<ResourceType> = ["A", "AAAA", "SRV"]

/** The types (`DNS-2`). */
const resourceTypesOf = (who: string, given: unknown): ReadonlyArray<ResourceType> => {
  const known = Array.isArray(given) ? resourceTypes.filter((type) => given.includes(type)) : []
  return Array.isArray(given) && known.length > 0 && given.every((type) => resourceTypes.includes(type))
    ? known
    : refuse(who, `\`resourceTypes\` must be one or more of "A", "AAAA" and "SRV" in a list, but is ${show(given)}`)
}

const selfOf = (who: string, given: unknown): ReadonlyArray<string> => {
  const names: ReadonlyArray<unknown> = Array.isArray(given) ? given : [given]
  if (names.length === 0) refuse(who, "`self` is an empty list: leave it out, or give this node's names")
  return names.map((name) =>
    typeof name === "string" && /^[^@\s]+@[^@\s]+$/u.test(name)
      ? name
      : refuse(who, `\`self\` must be a node's name, "basename@host", or a list of these, but is ${show(given)}`)
  )
}

const resolverOf = (who: string, given: unknown): ResolverService | null => {
  if (given === undefined) return null
  const parts = (typeof given === "object" && given !== null ? given : {}) as { readonly [key: string]: unknown }
  if (typeof parts["lookup"] !== "function" || typeof parts["connectNode"] !== "function") {
    refuse(who, `\`resolver\` must have the functions \`lookup\` and \`connectNode\`, but is ${show(given)}`)
  }
  checkParts(who, "resolver.", parts)
  return given as ResolverService
}

/** The parts of a resolver that it may leave out, or that are not of DNS. */
const checkParts = (who: string, of: string, parts: { readonly [part: string]: unknown }): void => {
  for (const name of ["basename", "connectNode"]) {
    const part = parts[name]
    if (part !== undefined && typeof part !== "function") {
      refuse(who, `\`${of}${name}\` must be a function, but is ${show(part)}`)
    }
  }
  const { listNodes } = parts
  if (listNodes !== undefined && !Effect.isEffect(listNodes)) {
    refuse(who, `\`${of}listNodes\` must be an Effect of node names, but is ${show(listNodes)}`)
  }
}

const options = ["query", "resourceTypes", "interval", "lookupTimeout", "connectTimeout", "self", "resolver"]

/** What a cluster is told to do; null if it is not to be started. The other options are checked all the same. */
export const ordersOf = (who: string, given: unknown): Orders | null => {
  checkOptions(who, given, options)
  const {
    connectTimeout = "10 seconds",
    interval = "5 seconds",
    lookupTimeout = "10 seconds",
    query,
    resolver,
    resourceTypes = ["A", "AAAA"],
    self = "nonode@nohost"
  } = given as { readonly [key: string]: unknown }
  const queries = queriesOf(who, query)
  const orders = {
    queries: queries ?? [],
    resourceTypes: resourceTypesOf(who, resourceTypes),
    self: selfOf(who, self),
    interval: durationOption(who, "interval", interval),
    lookupTimeout: durationOption(who, "lookupTimeout", lookupTimeout),
    connectTimeout: durationOption(who, "connectTimeout", connectTimeout),
    resolver: resolverOf(who, resolver)
  }
  return queries === null ? null : orders
}

/** What a cluster works by, with that basename for the queries that say none. */
export const settingsOf = (
  { connectTimeout, interval, lookupTimeout, queries, resourceTypes, self }: Orders,
  basename: string
): Settings => ({
  questions: questionsOf(
    queries.map((query) => (typeof query === "string" ? { basename, query } : query)),
    resourceTypes
  ),
  own: new Set(self.map(nameOf)),
  interval,
  lookupTimeout,
  connectTimeout
})

/** How Node is to look up. */
export const nodeDnsOf = (who: string, given: unknown): NodeDns => {
  checkOptions(who, given, ["servers", "timeout", "tries", "basename", "connectNode", "listNodes"])
  const parts = given as { readonly [key: string]: unknown }
  const { servers, timeout = "2 seconds", tries = 2 } = parts
  if (typeof tries !== "number" || !Number.isInteger(tries) || tries < 1) {
    return refuse(who, `\`tries\` must be a whole number from 1 up, but is ${show(tries)}`)
  }
  const duration = durationOption(who, "timeout", timeout)
  // The longest that Node takes.
  if (Duration.toMillis(duration) > 2 ** 31 - 1) refuse(who, `\`timeout\` is too long: ${show(timeout)}`)
  checkParts(who, "", parts)
  return { servers: serversOf(who, servers), timeout: duration, tries }
}

const serversOf = (who: string, given: unknown): ReadonlyArray<string> | null => {
  if (given === undefined) return null
  const complaint = `\`servers\` must be one or more IP addresses in a list, each with a port or without, but is ${show(given)}`
  if (!Array.isArray(given) || given.length === 0) return refuse(who, complaint)
  try {
    new Resolver().setServers(given)
  } catch {
    return refuse(who, complaint)
  }
  return given
}
