import { assert, describe, it } from "@effect/vitest"
import { CallError, ExitReason, GenServer } from "@effect-otp/core"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { eachGear } from "./fixtures/gears.ts"
import { quiet, told } from "./fixtures/observing.ts"
import { ask, Next, Note, type Ref, Say, type Script, Scripted, start, stateOf, tell } from "./fixtures/Scripted.ts"

const { noReply, reply, stop, stopReply } = GenServer

/** Every kind of message that nobody waits for. */
const others: ReadonlyArray<readonly [kind: string, send: (server: Ref, handle: Script) => Effect.Effect<void>]> = [
  ["handleCast", tell],
  ["handleInfo", (server, handle) => tell(server, (n) => Effect.as(sendSelf(new Note({ handle })), noReply(n)))],
  ["handleContinue", (server, handle) => tell(server, (n) => noReply(n, { continue: new Next({ handle }) }))]
]

const sendSelf = (message: Note | Say) => Effect.flatMap(Scripted.self, (self) => self.send(message))

/** A continue that writes itself down. */
const step = (log: Array<string>, what: string, handle: Script = noReply) =>
  new Next({
    handle: (n) => {
      log.push(what)
      return handle(n)
    }
  })

describe("GenServer, callbacks", () => {
  describe("CB-2: handleCall returns", () => {
    eachGear("reply: the answer, and the next state", (gear) =>
      Effect.gen(function* () {
        const server = yield* start()
        assert.strictEqual(yield* gear.ask(server, (n) => reply("answer", n + 1)), "answer")
        assert.strictEqual(yield* stateOf(server), 1)
      })
    )

    eachGear("noReply: the next state, and no answer", (gear) =>
      Effect.gen(function* () {
        const server = yield* start()
        const caller = yield* Effect.fork(gear.ask(server, (n) => noReply(n + 1)))
        yield* quiet
        assert.strictEqual(yield* stateOf(server), 1)
        assert.isNull(caller.unsafePoll())
      })
    )

    eachGear("stop: the end, and no answer", (gear) =>
      Effect.gen(function* () {
        const server = yield* start()
        const call = gear.ask(server, (n) => stop(ExitReason.shutdown("enough"), n))
        assert.strictEqual(yield* told(call), "ServerDown: shutdown: enough")
        assert.strictEqual(yield* told(stateOf(server)), "ServerDown: no process")
      })
    )

    eachGear("stopReply: the end, and the answer", (gear) =>
      Effect.gen(function* () {
        const server = yield* start()
        assert.strictEqual(yield* gear.ask(server, (n) => stopReply(ExitReason.shutdown(), "bye", n)), "bye")
        assert.strictEqual(yield* told(stateOf(server)), "ServerDown: no process")
      })
    )

    eachGear("an error that it declares: the caller's, and the state stays what it was", (gear) =>
      Effect.gen(function* () {
        const server = yield* start({ init: () => 5 })
        assert.strictEqual(yield* told(gear.ask(server, () => Effect.fail("no"))), "error: no")
        assert.strictEqual(yield* stateOf(server), 5)
      })
    )
  })

  for (const [kind, send] of others) {
    it.scoped(`CB-3: ${kind} returns noReply or stop, plainly or by an Effect`, () =>
      Effect.gen(function* () {
        const server = yield* start()
        yield* send(server, (n) => noReply(n + 1))
        yield* send(server, (n) => Effect.succeed(noReply(n + 10)))
        yield* send(server, (n) => Effect.as(Effect.yieldNow(), noReply(n + 100)))
        yield* quiet
        assert.strictEqual(yield* stateOf(server), 111)
        const waiting = yield* Effect.fork(told(ask(server, (n) => noReply(n))))
        yield* quiet
        yield* send(server, (n) => stop(ExitReason.shutdown("enough"), n))
        assert.strictEqual(yield* Fiber.join(waiting), "ServerDown: shutdown: enough")
      })
    )

    for (const [what, given] of [
      ["nothing", undefined],
      ["the state", 3],
      ["an object", { state: 1 }],
      ["a reply", reply("to nobody", 1)],
      ["a stopReply", stopReply(ExitReason.normal, "to nobody", 1)],
      ["an Effect of nothing", Effect.void],
      ["a promise", Promise.resolve(noReply(1))]
    ] as const) {
      it.scoped(`CB-11: ${kind} that returns ${what} crashes the server, which says so`, () =>
        Effect.gen(function* () {
          const server = yield* start()
          const waiting = yield* Effect.fork(told(ask(server, (n) => noReply(n))))
          yield* quiet
          // As JavaScript would allow.
          yield* send(server, () => given as unknown as GenServer.NoReply<number>)
          const { 0: tag } = { handleCast: ["Say"], handleInfo: ["Note"], handleContinue: ["Next"] }[kind]!
          assert.match(
            yield* Fiber.join(waiting),
            new RegExp(`^ServerDown: crashed: TypeError: Scripted: ${kind}\\.${tag} returned what is no outcome: `)
          )
        })
      )
    }
  }

  for (const [what, given] of [
    ["undefined", undefined],
    ["null", null],
    ['"reply"', "reply"],
    ["42", 42],
    ["Object", { _tag: "Reply", value: 1, state: 1 }],
    ["Array", [1, 2]]
  ] as const) {
    eachGear(`CB-11: a call's handler that returns ${what} crashes the server, which says who returned what`, (gear) =>
      Effect.gen(function* () {
        const server = yield* start()
        // As JavaScript would allow.
        const call = told(gear.ask(server, () => given as unknown as GenServer.NoReply<number>))
        assert.include(
          yield* call,
          `ServerDown: crashed: TypeError: Scripted: handleCall.Do returned what is no outcome: ${what}`
        )
        assert.strictEqual(yield* told(stateOf(server)), "ServerDown: no process")
      })
    )
  }

  eachGear("CB-8: a continue runs before any queued message, and continues may chain", (gear) =>
    Effect.gen(function* () {
      const server = yield* start()
      const log: Array<string> = []
      const first = yield* Effect.fork(
        gear.ask(server, (n) => {
          log.push("call")
          const third = step(log, "third")
          const second = step(log, "second", (n) => Effect.as(Effect.yieldNow(), noReply(n, { continue: third })))
          return reply(undefined, n, { continue: step(log, "first", (n) => noReply(n, { continue: second })) })
        })
      )
      const queued = yield* Effect.fork(
        ask(server, (n) => {
          log.push("queued")
          return reply(undefined, n)
        })
      )
      yield* Fiber.join(Fiber.all([first, queued]))
      assert.deepStrictEqual(log, ["call", "first", "second", "third", "queued"])
    })
  )

  it.scoped("CB-8: a continue of init runs before anything that was queued during init", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const ref = yield* Deferred.make<Ref>()
      const latch = yield* Effect.makeLatch()
      const init = () =>
        Effect.gen(function* () {
          const self = yield* Scripted.self
          yield* Deferred.succeed(ref, self.ref)
          yield* latch.await
          return GenServer.ok(0, { continue: step(log, "continue", (n) => Effect.as(Effect.yieldNow(), noReply(n))) })
        })
      const starting = yield* Effect.fork(start({ init }))
      const call = yield* Effect.fork(
        ask(yield* Deferred.await(ref), (n) => {
          log.push("call")
          return reply(n, n)
        })
      )
      yield* quiet
      yield* latch.open
      yield* Fiber.join(call)
      yield* Fiber.join(starting)
      assert.deepStrictEqual(log, ["continue", "call"])
    })
  )

  eachGear("CB-10: the reply is sent before the continue runs", (gear) =>
    Effect.gen(function* () {
      const server = yield* start()
      const latch = yield* Effect.makeLatch()
      const waits = new Next({ handle: (n) => Effect.as(latch.await, noReply(n + 1)) })
      assert.strictEqual(yield* gear.ask(server, (n) => reply("at once", n, { continue: waits })), "at once")
      const next = yield* Effect.fork(stateOf(server))
      yield* quiet
      assert.isNull(next.unsafePoll())
      yield* latch.open
      assert.strictEqual(yield* Fiber.join(next), 1)
    })
  )

  it.scoped("CB-9: a continue may stop the server, with the state that it gives", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start({
        terminate: (reason, n) => Effect.sync(() => log.push(`terminate: ${ExitReason.format(reason)}, ${n}`))
      })
      const next = step(log, "continue", () => stop(ExitReason.shutdown(), 9))
      assert.strictEqual(yield* ask(server, (n) => reply("answered", n, { continue: next })), "answered")
      yield* quiet
      assert.deepStrictEqual(log, ["continue", "terminate: shutdown, 9"])
    })
  )

  it.scoped("CB-1: one callback at a time, in the order of arrival, each with the state of the one before", () =>
    Effect.gen(function* () {
      const server = yield* start()
      let running = 0
      const log: Array<string> = []
      const add = (digit: number) =>
        ask(server, (n) =>
          Effect.gen(function* () {
            log.push(`${++running} running`)
            for (let i = 0; i < digit; i++) yield* Effect.yieldNow()
            running--
            return reply(undefined, n * 10 + digit)
          })
        )
      yield* Effect.forEach([5, 3, 1, 4, 2], add, { concurrency: "unbounded" })
      assert.strictEqual(yield* stateOf(server), 53142)
      assert.deepStrictEqual(
        log,
        Array.from({ length: 5 }, () => "1 running")
      )
    })
  )

  for (const [how, handle] of [
    ["throws", () => raise()],
    ["dies", () => Effect.zipRight(Effect.yieldNow(), Effect.die(new Error("a bug")))]
  ] satisfies ReadonlyArray<readonly [string, Parameters<typeof ask>[1]]>) {
    it.scoped(`CB-14: a handler that ${how} has changed nothing: terminate gets the last good state`, () =>
      Effect.gen(function* () {
        const states: Array<number> = []
        const server = yield* start({ terminate: (_, n) => Effect.sync(() => states.push(n)) })
        yield* tell(server, (n) => noReply(n + 1))
        assert.strictEqual(yield* told(ask(server, handle)), "ServerDown: crashed: Error: a bug")
        assert.deepStrictEqual(states, [1])
      })
    )
  }

  it.scoped("CB-14: an interruption inside a handler is a crash", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const error = yield* Effect.flip(ask(server, () => Effect.interrupt))
      if (!(error instanceof CallError.ServerDown)) return assert.fail(String(error))
      assert.strictEqual(error.reason._tag, "Crash")
    })
  )

  eachGear("CB-15: exit(normal) is the outcome stop(normal): the server ends quietly after terminate", (gear) =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* start({ terminate: (reason) => Effect.sync(() => log.push(ExitReason.format(reason))) })
      log.push(yield* told(gear.ask(server, (n) => stop(ExitReason.normal, n))))
      assert.deepStrictEqual(log, ["normal", "ServerDown: normal"])
    })
  )

  it.scoped("CB-4: what a server sends itself by `send` comes as cast or Info, behind what is queued", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const log: Array<string> = []
      const handle =
        (what: string): Script =>
        (n) => {
          log.push(what)
          return noReply(n)
        }
      const first = yield* Effect.fork(
        ask(server, (n) =>
          Effect.gen(function* () {
            yield* sendSelf(new Note({ handle: handle("info") }))
            yield* sendSelf(new Say({ handle: handle("cast") }))
            yield* GenServer.cast(Scripted, new Say({ handle: handle("cast by its class") }))
            log.push("call")
            return reply(undefined, n, { continue: step(log, "continue") })
          })
        )
      )
      const second = yield* Effect.fork(
        ask(server, (n) => {
          log.push("second call")
          return reply(n, n)
        })
      )
      yield* Fiber.join(Fiber.all([first, second]))
      assert.deepStrictEqual(log, ["call", "continue", "info", "cast", "cast by its class", "second call"])
    })
  )

  it.scoped(
    "state is committed only with the outcome: a handler that is interrupted half-way has changed nothing",
    () =>
      Effect.gen(function* () {
        const states: Array<number> = []
        const server = yield* start({
          trapExit: true,
          terminate: (_, n) => Effect.sync(() => states.push(n))
        })
        yield* told(
          ask(server, (n) =>
            Effect.zipRight(Effect.yieldNow(), Effect.interrupt).pipe(Effect.as(reply(undefined, n + 1)))
          )
        )
        assert.deepStrictEqual(states, [0])
      })
  )

  it.scoped("the outcome of one handler may be used again by others", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const same = reply("same", 3)
      assert.strictEqual(yield* ask(server, () => same), "same")
      assert.strictEqual(yield* ask(server, () => Effect.succeed(same)), "same")
      assert.strictEqual(yield* stateOf(server), 3)
    })
  )
})

const raise = (): never => {
  throw new Error("a bug")
}
