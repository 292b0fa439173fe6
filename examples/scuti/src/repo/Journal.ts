/**
 * The writer of the journal: subscribes to the table's changes and writes a line for each, in order, each exactly once.
 *
 * It ends neither when nobody tells it of changes (PubSub is being restarted, or not there yet) nor when they cannot be
 * written (the Repo is being restarted, its file is locked or its disk full): it goes on when there is somebody again.
 * What came meanwhile it keeps, up to a limit. What it has missed, has dropped, or has lost with a life of its own, is a
 * gap in the numbers of what comes next, and is written down as one; it also asks the table for its last number, so that
 * a gap is found when nothing comes next.
 */
import type { ServerDown } from "@effect-otp/core/CallError"
import * as Process from "@effect-otp/core/Process"
import type * as Chunk from "effect/Chunk"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { type RepoError, RepoWriter } from "../Repo.ts"
import type { Update } from "../Updates.ts"
import { type Arrival, lineOf, plan } from "./Lines.ts"

/** What tells in a line why it has failed. */
export interface Told {
  readonly message: string
}

/** Who writes which changes. */
export interface Options<E1 extends Told, R1, E2 extends Told, R2> {
  /** When the application was started. */
  readonly run: DateTime.Utc
  /** The changes, from whenever it is run. It is run again when it has failed or ended. */
  readonly updates: Stream.Stream<Update, E1, R1>
  /** How many changes the table has made in this run. */
  readonly sequence: Effect.Effect<number, E2, R2>
}

/** How many characters may wait to be written: what comes beyond that is dropped, and leaves a gap. */
const capacity = 16 * 1024 * 1024

/** How many lines are written in one transaction, gaps aside: about as many as take a few milliseconds. */
const batch = 500

const weightOf = (arrival: Arrival): number =>
  100 + (arrival._tag === "Changed" ? (arrival.line.key?.length ?? 0) + (arrival.line.value?.length ?? 0) : 0)

/** What has come and is not written yet. */
const makeBacklog = Effect.map(Queue.unbounded<Arrival>(), (queue) => {
  let held = 0
  return {
    /** Whether there was room for it. */
    offer: (arrival: Arrival): boolean => {
      const weight = weightOf(arrival)
      if (held + weight > capacity) return false
      held += weight
      return queue.unsafeOffer(arrival)
    },
    /** What is there, and at least one: it goes on counting until it is `written`. */
    take: Queue.takeBetween(queue, 1, batch),
    written: (arrivals: Chunk.Chunk<Arrival>): void => {
      for (const arrival of arrivals) held -= weightOf(arrival)
    }
  }
})

/** Until somebody has been started, who may be whom the subscription waits for; for a second, where that was missed. */
const untilSomebodyStarts = Process.events.pipe(
  Stream.filter((event) => event._tag === "Started" || event._tag === "Restarted"),
  Stream.runHead,
  Effect.race(Effect.sleep("1 second"))
)

/** After 50 ms, 100 ms and so on, and then every five seconds. */
const patience = Schedule.exponential("50 millis").pipe(Schedule.union(Schedule.spaced("5 seconds")))

/** Goes on trying, and tells of it: at the 1st, the 10th, the 100th failure and so on, and when it has succeeded. */
const patiently = <A, R>(use: Effect.Effect<A, RepoError | ServerDown, R>): Effect.Effect<A, never, R> =>
  Effect.suspend(() => {
    let failures = 0
    const tell = (error: RepoError) =>
      // of a Repo that has ended its supervisor tells
      error.reason !== "closed" && Number.isInteger(Math.log10(++failures))
        ? Effect.logWarning(`The journal waits, for the ${ordinal(failures)} time: ${error.message}`)
        : Effect.void
    return use.pipe(
      Effect.tapErrorTag("RepoError", tell),
      Effect.retryOrElse(patience, Effect.die),
      Effect.zipLeft(
        Effect.suspend(() => (failures > 0 ? Effect.logInfo("The journal is written again") : Effect.void))
      )
    )
  })

const ordinal = (count: number): string => (count === 1 ? "1st" : `${count}th`)

/** How often the table is asked for its last number. */
const inquiryPeriod = "5 seconds"
/** For how long nothing may have come before what has not come is taken to be missing. */
const quietPeriod = "1 second"

/** Writes the journal, and never ends. */
export const write = <E1 extends Told, R1, E2 extends Told, R2>({
  run,
  sequence,
  updates
}: Options<E1, R1, E2, R2>): Effect.Effect<never, never, RepoWriter | R1 | R2> =>
  Effect.gen(function* () {
    const backlog = yield* makeBacklog
    /** How many updates have come. */
    let come = 0
    /** The number of the last one that was kept. */
    let kept = 0

    const subscribed = updates.pipe(
      Stream.runForEach((update) =>
        Effect.sync(() => {
          come++
          if (backlog.offer({ _tag: "Changed", line: lineOf(update) })) kept = update.sequence
        })
      ),
      // what it has to say of that is said here
      Effect.withUnhandledErrorLogLevel(Option.none()),
      Effect.catchAll((error) => Effect.logDebug(`The journal is not subscribed: ${error.message}`))
    )
    const intake = subscribed.pipe(
      // what has ended may be there again already
      Effect.zipRight(subscribed),
      Effect.zipRight(untilSomebodyStarts),
      Effect.forever
    )

    const inquire = Effect.gen(function* () {
      const reached = yield* sequence
      const before = come
      yield* Effect.sleep(quietPeriod)
      // as long as something comes, it may be what is missing, and if not, what comes shows it
      if (come !== before || kept >= reached) return
      if (backlog.offer({ _tag: "Reached", sequence: reached, at: yield* DateTime.now })) kept = reached
    }).pipe(
      Effect.catchAll((error) =>
        Effect.logDebug(`The journal cannot ask the table for its last number: ${error.message}`)
      ),
      Effect.delay(inquiryPeriod),
      Effect.forever
    )

    const writer = Effect.gen(function* () {
      let last: number | null = null
      while (true) {
        const arrivals = yield* backlog.take
        // not before there is something to write: at the start of a release the tables are still to be made
        if (last === null) last = yield* patiently(RepoWriter.lastSequence(run))
        const planned = plan(last, arrivals)
        yield* patiently(RepoWriter.append(run, planned.lines))
        backlog.written(arrivals)
        last = planned.last
      }
    })

    return yield* Effect.zipRight(Effect.all([intake, inquire, writer], { concurrency: "unbounded" }), Effect.never)
  })
