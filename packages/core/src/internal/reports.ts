/**
 * What a server says in the log, in its own layer's loggers.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"

/** What a message or a state looks like to a human; `Redacted` and whoever implements `toJSON` have their say. */
const show = (value: unknown): string => Inspectable.toStringUnknown(value, 0)

/** A cause in one line: crashes whose lines are the same are held for the same. */
export const firstLine = (cause: Cause.Cause<unknown>): string => Cause.pretty(cause).split("\n", 1)[0] ?? ""

/** Where a supervised process is, for its log lines. */
export interface Whose {
  readonly path: ReadonlyArray<string>
  readonly restarts: number
}

const whose = (parent: Whose | null): { readonly path?: string; readonly restarts?: number } =>
  parent === null ? {} : { path: parent.path.join(" / "), restarts: parent.restarts }

/** A crash, once, with the message that caused it. The state is shown only by the server's own `format`. */
export const crashLog = (
  { kind, name, parent }: { readonly kind: string; readonly name: string; readonly parent: Whose | null },
  where: string,
  message: object | null,
  state: { readonly shown: unknown } | null,
  cause: Cause.Cause<unknown>
): Effect.Effect<void> =>
  Effect.logError(`${kind} ${name} crashed in ${where}`, cause).pipe(
    Effect.annotateLogs({
      server: name,
      ...whose(parent),
      ...(message === null ? {} : { message: show(message) }),
      state: state === null ? "<redacted>" : show(state.shown)
    })
  )

/** A child that is no server has ended by an error. */
export const childLog = (name: string, parent: Whose, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.logError(`${name} crashed`, cause).pipe(Effect.annotateLogs({ ...whose(parent) }))

/** What is well with a child: it has started, or ended as somebody wanted. For those who look for it. */
export const progressLog = (name: string, parent: Whose, what: string): Effect.Effect<void> =>
  Effect.logDebug(`${name} ${what}`).pipe(Effect.annotateLogs({ ...whose(parent) }))

/** A child was killed, by whomever. */
export const killedLog = (name: string, parent: Whose): Effect.Effect<void> =>
  Effect.logError(`${name} was killed`).pipe(Effect.annotateLogs({ ...whose(parent) }))

/** A fiber of a child failed while the child's layer was built, and the build succeeded all the same. */
export const workerLog = (name: string, parent: Whose, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.logWarning(`A fiber of ${name} failed while ${name} was being built`, cause).pipe(
    Effect.annotateLogs({ ...whose(parent) })
  )

/** A child was told to end, and did not in its time. */
export const overdueLog = (name: string, parent: Whose, waited: number): Effect.Effect<void> =>
  Effect.logWarning(`${name} had not ended after ${Math.round(waited)} ms, and was killed`).pipe(
    Effect.annotateLogs({ ...whose(parent) })
  )

/** A child could not be started again. */
export const attemptLog = (name: string, parent: Whose, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.logError(`${name} could not be started again`, cause).pipe(Effect.annotateLogs({ ...whose(parent) }))

/** A supervisor ends because its children do not stay up. At the top of a tree nobody is left to do anything about it. */
export const gaveUpLog = (account: string, path: ReadonlyArray<string>, isTop: boolean): Effect.Effect<void> =>
  Effect.catchAllCause(
    Effect.annotateLogs(isTop ? Effect.logFatal(account) : Effect.logError(account), { path: path.join(" / ") }),
    () => Effect.void
  )

/** The same crash as before, said at its tenth, hundredth, … time (see {@link isWorthALine}). */
export const repeatedLog = (name: string, parent: Whose, text: string, count: number): Effect.Effect<void> =>
  Effect.logError(`${name} has crashed ${count} times in a row for the same reason: ${text}`).pipe(
    Effect.annotateLogs({ ...whose(parent) })
  )

/** A message that has crashed as many servers as it may. */
export const quarantineLog = (server: string, message: object, crashes: number): Effect.Effect<void> =>
  Effect.logWarning(
    `GenServer ${server} has set a message aside that has crashed it ${crashes} ${crashes === 1 ? "time" : "times"} in a row`
  ).pipe(Effect.annotateLogs({ server, message: show(message) }))

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

/** The same of a child that is no server. */
export const childFinalizerLog = (name: string, parent: Whose, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.logError(`A finalizer of ${name} failed`, cause).pipe(Effect.annotateLogs({ ...whose(parent) }))
