/**
 * The place of a child that is a layer or an effect: it has a fiber of its own, which builds the layer, parks, and closes
 * it when told, or runs the effect. Building in one fiber and closing in another would make every restart slower than
 * the one before: Effect carries the FiberRefs of the one over to the other.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import type { Type } from "../ChildSpec.ts"
import * as ExitReason from "../ExitReason.ts"
import { AlreadyStarted, type MaxRestartsExceeded } from "../SupervisorError.ts"
import { type Definition, isSupervisor } from "./definition.ts"
import { parking } from "./effectFiber.ts"
import type { Wait } from "./envelope.ts"
import { type Environment, environmentAt, runtimeOf, supervisorOf } from "./environment.ts"
import { emit, type Identity, ProcessEvent } from "./events.ts"
import { type Care, failed, ignored, type Keeper, type Outcome, Place, started } from "./place.ts"
import { delist, enlist, type Listed, ProcessInfo, type ProcessStatus } from "./processes.ts"
import { childFinalizerLog, childLog, firstLine, workerLog } from "./reports.ts"
import { Seat, type Seats } from "./seat.ts"
import type { Server } from "./server.ts"
import type { Node } from "./tree.ts"
import { Watcher } from "./watcher.ts"
import { currentWhereabouts, type Member, type Nest } from "./whereabouts.ts"

type AnyFiber = Fiber.RuntimeFiber<unknown, unknown>

/** What a child is made of. */
export type Stuff =
  | {
      readonly _tag: "Layer"
      readonly layer: Layer.Layer<unknown, unknown, unknown>
      /** The keys of the services that are given out through the place. */
      readonly lateBound: ReadonlyArray<string>
      readonly watch: boolean
    }
  | { readonly _tag: "Worker"; readonly effect: Effect.Effect<unknown, unknown, unknown> }

/** Whether the child is wanted at all. */
export type StartIf = Effect.Effect<boolean, unknown, unknown>

/**
 * Who sits by an estate now: the place of a child that was inherited, when its supervisor was itself started again, by the
 * place of the next one's child of that id.
 */
export const providers = new WeakMap<Seats, FiberPlace>()

export class FiberPlace extends Place {
  readonly stuff: Stuff
  private readonly startIf: StartIf | null
  private run: Run | null = null
  override readonly estate: Seats
  private supervisorKind: string | null = null
  /** What it provided when it was built last. */
  services: Context.Context<never> = Context.empty()
  /** What those that stand after it find, beside services: the FiberRefs that its build has left. */
  after: Environment | null = null

  constructor(
    id: string,
    care: Care,
    keeper: Keeper,
    stuff: Stuff,
    startIf: StartIf | null,
    inherited: Seats | undefined
  ) {
    super(id, care, keeper)
    this.estate = inherited ?? new Map()
    providers.set(this.estate, this)
    this.stuff = stuff
    this.startIf = startIf
  }

  override start(environment: Environment, onOutcome: (outcome: Outcome) => void): void {
    const run = new Run(this, environment, (outcome) => {
      if (outcome._tag !== "Started" && this.run === run) this.run = null
      onOutcome(outcome)
    })
    this.run = run
    run.begin(this.stuff, this.startIf)
  }

  override cancel(): void {
    this.run?.close()
  }

  protected override whenOver(onEnd: (reason: ExitReason.ExitReason) => void): void {
    const { run } = this
    if (run === null) return
    run.onOver = (reason) => {
      if (this.run === run) this.run = null
      this.unhandled = run.unhandled
      onEnd(reason)
    }
  }

  protected override tell(): void {
    this.run?.close()
  }

  override kill(): void {
    this.run?.kill()
  }

  override orphan(): void {
    this.run?.orphan()
  }

  /** It has ended by itself: an effect that is over, a server in it, or a fiber that it had forked. */
  over(run: Run, reason: ExitReason.ExitReason): void {
    if (this.run !== run) return
    if (run.isOver) this.run = null
    this.ended(reason)
  }

