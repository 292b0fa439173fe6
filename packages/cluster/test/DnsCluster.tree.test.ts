import { assert, describe, it } from "@effect/vitest"
import { DnsCluster } from "@effect-otp/cluster"
import { Application, ExitReason, GenServer, Process, Supervisor } from "@effect-otp/core"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { App, statusOf, supervised, Top, watch } from "./fixtures/tree.ts"
import { connected, makeWorld, nodes, quiet, since } from "./fixtures/world.ts"

const { peers } = DnsCluster

describe("DnsCluster, in a tree", () => {
  it.scoped('DNS-1: with a query of "ignore" it is a child without a process', () =>
    Effect.gen(function* () {
      const { app, top } = yield* supervised({ query: "ignore" })
      assert.deepStrictEqual(yield* statusOf(top), ["App: stopped"])
      assert.deepStrictEqual(yield* Supervisor.countChildren(top), { specs: 1, active: 0, supervisors: 0, workers: 1 })
      assert.deepStrictEqual(yield* (yield* watch(app)).since, [])
    })
  )

  it.scoped("its id is its name, and there can be several", () =>
    Effect.gen(function* () {
      const world = makeWorld({ "a.internal": ["10.0.0.1"], "b.internal": ["10.0.0.2"] })
      const context = yield* Layer.build(
        Top.layer({
          children: [
            DnsCluster.layer({ query: "a.internal", resolver: world.resolver }),
            App.layer({ query: "b.internal", resolver: world.resolver })
          ]
        })
      )
      assert.deepStrictEqual((yield* statusOf(Context.get(context, Top))).sort(), [
        "App: running",
        "DnsCluster: running"
      ])
      assert.deepStrictEqual(nodes(yield* Effect.provide(peers(), context)), ["nonode@10.0.0.1"])
      assert.deepStrictEqual(nodes(yield* Effect.provide(peers(App), context)), ["nonode@10.0.0.2"])
    })
  )

  it.scoped("its end interrupts a round, and there is no other", () =>
    Effect.gen(function* () {
      let interrupted = 0
      const world = makeWorld({
        "A app.internal": Effect.onInterrupt(Effect.never, () => Effect.sync(() => void interrupted++))
      })
      yield* Effect.scoped(Effect.zipRight(App.start({ query: "app.internal", resolver: world.resolver }), quiet))
      assert.strictEqual(interrupted, 1)
      since(world)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(since(world), [])
    })
  )

  it.scoped("changes: who is there comes first, then who comes and goes", () =>
    Effect.gen(function* () {
      const world = makeWorld({ "A app.internal": ["10.0.0.1", "10.0.0.2"] })
      const { app } = yield* supervised({ query: "app.internal", resolver: world.resolver })
      yield* peers(app)
      const first = yield* watch(app)
      assert.deepStrictEqual(yield* first.since, ["+ nonode@10.0.0.1", "+ nonode@10.0.0.2"])
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* first.since, [])
      world.zone["A app.internal"] = ["10.0.0.3", "10.0.0.2"]
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* first.since, ["- nonode@10.0.0.1", "+ nonode@10.0.0.3"])
      world.zone["A app.internal"] = "fails"
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* first.since, [])
      const second = yield* watch(app)
      assert.deepStrictEqual(yield* second.since, ["+ nonode@10.0.0.2", "+ nonode@10.0.0.3"])
    })
  )

  it.scoped("changes: nobody has gone because the process was started again", () =>
    Effect.gen(function* () {
      const world = makeWorld({ "A app.internal": ["10.0.0.1", "10.0.0.2"] })
      const { app } = yield* supervised({ query: "app.internal", resolver: world.resolver })
      yield* peers(app)
      const watcher = yield* watch(app)
      yield* watcher.since
      world.zone["A app.internal"] = "fails"
      yield* Process.exit(app, ExitReason.killed)
      yield* quiet
      assert.deepStrictEqual(yield* peers(app), [])
      assert.deepStrictEqual(yield* watcher.since, [])
      // What DNS says as soon as it says something.
      world.zone["A app.internal"] = ["10.0.0.2", "10.0.0.3"]
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* watcher.since, ["- nonode@10.0.0.1", "+ nonode@10.0.0.3"])
      assert.deepStrictEqual(nodes(yield* peers(app)), ["nonode@10.0.0.2", "nonode@10.0.0.3"])
    })
  )

  it.scoped("changes: they end with the cluster", () =>
    Effect.gen(function* () {
      const world = makeWorld({ "A app.internal": ["10.0.0.1"] })
      const app = yield* App.start({ query: "app.internal", resolver: world.resolver })
      yield* peers(app)
      const watcher = yield* watch(app)
      yield* GenServer.stop(app)
      yield* Fiber.join(watcher.fiber)
      assert.deepStrictEqual(yield* watcher.since, ["+ nonode@10.0.0.1"])
    })
  )

  it.scoped("byName finds it from a child that stands before it", () =>
    Effect.gen(function* () {
      const world = makeWorld({ "A app.internal": ["10.0.0.1"] })
      class Early extends Context.Tag("@test/Early")<Early, Effect.Effect<ReadonlyArray<DnsCluster.Peer>, unknown>>() {
        static readonly layer = Layer.effect(
          Early,
          Effect.map(Effect.context<App>(), (context) => Effect.provide(peers(App), context))
        )
      }
      const context = yield* Layer.build(
        Supervisor.layer({
          children: [
            Early.layer.pipe(Layer.provide(App.byName)),
            App.layer({ query: "app.internal", resolver: world.resolver })
          ]
        })
      )
      assert.deepStrictEqual(nodes(yield* Context.get(context, Early)), ["nonode@10.0.0.1"])
    })
  )
})

describe("DnsCluster, in an application", () => {
  const started = (environment: ReadonlyArray<readonly [string, string]>) =>
    Effect.gen(function* () {
      const world = makeWorld({ "scuti.internal": ["10.0.0.1"] })
      const Scuti = Application.make({
        name: "ScutiWeb.Supervisor",
        children: Effect.map(Config.withDefault(Config.string("DNS_CLUSTER_QUERY"), "ignore"), (query) => [
          DnsCluster.layer({ query, resolver: world.resolver })
        ])
      })
      const context = yield* Effect.withConfigProvider(
        Layer.build(Scuti.layer),
        ConfigProvider.fromMap(new Map(environment))
      )
      yield* quiet
      const [child] = yield* Effect.provide(Supervisor.whichChildren(Scuti.supervisor), context)
      return { child: `${child?.id} ${child?.status}`, connected: connected(world) }
    })

  it.scoped("DNS-1: its query is DNS_CLUSTER_QUERY, and it is ignored without one", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* started([]), { child: "DnsCluster stopped", connected: [] })
      assert.deepStrictEqual(yield* started([["DNS_CLUSTER_QUERY", "scuti.internal"]]), {
        child: "DnsCluster running",
        connected: ["nonode@10.0.0.1"]
      })
    })
  )
})
