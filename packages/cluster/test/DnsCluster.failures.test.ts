import { assert, describe, it } from "@effect/vitest"
import { DnsCluster } from "@effect-otp/cluster"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as TestClock from "effect/TestClock"
import { logging } from "./fixtures/logging.ts"
import { App, restartsOf, statusOf, supervised } from "./fixtures/tree.ts"
import { connected, makeWorld, nodes, quiet, since } from "./fixtures/world.ts"

const { peers } = DnsCluster

describe("DnsCluster, failures", () => {
  it.scoped("DNS-4: a lookup that fails counts as no addresses; it is counted, and logged at Debug", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const world = makeWorld({ "A app.internal": "fails", "AAAA app.internal": ["fd00::1"] })
      const counter = Metric.counter("dns_cluster_failed_lookups", {
        description: "Lookups that a name server did not answer",
        incremental: true
      }).pipe(Metric.tagged("cluster", "App"), Metric.tagged("key", "@test/App"))
      const before = (yield* Metric.value(counter)).count
      const app = yield* App.start({ query: "app.internal", resolver: world.resolver }).pipe(
        logging(lines, LogLevel.Debug)
      )
      assert.deepStrictEqual(nodes(yield* peers(app)), ["nonode@fd00::1"])
      assert.deepStrictEqual(lines, [
        "DEBUG App: the A records of app.internal could not be looked up: ESERVFAIL",
        "DEBUG App has connected nonode@fd00::1"
      ])
      assert.strictEqual((yield* Metric.value(counter)).count - before, 1)
    })
  )

  it.scoped("DNS-4: a lookup that takes too long has failed, and is interrupted", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      let interrupted = 0
      const world = makeWorld({
        "A app.internal": Effect.onInterrupt(Effect.never, () => Effect.sync(() => void interrupted++)),
        "AAAA app.internal": ["fd00::1"]
      })
      const app = yield* App.start({
        query: "app.internal",
        lookupTimeout: "3 seconds",
        resolver: world.resolver
      }).pipe(logging(lines, LogLevel.Debug))
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(nodes(yield* peers(app)), ["nonode@fd00::1"])
      assert.strictEqual(
        lines[0],
        "DEBUG App: the A records of app.internal could not be looked up: no answer within 3000 ms"
      )
      assert.strictEqual(interrupted, 1)
    })
  )

  it.scoped("DNS-4: a lookup that cannot be interrupted does not hold up the round", () =>
    Effect.gen(function* () {
      const world = makeWorld({
        "A app.internal": Effect.uninterruptible(Effect.delay(Effect.succeed(["10.0.0.1"]), "1 hour")),
        "AAAA app.internal": ["fd00::1"]
      })
      const app = yield* App.start({ query: "app.internal", lookupTimeout: "3 seconds", resolver: world.resolver })
      const asking = yield* Effect.fork(peers(app))
      yield* TestClock.adjust("3 seconds")
      yield* quiet
      assert.isNotNull(asking.unsafePoll())
      assert.deepStrictEqual(nodes(yield* asking), ["nonode@fd00::1"])
    })
  )

  it.scoped("DNS-4: a lookup that fails does not declare anybody gone", () =>
    Effect.gen(function* () {
      const world = makeWorld({ "A app.internal": ["10.0.0.1"], "AAAA app.internal": ["fd00::1", "fd00::2"] })
      const app = yield* App.start({ query: "app.internal", resolver: world.resolver })
      yield* peers(app)
      since(world)
      world.zone["A app.internal"] = "fails"
      world.zone["AAAA app.internal"] = ["fd00::2"]
      yield* TestClock.adjust("5 seconds")
      // who was found by the type that is answered has gone; the other is as it was
      assert.deepStrictEqual(nodes(yield* peers(app)), ["nonode@10.0.0.1", "nonode@fd00::2"])
      world.zone["A app.internal"] = []
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(nodes(yield* peers(app)), ["nonode@fd00::2"])
      assert.deepStrictEqual(connected(world), [])
    })
  )

  it.scoped("DNS-4: a failed connect is logged as a warning, and tried again", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const world = makeWorld({ "A app.internal": ["10.0.0.1", "10.0.0.2", "10.0.0.3"] })
      world.connects["nonode@10.0.0.1"] = Effect.succeed(false)
      world.connects["nonode@10.0.0.2"] = Effect.fail(new Error("no route"))
      const app = yield* App.start({ query: "app.internal", resolver: world.resolver }).pipe(logging(lines))
      assert.deepStrictEqual(nodes(yield* peers(app)), ["nonode@10.0.0.3"])
      assert.deepStrictEqual(lines.splice(0), [
        "WARN App could not connect nonode@10.0.0.1",
        "WARN App could not connect nonode@10.0.0.2: Error: no route"
      ])
      world.connects["nonode@10.0.0.1"] = Effect.succeed(true)
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(nodes(yield* peers(app)), ["nonode@10.0.0.3", "nonode@10.0.0.1"])
      assert.deepStrictEqual(lines, ["WARN App could not connect nonode@10.0.0.2: Error: no route"])
    })
  )

  it.scoped("DNS-4: exceeding the time to connect crashes the process, which is started again", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      let interrupted = 0
      const hangs = Effect.onInterrupt(Effect.never, () => Effect.sync(() => void interrupted++))
      const world = makeWorld({ "A app.internal": ["10.0.0.1", "10.0.0.2"] })
      world.connects["nonode@10.0.0.2"] = hangs
      const { app, top } = yield* supervised({ query: "app.internal", resolver: world.resolver }).pipe(logging(lines))
      const asking = yield* Effect.fork(Effect.flip(peers(app)))
      yield* TestClock.adjust("9999 millis")
      assert.strictEqual(yield* restartsOf(app), 0)
      yield* TestClock.adjust("1 millis")
      yield* quiet
      assert.strictEqual(
        (yield* Fiber.join(asking)).message.split("\n", 1)[0],
        "App did not answer ListPeers: crashed: ConnectTimeout: App could not connect nonode@10.0.0.2 within 10000 ms"
      )
      assert.strictEqual(interrupted, 1)
      assert.include(lines[0], "ERROR GenServer App crashed in handleContinue.Discover: ConnectTimeout: App could not")
      assert.deepStrictEqual(yield* statusOf(top), ["App: running"])
      assert.strictEqual(yield* restartsOf(app), 1)
      // The next one begins from the beginning.
      assert.deepStrictEqual(connected(world), [
        "nonode@10.0.0.1",
        "nonode@10.0.0.2",
        "nonode@10.0.0.1 at 10000",
        "nonode@10.0.0.2 at 10000"
      ])
      world.connects["nonode@10.0.0.2"] = Effect.succeed(true)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(nodes(yield* peers(app)), ["nonode@10.0.0.1", "nonode@10.0.0.2"])
      assert.strictEqual(yield* restartsOf(app), 2)
    })
  )

  it.scoped("DNS-4: an attempt that cannot be interrupted does not hold up the crash", () =>
    Effect.gen(function* () {
      const world = makeWorld({ "A app.internal": ["10.0.0.1"] })
      world.connects["nonode@10.0.0.1"] = Effect.uninterruptible(Effect.delay(Effect.succeed(true), "1 hour"))
      const { app } = yield* supervised({ query: "app.internal", connectTimeout: "1 second", resolver: world.resolver })
      yield* TestClock.adjust("1 second")
      yield* quiet
      assert.strictEqual(yield* restartsOf(app), 1)
    })
  )

  it.scoped("a defect of the resolver crashes the process", () =>
    Effect.gen(function* () {
      const world = makeWorld({ "A app.internal": ["10.0.0.1"] })
      world.connects["nonode@10.0.0.1"] = Effect.suspend(() => {
        delete world.connects["nonode@10.0.0.1"]
        throw new Error("a bug")
      })
      const { app } = yield* supervised({ query: "app.internal", resolver: world.resolver })
      yield* quiet
      assert.deepStrictEqual(nodes(yield* peers(app)), ["nonode@10.0.0.1"])
      assert.strictEqual(yield* restartsOf(app), 1)
    })
  )
})
