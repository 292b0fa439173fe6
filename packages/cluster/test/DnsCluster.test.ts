import { assert, describe, it } from "@effect/vitest"
import { DnsCluster } from "@effect-otp/cluster"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { connected, makeWorld, nodes, since } from "./fixtures/world.ts"

const { peers } = DnsCluster

class App extends DnsCluster.Service<App>()("@test/App") {}

// The addresses of dns_cluster's own tests.
const prefix = "fdaa:0:36c9:a7b:db:400e:1352"
const alreadyKnown = `${prefix}:1`
const fresh = `${prefix}:2`
const refusing = `${prefix}:3`
const otherBase = `${prefix}:4`

/** A world in which one node is connected already, and some do not want to be. */
const theWorld = () => {
  const world = makeWorld({ "app.internal": [alreadyKnown, fresh, refusing, otherBase] })
  for (const node of [`app@${refusing}`, `app@${otherBase}`, `specified@${fresh}`]) {
    world.connects[node] = Effect.succeed(false)
  }
  world.connects[`specified@${refusing}`] = Effect.succeed(false)
  world.connects[`specified@${alreadyKnown}`] = Effect.succeed(false)
  return {
    world,
    resolver: { ...world.resolver, basename: () => "app", listNodes: Effect.succeed([`app@${alreadyKnown}`]) }
  }
}

/** What a function throws, in words. */
const complaint = (f: () => unknown): string => {
  try {
    f()
  } catch (error) {
    return error instanceof TypeError ? error.message : `not a TypeError: ${String(error)}`
  }
  return "nothing"
}

/** Options as JavaScript may give them. */
const layerOf = (options: { readonly [key: string]: unknown }) => DnsCluster.layer(options as never)

