/**
 * What servers count.
 */
import { assert, describe, it } from "@effect/vitest"
import { ExitReason, GenServer, Process } from "@effect-otp/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { countsOf, countsSinceNow, metricsOf, timesOf } from "./fixtures/metrics.ts"
import { quiet, told } from "./fixtures/observing.ts"
import { recording } from "./fixtures/recording.ts"
import { ask, Next, Note, type Ref, Scripted, start, stateOf, tell } from "./fixtures/Scripted.ts"

const { noReply, reply, stop } = GenServer

const silent = (state: number) => noReply(state)

/** Keeps the server busy until time passes. */
const occupy = (server: Ref) =>
  Effect.zipRight(
    tell(server, (state) => Effect.as(Effect.sleep("2 seconds"), noReply(state))),
    quiet
  )

const release = Effect.zipRight(TestClock.adjust("2 seconds"), quiet)

const since = countsSinceNow("Scripted")

class Look extends GenServer.Call<Look>()("Look") {}
class Unused extends GenServer.Service<Unused>()("@test/deeper/Unused", { messages: [Look] }) {
  static readonly layer = this.toLayer(() => 0, { handleCall: { Look: (_, state) => reply(undefined, state) } })
}

describe("Metric.snapshot", () => {
  it.effect("has a server's metrics by its name, before it has done anything", () =>
    Effect.gen(function* () {
      assert.isDefined(Unused.layer)
      assert.deepStrictEqual(Array.from((yield* metricsOf("Unused")).keys()).sort(), [
        "gen_server_crashes",
        "gen_server_handler_seconds",
        "gen_server_ignored_answers",
        "gen_server_messages",
        "gen_server_queue_length",
        "gen_server_queue_seconds",
        "gen_server_undelivered"
      ])
      assert.deepStrictEqual(yield* countsOf("Unused"), {
        handled: 0,
        queued: 0,
        crashes: 0,
        undelivered: 0,
        ignored: 0
      })
    })
  )

  it.scoped("keeps servers of different names apart", () =>
    Effect.gen(function* () {
      const counts = yield* since
      const other = yield* countsSinceNow("Unused")
      const server = yield* start()
      yield* stateOf(server)
      assert.deepStrictEqual(yield* counts, { handled: 1 })
      assert.deepStrictEqual(yield* other, {})
    })
  )

  it.scoped("adds up the servers of one name", () =>
    Effect.gen(function* () {
      const counts = yield* since
      const [one, other] = [yield* start(), yield* start()]
      yield* stateOf(one)
      yield* stateOf(other)
      yield* occupy(one)
      yield* occupy(other)
      yield* tell(one, silent)
      yield* tell(other, silent)
      yield* tell(other, silent)
      assert.deepStrictEqual(yield* counts, { handled: 4, queued: 3 })
      yield* release
      assert.deepStrictEqual(yield* counts, { handled: 7 })
    })
  )
})

describe("messages handled", () => {
  it.scoped("are those whose handler was called, of any kind and in either gear", () =>
    Effect.gen(function* () {
      const counts = yield* since
      const server = yield* start()
      yield* stateOf(server)
      yield* ask(server, (state) => Effect.succeed(reply(0, state)))
      yield* told(ask(server, () => Effect.fail("declared")))
      yield* tell(server, silent)
      yield* ask(server, (state) => reply(0, state, { continue: new Next({ handle: silent }) }))
      yield* ask(server, (state) => reply(0, state, { idleTimeout: ["1 second", new Note({ handle: silent })] }))
      yield* TestClock.adjust("1 second")
      yield* quiet
      yield* ask(server, (state) =>
        Effect.flatMap(Scripted.self, (self) => Effect.as(self.send(new Note({ handle: silent })), reply(0, state)))
      )
      yield* quiet
      assert.deepStrictEqual(yield* counts, { handled: 10 })
      yield* told(
        ask(server, () => {
          throw new Error("no")
        })
      )
      assert.deepStrictEqual(yield* counts, { handled: 11, crashes: 1 })
    })
  )

  it.scoped("are the same where somebody traces", () =>
    Effect.gen(function* () {
      const counts = yield* since
      const server = yield* start()
      yield* stateOf(server)
      yield* tell(server, silent)
      yield* ask(server, (state) => reply(0, state, { continue: new Next({ handle: silent }) }))
      yield* quiet
      assert.deepStrictEqual(yield* counts, { handled: 4 })
    }).pipe(Effect.withTracer(recording().tracer))
  )
})

