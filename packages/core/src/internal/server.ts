/**
 * One incarnation of a server: its state, its mailbox, and the steps that it takes.
 *
 * There are two gears with the same guarantees. A call to an idle server runs a plain handler right in the caller's
 * turn (`callIdle`); everything else is worked off by the server's own fiber (`internal/gear`), which asks for one step
 * after the other (`next`). Whatever a handler gives, in either gear, goes through `settle`.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type * as Tracer from "effect/Tracer"
import { InitTimeout } from "../CallError.ts"
import * as ExitReason from "../ExitReason.ts"
import { type Entry, isSupervisor } from "./definition.ts"
import { Envelope, type Home, Phase, type Wait } from "./envelope.ts"
import { isLive } from "./environment.ts"
import { emit, ProcessEvent } from "./events.ts"
import { ExitSignal } from "./exitSignal.ts"
import { spend } from "./fairness.ts"
import { Held } from "./held.ts"
import { Inbox } from "./inbox.ts"
import { Gate, Incarnation, type Started } from "./incarnation.ts"
import { downExit, type Item, type Outsider, ParentExit, Stamped, StopRequest } from "./items.ts"
import { sampling } from "./metrics.ts"
import { Moment } from "./moment.ts"
import { type After, badOption, badOutcome, describe, Ignore, NoReply, Ok, Reply, Stop, StopReply } from "./outcome.ts"
import { isWorthALine, quarantineLog, undeliveredLog } from "./reports.ts"
import { type Owner, SelfHandle } from "./self.ts"
import { linkedSpan, setQueueTime } from "./tracing.ts"
import type { Node } from "./tree.ts"
import { turn } from "./turn.ts"

/** Messages that the fiber takes before it lets others have a turn. */
const batch = 256

export class Server extends Incarnation implements Home, Owner {
  state: unknown = undefined
  waitingFor: Wait | null = null
  private lostCount = 0
  /** Casts and Infos that were left in the mailbox at the end. */
  leftCount = 0
  /** Its `init` wanted no process. */
  isIgnored = false

  private inbox: Inbox | null = null
  /** What is being handled: the message, by what, and for whom. */
  private message: object | null = null
  private entry: Entry | null = null
  private envelope: Envelope | null = null
  /** To be handled before anything in the mailbox (`CB-8`). */
  private continuation: { readonly message: object; readonly link: Tracer.AnySpan | undefined } | null = null
  /** Calls whose handlers gave `noReply` and that nobody has answered yet. */
  private kept: Set<Envelope> | null = null
  private idle: Moment | null = null
  /** The span in which the current message is handled. */
  private span: Tracer.AnySpan | undefined = undefined
  /** What goes out to the caller when `terminate` has run (`CB-12`). */
  private farewell: Exit.Exit<unknown, unknown> | null = null
  /** The next message is to be handled within the turn, whoever else waits for one. */
  private isUrgent = false
  /** When the handling of the current message began, if its time is taken. */
  private begunAt: bigint | null = null
  /** When the Effect of the current message began, in milliseconds of the alarm's time: only those can be seen at work. */
  private since = 0
  /** How many servers have crashed over the current message, if it is a cast. */
  private crashes = 0

  override get committed(): Option.Option<unknown> {
    return (this.gate & (Gate.Starting | Gate.Down)) === 0 ? Option.some(this.state) : Option.none()
  }

  // -----------------------------------------------------------------------------------------------------------------
  // Starting
  // -----------------------------------------------------------------------------------------------------------------

  /** Runs `init`, here if it is plain, else in the server's fiber. `onStarted` is told how it ended. */
  start(args: ReadonlyArray<unknown>, onStarted: (exit: Started) => void): void {
    this.take(onStarted)
    const { held } = this.seat
    if (held !== null) {
      this.seat.held = null
      held.handOver(this, (item) => this.open().push(item))
    }
    let given: unknown
    try {
      given = this.definition.init(...(args as ReadonlyArray<never>))
    } catch (error) {
      this.initFailed(Cause.die(error))
      this.goAway()
      return
    }
    if (Effect.isEffect(given)) {
      const init = this.inBuildersSpan(
        Effect.provideService(given as Effect.Effect<unknown, unknown>, Scope.Scope, this.scope)
      )
      this.limitStart(this.definition.initTimeout, () => this.initExpired())
      const gear = this.engage()
      gear.wake(gear.handle(init), true)
      return
    }
    this.initialised(given)
    this.moveOn()
  }

