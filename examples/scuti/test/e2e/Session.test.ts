import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { journal } from "./load.ts"
import { start } from "./running.ts"

const script = fileURLToPath(new URL("../../../../scripts/start.mjs", import.meta.url))

/** What the console answers to these lines. */
const console = (url: string, lines: ReadonlyArray<string>): Promise<ReadonlyArray<string>> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, "scuti/src/console.ts"], {
      env: { PATH: process.env.PATH, NO_COLOR: "1", SCUTI_URL: url },
      stdio: ["pipe", "pipe", "inherit"]
    })
    let answers = ""
    child.stdout.setEncoding("utf8").on("data", (text) => {
      answers += text
    })
    child.on("error", reject)
    child.on("close", (code) => (code === 0 ? resolve(answers.trimEnd().split("\n")) : reject(new Error(`${code}`))))
    child.stdin.end(`${lines.join("\n")}\n`)
  })

describe("The introduction's session", { timeout: 60_000 }, () => {
  it("step by step, at the console of the running application", async () => {
    const { child, ended, url } = await start()
    const { started_at } = (await (await fetch(`${url}/api/hashmap`)).json()) as { readonly started_at: string }
    assert.match(started_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    assert.isBelow(Math.abs(Date.now() - Date.parse(started_at)), 60_000)

    const answers = await console(url, [
      "# Get value of key equal name",
      'GenServer.call(pid, {:get, "name"})',
      "# Update the name",
      'GenServer.call(pid, {:update, "name", "Doe"})',
      "# Add the gender",
      'GenServer.call(pid, {:put, "gender", "Male"})',
      "# Delete the gender",
      'GenServer.cast(pid, {:delete, "gender"})',
      "pid = ScutiWeb.Service.Hashmap",
      "# Get all hashmap",
      "state = GenServer.call(pid, {:get_all})",
      "IO.inspect(state)",
      'GenServer.call(pid, {:update, "gender", "male"})',
      'GenServer.call(pid, {:get, "gender"})',
      'GenServer.call(pid, {:get, "age", 30})'
    ])
    const state = `%{"app_name" => "Scuti", "name" => "Doe", "started_at" => "${started_at}", "version" => "1.0.0"}`
    assert.deepStrictEqual(answers, [
      ...["nil", ":ok", ":ok", ":ok", "ScutiWeb.Service.Hashmap"],
      ...[state, state, state, ":ok", '"male"', "30"]
    ])

    // told by the table to its PubSub, and written by who has subscribed there
    const written = async (): Promise<ReadonlyArray<string>> =>
      (await journal(url)).map((line) =>
        [line.operation, line.key, line.value].filter((part) => part !== null).join(" ")
      )
    let lines = await written()
    for (const limit = Date.now() + 10_000; lines.length < 5 && Date.now() < limit; ) lines = await written()
    assert.deepStrictEqual(lines.slice(1), [
      "update name Doe",
      "put gender Male",
      "delete gender",
      "update gender male"
    ])

    // crashed, it comes back with what it began with, as old as the application
    assert.deepStrictEqual(await console(url, ["crash", "get name", "get started_at"]), [
      "the server is down: ScutiWeb.Service.Hashmap did not answer Crash: crashed: Error: told to crash",
      "nil",
      JSON.stringify(started_at)
    ])
    child.kill("SIGTERM")
    assert.strictEqual((await ended).code, 0)
  })
})
