/**
 * One life of a process, whatever it runs: its fiber, its scope, its timers, how it starts, rests and ends.
 *
 * What it does in that life is for those who extend it. They say what is next, what to release when it rests, and whom
 * to tell when it has ended.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as ExitReason from "../ExitReason.ts"
import type { Definition, ProcessKind } from "./definition.ts"
import { type Departure, depart, type OpenScopes, release } from "./departure.ts"
import { type Environment, runtimeOf } from "./environment.ts"
import { emit, ProcessEvent } from "./events.ts"
import { type Driver, Gear } from "./gear.ts"
import type { Held } from "./held.ts"
import { Moment } from "./moment.ts"
import type { Parent } from "./parent.ts"
import { delist, enlist, type Listed, ProcessInfo, type ProcessStatus } from "./processes.ts"
import type { Occupant, Seat } from "./seat.ts"
import type { Timer } from "./self.ts"

/** Nothing is set in the gate of an idle process: nothing is handled, queued, or to be done. */
export const Gate = {
  /** A message is handled, or the fiber has work to look for. */
  Busy: 1,
  /** `init` has not ended. */
  Starting: 2,
  /** It is on its way out: what comes now is answered with its reason when it has ended (`CALL-8`). */
  Leaving: 4,
  /** It has ended. */
  Down: 8
} as const

/** How a start ends. It is a success also if `init` asked to be ignored: there is a ref then, and nobody behind it. */
export type Started = Exit.Exit<void, unknown>

/** How a process is to end. */
interface Ending {
  readonly reason: ExitReason.ExitReason
  /** Whether `terminate` runs. */
  readonly terminate: boolean
}

export abstract class Incarnation implements Driver, Occupant, Listed {
  readonly definition: Definition
  /** Whose child it is, if it has a supervisor. */
  readonly parent: Parent | null
  previous: Listed | null = null
  following: Listed | null = null
  readonly seat: Seat<Occupant>
  readonly environment: Environment
  gate: number = Gate.Starting | Gate.Busy
  /** Messages whose handler has been called. */
  handled = 0
  gear: Gear | null = null

  /** Asked to let go of the fiber as soon as nothing is to be done. */
  protected wantsHibernation = false
  protected ending: Ending | null = null
  protected isKilled = false
  /** Another one sits in its seat, though it has not ended. */
  isOvertaken = false
  protected startExit: Started | null = null
  /** Why it ended, when it has. */
  private ended: ExitReason.ExitReason | null = null
  private hibernation: Moment | null = null
  private isRetiring = false
  private lazyTimers: Set<Timer> | null = null
  private lazyScope: Scope.CloseableScope | null = null
  private startLimit: Moment | null = null
  /** When it was killed, as long as something of it is still at work. */
  private killedAt: number | null = null
  private onStarted: ((exit: Started) => void) | null = null
  private onEnd: Array<(reason: ExitReason.ExitReason) => void> | null = null

  constructor(definition: Definition, seat: Seat<Occupant>, environment: Environment, parent: Parent | null) {
    this.definition = definition
    this.parent = parent
    this.seat = seat
    this.environment = environment
  }

  // -----------------------------------------------------------------------------------------------------------------
  // For those who extend it
  // -----------------------------------------------------------------------------------------------------------------

  abstract readonly committed: Option.Option<unknown>
  abstract next(): Effect.Effect<void> | null
  abstract succeeded(value: unknown): Effect.Effect<void> | null
  abstract failed(cause: Cause.Cause<unknown>): Effect.Effect<void> | null
  /** Whether something is to be done. */
  protected abstract readonly hasWork: boolean
  /** What callbacks find in their context, beside what was provided. */
  protected abstract services(): ReadonlyMap<string, unknown>
  /** The fiber is let go: what is only needed for work can go, too. */
  protected abstract forget(): void
  /** It is on its way out: no time-out of its own is to come any more. */
  protected abstract settleDown(): void
  /** What `terminate` and the log are to know. */
  protected abstract account(): Pick<Departure, "where" | "message" | "state">
  /** It has ended: those who wait are to be told. */
  protected abstract dismiss(reason: ExitReason.ExitReason): void
  abstract takeOver(held: Held): boolean
  abstract readonly queueLength: number
  /** What is being handled, and since when, in milliseconds of the alarm's time. */
  abstract readonly handling: { readonly message: string; readonly since: number } | null

