/**
 * A supervisor with a list of children: what it does about their ends, and what it is asked.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { Restart, Type } from "../ChildSpec.ts"
import * as ExitReason from "../ExitReason.ts"
import { Call } from "../Message.ts"
import { AlreadyPresent, AlreadyStarted, ChildRunning, FailedToStart, NoSuchChild } from "../SupervisorError.ts"
import { startProcess } from "./calling.ts"
import { checkProtocol, type Definition, define } from "./definition.ts"
import { type Environment, withServices } from "./environment.ts"
import { FiberPlace } from "./fiberPlace.ts"
import { lateBound } from "./lateBound.ts"
import { Reply, Stop } from "./outcome.ts"
import { type Ended, type Handled, infos, Overseer, type Patience, type Retry } from "./overseer.ts"
import type { Parent } from "./parent.ts"
import type { Outcome, Place } from "./place.ts"
import { type Decision, ended, type Rules, restart } from "./plan.ts"
import type { Seat, Seats } from "./seat.ts"
import type { Server } from "./server.ts"
import { ServerPlace } from "./serverPlace.ts"
import { withName } from "./service.ts"
import { placeOf, type Spec, significanceMisfit } from "./spec.ts"

/** What a supervisor was told, checked. */
export interface Orders {
  readonly rules: Rules
  readonly patience: Patience
  /** Run at each start. */
  readonly children: Effect.Effect<ReadonlyArray<Spec>, unknown, unknown>
}

/** What is told of a child. */
export interface ChildInfo {
  readonly id: string
  readonly type: Type
  readonly restart: Restart
  readonly significant: boolean
  /** `undefined` in OTP is `stopped` here. */
  readonly status: "running" | "restarting" | "stopped"
  readonly restarts: number
  readonly path: ReadonlyArray<string>
}

/** How many children there are (`SUP-36`). */
export interface Counts {
  readonly specs: number
  readonly active: number
  readonly supervisors: number
  readonly workers: number
}

const ofChild = { id: Schema.String }

export class WhichChildren extends Call<WhichChildren>()("WhichChildren", { success: Schema.Unknown }) {}
export class CountChildren extends Call<CountChildren>()("CountChildren", { success: Schema.Unknown }) {}
export class GetChild extends Call<GetChild>()("GetChild", {
  payload: ofChild,
  success: Schema.Unknown,
  error: NoSuchChild
}) {}
export class StartChild extends Call<StartChild>()("StartChild", {
  payload: { spec: Schema.Unknown },
  success: Schema.Unknown,
  error: Schema.Union(AlreadyStarted, AlreadyPresent, FailedToStart)
}) {}
export class TerminateChild extends Call<TerminateChild>()("TerminateChild", {
  payload: ofChild,
  error: NoSuchChild
}) {}
export class RestartChild extends Call<RestartChild>()("RestartChild", {
  payload: ofChild,
  success: Schema.Unknown,
  error: Schema.Union(NoSuchChild, ChildRunning, FailedToStart)
}) {}
export class DeleteChild extends Call<DeleteChild>()("DeleteChild", {
  payload: ofChild,
  error: Schema.Union(NoSuchChild, ChildRunning)
}) {}

const messages = [
  WhichChildren,
  CountChildren,
  GetChild,
  StartChild,
  TerminateChild,
  RestartChild,
  DeleteChild,
  ...infos
]

type Answer = Reply<unknown, unknown> | Handled

export class SupervisorProcess extends Overseer {
  protected override readonly places: Array<Place> = []
  private readonly rules: Rules
  private readonly children: Orders["children"]
  /** What the child at that position, and those after it, find; as far as it is known. */
  private environments: Array<Environment> = []
  /** What children have provided that are not in the list any more. Whoever holds a ref of theirs is told so by it. */
  private forgotten: Context.Context<never> = Context.empty()
  private count = 0

  constructor(
    definition: Definition,
    seat: Seat<Server>,
    environment: Environment,
    parent: Parent | null,
    { children, patience, rules }: Orders
  ) {
    super(definition, seat, environment, parent, patience)
    this.rules = rules
    this.children = children
  }

  /** The services of all children. */
  get provided(): Context.Context<never> {
    let services = this.forgotten
    for (const place of this.places) services = Context.merge(services, this.provides(place))
    return services
  }

  // -----------------------------------------------------------------------------------------------------------------
  // Starting
  // -----------------------------------------------------------------------------------------------------------------

