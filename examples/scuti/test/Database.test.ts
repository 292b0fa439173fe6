import * as fs from "node:fs"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { createClient } from "@libsql/client"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { nextTurn } from "../src/nextTurn.ts"
import * as Database from "../src/repo/Database.ts"
import { explain, faultOf, RepoError } from "../src/repo/RepoError.ts"
import { directory, freshFile, handlesOn } from "./fixtures/database.ts"

const open = (file: string) => Database.open(file, "normal")

/** Somebody else who has the file: another connection, as another process has one. */
const other = (file: string) =>
  Effect.acquireRelease(
    Effect.sync(() => createClient({ url: `file:${encodeURI(file)}` })),
    (client) => Effect.sync(() => client.close())
  )

/** Lets time pass until a fiber has ended, and gives what it ended with and how long that took. */
const elapse = <A, E>(fiber: Fiber.RuntimeFiber<A, E>) =>
  Effect.gen(function* () {
    let millis = 0
    while (fiber.unsafePoll() === null) {
      yield* TestClock.adjust("50 millis")
      // the driver answers by promises
      yield* nextTurn
      millis += 50
    }
    return [yield* Fiber.await(fiber), Duration.format(Duration.millis(millis))] as const
  })

const refusal = (file: string) =>
  Effect.map(Effect.flip(open(file)), ({ message, reason }) => [reason, message.replace(file, "F")])