  override get hasRemains(): boolean {
    return this.run !== null
  }

  override get isAlive(): boolean {
    return this.run?.isUp === true
  }

  override get type(): Type {
    return this.supervisorKind === null ? "worker" : "supervisor"
  }

  override get party(): Nest {
    return this.run as Run
  }

  override get identity(): Identity {
    return { process: this.id, path: this.path, kind: this.stuff._tag }
  }

  override get node(): Node {
    const members = this.run?.nodes ?? []
    const [first] = members
    // A supervisor is its child's layer: no need to show both.
    if (this.supervisorKind !== null && first !== undefined) {
      return { text: this.label(this.supervisorKind), below: first.below }
    }
    return { text: this.label(this.stuff._tag), below: members }
  }

  override free(): void {
    for (const [key, seats] of this.estate) for (const seat of seats) this.keeper.root.free(key, seat)
  }

  /** The build is done: where nobody was started this time, nobody is expected before the next. */
  settle(started: ReadonlyMap<string, number>): void {
    if (this.isLeft) return
    for (const [key, seats] of this.estate)
      for (const seat of seats.slice(started.get(key) ?? 0)) seat.giveUp(ExitReason.noProcess)
  }

  /** The seat of the n-th server of that definition. */
  seatFor(definition: Definition, index: number): Seat<Server> | AlreadyStarted | null {
    if (this.isLeft) return null
    if (isSupervisor(definition.processKind)) this.supervisorKind ??= definition.processKind
    let seats = this.estate.get(definition.key)
    if (seats === undefined) {
      seats = []
      this.estate.set(definition.key, seats)
    }
    // Only servers of that definition have sat there.
    let seat = seats[index] as Seat<Server> | undefined
    if (seat === undefined) {
      seat = new Seat<Server>(definition.name)
      seat.isKept = true
      seats[index] = seat
    }
    const holder = !definition.isNamed ? null : this.keeper.root.claim(definition.key, seat)
    return holder === null ? seat : new AlreadyStarted({ process: definition.name, ref: holder })
  }
}

/** One life of such a child. */
class Run implements Nest, Listed {
  private readonly place: FiberPlace
  private readonly environment: Environment
  private readonly onOutcome: (outcome: Outcome) => void
  private readonly members: Array<Member> = []
  private readonly claimed = new Map<string, number>()
  private readonly watcher: Watcher | null
  fiber: AnyFiber | null = null
  private resume: (() => void) | null = null
  previous: Listed | null = null
  following: Listed | null = null
  /** Servers that are started now are part of it. */
  isOpen = false
  /** It was built, or runs. */
  private hasStarted = false
  /** It has ended by itself, though something of it may still be there. */
  hasEnded = false
  /** Told to end, or killed. */
  private isClosing = false
  private isKilled = false
  /** Nothing of it is there any more. */
  isOver = false

  onOver: ((reason: ExitReason.ExitReason) => void) | null = null
  waitingFor: Wait | null = null
  private killedAt = 0
  /** What fibers have failed with while it was being built. */
  private readonly early: Array<Cause.Cause<unknown>> = []

  constructor(place: FiberPlace, environment: Environment, onOutcome: (outcome: Outcome) => void) {
    this.place = place
    this.environment = environment
    this.onOutcome = onOutcome
    this.watcher =
      place.stuff._tag === "Layer" && place.stuff.watch
        ? new Watcher(supervisorOf(environment), (cause, isBuilding) => this.workerFailed(cause, isBuilding))
        : null
  }

