/**
 * Spans. "Somebody traces" means: with another tracer than Effect's own, which is always there and whose spans go
 * nowhere, at the price of several calls each.
 */
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Tracer from "effect/Tracer"
import type { Entry } from "./definition.ts"

const native = Context.get(DefaultServices.liveServices, Tracer.Tracer)

/** Whether a fiber's spans go anywhere. */
export const isTraced = (fiber: Fiber.RuntimeFiber<unknown, unknown>): boolean =>
  fiber.currentTracer !== native && fiber.getFiberRef(FiberRef.currentTracerEnabled)

/** The span that a message comes from, where somebody traces. */
export const spanOf = (fiber: Fiber.RuntimeFiber<unknown, unknown>): Tracer.AnySpan | undefined =>
  isTraced(fiber) ? fiber.currentSpan : undefined

/** The span of a call, in the caller's fiber: a child of the caller's. */
export const callSpan = <A, E>(
  server: string,
  tag: string,
  call: (span: Tracer.Span) => Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.useSpan(
    `${server}.${tag}`,
    { kind: "client", attributes: { "gen_server.name": server, "gen_server.message": tag }, captureStackTrace: false },
    call
  )

/**
 * The span of a message that nobody waits for, in the server's fiber: a root of its own, since whoever sent it may be
 * long gone, and linked with the sender's.
 */
export const linkedSpan = <A, E>(
  server: string,
  entry: Entry,
  link: Tracer.AnySpan | undefined,
  queueNanos: number | null,
  handle: (span: Tracer.Span) => Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.useSpan(
    `${server}.${entry.tag}`,
    {
      root: true,
      kind: entry.kind === "continue" ? "internal" : "consumer",
      captureStackTrace: false,
      links: link === undefined ? [] : [{ _tag: "SpanLink", span: link, attributes: {} }],
      attributes: {
        "gen_server.name": server,
        "gen_server.message": entry.tag,
        ...(queueNanos === null ? {} : { [queueAttribute]: queueNanos })
      }
    },
    (span) =>
      Effect.withParentSpan(
        Effect.suspend(() => handle(span)),
        span
      )
  )

const queueAttribute = "gen_server.queue_nanos"

/** Says on a call's span how long the request waited; not if the caller has gone, and the span has ended. */
export const setQueueTime = (span: Tracer.Span, nanos: number): void => {
  if (span.status._tag === "Started") span.attribute(queueAttribute, nanos)
}
