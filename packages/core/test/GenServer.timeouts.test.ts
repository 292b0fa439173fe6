import { assert, describe, it } from "@effect/vitest"
import { GenServer } from "@effect-otp/core"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { eachGear } from "./fixtures/gears.ts"
import { quiet } from "./fixtures/observing.ts"
import { ask, Next, Note, Scripted, start, stateOf, tell } from "./fixtures/Scripted.ts"

const { noReply, reply } = GenServer

/** What becomes of idleness: it is written down, and nothing is asked for again. */
const idle = (log: Array<string>, what = "idle") =>
  new Note({
    handle: (n) => {
      log.push(what)
      return noReply(n)
    }
  })

describe("GenServer, idle time-outs", () => {
  eachGear("TO-1: after that time without a message the Info is handled, once", (gear) =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start()
      yield* gear.ask(server, (n) => reply(n, n, { idleTimeout: ["10 seconds", idle(log)] }))
      yield* TestClock.adjust("9999 millis")
      assert.deepStrictEqual(log, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(log, ["idle"])
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(log, ["idle"])
    })
  )

  eachGear("TO-1: any message cancels it, and the next callback must ask again", (gear) =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start()
      yield* ask(server, (n) => reply(n, n, { idleTimeout: ["10 seconds", idle(log)] }))
      yield* TestClock.adjust("9 seconds")
      yield* gear.ask(server, (n) => reply(n, n))
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(log, [])
    })
  )

  for (const [what, send] of [
    ["a cast", (server) => tell(server, noReply)],
    ["a call that gets no reply", (server) => Effect.fork(Effect.ignore(ask(server, (n) => noReply(n))))],
    ["a call that fails", (server) => Effect.ignore(ask(server, () => Effect.fail("no")))]
  ] satisfies ReadonlyArray<readonly [string, (server: GenServer.ServerRef<Scripted>) => Effect.Effect<unknown>]>) {
    it.scoped(`TO-1: it is cancelled by ${what}`, () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const server = yield* start()
        yield* ask(server, (n) => reply(n, n, { idleTimeout: ["10 seconds", idle(log)] }))
        yield* TestClock.adjust("9 seconds")
        yield* send(server)
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual(log, [])
      })
    )
  }

  it.scoped("TO-1: it is cancelled by a timer's message, which may ask for another", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start()
      const tick = new Note({
        handle: (n) => {
          log.push("tick")
          return noReply(n, { idleTimeout: ["10 seconds", idle(log, "idle after tick")] })
        }
      })
      yield* ask(server, (n) =>
        Effect.gen(function* () {
          const self = yield* Scripted.self
          yield* self.sendAfter(tick, "9 seconds")
          return reply(n, n, { idleTimeout: ["10 seconds", idle(log)] })
        })
      )
      yield* TestClock.adjust("18999 millis")
      assert.deepStrictEqual(log, ["tick"])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(log, ["tick", "idle after tick"])
    })
  )

  it.scoped("TO-1: a message that is queued already when it is asked for cancels it", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start()
      yield* tell(server, (n) => noReply(n, { idleTimeout: ["10 seconds", idle(log)] }))
      yield* tell(server, noReply)
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(log, [])
    })
  )

  it.scoped("TO-1: the time does not run while a message is handled, but from its end", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start()
      yield* tell(server, (n) =>
        Effect.as(Effect.sleep("1 minute"), noReply(n, { idleTimeout: ["10 seconds", idle(log)] }))
      )
      yield* TestClock.adjust("69999 millis")
      assert.deepStrictEqual(log, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(log, ["idle"])
    })
  )

  it.scoped("TO-1: the Info may ask for the next one", () =>
    Effect.gen(function* () {
      let seen = 0
      const server = yield* start()
      const again: Note = new Note({
        handle: (n) => {
          seen++
          return noReply(n + 1, { idleTimeout: ["10 seconds", again] })
        }
      })
      yield* ask(server, (n) => reply(n, n, { idleTimeout: ["10 seconds", again] }))
      yield* TestClock.adjust("35 seconds")
      assert.strictEqual(seen, 3)
      assert.strictEqual(yield* stateOf(server), 3)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(seen, 3)
    })
  )

  it.scoped("TO-1: it ends with the server", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start({ terminate: () => Effect.delay(Effect.void, "1 minute") })
      yield* ask(server, (n) => reply(n, n, { idleTimeout: ["10 seconds", idle(log)] }))
      const stopping = yield* Effect.fork(GenServer.stop(server))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(stopping)
      assert.deepStrictEqual(log, [])
    })
  )

  eachGear("TO-2: a time-out of 0 is handled at once if the mailbox is empty", (gear) =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start()
      yield* gear.ask(server, (n) => reply(n, n, { idleTimeout: [0, idle(log)] }))
      yield* stateOf(server)
      assert.deepStrictEqual(log, ["idle"])
    })
  )

  eachGear("TO-2: a time-out of 0 loses against a queued message, and is lost", (gear) =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start()
      const latch = yield* Effect.makeLatch()
      const call = yield* Effect.fork(
        gear.ask(server, (n) => Effect.as(latch.await, reply(n, n, { idleTimeout: [0, idle(log)] })))
      )
      yield* quiet
      yield* tell(server, (n) => {
        log.push("queued")
        return noReply(n)
      })
      yield* latch.open
      yield* Fiber.join(call)
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(log, ["queued"])
    })
  )

  it.scoped("TO-2: a time-out of 0 in a loop does not keep others out", () =>
    Effect.gen(function* () {
      let rounds = 0
      const server = yield* start()
      const again: Note = new Note({
        handle: (n) => {
          rounds++
          return noReply(n, { idleTimeout: [0, again] })
        }
      })
      yield* ask(server, (n) => reply(n, n, { idleTimeout: [0, again] }))
      yield* quiet
      assert.isAbove(rounds, 1)
      // Its reply asks for no time-out: the loop has ended.
      assert.strictEqual(yield* stateOf(server), 0)
      const before = rounds
      yield* quiet
      assert.strictEqual(rounds, before)
    })
  )

  for (const never of [Duration.infinity, Number.POSITIVE_INFINITY]) {
    it.scoped(`TO-3: infinity is no time-out, as is none at all: ${String(never)}`, () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const server = yield* start()
        yield* ask(server, (n) => reply(n, n, { idleTimeout: [never, idle(log)] }))
        yield* TestClock.adjust("10000 days")
        assert.deepStrictEqual(log, [])
      })
    )
  }

  it.scoped("TO-1: a request that was withdrawn before its turn does not count as queued", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start()
      const latch = yield* Effect.makeLatch()
      yield* tell(server, (n) => Effect.as(latch.await, noReply(n, { idleTimeout: ["10 seconds", idle(log)] })))
      const caller = yield* Effect.fork(stateOf(server))
      yield* quiet
      yield* Fiber.interrupt(caller)
      yield* latch.open
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(log, ["idle"])
    })
  )

  it.scoped("TO-5: an Info sent by hand cannot be told from that of idleness, and cancels it", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start()
      const message = idle(log)
      yield* ask(server, (n) =>
        Effect.gen(function* () {
          const self = yield* Scripted.self
          yield* self.sendAfter(message, "1 second")
          return reply(n, n, { idleTimeout: ["10 seconds", message] })
        })
      )
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(log, ["idle"])
    })
  )

  eachGear("TO-6: a server that hibernates is woken by any message, and nothing else is different", (gear) =>
    Effect.gen(function* () {
      const server = yield* start()
      for (let i = 0; i < 3; i++) {
        assert.strictEqual(yield* gear.ask(server, (n) => reply(n, n + 1, { hibernate: true })), i)
        yield* quiet
      }
      yield* tell(server, (n) => noReply(n + 1, { hibernate: true }))
      yield* quiet
      assert.strictEqual(yield* stateOf(server), 4)
    })
  )

  it.scoped("TO-6: hibernation with messages queued, a continue, or an idle time-out loses none of them", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start()
      const next = new Next({ handle: (n) => noReply(n + 10, { hibernate: true }) })
      yield* tell(server, (n) => noReply(n + 1, { hibernate: true, continue: next }))
      yield* tell(server, (n) => noReply(n + 100, { hibernate: true, idleTimeout: ["1 second", idle(log)] }))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(log, ["idle"])
      assert.strictEqual(yield* stateOf(server), 111)
    })
  )

  for (const hibernateAfter of ["100 millis", 0, "infinity"] as const) {
    it.scoped(`TO-7: hibernateAfter ${hibernateAfter} disturbs neither messages, timers nor idle time-outs`, () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const server = yield* start({ hibernateAfter })
        yield* ask(server, (n) =>
          Effect.gen(function* () {
            const self = yield* Scripted.self
            yield* self.sendAfter(idle(log, "timer"), "3 seconds")
            return reply(n, n + 1)
          })
        )
        yield* TestClock.adjust("2 seconds")
        yield* tell(server, (n) => Effect.as(Effect.yieldNow(), noReply(n + 1)))
        yield* TestClock.adjust("2 seconds")
        yield* ask(server, (n) => reply(n, n, { idleTimeout: ["5 seconds", idle(log)] }))
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(log, ["timer", "idle"])
        assert.strictEqual(yield* stateOf(server), 2)
      })
    )
  }
})
