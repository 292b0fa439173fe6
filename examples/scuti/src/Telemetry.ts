/**
 * What the application tells of itself: a poller that measures the runtime every ten seconds, and, where there is
 * somebody to send to (`OTEL_EXPORTER_OTLP_ENDPOINT`), an exporter of metrics and traces. `Prometheus` serves the same
 * metrics to whoever asks.
 *
 * The names are those that Prometheus's client for Node uses, where it has one, so that its dashboards fit.
 */
import { monitorEventLoopDelay, performance } from "node:perf_hooks"
import * as GenServer from "@effect-otp/core/GenServer"
import * as Process from "@effect-otp/core/Process"
import * as Supervisor from "@effect-otp/core/Supervisor"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Settings from "./Settings.ts"
import * as Otlp from "./telemetry/Otlp.ts"
import * as Readings from "./telemetry/Readings.ts"

const gauge = (name: string, description: string) => Metric.gauge(name, { description })

const rss = gauge("process_resident_memory_bytes", "Memory of the process")
const heapUsed = gauge("nodejs_heap_size_used_bytes", "JavaScript heap in use")
const heapTotal = gauge("nodejs_heap_size_total_bytes", "JavaScript heap reserved")
const external = gauge("nodejs_external_memory_bytes", "Memory of native code that JavaScript holds")
const delayMedian = gauge(
  "nodejs_eventloop_lag_p50_seconds",
  "Delay of the event loop, the median since the last reading"
)
const delayHigh = gauge("nodejs_eventloop_lag_p99_seconds", "Delay of the event loop, of one turn in a hundred")
const delayMax = gauge(
  "nodejs_eventloop_lag_max_seconds",
  "Delay of the event loop, the longest since the last reading"
)
const utilization = gauge(
  "nodejs_eventloop_utilization_ratio",
  "Share of the time in which the event loop did something"
)
const processCount = gauge("otp_processes", "Processes alive, by their kind")
const queued = gauge("otp_queued_messages", "Messages waiting, over all processes")
const longestQueue = gauge("otp_longest_queue_messages", "Messages waiting for the process that has most of them")

/** How often the runtime is measured. */
const period = "10 seconds"
/** How often the event loop is looked at, in milliseconds. */
const resolution = 10

class Measure extends GenServer.Info<Measure>()("Measure") {}

/** What a reading needs of the one before. */
interface State {
  readonly monitor: ReturnType<typeof monitorEventLoopDelay>
  readonly utilization: ReturnType<typeof performance.eventLoopUtilization>
  readonly kinds: Iterable<string>
}

const measure = (state: State): Effect.Effect<State> =>
  Effect.gen(function* () {
    const memory = process.memoryUsage()
    const delay = Readings.delay(state.monitor, resolution)
    state.monitor.reset()
    const now = performance.eventLoopUtilization()
    const since = performance.eventLoopUtilization(now, state.utilization)
    const processes = Readings.processes(yield* Process.list, state.kinds)
    yield* Effect.all([
      Metric.set(rss, memory.rss),
      Metric.set(heapUsed, memory.heapUsed),
      Metric.set(heapTotal, memory.heapTotal),
      Metric.set(external, memory.external),
      Metric.set(delayMedian, delay.p50),
      Metric.set(delayHigh, delay.p99),
      Metric.set(delayMax, delay.max),
      Metric.set(utilization, since.utilization),
      Metric.set(queued, processes.queued),
      Metric.set(longestQueue, processes.longestQueue),
      ...Array.from(processes.byKind, ([kind, count]) => Metric.set(Metric.tagged(processCount, "kind", kind), count))
    ])
    return { ...state, utilization: now, kinds: processes.byKind.keys() }
  })

/** Measures the runtime, at its start and every ten seconds, into Effect metrics. */
export class Poller extends GenServer.Service<Poller>()("@app/Scuti.Telemetry.Poller", { messages: [Measure] }) {
  static readonly layer = this.toLayer(
    () =>
      Effect.gen(function* () {
        const monitor = yield* Effect.acquireRelease(
          Effect.sync(() => {
            const monitor = monitorEventLoopDelay({ resolution })
            monitor.enable()
            return monitor
          }),
          (monitor) => Effect.sync(() => monitor.disable())
        )
        const self = yield* Poller.self
        yield* self.sendEvery(new Measure(), period)
        return yield* measure({ monitor, utilization: performance.eventLoopUtilization(), kinds: [] })
      }),
    { handleInfo: { Measure: (_, state) => Effect.map(measure(state), (next) => GenServer.noReply(next)) } }
  )
}

/** Who looks after what tells of the application. */
export class Telemetry extends Supervisor.Service<Telemetry>()("@app/ScutiWeb.Telemetry") {}

const isExported = Effect.map(Settings.otlpEndpoint, Option.isSome)

/**
 * The poller and the exporter, as the first child of an application: those after it are given its tracer, if there is
 * somebody to send to. While there is not, they do without the spans of their messages.
 *
 * Each call makes a child with a relay of its own, which no restart replaces.
 */
export const child = () => {
  const relay = Otlp.makeRelay()
  const supervisor = Telemetry.layer({
    strategy: "one_for_one",
    // killed as often as it may be, it is to do no harm to those who are measured
    intensity: { restarts: 200, within: "1 second" },
    backoff: Schedule.spaced("20 millis"),
    children: [
      Supervisor.child(Otlp.exporter(relay, Settings.otlpEndpoint), { id: "Exporter", startIf: isExported }),
      Poller.layer
    ]
  })
  // what a supervisor's children set in the fiber stays among them, so this stands beside it
  const tracer = Layer.unwrapEffect(
    Effect.map(isExported, (isExported) => (isExported ? Layer.setTracer(relay.tracer) : Layer.empty))
  )
  return Supervisor.child(Layer.provideMerge(supervisor, tracer), { id: "ScutiWeb.Telemetry" })
}
