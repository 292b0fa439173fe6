/**
 * What a tracer is told of servers.
 */
import { assert, describe, it, vi } from "@effect/vitest"
import { type CallError, ExitReason, GenServer } from "@effect-otp/core"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as Tracer from "effect/Tracer"
import { quiet, told } from "./fixtures/observing.ts"
import { type Recording, recording } from "./fixtures/recording.ts"
import { ask, layer, Next, Note, Scripted, start, stateOf, tell } from "./fixtures/Scripted.ts"

const { noReply, reply, stop } = GenServer

/** A test in which everybody, the server too, has the same recording tracer. */
const traced = (title: string, body: (recording: Recording) => Effect.Effect<void, unknown, Scope.Scope>): void =>
  it.scoped(title, () =>
    Effect.suspend(() => {
      const recorded = recording()
      return Effect.withTracer(body(recorded), recorded.tracer)
    })
  )

/** What an effect sees as the span that it is in. */
const spanHere = Effect.map(Effect.option(Effect.currentSpan), (span) =>
  Option.match(span, { onNone: () => "none", onSome: ({ name }) => name })
)

const failureOf = (exit: Exit.Exit<unknown, unknown> | undefined): unknown =>
  exit !== undefined && Exit.isFailure(exit) ? Cause.squash(exit.cause) : exit

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

/** Sends the server, from inside a handler and in the given span, what the handler of which is `handle`. */
const ways: ReadonlyArray<{
  readonly name: string
  readonly span: string
  readonly kind: Tracer.SpanKind
  readonly arrange: (
    server: GenServer.ServerRef<Scripted>,
    handle: (state: number) => GenServer.NoReply<number> | Effect.Effect<GenServer.NoReply<number>>
  ) => Effect.Effect<unknown, unknown>
}> = [
  {
    name: "a message to itself",
    span: "Scripted.Note",
    kind: "consumer",
    arrange: (server, handle) =>
      ask(server, (state) =>
        Effect.flatMap(Scripted.self, (self) => Effect.as(self.send(new Note({ handle })), reply(0, state)))
      )
  },
  {
    name: "a timer's message",
    span: "Scripted.Note",
    kind: "consumer",
    arrange: (server, handle) =>
      ask(server, (state) =>
        Effect.flatMap(Scripted.self, (self) =>
          Effect.as(self.sendAfter(new Note({ handle }), "1 second"), reply(0, state))
        )
      )
  },
  {
    name: "an idle time-out",
    span: "Scripted.Note",
    kind: "consumer",
    arrange: (server, handle) =>
      ask(server, (state) => reply(0, state, { idleTimeout: ["1 second", new Note({ handle })] }))
  },
  {
    name: "an idle time-out of nothing",
    span: "Scripted.Note",
    kind: "consumer",
    arrange: (server, handle) => ask(server, (state) => reply(0, state, { idleTimeout: [0, new Note({ handle })] }))
  },
  {
    name: "a continue",
    span: "Scripted.Next",
    kind: "internal",
    arrange: (server, handle) => ask(server, (state) => reply(0, state, { continue: new Next({ handle }) }))
  }
]

describe("what nobody waits for", () => {
  for (const { arrange, kind, name, span } of ways) {
    traced(`${name} is a root span linked with the one it comes from, and ends when it is handled`, ({ the }) =>
      Effect.gen(function* () {
        const server = yield* start()
        let seen = ""
        yield* Effect.withSpan(
          arrange(server, (state) =>
            Effect.gen(function* () {
              seen = yield* spanHere
              yield* Effect.sleep("10 seconds")
              return noReply(state + 1)
            })
          ),
          "client"
        )
        yield* TestClock.adjust("5 seconds")
        yield* quiet
        assert.strictEqual(seen, span)
        assert.isUndefined(the(span).exit)
        yield* TestClock.adjust("10 seconds")
        yield* quiet
        assert.isTrue(Option.isNone(the(span).parent))
        assert.isTrue(Exit.isSuccess(the(span).exit ?? Exit.fail("not ended")))
        assert.strictEqual(the(span).kind, kind)
        assert.strictEqual(the(span).ends, 1)
        assert.deepStrictEqual(the(span).linkedWith, ["Scripted.Do"])
      })
    )
  }

  traced("a cast is a root span linked with its sender's, and ends when it is handled", ({ the }) =>
    Effect.gen(function* () {
      const server = yield* start()
      yield* Effect.withSpan(
        tell(server, (state) => Effect.as(Effect.sleep("1 second"), noReply(state))),
        "client"
      )
      assert.isDefined(the("client").exit)
      yield* quiet
      const span = the("Scripted.Say")
      assert.isUndefined(span.exit)
      yield* TestClock.adjust("1 second")
      yield* quiet
      assert.isTrue(Exit.isSuccess(span.exit ?? Exit.fail("not ended")))
      assert.isTrue(Option.isNone(span.parent))
      assert.deepStrictEqual(span.linkedWith, ["client"])
      assert.strictEqual(span.kind, "consumer")
      assert.strictEqual(span.attributes.get("gen_server.message"), "Say")
    })
  )

  traced("a cast of a server to itself is linked with the span of the handler", ({ the }) =>
    Effect.gen(function* () {
      const server = yield* start()
      yield* ask(server, (state) =>
        Effect.as(
          tell(Scripted, (state) => noReply(state)),
          reply(0, state)
        )
      )
      yield* quiet
      assert.deepStrictEqual(the("Scripted.Say").linkedWith, ["Scripted.Do"])
    })
  )

  traced("a cast from no span is linked with none", ({ the }) =>
    Effect.gen(function* () {
      const server = yield* start()
      yield* tell(server, (state) => noReply(state))
      yield* quiet
      assert.deepStrictEqual(the("Scripted.Say").linkedWith, [])
      assert.isTrue(Exit.isSuccess(the("Scripted.Say").exit ?? Exit.fail("not ended")))
    })
  )

  traced("a cast's span carries the time that it has waited", ({ the }) =>
    Effect.gen(function* () {
      const server = yield* start()
      yield* Effect.fork(ask(server, (state) => Effect.as(Effect.sleep("2 seconds"), reply(1, state))))
      yield* quiet
      yield* TestClock.adjust("500 millis")
      yield* tell(server, (state) => noReply(state))
      yield* TestClock.adjust("2 seconds")
      yield* quiet
      assert.strictEqual(the("Scripted.Say").attributes.get("gen_server.queue_nanos"), 1_500_000_000)
    })
  )

  traced("every tick has a span of its own", ({ spans }) =>
    Effect.gen(function* () {
      const server = yield* start()
      yield* ask(server, (state) =>
        Effect.flatMap(Scripted.self, (self) =>
          Effect.as(self.sendEvery(new Note({ handle: (state) => noReply(state) }), "1 second"), reply(0, state))
        )
      )
      yield* TestClock.adjust("3 seconds")
      yield* quiet
      const ticks = spans.filter(({ name }) => name === "Scripted.Note")
      assert.deepStrictEqual(
        ticks.map(({ ends }) => ends),
        [1, 1, 1]
      )
    })
  )
})

