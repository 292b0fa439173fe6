/**
 * A process that keeps state and answers messages, one at a time.
 *
 * A server is a class that is at once its protocol (the messages it understands), its name (a `Context.Tag` whose
 * service is a {@link ServerRef}) and the home of its client functions. {@link ServiceClass.toLayer | toLayer} implements
 * it: `init` gives the first state, a handler for each message gives the next one. Clients know the class alone, so
 * what stands behind it is a matter of the Layer that is provided.
 *
 * **When to use it.** When state has to be shared and changed by many fibers and every change must see the one before
 * it; when something has to be done one at a time, in order; when state has a life of its own, with timers, a beginning
 * and an end that others can wait for or watch.
 *
 * **When not.** To organise code: that is what modules and services are for. A value that is read often and changed in
 * one step is a `Ref`; work with no state between two pieces of it is a plain Effect. Everything that goes through a
 * server waits in one line.
 *
 * @example
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { GenServer } from "@effect-otp/core"
 *
 * class Add extends GenServer.Call<Add>()("Add", { payload: { by: Schema.Number }, success: Schema.Number }) {}
 * class Reset extends GenServer.Cast<Reset>()("Reset") {}
 *
 * class Counter extends GenServer.Service<Counter>()("@app/Counter", { state: Schema.Number, messages: [Add, Reset] }) {
 *   static readonly add = (by: number) => GenServer.call(this, new Add({ by }))
 *   static readonly reset = GenServer.cast(this, new Reset())
 *
 *   static readonly layer = this.toLayer((start: number) => start, {
 *     handleCall: { Add: ({ by }, count) => GenServer.reply(count + by, count + by) },
 *     handleCast: { Reset: () => GenServer.noReply(0) }
 *   })
 * }
 *
 * const program = Effect.gen(function* () {
 *   console.log(yield* Counter.add(1)) // => 11
 *   yield* Counter.reset
 *   console.log(yield* Counter.add(1)) // => 1
 * })
 *
 * await Effect.runPromise(Effect.provide(program, Counter.layer(10)))
 * ```
 */
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { CallError } from "./CallError.ts"
import * as ExitReason from "./ExitReason.ts"
import * as calling from "./internal/calling.ts"
import { durationOption, show } from "./internal/definition.ts"
import { type After, Ignore, NoReply, Ok, Reply, Stop, StopReply } from "./internal/outcome.ts"
import type {
  CallOf,
  CallOutcome,
  CastOf,
  Following,
  Given,
  InitError,
  InitialState,
  InitOutcome,
  NothingBut,
  Outcome,
  OwnOf,
  Protocol,
  Requirements,
  ServerLayer,
  StartArgs,
  StartContext,
  StartError,
  StateOf,
  TimeoutError
} from "./internal/protocol.ts"
import * as seat from "./internal/seat.ts"
import { makeService } from "./internal/service.ts"
import type * as Message from "./Message.ts"

export { InitTimeout } from "./CallError.ts"
export { Call, Cast, Continue, Info } from "./Message.ts"

export type { Ignore, NoReply, Ok, Reply, Stop, StopReply }

// ---------------------------------------------------------------------------------------------------------------------
// What points at a server
// ---------------------------------------------------------------------------------------------------------------------

declare const serverRef: unique symbol

/**
 * Points at a running server. It is itself an Effect that gives it, so that wherever a server is asked for, a ref, a
 * server's class, or any effect that finds a ref will do.
 *
 * A ref points at the server's place and not at one incarnation: it stays good across restarts.
 *
 * @category models
 */
export interface ServerRef<in out Self> extends Effect.Effect<ServerRef<Self>> {
  readonly [serverRef]: { readonly _Self: (_: Self) => Self }
  /** The name in logs and errors: the last part of the service's key. */
  readonly name: string
}

declare const self: unique symbol

