// The application of the introduction, as a user writes it.
import { Config, type ConfigError, Context, DateTime, Effect, HashMap, Layer } from "effect"
import * as Application from "../src/Application.ts"
import type { CallError } from "../src/CallError.ts"
import * as GenServer from "../src/GenServer.ts"
import * as Supervisor from "../src/Supervisor.ts"
import { Get, Hashmap } from "./Hashmap.ts"
import { Offline } from "./Services.ts"
import { same } from "./same.ts"

class Telemetry extends Context.Tag("Telemetry")<Telemetry, { readonly count: Effect.Effect<void> }>() {
  static readonly layer = Layer.succeed(Telemetry, { count: Effect.void })
}

class Database extends Context.Tag("Database")<Database, { readonly query: (sql: string) => Effect.Effect<void> }>() {
  static readonly layer = Layer.scoped(
    Database,
    Effect.gen(function* () {
      const telemetry = yield* Telemetry
      if ((yield* Config.string("DATABASE_URL")) === "") return yield* new Offline()
      return { query: () => telemetry.count }
    })
  )
}

class Migrator {
  static readonly layer = Layer.effectDiscard(Effect.flatMap(Database, ({ query }) => query("CREATE TABLE rooms")))
}

class PubSub extends Context.Tag("PubSub")<PubSub, { readonly publish: Effect.Effect<void> }>() {
  static readonly layer = Layer.effect(PubSub, Effect.as(Telemetry, { publish: Effect.void }))
}

class Endpoint extends Context.Tag("Endpoint")<Endpoint, { readonly port: number }>() {
  static readonly layer = Layer.scoped(
    Endpoint,
    Effect.gen(function* () {
      yield* PubSub
      yield* Database
      const hashmap = yield* Hashmap
      yield* Effect.forkScoped(GenServer.call(hashmap, new Get({ key: "version" })))
      return { port: 4000 }
    })
  )
}

export const Scuti = Application.make({
  //         ^? const Scuti: Application.Application<Telemetry | Database | PubSub | Endpoint | Hashmap, Offline | ConfigError.ConfigError, never, "ScutiWeb.Supervisor">
  name: "ScutiWeb.Supervisor",
  strategy: "one_for_one",
  children: Effect.map(DateTime.now, (now) => [
    Telemetry.layer,
    Supervisor.child(Database.layer, { lateBound: [Database] }),
    Supervisor.child(Migrator.layer, { restart: "transient", startIf: Config.boolean("MIGRATE") }),
    PubSub.layer,
    Endpoint.layer.pipe(Layer.provide(Hashmap.byName)),
    Hashmap.layer(HashMap.make(["app_name", "Scuti"], ["version", "1.0.0"], ["started_at", now]))
  ])
})
same<typeof Scuti.launch, Effect.Effect<void, Application.ApplicationFailed>>(true)

export const version = Effect.provide(Hashmap.get("version"), Scuti.layer)
same<Effect.Effect.Error<typeof version>, CallError | Offline | ConfigError.ConfigError>(true)
same<Effect.Effect.Context<typeof version>, never>(true)

// as a list, without the time
export const Listed = Application.make({
  //         ^? const Listed: Application.Application<Telemetry | PubSub | Endpoint | Hashmap, never, Database, "Listed">
  name: "Listed",
  children: [Telemetry.layer, PubSub.layer, Endpoint.layer.pipe(Layer.provide(Hashmap.byName)), Hashmap.layer()]
})

// without a name the endpoint would need an earlier Hashmap
export const Early = Application.make({
  name: "Early",
  children: [Telemetry.layer, Database.layer, PubSub.layer, Endpoint.layer, Hashmap.layer()]
})
// @expect-error: Type 'Hashmap' is not assignable to type 'never'
export const early = Effect.runPromise(Early.launch)

// a part of the program in a module of its own
export class RoomsOfScuti extends Supervisor.Service<RoomsOfScuti>()("@app/RoomsOfScuti") {
  static readonly live = this.layer({
    strategy: "rest_for_one",
    children: [Supervisor.worker("greeter", Effect.ignore(Hashmap.get("app_name")), { restart: "temporary" })]
  })
}
export const parts = Application.make({
  //         ^? const parts: Application.Application<Hashmap | RoomsOfScuti, never, never, "Parts">
  name: "Parts",
  children: [Hashmap.layer(), RoomsOfScuti.live]
})