describe("DnsCluster, the tests of dns_cluster", () => {
  it.scoped("DNS-3: discovers nodes", () =>
    Effect.gen(function* () {
      const { resolver, world } = theWorld()
      const app = yield* App.start({ query: "app.internal", resolver })
      // The first call is answered after the first round.
      assert.deepStrictEqual(nodes(yield* peers(app)), [`app@${alreadyKnown}`, `app@${fresh}`])
      assert.deepStrictEqual(connected(world), [`app@${fresh}`, `app@${refusing}`, `app@${otherBase}`])
    })
  )

  it.scoped("DNS-1: discovers nodes with differing basenames if specified", () =>
    Effect.gen(function* () {
      const { resolver, world } = theWorld()
      const query = ["app.internal", { basename: "specified", query: "app.internal" }]
      const app = yield* App.start({ query, resolver })
      assert.deepStrictEqual(nodes(yield* peers(app)), [
        `app@${alreadyKnown}`,
        `app@${fresh}`,
        `specified@${otherBase}`
      ])
      // one lookup for both
      assert.deepStrictEqual(
        since(world).filter((what) => what.startsWith("?")),
        ["? A app.internal", "? AAAA app.internal"]
      )
    })
  )

  it.scoped("DNS-1, DNS-3: discovers nodes with a list of queries", () =>
    Effect.gen(function* () {
      const { resolver, world } = theWorld()
      world.zone["more.internal"] = [fresh, "10.0.0.1"]
      const app = yield* App.start({ query: ["app.internal", "more.internal"], resolver })
      assert.deepStrictEqual(nodes(yield* peers(app)), [`app@${alreadyKnown}`, `app@${fresh}`, "app@10.0.0.1"])
      // what both of them, and both types, have found is connected once
      assert.deepStrictEqual(connected(world), [`app@${fresh}`, `app@${refusing}`, `app@${otherBase}`, "app@10.0.0.1"])
    })
  )

  it.scoped('DNS-1: a query of "ignore" does not start a child', () =>
    Effect.gen(function* () {
      const { resolver, world } = theWorld()
      const app = yield* App.start({ query: "ignore", resolver })
      const error = yield* Effect.flip(peers(app))
      assert.strictEqual(error.message, "App did not answer ListPeers: no process")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(world.asked, [])
    })
  )

  describe("query forms", () => {
    const starts = (query: DnsCluster.Options["query"]) =>
      Effect.gen(function* () {
        const { resolver } = theWorld()
        assert.isAbove((yield* peers(yield* App.start({ query, resolver }))).length, 0)
      })

    it.scoped("DNS-1: query can be a string", () => starts("app.internal"))
    it.scoped("DNS-1: query can be a { basename, query }", () => starts({ basename: "app", query: "app.internal" }))
    it.scoped("DNS-1: query can be a list", () => starts(["app.internal", { basename: "app", query: "app.internal" }]))

    it("DNS-1: query can't be other terms", () => {
      const forms = '`query` must be a domain name, { basename, query }, a list of these, or "ignore"'
      for (const [query, shown] of [
        [1, "1"],
        [null, "null"],
        ["", '""'],
        ["http://app.internal", '"http://app.internal"'],
        ["app.internal:4369", '"app.internal:4369"'],
        ["app..internal", '"app..internal"'],
        [["app.internal", 2], '["app.internal",2]'],
        [["app.internal", ["app", "app.internal"]], '["app.internal",["app","app.internal"]]'],
        [{ query: "app.internal" }, '{"query":"app.internal"}'],
        [{ basename: "a@b", query: "app.internal" }, '{"basename":"a@b","query":"app.internal"}'],
        [{ basename: "a", query: "app.internal", type: "A" }, '{"basename":"a","query":"app.internal","type":"A"}']
      ] as const) {
        assert.strictEqual(
          complaint(() => layerOf({ query })),
          `DnsCluster.layer: ${forms}, but is ${shown}`
        )
      }
      assert.strictEqual(
        complaint(() => layerOf({})),
        'DnsCluster.layer: `query` is missing: the domain name that holds the peers, or "ignore" to look for none'
      )
      assert.strictEqual(
        complaint(() => layerOf({ query: [] })),
        'DnsCluster.layer: `query` is an empty list: to look for no peers, say "ignore"'
      )
      assert.strictEqual(
        complaint(() => layerOf({ query: ["ignore"] })),
        'DnsCluster.layer: `query` must be "ignore" by itself, but is ["ignore"]'
      )
    })
  })

  describe("resource types", () => {
    const asked = (resourceTypes?: DnsCluster.Options["resourceTypes"]) =>
      Effect.gen(function* () {
        const world = makeWorld()
        yield* peers(yield* App.start({ query: "app.internal", resourceTypes, resolver: world.resolver }))
        return since(world).map((what) => what.split(" ")[1])
      })

    it.scoped('DNS-2: resourceTypes can be a subset of ["A", "AAAA", "SRV"]', () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* asked(), ["A", "AAAA"])
        for (const types of [
          ["A"],
          ["AAAA"],
          ["SRV"],
          ["A", "AAAA"],
          ["A", "SRV"],
          ["AAAA", "SRV"],
          ["A", "AAAA", "SRV"]
        ] as const) {
          assert.deepStrictEqual(yield* asked(types), [...types])
        }
        assert.deepStrictEqual(yield* asked(["SRV", "A", "SRV"]), ["A", "SRV"])
      })
    )

    it('DNS-2: resourceTypes can\'t be outside of ["A", "AAAA", "SRV"]', () => {
      const rule = '`resourceTypes` must be one or more of "A", "AAAA" and "SRV" in a list'
      for (const [resourceTypes, shown] of [
        [["MX"], '["MX"]'],
        [["A", "a"], '["A","a"]'],
        ["A", '"A"']
      ] as const) {
        assert.strictEqual(
          complaint(() => layerOf({ query: "app.internal", resourceTypes })),
          `DnsCluster.layer: ${rule}, but is ${shown}`
        )
      }
    })

    it("DNS-2: resourceTypes can't be empty", () => {
      assert.strictEqual(
        complaint(() => layerOf({ query: "app.internal", resourceTypes: [] })),
        'DnsCluster.layer: `resourceTypes` must be one or more of "A", "AAAA" and "SRV" in a list, but is []'
      )
    })
  })
})