/**
 * What an effect requires that asks for {@link ServiceClass.self | `Server.self`}: to be run by a callback of that
 * server. Nothing else provides it.
 *
 * @category models
 */
export interface Self<in out Server> {
  readonly [self]: { readonly _Server: (_: Server) => Server }
}

/**
 * A server's own view of itself, given by {@link ServiceClass.self | `Server.self`} inside its callbacks.
 *
 * @category models
 */
export interface SelfHandle<in out Self> {
  /** The server's own ref, to be given to others. A server that calls itself gets `CallCycle` (`CALL-4`). */
  readonly ref: ServerRef<Self>
  /**
   * The scope of this incarnation, closed when it has ended, after `terminate`. A callback's own scope is closed with
   * its outcome; what has to live longer goes here.
   */
  readonly scope: Scope.Scope
  /** Puts a cast or an Info into the server's own mailbox, behind what is there. It is never refused. */
  readonly send: (message: OwnOf<Self>) => Effect.Effect<void>
  /** Sends itself a message once, after at least that time (`PROC-19`). */
  readonly sendAfter: (message: OwnOf<Self>, delay: Duration.DurationInput) => Effect.Effect<Timer>
  /** Sends itself a message again and again, at a fixed rate from now on: one a tick, none of them merged. */
  readonly sendEvery: (message: OwnOf<Self>, period: Duration.DurationInput) => Effect.Effect<Timer>
}

/**
 * A message that a server has sent itself and that is yet to come. It dies with its server.
 *
 * @category models
 */
export interface Timer {
  /**
   * Cancels it and gives the time that was left, or `None` if it has fired or was cancelled. The message does not come
   * after this (`PROC-21`).
   */
  readonly cancel: Effect.Effect<Option.Option<Duration.Duration>>
  /** The time that is left, or `None` if it has fired or was cancelled. */
  readonly remaining: Effect.Effect<Option.Option<Duration.Duration>>
}

/**
 * A reply token: the third argument of a call's handler. A handler that returns `noReply` answers by it later, from any
 * fiber. The first answer counts, later ones are ignored. A call whose token is never used fails with `ServerDown` when
 * the server ends (`CALL-12`, `CB-13`).
 *
 * @category models
 */
export interface From<in M> {
  /** Answers. */
  readonly succeed: (value: Message.Success<M>) => Effect.Effect<void>
  /** Answers with an error that the message declares. */
  readonly fail: (error: Message.Error<M>) => Effect.Effect<void>
  /** Answers with what an effect ended with. */
  readonly done: (exit: Exit.Exit<Message.Success<M>, Message.Error<M>>) => Effect.Effect<void>
}

// ---------------------------------------------------------------------------------------------------------------------
// Callbacks
// ---------------------------------------------------------------------------------------------------------------------

/**
 * The handlers of the requests that callers wait for.
 *
 * @category callbacks
 */
export interface HandleCall<M extends Message.AnyCall, S, N> {
  /**
   * A handler for each `Call` of the protocol, by its tag. It gets the request, the state, and the reply token (`CB-2`).
   *
   * Returning `reply(value, state)` answers the caller and goes on with the new state.
   *
   * Returning `noReply(state)` goes on without an answer: because the token `from` has been, or will be, used instead.
   *
   * Returning `stopReply(reason, value, state)` ends the server: `terminate` runs, then the caller gets its answer
   * (`CB-12`). With `stop(reason, state)` the caller gets `ServerDown` with that reason.
   *
   * Each of them may be returned by an Effect instead. Its requirements become the layer's, and it may fail with the
   * error that the message declares: the caller gets it, the state stays what it was, and the server goes on.
   *
   * A defect, an interruption, or a value that is no outcome ends the server with `Crash` (`CB-11`, `CB-14`): the state
   * stays what it was, `terminate` runs, and this and every waiting caller gets `ServerDown`.
   */
  readonly handleCall: {
    readonly [Tag in M["_tag"]]: (
      request: Extract<M, { readonly _tag: Tag }>,
      state: S,
      from: From<Extract<M, { readonly _tag: Tag }>>
    ) => CallResult<Extract<M, { readonly _tag: Tag }>, S, N>
  }
}

