/**
 * From a request of Node's to its answer: the limits, the body, the route, and what becomes of failures.
 */
import type * as Http from "node:http"
import * as Cookies from "@effect/platform/Cookies"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerError from "@effect/platform/HttpServerError"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as CallError from "@effect-otp/core/CallError"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Measures from "../telemetry/Measures.ts"
import type { EndpointSettings } from "./Binding.ts"
import * as Refusal from "./Refusal.ts"

type Settings = Pick<EndpointSettings, "maxBodySize" | "requestTimeout" | "serverHeader">

/** How much of a body that is not wanted is read all the same, so that its sender comes to see the answer, in bytes. */
const maxDiscarded = 1024 * 1024
/** And for how long. */
const maxDiscarding = "1 second"

const refuse = (refused: Refusal.Refusal): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(Refusal.json(refused), { status: refused.status, contentType: "application/json" })

/** Reads a body to its end, or to the end of what is taken. */
const read = (source: Http.IncomingMessage, limit: number): Effect.Effect<string, Refusal.Refusal> =>
  Effect.async<string, Refusal.Refusal>((resume) => {
    const chunks: Array<Buffer> = []
    let size = 0
    const done = (result: Effect.Effect<string, Refusal.Refusal>) => {
      leave()
      resume(result)
    }
    const onData = (chunk: Buffer) => {
      size += chunk.length
      if (size > limit) done(Effect.fail(Refusal.bodyTooLarge(limit)))
      else chunks.push(chunk)
    }
    const onEnd = () => {
      try {
        done(Effect.succeed(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks))))
      } catch {
        done(Effect.fail(Refusal.malformedBody("it is not UTF-8")))
      }
    }
    const leave = () => {
      source.off("data", onData)
      source.off("end", onEnd)
      source.pause()
    }
    // What breaks off ends the request, and with it this.
    source.on("data", onData)
    source.on("end", onEnd)
    return Effect.sync(leave)
  })

/** The request as the router sees it, with a body that has been read. */
const withBody = (request: HttpServerRequest.HttpServerRequest, text: string): HttpServerRequest.HttpServerRequest =>
  // A request of the platform's in everything else. Its `json` reads its `text`.
  Object.create(request, { text: { value: Effect.succeed(text) } })

const isServerDown = Schema.is(CallError.ServerDown)

/** What is answered when something went wrong that no route has foreseen. */
const refusalOf = (cause: Cause.Cause<unknown>, url: string, method: string): Refusal.Refusal | null => {
  const error = Cause.squash(cause)
  if (error instanceof HttpServerError.RouteNotFound) return Refusal.notFound(method, url)
  if (error instanceof HttpServerError.RequestError) {
    return Refusal.malformedBody(error.cause instanceof Error ? error.cause.message : error.message)
  }
  // A service of a child that is just not there dies with it.
  return isServerDown(error) ? Refusal.down("ServerDown", error.message) : null
}

const recover =
  (request: HttpServerRequest.HttpServerRequest) =>
  (cause: Cause.Cause<unknown>): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
    // The client has gone.
    if (Cause.isInterruptedOnly(cause)) return Effect.interrupt
    const refused = refusalOf(cause, request.url, request.method)
    return refused === null
      ? Effect.as(Effect.logError(`${request.method} ${request.url} failed`, cause), refuse(Refusal.internal))
      : Effect.succeed(refuse(refused))
  }

const answer = <E, R>(
  app: HttpApp.Default<E, R>,
  request: HttpServerRequest.HttpServerRequest,
  settings: Settings
): Effect.Effect<HttpServerResponse.HttpServerResponse, never, R> => {
  const source = NodeHttpServerRequest.toIncomingMessage(request)
  const refused = Refusal.admit(source, settings)
  if (refused !== null) return Effect.succeed(refuse(refused))
  const routed = (whole: HttpServerRequest.HttpServerRequest) =>
    app.pipe(
      Effect.provideService(HttpServerRequest.HttpServerRequest, whole),
      Effect.timeoutTo({
        duration: settings.requestTimeout,
        onTimeout: () => refuse(Refusal.tookTooLong(settings.requestTimeout)),
        onSuccess: (response) => response
      }),
      Effect.catchAllCause(recover(request))
    )
  if (!Refusal.hasBody(source)) return routed(request)
  return Effect.interruptible(read(source, settings.maxBodySize)).pipe(
    Effect.matchEffect({
      onFailure: (refused) => Effect.succeed(refuse(refused)),
      onSuccess: (text) => routed(withBody(request, text))
    })
  )
}