describe("Database", () => {
  it.scoped("creates a file that is not there, and keeps what is written", () =>
    Effect.gen(function* () {
      const file = yield* freshFile
      yield* Effect.scoped(
        Effect.gen(function* () {
          const sql = yield* open(file)
          yield* sql`CREATE TABLE t (a)`
          yield* sql`INSERT INTO t ${sql.insert([{ a: 1 }, { a: "two" }])}`
        })
      )
      const sql = yield* open(file)
      assert.deepStrictEqual(yield* sql`SELECT a FROM t`, [{ a: 1 }, { a: "two" }])
    })
  )

  it.scoped("keeps its settings, also after a transaction", () =>
    Effect.gen(function* () {
      const sql = yield* Database.open(yield* freshFile, "normal")
      const settings = Effect.all([
        sql`PRAGMA journal_mode`,
        sql`PRAGMA synchronous`,
        sql`PRAGMA foreign_keys`,
        sql`PRAGMA busy_timeout`
      ])
      const before = yield* settings
      assert.deepStrictEqual(before.flat(), [
        { journal_mode: "wal" },
        { synchronous: 1 },
        { foreign_keys: 1 },
        { timeout: 0 }
      ])
      yield* sql.withTransaction(sql`CREATE TABLE t (a)`)
      assert.deepStrictEqual(yield* settings, before)
    })
  )

  it.scoped(
    "a directory that does not exist, one in place of the file, and a file of another kind are told apart",
    () =>
      Effect.gen(function* () {
        const where = yield* directory
        const text = path.join(where, "text.db")
        fs.writeFileSync(text, "no database, but a text that is long enough".repeat(50))
        assert.deepStrictEqual(yield* refusal(path.join(where, "none", "x.db")), [
          "unreachable",
          "the database F cannot be opened: its directory does not exist; create it, or set DATABASE_FILE to another file"
        ])
        assert.deepStrictEqual(yield* refusal(where), [
          "unreachable",
          "the database F cannot be opened: that is a directory; set DATABASE_FILE to a file in it"
        ])
        assert.deepStrictEqual(yield* refusal(text), [
          "notADatabase",
          "the database F cannot be opened: the file is no SQLite database; set DATABASE_FILE to another file"
        ])
      })
  )

  it("what a user may not do is told by what was tried", () => {
    const cannotOpen = faultOf(new Error('ConnectionFailed("Unable to open connection to local database x.db: 14")'))
    assert.strictEqual(
      explain("x.db", "opened", cannotOpen, "nothing").message,
      "the database x.db cannot be opened: this user may not create it; let it, or set DATABASE_FILE to another file"
    )
    assert.include(explain("x.db", "opened", cannotOpen, "a file").message, "may not read it")
    assert.include(
      explain("x.db", "written", { code: "SQLITE_READONLY_DBMOVED", sentence: "" }).message,
      "this user may not write to it"
    )
  })

  it.scoped(
    "waits five seconds for a file that another one has locked, and says that it is",
    () =>
      Effect.gen(function* () {
        const file = yield* freshFile
        const holder = yield* other(file)
        yield* Effect.promise(() => holder.execute("BEGIN EXCLUSIVE"))
        const [exit, after] = yield* Effect.flatMap(Effect.fork(Effect.scoped(open(file))), elapse)
        assert.deepStrictEqual(
          exit,
          Exit.fail(
            new RepoError({
              reason: "locked",
              message: `the database ${file} cannot be opened: another process has locked it; it is free when that one is done or has ended`
            })
          )
        )
        assert.strictEqual(after, "5s")
      }),
    20_000
  )

  it.scoped("opens a file as soon as it is free", () =>
    Effect.gen(function* () {
      const file = yield* freshFile
      const holder = yield* other(file)
      yield* Effect.promise(() => holder.execute("BEGIN EXCLUSIVE"))
      const fiber = yield* Effect.fork(Effect.scoped(open(file)))
      yield* TestClock.adjust("1 second")
      yield* Effect.promise(() => holder.execute("COMMIT"))
      const [exit, after] = yield* elapse(fiber)
      assert.isTrue(Exit.isSuccess(exit))
      assert.strictEqual(after, "50ms")
    })
  )

  it.scoped("a full disk is told, and what was to be written is not there", () =>
    Effect.gen(function* () {
      const file = yield* freshFile
      const sql = yield* open(file)
      yield* sql`CREATE TABLE t (a)`
      yield* sql`PRAGMA max_page_count = 3`
      const write = sql`INSERT INTO t ${sql.insert({ a: "x".repeat(100_000) })}`.pipe(
        Database.explained(file, "written")
      )
      const error = yield* Effect.flip(write)
      assert.strictEqual(
        error.message,
        `the database ${file} cannot be written: there is no room left on its disk; make some`
      )
      assert.deepStrictEqual(yield* sql`SELECT count(*) AS count FROM t`, [{ count: 0 }])
      yield* sql`PRAGMA max_page_count = 1000`
      yield* write
    })
  )

  it.scoped("a transaction is rolled back by a failure, a defect and an interruption", () =>
    Effect.gen(function* () {
      const sql = yield* open(yield* freshFile)
      yield* sql`CREATE TABLE t (a)`
      const write = sql`INSERT INTO t ${sql.insert({ a: 1 })}`
      const ends = [Effect.fail("no"), Effect.die("a bug"), Effect.interrupt]
      for (const end of ends) {
        const exit = yield* Effect.exit(sql.withTransaction(Effect.zipRight(write, end)))
        assert.isTrue(Exit.isFailure(exit))
        assert.deepStrictEqual(yield* sql`SELECT a FROM t`, [])
      }
      yield* sql.withTransaction(write)
      assert.deepStrictEqual(yield* sql`SELECT a FROM t`, [{ a: 1 }])
    })
  )

  it.scoped("a transaction that cannot begin, or cannot be committed, is a failure, and the next one is possible", () =>
    Effect.gen(function* () {
      const file = yield* freshFile
      const sql = yield* open(file)
      yield* sql`CREATE TABLE t (a PRIMARY KEY)`
      yield* sql`CREATE TABLE u (a REFERENCES t (a) DEFERRABLE INITIALLY DEFERRED)`
      const holder = yield* other(file)
      yield* Effect.promise(() => holder.execute("BEGIN IMMEDIATE"))
      const begun = yield* Effect.flip(sql.withTransaction(Effect.void))
      assert.strictEqual(faultOf(begun).code, "SQLITE_BUSY")
      yield* Effect.promise(() => holder.execute("ROLLBACK"))
      const committed = yield* Effect.flip(sql.withTransaction(sql`INSERT INTO u ${sql.insert({ a: 1 })}`))
      assert.strictEqual(faultOf(committed).sentence, "FOREIGN KEY constraint failed")
      yield* sql.withTransaction(sql`INSERT INTO t ${sql.insert({ a: 1 })}`)
      assert.deepStrictEqual(yield* sql`SELECT (SELECT count(*) FROM t) AS t, (SELECT count(*) FROM u) AS u`, [
        { t: 1, u: 0 }
      ])
    })
  )

  it.scoped(
    "a connection that is closed within a transaction gives the file free, and what is asked of it then fails",
    () =>
      Effect.gen(function* () {
        const file = yield* freshFile
        const sql = yield* open(file)
        yield* sql`CREATE TABLE t (a)`
        const scope = yield* Scope.make()
        const closed = yield* Scope.extend(open(file), scope)
        const writing = yield* Effect.fork(
          closed.withTransaction(
            Effect.zipRight(closed`INSERT INTO t ${sql.insert({ a: 1 })}`, Effect.sleep("1 second"))
          )
        )
        // it has begun, and written
        yield* Effect.repeatN(nextTurn, 3)
        yield* Scope.close(scope, Exit.void)
        yield* sql.withTransaction(sql`INSERT INTO t ${sql.insert({ a: 2 })}`)
        yield* TestClock.adjust("1 second")
        const error = yield* Effect.flip(Database.explained(file, "written")(Fiber.join(writing)))
        assert.strictEqual(error.reason, "closed")
        assert.deepStrictEqual(yield* sql`SELECT a FROM t`, [{ a: 2 }])
      })
  )

  it.scoped.runIf(fs.existsSync("/proc/self/fd"))(
    "closed connections do not keep their files open",
    () =>
      Effect.gen(function* () {
        const file = yield* freshFile
        const one = Effect.scoped(Effect.flatMap(open(file), (sql) => sql`SELECT 1 FROM sqlite_master`))
        let most = 0
        for (let round = 0; round < 100; round++) {
          yield* one
          // what the collector has found is closed in a turn of its own
          yield* nextTurn
          most = Math.max(most, handlesOn(path.dirname(file)))
        }
        assert.isBelow(most, 64)
      }),
    20_000
  )
})
