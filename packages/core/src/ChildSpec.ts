/**
 * What supervisors and those who describe children to them have in common: OTP's words for when a child is restarted,
 * how it is stopped, and whom its end concerns.
 */
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Stream from "effect/Stream"
import type { Refused } from "./internal/refused.ts"

/**
 * When a child that has ended is started again (`SUP-9`).
 *
 * | | after an error or a kill | after `normal`, `shutdown`, `shutdown(note)` |
 * |---|---|---|
 * | `permanent` | restarted | restarted |
 * | `transient` | restarted | not restarted |
 * | `temporary` | not restarted, forgotten | not restarted, forgotten |
 *
 * @category models
 */
export type Restart = "permanent" | "transient" | "temporary"

/**
 * How long a child may take to end when its supervisor stops it. After that it is killed. `"brutal"` kills at once,
 * `"infinity"` waits as long as it takes (`SUP-21`).
 *
 * @category models
 */
export type Shutdown = Duration.DurationInput | "brutal" | "infinity"

/**
 * Which children are restarted together with one that has ended (`SUP-10` to `SUP-12`).
 *
 * - `one_for_one`: none.
 * - `one_for_all`: all of them. They are stopped in reverse order, then all are started in order.
 * - `rest_for_one`: those that stand after it in the list, in the same way.
 *
 * @category models
 */
export type Strategy = "one_for_one" | "one_for_all" | "rest_for_one"

/**
 * Whether a supervisor ends, with `shutdown`, when a significant child has ended by itself: never, when any one has, or
 * when all have (`SUP-28`).
 *
 * @category models
 */
export type AutoShutdown = "never" | "any_significant" | "all_significant"

/**
 * At most `restarts` restarts within any time of that length, over all children together (`SUP-14`). One more, and the
 * supervisor stops its children and ends with `shutdown`.
 *
 * @category models
 */
export interface Intensity {
  readonly restarts: number
  readonly within: Duration.DurationInput
}

/**
 * What kind of thing a child is: `worker`, or `supervisor` if it has children itself.
 *
 * @category models
 */
export type Type = "worker" | "supervisor"

/**
 * How a child is looked after.
 *
 * @category models
 */
export interface Options<Restarted extends Restart = Restart> {
  /** Its name under the supervisor: the server's or supervisor's own by default, or else its position (`"#3"`, from 1). */
  readonly id?: string | undefined
  /** `permanent` by default. */
  readonly restart?: Restarted | undefined
  /** 5 seconds by default; `"infinity"` for a supervisor; for a server what its own `shutdown` says. */
  readonly shutdown?: Shutdown | undefined
  /** Whether its end may end the supervisor (see {@link AutoShutdown}). Not for `permanent` children. */
  readonly significant?: Significant<Restarted> | undefined
}

/**
 * Whether a child that is restarted then may be significant (`SUP-29`).
 *
 * @category type-level
 */
export type Significant<Restarted extends Restart> = [Restarted] extends ["permanent"]
  ? false | Refused<"a significant child must be transient or temporary: a permanent one never ends for good">
  : boolean

declare const childSpec: unique symbol

/**
 * A child as a supervisor takes it: what starts it, and how it is looked after. Made by `Supervisor.child` and
 * `Supervisor.worker`; a Layer is one by itself, with the defaults.
 *
 * @category models
 */
export interface ChildSpec<in ROut, out E = never, out RIn = never> {
  readonly [childSpec]: {
    readonly _ROut: (_: ROut) => void
    readonly _E: () => E
    readonly _RIn: () => RIn
  }
  /** The name that it was given. */
  readonly id: string | undefined
}

/**
 * Anything that can stand in a list of children.
 *
 * @category models
 */
export type Child = Layer.Layer<never, unknown, unknown> | ChildSpec<never, unknown, unknown>

// ---------------------------------------------------------------------------------------------------------------------
// What a list of children comes to. Every position is matched by `infer`: what a Layer puts out is contravariant, and a
// child that gives nothing would fall through any other pattern.
// ---------------------------------------------------------------------------------------------------------------------