/**
 * The handlers of the messages that are not answered.
 *
 * @category callbacks
 */
export interface HandleCast<M extends Message.AnyCast, S, N> {
  /**
   * A handler for each `Cast` of the protocol, by its tag (`CB-3`).
   *
   * Returning `noReply(state)` goes on with the new state. Returning `stop(reason, state)` ends the server. Either may be
   * returned by an Effect, whose requirements become the layer's.
   *
   * Nobody waits, so there is nobody to tell of an error: an Effect that may fail is a type error. A defect ends the
   * server as in `handleCall`.
   */
  readonly handleCast: {
    readonly [Tag in M["_tag"]]: (message: Extract<M, { readonly _tag: Tag }>, state: S) => Result<S, N>
  }
}

/**
 * The handlers of what the server sends itself.
 *
 * @category callbacks
 */
export interface HandleInfo<M extends Message.AnyInfo, S, N> {
  /**
   * A handler for each `Info` of the protocol, by its tag: what comes from the server's own timers, from
   * `idleTimeout`, and from what it watches (`CB-4`).
   *
   * It returns and fails as `handleCast` does.
   */
  readonly handleInfo: {
    readonly [Tag in M["_tag"]]: (message: Extract<M, { readonly _tag: Tag }>, state: S) => Result<S, N>
  }
}

/**
 * The handlers of the next steps that outcomes name.
 *
 * @category callbacks
 */
export interface HandleContinue<M extends Message.AnyContinue, S, N> {
  /**
   * A handler for each `Continue` of the protocol, by its tag. It runs right after the callback whose outcome named it,
   * before any queued message, and after that callback's reply was sent (`CB-8`, `CB-10`). It may name another one.
   *
   * It returns and fails as `handleCast` does.
   */
  readonly handleContinue: {
    readonly [Tag in M["_tag"]]: (message: Extract<M, { readonly _tag: Tag }>, state: S) => Result<S, N>
  }
}

/**
 * What a call's handler may return.
 *
 * @category callbacks
 */
export type CallResult<M, S, N> =
  | CallOutcome<Message.Success<M>, S, N>
  | Effect.Effect<CallOutcome<Message.Success<M>, S, N>, Message.Error<M>, unknown>

/**
 * What the handler of any other message may return.
 *
 * @category callbacks
 */
export type Result<S, N> = Outcome<S, N> | Effect.Effect<Outcome<S, N>, never, unknown>

/**
 * The optional callbacks and settings of a server.
 *
 * @category callbacks
 */
export interface ServerOptions<in S> {
  /**
   * Runs once when the server ends, with the reason and the last committed state, and before any waiting caller is told.
   *
   * It runs when a callback returned `stop` or `stopReply`, when one crashed, when `GenServer.stop` was called, and, with
   * `trapExit`, when the layer's scope is closed (`TERM-1`, `TERM-4`). It does not run after a failed `init`, on a
   * shutdown without `trapExit`, nor when the server is killed (`TERM-2`, `TERM-3`): what must be released in any case
   * is acquired in the scope of `init`.
   *
   * What it gives is ignored. It cannot fail with a typed error; a defect is logged and becomes the reason of the end
   * (`TERM-7`).
   */
  readonly terminate?: ((reason: ExitReason.ExitReason, state: S) => Effect.Effect<unknown, never, unknown>) | undefined
  /**
   * With `true`, closing the layer's scope lets the server handle what was queued before, and run `terminate`; otherwise
   * the current handler is interrupted and the rest is not handled (`TERM-2`, `TERM-6`). `false` by default.
   */
  readonly trapExit?: boolean | undefined
  /**
   * How long the server may take to end when the layer's scope is closed, before it is killed. `"brutal"` kills at once.
   * 5 seconds by default.
   */
  readonly shutdown?: Duration.DurationInput | "brutal" | "infinity" | undefined
  /**
   * How long `init` may take (`START-11`). After that the server is killed and the layer fails with `InitTimeout`. As
   * long as it takes by default.
   */
  readonly initTimeout?: Duration.DurationInput | "infinity" | undefined
  /** How much the mailbox holds. Without it, everything. */
  readonly mailbox?: MailboxOptions | undefined
  /**
   * After how much idleness the server lets go of its fiber and buffers (`TO-7`). Nothing else changes by that. 1 second
   * by default.
   */
  readonly hibernateAfter?: Duration.DurationInput | "infinity" | undefined
  /** What logs and tools may see of the state. Without it they do not see it at all. */
  readonly format?: ((state: S) => unknown) | undefined
}

