// The server of the introduction, as a user writes it: with no annotations beyond these.
import { HashMap, Schema } from "effect"
import * as GenServer from "../src/GenServer.ts"
const { noReply, reply } = GenServer

const Table = Schema.HashMap({ key: Schema.String, value: Schema.Unknown })
type Table = typeof Table.Type

export class Get extends GenServer.Call<Get>()("Get", {
  payload: { key: Schema.String },
  success: Schema.Option(Schema.Unknown)
}) {}
export class GetAll extends GenServer.Call<GetAll>()("GetAll", { success: Table }) {}
export class Put extends GenServer.Call<Put>()("Put", { payload: { key: Schema.String, value: Schema.Unknown } }) {}
export class Delete extends GenServer.Cast<Delete>()("Delete", { key: Schema.String }) {}

/** A table kept by one process. */
export class Hashmap extends GenServer.Service<Hashmap>()("@app/Hashmap", {
  state: Table,
  messages: [Get, GetAll, Put, Delete]
}) {
  // client
  static readonly get = (key: string) => GenServer.call(this, new Get({ key }))
  //              ^? (property) Hashmap.get: (key: string) => Effect<Option<unknown>, CallError, Hashmap>
  static readonly getAll = GenServer.call(this, new GetAll())
  //              ^? (property) Hashmap.getAll: Effect<HashMap.HashMap<string, unknown>, CallError, Hashmap>
  static readonly put = (key: string, value: unknown) => GenServer.call(this, new Put({ key, value }))
  //              ^? (property) Hashmap.put: (key: string, value: unknown) => Effect<void, CallError, Hashmap>
  static readonly delete = (key: string) => GenServer.cast(this, new Delete({ key }))
  //              ^? (property) Hashmap.delete: (key: string) => Effect<void, never, Hashmap>

  // server
  static readonly layer = this.toLayer((initial: Table = HashMap.empty()) => initial, {
    //            ^? (property) Hashmap.layer: (initial?: HashMap.HashMap<string, unknown> | undefined) => Layer<Hashmap, never, never>
    handleCall: {
      Get: ({ key }, table) => reply(HashMap.get(table, key), table),
      //             ^? (parameter) table: HashMap.HashMap<string, unknown>
      GetAll: (_, table) => reply(table, table),
      Put: ({ key, value }, table) => reply(undefined, HashMap.set(table, key, value))
    },
    handleCast: {
      Delete: ({ key }, table) => noReply(HashMap.remove(table, key))
    }
  })
}
