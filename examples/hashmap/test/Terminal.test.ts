import { spawnSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import { command, start } from "./Process.ts"

const hasScript = spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux") === true

const keys = { up: "\u001b[A", ctrlC: "\u0003", ctrlD: "\u0004", enter: "\r" }

/** The example on a pseudo terminal, which prints the exit code and the terminal's settings at the end. */
const startOnTerminal = () => {
  const shell = `stty cols 60 rows 20; ${command.join(" ")}; echo "exit code $?"; stty -a`
  const { child, ended, waitFor } = start(["script", "--quiet", "--command", shell, "/dev/null"])
  const type = (text: string) => void child.stdin.write(text)
  const afterEnd = async () => {
    await waitFor(/exit code \d+[\s\S]*-?icanon[\s\S]*-?echo\b/)
    child.stdin.end()
    const { stdout } = await ended
    const [, code, settings] = /exit code (\d+)([\s\S]*)/.exec(stdout)!
    return { code: Number(code), isSane: / icanon/.test(settings!) && / echo /.test(settings!) }
  }
  return { type, waitFor, afterEnd }
}

const prompt = /> $/

describe(hasScript ? "Terminal" : "Terminal (skipped: it needs the command script of util-linux)", {
  timeout: 120_000,
  skip: !hasScript
}, () => {
  it("prompts, answers, remembers lines, and ends with Ctrl-D", async () => {
    const { afterEnd, type, waitFor } = startOnTerminal()
    await waitFor(/help.* lists the commands/)
    await waitFor(prompt)
    type(`get name${keys.enter}`)
    await waitFor(/^get name\r*\n"John"\r*\n> $/)
    type(`put "last name" Doe${keys.enter}`)
    await waitFor(/ok\r*\n> $/)
    // two lines up stands "get name"
    type(`${keys.up}${keys.up}`)
    await waitFor(/> get name$/)
    type(`s\u007f${keys.enter}`)
    await waitFor(/\r*\n"John"\r*\n> $/)
    type(keys.enter)
    await waitFor(/^\r*\n> $/)
    type(`get " nonsense${keys.enter}`)
    await waitFor(/the key is no JSON string: `" nonsense`\r*\n> $/)
    type(`put escape "\\u001b[2J\\u009b"${keys.enter}get escape${keys.enter}`)
    await waitFor(/ok\r*\n"\\u001b\[2J\\u009b"\r*\n> $/)
    type(`help${keys.enter}`)
    await waitFor(/ {2}get KEY \[DEFAULT\] .*[\s\S]*> $/)
    type(keys.ctrlD)
    assert.deepStrictEqual(await afterEnd(), { code: 0, isSane: true })
  })

  it("writes the log of a crash above the prompt, lives on, and ends with quit", async () => {
    const { afterEnd, type, waitFor } = startOnTerminal()
    await waitFor(prompt)
    // pasted: the second line is there before the first is answered
    type(`crash${keys.enter}get name${keys.enter}`)
    await waitFor(/the server is down: crashed: Error: told to crash\r*\n/)
    await waitFor(/"John"\r*\n/)
    await waitFor(prompt)
    type(`quit${keys.enter}`)
    assert.deepStrictEqual(await afterEnd(), { code: 0, isSane: true })
  })

  it("ends with Ctrl-C as with quit, whatever is being typed", async () => {
    const { afterEnd, type, waitFor } = startOnTerminal()
    await waitFor(prompt)
    type("get na")
    await waitFor(/get na/)
    type(keys.ctrlC)
    await waitFor(/\r*\n/)
    assert.deepStrictEqual(await afterEnd(), { code: 0, isSane: true })
  })
})
