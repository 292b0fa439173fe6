/**
 * What a tracer is told of the messages that nobody waits for, and of crashes; and what nobody is told who does not ask.
 */
import { assert, describe, it, vi } from "@effect/vitest"
import { GenServer } from "@effect-otp/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import type * as Tracer from "effect/Tracer"
import { quiet, told } from "./fixtures/observing.ts"
import { failureOf, nativeTracer, recording, spanHere, traced } from "./fixtures/recording.ts"
import { ask, Next, Note, Scripted, start, stateOf, tell } from "./fixtures/Scripted.ts"

const { noReply, reply } = GenServer

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