  boot(): Effect.Effect<this, unknown, unknown> {
    this.isListing = true
    return Effect.flatMap(this.children, (specs) => {
      this.isListing = false
      for (const spec of specs) this.add(spec)
      // The supervisor before this one had others.
      if (!this.isOvertaken) this.seat.renounce(ExitReason.noProcess, ExitReason.noProcess)
      return this.startAll()
    })
  }

  private add(spec: Spec): Place {
    let left: Seats | undefined
    const place = placeOf(spec, ++this.count, this, (id) => {
      if (!this.isOvertaken) left = this.seat.inherit(id)
      return left
    })
    if (this.find(place.id) !== undefined) {
      throw new TypeError(`${this.name}: two of its children have the id ${JSON.stringify(place.id)}`)
    }
    this.places.push(place)
    if (left !== undefined) this.dropOthers(left, place)
    return place
  }

  /** The child of that id had other servers in it than it can have now. */
  private dropOthers(left: Seats, { seats }: Place): void {
    for (const seat of [...left.values()].flat())
      if (!seats.includes(seat)) seat.retire(ExitReason.noProcess, ExitReason.noProcess)
  }

  private startAll(): Effect.Effect<this, unknown> {
    return Effect.gen(this, function* () {
      for (const place of this.places.slice()) {
        const outcome = yield* this.launch(place)
        if (outcome._tag === "Failed") {
          // Told to end itself, it has cancelled the start.
          if (!this.isClosing) this.root.failedToStart(place.path, outcome.cause)
          this.isClosing = true
          this.tellFailed(place, outcome.cause)
          yield* this.stopAll(ExitReason.shutdown())
          // An interruption would end a program as if somebody had wanted its end.
          const { cause } = outcome
          return yield* Effect.failCause(
            Cause.isInterruptedOnly(cause)
              ? Cause.die(new FailedToStart({ supervisor: this.name, id: place.id, reason: cause }))
              : cause
          )
        }
        if (outcome._tag === "Started") this.root.hasStarted(place.path)
        else if (place.restart === "temporary") this.remove(place)
      }
      this.root.cameUp(this)
      return this
    })
  }

  private launch(place: Place): Effect.Effect<Outcome> {
    return Effect.suspend(() => {
      const given = this.startPlace(place, this.environmentOf(place))
      return Effect.isEffect(given) ? given : Effect.succeed(given)
    })
  }

  private environmentOf(place: Place): Environment {
    const position = this.places.indexOf(place)
    const { environments } = this
    if (environments.length === 0) {
      const { base, forgotten } = this
      environments.push(withServices(base, Context.merge(forgotten, base.services)))
    }
    for (let at = environments.length; at <= position; at++) {
      const before = environments[at - 1] as Environment
      environments.push(this.extended(before, this.places[at - 1] as Place))
    }
    return environments[position] as Environment
  }

  /** What those after a child find. */
  private extended(environment: Environment, place: Place): Environment {
    const services = this.provides(place)
    const left = place instanceof FiberPlace ? place.after : null
    if (left === null && services.unsafeMap.size === 0) return environment
    return withServices(left ?? environment, Context.merge(environment.services, services))
  }

  /** A server provides its ref, which stays; a layer what it was built to, which those who come later are to have anew. */
  private provides(place: Place): Context.Context<never> {
    if (place instanceof ServerPlace) return place.services
    if (!(place instanceof FiberPlace)) return Context.empty()
    const keys = place.stuff._tag === "Layer" ? place.stuff.lateBound : []
    return keys.length === 0 ? place.services : lateBound(place, keys)
  }

  /** What was known of the children after that one is not so any more. */
  private changed(place: Place): void {
    if (place instanceof FiberPlace)
      this.environments.length = Math.min(this.environments.length, this.places.indexOf(place) + 1)
  }

  /** Where its children sit, those of the supervisor that comes after it will sit. */
  protected override bequeath(place: Place, reason: ExitReason.DownReason): boolean {
    if (!this.seat.isKept) return false
    this.seat.bequeath(place.id, place.estate, reason)
    return true
  }

  private find(id: string): Place | undefined {
    return this.places.find((place) => place.id === id)
  }

  private remove(place: Place): void {
    const at = this.places.indexOf(place)
    if (at < 0) return
    this.places.splice(at, 1)
    // Children that require it must still be able to start: to them it is a server that is not there.
    this.forgotten = Context.merge(this.forgotten, this.provides(place))
    this.environments.length = 0
    this.forgetDelay(place)
    this.retire(place, ExitReason.noProcess, ExitReason.noProcess)
  }