  /** `init` belongs to the building of the layer, for whoever traces that. */
  private inBuildersSpan<A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> {
    const { span } = this.environment
    return span === undefined ? effect : Effect.withParentSpan(effect, span)
  }

  private initialised(given: unknown): void {
    if (given instanceof Ignore) {
      this.isIgnored = true
      this.startExit = Exit.void
      this.end(ExitReason.normal, false)
      return
    }
    if (given instanceof Reply || given instanceof NoReply || given instanceof Stop || given instanceof StopReply) {
      this.initFailed(badOutcome(this.name, "init", given))
      return
    }
    const misfit = given instanceof Ok ? this.misfit(given) : null
    if (misfit !== null) {
      this.initFailed(misfit)
      return
    }
    this.gate &= ~Gate.Starting
    if (given instanceof Ok) {
      this.state = given.state
      this.proceed(given, this.environment.span)
    } else {
      this.state = given
    }
    this.waitingFor = null
    if (!this.isOvertaken) this.seat.changed(this.state)
    this.startExit = Exit.void
    this.tellStarter()
  }

  /** `init` failed: whoever starts the server is told when what `init` had acquired is released (`START-12`). */
  private initFailed(cause: Cause.Cause<unknown>): void {
    this.startExit = Exit.failCause(cause)
    this.end(ExitReason.crash(cause), false)
  }

  private initExpired(): void {
    this.startExit = Exit.fail(new InitTimeout({ server: this.name, timeout: this.definition.initTimeout }))
    this.kill()
  }

  // -----------------------------------------------------------------------------------------------------------------
  // Being sent to. All of this is in the sender's turn.
  // -----------------------------------------------------------------------------------------------------------------

  /**
   * A call while nothing else is to be done: a plain handler runs at once, and a handler's effect is handed over to the
   * fiber at once. The answer may be in the envelope after that.
   */
  callIdle(envelope: Envelope, entry: Entry): void {
    this.gate = Gate.Busy
    this.begin(envelope.request, entry, envelope)
    let given: unknown
    try {
      given = entry.handler(envelope.request as never, this.state as never, envelope as never)
    } catch (error) {
      // The throw crashes the server in its own fiber, where `terminate` runs.
      this.engage().wake(
        Effect.suspend(() => this.failed(Cause.die(error)) ?? Effect.void),
        false
      )
      return
    }
    if (this.gate !== Gate.Busy) {
      // Something that the handler ran synchronously has ended the server under its feet.
      return
    }
    if (
      (given instanceof Reply || given instanceof NoReply) &&
      given.next === undefined &&
      (given.idle === undefined || given.idle[0] > 0)
    ) {
      this.settle(given)
      this.moveOn()
    } else if (Effect.isEffect(given)) {
      this.since = this.alarm.now()
      const gear = this.engage()
      gear.wake(gear.handle(given as Effect.Effect<unknown, unknown>), true)
    } else {
      this.engage().wake(
        Effect.sync(() => this.settle(given)),
        false
      )
    }
  }

  /** Queues a call. What becomes of it is in the envelope. */
  enqueueCall(envelope: Envelope): void {
    // On the way out, what waits is only to be told the end: no need to refuse it.
    if ((this.gate & Gate.Leaving) !== 0) this.open().push(envelope)
    else if (this.open().offerCall(envelope)) this.attend()
  }

  /** Queues a cast. Given is the place where its sender has to wait for room, if it has to. */
  enqueueCast(message: object, link: Tracer.AnySpan | undefined): Outsider | null {
    if ((this.gate & Gate.Leaving) !== 0) {
      this.open().pushMessage(message, link)
      return null
    }
    const outsider = this.open().offerCast(message, link)
    if (this.open().size > 0) this.attend()
    return outsider
  }

  /** Whether a cast from outside would have to wait for room. */
  get isFull(): boolean {
    return this.inbox !== null && this.inbox.isFull
  }

  /** A message to itself: always let in. */
  deliver(message: object, link?: Tracer.AnySpan): void {
    this.check(message)
    if (this.isDown) {
      this.lost("it has ended")
    } else {
      this.open().pushMessage(message, link)
      this.attend()
    }
  }

