/**
 * What a tracer is told of calls, and whose tracer that is.
 */
import { assert, describe, it } from "@effect/vitest"
import { type CallError, ExitReason, GenServer } from "@effect-otp/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { quiet } from "./fixtures/observing.ts"
import { failureOf, nativeTracer, recording, spanHere, traced } from "./fixtures/recording.ts"
import { ask, layer, Next, Scripted, start, stateOf, tell } from "./fixtures/Scripted.ts"

const { noReply, reply, stop } = GenServer

describe("a call", () => {
  traced("is a child of its caller's span", ({ spans, the }) =>
    Effect.gen(function* () {
      const server = yield* start()
      yield* Effect.withSpan(
        ask(server, (state) => reply(1, state)),
        "client"
      )
      const span = the("Scripted.Do")
      assert.strictEqual(span.parent.pipe(Option.getOrUndefined), the("client"))
      assert.strictEqual(span.kind, "client")
      assert.deepStrictEqual(span.linkedWith, [])
      assert.strictEqual(span.attributes.get("gen_server.name"), "Scripted")
      assert.strictEqual(span.attributes.get("gen_server.message"), "Do")
      assert.deepStrictEqual(
        spans.map(({ name }) => name),
        ["client", "Scripted.Do"]
      )
    })
  )

  traced("is a root where its caller is in no span", ({ the }) =>
    Effect.gen(function* () {
      const server = yield* start()
      yield* ask(server, (state) => reply(1, state))
      assert.isTrue(Option.isNone(the("Scripted.Do").parent))
    })
  )

  traced("ends its span once, as it ends itself", ({ spans }) =>
    Effect.gen(function* () {
      const server = yield* start()
      const calls = [
        ask(server, (state) => reply(1, state)),
        ask(server, (state) => Effect.succeed(reply(2, state))),
        ask(server, () => Effect.fail("declared")),
        ask(server, () => Effect.zipRight(Effect.yieldNow(), Effect.fail("declared, later"))),
        ask(server, (state, from) => Effect.as(from.succeed(3), noReply(state))),
        ask(server, (state) => GenServer.stopReply(ExitReason.normal, 4, state))
      ]
      const exits: Array<unknown> = []
      for (const call of calls) exits.push(yield* Effect.exit(call))
      assert.deepStrictEqual(
        spans.map(({ exit }) => exit),
        exits
      )
      assert.deepStrictEqual(
        spans.map(({ ends }) => ends),
        calls.map(() => 1)
      )
    })
  )

  traced("ends its span as a failure when the server ends instead", ({ spans }) =>
    Effect.gen(function* () {
      for (const handle of [
        () => {
          throw new Error("no")
        },
        () => Effect.die(new Error("no")),
        (state: number) => stop(ExitReason.crash(new Error("no")), state)
      ]) {
        const server = yield* start()
        const queued = yield* Effect.fork(Effect.zipRight(Effect.yieldNow(), stateOf(server)))
        const begun = spans.length
        const error = yield* Effect.flip(ask(server, handle))
        assert.strictEqual((error as CallError.ServerDown)._tag, "ServerDown")
        assert.strictEqual(failureOf(spans[begun]?.exit), error)
        yield* Fiber.await(queued)
      }
      assert.deepStrictEqual(
        spans.filter(({ exit }) => exit === undefined || Exit.isSuccess(exit)),
        []
      )
    })
  )

  traced("ends its span when its caller has waited long enough, or is interrupted", ({ spans }) =>
    Effect.gen(function* () {
      const server = yield* start()
      yield* Effect.fork(
        ask(server, (state) => Effect.as(Effect.sleep("1 minute"), reply(1, state)), { timeout: "infinity" })
      )
      yield* quiet
      const late = yield* Effect.fork(stateOf(server))
      const interrupted = yield* Effect.fork(stateOf(server))
      yield* quiet
      yield* Fiber.interrupt(interrupted)
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.await(late)
      const [handled, timedOut, interruptedCall] = spans
      assert.isUndefined(handled?.exit)
      assert.strictEqual((failureOf(timedOut?.exit) as CallError.CallTimeout)._tag, "CallTimeout")
      assert.isTrue(interruptedCall?.exit !== undefined && Exit.isInterrupted(interruptedCall.exit))
      yield* TestClock.adjust("55 seconds")
      assert.isTrue(handled?.exit !== undefined && Exit.isSuccess(handled.exit))
    })
  )

  traced("says nothing of a span that has ended", ({ spans }) =>
    Effect.gen(function* () {
      const server = yield* start()
      yield* Effect.fork(ask(server, (state) => Effect.as(Effect.sleep("1 minute"), reply(1, state))))
      yield* quiet
      yield* Effect.fork(
        ask(server, (state) => Effect.as(Effect.annotateCurrentSpan("mine", 1), reply(1, state)), { abandoned: "run" })
      )
      yield* quiet
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(
        spans.flatMap(({ tooLate }) => tooLate).filter((key) => key !== "mine"),
        []
      )
    })
  )

  traced("has the handler's own spans as children", ({ the }) =>
    Effect.gen(function* () {
      const server = yield* start()
      const other = yield* start()
      const seen = yield* Effect.withSpan(
        ask(server, (state) =>
          Effect.gen(function* () {
            const here = yield* spanHere
            yield* Effect.withSpan(Effect.yieldNow(), "in the handler")
            yield* Effect.withSpan(stateOf(other).pipe(Effect.orDie), "around a call")
            return reply(here, state)
          })
        ),
        "client"
      )
      assert.strictEqual(seen, "Scripted.Do")
      const [outer, inner] = [the("in the handler"), the("around a call")]
      assert.strictEqual(outer.parentName, "Scripted.Do")
      assert.strictEqual(inner.parentName, "Scripted.Do")
      assert.strictEqual(outer.traceId, the("client").traceId)
    })
  )

  traced("carries the time that it has waited in the mailbox", ({ spans }) =>
    Effect.gen(function* () {
      const server = yield* start()
      const first = yield* Effect.fork(ask(server, (state) => Effect.as(Effect.sleep("2 seconds"), reply(1, state))))
      yield* quiet
      yield* TestClock.adjust("500 millis")
      const second = yield* Effect.fork(stateOf(server))
      yield* quiet
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.joinAll([first, second])
      assert.deepStrictEqual(
        spans.map(({ attributes }) => attributes.get("gen_server.queue_nanos")),
        [0, 1_500_000_000]
      )
    })
  )

  it.scoped("finds a server that has ended while its span was begun", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const { spans, tracer } = recording((name) => {
        // A tracer is foreign code: whatever happens in it has happened before the call is made.
        if (name === "Scripted.Do") Effect.runSync(GenServer.stop(server))
      })
      const call = yield* Effect.fork(Effect.flip(Effect.withTracer(stateOf(server), tracer)))
      yield* quiet
      const exit = yield* Fiber.poll(call)
      yield* Fiber.interrupt(call)
      assert.isTrue(Option.isSome(exit))
      assert.strictEqual((failureOf(spans[0]?.exit) as CallError.ServerDown)._tag, "ServerDown")
    })
  )
})

