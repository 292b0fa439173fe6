import { SqlClient } from "@effect/sql/SqlClient"
import { assert, describe, it } from "@effect/vitest"
import * as Supervisor from "@effect-otp/core/Supervisor"
import { createClient } from "@libsql/client"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as Migrator from "../src/Migrator.ts"
import * as Database from "../src/repo/Database.ts"
import { migrations } from "../src/repo/migrations/index.ts"
import { freshFile, settingsLayer } from "./fixtures/database.ts"

const statement = (text: string) => Effect.flatMap(SqlClient, (sql) => sql.unsafe(text))

const tables = (file: string) =>
  Effect.scoped(
    Effect.flatMap(Database.open(file, "normal"), (sql) =>
      Effect.map(
        sql<{
          readonly name: string
        }>`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`,
        (rows) => rows.map(({ name }) => name).sort()
      )
    )
  )

class Sup extends Supervisor.Service<Sup>()("@test/Sup") {}

describe("Migrator", () => {
  it.scoped("makes what is missing, and nothing twice", () =>
    Effect.gen(function* () {
      const file = yield* freshFile
      assert.deepStrictEqual(yield* Migrator.run(file), [[1, "changes"]])
      assert.deepStrictEqual(yield* Migrator.run(file), [])
      const more = {
        ...migrations,
        "10_more": statement("CREATE TABLE more (a)"),
        "9_less": statement("CREATE TABLE less (a)")
      }
      assert.deepStrictEqual(yield* Migrator.run(file, more), [
        [9, "less"],
        [10, "more"]
      ])
      assert.deepStrictEqual(yield* tables(file), ["changes", "effect_sql_migrations", "less", "more"])
    })
  )

  it.scoped("one that fails leaves nothing behind, nor do those before it; the error names it and says why", () =>
    Effect.gen(function* () {
      const file = yield* freshFile
      const wrong = { ...migrations, "2_wrong": statement("CREATE TABLE changes (again)") }
      const error = yield* Effect.flip(Migrator.run(file, wrong))
      assert.strictEqual(
        error.message,
        `Migration "2_wrong" failed in the database ${file}: table changes already exists. Nothing was changed`
      )
      assert.deepStrictEqual(yield* tables(file), ["effect_sql_migrations"])
      assert.deepStrictEqual(yield* Migrator.run(file), [[1, "changes"]])
    })
  )

  it.scoped("a full disk is such a failure", () =>
    Effect.gen(function* () {
      const file = yield* freshFile
      const large = {
        "1_large": Effect.zipRight(
          statement("PRAGMA max_page_count = 5"),
          Effect.zipRight(statement("CREATE TABLE t (a)"), statement("INSERT INTO t VALUES (randomblob(100000))"))
        )
      }
      const error = yield* Effect.flip(Migrator.run(file, large))
      assert.include(error.message, 'Migration "1_large" failed')
      assert.include(error.message, "database or disk is full. Nothing was changed")
      assert.deepStrictEqual(yield* tables(file), ["effect_sql_migrations"])
    })
  )

  it.scoped("what it cannot write down is no success, though the library takes it for another one's work", () =>
    Effect.gen(function* () {
      const file = yield* freshFile
      yield* Migrator.run(file, {})
      yield* Effect.scoped(
        Effect.flatMap(
          Database.open(file, "normal"),
          (sql) => sql`CREATE TRIGGER no BEFORE INSERT ON effect_sql_migrations BEGIN SELECT RAISE(ABORT, 'no'); END`
        )
      )
      const error = yield* Effect.flip(Migrator.run(file))
      assert.include(error.message, "does not take the migrations 1_changes")
    })
  )

  it.scoped("two at once do it one after the other", () =>
    Effect.gen(function* () {
      const file = yield* freshFile
      let times = 0
      const slow = {
        "1_slow": Effect.zipRight(
          Effect.sync(() => times++),
          Effect.zipRight(statement("CREATE TABLE slow (a)"), Effect.sleep("1 second"))
        )
      }
      const both = yield* Effect.fork(
        Effect.all([Migrator.run(file, slow), Migrator.run(file, slow)], { concurrency: "unbounded" })
      )
      while (both.unsafePoll() === null) {
        yield* TestClock.adjust("50 millis")
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      }
      assert.deepStrictEqual(
        [...(yield* Fiber.join(both))].sort((a, b) => a.length - b.length),
        [[], [[1, "slow"]]]
      )
      assert.strictEqual(times, 1)
    })
  )

  it.scoped("a file that stays locked is told, after five seconds", () =>
    Effect.gen(function* () {
      const file = yield* freshFile
      yield* Migrator.run(file, {})
      const other = createClient({ url: `file:${encodeURI(file)}` })
      yield* Effect.addFinalizer(() => Effect.sync(() => other.close()))
      yield* Effect.promise(() => other.execute("BEGIN IMMEDIATE"))
      const fiber = yield* Effect.fork(Effect.flip(Migrator.run(file)))
      for (let waited = 0; waited < 5000; waited += 50) {
        assert.isNull(fiber.unsafePoll())
        yield* TestClock.adjust("50 millis")
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      }
      assert.include((yield* Fiber.join(fiber)).message, "cannot be migrated: another process has locked it")
    })
  )

  it.scoped("in a release it is a child that migrates; elsewhere one that is left out (SUP-7)", () =>
    Effect.gen(function* () {
      const file = yield* freshFile
      const draw = (settings: Record<string, string>) =>
        Effect.scoped(
          Effect.provide(
            Supervisor.tree(Sup),
            Layer.provide(
              Sup.layer({ children: [Migrator.child] }),
              settingsLayer({ DATABASE_FILE: file, ...settings })
            )
          )
        )
      assert.strictEqual(yield* draw({}), "Sup\n└─ Migrator (Layer, stopped)")
      assert.deepStrictEqual(yield* tables(file), [])
      assert.strictEqual(yield* draw({ RELEASE_NAME: "scuti" }), "Sup\n└─ Migrator (Layer)")
      assert.deepStrictEqual(yield* tables(file), ["changes", "effect_sql_migrations"])
    })
  )
})