  /**
   * As `deliver`, and if nothing is to be done before, its fiber comes to it within this turn. For what must not be seen
   * half done: a child that has ended is there again before those who waited for it go on, if its `init` is plain.
   */
  protected deliverAtOnce(message: object): void {
    if (this.gate !== 0) {
      this.deliver(message)
      return
    }
    this.open().pushMessage(message, undefined)
    this.gate = Gate.Busy
    this.isUrgent = true
    this.engage().wake(Effect.void, true)
  }

  check(message: object): void {
    const kind = this.kindOf(message)
    if (kind !== "cast" && kind !== "info") {
      throw new TypeError(`${this.name}: ${describe(message)} is no cast or Info of its protocol`)
    }
  }

  /** A stop takes its turn like a message, but is never refused (`CALL-19`). */
  requestStop(request: StopRequest): void {
    if (this.canStopAtOnce) {
      this.envelope = request
      this.end(request.reason, true)
      this.goAway()
    } else {
      this.open().push(request)
      this.attend()
    }
  }

  /** Whether nothing has to be done before it ends. */
  get canStopAtOnce(): boolean {
    return this.gate === 0 && this.canEndAtOnce
  }

  private open(): Inbox {
    this.inbox ??= new Inbox(this.definition, this.environment, this, () => this.lost("its mailbox is full"))
    return this.inbox
  }

  /** Something has come. */
  private attend(): void {
    // Any message cancels a pending idle time-out (`TO-1`).
    if (this.idle !== null) this.cancelIdle()
    if (this.gate === 0) {
      this.gate = Gate.Busy
      this.engage().wake(Effect.void, false)
    }
  }

  /** A message that nobody waits for will not be handled. */
  private lost(why: string): void {
    this.definition.stats.undelivered++
    const count = ++this.lostCount
    if (isWorthALine(count)) this.run(undeliveredLog(this.name, why, count))
  }

  // Home: what envelopes tell

  withdrawn(envelope: Envelope): void {
    this.inbox?.withdrawCall(envelope)
  }

  withdrawCast(outsider: Outsider): void {
    this.inbox?.withdrawCast(outsider)
  }

  released(envelope: Envelope): void {
    this.kept?.delete(envelope)
  }

  ignored(): void {
    this.definition.stats.ignored++
  }

  // -----------------------------------------------------------------------------------------------------------------
  // Working, in the server's fiber
  // -----------------------------------------------------------------------------------------------------------------

  override next(): Effect.Effect<void> | null {
    for (let taken = 0; !this.isLeaving; taken++) {
      let step: Effect.Effect<void> | null
      const { continuation } = this
      if (continuation === null && (this.inbox === null || this.inbox.size === 0)) return this.rest()
      if (taken === batch) return Effect.yieldNow()
      if (spend() && !this.isUrgent && isLive(this.environment.scheduler)) return turn
      this.isUrgent = false
      if (continuation !== null) {
        this.continuation = null
        step = this.handle(this.entryOf(continuation.message), continuation.message, continuation.link, null)
      } else {
        step = this.receive((this.inbox as Inbox).take() as Item)
      }
      if (step !== null) return step
    }
    return Effect.void
  }

  private receive(item: Item): Effect.Effect<void> | null {
    // Casts and Infos lie there as they are; a message is known by its class.
    const entry = this.definition.entries.get(item.constructor)
    if (entry !== undefined) return this.handle(entry, item, undefined, null)
    if (item instanceof StopRequest) {
      this.envelope = item
      this.end(item.reason, true)
      return null
    }
    if (item instanceof Envelope) return this.handleCall(item)
    if (item instanceof Stamped) {
      this.crashes = item.crashes
      const queueNanos = item.queuedAt === null ? null : this.waited(item.queuedAt)
      return this.handle(this.entryOf(item.message), item.message, item.link, queueNanos)
    }
    if (item instanceof ParentExit) this.end(item.reason, true)
    return null
  }

  /** Only messages of the protocol are let in: see `calling`, `check` and `misfit`. */
  private entryOf(message: object): Entry {
    return this.definition.entries.get(message.constructor) as Entry
  }

  private handleCall(envelope: Envelope): Effect.Effect<void> | null {
    const entry = this.entryOf(envelope.request)
    this.begin(envelope.request, entry, envelope)
    const { queuedAt, span } = envelope
    if (queuedAt !== null) {
      const nanos = this.waited(queuedAt)
      if (span !== null) setQueueTime(span, nanos)
    }
    this.span = span ?? undefined
    return this.apply(entry, envelope.request, envelope, span)
  }

