/**
 * A process that starts other processes, restarts them when they end, and stops them in order.
 *
 * A supervisor is a Layer made of Layers: it is given a list of children and starts them one after the other, each with
 * what the earlier ones provide. It provides what its children provide, so the rest of a program does not see that they
 * are supervised. What survives a crash is the child's place: refs stay good, and so do names.
 *
 * **When to use it.** For everything that lives as long as the program, or as long as a part of it: servers, pools,
 * pollers, subscriptions. **When not.** For work that somebody waits for and whose failure is an answer: that is an
 * Effect with a typed error.
 *
 * @example
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { GenServer, Supervisor } from "@effect-otp/core"
 *
 * class Next extends GenServer.Call<Next>()("Next", { success: Schema.Number }) {}
 *
 * class Counter extends GenServer.Service<Counter>()("@app/Counter", { messages: [Next] }) {
 *   static readonly next = GenServer.call(this, new Next())
 *   static readonly layer = this.toLayer(() => 1, {
 *     handleCall: { Next: (_, count) => GenServer.reply(count, count + 1) }
 *   })
 * }
 *
 * const program = Effect.gen(function* () {
 *   console.log(yield* Counter.next) // => 1
 *   console.log(yield* Counter.next) // => 2
 *   // Whatever a permanent child ends for, it is started again, with a fresh state.
 *   yield* GenServer.stop(Counter)
 *   console.log(yield* Counter.next) // => 1
 * })
 *
 * const children = Supervisor.layer({ strategy: "one_for_one", children: [Counter.layer] })
 * await Effect.runPromise(Effect.provide(program, children))
 * ```
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { CallError } from "./CallError.ts"
import type * as ChildSpec from "./ChildSpec.ts"
import type { ExitReason } from "./ExitReason.ts"
import { type ServerRef, type StopOptions, stop as stopServer } from "./GenServer.ts"
import * as calling from "./internal/calling.ts"
import { processName } from "./internal/definition.ts"
import { ordersOf, supervisorOptions } from "./internal/orders.ts"
import { draw } from "./internal/outline.ts"
import type { Refused, Settled } from "./internal/refused.ts"
import { byName } from "./internal/service.ts"
import { checkOptions, childSpec, specOf, workerSpec } from "./internal/spec.ts"
import * as internal from "./internal/supervisor.ts"
import { awaitEnd as awaitEndOf } from "./internal/supervisorEnd.ts"
import type {
  AlreadyPresent,
  AlreadyStarted,
  ChildRunning,
  FailedToStart,
  MaxRestartsExceeded,
  NoSuchChild
} from "./SupervisorError.ts"

export {
  AlreadyPresent,
  AlreadyStarted,
  ChildRunning,
  FailedToStart,
  MaxRestartsExceeded,
  NoSuchChild
} from "./SupervisorError.ts"

// ---------------------------------------------------------------------------------------------------------------------
// Children
// ---------------------------------------------------------------------------------------------------------------------

/**
 * How a child that is a Layer is looked after.
 *
 * @category children
 */
export interface ChildOptions<
  Late extends ReadonlyArray<unknown>,
  ROut,
  E,
  R,
  Restarted extends ChildSpec.Restart = ChildSpec.Restart
> extends ChildSpec.Options<Restarted> {
  /**
   * Tags of services that others get through the child's place: what they are given asks, at each use, the child that
   * runs then, and dies with `ServerDown` while there is none. For services whose members are Effects, Streams, or
   * functions that return one. Without it, others keep the service that they were given, also when its child has been
   * restarted.
   */
  readonly lateBound?: (Late & ChildSpec.LateBound<Late, ROut>) | undefined
  /**
   * Asked at each start. `false` leaves the child out, as OTP's `ignore` does (`SUP-7`); only for children that provide
   * nothing.
   */
  readonly startIf?:
    | (unknown extends ROut
        ? Effect.Effect<boolean, E, R>
        : [ROut] extends [never]
          ? Effect.Effect<boolean, E, R>
          : Refused<"a child that provides something cannot be left out">)
    | undefined
  /**
   * Whether a fiber that the layer has forked and that ends by an error is the child's crash. `true` by default.
   */
  readonly watch?: boolean | undefined
}

