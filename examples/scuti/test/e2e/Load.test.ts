import { assert, describe, it } from "@effect/vitest"
import { begin } from "./load.ts"
import { start } from "./running.ts"

describe.skipIf(process.platform === "win32")("Scuti, told to end under load", { timeout: 60_000 }, () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`${signal}: no request that it has taken is cut off, and its end is reported`, async () => {
      const { child, ended, url } = await start()
      const load = begin(url, 32)
      while (load.answered() < 500) await new Promise((resolve) => setImmediate(resolve))
      child.kill(signal)
      const { code, log } = await ended
      const { statuses, unanswered } = await load.stop()
      assert.strictEqual(code, 0)
      assert.match(log, /INFO .*ScutiWeb\.Supervisor has stopped in \d+ ms\n$/)
      // Those in flight are answered as if nothing was, and none was answered by a table that had gone.
      for (const status of statuses.keys()) assert.include([200, 204, 404], status)
      // What was asked afterwards was not taken: nobody listens.
      for (const error of unanswered.keys()) assert.match(error, /ECONNREFUSED/)
    })
  }
})
