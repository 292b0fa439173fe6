import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { SqlClient } from "@effect/sql/SqlClient"
import { LibsqlClient } from "@effect/sql-libsql"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { journal } from "./load.ts"
import { type Ended, run, start, temporaryFolder } from "./running.ts"

/** Does something to a database, as another program would. */
const inDatabase = <A>(file: string, use: (sql: SqlClient) => Effect.Effect<A, unknown>): Promise<A> =>
  Effect.runPromise(
    Effect.flatMap(SqlClient, use).pipe(Effect.provide(LibsqlClient.layer({ url: `file:${file}` })), Effect.scoped)
  )

/** It has ended with 1 and has said why in one line, the last one. */
const failedWith = ({ code, log }: Ended, why: RegExp): void => {
  const lines = log.trimEnd().split("\n")
  assert.strictEqual(code, 1)
  assert.deepStrictEqual(
    lines.filter((line) => !/^\[.*\] (INFO|WARN|FATAL)/.test(line)),
    [],
    "no stack, and nothing on more than one line"
  )
  assert.strictEqual(lines.filter((line) => line.includes("FATAL")).length, 1)
  assert.match(lines.at(-1)!, why)
}

const database = "scuti.db"

describe("Scuti and its database", { timeout: 60_000 }, () => {
  it("a migration that fails: nothing after it starts, and one line says which and why", async () => {
    const folder = temporaryFolder()
    // what the first one is to make is there already, made by nobody knows whom
    await inDatabase(join(folder, database), (sql) => sql`CREATE TABLE changes (other TEXT)`)
    const ended = await run("scuti/src/main.ts", {}, folder).ended
    failedWith(ended, /FATAL .*could not start Migrator: .*1_changes.*already exists.*Nothing was changed/)
    assert.notMatch(ended.log, /listens at|Scuti\.PubSub/)
  })

  it("a file that is no database", async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, database), "this is a text, and not a short one, so that nobody takes it for a database")
    failedWith(
      await run("scuti/src/main.ts", {}, folder).ended,
      /FATAL .*could not start Scuti\.Repo \/ Scuti\.Repo: .*scuti\.db.*is no SQLite database/
    )
  })

  it("a file that cannot be opened", async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, database))
    failedWith(
      await run("scuti/src/main.ts", {}, folder).ended,
      /FATAL .*could not start Scuti\.Repo \/ Scuti\.Repo: .*scuti\.db/
    )
  })

  it("a directory that is not there", async () => {
    const folder = temporaryFolder()
    failedWith(
      await run("scuti/src/main.ts", { DATABASE_FILE: join(folder, "nowhere", database) }, folder).ended,
      /FATAL .*could not start Scuti\.Repo \/ Scuti\.Repo: .*nowhere/
    )
  })

  it("a file that another program has locked at the start", async () => {
    const folder = temporaryFolder()
    await inDatabase(join(folder, database), (sql) =>
      sql.withTransaction(
        Effect.zipRight(
          sql`CREATE TABLE other (value TEXT)`,
          Effect.promise(async () => {
            failedWith(await run("scuti/src/main.ts", {}, folder).ended, /FATAL .*could not start .*scuti\.db.*locked/)
          })
        )
      )
    )
  })

  it("a file that another program locks while it runs: the table goes on, and the journal afterwards", async () => {
    const folder = temporaryFolder()
    const { child, ended, url, waitFor } = await start({}, "scuti/src/main.ts", folder)
    const put = (key: string) =>
      fetch(`${url}/api/hashmap/${key}`, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: '{"value":1}'
      })
    await inDatabase(join(folder, database), (sql) =>
      sql.withTransaction(
        Effect.zipRight(
          sql`CREATE TABLE other (value TEXT)`,
          Effect.promise(async () => {
            assert.strictEqual((await put("while")).status, 204)
            await waitFor(/WARN .*The journal waits, for the 1st time: .*locked/)
            assert.strictEqual((await put("still")).status, 204)
            assert.strictEqual((await fetch(`${url}/ready`)).status, 200)
          })
        )
      )
    )
    await waitFor(/The journal is written again/)
    const isWritten = async () =>
      (await journal(url)).filter(({ key }) => key === "while" || key === "still").length === 2
    while (!(await isWritten())) await new Promise((resolve) => setTimeout(resolve, 20))
    child.kill("SIGTERM")
    assert.strictEqual((await ended).code, 0)
  })
})
