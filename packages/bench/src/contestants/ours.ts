/** The GenServer of this repository, with every option left at its default, as a user would write it. */
import * as DynamicSupervisor from "@effect-otp/core/DynamicSupervisor"
import * as ExitReason from "@effect-otp/core/ExitReason"
import * as GenServer from "@effect-otp/core/GenServer"
import * as Process from "@effect-otp/core/Process"
import * as PubSub from "@effect-otp/core/PubSub"
import * as Supervisor from "@effect-otp/core/Supervisor"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { always, broadcasts, type Listen } from "../audience.ts"
import { effects } from "../callers.ts"
import type { Contestant, Population, Seed, Workload } from "../contestant.ts"
import { type BurstSize, type FamilySize, familySizes, type GroupSize, groupSizes } from "../rows.ts"
import { checkServers, countCast, WrongAnswer } from "../table.ts"

const { noReply, reply } = GenServer

const Entries = Schema.HashMap({ key: Schema.String, value: Schema.Unknown })
type Entries = typeof Entries.Type

const key = { key: Schema.String }
const Found = Schema.Option(Schema.Unknown)

// one message for each way to write the handler
class Get extends GenServer.Call<Get>()("Get", { payload: key, success: Found }) {}
class GetSync extends GenServer.Call<GetSync>()("GetSync", { payload: key, success: Found }) {}
class GetMap extends GenServer.Call<GetMap>()("GetMap", { payload: key, success: Found }) {}
class GetGen extends GenServer.Call<GetGen>()("GetGen", { payload: key, success: Found }) {}
class GetSuspend extends GenServer.Call<GetSuspend>()("GetSuspend", { payload: key, success: Found }) {}
class Put extends GenServer.Call<Put>()("Put", { payload: { ...key, value: Schema.Unknown } }) {}

/** How many tables `init` has made. */
let started = 0

class Table extends GenServer.Service<Table>()("@bench/Table", {
  state: Entries,
  messages: [Get, GetSync, GetMap, GetGen, GetSuspend, Put]
}) {
  static readonly layer = this.toLayer(
    (initial: Entries) => {
      started++
      return initial
    },
    {
      handleCall: {
        Get: ({ key }, table) => reply(HashMap.get(table, key), table),
        GetSync: ({ key }, table) => Effect.sync(() => reply(HashMap.get(table, key), table)),
        GetMap: ({ key }, table) => Effect.map(Effect.succeed(key), (key) => reply(HashMap.get(table, key), table)),
        GetGen: ({ key }, table) =>
          Effect.gen(function* () {
            return reply(HashMap.get(table, yield* Effect.succeed(key)), table)
          }),
        GetSuspend: ({ key }, table) => Effect.map(Effect.yieldNow(), () => reply(HashMap.get(table, key), table)),
        Put: ({ key, value }, table) => reply(undefined, HashMap.set(table, key, value))
      }
    }
  )
}

class Add extends GenServer.Cast<Add>()("Add", { index: Schema.Number }) {}
class Count extends GenServer.Call<Count>()("Count", { success: Schema.Number }) {}

class Counter extends GenServer.Service<Counter>()("@bench/Counter", { state: Schema.Number, messages: [Add, Count] }) {
  static readonly layer = this.toLayer((count: number) => count, {
    handleCall: { Count: (_, count) => reply(count, count) },
    handleCast: { Add: ({ index }, count) => noReply(countCast(count, index)) }
  })
}

const calls = {
  get: () => GenServer.call(Table, new Get({ key: "name" })),
  sync: () => GenServer.call(Table, new GetSync({ key: "name" })),
  map: () => GenServer.call(Table, new GetMap({ key: "name" })),
  gen: () => GenServer.call(Table, new GetGen({ key: "name" })),
  suspend: () => GenServer.call(Table, new GetSuspend({ key: "name" })),
  put: (value: number) => GenServer.call(Table, new Put({ key: "name", value }))
}

/** The layer built for as long as the process lives, and programs run with what it provides. */
const provider = async <A>(layer: Layer.Layer<A>) => {
  const context = await Effect.runPromise(Layer.buildWithScope(layer, Effect.runSync(Scope.make())))
  return <E>(program: Effect.Effect<void, E, A>) => Effect.runPromise(Effect.provide(program, context))
}

const onTable =
  <E>(program: (operations: number) => Effect.Effect<void, E, Table>) =>
  async (seed: Seed): Promise<Workload> => {
    const run = await provider(Table.layer(seed.table))
    return { run: (operations) => run(program(operations)) }
  }

const getsByRef = async (seed: Seed): Promise<Workload> => {
  const scope = Effect.runSync(Scope.make())
  const ref = await Effect.runPromise(Scope.extend(Table.start(seed.table), scope))
  const get = () => GenServer.call(ref, new Get({ key: "name" }))
  return { run: (operations) => Effect.runPromise(effects.gets(get, operations)) }
}