  private handle(
    entry: Entry,
    message: object,
    link: Tracer.AnySpan | undefined,
    queueNanos: number | null
  ): Effect.Effect<void> | null {
    this.begin(message, entry, null)
    if (!this.environment.isTraced) return this.apply(entry, message, null, null)
    return this.perform(
      linkedSpan(this.name, entry, link, queueNanos, (span) => {
        this.span = span
        const given = entry.handler(message as never, this.state as never, undefined as never)
        const effect = (Effect.isEffect(given) ? given : Effect.succeed(given)) as Effect.Effect<unknown, unknown>
        // What is no outcome crashes the server: the span is to say so.
        return Effect.filterOrElse(
          effect,
          (given) => given instanceof NoReply || given instanceof Stop,
          (given) => Effect.failCause(badOutcome(this.name, entry.where, given))
        )
      })
    )
  }

  /** Calls a handler. Nothing is returned when that was all. */
  private apply(
    entry: Entry,
    message: object,
    from: Envelope | null,
    span: Tracer.Span | null
  ): Effect.Effect<void> | null {
    let given: unknown
    try {
      given = entry.handler(message as never, this.state as never, from as never)
    } catch (error) {
      return this.failed(Cause.die(error))
    }
    if (!Effect.isEffect(given)) {
      this.settle(given)
      return null
    }
    const effect = given as Effect.Effect<unknown, unknown>
    return this.perform(span === null ? effect : Effect.withParentSpan(effect, span))
  }

  private perform(effect: Effect.Effect<unknown, unknown>): Effect.Effect<void> {
    this.since = this.alarm.now()
    return this.engage().handle(effect)
  }

  private begin(message: object, entry: Entry, envelope: Envelope | null): void {
    if (this.idle !== null) this.cancelIdle()
    this.message = message
    this.entry = entry
    this.envelope = envelope
    if (envelope !== null) envelope.phase = Phase.Begun
    this.handled++
    if (++this.definition.stats.handled % sampling === 0 || this.environment.isTraced)
      this.begunAt = this.environment.clock.unsafeCurrentTimeNanos()
  }

  private waited(since: bigint): number {
    const nanos = Number(this.environment.clock.unsafeCurrentTimeNanos() - since)
    this.definition.stats.queueTime.update(nanos / 1e9)
    return nanos
  }

  /** A message is done with. */
  private done(): void {
    if (this.begunAt !== null) {
      const nanos = Number(this.environment.clock.unsafeCurrentTimeNanos() - this.begunAt)
      this.begunAt = null
      this.definition.stats.handlerTime.update(nanos / 1e9)
    }
    this.message = null
    this.entry = null
    this.envelope = null
    this.waitingFor = null
    this.span = undefined
    this.crashes = 0
  }

  override succeeded(value: unknown): Effect.Effect<void> | null {
    const scope = this.gear?.takeScope() ?? null
    if (scope === null) {
      this.settle(value)
      return null
    }
    return Effect.matchCause(Effect.uninterruptible(Scope.close(scope, Exit.succeed(value))), {
      onFailure: (cause) => this.failedForGood(cause),
      onSuccess: () => this.settle(value)
    })
  }

  override failed(cause: Cause.Cause<unknown>): Effect.Effect<void> | null {
    const scope = this.gear?.takeScope() ?? null
    if (scope === null) {
      this.failedForGood(cause)
      return null
    }
    return Effect.matchCause(Effect.uninterruptible(Scope.close(scope, Exit.failCause(cause))), {
      onFailure: (other) => this.failedForGood(Cause.sequential(cause, other)),
      onSuccess: () => this.failedForGood(cause)
    })
  }

  /** A callback has failed, and its scope is closed. */
  private failedForGood(cause: Cause.Cause<unknown>): void {
    if (this.isLeaving) return
    if ((this.gate & Gate.Starting) !== 0) {
      this.initFailed(cause)
      return
    }
    // A call's declared error is the caller's: the state stays what it was, and the server goes on.
    const error = Cause.failureOption(cause)
    if (this.entry?.kind === "call" && Option.isSome(error) && Option.isNone(Cause.dieOption(cause))) {
      this.envelope?.answer(Exit.fail(error.value))
      this.done()
    } else {
      this.end(ExitReason.crash(cause), true)
    }
  }

