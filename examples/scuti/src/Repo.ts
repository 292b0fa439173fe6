/**
 * The journal of the table's changes, in the database.
 *
 * `live` is one connection, and what is asked of it. It is given out through its child's place (`RepoSupervisor`), so
 * whoever holds the service goes on with the next connection when one has crashed. While there is none, the members of
 * the service die with `ServerDown`; the functions of the class fail with it.
 */
import { ServerDown } from "@effect-otp/core/CallError"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { nextTurn } from "./nextTurn.ts"
import * as Database from "./repo/Database.ts"
import * as Lane from "./repo/Lane.ts"
import type { Line } from "./repo/Lines.ts"
import { notMigrated, RepoError } from "./repo/RepoError.ts"
import * as Settings from "./Settings.ts"
import * as Measures from "./telemetry/Measures.ts"

export { RepoError }

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
  /** The value that was put; of a start, all entries of the table; of a gap, how many changes are missing. */
  value: Schema.NullOr(Schema.Unknown),
  /** When the change was made; of a gap, when it was found. */
  at: Schema.DateTimeUtc
}) {}

export interface Page {
  /** The newest first. */
  readonly entries: ReadonlyArray<Entry>
  /** What to ask for as `before` to see those that come next; nothing on the last page. */
  readonly next: number | null
}

export interface PageOptions {
  /** The `next` of the page before; nothing for the first one. */
  readonly before: number | null
  /** How many lines at most, at least 1. */
  readonly limit: number
}

/** A line as the database has it: times are text, and so is the value, which is JSON. */
const Rows = Schema.Array(Schema.Struct({ ...Entry.fields, value: Schema.NullOr(Schema.parseJson()) }))

const isServerDown = Schema.is(ServerDown)

/** What was asked of a connection that is not there, or is gone before it has answered, fails with that. */
const orDown = <A, E, R>(use: Effect.Effect<A, E, R>): Effect.Effect<A, E | ServerDown, R> =>
  Effect.catchSomeDefect(use, (defect) => Option.map(Option.liftPredicate(isServerDown)(defect), Effect.fail))

/** Who reads the journal. */
export class Repo extends Context.Tag("@app/Scuti.Repo")<
  Repo,
  { readonly page: (options: PageOptions) => Effect.Effect<Page, RepoError> }
>() {
  /** A page of the journal, the newest lines first. Dies with a `TypeError` for a limit that is none. */
  static readonly page = (options: PageOptions): Effect.Effect<Page, RepoError | ServerDown, Repo> =>
    orDown(Effect.flatMap(this, (repo) => repo.page(options)))
}

/** Who writes the journal: one process alone, the `Journal`. */
export class RepoWriter extends Context.Tag("@app/Scuti.Repo.Writer")<
  RepoWriter,
  {
    readonly append: (run: DateTime.Utc, lines: ReadonlyArray<Line>) => Effect.Effect<void, RepoError>
    readonly lastSequence: (run: DateTime.Utc) => Effect.Effect<number, RepoError>
  }
>() {
  /**
   * Writes lines in one transaction, in their order. Once it has succeeded they are there, whatever becomes of the
   * process. A line of this run and with this number that is there already is left as it is, so that lines may be
   * written again of which one cannot tell whether they are there.
   */
  static readonly append = (
    run: DateTime.Utc,
    lines: ReadonlyArray<Line>
  ): Effect.Effect<void, RepoError | ServerDown, RepoWriter> =>
    orDown(Effect.flatMap(this, (writer) => writer.append(run, lines)))

  /** The number of the last change of this run that has a line, or is within a gap that has one; 0 if none has. */
  static readonly lastSequence = (run: DateTime.Utc): Effect.Effect<number, RepoError | ServerDown, RepoWriter> =>
    orDown(Effect.flatMap(this, (writer) => writer.lastSequence(run)))
}

const table = "changes"

/**
 * One connection to the file that the settings name. Fails with the reason if the file cannot be used. In a release
 * the tables are the Migrator's business; elsewhere it fails if they are not there.
 */
export const live = Layer.scopedContext(
  Effect.gen(function* () {
    const file = yield* Settings.databaseFile
    const pool = Lane.make(yield* Settings.poolSize)
    const sql = yield* Database.open(file, yield* Settings.databaseSynchronous)
    // what one asks while another one's transaction is open would belong to it
    const alone = Lane.make(1).through
    const reading = Database.explained(file, "read")

    const isThere = Effect.map(
      sql`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ${table}`.pipe(reading),
      (rows) => rows.length > 0
    )
    if (!(yield* Settings.isRelease) && !(yield* isThere)) return yield* notMigrated(file, table)

    const decode = (rows: unknown) =>
      Effect.mapError(Schema.decodeUnknown(Rows)(rows), (error) => {
        const why = ParseResult.ArrayFormatter.formatErrorSync(error)[0]
        const message = `the database ${file} has a line in "${table}" that no journal writes: ${why?.message}`
        return new RepoError({ reason: "failed", message })
      })

    const page = ({ before, limit }: PageOptions) =>
      Effect.gen(function* () {
        if (!Number.isSafeInteger(limit) || limit < 1) {
          throw new TypeError(`Repo.page: \`limit\` must be a whole number of at least 1, but is ${limit}`)
        }
        const rows = yield* sql`
          SELECT id, run, sequence, operation, key, value, at FROM ${sql(table)}
          ${before === null ? sql`` : sql`WHERE id < ${before}`} ORDER BY id DESC LIMIT ${limit + 1}`.pipe(reading)
        const entries = (yield* decode(rows.slice(0, limit))).map((row) => new Entry(row, { disableValidation: true }))
        return { entries, next: rows.length > limit ? (entries.at(-1)?.id ?? null) : null }
      }).pipe(
        alone,
        // see `Settings.poolSize`
        (query) => pool.through(Effect.zipRight(nextTurn, query)),
        Measures.query("page")
      )

    const append = (run: DateTime.Utc, lines: ReadonlyArray<Line>) =>
      Effect.suspend(() => {
        if (lines.length === 0) return Effect.void
        const rows = lines.map(({ at, key, operation, sequence, value }) => ({
          run: DateTime.formatIso(run),
          sequence,
          operation,
          key,
          value,
          at: DateTime.formatIso(at)
        }))
        return sql.withTransaction(
          sql`INSERT INTO ${sql(table)} ${sql.insert(rows)} ON CONFLICT (run, sequence) DO NOTHING`
        )
      }).pipe(Effect.asVoid, Database.explained(file, "written"), alone, Measures.query("append"))

    const lastSequence = (run: DateTime.Utc) =>
      sql<{ readonly last: number | null }>`
        SELECT max(sequence) AS last FROM ${sql(table)} WHERE run = ${DateTime.formatIso(run)}`.pipe(
        reading,
        Effect.map(([row]) => row?.last ?? 0),
        alone,
        Measures.query("lastSequence")
      )

    return Context.make(Repo, { page }).pipe(Context.add(RepoWriter, { append, lastSequence }))
  })
)
