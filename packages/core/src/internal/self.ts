/**
 * What a callback may ask its own server for: its ref, messages to itself, timers.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Tracer from "effect/Tracer"
import type { Alarm } from "./alarm.ts"
import { Deadline } from "./deadlines.ts"
import { durationOption } from "./definition.ts"
import type { Seat } from "./seat.ts"
import { spanOf } from "./tracing.ts"

/** What the handle needs of its server. */
export interface Owner {
  readonly seat: Seat
  readonly alarm: Alarm
  /** The incarnation's scope. */
  readonly scope: Scope.Scope
  /** Whether this incarnation has ended. */
  readonly isDown: boolean
  /** Puts a message into its own mailbox, which never refuses it. Dies if it is not a cast or Info of its protocol. */
  deliver(message: object, link: Tracer.AnySpan | undefined): void
  /** Checks a message without sending it. */
  check(message: object): void
  readonly timers: Set<Timer>
}

/** A message that comes later, once or again and again. */
export class Timer extends Deadline {
  private readonly owner: Owner
  private readonly message: object
  /** Milliseconds between two messages; nothing for one that comes once. */
  private readonly period: number | null

  /** The span in which it was set. */
  private readonly link: Tracer.AnySpan | undefined

  constructor(owner: Owner, message: object, period: number | null, link: Tracer.AnySpan | undefined) {
    super()
    this.owner = owner
    this.message = message
    this.link = link
    this.period = period
  }

  override onDue(at: number): void {
    if (this.period === null) this.owner.timers.delete(this)
    // From the time that it was due, not from now: a fixed rate does not drift, and skips nothing.
    else this.owner.alarm.setAt(this, this.period, at + this.period)
    this.owner.deliver(this.message, this.link)
  }

  stop(): boolean {
    this.owner.timers.delete(this)
    return this.owner.alarm.cancel(this)
  }

  /** What is left of it, or nothing when it has fired, was cancelled, or died with its server (`PROC-21`). */
  readonly remaining: Effect.Effect<Option.Option<Duration.Duration>> = Effect.sync(() => this.left())

  /** Cancels it: its message never comes after this. Gives what was left of it (`PROC-21`). */
  readonly cancel: Effect.Effect<Option.Option<Duration.Duration>> = Effect.sync(() => {
    const left = this.left()
    this.stop()
    return left
  })

  private left(): Option.Option<Duration.Duration> {
    return Option.map(Option.fromNullable(this.owner.alarm.remaining(this)), (ms) => Duration.millis(Math.max(0, ms)))
  }
}

export class SelfHandle {
  /** The incarnation that it belongs to. */
  readonly owner: Owner

  constructor(owner: Owner) {
    this.owner = owner
  }

  get ref(): Seat {
    return this.owner.seat
  }

  get scope(): Scope.Scope {
    return this.owner.scope
  }

  readonly send = (message: object): Effect.Effect<void> =>
    Effect.withFiberRuntime((fiber) => {
      this.owner.deliver(message, spanOf(fiber))
      return Effect.void
    })

  readonly sendAfter = (message: object, delay: Duration.DurationInput): Effect.Effect<Timer> =>
    Effect.withFiberRuntime((fiber) =>
      Effect.succeed(this.arm(message, durationOption(this.owner.seat.name, "sendAfter", delay), null, spanOf(fiber)))
    )

  readonly sendEvery = (message: object, period: Duration.DurationInput): Effect.Effect<Timer> =>
    Effect.withFiberRuntime((fiber) => {
      const ms = durationOption(this.owner.seat.name, "sendEvery", period)
      if (ms <= 0)
        throw new RangeError(`${this.owner.seat.name}: the period of \`sendEvery\` must be more than nothing`)
      return Effect.succeed(this.arm(message, ms, ms, spanOf(fiber)))
    })

  private arm(message: object, ms: number, period: number | null, link: Tracer.AnySpan | undefined): Timer {
    const { owner } = this
    owner.check(message)
    const timer = new Timer(owner, message, period, link)
    // A timer dies with its server, and is never armed for one that has died.
    if (!owner.isDown && ms !== Number.POSITIVE_INFINITY) {
      owner.timers.add(timer)
      owner.alarm.set(timer, ms)
    }
    return timer
  }
}
