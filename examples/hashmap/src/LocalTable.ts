/** The table of a server in this process. */
import type { CallError } from "@effect-otp/core/CallError"
import * as ExitReason from "@effect-otp/core/ExitReason"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Hashmap } from "./Hashmap.ts"
import * as Json from "./Json.ts"
import { Table, Unanswered } from "./Table.ts"

const explain = (error: CallError): Unanswered =>
  new Unanswered({
    message: Json.escape(
      error._tag === "ServerDown" ? `the server is down: ${ExitReason.format(error.reason)}` : error.message
    )
  })

/** Asks the Hashmap. */
export const layer: Layer.Layer<Table, never, Hashmap> = Layer.effect(
  Table,
  Effect.map(Effect.context<Hashmap>(), (context) => {
    const ask = <A>(call: Effect.Effect<A, CallError, Hashmap>) =>
      Effect.mapError(Effect.provide(call, context), explain)
    return {
      get: (key) => ask(Hashmap.get(key)),
      getOr: (key, fallback) => ask(Hashmap.getOr(key, fallback)),
      getAll: ask(Hashmap.getAll),
      update: (key, value) => ask(Hashmap.update(key, value)),
      put: (key, value) => ask(Hashmap.put(key, value)),
      delete: (key) => ask(Hashmap.delete(key)),
      crash: ask(Hashmap.crash)
    }
  })
)