  begin(stuff: Stuff, startIf: StartIf | null): void {
    const program = stuff._tag === "Layer" ? this.layer(stuff.layer) : this.worker(stuff.effect)
    const guarded =
      startIf === null
        ? program
        : Effect.matchCauseEffect(Effect.interruptible(startIf as Effect.Effect<boolean>), {
            onFailure: (cause) => Effect.sync(() => this.failed(cause)),
            onSuccess: (isWanted) => (isWanted ? program : Effect.sync(() => this.unwanted()))
          })
    const here = Effect.locally(guarded, currentWhereabouts, { root: this.place.keeper.root, nest: this })
    enlist(this)
    // Nobody but its supervisor owns it.
    this.fiber = Runtime.runFork(runtimeOf(this.environment, this.environment.services))(here, {
      scheduler: this.environment.scheduler,
      immediate: false
    }) as AnyFiber
  }

  // -----------------------------------------------------------------------------------------------------------------
  // What its fiber does, uninterruptibly but for the build and the effect
  // -----------------------------------------------------------------------------------------------------------------

  private layer(layer: Layer.Layer<unknown, unknown, unknown>): Effect.Effect<void> {
    return Effect.flatMap(Scope.make(), (scope) =>
      Effect.flatMap(Effect.exit(this.build(layer as Layer.Layer<unknown>, scope)), (built) => {
        this.isOpen = false
        if (Exit.isFailure(built)) {
          this.watcher?.release()
          return Effect.flatMap(Effect.exit(Scope.close(scope, built)), (closed) =>
            Effect.zipRight(
              this.report(closed),
              Effect.sync(() => this.failed(built.cause))
            )
          )
        }
        return Effect.zipRight(
          Effect.withFiberRuntime<void>((fiber) => {
            if (!this.isKilled) this.built(fiber as AnyFiber, built.value as Context.Context<never>)
            return this.parked
          }),
          Effect.flatMap(Effect.exit(Effect.suspend(() => Scope.close(scope, Exit.void))), (closed) =>
            Effect.zipRight(
              this.report(closed),
              Effect.sync(() => this.end(ExitReason.shutdown()))
            )
          )
        )
      })
    )
  }

  private build(layer: Layer.Layer<unknown>, scope: Scope.Scope): Effect.Effect<Context.Context<unknown>, unknown> {
    this.isOpen = true
    // With a MemoMap of its own: a shared one would give the next build what this one has made.
    const build = Effect.flatMap(Layer.makeMemoMap, (memoMap) => Layer.buildWithMemoMap(layer, memoMap, scope))
    return Effect.interruptible(
      this.watcher === null ? build : Effect.locally(build, FiberRef.currentSupervisor, this.watcher)
    )
  }

  private worker(effect: Effect.Effect<unknown, unknown, unknown>): Effect.Effect<void> {
    return Effect.suspend(() => {
      // Told to end before its first step, it takes none.
      if (this.isClosing || this.isKilled) return Effect.sync(() => this.failed(Cause.interrupt(FiberId.none)))
      this.hasStarted = true
      this.tellStart()
      this.onOutcome(started)
      return Effect.flatMap(
        Effect.exit(Effect.interruptible(Effect.scoped(effect as Effect.Effect<unknown, unknown>))),
        (exit) =>
          Exit.isFailure(exit) && !this.isClosing && !this.isKilled
            ? Effect.zipRight(
                this.crashLog(exit.cause),
                Effect.sync(() => this.end(ExitReason.crash(exit.cause)))
              )
            : Effect.sync(() => this.end(this.isClosing ? ExitReason.shutdown() : ExitReason.normal))
      )
    })
  }

  private readonly parked: Effect.Effect<void> = parking((resume) => {
    if (this.isClosing || this.isKilled) resume(Effect.void)
    else
      this.resume = () => {
        this.resume = null
        resume(Effect.void)
      }
  })

  private report(closed: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    return Exit.isFailure(closed)
      ? Effect.catchAllCause(childFinalizerLog(this.place.id, this.place, closed.cause), () => Effect.void)
      : Effect.void
  }

  private crashLog(cause: Cause.Cause<unknown>): Effect.Effect<void> {
    const log = this.place.repeats(firstLine(cause)) ?? childLog(this.place.id, this.place, cause)
    return Effect.catchAllCause(log, () => Effect.void)
  }

