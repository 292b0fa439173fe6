/**
 * The server one writes by hand with Effect: a `Queue` of requests, each with the `Deferred` its caller waits on, and a
 * fiber that takes one after the other. Of four ways to write the fiber (`Effect.forever`, a generator, `whileLoop`,
 * recursion) this is the fastest. It is given less to do than a GenServer: no time-outs, no failures of handlers, no
 * answer for those who wait when it ends.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HashMap from "effect/HashMap"
import type * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { always, broadcasts } from "../audience.ts"
import { effects } from "../callers.ts"
import type { Contestant, Population, Seed, Workload } from "../contestant.ts"
import type { BurstSize } from "../rows.ts"
import { checkServers, countCast, WrongAnswer } from "../table.ts"

interface Envelope<Request> {
  readonly request: Request
  // what each request is answered with is known to `call` and to the handler, and not to the queue between them
  readonly deferred: Deferred.Deferred<unknown> | undefined
}

interface Server<State, Request> {
  readonly queue: Queue.Queue<Envelope<Request>>
  readonly state: Ref.Ref<State>
  readonly fiber: Fiber.Fiber<never>
}

/** An answer and the state after it. */
type Handler<State, Request> = (request: Request, state: State) => Effect.Effect<readonly [unknown, State]>

const start = <State, Request>(
  initial: State,
  handle: Handler<State, Request>
): Effect.Effect<Server<State, Request>> =>
  Effect.gen(function* () {
    const queue = yield* Queue.unbounded<Envelope<Request>>()
    const state = yield* Ref.make(initial)
    const fiber = yield* Queue.take(queue).pipe(
      Effect.flatMap(({ deferred, request }) =>
        Effect.flatMap(Ref.get(state), (before) =>
          Effect.flatMap(handle(request, before), ([answer, after]) =>
            deferred === undefined
              ? Ref.set(state, after)
              : Effect.zipRight(Ref.set(state, after), Deferred.succeed(deferred, answer))
          )
        )
      ),
      Effect.forever,
      Effect.forkDaemon
    )
    return { queue, state, fiber }
  })

const stop = <State, Request>(server: Server<State, Request>): Effect.Effect<void> =>
  Effect.zipRight(Fiber.interrupt(server.fiber), Queue.shutdown(server.queue))

const call = <Answer, State, Request>(server: Server<State, Request>, request: Request): Effect.Effect<Answer> =>
  Effect.flatMap(Deferred.make<unknown>(), (deferred) =>
    Effect.zipRight(
      Queue.offer(server.queue, { request, deferred }),
      // the other end of the envelope's `unknown`
      Deferred.await(deferred) as Effect.Effect<Answer>
    )
  )

const cast = <State, Request>(server: Server<State, Request>, request: Request): Effect.Effect<boolean> =>
  Queue.offer(server.queue, { request, deferred: undefined })

class Get {
  readonly _tag = "Get"
  readonly key: string
  constructor(fields: { readonly key: string }) {
    this.key = fields.key
  }
}
class Put {
  readonly _tag = "Put"
  readonly key: string
  readonly value: unknown
  constructor(fields: { readonly key: string; readonly value: unknown }) {
    this.key = fields.key
    this.value = fields.value
  }
}
class Add {
  readonly _tag = "Add"
  readonly index: number
  constructor(fields: { readonly index: number }) {
    this.index = fields.index
  }
}
class Count {
  readonly _tag = "Count"
}

type Table = HashMap.HashMap<string, unknown>
type TableHandler = Handler<Table, Get | Put>

/** What a handler does, in each of the ways to write it. */
const answer = (request: Get | Put, table: Table): readonly [unknown, Table] =>
  request._tag === "Get"
    ? [HashMap.get(table, request.key), table]
    : [undefined, HashMap.set(table, request.key, request.value)]

const plain: TableHandler = (request, table) => Effect.succeed(answer(request, table))
const sync: TableHandler = (request, table) => Effect.sync(() => answer(request, table))
const map: TableHandler = (request, table) => Effect.map(Effect.succeed(request), (request) => answer(request, table))
const gen: TableHandler = (request, table) =>
  Effect.gen(function* () {
    return answer(yield* Effect.succeed(request), table)
  })
const suspend: TableHandler = (request, table) => Effect.map(Effect.yieldNow(), () => answer(request, table))

const count: Handler<number, Add | Count> = (request, state) =>
  request._tag === "Add" ? Effect.succeed([undefined, countCast(state, request.index)]) : Effect.succeed([state, state])

const get = (server: Server<Table, Get | Put>) => () =>
  call<Option.Option<unknown>, Table, Get | Put>(server, new Get({ key: "name" }))

const onTable =
  (handle: TableHandler, program: (server: Server<Table, Get | Put>, operations: number) => Effect.Effect<void>) =>
  async (seed: Seed): Promise<Workload> => {
    const server = await Effect.runPromise(start(seed.table, handle))
    return { run: (operations) => Effect.runPromise(program(server, operations)) }
  }

