/**
 * What all supervisors have in common: a server whose state is its children, that hears of their ends and starts them
 * again. Which of them, and when it is enough, is decided by `plan` and `restarts`.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleIntervals from "effect/ScheduleIntervals"
import * as Schema from "effect/Schema"
import * as ExitReason from "../ExitReason.ts"
import { Info } from "../Message.ts"
import { MaxRestartsExceeded } from "../SupervisorError.ts"
import type { Definition } from "./definition.ts"
import type { Party, Wait } from "./envelope.ts"
import { type Environment, logsProgress, whereaboutsOf, withRoot, withServices } from "./environment.ts"
import { emit, ProcessEvent } from "./events.ts"
import { Moment } from "./moment.ts"
import { NoReply, Stop } from "./outcome.ts"
import type { Parent } from "./parent.ts"
import { causeOf, failed, type Keeper, type Outcome, type Place } from "./place.ts"
import { attemptLog, firstLine, gaveUpLog, killedLog, progressLog } from "./reports.ts"
import { Restarts } from "./restarts.ts"
import { Root } from "./root.ts"
import type { Seat } from "./seat.ts"
import { Server } from "./server.ts"
import type { Node } from "./tree.ts"

/** How often children may be started again, and what is waited for before. */
export interface Patience {
  readonly restarts: number
  /** Milliseconds. */
  readonly within: number
  readonly backoff: Schedule.Schedule<unknown, ExitReason.ExitReason, unknown> | null
}

const place = Schema.declare((u): u is Place => typeof u === "object")

/** A child has ended by itself. */
export class Ended extends Info<Ended>()("Ended", { place, epoch: Schema.Number }) {}
/** A child is to be started again: once more, or after the first wait, which was counted already. */
export class Retry extends Info<Retry>()("Retry", { place, epoch: Schema.Number, isCounted: Schema.Boolean }) {}

export const infos = [Ended, Retry] as const

export type Handled = NoReply<unknown, never> | Stop<unknown>

/** A supervisor waits for the start or the end of what is in a place. */
class PlaceWait implements Wait {
  readonly blocks = true
  private readonly place: Place

  constructor(place: Place) {
    this.place = place
  }

  get home(): Party {
    return this.place.party
  }
}

const interrupted = failed(Cause.interrupt(FiberId.none))

export abstract class Overseer extends Server implements Keeper {
  readonly root: Root
  /** What its children find, beside what they provide to each other. */
  protected readonly base: Environment
  protected readonly patience: Patience
  /** It is to end: nothing is started any more. */
  protected isClosing = false
  /** Why it has given up. */
  gaveUp: MaxRestartsExceeded | null = null
  private readonly window: Restarts
  private readonly isVerbose: boolean
  /** It is yet to learn which children it has. */
  protected isListing = false
  /** The child that is being started. */
  private starting: Place | null = null
  /** That is not wanted any more, and was told so. */
  private isGivingUpStart = false
  /** By when it has to be given up. */
  private patienceWithStart: Moment | null = null

  constructor(
    definition: Definition,
    seat: Seat<Server>,
    environment: Environment,
    parent: Parent | null,
    patience: Patience
  ) {
    super(definition, seat, environment, parent)
    this.root = whereaboutsOf(environment)?.root ?? new Root()
    // Under the root of its children, which for an application within another one is not that of its parent.
    if (definition.isNamed) this.root.claim(definition.key, seat)
    const services = new Map<string, unknown>(environment.services.unsafeMap)
    services.set(definition.key, seat)
    this.base = withServices(withRoot(environment, this.root), Context.unsafeMake(services))
    this.patience = patience
    this.isVerbose = logsProgress(environment)
    this.window = new Restarts(patience.restarts, patience.within)
  }

  override get path(): ReadonlyArray<string> {
    return this.parent === null ? [this.name] : this.parent.path
  }

  protected abstract readonly places: Iterable<Place>

  protected readonly stay: Handled = new NoReply<unknown, never>(this, undefined, undefined, false)

