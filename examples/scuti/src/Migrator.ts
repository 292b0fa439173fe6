/**
 * Brings the tables of the database up to date: at the start of a release, or by hand (`npm run migrate`).
 *
 * All migrations that are missing are made in one transaction, so that there are all of them afterwards or none. Two
 * processes that do it at once do it one after the other, and the second finds nothing left to do.
 */

import * as SqlMigrator from "@effect/sql/Migrator"
import { SqlClient } from "@effect/sql/SqlClient"
import * as Supervisor from "@effect-otp/core/Supervisor"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Database from "./repo/Database.ts"
import { migrations as ours } from "./repo/migrations/index.ts"
import { explain, faultOf, type RepoError } from "./repo/RepoError.ts"
import * as Settings from "./Settings.ts"

/** A migration that failed. Nothing of it is left, nor of those that were made with it. */
export class MigrationFailed extends Schema.TaggedError<MigrationFailed>()("MigrationFailed", {
  message: Schema.String
}) {}

/** What makes each change, by its number and name: `"1_changes"`. */
export type Migrations = { readonly [name: string]: Effect.Effect<unknown, unknown, SqlClient> }

/** One that was made. */
export type Made = readonly [id: number, name: string]

const migrate = SqlMigrator.make({})

const isMigrationError = (u: unknown): u is SqlMigrator.MigrationError => u instanceof SqlMigrator.MigrationError

/** Makes what is missing, once, and gives it. */
const attempt = (
  file: string,
  migrations: Migrations
): Effect.Effect<ReadonlyArray<Made>, MigrationFailed | RepoError> =>
  Effect.gen(function* () {
    const failed = (error: SqlMigrator.MigrationError) => {
      const why = error.cause === undefined ? "" : `: ${faultOf(error.cause).sentence.split("\n", 1)[0]}`
      const message = `${error.message.split("\n", 1)[0]} in the database ${file}${why}. Nothing was changed`
      return new MigrationFailed({ message })
    }
    const loader = SqlMigrator.fromRecord({ ...migrations })
    const all = yield* Effect.mapError(loader, failed)
    // a connection for each attempt, since what finds the file locked is not always ended (see `Database`); and `full`,
    // since nobody waits for more than this one commit
    const sql = yield* Database.connect(file, "full")
    const made = yield* migrate({ loader }).pipe(
      Effect.provideService(SqlClient, sql),
      // it dies of what a migration fails with
      Effect.catchSomeDefect((defect) => Option.map(Option.liftPredicate(isMigrationError)(defect), Effect.fail)),
      Effect.mapError((error) => (isMigrationError(error) ? failed(error) : explain(file, "migrated", faultOf(error))))
    )
    // Where it cannot write down what it is about to do, it takes it that another one does it, and does nothing.
    const [row] = yield* sql<{ readonly last: number | null }>`
      SELECT max(migration_id) AS last FROM effect_sql_migrations`.pipe(Database.explained(file, "read"))
    const missing = all.filter(([id]) => id > (row?.last ?? 0)).map(([id, name]) => `${id}_${name}`)
    if (missing.length > 0) {
      return yield* new MigrationFailed({
        message: `the database ${file} does not take the migrations ${missing.join(", ")}: there may be no room left on its disk`
      })
    }
    return made
  }).pipe(Effect.scoped)

/**
 * Makes those migrations that the database does not have, in the order of their numbers, and gives them. Waits for five
 * seconds while another process has locked the file. Fails, and leaves the database as it was, if one of them fails.
 */
export const run = (
  file: string,
  migrations: Migrations = ours
): Effect.Effect<ReadonlyArray<Made>, MigrationFailed | RepoError> =>
  Effect.retry(attempt(file, migrations), {
    schedule: Database.patience,
    while: (error) => error._tag === "RepoError" && error.isLocked
  })

/** Migrates the database that the settings name. */
export const ofSettings: Effect.Effect<ReadonlyArray<Made>, MigrationFailed | RepoError | ConfigError> = Effect.flatMap(
  Settings.databaseFile,
  (file) => run(file)
)

/** Migrates when it is built. */
export const layer = Layer.effectDiscard(ofSettings)

/** Migrates at the start of a release. Elsewhere it is left out, as the introduction's `skip_migrations?` does. */
export const child = Supervisor.child(layer, { id: "Migrator", startIf: Settings.isRelease })
