// What a user can get wrong about supervisors, and what the compiler says to it.
import { Context, DateTime, Effect, Layer, Stream } from "effect"
import type * as ChildSpec from "../src/ChildSpec.ts"
import * as GenServer from "../src/GenServer.ts"
import * as Supervisor from "../src/Supervisor.ts"
import { Get, Hashmap } from "./Hashmap.ts"
import { Lobby, Mailer, newsletter, Pool, Repo, Room } from "./Services.ts"

class Tick extends Context.Tag("Tick")<Tick, Effect.Effect<void>>() {}
class Format extends Context.Tag("Format")<Format, (n: number) => Effect.Effect<number>>() {}
class Maybe extends Context.Tag("Maybe")<Maybe, { readonly flush?: Effect.Effect<void> }>() {}
class Workers extends Supervisor.Service<Workers>()("@app/Workers") {}

// -- what is left over ------------------------------------------------------------------------------------------------

// @expect-error: Type 'Repo' is not assignable to type 'never'
export const order = Effect.runPromise(Layer.launch(Supervisor.layer({ children: [Mailer.layer, Repo.layer] })))

export const provided = Effect.runPromise(
  // @expect-error: Type 'Repo' is not assignable to type 'never'
  Effect.provide(Hashmap.get("a"), Supervisor.layer({ children: [Mailer.layer, Hashmap.layer(), Repo.layer] }))
)

export const made = Effect.runPromise(
  // @expect-error: Type 'Mailer' is not assignable to type 'never'
  Layer.launch(Supervisor.layer({ children: Effect.map(DateTime.now, () => [Repo.layer, newsletter, Mailer.layer]) }))
)

export const server = Effect.runPromise(
  // @expect-error: Type 'Repo' is not assignable to type 'never'
  Layer.launch(Supervisor.layer({ children: [Room.layer("a")] }))
)

export const worker = Effect.runPromise(
  // @expect-error: Type 'Mailer' is not assignable to type 'never'
  Layer.launch(Supervisor.layer({ children: [Supervisor.worker("mail", Mailer), Repo.layer, Mailer.layer] }))
)

export const inATree = Effect.runPromise(
  // @expect-error: Type 'Mailer' is not assignable to type 'never'
  Layer.launch(Supervisor.layer({ children: [Repo.layer, Supervisor.layer({ children: [newsletter] }), Mailer.layer] }))
)

export const condition = Effect.runPromise(
  // @expect-error: Type 'Pool' is not assignable to type 'never'
  Layer.launch(Supervisor.layer({ children: [Supervisor.child(Layer.empty, { startIf: Effect.as(Pool, true) })] }))
)

// @expect-error: Type 'Repo' is not assignable to type 'never'
export const annotated: Layer.Layer<Mailer> = Supervisor.layer({ children: [Mailer.layer] })

// -- what is no child -------------------------------------------------------------------------------------------------

// @expect-error: Type '(name: string, _capacity?: number | undefined) => Layer<Room, never, Repo>' is not assignable to type 'Child'
export const uncalled = Supervisor.layer({ children: [Repo.layer, Room.layer] })

// @expect-error: Type '(initial?: HashMap<string, unknown> | undefined) => Layer<Hashmap, never, never>' is not assignable to type 'Child'
export const uncalledOptional = Supervisor.layer({ children: [Hashmap.layer] })

// @expect-error: Type '(name: string, _capacity?: number | undefined) => Layer<Room, never, Repo>' is not assignable to type 'Child'
export const uncalledMade = Supervisor.layer({ children: Effect.map(DateTime.now, () => [Repo.layer, Room.layer]) })

// @expect-error: is not assignable to parameter of type 'Layer<any, unknown, unknown>'
export const uncalledChild = Supervisor.child(Room.layer, { restart: "transient" })

// @expect-error: is not assignable to parameter of type
// @expect-error: Layer<unknown, unknown, never> | ChildSpec<unknown, unknown, never>
export const uncalledStart = Supervisor.startChild(Workers, Room.layer)

// @expect-error: Argument of type 'number' is not assignable to parameter of type 'string'
export const wrongArgument = Supervisor.layer({ children: [Room.layer(1)] })

// @expect-error: Type 'typeof Repo' is not assignable to type 'Child'
export const tag = Supervisor.layer({ children: [Repo] })

// @expect-error: Type 'Effect<never, never, never>' is not assignable to type 'Child'
export const effect = Supervisor.layer({ children: [Effect.never] })