const burst =
  (size: BurstSize) =>
  async (seed: Seed): Promise<Workload> => {
    const run = await provider(Counter.layer(seed.count))
    let sent = 0
    return {
      run: async (operations) => {
        await run(
          effects.bursts(
            size,
            sent,
            (index) => GenServer.cast(Counter, new Add({ index })),
            () => GenServer.call(Counter, new Count(), { timeout: "infinity" }),
            operations
          )
        )
        sent += operations
      }
    }
  }

/** Starts and ends `operations` tables, and sees that the last of them is gone. */
const lives =
  (life: (seed: Seed) => Effect.Effect<GenServer.ServerRef<Table>, unknown, Scope.Scope>) =>
  async (seed: Seed): Promise<Workload> => ({
    run: (operations) =>
      Effect.runPromise(
        Effect.scoped(
          Effect.gen(function* () {
            const before = started
            let last: GenServer.ServerRef<Table> | undefined
            for (let i = 0; i < operations; i++) last = yield* life(seed)
            checkServers("started", started - before, operations)
            if (last === undefined) return
            const error = yield* Effect.flip(GenServer.call(last, new Get({ key: "name" })))
            if (error._tag !== "ServerDown") throw new WrongAnswer("call after stop", "ServerDown", error)
          })
        )
      )
  })

const tirelessly = { restarts: 10_000_000, within: "1 second" } as const

/** Without the log, as for Erlang. */
const quietly = Layer.provide(Logger.remove(Logger.defaultLogger))

/** Asks, and asks again while the next one has not begun: now and then the event loop has to turn first. */
const getAgain = (): ReturnType<typeof calls.get> =>
  Effect.catchAll(calls.get(), (error) =>
    error._tag === "ServerDown" && error.reason._tag === "Restarting"
      ? Effect.zipRight(Effect.yieldNow(), Effect.suspend(getAgain))
      : Effect.fail(error)
  )

/** A supervised table that is killed again and again, and asked each time. */
const restarts = async (seed: Seed): Promise<Workload> => {
  const run = await provider(quietly(Supervisor.layer({ intensity: tirelessly, children: [Table.layer(seed.table)] })))
  return {
    run: (operations) =>
      run(
        Effect.gen(function* () {
          const before = started
          for (let i = 0; i < operations; i++) {
            yield* Process.exit(Table, ExitReason.killed)
            const found = yield* getAgain()
            if (found._tag === "None") throw new WrongAnswer("get after a restart", "John", found)
          }
          checkServers("started", started - before, operations)
        })
      )
  }
}

/** How many pupils `init` has made. */
let taught = 0

// A service for each would be a thousand classes: they are servers without a name, each in a layer of its own.
const pupil = Layer.scopedDiscard(Effect.sync(() => void taught++))

class Group extends Supervisor.Service<Group>()("@bench/Group") {}

/** The first of many is killed, and all those after it are stopped and started again. */
const group =
  (size: GroupSize) =>
  async (seed: Seed): Promise<Workload> => {
    const count = groupSizes[size]
    const pupils = Array.from({ length: count - 1 }, (_, index) => Supervisor.child(pupil, { id: `${index + 2}` }))
    const run = await provider(
      quietly(
        Group.layer({
          strategy: "rest_for_one",
          intensity: tirelessly,
          children: [Table.layer(seed.table), ...pupils]
        })
      )
    )
    return {
      run: (operations) =>
        run(
          Effect.gen(function* () {
            const before = taught
            for (let i = 0; i < operations; i += count) {
              yield* Process.exit(Table, ExitReason.killed)
              const { active } = yield* Supervisor.countChildren(Group)
              if (active !== count) throw new WrongAnswer("children after a restart", count, active)
            }
            checkServers("started", taught - before, Math.ceil(operations / count) * (count - 1))
          })
        )
    }
  }

/** So many at once, and what is left over. */
const batches = (operations: number, size: number): ReadonlyArray<number> =>
  Array.from({ length: Math.ceil(operations / size) }, (_, index) => Math.min(size, operations - index * size))

class Rooms extends DynamicSupervisor.Service<Rooms>()("@bench/Rooms", { children: [Table] }) {}

const bare =
  (size: FamilySize) =>
  async (seed: Seed): Promise<Workload> => ({
    run: (operations) =>
      Effect.runPromise(
        Effect.gen(function* () {
          const before = started
          for (const count of batches(operations, familySizes[size])) {
            yield* Effect.scoped(Effect.replicateEffect(Table.start(seed.table), count, { discard: true }))
          }
          checkServers("started", started - before, operations)
        })
      )
  })

const children =
  (size: FamilySize) =>
  async (seed: Seed): Promise<Workload> => ({
    run: (operations) =>
      Effect.runPromise(
        Effect.gen(function* () {
          const before = started
          for (const count of batches(operations, familySizes[size])) {
            const family = Effect.zipRight(
              Effect.replicateEffect(DynamicSupervisor.startChild(Rooms, Table, [seed.table]), count, {
                discard: true
              }),
              DynamicSupervisor.countChildren(Rooms)
            )
            const { active } = yield* Effect.provide(family, Rooms.layer())
            if (active !== count) throw new WrongAnswer("children", count, active)
          }
          checkServers("started", started - before, operations)
        })
      )
  })

