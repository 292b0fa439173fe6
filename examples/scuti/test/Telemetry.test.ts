import * as http from "node:http"
import { assert, describe, it } from "@effect/vitest"
import * as Application from "@effect-otp/core/Application"
import * as ExitReason from "@effect-otp/core/ExitReason"
import * as GenServer from "@effect-otp/core/GenServer"
import * as Process from "@effect-otp/core/Process"
import * as Supervisor from "@effect-otp/core/Supervisor"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as Telemetry from "../src/Telemetry.ts"
import * as Prometheus from "../src/telemetry/Prometheus.ts"
import * as Readings from "../src/telemetry/Readings.ts"
import { settingsLayer } from "./fixtures/database.ts"
import { quiet } from "./fixtures/quiet.ts"

/** The value of a metric as Prometheus is told it. */
const metric = (line: string) =>
  Effect.map(Prometheus.text, (text) => {
    const found = text.split("\n").find((other) => other.startsWith(`${line} `))
    return found === undefined ? undefined : Number(found.slice(line.length + 1))
  })

const silent = Logger.remove(Logger.defaultLogger)

describe("Readings", () => {
  it("property: processes are counted by kind, and their messages summed", () => {
    const list = FastCheck.array(
      FastCheck.record({
        kind: FastCheck.constantFrom("GenServer", "Layer", "Worker"),
        queueLength: FastCheck.nat(100)
      })
    )
    FastCheck.assert(
      FastCheck.property(list, (list) => {
        const { byKind, longestQueue, queued } = Readings.processes(list, ["Gone"])
        assert.strictEqual(byKind.get("Gone"), 0)
        assert.strictEqual(
          [...byKind.values()].reduce((a, b) => a + b),
          list.length
        )
        for (const { kind } of list) assert.strictEqual(byKind.get(kind), list.filter((p) => p.kind === kind).length)
        assert.strictEqual(
          queued,
          list.reduce((sum, p) => sum + p.queueLength, 0)
        )
        assert.strictEqual(longestQueue, Math.max(0, ...list.map((p) => p.queueLength)))
      })
    )
  })

  it("the delay is what the ticks took beyond their period, and none where there was no tick", () => {
    const ticks = (count: number) => ({
      count,
      max: 35e6,
      percentile: (percent: number) => (percent === 50 ? 9e6 : 12e6)
    })
    const { max, p50, p99 } = Readings.delay(ticks(3), 10)
    assert.deepStrictEqual([p50, p99.toFixed(6), max.toFixed(6)], [0, "0.002000", "0.025000"])
    assert.deepStrictEqual(Readings.delay(ticks(0), 10), { p50: 0, p99: 0, max: 0 })
  })
})

class Sup extends Supervisor.Service<Sup>()("@test/Sup") {}

const telemetry = () => Sup.layer({ children: [Telemetry.child()] })