/**
 * The limit of a mailbox. Only calls and casts from outside count and can be refused; what a server sends itself,
 * timers, `stop` and shutdown always get in.
 *
 * @category callbacks
 */
export interface MailboxOptions {
  /** How many calls and casts may wait, at least 1. */
  readonly capacity?: number | undefined
  /**
   * What happens when that many wait: the sender waits for room (`"backpressure"`, the default); the new message is
   * refused (`"reject"`) or dropped (`"dropNewest"`); or the oldest one is dropped for it (`"dropOldest"`). A call that is
   * refused or dropped fails with `MailboxFull`; a cast never fails, and is reported as undelivered.
   */
  readonly overflow?: "backpressure" | "reject" | "dropNewest" | "dropOldest" | undefined
  /**
   * What becomes of calls and casts that wait when the server ends and its supervisor starts it again.
   *
   * - `"drop"`, OTP's way and the default: callers get `ServerDown`, casts are lost (`SUP-13`).
   * - `"keep"`: callers go on waiting, and the next server handles what is there, without the message that crashed the
   *   last one.
   * - `{ retry: k }`: that message, too, in its place, until it has crashed servers k times in a row. Then its caller gets
   *   `ServerDown`, and it is set aside and reported.
   *
   * Timers, continues and what a server has sent itself as an Info are never kept.
   */
  readonly onRestart?: "drop" | "keep" | { readonly retry: number } | undefined
}

type Section<M, Handle> = [M] extends [never] ? unknown : Handle

/**
 * The callbacks of a server with the messages `M` and the state `S`: a section for each kind of message that the
 * protocol has, and none for any other; and {@link ServerOptions}.
 *
 * Each callback may use the server's own class (its client functions, `self`) and a `Scope` that is closed with its
 * outcome.
 *
 * @category callbacks
 */
export type Callbacks<M, S> = Section<
  Extract<M, Message.AnyCall>,
  HandleCall<Extract<M, Message.AnyCall>, S, Following<M>>
> &
  Section<Extract<M, Message.AnyCast>, HandleCast<Extract<M, Message.AnyCast>, S, Following<M>>> &
  Section<Extract<M, Message.AnyInfo>, HandleInfo<Extract<M, Message.AnyInfo>, S, Following<M>>> &
  Section<Extract<M, Message.AnyContinue>, HandleContinue<Extract<M, Message.AnyContinue>, S, Following<M>>> &
  ServerOptions<S>

// ---------------------------------------------------------------------------------------------------------------------
// Services
// ---------------------------------------------------------------------------------------------------------------------

/**
 * The class made by {@link Service}: a `Context.Tag` whose service is the server's ref.
 *
 * @category models
 */
