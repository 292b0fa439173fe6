/**
 * A process's place: what refs point at and what stays when one incarnation gives way to the next.
 */
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type DownReason, noProcess } from "../ExitReason.ts"
import type { Held } from "./held.ts"

/** What runs in a seat. */
export interface Occupant {
  /** The committed state; nothing before `init` has ended. */
  readonly committed: Option.Option<unknown>
  /** Somebody else takes the seat before it has ended. What it would leave at its end, it leaves now. */
  overtaken(): void
  /** Takes what somebody has left who was here before, but ended after it had come; false if it is gone itself. */
  takeOver(held: Held): boolean
}

/** A subscriber of `changes`: it sees the latest state, and never holds up the server. */
class Watcher {
  private latest: unknown = undefined
  private isFresh = false
  private isOver = false
  private resume: (() => void) | null = null

  tell(state: unknown): void {
    this.latest = state
    this.isFresh = true
    this.resume?.()
  }

  end(): void {
    this.isOver = true
    this.resume?.()
  }

  /** Waits until there is something to see. The state itself stays here, in case the reader is interrupted meanwhile. */
  private readonly news: Effect.Effect<void> = Effect.async<void>((resume) => {
    if (this.isFresh || this.isOver) {
      resume(Effect.void)
      return
    }
    this.resume = () => {
      this.resume = null
      resume(Effect.void)
    }
    return Effect.sync(() => {
      this.resume = null
    })
  })

  readonly take: Effect.Effect<unknown, Option.Option<never>> = Effect.suspend(() => {
    if (this.isFresh) {
      this.isFresh = false
      return Effect.succeed(this.latest)
    }
    return this.isOver ? Effect.fail(Option.none()) : Effect.zipRight(this.news, this.take)
  })
}

/** Seats by the keys of the servers that sit there, in the order in which they are started. */
export type Seats = Map<string, Array<Seat>>

export class Seat<out I extends Occupant = Occupant> extends Effectable.Class<Seat<I>> {
  readonly name: string
  /** Who sits here now. */
  occupant: I | null = null
  private reason: DownReason | (() => DownReason) = noProcess
  /** Whether a supervisor may put another one here. */
  isKept = false
  /** What the last one has left for the next. */
  held: Held | null = null
  /** Whether a next one was given up while the last one was still about to end. */
  private isGivenUp = false
  /** Of a supervisor: what its children's places have left for those of the next one, by their ids. */
  private estates: Map<string, Seats> | null = null
  private watchers: Set<Watcher> | null = null

  constructor(name: string) {
    super()
    this.name = name
  }

  override commit(): Effect.Effect<this> {
    return Effect.succeed(this)
  }

  /** What callers are told while nobody sits here. */
  get down(): DownReason {
    if (typeof this.reason === "function") this.reason = this.reason()
    return this.reason
  }

  /**
   * Somebody takes the seat. Who still sits there, since he takes his time to end, leaves everything at once: so nothing
   * can be left here later that the one who comes now would not find.
   */
  take(occupant: I): void {
    const last = this.occupant
    this.isGivenUp = false
    this.occupant = null
    last?.overtaken()
    this.occupant = occupant
  }

  /** Whether what somebody leaves here is for another one. */
  get isAwaiting(): boolean {
    return this.isKept && !this.isGivenUp
  }

  /** Somebody leaves mail: to the one who sits here by now, or else to the next. */
  leave(held: Held, from: Occupant): void {
    const { occupant } = this
    if (occupant !== null && occupant !== from && occupant.takeOver(held)) return
    this.held = this.held === null ? held : this.held.and(held)
  }

  /** A state was committed that is another one than before. */
  changed(state: unknown): void {
    if (this.watchers !== null) for (const watcher of this.watchers) watcher.tell(state)
  }

  /** The occupant is gone. If nobody can come after it, that was all. */
  vacate(): void {
    this.occupant = null
    if (!this.isKept) this.endWatchers()
  }

  /**
   * What callers are told from here on, also those of a supervisor's children. It may be made when somebody asks, since
   * mostly the next one is there before that.
   */
  announce(down: DownReason | (() => DownReason)): void {
    this.reason = down
    if (this.estates !== null) for (const seat of this.left()) seat.announce(down)
  }

  /** Nobody will come after the last one: whoever still waits is told `reason`, whoever comes later `down`. */
  retire(reason: DownReason, down: DownReason): void {
    this.isKept = false
    this.reason = down
    this.release(reason)
    this.renounce(reason, down)
    if (this.occupant === null) this.endWatchers()
  }

  /** Nobody sits here for the time being, and nobody is expected: who waits is told `reason`. */
  giveUp(reason: DownReason): void {
    this.announce(noProcess)
    this.release(reason)
  }

  /** What the last one has left is not waited for any longer. */
  release(reason: DownReason): void {
    this.isGivenUp = true
    this.held?.dismiss(this.name, reason)
    this.held = null
    if (this.estates !== null) for (const seat of this.left()) seat.release(reason)
  }

  /** Leaves the seats of a child to the one of that id under the next supervisor. Is none expected, who waits is told. */
  bequeath(id: string, seats: Seats, reason: DownReason): void {
    this.estates ??= new Map()
    this.estates.set(id, seats)
    if (this.isGivenUp) for (const seat of [...seats.values()].flat()) seat.release(reason)
  }

  /** The seats that the child of that id had under the last supervisor. */
  inherit(id: string): Seats | undefined {
    const seats = this.estates?.get(id)
    this.estates?.delete(id)
    return seats
  }

  /** Nobody will ask for what is still left. */
  renounce(reason: DownReason, down: DownReason): void {
    const left = this.left()
    this.estates = null
    for (const seat of left) seat.retire(reason, down)
  }

  private left(): ReadonlyArray<Seat> {
    if (this.estates === null) return []
    return Array.from(this.estates.values(), (seats) => [...seats.values()].flat()).flat()
  }

  private endWatchers(): void {
    if (this.watchers !== null) for (const watcher of this.watchers) watcher.end()
    this.watchers = null
  }

  subscribe(watcher: Watcher): void {
    if (this.occupant === null && !this.isKept) {
      watcher.end()
      return
    }
    if (this.occupant !== null && Option.isSome(this.occupant.committed)) watcher.tell(this.occupant.committed.value)
    this.watchers ??= new Set()
    this.watchers.add(watcher)
  }

  unsubscribe(watcher: Watcher): void {
    this.watchers?.delete(watcher)
    if (this.watchers?.size === 0) this.watchers = null
  }

  override toString(): string {
    return `ServerRef(${this.name})`
  }

  toJSON(): unknown {
    return { _id: "ServerRef", name: this.name }
  }

  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

/** The current state, then every other that is committed, until the seat ends. A slow reader sees the latest. */
export const changes = (seat: Seat<Occupant>): Stream.Stream<unknown> =>
  Stream.unwrapScoped(
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => {
          const watcher = new Watcher()
          seat.subscribe(watcher)
          return watcher
        }),
        (watcher) => Effect.sync(() => seat.unsubscribe(watcher))
      ),
      (watcher) => Stream.repeatEffectOption(watcher.take)
    )
  )