  /** Carries out what a callback has decided. */
  private settle(given: unknown): void {
    if (this.isLeaving) return
    if ((this.gate & Gate.Starting) !== 0) {
      this.initialised(given)
      return
    }
    const { envelope } = this
    if ((given instanceof Reply && envelope !== null) || given instanceof NoReply) {
      const misfit = this.misfit(given)
      if (misfit !== null) {
        this.end(ExitReason.crash(misfit), true)
        return
      }
      this.commit(given.state)
      if (given instanceof Reply) envelope?.answer(Exit.succeed(given.value))
      else if (envelope !== null && envelope.exit === null) this.keep(envelope)
      const { span } = this
      this.done()
      this.proceed(given, span)
    } else if (given instanceof Stop) {
      this.commit(given.state)
      this.end(given.reason, true)
    } else if (given instanceof StopReply && envelope !== null) {
      this.commit(given.state)
      this.farewell = Exit.succeed(given.value)
      this.end(given.reason, true)
    } else {
      this.end(ExitReason.crash(badOutcome(this.name, this.where, given)), true)
    }
  }

  /** What is wrong with the messages that an outcome names, if anything is. */
  private misfit({ idle, next }: After<unknown>): Cause.Cause<never> | null {
    if (next !== undefined && this.kindOf(next) !== "continue") {
      return badOption(this.name, this.where, "continue", next, "Continue")
    }
    if (idle !== undefined && this.kindOf(idle[1]) !== "info") {
      return badOption(this.name, this.where, "idleTimeout", idle[1], "Info")
    }
    return null
  }

  /** What kind of message of the protocol a value is, if it is one. */
  private kindOf(message: unknown): Entry["kind"] | undefined {
    return this.definition.entries.get((message as object | null | undefined)?.constructor)?.kind
  }

  private get where(): string {
    return this.entry?.where ?? "init"
  }

  private commit(state: unknown): void {
    if (state === this.state) return
    this.state = state
    if (this.seat.occupant === this) this.seat.changed(state)
  }

  private keep(envelope: Envelope): void {
    envelope.phase = Phase.Kept
    this.kept ??= new Set()
    this.kept.add(envelope)
  }

  /** What an outcome asks for beside its state. */
  private proceed(after: After<unknown>, link: Tracer.AnySpan | undefined): void {
    if (after.next !== undefined) {
      this.continuation = { message: after.next as object, link }
    } else if (after.idle !== undefined) {
      const [ms, message] = after.idle
      if (ms > 0) this.waitIdle(ms, message as object, link)
      // A time-out of nothing is decided here and now: any queued message is before it (`TO-2`).
      else if (this.inbox === null || this.inbox.size === 0) this.deliver(message as object, link)
    }
    if (after.hibernate) this.wantsHibernation = true
  }

  private waitIdle(ms: number, message: object, link: Tracer.AnySpan | undefined): void {
    if (this.inbox !== null && this.inbox.size > 0) return
    if (ms === Number.POSITIVE_INFINITY) return
    this.idle = new Moment(() => {
      this.idle = null
      this.deliver(message, link)
    })
    this.alarm.set(this.idle, ms)
  }

  private cancelIdle(): void {
    if (this.idle !== null) this.alarm.cancel(this.idle)
    this.idle = null
  }

  // -----------------------------------------------------------------------------------------------------------------
  // What the incarnation asks
  // -----------------------------------------------------------------------------------------------------------------

  protected override get hasWork(): boolean {
    return this.continuation !== null || (this.inbox !== null && this.inbox.size > 0)
  }

  protected override services(): ReadonlyMap<string, unknown> {
    const { key, selfKey } = this.definition
    return new Map<string, unknown>([
      [key, this.seat],
      [selfKey, new SelfHandle(this)]
    ])
  }

  protected override forget(): void {
    this.inbox = null
  }

  protected override settleDown(): void {
    this.cancelIdle()
  }

  protected override account(): { where: string; message: object | null; state: unknown } {
    return { where: this.entry?.where ?? "its process", message: this.message, state: this.state }
  }

