/**
 * What a server is given by whoever starts it: services, FiberRefs, a scheduler and a clock. It is captured once, from
 * the fiber that builds the layer, and never from a caller.
 */
import type * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import * as LogLevel from "effect/LogLevel"
import * as Runtime from "effect/Runtime"
import type * as RuntimeFlags from "effect/RuntimeFlags"
import * as RuntimeFlag from "effect/RuntimeFlags"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import type * as Supervisor from "effect/Supervisor"
import * as Tracer from "effect/Tracer"
import { type Alarm, alarmOf } from "./alarm.ts"
import { flagsOf, identityOf } from "./effectFiber.ts"
import type { Root } from "./root.ts"
import { isTraced } from "./tracing.ts"
import { withoutWatchers } from "./watcher.ts"
import { currentWhereabouts, type Whereabouts } from "./whereabouts.ts"

export interface Environment {
  /** As the fiber had them. */
  readonly captured: FiberRefs.FiberRefs
  /** What was provided, without the span and the scope of whoever builds the layer, which are not the server's. */
  readonly services: Context.Context<never>
  readonly fiberRefs: FiberRefs.FiberRefs
  readonly runtimeFlags: RuntimeFlags.RuntimeFlags
  readonly scheduler: Scheduler.Scheduler
  /** Whether somebody traces here. */
  readonly isTraced: boolean
  /** The span in which the server is started. */
  readonly span: Tracer.AnySpan | undefined
  readonly clock: Clock.Clock
  readonly alarm: Alarm
}

// A layer may be built by a fiber that is being interrupted: that is not the server's. Its fiber is uninterruptible but
// where the kernel says otherwise: interrupted before its first step, it would end without the kernel hearing of it.
const kernelFlags = (flags: RuntimeFlags.RuntimeFlags): RuntimeFlags.RuntimeFlags =>
  RuntimeFlag.disable(RuntimeFlag.disable(flags, RuntimeFlag.Interruption), RuntimeFlag.WindDown)

/**
 * The one captured last. A hundred thousand servers started by one fiber share an environment, where each would
 * otherwise keep a copy of some kilobytes; held weakly, since a clock of a finished test need not be kept for it.
 */
let last: WeakRef<Environment> | undefined

/** What its fiber looked like then. */
let lastIdentity: WeakRef<FiberRefs.FiberRefs> | undefined
let lastFlags: number | undefined

const sameRefs = (a: FiberRefs.FiberRefs, b: FiberRefs.FiberRefs): boolean => {
  if (a.locals.size !== b.locals.size) return false
  for (const [ref, stack] of a.locals) {
    if (b.locals.get(ref) !== stack) return false
  }
  return true
}

/** The environment of the running fiber. */
export const capture = (fiber: Fiber.RuntimeFiber<unknown, unknown>): Environment => {
  const previous = last?.deref()
  const identity = identityOf(fiber)
  const flags = flagsOf(fiber)
  // A fiber that starts many does nothing to its FiberRefs in between.
  if (previous !== undefined && identity !== undefined && flags === lastFlags && lastIdentity?.deref() === identity) {
    return previous
  }
  const refs = fiber.getFiberRefs()
  // Asking for them has made new ones.
  const now = identityOf(fiber)
  lastIdentity = now === undefined ? undefined : new WeakRef(now)
  lastFlags = flags
  if (previous !== undefined && sameRefs(previous.captured, refs)) return previous
  const environment = environmentOf(fiber, refs)
  last = new WeakRef(environment)
  return environment
}

const environmentOf = (
  fiber: Fiber.RuntimeFiber<unknown, unknown>,
  refs: FiberRefs.FiberRefs,
  context: Context.Context<never> = fiber.currentContext
): Environment => {
  const clock = clockOf(fiber)
  return {
    captured: refs,
    services: servicesOf(context),
    fiberRefs: unwatched(FiberRefs.delete(refs, FiberRef.interruptedCause)),
    runtimeFlags: kernelFlags(fiber.getFiberRef(FiberRef.currentRuntimeFlags)),
    // A server is the scheduler of its own fiber: what its handlers start belongs to the one below.
    scheduler: baseScheduler(fiber.currentScheduler),
    isTraced: isTraced(fiber),
    span: fiber.currentSpan,
    clock,
    alarm: alarmOf(clock)
  }
}

