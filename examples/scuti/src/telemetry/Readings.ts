/** What is read off the runtime and its processes, as numbers by the names of metrics: plain data and functions. */

/** What counts of a process: `Process.list` gives such. */
export interface Process {
  readonly kind: string
  readonly queueLength: number
}

export interface Processes {
  readonly byKind: ReadonlyMap<string, number>
  /** Messages that wait, over all processes. */
  readonly queued: number
  /** Messages that wait for the process that has most of them. */
  readonly longestQueue: number
}

/** What a list of processes comes to. Kinds that are gone since `before` are there with none. */
export const processes = (list: Iterable<Process>, before: Iterable<string> = []): Processes => {
  const byKind = new Map<string, number>(Array.from(before, (kind) => [kind, 0]))
  let queued = 0
  let longestQueue = 0
  for (const { kind, queueLength } of list) {
    byKind.set(kind, (byKind.get(kind) ?? 0) + 1)
    queued += queueLength
    longestQueue = Math.max(longestQueue, queueLength)
  }
  return { byKind, queued, longestQueue }
}

/** A histogram of the event loop's turns, as `perf_hooks` has it: nanoseconds between the ticks of a timer. */
export interface Ticks {
  readonly count: number
  readonly max: number
  percentile(percent: number): number
}

export interface Delay {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/**
 * By how many seconds a timer that was to tick so often, in milliseconds, was late. The ticks include that time itself,
 * and so would an idle loop's.
 */
export const delay = (ticks: Ticks, resolution: number): Delay => {
  const late = (nanos: number) => (ticks.count === 0 ? 0 : Math.max(0, nanos / 1e9 - resolution / 1e3))
  return { p50: late(ticks.percentile(50)), p99: late(ticks.percentile(99)), max: late(ticks.max) }
}
