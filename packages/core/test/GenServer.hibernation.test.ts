/**
 * Servers that have nothing to do let go of their fiber. Nothing else is to be seen of that.
 */
import { assert, describe, it } from "@effect/vitest"
import { ExitReason, GenServer } from "@effect-otp/core"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { quiet, told } from "./fixtures/observing.ts"
import { ask, type Do, Note, type Ref, Scripted, start, stateOf, tell } from "./fixtures/Scripted.ts"

const { noReply, reply } = GenServer

/** In which fiber the server works now. */
const fiberOf = (server: Ref) =>
  ask(server, (state) => Effect.map(Effect.fiberId, (id) => reply(FiberId.threadName(id), state)))

const pass = (time: string) => Effect.zipRight(TestClock.adjust(time as "1 second"), quiet)

/** What fibers a server has worked in, a call after each of the times. */
const fibersAfter = (server: Ref, times: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const fibers = [yield* fiberOf(server)]
    for (const time of times) {
      yield* pass(time)
      fibers.push(yield* fiberOf(server))
    }
    return fibers.map((fiber) => Array.from(new Set(fibers)).indexOf(fiber))
  })

describe("a server's fiber", () => {
  it.scoped("is let go after a second with nothing to do", () =>
    Effect.gen(function* () {
      const server = yield* start()
      assert.deepStrictEqual(
        yield* fibersAfter(server, ["0 millis", "999 millis", "2 seconds", "2 seconds"]),
        [0, 0, 0, 1, 2]
      )
    })
  )

  it.scoped("is let go a second after the only message", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* fibersAfter(yield* start(), ["1 second"]), [0, 1])
    })
  )

  it.scoped("is kept as long as there is something to do now and then", () =>
    Effect.gen(function* () {
      const times = Array.from({ length: 20 }, () => "900 millis")
      assert.deepStrictEqual(new Set(yield* fibersAfter(yield* start(), times)), new Set([0]))
    })
  )

  it.scoped("is let go after another time, or never, where that is said", () =>
    Effect.gen(function* () {
      const patient = yield* start({ hibernateAfter: "1 minute" })
      assert.deepStrictEqual(yield* fibersAfter(patient, ["59 seconds", "2 minutes"]), [0, 0, 1])
      const forever = yield* start({ hibernateAfter: "infinity" })
      assert.deepStrictEqual(yield* fibersAfter(forever, ["1 minute", "30 days"]), [0, 0, 0])
      const hasty = yield* start({ hibernateAfter: 0 })
      assert.deepStrictEqual(yield* fibersAfter(hasty, ["0 millis", "0 millis"]), [0, 1, 2])
    })
  )

  it.scoped("is kept while a handler takes its time", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const before = yield* fiberOf(server)
      const call = yield* Effect.fork(
        ask(
          server,
          (state) =>
            Effect.gen(function* () {
              yield* Effect.sleep("10 seconds")
              return reply(FiberId.threadName(yield* Effect.fiberId), state)
            }),
          { timeout: "infinity" }
        )
      )
      yield* quiet
      yield* pass("20 seconds")
      assert.strictEqual(yield* Fiber.join(call), before)
    })
  )

  for (const hibernate of [false, true]) {
    it.scoped(
      `is kept while a fiber that a handler forked is alive${hibernate ? ", whatever the handler asks for" : ""}`,
      () =>
        Effect.gen(function* () {
          const log: Array<string> = []
          const server = yield* start()
          yield* ask(server, (state) =>
            Effect.as(
              Effect.fork(
                Effect.onExit(Effect.sleep("10 seconds"), ({ _tag }) => Effect.sync(() => void log.push(_tag)))
              ),
              reply(0, state, { hibernate })
            )
          )
          assert.deepStrictEqual(yield* fibersAfter(server, ["5 seconds", "4 seconds", "3 seconds"]), [0, 0, 0, 0])
          assert.deepStrictEqual(log, ["Success"])
          assert.deepStrictEqual(yield* fibersAfter(server, ["2 seconds"]), [0, 1])
        })
    )
  }
})