describe("DnsCluster, options", () => {
  it("DNS-4: durations must be more than nothing", () => {
    for (const option of ["interval", "lookupTimeout", "connectTimeout"]) {
      for (const [value, shown] of [
        [0, "0"],
        ["-1 seconds", '"-1 seconds"'],
        ["soon", '"soon"'],
        [Number.NaN, "NaN"],
        [null, "null"]
      ] as const) {
        assert.strictEqual(
          complaint(() => layerOf({ query: "app.internal", [option]: value })),
          `DnsCluster.layer: \`${option}\` must be a duration that is more than nothing, but is ${shown}`
        )
      }
    }
  })

  it("complains of other options, also where nothing is to be started", () => {
    for (const query of ["app.internal", "ignore"]) {
      assert.strictEqual(
        complaint(() => layerOf({ query, pollInterval: 1 })),
        "DnsCluster.layer: there is no option `pollInterval`"
      )
      assert.strictEqual(
        complaint(() => layerOf({ query, self: "app" })),
        'DnsCluster.layer: `self` must be a node\'s name, "basename@host", or a list of these, but is "app"'
      )
      assert.strictEqual(
        complaint(() => layerOf({ query, self: [] })),
        "DnsCluster.layer: `self` is an empty list: leave it out, or give this node's names"
      )
      assert.strictEqual(
        complaint(() => layerOf({ query, resolver: { lookup: 1 } })),
        'DnsCluster.layer: `resolver` must have the functions `lookup` and `connectNode`, but is {"lookup":1}'
      )
      const { resolver } = makeWorld()
      assert.strictEqual(
        complaint(() => layerOf({ query, resolver: { ...resolver, basename: "app" } })),
        'DnsCluster.layer: `resolver.basename` must be a function, but is "app"'
      )
      assert.strictEqual(
        complaint(() => layerOf({ query, resolver: { ...resolver, listNodes: ["app@10.0.0.1"] } })),
        'DnsCluster.layer: `resolver.listNodes` must be an Effect of node names, but is ["app@10.0.0.1"]'
      )
    }
    assert.strictEqual(
      complaint(() => DnsCluster.layer("app.internal" as never)),
      'DnsCluster.layer: the options must be an object, but are "app.internal"'
    )
    assert.strictEqual(
      complaint(() => App.layer({} as never)),
      'App.layer: `query` is missing: the domain name that holds the peers, or "ignore" to look for none'
    )
  })

  it("names end with a word", () => {
    const service = DnsCluster.Service<never>() as unknown as (key: unknown) => unknown
    for (const key of ["", "@app/", 1]) {
      assert.strictEqual(
        complaint(() => service(key)),
        `DnsCluster.Service: the name must be a string that ends with a word, but is ${JSON.stringify(key)}`
      )
    }
  })

  it("a resolver's options are checked where it is made", () => {
    const of = (options: { readonly [key: string]: unknown }) => complaint(() => DnsCluster.resolver(options as never))
    assert.strictEqual(
      complaint(() => DnsCluster.resolver(null as never)),
      "DnsCluster.resolver: the options must be an object, but are null"
    )
    assert.strictEqual(of({ server: "::1" }), "DnsCluster.resolver: there is no option `server`")
    for (const [servers, shown] of [
      ["10.0.0.1", '"10.0.0.1"'],
      [[], "[]"],
      [["ns.internal"], '["ns.internal"]'],
      [[1], "[1]"]
    ] as const) {
      assert.strictEqual(
        of({ servers }),
        `DnsCluster.resolver: \`servers\` must be one or more IP addresses in a list, each with a port or without, but is ${shown}`
      )
    }
    assert.strictEqual(
      of({ timeout: 0 }),
      "DnsCluster.resolver: `timeout` must be a duration that is more than nothing, but is 0"
    )
    assert.strictEqual(of({ timeout: "30 days" }), 'DnsCluster.resolver: `timeout` is too long: "30 days"')
    assert.strictEqual(of({ tries: 0 }), "DnsCluster.resolver: `tries` must be a whole number from 1 up, but is 0")
    assert.strictEqual(of({ basename: "app" }), 'DnsCluster.resolver: `basename` must be a function, but is "app"')
    assert.strictEqual(of({ connectNode: true }), "DnsCluster.resolver: `connectNode` must be a function, but is true")
    assert.strictEqual(
      of({ listNodes: [] }),
      "DnsCluster.resolver: `listNodes` must be an Effect of node names, but is []"
    )
  })
})

