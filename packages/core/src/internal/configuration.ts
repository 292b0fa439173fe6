/**
 * A configuration that can be replaced while a program runs, and what the difference between two of them is.
 */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import type * as ConfigProviderPathPatch from "effect/ConfigProviderPathPatch"
import * as Effect from "effect/Effect"
import * as HashSet from "effect/HashSet"
import * as Option from "effect/Option"

/** The difference between two configurations, by flattened keys (`server.port`). */
export interface ConfigChange {
  readonly changed: ReadonlyMap<string, string>
  readonly added: ReadonlyMap<string, string>
  readonly removed: ReadonlyArray<string>
}

/** A provider that asks another one, which can be replaced. */
export class Configuration {
  current: ConfigProvider.ConfigProvider
  /** What it knew when it was put in its place: an environment's variables change by themselves. */
  known: ReadonlyMap<string, string> = new Map()
  readonly provider: ConfigProvider.ConfigProvider

  constructor(current: ConfigProvider.ConfigProvider) {
    this.current = current
    const flat = (): ConfigProvider.ConfigProvider.Flat => this.current.flattened
    this.provider = ConfigProvider.make({
      load: (config) => this.current.load(config),
      // What is made of this provider, `nested` for example, asks for the parts.
      flattened: {
        [ConfigProvider.FlatConfigProviderTypeId]: ConfigProvider.FlatConfigProviderTypeId,
        load: (path, config, split) => flat().load(path, config, split),
        enumerateChildren: (path) => flat().enumerateChildren(path),
        get patch() {
          return flat().patch
        }
      }
    })
  }
}

type Path = ReadonlyArray<string>

/** Where, in what it asks, a provider has its root. */
const rootOf = (patch: ConfigProviderPathPatch.PathPatch, path: Path = []): Path => {
  switch (patch._tag) {
    case "AndThen":
      return rootOf(patch.second, rootOf(patch.first, path))
    case "MapName":
      return path.map(patch.f)
    case "Nested":
      return [patch.name, ...path]
    default:
      // What is asked of an `unnested` provider begins with a name that it takes away.
      return path
  }
}

// A text is read as it is.
const text = Config.string() as Config.Config.Primitive<string>

/** Everything that a provider knows, by flattened keys. What it cannot enumerate it does not tell. */
export const flatten = ({
  flattened: flat
}: ConfigProvider.ConfigProvider): Effect.Effect<ReadonlyMap<string, string>> => {
  const values = new Map<string, string>()
  const root = rootOf(flat.patch)
  const visit = (path: Path): Effect.Effect<void> =>
    Effect.gen(function* () {
      const at = [...root, ...path]
      const value = path.length === 0 ? Option.none() : yield* Effect.option(flat.load(at, text, false))
      if (Option.isSome(value)) values.set(path.join("."), value.value.join(","))
      const children = yield* Effect.orElseSucceed(flat.enumerateChildren(at), () => HashSet.empty<string>())
      yield* Effect.forEach(Array.from(children).sort(), (child) => visit([...path, child]), { discard: true })
    })
  return Effect.as(visit([]), values)
}

/** What is other in `next`; nothing if nothing is. */
export const difference = (
  before: ReadonlyMap<string, string>,
  next: ReadonlyMap<string, string>
): ConfigChange | null => {
  const entries = Array.from(next)
  const changed = new Map(entries.filter(([key, value]) => before.has(key) && before.get(key) !== value))
  const added = new Map(entries.filter(([key]) => !before.has(key)))
  const removed = Array.from(before.keys()).filter((key) => !next.has(key))
  return changed.size + added.size + removed.length === 0 ? null : { changed, added, removed }
}