/**
 * A Layer as a child, with what there is to say about it. A Layer in the list by itself is a child with the defaults.
 *
 * An unknown option, or one that makes no sense, throws.
 *
 * @category children
 */
export const child = <
  // Until the compiler has come to an inner call, as in `child(Layer.provide(a, b), …)`, it takes the defaults. By them
  // any Layer is right, so that a wrong option is what it speaks of.
  // biome-ignore lint/suspicious/noExplicitAny: what a Layer provides is contravariant
  ROut = any,
  E = unknown,
  RIn = unknown,
  const Late extends ReadonlyArray<unknown> = [],
  E2 = never,
  R2 = never,
  Restarted extends ChildSpec.Restart = "permanent"
>(
  layer: Layer.Layer<ROut, E, RIn>,
  options: ChildOptions<Late, ROut, E2, R2, Restarted>
): ChildSpec.ChildSpec<ROut, E | Settled<E2>, RIn | Settled<R2>> =>
  // What a child provides, fails with and requires exists only in types.
  childSpec(layer, options) as never

/**
 * How a child that is an Effect is looked after.
 *
 * @category children
 */
export interface WorkerOptions<E, R, Restarted extends ChildSpec.Restart = ChildSpec.Restart>
  extends Omit<ChildSpec.Options<Restarted>, "id"> {
  /** Asked at each start. `false` leaves the child out, as OTP's `ignore` does (`SUP-7`). */
  readonly startIf?: Effect.Effect<boolean, E, R> | undefined
}

/**
 * An Effect as a child: it runs in a fiber of its own, in a Scope that is closed when it ends. Its success is the end
 * `normal`, after which a `permanent` child, which it is by default, runs again; its failure is a crash.
 *
 * @category children
 */
export const worker = <E, R, E2 = never, R2 = never, Restarted extends ChildSpec.Restart = "permanent">(
  id: string,
  effect: Effect.Effect<unknown, E, R>,
  options: WorkerOptions<E2, R2, Restarted> = {}
): ChildSpec.ChildSpec<never, Settled<E2>, Exclude<R, Scope.Scope> | Settled<R2>> =>
  workerSpec(id, effect, options) as never

// ---------------------------------------------------------------------------------------------------------------------
// Supervisors
// ---------------------------------------------------------------------------------------------------------------------

/**
 * The options of a supervisor.
 *
 * @category models
 */
export interface Options<Children extends ReadonlyArray<ChildSpec.Child>, E, R> {
  /** Which children are restarted together. `one_for_one` by default. */
  readonly strategy?: ChildSpec.Strategy | undefined
  /**
   * The children, in the order in which they start; or an Effect of them, run at each start of the supervisor.
   *
   * The compiler looks at their order: a child that stands before what it needs leaves that over as a requirement. So it
   * does where it cannot see an order, in an array; where an Effect has lost it on the way, `as const` keeps it.
   */
  readonly children: Children | Effect.Effect<Children, E, R>
  /** How many restarts are borne within which time (`SUP-14`). 3 within 5 seconds by default. */
  readonly intensity?: ChildSpec.Intensity | undefined
  /**
   * What to wait before a child is started again, beyond OTP, which does not wait. The schedule is begun anew for a child
   * that has run for the intensity's `within`; one that is done means giving up. The supervisor answers meanwhile.
   */
  readonly backoff?: Schedule.Schedule<unknown, ExitReason, never> | undefined
  /** Whether significant children end the supervisor by ending (`SUP-28`). Never by default. */
  readonly autoShutdown?: ChildSpec.AutoShutdown | undefined
}

/**
 * A supervisor without a name of its own. Fails as its children do; the first child that cannot be started stops those
 * before it, in reverse, and those after it are never started (`SUP-5`).
 *
 * @category constructors
 */
export const layer = <const Children extends readonly [] | ReadonlyArray<ChildSpec.Child>, E = never, R = never>(
  options: Options<Children, E, R>
): Layer.Layer<
  ChildSpec.Provides<Children>,
  Settled<E> | ChildSpec.ErrorOf<Children[number]>,
  Settled<R> | ChildSpec.Requires<Children>
> =>
  // What the children come to exists only in types.
  layerOf(nameless, null, options) as never

