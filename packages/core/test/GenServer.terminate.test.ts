import { assert, describe, it } from "@effect/vitest"
import { ExitReason, GenServer, Process } from "@effect-otp/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { eachGear } from "./fixtures/gears.ts"
import { quiet, told } from "./fixtures/observing.ts"
import {
  ask,
  layer,
  Next,
  Note,
  type Ref,
  type Script,
  Scripted,
  type ScriptedOptions,
  start,
  stateOf,
  tell
} from "./fixtures/Scripted.ts"

const { noReply, reply, stop, stopReply } = GenServer

/** A server whose `terminate` writes down the reason and the state. */
const announcing = (log: Array<string>, options?: ScriptedOptions) =>
  start({
    init: () => 3,
    terminate: (reason, state) => Effect.sync(() => log.push(`terminate: ${ExitReason.format(reason)}, ${state}`)),
    ...options
  })

/** Every kind of message but a call, with what its handler does. */
const others: ReadonlyArray<
  readonly [kind: string, send: (server: Ref, handle: Script) => Effect.Effect<unknown, unknown>]
> = [
  ["a cast", tell],
  ["an Info", (server, handle) => tell(server, (n) => Effect.as(toSelf(new Note({ handle })), noReply(n)))],
  ["a continue", (server, handle) => tell(server, (n) => noReply(n, { continue: new Next({ handle }) }))]
]

const toSelf = (message: Note) => Effect.flatMap(Scripted.self, (self) => self.send(message))