describe("`hibernate: true`", () => {
  const asks: ReadonlyArray<readonly [string, (server: Ref) => Effect.Effect<unknown, unknown>]> = [
    ["a reply", (server) => ask(server, (state) => reply(0, state, { hibernate: true }))],
    ["a reply in an Effect", (server) => ask(server, (state) => Effect.succeed(reply(0, state, { hibernate: true })))],
    [
      "a reply in an Effect that suspends",
      (server) => ask(server, (state) => Effect.as(Effect.yieldNow(), reply(0, state, { hibernate: true })))
    ],
    ["a noReply", (server) => tell(server, (state) => noReply(state, { hibernate: true }))]
  ]
  for (const [name, hibernate] of asks) {
    it.scoped(`lets the fiber go at once (${name})`, () =>
      Effect.gen(function* () {
        const server = yield* start()
        const before = yield* fiberOf(server)
        assert.strictEqual(yield* fiberOf(server), before)
        yield* hibernate(server)
        yield* quiet
        const after = yield* fiberOf(server)
        assert.notStrictEqual(after, before)
        assert.strictEqual(yield* fiberOf(server), after)
        assert.strictEqual(yield* stateOf(server), 0)
      })
    )
  }

  it.scoped("lets it go after init", () =>
    Effect.gen(function* () {
      let first = ""
      const server = yield* start({
        init: () =>
          Effect.map(Effect.fiberId, (id) => {
            first = FiberId.threadName(id)
            return GenServer.ok(0, { hibernate: true })
          })
      })
      yield* quiet
      assert.notStrictEqual(yield* fiberOf(server), first)
    })
  )

  it.scoped("waits for what is queued", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const before = yield* fiberOf(server)
      const fibers: Array<string> = []
      const look = (state: number) =>
        Effect.map(Effect.fiberId, (id) => {
          fibers.push(FiberId.threadName(id))
          return noReply(state + 1)
        })
      yield* tell(server, (state) => noReply(state, { hibernate: true }))
      for (let i = 0; i < 3; i++) yield* tell(server, look)
      yield* quiet
      assert.strictEqual(yield* stateOf(server), 3)
      assert.deepStrictEqual(new Set(fibers), new Set([before]))
    })
  )
})

/** A server that sleeps, after having had a fiber. */
const asleep = (options?: Parameters<typeof start>[0]) =>
  Effect.gen(function* () {
    const server = yield* start(options)
    yield* ask(server, (state) => Effect.as(Effect.yieldNow(), reply(0, state + 1)))
    yield* pass("2 seconds")
    return server
  })