/** What every answer says. A route may say otherwise. */
const common = ({ serverHeader }: Settings, status: number): Record<string, string> => ({
  server: serverHeader,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cache-control": "no-store",
  ...(status === 503 ? { "retry-after": Refusal.retryAfter } : {})
})

/** Reads on for a while, and takes no notice. */
const discard = (source: Http.IncomingMessage): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    let left = maxDiscarded
    const done = () => {
      source.off("data", onData)
      source.off("end", done)
      source.pause()
      resume(Effect.void)
    }
    const onData = (chunk: Buffer) => {
      left -= chunk.length
      if (left < 0) done()
    }
    source.on("end", done)
    source.on("data", onData)
    return Effect.sync(done)
  })

/**
 * Writes an answer that is there as a whole. The platform would wait until the client has taken it: for ever, where the
 * connection breaks in between.
 */
const write = (
  request: HttpServerRequest.HttpServerRequest,
  response: HttpServerResponse.HttpServerResponse
): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.suspend(() => {
    const { body } = response
    const isHead = request.method === "HEAD"
    if (!isHead && body._tag !== "Uint8Array" && body._tag !== "Empty") return Effect.succeed(response)
    const source = NodeHttpServerRequest.toIncomingMessage(request)
    const target = NodeHttpServerRequest.toServerResponse(request)
    if (target.writableEnded || target.destroyed) return Effect.succeed(response)
    const content = body._tag === "Uint8Array" && !isHead ? body.body : null
    const headers: Record<string, string | Array<string>> = { ...response.headers }
    if (!Cookies.isEmpty(response.cookies)) headers["set-cookie"] = Cookies.toSetCookieHeaders(response.cookies)
    if (!Refusal.hasBody(source) || source.complete) {
      target.writeHead(response.status, headers)
      target.end(content)
      return Effect.succeed(response)
    }
    // The rest of the body is still to come. Closing the connection now could throw away the answer on its way.
    target.writeHead(response.status, { ...headers, connection: "close", "content-length": content?.length ?? 0 })
    if (content === null) target.flushHeaders()
    else target.write(content)
    return Effect.interruptible(Effect.timeoutOption(discard(source), maxDiscarding)).pipe(
      Effect.zipRight(Effect.sync(() => target.end())),
      Effect.as(response)
    )
  })

/** The pattern of the route that has answered, as the router has told the span of the request. */
const route: Effect.Effect<string> = Effect.match(Effect.currentSpan, {
  onFailure: () => "none",
  onSuccess: ({ attributes }) => {
    const route = attributes.get("http.route")
    return typeof route === "string" ? route : "none"
  }
})

/**
 * An application that keeps to the limits of the settings, as they are when the request comes, and answers whatever
 * happens. Each answer is measured. For `NodeHttpServer.makeHandler`.
 */
export const within = <E, R>(app: HttpApp.Default<E, R>, settings: () => Settings): HttpApp.Default<never, R> =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const begun = yield* Clock.currentTimeNanos
    const now = settings()
    const response = yield* answer(app, request, now)
    const measured = { method: request.method, route: yield* route, status: response.status }
    yield* Measures.request(measured, Number((yield* Clock.currentTimeNanos) - begun) / 1e9)
    return yield* write(request, dress(response, now))
  })

const dress = (
  response: HttpServerResponse.HttpServerResponse,
  settings: Settings
): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.setHeaders(response, { ...common(settings, response.status), ...response.headers })
