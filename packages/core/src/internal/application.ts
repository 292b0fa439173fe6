/**
 * Runs an application: its supervisor under a root of its own, with its configuration, its callbacks and its account.
 */
import * as Cause from "effect/Cause"
import type * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { ServerDown } from "../CallError.ts"
import * as ExitReason from "../ExitReason.ts"
import { type Failure, fell, gaveUp, notStarted } from "./account.ts"
import { type Alarm, alarmOf } from "./alarm.ts"
import { startProcess } from "./calling.ts"
import { type ConfigChange, Configuration, difference, flatten } from "./configuration.ts"
import { type Definition, durationOption, show } from "./definition.ts"
import { clockOf } from "./environment.ts"
import { Moment } from "./moment.ts"
import { ordersOf, supervisorOptions } from "./orders.ts"
import { Root } from "./root.ts"
import { byName } from "./service.ts"
import { reportOf, type ShutdownReport } from "./shutdownReport.ts"
import { checkOptions } from "./spec.ts"
import { type Orders, SupervisorProcess, supervisorDefinition, supervisorLayer } from "./supervisor.ts"
import { currentWhereabouts } from "./whereabouts.ts"

interface Callbacks {
  readonly prepStop?: Effect.Effect<unknown, unknown>
  readonly stop?: (stopped: {
    readonly prepared: Option.Option<unknown>
    readonly report: ShutdownReport
  }) => Effect.Effect<unknown, unknown>
  readonly configChange?: (change: ConfigChange) => Effect.Effect<unknown>
}

interface Given extends Callbacks {
  readonly name?: unknown
  readonly shutdownTimeout?: unknown
  readonly children?: unknown
}

/** An application, checked. */
interface Plan {
  readonly name: string
  /** How long it may take to end, in milliseconds. */
  readonly budget: number
  readonly callbacks: Callbacks
  readonly orders: Orders
  readonly definition: Definition
  /** Its top supervisor's. */
  readonly tag: Context.TagClass<unknown, string, unknown>
  /** The runs that have started, and have not been told to end. */
  readonly running: Set<Run>
}

/** One run of an application. */
interface Run {
  readonly root: Root
  readonly process: SupervisorProcess
  readonly configuration: Configuration
  /** What its callbacks find. */
  readonly services: Context.Context<never>
  readonly alarm: Alarm
}

// ---------------------------------------------------------------------------------------------------------------------
// Options
// ---------------------------------------------------------------------------------------------------------------------

const refuse = (who: string, what: string): never => {
  throw new TypeError(`${who}: ${what}`)
}

const own = ["name", "shutdownTimeout", "prepStop", "stop", "configChange"]

const planOf = (options: Given): Plan => {
  const { configChange, name, prepStop, shutdownTimeout, stop } = options
  const who = "Application.make"
  checkOptions(who, options, [...supervisorOptions, ...own])
  if (typeof name !== "string" || name === "") {
    return refuse(who, `\`name\` must be a string that is not empty, but is ${show(name)}`)
  }
  if (prepStop !== undefined && !Effect.isEffect(prepStop)) {
    refuse(name, `\`prepStop\` must be an Effect, but is ${show(prepStop)}`)
  }
  for (const [key, value] of Object.entries({ stop, configChange })) {
    if (value !== undefined && typeof value !== "function") {
      refuse(name, `\`${key}\` must be a function, but is ${show(value)}`)
    }
  }
  const key = `@effect-otp/core/Application/${name}`
  return {
    name,
    budget:
      shutdownTimeout === undefined
        ? 30_000
        : durationOption(name, "shutdownTimeout", shutdownTimeout, { infinity: Number.POSITIVE_INFINITY }),
    callbacks: options,
    orders: ordersOf(name, options),
    definition: supervisorDefinition(key, name, true),
    tag: Context.Tag(key)<unknown, unknown>(),
    running: new Set()
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Starting
// ---------------------------------------------------------------------------------------------------------------------

/** Starts it in the scope of whoever asks. `hasAccount` says that its giving up need not be logged. */
const begin = (plan: Plan, root: Root, hasAccount: boolean): Effect.Effect<Run, unknown, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const { running, tag } = plan
      const scope = yield* Effect.scope
      const context = yield* Effect.context<never>()
      const configuration = new Configuration(yield* Effect.configProviderWith(Effect.succeed))
      if (plan.callbacks.configChange !== undefined) configuration.known = yield* flatten(configuration.current)
      const alarm = yield* currentAlarm
      let run: Run | null = null
      let prepared: Option.Option<unknown> = Option.none()
      // Finalizers run in reverse: this one when everything is stopped.
      yield* Scope.addFinalizer(
        scope,
        Effect.suspend(() => afterEnd(plan, root, run, alarm, prepared))
      )
      const process = yield* restore(startTop(plan, root, configuration, hasAccount))
      const services = Context.merge(context, Context.add(process.provided, tag, process.seat))
      const current: Run = { alarm, configuration, process, root, services }
      run = current
      running.add(current)
      process.whenDown(() => running.delete(current))
      // This one before anything is.
      yield* Scope.addFinalizer(
        scope,
        Effect.suspend(() => {
          running.delete(current)
          process.limitEnd()
          return Effect.map(beforeEnd(plan, current), (given) => {
            prepared = given
          })
        })
      )
      return current
    })
  )