  // -----------------------------------------------------------------------------------------------------------------
  // What happens to its children
  // -----------------------------------------------------------------------------------------------------------------

  onEnded({ epoch, place }: Ended): Handled | Effect.Effect<Handled> {
    if (this.isClosing || place.epoch !== epoch) return this.stay
    const { places } = this
    const position = places.indexOf(place)
    if (position < 0) return this.stay
    const decision = ended(this.rules, places, position, place.reason ?? ExitReason.normal, this.isTooMany)
    switch (decision._tag) {
      case "Leave":
        return this.leaveAlone(place, decision.forget)
      case "End":
        return decision.why === "intensity"
          ? this.giveUp(place, "intensity")
          : Effect.map(this.clear(place), () => {
              place.giveUp(place.reason ?? ExitReason.normal)
              return new Stop<unknown>(ExitReason.shutdown(), this)
            })
      case "Restart":
        if (
          this.patience.backoff === null &&
          decision.stop.length === 0 &&
          decision.start.length === 1 &&
          !place.hasRemains
        ) {
          return this.startAgain(place)
        }
        return Effect.flatMap(this.delayOf(place), (delay) => {
          if (delay === null) return this.giveUp(place, "backoff")
          return delay === 0
            ? this.regroup(decision, place)
            : Effect.flatMap(this.stopGroup(decision, place), (start) => this.wait(place, delay, true, start))
        })
    }
  }

  onRetry({ epoch, isCounted, place }: Retry): Handled | Effect.Effect<Handled> {
    if (this.isClosing || place.epoch !== epoch || place.status !== "restarting") return this.stay
    const position = this.places.indexOf(place)
    if (position < 0) return this.stay
    const decision = restart(this.rules, this.places, position, isCounted ? () => false : this.isTooMany)
    return decision._tag === "Restart" ? this.regroup(decision, place) : this.giveUp(place, "intensity")
  }

  private leaveAlone(place: Place, forget: boolean): Handled | Effect.Effect<Handled> {
    const over = (): Handled => {
      place.status = "stopped"
      place.giveUp(place.reason ?? ExitReason.normal)
      if (forget) this.remove(place)
      return this.stay
    }
    return place.hasRemains ? Effect.map(this.clear(place), over) : over()
  }

  /** Ends what is left of a child that has ended by itself: other servers of its layer, what the layer had acquired. */
  private clear(place: Place): Effect.Effect<void> {
    const { reason } = place
    return Effect.map(this.stopPlace(place, ExitReason.shutdown()), () => {
      place.reason = reason
    })
  }

  /** The child alone, in the same turn if it can be. */
  private startAgain(place: Place): Handled | Effect.Effect<Handled> {
    const given = this.restartPlace(place, this.environmentOf(place))
    if (Effect.isEffect(given)) return Effect.flatMap(given, (outcome) => this.afterRestart(place, outcome))
    return given._tag === "Started" ? this.stay : this.afterRestart(place, given)
  }

  private afterRestart(place: Place, outcome: Outcome): Effect.Effect<Handled> {
    this.changed(place)
    if (outcome._tag === "Failed")
      return this.isClosing ? Effect.succeed(this.stay) : this.tryAgain(place, outcome.cause)
    return Effect.succeed(this.stay)
  }

  private stopGroup(
    decision: Extract<Decision, { _tag: "Restart" }>,
    culprit: Place
  ): Effect.Effect<ReadonlyArray<Place>> {
    return Effect.gen(this, function* () {
      const at = (positions: ReadonlyArray<number>): Array<Place> =>
        positions.map((position) => this.places[position] as Place)
      const [stop, forget, start] = [at(decision.stop), at(decision.forget), at(decision.start)]
      if (culprit.hasRemains) yield* this.clear(culprit)
      // It does not run, also if its turn never comes: one before it may fail to start, and be terminated then.
      culprit.status = "stopped"
      const restarting = (): ExitReason.DownReason => culprit.restarting()
      culprit.announce(restarting)
      for (const place of stop) {
        place.announce(restarting)
        yield* this.stopPlace(place, ExitReason.shutdown())
      }
      for (const place of forget) this.remove(place)
      // One that waited for its own next start is started in its turn from here on.
      for (const place of start) {
        if (place === culprit || place.status !== "restarting") continue
        this.cancelRestart(place)
        place.announce(culprit.restarting())
      }
      return start
    })
  }