describe("a server that sleeps", () => {
  it.scoped("has its state, and answers as before", () =>
    Effect.gen(function* () {
      const server = yield* asleep()
      assert.strictEqual(yield* stateOf(server), 1)
      yield* pass("2 seconds")
      assert.strictEqual(yield* ask(server, (state) => Effect.succeed(reply(state, state))), 1)
      yield* pass("2 seconds")
      yield* tell(server, (state) => noReply(state + 1))
      assert.strictEqual(yield* stateOf(server), 2)
    })
  )

  it.scoped("answers many at once, each in its turn", () =>
    Effect.gen(function* () {
      const server = yield* asleep()
      const answers = yield* Effect.all(
        Array.from({ length: 50 }, () => ask(server, (state) => Effect.as(Effect.yieldNow(), reply(state, state + 1)))),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        answers,
        Array.from({ length: 50 }, (_, index) => index + 1)
      )
    })
  )

  it.scoped("is woken by its timers and its idle time-out", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const note = (name: string) =>
        new Note({
          handle: (state) => {
            log.push(name)
            return noReply(state)
          }
        })
      const server = yield* start()
      yield* ask(server, (state) =>
        Effect.flatMap(Scripted.self, (self) => Effect.as(self.sendAfter(note("timer"), "10 seconds"), reply(0, state)))
      )
      yield* pass("5 seconds")
      yield* ask(server, (state) => Effect.succeed(reply(0, state, { idleTimeout: ["4 seconds", note("idle")] })))
      yield* pass("4 seconds")
      assert.deepStrictEqual(log, ["idle"])
      yield* pass("1 second")
      assert.deepStrictEqual(log, ["idle", "timer"])
    })
  )

  it.scoped("loses nothing that comes in the moment in which it falls asleep", () =>
    Effect.gen(function* () {
      for (const delay of [999, 1000, 1001]) {
        const server = yield* start()
        yield* ask(server, (state) =>
          Effect.flatMap(Scripted.self, (self) =>
            Effect.as(
              self.sendAfter(new Note({ handle: (state) => Effect.succeed(noReply(state + 1)) }), delay),
              reply(0, state)
            )
          )
        )
        const call = yield* Effect.fork(Effect.delay(stateOf(server), delay))
        yield* TestClock.adjust("1 second")
        yield* tell(server, (state) => Effect.succeed(noReply(state + 10)))
        const answer = yield* ask(server, (state) => Effect.succeed(reply(state, state)))
        yield* pass("1 second")
        yield* Fiber.join(call)
        assert.include([10, 11], answer)
        assert.strictEqual(yield* stateOf(server), 11)
      }
    })
  )

  it.scoped("still owes the answers that it has promised", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const token = yield* Deferred.make<GenServer.From<Do>>()
      const call = yield* Effect.fork(
        ask(server, (state, from) => Effect.as(Deferred.succeed(token, from), noReply(state)), { timeout: "infinity" })
      )
      yield* pass("10 seconds")
      yield* (yield* Deferred.await(token)).succeed(7)
      assert.strictEqual(yield* Fiber.join(call), 7)
    })
  )

  it.scoped("shows its states to those who watch", () =>
    Effect.gen(function* () {
      const server = yield* asleep()
      const states = yield* Effect.fork(Stream.runCollect(Stream.take(GenServer.changes(server), 3)))
      yield* quiet
      for (let i = 0; i < 2; i++) {
        yield* ask(server, (state) => Effect.succeed(reply(0, state + 1)))
        yield* pass("2 seconds")
      }
      assert.deepStrictEqual(Chunk.toReadonlyArray(yield* Fiber.join(states)), [1, 2, 3])
    })
  )

  it.scoped("ends as any other, with `terminate` and its scope", () =>
    Effect.gen(function* () {
      for (const crash of [false, true]) {
        const log: Array<string> = []
        const server = yield* asleep({
          init: () =>
            Effect.as(
              Effect.addFinalizer(() => Effect.sync(() => void log.push("released"))),
              0
            ),
          terminate: (reason, state) => Effect.sync(() => void log.push(`${reason._tag} at ${state}`))
        })
        if (crash) yield* told(ask(server, () => Effect.die("no")))
        else yield* GenServer.stop(server, ExitReason.shutdown())
        yield* quiet
        assert.deepStrictEqual(log, [crash ? "Crash at 1" : "Shutdown at 1", "released"])
      }
    })
  )

  it.scoped("keeps what lives in its scope", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start()
      yield* ask(server, (state) =>
        Effect.gen(function* () {
          const { scope } = yield* Scripted.self
          yield* Effect.forkIn(
            Effect.onExit(Effect.sleep("10 seconds"), ({ _tag }) => Effect.sync(() => void log.push(_tag))),
            scope
          )
          return reply(0, state)
        })
      )
      yield* pass("9 seconds")
      assert.deepStrictEqual(log, [])
      yield* pass("1 second")
      assert.deepStrictEqual(log, ["Success"])
    })
  )

  it.scoped("has the layer's FiberRefs when it wakes", () =>
    Effect.gen(function* () {
      const number = FiberRef.unsafeMake(0)
      const server = yield* Effect.locally(start(), number, 1)
      const look = ask(server, (state) => Effect.map(FiberRef.getAndSet(number, 99), (value) => reply(value, state)))
      const seen = [yield* look]
      yield* pass("2 seconds")
      seen.push(yield* look)
      yield* pass("2 seconds")
      seen.push(yield* Effect.locally(look, number, 5))
      assert.deepStrictEqual(seen, [1, 1, 1])
    })
  )
})