describe("callbacks", () => {
  traced("see no span of an earlier message", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const seen: Array<string> = []
      const look = Effect.map(spanHere, (span) => void seen.push(span))
      const lookIn = (state: number) => Effect.as(look, noReply(state))
      yield* Effect.withSpan(
        ask(server, (state) => Effect.as(look, reply(1, state))),
        "client"
      )
      yield* Effect.withTracer(
        ask(server, (state) => Effect.as(look, reply(1, state))),
        nativeTracer
      )
      yield* tell(server, lookIn)
      yield* quiet
      yield* ask(server, (state) => Effect.as(look, reply(1, state, { continue: new Next({ handle: lookIn }) })))
      yield* quiet
      assert.deepStrictEqual(seen, ["Scripted.Do", "none", "Scripted.Say", "Scripted.Do", "Scripted.Next"])
    })
  )

  traced("are not in the span of whoever built the layer, but init is", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const look = Effect.map(spanHere, (span) => void seen.push(span))
      yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* Effect.withSpan(
            start({ init: () => Effect.as(look, 0), terminate: () => look, trapExit: true }),
            "start"
          )
          yield* Effect.withTracer(
            ask(server, (state) => Effect.as(look, reply(1, state))),
            nativeTracer
          )
        })
      )
      assert.deepStrictEqual(seen, ["start", "none", "none"])
    })
  )

  traced("do not let a tracer that one of them sets reach the next", ({ spans }) =>
    Effect.gen(function* () {
      const server = yield* start()
      const other = recording()
      yield* ask(server, (state) =>
        Effect.as(Effect.withTracer(Effect.withSpan(Effect.void, "elsewhere"), other.tracer), reply(0, state))
      )
      yield* ask(server, (state) => Effect.as(Effect.withSpan(Effect.void, "here"), reply(0, state)))
      assert.deepStrictEqual(
        spans.map(({ name }) => name),
        ["Scripted.Do", "Scripted.Do", "here"]
      )
      assert.deepStrictEqual(
        other.spans.map(({ name }) => name),
        ["elsewhere"]
      )
    })
  )
})

