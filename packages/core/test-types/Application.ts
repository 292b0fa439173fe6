// Programs: what launching one requires and fails with, and what its callbacks may use.
import { Config, ConfigProvider, Console, DateTime, Effect, Layer } from "effect"
import * as Application from "../src/Application.ts"
import type { ServerDown } from "../src/CallError.ts"
import * as GenServer from "../src/GenServer.ts"
import * as Supervisor from "../src/Supervisor.ts"
import { Get, Hashmap } from "./Hashmap.ts"
import { Desk, Lobby, Mailer, newsletter, Pool, Repo, Room } from "./Services.ts"
import { same } from "./same.ts"

/** Takes what `NodeRuntime.runMain` takes. */
const runMain = <E, A>(_effect: Effect.Effect<A, E>): void => {}

// -- the program ------------------------------------------------------------------------------------------------------

export const App = Application.make({ name: "App", children: [Repo.layer, Mailer.layer, newsletter] })
//           ^? const App: Application.Application<Repo | Mailer, Offline, never, "App">
export const layer = App.layer
//                       ^? (property) Application<Repo | Mailer, Offline, never, "App">.layer: Layer.Layer<Repo | Mailer | Application.TopSupervisor<"App">, Offline, never>
export const launch = App.launch
//                        ^? (property) Application<Repo | Mailer, Offline, never, "App">.launch: Effect.Effect<void, Application.ApplicationFailed, never>
export const top = App.supervisor
//           ^? const top: Supervisor.ServiceClass<Application.TopSupervisor<"App">, string>
runMain(App.launch)
runMain(Effect.provide(Effect.zip(Repo, Mailer), App.layer))

// what its children did not find, the program asks for
export const Part = Application.make({
  name: "Part",
  strategy: "rest_for_one",
  intensity: { restarts: 1, within: "5 seconds" },
  shutdownTimeout: "10 seconds",
  children: [Mailer.layer, Supervisor.worker("pool", Pool), Room.layer("a"), Desk.layer]
})
same<typeof Part, Application.Application<Mailer | Room | Desk, never, Repo | Pool, "Part">>(true)
same<typeof Part.launch, Effect.Effect<void, Application.ApplicationFailed, Repo | Pool>>(true)
same<typeof Part.layer, Layer.Layer<Mailer | Room | Desk | Application.TopSupervisor<"Part">, never, Repo | Pool>>(true)
runMain(Effect.provide(Part.launch, Layer.merge(Repo.layer, Pool.layer)))

export const none = Application.make({ name: "None", children: [], shutdownTimeout: "infinity" })
//           ^? const none: Application.Application<never, never, never, "None">

export const Made = Application.make({
  //         ^? const Made: Application.Application<Mailer | Repo, ConfigError, Hashmap, "Made">
  name: "Made",
  children: Effect.gen(function* () {
    const name = yield* Config.string("NAME")
    yield* Effect.ignore(GenServer.call(Hashmap, new Get({ key: name })))
    return [Repo.layer, Mailer.layer]
  })
})

// its top supervisor may be asked, also by its children
export const asked = Effect.provide(Supervisor.countChildren(App.supervisor), App.layer)
same<Effect.Effect.Context<typeof asked>, never>(true)
export const askedByAnother = Application.make({
  //         ^? const askedByAnother: Application.Application<never, never, Application.TopSupervisor<"App">, "Another">
  name: "Another",
  children: [Supervisor.worker("ask", Supervisor.countChildren(App.supervisor))]
})
declare const itself: Supervisor.ServiceClass<Application.TopSupervisor<"Asked">, string>
export const askedByItself = Application.make({
  //         ^? const askedByItself: Application.Application<never, never, never, "Asked">
  name: "Asked",
  children: [Supervisor.worker("ask", Supervisor.countChildren(itself))]
})
// one whose name is not known
export const any = (name: string) => Application.make({ name, children: [Repo.layer] })
same<ReturnType<typeof any>, Application.Application<Repo, never, never, string>>(true)
// written without a name, it is an application of whatever name
export const written: Application.Application<never, never, never> = askedByItself

export const nested = Application.make({
  //         ^? const nested: Application.Application<Repo | Pool, Offline, never, "Nested">
  name: "Nested",
  children: [
    Pool.layer,
    Supervisor.layer({
      children: [Repo.layer, Supervisor.layer({ children: [Layer.provide(newsletter, Mailer.layer)] })]
    })
  ]
})

export const changed = App.changeConfig(ConfigProvider.fromMap(new Map()))
same<typeof changed, Effect.Effect<void, ServerDown>>(true)

// -- its callbacks ----------------------------------------------------------------------------------------------------

// before the end and at a change the children are there; after the end they are not
export const Callbacks = Application.make({
  //         ^? const Callbacks: Application.Application<Repo | Mailer, never, Repo | Hashmap | Pool | Lobby, "Callbacks">
  name: "Callbacks",
  children: [Repo.layer, Mailer.layer],
  prepStop: Effect.gen(function* () {
    yield* Effect.ignore((yield* Mailer).send("Joe"))
    yield* Hashmap
    return { mailed: 1 }
  }),
  stop: ({ prepared, report }) =>
    //     ^? (parameter) prepared: Option<{ mailed: number; }>
    Effect.zipRight(Effect.zip(Repo, Pool), Console.log(prepared, report)),
  configChange: ({ changed }) =>
    //             ^? (parameter) changed: ReadonlyMap<string, string>
    Effect.zipRight(Effect.zip(Mailer, Lobby), Console.log(changed))
})