describe("the queue's length", () => {
  it.scoped("is what waits, and nothing once it is handled", () =>
    Effect.gen(function* () {
      const server = yield* start()
      yield* occupy(server)
      const counts = yield* since
      for (let i = 0; i < 20; i++) yield* tell(server, silent)
      const calls = yield* Effect.forkAll(Array.from({ length: 5 }, () => stateOf(server)))
      yield* quiet
      assert.deepStrictEqual(yield* counts, { queued: 25 })
      yield* release
      yield* Fiber.join(calls)
      assert.deepStrictEqual(yield* counts, { handled: 25 })
    })
  )

  it.scoped("goes down at once when a call is withdrawn", () =>
    Effect.gen(function* () {
      const server = yield* start()
      yield* occupy(server)
      const counts = yield* since
      const interrupted = yield* Effect.fork(stateOf(server))
      const late = yield* Effect.fork(told(ask(server, (state) => reply(0, state), { timeout: "1 second" })))
      const run = yield* Effect.fork(
        told(ask(server, (state) => reply(0, state), { timeout: "1 second", abandoned: "run" }))
      )
      yield* quiet
      assert.deepStrictEqual(yield* counts, { queued: 3 })
      yield* Fiber.interrupt(interrupted)
      assert.deepStrictEqual(yield* counts, { queued: 2 })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(Fiber.zip(late, run)), ["CallTimeout", "CallTimeout"])
      assert.deepStrictEqual(yield* counts, { queued: 1 })
      yield* release
      assert.deepStrictEqual(yield* counts, { handled: 1, ignored: 1 })
    })
  )

  it.scoped("goes down when the server ends with mail left", () =>
    Effect.gen(function* () {
      for (const end of [
        (server: Ref) => Process.exit(server, ExitReason.killed),
        (server: Ref) => Process.exit(server, ExitReason.shutdown())
      ]) {
        const counts = yield* since
        const server = yield* start()
        yield* occupy(server)
        const calls = yield* Effect.forkAll(Array.from({ length: 3 }, () => told(stateOf(server))))
        yield* quiet
        yield* tell(server, silent)
        yield* tell(server, silent)
        assert.deepStrictEqual(yield* counts, { handled: 1, queued: 5 })
        yield* end(server)
        assert.strictEqual(new Set(yield* Fiber.join(calls)).size, 1)
        yield* quiet
        assert.deepStrictEqual(yield* counts, { handled: 1, undelivered: 2 })
      }
    })
  )

  it.scoped("holds those who wait for room, and lets go of those who do not want to any more", () =>
    Effect.gen(function* () {
      const server = yield* start({ mailbox: { capacity: 2 } })
      yield* occupy(server)
      const counts = yield* since
      const casts = yield* Effect.forEach([1, 2, 3, 4], () => Effect.fork(tell(server, silent)))
      const call = yield* Effect.fork(stateOf(server))
      yield* quiet
      assert.deepStrictEqual(yield* counts, { queued: 5 })
      yield* Fiber.interrupt(call)
      assert.deepStrictEqual(yield* counts, { queued: 4 })
      yield* Fiber.interruptAll(casts)
      assert.deepStrictEqual(yield* counts, { queued: 2 })
      yield* release
      assert.deepStrictEqual(yield* counts, { handled: 2 })
    })
  )

  it.scoped("is right for a mailbox that drops", () =>
    Effect.gen(function* () {
      for (const overflow of ["reject", "dropNewest", "dropOldest"] as const) {
        const server = yield* start({ mailbox: { capacity: 2, overflow } })
        yield* occupy(server)
        const counts = yield* since
        for (let i = 0; i < 5; i++) yield* tell(server, silent)
        assert.deepStrictEqual(yield* counts, { queued: 2, undelivered: 3 })
        const call = yield* Effect.fork(told(stateOf(server)))
        yield* quiet
        const dropped = overflow === "dropOldest" ? 4 : 3
        assert.deepStrictEqual(yield* counts, { queued: 2, undelivered: dropped })
        yield* release
        assert.strictEqual(yield* Fiber.join(call), overflow === "dropOldest" ? "0" : "MailboxFull")
        assert.deepStrictEqual(yield* counts, { handled: 2, undelivered: dropped })
      }
    })
  )

  it.scoped("does not count a call dropped for another as undelivered, since its caller is told", () =>
    Effect.gen(function* () {
      const server = yield* start({ mailbox: { capacity: 1, overflow: "dropOldest" } })
      yield* occupy(server)
      const counts = yield* since
      const call = yield* Effect.fork(told(stateOf(server)))
      yield* quiet
      yield* tell(server, silent)
      assert.strictEqual(yield* Fiber.join(call), "MailboxFull")
      assert.deepStrictEqual(yield* counts, { queued: 1 })
      yield* release
      assert.deepStrictEqual(yield* counts, { handled: 1 })
    })
  )

  it.scoped("is nothing after any number of stops", () =>
    Effect.gen(function* () {
      const counts = yield* since
      const server = yield* start()
      yield* occupy(server)
      const stops = yield* Effect.forkAll(Array.from({ length: 3 }, () => GenServer.stop(server)))
      const late = yield* Effect.fork(told(stateOf(server)))
      yield* quiet
      yield* release
      yield* Fiber.join(stops)
      assert.strictEqual(yield* Fiber.join(late), "ServerDown: normal")
      assert.deepStrictEqual(yield* counts, { handled: 1 })
    })
  )
})

