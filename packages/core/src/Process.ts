/**
 * What can be done to any process, whatever it runs.
 */
import type * as Effect from "effect/Effect"
import type { ExitReason } from "./ExitReason.ts"
import type { ServerRef } from "./GenServer.ts"
import * as calling from "./internal/calling.ts"

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
