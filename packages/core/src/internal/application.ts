/**
 * Runs an application: its supervisor under a root of its own, with its configuration, its callbacks and its account.
 */
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { ServerDown } from "../CallError.ts"
import { noProcess } from "../ExitReason.ts"
import { MaxRestartsExceeded } from "../SupervisorError.ts"
import { alarmOf } from "./alarm.ts"
import { startProcess } from "./calling.ts"
import { type ConfigChange, Configuration, difference, flatten } from "./configuration.ts"
import { durationOption, show } from "./definition.ts"
import { clockOf } from "./environment.ts"
import { ordersOf, supervisorOptions } from "./orders.ts"
import { Root } from "./root.ts"
import { byName } from "./service.ts"
import { reportOf, type ShutdownReport } from "./shutdownReport.ts"
import { checkOptions } from "./spec.ts"
import { SupervisorProcess, supervisorDefinition, supervisorLayer } from "./supervisor.ts"
import { currentWhereabouts } from "./whereabouts.ts"

interface Given {
  readonly name?: unknown
  readonly shutdownTimeout?: unknown
  readonly prepStop?: Effect.Effect<unknown, unknown>
  readonly stop?: (stopped: {
    readonly prepared: Option.Option<unknown>
    readonly report: ShutdownReport
  }) => Effect.Effect<unknown, unknown>
  readonly configChange?: (change: ConfigChange) => Effect.Effect<unknown>
  readonly children?: unknown
}

/** What a failed application says of itself. */
export interface Failure {
  readonly name: string
  readonly during: "start" | "run"
  readonly path: ReadonlyArray<string>
  readonly reason: Cause.Cause<unknown>
  readonly started: ReadonlyArray<string>
  readonly account: string
}

/** One run of it. */
interface Running {
  readonly process: SupervisorProcess
  readonly root: Root
  readonly configuration: Configuration
  readonly services: Context.Context<never>
}

const refuse = (who: string, what: string): never => {
  throw new TypeError(`${who}: ${what}`)
}

const own = ["name", "shutdownTimeout", "prepStop", "stop", "configChange"]

const check = (options: Given): { readonly name: string; readonly budget: number } => {
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
  const budget =
    shutdownTimeout === undefined
      ? 30_000
      : durationOption(name, "shutdownTimeout", shutdownTimeout, { infinity: Number.POSITIVE_INFINITY })
  return { name, budget }
}