describe("DnsCluster, rounds", () => {
  it.scoped(
    "DNS-3: the first round comes with the start, the next ones at each interval from the end of the last",
    () =>
      Effect.gen(function* () {
        const world = makeWorld({ "app.internal": Effect.delay(Effect.succeed(["10.0.0.1"]), "2 seconds") })
        yield* App.start({ query: "app.internal", resourceTypes: ["A"], resolver: world.resolver })
        yield* TestClock.adjust("20 seconds")
        assert.deepStrictEqual(since(world), [
          "? A app.internal",
          "> nonode@10.0.0.1 at 2000",
          "? A app.internal at 7000",
          "? A app.internal at 14000"
        ])
      })
  )

  it.scoped("DNS-3: the interval can be said", () =>
    Effect.gen(function* () {
      const world = makeWorld()
      const options = { query: "app.internal", resourceTypes: ["A"], interval: "1 minute" } as const
      yield* App.start({ ...options, resolver: world.resolver })
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(since(world), [
        "? A app.internal",
        "? A app.internal at 60000",
        "? A app.internal at 120000"
      ])
    })
  )

  it.scoped("DNS-3: known nodes are skipped, new ones are connected at once", () =>
    Effect.gen(function* () {
      const world = makeWorld({ "A app.internal": ["10.0.0.1"] })
      const slow = Effect.delay(Effect.succeed(true), "2 seconds")
      const app = yield* App.start({ query: "app.internal", resolver: world.resolver })
      assert.deepStrictEqual(nodes(yield* peers(app)), ["nonode@10.0.0.1"])
      assert.deepStrictEqual(connected(world), ["nonode@10.0.0.1"])
      world.zone["A app.internal"] = ["10.0.0.2", "10.0.0.1", "10.0.0.3"]
      world.connects["nonode@10.0.0.2"] = slow
      world.connects["nonode@10.0.0.3"] = slow
      yield* TestClock.adjust("7 seconds")
      assert.deepStrictEqual(connected(world), ["nonode@10.0.0.2 at 5000", "nonode@10.0.0.3 at 5000"])
      assert.deepStrictEqual(nodes(yield* peers(app)), ["nonode@10.0.0.1", "nonode@10.0.0.2", "nonode@10.0.0.3"])
    })
  )

  it.scoped("DNS-3: who is not in the answers any more has gone, and is connected anew when it is back", () =>
    Effect.gen(function* () {
      const world = makeWorld({ "A app.internal": ["10.0.0.1", "10.0.0.2"] })
      const app = yield* App.start({ query: "app.internal", resolver: world.resolver })
      yield* peers(app)
      world.zone["A app.internal"] = ["10.0.0.2"]
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(nodes(yield* peers(app)), ["nonode@10.0.0.2"])
      since(world)
      world.zone["A app.internal"] = ["10.0.0.1", "10.0.0.2"]
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(connected(world), ["nonode@10.0.0.1 at 10000"])
    })
  )

  it.scoped("DNS-3: SRV records give hosts with ports, one peer for each", () =>
    Effect.gen(function* () {
      const query = "_app._tcp.internal"
      const host = "pod-0.app.internal"
      const world = makeWorld({ [query]: [`${host}:4000`, `${host}:4001`, `${host}:4002`, "POD-1.app.internal.:4000"] })
      const self = `app@${host}:4001`
      const app = yield* App.start({ query, resourceTypes: ["SRV"], self, resolver: world.resolver })
      const peer = (host: string, port: number) =>
        new DnsCluster.Peer({ node: `app@${host}`, basename: "app", host, port })
      assert.deepStrictEqual(yield* peers(app), [peer(host, 4000), peer(host, 4002), peer("pod-1.app.internal", 4000)])
      assert.deepStrictEqual(connected(world), [`app@${host}:4000`, `app@${host}:4002`, "app@pod-1.app.internal:4000"])
    })
  )

  it.scoped("DNS-3: this node is nobody's peer, by any of its names", () =>
    Effect.gen(function* () {
      const world = makeWorld({ "app.internal": ["10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2"] })
      const self = ["app@10.0.0.1", "app@FD00:0:0::1"]
      const query = ["app.internal", { basename: "other", query: "app.internal" }]
      const app = yield* App.start({ query, resourceTypes: ["A"], self, resolver: world.resolver })
      assert.deepStrictEqual(nodes(yield* peers(app)), [
        // another program on this machine
        "other@10.0.0.1",
        "app@10.0.0.2",
        "other@10.0.0.2",
        "other@fd00::1",
        "app@fd00::2",
        "other@fd00::2"
      ])
    })
  )

  it.scoped("DNS-5: what the resolver lists as connected is a peer; what it does not is connected again", () =>
    Effect.gen(function* () {
      const world = makeWorld({ "A app.internal": ["10.0.0.1", "10.0.0.2"] })
      const listed: Array<string> = ["nonode@10.0.0.2", "nonode@10.9.9.9"]
      const resolver = { ...world.resolver, listNodes: Effect.sync(() => [...listed]) }
      const app = yield* App.start({ query: "app.internal", resolver })
      // that is connected by others, and no peer of this query
      assert.deepStrictEqual(nodes(yield* peers(app)), ["nonode@10.0.0.2", "nonode@10.0.0.1"])
      assert.deepStrictEqual(connected(world), ["nonode@10.0.0.1"])
      listed.splice(0, 2, "nonode@10.0.0.1")
      world.connects["nonode@10.0.0.2"] = Effect.succeed(false)
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(connected(world), ["nonode@10.0.0.2 at 5000"])
      assert.deepStrictEqual(nodes(yield* peers(app)), ["nonode@10.0.0.1"])
    })
  )

  it.scoped("DNS-3, DNS-5: what is listed is known however its host is written, and what is no name harms nobody", () =>
    Effect.gen(function* () {
      const world = makeWorld({ "AAAA app.internal": ["fd00:0:0::1"], "SRV app.internal": ["web.internal:4369"] })
      const listNodes = Effect.succeed(["nonode@FD00:0::1", "nonode@Web.internal:4369", "nobody"])
      const resourceTypes = ["AAAA", "SRV"] as const
      const app = yield* App.start({ query: "app.internal", resourceTypes, resolver: { ...world.resolver, listNodes } })
      assert.deepStrictEqual(nodes(yield* peers(app)), ["nonode@fd00::1", "nonode@web.internal"])
      assert.deepStrictEqual(connected(world), [])
    })
  )

  it.scoped("DNS-5: the resolver is that of the options, or of the context, or Node's", () =>
    Effect.gen(function* () {
      const ours = makeWorld({ "A app.internal": ["10.0.0.1"] })
      const theirs = makeWorld({ "A app.internal": ["10.0.0.2"] })
      const provided = Layer.succeed(DnsCluster.Resolver, theirs.resolver)
      const found = (layer: Layer.Layer<App>) => Effect.map(Effect.provide(peers(App), layer), nodes)
      const both = App.layer({ query: "app.internal", resolver: ours.resolver })
      const one = App.layer({ query: "app.internal" })
      assert.deepStrictEqual(yield* found(Layer.provide(both, provided)), ["nonode@10.0.0.1"])
      assert.deepStrictEqual(yield* found(Layer.provide(one, provided)), ["nonode@10.0.0.2"])
      assert.isFunction((yield* DnsCluster.Resolver).lookup)
    })
  )

  it.scoped("DNS-5: the resolver says what basename peers have, of this node's name", () =>
    Effect.gen(function* () {
      const world = makeWorld({ "A app.internal": ["10.0.0.2"] })
      const resolver = { ...world.resolver, basename: (node: string) => `${node.split("@")[0]}-blue` }
      const app = yield* App.start({ query: "app.internal", self: "app@10.0.0.1", resolver })
      assert.deepStrictEqual(nodes(yield* peers(app)), ["app-blue@10.0.0.2"])
    })
  )
})
