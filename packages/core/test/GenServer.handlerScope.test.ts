/**
 * The `Scope` in which a handler runs: it is closed with the handler's outcome.
 */
import { assert, describe, it } from "@effect/vitest"
import { ExitReason, GenServer, Process } from "@effect-otp/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { quiet, told } from "./fixtures/observing.ts"
import { ask, Note, type Ref, Scripted, start, stateOf, tell } from "./fixtures/Scripted.ts"

const { noReply, reply } = GenServer

/** What happened, in order. */
const journal = () => {
  const log: Array<string> = []
  const note = (what: string) => Effect.sync(() => void log.push(what))
  /** Held by the scope of whoever runs it. */
  const hold = (what: string) => Effect.acquireRelease(note(what), (_, { _tag }) => note(`${what} released: ${_tag}`))
  return { log, note, hold }
}

describe("what a handler acquires", () => {
  it.scoped("is released with its outcome, before the caller goes on", () =>
    Effect.gen(function* () {
      const { hold, log, note } = journal()
      const server = yield* start()
      yield* ask(server, (state) => Effect.as(Effect.zipRight(hold("a"), hold("b")), reply(0, state)))
      yield* note("answered")
      yield* tell(server, (state) => Effect.as(hold("c"), noReply(state)))
      yield* quiet
      assert.deepStrictEqual(log, [
        "a",
        "b",
        "b released: Success",
        "a released: Success",
        "answered",
        "c",
        "c released: Success"
      ])
    })
  )

  it.scoped("is released with the failure of one that fails", () =>
    Effect.gen(function* () {
      const { hold, log } = journal()
      const server = yield* start()
      const fail = (error: Effect.Effect<never, string>) => ask(server, () => Effect.zipRight(hold("a"), error))
      assert.strictEqual(yield* told(fail(Effect.fail("no"))), "error: no")
      assert.strictEqual(yield* stateOf(server), 0)
      yield* told(fail(Effect.die("no")))
      assert.deepStrictEqual(log, ["a", "a released: Failure", "a", "a released: Failure"])
    })
  )

  it.scoped("is released when the server is ended from outside", () =>
    Effect.gen(function* () {
      for (const reason of [ExitReason.shutdown(), ExitReason.killed]) {
        const { hold, log } = journal()
        const server = yield* start()
        yield* tell(server, () => Effect.zipRight(hold("a"), Effect.never))
        yield* quiet
        yield* Process.exit(server, reason)
        yield* quiet
        assert.deepStrictEqual(
          log.map((entry) => entry.split(":")[0]),
          ["a", "a released"]
        )
      }
    })
  )

  it.scoped("makes the server crash if it cannot be released", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const answer = yield* told(
        ask(server, (state) =>
          Effect.as(
            Effect.addFinalizer(() => Effect.die(new Error("stuck"))),
            reply(0, state + 1)
          )
        )
      )
      assert.strictEqual(answer, "ServerDown: crashed: Error: stuck")
    })
  )

  it.scoped("is not the next handler's", () =>
    Effect.gen(function* () {
      const scopes: Array<Scope.Scope> = []
      const server = yield* start()
      const look = (state: number) =>
        Effect.gen(function* () {
          scopes.push(yield* Effect.scope)
          yield* Effect.addFinalizer(() => Effect.void)
          return reply(0, state)
        })
      yield* ask(server, look)
      yield* ask(server, look)
      assert.notStrictEqual(scopes[0], scopes[1])
    })
  )
})

describe("a fiber forked into a handler's scope", () => {
  const forks = {
    "Effect.forkScoped": <A, E>(effect: Effect.Effect<A, E>) => Effect.forkScoped(effect),
    "Effect.forkIn": <A, E>(effect: Effect.Effect<A, E>) =>
      Effect.flatMap(Scope.Scope, (scope) => Effect.forkIn(effect, scope))
  }
  for (const [name, fork] of Object.entries(forks)) {
    it.scoped(`is interrupted with its outcome (${name})`, () =>
      Effect.gen(function* () {
        const { log, note } = journal()
        const server = yield* start()
        yield* ask(server, (state) =>
          Effect.gen(function* () {
            yield* fork(Effect.onInterrupt(Effect.never, () => note("interrupted")))
            yield* Effect.yieldNow()
            yield* note("outcome")
            return reply(0, state)
          })
        )
        assert.deepStrictEqual(log, ["outcome", "interrupted"])
        assert.strictEqual(yield* stateOf(server), 0)
      })
    )
  }

  it.scoped("lives on in `self.scope`, as long as the server", () =>
    Effect.gen(function* () {
      const { log, note } = journal()
      const server = yield* start()
      yield* ask(server, (state) =>
        Effect.gen(function* () {
          const { scope } = yield* Scripted.self
          yield* Effect.forkIn(
            Effect.onInterrupt(Effect.never, () => note("interrupted")),
            scope
          )
          return reply(0, state)
        })
      )
      yield* TestClock.adjust("1 minute")
      yield* quiet
      assert.deepStrictEqual(log, [])
      yield* GenServer.stop(server)
      assert.deepStrictEqual(log, ["interrupted"])
    })
  )
})

