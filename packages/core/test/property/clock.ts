/**
 * A `Clock` whose time stands still until the driver moves it. Those who sleep are woken in the order of their times,
 * by the scheduler of the test.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scheduler from "effect/Scheduler"
import { RandomScheduler } from "./scheduler.ts"

/** Milliseconds that the engine may be off: whoever wakes closer together does so at the same time. */
const rounding = 0.0005

interface Sleeper {
  readonly at: number
  /** Whether no time has to pass. */
  readonly isBrief: boolean
  readonly wake: () => void
}

export class VirtualClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  private readonly scheduler: Scheduler.Scheduler
  /** By time, and of one time in the order in which they came. */
  private readonly sleepers: Array<Sleeper> = []
  private lastWake = Number.NEGATIVE_INFINITY
  /** Whether two have slept until the same time: who is first is a matter of chance. */
  hasTie = false
  /** Milliseconds. */
  now = 0

  constructor(scheduler: Scheduler.Scheduler) {
    this.scheduler = scheduler
  }

  unsafeCurrentTimeMillis(): number {
    return this.now
  }

  unsafeCurrentTimeNanos(): bigint {
    return BigInt(Math.round(this.now * 1_000_000))
  }

  readonly currentTimeMillis: Effect.Effect<number> = Effect.sync(() => this.unsafeCurrentTimeMillis())
  readonly currentTimeNanos: Effect.Effect<bigint> = Effect.sync(() => this.unsafeCurrentTimeNanos())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    const at = this.now + Duration.toMillis(duration)
    const sleep = Effect.async<void>((resume) => {
      const sleeper: Sleeper = { at, isBrief: at === this.now, wake: () => resume(Effect.void) }
      let index = this.sleepers.length
      while (index > 0 && (this.sleepers[index - 1] as Sleeper).at > sleeper.at) index--
      this.sleepers.splice(index, 0, sleeper)
      return Effect.sync(() => {
        const place = this.sleepers.indexOf(sleeper)
        if (place >= 0) this.sleepers.splice(place, 1)
      })
    })
    // What sleeps in Effect's default runtime wakes in ours all the same: nothing runs by itself.
    return Effect.withFiberRuntime((fiber) => {
      // Interrupted after it is in the list and before Effect waits, it would never be taken out.
      if (this.scheduler instanceof RandomScheduler) this.scheduler.hold(fiber)
      return fiber.currentScheduler === Scheduler.defaultScheduler ? Effect.withScheduler(sleep, this.scheduler) : sleep
    })
  }

  /** When the next sleeper is to be woken; ∞ if nobody sleeps. */
  get nearest(): number {
    return this.sleepers[0]?.at ?? Number.POSITIVE_INFINITY
  }

  /** Moves the time, and wakes whoever has slept until then. */
  advance(to: number): void {
    this.now = Math.max(this.now, to)
    while (this.sleepers.length > 0 && this.nearest <= this.now) {
      const { at, isBrief, wake } = this.sleepers.shift() as Sleeper
      if (!isBrief) {
        if (at - this.lastWake < rounding) this.hasTie = true
        this.lastWake = at
      }
      wake()
    }
  }
}