const child = async (seed: Seed, servers: number): Promise<Population> => {
  const scope = Effect.runSync(Scope.make())
  const context = await Effect.runPromise(Layer.buildWithScope(Rooms.layer(), scope))
  const refs = await Effect.runPromise(
    Effect.provide(Effect.replicateEffect(DynamicSupervisor.startChild(Rooms, Table, [seed.table]), servers), context)
  )
  return { servers: refs, release: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}

class Updates extends PubSub.Service<Updates>()("@bench/Updates") {}

const Tick = PubSub.topic("tick", Schema.Number)

const hears =
  (listen: (heard: (message: number) => Effect.Effect<void>) => Effect.Effect<unknown, never, Updates>) =>
  async (): Promise<Workload> => {
    const scope = Effect.runSync(Scope.make())
    const context = await Effect.runPromise(Layer.buildWithScope(Updates.layer, scope))
    const inContext: Listen = (heard) => Effect.provide(listen(heard), context)
    return broadcasts(inContext, (message) =>
      Effect.provide(Effect.orDie(PubSub.broadcast(Updates, Tick, message)), context)
    )
  }

/** One who has subscribed when this returns, in a scope that nobody closes. */
const queue = Effect.orDie(Scope.extend(PubSub.subscription(Updates, Tick), Effect.runSync(Scope.make())))

const message = async (): Promise<Workload> => ({
  run: async (operations) => {
    let last = new Put({ key: "name", value: -1 })
    for (let i = 0; i < operations; i++) {
      const message = new Put({ key: "name", value: i })
      // kept, so that the making cannot be optimised away
      if (message.value !== i || last.value !== i - 1) throw new WrongAnswer("message", i, message.value)
      last = message
    }
  }
})

const populate = async <A>(servers: number, start: Effect.Effect<A, unknown, Scope.Scope>): Promise<Population> => {
  const scope = Effect.runSync(Scope.make())
  const population = new Array<A>(servers)
  await Effect.runPromise(
    Scope.extend(
      Effect.gen(function* () {
        for (let i = 0; i < servers; i++) population[i] = yield* start
      }),
      scope
    )
  )
  return { servers: population, release: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}

const idle = (seed: Seed) => Table.start(seed.table)
const called = (seed: Seed) =>
  Effect.tap(Table.start(seed.table), (ref) => GenServer.call(ref, new GetSync({ key: "name" })))

const underCalls =
  <E>(get: () => Effect.Effect<Option.Option<unknown>, E, Table>) =>
  async (seed: Seed, isOver: () => boolean): Promise<void> => {
    const run = await provider(Table.layer(seed.table))
    await run(effects.until(get, isOver))
  }

export const contestant: Contestant = {
  time: {
    get: onTable((operations) => effects.gets(calls.get, operations)),
    "get-by-ref": getsByRef,
    "get-100": onTable((operations) => effects.getsOfMany(calls.get, operations)),
    put: onTable((operations) => effects.puts(calls.put, calls.get, operations)),
    "effect-sync": onTable((operations) => effects.gets(calls.sync, operations)),
    "effect-map": onTable((operations) => effects.gets(calls.map, operations)),
    "effect-gen": onTable((operations) => effects.gets(calls.gen, operations)),
    "effect-suspend": onTable((operations) => effects.gets(calls.suspend, operations)),
    "start-stop": lives((seed) => Effect.tap(Table.start(seed.table), (ref) => GenServer.stop(ref))),
    "start-stop-scope": lives((seed) => Effect.scoped(Table.start(seed.table))),
    restart: restarts,
    "group-1e2": group("1e2"),
    "group-1e3": group("1e3"),
    "bare-1e4": bare("1e4"),
    "bare-1e5": bare("1e5"),
    "children-1e4": children("1e4"),
    "children-1e5": children("1e5"),
    "burst-1e3": burst("1e3"),
    "burst-1e4": burst("1e4"),
    "burst-1e5": burst("1e5"),
    "burst-1e6": burst("1e6"),
    "broadcast-queue": hears((heard) =>
      Effect.flatMap(queue, ({ messages }) => Effect.forkDaemon(always(Effect.flatMap(messages.take, heard))))
    ),
    "broadcast-stream": hears((heard) =>
      Effect.flatMap(queue, ({ stream }) => Effect.forkDaemon(Stream.runForEach(stream, heard)))
    ),
    message
  },
  memory: {
    "memory-idle": (seed, servers) => populate(servers, idle(seed)),
    "memory-hibernated": (seed, servers) => populate(servers, called(seed)),
    "memory-child": child,
    "memory-layer": (seed, servers) =>
      populate(
        servers,
        Effect.suspend(() => Layer.build(Table.layer(seed.table)))
      ),
    // after a second of idleness they go to sleep
    "memory-live": async (seed, servers) => ({ ...(await populate(servers, called(seed))), lasts: 900 })
  },
  gap: {
    "gap-plain": underCalls(calls.get),
    "gap-effect": underCalls(calls.sync),
    "gap-suspend": underCalls(calls.suspend)
  }
}
