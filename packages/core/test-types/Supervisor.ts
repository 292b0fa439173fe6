// What a list of children comes to: what it provides, what it may fail with, what it leaves over as required.
import { Config, type ConfigError, type Context, DateTime, Effect, Layer, Schedule, Stream } from "effect"
import type { CallError } from "../src/CallError.ts"
import type * as ChildSpec from "../src/ChildSpec.ts"
import type { ExitReason } from "../src/ExitReason.ts"
import * as GenServer from "../src/GenServer.ts"
import * as Supervisor from "../src/Supervisor.ts"
import { Hashmap } from "./Hashmap.ts"
import { Desk, Join, Lobby, Mailer, newsletter, type Offline, Pool, Repo, Room } from "./Services.ts"
import { same } from "./same.ts"

declare const isStaging: boolean

// -- lists ------------------------------------------------------------------------------------------------------------

export const inOrder = Supervisor.layer({ children: [Repo.layer, Mailer.layer, newsletter] })
//           ^? const inOrder: Layer.Layer<Repo | Mailer, Offline, never>

// what stands before the child that provides it is left over
export const outOfOrder = Supervisor.layer({ children: [newsletter, Mailer.layer, Repo.layer] })
same<typeof outOfOrder, Layer.Layer<Repo | Mailer, Offline, Repo | Mailer>>(true)

export const none = Supervisor.layer({ children: [] })
//           ^? const none: Layer.Layer<never, never, never>

export const nothing = Supervisor.layer({ strategy: "rest_for_one", children: [newsletter] })
//           ^? const nothing: Layer.Layer<never, Offline, Mailer>

export const servers = Supervisor.layer({
  children: [Repo.layer, Mailer.layer, Room.layer("a", 10), Lobby.layer, Desk.layer]
})
same<typeof servers, Layer.Layer<Repo | Mailer | Room | Lobby | Desk>>(true)

export const late = Supervisor.layer({ children: [Layer.provide(Lobby.layer, Mailer.layer), Desk.layer] })
same<typeof late, Layer.Layer<Lobby | Desk, never, Repo | Mailer>>(true)

// a name that a later child holds
export const named = Supervisor.layer({
  //         ^? const named: Layer.Layer<Hashmap, CallError, never>
  children: [Layer.effectDiscard(Hashmap.getAll).pipe(Layer.provide(Hashmap.byName)), Hashmap.layer()]
})

// all that an array holds may come first
declare const layers: ReadonlyArray<Layer.Layer<Repo, Offline, Mailer>>
export const array = Supervisor.layer({ children: layers })
//           ^? const array: Layer.Layer<Repo, Offline, Mailer>
declare const mixed: Array<typeof Repo.layer | typeof Mailer.layer>
export const mixedArray = Supervisor.layer({ children: mixed })
//           ^? const mixedArray: Layer.Layer<Repo | Mailer, never, Repo>

// a spread satisfies nothing, but what stands beside it does
export const spreadAtEnd = Supervisor.layer({ children: [Repo.layer, Mailer.layer, ...layers] })
//           ^? const spreadAtEnd: Layer.Layer<Repo | Mailer, Offline, never>
export const spreadInFront = Supervisor.layer({ children: [...layers, Repo.layer, Mailer.layer, Lobby.layer] })
//           ^? const spreadInFront: Layer.Layer<Repo | Mailer | Lobby, Offline, Mailer>
export const spreadBetween = Supervisor.layer({ children: [Repo.layer, ...layers, Mailer.layer, newsletter] })
//           ^? const spreadBetween: Layer.Layer<Repo | Mailer, Offline, Mailer>
const both = [Repo.layer, Mailer.layer] as const
export const spreadTuple = Supervisor.layer({ children: [...both, newsletter] })
//           ^? const spreadTuple: Layer.Layer<Repo | Mailer, Offline, never>

