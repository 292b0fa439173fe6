/** Everything that the Endpoint answers to: the API, its description, the live page and its events, and the metrics. */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiError from "@effect/platform/HttpApiError"
import * as HttpApiSwagger from "@effect/platform/HttpApiSwagger"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Page from "../Page.ts"
import * as Prometheus from "../telemetry/Prometheus.ts"
import * as Handlers from "./Handlers.ts"
import { Listener } from "./Listener.ts"
import * as Live from "./Live.ts"
import * as Refusal from "./Refusal.ts"
import { services } from "./Services.ts"

/** What the Endpoint is told by its application. */
export interface Options extends Handlers.Tree {
  /** The metrics in the text format of Prometheus. Without it there is no `/metrics`. */
  readonly metrics?: Effect.Effect<string> | undefined
}

/** How long a key may be in a path; what the API takes for one is shorter, and the router's own limit is shorter still. */
const maxParamLength = 4096

const page = HttpApiBuilder.Router.use((router) =>
  Effect.gen(function* () {
    // Browsers ask for it of every page; there is none, and that is no mistake of theirs.
    yield* router.get("/favicon.ico", HttpServerResponse.empty())
    for (const { contentType, path, text } of Page.files) {
      yield* router.get(
        path,
        HttpServerResponse.text(text, { contentType, headers: { "content-security-policy": Page.policy } })
      )
    }
  })
)

const events = HttpApiBuilder.Router.use((router) =>
  router.get(
    "/events",
    Effect.zipWith(HttpServerRequest.HttpServerRequest, services, (request, context) => {
      // They have no end of their own, and would keep the Endpoint from ending.
      const { stopped } = Listener.of(NodeHttpServerRequest.toIncomingMessage(request))
      return HttpServerResponse.stream(
        Live.events.pipe(Stream.interruptWhen(stopped), Stream.provideContext(context), Stream.encodeText),
        // A proxy that keeps them back until there are many would make them late.
        { contentType: "text/event-stream", headers: { "x-accel-buffering": "no" } }
      )
    })
  )
)

const metrics = (text: Effect.Effect<string>) =>
  HttpApiBuilder.Router.use((router) =>
    router.get(
      "/metrics",
      Effect.map(text, (text) => HttpServerResponse.text(text, { contentType: Prometheus.contentType }))
    )
  )

/** What does not fit the API is told in a line; by itself it is told as a drawing of the schema. */
const inOneLine = <E>(error: E): E =>
  error instanceof HttpApiError.HttpApiDecodeError
    ? // the same kind of error: the types of the platform do not tell here with what a route may fail
      (new HttpApiError.HttpApiDecodeError({
        issues: error.issues,
        message: Refusal.misfits(error.issues)
      }) as E & HttpApiError.HttpApiDecodeError)
    : error

const misfits = HttpApiBuilder.middleware(Effect.mapError(inOneLine))

/** Swagger's page is made of scripts and styles that stand in it. */
const docsPolicy =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"

/**
 * The description of the API, as a page and as it is. What the page needs is in it: nothing is fetched from elsewhere. That
 * makes it large, and so it is made when somebody asks for it.
 */
const description = (api: Layer.Layer<HttpApi.Api>) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(
      Layer.merge(HttpApiSwagger.layer({ path: "/docs" }), HttpApiBuilder.middlewareOpenApi()).pipe(
        Layer.provide(api),
        Layer.provideMerge(HttpApiBuilder.Router.Live)
      )
    )
    const app = yield* HttpRouter.toHttpApp(yield* Context.get(context, HttpApiBuilder.Router).router)
    return Effect.map(app, (response) => HttpServerResponse.setHeader(response, "content-security-policy", docsPolicy))
  })

const docs = HttpApiBuilder.Router.use((router) =>
  Effect.gen(function* () {
    const api = Layer.succeed(HttpApi.Api, yield* HttpApi.Api)
    const app = yield* Effect.cached(Effect.scoped(description(api)))
    yield* router.get("/docs", Effect.flatten(app))
    yield* router.get("/openapi.json", Effect.flatten(app))
  })
)

const build = (options: Options): Effect.Effect<HttpApp.Default> =>
  Effect.scoped(
    Effect.gen(function* () {
      const context = yield* Layer.build(
        Layer.mergeAll(
          page,
          events,
          options.metrics === undefined ? Layer.empty : metrics(options.metrics),
          Layer.provideMerge(docs, Handlers.layer(options)),
          misfits,
          HttpApiBuilder.Router.Live,
          HttpApiBuilder.Middleware.layer,
          HttpServer.layerContext
        )
      )
      const app = yield* HttpRouter.withRouterConfig(Effect.provide(HttpApiBuilder.httpApp, context), {
        maxParamLength
      })
      return Effect.provide(app, context)
    })
  )

const built = new WeakMap<Options, HttpApp.Default>()

/** The whole, as one application of the platform's. It holds nothing open, and is made once for the same options. */
export const make = (options: Options): Effect.Effect<HttpApp.Default> =>
  Effect.suspend(() => {
    const app = built.get(options)
    return app === undefined
      ? Effect.tap(build(options), (app) => Effect.sync(() => built.set(options, app)))
      : Effect.succeed(app)
  })