  // -----------------------------------------------------------------------------------------------------------------
  // Looking
  // -----------------------------------------------------------------------------------------------------------------

  get name(): string {
    return this.definition.name
  }

  /** Its name and place, as events have them. */
  get identity(): { readonly process: string; readonly path: ReadonlyArray<string>; readonly kind: ProcessKind } {
    return { process: this.name, path: this.path, kind: this.definition.processKind }
  }

  /** Its place in the tree, the root first; its name alone if it has no supervisor. */
  get path(): ReadonlyArray<string> {
    return this.parent === null ? [this.name] : this.parent.pathOf(this.name)
  }

  /** What anybody may see of it. */
  describe(): ProcessInfo {
    const { handling } = this
    const now = this.alarm.now()
    return new ProcessInfo({
      name: this.name,
      kind: this.definition.processKind,
      of: this,
      status: this.status,
      queueLength: this.queueLength,
      restarts: this.parent?.restarts ?? 0,
      handled: this.handled,
      handling: handling === null ? null : { message: handling.message, millis: Math.max(0, now - handling.since) },
      zombie: this.killedAt === null ? null : Math.max(0, now - this.killedAt)
    })
  }

  private get status(): ProcessStatus {
    if (this.isDown) return "zombie"
    if ((this.gate & Gate.Starting) !== 0) return "starting"
    if (this.ending !== null) return "stopping"
    return (this.gate & Gate.Busy) !== 0 && !this.isRetiring ? "running" : "idle"
  }

  /** Whether its `init` has not ended. */
  get isStarting(): boolean {
    return (this.gate & Gate.Starting) !== 0
  }

  get isDown(): boolean {
    return (this.gate & Gate.Down) !== 0
  }

  get isLeaving(): boolean {
    return this.isRetiring || this.ending !== null || this.isDown
  }

  get alarm(): Environment["alarm"] {
    return this.environment.alarm
  }

  get timers(): Set<Timer> {
    this.lazyTimers ??= new Set()
    return this.lazyTimers
  }

  /** What lives as long as this incarnation. */
  get scope(): Scope.CloseableScope {
    this.lazyScope ??= Effect.runSync(Scope.make())
    return this.lazyScope
  }

  // -----------------------------------------------------------------------------------------------------------------
  // Starting
  // -----------------------------------------------------------------------------------------------------------------

  /** Takes the seat. `onStarted` is told how the start ended. */
  protected take(onStarted: (exit: Started) => void): void {
    this.onStarted = onStarted
    this.seat.take(this)
    enlist(this)
  }

  overtaken(): void {
    this.isOvertaken = true
  }

  /** Calls `onLimit` if the start is not done within so many milliseconds. */
  protected limitStart(ms: number, onLimit: () => void): void {
    if (ms === Number.POSITIVE_INFINITY) return
    this.startLimit = new Moment(onLimit)
    this.alarm.set(this.startLimit, ms)
  }

  protected tellStarter(): void {
    const { onStarted } = this
    this.onStarted = null
    if (this.startLimit !== null) this.alarm.cancel(this.startLimit)
    this.startLimit = null
    if (!this.isDown) {
      emit(() => {
        const restarts = this.parent?.restarts ?? 0
        return restarts === 0
          ? ProcessEvent.Started(this.identity)
          : ProcessEvent.Restarted({ ...this.identity, restarts })
      })
    }
    if (onStarted !== null && this.startExit !== null) onStarted(this.startExit)
  }

  // -----------------------------------------------------------------------------------------------------------------
  // The fiber
  // -----------------------------------------------------------------------------------------------------------------

  protected engage(): Gear {
    this.gear ??= new Gear(this, this.environment, this.services())
    return this.gear
  }

  /** Runs something of the kernel's own, a log line for example, with the services of the layer. */
  run(effect: Effect.Effect<void>): void {
    Runtime.runFork(runtimeOf(this.environment, this.environment.services))(effect, {
      scheduler: this.environment.scheduler,
      immediate: false
    })
  }