declare const supervisor: unique symbol

/**
 * The class made by {@link Service}: a tag whose service is the supervisor's ref.
 *
 * @category models
 */
export interface ServiceClass<in out Sup, out Id extends string> extends Context.Tag<Sup, ServerRef<Sup>> {
  new (_: never): { readonly [supervisor]: Id }
  readonly key: Id
  /** The supervisor with these children, known by this tag. */
  layer<const Children extends readonly [] | ReadonlyArray<ChildSpec.Child>, E = never, R = never>(
    options: Options<Children, E, R>
  ): Layer.Layer<
    Sup | ChildSpec.Provides<Children>,
    Settled<E> | ChildSpec.ErrorOf<Children[number]>,
    Exclude<Settled<R> | ChildSpec.Requires<Children>, Sup>
  >
  /** Builds nothing: finds, at each use, the supervisor of that name under the same root. */
  readonly byName: Layer.Layer<Sup>
}

/**
 * Makes the tag of a supervisor that is to be talked to.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Supervisor } from "@effect-otp/core"
 *
 * class Workers extends Supervisor.Service<Workers>()("@app/Workers") {}
 *
 * const program = Effect.map(Supervisor.countChildren(Workers), ({ active, specs }) => {
 *   console.log(`${active} of ${specs}`) // => 1 of 1
 * })
 *
 * const workers = Workers.layer({ children: [Supervisor.worker("idle", Effect.never)] })
 * await Effect.runPromise(Effect.provide(program, workers))
 * ```
 *
 * @category constructors
 */
export const Service =
  <Self = never>() =>
  <const Id extends string>(
    key: Id
  ): [Self] extends [never]
    ? "Missing `Self` generic - use `class Self extends Supervisor.Service<Self>()...`"
    : ServiceClass<Self, Id> => {
    if (typeof key !== "string" || processName(key) === "") {
      throw new TypeError(`Supervisor.Service: the name must be a string that ends with a word, but is ${String(key)}`)
    }
    const name = processName(key)
    const definition = internal.supervisorDefinition(key, name, true)
    const tag = Context.Tag(key)<unknown, unknown>()
    // The class's types are the interface's; what is made here has no types of its own.
    return class extends tag {
      static readonly byName = byName(tag, name)
      static layer(options: Options<ReadonlyArray<ChildSpec.Child>, unknown, unknown>): unknown {
        return layerOf(definition, tag, options)
      }
    } as never
  }

const nameless = internal.supervisorDefinition("@effect-otp/core/Supervisor", "Supervisor", false)

const layerOf = (
  definition: ReturnType<typeof internal.supervisorDefinition>,
  tag: Context.Tag<unknown, unknown> | null,
  options: Options<ReadonlyArray<ChildSpec.Child>, unknown, unknown>
): Layer.Layer<unknown, unknown, unknown> => {
  const who = tag === null ? "Supervisor.layer" : `${definition.name}.layer`
  checkOptions(who, options, supervisorOptions)
  return internal.supervisorLayer(definition, tag, ordersOf(who, options))
}

// ---------------------------------------------------------------------------------------------------------------------
// What a supervisor is asked, by its tag, its ref, or an effect that finds it. It answers when it is done with what it is doing, however long that takes (`SUP-39`).
// ---------------------------------------------------------------------------------------------------------------------

/**
 * What is told of a child. `stopped` stands for OTP's `undefined`: it has finished, was terminated, or was ignored.
 *
 * @category models
 */
export interface ChildInfo extends internal.ChildInfo {}

/**
 * How many children there are: all, those that run, and how many of all are supervisors and workers.
 *
 * @category models
 */
export interface Counts extends internal.Counts {}

const ask = <A, E1, E, R>(
  server: Effect.Effect<unknown, E, R>,
  message: object
): Effect.Effect<A, E1 | CallError | E, R> =>
  // What the messages of a supervisor are answered with is said by the functions below.
  calling.call(server, message, { timeout: "infinity" }) as Effect.Effect<A, E1 | CallError | E, R>

/**
 * The children, the newest first (`SUP-35`).
 *
 * @category children
 */