export interface ServiceClass<in out Server, out Id extends string, in out M, in out S>
  extends Context.Tag<Server, ServerRef<Server>> {
  new (_: never): Protocol<Id, M, S>
  readonly key: Id

  /**
   * The server's own view of itself. Only a callback of the server can run it: everywhere else the requirement
   * `Self<Server>` is left over.
   */
  readonly self: Effect.Effect<SelfHandle<Server>, never, Self<Server>>

  /**
   * Builds nothing: its service is a ref that finds, at each use, the server that holds this name under the nearest
   * application or root supervisor then. While there is none, calls fail with `ServerDown`, reason `NoProcess`. For those
   * who start before the server they need.
   */
  readonly byName: Layer.Layer<Server>

  /**
   * Implements the server.
   *
   * `init` gives the first state, as it is or in an Effect; or `GenServer.ok(state, options)`, to go on with a
   * `continue` or an idle time-out; or `GenServer.ignore`, which starts no server: the layer is built, and calls fail
   * with `ServerDown`, reason `NoProcess` (`START-7`, `START-10`). An Effect is always run, so a state that is one
   * itself, an `Option` for example, is returned by `ok`. Its typed error and its requirements become the layer's, a
   * defect makes the layer die; `terminate` does not run. What `init` acquires in its `Scope` is released when the server
   * has ended, after `terminate`.
   *
   * The state's type is that of the service's `state`, or else what `init` gives. The arguments of `init` become those
   * of the layer: without any it is a Layer, otherwise a function that returns one. Annotate their types: a default alone
   * (`(count = 0) => count`) leaves them unknown to the compiler.
   *
   * A message without a handler, a handler without a message, and an option that is unknown or makes no sense throw here.
   */
  toLayer<
    Args extends ReadonlyArray<unknown>,
    I extends InitOutcome<S, Following<M>>,
    H extends Callbacks<M, InitialState<S, I>>
  >(
    init: (...args: Args) => I,
    callbacks: H & NothingBut<Callbacks<M, unknown>, H>
  ): ServerLayer<
    Args,
    Server,
    InitError<I> | TimeoutError<H>,
    // Written out here: an imported alias of a union would be shown in its place.
    Exclude<Requirements<I, H>, Server | Self<Server> | Scope.Scope>
  >

  /**
   * Starts a server with the class's own `layer`, in the scope of whoever asks, and gives its ref. It takes the arguments
   * of `init`.
   *
   * It returns when `init` has ended (`START-1`) and fails as the layer would. The end of the scope is the server's
   * parent's exit.
   */
  start<This extends HasLayer<Server>>(
    this: This,
    ...args: StartArgs<This["layer"]>
  ): Effect.Effect<ServerRef<Server>, StartError<This["layer"]>, StartContext<This["layer"]> | Scope.Scope>
}

/**
 * A class with a `layer`, as `static readonly layer = this.toLayer(…)` makes it.
 *
 * @category models
 */
export interface HasLayer<in Server> {
  readonly layer: Layer.Layer<Server, unknown, unknown> | ((...args: never) => Layer.Layer<Server, unknown, unknown>)
}

type MessageClass = new (...args: never) => Message.Any

/**
 * Makes the class of a server: its key, its messages, and the schema of its state.
 *
 * Keys are global in Effect's `Context`, so they carry the name of the application: `"@app/Hashmap"`. The last part is
 * the server's name in logs and errors. `state` fixes the state's type for `init` and the handlers; without it, it is
 * what `init` gives.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import { GenServer } from "@effect-otp/core"
 *
 * class Get extends GenServer.Call<Get>()("Get", { payload: { key: Schema.String }, success: Schema.String }) {}
 *
 * class Settings extends GenServer.Service<Settings>()("@app/Settings", { messages: [Get] }) {
 *   static readonly get = (key: string) => GenServer.call(this, new Get({ key }))
 * }
 * ```
 *
 * @category constructors
 */
