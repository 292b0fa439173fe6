/**
 * A supervisor whose children are servers that come and go at run time. It is not told of them beforehand but for their
 * kinds, and looks after each by itself.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { Restart } from "../ChildSpec.ts"
import * as ExitReason from "../ExitReason.ts"
import { Call } from "../Message.ts"
import { AlreadyStarted, FailedToStart, MaxChildren, NoSuchChild } from "../SupervisorError.ts"
import { startProcess } from "./calling.ts"
import { checkProtocol, type Definition, define } from "./definition.ts"
import type { Environment } from "./environment.ts"
import { Reply } from "./outcome.ts"
import { type Ended, type Handled, infos, Overseer, type Patience, type Retry } from "./overseer.ts"
import type { Parent } from "./parent.ts"
import type { Care, Outcome, Place } from "./place.ts"
import { isRestarted } from "./plan.ts"
import type { Seat } from "./seat.ts"
import { Server } from "./server.ts"
import { ServerPlace } from "./serverPlace.ts"
import { withName } from "./service.ts"

/** What is told of a child. */
export interface DynamicChild {
  readonly ref: Seat
  readonly restart: Restart
  readonly status: "running" | "restarting"
  readonly restarts: number
}

/** How many children there are. */
export interface DynamicCounts {
  readonly specs: number
  readonly active: number
  readonly supervisors: number
  readonly workers: number
}

const definition = Schema.declare((u): u is Definition => typeof u === "object")
// Told by one look: a schema of an array looks at each, which was a fifth of a start.
const args = Schema.declare((u): u is ReadonlyArray<unknown> => Array.isArray(u))
const care = Schema.declare((u): u is Care => typeof u === "object")
const seat = Schema.declare((u): u is Seat => typeof u === "object")

export class StartChild extends Call<StartChild>()("StartChild", {
  payload: { definition, args, care },
  success: Schema.Unknown,
  error: Schema.Union(AlreadyStarted, FailedToStart, MaxChildren)
}) {}
export class TerminateChild extends Call<TerminateChild>()("TerminateChild", {
  payload: { seat },
  error: NoSuchChild
}) {}
export class WhichChildren extends Call<WhichChildren>()("WhichChildren", { success: Schema.Unknown }) {}
export class CountChildren extends Call<CountChildren>()("CountChildren", { success: Schema.Unknown }) {}

const messages = [StartChild, TerminateChild, WhichChildren, CountChildren, ...infos]

type Answer = Reply<unknown, unknown> | Handled

export class DynamicProcess extends Overseer {
  private readonly children = new Map<Seat, ServerPlace>()
  private readonly maxChildren: number
  private count = 0

  constructor(
    definition: Definition,
    seat: Seat<Server>,
    environment: Environment,
    parent: Parent | null,
    patience: Patience,
    maxChildren: number
  ) {
    super(definition, seat, environment, parent, patience)
    this.maxChildren = maxChildren
  }

  protected override get places(): Iterable<Place> {
    return this.children.values()
  }

  private answer(value: unknown): Answer {
    return new Reply<unknown, unknown>(value, this, undefined, undefined, false)
  }

  // -----------------------------------------------------------------------------------------------------------------
  // What it is asked
  // -----------------------------------------------------------------------------------------------------------------

  startChild({ args, care, definition }: StartChild): Answer | Effect.Effect<Answer, unknown> {
    if (this.children.size >= this.maxChildren) {
      return Effect.fail(new MaxChildren({ supervisor: this.name, maxChildren: this.maxChildren }))
    }
    const place = new ServerPlace(`${definition.name}#${++this.count}`, care, this, definition, args, false, undefined)
    this.children.set(place.seat, place)
    const given = this.startPlace(place, this.base)
    if (Effect.isEffect(given)) return Effect.flatMap(given, (outcome) => this.afterStart(place, outcome))
    return given._tag === "Started" ? this.answer(place.seat) : this.afterStart(place, given)
  }

  private afterStart(place: ServerPlace, outcome: Outcome): Effect.Effect<Answer, unknown> {
    if (outcome._tag === "Started") return Effect.succeed(this.answer(place.seat))
    this.drop(place)
    // Nothing is kept of a child that wants no process (`DYN-6`): its ref says so.
    if (outcome._tag === "Ignored") return Effect.succeed(this.answer(place.seat))
    // It is to end: whoever has asked is told when it has.
    if (this.isClosing) return Effect.succeed(this.stay)
    this.tellFailed(place, outcome.cause)
    return Effect.fail(new FailedToStart({ supervisor: this.name, id: place.id, reason: outcome.cause }))
  }

  terminateChild({ seat }: TerminateChild): Effect.Effect<Answer, NoSuchChild> {
    const place = this.children.get(seat)
    if (place === undefined) return Effect.fail(new NoSuchChild({ supervisor: this.name, id: seat.name }))
    return Effect.map(this.stopPlace(place, ExitReason.shutdown()), () => {
      this.drop(place)
      return this.answer(undefined)
    })
  }

  /** Told while they are looked at, one by one: there may be very many. */
  whichChildren(): Iterable<DynamicChild> {
    const { children } = this
    return {
      *[Symbol.iterator]() {
        for (const place of children.values()) {
          yield {
            ref: place.seat,
            restart: place.restart,
            status: place.isAlive ? ("running" as const) : ("restarting" as const),
            restarts: place.restarts
          }
        }
      }
    }
  }

