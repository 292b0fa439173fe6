/**
 * A supervisor for servers that come and go at run time, by the hundred thousand: one for each room, session, or device.
 *
 * It declares the kinds of children that it starts, so that its layer requires what they require. Each is started,
 * restarted and stopped by itself; all of them stop at once when the supervisor does. Children have refs, which stay
 * good through restarts, and no names.
 *
 * @example
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { DynamicSupervisor, GenServer } from "@effect-otp/core"
 *
 * class Name extends GenServer.Call<Name>()("Name", { success: Schema.String }) {}
 *
 * class Room extends GenServer.Service<Room>()("@app/Room", { messages: [Name] }) {
 *   static readonly layer = this.toLayer((name: string) => name, {
 *     handleCall: { Name: (_, name) => GenServer.reply(name, name) }
 *   })
 * }
 *
 * class Rooms extends DynamicSupervisor.Service<Rooms>()("@app/Rooms", { children: [Room] }) {}
 *
 * const program = Effect.gen(function* () {
 *   const lobby = yield* DynamicSupervisor.startChild(Rooms, Room, ["lobby"])
 *   console.log(yield* GenServer.call(lobby, new Name())) // => lobby
 *   console.log((yield* DynamicSupervisor.countChildren(Rooms)).active) // => 1
 *   yield* DynamicSupervisor.terminateChild(Rooms, lobby)
 *   console.log((yield* DynamicSupervisor.countChildren(Rooms)).active) // => 0
 * })
 *
 * await Effect.runPromise(Effect.provide(program, Rooms.layer()))
 * ```
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Schedule from "effect/Schedule"
import type { CallError } from "./CallError.ts"
import type * as ChildSpec from "./ChildSpec.ts"
import type { ExitReason } from "./ExitReason.ts"
import { type HasLayer, type ServerRef, type StopOptions, stop as stopServer } from "./GenServer.ts"
import * as calling from "./internal/calling.ts"
import { processName, show } from "./internal/definition.ts"
import * as internal from "./internal/dynamicSupervisor.ts"
import { patienceOf } from "./internal/orders.ts"
import type { StartArgs, StartContext } from "./internal/protocol.ts"
import type { Refused } from "./internal/refused.ts"
import { byName, serverLayerOf } from "./internal/service.ts"
import { careOf, checkOptions } from "./internal/spec.ts"
import { awaitEnd as awaitEndOf } from "./internal/supervisorEnd.ts"
import type { FailedToStart, MaxChildren, MaxRestartsExceeded, NoSuchChild } from "./SupervisorError.ts"

export { FailedToStart, MaxChildren, MaxRestartsExceeded, NoSuchChild } from "./SupervisorError.ts"

/**
 * The class of a server that can be started as a child: its `layer` is what `toLayer` made.
 *
 * @category models
 */
export type Kind = HasLayer<never> & { readonly key: string }

/**
 * The options of a dynamic supervisor. Its strategy is `one_for_one`, always (`DYN-1`).
 *
 * @category models
 */
export interface Options {
  /** How many restarts are borne within which time, over all children together. 3 within 5 seconds by default. */
  readonly intensity?: ChildSpec.Intensity | undefined
  /** What to wait before a child is started again. See `Supervisor.Options`. */
  readonly backoff?: Schedule.Schedule<unknown, ExitReason, never> | undefined
  /** How many children there may be, those included that are being restarted (`DYN-3`). No limit by default. */
  readonly maxChildren?: number | undefined
}

declare const dynamic: unique symbol

/**
 * The class made by {@link Service}: a tag whose service is the supervisor's ref.
 *
 * @category models
 */
export interface ServiceClass<in out Sup, out Id extends string, out K> extends Context.Tag<Sup, ServerRef<Sup>> {
  new (_: never): Instance<Id, K>
  readonly key: Id
  /** The supervisor. It requires what its kinds of children require, but for itself, which they are given. */
  layer(options?: Options): Layer.Layer<Sup, never, Exclude<KindContext<K>, Sup>>
  /** Builds nothing: finds, at each use, the supervisor of that name under the same root. */
  readonly byName: Layer.Layer<Sup>
}

/**
 * What the class of a dynamic supervisor says of its children.
 *
 * @category models
 */
export interface Instance<out Id extends string, out K> {
  readonly [dynamic]: { readonly id: Id; readonly kinds: K }
}

type KindContext<K> = K extends { readonly layer: infer L } ? StartContext<L> : never

type KindsOf<Sup> =
  Sup extends Instance<string, infer K>
    ? [K] extends [never]
      ? Refused<"the supervisor declares no kinds of children">
      : K
    : Refused<"not a DynamicSupervisor">

type LayerOf<K> = K extends { readonly layer: infer L } ? L : never

/**
 * Makes the tag of a dynamic supervisor: its key, and the kinds of its children.
 *
 * @category constructors
 */
