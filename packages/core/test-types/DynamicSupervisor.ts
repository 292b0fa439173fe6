// Children that come and go: which there may be, with which arguments, and what talks to them.
import { Effect, Layer, Schedule } from "effect"
import type { CallError } from "../src/CallError.ts"
import * as DynamicSupervisor from "../src/DynamicSupervisor.ts"
import type { ExitReason } from "../src/ExitReason.ts"
import * as GenServer from "../src/GenServer.ts"
import * as Supervisor from "../src/Supervisor.ts"
import { Hashmap } from "./Hashmap.ts"
import { Desk, Join, Lobby, Mailer, type Refusal, Repo, Room, Size } from "./Services.ts"
import { same } from "./same.ts"

export class Rooms extends DynamicSupervisor.Service<Rooms>()("@app/Rooms", { children: [Room, Lobby, Hashmap] }) {}
class Empty extends DynamicSupervisor.Service<Empty>()("@app/Empty", { children: [] }) {}
class Bare extends GenServer.Service<Bare>()("@app/Bare", { messages: [Join] }) {}

// -- the layer requires what the children require ---------------------------------------------------------------------

export const layer = Rooms.layer()
//           ^? const layer: Layer.Layer<Rooms, never, Repo | Mailer>
export const withOptions = Rooms.layer({
  //         ^? const withOptions: Layer.Layer<Rooms, never, Repo | Mailer>
  intensity: { restarts: 100, within: "1 second" },
  backoff: Schedule.spaced("1 second"),
  maxChildren: 1000
})
export const empty = Empty.layer()
//           ^? const empty: Layer.Layer<Empty, never, never>
export const byName = Rooms.byName
//           ^? const byName: Layer.Layer<Rooms, never, never>
export const supervised = Supervisor.layer({ children: [Repo.layer, Mailer.layer, Rooms.layer()] })
//           ^? const supervised: Layer.Layer<Repo | Mailer | Rooms, never, never>

export class Front extends DynamicSupervisor.Service<Front>()("@app/Front", { children: [Desk] }) {
  static readonly open = DynamicSupervisor.startChild(this, Desk, [])
  static readonly live = this.layer({ maxChildren: 3 })
  //              ^? (property) Front.live: Layer.Layer<Front, never, Mailer>
}
same<Effect.Effect.Context<typeof Front.open>, Front>(true)

// Children that start others of their kind: the compiler goes in a circle unless the layer's type is said.
class Branch extends GenServer.Service<Branch>()("@app/Branch", { messages: [Join] }) {
  static readonly layer: (depth: number) => Layer.Layer<Branch, never, Branches | Repo> = this.toLayer(
    (depth: number) => Effect.as(Repo, depth),
    {
      handleCall: {
        Join: (_, depth) =>
          DynamicSupervisor.startChild(Branches, Branch, [depth + 1]).pipe(
            Effect.orDie,
            Effect.as(GenServer.reply([], depth))
          )
      }
    }
  )
}
class Branches extends DynamicSupervisor.Service<Branches>()("@app/Branches", { children: [Branch] }) {}
export const branches = Branches.layer()
//           ^? const branches: Layer.Layer<Branches, never, Repo>

// -- starting ---------------------------------------------------------------------------------------------------------

export const room = DynamicSupervisor.startChild(Rooms, Room, ["kitchen", 10])
same<
  typeof room,
  Effect.Effect<
    GenServer.ServerRef<Room>,
    DynamicSupervisor.FailedToStart | DynamicSupervisor.MaxChildren | CallError,
    Rooms
  >
>(true)
export const lobby = Effect.map(DynamicSupervisor.startChild(Rooms, Lobby, [], { restart: "temporary" }), (ref) => ref)
//                                                                                                         ^? (parameter) ref: GenServer.ServerRef<Lobby>
export const table = Effect.map(DynamicSupervisor.startChild(Rooms, Hashmap, []), (ref) => ref)
//                                                                                 ^? (parameter) ref: GenServer.ServerRef<Hashmap>

export const program = Effect.gen(function* () {
  const kitchen = yield* DynamicSupervisor.startChild(Rooms, Room, ["kitchen"], { shutdown: "brutal" })
  //    ^? const kitchen: GenServer.ServerRef<Room>
  const present = yield* GenServer.call(kitchen, new Join({ who: "Joe" }))
  //    ^? const present: readonly string[]
  yield* DynamicSupervisor.terminateChild(Rooms, kitchen)
  for (const { ref, restart, status } of yield* DynamicSupervisor.whichChildren(Rooms)) {
    //         ^? const ref: GenServer.ServerRef<unknown>
    if (status === "running" && restart === "transient") yield* DynamicSupervisor.terminateChild(Rooms, ref)
  }
  return present
})
same<
  typeof program,
  Effect.Effect<
    ReadonlyArray<string>,
    DynamicSupervisor.FailedToStart | DynamicSupervisor.MaxChildren | DynamicSupervisor.NoSuchChild | CallError,
    Rooms
  >
