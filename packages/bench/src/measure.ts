/** One row of one contestant, measured in a process that has done nothing else. */
import { setImmediate, setTimeout } from "node:timers/promises"
import type { Contestant, Workload } from "./contestant.ts"
import type { Row } from "./rows.ts"
import { seed } from "./table.ts"

export interface Amount {
  /** How much of the processor's time a `time` row is run for before it is measured, in milliseconds. */
  readonly warmMillis: number
  /** How long an inner round of a `time` row lasts, in milliseconds. */
  readonly roundMillis: number
  readonly innerRounds: number
  readonly servers: number
  readonly gapMillis: number
}

/** Nanoseconds per operation of each inner round, bytes per server, or the longest gap in milliseconds. */
export interface Samples {
  readonly samples: ReadonlyArray<number>
  /** How many operations, or servers, one sample is about. */
  readonly operations: number
}

const collect = (): void => {
  if (globalThis.gc === undefined) throw new Error("Run node with --expose-gc")
  globalThis.gc()
}

const clock = async (workload: Workload, operations: number): Promise<number> => {
  const before = process.hrtime.bigint()
  await workload.run(operations)
  return Number(process.hrtime.bigint() - before)
}

/** V8 has compiled by then what is worth compiling. */
const warmOperations = 20_000

const measureTime = async (workload: Workload, step: number, amount: Amount): Promise<Samples> => {
  // Warming up, and finding how many operations a round takes: by the processor's time, because on a busy machine the
  // clock's says nothing about either.
  const used = () => process.cpuUsage().user
  const enough = amount.roundMillis * 500
  const warm = used() + amount.warmMillis * 1e3
  let operations = step
  let micros = 0
  for (let done = 0; micros < enough || done < warmOperations || used() < warm; done += operations) {
    if (micros < enough && done > 0) operations *= 2
    const before = used()
    await workload.run(operations)
    micros = used() - before
  }
  operations = Math.max(step, Math.floor((operations * amount.roundMillis * 1e3) / micros / step) * step)
  const samples: Array<number> = []
  for (let i = 0; i < amount.innerRounds; i++) {
    // no collection is forced here: V8 forgets compiled code in it, and the round would measure how it is made again
    await setImmediate()
    samples.push((await clock(workload, operations)) / operations)
  }
  return { samples, operations }
}

const heap = (): number => {
  for (let i = 0; i < 4; i++) collect()
  return process.memoryUsage().heapUsed
}

const measureMemory = async (
  populate: NonNullable<Contestant["memory"]["memory-idle"]>,
  wait: number,
  amount: Amount
): Promise<Samples | "too many"> => {
  // what the first servers of a process leave behind for good is not a server's
  await (await populate(seed, 100)).release()
  await setTimeout(100)
  const before = heap()
  const started = performance.now()
  const population = await populate(seed, amount.servers)
  // nothing falls asleep while the collector runs, so that this is the time that counts
  if (performance.now() - started > (population.lasts ?? Number.POSITIVE_INFINITY)) return "too many"
  if (wait > 0) await setTimeout(wait)
  const after = heap()
  return { samples: [(after - before) / population.servers.length], operations: amount.servers }
}

const measureGap = async (calls: NonNullable<Contestant["gap"]["gap-plain"]>, amount: Amount): Promise<Samples> => {
  const lasting = (millis: number) => {
    const end = performance.now() + millis
    return () => performance.now() >= end
  }
  // a process that has just begun is busy compiling, whatever it runs
  await calls(seed, lasting(amount.gapMillis / 2))
  await setImmediate()

  let longest = 0
  let last = performance.now()
  const look = () => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }
  const interval = setInterval(look, 10)
  await calls(seed, lasting(amount.gapMillis))
  clearInterval(interval)
  look()
  return { samples: [longest], operations: 1 }
}

/** Null if it is not one of the contestant's rows; "too many" if it can be measured with fewer servers only. */
export const measure = async (
  contestant: Contestant,
  row: Row,
  amount: Amount
): Promise<Samples | "too many" | null> => {
  switch (row.kind) {
    case "time": {
      const prepare = contestant.time[row.id]
      return prepare === undefined ? null : measureTime(await prepare(seed), row.step, amount)
    }
    case "memory": {
      const populate = contestant.memory[row.id]
      return populate === undefined ? null : measureMemory(populate, row.wait, amount)
    }
    case "gap": {
      const calls = contestant.gap[row.id]
      return calls === undefined ? null : measureGap(calls, amount)
    }
  }
}