  countChildren(): DynamicCounts {
    const { size } = this.children
    return { specs: size, active: size - this.restarting.size, supervisors: 0, workers: size }
  }

  /** Children that do not run, and are to be started again. */
  private readonly restarting = new Set<Place>()

  private drop(place: ServerPlace, reason: ExitReason.DownReason = ExitReason.noProcess): void {
    this.restarting.delete(place)
    this.forgetDelay(place)
    this.children.delete(place.seat)
    this.retire(place, reason, ExitReason.noProcess)
  }

  // -----------------------------------------------------------------------------------------------------------------
  // What happens to its children
  // -----------------------------------------------------------------------------------------------------------------

  override childEnded(place: Place, reason: ExitReason.ExitReason): void {
    this.restarting.add(place)
    super.childEnded(place, reason)
  }

  onEnded({ epoch, place }: Ended): Handled | Effect.Effect<Handled> {
    if (this.isClosing || place.epoch !== epoch || !(place instanceof ServerPlace)) return this.stay
    const reason = place.reason ?? ExitReason.normal
    if (!isRestarted(place.restart, reason)) {
      this.drop(place, reason)
      return this.stay
    }
    if (this.isTooMany()) return this.giveUp(place, "intensity")
    if (this.patience.backoff === null) return this.startAgain(place)
    return Effect.flatMap(this.delayOf(place), (delay) =>
      delay === 0 ? Effect.suspend(() => toEffect(this.startAgain(place))) : this.wait(place, delay, true, [])
    )
  }

  onRetry({ epoch, isCounted, place }: Retry): Handled | Effect.Effect<Handled> {
    if (this.isClosing || place.epoch !== epoch || place.status !== "restarting") return this.stay
    if (!isCounted && this.isTooMany()) return this.giveUp(place, "intensity")
    return this.startAgain(place as ServerPlace)
  }

  private startAgain(place: ServerPlace): Handled | Effect.Effect<Handled> {
    const given = this.restartPlace(place, this.base)
    if (Effect.isEffect(given)) return Effect.flatMap(given, (outcome) => toEffect(this.afterRestart(place, outcome)))
    return this.afterRestart(place, given)
  }

  private afterRestart(place: ServerPlace, outcome: Outcome): Handled | Effect.Effect<Handled> {
    if (outcome._tag === "Started") this.restarting.delete(place)
    else if (outcome._tag === "Ignored") this.drop(place)
    else if (!this.isClosing) return this.tryAgain(place, outcome.cause)
    return this.stay
  }

  /** All at once, each within its own time (`DYN-9`). */
  stopAll(): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      this.isClosing = true
      const places = Array.from(this.children.values()).filter((place) => place.hasRemains)
      let left = places.length
      if (left === 0) {
        resume(Effect.void)
        return
      }
      // A child that asks this supervisor on its way out would wait for itself.
      this.waitingFor = {
        home: null,
        blocks: true,
        isFor: (party) => party instanceof Server && this.children.get(party.seat)?.party === party
      }
      for (const place of places) {
        place.status = "stopped"
        place.stop(ExitReason.shutdown(), () => {
          if (--left > 0) return
          this.waitingFor = null
          resume(Effect.void)
        })
      }
    })
  }
}

const toEffect = (given: Handled | Effect.Effect<Handled>): Effect.Effect<Handled> =>
  Effect.isEffect(given) ? given : Effect.succeed(given)

/** The definition of a dynamic supervisor of that name. */
export const dynamicDefinition = (key: string, name: string): Definition =>
  define(
    key,
    checkProtocol(name, messages),
    // An Effect would be run: this is the state as it is.
    (process: DynamicProcess) => process,
    {
      handleCall: {
        StartChild: (message: StartChild, process: DynamicProcess) => process.startChild(message),
        TerminateChild: (message: TerminateChild, process: DynamicProcess) => process.terminateChild(message),
        WhichChildren: (_: WhichChildren, process: DynamicProcess) =>
          new Reply<unknown, unknown>(process.whichChildren(), process, undefined, undefined, false),
        CountChildren: (_: CountChildren, process: DynamicProcess) =>
          new Reply<unknown, unknown>(process.countChildren(), process, undefined, undefined, false)
      },
      handleInfo: {
        Ended: (message: Ended, process: DynamicProcess) => process.onEnded(message),
        Retry: (message: Retry, process: DynamicProcess) => process.onRetry(message)
      },
      terminate: (_reason: ExitReason.ExitReason, process: DynamicProcess) => process.stopAll(),
      trapExit: true,
      shutdown: "infinity",
      format: () => "its children"
    },
    "DynamicSupervisor"
  )

/** The layer of a dynamic supervisor. */
export const dynamicLayer = (
  definition: Definition,
  tag: Context.Tag<unknown, unknown>,
  patience: Patience,
  maxChildren: number
): Layer.Layer<unknown, unknown, unknown> =>
  withName(
    Layer.scoped(
      tag,
      startProcess(
        definition,
        (definition, seat, environment, parent) =>
          new DynamicProcess(definition, seat, environment, parent, patience, maxChildren),
        (process) => [process],
        ({ seat }) => seat
      )
    ),
    definition.name
  )
