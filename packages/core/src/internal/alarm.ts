/**
 * Waits for deadlines: one alarm per `Clock`, and in it one sleeper for all deadlines there are, so that a deadline
 * costs two links in a list and neither a fiber nor a timer. Times are milliseconds of the clock's monotonic time.
 *
 * A sleeper sleeps on the clock until the nearest deadline, then what is due is fired, and the next sleeps. It is not
 * ended when a nearer deadline comes, because `TestClock` keeps interrupted sleeps and steps through each: an
 * additional one begins instead, if none that is under way wakes in time. They are ended when nothing is waited for any
 * more, so that an answered call's five seconds do not hold the process.
 *
 * On Effect's own clock a sleeper is a timer, as its `sleep` is, and there is none before the event loop has turned:
 * most calls are answered by then, and have cost no more than their two links. On every other clock it is a fiber, and
 * the sleep is registered when the deadline is set, since a test moves its clock right after that.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Scheduler from "effect/Scheduler"
import { type Deadline, Deadlines } from "./deadlines.ts"

/** The longest sleep there is: JavaScript's timers count in 31 bits, and Effect's clock takes more for "forever". */
const longestSleep = 2 ** 31 - 1

/** Deadlines fired in one go before other fibers have their turn. */
const firedAtOnce = 128

/** Sleepers under way before the one that wakes last is given up; more only come about by ever nearer deadlines. */
const mostSleepers = 16

/** Effect's default runtime, but what a fiber dies of is logged as an error and not at `Debug`: nobody waits for it. */
const runFork = Runtime.runFork(
  Runtime.setFiberRef(Runtime.defaultRuntime, FiberRef.unhandledErrorLogLevel, Option.some(LogLevel.Error))
)

/**
 * Runs once the event loop has turned. What is scheduled keeps the process alive, as it must: a deadline that has no
 * sleeper yet would otherwise be lost with a process that has nothing else to do.
 */
const afterTurn = (run: () => void): void => {
  if (typeof setImmediate === "function") setImmediate(run)
  else setTimeout(run, 0)
}

interface Sleeper {
  /** When it wakes, in milliseconds. */
  readonly until: number
  stop: () => void
}

/** What waits for the deadlines of one clock. See {@link alarmOf}. */
export class Alarm {
  private readonly clock: Clock.Clock
  private readonly isLive: boolean
  private readonly deadlines = new Deadlines()
  /** The one that wakes first comes last: each was begun for something nearer than all before it. */
  private sleepers: Array<Sleeper> = []
  private isFiring = false
  /** From here on somebody is there: from when the next sleeper wakes, or from -∞ while what is due is being fired. */
  private covered = Number.POSITIVE_INFINITY
  private isLooking = false
  private readonly look: () => void

  constructor(clock: Clock.Clock, isLive: boolean) {
    this.clock = clock
    this.isLive = isLive
    this.look = () => {
      this.isLooking = false
      if (this.nearest() < this.covered) this.sleep()
      else this.release()
    }
  }

  /** The clock's monotonic time in milliseconds. */
  now(): number {
    if (this.isLive) return performance.now()
    // Rounded to microseconds: TestClock's nanoseconds come from floating-point milliseconds, and what it takes for
    // a whole millisecond must be one here too. Microseconds since 1970 are still exact in a number.
    return Number((this.clock.unsafeCurrentTimeNanos() + 500n) / 1000n) / 1000
  }

  /** Waits for `duration` milliseconds, then calls the deadline's `onDue`. A deadline that is pending is moved. */
  set(deadline: Deadline, duration: number): void {
    this.setAt(deadline, duration, this.now() + duration)
  }

  /**
   * Waits until the time is `at` (milliseconds of {@link now}), then calls the deadline's `onDue`; never before this
   * has returned. The duration (milliseconds) only says with which other deadlines it is kept: those of one duration
   * should come in order.
   */
  setAt(deadline: Deadline, duration: number, at: number): void {
    this.deadlines.add(deadline, duration, at)
    if (at < this.covered) {
      if (this.isLive) this.lookLater()
      else this.sleep()
    }
  }

  /** Waits no longer; `false` if the deadline was not pending here. */
  cancel(deadline: Deadline): boolean {
    if (!this.deadlines.remove(deadline)) return false
    this.releaseLater()
    return true
  }

  /** The milliseconds until the deadline is due, at least 0; `undefined` if it is not pending here. */
  remaining(deadline: Deadline): number | undefined {
    return this.deadlines.isPending(deadline) ? Math.max(deadline.at - this.now(), 0) : undefined
  }

  /** When the next deadline is due; ∞ if there is none, or none that ever is. */
  private nearest(): number {
    return this.deadlines.nearest() ?? Number.POSITIVE_INFINITY
  }

  private lookLater(): void {
    if (this.isLooking) return
    this.isLooking = true
    afterTurn(this.look)
  }