describe("crashes", () => {
  const crash = ExitReason.crash(new Error("no"))

  it.scoped("are servers that ended by one, each once", () =>
    Effect.gen(function* () {
      const fail = () => Effect.die(new Error("no"))
      const ends: ReadonlyArray<(server: Ref) => Effect.Effect<unknown, unknown>> = [
        (server) => tell(server, fail),
        (server) => Effect.ignore(ask(server, fail)),
        (server) => tell(server, (state) => stop(crash, state)),
        (server) => Effect.ignore(GenServer.stop(server, crash)),
        (server) => Process.exit(server, crash)
      ]
      for (const end of ends) {
        for (const terminate of [undefined, () => Effect.void, () => Effect.die(new Error("worse"))]) {
          const server = yield* start(terminate === undefined ? {} : { terminate })
          const counts = yield* since
          yield* end(server)
          yield* quiet
          assert.strictEqual((yield* counts).crashes, 1)
        }
      }
    })
  )

  it.scoped("are not the ends that somebody wanted, nor kills, nor a failed init", () =>
    Effect.gen(function* () {
      const counts = yield* since
      for (const reason of [ExitReason.normal, ExitReason.shutdown(), ExitReason.shutdown("note")]) {
        const server = yield* start()
        yield* GenServer.stop(server, reason)
      }
      yield* Process.exit(yield* start(), ExitReason.killed)
      yield* Effect.exit(start({ init: () => Effect.die("no") }))
      yield* Effect.exit(start({ init: () => Effect.fail("no") }))
      yield* Effect.exit(start({ init: () => GenServer.ignore }))
      yield* quiet
      assert.deepStrictEqual(yield* counts, {})
    })
  )
})

describe("answers too many", () => {
  it.scoped("are counted", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const counts = yield* since
      yield* ask(server, (state, from) => Effect.as(Effect.zipRight(from.succeed(1), from.succeed(2)), reply(3, state)))
      assert.deepStrictEqual(yield* counts, { handled: 1, ignored: 2 })
    })
  )
})

describe("times", () => {
  const handler = timesOf("Scripted", "gen_server_handler_seconds")
  const queue = timesOf("Scripted", "gen_server_queue_seconds")

  it.scoped("of handlers are taken for one message in 64, in seconds", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const before = yield* handler
      for (let i = 0; i < 64 * 5; i++) yield* stateOf(server)
      const plain = yield* handler
      assert.deepStrictEqual(plain, { count: before.count + 5, sum: before.sum })
      for (let i = 0; i < 64; i++) yield* tell(server, (state) => Effect.as(Effect.sleep("2 seconds"), noReply(state)))
      yield* TestClock.adjust("5 minutes")
      yield* quiet
      const after = yield* handler
      assert.strictEqual(after.count, plain.count + 1)
      assert.approximately(after.sum - plain.sum, 2, 1e-6)
    })
  )

  it.scoped("in the mailbox are taken for one message in 64, in seconds", () =>
    Effect.gen(function* () {
      const server = yield* start()
      yield* occupy(server)
      const before = yield* queue
      for (let i = 0; i < 64 * 3; i++) yield* tell(server, silent)
      yield* release
      const after = yield* queue
      assert.strictEqual(after.count, before.count + 3)
      assert.approximately(after.sum - before.sum, 6, 1e-6)
    })
  )

  it.scoped("are taken for all where somebody traces", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const [handlers, queues] = [yield* handler, yield* queue]
      for (let i = 0; i < 10; i++) yield* stateOf(server)
      for (let i = 0; i < 10; i++) yield* tell(server, silent)
      yield* quiet
      assert.strictEqual((yield* queue).count - queues.count, 20)
      assert.strictEqual((yield* handler).count - handlers.count, 20)
    }).pipe(Effect.withTracer(recording().tracer))
  )
})
