/**
 * A table of names and values kept by one process: Elixir's introduction to GenServer, whole.
 *
 * Clients know the class and its functions. Where the server runs, with what, and who restarts it is the Layer's business.
 */
import * as GenServer from "@effect-otp/core/GenServer"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const { noReply, reply } = GenServer

const Table = Schema.HashMap({ key: Schema.String, value: Schema.Unknown })
type Table = typeof Table.Type

/** The value of a key, if it is there. */
export class Get extends GenServer.Call<Get>()("Get", {
  payload: { key: Schema.String },
  success: Schema.Option(Schema.Unknown)
}) {}

/** The value of a key, or the default where the key is absent. */
export class GetOr extends GenServer.Call<GetOr>()("GetOr", {
  payload: { key: Schema.String, default: Schema.Unknown },
  success: Schema.Unknown
}) {}

/** The whole table. */
export class GetAll extends GenServer.Call<GetAll>()("GetAll", { success: Table }) {}

/** Inserts or replaces, as `Put` does: the introduction has both. */
export class Update extends GenServer.Call<Update>()("Update", {
  payload: { key: Schema.String, value: Schema.Unknown }
}) {}

/** Inserts or replaces. */
export class Put extends GenServer.Call<Put>()("Put", { payload: { key: Schema.String, value: Schema.Unknown } }) {}

/** Removes a key, if it is there. */
export class Delete extends GenServer.Cast<Delete>()("Delete", { key: Schema.String }) {}

/** Makes the server crash, to see what happens then. */
export class Crash extends GenServer.Call<Crash>()("Crash") {}

/** A table kept by one process. */
export class Hashmap extends GenServer.Service<Hashmap>()("@app/Hashmap", {
  state: Table,
  messages: [Get, GetOr, GetAll, Update, Put, Delete, Crash]
}) {
  // client
  static readonly get = (key: string) => GenServer.call(this, new Get({ key }))
  static readonly getOr = (key: string, fallback: unknown) =>
    GenServer.call(this, new GetOr({ key, default: fallback }))
  static readonly getAll = GenServer.call(this, new GetAll())
  static readonly update = (key: string, value: unknown) => GenServer.call(this, new Update({ key, value }))
  static readonly put = (key: string, value: unknown) => GenServer.call(this, new Put({ key, value }))
  static readonly delete = (key: string) => GenServer.cast(this, new Delete({ key }))
  static readonly crash = GenServer.call(this, new Crash())

  // server
  static readonly layer = this.toLayer((initial: Table = HashMap.empty()) => initial, {
    handleCall: {
      Get: ({ key }, table) => reply(HashMap.get(table, key), table),
      GetOr: ({ default: fallback, key }, table) =>
        reply(
          Option.getOrElse(HashMap.get(table, key), () => fallback),
          table
        ),
      GetAll: (_, table) => reply(table, table),
      Update: ({ key, value }, table) => reply(undefined, HashMap.set(table, key, value)),
      Put: ({ key, value }, table) => reply(undefined, HashMap.set(table, key, value)),
      Crash: () => {
        throw new Error("told to crash")
      }
    },
    handleCast: {
      Delete: ({ key }, table) => noReply(HashMap.remove(table, key))
    }
  })
}