describe("a server that a handler starts", () => {
  it.scoped("ends with the handler's outcome, or lives on in `self.scope`", () =>
    Effect.gen(function* () {
      const server = yield* start()
      let inHandler: Ref | undefined
      let inServer: Ref | undefined
      yield* ask(server, (state) =>
        Effect.gen(function* () {
          const { scope } = yield* Scripted.self
          inHandler = yield* start()
          inServer = yield* Scope.extend(start(), scope)
          return reply(yield* Effect.orDie(stateOf(inHandler)), state)
        })
      )
      assert.strictEqual(yield* told(stateOf(inHandler as Ref)), "ServerDown: no process")
      assert.strictEqual(yield* told(stateOf(inServer as Ref)), "0")
      yield* GenServer.stop(server)
      assert.strictEqual(yield* told(stateOf(inServer as Ref)), "ServerDown: no process")
    })
  )
})

describe("a fiber that outlives its handler", () => {
  const later = (acquire: Effect.Effect<unknown, never, Scope.Scope>) =>
    Effect.zipRight(Effect.sleep("1 second"), acquire)

  const ways = {
    "a child": <R>(effect: Effect.Effect<unknown, never, R>) => Effect.fork(effect),
    "a daemon": <R>(effect: Effect.Effect<unknown, never, R>) => Effect.forkDaemon(effect)
  }

  for (const [name, fork] of Object.entries(ways)) {
    it.scoped(`holds nothing in its scope, which is closed (${name})`, () =>
      Effect.gen(function* () {
        const { hold, log } = journal()
        const server = yield* start()
        yield* ask(server, (state) => Effect.as(fork(later(hold("late"))), reply(0, state)))
        yield* TestClock.adjust("1 second")
        yield* quiet
        assert.deepStrictEqual(log, ["late", "late released: Success"])
      })
    )

    it.scoped(`holds nothing in the scope of a later handler (${name})`, () =>
      Effect.gen(function* () {
        const { hold, log, note } = journal()
        const server = yield* start()
        yield* ask(server, (state) => Effect.as(fork(later(hold("late"))), reply(0, state)))
        const other = yield* Effect.fork(
          ask(server, (state) =>
            Effect.gen(function* () {
              yield* hold("other")
              yield* Effect.sleep("2 seconds")
              yield* note("outcome")
              return reply(0, state)
            })
          )
        )
        yield* TestClock.adjust("2 seconds")
        yield* quiet
        yield* Fiber.await(other)
        assert.deepStrictEqual(log, ["other", "late", "late released: Success", "outcome", "other released: Success"])
      })
    )
  }

  it.scoped("is not kept from that by another one that has ended meanwhile", () =>
    Effect.gen(function* () {
      const { hold, log } = journal()
      const server = yield* start()
      // Each handler leaves as many children behind as there were before it.
      yield* ask(server, (state) => Effect.as(Effect.fork(Effect.sleep("500 millis")), reply(0, state)))
      yield* ask(server, (state) =>
        Effect.gen(function* () {
          yield* Effect.sleep("600 millis")
          yield* Effect.fork(later(hold("late")))
          return reply(0, state)
        })
      ).pipe(Effect.fork)
      yield* TestClock.adjust("2 seconds")
      yield* quiet
      assert.deepStrictEqual(log, ["late", "late released: Success"])
    })
  )
})

describe("the scope of `init`", () => {
  it.scoped("is `self.scope`, and outlives every handler", () =>
    Effect.gen(function* () {
      const { hold, log, note } = journal()
      const scope = yield* Scope.make()
      const server = yield* Scope.extend(
        start({
          init: () => Effect.as(hold("init"), 0),
          trapExit: true,
          terminate: () => Effect.zipRight(hold("terminate"), note("terminated"))
        }),
        scope
      )
      yield* ask(server, (state) =>
        Effect.gen(function* () {
          const self = yield* Scripted.self
          yield* Scope.extend(hold("handler, for good"), self.scope)
          yield* self.send(new Note({ handle: (state) => Effect.as(hold("info"), noReply(state)) }))
          return reply(0, state)
        })
      )
      yield* quiet
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(log, [
        "init",
        "handler, for good",
        "info",
        "info released: Success",
        "terminate",
        "terminated",
        "terminate released: Success",
        "handler, for good released: Success",
        "init released: Success"
      ])
    })
  )
})