export const Service =
  <Self = never>() =>
  <
    const Id extends string,
    const Messages extends ReadonlyArray<MessageClass>,
    State extends Schema.Schema.AnyNoContext = typeof Schema.Unknown
  >(
    key: Id,
    options: { readonly state?: State | undefined; readonly messages: Messages }
  ): [Self] extends [never]
    ? "Missing `Self` generic - use `class Self extends GenServer.Service<Self>()...`"
    : ServiceClass<Self, Id, InstanceType<Messages[number]>, Schema.Schema.Type<State>> =>
    // The types of the protocol exist only in the class's type.
    makeService(key, options) as never

// ---------------------------------------------------------------------------------------------------------------------
// Clients
// ---------------------------------------------------------------------------------------------------------------------

/**
 * How a caller waits.
 *
 * @category models
 */
export interface CallOptions {
  /** How long the caller waits for the answer. 5 seconds by default (`CALL-1`). */
  readonly timeout?: Duration.DurationInput | "infinity" | undefined
  /**
   * What becomes of a request whose caller has timed out or was interrupted before its handler was called: it is taken
   * out of the mailbox (`"withdraw"`, the default), or handled all the same, as in OTP (`"run"`, `CALL-7`, `CALL-9`).
   */
  readonly abandoned?: "withdraw" | "run" | undefined
}

/**
 * Sends a request and waits for its answer.
 *
 * It fails with the error that the request declares, or with a `CallError`: `ServerDown` when the server ends before it
 * has answered, or is not there (`CALL-3`, `CALL-8`); `CallTimeout` after the time-out, and then no late reply reaches
 * anybody (`CALL-6`); `MailboxFull`; `CallCycle` when the answer waits, in a circle, for the caller (`CALL-4`,
 * `CALL-23`). Circles are found among calls that servers make in their own fiber: `Effect.timeout`, `Effect.race` and
 * concurrent `Effect.all` fork one, so limit a call by its `timeout`.
 *
 * The effect may be run any number of times, also at once: each run is a call.
 *
 * @category clients
 */
export const call = <Self, E, R, Request extends CallOf<Self>>(
  server: Effect.Effect<ServerRef<Self>, E, R>,
  request: Request,
  options?: CallOptions
): Effect.Effect<Message.Success<Request>, Message.Error<Request> | CallError | E, R> =>
  // The kernel carries values of any type; the message says which.
  calling.call(server, request, options) as Effect.Effect<
    Message.Success<Request>,
    Message.Error<Request> | CallError | E,
    R
  >

/**
 * Sends a message that is not answered. It says nothing about whether anyone was there, and never fails because of the
 * server (`CALL-14`). Messages of one sender are handled in the order in which they were sent (`PROC-1`).
 *
 * It returns at once, except where the mailbox is full and its policy is `"backpressure"`.
 *
 * @category clients
 */
export const cast = <Self, E, R>(
  server: Effect.Effect<ServerRef<Self>, E, R>,
  message: CastOf<Self>
): Effect.Effect<void, E, R> =>
  // What finds the server may fail and require something, sending does neither.
  calling.cast(server, message) as Effect.Effect<void, E, R>

/**
 * The current state, then every committed state that is another reference than the one before. It goes on through
 * restarts and ends with the server. A slow reader sees the latest state and never holds the server up.
 *
 * For a service without a `state` schema the type is `unknown`.
 *
 * @category clients
 */
export const changes = <Self, E, R>(server: Effect.Effect<ServerRef<Self>, E, R>): Stream.Stream<StateOf<Self>, E, R> =>
  // A ref is a seat, and the states that are committed there are of the type that the server's class says.
  Stream.unwrap(Effect.map(server, (ref) => seat.changes(ref as unknown as seat.Seat))) as Stream.Stream<
    StateOf<Self>,
    E,
    R
  >

/**
 * The ref of whoever holds a server's name under the nearest application or root supervisor, if somebody does
 * (`CALL-21`, `PROC-18`). For a program that has the server's layer, the class itself is its ref.
 *
 * @category clients
 */