  // -----------------------------------------------------------------------------------------------------------------
  // Starting and stopping one child
  // -----------------------------------------------------------------------------------------------------------------

  /** Starts a child. Given is how that ended, or an effect that waits for it. */
  protected startPlace(place: Place, environment: Environment): Outcome | Effect.Effect<Outcome> {
    if (this.isClosing) return interrupted
    let outcome: Outcome | null = null
    let resume: ((effect: Effect.Effect<Outcome>) => void) | null = null
    place.epoch++
    place.whyGaveUp = null
    place.startedAt = this.alarm.now()
    this.starting = place
    // Whoever asks this supervisor from in there would wait for itself, also in the turn in which it starts.
    this.waitingFor = new PlaceWait(place)
    place.start(environment, (given) => {
      outcome = given
      if (this.starting === place) this.starting = null
      if (this.patienceWithStart !== null) this.alarm.cancel(this.patienceWithStart)
      this.waitingFor = null
      place.status = given._tag === "Started" ? "running" : "stopped"
      if (given._tag === "Started") {
        place.attempt = 0
        this.tellProgress(place, place.restarts === 0 ? "has started" : "has started again")
      } else if (given._tag === "Ignored") place.giveUp()
      resume?.(Effect.succeed(given))
    })
    // What the callback has set is not known to the compiler.
    if ((outcome as Outcome | null) !== null) return outcome as unknown as Outcome
    return Effect.async<Outcome>((callback) => {
      if (outcome === null) resume = callback
      else callback(Effect.succeed(outcome))
    })
  }

  /** Starts a child again. */
  protected restartPlace(place: Place, environment: Environment): Outcome | Effect.Effect<Outcome> {
    place.restarts++
    const given = this.startPlace(place, environment)
    if (Effect.isEffect(given)) return Effect.map(given, (outcome) => this.restarted(place, outcome))
    return this.restarted(place, given)
  }

  private restarted(place: Place, outcome: Outcome): Outcome {
    if (outcome._tag === "Started") this.definition.stats.restarts++
    else place.restarts--
    // It has come back: what was said meanwhile is over.
    if (place.isAlive) place.announce(ExitReason.noProcess)
    return outcome
  }

  protected tellFailed(place: Place, cause: Cause.Cause<unknown>): void {
    emit(() => ProcessEvent.FailedToStart({ ...place.identity, cause, restarts: place.restarts }))
  }