/** The environment of what is started in the place `whereabouts`: as the running fiber's, with these services. */
export const environmentAt = (
  fiber: Fiber.RuntimeFiber<unknown, unknown>,
  services: Context.Context<never>,
  whereabouts: Whereabouts
): Environment =>
  environmentOf(
    fiber,
    flat(
      FiberRefs.updateAs(fiber.getFiberRefs(), {
        fiberId: fiber.id(),
        fiberRef: currentWhereabouts,
        value: whereabouts
      })
    ),
    services
  )

/**
 * The same values without their history: each fiber that changes one adds to it, and where each child begins with what
 * the one before it has left, it would be as long as the list of children.
 */
const flat = (refs: FiberRefs.FiberRefs): FiberRefs.FiberRefs => {
  const locals = new Map<FiberRef.FiberRef<unknown>, Arr.NonEmptyReadonlyArray<readonly [FiberId.Single, unknown]>>()
  for (const [ref, [[, value]]] of refs.locals) locals.set(ref, [[FiberId.none, value]])
  return FiberRefs.unsafeMake(locals)
}

/** The same environment with other services. */
export const withServices = (environment: Environment, services: Context.Context<never>): Environment => ({
  ...environment,
  services: servicesOf(services)
})

/** Who watches the fibers of an environment: nobody of ours. */
export const supervisorOf = (environment: Environment): Supervisor.Supervisor<unknown> =>
  FiberRefs.getOrDefault(environment.fiberRefs, FiberRef.currentSupervisor)

/** Whether anybody would see what is logged at Debug. */
export const logsProgress = (environment: Environment): boolean =>
  LogLevel.lessThanEqual(FiberRefs.getOrDefault(environment.fiberRefs, FiberRef.currentMinimumLogLevel), LogLevel.Debug)

/** Where an environment is. */
export const whereaboutsOf = (environment: Environment): Whereabouts | null =>
  FiberRefs.getOrDefault(environment.fiberRefs, currentWhereabouts)

/** The same environment under that root, and in no child's layer. */
export const withRoot = (environment: Environment, root: Root): Environment => ({
  ...environment,
  fiberRefs: FiberRefs.updateAs(environment.fiberRefs, {
    fiberId: FiberId.none,
    fiberRef: currentWhereabouts,
    value: { root, nest: null }
  })
})

/** Without those who watch a build: what is started then is no part of it. */
const unwatched = (refs: FiberRefs.FiberRefs): FiberRefs.FiberRefs => {
  const watching = FiberRefs.getOrDefault(refs, FiberRef.currentSupervisor)
  const others = withoutWatchers(watching)
  return others === watching
    ? refs
    : FiberRefs.updateAs(refs, { fiberId: FiberId.none, fiberRef: FiberRef.currentSupervisor, value: others })
}

const servicesOf = (context: Context.Context<never>): Context.Context<never> => {
  const services = new Map(context.unsafeMap)
  services.delete(Tracer.ParentSpan.key)
  services.delete(Scope.Scope.key)
  return Context.unsafeMake(services)
}

/** A scheduler that stands before another one. */
export interface Facade extends Scheduler.Scheduler {
  readonly base: Scheduler.Scheduler
}

const baseScheduler = (scheduler: Scheduler.Scheduler): Scheduler.Scheduler =>
  "base" in scheduler ? (scheduler as Facade).base : scheduler

/** The clock of the running fiber. */
export const clockOf = (fiber: Fiber.RuntimeFiber<unknown, unknown>): Clock.Clock =>
  Context.unsafeGet(fiber.currentDefaultServices, Clock.Clock)

/**
 * Whether the event loop's own scheduler is at work: the default one, or the one of `Effect.runSync` once it has returned
 * and passes everything on. Others, of tests above all, decide for themselves what is fair.
 */
export const isLive = (scheduler: Scheduler.Scheduler): boolean => {
  const base = baseScheduler(scheduler)
  return base === Scheduler.defaultScheduler || (base instanceof Scheduler.SyncScheduler && base.deferred)
}

/** A runtime for a server's fiber. */
export const runtimeOf = (environment: Environment, context: Context.Context<never>): Runtime.Runtime<never> =>
  Runtime.make({
    context,
    fiberRefs: environment.fiberRefs,
    runtimeFlags: environment.runtimeFlags
  })