export const Service =
  <Self = never>() =>
  <const Id extends string, const Kinds extends ReadonlyArray<Kind>>(
    key: Id,
    options: { readonly children: Kinds }
  ): [Self] extends [never]
    ? "Missing `Self` generic - use `class Self extends DynamicSupervisor.Service<Self>()...`"
    : ServiceClass<Self, Id, Kinds[number]> => {
    if (typeof key !== "string" || processName(key) === "") {
      throw new TypeError(
        `DynamicSupervisor.Service: the name must be a string that ends with a word, but is ${String(key)}`
      )
    }
    const name = processName(key)
    checkOptions(name, options, ["children"])
    if (!Array.isArray(options.children)) {
      throw new TypeError(`${name}: \`children\` must be an array of servers, but is ${show(options.children)}`)
    }
    const definition = internal.dynamicDefinition(key, name)
    const tag = Context.Tag(key)<unknown, unknown>()
    // The class's types are the interface's; what is made here has no types of its own.
    return class extends tag {
      static readonly kinds = options.children
      static readonly byName = byName(tag, name)
      static layer(given: Options = {}): unknown {
        const who = `${name}.layer`
        checkOptions(who, given, ["intensity", "backoff", "maxChildren"])
        const { maxChildren = Number.POSITIVE_INFINITY } = given
        if (
          typeof maxChildren !== "number" ||
          !(maxChildren >= 0) ||
          !(maxChildren === Infinity || Number.isInteger(maxChildren))
        ) {
          throw new TypeError(`${who}: \`maxChildren\` must be a whole number from 0 up, but is ${show(maxChildren)}`)
        }
        return internal.dynamicLayer(definition, tag, patienceOf(who, given), maxChildren)
      }
    } as never
  }

/**
 * How a child is looked after.
 *
 * @category models
 */
export interface ChildOptions {
  /** `permanent` by default. */
  readonly restart?: ChildSpec.Restart | undefined
  /** What the server's own `shutdown` says by default. */
  readonly shutdown?: ChildSpec.Shutdown | undefined
}

const ask = <A, E1, E, R>(
  server: Effect.Effect<unknown, E, R>,
  message: object
): Effect.Effect<A, E1 | CallError | E, R> =>
  // What the messages of a supervisor are answered with is said by the functions below.
  calling.call(server, message, { timeout: "infinity" }) as Effect.Effect<A, E1 | CallError | E, R>

type SelfOf<K> = K extends Context.Tag<infer Self, infer _Ref> ? Self : never

const noOptions: ChildOptions = {}

const careFor = (options: ChildOptions) => {
  checkOptions("DynamicSupervisor.startChild", options, ["restart", "shutdown"])
  return careOf("DynamicSupervisor.startChild", options)
}

const plain = careFor({})

/**
 * Starts a child of one of the declared kinds, with the arguments of its `init`, and gives its ref. It returns when
 * `init` has ended (`DYN-5`). A child whose `init` asks to be ignored is not kept, and its ref answers `NoProcess`
 * (`DYN-6`).
 *
 * @category children
 */
export const startChild = <Sup, E, R, K extends KindsOf<Sup>>(
  server: Effect.Effect<ServerRef<Sup>, E, R>,
  kind: K,
  args: Readonly<StartArgs<LayerOf<K>>>,
  options: ChildOptions = noOptions
): Effect.Effect<ServerRef<SelfOf<K>>, FailedToStart | MaxChildren | CallError | E, R> =>
  Effect.suspend(() => {
    const known = serverLayerOf((kind as Partial<Kind> | null | undefined)?.layer)
    if (known === undefined) {
      throw new TypeError(
        `DynamicSupervisor.startChild: ${show(kind)} has no \`layer\` made by \`toLayer\`, with nothing done to it`
      )
    }
    const care = options === noOptions ? plain : careFor(options)
    return ask(server, new internal.StartChild({ definition: known.definition, args, care }))
  })

/**
 * Stops a child within its `shutdown`, and forgets it; also one that is being restarted (`DYN-8`). Fails with
 * `NoSuchChild` if the ref is of no child of this supervisor.
 *
 * @category children
 */
export const terminateChild = <Sup, E, R, Child>(
  server: Effect.Effect<ServerRef<Sup>, E, R>,
  child: ServerRef<Child>
): Effect.Effect<void, NoSuchChild | CallError | E, R> =>
  Effect.suspend(() => {
    const seat = calling.seatOf(child)
    if (seat === null) throw new TypeError(`DynamicSupervisor.terminateChild: ${show(child)} is no ref`)
    return ask(server, new internal.TerminateChild({ seat }))
  })

/**
 * What is told of a child.
 *
 * @category models
 */
export interface ChildInfo {
  readonly ref: ServerRef<unknown>
  readonly restart: ChildSpec.Restart
  readonly status: "running" | "restarting"
  readonly restarts: number
}

/**
 * The children, told as one looks at them: nothing is copied. Those that end meanwhile may be missing.
 *
 * @category children
 */
export const whichChildren = <Sup, E, R>(
  server: Effect.Effect<ServerRef<Sup>, E, R>
): Effect.Effect<Iterable<ChildInfo>, CallError | E, R> => ask(server, new internal.WhichChildren())

/**
 * How many children there are: all, those that run, and how many of all are supervisors and workers: all are workers.
 *
 * @category models
 */
export interface Counts extends internal.DynamicCounts {}

/**
 * How many children there are, and how many of them run (`DYN-10`).
 *
 * @category children
 */
export const countChildren = <Sup, E, R>(
  server: Effect.Effect<ServerRef<Sup>, E, R>
): Effect.Effect<Counts, CallError | E, R> => ask(server, new internal.CountChildren())

/**
 * Stops the supervisor: its children stop all at once, then it ends with the reason (`DYN-9`).
 *
 * @category ending
 */
export const stop = <Sup, E, R>(
  server: Effect.Effect<ServerRef<Sup>, E, R>,
  reason?: ExitReason,
  options?: StopOptions
): Effect.Effect<void, CallError | E, R> => stopServer(server, reason, options)

/**
 * Waits until the supervisor has ended, and gives the reason; fails with `MaxRestartsExceeded` if it has given up.
 *
 * @category ending
 */
export const awaitEnd = <Sup, E, R>(
  server: Effect.Effect<ServerRef<Sup>, E, R>
): Effect.Effect<ExitReason, MaxRestartsExceeded | CallError | E, R> => awaitEndOf(server)
