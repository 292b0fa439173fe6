/**
 * nact's actors, asked by `query` with a time-out of a minute: it demands one, and five seconds, which ours waits by
 * default, were too short once on a machine with other work, which ended the whole run. Its actor
 * functions may be asynchronous, so the rows about Effect handlers are here its plain query: what they are to beat.
 */
import { setImmediate } from "node:timers/promises"
import * as HashMap from "effect/HashMap"
import type * as Option from "effect/Option"
import { dispatch, query, type Ref, spawn, start, stop } from "nact"
import { promises } from "../callers.ts"
import type { Contestant, Population, Seed, Workload } from "../contestant.ts"
import type { BurstSize } from "../rows.ts"
import { checkServers, countCast } from "../table.ts"

type Table = HashMap.HashMap<string, unknown>
type Request =
  | { readonly type: "get"; readonly key: string; readonly sender: Ref<Option.Option<unknown>> }
  | { readonly type: "put"; readonly key: string; readonly value: unknown; readonly sender: Ref<undefined> }
type Tally = { readonly type: "add"; readonly index: number } | { readonly type: "count"; readonly sender: Ref<number> }

const timeout = 60_000
const system = start()

const handle = (table: Table, request: Request): Table => {
  if (request.type === "get") {
    dispatch(request.sender, HashMap.get(table, request.key))
    return table
  }
  dispatch(request.sender, undefined)
  return HashMap.set(table, request.key, request.value)
}

const tally = (count: number, request: Tally): number => {
  if (request.type === "add") return countCast(count, request.index)
  dispatch(request.sender, count)
  return count
}

let made = 0

// named, because of a hundred thousand names that nact draws by lot two are likely to be the same
const makeTable = (seed: Seed): Ref<Request> => spawn(system, handle, `table-${made++}`, { initialState: seed.table })

const get = (server: Ref<Request>) => (): Promise<Option.Option<unknown>> =>
  query(server, (sender: Ref<Option.Option<unknown>>): Request => ({ type: "get", key: "name", sender }), timeout)

const onTable =
  (program: (server: Ref<Request>, operations: number) => Promise<void>) =>
  async (seed: Seed): Promise<Workload> => {
    const server = makeTable(seed)
    return { run: (operations) => program(server, operations) }
  }

const gets = onTable((server, operations) => promises.gets(get(server), operations))

const burst =
  (size: BurstSize) =>
  async (seed: Seed): Promise<Workload> => {
    const server: Ref<Tally> = spawn(system, tally, undefined, { initialState: seed.count })
    let sent = 0
    return {
      run: async (operations) => {
        await promises.bursts(
          size,
          sent,
          (index) => dispatch(server, { type: "add", index }),
          () => query(server, (sender: Ref<number>): Tally => ({ type: "count", sender }), 600_000),
          operations
        )
        sent += operations
      }
    }
  }

const startStop = async (seed: Seed): Promise<Workload> => ({
  run: async (operations) => {
    let stopped = 0
    for (let i = 0; i < operations; i++) {
      const server = spawn(system, handle, undefined, {
        initialState: seed.table,
        afterStop: () => {
          stopped++
        }
      })
      stop(server)
      // it tells of its end in an immediate; without giving way these would pile up
      if (i % 1_000 === 999) await setImmediate()
    }
    await setImmediate()
    checkServers("stopped", stopped, operations)
  }
})

const populate = async (
  seed: Seed,
  servers: number,
  each: (server: Ref<Request>) => Promise<unknown>
): Promise<Population> => {
  const population = new Array<Ref<Request>>(servers)
  for (let i = 0; i < servers; i++) {
    const server = makeTable(seed)
    population[i] = server
    await each(server)
  }
  return { servers: population, release: async () => population.forEach(stop) }
}

const underCalls = (seed: Seed, isOver: () => boolean): Promise<void> => promises.until(get(makeTable(seed)), isOver)

export const contestant: Contestant = {
  time: {
    get: gets,
    "get-100": onTable((server, operations) => promises.getsOfMany(get(server), operations)),
    put: onTable((server, operations) =>
      promises.puts(
        (value) =>
          query(server, (sender: Ref<undefined>): Request => ({ type: "put", key: "name", value, sender }), timeout),
        get(server),
        operations
      )
    ),
    "effect-sync": gets,
    "effect-map": gets,
    "effect-gen": gets,
    "effect-suspend": gets,
    "start-stop": startStop,
    "burst-1e3": burst("1e3"),
    "burst-1e4": burst("1e4"),
    "burst-1e5": burst("1e5"),
    "burst-1e6": burst("1e6")
  },
  memory: {
    "memory-idle": (seed, servers) => populate(seed, servers, () => Promise.resolve())
  },
  gap: { "gap-plain": underCalls }
}