describe("GenServer, terminate", () => {
  describe("TERM-1: terminate runs", () => {
    eachGear("when a call's handler stops, with the reason and the state given", (gear) =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const server = yield* announcing(log)
        const given = yield* told(gear.ask(server, () => stop(ExitReason.shutdown("enough"), 4)))
        log.push(given)
        assert.deepStrictEqual(log, ["terminate: shutdown: enough, 4", "ServerDown: shutdown: enough"])
      })
    )

    eachGear("when a call's handler throws, with the last good state (CB-14)", (gear) =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const server = yield* announcing(log)
        const given = yield* told(
          gear.ask(server, () => {
            throw new Error("a bug")
          })
        )
        log.push(given)
        assert.deepStrictEqual(log, ["terminate: crashed: Error: a bug, 3", "ServerDown: crashed: Error: a bug"])
      })
    )

    eachGear("when a call's handler returns no outcome (CB-11)", (gear) =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const server = yield* announcing(log)
        // As JavaScript would allow.
        const given = yield* told(
          gear.ask(server, (n) => ({ value: 1, state: n }) as unknown as GenServer.Stop<number>)
        )
        log.push(given)
        assert.strictEqual(log.length, 2)
        assert.match(log[0]!, /^terminate: crashed: TypeError: Scripted: handleCall.Do returned .*, 3$/)
        assert.match(log[1]!, /^ServerDown: crashed: TypeError: Scripted: handleCall.Do returned /)
      })
    )

    for (const [kind, send] of others) {
      it.scoped(`when the handler of ${kind} stops, or dies (CB-3, CB-9)`, () =>
        Effect.gen(function* () {
          const log: Array<string> = []
          yield* send(yield* announcing(log), () => stop(ExitReason.normal, 4))
          yield* quiet
          yield* send(yield* announcing(log), () => Effect.as(Effect.yieldNow(), stop(ExitReason.shutdown(), 5)))
          yield* quiet
          yield* send(yield* announcing(log), () => {
            throw new Error("thrown")
          })
          yield* quiet
          yield* send(yield* announcing(log), () => Effect.zipRight(Effect.yieldNow(), Effect.die(new Error("died"))))
          yield* quiet
          yield* send(yield* announcing(log), () => Effect.interrupt)
          yield* quiet
          assert.deepStrictEqual(log, [
            "terminate: normal, 4",
            "terminate: shutdown, 5",
            "terminate: crashed: Error: thrown, 3",
            "terminate: crashed: Error: died, 3",
            "terminate: crashed: All fibers interrupted without errors., 3"
          ])
        })
      )
    }

    it.scoped("when it is asked to stop", () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        yield* GenServer.stop(yield* announcing(log), ExitReason.shutdown())
        assert.deepStrictEqual(log, ["terminate: shutdown, 3"])
      })
    )

    it.scoped("once only, also if it is asked to stop several times and its scope is closed", () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const scope = yield* Scope.make()
        const server = yield* Scope.extend(announcing(log, { trapExit: true }), scope)
        yield* Effect.all([GenServer.stop(server), GenServer.stop(server), Scope.close(scope, Exit.void)], {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(log, ["terminate: normal, 3"])
      })
    )
  })

  describe("TERM-1: terminate does not run after a failed init", () => {
    for (const [how, init] of [
      ["fails", () => Effect.fail("no")],
      ["dies", () => Effect.die(new Error("a bug"))],
      [
        "throws",
        () => {
          throw new Error("a bug")
        }
      ],
      ["is ignored", () => GenServer.ignore],
      ["is ignored by an Effect", () => Effect.succeed(GenServer.ignore)],
      ["is interrupted", () => Effect.interrupt]
    ] satisfies ReadonlyArray<readonly [string, ScriptedOptions["init"]]>) {
      it.scoped(how, () =>
        Effect.gen(function* () {
          const log: Array<string> = []
          yield* Effect.exit(announcing(log, { init }))
          yield* quiet
          assert.deepStrictEqual(log, [])
        })
      )
    }
  })

  it.scoped("TERM-2: without trapExit, the end of the scope interrupts the handler, and nothing else is done", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const scope = yield* Scope.make()
      const server = yield* Scope.extend(announcing(log), scope)
      const handled = yield* Effect.fork(
        told(ask(server, () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => log.push("interrupted")))))
      )
      yield* quiet
      const queued = yield* Effect.fork(told(stateOf(server)))
      yield* tell(server, (n) => {
        log.push("cast")
        return noReply(n)
      })
      yield* quiet
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* Fiber.join(handled), "ServerDown: shutdown")
      assert.strictEqual(yield* Fiber.join(queued), "ServerDown: shutdown")
      assert.strictEqual(yield* told(stateOf(server)), "ServerDown: no process")
      assert.deepStrictEqual(log, ["interrupted"])
    })
  )

  for (const [what, exit] of [
    ["success", Exit.void],
    ["failure", Exit.fail("no")],
    ["interruption", Exit.interrupt("fiber" as never)]
  ] as const) {
    it.scoped(`TERM-2: an idle server without trapExit ends without terminate: the scope ends by ${what}`, () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const scope = yield* Scope.make()
        const server = yield* Scope.extend(announcing(log), scope)
        yield* stateOf(server)
        yield* Scope.close(scope, exit)
        assert.deepStrictEqual(log, [])
        assert.strictEqual(yield* told(stateOf(server)), "ServerDown: no process")
      })
    )

    it.scoped(`TERM-4: with trapExit, terminate runs with Shutdown: the scope ends by ${what}`, () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const scope = yield* Scope.make()
        const server = yield* Scope.extend(announcing(log, { trapExit: true }), scope)
        const waiting = yield* Effect.fork(told(ask(server, (n) => noReply(n))))
        yield* quiet
        yield* Scope.close(scope, exit)
        log.push(yield* Fiber.join(waiting))
        assert.deepStrictEqual(log, ["terminate: shutdown, 3", "ServerDown: shutdown"])
      })
    )
  }

  it.effect("TERM-4: the end of the layer's scope is the parent's", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const terminate = (reason: ExitReason.ExitReason) => Effect.sync(() => log.push(ExitReason.format(reason)))
      yield* Effect.provide(
        ask(Scripted, (n) => reply(n, n)),
        layer({ terminate, trapExit: true })
      )
      yield* Effect.provide(
        ask(Scripted, (n) => reply(n, n)),
        layer({ terminate })
      )
      assert.deepStrictEqual(log, ["shutdown"])
    })
  )

  it.scoped("TERM-2: an exit signal that is not trapped ends the server without terminate (PROC-3)", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* announcing(log)
      const waiting = yield* Effect.fork(told(ask(server, () => Effect.never)))
      yield* quiet
      yield* Process.exit(server, ExitReason.shutdown("enough"))
      assert.strictEqual(yield* Fiber.join(waiting), "ServerDown: shutdown: enough")
      assert.deepStrictEqual(log, [])
    })
  )

  for (const trapExit of [false, true]) {
    it.scoped(
      `TERM-3: a kill runs no terminate, ${trapExit ? "also if exits are trapped" : "idle or busy"} (PROC-5)`,
      () =>
        Effect.gen(function* () {
          const log: Array<string> = []
          const idle = yield* announcing(log, { trapExit })
          const busy = yield* announcing(log, { trapExit })
          const handled = yield* Effect.fork(told(ask(busy, () => Effect.never)))
          const queued = yield* Effect.fork(told(stateOf(busy)))
          yield* quiet
          yield* Process.exit(idle, ExitReason.killed)
          yield* Process.exit(busy, ExitReason.killed)
          assert.strictEqual(yield* Fiber.join(handled), "ServerDown: killed")
          assert.strictEqual(yield* Fiber.join(queued), "ServerDown: killed")
          assert.strictEqual(yield* told(stateOf(idle)), "ServerDown: no process")
          yield* quiet
          assert.deepStrictEqual(log, [])
        })
    )
  }

  it.scoped("TERM-6: with trapExit, what was queued before the end is handled first, what comes after is not", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const scope = yield* Scope.make()
      const server = yield* Scope.extend(announcing(log, { trapExit: true }), scope)
      const latch = yield* Effect.makeLatch()
      const say = (what: string) =>
        tell(server, (n) => {
          log.push(what)
          return Effect.as(Effect.yieldNow(), noReply(n + 1))
        })
      yield* tell(server, (n) => Effect.as(latch.await, noReply(n)))
      yield* say("before")
      const before = yield* Effect.fork(told(stateOf(server)))
      yield* quiet
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* quiet
      yield* say("after")
      const after = yield* Effect.fork(told(stateOf(server)))
      yield* quiet
      yield* latch.open
      yield* Fiber.join(closing)
      assert.strictEqual(yield* Fiber.join(before), "4")
      assert.strictEqual(yield* Fiber.join(after), "ServerDown: shutdown")
      assert.deepStrictEqual(log, ["before", "terminate: shutdown, 4"])
    })
  )

  it.scoped("TERM-6: with trapExit, the handler that runs is not interrupted by the end of the scope", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const scope = yield* Scope.make()
      const server = yield* Scope.extend(announcing(log, { trapExit: true }), scope)
      const call = yield* Effect.fork(
        told(ask(server, (n) => Effect.as(Effect.sleep("1 second"), reply("done", n + 1))))
      )
      yield* quiet
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
      assert.strictEqual(yield* Fiber.join(call), "done")
      assert.deepStrictEqual(log, ["terminate: shutdown, 4"])
    })
  )

  it.scoped("TERM-8: what terminate gives is ignored, and a server needs none", () =>
    Effect.gen(function* () {
      yield* GenServer.stop(yield* start({ terminate: () => Effect.succeed(reply("ignored", 1)) }))
      // As JavaScript would allow.
      yield* GenServer.stop(yield* start({ terminate: () => undefined as never }))
      yield* GenServer.stop(yield* start())
    })
  )

  eachGear("TERM-10: who waits for a token is told when terminate has run", (gear) =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* announcing(log)
      const waiting = yield* Effect.fork(Effect.map(told(ask(server, (n) => noReply(n))), (given) => log.push(given)))
      yield* quiet
      yield* told(gear.ask(server, (n) => stop(ExitReason.normal, n)))
      yield* Fiber.join(waiting)
      assert.deepStrictEqual(log, ["terminate: normal, 3", "ServerDown: normal"])
    })
  )

  it.scoped("TERM-10: terminate may still answer by a token", () =>
    Effect.gen(function* () {
      const answers: Array<Effect.Effect<void>> = []
      const server = yield* start({ terminate: () => Effect.all(answers) })
      const waiting = yield* Effect.fork(
        told(
          ask(server, (n, from) => {
            answers.push(from.succeed("goodbye"))
            return noReply(n)
          })
        )
      )
      yield* quiet
      yield* GenServer.stop(server)
      assert.strictEqual(yield* Fiber.join(waiting), "goodbye")
    })
  )

  eachGear("CB-12: stopReply runs terminate, then answers", (gear) =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const server = yield* announcing(log)
      log.push(yield* told(gear.ask(server, () => stopReply(ExitReason.shutdown(), "bye", 9))))
      assert.deepStrictEqual(log, ["terminate: shutdown, 9", "bye"])
    })
  )

  eachGear(
    "CB-12: the answer of stopReply goes out even if terminate crashes, whose crash is the reason (TERM-7)",
    (gear) =>
      Effect.gen(function* () {
        const server = yield* start({ terminate: () => Effect.die(new Error("a bug in terminate")) })
        const waiting = yield* Effect.fork(told(ask(server, (n) => noReply(n))))
        yield* quiet
        assert.strictEqual(yield* told(gear.ask(server, (n) => stopReply(ExitReason.normal, "bye", n))), "bye")
        assert.strictEqual(yield* Fiber.join(waiting), "ServerDown: crashed: Error: a bug in terminate")
      })
  )

  for (const [how, terminate] of [
    ["dies", () => Effect.die(new Error("a bug"))],
    [
      "throws",
      () => {
        throw new Error("a bug")
      }
    ],
    ["dies after a while", () => Effect.delay(Effect.die(new Error("a bug")), "1 second")]
  ] satisfies ReadonlyArray<readonly [string, ScriptedOptions["terminate"]]>) {
    it.scoped(`TERM-7: when terminate ${how}, that becomes the reason`, () =>
      Effect.gen(function* () {
        const server = yield* start({ terminate })
        const waiting = yield* Effect.fork(told(ask(server, (n) => noReply(n))))
        yield* quiet
        yield* tell(server, (n) => stop(ExitReason.normal, n))
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* Fiber.join(waiting), "ServerDown: crashed: Error: a bug")
      })
    )
  }
})
