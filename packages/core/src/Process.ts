/**
 * What can be done to any process, whatever it runs.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import type { ExitReason } from "./ExitReason.ts"
import type { ServerRef } from "./GenServer.ts"
import * as calling from "./internal/calling.ts"
import * as internal from "./internal/events.ts"
import { list as listOf, type ProcessInfo } from "./internal/processes.ts"

/**
 * The Info that a trapping server is sent in place of an exit signal (`PROC-3`, `TERM-5`). It is part of a protocol like
 * any other message: list `Process.Exit` among the `messages` and handle `EXIT` in `handleInfo`. A trapping server
 * without it ignores exit signals.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { ExitReason, GenServer, Process } from "@effect-otp/core"
 *
 * class Guard extends GenServer.Service<Guard>()("@app/Guard", { messages: [Process.Exit] }) {
 *   static readonly layer = this.toLayer(() => 0, {
 *     trapExit: true,
 *     handleInfo: {
 *       EXIT: ({ reason }, count) => {
 *         console.log(`asked to end: ${ExitReason.format(reason)}`)
 *         return GenServer.noReply(count + 1)
 *       }
 *     }
 *   })
 * }
 *
 * const program = Effect.gen(function* () {
 *   yield* Process.exit(Guard, ExitReason.shutdown("for a while")) // => asked to end: shutdown: for a while
 *   yield* GenServer.stop(Guard)
 * })
 *
 * await Effect.runPromise(Effect.provide(program, Guard.layer))
 * ```
 *
 * @category models
 */
export { ExitSignal as Exit } from "./internal/exitSignal.ts"
export type { ProcessInfo, ProcessStatus } from "./internal/processes.ts"

/**
 * Sends an exit signal, and does not wait for what it does.
 *
 * - `killed` ends the target at once. It cannot be trapped, and `terminate` does not run (`PROC-5`).
 * - A target that does not trap exits ends with the reason: what it is doing is interrupted, `terminate` does not run
 *   (`PROC-3`, `TERM-2`). `normal` is ignored, unless the target sends it to itself (`PROC-4`).
 * - A trapping target is sent an {@link Exit} (`TERM-5`).
 * - A target that is ending or has ended is left alone (`PROC-7`).
 *
 * @category signals
 */
export const exit = <Self, E, R>(
  target: Effect.Effect<ServerRef<Self>, E, R>,
  reason: ExitReason
): Effect.Effect<void, E, R> =>
  // What finds the target may fail and require something, the signal does neither.
  calling.exit(target, reason) as Effect.Effect<void, E, R>

/**
 * Every process that is alive, of whatever kind and under whatever supervisor, in the order in which they were started:
 * servers, supervisors, and children that are layers or effects. Cheap enough to be asked for 100,000 of them: what is
 * costly to tell, its path, is made when one asks for it.
 *
 * A supervisor within another one is there twice, under one path: as the `Layer` that is the child, and as itself.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Process, Supervisor } from "@effect-otp/core"
 *
 * const program = Effect.map(Process.list, (processes) => {
 *   for (const { kind, path } of processes) console.log(`${path.join("/")}: ${kind}`)
 * })
 *
 * const layer = Supervisor.layer({ children: [Supervisor.worker("idle", Effect.never)] })
 * await Effect.runPromise(Effect.provide(program, layer))
 * // => Supervisor: Supervisor
 * // => Supervisor/idle: Worker
 * ```
 *
 * @category looking
 */
export const list: Effect.Effect<ReadonlyArray<ProcessInfo>> = Effect.sync(listOf)

/**
 * What one process is like now, or nothing if it is not alive (`PROC-25`).
 *
 * @category looking
 */
export const info = <Self, E, R>(
  target: Effect.Effect<ServerRef<Self>, E, R>
): Effect.Effect<Option.Option<ProcessInfo>, E, R> =>
  // What finds the target may fail and require something, looking does neither.
  calling.withServer(target, ({ occupant }) =>
    Effect.sync(() => Option.map(Option.fromNullable(occupant), (process) => process.describe()))
  ) as Effect.Effect<Option.Option<ProcessInfo>, E, R>

/**
 * Something that has happened to a process.
 *
 * @category looking
 */
export type ProcessEvent = internal.ProcessEvent

/**
 * The constructors of events, and `$is` and `$match` for them.
 *
 * @category looking
 */
export const ProcessEvent = internal.ProcessEvent

/**
 * Everything that happens to processes, from the subscription on: starts, restarts, crashes, delays, supervisors that
 * give up, messages set aside. Events are put there within the turn in which they happen, and only if somebody listens;
 * a listener that falls behind by more than 16,384 of them loses the oldest.
 *
 * @category looking
 */
export const events: Stream.Stream<ProcessEvent> = internal.events