// @expect-error: Type 'Layer<Repo, never, never>' is not assignable to type 'readonly [] | readonly Child[] | Effect<
export const noList = Supervisor.layer({ children: Repo.layer })

// @expect-error: Argument of type 'typeof Repo' is not assignable to parameter of type 'Layer<any, unknown, unknown>'
export const tagAsChild = Supervisor.child(Repo, {})

// @expect-error: Argument of type 'Layer<Repo, never, never>' is not assignable to parameter of type 'Effect<unknown, unknown, unknown>'
export const layerAsWorker = Supervisor.worker("repo", Repo.layer)

// @expect-error: Expected 2-3 arguments, but got 1
export const workerWithoutId = Supervisor.worker(Effect.never)

// -- options of supervisors -------------------------------------------------------------------------------------------

// @expect-error: Type '"one_for_two"' is not assignable to type 'Strategy | undefined'. Did you mean '"one_for_one"'?
export const strategy = Supervisor.layer({ strategy: "one_for_two", children: [] })

// @expect-error: Type '"any"' is not assignable to type 'AutoShutdown | undefined'
export const autoShutdown = Supervisor.layer({ autoShutdown: "any", children: [] })

// @expect-error: Property 'within' is missing in type '{ restarts: number; }' but required in type 'Intensity'
export const intensity = Supervisor.layer({ children: [], intensity: { restarts: 1 } })

// @expect-error: 'child' does not exist in type 'Options<
export const misspelt = Supervisor.layer({ child: [] })

// @expect-error: 'max_restarts' does not exist in type 'Options<
export const unknownOption = Workers.layer({ children: [], max_restarts: 1 })

// @expect-error: "Missing `Self` generic - use `class Self extends Supervisor.Service<Self>()...`"
export class Forgotten extends Supervisor.Service()("@app/Forgotten") {}

// -- options of children ----------------------------------------------------------------------------------------------

// @expect-error: 'restarts' does not exist in type 'ChildOptions<[], Repo, never, never, "permanent">'. Did you mean to write 'restart'?
export const unknownChildOption = Supervisor.child(Repo.layer, { restarts: "transient" })

// @expect-error: 'id' does not exist in type 'WorkerOptions<never, never, "permanent">'
export const idOfWorker = Supervisor.worker("a", Effect.never, { id: "b" })

// @expect-error: Type '"always"' is not assignable to type 'Restart | undefined'
export const restart = Supervisor.child(Repo.layer, { restart: "always" })

// also where an inner call has to be made first
// @expect-error: Type '"always"' is not assignable to type 'Restart | undefined'
export const restartInline = Supervisor.child(Layer.provide(Mailer.layer, Repo.layer), { restart: "always" })

// @expect-error: Type '"always"' is not assignable to type 'Restart | undefined'
export const restartOfWorker = Supervisor.worker("a", Effect.never, { restart: "always" })

// @expect-error: Type '"forever"' is not assignable to type 'Shutdown | undefined'
export const shutdown = Supervisor.child(Repo.layer, { shutdown: "forever" })

// @expect-error: Refused<"a significant child must be transient or temporary: a permanent one never ends for good">
export const significant = Supervisor.child(Repo.layer, { significant: true })

// @expect-error: Type 'true' is not assignable to type 'false | Refused<"a significant child must be transient or temporary: a permanent one never ends for good"> | undefined'
export const significantPermanent = Supervisor.child(Repo.layer, { restart: "permanent", significant: true })

// @expect-error: Refused<"a significant child must be transient or temporary: a permanent one never ends for good">
export const significantWorker = Supervisor.worker("a", Effect.never, { significant: true })

export const notSignificant = Supervisor.child(Repo.layer, { restart: "permanent", significant: false })

// @expect-error: required in type 'Refused<"a child that provides something cannot be left out">'
export const startIf = Supervisor.child(Repo.layer, { startIf: Effect.succeed(true) })

// @expect-error: required in type 'Refused<"a child that provides something cannot be left out">'
export const startIfServer = Supervisor.child(Lobby.layer, { startIf: Effect.succeed(true) })

// @expect-error: required in type 'Refused<"a child that provides something cannot be left out">'
export const startIfInline = Supervisor.child(Layer.succeed(Tick, Effect.void), { startIf: Effect.succeed(true) })

