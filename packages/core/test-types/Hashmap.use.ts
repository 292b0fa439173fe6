import { Effect, HashMap } from "effect"
import * as GenServer from "../src/GenServer.ts"
import { Hashmap } from "./Hashmap.ts"

export const layer = Hashmap.layer()
//           ^? const layer: Layer<Hashmap, never, never>
export const started = Hashmap.start(HashMap.empty())
//           ^? const started: Effect.Effect<GenServer.ServerRef<Hashmap>, never, Scope>
export const startedEmpty = Hashmap.start()
//           ^? const startedEmpty: Effect.Effect<GenServer.ServerRef<Hashmap>, never, Scope>
export const self = Hashmap.self
//           ^? const self: Effect.Effect<GenServer.SelfHandle<Hashmap>, never, GenServer.Self<Hashmap>>
export const changes = GenServer.changes(Hashmap)
//           ^? const changes: Stream<HashMap.HashMap<string, unknown>, never, Hashmap>
export const program = Effect.provide(Hashmap.get("name"), Hashmap.layer())
//           ^? const program: Effect.Effect<Option<unknown>, CallError, never>