describe("a caller and a layer with tracers of their own", () => {
  const arrange = Effect.gen(function* () {
    const [ofCaller, ofLayer] = [recording(), recording()]
    const layerHas = yield* Effect.withTracer(start(), ofLayer.tracer)
    const layerHasNone = yield* start()
    return { layerHas, layerHasNone, ofCaller, ofLayer }
  })

  const withASpan = (state: number) => Effect.as(Effect.withSpan(Effect.void, "in the handler"), reply(1, state))

  it.scoped("a call is the caller's, what its handler does the layer's", () =>
    Effect.gen(function* () {
      const { layerHas, ofCaller, ofLayer } = yield* arrange
      yield* Effect.withTracer(ask(layerHas, withASpan), ofCaller.tracer)
      assert.deepStrictEqual(
        ofCaller.spans.map(({ name }) => name),
        ["Scripted.Do"]
      )
      assert.strictEqual(ofLayer.the("in the handler").parentName, "Scripted.Do")
      assert.strictEqual(ofLayer.the("in the handler").traceId, ofCaller.the("Scripted.Do").traceId)
      assert.strictEqual(ofLayer.spans.length, 1)
    })
  )

  it.scoped("a cast is the layer's, and linked with the caller's span", () =>
    Effect.gen(function* () {
      const { layerHas, ofCaller, ofLayer } = yield* arrange
      yield* tell(layerHas, (state) => noReply(state)).pipe(
        Effect.withSpan("client"),
        Effect.withTracer(ofCaller.tracer)
      )
      yield* quiet
      assert.strictEqual(ofCaller.spans.length, 1)
      assert.deepStrictEqual(ofLayer.the("Scripted.Say").linkedWith, ["client"])
    })
  )

  it.scoped("a call to a layer without one is traced all the same", () =>
    Effect.gen(function* () {
      const { layerHasNone, ofCaller } = yield* arrange
      yield* Effect.withTracer(ask(layerHasNone, withASpan), ofCaller.tracer)
      assert.deepStrictEqual(
        ofCaller.spans.map(({ name, ends }) => [name, ends]),
        [["Scripted.Do", 1]]
      )
    })
  )

  it.scoped("a tracer that a Layer sets is the one of the servers above it", () =>
    Effect.gen(function* () {
      const recorded = recording()
      const context = yield* Layer.build(Layer.provide(layer(), Layer.setTracer(recorded.tracer)))
      yield* tell(Context.get(context, Scripted), (state) => noReply(state))
      yield* quiet
      assert.strictEqual(recorded.the("Scripted.Say").ends, 1)
    })
  )
})
