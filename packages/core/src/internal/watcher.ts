/**
 * Watches the fibers that are forked while a layer is built, so that one which fails later does not do so unheard.
 *
 * It is an Effect `Supervisor`, which fibers inherit from whoever forks them. Those still alive when the build is done
 * belong to what was built; from then on it looks at no other.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Option from "effect/Option"
import * as Supervisor from "effect/Supervisor"

type AnyFiber = Fiber.RuntimeFiber<unknown, unknown>

export class Watcher extends Supervisor.AbstractSupervisor<void> {
  /** Those that watched already, of the user's own: they go on. */
  readonly base: Supervisor.Supervisor<unknown>
  private readonly isBaseSilent: boolean
  private readonly onFailure: (cause: Cause.Cause<unknown>, isBuilding: boolean) => void
  private readonly alive = new Set<AnyFiber>()
  private isBuilding = true

  /** `onFailure` is told of each fiber that ended by a failure or a defect, and whether the build was still under way. */
  constructor(
    base: Supervisor.Supervisor<unknown>,
    onFailure: (cause: Cause.Cause<unknown>, isBuilding: boolean) => void
  ) {
    super()
    this.base = base
    this.isBaseSilent = base === Supervisor.none
    this.onFailure = onFailure
  }

  /** The build is done. */
  settle(): void {
    this.isBuilding = false
  }

  /** What it watched is to end, or has ended: nobody is interested in how. */
  release(): void {
    this.isBuilding = false
    this.alive.clear()
  }

  override get value(): Effect.Effect<void> {
    return Effect.void
  }

  override onStart<A, E, R>(
    context: Context.Context<R>,
    effect: Effect.Effect<A, E, R>,
    parent: Option.Option<Fiber.RuntimeFiber<unknown, unknown>>,
    fiber: Fiber.RuntimeFiber<A, E>
  ): void {
    if (!this.isBaseSilent) this.base.onStart(context, effect, parent, fiber)
    if (this.isBuilding) this.alive.add(fiber as AnyFiber)
  }

  override onEnd<A, E>(value: Exit.Exit<A, E>, fiber: Fiber.RuntimeFiber<A, E>): void {
    if (!this.isBaseSilent) this.base.onEnd(value, fiber)
    if (this.alive.delete(fiber as AnyFiber) && Exit.isFailure(value) && !Cause.isInterruptedOnly(value.cause)) {
      this.onFailure(value.cause, this.isBuilding)
    }
  }

  override onEffect<A, E>(fiber: Fiber.RuntimeFiber<A, E>, effect: Effect.Effect<unknown, unknown, unknown>): void {
    if (!this.isBaseSilent) this.base.onEffect(fiber, effect)
  }

  override onSuspend<A, E>(fiber: Fiber.RuntimeFiber<A, E>): void {
    if (!this.isBaseSilent) this.base.onSuspend(fiber)
  }

  override onResume<A, E>(fiber: Fiber.RuntimeFiber<A, E>): void {
    if (!this.isBaseSilent) this.base.onResume(fiber)
  }
}

/** What `Supervisor.zip` makes. */
interface Pair {
  readonly left: Supervisor.Supervisor<unknown>
  readonly right: Supervisor.Supervisor<unknown>
}

/** A supervisor without what is ours in it. */
export const withoutWatchers = (supervisor: Supervisor.Supervisor<unknown>): Supervisor.Supervisor<unknown> => {
  if (supervisor instanceof Watcher) return withoutWatchers(supervisor.base)
  if (!("left" in supervisor && "right" in supervisor)) return supervisor
  const pair = supervisor as Supervisor.Supervisor<unknown> & Pair
  const left = withoutWatchers(pair.left)
  const right = withoutWatchers(pair.right)
  if (left === pair.left && right === pair.right) return supervisor
  if (left === Supervisor.none) return right
  return right === Supervisor.none ? left : left.zip(right)
}