>(true)
export const size = Effect.flatMap(lobby, (ref) => GenServer.call(ref, new Size()))
same<Effect.Effect.Success<typeof size>, number>(true)
same<Extract<Effect.Effect.Error<typeof size>, Refusal>, Refusal>(true)

// the supervisor may come from anywhere
declare const find: Effect.Effect<GenServer.ServerRef<Rooms>, "gone", Mailer>
export const elsewhere = DynamicSupervisor.startChild(find, Lobby, [])
same<Effect.Effect.Context<typeof elsewhere>, Mailer>(true)
same<Extract<Effect.Effect.Error<typeof elsewhere>, string>, "gone">(true)

export const counts = DynamicSupervisor.countChildren(Rooms)
//           ^? const counts: Effect.Effect<DynamicSupervisor.Counts, CallError, Rooms>
export const end = DynamicSupervisor.awaitEnd(Rooms)
same<typeof end, Effect.Effect<ExitReason, DynamicSupervisor.MaxRestartsExceeded | CallError, Rooms>>(true)
export const stopped = DynamicSupervisor.stop(Rooms)
//           ^? const stopped: Effect.Effect<void, CallError, Rooms>

// -- what can be got wrong --------------------------------------------------------------------------------------------

// @expect-error: Argument of type '[]' is not assignable to parameter of type 'readonly [name: string, _capacity?: number | undefined]'
export const tooFew = DynamicSupervisor.startChild(Rooms, Room, [])

// @expect-error: Type 'number' is not assignable to type 'string'
export const wrongArgument = DynamicSupervisor.startChild(Rooms, Room, [1])

// @expect-error: Argument of type '[number]' is not assignable to parameter of type 'readonly []'
export const tooMany = DynamicSupervisor.startChild(Rooms, Lobby, [1])

// @expect-error: Argument of type 'string' is not assignable to parameter of type 'readonly [name: string, _capacity?: number | undefined]'
export const noList = DynamicSupervisor.startChild(Rooms, Room, "kitchen")

// @expect-error: Expected 3-4 arguments, but got 2
export const noArguments = DynamicSupervisor.startChild(Rooms, Lobby)

// @expect-error: Argument of type 'typeof Room' is not assignable to parameter of type 'typeof Desk'
export const wrongKind = DynamicSupervisor.startChild(Front, Room, ["kitchen"])

// @expect-error: Argument of type 'Layer<Desk, never, Mailer>' is not assignable to parameter of type 'typeof Desk'
export const layerForKind = DynamicSupervisor.startChild(Front, Desk.layer, [])

// @expect-error: Refused<"the supervisor declares no kinds of children">
export const noKinds = DynamicSupervisor.startChild(Empty, Room, ["kitchen"])

// @expect-error: Refused<"not a DynamicSupervisor">
export const noSupervisor = DynamicSupervisor.startChild(Hashmap, Room, ["kitchen"])

// @expect-error: Type '"never"' is not assignable to type 'Restart | undefined'
export const restart = DynamicSupervisor.startChild(Rooms, Lobby, [], { restart: "never" })

// @expect-error: 'id' does not exist in type 'ChildOptions'
export const id = DynamicSupervisor.startChild(Rooms, Lobby, [], { id: "lobby" })

// @expect-error: 'strategy' does not exist in type 'Options'
export const strategy = Rooms.layer({ strategy: "one_for_all" })

// @expect-error: Type 'string' is not assignable to type 'number'
export const maxChildren = Rooms.layer({ maxChildren: "10" })

// @expect-error: Argument of type 'typeof Room' is not assignable to parameter of type 'ServerRef<unknown>'
export const terminateKind = DynamicSupervisor.terminateChild(Rooms, Room)

export const otherProtocol = Effect.flatMap(room, (ref) =>
  // @expect-error: Argument of type 'Size' is not assignable to parameter of type 'Join'
  GenServer.call(ref, new Size())
)

// @expect-error: Type 'Repo' is not assignable to type 'never'
export const unmet = Effect.runPromise(Effect.provide(program, Rooms.layer()))

export const unmetInATree = Effect.runPromise(
  // @expect-error: Type 'Mailer' is not assignable to type 'never'
  Layer.launch(Supervisor.layer({ children: [Repo.layer, Rooms.layer(), Mailer.layer] }))
)

// @expect-error: Property 'layer' is missing in type 'typeof Bare' but required in type 'HasLayer<never>'
export class WithoutLayer extends DynamicSupervisor.Service<WithoutLayer>()("@app/A", { children: [Bare] }) {}

// @expect-error: is not assignable to type 'Kind'
export class OfLayers extends DynamicSupervisor.Service<OfLayers>()("@app/A", { children: [Lobby.layer] }) {}

// @expect-error: Type 'typeof Lobby' is missing the following properties from type 'readonly Kind[]'
export class NoList extends DynamicSupervisor.Service<NoList>()("@app/A", { children: Lobby }) {}

// @expect-error: "Missing `Self` generic - use `class Self extends DynamicSupervisor.Service<Self>()...`"
export class Forgotten extends DynamicSupervisor.Service()("@app/A", { children: [Lobby] }) {}
