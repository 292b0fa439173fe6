// What Hashmap.ts uses of Effect, without the server: what its type check is measured against.
import { HashMap, Schema } from "effect"

const Table = Schema.HashMap({ key: Schema.String, value: Schema.Unknown })
type Table = typeof Table.Type

export const get = { payload: { key: Schema.String }, success: Schema.Option(Schema.Unknown) }
export const getAll = { success: Table }
export const put = { payload: { key: Schema.String, value: Schema.Unknown } }
export const remove = { key: Schema.String }

export const init = (initial: Table = HashMap.empty()) => initial
export const handlers = {
  Get: (key: string, table: Table) => HashMap.get(table, key),
  GetAll: (table: Table) => table,
  Put: (key: string, value: unknown, table: Table) => HashMap.set(table, key, value),
  Delete: (key: string, table: Table) => HashMap.remove(table, key)
}
