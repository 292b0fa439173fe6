import { Config, type ConfigError, Context, Effect, Layer } from "effect"
import * as Application from "../src/Application.ts"

class Repo extends Context.Tag("@test/Repo")<Repo, { readonly size: number }>() {}
class Disk extends Context.Tag("@test/Disk")<Disk, string>() {}

const repo = Layer.effect(Repo, Effect.map(Disk, (disk) => ({ size: disk.length })))

// What the children provide is there for the callbacks that run while they do, and not for the last one.
const app = Application.make({
  name: "App",
  children: Effect.map(Config.string("word"), () => [repo] as const),
  prepStop: Effect.map(Repo, ({ size }) => size),
  configChange: ({ removed }) => Effect.map(Repo, ({ size }) => size + removed.length)
})
export const launch = app.launch
//           ^? const launch: Effect.Effect<void, Application.ApplicationFailed, Disk>
export const layer: Layer.Layer<Repo | Application.TopSupervisor, ConfigError.ConfigError, Disk> = app.layer

const late = Application.make({
  name: "App",
  children: [repo],
  prepStop: Effect.succeed("a word"),
  stop: ({ prepared }) => Effect.zipRight(Repo, prepared)
})
export const lateLaunch = late.launch
//           ^? const lateLaunch: Effect.Effect<void, Application.ApplicationFailed, Repo | Disk>

Application.make({
  name: "App",
  children: [],
  // @expect-error: Type 'string' is not assignable to type 'never'
  configChange: () => Effect.fail("no")
})