  /** It is not to be started again, unless somebody else sees to it. */
  private cancelRestart(place: Place): void {
    this.forgetDelay(place)
    place.epoch++
    place.status = "stopped"
  }

  private regroup(decision: Extract<Decision, { _tag: "Restart" }>, culprit: Place): Effect.Effect<Handled> {
    return Effect.gen(this, function* () {
      const start = yield* this.stopGroup(decision, culprit)
      for (const [at, place] of start.entries()) {
        this.forgetDelay(place)
        const given = this.restartPlace(place, this.environmentOf(place))
        const outcome = Effect.isEffect(given) ? yield* given : given
        this.changed(place)
        if (outcome._tag === "Failed") {
          if (this.isClosing) return this.stay
          return yield* this.tryAgain(place, outcome.cause, start.slice(at + 1))
        }
      }
      return this.stay
    })
  }

  stopAll(reason: ExitReason.ExitReason): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.isClosing = true
      this.limitEnd()
      return Effect.forEach(this.places.slice().reverse(), (place) => this.stopPlace(place, reason), { discard: true })
    })
  }

  // -----------------------------------------------------------------------------------------------------------------
  // What it is asked
  // -----------------------------------------------------------------------------------------------------------------

  private describeChild = (place: Place): ChildInfo => ({
    id: place.id,
    type: place.type,
    restart: place.restart,
    significant: place.significant,
    status: place.status === "running" && !place.isAlive ? "restarting" : place.status,
    restarts: place.restarts,
    path: place.path
  })

  /** The newest first (`SUP-35`). */
  whichChildren(): ReadonlyArray<ChildInfo> {
    return this.places.map(this.describeChild).reverse()
  }

  countChildren(): Counts {
    const supervisors = this.places.filter((place) => place.type === "supervisor").length
    return {
      specs: this.places.length,
      active: this.places.filter((place) => place.isAlive).length,
      supervisors,
      workers: this.places.length - supervisors
    }
  }

  private missing(id: string): Effect.Effect<never, NoSuchChild> {
    return Effect.fail(new NoSuchChild({ supervisor: this.name, id }))
  }

  private running(place: Place): Effect.Effect<never, ChildRunning> {
    const status = place.status === "restarting" ? "restarting" : "running"
    return Effect.fail(new ChildRunning({ supervisor: this.name, id: place.id, status }))
  }

  getChild({ id }: GetChild) {
    const place = this.find(id)
    return place === undefined ? this.missing(id) : this.answer(this.describeChild(place))
  }

  answer(value: unknown): Answer {
    return new Reply<unknown, unknown>(value, this, undefined, undefined, false)
  }

  startChild({ spec: given }: StartChild): Effect.Effect<Answer, unknown> {
    return Effect.suspend((): Effect.Effect<Answer, unknown> => {
      const spec = given as Spec
      const place = placeOf(spec, this.count + 1, this, () => undefined)
      const present = this.find(place.id)
      if (present !== undefined) {
        if (!present.isAlive) return Effect.fail(new AlreadyPresent({ supervisor: this.name, id: place.id }))
        const [ref] = present.seats
        return Effect.fail(new AlreadyStarted({ process: place.id, ...(ref === undefined ? {} : { ref }) }))
      }
      const misfit = significanceMisfit(place.id, spec, this.rules.autoShutdown)
      if (misfit !== null) return this.failedToStart(place, Cause.die(new TypeError(`${this.name}: ${misfit}`)))
      this.count++
      this.places.push(place)
      return Effect.flatMap(this.launch(place), (outcome) => {
        this.changed(place)
        if (outcome._tag === "Failed") {
          this.remove(place)
          // It is to end: whoever has asked is told when it has.
          if (this.isClosing) return Effect.succeed(this.stay)
          return this.failedToStart(place, outcome.cause)
        }
        const services = this.provides(place)
        if (outcome._tag === "Ignored" && place.restart === "temporary") this.remove(place)
        return Effect.succeed(this.answer(services))
      })
    })
  }

  private failedToStart(
    place: Place,
    cause: Cause.Cause<unknown>
  ): Effect.Effect<never, FailedToStart | AlreadyStarted> {
    this.tellFailed(place, cause)
    const defect = Cause.dieOption(cause)
    // A server that is started elsewhere is not adopted (`SUP-31`).
    if (defect._tag === "Some" && defect.value instanceof AlreadyStarted) return Effect.fail(defect.value)
    return Effect.fail(new FailedToStart({ supervisor: this.name, id: place.id, reason: cause }))
  }

  terminateChild({ id }: TerminateChild): Effect.Effect<Answer, NoSuchChild> {
    return Effect.suspend(() => {
      const place = this.find(id)
      if (place === undefined) return this.missing(id)
      if (place.status === "restarting") {
        this.cancelRestart(place)
        // Those that were to be started after it are not started either, unless another one takes them along.
        const isAnother = this.places.some((other) => other !== place && other.status === "restarting")
        const stopped = isAnother ? [] : this.places.filter((other) => other !== place && other.status === "stopped")
        for (const other of stopped) other.giveUp(ExitReason.shutdown())
      }
      return Effect.map(this.stopPlace(place, ExitReason.shutdown()), () => {
        place.giveUp(ExitReason.shutdown())
        if (place.restart === "temporary") this.remove(place)
        return this.answer(undefined)
      })
    })
  }

  restartChild({ id }: RestartChild): Effect.Effect<Answer, unknown> {
    return Effect.suspend((): Effect.Effect<Answer, unknown> => {
      const place = this.find(id)
      if (place === undefined) return this.missing(id)
      if (place.status !== "stopped") return this.running(place)
      return Effect.flatMap(
        Effect.suspend(() => {
          const given = this.restartPlace(place, this.environmentOf(place))
          return Effect.isEffect(given) ? given : Effect.succeed(given)
        }),
        (outcome) => {
          this.changed(place)
          if (outcome._tag !== "Failed") return Effect.succeed(this.answer(this.provides(place)))
          // Who called while its `init` was running waits for another one.
          place.giveUp()
          return this.isClosing ? Effect.succeed(this.stay) : this.failedToStart(place, outcome.cause)
        }
      )
    })
  }

  deleteChild({ id }: DeleteChild): Effect.Effect<Answer, unknown> {
    return Effect.suspend((): Effect.Effect<Answer, unknown> => {
      const place = this.find(id)
      if (place === undefined) return this.missing(id)
      if (place.status !== "stopped") return this.running(place)
      this.remove(place)
      return Effect.succeed(this.answer(undefined))
    })
  }
}

