/**
 * The fiber in which a server does its work: it is forked when there is something to do, parks when there is nothing,
 * and is let go after a while of that.
 *
 * It is the `Scheduler` of its own fiber, and so can hand an effect over to it and have it run at once, in the turn of
 * whoever asks (three microseconds faster than waking it through the scheduler below). Fibers forked by handlers
 * inherit it as theirs; for them it does nothing but pass on.
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import * as Runtime from "effect/Runtime"
import type * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import { livingChildren, parking, setFiberRefs } from "./effectFiber.ts"
import { isUsed } from "./effectScope.ts"
import { type Environment, type Facade, runtimeOf } from "./environment.ts"

/** What the fiber works for. All of these are called in the fiber's own turn. */
export interface Driver {
  /** The next step, or nothing when there is none. Plain work is done right here. */
  next(): Effect.Effect<void> | null
  /** Nothing is left to do. False if there is, after all; true and the fiber parks. */
  park(): boolean
  /** Whether the fiber is to stop asking for steps and leave. */
  readonly isLeaving: boolean
  /**
   * The last thing that the fiber does, uninterruptibly. The cause, if it was interrupted or failed by a bug of ours.
   */
  leave(cause: Cause.Cause<never> | null): Effect.Effect<void>
  /** A handler's effect ended. What these return, if anything, is run before the next step. */
  succeeded(value: unknown): Effect.Effect<void> | null
  failed(cause: Cause.Cause<unknown>): Effect.Effect<void> | null
}

/** How deep servers may hand over to each other before they go through the scheduler: this is the JavaScript stack. */
const maxDepth = 16

let depth = 0

const nobody: ReadonlySet<Fiber.RuntimeFiber<unknown, unknown>> = new Set()

export class Gear implements Facade {
  readonly base: Scheduler.Scheduler
  readonly driver: Driver
  private readonly environment: Environment
  private readonly services: ReadonlyMap<string, unknown>
  private readonly handlers: {
    readonly onSuccess: (value: unknown) => Effect.Effect<void>
    readonly onFailure: (cause: Cause.Cause<unknown>) => Effect.Effect<void>
  }
  private readonly program: Effect.Effect<void>
  private readonly parked: Effect.Effect<void>
  /** The fiber, while there is one. */
  fiber: Fiber.RuntimeFiber<void> | null = null
  private refs: FiberRefs.FiberRefs | null = null
  private handlerScope: Scope.CloseableScope | null = null
  /** The scope that was taken last. */
  private taken: Scope.CloseableScope | null = null
  /** Whether other fibers have run that may hold the handler's scope: whoever is forked here inherits this scheduler. */
  private othersSeen = false
  private resume: ((effect: Effect.Effect<void>) => void) | null = null
  private first: Effect.Effect<void> | null = null
  /** Set while the fiber is to be run by whoever wakes it. */
  private direct = false
  /** Whether the fiber that was forked last has ended. */
  private left = false

  /** `services` are what callbacks find in their context beside those of the environment. */
  constructor(driver: Driver, environment: Environment, services: ReadonlyMap<string, unknown>) {
    this.driver = driver
    this.environment = environment
    this.services = services
    this.base = environment.scheduler
    this.handlers = {
      onSuccess: (value) => driver.succeeded(value) ?? this.step(),
      onFailure: (cause) => driver.failed(cause) ?? this.step()
    }
    // In one step, so that nobody comes between the last look for work and the readiness to be woken.
    this.parked = parking((resume) => {
      if (driver.park()) this.resume = resume
      else resume(Effect.void)
    })
    const steps = Effect.whileLoop({
      while: () => !driver.isLeaving,
      body: () => this.takeFirst() ?? this.step(),
      step: () => {}
    })
    this.program = Effect.matchCauseEffect(Effect.interruptible(steps), {
      onFailure: (cause) => this.leave(cause),
      onSuccess: () => this.leave(null)
    })
  }

  /**
   * Runs `effect` in the fiber, and then whatever is next: at once if `directly` and the stack is not too deep,
   * otherwise when the scheduler comes to it. Only for a fiber that is parked or not there.
   */
  wake(effect: Effect.Effect<void>, directly: boolean): void {
    this.direct = directly && depth < maxDepth
    depth++
    try {
      const resume = this.resume
      if (resume !== null) {
        this.resume = null
        resume(effect)
      } else if (this.fiber === null) {
        this.first = effect
        this.left = false
        const fiber = Runtime.runFork(runtimeOf(this.environment, this.context()))(this.program, {
          scheduler: this,
          immediate: false
        })
        // Run directly, it may have left by now.
        if (!this.left) this.fiber = fiber
      }
    } finally {
      depth--
      this.direct = false
    }
  }

