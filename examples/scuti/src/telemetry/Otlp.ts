/**
 * Sends metrics and traces by OTLP, as JSON over HTTP, with Effect's own exporter.
 *
 * A collector that is down, slow or silent costs nothing but what it would have been told, and a line in the log: a
 * request has five seconds, and after some that have failed nothing is kept or sent for a minute.
 */
import * as OtlpMetrics from "@effect/opentelemetry/OtlpMetrics"
import * as OtlpSerialization from "@effect/opentelemetry/OtlpSerialization"
import * as OtlpTracer from "@effect/opentelemetry/OtlpTracer"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"

const native = Context.get(DefaultServices.liveServices, Tracer.Tracer)

/**
 * Between those who make spans and the exporter. A tracer, once it is in a child's context, stays there until that child
 * starts again; so it is this one that they are given, and it asks the exporter that runs then. Without one, spans are
 * made as Effect does by itself, and go nowhere.
 */
export interface Relay {
  readonly tracer: Tracer.Tracer
  /** Has spans made by another tracer, for as long as the scope is open. */
  readonly connect: (tracer: Tracer.Tracer) => Effect.Effect<void, never, Scope.Scope>
}

export const makeRelay = (): Relay => {
  let current = native
  return {
    tracer: Tracer.make({
      span: (...args) => current.span(...args),
      context: (f, fiber) => current.context(f, fiber)
    }),
    connect: (tracer) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          current = tracer
        }),
        () =>
          Effect.sync(() => {
            // the next one may be there already, if this one was killed
            if (current === tracer) current = native
          })
      )
  }
}

const patience = "5 seconds"

/** Tells when a collector ceases to take what is sent to an address, and when it takes it again. */
const makeTeller = () => {
  const refusing = new Set<string>()
  return {
    refused: (url: string, why: string): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (refusing.has(url)) return Effect.void
        refusing.add(url)
        return Effect.logWarning(`The collector at ${url} takes nothing: ${why}. It is tried again after a minute`)
      }),
    taken: (url: string): Effect.Effect<void> =>
      Effect.suspend(() =>
        refusing.delete(url) ? Effect.logInfo(`The collector at ${url} is there again`) : Effect.void
      )
  }
}

const client = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(HttpClient.HttpClient, (client) => {
    // the exporter itself says so at `debug`
    const tell = makeTeller()
    return HttpClient.transform(client, (answer, request) =>
      answer.pipe(
        // the exporter does not look at the body, and an answer that is not read to its end keeps its connection
        Effect.tap((response) => Effect.ignore(response.arrayBuffer)),
        Effect.timeoutFail({
          duration: patience,
          onTimeout: () =>
            new HttpClientError.RequestError({ request, reason: "Transport", description: `no answer in ${patience}` })
        }),
        Effect.tapBoth({
          onFailure: ({ description = "nobody answers" }) => tell.refused(request.url, description),
          onSuccess: ({ status }) =>
            status < 300 ? tell.taken(request.url) : tell.refused(request.url, `its answer has status ${status}`)
        })
      )
    )
  })
).pipe(Layer.provide(FetchHttpClient.layer))

/** Sends spans of the relay's tracer every five seconds, and all metrics every ten. */
export const exporter = (relay: Relay, endpoint: Effect.Effect<Option.Option<URL>, ConfigError>) =>
  Layer.scopedDiscard(
    Effect.gen(function* () {
      const url = yield* endpoint
      if (Option.isNone(url)) return
      const base = url.value.href.replace(/\/+$/, "")
      // on the way out nothing is to wait for a collector that is not there
      const options = { resource: { serviceName: "scuti" }, shutdownTimeout: "1 second" } as const
      yield* relay.connect(yield* OtlpTracer.make({ ...options, url: `${base}/v1/traces` }))
      yield* OtlpMetrics.make({ ...options, url: `${base}/v1/metrics` })
    })
  ).pipe(Layer.provide([client, OtlpSerialization.layerJson]))