export const makeApplication = (options: Given, failed: (failure: Failure) => Error): object => {
  const { budget, name } = check(options)
  const orders = ordersOf(name, options)
  const key = `@effect-otp/core/Application/${name}`
  const definition = supervisorDefinition(key, name, true)
  const tag = Context.Tag(key)<unknown, unknown>()
  const running = new Set<Running>()

  /** A callback that fails is logged, and holds up nothing (`APP-8`). */
  const tried = <A>(what: string, effect: Effect.Effect<A, unknown>): Effect.Effect<Option.Option<A>> =>
    Effect.matchCauseEffect(effect, {
      onFailure: (cause) =>
        Effect.as(
          Effect.catchAllCause(Effect.logError(`${what} of ${name} failed`, cause), () => Effect.void),
          Option.none<A>()
        ),
      onSuccess: (value) => Effect.succeed(Option.some(value))
    })

  /** Starts it in the scope of whoever asks. */
  const begin = (root: Root): Effect.Effect<Running, unknown, Scope.Scope> =>
    Effect.gen(function* () {
      const services = yield* FiberRef.get(DefaultServices.currentServices)
      const configuration = new Configuration(Context.get(services, ConfigProvider.ConfigProvider))
      const alarm = yield* Effect.withFiberRuntime<ReturnType<typeof alarmOf>>((fiber) =>
        Effect.succeed(alarmOf(clockOf(fiber)))
      )
      const scope = yield* Effect.scope
      const context = yield* Effect.context<never>()
      let began = 0
      let prepared: Option.Option<unknown> = Option.none()
      // Finalizers run in reverse: this one last.
      yield* Scope.addFinalizer(
        scope,
        Effect.suspend(() => {
          if (began === 0) return Effect.void
          const report = reportOf(name, alarm.now() - began, root)
          const log = report.late.length + report.killed.length > 0 ? Effect.logWarning : Effect.logInfo
          return Effect.zipRight(
            Effect.catchAllCause(log(String(report)), () => Effect.void),
            options.stop === undefined
              ? Effect.void
              : tried("stop", Effect.provide(options.stop({ prepared, report }), context))
          )
        })
      )
      const outer = yield* FiberRef.get(currentWhereabouts)
      const process = yield* startProcess(
        definition,
        (definition, seat, environment, parent) => new SupervisorProcess(definition, seat, environment, parent, orders),
        (process) => [process],
        (process) => process
      ).pipe(
        Effect.withConfigProvider(configuration.provider),
        Effect.locally(currentWhereabouts, { root, nest: outer?.nest ?? null })
      )
      const current: Running = {
        process,
        root,
        configuration,
        services: Context.merge(context, process.provided)
      }
      running.add(current)
      yield* Scope.addFinalizer(
        scope,
        Effect.gen(function* () {
          running.delete(current)
          if (options.prepStop !== undefined) {
            prepared = yield* tried("prepStop", Effect.provide(options.prepStop, current.services))
          }
          began = alarm.now()
          root.until = began + budget
        })
      )
      return current
    })

  const layer = Layer.scopedContext(
    Effect.map(
      Effect.suspend(() => begin(new Root())),
      ({ process }) => Context.add(process.provided, tag, process.seat)
    )
  )

  const account = (during: "start" | "run", root: Root, cause: Cause.Cause<unknown>): Failure => {
    const failure = Cause.failureOption(cause)
    const gaveUp = failure._tag === "Some" && failure.value instanceof MaxRestartsExceeded ? failure.value : null
    const path = gaveUp !== null ? [...gaveUp.path, gaveUp.child] : (root.failure?.path ?? [name])
    const reason = gaveUp?.reason ?? root.failure?.cause ?? cause
    const started = root.started.map((path) => path.slice(1).join(" / "))
    const child = path.slice(1).join(" / ")
    const why = Cause.isEmpty(reason)
      ? "it ended"
      : Cause.isInterruptedOnly(reason)
        ? "it was interrupted"
        : (Cause.pretty(reason).split("\n", 1)[0] ?? "")
    const text =
      gaveUp === null
        ? `${name} could not start: ${child === "" ? "its children" : child} failed with ${why}. ` +
          (started.length === 0
            ? "Nothing had been started before."
            : `Stopped again, in reverse: ${started.join(", ")}.`)
        : `${name} has ended: ${gaveUp.message}.`
    return { name, during, path, reason, started, account: text }
  }

  const end = (during: "start" | "run", root: Root, cause: Cause.Cause<unknown>): Effect.Effect<never, Error> => {
    const failure = account(during, root, cause)
    return Effect.zipRight(
      Effect.catchAllCause(Effect.logFatal(failure.account), () => Effect.void),
      Effect.fail(failed(failure))
    )
  }

  const launch = Effect.suspend(() => {
    const root = new Root()
    // Told apart by what was reached, not by the cause: a child that interrupts itself must not look like a signal.
    return Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        let isSignal = false
        const begun = yield* Effect.exit(
          restore(Scope.extend(begin(root), scope)).pipe(
            Effect.onInterrupt(() =>
              Effect.sync(() => {
                isSignal = root.failure === null
              })
            )
          )
        )
        if (Exit.isFailure(begun)) {
          yield* Scope.close(scope, begun)
          return yield* isSignal ? Effect.failCause(begun.cause) : end("start", root, begun.cause)
        }
        const { process } = begun.value
        const over = yield* Effect.exit(
          restore(
            Effect.async<void, unknown>((resume) => {
              process.whenDown(() => resume(process.gaveUp === null ? Effect.void : Effect.fail(process.gaveUp)))
            })
          )
        )
        yield* Scope.close(scope, over)
        if (Exit.isSuccess(over)) return
        return yield* Cause.isInterruptedOnly(over.cause) ? Effect.failCause(over.cause) : end("run", root, over.cause)
      })
    )
  })

  const changeConfig = (next: ConfigProvider.ConfigProvider): Effect.Effect<void, ServerDown> =>
    Effect.suspend(() => {
      if (running.size === 0) {
        return Effect.fail(new ServerDown({ server: name, request: "changeConfig", reason: noProcess }))
      }
      return Effect.forEach(
        Array.from(running),
        ({ configuration, process, services }) =>
          Effect.gen(function* () {
            const before = yield* flatten(configuration.current)
            const after = yield* flatten(next)
            configuration.current = next
            const change = difference(before, after)
            if (change === null || options.configChange === undefined) return
            const found = Context.merge(services, process.provided)
            yield* Effect.provide(options.configChange(change), found)
          }),
        { discard: true }
      )
    })

  return {
    name,
    supervisor: class extends tag {
      static readonly byName = byName(tag, name)
      static readonly layer = (given: object): unknown => {
        checkOptions(name, given, supervisorOptions)
        return supervisorLayer(definition, tag, ordersOf(name, given))
      }
    },
    layer,
    launch,
    changeConfig
  }
}
