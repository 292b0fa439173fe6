import { assert, describe, it } from "@effect/vitest"
import { CallError, ExitReason, GenServer } from "@effect-otp/core"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { eachGear } from "./fixtures/gears.ts"
import { quiet, told } from "./fixtures/observing.ts"
import { ask, Do, layer, Scripted, start, stateOf, tell } from "./fixtures/Scripted.ts"

const { noReply, reply, stop, stopReply } = GenServer

describe("GenServer.call", () => {
  eachGear("CALL-1: a call gives the bare reply, and the next one sees the new state", (gear) =>
    Effect.gen(function* () {
      const server = yield* start()
      assert.deepStrictEqual(yield* gear.ask(server, (n) => reply({ was: n }, n + 1)), { was: 0 })
      assert.deepStrictEqual(yield* gear.ask(server, (n) => reply({ was: n }, n + 1)), { was: 1 })
      assert.strictEqual(yield* gear.ask(server, (n) => reply(undefined, n)), undefined)
    })
  )

  eachGear("CALL-1: a caller waits 5 seconds unless it says otherwise", (gear) =>
    Effect.gen(function* () {
      const server = yield* start()
      const never = gear.ask(server, (n) => noReply(n))
      const byDefault = yield* Effect.fork(Effect.flip(never))
      const short = yield* Effect.fork(Effect.flip(gear.ask(server, (n) => noReply(n), { timeout: "2 seconds" })))
      const long = yield* Effect.fork(gear.ask(server, (n) => noReply(n), { timeout: "infinity" }))
      yield* TestClock.adjust("1999 millis")
      assert.isNull(short.unsafePoll())
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(
        yield* Fiber.join(short),
        new CallError.CallTimeout({ server: "Scripted", request: "Do", timeout: 2000 })
      )
      yield* TestClock.adjust("2999 millis")
      assert.isNull(byDefault.unsafePoll())
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(
        yield* Fiber.join(byDefault),
        new CallError.CallTimeout({ server: "Scripted", request: "Do", timeout: 5000 })
      )
      yield* TestClock.adjust("365 days")
      assert.isNull(long.unsafePoll())
    })
  )

  it.scoped("CALL-1: a time-out of nothing lets a call through that is answered at once", () =>
    Effect.gen(function* () {
      const server = yield* start()
      assert.strictEqual(yield* ask(server, (n) => reply("at once", n), { timeout: 0 }), "at once")
      const late = yield* Effect.fork(told(ask(server, (n) => noReply(n), { timeout: 0 })))
      yield* TestClock.adjust(0)
      assert.strictEqual(yield* Fiber.join(late), "CallTimeout")
    })
  )

  it.scoped("CALL-1: a server is found by a ref, by its class, and by any effect that gives a ref", () =>
    Effect.gen(function* () {
      const server = yield* start()
      yield* ask(server, () => reply("set", 7))
      assert.strictEqual(yield* stateOf(yield* server), 7)
      const find = Effect.zipRight(Effect.yieldNow(), Effect.succeed(server))
      assert.strictEqual(yield* ask(find, (n) => reply(n, n)), 7)
      const byClass = ask(Scripted, (n) => reply(n, n))
      assert.strictEqual(yield* Effect.provideService(byClass, Scripted, server), 7)
    })
  )

  it.scoped("CALL-1: an effect that does not find a server fails the call as it fails itself", () =>
    Effect.gen(function* () {
      const nowhere = Effect.fail("nobody of that name") as Effect.Effect<GenServer.ServerRef<Scripted>, string>
      assert.strictEqual(yield* told(ask(nowhere, (n) => reply(n, n))), "error: nobody of that name")
      assert.strictEqual(yield* told(tell(nowhere, noReply)), "error: nobody of that name")
      assert.strictEqual(yield* told(GenServer.stop(nowhere)), "error: nobody of that name")
    })
  )

  it.effect(
    "(gen_server_test: start_link/3 with local, with via) a server is called by its class where its layer is provided",
    () =>
      ask(Scripted, (n) => reply(n, n)).pipe(
        Effect.tap((n) => assert.strictEqual(n, 3)),
        Effect.provide(layer({ init: () => 3 }))
      )
  )

  eachGear(
    "CALL-2: a failed call says which server, which request, and why (gen_server_test: call/3 exit messages)",
    (gear) =>
      Effect.gen(function* () {
        const server = yield* start()
        const timeout = yield* Effect.fork(Effect.flip(gear.ask(server, (n) => noReply(n), { timeout: "1 second" })))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(
          yield* Fiber.join(timeout),
          new CallError.CallTimeout({ server: "Scripted", request: "Do", timeout: 1000 })
        )
        const crash = yield* Effect.flip(gear.ask(server, () => Effect.die("a bug")))
        assert.deepStrictEqual(
          crash,
          new CallError.ServerDown({
            server: "Scripted",
            request: "Do",
            reason: ExitReason.crash(Cause.die("a bug"))
          })
        )
        const gone = yield* Effect.flip(gear.ask(server, (n) => reply(n, n)))
        assert.deepStrictEqual(
          gone,
          new CallError.ServerDown({ server: "Scripted", request: "Do", reason: ExitReason.noProcess })
        )
        const stopping = yield* Effect.flip(GenServer.stop(server))
        assert.deepStrictEqual(
          stopping,
          new CallError.ServerDown({ server: "Scripted", request: "stop", reason: ExitReason.noProcess })
        )
      })
  )

  it.scoped("CALL-2: what a call fails with has a schema, and travels", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const errors = [
        yield* Effect.flip(ask(server, (n) => stop(ExitReason.shutdown("enough"), n))),
        yield* Effect.flip(ask(server, (n) => reply(n, n))),
        new CallError.CallTimeout({ server: "Scripted", request: "Do", timeout: 5 }),
        new CallError.MailboxFull({ server: "Scripted", request: "Do", capacity: 1 }),
        new CallError.CallCycle({ path: ["A", "B", "A"] })
      ]
      const wire = Schema.parseJson(CallError.CallError)
      for (const error of errors) {
        if (typeof error === "string") return assert.fail(error)
        const sent = yield* Schema.encode(wire)(error)
        assert.deepStrictEqual(yield* Schema.decode(wire)(sent), error)
      }
    })
  )

  eachGear("CALL-3: a server that has ended is no process, and a call says so at once", (gear) =>
    Effect.gen(function* () {
      const server = yield* start()
      yield* GenServer.stop(server)
      assert.strictEqual(yield* told(gear.ask(server, (n) => reply(n, n))), "ServerDown: no process")
      assert.strictEqual(
        yield* told(gear.ask(server, (n) => reply(n, n), { timeout: "infinity" })),
        "ServerDown: no process"
      )
    })
  )

  for (const [name, end, reason] of [
    ["normal", Effect.succeed(stop(ExitReason.normal, 0)), "normal"],
    ["shutdown", Effect.succeed(stop(ExitReason.shutdown(), 0)), "shutdown"],
    ["a shutdown with a note", Effect.succeed(stop(ExitReason.shutdown("tired"), 0)), "shutdown: tired"],
    ["a reason of its own", Effect.succeed(stop(ExitReason.crash(new Error("no disk")), 0)), "crashed: Error: no disk"],
    ["a defect", Effect.die(new Error("a bug")), "crashed: Error: a bug"]
  ] as const) {
    it.scoped(`CALL-8: every waiting caller is told why the server ended, also those still queued: ${name}`, () =>
      Effect.gen(function* () {
        const server = yield* start()
        const latch = yield* Effect.makeLatch()
        const kept = yield* Effect.fork(told(ask(server, (n) => noReply(n), { timeout: "infinity" })))
        const handled = yield* Effect.fork(told(ask(server, () => Effect.zipRight(latch.await, end))))
        const queued = yield* Effect.fork(told(ask(server, (n) => reply(n, n), { timeout: "infinity" })))
        const run = yield* Effect.fork(told(ask(server, (n) => reply(n, n), { abandoned: "run" })))
        yield* quiet
        yield* latch.open
        const told4 = yield* Fiber.join(Fiber.all([kept, handled, queued, run]))
        assert.deepStrictEqual(
          told4,
          Array.from({ length: 4 }, () => `ServerDown: ${reason}`)
        )
      })
    )
  }

  eachGear("CALL-8: a caller whose handler crashes is told at once, without waiting for its time-out", (gear) =>
    Effect.gen(function* () {
      const server = yield* start()
      const crash = gear.ask(server, () => {
        throw new Error("a bug")
      })
      assert.strictEqual(yield* told(crash), "ServerDown: crashed: Error: a bug")
    })
  )

  it.scoped("CALL-8: a call while the server is stopping is answered with its reason when it has ended", () =>
    Effect.gen(function* () {
      const latch = yield* Effect.makeLatch()
      const server = yield* start({ terminate: () => latch.await })
      const stopping = yield* Effect.fork(GenServer.stop(server, ExitReason.shutdown("closing time")))
      yield* quiet
      const call = yield* Effect.fork(told(ask(server, (n) => reply(n, n))))
      const other = yield* Effect.fork(told(GenServer.stop(server)))
      yield* tell(server, noReply)
      yield* quiet
      assert.isNull(call.unsafePoll())
      yield* latch.open
      assert.strictEqual(yield* Fiber.join(call), "ServerDown: shutdown: closing time")
      assert.strictEqual(yield* Fiber.join(other), "ServerDown: shutdown: closing time")
      yield* Fiber.join(stopping)
    })
  )

  it.scoped("CALL-11: a reply finds its caller among a thousand that wait", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const callers = yield* Effect.forkAll(
        Array.from({ length: 1000 }, (_, i) => ask(server, (n) => Effect.as(Effect.yieldNow(), reply([i, n], n + 1))))
      )
      assert.deepStrictEqual(
        yield* Fiber.join(callers),
        Array.from({ length: 1000 }, (_, i) => [i, i])
      )
    })
  )

  eachGear("a call's effect may be run a hundred times at once: each run is a call of its own", (gear) =>
    Effect.gen(function* () {
      const server = yield* start()
      const next = gear.ask(server, (n) => reply(n, n + 1))
      const answers = yield* Effect.all(
        Array.from({ length: 100 }, () => next),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        [...answers].sort((a, b) => Number(a) - Number(b)),
        Array.from({ length: 100 }, (_, i) => i)
      )
      assert.strictEqual(yield* stateOf(server), 100)
    })
  )

  it.scoped("one message may be sent any number of times, also at once, and to several servers", () =>
    Effect.gen(function* () {
      const message = new Do({ handle: (n) => reply(n, n + 1) })
      const servers = [yield* start(), yield* start({ init: () => 10 })]
      const answers = yield* Effect.forEach(
        servers,
        (server) =>
          Effect.all(
            [1, 2, 3].map(() => GenServer.call(server, message)),
            { concurrency: "unbounded" }
          ),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(answers, [
        [0, 1, 2],
        [10, 11, 12]
      ])
    })
  )

  eachGear("CB-1: messages of one sender are handled in the order sent, whatever their kind (PROC-1)", (gear) =>
    Effect.gen(function* () {
      const server = yield* start()
      const log: Array<string> = []
      const say = (what: string) =>
        tell(server, (n) => {
          log.push(what)
          return noReply(n)
        })
      const call = (what: string) =>
        gear.ask(server, (n) => {
          log.push(what)
          return reply(what, n)
        })
      yield* say("cast 1")
      yield* call("call 2")
      yield* say("cast 3")
      yield* say("cast 4")
      yield* call("call 5")
      assert.deepStrictEqual(log, ["cast 1", "call 2", "cast 3", "cast 4", "call 5"])
    })
  )

  it.scoped("CB-18: while a handler waits nothing else is served, and everybody is afterwards", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const log: Array<string> = []
      const begun = yield* Deferred.make<void>()
      const first = yield* Effect.fork(
        ask(server, (n) =>
          Effect.gen(function* () {
            log.push("first begins")
            yield* Deferred.succeed(begun, undefined)
            yield* Effect.sleep("3 seconds")
            log.push("first ends")
            return reply("first", n)
          })
        )
      )
      yield* Deferred.await(begun)
      const others = yield* Effect.forkAll(
        ["second", "third"].map((what) =>
          ask(server, (n) => {
            log.push(what)
            return reply(what, n)
          })
        )
      )
      yield* TestClock.adjust("2999 millis")
      assert.deepStrictEqual(log, ["first begins"])
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(first), "first")
      assert.deepStrictEqual(yield* Fiber.join(others), ["second", "third"])
      assert.deepStrictEqual(log, ["first begins", "first ends", "second", "third"])
    })
  )

  eachGear("a declared error is the caller's: the state stays what it was, and the server goes on", (gear) =>
    Effect.gen(function* () {
      const server = yield* start({ init: () => 5 })
      assert.strictEqual(yield* told(gear.ask(server, () => Effect.fail("not today"))), "error: not today")
      assert.strictEqual(yield* stateOf(server), 5)
    })
  )

  eachGear("CB-12: stopReply answers with its value", (gear) =>
    Effect.gen(function* () {
      const server = yield* start()
      assert.strictEqual(yield* gear.ask(server, (n) => stopReply(ExitReason.normal, "bye", n)), "bye")
      assert.strictEqual(yield* told(stateOf(server)), "ServerDown: no process")
    })
  )
})