export const whereis = <Self>(
  server: Context.Tag<Self, ServerRef<Self>>
): Effect.Effect<Option.Option<ServerRef<Self>>> =>
  // What the root's table holds under a key is a ref of the class with that key.
  calling.whereis(server.key) as Effect.Effect<Option.Option<ServerRef<Self>>>

// ---------------------------------------------------------------------------------------------------------------------
// Outcomes
// ---------------------------------------------------------------------------------------------------------------------

/**
 * What comes after an outcome, beside the next message: a `continue` or an `idleTimeout`, not both, as in OTP.
 *
 * @category outcomes
 */
export interface Next<C, I> {
  /** A Continue of the protocol, handled before any queued message (`CB-8`). */
  readonly continue?: C
  /**
   * An Info of the protocol, handled if no message comes for that long. Any message cancels it (`TO-1`). With a time of
   * 0 it is handled if the mailbox is empty now (`TO-2`), with an infinite one never (`TO-3`).
   */
  readonly idleTimeout?: readonly [duration: Duration.DurationInput, message: I] | undefined
  /** Lets go of the server's fiber and buffers at once, until the next message (`TO-6`). */
  readonly hibernate?: boolean | undefined
}

type AnyNext = Next<object | undefined, object>

// A handler names the same duration with every message, and decoding one takes longer than a call.
const decoded = new Map<string, number>()

const milliseconds = (outcome: string, duration: unknown): number => {
  if (typeof duration !== "string") return durationOption(`GenServer.${outcome}`, "idleTimeout", duration)
  const known = decoded.get(duration)
  if (known !== undefined) return known
  const ms = durationOption(`GenServer.${outcome}`, "idleTimeout", duration)
  if (decoded.size < 100) decoded.set(duration, ms)
  return ms
}

/** What the options of an outcome say, checked: handlers may be JavaScript. */
const after = (outcome: string, options: AnyNext): After<object> => {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`GenServer.${outcome}: the options must be an object, but are ${String(options)}`)
  }
  for (const key of Object.keys(options)) {
    if (key === "continue" || key === "idleTimeout" || key === "hibernate") continue
    throw new TypeError(`GenServer.${outcome}: there is no option \`${key}\``)
  }
  const { continue: next, hibernate = false, idleTimeout } = options
  if (typeof hibernate !== "boolean") {
    throw new TypeError(`GenServer.${outcome}: \`hibernate\` must be true or false, but is ${String(hibernate)}`)
  }
  if (idleTimeout === undefined) return { next, idle: undefined, hibernate }
  if (next !== undefined) {
    throw new TypeError(`GenServer.${outcome}: \`continue\` and \`idleTimeout\` exclude each other: the one comes next`)
  }
  if (!Array.isArray(idleTimeout) || idleTimeout.length !== 2) {
    throw new TypeError(
      `GenServer.${outcome}: \`idleTimeout\` must be [duration, message], but is ${String(idleTimeout)}`
    )
  }
  const ms = milliseconds(outcome, idleTimeout[0])
  return { next, idle: ms === Number.POSITIVE_INFINITY ? undefined : [ms, idleTimeout[1]], hibernate }
}

/**
 * Answers the caller and goes on with `state` (`CB-2`, `CB-10`).
 *
 * A negative idle time-out, or an option that is none, throws.
 *
 * @category outcomes
 */
export function reply<A, S>(value: A, state: S): Reply<A, S>
export function reply<A, S, C extends Message.AnyContinue | undefined = never, I extends Message.AnyInfo = never>(
  value: A,
  state: S,
  options: Next<C, I>
): Reply<A, S, Given<C | I>>
export function reply(value: unknown, state: unknown, options?: AnyNext): Reply<unknown, unknown, object> {
  if (options === undefined) return new Reply<unknown, unknown, object>(value, state, undefined, undefined, false)
  const { hibernate, idle, next } = after("reply", options)
  return new Reply(value, state, next, idle, hibernate)
}

