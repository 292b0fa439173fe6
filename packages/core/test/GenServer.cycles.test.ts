import { assert, describe, it } from "@effect/vitest"
import { CallError, ExitReason, GenServer } from "@effect-otp/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { eachGear } from "./fixtures/gears.ts"
import { quiet, told } from "./fixtures/observing.ts"
import { ask, Scripted, start, stateOf } from "./fixtures/Scripted.ts"

const { noReply, reply } = GenServer

type Script = () => Effect.Effect<unknown, CallError.CallError>

const script = Schema.declare((u): u is Script => typeof u === "function")

/** Gives what its script gives, or the error in words. */
class Ask extends GenServer.Call<Ask>()("Ask", { payload: { script }, success: Schema.Unknown }) {}

const messages = [Ask] as const
class A extends GenServer.Service<A>()("@test/A", { messages }) {}
class B extends GenServer.Service<B>()("@test/B", { messages }) {}
class C extends GenServer.Service<C>()("@test/C", { messages }) {}

const handleCall = {
  Ask: ({ script }: Ask, state: null) => Effect.map(paths(script()), (given) => reply(given, state))
}

/** The path of a cycle, as a value. */
const paths = <R>(call: Effect.Effect<unknown, CallError.CallError, R>) =>
  Effect.match(call, {
    onSuccess: (value) => value,
    onFailure: (error) => (error instanceof CallError.CallCycle ? error.path.join(" ") : error._tag)
  })

const three = Layer.mergeAll(
  A.toLayer(() => null, { handleCall }),
  B.toLayer(() => null, { handleCall }),
  C.toLayer(() => null, { handleCall })
)

const refs = Effect.map(Layer.build(three), (context) => ({
  a: Context.get(context, A),
  b: Context.get(context, B),
  c: Context.get(context, C)
}))