describe("a crash", () => {
  const crashes = {
    "a throw": () => {
      throw new Error("no")
    },
    "a defect": () => Effect.die(new Error("no")),
    "a defect, later": () => Effect.zipRight(Effect.yieldNow(), Effect.die(new Error("no")))
  }

  for (const [name, handle] of Object.entries(crashes)) {
    traced(`by ${name} is seen in the span of the message`, ({ the }) =>
      Effect.gen(function* () {
        const server = yield* start()
        yield* tell(server, handle)
        yield* quiet
        const { exit } = the("Scripted.Say")
        assert.isTrue(exit !== undefined && Exit.isFailure(exit))
        assert.strictEqual((failureOf(exit) as Error).message, "no")
      })
    )
  }

  traced("by what is no outcome is seen in the span of the message", ({ the }) =>
    Effect.gen(function* () {
      const server = yield* start()
      // As from JavaScript: the types do not let it through.
      yield* tell(server, () => "nonsense" as unknown as GenServer.NoReply<number>)
      yield* quiet
      const { exit } = the("Scripted.Say")
      assert.isTrue(exit !== undefined && Exit.isFailure(exit))
    })
  )

  traced("leaves no span open when the server is killed meanwhile", ({ spans, the }) =>
    Effect.gen(function* () {
      const server = yield* Effect.scoped(
        Effect.tap(start({ shutdown: "brutal" }), (server) =>
          Effect.zipRight(
            tell(server, () => Effect.never),
            quiet
          )
        )
      )
      yield* quiet
      assert.isTrue(Exit.isInterrupted(the("Scripted.Say").exit ?? Exit.void))
      assert.strictEqual(yield* told(stateOf(server)), "ServerDown: no process")
      assert.deepStrictEqual(
        spans.map(({ ends }) => ends),
        spans.map(() => 1)
      )
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

/** Effect's own tracer, which is there when nobody traces. */
const nativeTracer = Context.get(DefaultServices.liveServices, Tracer.Tracer)

describe("where nobody traces", () => {
  it.scoped("no span is made", () =>
    Effect.gen(function* () {
      const spy = yield* Effect.acquireRelease(
        Effect.sync(() => vi.spyOn(nativeTracer, "span")),
        (spy) => Effect.sync(() => spy.mockRestore())
      )
      const server = yield* start()
      for (const { arrange } of ways) yield* arrange(server, (state) => noReply(state))
      yield* ask(server, (state) => Effect.succeed(reply(0, state)))
      yield* tell(server, (state) => noReply(state))
      yield* TestClock.adjust("5 seconds")
      yield* Effect.flip(
        ask(server, () => {
          throw new Error("no")
        })
      )
      assert.strictEqual(spy.mock.calls.length, 0)
      yield* Effect.withSpan(Effect.void, "counted")
      assert.strictEqual(spy.mock.calls.length, 1)
    })
  )

  const ranIn = (tracer: Tracer.Tracer | null) =>
    Effect.gen(function* () {
      const run = tracer === null ? <A, E, R>(effect: Effect.Effect<A, E, R>) => effect : Effect.withTracer(tracer)
      const server = yield* start()
      const caller = yield* Effect.fiberId
      const handler = yield* run(
        ask(server, (state) =>
          reply(
            Option.map(Fiber.getCurrentFiber(), (fiber) => fiber.id()),
            state
          )
        )
      )
      return { caller, handler }
    })

  it.scoped("a plain handler runs in its caller's turn", () =>
    Effect.gen(function* () {
      const { caller, handler } = yield* ranIn(null)
      assert.deepStrictEqual(handler, Option.some(caller))
    })
  )

  it.scoped("and in the server's own fiber where somebody does", () =>
    Effect.gen(function* () {
      const { caller, handler } = yield* ranIn(recording().tracer)
      assert.notDeepEqual(handler, Option.some(caller))
    })
  )
})
