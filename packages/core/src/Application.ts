/**
 * A program made of children: what starts, in which order, and what becomes of the whole when a part of it does not stay
 * up.
 *
 * An Application is a supervisor with a name, a root for the names of its processes, a budget of time for its end, and a
 * configuration that can be replaced while it runs. {@link make} describes it; `.launch` runs it as a program, `.layer`
 * provides it within a larger one.
 *
 * @example
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Application, GenServer } from "@effect-otp/core"
 *
 * class Greet extends GenServer.Call<Greet>()("Greet", { payload: { name: Schema.String }, success: Schema.String }) {}
 *
 * class Greeter extends GenServer.Service<Greeter>()("@app/Greeter", { messages: [Greet] }) {
 *   static readonly layer = this.toLayer((word: string) => word, {
 *     handleCall: { Greet: ({ name }, word) => GenServer.reply(`${word}, ${name}`, word) }
 *   })
 * }
 *
 * const App = Application.make({ name: "Hello.Supervisor", children: [Greeter.layer("Hello")] })
 *
 * const program = Effect.gen(function* () {
 *   console.log(yield* GenServer.call(Greeter, new Greet({ name: "Joe" }))) // => Hello, Joe
 * })
 * await Effect.runPromise(Effect.provide(program, App.layer))
 * ```
 */
import type * as ConfigProvider from "effect/ConfigProvider"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { ServerDown } from "./CallError.ts"
import type * as ChildSpec from "./ChildSpec.ts"
import { makeApplication } from "./internal/application.ts"
import type * as Supervisor from "./Supervisor.ts"

export type { ConfigChange } from "./internal/configuration.ts"
export { type Overdue, ShutdownReport } from "./internal/shutdownReport.ts"

import type { ConfigChange } from "./internal/configuration.ts"
import type { ShutdownReport } from "./internal/shutdownReport.ts"

/**
 * An application could not be started, or its top supervisor has given up.
 *
 * `path` leads to the child that failed, `started` says what had been started, in order; all of it was stopped again, in
 * reverse, before this was reported.
 *
 * @category errors
 */
export class ApplicationFailed extends Schema.TaggedError<ApplicationFailed>("@effect-otp/core/ApplicationFailed")(
  "ApplicationFailed",
  {
    application: Schema.String,
    during: Schema.Literal("start", "run"),
    path: Schema.Array(Schema.String),
    reason: Schema.Cause({ error: Schema.Defect, defect: Schema.Defect }),
    started: Schema.Array(Schema.String),
    /** What has happened, for humans. */
    account: Schema.String
  }
) {
  override get message(): string {
    return this.account
  }
}

/**
 * What the last callback of an application is told.
 *
 * @category models
 */
export interface Stopped<Prepared> {
  /** What `prepStop` gave; nothing if it failed. */
  readonly prepared: Option.Option<Prepared>
  readonly report: ShutdownReport
}

/**
 * The options of an application: those of its top supervisor, and its own.
 *
 * @category models
 */
export interface Options<
  Children extends ReadonlyArray<ChildSpec.Child>,
  E,
  R,
  Prepared,
  R1,
  R2,
  R3,
  Name extends string = string
> extends Supervisor.Options<Children, E, R> {
  /** The name of the application and of its top supervisor. */
  readonly name: Name
  /**
   * How long the whole may take to end, from the first word of it and with `prepStop` and `stop`; what is not done by
   * then is killed. 30 seconds by default.
   */
  readonly shutdownTimeout?: Duration.DurationInput | "infinity" | undefined
  /**
   * Runs before anything is stopped, or after that if the top supervisor has ended by itself (`APP-7`, `APP-9`); not for
   * an application that never came up. It may use what the children provide. A failure is logged, and the end goes on
   * (`APP-8`); if it takes all the time there is, it is left behind, and the children are killed.
   */
  readonly prepStop?: Effect.Effect<Prepared, unknown, R1> | undefined
  /**
   * Runs when everything is stopped (`APP-7`), without what the children provided. A failure is logged (`APP-8`); when
   * there is no time left, it is begun and left behind.
   */
  readonly stop?: ((stopped: Stopped<Prepared>) => Effect.Effect<unknown, unknown, R2>) | undefined
  /**
   * Told what `changeConfig` has changed (`APP-13`): the difference to what was known when the configuration before was
   * put in its place. It may use what the children provide. Its defect is a defect of `changeConfig`.
   */
  readonly configChange?: ((change: ConfigChange) => Effect.Effect<unknown, never, R3>) | undefined
}

