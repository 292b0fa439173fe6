/** The journal of the table's changes. */

import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** One line of the journal. */
export class Entry extends Schema.Class<Entry>("Entry")({
  /** Its place in the journal: lines are numbered in the order in which they were written. */
  id: Schema.Number,
  /** When the application was started that wrote it: numbers of changes are told apart by it. */
  run: Schema.DateTimeUtc,
  /** The number of the change; of a gap, of the last change that is missing. */
  sequence: Schema.Number,
  operation: Schema.Literal("start", "put", "update", "delete", "gap"),
  key: Schema.NullOr(Schema.String),
  value: Schema.NullOr(Schema.Unknown),
  at: Schema.DateTimeUtc
}) {}

/** The database does not do what it is asked: in one line, what and why. */
export class RepoError extends Schema.TaggedError<RepoError>()("RepoError", { message: Schema.String }) {}

export interface Page {
  /** The newest first. */
  readonly entries: ReadonlyArray<Entry>
  /** What to ask for as `before` to see those that come next; nothing on the last page. */
  readonly next: number | null
}

export class Repo extends Context.Tag("@app/Scuti.Repo")<
  Repo,
  {
    readonly page: (options: {
      readonly before: number | null
      readonly limit: number
    }) => Effect.Effect<Page, RepoError>
  }
>() {}
