/**
 * What a server says in the log, in its own layer's loggers.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"

/** What a message or a state looks like to a human; `Redacted` and whoever implements `toJSON` have their say. */
const show = (value: unknown): string => Inspectable.toStringUnknown(value, 0)

/** A crash, once, with the message that caused it. The state is shown only by the server's own `format`. */
export const crashLog = (
  server: string,
  where: string,
  message: object | null,
  state: { readonly shown: unknown } | null,
  cause: Cause.Cause<unknown>
): Effect.Effect<void> =>
  Effect.logError(`GenServer ${server} crashed in ${where}`, cause).pipe(
    Effect.annotateLogs({
      server,
      ...(message === null ? {} : { message: show(message) }),
      state: state === null ? "<redacted>" : show(state.shown)
    })
  )

/** Casts and Infos that nobody will handle. Said at the first and then at ever rarer counts: it happens under load. */
export const undeliveredLog = (server: string, why: string, count: number): Effect.Effect<void> =>
  Effect.logWarning(
    `GenServer ${server} has not handled ${count} ${count === 1 ? "message" : "messages"}: ${why}`
  ).pipe(Effect.annotateLogs({ server }))

/** Whether the count of undelivered messages is one to be logged: 1, 10, 100, … */
export const isWorthALine = (count: number): boolean => {
  let rest = count
  while (rest > 1 && rest % 10 === 0) rest /= 10
  return rest === 1
}

/** A finalizer of a server's scope failed. Its end is not changed by that. */
export const finalizerLog = (server: string, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.logError(`A finalizer of GenServer ${server} failed`, cause).pipe(Effect.annotateLogs({ server }))
