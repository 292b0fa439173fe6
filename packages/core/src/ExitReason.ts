/**
 * Why a process ended, and what a caller is told when nobody is there to answer.
 *
 * These are OTP's exit reasons as tagged values with schemas, so that they can be matched on, compared with `Equal`,
 * logged, and sent elsewhere. `normal`, `shutdown` and `shutdown(note)` are ends that somebody wanted: they are not
 * logged as crashes, and a transient child is not restarted after them. `killed` and `crash(error)` are failures.
 */
import * as Cause from "effect/Cause"
import * as Schema from "effect/Schema"

const AnyCause = Schema.Cause({ error: Schema.Defect, defect: Schema.Defect })

/**
 * The process finished: OTP's `normal`.
 *
 * @category models
 */
export class Normal extends Schema.TaggedClass<Normal>("@effect-otp/core/ExitReason/Normal")("Normal", {}) {}

/**
 * The process was asked to stop: OTP's `shutdown`, and `{shutdown, note}` when there is a note.
 *
 * @category models
 */
export class Shutdown extends Schema.TaggedClass<Shutdown>("@effect-otp/core/ExitReason/Shutdown")("Shutdown", {
  note: Schema.optionalWith(Schema.Unknown, { exact: true })
}) {}

/**
 * The process was killed from outside: no code of its own ran on the way out (`PROC-5`).
 *
 * @category models
 */
export class Killed extends Schema.TaggedClass<Killed>("@effect-otp/core/ExitReason/Killed")("Killed", {}) {}

/**
 * The process failed: a defect, an interruption, or a failure that nobody declared. It is also OTP's "any other term",
 * when a callback stops with a reason of its own (see {@link crash}).
 *
 * @category models
 */
export class Crash extends Schema.TaggedClass<Crash>("@effect-otp/core/ExitReason/Crash")("Crash", {
  cause: AnyCause
}) {}

/**
 * Why a process ended.
 *
 * @category models
 */
export type ExitReason = Normal | Shutdown | Killed | Crash

/**
 * @category schemas
 */
export const ExitReason: Schema.Union<[typeof Normal, typeof Shutdown, typeof Killed, typeof Crash]> = Schema.Union(
  Normal,
  Shutdown,
  Killed,
  Crash
)

/**
 * There was no process when the message was sent: OTP's `noproc` (`CALL-3`).
 *
 * @category models
 */
export class NoProcess extends Schema.TaggedClass<NoProcess>("@effect-otp/core/ExitReason/NoProcess")(
  "NoProcess",
  {}
) {}

/**
 * The process has crashed and its supervisor has not begun to start the next one.
 *
 * `attempt` counts the failed attempts so far; `at` is the time, in milliseconds since the epoch, of the next one, if a
 * back-off schedule has set it.
 *
 * @category models
 */
export class Restarting extends Schema.TaggedClass<Restarting>("@effect-otp/core/ExitReason/Restarting")("Restarting", {
  cause: AnyCause,
  attempt: Schema.Int,
  at: Schema.optionalWith(Schema.Number, { exact: true })
}) {}

/**
 * What a caller is told about a server that cannot answer: why it ended, or that there is none.
 *
 * @category models
 */
export type DownReason = ExitReason | NoProcess | Restarting

/**
 * @category schemas
 */
export const DownReason: Schema.Union<
  [typeof Normal, typeof Shutdown, typeof Killed, typeof Crash, typeof NoProcess, typeof Restarting]
> = Schema.Union(Normal, Shutdown, Killed, Crash, NoProcess, Restarting)

/**
 * Finished.
 *
 * @category constructors
 */
export const normal: ExitReason = new Normal()

const plainShutdown: ExitReason = new Shutdown()

/**
 * Asked to stop, with or without a note that says what for.
 *
 * @example
 * ```ts
 * import { ExitReason } from "@effect-otp/core"
 *
 * console.log(ExitReason.format(ExitReason.shutdown("maintenance"))) // => shutdown: maintenance
 * ```
 *
 * @category constructors
 */
export const shutdown = (...note: [] | [note: unknown]): ExitReason =>
  note.length === 0 ? plainShutdown : new Shutdown({ note: note[0] })

/**
 * Killed.
 *
 * @category constructors
 */
export const killed: ExitReason = new Killed()

/**
 * Failed with an error of any kind. A `Cause` is taken as it is; anything else is a defect.
 *
 * @category constructors
 */
export const crash = (error: unknown): ExitReason =>
  new Crash({ cause: Cause.isCause(error) ? error : Cause.die(error) })

/**
 * There is no process.
 *
 * @category constructors
 */
export const noProcess: DownReason = new NoProcess()

/**
 * @category guards
 */
export const isExitReason = (u: unknown): u is ExitReason =>
  u instanceof Normal || u instanceof Shutdown || u instanceof Killed || u instanceof Crash

/**
 * Whether somebody wanted this end (`normal`, `shutdown`, `shutdown(note)`): it is not logged as a crash, and does not
 * restart a transient child (`CB-17`).
 *
 * @category guards
 */
export const isExpected = (reason: ExitReason): reason is Normal | Shutdown =>
  reason._tag === "Normal" || reason._tag === "Shutdown"

/**
 * A few words for logs and error messages.
 *
 * @category formatting
 */
export const format = (reason: DownReason): string => {
  switch (reason._tag) {
    case "Normal":
      return "normal"
    case "Shutdown":
      return "note" in reason ? `shutdown: ${String(reason.note)}` : "shutdown"
    case "Killed":
      return "killed"
    case "Crash":
      return `crashed: ${firstLine(reason.cause)}`
    case "NoProcess":
      return "no process"
    case "Restarting":
      // What ended without an error, or was killed, has no words of its own.
      return Cause.isEmpty(reason.cause)
        ? "restarting"
        : `restarting after ${Cause.isInterruptedOnly(reason.cause) ? "an interruption" : firstLine(reason.cause)}`
  }
}

const firstLine = (cause: Cause.Cause<unknown>): string => Cause.pretty(cause).split("\n", 1)[0] ?? ""
