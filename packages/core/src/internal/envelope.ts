/**
 * One call under way: the request, whoever waits for its answer, and the reply token (`from`) that a handler may keep.
 *
 * Whatever happens first settles it: an answer, the caller's timeout or interruption, the server's end. Everything that
 * comes later finds it settled and is ignored.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Tracer from "effect/Tracer"
import { CallTimeout } from "../CallError.ts"
import type { Alarm } from "./alarm.ts"
import { Deadline } from "./deadlines.ts"

/** Where a call is. */
export const Phase = {
  /** Waiting in the mailbox. */
  Queued: 0,
  /** Waiting before a full mailbox. */
  Outside: 1,
  /** Its handler has been called, and has not ended. */
  Begun: 2,
  /** Its handler has ended by `noReply`: the token may still answer. */
  Kept: 3
} as const

export type Phase = (typeof Phase)[keyof typeof Phase]

/** What `Effect.uninterruptibleMask` gives. */
export type Restore = <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>

/** Who may wait for others, and be waited for: a server, or the fiber that builds a supervised layer. */
export interface Party {
  readonly name: string
  /** What it waits for, if it waits for another one. */
  readonly waitingFor: Wait | null
}

/** Something that one may wait for: an answer, room in a mailbox, or the start or end of a child. */
export interface Wait {
  /** Whom one waits for; nobody, where that is several at once. */
  readonly home: Party | null
  /** Whether it is one of the several. */
  isFor?(party: Party): boolean
  /** Whether the way on depends on the other server being free (see the cycles of `calling`). */
  readonly blocks: boolean
}

/** What an envelope needs of the server that it was sent to. */
export interface Home extends Party {
  /** A queued call was withdrawn. */
  withdrawn(envelope: Envelope): void
  /** A kept token has been used, or has nobody waiting any more. */
  released(envelope: Envelope): void
  /** An answer came to a call that was settled already. */
  ignored(): void
}

class CallDeadline extends Deadline {
  private readonly envelope: Envelope
  private readonly alarm: Alarm
  private readonly ms: number

  constructor(envelope: Envelope, alarm: Alarm, ms: number) {
    super()
    this.envelope = envelope
    this.alarm = alarm
    this.ms = ms
  }

  cancel(): void {
    this.alarm.cancel(this)
  }

  override onDue(): void {
    const { envelope, ms } = this
    envelope.abandon(Exit.fail(new CallTimeout({ server: envelope.home.name, request: envelope.tag, timeout: ms })))
  }
}

type Answer = Exit.Exit<unknown, unknown>

const interrupted: Answer = Exit.void

export class Envelope implements Wait {
  readonly tag: string
  readonly request: object
  /** The server that it was sent to, or the one that has taken over that one's mailbox. */
  home: Home
  /** Whether the request is taken back when its caller gives up before the handler was called. */
  readonly withdrawable: boolean
  phase: Phase = Phase.Queued
  /** How many servers have crashed over it. */
  crashes = 0
  exit: Answer | null = null
  /** The call's span, if somebody traces. */
  span: Tracer.Span | null = null
  /** When it was queued, in the nanoseconds of the server's clock, if that is measured. */
  queuedAt: bigint | null = null
  private resume: ((answer: Answer) => void) | null = null
  private deadline: CallDeadline | null = null

  constructor(tag: string, request: object, home: Home, withdrawable: boolean) {
    this.tag = tag
    this.request = request
    this.home = home
    this.withdrawable = withdrawable
  }

  /** Whether the caller has given up on a call whose handler was never called, and takes it back. */
  get isWithdrawn(): boolean {
    return this.exit !== null && this.withdrawable && this.phase < Phase.Begun
  }

  get blocks(): boolean {
    return this.exit === null && this.phase !== Phase.Kept
  }

  /** Settles the call, unless it is settled. */
  settle(exit: Answer): boolean {
    if (this.exit !== null) return false
    this.exit = exit
    if (this.deadline !== null) {
      this.deadline.cancel()
      this.deadline = null
    }
    const resume = this.resume
    if (resume !== null) {
      this.resume = null
      resume(exit)
    }
    return true
  }

  /** Answers by the token or the handler's outcome; an answer too many is counted. */
  answer(exit: Answer): void {
    if (!this.settle(exit)) this.home.ignored()
    else if (this.phase === Phase.Kept) this.home.released(this)
  }

  /** The caller goes, with `exit`. */
  abandon(exit: Answer): void {
    if (!this.settle(exit)) return
    if (this.phase === Phase.Kept) this.home.released(this)
    else if (this.isWithdrawn) this.home.withdrawn(this)
  }

  expireAfter(alarm: Alarm, ms: number): void {
    this.deadline = new CallDeadline(this, alarm, ms)
    alarm.set(this.deadline, ms)
  }

  /** Waits for the answer, in a region where only `restore` lets itself be interrupted. That abandons the call. */
  wait(restore: Restore): Effect.Effect<unknown, unknown> {
    return Effect.matchCauseEffect(restore(Effect.async<unknown, unknown>((resume) => this.register(resume))), {
      onFailure: (cause) => {
        this.abandon(interrupted)
        return Effect.failCause(cause)
      },
      onSuccess: Effect.succeed
    })
  }

  // The reply token: functions that can be passed on by themselves, made when one asks for them: an envelope is made for each call.

  get succeed(): (value: unknown) => Effect.Effect<void> {
    return (value) => Effect.sync(() => this.answer(Exit.succeed(value)))
  }

  get fail(): (error: unknown) => Effect.Effect<void> {
    return (error) => Effect.sync(() => this.answer(Exit.fail(error)))
  }

  get done(): (exit: Exit.Exit<unknown, unknown>) => Effect.Effect<void> {
    return (exit) => Effect.sync(() => this.answer(exit))
  }

  private register(resume: (answer: Answer) => void): void {
    if (this.exit === null) this.resume = resume
    else resume(this.exit)
  }
}