// @expect-error: Type 'boolean' is not assignable to type 'Effect<boolean, never, never>'
export const startIfPlain = Supervisor.child(newsletter, { startIf: true })

// @expect-error: Type 'number' is not assignable to type 'boolean'
export const startIfNumber = Supervisor.child(newsletter, { startIf: Effect.succeed(1) })

// @expect-error: Type 'string' is not assignable to type 'boolean | undefined'
export const watch = Supervisor.child(Repo.layer, { watch: "yes" })

// @expect-error: "the member size is no Effect, no Stream and no function that returns one"
// @expect-error: "the member url is no Effect, no Stream and no function that returns one"
export const lateBoundMember = Supervisor.child(Pool.layer, { lateBound: [Pool] })

// @expect-error: "the member flush is no Effect, no Stream and no function that returns one"
export const lateBoundOptional = Supervisor.child(Layer.succeed(Maybe, {}), { lateBound: [Maybe] })

// @expect-error: Refused<"the child does not provide this service">
export const lateBoundElsewhere = Supervisor.child(Mailer.layer, { lateBound: [Mailer, Repo] })

// @expect-error: Refused<"the child does not provide this service">
export const lateBoundNothing = Supervisor.child(newsletter, { lateBound: [Mailer] })

// @expect-error: Refused<"the child does not provide this service">
export const lateBoundInline = Supervisor.child(Layer.provide(Mailer.layer, Repo.layer), { lateBound: [Repo] })

// @expect-error: Refused<"its members are what is asked anew, and this service is itself an Effect, a Stream or a function">
export const lateBoundServer = Supervisor.child(Hashmap.layer(), { lateBound: [Hashmap] })

// @expect-error: Refused<"its members are what is asked anew, and this service is itself an Effect, a Stream or a function">
export const lateBoundEffect = Supervisor.child(Layer.succeed(Tick, Effect.void), { lateBound: [Tick] })

// @expect-error: Refused<"its members are what is asked anew, and this service is itself an Effect, a Stream or a function">
export const lateBoundFunction = Supervisor.child(Layer.succeed(Format, Effect.succeed), { lateBound: [Format] })

// @expect-error: Refused<"not a tag">
export const lateBoundKey = Supervisor.child(Repo.layer, { lateBound: ["Repo"] })

// @expect-error: Type 'typeof Repo' is not assignable to type 'readonly unknown[] & readonly Refused<"not a tag">[]'
export const lateBoundNoList = Supervisor.child(Repo.layer, { lateBound: Repo })

// -- what a supervisor is asked ---------------------------------------------------------------------------------------

// @expect-error: Argument of type 'Layer<Mailer, never, Repo>' is not assignable to parameter of type 'Layer<Mailer, never, never> | ChildSpec<Mailer, never, never>'
// @expect-error: Type 'Repo' is not assignable to type 'never'
export const start = Supervisor.startChild(Workers, Mailer.layer)

// @expect-error: Type 'Mailer' is not assignable to type 'never'
export const startWorker = Supervisor.startChild(Workers, Supervisor.worker("mail", Mailer))

// what the caller has does not help
export const startWithin = Effect.gen(function* () {
  yield* Repo
  // @expect-error: Type 'Repo' is not assignable to type 'never'
  return yield* Supervisor.startChild(Workers, Room.layer("a"))
})

// @expect-error: Argument of type 'typeof Repo' is not assignable to parameter of type 'Effect<ServerRef<unknown>, never, Repo>'
export const noSupervisor = Supervisor.countChildren(Repo)

// @expect-error: Argument of type 'string' is not assignable to parameter of type 'Effect<ServerRef<unknown>, unknown, unknown>'
export const byId = Supervisor.whichChildren("Workers")

// @expect-error: Type 'Workers' is not assignable to type 'never'
export const notThere = Effect.runPromise(Supervisor.countChildren(Workers))

// @expect-error: to parameter of type 'Refused<"the protocol has no Call">'
export const called = GenServer.call(Workers, new Get({ key: "a" }))

// -- what is made by hand ---------------------------------------------------------------------------------------------

// @expect-error: is missing in type '{ id: string; }' but required in type 'ChildSpec<never, never, never>'
export const spec: ChildSpec.ChildSpec<never> = { id: "a" }

export const stream = Supervisor.layer({
  // @expect-error: Type 'Stream<never, never, never>' is not assignable to type 'Child'
  children: [Stream.empty]
})