  protected override dismiss(reason: ExitReason.ExitReason): void {
    const tell = (envelope: Envelope): void => {
      if (envelope instanceof StopRequest) envelope.end(reason)
      else envelope.settle(downExit(this.name, envelope.tag, reason))
    }
    const kept = this.definition.keeps && this.seat.isAwaiting ? this.retried(reason) : null
    if (this.envelope !== null && kept?.[0] !== this.envelope) {
      // The reply of `stopReply` also goes out when `terminate` has crashed (`CB-12`), but not from a killed server.
      if (this.farewell !== null && !this.isKilled) this.envelope.settle(this.farewell)
      else tell(this.envelope)
    }
    if (this.kept !== null) for (const envelope of this.kept) tell(envelope)
    this.kept = null
    this.continuation = null
    const left = this.inbox?.drain() ?? []
    this.inbox = null
    for (const item of left) {
      if (kept !== null && this.isKeepable(item)) kept.push(item)
      else if (isEnvelope(item)) tell(item)
      else if (!(item instanceof ParentExit)) {
        // What a supervisor has not come to is no message of anybody's.
        if (isSupervisor(this.definition.processKind)) continue
        this.leftCount++
        this.definition.stats.undelivered++
      }
    }
    if (kept !== null && kept.length > 0) this.seat.leave(new Held(kept, this.definition.stats), this)
    this.done()
  }

  /** What waits in its mailbox would come after what is sent from here on: the next one has it first. */
  override overtaken(): void {
    super.overtaken()
    if (!this.definition.keeps || this.inbox === null) return
    const kept: Array<Item> = []
    for (const item of this.inbox.drain()) {
      if (this.isKeepable(item)) kept.push(item)
      else this.inbox.push(item)
    }
    if (kept.length > 0) this.seat.leave(new Held(kept, this.definition.stats), this)
  }

  override takeOver(held: Held): boolean {
    if (this.isDown) return false
    held.handOver(this, (item) => this.open().push(item))
    if (this.hasWork) this.attend()
    return true
  }

  /** The message that it has crashed over, if the next server is to try it, too. */
  private retried(reason: ExitReason.ExitReason): Array<Item> {
    const { envelope, message } = this
    const { retries } = this.definition
    if (reason._tag !== "Crash" || message === null || this.entry === null) return []
    if (this.entry.kind !== "call" && this.entry.kind !== "cast") return []
    const crashes = (envelope?.crashes ?? this.crashes) + 1
    if (crashes >= retries) {
      if (retries > 0) {
        emit(() => ProcessEvent.Quarantined({ ...this.identity, message, crashes, reason }))
        this.run(quarantineLog(this.name, message, crashes))
      }
      return []
    }
    if (envelope !== null) {
      // Nobody waits for it any more.
      if (envelope.exit !== null) return []
      envelope.crashes = crashes
      return [envelope]
    }
    const again = new Stamped(message, undefined, null, true)
    again.crashes = crashes
    return [again]
  }

  /** Calls and casts: not what it has sent itself by timers, and no stops. */
  private isKeepable(item: Item): boolean {
    if (item instanceof Envelope) return !(item instanceof StopRequest)
    return this.kindOf(item instanceof Stamped ? item.message : item) === "cast"
  }

  // -----------------------------------------------------------------------------------------------------------------
  // Looking
  // -----------------------------------------------------------------------------------------------------------------

  /** What it looks like in a drawing of the tree. */
  get node(): Node {
    return { text: `${this.name} (${this.definition.processKind})`, below: [] }
  }

  override get queueLength(): number {
    return this.inbox?.size ?? 0
  }

  override get handling(): { readonly message: string; readonly since: number } | null {
    return this.entry === null ? null : { message: this.entry.tag, since: this.since }
  }

  // -----------------------------------------------------------------------------------------------------------------
  // Signals
  // -----------------------------------------------------------------------------------------------------------------

  /**
   * An exit signal from anybody but the parent (`PROC-3`, `PROC-4`). `normal` is ignored unless it sends it itself; a
   * trapping server takes any as a message.
   */
  signal(reason: ExitReason.ExitReason, from: Server | null): void {
    if (!this.definition.trapExit) {
      if (reason._tag !== "Normal" || from === this) this.exit(reason)
    } else if (this.definition.entries.has(ExitSignal)) {
      this.deliver(new ExitSignal({ from: from?.name ?? "", reason }))
    }
  }

  /** The end of the parent, whatever its exit: a trapping server comes to it in its turn (`TERM-4`). */
  parentExit(reason: ExitReason.ExitReason): void {
    if (!this.definition.trapExit) this.exit(reason)
    else if (this.ending === null && !this.isDown) {
      this.open().push(new ParentExit(reason))
      this.attend()
    }
  }
}

const isEnvelope = (item: Item): item is Envelope => item instanceof Envelope
