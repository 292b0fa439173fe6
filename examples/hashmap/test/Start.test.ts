import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { start } from "./Process.ts"

const script = fileURLToPath(new URL("../../../scripts/start.mjs", import.meta.url))

const run = (input: string, ...args: ReadonlyArray<string>) => {
  const { child, ended } = start([process.execPath, script, ...args])
  child.stdin.end(input)
  return ended
}

describe("scripts/start.mjs", { timeout: 120_000 }, () => {
  it("runs a module of an example, which has stdin, stdout and the exit code to itself", async () => {
    assert.deepStrictEqual(await run("get name\nquit\nget age\n", "hashmap/src/main.ts"), {
      code: 0,
      stdout: '"John"\n',
      stderr: ""
    })
  })

  it("runs the same module several times at once", async () => {
    const ended = await Promise.all(Array.from({ length: 4 }, () => run("get name\n", "hashmap/src/main.ts")))
    for (const end of ended) assert.deepStrictEqual(end, { code: 0, stdout: '"John"\n', stderr: "" })
  })

  it("says which module there is not", async () => {
    const { code, stderr, stdout } = await run("", "hashmap/src/nowhere.ts")
    assert.deepStrictEqual({ code, stdout }, { code: 1, stdout: "" })
    assert.match(stderr, /there is no hashmap\/src\/nowhere\.ts/)
  })
})