  /** A plain turn is over: it ends, if that was decided in it, or goes on. */
  protected moveOn(): void {
    if (this.ending !== null) this.goAway()
    else this.release()
  }

  /** Idle again, unless there is work by now. */
  private release(): void {
    if (this.hasWork) this.engage().wake(Effect.void, false)
    else {
      this.gate &= ~Gate.Busy
      if (this.wantsHibernation) this.hibernate()
    }
  }

  park(): boolean {
    if (this.hasWork || this.isLeaving) return false
    this.gate &= ~Gate.Busy
    if (this.hibernation === null) this.watchIdleness()
    return true
  }

  /** Nothing is to be done: the fiber parks, or is let go if a callback asked for that. */
  protected rest(): Effect.Effect<void> | null {
    if (!this.wantsHibernation) return null
    this.wantsHibernation = false
    if (this.gear !== null && this.gear.children.size > 0) return null
    this.isRetiring = true
    return Effect.void
  }

  private watchIdleness(): void {
    const { hibernateAfter } = this.definition
    if (hibernateAfter === Number.POSITIVE_INFINITY) return
    const before = this.handled
    this.hibernation = new Moment(() => {
      this.hibernation = null
      // Busy, it will be watched from the next time it parks.
      if (this.gate !== 0) return
      if (before === this.handled) this.hibernate()
      else this.watchIdleness()
    })
    this.alarm.set(this.hibernation, hibernateAfter)
  }

  /** Lets go of the fiber and of the mailbox's buffer; not while fibers that handlers forked are alive. */
  private hibernate(): void {
    this.wantsHibernation = false
    if (this.gate !== 0) return
    this.forget()
    const { gear } = this
    if (gear === null || gear.children.size > 0 || !gear.isParked) return
    this.gate = Gate.Busy
    this.isRetiring = true
    gear.wake(Effect.void, false)
  }

  leave(cause: Cause.Cause<never> | null): Effect.Effect<void> {
    if (this.isRetiring && this.ending === null && !this.isDown) {
      // A fiber that outlives its handler may still hold that handler's scope: it finds it closed.
      const scopes = { handler: this.gear?.openScope ?? null, incarnation: null }
      // It may be killed while that is released; from the look to having retired is one step.
      const rest = Effect.suspend(() => {
        if (this.isDown) return this.clearUp()
        this.retired()
        return Effect.void
      })
      return Effect.zipRight(release(this.name, scopes, ExitReason.normal), rest)
    }
    if (this.isDown) return this.clearUp()
    if (this.ending === null) this.end(ExitReason.crash(cause ?? Cause.empty), true)
    return Effect.suspend(() => this.wayOut())
  }

  /** What a killed process has left behind. */
  private clearUp(): Effect.Effect<void> {
    const children = Fiber.interruptAll(this.gear?.children ?? [])
    return Effect.zipRight(
      Effect.zipRight(children, release(this.name, this.openScopes(), ExitReason.killed)),
      Effect.sync(() => this.vanish())
    )
  }

  /** Nothing of a killed process is at work any more. */
  private vanish(): void {
    this.killedAt = null
    delist(this)
  }

  private retired(): void {
    this.isRetiring = false
    this.gear = null
    if (this.hibernation !== null) this.alarm.cancel(this.hibernation)
    this.hibernation = null
    if (!this.hasWork) this.forget()
    this.moveOn()
  }

  // -----------------------------------------------------------------------------------------------------------------
  // Ending
  // -----------------------------------------------------------------------------------------------------------------

  protected end(reason: ExitReason.ExitReason, terminate: boolean): void {
    this.ending ??= { reason, terminate }
    this.gate |= Gate.Leaving
    this.settleDown()
  }

  /** Whether nothing of its own has to run on the way out. */
  protected get canEndAtOnce(): boolean {
    return this.gear === null && this.lazyScope === null && this.definition.terminate === undefined
  }

  /** Goes the way out, from outside the fiber. */
  protected goAway(): void {
    const { ending } = this
    if (ending !== null && this.gear === null && this.lazyScope === null && !this.needsFiber(ending)) {
      this.finish(ending.reason)
    } else {
      const gear = this.engage()
      if (gear.fiber === null || gear.isParked) gear.wake(Effect.void, false)
    }
  }