// what is not in each list is not provided for sure
export const choice = Supervisor.layer({ children: isStaging ? [Repo.layer, Mailer.layer] : [Mailer.layer] })
//           ^? const choice: Layer.Layer<Mailer, never, Repo>
export const choiceMade = Supervisor.layer({
  //         ^? const choiceMade: Layer.Layer<Mailer, ConfigError.ConfigError, Repo>
  children: Effect.map(Config.boolean("A"), (a) => (a ? [Repo.layer, Mailer.layer] : [Mailer.layer]))
})

// -- lists that an Effect gives ---------------------------------------------------------------------------------------

export const mapped = Supervisor.layer({
  //         ^? const mapped: Layer.Layer<Repo | Mailer, Offline, never>
  children: Effect.map(DateTime.now, () => [Repo.layer, Mailer.layer, newsletter])
})
export const piped = Supervisor.layer({
  //         ^? const piped: Layer.Layer<Repo | Mailer, never, never>
  children: DateTime.now.pipe(Effect.map(() => [Repo.layer, Mailer.layer]))
})
export const succeeded = Supervisor.layer({ children: Effect.succeed([Repo.layer, Mailer.layer]) })
//           ^? const succeeded: Layer.Layer<Repo | Mailer, never, never>
export const generated = Supervisor.layer({
  children: Effect.gen(function* () {
    const name = yield* Config.string("NAME")
    yield* Effect.ignore(Hashmap.getAll)
    return [Room.layer(name), Mailer.layer]
  })
})
same<typeof generated, Layer.Layer<Room | Mailer, ConfigError.ConfigError, Repo | Hashmap>>(true)
export const inAGenerator = Supervisor.layer({
  //         ^? const inAGenerator: Layer.Layer<Repo | Mailer, never, never>
  children: Effect.gen(function* () {
    yield* Effect.void
    return [Repo.layer, Mailer.layer, Supervisor.worker("a", Mailer, { restart: "transient" })]
  })
})
// without the list before its eyes the compiler takes an array for one, unless it is told
export const lost = Supervisor.layer({
  //         ^? const lost: Layer.Layer<Repo | Mailer, never, Repo>
  children: Effect.sync(() => [Repo.layer, Mailer.layer]).pipe(Effect.tap(Effect.void))
})
export const kept = Supervisor.layer({
  //         ^? const kept: Layer.Layer<Repo | Mailer, never, never>
  children: Effect.sync(() => [Repo.layer, Mailer.layer] as const).pipe(Effect.tap(Effect.void))
})

// -- many children ----------------------------------------------------------------------------------------------------

interface Item<N> {
  readonly item: N
}
/** Layers each of which needs the one before it. */
type Chain<Length extends number, Done extends ReadonlyArray<unknown> = []> = Done["length"] extends Length
  ? Done
  : Chain<
      Length,
      [
        ...Done,
        Layer.Layer<
          Item<Done["length"]>,
          `error ${Done["length"]}`,
          Done extends readonly [...infer Before, unknown] ? Item<Before["length"]> : never
        >
      ]
    >
type Reversed<Layers extends ReadonlyArray<unknown>, Done extends ReadonlyArray<unknown> = []> =
  Layers extends readonly [infer Head, ...infer Tail] ? Reversed<Tail, [Head, ...Done]> : Done
type Link = Chain<200>[number]

declare const chain: Chain<200>
declare const reversed: Reversed<Chain<200>>
export const many = Supervisor.layer({ children: chain })
same<typeof many, Layer.Layer<ChildSpec.OutOf<Link>, ChildSpec.ErrorOf<Link>, never>>(true)
export const manyReversed = Supervisor.layer({ children: reversed })
same<typeof manyReversed, Layer.Layer<ChildSpec.OutOf<Link>, ChildSpec.ErrorOf<Link>, ChildSpec.ContextOf<Link>>>(true)
export const manyAfterArray = Supervisor.layer({ children: [...layers, ...chain] })
same<Layer.Layer.Context<typeof manyAfterArray>, Mailer>(true)
export const manyMade = Supervisor.layer({ children: Effect.map(DateTime.now, () => chain) })
same<Layer.Layer.Context<typeof manyMade>, never>(true)

// -- children with options --------------------------------------------------------------------------------------------

