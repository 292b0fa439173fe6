/**
 * A child's place under its supervisor: how it is started there, told to end, and killed. What is decided about it is
 * the supervisor's business; a place carries it out and says what has happened.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type { Restart, Type } from "../ChildSpec.ts"
import * as ExitReason from "../ExitReason.ts"
import type { MaxRestartsExceeded } from "../SupervisorError.ts"
import type { Party } from "./envelope.ts"
import type { Environment } from "./environment.ts"
import type { Identity } from "./events.ts"
import { Moment } from "./moment.ts"
import type { Parent } from "./parent.ts"
import { isRestarted, type Child as Planned, type Status } from "./plan.ts"
import { isWorthALine, overdueLog, repeatedLog } from "./reports.ts"
import { isWithin, type Root } from "./root.ts"
import type { Seat, Seats } from "./seat.ts"
import type { Node } from "./tree.ts"

/** How a start has ended. */
export type Outcome =
  | { readonly _tag: "Started" }
  /** It wanted no process (`SUP-7`), and that is no failure. */
  | { readonly _tag: "Ignored" }
  | { readonly _tag: "Failed"; readonly cause: Cause.Cause<unknown> }

export const started: Outcome = { _tag: "Started" }
export const ignored: Outcome = { _tag: "Ignored" }
export const failed = (cause: Cause.Cause<unknown>): Outcome => ({ _tag: "Failed", cause })

/** The supervisor, as its places see it. */
export interface Keeper extends Party {
  readonly path: ReadonlyArray<string>
  readonly root: Root
  readonly environment: Environment
  /** The child in that place has ended by itself. */
  childEnded(place: Place, reason: ExitReason.ExitReason): void
  /** Writes a line into the supervisor's log, when it has a turn. */
  log(line: Effect.Effect<void>): void
}

/** How a child is looked after, checked. */
export interface Care {
  readonly restart: Restart
  readonly significant: boolean
  /** Milliseconds it may take to end; nothing if it is up to what the child turns out to be. */
  readonly shutdown: number | null
}

/** Why a child was lost, for whoever asks while it is being restarted or given up. */
export const causeOf = (reason: ExitReason.ExitReason): Cause.Cause<unknown> =>
  reason._tag === "Crash" ? reason.cause : reason._tag === "Killed" ? Cause.interrupt(FiberId.none) : Cause.empty

export abstract class Place implements Planned, Parent {
  readonly id: string
  readonly care: Care
  readonly keeper: Keeper
  status: Status = "stopped"
  /** How often it was started again. */
  restarts = 0
  /** Attempts to start it again since it ran last. */
  attempt = 0
  /** Changes whenever the supervisor starts or stops it: what is said of another epoch is no news any more. */
  epoch = 0
  /** Its seats are another place's by now, or nobody's: what happens here is not for them any more. */
  isLeft = false
  /** Why it ended last. */
  reason: ExitReason.ExitReason | null = null
  /** Why the supervisor in it that was started last has given up, if it has. */
  whyGaveUp: MaxRestartsExceeded | null = null
  private given: ExitReason.DownReason | (() => ExitReason.DownReason) = ExitReason.noProcess
  /** When it was started last, in milliseconds of the alarm's time. */
  startedAt = 0
  /** What its servers have left unhandled when they ended last. */
  protected unhandled = 0
  /** Since when it is told to end, in milliseconds of the alarm's time. */
  private stoppingSince: number | null = null
  private repeated: { readonly text: string; count: number } | null = null

  constructor(id: string, care: Care, keeper: Keeper) {
    this.id = id
    this.care = care
    this.keeper = keeper
  }

  /** Starts what belongs here. `onOutcome` may be called before this returns. */
  abstract start(environment: Environment, onOutcome: (outcome: Outcome) => void): void
  /** Gives up a start that is under way. */
  abstract cancel(): void
  /** Calls back when what is there has ended. */
  protected abstract whenOver(onEnd: (reason: ExitReason.ExitReason) => void): void
  /** Tells what is there to end: its parent's exit signal. */
  protected abstract tell(reason: ExitReason.ExitReason): void
  /** Ends it without waiting. */
  abstract kill(): void
  /** The exit signal of a supervisor that was killed (`SUP-26`). */
  abstract orphan(): void
  /** Whether anything is there that would have to end. */
  abstract readonly hasRemains: boolean
  /** Whether the child runs. */
  abstract readonly isAlive: boolean
  abstract readonly type: Type
  /** The seats of the servers in it. */
  abstract readonly estate: Seats
  /** What the supervisor waits for when it waits for this. */
  abstract readonly party: Party
  /** Nobody will be started here again. */
  abstract free(): void
  /** What it looks like in a drawing of the tree. */
  abstract readonly node: Node

  get seats(): ReadonlyArray<Seat> {
    return [...this.estate.values()].flat()
  }

  /** What is told of it while nobody is there. */
  get down(): ExitReason.DownReason {
    return typeof this.given === "function" ? this.given() : this.given
  }

  get restart(): Restart {
    return this.care.restart
  }

  get significant(): boolean {
    return this.care.significant
  }

  get path(): ReadonlyArray<string> {
    return [...this.keeper.path, this.id]
  }

