import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { start } from "@effect-otp/example-hashmap/test/Process"
import * as Effect from "effect/Effect"
import { serving } from "./fixtures/serving.ts"

const script = fileURLToPath(new URL("../../../scripts/start.mjs", import.meta.url))
const command = [process.execPath, script, "scuti/src/console.ts"]

const hasScript = spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux") === true

/** What `npm run console` runs, over an input. */
const run = (input: string, environment: Readonly<Record<string, string>>) =>
  Effect.promise(() => {
    const { child, ended } = start(command, environment)
    child.stdin.end(input)
    return ended
  })

describe("npm run console", { timeout: 120_000 }, () => {
  it.scopedLive("answers a pipe, and ends with it", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      const input =
        'pid = ScutiWeb.Service.Hashmap\n# the app\nGenServer.call(pid, {:get, "app_name"})\nget version\nput a 1\nall'
      const stdout =
        'ScutiWeb.Service.Hashmap\n"Scuti"\n"1.0.0"\nok\n' +
        '{"a":1,"app_name":"Scuti","started_at":"2025-08-16T12:00:00.000Z","version":"1.0.0"}\n'
      assert.deepStrictEqual(yield* run(input, { PORT: String(port) }), { code: 0, stdout, stderr: "" })
      // the connection that is kept for the next question does not hold the process
      assert.deepStrictEqual(yield* run("get version\nquit\n", { SCUTI_URL: `http://localhost:${port}/` }), {
        code: 0,
        stdout: '"1.0.0"\n',
        stderr: ""
      })
    })
  )

  it.effect("says which setting is wrong", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* run("", { SCUTI_URL: "ftp://scuti" })
      assert.deepStrictEqual({ code, stdout }, { code: 1, stdout: "" })
      assert.match(stderr, /^the console does not know whom to ask: .*SCUTI_URL.*http:\/\/ or https:\/\/\n$/)
      // it looks for them where the application does
      const file = yield* run("", { SCUTI_CONFIG: "/nowhere.json" })
      assert.deepStrictEqual(file, {
        code: 1,
        stdout: "",
        stderr: "the console does not know whom to ask: the settings in /nowhere.json cannot be read: it is not there\n"
      })
    })
  )

  it.scopedLive.skipIf(!hasScript)("counts the lines in its prompt, at a terminal", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      const shell = `stty cols 120 rows 20; ${command.join(" ")}; echo "exit code $?"`
      yield* Effect.promise(async () => {
        const { child, ended, waitFor } = start(["script", "--quiet", "--command", shell, "/dev/null"], {
          PORT: String(port)
        })
        const type = (line: string) => void child.stdin.write(`${line}\r`)
        await waitFor(new RegExp(`A client of the application at http://127\\.0\\.0\\.1:${port}\\.`))
        await waitFor(/iex\(1\)> $/)
        type('GenServer.call(pid, {:get, "version"})')
        await waitFor(/"1\.0\.0"\r*\niex\(2\)> $/)
        type("# nothing")
        await waitFor(/iex\(3\)> $/)
        type("help")
        await waitFor(/ {2}IO\.inspect\(state\) [\s\S]*iex\(4\)> $/)
        child.stdin.write("\u0004")
        await waitFor(/exit code 0/)
        child.stdin.end()
        await ended
      })
    })
  )
})