  /** Whether the fiber waits for work. */
  get isParked(): boolean {
    return this.resume !== null
  }

  /** Interrupts what the fiber is doing; it leaves. */
  interrupt(): void {
    this.fiber?.unsafeInterruptAsFork(FiberId.none)
  }

  /** The fibers that callbacks forked and that are still alive. */
  get children(): ReadonlySet<Fiber.RuntimeFiber<unknown, unknown>> {
    return this.fiber === null ? nobody : livingChildren(this.fiber)
  }

  /**
   * The scope of the handler that has ended, if it has to be closed: it holds something, or fibers were forked that may
   * still add to it. The next handler gets a new one; for most handlers, which acquire nothing, it is the same.
   */
  takeScope(): Scope.CloseableScope | null {
    const scope = this.handlerScope
    if (scope === null || !(this.othersSeen || isUsed(scope))) return null
    this.othersSeen = false
    this.taken = scope
    this.handlerScope = null
    const context = this.context()
    if (this.fiber !== null && this.refs !== null) {
      this.refs = FiberRefs.updateAs(this.refs, {
        fiberId: this.fiber.id(),
        fiberRef: FiberRef.currentContext,
        value: context
      })
    }
    return scope
  }

  /**
   * What may still be open on the way out: a handler's scope may have been taken by a step that was interrupted before it
   * closed it. Closing one twice does nothing.
   */
  get openScope(): Scope.CloseableScope | null {
    return this.takeScope() ?? this.taken
  }

  /** What callbacks find in their context. */
  private context(): Context.Context<never> {
    this.handlerScope ??= Effect.runSync(Scope.make())
    const context = new Map(this.environment.services.unsafeMap)
    for (const [key, service] of this.services) context.set(key, service)
    context.set(Scope.Scope.key, this.handlerScope)
    return Context.unsafeMake(context)
  }

  /**
   * A handler's effect, made ready to be run next in the fiber: what earlier ones did to its FiberRefs is undone. To be
   * called in the fiber's own turn, or while it is parked or not there.
   */
  handle(effect: Effect.Effect<unknown, unknown>): Effect.Effect<void> {
    if (this.fiber !== null && this.refs !== null) setFiberRefs(this.fiber, this.refs)
    return Effect.matchCauseEffect(effect, this.handlers)
  }

  private step(): Effect.Effect<void> {
    const { driver } = this
    if (driver.isLeaving) return Effect.void
    return driver.next() ?? this.parked
  }

  private takeFirst(): Effect.Effect<void> | null {
    const first = this.first
    if (first === null) return null
    this.first = null
    if (this.fiber !== null) this.refs = FiberRefs.delete(this.fiber.getFiberRefs(), FiberRef.interruptedCause)
    return first
  }

  private leave(cause: Cause.Cause<never> | null): Effect.Effect<void> {
    this.resume = null
    // What the last handler did to the FiberRefs is undone for `terminate` and the log, too.
    if (this.fiber !== null && this.refs !== null) setFiberRefs(this.fiber, this.refs)
    return Effect.zipRight(
      this.driver.leave(cause),
      Effect.sync(() => {
        this.fiber = null
        this.refs = null
        this.left = true
      })
    )
  }

  // Scheduler

  shouldYield(fiber: Fiber.RuntimeFiber<unknown, unknown>): number | false {
    return this.base.shouldYield(fiber)
  }

  scheduleTask(task: Scheduler.Task, priority: number, fiber?: Fiber.RuntimeFiber<unknown, unknown>): void {
    if (this.direct && fiber !== undefined && (this.fiber === null || this.fiber === fiber)) {
      this.direct = false
      // The first thing that a new fiber schedules is its own start; `runFork` has not returned it yet.
      this.fiber = fiber as Fiber.RuntimeFiber<void>
      task()
    } else {
      if (fiber !== this.fiber) this.othersSeen = true
      this.base.scheduleTask(task, priority, fiber)
    }
  }
}