/**
 * What a child provides.
 *
 * @category type-level
 */
export type OutOf<C> =
  C extends Layer.Layer<infer ROut, infer _E, infer _RIn>
    ? ROut
    : C extends ChildSpec<infer ROut, infer _E, infer _RIn>
      ? ROut
      : never

/**
 * What a child may fail to start with.
 *
 * @category type-level
 */
export type ErrorOf<C> =
  C extends Layer.Layer<infer _ROut, infer E, infer _RIn>
    ? E
    : C extends ChildSpec<infer _ROut, infer E, infer _RIn>
      ? E
      : never

/**
 * What a child requires.
 *
 * @category type-level
 */
export type ContextOf<C> =
  C extends Layer.Layer<infer _ROut, infer _E, infer RIn>
    ? RIn
    : C extends ChildSpec<infer _ROut, infer _E, infer RIn>
      ? RIn
      : never

/**
 * What the children of a list provide together. Where there may be one list or another, what either provides; of an
 * array, what its elements provide.
 *
 * @category type-level
 */
export type Provides<Children extends ReadonlyArray<unknown>> = InEach<OutOf<Children[number]>, Children>

type InEach<Out, Children> = Out extends unknown ? ([WithoutIt<Out, Children>] extends [never] ? Out : never) : never

type WithoutIt<Out, Children> =
  Children extends ReadonlyArray<infer Child> ? ([Out] extends [OutOf<Child>] ? never : Children) : never

/**
 * What the children of a list require and no earlier child provides. An array or a spread may be empty, and does not
 * tell its order: it satisfies nothing.
 *
 * @category type-level
 */
export type Requires<
  Children extends ReadonlyArray<unknown>,
  Provided = never,
  Required = never
> = Children extends readonly [infer Head, ...infer Tail]
  ? Requires<Tail, Provided | OutOf<Head>, Required | Exclude<ContextOf<Head>, Provided>>
  : RequiresFromEnd<Children, Provided, Required>

// What stands behind a spread is taken from the end, `Open` being what is not satisfied there.
type RequiresFromEnd<
  Children extends ReadonlyArray<unknown>,
  Provided,
  Required,
  Open = never
> = Children extends readonly [...infer Init, infer Last]
  ? RequiresFromEnd<Init, Provided, Required, ContextOf<Last> | Exclude<Open, OutOf<Last>>>
  : Required | Exclude<ContextOf<Children[number]> | Open, Provided>

// ---------------------------------------------------------------------------------------------------------------------
// Late binding
// ---------------------------------------------------------------------------------------------------------------------

/** What can be asked of a service anew at each run. */
type Run = Effect.Effect<unknown, unknown, unknown> | Stream.Stream<unknown, unknown, unknown>

type NotRun<Service> = {
  // What `Effect.Service` adds stays what it is.
  readonly [K in Exclude<keyof Service, "_tag">]-?: Service[K] extends Run | ((...args: never) => Run) ? never : K
}[Exclude<keyof Service, "_tag">]

type Members<Service> = [Service] extends [Run | ((...args: never) => unknown)]
  ? Refused<"its members are what is asked anew, and this service is itself an Effect, a Stream or a function">
  : [NotRun<Service>] extends [never]
    ? unknown
    : Refused<`the member ${NotRun<Service> & string} is no Effect, no Stream and no function that returns one`>

/**
 * The tags of services that can be given out through a child's place: the child provides them, and each of their members
 * is an Effect, a Stream, or a function that returns one.
 *
 * @category type-level
 */
export type LateBound<Tags extends ReadonlyArray<unknown>, ROut> = {
  readonly [I in keyof Tags]: unknown extends ROut
    ? unknown
    : Tags[I] extends Context.Tag<infer Id, infer Service>
      ? [Id] extends [ROut]
        ? Members<Service>
        : Refused<"the child does not provide this service">
      : Refused<"not a tag">
}