  private releaseLater(): void {
    if (this.sleepers.length > 0 && this.nearest() === Number.POSITIVE_INFINITY) this.lookLater()
  }

  /** Ends the sleepers when there is nothing to wait for. */
  private release(): void {
    if (this.nearest() < Number.POSITIVE_INFINITY) return
    const { sleepers } = this
    this.sleepers = []
    this.cover()
    for (const sleeper of sleepers) sleeper.stop()
  }

  private cover(): void {
    this.covered = this.isFiring
      ? Number.NEGATIVE_INFINITY
      : (this.sleepers[this.sleepers.length - 1]?.until ?? Number.POSITIVE_INFINITY)
  }

  /** Begins to sleep for the nearest deadline, which must be nearer than what is covered. */
  private sleep(): void {
    const now = this.now()
    const nearest = this.nearest()
    const left = Math.min(Math.max(nearest - now, 0), longestSleep)
    const sleeper: Sleeper = { until: Math.min(nearest, now + longestSleep), stop: () => {} }
    this.sleepers.push(sleeper)
    this.cover()
    if (this.isLive) {
      // Timers cut off fractions.
      const timer = setTimeout(() => this.wake(sleeper), Math.ceil(left))
      sleeper.stop = () => clearTimeout(timer)
    } else {
      this.sleepOnClock(sleeper, Duration.millis(left))
    }
    if (this.sleepers.length > mostSleepers) this.sleepers.shift()?.stop()
  }

  /** In a fiber that has nothing of whoever set the deadline, and at once: the sleep is registered after this. */
  private sleepOnClock(sleeper: Sleeper, duration: Duration.Duration): void {
    const { clock } = this
    const fiber = runFork(
      Effect.withClock(
        Effect.suspend(() => clock.sleep(duration)),
        clock
      )
    )
    sleeper.stop = () => fiber.unsafeInterruptAsFork(FiberId.none)
    let isStarting = true
    fiber.addObserver((exit) => {
      if (Exit.isFailure(exit)) this.remove(sleeper)
      else if (isStarting) Scheduler.defaultScheduler.scheduleTask(() => this.wake(sleeper), 0)
      else this.wake(sleeper)
    })
    isStarting = false
  }

  /**
   * Takes a sleeper out; `false` if it was out before. One that has failed, because its clock did, is not replaced
   * before the next deadline is set: it would not end.
   */
  private remove(sleeper: Sleeper): boolean {
    const index = this.sleepers.indexOf(sleeper)
    if (index < 0) return false
    this.sleepers.splice(index, 1)
    this.cover()
    return true
  }

  private wake(sleeper: Sleeper): void {
    // It may have been given up and woken before it was interrupted.
    if (!this.remove(sleeper) || this.isFiring) return
    this.isFiring = true
    this.cover()
    this.fire(sleeper.until)
  }

  /** Calls what is due, in order, then sleeps for the next unless a sleeper does. */
  private fire(since: number): void {
    // The clock's word that it has slept until then counts, even if it shows an earlier time: timers may be early by
    // less than a millisecond, and a clock whose time stands still must not be asked again and again.
    const now = Math.max(this.now(), since)
    for (let fired = 0; fired < firedAtOnce; fired++) {
      const deadline = this.deadlines.takeDue(now)
      if (deadline === undefined) {
        this.isFiring = false
        this.cover()
        if (this.nearest() < this.covered) this.sleep()
        else this.releaseLater()
        return
      }
      try {
        deadline.onDue(deadline.at, now)
      } catch (defect) {
        // Not the end of this: the others wait for it.
        runFork(Effect.die(defect))
      }
    }
    Scheduler.defaultScheduler.scheduleTask(() => this.fire(now), 0)
  }
}

/** Only for comparison: Effect's clocks share their methods, and may be as many as there are `Clock.make()`. */
const effectsOwn = Clock.make()

const isLive = (clock: Clock.Clock): boolean =>
  clock.sleep === effectsOwn.sleep && clock.unsafeCurrentTimeNanos === effectsOwn.unsafeCurrentTimeNanos

/** Weak, so that a test's clock goes with its test. Only a sleeper holds its clock, as long as something is pending. */
const alarms = new WeakMap<Clock.Clock, Alarm>()

/**
 * The alarm of a clock, always the same one for the same clock.
 *
 * Effect's own clock is known by its methods, whichever instance it is; its time is taken from `performance.now()`,
 * which is what its nanoseconds come from, without their way through a `bigint`. What another clock replaces or wraps
 * is that clock's time, as its `unsafeCurrentTimeNanos` tells it.
 */
export const alarmOf = (clock: Clock.Clock): Alarm => {
  let alarm = alarms.get(clock)
  if (alarm === undefined) {
    alarm = new Alarm(clock, isLive(clock))
    alarms.set(clock, alarm)
  }
  return alarm
}
