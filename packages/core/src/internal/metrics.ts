/**
 * What servers count. The hot path adds to plain numbers, one record for all servers of a service; they become Effect
 * metrics when somebody polls, since a `Metric.update` costs as much as a whole call.
 */
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricKey from "effect/MetricKey"
import * as MetricLabel from "effect/MetricLabel"
import * as MetricState from "effect/MetricState"

export interface Stats {
  /** Messages whose handler has been called. */
  handled: number
  /** Messages waiting in mailboxes now. */
  queued: number
  /** Servers that ended by a crash. */
  crashes: number
  /** Casts and Infos that no handler will see: dropped by a full mailbox, or left when the server ended. */
  undelivered: number
  /** Children that a supervisor has started again. */
  restarts: number
  /** Children of a supervisor that have ended by an error, or were killed. */
  childCrashes: number
  /** Answers to calls that had been answered, or given up, before. */
  ignored: number
  /** Messages queued so far, to choose those whose time is taken. */
  stamp: number
  readonly handlerTime: { update(seconds: number): void }
  readonly queueTime: { update(seconds: number): void }
}

/** One message in this many has its time taken, where nobody traces. */
export const sampling = 64

const boundaries = MetricBoundaries.exponential({ start: 0.000_001, factor: 4, count: 14 })

const all = new Map<string, Stats>()

/** The counts of all servers of a service. */
export const statsOf = (key: string, name: string, isSupervisor = false): Stats => {
  const known = all.get(key)
  if (known !== undefined) return known
  const labels = [MetricLabel.make("server", name), MetricLabel.make("key", key)]
  const histogram = (metric: string, description: string) =>
    Metric.globalMetricRegistry.get(
      MetricKey.taggedWithLabels(MetricKey.histogram(metric, boundaries, description), labels)
    )
  const stats: Stats = {
    handled: 0,
    queued: 0,
    crashes: 0,
    undelivered: 0,
    restarts: 0,
    childCrashes: 0,
    ignored: 0,
    stamp: 0,
    handlerTime: histogram("gen_server_handler_seconds", `Time in a handler, of one message in ${sampling}`),
    queueTime: histogram("gen_server_queue_seconds", `Time in the mailbox, of one message in ${sampling}`)
  }
  const counter = (metric: string, description: string, read: () => number) => {
    const hook = Metric.globalMetricRegistry.get(
      // they only grow, and exporters tell such counters from others
      MetricKey.taggedWithLabels(MetricKey.counter(metric, { description, incremental: true }), labels)
    )
    hook.get = () => MetricState.counter(read())
  }
  counter("gen_server_messages", "Messages whose handler was called", () => stats.handled)
  counter("gen_server_crashes", "Servers that crashed", () => stats.crashes)
  counter("gen_server_undelivered", "Casts and Infos that no handler saw", () => stats.undelivered)
  if (isSupervisor) {
    counter("supervisor_restarts", "Children that were started again", () => stats.restarts)
    counter("supervisor_child_crashes", "Children that ended by an error or a kill", () => stats.childCrashes)
  }
  counter("gen_server_ignored_answers", "Answers to calls that were settled before", () => stats.ignored)
  const queue = Metric.globalMetricRegistry.get(
    MetricKey.taggedWithLabels(MetricKey.gauge("gen_server_queue_length", { description: "Messages waiting" }), labels)
  )
  queue.get = () => MetricState.gauge(stats.queued)
  all.set(key, stats)
  return stats
}