/** The definition of a supervisor of that name. */
export const supervisorDefinition = (key: string, name: string, isNamed: boolean): Definition =>
  define(
    key,
    checkProtocol(name, messages),
    (process: SupervisorProcess) => process.boot(),
    {
      handleCall: {
        WhichChildren: (_: WhichChildren, process: SupervisorProcess) => process.answer(process.whichChildren()),
        CountChildren: (_: CountChildren, process: SupervisorProcess) => process.answer(process.countChildren()),
        GetChild: (message: GetChild, process: SupervisorProcess) => process.getChild(message),
        StartChild: (message: StartChild, process: SupervisorProcess) => process.startChild(message),
        TerminateChild: (message: TerminateChild, process: SupervisorProcess) => process.terminateChild(message),
        RestartChild: (message: RestartChild, process: SupervisorProcess) => process.restartChild(message),
        DeleteChild: (message: DeleteChild, process: SupervisorProcess) => process.deleteChild(message)
      },
      handleInfo: {
        Ended: (message: Ended, process: SupervisorProcess) => process.onEnded(message),
        Retry: (message: Retry, process: SupervisorProcess) => process.onRetry(message)
      },
      terminate: (_reason: ExitReason.ExitReason, process: SupervisorProcess) => process.stopAll(ExitReason.shutdown()),
      trapExit: true,
      shutdown: "infinity",
      format: () => "its children"
    },
    "Supervisor",
    isNamed
  )

/** The layer of a supervisor: it provides its own ref, if it has a tag, and what its children provide. */
export const supervisorLayer = (
  definition: Definition,
  tag: Context.Tag<unknown, unknown> | null,
  orders: Orders
): Layer.Layer<unknown, unknown, unknown> => {
  const layer = Layer.scopedContext(
    startProcess(
      definition,
      (definition, seat, environment, parent) => new SupervisorProcess(definition, seat, environment, parent, orders),
      (process) => [process],
      // What is provided is said by the types of the layer's own interface.
      ({ provided, seat }) => (tag === null ? provided : Context.add(provided, tag, seat)) as Context.Context<unknown>
    )
  )
  return tag === null ? layer : withName(layer, definition.name)
}
