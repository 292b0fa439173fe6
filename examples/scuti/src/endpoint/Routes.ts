/** Everything that the Endpoint answers to: the API, its description, the live page and its events, and the metrics. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiSwagger from "@effect/platform/HttpApiSwagger"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { Hashmap } from "../Hashmap.ts"
import * as Page from "../Page.ts"
import type { ScutiPubSub } from "../ScutiPubSub.ts"
import * as Handlers from "./Handlers.ts"
import { Listener } from "./Listener.ts"
import * as Live from "./Live.ts"

/** What the Endpoint is told by its application. */
export interface Options extends Handlers.Tree {
  /** The metrics in the text format of Prometheus. Without it there is no `/metrics`. */
  readonly metrics?: Effect.Effect<string> | undefined
}

/** How long a key may be in a path; what the API takes for one is shorter, and the router's own limit is shorter still. */
const maxParamLength = 4096

const page = HttpApiBuilder.Router.use((router) =>
  Effect.gen(function* () {
    for (const { contentType, path, text } of yield* Page.files) {
      yield* router.get(
        path,
        HttpServerResponse.text(text, { contentType, headers: { "content-security-policy": Page.policy } })
      )
    }
  })
)

const events = HttpApiBuilder.Router.use((router) =>
  Effect.gen(function* () {
    const context = yield* Effect.context<Hashmap | ScutiPubSub>()
    yield* router.get(
      "/events",
      Effect.map(HttpServerRequest.HttpServerRequest, (request) => {
        // They have no end of their own, and would keep the Endpoint from ending.
        const { stopped } = Listener.of(NodeHttpServerRequest.toIncomingMessage(request))
        return HttpServerResponse.stream(
          Live.events.pipe(Stream.interruptWhen(stopped), Stream.provideContext(context), Stream.encodeText),
          // A proxy that keeps them back until there are many would make them late.
          { contentType: "text/event-stream", headers: { "x-accel-buffering": "no" } }
        )
      })
    )
  })
)

const metrics = (text: Effect.Effect<string>) =>
  HttpApiBuilder.Router.use((router) =>
    router.get(
      "/metrics",
      Effect.map(text, (text) =>
        HttpServerResponse.text(text, { contentType: "text/plain; version=0.0.4; charset=utf-8" })
      )
    )
  )

/** The description of the API, as a page. What it needs is in it: nothing is fetched from elsewhere. */
const docs = HttpApiSwagger.layer({ path: "/docs" })

/** Swagger's page is made of scripts and styles that stand in it. */
const docsPolicy =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"

/** The whole, as one application of the platform's. */
export const make = (options: Options) =>
  Effect.gen(function* () {
    const api = Handlers.layer(options)
    const context = yield* Layer.build(
      Layer.mergeAll(
        Layer.provide(page, NodeHttpServer.layerContext),
        events,
        options.metrics === undefined ? Layer.empty : metrics(options.metrics),
        Layer.provideMerge(Layer.merge(docs, HttpApiBuilder.middlewareOpenApi()), api),
        HttpApiBuilder.Router.Live,
        HttpApiBuilder.Middleware.layer,
        NodeHttpServer.layerContext
      )
    )
    const app = yield* HttpRouter.withRouterConfig(Effect.provide(HttpApiBuilder.httpApp, context), { maxParamLength })
    return Effect.provide(app, context).pipe(
      Effect.zipWith(HttpServerRequest.HttpServerRequest, (response, { url }) =>
        url === "/docs" ? HttpServerResponse.setHeader(response, "content-security-policy", docsPolicy) : response
      )
    ) satisfies HttpApp.Default<never, never>
  })