describe("Telemetry", () => {
  it.scoped("measures at its start, and again every ten seconds", () =>
    Effect.gen(function* () {
      yield* Layer.build(telemetry())
      const first = (yield* metric("process_resident_memory_bytes")) ?? 0
      assert.isAbove(first, 10_000_000)
      assert.isAbove((yield* metric("nodejs_heap_size_used_bytes")) ?? 0, 1_000_000)
      // a supervisor, and the poller, which is still in its init when it counts
      assert.isAtLeast((yield* metric('otp_processes{kind="Supervisor"}')) ?? 0, 1)
      const held = Buffer.alloc(50_000_000, 1)
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(yield* metric("process_resident_memory_bytes"), first)
      yield* TestClock.adjust("1 second")
      yield* quiet
      assert.isAbove((yield* metric("nodejs_external_memory_bytes")) ?? 0, held.length)
      const ratio = yield* metric("nodejs_eventloop_utilization_ratio")
      assert.isTrue(ratio !== undefined && ratio > 0 && ratio <= 1)
    }).pipe(Effect.provide(settingsLayer({})))
  )

  it.scoped("sees an event loop that stands still", () =>
    Effect.gen(function* () {
      yield* Layer.build(telemetry())
      // as real as the loop itself: it is looked at every ten milliseconds
      const turn = Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 15)))
      yield* turn
      const end = performance.now() + 120
      while (performance.now() < end);
      yield* turn
      yield* TestClock.adjust("10 seconds")
      yield* quiet
      const max = (yield* metric("nodejs_eventloop_lag_max_seconds")) ?? 0
      assert.isAbove(max, 0.1)
      assert.isBelow(max, 5)
    }).pipe(Effect.provide(settingsLayer({})))
  )

  it.scoped(
    "killed again and again it is there again, and measures",
    () =>
      Effect.gen(function* () {
        const context = yield* Layer.build(telemetry())
        const poller = Context.get(context, Telemetry.Poller)
        for (let round = 0; round < 300; round++) {
          yield* Process.exit(poller, ExitReason.killed)
          yield* TestClock.adjust("20 millis")
        }
        const [info] = (yield* Process.list).filter(({ name }) => name === "Scuti.Telemetry.Poller")
        assert.strictEqual(info?.restarts, 300)
        yield* TestClock.adjust("10 seconds")
        yield* quiet
        assert.isAbove((yield* metric("process_resident_memory_bytes")) ?? 0, 0)
      }).pipe(Effect.provide(Layer.merge(settingsLayer({}), silent))),
    20_000
  )

  it.scoped("without an endpoint nothing is exported, and the tree shows that (SUP-7)", () =>
    Effect.gen(function* () {
      const tree = yield* Effect.provide(Supervisor.tree(Sup), telemetry())
      assert.strictEqual(
        tree,
        [
          "Sup",
          "└─ ScutiWeb.Telemetry (Supervisor)",
          "   ├─ Exporter (Layer, stopped)",
          "   └─ Scuti.Telemetry.Poller (GenServer)"
        ].join("\n")
      )
    }).pipe(Effect.provide(settingsLayer({})))
  )
})

// ---------------------------------------------------------------------------------------------------------------------
// A collector: a real server on this machine, which keeps what it is sent.
// ---------------------------------------------------------------------------------------------------------------------

interface Received {
  readonly path: string
  readonly body: string
}

