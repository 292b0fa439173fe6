/**
 * Services that are given out through a child's place: each use asks for the service that the child provides then. So
 * whoever holds one goes on with the next child when the one before has crashed.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { ServerDown } from "../CallError.ts"
import { type FiberPlace, providers } from "./fiberPlace.ts"
import type { Seats } from "./seat.ts"

type Members = { readonly [member: PropertyKey]: unknown }

/** The services that a place provides, with stand-ins for those under the keys. */
export const lateBound = (place: FiberPlace, keys: ReadonlyArray<string>): Context.Context<never> => {
  const services = new Map<string, unknown>(place.services.unsafeMap)
  for (const key of keys) {
    const service = services.get(key)
    if (typeof service === "object" && service !== null)
      services.set(key, standIn(place.estate, key, service as Members))
  }
  return Context.unsafeMake(services)
}

const standIns = new WeakMap<Seats, Map<string, object>>()

/** One for each service, through all restarts: whoever compares services finds them equal. */
const standIn = (estate: Seats, key: string, first: Members): object => {
  const known = standIns.get(estate) ?? new Map<string, object>()
  standIns.set(estate, known)
  const given = known.get(key) ?? make(estate, key, first)
  known.set(key, given)
  return given
}

const make = (estate: Seats, key: string, first: Members): object => {
  const provider = (): FiberPlace => providers.get(estate) as FiberPlace
  /** The service that was there last: it tells what a member gives, also while there is none. */
  let last = first
  const current = (): Members | null => {
    const place = provider()
    if (!place.isAlive) return null
    last = place.services.unsafeMap.get(key) as Members
    return last
  }
  const down = (member: PropertyKey): ServerDown =>
    new ServerDown({
      server: provider().id,
      request: String(member),
      reason: provider().down
    })
  const wrap = (member: PropertyKey, of: (service: Members) => unknown): unknown => {
    const now = <A>(): A => {
      const service = current()
      if (service === null) throw down(member)
      return of(service) as A
    }
    const sample = of(current() ?? last)
    if (Effect.isEffect(sample)) return Effect.suspend(() => now<Effect.Effect<unknown, unknown, unknown>>())
    if (isStream(sample)) return Stream.suspend(() => now<Stream.Stream<unknown, unknown, unknown>>())
    throw new TypeError(`${provider().id}: the member ${String(member)} of ${key} gives no Effect and no Stream`)
  }
  const cache = new Map<PropertyKey, unknown>()
  return new Proxy(Object.create(null) as object, {
    get: (_, member) => {
      if (cache.has(member)) return cache.get(member)
      const sample = last[member]
      // What a service does not have, it has not here either: `then`, for whoever asks whether this is a promise.
      // So with what `Effect.Service` adds: it is the same for each.
      if (sample === undefined || member === "_tag") return sample
      const given =
        typeof sample === "function" && !Effect.isEffect(sample)
          ? (...args: ReadonlyArray<unknown>) =>
              wrap(member, (service) => (service[member] as (...args: ReadonlyArray<unknown>) => unknown)(...args))
          : wrap(member, (service) => service[member])
      cache.set(member, given)
      return given
    },
    has: (_, member) => member in last,
    ownKeys: () => Reflect.ownKeys(last),
    getOwnPropertyDescriptor: (_, member) =>
      member in last ? { configurable: true, enumerable: true, value: last[member] } : undefined
  })
}

const isStream = (u: unknown): u is Stream.Stream<unknown, unknown, unknown> =>
  typeof u === "object" && u !== null && Stream.StreamTypeId in u