  /** Stops a child, within its time. It is down afterwards. */
  protected stopPlace(place: Place, reason: ExitReason.ExitReason): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!place.hasRemains) {
        place.epoch++
        place.status = "stopped"
        return Effect.void
      }
      this.waitingFor = new PlaceWait(place)
      place.status = "stopped"
      return Effect.async<void>((resume) => {
        place.stop(reason, (ended) => {
          this.waitingFor = null
          this.tellProgress(place, `has stopped: ${ExitReason.format(ended)}`)
          resume(Effect.void)
        })
      })
    })
  }

  // -----------------------------------------------------------------------------------------------------------------
  // Again and again
  // -----------------------------------------------------------------------------------------------------------------

  log(line: Effect.Effect<void>): void {
    this.run(Effect.catchAllCause(line, () => Effect.void))
  }

  /** A line for those who have asked for such lines. */
  protected tellProgress(place: Place, what: string): void {
    if (this.isVerbose) this.log(progressLog(place.id, place, what))
  }

  childEnded(place: Place, reason: ExitReason.ExitReason): void {
    if (this.isDown || this.isClosing) return
    if (ExitReason.isExpected(reason)) this.tellProgress(place, `has ended: ${ExitReason.format(reason)}`)
    else this.definition.stats.childCrashes++
    if (reason._tag === "Killed") {
      // What was killed could not say so itself.
      const line = place.repeats("killed") ?? killedLog(place.id, place)
      if (line !== Effect.void) this.log(line)
    }
    this.deliverAtOnce(new Ended({ place, epoch: place.epoch }))
  }

  /** Counts a restart; true if it is one too many. */
  protected readonly isTooMany = (): boolean => this.window.isTooMany(this.alarm.now())

  /** Ends, with all children, because of that one, which has come to that limit. */
  protected giveUp(place: Place, limit: MaxRestartsExceeded["limit"]): Effect.Effect<Handled> {
    const cause = this.whyEnded(place)
    const { restarts, within } = this.patience
    this.gaveUp = new MaxRestartsExceeded({
      supervisor: this.name,
      path: this.path,
      child: place.id,
      restarts,
      within,
      limit,
      reason: cause
    })
    this.parent?.gaveUp(this.gaveUp)
    emit(() => ProcessEvent.GaveUp({ ...this.identity, child: place.id, cause }))
    const { whole } = this.root
    const log =
      whole?.top === this && whole.hasAccount
        ? Effect.void
        : gaveUpLog(this.gaveUp.message, this.path, this.parent === null)
    return Effect.as(log, new Stop<unknown>(ExitReason.shutdown(), this))
  }

  private whyEnded({ reason, whyGaveUp }: Place): Cause.Cause<unknown> {
    if (reason?._tag === "Shutdown" && whyGaveUp !== null) return Cause.fail(whyGaveUp)
    return reason === null ? Cause.empty : causeOf(reason)
  }

  /** An attempt to start it again has failed, and is to be made again. `others` are to be started after it. */
  protected tryAgain(
    place: Place,
    cause: Cause.Cause<unknown>,
    others: ReadonlyArray<Place> = []
  ): Effect.Effect<Handled> {
    return Effect.suspend(() => {
      place.status = "restarting"
      place.attempt++
      place.reason = ExitReason.crash(cause)
      for (const down of [place, ...others]) down.announce(() => place.restarting())
      this.tellFailed(place, cause)
      const log = place.repeats(`start: ${firstLine(cause)}`) ?? attemptLog(place.id, place, cause)
      return Effect.zipRight(
        Effect.catchAllCause(log, () => Effect.void),
        Effect.flatMap(this.delayOf(place), (delay) => this.wait(place, delay, false, others))
      )
    })
  }

  /** Waits, answering others meanwhile, and starts it then, with `others`; without a schedule that is at once. */
  protected wait(
    place: Place,
    delay: number | null,
    isCounted: boolean,
    others: ReadonlyArray<Place>
  ): Effect.Effect<Handled> {
    if (delay === null) return this.giveUp(place, "backoff")
    return Effect.sync(() => {
      const { epoch } = place
      place.status = "restarting"
      const retry = (): void => {
        if (!this.isDown && place.epoch === epoch) this.deliver(new Retry({ place, epoch, isCounted }))
      }
      if (delay === 0) {
        retry()
      } else {
        const at = this.environment.clock.unsafeCurrentTimeMillis() + delay
        for (const down of [place, ...others]) down.announce(() => place.restarting(at))
        emit(() => ProcessEvent.Delayed({ ...place.identity, at, attempt: place.attempt }))
        const moment = new Moment(() => {
          this.delays.delete(place)
          retry()
        })
        this.delays.set(place, moment)
        this.alarm.set(moment, delay)
      }
      return this.stay
    })
  }

  private readonly delays = new Map<Place, Moment>()

  /** Milliseconds to wait before the next start: what the schedule says, nothing if it is done. */
  protected delayOf(place: Place): Effect.Effect<number | null> {
    const { backoff, within } = this.patience
    if (backoff === null) return Effect.succeed(0)
    return Effect.suspend(() => {
      const now = this.environment.clock.unsafeCurrentTimeMillis()
      // A child that has run for a while has come through.
      const isFresh = place.attempt === 0 && this.alarm.now() - place.startedAt >= within
      const state = isFresh ? undefined : this.steps.get(place)
      const step = backoff.step(
        now,
        place.reason ?? ExitReason.normal,
        state === undefined ? backoff.initial : state.of
      )
      return Effect.map(
        step as Effect.Effect<readonly [unknown, unknown, ScheduleDecision.ScheduleDecision]>,
        (given) => {
          const [of, , decision] = given
          if (!ScheduleDecision.isContinue(decision)) return null
          this.steps.set(place, { of })
          return Math.max(0, ScheduleIntervals.start(decision.intervals) - now)
        }
      )
    })
  }

  private readonly steps = new WeakMap<Place, { readonly of: unknown }>()

  /** A child is not to be started again after all. */
  protected forgetDelay(place: Place): void {
    const moment = this.delays.get(place)
    if (moment === undefined) return
    this.alarm.cancel(moment)
    this.delays.delete(place)
  }

  /** What it looks like in a drawing of the tree. */
  override get node(): Node {
    return { text: this.name, below: Array.from(this.places, (place) => place.node) }
  }

  // -----------------------------------------------------------------------------------------------------------------
  // Ending
  // -----------------------------------------------------------------------------------------------------------------

  /**
   * The parent's end: what is being started is given up, so that it need not be waited for. What does not let itself be
   * interrupted has the time that it would have to end.
   */
  override parentExit(reason: ExitReason.ExitReason): void {
    this.isClosing = true
    this.limitEnd()
    const { starting } = this
    if (this.isListing) this.exit(reason)
    else super.parentExit(reason)
    // Who was killed tells its children, and the scope that they are in does so again: that gives them no more time.
    if (starting === null || this.isGivingUpStart) return
    this.isGivingUpStart = true
    starting.cancelWithin((moment, millis) => {
      this.patienceWithStart = moment
      this.alarm.set(moment, millis)
    })
  }

  /** At the top of an application: from here on the time runs in which all of it has to end, whatever it is doing. */
  limitEnd(): void {
    const { alarm, root } = this
    if (root.whole?.top !== this || root.isEnding) return
    root.ends(alarm.now())
    if (this.isDown || root.until === Number.POSITIVE_INFINITY) return
    const limit = new Moment(() => this.kill())
    alarm.set(limit, root.whole.budget)
    this.whenDown(() => alarm.cancel(limit))
  }

  /** Its children hear of it as of a parent's exit: those that trap it run `terminate` (`SUP-26`). */
  override kill(): void {
    if (this.isDown) return
    this.isClosing = true
    const places = Array.from(this.places)
    super.kill()
    if (this.root.isOver(this.alarm.now())) for (const place of places.reverse()) place.cutShort()
    else for (const place of places) place.orphan()
  }

  protected override dismiss(reason: ExitReason.ExitReason): void {
    super.dismiss(reason)
    const down = this.gaveUp === null ? ExitReason.noProcess : reason
    if (this.parent === null) this.seat.announce(down)
    for (const place of this.places) {
      this.forgetDelay(place)
      if (this.handOn(place, reason)) place.epoch++
      else this.retire(place, reason, down)
    }
  }

  /** The next one starts its children: this one, which was to end as well, starts none any more. */
  override overtaken(): void {
    this.isClosing = true
    for (const place of this.places) this.handOn(place, ExitReason.killed)
    super.overtaken()
  }

  /** Leaves a child's seats, once; what it still does with that place does not touch them any more. */
  private handOn(place: Place, reason: ExitReason.DownReason): boolean {
    // Places that it has made since then are its own.
    if (!this.isOvertaken) place.isLeft = this.bequeath(place, reason)
    return place.isLeft
  }

  /** Leaves a child's seats to the supervisor that comes after this one, if there may be one. */
  protected bequeath(_place: Place, _reason: ExitReason.DownReason): boolean {
    return false
  }

  /** Nobody will be started in that place again. */
  protected retire(place: Place, reason: ExitReason.DownReason, down: ExitReason.DownReason): void {
    place.epoch++
    // What may still be there will end as it likes: nobody waits for the next one.
    place.status = "stopped"
    place.announce(down)
    if (place.isLeft) return
    place.isLeft = true
    for (const seat of place.seats) seat.retire(reason, down)
    place.free()
  }
}
