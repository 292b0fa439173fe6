/**
 * What a server does before it has ended: `terminate`, then an end to the fibers that callbacks forked, then the release
 * of what `init` acquired. It runs in the server's own fiber.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as ExitReason from "../ExitReason.ts"
import type { Definition } from "./definition.ts"
import type { Parent } from "./parent.ts"
import { crashLog, finalizerLog, firstLine } from "./reports.ts"

/** The scopes that are open: the handler's that was interrupted or failed, and the incarnation's. */
export interface OpenScopes {
  readonly handler: Scope.CloseableScope | null
  readonly incarnation: Scope.CloseableScope | null
}

export interface Departure {
  readonly definition: Definition
  readonly reason: ExitReason.ExitReason
  /** Whether the log is to hear of it. */
  readonly isNews: boolean
  /** Whose child it is, if it has a supervisor. */
  readonly parent: Parent | null
  /** Where it crashed, by which message, and the last good state. */
  readonly where: string
  readonly message: object | null
  readonly state: unknown
  /** Whether `terminate` runs. */
  readonly terminate: boolean
  /** Whether it was killed in the meantime: nobody is interested in how it would have ended. */
  readonly isKilled: () => boolean
  readonly children: () => ReadonlyArray<Fiber.RuntimeFiber<unknown, unknown>>
  readonly scopes: OpenScopes
}

/** Gives the reason that everybody will be told: the one it ends for, or the crash of `terminate` (`TERM-7`). */
export const depart = (departure: Departure): Effect.Effect<ExitReason.ExitReason> =>
  Effect.gen(function* () {
    const { definition, message, where } = departure
    let { reason } = departure
    if (reason._tag === "Crash" && departure.isNews) yield* report(departure, where, message, reason.cause)
    if (departure.terminate) {
      const exit = yield* Effect.exit(runTerminate(departure))
      if (Exit.isFailure(exit) && !departure.isKilled()) {
        reason = ExitReason.crash(exit.cause)
        yield* report(departure, "terminate", null, exit.cause)
      }
    }
    const children = departure.children()
    if (children.length > 0) yield* Fiber.interruptAll(children)
    yield* release(definition.name, departure.scopes, reason)
    return reason
  })

// Interruptible, so that a kill ends it; in a scope of its own, as a handler is.
const runTerminate = ({ definition, reason, state }: Departure): Effect.Effect<unknown> =>
  Effect.scoped(
    Effect.interruptible(
      Effect.suspend(() => {
        const given = definition.terminate?.(reason, state as never)
        return Effect.isEffect(given) ? (given as Effect.Effect<unknown>) : Effect.void
      })
    )
  )

const report = (
  { definition, parent, state }: Departure,
  where: string,
  message: object | null,
  cause: Cause.Cause<unknown>
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const repeated = parent?.repeats(`${where}: ${firstLine(cause)}`) ?? null
    if (repeated !== null && parent !== null) return repeated
    const { format, name, processKind: kind } = definition
    const who = { kind, name, parent }
    return Effect.suspend(() =>
      crashLog(who, where, message, format === undefined ? null : { shown: format(state as never) }, cause)
    ).pipe(
      // A formatter that fails must not hide the crash.
      Effect.catchAllCause(() => crashLog(who, where, message, null, cause))
    )
  }).pipe(quietly)

/** A logger that throws must not keep a server from ending; there is nobody left to tell of it. */
const quietly = (log: Effect.Effect<void>): Effect.Effect<void> => Effect.catchAllCause(log, () => Effect.void)

/** Releases what is held. A finalizer that fails is logged, and changes nothing about the end. */
export const release = (
  name: string,
  { handler, incarnation }: OpenScopes,
  reason: ExitReason.ExitReason
): Effect.Effect<void> => {
  if (handler === null && incarnation === null) return Effect.void
  const exit = reason._tag === "Crash" ? Exit.failCause(reason.cause) : Exit.void
  return Effect.zipRight(
    handler === null ? Effect.void : Scope.close(handler, exit),
    incarnation === null ? Effect.void : Scope.close(incarnation, exit)
  ).pipe(
    Effect.catchAllCause((cause) => finalizerLog(name, cause)),
    quietly
  )
}