const currentAlarm = Effect.withFiberRuntime<Alarm>((fiber) => Effect.succeed(alarmOf(clockOf(fiber))))

/** Its supervisor, with all children. */
const startTop = (
  { budget, definition, orders }: Plan,
  root: Root,
  configuration: Configuration,
  hasAccount: boolean
): Effect.Effect<SupervisorProcess, unknown, Scope.Scope> =>
  Effect.flatMap(FiberRef.get(currentWhereabouts), (outer) =>
    startProcess(
      definition,
      (definition, seat, environment, parent) => {
        const top = new SupervisorProcess(definition, seat, environment, parent, orders)
        root.whole = { top, budget, hasAccount }
        return top
      },
      (process) => [process],
      (process) => process
    ).pipe(
      Effect.withConfigProvider(configuration.provider),
      Effect.locally(currentWhereabouts, { root, nest: outer?.nest ?? null })
    )
  )

// ---------------------------------------------------------------------------------------------------------------------
// Callbacks
// ---------------------------------------------------------------------------------------------------------------------

/** A callback finds what the children find. */
const within = <A, E>({ configuration, root, services }: Run, callback: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  callback.pipe(
    Effect.provide(services),
    Effect.withConfigProvider(configuration.provider),
    Effect.locally(currentWhereabouts, { root, nest: null })
  )

/** A callback on the way out: one that fails is logged (`APP-8`), one for which there is no time left is left behind. */
const tried = <A>(
  { name }: Plan,
  run: Run,
  what: string,
  callback: () => Effect.Effect<A, unknown>
): Effect.Effect<Option.Option<A>> =>
  Effect.flatMap(beforeTheLimit(run, within(run, Effect.suspend(callback))), (exit) => {
    if (exit === null) {
      return Effect.as(quietly(Effect.logWarning(`${what} of ${name} was left behind: no time is left`)), Option.none())
    }
    return Exit.isSuccess(exit)
      ? Effect.succeedSome(exit.value)
      : Effect.as(quietly(Effect.logError(`${what} of ${name} failed`, exit.cause)), Option.none())
  })

/** In a fiber of its own: in a finalizer nothing can be interrupted, and this must not be waited for longer than that. */
const beforeTheLimit = <A, E>(
  { alarm, root }: Run,
  effect: Effect.Effect<A, E>
): Effect.Effect<Exit.Exit<A, E> | null> =>
  Effect.flatMap(Effect.forkDaemon(Effect.exit(Effect.interruptible(effect))), (fiber) =>
    Effect.async<Exit.Exit<A, E> | null>((resume) => {
      const limit = new Moment(() => {
        fiber.unsafeInterruptAsFork(FiberId.none)
        resume(Effect.succeed(null))
      })
      if (root.until < Number.POSITIVE_INFINITY) alarm.set(limit, Math.max(0, root.until - alarm.now()))
      fiber.addObserver((exit) => {
        alarm.cancel(limit)
        resume(exit)
      })
    })
  )

/** A logger that throws holds nothing up. */
const quietly = (log: Effect.Effect<void>): Effect.Effect<void> => Effect.catchAllCause(log, () => Effect.void)

const beforeEnd = (plan: Plan, run: Run): Effect.Effect<Option.Option<unknown>> => {
  const { prepStop } = plan.callbacks
  return prepStop === undefined ? Effect.succeedNone : tried(plan, run, "prepStop", () => prepStop)
}

/** When everything is stopped. An application that has never been up has no last word. */
const afterEnd = (
  plan: Plan,
  root: Root,
  run: Run | null,
  alarm: Alarm,
  prepared: Option.Option<unknown>
): Effect.Effect<void> => {
  if (root.since === null) return Effect.void
  const report = reportOf(plan.name, alarm.now() - root.since, root)
  // What could not be started has its account.
  const log = root.failure !== null && report.isClean ? Effect.void : logOf(report, root.whole?.hasAccount === true)
  const { stop } = plan.callbacks
  return Effect.zipRight(
    quietly(log),
    stop === undefined || run === null ? Effect.void : tried(plan, run, "stop", () => stop({ prepared, report }))
  )
}

/** A program says that it has ended; a part of one only if there is something to say. */
const logOf = (report: ShutdownReport, isProgram: boolean): Effect.Effect<void> => {
  if (!report.isInTime) return Effect.logWarning(String(report))
  return isProgram || !report.isClean ? Effect.logInfo(String(report)) : Effect.logDebug(String(report))
}

// ---------------------------------------------------------------------------------------------------------------------
// Running
// ---------------------------------------------------------------------------------------------------------------------

const layerOf = (plan: Plan): Layer.Layer<unknown, unknown, unknown> =>
  Layer.scopedContext(
    Effect.map(
      Effect.suspend(() => begin(plan, new Root(), false)),
      ({ process }) => Context.add(process.provided, plan.tag, process.seat) as Context.Context<unknown>
    )
  )

/** Runs it until its supervisor has ended, or whoever runs it is interrupted. */
const launch = (plan: Plan, failed: (failure: Failure) => Error): Effect.Effect<void, unknown> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const root = new Root()
      const scope = yield* Scope.make()
      const begun = yield* Effect.exit(restore(Scope.extend(begin(plan, root, true), scope)))
      if (Exit.isFailure(begun)) {
        yield* Scope.close(scope, begun)
        return yield* (yield* isSignal(root, begun.cause))
          ? Effect.failCause(begun.cause)
          : end(failed, notStarted(plan.name, root, begun.cause))
      }
      const { process } = begun.value
      const over = yield* Effect.exit(restore(untilDown(process)))
      const { isEnding } = root
      yield* Scope.close(scope, over)
      if (process.gaveUp !== null) return yield* end(failed, gaveUp(plan.name, root, process.gaveUp))
      if (Exit.isFailure(over)) return yield* Effect.failCause(over.cause)
      // Killed on the way, it has only run out of time.
      const isWanted = ExitReason.isExpected(over.value) || (over.value._tag === "Killed" && isEnding)
      if (!isWanted) return yield* end(failed, fell(plan.name, root, over.value))
    })
  )