describe("CallCycle", () => {
  eachGear("CALL-4: a server that calls itself is told so at once (gen_server_test: call/3 exit messages)", (gear) =>
    Effect.gen(function* () {
      const server = yield* start()
      const byRef = gear.ask(server, (n) =>
        Effect.map(Effect.merge(ask(server, (n) => reply(n, n))), (error) => reply(error, n))
      )
      assert.deepStrictEqual(yield* byRef, new CallError.CallCycle({ path: ["Scripted", "Scripted"] }))
      const byClass = gear.ask(server, (n) =>
        Effect.map(Effect.merge(ask(Scripted, (n) => reply(n, n))), (error) => reply(error, n))
      )
      assert.deepStrictEqual(yield* byClass, new CallError.CallCycle({ path: ["Scripted", "Scripted"] }))
      const bySelf = gear.ask(server, (n) =>
        Effect.gen(function* () {
          const self = yield* Scripted.self
          return reply(yield* Effect.merge(ask(self.ref, (n) => reply(n, n))), n)
        })
      )
      assert.deepStrictEqual(yield* bySelf, new CallError.CallCycle({ path: ["Scripted", "Scripted"] }))
    })
  )

  eachGear(
    "CALL-20: a server that asks itself to stop and waits for that is told so, and lives (gen_server_test: stop/3)",
    (gear) =>
      Effect.gen(function* () {
        const server = yield* start()
        const stopItself = gear.ask(server, (n) =>
          Effect.map(Effect.merge(GenServer.stop(Scripted)), (error) => reply(error, n))
        )
        assert.deepStrictEqual(yield* stopItself, new CallError.CallCycle({ path: ["Scripted", "Scripted"] }))
        assert.strictEqual(yield* stateOf(server), 0)
      })
  )

  it.scoped("CALL-23: two servers that call each other are told so at once, with the path", () =>
    Effect.gen(function* () {
      const { a, b } = yield* refs
      const there = new Ask({ script: () => Effect.succeed("never asked") })
      const back = new Ask({ script: () => GenServer.call(a, there) })
      const given = yield* GenServer.call(a, new Ask({ script: () => GenServer.call(b, back) }))
      assert.strictEqual(given, "B A B")
    })
  )

  it.scoped("CALL-23: the same when both are busy when they are called", () =>
    Effect.gen(function* () {
      const { a, b } = yield* refs
      const latch = yield* Effect.makeLatch()
      const wait = new Ask({ script: () => latch.await })
      const there = new Ask({ script: () => Effect.succeed("never asked") })
      const back = new Ask({ script: () => GenServer.call(a, there) })
      const callers = yield* Effect.forkAll([
        GenServer.call(a, wait),
        GenServer.call(b, wait),
        GenServer.call(a, new Ask({ script: () => GenServer.call(b, back) }))
      ])
      yield* quiet
      yield* latch.open
      assert.deepStrictEqual((yield* Fiber.join(callers))[2], "B A B")
    })
  )

  it.scoped("CALL-23: a circle of three is closed by the third", () =>
    Effect.gen(function* () {
      const { a, b, c } = yield* refs
      const there = new Ask({ script: () => Effect.succeed("never asked") })
      const third = new Ask({ script: () => GenServer.call(a, there) })
      const second = new Ask({ script: () => GenServer.call(c, third) })
      const given = yield* GenServer.call(a, new Ask({ script: () => GenServer.call(b, second) }))
      assert.strictEqual(given, "C A B C")
    })
  )

  it.scoped("CALL-23: two that start to call each other at the same time: one is told, and both go on", () =>
    Effect.gen(function* () {
      const { a, b } = yield* refs
      const hello = new Ask({ script: () => Effect.succeed("hello") })
      const towards = (other: typeof a | typeof b) =>
        new Ask({ script: () => Effect.zipRight(Effect.yieldNow(), GenServer.call(other as typeof a, hello)) })
      const given = yield* Effect.all([GenServer.call(a, towards(b)), GenServer.call(b, towards(a))], {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual([...given].sort(), ["B A B", "hello"])
    })
  )

  it.scoped("a chain that is no circle is not refused, nor is the same server asked twice", () =>
    Effect.gen(function* () {
      const { a, b, c } = yield* refs
      const end = new Ask({ script: () => Effect.succeed("the end") })
      const viaC = new Ask({ script: () => GenServer.call(c, end) })
      const given = yield* GenServer.call(
        a,
        new Ask({ script: () => Effect.all([GenServer.call(b, viaC), GenServer.call(c, end), GenServer.call(b, end)]) })
      )
      assert.deepStrictEqual(given, ["the end", "the end", "the end"])
      // The other way round afterwards: what was waited for before does not count.
      const backwards = yield* GenServer.call(c, new Ask({ script: () => GenServer.call(a, end) }))
      assert.strictEqual(backwards, "the end")
    })
  )

  it.scoped("a fiber that a handler forked may call its server: the server can go on", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const forked: Array<Fiber.Fiber<unknown, unknown>> = []
      yield* ask(server, (n) =>
        Effect.map(Effect.fork(stateOf(server)), (fiber) => {
          forked.push(fiber)
          return reply(undefined, n + 1)
        })
      )
      assert.strictEqual(yield* Fiber.join(forked[0]!), 1)
    })
  )

  it.scoped("after noReply nothing waits for the server: whoever holds the token may call it", () =>
    Effect.gen(function* () {
      const asker = yield* start()
      const { a } = yield* refs
      let answer: ((value: unknown) => Effect.Effect<void>) | undefined
      // A waits for an answer that `asker` has put off, ...
      const waiting = yield* Effect.fork(
        GenServer.call(
          a,
          new Ask({
            script: () =>
              ask(asker, (n, from) => {
                answer = (value) => from.succeed(value)
                return noReply(n)
              }) as Effect.Effect<unknown, CallError.CallError>
          })
        )
      )
      yield* quiet
      // ... and `asker` calls A, which can be answered as soon as somebody has used the token.
      const hello = new Ask({ script: () => Effect.succeed("hello") })
      const back = yield* Effect.fork(
        ask(asker, (n) => Effect.map(paths(GenServer.call(a, hello)), (given) => reply(given, n)))
      )
      yield* quiet
      assert.isNull(back.unsafePoll())
      yield* answer!("answered")
      assert.strictEqual(yield* Fiber.join(waiting), "answered")
      assert.strictEqual(yield* Fiber.join(back), "hello")
    })
  )

  it.scoped("a call in a circle whose caller has given up holds nobody up", () =>
    Effect.gen(function* () {
      const { a, b } = yield* refs
      const latch = yield* Effect.makeLatch()
      const hello = new Ask({ script: () => Effect.succeed("hello") })
      const back = new Ask({ script: () => Effect.zipRight(latch.await, GenServer.call(a, hello)) })
      const caller = yield* Effect.fork(
        GenServer.call(a, new Ask({ script: () => GenServer.call(b, back, { timeout: "1 second" }) }))
      )
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(caller), "CallTimeout")
      const log: Array<unknown> = []
      yield* latch.open
      log.push(yield* GenServer.call(b, new Ask({ script: () => GenServer.call(a, hello) })))
      assert.deepStrictEqual(log, ["hello"])
    })
  )

  it.scoped("CALL-4: a cycle is an error like any other: the server that meets it goes on, or ends by it", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const call = ask(server, () => Effect.orDie(ask(server, (n) => reply(n, n))) as Effect.Effect<never>)
      const given = yield* told(call)
      assert.include(given, "ServerDown: crashed")
      assert.include(given, "Scripted → Scripted")
      assert.strictEqual(yield* told(GenServer.stop(server, ExitReason.normal)), "ServerDown: no process")
    })
  )

  it.scoped("a server that calls itself from terminate is told so", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start({
        terminate: () => Effect.map(told(ask(Scripted, (n) => reply(n, n))), (given) => log.push(given))
      })
      yield* GenServer.stop(server)
      assert.deepStrictEqual(log, ["CallCycle"])
    })
  )

  it.scoped("a server that calls itself from init is told so", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      yield* start({
        init: () => Effect.map(told(ask(Scripted, (n) => reply(n, n))), (given) => log.push(given))
      })
      assert.deepStrictEqual(log, ["CallCycle"])
    })
  )
})
