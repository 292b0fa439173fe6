/**
 * The table of `src/Hashmap.ts` without a server: a `Ref` that everybody reads and writes. In its place it shows what
 * the server costs a request.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"

type Table = HashMap.HashMap<string, unknown>

const table = Ref.unsafeMake<Table>(HashMap.empty())

export class Hashmap extends Context.Tag("@app/ScutiWeb.Service.Hashmap")<Hashmap, Ref.Ref<Table>>() {
  static readonly get = (key: string) => Effect.map(Effect.flatMap(Hashmap, Ref.get), HashMap.get(key))
  static readonly getOr = (key: string, fallback: unknown) =>
    Effect.map(
      Hashmap.get(key),
      Option.getOrElse(() => fallback)
    )
  static readonly getAll = Effect.flatMap(Hashmap, Ref.get)
  static readonly update = (key: string, value: unknown) => Effect.flatMap(Hashmap, Ref.update(HashMap.set(key, value)))
  static readonly put = Hashmap.update
  static readonly delete = (key: string) => Effect.flatMap(Hashmap, Ref.update(HashMap.remove(key)))
  static readonly crash = Effect.dieMessage("a Ref does not crash")
  static readonly sequence = Effect.succeed(0)

  static readonly byName = Layer.succeed(Hashmap, table)
  static readonly layer = (initial: Table) => Layer.effect(Hashmap, Effect.as(Ref.set(table, initial), table))
}