  // -----------------------------------------------------------------------------------------------------------------
  // What has happened
  // -----------------------------------------------------------------------------------------------------------------

  private built(fiber: AnyFiber, services: Context.Context<never>): void {
    const { place } = this
    this.watcher?.settle()
    this.hasStarted = true
    place.settle(this.claimed)
    place.services = services
    place.after = environmentAt(fiber, services, { root: place.keeper.root, nest: null })
    this.tellStart()
    for (const cause of this.early) {
      emit(() => ProcessEvent.WorkerFailed({ ...this.identity, cause }))
      this.log(workerLog(place.id, place, cause))
    }
    this.onOutcome(started)
    // One of its servers may have ended while others were still being built.
    for (const member of this.members) if (member.isDown) member.whenDown((reason) => this.memberEnded(member, reason))
  }

  private unwanted(): void {
    this.isOver = true
    delist(this)
    if (!this.isKilled) this.onOutcome(ignored)
  }

  private failed(cause: Cause.Cause<unknown>): void {
    this.isOver = true
    this.isOpen = false
    delist(this)
    const { onOver } = this
    this.onOver = null
    // Who was killed has been given up already.
    if (onOver !== null) onOver(ExitReason.shutdown())
    else if (!this.isKilled) this.onOutcome(failed(cause))
  }

  /** It was built, and is neither over nor told to be. */
  get isUp(): boolean {
    return this.hasStarted && !this.hasEnded && !this.isClosing && !this.isKilled
  }

  /** Nothing is left of it. */
  private end(reason: ExitReason.ExitReason): void {
    this.isOver = true
    delist(this)
    this.watcher?.release()
    if (this.isKilled) return
    if (!this.hasEnded) this.tellEnd(reason)
    if (!this.tellWaiting(reason) && !this.hasEnded) {
      this.hasEnded = true
      this.place.over(this, reason)
    }
  }

  /** Tells whoever waits for its end, once; false if nobody does. */
  private tellWaiting(reason: ExitReason.ExitReason): boolean {
    const { onOver } = this
    this.onOver = null
    onOver?.(reason)
    return onOver !== null
  }

  private tellStart(): void {
    const { restarts } = this.place
    emit(() =>
      restarts === 0 ? ProcessEvent.Started(this.identity) : ProcessEvent.Restarted({ ...this.identity, restarts })
    )
  }

  private tellEnd(reason: ExitReason.ExitReason): void {
    const { restarts } = this.place
    emit(() =>
      ExitReason.isExpected(reason)
        ? ProcessEvent.Stopped({ ...this.identity, reason })
        : ProcessEvent.Crashed({ ...this.identity, reason, restarts })
    )
  }

  private memberEnded(member: Member, reason: ExitReason.ExitReason): void {
    if (this.hasStarted && this.members.includes(member)) this.lost(reason)
  }

  /** Something of it has ended, and so has all of it. */
  private lost(reason: ExitReason.ExitReason): void {
    if (this.isClosing || this.isKilled || this.hasEnded) return
    this.hasEnded = true
    this.tellEnd(reason)
    this.place.over(this, reason)
  }

  private workerFailed(cause: Cause.Cause<unknown>, isBuilding: boolean): void {
    if (isBuilding) {
      this.early.push(cause)
      return
    }
    if (this.isClosing || this.isKilled || this.hasEnded) return
    this.log(this.crashLog(cause))
    this.lost(ExitReason.crash(cause))
  }

  private log(line: Effect.Effect<void>): void {
    Runtime.runFork(runtimeOf(this.environment, this.environment.services))(line, {
      scheduler: this.environment.scheduler,
      immediate: false
    })
  }

  // -----------------------------------------------------------------------------------------------------------------
  // What it is told
  // -----------------------------------------------------------------------------------------------------------------

