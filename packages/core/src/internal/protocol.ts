/**
 * Types of protocols: what a server's class says of its messages and state, and what follows from it for clients and
 * handlers. Nothing here exists at run time.
 */
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { InitTimeout } from "../CallError.ts"
import type * as Message from "../Message.ts"
import type { Ignore, NoReply, Ok, Reply, Stop, StopReply } from "./outcome.ts"
import type { Refused } from "./refused.ts"

declare const protocol: unique symbol

/**
 * The instance type of a server's class, which is also the class's identity in requirements (`Effect<A, E, Hashmap>`).
 * There are no instances: it carries the types of the protocol.
 */
export interface Protocol<out Id extends string, out M, out S> {
  readonly [protocol]: { readonly id: Id; readonly messages: M; readonly state: S }
}

// ---------------------------------------------------------------------------------------------------------------------
// What a client may send
// ---------------------------------------------------------------------------------------------------------------------

type OrNone<M, Why extends string> = [M] extends [never] ? Refused<Why> : M

type MessageOf<Self> = Self extends Protocol<string, infer M, unknown> ? M : never

/** The requests that a server answers. */
export type CallOf<Self> = OrNone<Extract<MessageOf<Self>, Message.AnyCall>, "the protocol has no Call">

/** The messages that anybody may send it and that it does not answer. */
export type CastOf<Self> = OrNone<Extract<MessageOf<Self>, Message.AnyCast>, "the protocol has no Cast">

/** The messages that it may send to itself. */
export type OwnOf<Self> = OrNone<
  Extract<MessageOf<Self>, Message.AnyCast | Message.AnyInfo>,
  "the protocol has no Cast and no Info"
>

export type StateOf<Self> = Self extends Protocol<string, unknown, infer S> ? S : never

// ---------------------------------------------------------------------------------------------------------------------
// What a callback may return
// ---------------------------------------------------------------------------------------------------------------------

/** The messages an outcome may name: the next step, and what comes of idleness. */
export type Following<M> = Extract<M, Message.AnyContinue | Message.AnyInfo>

/** What is given by the options of an outcome. Written so that it is never inferred from what a callback should return. */
export type Given<N> = [N] extends [infer Inferred] ? Exclude<Inferred, undefined> : never

export type CallOutcome<A, S, N> = Reply<A, S, N> | NoReply<S, N> | Stop<S> | StopReply<A, S>

export type Outcome<S, N> = NoReply<S, N> | Stop<S>

/** A state that is itself an Effect, an `Option` for example, would be run: it has to come by `ok`, or from an Effect. */
export type InitOutcome<S, N> =
  | Exclude<S, Effect.Effect<unknown, unknown, unknown>>
  | Ok<S, N>
  | Ignore
  | Effect.Effect<S | Ok<S, N> | Ignore, unknown, unknown>

/** The state's type: what the service says, or else what `init` gives. */
export type InitialState<S, I> = unknown extends S
  ? StateIn<I extends Effect.Effect<infer A, infer _E, infer _R> ? A : I>
  : S

type StateIn<A> = A extends Ok<infer S, unknown> ? S : A extends Ignore ? never : A

// ---------------------------------------------------------------------------------------------------------------------
// What a layer requires and may fail with
// ---------------------------------------------------------------------------------------------------------------------

type Result<F> = F extends (...args: never) => infer A ? A : never

// An Effect that says nothing of its requirements, as `Effect.async` does, is taken for one without any.
type ContextOf<A> = A extends Effect.Effect<infer _A, infer _E, infer R> ? (unknown extends R ? never : R) : never

type HandlersContext<H> = { [Tag in keyof H]-?: ContextOf<Result<H[Tag]>> }[keyof H]

type CallbacksContext<H> = {
  [K in keyof H]-?: K extends "terminate"
    ? ContextOf<Result<H[K]>>
    : K extends keyof Sections
      ? HandlersContext<H[K]>
      : never
}[keyof H]

/** What `init` and the callbacks require. */
export type Requirements<I, H> = ContextOf<I> | CallbacksContext<H>

/** What `init` may fail with. */
export type InitError<I> = I extends Effect.Effect<infer _A, infer E, infer _R> ? E : never

/** What a limit on the time of `init` adds to that. */
export type TimeoutError<H> = H extends { readonly initTimeout?: infer Time }
  ? Time extends {}
    ? InitTimeout
    : never
  : never

/** A layer, or, where `init` takes arguments, a function from them to the layer. */
export type ServerLayer<Args extends ReadonlyArray<unknown>, Self, E, R> = Args extends readonly []
  ? Layer.Layer<Self, E, R>
  : (...args: Args) => Layer.Layer<Self, E, R>

type Built<L> = L extends (...args: never) => infer Result ? Result : L

export type StartArgs<L> = L extends (...args: infer Args) => unknown ? Args : []

export type StartError<L> = Built<L> extends Layer.Layer<infer _ROut, infer E, infer _RIn> ? E : never

export type StartContext<L> = Built<L> extends Layer.Layer<infer _ROut, infer _E, infer RIn> ? RIn : never

// ---------------------------------------------------------------------------------------------------------------------
// What has no place among the callbacks
// ---------------------------------------------------------------------------------------------------------------------

interface Sections {
  handleCall: "Call"
  handleCast: "Cast"
  handleInfo: "Info"
  handleContinue: "Continue"
}

type Extras<H, C> = {
  readonly [K in keyof H as K extends keyof C
    ? K extends keyof Sections
      ? Exclude<keyof H[K], keyof C[K]> extends never
        ? never
        : K
      : never
    : K]: K extends keyof Sections
    ? K extends keyof C
      ? {
          readonly [Tag in Exclude<
            keyof H[K],
            keyof C[K]
          >]: Refused<`the protocol has no ${Sections[K]} named ${Tag & string}`>
        }
      : Refused<`the protocol has no ${Sections[K]}`>
    : Refused<`there is no option ${K & string}`>
}

/** Refuses, in callbacks of the type `H`, what callbacks of the type `C` do not have. */
export type NothingBut<C, H> = keyof Extras<H, C> extends never ? unknown : Extras<H, C>