/** Whether a start was interrupted from outside: a child that interrupts itself must not look like a signal. */
const isSignal = (root: Root, cause: Cause.Cause<unknown>): Effect.Effect<boolean> =>
  Effect.map(
    FiberRef.get(FiberRef.interruptedCause),
    (interrupted) => root.failure === null && Cause.isInterruptedOnly(cause) && !Cause.isEmpty(interrupted)
  )

const untilDown = (process: SupervisorProcess): Effect.Effect<ExitReason.ExitReason> =>
  Effect.async((resume) => process.whenDown((reason) => resume(Effect.succeed(reason))))

const end = (failed: (failure: Failure) => Error, failure: Failure): Effect.Effect<never, Error> =>
  Effect.zipRight(quietly(Effect.logFatal(failure.account, traceOf(failure))), Effect.fail(failed(failure)))

/** Where a defect comes from: of a child that died in its start no other line tells it. */
const traceOf = ({ during, reason }: Failure): Cause.Cause<unknown> =>
  during === "start" && Option.isSome(Cause.dieOption(reason)) ? reason : Cause.empty

// ---------------------------------------------------------------------------------------------------------------------
// Configuration
// ---------------------------------------------------------------------------------------------------------------------

const changeConfig = (plan: Plan, next: ConfigProvider.ConfigProvider): Effect.Effect<void, ServerDown> =>
  Effect.suspend(() => {
    const { name, running } = plan
    return running.size === 0
      ? Effect.fail(new ServerDown({ server: name, request: "changeConfig", reason: ExitReason.noProcess }))
      : Effect.forEach(Array.from(running), (run) => replaceConfig(plan, run, next), { discard: true })
  })

const replaceConfig = (
  { callbacks: { configChange } }: Plan,
  run: Run,
  next: ConfigProvider.ConfigProvider
): Effect.Effect<void> =>
  Effect.flatMap(configChange === undefined ? Effect.succeed(new Map()) : flatten(next), (known) => {
    const { configuration } = run
    // In one step: of two at once, the second is told the difference to the first.
    const change = difference(configuration.known, known)
    configuration.known = known
    configuration.current = next
    return change === null || configChange === undefined
      ? Effect.void
      : Effect.asVoid(
          within(
            run,
            Effect.suspend(() => configChange(change))
          )
        )
  })

/** What `Application.make` gives. */
export const makeApplication = (options: Given, failed: (failure: Failure) => Error): object => {
  const plan = planOf(options)
  const { definition, name, tag } = plan
  return {
    name,
    supervisor: class extends tag {
      static readonly byName = byName(tag, name)
      static readonly layer = (given: object): unknown => {
        checkOptions(name, given, supervisorOptions)
        return supervisorLayer(definition, tag, ordersOf(name, given))
      }
    },
    layer: layerOf(plan),
    launch: launch(plan, failed),
    changeConfig: (next: ConfigProvider.ConfigProvider) => changeConfig(plan, next)
  }
}