export const everything = Supervisor.child(Mailer.layer, {
  //         ^? const everything: ChildSpec.ChildSpec<Mailer, never, Repo>
  id: "mailer",
  restart: "transient",
  shutdown: "1 second",
  significant: true,
  lateBound: [Mailer],
  startIf: undefined,
  watch: false
})
export const lateBound = Supervisor.child(Repo.layer, { shutdown: "infinity", lateBound: [Repo] })
//           ^? const lateBound: ChildSpec.ChildSpec<Repo, never, never>
export class Service extends Effect.Service<Service>()("Service", {
  succeed: { save: (_: number) => Effect.void, rows: Stream.empty }
}) {}
export const lateBoundService = Supervisor.child(Service.Default, { shutdown: "brutal", lateBound: [Service] })
//           ^? const lateBoundService: ChildSpec.ChildSpec<Service, never, never>
export const lateBoundBoth = Supervisor.child(Layer.merge(Repo.layer, Service.Default), { lateBound: [Service, Repo] })
same<typeof lateBoundBoth, ChildSpec.ChildSpec<Service | Repo>>(true)
export const inline = Supervisor.child(Layer.succeed(Mailer, { send: () => Effect.void }), { lateBound: [Mailer] })
//           ^? const inline: ChildSpec.ChildSpec<Mailer, never, never>

export const startIf = Supervisor.child(newsletter, { startIf: Effect.zipRight(Pool, Config.boolean("A")) })
same<typeof startIf, ChildSpec.ChildSpec<never, Offline | ConfigError.ConfigError, Mailer | Pool>>(true)
export const startIfInline = Supervisor.child(Layer.provide(newsletter, Mailer.layer), { startIf: Config.boolean("A") })
same<typeof startIfInline, ChildSpec.ChildSpec<never, Offline | ConfigError.ConfigError, Repo>>(true)

// options that came from elsewhere
export const passed = (options: ChildSpec.Options) => Supervisor.child(Repo.layer, { ...options, id: "repo" })
//           ^? const passed: (options: ChildSpec.Options) => ChildSpec.ChildSpec<Repo, never, never>

// the failure of a worker is a crash, and its Scope is its own
export const worker = Supervisor.worker(
  //         ^? const worker: ChildSpec.ChildSpec<never, never, Mailer>
  "worker",
  Effect.gen(function* () {
    yield* Effect.addFinalizer(() => Effect.void)
    yield* Effect.ignore((yield* Mailer).send("a"))
    return yield* Effect.fail("no")
  })
)
export const workerIf = Supervisor.worker("worker", Effect.never, {
  //         ^? const workerIf: ChildSpec.ChildSpec<never, ConfigError.ConfigError, Pool>
  restart: "temporary",
  significant: true,
  startIf: Effect.zipRight(Pool, Config.boolean("A"))
})
export const withOptions = Supervisor.layer({
  //         ^? const withOptions: Layer.Layer<Repo | Mailer, Offline | ConfigError.ConfigError, Pool>
  children: [lateBound, everything, startIf, worker, workerIf],
  strategy: "one_for_all",
  intensity: { restarts: 1, within: "5 seconds" },
  backoff: Schedule.exponential("10 millis"),
  autoShutdown: "all_significant"
})

// -- supervisors ------------------------------------------------------------------------------------------------------

export class Workers extends Supervisor.Service<Workers>()("@app/Workers") {
  static readonly live = this.layer({ children: [Mailer.layer, newsletter, Room.layer("a"), Desk.layer] })
}
same<typeof Workers.live, Layer.Layer<Workers | Mailer | Room | Desk, Offline, Repo>>(true)
export const byName = Workers.byName
//           ^? const byName: Layer.Layer<Workers, never, never>
export const ref = Effect.map(Workers, (ref) => ref)
//           ^? const ref: Effect.Effect<GenServer.ServerRef<Workers>, never, Workers>

