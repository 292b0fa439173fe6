/**
 * What happens to the table, as it is told to whoever has subscribed.
 *
 * Updates are numbered by the table itself, on and on for as long as the application runs, so that who misses one sees
 * that: a subscriber is told nothing twice, and what it is not told is not told again.
 */
import * as Schema from "effect/Schema"

const when = { sequence: Schema.Number, at: Schema.DateTimeUtc }

/** A key was given a value, by `put` or by `update`: the introduction has both, and they do the same. */
export const Put = Schema.TaggedStruct("Put", {
  ...when,
  by: Schema.Literal("put", "update"),
  key: Schema.String,
  value: Schema.Unknown
})
export type Put = typeof Put.Type

/** A key was removed, if it was there. */
export const Delete = Schema.TaggedStruct("Delete", { ...when, key: Schema.String })
export type Delete = typeof Delete.Type

/** The table has begun, or begun again after a crash, with these entries. */
export const Start = Schema.TaggedStruct("Start", {
  ...when,
  entries: Schema.Record({ key: Schema.String, value: Schema.Unknown })
})
export type Start = typeof Start.Type

export const Update = Schema.Union(Put, Delete, Start)
export type Update = typeof Update.Type
