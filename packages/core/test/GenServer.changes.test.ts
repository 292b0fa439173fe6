import { assert, describe, it } from "@effect/vitest"
import { ExitReason, GenServer, Process } from "@effect-otp/core"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { eachGear } from "./fixtures/gears.ts"
import { quiet, told } from "./fixtures/observing.ts"
import { ask, layer, type Ref, Scripted, start, stateOf, tell } from "./fixtures/Scripted.ts"

const { noReply, reply } = GenServer

/** Writes down every state that it sees, until the end. */
const watching = (server: Ref, log: Array<number | string>) =>
  Stream.runForEach(GenServer.changes(server), (n) => Effect.sync(() => log.push(n))).pipe(
    Effect.ensuring(Effect.sync(() => log.push("end"))),
    Effect.fork,
    Effect.zipLeft(quiet)
  )

describe("GenServer.changes", () => {
  eachGear("gives the current state, then every one that is committed, and ends with the server", (gear) =>
    Effect.gen(function* () {
      const log: Array<number | string> = []
      const server = yield* start({ init: () => 1 })
      const watcher = yield* watching(server, log)
      assert.deepStrictEqual(log, [1])
      for (let i = 0; i < 3; i++) {
        yield* gear.ask(server, (n) => reply(n, n * 2))
        yield* quiet
      }
      yield* GenServer.stop(server)
      yield* Fiber.join(watcher)
      assert.deepStrictEqual(log, [1, 2, 4, 8, "end"])
    })
  )

  it.scoped("sees what any callback commits, casts and continues too", () =>
    Effect.gen(function* () {
      const log: Array<number | string> = []
      const server = yield* start()
      yield* watching(server, log)
      yield* tell(server, (n) => noReply(n + 1))
      yield* quiet
      yield* tell(server, (n) => Effect.as(Effect.yieldNow(), noReply(n + 10)))
      yield* quiet
      assert.deepStrictEqual(log, [0, 1, 11])
    })
  )

  it.scoped("says nothing of a state that is the same reference, nor of one that was not committed", () =>
    Effect.gen(function* () {
      const log: Array<number | string> = []
      const server = yield* start({ init: () => 5 })
      yield* watching(server, log)
      yield* stateOf(server)
      yield* told(ask(server, () => Effect.fail("no")))
      yield* told(ask(server, () => Effect.die("a bug")))
      yield* quiet
      assert.deepStrictEqual(log, [5, "end"])
    })
  )

  it.scoped("is about references: equal states that are others are changes", () =>
    Effect.gen(function* () {
      class Touch extends GenServer.Cast<Touch>()("Touch", { same: Schema.Boolean }) {}
      class Box extends GenServer.Service<Box>()("@test/Box", {
        state: Schema.Struct({ value: Schema.Number }),
        messages: [Touch]
      }) {
        static readonly layer = this.toLayer(() => ({ value: 1 }), {
          handleCast: { Touch: ({ same }, state) => noReply(same ? state : { ...state }) }
        })
      }
      const server = yield* Box.start()
      let seen = 0
      yield* Effect.fork(Stream.runForEach(GenServer.changes(server), () => Effect.sync(() => seen++)))
      yield* quiet
      for (const same of [true, false, true, false]) {
        yield* GenServer.cast(server, new Touch({ same }))
        yield* quiet
      }
      assert.strictEqual(seen, 3)
    })
  )

  it.scoped("a slow reader sees the latest state, and does not hold up the server", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const seen: Array<number> = []
      const latch = yield* Effect.makeLatch()
      const reader = yield* Effect.fork(
        Stream.runForEach(GenServer.changes(server), (n) =>
          Effect.zipRight(
            latch.await,
            Effect.sync(() => seen.push(n))
          )
        )
      )
      yield* quiet
      for (let i = 0; i < 1000; i++) yield* ask(server, (n) => reply(n, n + 1))
      assert.strictEqual(yield* stateOf(server), 1000)
      yield* latch.open
      yield* quiet
      yield* GenServer.stop(server)
      yield* Fiber.join(reader)
      // Some states of the way may have been on theirs to the reader, but not a thousand, and the last one is not lost.
      assert.strictEqual(seen[0], 0)
      assert.strictEqual(seen.at(-1), 1000)
      assert.isBelow(seen.length, 25)
    })
  )

  it.scoped("any number may watch, each from when it came to when it went", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const logs: ReadonlyArray<Array<number | string>> = [[], [], []]
      const first = yield* watching(server, logs[0]!)
      yield* tell(server, (n) => noReply(n + 1))
      const second = yield* watching(server, logs[1]!)
      yield* tell(server, (n) => noReply(n + 1))
      yield* quiet
      yield* Fiber.interrupt(first)
      yield* tell(server, (n) => noReply(n + 1))
      const third = yield* watching(server, logs[2]!)
      yield* GenServer.stop(server)
      yield* Fiber.join(Fiber.all([second, third]))
      assert.deepStrictEqual(logs, [
        [0, 1, 2, "end"],
        [1, 2, 3, "end"],
        [3, "end"]
      ])
    })
  )

  it.scoped("ends at once for a server that has ended or was never there", () =>
    Effect.gen(function* () {
      const server = yield* start()
      yield* GenServer.stop(server)
      assert.deepStrictEqual(yield* Stream.runCollect(GenServer.changes(server)), Chunk.empty())
      const ignored = yield* start({ init: () => GenServer.ignore })
      assert.deepStrictEqual(yield* Stream.runCollect(GenServer.changes(ignored)), Chunk.empty())
    })
  )

  it.scoped("ends with a server that is killed", () =>
    Effect.gen(function* () {
      const log: Array<number | string> = []
      const server = yield* start()
      const watcher = yield* watching(server, log)
      yield* Process.exit(server, ExitReason.killed)
      yield* Fiber.join(watcher)
      assert.deepStrictEqual(log, [0, "end"])
    })
  )

  it.scoped("waits for the first state while init runs", () =>
    Effect.gen(function* () {
      const log: Array<number | string> = []
      const latch = yield* Effect.makeLatch()
      const init = () =>
        Effect.gen(function* () {
          const self = yield* Scripted.self
          yield* Effect.forkIn(
            Stream.runForEach(GenServer.changes(self.ref), (n) => Effect.sync(() => log.push(n))),
            self.scope
          )
          yield* latch.await
          return 7
        })
      const starting = yield* Effect.fork(start({ init }))
      yield* quiet
      assert.deepStrictEqual(log, [])
      yield* latch.open
      const server = yield* Fiber.join(starting)
      yield* quiet
      yield* tell(server, (n) => noReply(n + 1))
      yield* quiet
      assert.deepStrictEqual(log, [7, 8])
    })
  )

  it.effect("finds its server by its class", () =>
    Effect.gen(function* () {
      const first = yield* Stream.runHead(GenServer.changes(Scripted))
      assert.deepStrictEqual(String(first), String(yield* Effect.succeedSome(3)))
    }).pipe(Effect.provide(layer({ init: () => 3 })))
  )
})
