/**
 * What all processes of one tree share: the names, and how much time is left when all of it is to end.
 */
import type * as Cause from "effect/Cause"
import type { Seat } from "./seat.ts"

/** A child that did not end in time. */
export interface Overdue {
  readonly path: ReadonlyArray<string>
  /** How long it was waited for, in milliseconds. */
  readonly waited: number
  /** Whether it had its own time, or was cut short because there was none left for the whole tree. */
  readonly why: "late" | "killed"
}

/** Messages that nobody has handled. */
export interface Unhandled {
  readonly path: ReadonlyArray<string>
  readonly messages: number
}

/** Whether a path leads to what another one leads to, or further. */
export const isWithin = (path: ReadonlyArray<string>, other: ReadonlyArray<string>): boolean =>
  other.every((part, position) => path[position] === part)

export const isSame = (path: ReadonlyArray<string>, other: ReadonlyArray<string>): boolean =>
  path.length === other.length && isWithin(path, other)

/** An application, as its tree knows it. */
export interface Whole {
  /** Its top supervisor. */
  readonly top: object
  /** How long all of it may take to end, in milliseconds. */
  readonly budget: number
  /** Whether somebody says himself why the top supervisor has given up. */
  readonly hasAccount: boolean
}

export class Root {
  private readonly names = new Map<string, Seat>()
  /** The application that this is the root of, if it is one. */
  whole: Whole | null = null
  /** Since when all of it is to end, and by when it has to have ended, in milliseconds of the alarm's time. */
  since: number | null = null
  until = Number.POSITIVE_INFINITY
  /** What went wrong while it all ended; kept once it is to end. */
  readonly overdue: Array<Overdue> = []
  readonly unhandled: Array<Unhandled> = []
  /** The children that were started at first, in order, for the account of an application. */
  started: ReadonlyArray<ReadonlyArray<string>> = []
  private isUp = false
  /** The child that could not be started, the deepest one, and why; for the account of an application. */
  failure: { readonly path: ReadonlyArray<string>; readonly cause: Cause.Cause<unknown> } | null = null

  get isEnding(): boolean {
    return this.since !== null
  }

  /** Whether the time is over; timers may be early by a part of a millisecond. */
  isOver(now: number): boolean {
    return this.until - now < 1
  }

  /** All of it is to end: its time runs from the first word of that. */
  ends(now: number): void {
    if (this.since !== null) return
    this.since = now
    this.until = now + (this.whole?.budget ?? Number.POSITIVE_INFINITY)
  }

  hasStarted(path: ReadonlyArray<string>): void {
    if (this.whole !== null && !this.isUp && !this.started.some((other) => isSame(other, path))) {
      this.started = [...this.started, path]
    }
  }

  /** The supervisor has started all its children. */
  cameUp(supervisor: object): void {
    if (this.whole?.top !== supervisor) return
    this.isUp = true
    // What failed on the way did not keep it from starting.
    this.failure = null
  }

  /** A supervisor fails with its child: the child within it was told before. What is started later is no part of that. */
  failedToStart(path: ReadonlyArray<string>, cause: Cause.Cause<unknown>): void {
    if (this.whole === null || this.isUp) return
    if (this.failure === null || !isWithin(this.failure.path, path)) this.failure = { path, cause }
  }

  /**
   * Takes a name for a seat. If somebody holds it, given is who. Between two incarnations it is free (`PROC-15`), and
   * whoever asks for it is still told that the last holder is being restarted.
   */
  claim(key: string, seat: Seat): Seat | null {
    const holder = this.names.get(key)
    if (holder !== undefined && holder !== seat && holder.occupant !== null) return holder
    this.names.set(key, seat)
    return null
  }

  /** Nobody will sit there any more. */
  free(key: string, seat: Seat): void {
    if (this.names.get(key) === seat) this.names.delete(key)
  }

  lookup(key: string): Seat | undefined {
    return this.names.get(key)
  }
}
