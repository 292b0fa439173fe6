import { assert, describe, it } from "@effect/vitest"
import { begin, journal, type Running } from "./load.ts"
import { kill, measure, start } from "./running.ts"

/** How often each child is killed: `KILLS=1000` takes minutes. */
const kills = Number(process.env.KILLS ?? "50")

interface Child {
  readonly id: string
  readonly status: string
  readonly restarts: number
}

const childrenOf = async (url: string): Promise<ReadonlyArray<Child>> =>
  ((await (await fetch(`${url}/health`)).json()) as { children: ReadonlyArray<Child> }).children

const until = async (what: string, isSo: () => Promise<boolean>): Promise<void> => {
  const limit = Date.now() + 30_000
  while (!(await isSo())) {
    if (Date.now() > limit) throw new Error(`in vain, for 30 seconds: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** So that it is under load: at least one request is answered between one kill and the next. */
const answeredOnce = async ({ answered }: Running): Promise<void> => {
  const before = answered()
  while (answered() === before) await new Promise((resolve) => setImmediate(resolve))
}

describe.skipIf(process.platform === "win32")(
  `Scuti under load, a child killed ${kills} times`,
  { timeout: 60_000 + 1_000 * kills },
  () => {
    for (const victim of [
      "ScutiWeb.Telemetry",
      "Scuti.Repo",
      "DnsCluster",
      "Scuti.PubSub",
      "ScutiWeb.Endpoint",
      "ScutiWeb.Service.Hashmap"
    ]) {
      it(`${victim}: every request is answered, no written line is lost, nobody else notices, nothing leaks`, async () => {
        const running = await start({ DNS_CLUSTER_QUERY: "nodes.invalid" }, "scuti/test/e2e/main.ts")
        const { url } = running
        const warm = begin(url, 8)
        for (let index = 0; index < 50; index++) {
          await answeredOnce(warm)
          await kill(running, victim)
        }
        const first = await warm.stop()
        assert.deepStrictEqual([...first.unanswered], [])
        const before = await measure(running)

        const load = begin(url, 8)
        const written = new Map<number, string>()
        for (let index = 0; index < kills; index++) {
          await answeredOnce(load)
          await kill(running, victim)
          if ((index + 1) % Math.ceil(kills / 10) === 0) {
            await until("the journal is read", () =>
              journal(url).then(
                (lines) => {
                  for (const line of lines) written.set(line.id, JSON.stringify(line))
                  return true
                },
                () => false
              )
            )
          }
        }
        // and it serves again
        await until("requests are served", async () => load.served() > 0)
        const { statuses, unanswered } = await load.stop()
        assert.deepStrictEqual([...unanswered], [])
        for (const status of statuses.keys()) assert.include([200, 204, 404, 503], status)

        await until("all are up", async () => (await fetch(`${url}/ready`)).ok)
        for (const { id, restarts } of await childrenOf(url)) {
          // what is killed of PubSub is its Registry, whose own supervisor bears three of them in a row
          if (id !== victim) assert.strictEqual(restarts, 0, id)
          else if (id !== "Scuti.PubSub") assert.strictEqual(restarts, kills + 50, id)
        }

        // what the table tells now is written, and so is whatever was missed before
        await until("the last change is in the journal", async () => {
          await fetch(`${url}/api/hashmap/last`, {
            method: "PUT",
            headers: { "content-type": "application/json" },
            body: '{"value":true}'
          })
          return (await journal(url)).some((line) => "key" in line && line.key === "last")
        })
        const lines = await journal(url)
        const left = new Map(lines.map((line) => [line.id, JSON.stringify(line)]))
        for (const [id, line] of written) assert.strictEqual(left.get(id), line)
        const numbers = lines.map(({ sequence }) => sequence)
        assert.deepStrictEqual(
          numbers,
          [...new Set(numbers)].sort((a, b) => a - b),
          "each change once, in order"
        )
        // each life of the table is told, and numbered after the one before
        const starts = lines.filter(({ operation }) => operation === "start").length
        if (victim === "ScutiWeb.Service.Hashmap") assert.strictEqual(starts, kills + 51)
        let last = 0
        for (const { operation, sequence } of lines) {
          if (operation !== "gap") assert.strictEqual(sequence, last + 1, "what is missing is a gap")
          last = sequence
        }

        const after = await measure(running)
        assert.isAtMost(after.sockets, before.sockets + 8)
        assert.strictEqual(after.listeners, before.listeners)
        assert.isBelow(after.heap - before.heap, 8 * 1024 * 1024)
        running.child.kill("SIGTERM")
        assert.strictEqual((await running.ended).code, 0)
      })
    }
  }
)
