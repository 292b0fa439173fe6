/**
 * A connection to the SQLite file, as a `SqlClient`.
 *
 * The driver, `@effect/sql-libsql`, runs every statement at once, in the turn in which it is asked: the program does
 * nothing else meanwhile. From that follows what is done here otherwise than by its defaults:
 *
 * - It is one connection. A second one could not run beside it, so a pool would bring nothing.
 * - SQLite's own waiting for a lock (`busy_timeout`) is off, since it would hold the whole program up. Who finds the file
 *   locked is told so, and waits by the Clock if it wants to.
 * - Whatever is written is written in a transaction, and that is begun and ended by `exec`. A statement of another kind that
 *   finds the file locked is not ended by the driver, and SQLite commits nothing while it is there: later writes succeed,
 *   and nobody else ever sees them.
 * - The driver's own transactions are not used. They hand the connection over to the transaction and open another one for
 *   what follows, without the settings of the first; and one that cannot begin keeps a permit, so that every later
 *   statement waits for ever.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Reactivity from "@effect/experimental/Reactivity"
import type { SqlClient } from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import * as LibsqlClient from "@effect/sql-libsql/LibsqlClient"
import { Sqlite3Client } from "@libsql/client/sqlite3"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import Libsql from "libsql"
import { explain, faultOf, type RepoError, type Seen } from "./RepoError.ts"
import { release } from "./releaseHandles.ts"

const look = (file: string): Seen => {
  if (!fs.existsSync(path.dirname(path.resolve(file)))) return "no directory"
  const stats = fs.statSync(file, { throwIfNoEntry: false })
  if (stats === undefined) return "nothing"
  return stats.isDirectory() ? "a directory" : "a file"
}

/** Says by `RepoError` what an error of the database means. */
export const explained =
  (file: string, doing: string) =>
  <A, R>(effect: Effect.Effect<A, SqlError, R>): Effect.Effect<A, RepoError, R> =>
    Effect.mapError(effect, (error) => explain(file, doing, faultOf(error)))

/** How long an attempt goes on while another process has the file. */
export const patience = Schedule.spaced("50 millis").pipe(Schedule.intersect(Schedule.recurs(100)))

/** Tries again for five seconds while another process has the file, and fails as the last attempt did. */
export const waitingForLock = <A, R>(effect: Effect.Effect<A, RepoError, R>): Effect.Effect<A, RepoError, R> =>
  Effect.retry(effect, { schedule: patience, while: (error) => error.isLocked })

/**
 * What a committed transaction survives. `normal`: the end of this process, however it comes; a loss of power may take
 * the last ones. `full`: that, too, for the price of waiting for the disk at each commit.
 */
export type Synchronous = "normal" | "full"

/**
 * Opens the file, and creates it if it is not there. Waits for five seconds while another process has locked it. Fails
 * with the reason if the file cannot be read and written, or is no database.
 *
 * Whoever uses `withTransaction` must be alone on the connection: what others write meanwhile belongs to the transaction.
 */
export const open = (file: string, synchronous: Synchronous): Effect.Effect<SqlClient, RepoError, Scope.Scope> =>
  waitingForLock(connect(file, synchronous))

/** The same, but without waiting. */
export const connect = (file: string, synchronous: Synchronous): Effect.Effect<SqlClient, RepoError, Scope.Scope> =>
  Effect.gen(function* () {
    const database = yield* Effect.acquireRelease(
      Effect.tap(create(file), (database) =>
        Effect.onError(configure(file, synchronous, database), () => close(database))
      ),
      close
    )
    // as `createClient` makes it, which does not give the database away
    const liveClient = new Sqlite3Client(file, {}, database, "number")
    const sql = yield* LibsqlClient.make({ liveClient })
    return Object.assign(sql, { withTransaction: transaction(database) })
  }).pipe(Effect.provideServiceEffect(Reactivity.Reactivity, Reactivity.make))

const create = (file: string): Effect.Effect<Libsql.Database, RepoError> =>
  Effect.try({
    try: () => new Libsql(file),
    catch: (error) => explain(file, "opened", faultOf(error), look(file))
  })

const close = (database: Libsql.Database): Effect.Effect<void> =>
  // A transaction that is open would hold its lock until the collector finds the last statement: see `releaseHandles`.
  rollback(database).pipe(
    // So that the file has all that was written, and can be copied by itself. Where another one is in the way, whoever
    // opens the file next reads the rest from beside it, as after a crash.
    Effect.zipRight(Effect.ignore(exec(database, "PRAGMA wal_checkpoint (TRUNCATE)"))),
    Effect.zipRight(
      Effect.sync(() => {
        database.close()
        release()
      })
    )
  )

const configure = (file: string, synchronous: Synchronous, database: Libsql.Database): Effect.Effect<void, RepoError> =>
  exec(
    database,
    `PRAGMA busy_timeout = 0; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA synchronous = ${synchronous}`
  ).pipe(explained(file, "opened"))

const exec = (database: Libsql.Database, text: string): Effect.Effect<void, SqlError> =>
  Effect.try({
    try: () => void database.exec(text),
    catch: (cause) => new SqlError({ cause, message: `Failed to execute ${text}` })
  })

/**
 * Runs an effect in a transaction that no other may write beside. It is rolled back if the effect fails or is
 * interrupted, and if it cannot be committed; then it fails with that. There are none within another.
 */
const transaction =
  (database: Libsql.Database) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | SqlError, R> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.zipRight(
        exec(database, "BEGIN IMMEDIATE"),
        Effect.flatMap(Effect.exit(restore(effect)), (exit) =>
          Exit.isSuccess(exit)
            ? Effect.zipRight(
                Effect.tapError(exec(database, "COMMIT"), () => rollback(database)),
                exit
              )
            : Effect.zipRight(rollback(database), exit)
        )
      )
    )

// SQLite itself has rolled back after some errors, a full disk among them. Then there is nothing left to roll back, which
// is an error that says nothing: the one that led here is what is told.
const rollback = (database: Libsql.Database): Effect.Effect<void> => Effect.ignore(exec(database, "ROLLBACK"))