  private interrupt(): void {
    this.fiber?.unsafeInterruptAsFork(FiberId.none)
  }

  close(): void {
    if (this.isClosing) return
    this.isClosing = true
    this.watcher?.release()
    if (this.resume !== null) this.resume()
    else if (!this.hasStarted || this.place.stuff._tag === "Worker") this.interrupt()
  }

  /** Left behind: what it does from here on is nobody's business any more. */
  kill(): void {
    if (this.isOver || this.isKilled) return
    const wasClosing = this.isClosing
    this.isKilled = true
    this.isOpen = false
    this.killedAt = this.environment.alarm.now()
    this.watcher?.release()
    for (const member of this.members) member.kill()
    if (!wasClosing) {
      if (this.resume !== null) this.resume()
      else this.interrupt()
    }
    if (this.hasStarted && !this.hasEnded) this.tellEnd(ExitReason.killed)
    const { onOver } = this
    this.onOver = null
    if (onOver !== null) onOver(ExitReason.killed)
    else if (!this.hasStarted) this.onOutcome(failed(Cause.interrupt(FiberId.none)))
    else if (!this.hasEnded) {
      this.hasEnded = true
      this.place.over(this, ExitReason.killed)
    }
  }

  /** Its supervisor was killed. */
  orphan(): void {
    // Its servers hear why before the closing of their scope tells them less.
    for (const member of this.members) member.parentExit(ExitReason.killed)
    this.close()
  }

  // -----------------------------------------------------------------------------------------------------------------
  // Nest: the servers that are started while it is built
  // -----------------------------------------------------------------------------------------------------------------

  get name(): string {
    return this.place.id
  }

  get path(): ReadonlyArray<string> {
    return this.place.path
  }

  get restarts(): number {
    return this.place.restarts
  }

  pathOf(name: string): ReadonlyArray<string> {
    return this.place.pathOf(name)
  }

  repeats(text: string): Effect.Effect<void> | null {
    return this.place.repeats(text)
  }

  gaveUp(why: MaxRestartsExceeded): void {
    if (!this.isKilled) this.place.gaveUp(why)
  }

  seatFor(definition: Definition): Seat<Server> | AlreadyStarted | null {
    const index = this.claimed.get(definition.key) ?? 0
    this.claimed.set(definition.key, index + 1)
    return this.place.seatFor(definition, index)
  }

  discard(member: Member): void {
    const at = this.members.indexOf(member)
    if (at >= 0 && !this.isClosing && !this.hasEnded) this.members.splice(at, 1)
  }

  adopt(member: Member): void {
    this.members.push(member)
    member.whenDown((reason) => this.memberEnded(member, reason))
  }

  get unhandled(): number {
    // What a supervisor has not heard of its children is nobody's loss, and its children are told of by themselves.
    return this.members.reduce(
      (sum, { definition, leftCount }) => (isSupervisor(definition.processKind) ? sum : sum + leftCount),
      0
    )
  }

  get nodes(): ReadonlyArray<Node> {
    return this.members.filter(({ isDown }) => !isDown).map(({ node }) => node)
  }

  // -----------------------------------------------------------------------------------------------------------------
  // Listed
  // -----------------------------------------------------------------------------------------------------------------

  private get identity(): Identity {
    return this.place.identity
  }

  private get status(): ProcessStatus {
    if (this.isKilled) return "zombie"
    if (this.isClosing || this.hasEnded) return "stopping"
    if (!this.hasStarted) return "starting"
    return this.place.stuff._tag === "Worker" ? "running" : "idle"
  }

  describe(): ProcessInfo {
    return new ProcessInfo({
      name: this.place.id,
      kind: this.place.stuff._tag,
      of: this.place,
      status: this.status,
      queueLength: 0,
      restarts: this.place.restarts,
      handled: 0,
      handling: null,
      zombie: this.isKilled ? Math.max(0, this.environment.alarm.now() - this.killedAt) : null
    })
  }
}