export const prepared = [
  Application.make({
    name: "A",
    children: [],
    prepStop: Mailer.pipe(Effect.flatMap(({ send }) => send("Joe")), Effect.as(1)),
    stop: ({ prepared }) => Effect.log(prepared)
    //       ^? (parameter) prepared: Option<number>
  }),
  Application.make({
    name: "A",
    children: [],
    stop: ({ prepared }) => Effect.log(prepared)
    //       ^? (parameter) prepared: Option<unknown>
  }),
  // The compiler looks into `Effect.as(effect, value)` when `stop` has been looked at. Then its type has to be said.
  Application.make({
    name: "A",
    children: [],
    prepStop: Effect.as(Mailer, 1),
    stop: ({ prepared }) => Effect.log(prepared)
    //       ^? (parameter) prepared: Option<unknown>
  }),
  Application.make({
    name: "A",
    children: [],
    prepStop: Effect.as(Mailer, 1),
    stop: ({ prepared }: Application.Stopped<number>) => Effect.log(prepared)
    //       ^? (parameter) prepared: Option<number>
  })
] as const
same<Layer.Layer.Context<(typeof prepared)[2]["layer"]>, Mailer>(true)

// -- what can be got wrong --------------------------------------------------------------------------------------------

const Backwards = Application.make({ name: "Backwards", children: [newsletter, Mailer.layer, Repo.layer] })

// @expect-error: Argument of type 'Effect<void, ApplicationFailed, Repo | Mailer>' is not assignable to parameter of type 'Effect<void, ApplicationFailed, never>'
// @expect-error: Type 'Repo' is not assignable to type 'never'
runMain(Backwards.launch)

const BackwardsMade = Application.make({
  name: "BackwardsMade",
  children: Effect.map(DateTime.now, () => [Repo.layer, newsletter, Mailer.layer])
})
// @expect-error: Type 'Mailer' is not assignable to type 'never'
runMain(BackwardsMade.launch)

// @expect-error: Type 'Repo' is not assignable to type 'never'
runMain(Effect.provide(Effect.void, Application.make({ name: "A", children: [Room.layer("a"), Repo.layer] }).layer))

// `stop` comes after the children
// @expect-error: Type 'Repo' is not assignable to type 'never'
runMain(Application.make({ name: "A", children: [Repo.layer], stop: () => Repo }).launch)

// @expect-error: Type 'Hashmap' is not assignable to type 'never'
runMain(Application.make({ name: "A", children: [Repo.layer], prepStop: Effect.zip(Repo, Hashmap) }).launch)

// @expect-error: Type 'Hashmap' is not assignable to type 'never'
runMain(Application.make({ name: "A", children: [Repo.layer], configChange: () => Effect.zip(Repo, Hashmap) }).launch)

// @expect-error: Type '(name: string, _capacity?: number | undefined) => Layer<Room, never, Repo>' is not assignable to type 'Child'
export const uncalled = Application.make({ name: "A", children: [Repo.layer, Room.layer] })

// @expect-error: Property 'name' is missing in type '{ children: []; }' but required in type 'Options<
export const nameless = Application.make({ children: [] })

// @expect-error: Property 'children' is missing in type '{ name: "A"; }' but required in type 'Options<
export const childless = Application.make({ name: "A" })

// @expect-error: 'stopp' does not exist in type 'Options<
export const misspelt = Application.make({ name: "A", children: [], stopp: () => Effect.void })

// @expect-error: Type '"one_for_two"' is not assignable to type 'Strategy | undefined'
export const strategy = Application.make({ name: "A", children: [], strategy: "one_for_two" })

// @expect-error: Type '"soon"' is not assignable to type 'DurationInput | "infinity" | undefined'
export const shutdownTimeout = Application.make({ name: "A", children: [], shutdownTimeout: "soon" })

// @expect-error: is not assignable to type 'Effect<unknown, unknown, never>'
export const prepStopFunction = Application.make({ name: "A", children: [], prepStop: () => Effect.void })

// @expect-error: Type 'Effect<void, never, never>' is not assignable to type '(stopped: Stopped<
export const stopEffect = Application.make({ name: "A", children: [], stop: Effect.void })

// a change is told to somebody who copes with it
// @expect-error: Type 'string' is not assignable to type 'never'
export const configChange = Application.make({ name: "A", children: [], configChange: () => Effect.fail("no") })

// @expect-error: Type 'TopSupervisor<"App">' is not assignable to type 'never'
export const notThere = Effect.runPromise(Supervisor.whichChildren(App.supervisor))

// @expect-error: Type 'TopSupervisor<"App">' is not assignable to type 'never'
export const another = Effect.runPromise(Effect.provide(Supervisor.whichChildren(App.supervisor), none.layer))

// @expect-error: Argument of type '{}' is not assignable to parameter of type 'ConfigProvider'
export const noProvider = App.changeConfig({})
