/** The resolver of Node against a name server that is really there. Time is the real one, and nobody waits for it. */

import { createHook } from "node:async_hooks"
import { assert, describe, it } from "@effect/vitest"
import { DnsCluster } from "@effect-otp/cluster"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { type NameServer, nameServer, type Reply } from "./fixtures/nameServer.ts"
import { nodes, quietUntil, words } from "./fixtures/world.ts"

/** The queries that Node has sent and not heard of yet, from now on. */
const queriesUnderWay = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => {
      const queries = new Set<number>()
      const hook = createHook({
        init: (id, type) => void (type === "QUERYWRAP" && queries.add(id)),
        before: (id) => void queries.delete(id)
      })
      return { queries, hook: hook.enable() }
    }),
    ({ hook }) => Effect.sync(() => hook.disable())
  ),
  ({ queries }) => queries
)

class App extends DnsCluster.Service<App>()("@test/App") {}

const resolverFor = ({ address }: NameServer, options: DnsCluster.ResolverOptions = {}) =>
  DnsCluster.resolver({ servers: [address], tries: 1, ...options })

const pod = (n: number) => ({ type: "SRV", host: `pod-${n}.app.test`, port: 4000 + n }) as const

describe("DnsCluster, with a name server", () => {
  it.scopedLive("DNS-3, DNS-5: finds who is in A, AAAA and SRV records, and tells who came and went", () =>
    Effect.gen(function* () {
      const server = yield* nameServer
      server.zone["app.test"] = [
        { type: "A", host: "10.0.0.1" },
        { type: "A", host: "10.0.0.2" },
        { type: "AAAA", host: "fdaa:0:36c9:a7b:db:400e:1352:1" },
        { type: "AAAA", host: "fd00::2" },
        pod(0),
        pod(1)
      ]
      const app = yield* App.start({
        query: "app.test",
        resourceTypes: ["A", "AAAA", "SRV"],
        self: ["app@10.0.0.1", "app@FD00:0::2"],
        interval: "10 millis",
        resolver: resolverFor(server)
      })
      const here = yield* DnsCluster.peers(app)
      assert.deepStrictEqual(nodes(here), [
        "app@10.0.0.2",
        "app@fdaa:0:36c9:a7b:db:400e:1352:1",
        "app@pod-0.app.test",
        "app@pod-1.app.test"
      ])
      assert.deepStrictEqual(
        here.map(({ port }) => port),
        [undefined, undefined, 4000, 4001]
      )
      assert.deepStrictEqual([...new Set(server.asked)].sort(), [
        "udp A app.test",
        "udp AAAA app.test",
        "udp SRV app.test"
      ])
      const seen: Array<string> = []
      const watching = yield* DnsCluster.changes(app).pipe(
        Stream.take(6),
        Stream.runForEach((change) => Effect.sync(() => void seen.push(words(change)))),
        Effect.fork
      )
      yield* quietUntil(() => seen.length === 4)
      server.zone["app.test"] = [
        { type: "A", host: "10.0.0.2" },
        { type: "AAAA", host: "fdaa:0:36c9:a7b:db:400e:1352:1" },
        pod(1),
        pod(2)
      ]
      yield* Fiber.join(watching)
      assert.deepStrictEqual(seen, [
        "+ app@10.0.0.2",
        "+ app@fdaa:0:36c9:a7b:db:400e:1352:1",
        "+ app@pod-0.app.test",
        "+ app@pod-1.app.test",
        "- app@pod-0.app.test",
        "+ app@pod-2.app.test"
      ])
    })
  )

  describe("DNS-4: what counts as an answer, and what as a failure", () => {
    const failed = (code: string) => `the A records of app.test could not be looked up: ${code}`
    const outcomes: ReadonlyArray<readonly [reply: Reply, outcome: string]> = [
      [[{ type: "A", host: "10.0.0.1" }], "10.0.0.1"],
      // the name is there, and has no A records
      [[{ type: "AAAA", host: "::1" }], ""],
      ["NXDOMAIN", ""],
      ["SERVFAIL", failed("ESERVFAIL")],
      ["REFUSED", failed("EREFUSED")],
      ["malformed", failed("EBADRESP")],
      ["silence", failed("ETIMEOUT")],
      [{ byTcp: [{ type: "A", host: "10.0.0.7" }] }, "10.0.0.7"]
    ]
    for (const [reply, outcome] of outcomes) {
      it.scopedLive(typeof reply === "string" ? reply : JSON.stringify(reply), () =>
        Effect.gen(function* () {
          const server = yield* nameServer
          server.zone["app.test"] = reply
          // Only who waits for nothing should not wait long.
          const { lookup } = resolverFor(server, { timeout: reply === "silence" ? "1 millis" : "1 minute" })
          const found = yield* Effect.either(lookup("app.test", "A"))
          assert.strictEqual(
            Either.match(found, {
              onLeft: (error) => error.message,
              onRight: (addresses) => addresses.map(({ host }) => host).join()
            }),
            outcome
          )
        })
      )
    }
  })

  it.scopedLive("the root as an SRV record's target is no peer", () =>
    Effect.gen(function* () {
      const server = yield* nameServer
      server.zone["app.test"] = [{ type: "SRV", host: "", port: 0 }]
      assert.deepStrictEqual(yield* resolverFor(server).lookup("app.test", "SRV"), [])
    })
  )

  it.scopedLive("DNS-5: an interrupted lookup is cancelled", () =>
    Effect.gen(function* () {
      const server = yield* nameServer
      server.zone["app.test"] = "silence"
      const { lookup } = resolverFor(server, { timeout: "1 hour" })
      const queries = yield* queriesUnderWay
      const fiber = yield* Effect.fork(lookup("app.test", "A"))
      yield* quietUntil(() => server.asked.length > 0)
      assert.strictEqual(queries.size, 1)
      yield* Fiber.interrupt(fiber)
      yield* quietUntil(() => queries.size === 0)
    })
  )
})
