/**
 * One run of a program: its clock, its scheduler, its history, and who is there. What is recorded next to an effect of
 * the engine's happens together with it: the fiber that records is held until its turn ends.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as ExitReason from "../../src/ExitReason.ts"
import type * as GenServer from "../../src/GenServer.ts"
import { VirtualClock } from "./clock.ts"
import type { Entry, Event, Result, Sender, Sent } from "./history.ts"
import type { Act, Config, Message, Program, Reason } from "./program.ts"
import { Random, RandomScheduler } from "./scheduler.ts"
import type { Ask, Subject } from "./server.ts"

/** A call that is to be answered later. */
export interface Token {
  readonly id: number
  readonly act: Act
  readonly from: GenServer.From<Ask>
}

/** One server that was started, and what it holds beside its state. */
export interface Incarnation {
  readonly id: number
  readonly config: Config
  ref: GenServer.ServerRef<Subject> | null
  readonly tokens: Array<Token>
  readonly timers: Array<{ readonly id: number; readonly timer: GenServer.Timer }>
  /** Timers that it may still arm: intervals that arm intervals would never end. */
  timersLeft: number
}

export class World {
  readonly program: Program
  readonly random: Random
  readonly scheduler: RandomScheduler
  readonly clock: VirtualClock
  readonly history: Array<Entry> = []
  /** All servers ever started. */
  readonly incarnations: Array<Incarnation> = []
  /** Who is in which place now. */
  readonly slots: Array<Incarnation | undefined> = []
  private ids = 0
  /** Moments for which something is set. */
  private readonly moments = new Set<number>()
  /**
   * Whether it may be a matter of chance what follows: two things were set for the same moment, or a server sent to
   * itself while a client might be let in.
   */
  hasRace = false
  /** Calls whose senders wait for an answer. */
  readonly waiting = new Set<number>()
  isClosing = false

  constructor(program: Program, seed: number, giveWay: number) {
    this.program = program
    this.random = new Random(seed)
    this.scheduler = new RandomScheduler(new Random(seed ^ 0x5eed), giveWay)
    this.clock = new VirtualClock(this.scheduler)
  }

  nextId(): number {
    return this.ids++
  }

  write(event: Event): void {
    this.history.push({ at: this.clock.now, event })
  }

  /** Says that something is set for that time. */
  moment(at: number): void {
    const micros = Math.round(at * 1000)
    if (this.moments.has(micros)) this.hasRace = true
    this.moments.add(micros)
  }

  /** Writes, and holds the fiber. */
  record(event: Event): Effect.Effect<void> {
    return Effect.map(this.hold, () => this.write(event))
  }

  /** What follows happens in one turn. */
  readonly hold: Effect.Effect<void> = Effect.withFiberRuntime((fiber) => {
    this.scheduler.hold(fiber)
    return Effect.void
  })

  incarnation(slot: number): Incarnation {
    return this.slots[slot % this.slots.length] as Incarnation
  }

  /** Sends, waits, and records how it ended, also if it was interrupted. */
  ask(sent: Omit<Sent, "_tag">, effect: Effect.Effect<number | void, unknown>): Effect.Effect<Result> {
    if (sent.timeout < Number.POSITIVE_INFINITY) this.moment(this.clock.now + sent.timeout)
    let isSent = false
    const send = Effect.flatMap(this.hold, () => {
      isSent = true
      this.waiting.add(sent.id)
      this.write({ _tag: "Sent", ...sent })
      return effect
    })
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Effect.exit(restore(send)), (exit) => {
        const result = resultOf(exit)
        if (isSent) this.waiting.delete(sent.id)
        const done = Effect.as(isSent ? this.record({ _tag: "Result", id: sent.id, result }) : Effect.void, result)
        return Exit.isInterrupted(exit) ? Effect.zipRight(done, Effect.interrupt) : done
      })
    )
  }

  sent(server: number, kind: Sent["kind"], sender: Sender, message: Message | null): Omit<Sent, "_tag"> {
    return {
      id: this.nextId(),
      server,
      kind,
      sender,
      message,
      reason: null,
      timeout: Number.POSITIVE_INFINITY,
      withdraw: true
    }
  }
}

const crashReason = (cause: Cause.Cause<unknown>): Reason => {
  if (Cause.isInterruptedOnly(cause)) return "crash interrupted"
  const defect = Cause.squash(cause)
  if (!(defect instanceof Error)) return `crash ${String(defect)}`
  return defect.message.includes("no outcome") ? "crash bad" : `crash ${defect.message}`
}

export const reasonOf = (reason: ExitReason.DownReason): Reason => {
  switch (reason._tag) {
    case "Normal":
      return "normal"
    case "Shutdown":
      return "shutdown"
    case "Killed":
      return "killed"
    case "NoProcess":
      return "no process"
    case "Crash":
      return crashReason(reason.cause)
    case "Restarting":
      return "restarting"
  }
}

interface Tagged {
  readonly _tag: string
}

const isTagged = (error: unknown): error is Tagged => typeof error === "object" && error !== null && "_tag" in error

const resultOf = (exit: Exit.Exit<number | void, unknown>): Result => {
  if (Exit.isSuccess(exit)) return exit.value === undefined ? "ok" : `ok ${exit.value}`
  if (Cause.isInterrupted(exit.cause)) return "interrupted"
  const error = Option.getOrUndefined(Cause.failureOption(exit.cause))
  if (typeof error === "number") return `fail ${error}`
  if (!isTagged(error)) return `died ${Cause.pretty(exit.cause)}`
  switch (error._tag) {
    case "ServerDown":
      return `down ${reasonOf((error as unknown as { readonly reason: ExitReason.DownReason }).reason)}`
    case "CallTimeout":
      return "timeout"
    case "MailboxFull":
      return "full"
    case "CallCycle":
      return "cycle"
    default:
      return `failed ${error._tag}`
  }
}