export const whichChildren = <Sup, E, R>(
  server: Effect.Effect<ServerRef<Sup>, E, R>
): Effect.Effect<ReadonlyArray<ChildInfo>, CallError | E, R> => ask(server, new internal.WhichChildren())

/**
 * How many children there are (`SUP-36`).
 *
 * @category children
 */
export const countChildren = <Sup, E, R>(
  server: Effect.Effect<ServerRef<Sup>, E, R>
): Effect.Effect<Counts, CallError | E, R> => ask(server, new internal.CountChildren())

/**
 * One child (`SUP-37`).
 *
 * @category children
 */
export const getChild = <Sup, E, R>(
  server: Effect.Effect<ServerRef<Sup>, E, R>,
  id: string
): Effect.Effect<ChildInfo, NoSuchChild | CallError | E, R> => ask(server, new internal.GetChild({ id }))

/**
 * Starts another child, as the last in the list, and gives what it provides (`SUP-31`). It requires nothing but what its
 * supervisor was given: never what the caller has.
 *
 * Fails with `AlreadyStarted` or `AlreadyPresent` where there is a child with that id, and with `FailedToStart` where it
 * could not be started; then it is not kept.
 *
 * @category children
 */
export const startChild = <Sup, E, R, ROut, E2>(
  server: Effect.Effect<ServerRef<Sup>, E, R>,
  child: Layer.Layer<ROut, E2> | ChildSpec.ChildSpec<ROut, E2>
): Effect.Effect<Context.Context<ROut>, AlreadyStarted | AlreadyPresent | FailedToStart | CallError | E, R> =>
  Effect.suspend(() => {
    const spec = specOf("Supervisor.startChild", child)
    return ask(server, new internal.StartChild({ spec }))
  })

/**
 * Stops a child within its `shutdown`. It stays in the list, unless it is temporary, and is not started again until
 * somebody asks for it, or a sibling's crash takes it along (`SUP-32`, `SUP-10`).
 *
 * @category children
 */
export const terminateChild = <Sup, E, R>(
  server: Effect.Effect<ServerRef<Sup>, E, R>,
  id: string
): Effect.Effect<void, NoSuchChild | CallError | E, R> => ask(server, new internal.TerminateChild({ id }))

/**
 * Starts a child that does not run (`SUP-33`).
 *
 * @category children
 */
export const restartChild = <Sup, E, R>(
  server: Effect.Effect<ServerRef<Sup>, E, R>,
  id: string
): Effect.Effect<void, NoSuchChild | ChildRunning | FailedToStart | AlreadyStarted | CallError | E, R> =>
  Effect.asVoid(ask(server, new internal.RestartChild({ id })))

/**
 * Takes a child that does not run out of the list (`SUP-34`).
 *
 * @category children
 */
export const deleteChild = <Sup, E, R>(
  server: Effect.Effect<ServerRef<Sup>, E, R>,
  id: string
): Effect.Effect<void, NoSuchChild | ChildRunning | CallError | E, R> => ask(server, new internal.DeleteChild({ id }))

/**
 * Stops the supervisor: its children stop in reverse order, then it ends with the reason (`SUP-24`). It waits as long as
 * that takes.
 *
 * @category ending
 */
export const stop = <Sup, E, R>(
  server: Effect.Effect<ServerRef<Sup>, E, R>,
  reason?: ExitReason,
  options?: StopOptions
): Effect.Effect<void, CallError | E, R> => stopServer(server, reason, options)

/**
 * Waits until the supervisor has ended, and gives the reason; fails with `MaxRestartsExceeded` if it has given up. A
 * supervisor that is not there has ended as `NoProcess` says: `ServerDown`.
 *
 * @category ending
 */
export const awaitEnd = <Sup, E, R>(
  server: Effect.Effect<ServerRef<Sup>, E, R>
): Effect.Effect<ExitReason, MaxRestartsExceeded | CallError | E, R> => awaitEndOf(server)

/**
 * The tree under a supervisor, drawn as text: each child with its kind, with its `restart` and its status where they are
 * not `permanent` and `running`, and with how often it has been started again.
 *
 * @category looking
 */
export const tree = <Sup, E, R>(server: Effect.Effect<ServerRef<Sup>, E, R>): Effect.Effect<string, CallError | E, R> =>
  draw(server)
