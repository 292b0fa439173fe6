/**
 * A configuration that can be replaced while a program runs, and what the difference between two of them is.
 */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as HashSet from "effect/HashSet"

/** The difference between two configurations, by flattened keys (`server.port`). */
export interface ConfigChange {
  readonly changed: ReadonlyMap<string, string>
  readonly added: ReadonlyMap<string, string>
  readonly removed: ReadonlyArray<string>
}

/** A provider that asks another one, which can be replaced. */
export class Configuration {
  current: ConfigProvider.ConfigProvider
  readonly provider: ConfigProvider.ConfigProvider

  constructor(current: ConfigProvider.ConfigProvider) {
    this.current = current
    this.provider = ConfigProvider.make({
      load: (config) => this.current.load(config),
      flattened: ConfigProvider.makeFlat({
        load: (path, config, split) => this.current.flattened.load(path, config, split),
        enumerateChildren: (path) => this.current.flattened.enumerateChildren(path),
        get patch() {
          // Each provider changes paths for itself, within its own `load`.
          return { _tag: "Empty" as const }
        }
      })
    })
  }
}

const text = Config.string()

const isNothing = (error: unknown): null => {
  void error
  return null
}

/** Everything that a provider knows, by flattened keys. What it cannot enumerate it does not tell. */
export const flatten = (provider: ConfigProvider.ConfigProvider): Effect.Effect<ReadonlyMap<string, string>> => {
  const values = new Map<string, string>()
  const visit = (path: ReadonlyArray<string>): Effect.Effect<void> =>
    Effect.gen(function* () {
      const children = yield* Effect.catchAll(provider.flattened.enumerateChildren(path), () =>
        Effect.succeed(HashSet.empty<string>())
      )
      if (path.length > 0) {
        const value = yield* Effect.match(provider.load(nested(path)), {
          onFailure: isNothing,
          onSuccess: (value) => value
        })
        if (value !== null) values.set(path.join("."), value)
      }
      for (const child of children) yield* visit([...path, child])
    })
  return Effect.as(visit([]), values)
}

const nested = (path: ReadonlyArray<string>): Config.Config<string> =>
  path.reduceRight<Config.Config<string>>((config, part) => Config.nested(config, part), text)

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
