/**
 * XState's leanest actor, `fromTransition`, asked as one asks there: the event carries whom to answer. It handles an
 * event in the sender's turn, has no time-outs, and no handlers that wait, so those rows it does not run.
 */
import * as HashMap from "effect/HashMap"
import type * as Option from "effect/Option"
import { type Actor, createActor, fromTransition } from "xstate"
import { promises } from "../callers.ts"
import type { Contestant, Population, Seed, Workload } from "../contestant.ts"
import type { BurstSize } from "../rows.ts"
import { checkServers, countCast } from "../table.ts"

type Table = HashMap.HashMap<string, unknown>
type Request =
  | { readonly type: "get"; readonly key: string; readonly reply: (answer: Option.Option<unknown>) => void }
  | { readonly type: "put"; readonly key: string; readonly value: unknown; readonly reply: (answer: undefined) => void }
type Tally =
  | { readonly type: "add"; readonly index: number }
  | { readonly type: "count"; readonly reply: (count: number) => void }

// XState asks about its own events too, the last of them when the actor stops
const handle = (table: Table, request: Request): Table => {
  switch (request.type) {
    case "get":
      request.reply(HashMap.get(table, request.key))
      return table
    case "put":
      request.reply(undefined)
      return HashMap.set(table, request.key, request.value)
    default:
      return table
  }
}

const tally = (count: number, request: Tally): number => {
  switch (request.type) {
    case "add":
      return countCast(count, request.index)
    case "count":
      request.reply(count)
      return count
    default:
      return count
  }
}

const tableLogic = (seed: Seed) => fromTransition(handle, seed.table)
type Server = Actor<ReturnType<typeof tableLogic>>

const get = (server: Server) => (): Promise<Option.Option<unknown>> =>
  new Promise((reply) => server.send({ type: "get", key: "name", reply }))

const onTable =
  (program: (server: Server, operations: number) => Promise<void>) =>
  async (seed: Seed): Promise<Workload> => {
    const server = createActor(tableLogic(seed)).start()
    return { run: (operations) => program(server, operations) }
  }

const burst =
  (size: BurstSize) =>
  async (seed: Seed): Promise<Workload> => {
    const server = createActor(fromTransition(tally, seed.count)).start()
    let sent = 0
    return {
      run: async (operations) => {
        await promises.bursts(
          size,
          sent,
          (index) => server.send({ type: "add", index }),
          () => new Promise((reply) => server.send({ type: "count", reply })),
          operations
        )
        sent += operations
      }
    }
  }

const startStop = async (seed: Seed): Promise<Workload> => {
  let stopped = 0
  const logic = fromTransition((table: Table, request: Request | { readonly type: "xstate.stop" }) => {
    if (request.type !== "xstate.stop") return handle(table, request)
    stopped++
    return table
  }, seed.table)
  return {
    run: async (operations) => {
      const before = stopped
      for (let i = 0; i < operations; i++) createActor(logic).start().stop()
      checkServers("stopped", stopped - before, operations)
    }
  }
}

const populate = async (seed: Seed, servers: number): Promise<Population> => {
  const logic = tableLogic(seed)
  const population = new Array<Server>(servers)
  for (let i = 0; i < servers; i++) population[i] = createActor(logic).start()
  return { servers: population, release: async () => population.forEach((server) => server.stop()) }
}

export const contestant: Contestant = {
  time: {
    get: onTable((server, operations) => promises.gets(get(server), operations)),
    "get-100": onTable((server, operations) => promises.getsOfMany(get(server), operations)),
    put: onTable((server, operations) =>
      promises.puts(
        (value) => new Promise((reply) => server.send({ type: "put", key: "name", value, reply })),
        get(server),
        operations
      )
    ),
    "start-stop": startStop,
    "burst-1e3": burst("1e3"),
    "burst-1e4": burst("1e4"),
    "burst-1e5": burst("1e5"),
    "burst-1e6": burst("1e6")
  },
  memory: { "memory-idle": populate },
  gap: {
    "gap-plain": async (seed, isOver) => promises.until(get(createActor(tableLogic(seed)).start()), isOver)
  }
}
