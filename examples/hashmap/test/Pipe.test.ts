import { assert, describe, it } from "@effect/vitest"
import { run, start } from "./Process.ts"

describe("Pipe", { timeout: 120_000 }, () => {
  it("runs the introduction's session, the last line without an end too", async () => {
    const ended = await run(
      "get name\r\nupdate name Doe\nput gender Male\n\nall\ndelete gender\nall\nget gender\nget gender 名前"
    )
    assert.deepStrictEqual(ended, {
      code: 0,
      stdout: '"John"\nok\nok\n{"age":30,"gender":"Male","name":"Doe"}\nok\n{"age":30,"name":"Doe"}\nnil\n"名前"\n',
      stderr: ""
    })
  })

  it("answers nothing to nothing", async () => {
    assert.deepStrictEqual(await run(""), { code: 0, stdout: "", stderr: "" })
  })

  it("lives on after nonsense and after a crash, which it logs to standard error", async () => {
    const { code, stderr, stdout } = await run("\u0000\u001b[2J\ncrash\nget name\nhelp\n\u00ff\u00fe")
    assert.strictEqual(
      stdout,
      "unknown command `\\u0000\\u001b[2J`: help lists those there are\n" +
        "the server is down: crashed: Error: told to crash\n" +
        '"John"\n' +
        "get KEY [DEFAULT] | update KEY VALUE | put KEY VALUE | delete KEY | all | crash | help | quit\n" +
        "unknown command `ÿþ`: help lists those there are\n"
    )
    assert.strictEqual(code, 0)
    assert.strictEqual(stderr.split("told to crash").length - 1, 1, stderr)
  })

  it("answers 20,000 lines in order", async () => {
    let input = ""
    let expected = ""
    for (let index = 0; index < 10_000; index++) {
      input += `put "ключ ${index % 97}" {"index": ${index}}\nget "ключ ${index % 97}"\n`
      expected += `ok\n{"index":${index}}\n`
    }
    const { code, stderr, stdout } = await run(input)
    assert.isTrue(stdout === expected)
    assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
  })

  it("answers while the input is still open, and ends at quit", async () => {
    const { child, ended, waitFor } = start()
    child.stdin.write("put a 1\nget ")
    await waitFor(/^ok\n$/)
    child.stdin.write("a\n")
    await waitFor(/^1\n$/)
    child.stdin.write("quit\nget a\n")
    assert.deepStrictEqual(await ended, { code: 0, stdout: "ok\n1\n", stderr: "" })
  })

  it("ends quietly when nobody reads the answers any more", async () => {
    const { child, ended, waitFor } = start()
    child.stdin.write("get name\n")
    await waitFor(/John/)
    child.stdout.destroy()
    child.stdin.end("crash\n".repeat(100_000))
    const { code, stderr } = await ended
    assert.strictEqual(code, 0)
    // of the crash, at most
    assert.notMatch(stderr, /EPIPE/)
  })

  it.skipIf(process.platform === "win32")("ends with a signal's code", async () => {
    for (const [signal, code] of [
      ["SIGINT", 130],
      ["SIGTERM", 143]
    ] as const) {
      const { child, ended, waitFor } = start()
      child.stdin.write("get name\n")
      await waitFor(/John/)
      child.kill(signal)
      assert.deepStrictEqual(await ended, { code, stdout: '"John"\n', stderr: "" })
    }
  })
})