  private needsFiber(ending: Ending): boolean {
    return (ending.terminate && this.definition.terminate !== undefined) || this.isNews(ending.reason)
  }

  /** Whether the log should hear of it: not of what whoever started the server is told (`CB-17`). */
  private isNews(reason: ExitReason.ExitReason): boolean {
    return reason._tag === "Crash" && (this.gate & Gate.Starting) === 0
  }

  /** What has to be done before it has ended, and then the end. */
  private wayOut(): Effect.Effect<void> {
    const { reason, terminate } = this.ending as Ending
    return Effect.matchCause(
      depart({
        ...this.account(),
        definition: this.definition,
        reason,
        isNews: this.isNews(reason),
        parent: this.parent,
        terminate: terminate && this.definition.terminate !== undefined,
        isKilled: () => this.isDown,
        children: () => Array.from(this.gear?.children ?? []),
        scopes: this.openScopes()
      }),
      // Whatever goes wrong on the way, those who wait are told.
      { onFailure: (cause) => this.finish(ExitReason.crash(cause)), onSuccess: (reason) => this.finish(reason) }
    )
  }

  private openScopes(): OpenScopes {
    return { handler: this.gear?.openScope ?? null, incarnation: this.lazyScope }
  }

  /** It has ended: everybody who waits is told, in one step, and the seat is free. */
  private finish(reason: ExitReason.ExitReason): void {
    if (this.isDown) {
      // Killed on its way out, and now there.
      this.vanish()
      return
    }
    const isNews = this.isNews(reason)
    if (isNews) this.definition.stats.crashes++
    const hadStarted = (this.gate & Gate.Starting) === 0
    this.gate = Gate.Down
    this.ended = reason
    delist(this)
    if (hadStarted) {
      emit(() =>
        ExitReason.isExpected(reason)
          ? ProcessEvent.Stopped({ ...this.identity, reason })
          : ProcessEvent.Crashed({ ...this.identity, reason, restarts: this.parent?.restarts ?? 0 })
      )
    }
    this.settleDown()
    if (this.hibernation !== null) this.alarm.cancel(this.hibernation)
    if (this.lazyTimers !== null) for (const timer of Array.from(this.lazyTimers)) timer.stop()
    this.dismiss(reason)
    if (this.seat.occupant === this) this.seat.vacate()
    this.startExit ??= Exit.die(new Error(`${this.name} ended before it had started: ${ExitReason.format(reason)}`))
    this.tellStarter()
    const { onEnd } = this
    this.onEnd = null
    if (onEnd !== null) for (const tell of onEnd) tell(reason)
  }

  /** Calls back when it has ended, at once if it has. */
  whenDown(callback: (reason: ExitReason.ExitReason) => void): void {
    if (this.ended !== null) {
      callback(this.ended)
      return
    }
    // Not a Set: nearly every process has one, which its supervisor or its scope waits with.
    this.onEnd ??= []
    this.onEnd.push(callback)
  }

  /** Whoever was to be called back does not wait any more. */
  forgetWaiting(callback: (reason: ExitReason.ExitReason) => void): void {
    const at = this.onEnd?.indexOf(callback) ?? -1
    if (at >= 0) this.onEnd?.splice(at, 1)
  }

  /**
   * Ends at once, without a word of its own (`PROC-5`). What its fiber still does is dropped; what `init` acquired is
   * released in the background.
   */
  kill(): void {
    if (this.isDown) return
    this.isKilled = true
    this.finish(ExitReason.killed)
    const { gear } = this
    const isAtWork = gear !== null && gear.fiber !== null
    if (!isAtWork && this.lazyScope === null) return
    this.killedAt = this.alarm.now()
    enlist(this)
    if (isAtWork) gear.interrupt()
    else this.run(this.clearUp())
  }

  /** An exit signal that is not trapped: whatever is being done is interrupted, `terminate` does not run (`TERM-2`). */
  exit(reason: ExitReason.ExitReason): void {
    if (this.isLeaving && !this.isRetiring) return
    this.end(reason, false)
    const { gear } = this
    if (gear !== null && gear.fiber !== null) gear.interrupt()
    else this.goAway()
  }
}
