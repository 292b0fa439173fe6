import { assert, describe, it } from "@effect/vitest"
import { createClient } from "@libsql/client"
import * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import { live, Repo, RepoError, RepoWriter } from "../src/Repo.ts"
import type { Line } from "../src/repo/Lines.ts"
import { freshFile, migratedFile, put, run, settingsLayer } from "./fixtures/database.ts"

/** Gives an effect a Repo on a file. */
const on = (file: string, settings: Record<string, string> = {}) =>
  Effect.provide(Layer.provide(live, settingsLayer({ DATABASE_FILE: file, ...settings })))

const everything = Repo.page({ before: null, limit: 1000 })

describe("Repo", () => {
  it.scoped("gives lines as they were written, the newest first", () =>
    Effect.gen(function* () {
      const lines: ReadonlyArray<Line> = [
        { sequence: 1, operation: "start", key: null, value: '{"a":1}', at: run },
        put(2, "a", { deep: [null, "é", 1.5] }),
        { sequence: 3, operation: "delete", key: "a", value: null, at: run },
        { sequence: 9, operation: "gap", key: null, value: "6", at: run }
      ]
      yield* RepoWriter.append(run, lines)
      const { entries, next } = yield* everything
      assert.deepStrictEqual(
        entries.map(({ at, id, key, operation, run, sequence, value }) => [
          id,
          DateTime.formatIso(run),
          sequence,
          operation,
          key,
          value,
          DateTime.formatIso(at)
        ]),
        [
          [4, "2026-01-01T00:00:00.000Z", 9, "gap", null, 6, "2026-01-01T00:00:00.000Z"],
          [3, "2026-01-01T00:00:00.000Z", 3, "delete", "a", null, "2026-01-01T00:00:00.000Z"],
          [2, "2026-01-01T00:00:00.000Z", 2, "put", "a", { deep: [null, "é", 1.5] }, "2026-01-01T00:00:02.000Z"],
          [1, "2026-01-01T00:00:00.000Z", 1, "start", null, { a: 1 }, "2026-01-01T00:00:00.000Z"]
        ]
      )
      assert.isNull(next)
    }).pipe((test) => Effect.flatMap(migratedFile, (file) => on(file)(test)))
  )

  it.scoped("property: pages of any size, one after the other, are the whole journal", () =>
    Effect.gen(function* () {
      const file = yield* migratedFile
      yield* Effect.gen(function* () {
        yield* RepoWriter.append(
          run,
          Array.from({ length: 23 }, (_, index) => put(index + 1))
        )
        const whole = (yield* everything).entries.map((entry) => entry.sequence)
        assert.deepStrictEqual(
          whole,
          Array.from({ length: 23 }, (_, index) => 23 - index)
        )
        const limits = FastCheck.sample(FastCheck.integer({ min: 1, max: 30 }), 20)
        for (const limit of limits) {
          const seen: Array<number> = []
          let before: number | null = null
          do {
            const page: Effect.Effect.Success<ReturnType<typeof Repo.page>> = yield* Repo.page({ before, limit })
            assert.isAtMost(page.entries.length, limit)
            seen.push(...page.entries.map((entry) => entry.sequence))
            before = page.next
          } while (before !== null)
          assert.deepStrictEqual(seen, whole)
        }
      }).pipe(on(file))
    })
  )

  it.scoped("a line that is there is not written again, and one run's numbers are not another's", () =>
    Effect.gen(function* () {
      const later = DateTime.add(run, { hours: 1 })
      yield* RepoWriter.append(run, [put(1), put(2)])
      yield* RepoWriter.append(run, [put(2, "other"), put(3)])
      assert.strictEqual(yield* RepoWriter.lastSequence(run), 3)
      assert.strictEqual(yield* RepoWriter.lastSequence(later), 0)
      yield* RepoWriter.append(later, [put(1, "again")])
      const { entries } = yield* everything
      assert.deepStrictEqual(
        entries.map((entry) => entry.key),
        ["again", "key 3", "key 2", "key 1"]
      )
    }).pipe((test) => Effect.flatMap(migratedFile, (file) => on(file)(test)))
  )

  it.scoped("without its tables it does not start, but in a release the Migrator is yet to come", () =>
    Effect.gen(function* () {
      const file = yield* freshFile
      const exit = yield* Effect.exit(Effect.void.pipe(on(file)))
      const message = `the database ${file} has no table "changes": run \`npm run migrate\``
      assert.deepStrictEqual(exit, Exit.fail(new RepoError({ reason: "notMigrated", message })))
      const error = yield* Effect.flip(everything).pipe(on(file, { RELEASE_NAME: "scuti" }))
      assert.strictEqual(error.message, message)
    })
  )

  it.scoped("a limit that is none is a bug, and a POOL_SIZE that is none is refused at the start", () =>
    Effect.gen(function* () {
      const file = yield* migratedFile
      for (const limit of [0, -1, 1.5, Number.NaN]) {
        const exit = yield* Effect.exit(Repo.page({ before: null, limit }).pipe(on(file)))
        assert.include(
          String(Exit.isFailure(exit) && Cause.pretty(exit.cause)),
          `Repo.page: \`limit\` must be a whole number of at least 1, but is ${limit}`
        )
      }
      const exit = yield* Effect.exit(Effect.void.pipe(on(file, { POOL_SIZE: "0" })))
      assert.include(String(exit), "expected a number of queries, at least 1")
    })
  )

  it.scoped("a file that another one has locked refuses what is written, and takes it afterwards, for all to see", () =>
    Effect.gen(function* () {
      const file = yield* migratedFile
      const other = createClient({ url: `file:${encodeURI(file)}` })
      yield* Effect.addFinalizer(() => Effect.sync(() => other.close()))
      const execute = (text: string) => Effect.promise(() => other.execute(text))
      yield* Effect.gen(function* () {
        yield* execute("BEGIN IMMEDIATE")
        const error = yield* Effect.flip(RepoWriter.append(run, [put(1)]))
        assert.include(error.message, "cannot be written: another process has locked it")
        assert.deepStrictEqual((yield* everything).entries, [])
        yield* execute("ROLLBACK")
        yield* RepoWriter.append(run, [put(1)])
        const { rows } = yield* Effect.promise(() => other.execute("SELECT count(*) AS count FROM changes"))
        assert.strictEqual(rows[0]?.["count"], 1)
      }).pipe(on(file))
    })
  )

  it.scoped("a line that no journal writes is told, not shown", () =>
    Effect.gen(function* () {
      const file = yield* migratedFile
      const other = createClient({ url: `file:${encodeURI(file)}` })
      yield* Effect.promise(() =>
        other.executeMultiple(
          "INSERT INTO changes (run, sequence, operation, value, at) VALUES ('2026-01-01T00:00:00Z', 1, 'put', 'no JSON', '2026')"
        )
      )
      other.close()
      const error = yield* Effect.flip(everything).pipe(on(file))
      assert.include(error.message, 'has a line in "changes" that no journal writes: ')
    })
  )

  it.scoped("a burst of queries runs POOL_SIZE of them in a turn of the event loop", () =>
    Effect.gen(function* () {
      const file = yield* migratedFile
      yield* Effect.gen(function* () {
        let turns = 0
        let counting = true
        const count = () => {
          turns++
          if (counting) setImmediate(count)
        }
        const done: Array<number> = []
        setImmediate(count)
        yield* Effect.forEach(
          Array.from({ length: 40 }),
          () => Effect.tap(Repo.page({ before: null, limit: 1 }), () => Effect.sync(() => done.push(turns))),
          { concurrency: "unbounded", discard: true }
        )
        counting = false
        const most = Math.max(...done.map((turn) => done.filter((other) => other === turn).length))
        assert.isAtMost(most, 4)
        assert.isAtLeast(new Set(done).size, 10)
      }).pipe(on(file, { POOL_SIZE: "4" }))
    })
  )
})