/**
 * Goes on with `state` and answers nobody (`CB-2`, `CB-3`). From a call's handler: the reply token answers, now or later.
 *
 * A negative idle time-out, or an option that is none, throws.
 *
 * @category outcomes
 */
export function noReply<S>(state: S): NoReply<S>
export function noReply<S, C extends Message.AnyContinue | undefined = never, I extends Message.AnyInfo = never>(
  state: S,
  options: Next<C, I>
): NoReply<S, Given<C | I>>
export function noReply(state: unknown, options?: AnyNext): NoReply<unknown, object> {
  if (options === undefined) return new NoReply<unknown, object>(state, undefined, undefined, false)
  const { hibernate, idle, next } = after("noReply", options)
  return new NoReply(state, next, idle, hibernate)
}

/**
 * Two things that OTP calls by one word.
 *
 * `stop(reason, state)` is an outcome: the server ends, `terminate` runs with this state, and whoever waits gets
 * `ServerDown` with the reason (`CB-9`, `TERM-1`).
 *
 * `stop(server, reason, options)` is an effect that asks a server to end, after what is queued before it, and waits until
 * it has ended (`CALL-19`). The reason is `Normal` by default, and it waits without limit. It fails with `ServerDown` if
 * the server was not there, or ended for another reason; with `CallTimeout` after `timeout`, while the server goes on
 * stopping; with `CallCycle` from inside the server (`CALL-20`).
 *
 * @category outcomes
 */
export function stop<S>(reason: ExitReason.ExitReason, state: S): Stop<S>
export function stop<Self, E, R>(
  server: Effect.Effect<ServerRef<Self>, E, R>,
  reason?: ExitReason.ExitReason,
  options?: StopOptions
): Effect.Effect<void, CallError | E, R>
export function stop(
  first: ExitReason.ExitReason | Effect.Effect<unknown, unknown, unknown>,
  second: unknown,
  options?: StopOptions
): Stop<unknown> | Effect.Effect<unknown, unknown, unknown> {
  if (ExitReason.isExitReason(first)) return new Stop(first, second)
  if (second === undefined || ExitReason.isExitReason(second)) {
    return calling.stop(first, second ?? ExitReason.normal, options)
  }
  throw new TypeError(`GenServer.stop: \`reason\` must be an ExitReason, but is ${String(second)}`)
}

/**
 * How whoever stops a server waits for its end.
 *
 * @category models
 */
export interface StopOptions {
  /** How long to wait for the end. Without limit by default. */
  readonly timeout?: Duration.DurationInput | "infinity" | undefined
}

/**
 * Ends the server and answers the caller: `terminate` runs, then the answer goes out, even if `terminate` crashes
 * (`CB-12`).
 *
 * @category outcomes
 */
export const stopReply = <A, S>(reason: ExitReason.ExitReason, value: A, state: S): StopReply<A, S> => {
  if (!ExitReason.isExitReason(reason)) {
    throw new TypeError(`stopReply: the reason must be an ExitReason, but is ${show(reason)}`)
  }
  return new StopReply(reason, value, state)
}

/**
 * From `init`: the first state, with what comes next (`START-7`).
 *
 * A negative idle time-out, or an option that is none, throws.
 *
 * @category outcomes
 */
export function ok<S>(state: S): Ok<S>
export function ok<S, C extends Message.AnyContinue | undefined = never, I extends Message.AnyInfo = never>(
  state: S,
  options: Next<C, I>
): Ok<S, Given<C | I>>
export function ok(state: unknown, options?: AnyNext): Ok<unknown, object> {
  if (options === undefined) return new Ok<unknown, object>(state, undefined, undefined, false)
  const { hibernate, idle, next } = after("ok", options)
  return new Ok(state, next, idle, hibernate)
}

/**
 * From `init`: no server is started, and that is no failure (`START-10`).
 *
 * @category outcomes
 */
export const ignore: Ignore = new Ignore()
