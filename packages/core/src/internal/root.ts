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

export class Root {
  private readonly names = new Map<string, Seat>()
  /** By when everything has to have ended, in milliseconds of the alarm's time. */
  until = Number.POSITIVE_INFINITY
  /** What went wrong while it all ended; kept once it is to end. */
  readonly overdue: Array<Overdue> = []
  readonly unhandled: Array<Unhandled> = []
  /** Whether an application is being started under it, and wants to know what it has come to. */
  isStarting = false
  /** The children that were started then, in order. */
  readonly started: Array<ReadonlyArray<string>> = []
  /** The child that could not be started, the deepest one, and why; for the account of an application. */
  failure: { readonly path: ReadonlyArray<string>; readonly cause: Cause.Cause<unknown> } | null = null

  failedToStart(path: ReadonlyArray<string>, cause: Cause.Cause<unknown>): void {
    if (!this.isStarting) return
    if (this.failure === null || path.length > this.failure.path.length) this.failure = { path, cause }
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
