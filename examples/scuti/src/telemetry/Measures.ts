/** What the application measures of its own work, as Effect metrics. `Telemetry` adds what it measures of the runtime. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"

/** From half a millisecond, by factors of two or so, to ten seconds: a time-out of the call or of the request. */
const seconds = MetricBoundaries.fromIterable([
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10
])

const requestDuration = Metric.histogram("http_request_duration_seconds", seconds, "Time to answer a request")
const queryDuration = Metric.histogram("repo_query_duration_seconds", seconds, "Time of a query, with its wait")

/** Seconds by a clock that is never set back. */
const monotonicSeconds = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos) / 1e9)

/** What tells requests apart. All are words of the program, never of the caller's: each combination is a time series. */
export interface Request {
  readonly method: string
  /** The pattern of the path, such as `/api/entries/:key`; not the path. */
  readonly route: string
  readonly status: number
}

/** Takes down that a request was answered, and after how many seconds. */
export const request = ({ method, route, status }: Request, elapsed: number): Effect.Effect<void> =>
  Metric.update(
    requestDuration.pipe(
      Metric.tagged("method", method),
      Metric.tagged("route", route),
      Metric.tagged("status", String(status))
    ),
    elapsed
  )

/** Takes down how long a query took, by its name and by whether it succeeded. */
export const query =
  (name: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(monotonicSeconds, (start) =>
      Effect.onExit(effect, (exit) =>
        Effect.flatMap(monotonicSeconds, (end) =>
          Metric.update(
            queryDuration.pipe(
              Metric.tagged("query", name),
              Metric.tagged(
                "outcome",
                Exit.isSuccess(exit) ? "success" : Exit.isInterrupted(exit) ? "interrupted" : "failure"
              )
            ),
            end - start
          )
        )
      )
    )