  /** The process that runs here, as events have it; also while there is none. */
  abstract readonly identity: Identity

  pathOf(name: string): ReadonlyArray<string> {
    return name === this.id ? this.path : [...this.path, name]
  }

  /** Milliseconds that it may take to end. */
  get shutdown(): number {
    return this.care.shutdown ?? (this.type === "supervisor" ? Number.POSITIVE_INFINITY : 5_000)
  }

  /** Its id, and what there is to say about it. */
  protected label(kind: string): string {
    const notes = [
      this.restart === "permanent" ? "" : this.restart,
      this.status === "running" && this.isAlive ? "" : this.status === "running" ? "restarting" : this.status,
      this.restarts === 0 ? "" : `restarted ${this.restarts} ${this.restarts === 1 ? "time" : "times"}`
    ].filter((note) => note !== "")
    return `${this.id} (${[kind, ...notes].join(", ")})`
  }

  repeats(text: string): Effect.Effect<void> | null {
    if (this.repeated?.text !== text) {
      this.repeated = { text, count: 1 }
      return null
    }
    const count = ++this.repeated.count
    return isWorthALine(count) ? repeatedLog(this.id, this, text, count) : Effect.void
  }

  gaveUp(why: MaxRestartsExceeded): void {
    this.whyGaveUp = why
  }

  /** What runs here has ended by itself. */
  protected ended(reason: ExitReason.ExitReason): void {
    this.reason = reason
    if (this.status !== "running") return
    if (isRestarted(this.restart, reason)) this.announce(() => this.restarting())
    else this.announce(ExitReason.noProcess)
    this.keeper.childEnded(this, reason)
  }

  /** What callers are told while it is down and to come back. */
  restarting(at?: number): ExitReason.Restarting {
    const cause = this.reason === null ? Cause.empty : causeOf(this.reason)
    return new ExitReason.Restarting({ cause, attempt: this.attempt, ...(at === undefined ? {} : { at }) })
  }

  /** Tells callers of its servers, and users of its services, why nobody answers. */
  announce(down: ExitReason.DownReason | (() => ExitReason.DownReason)): void {
    this.given = down
    if (!this.isLeft) for (const seat of this.seats) seat.announce(down)
  }

  /** Nobody runs here for the time being, and nobody is expected: who waits is told `reason`. */
  giveUp(reason: ExitReason.DownReason = ExitReason.noProcess): void {
    this.given = ExitReason.noProcess
    if (!this.isLeft) for (const seat of this.seats) seat.giveUp(reason)
  }

  /**
   * Ends what is here, within its time, and calls back with why it ended. The time of an application is watched over at
   * its top: when it is over, everything is cut short.
   */
  stop(reason: ExitReason.ExitReason, onEnd: (reason: ExitReason.ExitReason) => void): void {
    this.epoch++
    if (!this.hasRemains) {
      onEnd(this.reason ?? ExitReason.normal)
      return
    }
    const { shutdown } = this
    const { environment, root } = this.keeper
    const { alarm } = environment
    const deadline = new Moment(() => this.isLate())
    if (shutdown > 0 && shutdown < Number.POSITIVE_INFINITY) alarm.set(deadline, shutdown)
    this.stoppingSince = alarm.now()
    this.unhandled = 0
    this.whenOver((reason) => {
      alarm.cancel(deadline)
      this.stoppingSince = null
      this.reason = reason
      if (this.unhandled > 0 && root.isEnding) root.unhandled.push({ path: this.path, messages: this.unhandled })
      onEnd(reason)
    })
    if (shutdown > 0) this.tell(reason)
    else this.kill()
  }

  /**
   * Gives up a start that is under way. What does not let itself be interrupted has the time that it would have to end:
   * `limit` is to see to that, as long as the start goes on.
   */
  cancelWithin(limit: (moment: Moment, millis: number) => void): void {
    const { shutdown } = this
    if (shutdown <= 0) {
      this.kill()
      return
    }
    this.stoppingSince = this.keeper.environment.alarm.now()
    if (shutdown < Number.POSITIVE_INFINITY) limit(new Moment(() => this.isLate()), shutdown)
    this.cancel()
  }

  /** It has not ended in the time that it may take. */
  private isLate(): void {
    const { overdue, isEnding } = this.keeper.root
    // An application that ends tells of all of them together.
    if (isEnding) overdue.push({ path: this.path, waited: this.waited, why: "late" })
    else this.keeper.log(overdueLog(this.id, this, this.waited))
    this.kill()
  }

  /** Ends it without waiting, as there is no time left for all that is under the root. */
  cutShort(): void {
    if (!this.hasRemains) return
    const { path, waited } = this
    const { overdue } = this.keeper.root
    this.kill()
    // Those within it that were still there are told by now, and it has waited for nothing else.
    const isTold = overdue.some((other) => other.why === "killed" && isWithin(other.path, path))
    if (!isTold && this.shutdown > 0) overdue.push({ path, waited, why: "killed" })
  }

  private get waited(): number {
    return this.stoppingSince === null ? 0 : this.keeper.environment.alarm.now() - this.stoppingSince
  }
}