/**
 * A program that can be launched.
 *
 * @category models
 */
// biome-ignore lint/suspicious/noExplicitAny: who writes the type without a name means an application of whatever name
export interface Application<in Provides, out E, out R, in out Name extends string = any> {
  readonly name: Name
  /**
   * The tag of the top supervisor, for `Supervisor.whichChildren` and its like. A child may ask it, too, once it runs; the
   * type of an effect that does so has to be written down, since the application's own type is made of its children's:
   * `const draw = (): Effect.Effect<string, CallError.CallError, Application.TopSupervisor<"Shop">> => Supervisor.tree(Shop.supervisor)`.
   */
  readonly supervisor: Supervisor.ServiceClass<TopSupervisor<Name>, string>
  /**
   * The application as a part of a larger program. Fails as its children do. If it gives up, that is logged as fatal,
   * its refs answer `ServerDown` with `Shutdown`, and `Supervisor.awaitEnd` fails.
   */
  readonly layer: Layer.Layer<Provides | TopSupervisor<Name>, E, R>
  /**
   * Runs it. Succeeds when its top supervisor has ended as somebody wanted; fails with {@link ApplicationFailed} when a
   * child cannot be started, or the supervisor gives up or is killed, and has then logged the account of it, with the stack
   * of a defect that kept a child from starting. Interrupted,
   * by a signal for example, it stops everything in reverse, within `shutdownTimeout`, and logs a {@link ShutdownReport};
   * it has failed all the same if it had before.
   *
   * For a program of its own: `NodeRuntime.runMain(App.launch, { disableErrorReporting: true })`, since it has given its
   * account. The exit code is 0, or 1 if it has failed.
   */
  readonly launch: Effect.Effect<void, ApplicationFailed, R>
  /**
   * Replaces the configuration, for everything that is started or restarted from then on, and tells `configChange` what
   * has changed, unless nothing has. Fails with `ServerDown` where the application does not run.
   */
  readonly changeConfig: (next: ConfigProvider.ConfigProvider) => Effect.Effect<void, ServerDown>
}

declare const topSupervisor: unique symbol

/**
 * The top supervisor of the application of that name, as a service.
 *
 * @category models
 */
// biome-ignore lint/suspicious/noExplicitAny: as above
export interface TopSupervisor<in out Name extends string = any> {
  readonly [topSupervisor]: (_: Name) => Name
}

/**
 * Describes an application. Options that make no sense throw here; nothing is started.
 *
 * Its configuration is that of whoever starts it, until {@link Application.changeConfig} replaces it.
 *
 * @category constructors
 */
export const make = <
  const Children extends readonly [] | ReadonlyArray<ChildSpec.Child>,
  E = never,
  R = never,
  Prepared = unknown,
  R1 = never,
  R2 = never,
  R3 = never,
  const Name extends string = string
>(
  options: Options<Children, E, R, Prepared, R1, R2, R3, Name>
): Application<
  ChildSpec.Provides<Children>,
  E | ChildSpec.ErrorOf<Children[number]>,
  Exclude<R | ChildSpec.Requires<Children> | R2 | Exclude<R1 | R3, ChildSpec.Provides<Children>>, TopSupervisor<Name>>,
  Name
> =>
  // What the children come to exists only in types.
  makeApplication(options as never, (failure) => new ApplicationFailed(failure)) as never
