/**
 * What the model knows of a server and of the messages to it.
 */
import type { Armed, Began, Result, Sent } from "./history.ts"
import type { Config, Reason } from "./program.ts"

/** Milliseconds by which times may be off: the engine counts in microseconds. */
export const tolerance = 0.002

/** One message under way. */
export interface Parcel {
  readonly sent: Sent
  readonly index: number
  readonly at: number
  beganAt: number | null
  /** What it is answered with, and from when on that is certain. */
  answer: { readonly result: Result; readonly index: number; certain: { index: number; at: number } | null } | null
  /** An answer that may have come before that one. */
  rival: Result | null
  result: { readonly result: Result; readonly index: number; readonly at: number } | null
  /** Whether the call closes a circle of servers that wait for each other. */
  mayBeCycle: boolean
  /** Messages in the mailbox for certain when it was sent. */
  ahead: number
}

export interface Timer {
  readonly armed: Armed
  fired: number
  /** How many times it may have fired, once it is cancelled. */
  limit: number
}

export interface Idle {
  readonly id: number
  readonly ms: number
  /** When it is due at the earliest, and at the latest if that is known. */
  readonly due: number
  latest: number | null
  cancelled: boolean
  /** Whether a message came when it was due already: then it may have been cancelled by that. */
  isRivalled: boolean
}

/** How a server ends, as far as is known. */
export interface End {
  readonly index: number
  /** What it may be; it is one of them for everybody. */
  readonly reasons: Set<Reason>
  /** Whether it is by an exit signal alone: then `terminate` does not run. */
  readonly isSignal: boolean
  /** When it was killed. */
  killed: number | null
}

export class ServerModel {
  readonly id: number
  readonly config: Config
  state: number
  readonly committed: Array<number>
  readonly seen: Array<number> = []
  busy: Began | null = null
  /** A decision of which it is not certain that it has taken effect. */
  undecided: Parcel | null = null
  hasUndecided = false
  /** Whether the last committed state may not have been committed. */
  isStateUncertain = false
  queue: Array<Parcel> = []
  readonly timers = new Map<number, Timer>()
  lastDue = 0
  next: number | null = null
  idle: Idle | null = null
  /** What waiting callers were told. */
  readonly told = new Set<Reason>()
  end: End | null = null
  terminated: number | null = null
  released = 0
  /** The call that its handler waits for. */
  waiting: Parcel | null = null
  /** The cast for which its handler may wait: the mailbox that it goes to may be full. */
  pressed: Parcel | null = null

  constructor(id: number, config: Config, state: number) {
    this.id = id
    this.config = config
    this.state = state
    this.committed = [state]
  }

  get isBounded(): boolean {
    return this.config.capacity < Number.POSITIVE_INFINITY
  }

  /** Whether it may have ended for that reason. Nothing says when and how the parent's end has reached it. */
  isDownFor(reason: Reason | null, closing: number | null): boolean {
    if (reason === null) return false
    if (this.end?.reasons.has(reason) === true) return true
    const isByParent = closing !== null && (this.end === null || this.end.index > closing)
    return isByParent && (reason === "shutdown" || reason === "killed")
  }

  get drops(): boolean {
    return this.isBounded && this.config.overflow !== "backpressure"
  }
}

/** Whether it takes up room, and can be refused. */
export const isFromOutside = ({ sent: { kind } }: Parcel): boolean => kind === "call" || kind === "cast"
