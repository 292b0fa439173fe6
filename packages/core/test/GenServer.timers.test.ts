import { assert, describe, it } from "@effect/vitest"
import { GenServer } from "@effect-otp/core"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { quiet } from "./fixtures/observing.ts"
import { ask, Note, type Ref, Say, Scripted, start, stateOf, tell } from "./fixtures/Scripted.ts"

const { noReply, reply } = GenServer

const info = (log: Array<string>, what: string) =>
  new Note({
    handle: (n) => {
      log.push(what)
      return noReply(n + 1)
    }
  })

/** Does something with `self`, in a handler. */
const within = <A>(server: Ref, use: (self: GenServer.SelfHandle<Scripted>) => Effect.Effect<A>): Effect.Effect<A> =>
  Effect.gen(function* () {
    const given: Array<A> = []
    yield* ask(server, (n) =>
      Effect.gen(function* () {
        given.push(yield* use(yield* Scripted.self))
        return reply(undefined, n)
      })
    )
    return given[0]!
  }).pipe(Effect.orDie)

const millis = (option: Option.Option<Duration.Duration>) => Option.getOrNull(Option.map(option, Duration.toMillis))

describe("GenServer, timers", () => {
  it.scoped("PROC-19: sendAfter sends once, after that time", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start()
      yield* within(server, (self) => self.sendAfter(info(log, "info"), "2 seconds"))
      yield* within(server, (self) => self.sendAfter(new Say({ handle: info(log, "cast").handle }), "3 seconds"))
      yield* TestClock.adjust("1999 millis")
      assert.deepStrictEqual(log, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(log, ["info"])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(log, ["info", "cast"])
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(log, ["info", "cast"])
    })
  )

  it.scoped("PROC-19: sendAfter of no time at all still comes as a message of its own", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start()
      yield* within(server, (self) =>
        Effect.tap(self.sendAfter(info(log, "info"), 0), () => Effect.sync(() => log.push("sent")))
      )
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(log, ["sent", "info"])
    })
  )

  it.scoped("PROC-20: timers come in the order in which they are due, also far ones", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start()
      yield* within(server, (self) =>
        Effect.all([
          self.sendAfter(info(log, "60 days"), "60 days"),
          self.sendAfter(info(log, "2 seconds"), "2 seconds"),
          self.sendAfter(info(log, "1 second"), "1 second"),
          self.sendAfter(info(log, "2 seconds again"), "2 seconds")
        ])
      )
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(log, ["1 second", "2 seconds", "2 seconds again"])
      yield* TestClock.adjust("60 days")
      assert.deepStrictEqual(log, ["1 second", "2 seconds", "2 seconds again", "60 days"])
    })
  )

  it.scoped("a timer of infinity never comes", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start()
      const timer = yield* within(server, (self) => self.sendAfter(info(log, "never"), Duration.infinity))
      yield* TestClock.adjust("1000 days")
      assert.deepStrictEqual(log, [])
      assert.deepStrictEqual(yield* timer.cancel, Option.none())
    })
  )

  it.scoped("PROC-21: cancel gives what was left, and the message never comes", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start()
      const timer = yield* within(server, (self) => self.sendAfter(info(log, "info"), "10 seconds"))
      assert.strictEqual(millis(yield* timer.remaining), 10_000)
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(millis(yield* timer.remaining), 6000)
      assert.strictEqual(millis(yield* timer.cancel), 6000)
      assert.deepStrictEqual(yield* timer.cancel, Option.none())
      assert.deepStrictEqual(yield* timer.remaining, Option.none())
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(log, [])
    })
  )

  it.scoped("PROC-21: a timer that has fired has nothing left", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start()
      const timer = yield* within(server, (self) => self.sendAfter(info(log, "info"), "1 second"))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* timer.remaining, Option.none())
      assert.deepStrictEqual(yield* timer.cancel, Option.none())
      assert.deepStrictEqual(log, ["info"])
    })
  )

  it.scoped("PROC-21: the timers of a server that has ended have nothing left", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const [once, every] = yield* within(server, (self) =>
        Effect.all([self.sendAfter(info([], ""), "1 second"), self.sendEvery(info([], ""), "1 second")])
      )
      yield* GenServer.stop(server)
      assert.deepStrictEqual(yield* once.remaining, Option.none())
      assert.deepStrictEqual(yield* every.cancel, Option.none())
    })
  )

  it.scoped("a handle that outlives its server arms no timer and sends nothing", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start()
      const self = yield* within(server, Effect.succeed)
      yield* GenServer.stop(server)
      yield* self.send(info(log, "send"))
      const timer = yield* self.sendAfter(info(log, "sendAfter"), "1 second")
      yield* self.sendEvery(info(log, "sendEvery"), "1 second")
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(log, [])
      assert.deepStrictEqual(yield* timer.cancel, Option.none())
    })
  )

  it.scoped("sendEvery sends at a fixed rate from the start, one message a tick", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start()
      const timer = yield* within(server, (self) => self.sendEvery(info(log, "tick"), "1 second"))
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(log.length, 0)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(log.length, 1)
      yield* TestClock.adjust("3500 millis")
      assert.strictEqual(log.length, 4)
      assert.strictEqual(millis(yield* timer.remaining), 500)
      assert.strictEqual(millis(yield* timer.cancel), 500)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(log.length, 4)
    })
  )

  it.scoped("sendEvery: ticks that come while a handler runs are neither merged nor late", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start()
      yield* within(server, (self) => self.sendEvery(info(log, "tick"), "1 second"))
      yield* tell(server, (n) => Effect.as(Effect.sleep("3500 millis"), noReply(n)))
      yield* TestClock.adjust("3499 millis")
      assert.deepStrictEqual(log, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(log, ["tick", "tick", "tick"])
      yield* TestClock.adjust("500 millis")
      assert.strictEqual(log.length, 4)
    })
  )

  it.scoped("sendEvery may be cancelled by the very message that it sends", () =>
    Effect.gen(function* () {
      const timers: Array<GenServer.Timer> = []
      const server = yield* start()
      const once = new Note({ handle: (n) => Effect.as(timers[0]!.cancel, noReply(n + 1)) })
      timers.push(yield* within(server, (self) => self.sendEvery(once, "1 second")))
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* stateOf(server), 1)
    })
  )

  it.scoped("PROC-21: a message that is in the mailbox already is not taken back by cancel", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start()
      const latch = yield* Effect.makeLatch()
      const timer = yield* within(server, (self) => self.sendAfter(info(log, "info"), "1 second"))
      yield* tell(server, (n) => Effect.as(latch.await, noReply(n)))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* timer.cancel, Option.none())
      yield* latch.open
      yield* quiet
      assert.deepStrictEqual(log, ["info"])
    })
  )

  it.scoped("a timer survives the handler that started it, and any number of messages after it", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start({ hibernateAfter: "100 millis" })
      yield* within(server, (self) => self.sendAfter(info(log, "info"), "5 seconds"))
      for (let i = 0; i < 4; i++) {
        yield* TestClock.adjust("1 second")
        yield* stateOf(server)
      }
      assert.deepStrictEqual(log, [])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(log, ["info"])
    })
  )
})
