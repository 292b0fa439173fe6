import { writeFileSync } from "node:fs"
import { createServer, request } from "node:http"
import { join } from "node:path"
import { assert, describe, it, onTestFinished } from "@effect/vitest"
import { run, start, temporaryFolder } from "./running.ts"

const json = (value: unknown): RequestInit => ({
  method: "PUT",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(value)
})

/** The children of the top supervisor of which something is told, in order: their paths have two parts. */
const told = (log: string, what: string): ReadonlyArray<string> =>
  Array.from(
    log.matchAll(new RegExp(`DEBUG.*: (\\S+) ${what}.*\\n.*\\n +path: ScutiWeb\\.Supervisor / (\\S+)$`, "gm")),
    ([, , id]) => `${id}`
  )

interface Child {
  readonly id: string
  readonly status: string
}

describe.skipIf(process.platform === "win32")("Scuti as a program", { timeout: 120_000 }, () => {
  it("starts its children in the order of the introduction, and stops them in reverse", async () => {
    const { child, ended } = await start({ LOG_LEVEL: "debug", DNS_CLUSTER_QUERY: "localhost" })
    child.kill("SIGTERM")
    const { code, log } = await ended
    assert.strictEqual(code, 0)
    const order = ["ScutiWeb.Telemetry", "Scuti.Repo", "Migrator", "DnsCluster", "Scuti.PubSub", "ScutiWeb.Endpoint"]
    order.push("ScutiWeb.Service.Hashmap")
    assert.deepStrictEqual(told(log, "has started"), order)
    assert.deepStrictEqual(told(log, "has stopped"), order.reverse())
    // nothing of that is a reason for a stack
    assert.notMatch(log, /\n\s+at /)
  })

  it("leaves out migrations where it is no release, and DNS where it has nothing to ask", async () => {
    const folder = temporaryFolder()
    assert.strictEqual((await run("scuti/src/migrate.ts", {}, folder).ended).code, 0)
    const { url } = await start({ RELEASE_NAME: "" }, "scuti/src/main.ts", folder)
    const { children } = (await (await fetch(`${url}/ready`)).json()) as { children: ReadonlyArray<Child> }
    assert.deepStrictEqual(
      children.filter(({ status }) => status === "stopped").map(({ id }) => id),
      ["Migrator", "DnsCluster"]
    )
  })

  it("says in one line that its tables are missing where it is no release, and ends with 1", async () => {
    const { code, log } = await run("scuti/src/main.ts", { RELEASE_NAME: "" }).ended
    assert.strictEqual(code, 1)
    assert.strictEqual(log.trimEnd().split("\n").length, 1)
    assert.match(log, /FATAL.* has no table "changes": run `npm run migrate`\./)
  })

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`ends with 0 and a report after ${signal}`, async () => {
      const { child, ended } = await start()
      child.kill(signal)
      const { code, log } = await ended
      assert.strictEqual(code, 0)
      assert.match(log, /ScutiWeb\.Supervisor has stopped in \d+ ms\n$/)
    })
  }

  it("says what it waits for where its end takes time, and waits for it", async () => {
    const { child, ended, url, waitFor } = await start()
    const sent = request(`${url}/api/hashmap/name`, {
      method: "PUT",
      headers: { "content-type": "application/json", "content-length": 11 }
    })
    const answer = new Promise<number | undefined>((resolve, reject) => {
      sent.on("response", (response) => resolve(response.resume().statusCode)).on("error", reject)
    })
    await new Promise<void>((resolve) => sent.write('{"value"', () => resolve()))
    child.kill("SIGINT")
    await waitFor(/INFO .*ScutiWeb\.Endpoint waits for 1 request in flight, for up to 21000 ms\n/)
    sent.end(":1}")
    assert.strictEqual(await answer, 204)
    assert.strictEqual((await ended).code, 0)
  })

  it("says in one line that its port is taken, stops what it had started, and ends with 1", async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve))
    onTestFinished(() => void other.close())
    const { port } = other.address() as { port: number }
    const { code, log } = await run("scuti/src/main.ts", { PORT: `${port}` }).ended
    assert.strictEqual(code, 1)
    const fatal = log.split("\n").filter((line) => line.includes("FATAL"))
    assert.strictEqual(fatal.length, 1)
    assert.match(fatal[0]!, new RegExp(`could not start ScutiWeb\\.Endpoint: .*port ${port} is taken`))
    assert.match(
      fatal[0]!,
      /Started, and stopped again in reverse: .*ScutiWeb\.Telemetry, .*Scuti\.Repo, Migrator, .*Scuti\.PubSub\.$/
    )
    assert.notMatch(log, /\n\s+at /)
  })

  it("says in one line which settings are wrong, before anything is started, and ends with 1", async () => {
    const wrong = {
      PORT: "many",
      POOL_SIZE: "0",
      REQUEST_TIMEOUT: "10",
      DNS_CLUSTER_QUERY: "a..b",
      LOG_LEVEL: "loud",
      DATABASE_FILE: ":memory:"
    }
    const { code, log } = await run("scuti/src/main.ts", wrong).ended
    assert.strictEqual(code, 1)
    assert.strictEqual(log.trimEnd().split("\n").length, 1)
    for (const name of Object.keys(wrong)) assert.match(log, new RegExp(`FATAL.*[ ;] ?${name}: `))
    assert.match(log, /REQUEST_TIMEOUT: expected a time, such as "10 seconds",.* and not "10"/)
    assert.notMatch(log, /[Ss]tarted/)
  })

  it("takes an empty variable for one that is not set, and reads a file of settings wherever it has settings", async () => {
    const folder = temporaryFolder()
    const file = join(folder, "settings.json")
    const database = join(folder, "named.db")
    writeFileSync(file, JSON.stringify({ DATABASE_FILE: database, HOST: "" }))
    const given = { SCUTI_CONFIG: file, DATABASE_FILE: join(folder, "other.db"), RELEASE_NAME: "", MAX_BODY_SIZE: "" }
    const { code, log } = await run("scuti/src/migrate.ts", given, folder).ended
    assert.deepStrictEqual([code, log.includes(`Migrated the database ${database}`)], [0, true])
    const { url } = await start(given, "scuti/src/main.ts", folder)
    assert.match(url, /127\.0\.0\.1/)
    writeFileSync(file, JSON.stringify({ DATABASE_FILE: [] }))
    for (const module of ["scuti/src/migrate.ts", "scuti/src/main.ts"]) {
      const refused = await run(module, given, folder).ended
      assert.strictEqual(refused.code, 1)
      assert.match(refused.log, /^\S+ FATAL .*settings\.json cannot be read: DATABASE_FILE: expected a text, .*\n$/)
    }
  })

  it("is told of another port by SIGHUP: what is in flight is answered, and the rest goes on there", async () => {
    const folder = temporaryFolder()
    const file = join(folder, "settings.json")
    writeFileSync(file, JSON.stringify({ SERVER_HEADER: "before" }))
    const { child, ended, url, waitFor } = await start({ SCUTI_CONFIG: file }, "scuti/src/main.ts", folder)
    assert.strictEqual((await fetch(`${url}/health`)).headers.get("server"), "before")

    // a request whose body is still on its way
    let finish: () => void = () => {}
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(new TextEncoder().encode('{"value":'))
        finish = () => {
          controller.enqueue(new TextEncoder().encode('"late"}'))
          controller.close()
        }
      }
    })
    const inFlight = fetch(`${url}/api/hashmap/name`, { ...json(""), body, duplex: "half" } as RequestInit)

    writeFileSync(file, JSON.stringify({ SERVER_HEADER: "after", PORT: 0, HOST: "127.0.0.2" }))
    child.kill("SIGHUP")
    const [, next] = await waitFor(/listens at (http:\/\/127\.0\.0\.2\S+?)["\s]/)
    assert.strictEqual((await fetch(`${next}/health`)).headers.get("server"), "after")
    finish()
    assert.strictEqual((await inFlight).status, 204)
    assert.strictEqual(await (await fetch(`${next}/api/hashmap/name`)).json(), "late")

    writeFileSync(file, "no settings")
    child.kill("SIGHUP")
    await waitFor(/the settings stay as they are: the settings in \S+ cannot be read/)
    writeFileSync(file, JSON.stringify({ PORT: 0, HOST: "127.0.0.3", POOL_SIZE: 0 }))
    child.kill("SIGHUP")
    await waitFor(/the settings stay as they are: POOL_SIZE: expected a number of queries, at least 1/)
    assert.strictEqual((await fetch(`${next}/health`)).status, 200)
    child.kill("SIGTERM")
    assert.strictEqual((await ended).code, 0)
  })
})