const getsOf = (handle: TableHandler) => onTable(handle, (server, operations) => effects.gets(get(server), operations))

const burst =
  (size: BurstSize) =>
  async (seed: Seed): Promise<Workload> => {
    const server = await Effect.runPromise(start(seed.count, count))
    let sent = 0
    return {
      run: async (operations) => {
        await Effect.runPromise(
          effects.bursts(
            size,
            sent,
            (index) => cast(server, new Add({ index })),
            () => call<number, number, Add | Count>(server, new Count()),
            operations
          )
        )
        sent += operations
      }
    }
  }

const startStop = async (seed: Seed): Promise<Workload> => ({
  run: (operations) =>
    Effect.runPromise(
      Effect.gen(function* () {
        let stopped = 0
        for (let i = 0; i < operations; i++) {
          const server = yield* start(seed.table, plain)
          yield* stop(server)
          if (yield* Queue.isShutdown(server.queue)) stopped++
        }
        checkServers("stopped", stopped, operations)
      })
    )
})

/** The cost of a message with `Schema`'s own checked class, for those who would have their requests checked. */
class PutRequest extends Schema.TaggedRequest<PutRequest>()("Put", {
  payload: { key: Schema.String, value: Schema.Unknown },
  success: Schema.Void,
  failure: Schema.Never
}) {}

const messages = (make: (value: number) => { readonly key: string; readonly value: unknown }) => async () => ({
  run: async (operations: number) => {
    let last = make(-1)
    for (let i = 0; i < operations; i++) {
      const message = make(i)
      // kept, so that the making cannot be optimised away
      if (message.value !== i || last.value !== i - 1) throw new WrongAnswer("message", i, message.value)
      last = message
    }
  }
})

const populate = async (
  seed: Seed,
  servers: number,
  each: (server: Server<Table, Get | Put>) => Effect.Effect<unknown>
): Promise<Population> => {
  const population = new Array<Server<Table, Get | Put>>(servers)
  await Effect.runPromise(
    Effect.gen(function* () {
      for (let i = 0; i < servers; i++) {
        const server = yield* start(seed.table, sync)
        population[i] = server
        yield* each(server)
      }
    })
  )
  return {
    servers: population,
    release: () => Effect.runPromise(Effect.forEach(population, stop, { discard: true }))
  }
}

const underCalls =
  (handle: TableHandler) =>
  (seed: Seed, isOver: () => boolean): Promise<void> =>
    Effect.runPromise(Effect.flatMap(start(seed.table, handle), (server) => effects.until(get(server), isOver)))

/** Effect's own hub, and what subscribes to it, in a scope that nobody closes. */
const hears =
  (
    listen: (
      hub: PubSub.PubSub<number>,
      heard: (message: number) => Effect.Effect<void>
    ) => Effect.Effect<unknown, never, Scope.Scope>
  ) =>
  async (): Promise<Workload> => {
    const hub = await Effect.runPromise(PubSub.unbounded<number>())
    const scope = Effect.runSync(Scope.make())
    return broadcasts(
      (heard) => Scope.extend(listen(hub, heard), scope),
      (message) => PubSub.publish(hub, message)
    )
  }

export const contestant: Contestant = {
  time: {
    get: getsOf(plain),
    "get-100": onTable(plain, (server, operations) => effects.getsOfMany(get(server), operations)),
    put: onTable(plain, (server, operations) =>
      effects.puts(
        (value) => call<undefined, Table, Get | Put>(server, new Put({ key: "name", value })),
        get(server),
        operations
      )
    ),
    "effect-sync": getsOf(sync),
    "effect-map": getsOf(map),
    "effect-gen": getsOf(gen),
    "effect-suspend": getsOf(suspend),
    "start-stop": startStop,
    "burst-1e3": burst("1e3"),
    "burst-1e4": burst("1e4"),
    "burst-1e5": burst("1e5"),
    "burst-1e6": burst("1e6"),
    "broadcast-queue": hears((hub, heard) =>
      Effect.flatMap(PubSub.subscribe(hub), (queue) =>
        Effect.forkDaemon(always(Effect.flatMap(Queue.take(queue), heard)))
      )
    ),
    "broadcast-stream": hears((hub, heard) =>
      Effect.flatMap(Stream.fromPubSub(hub, { scoped: true }), (stream) =>
        Effect.forkDaemon(Stream.runForEach(stream, heard))
      )
    ),
    message: messages((value) => new Put({ key: "name", value })),
    "message-schema": messages((value) => new PutRequest({ key: "name", value }))
  },
  memory: {
    "memory-idle": (seed, servers) => populate(seed, servers, () => Effect.yieldNow()),
    "memory-live": (seed, servers) => populate(seed, servers, (server) => get(server)())
  },
  gap: {
    "gap-plain": underCalls(plain),
    "gap-effect": underCalls(sync),
    "gap-suspend": underCalls(suspend)
  }
}