/** What it answers with: a status, or nothing, ever. */
const collector = (answer: number | "never") =>
  Effect.gen(function* () {
    const received = yield* Queue.unbounded<Received>()
    const server = yield* Effect.acquireRelease(
      Effect.async<http.Server>((resume) => {
        const server = http.createServer((request, response) => {
          let body = ""
          request.on("data", (chunk) => {
            body += chunk
          })
          request.on("end", () => {
            received.unsafeOffer({ path: request.url ?? "", body })
            if (answer !== "never") response.writeHead(answer, { "content-type": "application/json" }).end("{}")
          })
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.async<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        })
    )
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    return { received, server, endpoint: `http://127.0.0.1:${port}/otlp/` }
  })

class Ping extends GenServer.Call<Ping>()("Ping", { success: Schema.String }) {}

/** A later child, which makes spans. */
class Pinger extends GenServer.Service<Pinger>()("@test/Pinger", { messages: [Ping] }) {
  static readonly layer = this.toLayer(() => null, {
    handleCall: {
      Ping: (_, state) => Effect.succeed(GenServer.reply("pong", state)).pipe(Effect.withSpan("in the handler"))
    }
  })
}

const application = () =>
  Application.make({ name: "Test.Supervisor", children: [Telemetry.child(), Pinger.layer] }).layer

/** The first that is received on a path and holds a text, when time passes. */
const next = (received: Queue.Dequeue<Received>, path: string, text: string) =>
  Effect.gen(function* () {
    for (let second = 0; second < 60; second++) {
      for (const one of yield* Queue.takeAll(received))
        if (one.path === path && one.body.includes(text)) return one.body
      yield* TestClock.adjust("1 second")
      yield* quiet
    }
    return assert.fail(`nothing came that holds ${text}`)
  })

const spans = (received: Queue.Dequeue<Received>, name: string) => next(received, "/otlp/v1/traces", `"${name}"`)

describe("Otlp", () => {
  it.scoped("sends metrics, and the spans of children that come later", () =>
    Effect.gen(function* () {
      const { endpoint, received } = yield* collector(200)
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* GenServer.call(Pinger, new Ping()), "pong")
        const traces = yield* spans(received, "in the handler")
        assert.include(traces, '{"key":"service.name","value":{"stringValue":"scuti"}}')
        yield* next(received, "/otlp/v1/metrics", '"process_resident_memory_bytes"')
      }).pipe(Effect.provide(Layer.provide(application(), settingsLayer({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }))))
    })
  )

  it.scoped("goes on for those children when the exporter, or the whole of it, has been started again", () =>
    Effect.gen(function* () {
      const { endpoint, received } = yield* collector(200)
      const App = Application.make({ name: "Test.Supervisor", children: [Telemetry.child(), Pinger.layer] })
      const restart = {
        exporter: Effect.zipRight(
          Supervisor.terminateChild(Telemetry.Telemetry, "Exporter"),
          Supervisor.restartChild(Telemetry.Telemetry, "Exporter")
        ),
        all: Effect.zipRight(
          Supervisor.terminateChild(App.supervisor, "ScutiWeb.Telemetry"),
          Supervisor.restartChild(App.supervisor, "ScutiWeb.Telemetry")
        )
      }
      yield* Effect.gen(function* () {
        for (const part of [restart.exporter, restart.all, restart.exporter]) {
          yield* part
          yield* Queue.takeAll(received)
          assert.strictEqual(yield* GenServer.call(Pinger, new Ping()), "pong")
          yield* spans(received, "in the handler")
        }
      }).pipe(
        Effect.provide(
          Layer.provide(App.layer, Layer.merge(settingsLayer({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }), silent))
        )
      )
    })
  )

  it.scoped.each([
    ["is not there", "gone", "nobody answers"],
    ["refuses", 400, "its answer has status 400"],
    ["fails", 503, "its answer has status 503"],
    ["never answers", "never", "no answer in 5 seconds"]
  ] as const)("a collector that %s harms nothing, holds up no end, and is told of once", ([, answer, why]) =>
    Effect.gen(function* () {
      const warnings: Array<string> = []
      const log = Logger.make(({ logLevel, message }) => {
        if (logLevel === LogLevel.Warning) warnings.push(String(message))
      })
      const heard = Logger.replace(Logger.defaultLogger, log)
      const { endpoint, server } = yield* collector(answer === "gone" ? 200 : answer)
      if (answer === "gone") yield* Effect.async<void>((resume) => void server.close(() => resume(Effect.void)))
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(
        Layer.provide(application(), Layer.merge(settingsLayer({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }), heard)),
        scope
      )
      const ping = Effect.provide(GenServer.call(Pinger, new Ping()), context)
      for (let second = 0; second < 90; second++) {
        assert.strictEqual(yield* ping, "pong")
        yield* TestClock.adjust("1 second")
        yield* quiet
      }
      const restarts = (yield* Process.list).map(({ restarts }) => restarts)
      assert.strictEqual(Math.max(...restarts), 0)
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      let seconds = 0
      while (closing.unsafePoll() === null) {
        yield* TestClock.adjust("100 millis")
        yield* quiet
        seconds += 0.1
      }
      assert.isBelow(seconds, 4)
      assert.deepStrictEqual(
        warnings.sort(),
        ["metrics", "traces"].map(
          (path) => `The collector at ${endpoint}v1/${path} takes nothing: ${why}. It is tried again after a minute`
        )
      )
    })
  )

  it.scoped("a collector that takes again what it is sent is told of once", () =>
    Effect.gen(function* () {
      const { endpoint, server } = yield* collector(503)
      const lines: Array<string> = []
      const log = Logger.make(({ logLevel, message }) => {
        if (String(message).includes("collector")) lines.push(`${logLevel.label} ${message}`)
      })
      yield* Layer.build(
        Layer.provide(
          application(),
          Layer.merge(
            settingsLayer({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }),
            Logger.replace(Logger.defaultLogger, log)
          )
        )
      )
      const pass = (seconds: number) =>
        Effect.repeatN(Effect.zipRight(TestClock.adjust("1 second"), quiet), seconds - 1)
      yield* pass(40)
      server.removeAllListeners("request").on("request", (request, response) => {
        request.resume().on("end", () => response.end("{}"))
      })
      yield* pass(120)
      assert.deepStrictEqual(
        lines.filter((line) => line.includes("v1/metrics")),
        [
          `WARN The collector at ${endpoint}v1/metrics takes nothing: its answer has status 503. It is tried again after a minute`,
          `INFO The collector at ${endpoint}v1/metrics is there again`
        ]
      )
    })
  )
})
