import { assert, describe, it } from "@effect/vitest"
import { type Ended, run } from "./fixtures/program.ts"

/** Runs one until that line, sends it a signal, and waits for its end. */
const signalled = async (app: string, line: string, signal: NodeJS.Signals): Promise<Ended> => {
  const { child, ended, waitFor } = run(app)
  await waitFor(line)
  child.kill(signal)
  return ended
}

/** The messages that were logged, with their levels; nothing else may have been. */
const messagesOf = ({ log }: Ended): ReadonlyArray<string> =>
  log
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const match = /level=(\w+) fiber=\S+ message=(?:"(.*?)"|(\S+))/.exec(line)
      return match === null ? line : `${match[1]} ${match[2] ?? match[3]}`
    })

const fatal = (ended: Ended): ReadonlyArray<string> => messagesOf(ended).filter((line) => line.startsWith("FATAL"))

describe.skipIf(process.platform === "win32")("Application as a program", { timeout: 120_000 }, () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`ends with 0 after ${signal}, everything stopped in reverse and reported (APP-7, APP-10)`, async () => {
      const ended = await signalled("runs", "+last", signal)
      assert.deepStrictEqual(ended.diary, [
        ...["+a", "+b", "+c", "+last"],
        ...["prepStop", "-last", "-c", "-b", "-a", "stop"]
      ])
      const lines = messagesOf(ended)
      assert.strictEqual(lines.length, 1)
      assert.match(lines[0]!, /^INFO App has stopped in \d+ ms$/)
      assert.deepStrictEqual([ended.code, ended.signal], [0, null])
    })
  }

  it("ends with 0 by autoShutdown (SUP-28)", async () => {
    const ended = await run("ends").ended
    assert.deepStrictEqual(ended.diary, ["+a", "-a"])
    assert.strictEqual(ended.code, 0)
  })

  it("ends with 1 and one account when a child cannot be started (APP-15)", async () => {
    const ended = await run("fails").ended
    assert.deepStrictEqual(ended.diary, ["+a", "+b", "+c", "-c", "-b", "-a"])
    assert.deepStrictEqual(messagesOf(ended), [
      "FATAL App could not start g / c: Error: no disk. Started, and stopped again in reverse: a, g / b."
    ])
    assert.strictEqual(ended.code, 1)
  })

  it("ends with 1, and not as if after a signal, when a child interrupts itself", async () => {
    const ended = await run("interrupts").ended
    assert.deepStrictEqual(ended.diary, ["+a", "+b", "-b", "-a"])
    assert.deepStrictEqual(messagesOf(ended), [
      "FATAL App could not start b: it was interrupted. Started, and stopped again in reverse: a."
    ])
    assert.strictEqual(ended.code, 1)
  })

  for (const [app, why] of [
    ["gives up", "Error: a bug"],
    ["killed", "it was interrupted"]
  ] as const) {
    it(`ends with 1 and one account when it gives up (SUP-14), the last time because of: ${why}`, async () => {
      const ended = await run(app).ended
      assert.deepStrictEqual(ended.diary, ["+a", "-a"])
      assert.deepStrictEqual(fatal(ended), [
        "FATAL App has ended: App gave up: Scripted ended once more after 1 restart within 1m. " +
          `The last time: ${why}.`
      ])
      assert.strictEqual(messagesOf(ended).at(-1), fatal(ended)[0])
      assert.strictEqual(ended.code, 1)
    })
  }

  it("after a signal while children start, stops what had started", async () => {
    const ended = await signalled("slow", "+slow", "SIGTERM")
    assert.deepStrictEqual(ended.diary, ["+a", "+slow", "-slow", "-a"])
    assert.strictEqual(ended.code, 0)
  })

  it("after a signal, does not wait longer than its time for a start that cannot be interrupted", async () => {
    const ended = await signalled("stuck", "+stuck", "SIGTERM")
    assert.match(
      messagesOf(ended).join(),
      /^WARN App has stopped in 2\d\d ms; killed, as there was no time left: stuck, a$/
    )
    assert.strictEqual(ended.code, 0)
  })

  it("kills a child that does not end within its own time, and ends", async () => {
    const ended = await signalled("late", "+last", "SIGINT")
    assert.deepStrictEqual(ended.diary.slice(3), ["-last", "-late", "-a", "stop"])
    const lines = messagesOf(ended)
    assert.strictEqual(lines.length, 1)
    assert.match(lines[0]!, /^WARN App has stopped in 2\d\d ms; late: late \(2\d\d ms\)$/)
    assert.strictEqual(ended.code, 0)
  })

  it("kills what is left when its time is over, and ends", async () => {
    const ended = await signalled("hangs", "+last", "SIGTERM")
    const lines = messagesOf(ended)
    assert.strictEqual(lines.length, 1)
    assert.match(lines[0]!, /^WARN App has stopped in 2\d\d ms; killed, as there was no time left: g \/ b, a$/)
    assert.strictEqual(ended.code, 0)
  })

  it("is ended at once by a second signal, each child having been stopped once at most", async () => {
    const { child, ended, waitFor } = run("lingers")
    await waitFor("+last")
    child.kill("SIGTERM")
    await waitFor("-b")
    child.kill("SIGINT")
    const { code, diary, log, signal } = await ended
    assert.deepStrictEqual({ code, log, signal }, { code: null, log: "", signal: "SIGINT" })
    assert.deepStrictEqual(diary, ["+a", "+b", "+last", "-last", "-b"])
  })
})