// its children may ask it
export const asked = Workers.layer({ children: [Supervisor.worker("ask", Supervisor.countChildren(Workers)), worker] })
//           ^? const asked: Layer.Layer<Workers, never, Mailer>
export const askedByAnother = Supervisor.layer({ children: [Supervisor.worker("ask", Workers), Workers.live] })
same<Layer.Layer.Context<typeof askedByAnother>, Workers | Repo>(true)

// what is in a tree is provided by the tree
export const nested = Supervisor.layer({
  children: [
    Repo.layer,
    Supervisor.layer({ children: [Supervisor.child(Workers.live, { shutdown: "infinity" })] }),
    Lobby.layer
  ]
})
same<typeof nested, Layer.Layer<Repo | Workers | Mailer | Room | Desk | Lobby, Offline>>(true)
export const nestedInline = Supervisor.layer({
  children: [
    Supervisor.layer({ children: Effect.map(Pool, () => [Repo.layer]) }),
    Workers.layer({ children: [worker] })
  ]
})
same<typeof nestedInline, Layer.Layer<Repo | Workers, never, Pool | Mailer>>(true)

// -- what a supervisor is asked ---------------------------------------------------------------------------------------

export const started = Supervisor.startChild(Workers, Repo.layer)
same<
  typeof started,
  Effect.Effect<
    Context.Context<Repo>,
    Supervisor.AlreadyStarted | Supervisor.AlreadyPresent | Supervisor.FailedToStart | CallError,
    Workers
  >
>(true)
export const startedServer = Effect.map(Supervisor.startChild(Workers, Hashmap.layer()), (context) => context)
//                                                                                                    ^? (parameter) context: Context.Context<Hashmap>
export const startedWorker = Effect.map(
  Supervisor.startChild(Workers, Supervisor.worker("a", Effect.fail("no"))),
  (context) => context
  // ^? (parameter) context: Context.Context<never>
)
export const startedInline = Effect.map(
  Supervisor.startChild(Workers, Layer.provide(Mailer.layer, Repo.layer)),
  (context) => context
  // ^? (parameter) context: Context.Context<Mailer>
)
export const which = Supervisor.whichChildren(Workers)
//           ^? const which: Effect.Effect<readonly Supervisor.ChildInfo[], CallError, Workers>
export const counts = Supervisor.countChildren(Workers)
//           ^? const counts: Effect.Effect<Supervisor.Counts, CallError, Workers>
export const one = Supervisor.getChild(Workers, "a")
//           ^? const one: Effect.Effect<Supervisor.ChildInfo, CallError | Supervisor.NoSuchChild, Workers>
export const terminated = Supervisor.terminateChild(Workers, "a")
//           ^? const terminated: Effect.Effect<void, CallError | Supervisor.NoSuchChild, Workers>
export const restarted = Supervisor.restartChild(Workers, "a")
same<
  Effect.Effect.Error<typeof restarted>,
  Supervisor.NoSuchChild | Supervisor.ChildRunning | Supervisor.FailedToStart | Supervisor.AlreadyStarted | CallError
>(true)
export const deleted = Supervisor.deleteChild(Workers, "a")
same<Effect.Effect.Error<typeof deleted>, Supervisor.NoSuchChild | Supervisor.ChildRunning | CallError>(true)
export const end = Supervisor.awaitEnd(Workers)
same<typeof end, Effect.Effect<ExitReason, Supervisor.MaxRestartsExceeded | CallError, Workers>>(true)
export const stopped = Supervisor.stop(Workers)
//           ^? const stopped: Effect.Effect<void, CallError, Workers>
export const drawn = Supervisor.tree(Workers)
//           ^? const drawn: Effect.Effect<string, CallError, Workers>

// a supervisor is its tag, a ref, or any effect that finds one
declare const find: Effect.Effect<GenServer.ServerRef<Workers>, Offline, Repo>
export const found = Supervisor.countChildren(find)
same<typeof found, Effect.Effect<Supervisor.Counts, CallError | Offline, Repo>>(true)

// -- the program ------------------------------------------------------------------------------------------------------

export const program = Effect.provide(GenServer.call(Room, new Join({ who: "Joe" })), servers)
//           ^? const program: Effect.Effect<readonly string[], CallError, never>
