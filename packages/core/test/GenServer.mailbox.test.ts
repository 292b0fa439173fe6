import { assert, describe, it } from "@effect/vitest"
import { CallError, ExitReason, GenServer, Process } from "@effect-otp/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { logging, makeLog } from "./fixtures/logging.ts"
import { countsSinceNow } from "./fixtures/metrics.ts"
import { quiet, told } from "./fixtures/observing.ts"
import {
  ask,
  Note,
  type Ref,
  Say,
  type Script,
  Scripted,
  type ScriptedOptions,
  start,
  stateOf,
  tell
} from "./fixtures/Scripted.ts"

const { noReply, reply, stop } = GenServer

type Overflow = "backpressure" | "reject" | "dropNewest" | "dropOldest"

const policies: ReadonlyArray<Overflow> = ["backpressure", "reject", "dropNewest", "dropOldest"]

const dropping = policies.slice(1)

/** A server whose mailbox has room for that many and that is busy, so that nothing leaves it, until it is let go on. */
const busy = (overflow: Overflow | undefined, capacity: number, options?: ScriptedOptions) =>
  Effect.gen(function* () {
    const log: Array<string> = []
    const scope = yield* Scope.make()
    const server = yield* Scope.extend(start({ mailbox: { capacity, overflow }, ...options }), scope)
    const latch = yield* Effect.makeLatch()
    yield* tell(server, (n) => Effect.as(latch.await, noReply(n)))
    yield* quiet
    return { server, log, goOn: Effect.zipRight(latch.open, quiet), close: Scope.close(scope, Exit.void) }
  })

const writing =
  (log: Array<string>, what: string): Script =>
  (n) => {
    log.push(what)
    return noReply(n)
  }

/** A call that has been sent, and what its caller is told. */
const calling = (server: Ref, log: Array<string>, what: string, options?: GenServer.CallOptions) =>
  Effect.fork(
    told(
      ask(
        server,
        (n) => {
          log.push(what)
          return reply(`${what} answered`, n)
        },
        options
      )
    )
  ).pipe(Effect.zipLeft(quiet))

/** A cast whose sender may have to wait. */
const casting = (server: Ref, log: Array<string>, what: string) =>
  Effect.zipLeft(Effect.fork(told(tell(server, writing(log, what)))), quiet)

const since = countsSinceNow("Scripted")

describe("GenServer, the mailbox", () => {
  it.scoped("CALL-14: without a limit everything is let in at once", () =>
    Effect.gen(function* () {
      const { goOn, server } = yield* busy(undefined, Number.POSITIVE_INFINITY)
      for (let i = 0; i < 1000; i++) yield* tell(server, (n) => noReply(n + 1))
      yield* goOn
      assert.strictEqual(yield* stateOf(server), 1000)
    })
  )

  it.scoped("room is for what waits: the message that is being handled does not count", () =>
    Effect.gen(function* () {
      const { goOn, log, server } = yield* busy("reject", 1)
      const call = yield* calling(server, log, "call")
      yield* goOn
      assert.strictEqual(yield* Fiber.join(call), "call answered")
    })
  )

  describe("backpressure, the default", () => {
    it.scoped("lets senders wait for room, calls and casts alike, and takes them in their order", () =>
      Effect.gen(function* () {
        const { goOn, log, server } = yield* busy(undefined, 2)
        const senders = [
          yield* calling(server, log, "1"),
          yield* casting(server, log, "2"),
          // From here on there is no room.
          yield* casting(server, log, "3"),
          yield* calling(server, log, "4"),
          yield* casting(server, log, "5")
        ]
        assert.deepStrictEqual(
          senders.map((fiber) => fiber.unsafePoll() !== null),
          [false, true, false, false, false]
        )
        yield* goOn
        assert.deepStrictEqual(yield* Fiber.join(Fiber.all(senders)), [
          "1 answered",
          "undefined",
          "undefined",
          "4 answered",
          "undefined"
        ])
        assert.deepStrictEqual(log, ["1", "2", "3", "4", "5"])
      })
    )

    it.scoped("a cast whose sender is interrupted before there is room is not sent", () =>
      Effect.gen(function* () {
        const { goOn, log, server } = yield* busy("backpressure", 1)
        yield* casting(server, log, "1")
        const given = yield* casting(server, log, "2")
        yield* casting(server, log, "3")
        yield* Fiber.interrupt(given)
        yield* goOn
        yield* stateOf(server)
        assert.deepStrictEqual(log, ["1", "3"])
      })
    )

    it.scoped("a call that times out or is interrupted before there is room is withdrawn", () =>
      Effect.gen(function* () {
        const { goOn, log, server } = yield* busy("backpressure", 1)
        yield* casting(server, log, "1")
        const late = yield* calling(server, log, "2")
        const interrupted = yield* calling(server, log, "3")
        yield* Fiber.interrupt(interrupted)
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual(yield* Fiber.join(late), "CallTimeout")
        yield* goOn
        yield* stateOf(server)
        assert.deepStrictEqual(log, ["1"])
      })
    )

    it.scoped('CALL-7: with abandoned "run" it is handled all the same, when there is room', () =>
      Effect.gen(function* () {
        const { goOn, log, server } = yield* busy("backpressure", 1)
        yield* casting(server, log, "1")
        const late = yield* calling(server, log, "2", { abandoned: "run" })
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual(yield* Fiber.join(late), "CallTimeout")
        yield* goOn
        yield* stateOf(server)
        assert.deepStrictEqual(log, ["1", "2"])
      })
    )

    it.scoped("CALL-8: when the server ends, those who wait for room are let go, and callers are told why", () =>
      Effect.gen(function* () {
        const { close, log, server } = yield* busy("backpressure", 1)
        yield* casting(server, log, "1")
        const cast = yield* casting(server, log, "2")
        const call = yield* calling(server, log, "3")
        yield* close
        assert.strictEqual(yield* Fiber.join(call), "ServerDown: shutdown")
        assert.strictEqual(yield* Fiber.join(cast), "undefined")
        assert.deepStrictEqual(log, [])
      })
    )
  })

  for (const overflow of ["reject", "dropNewest"] as const) {
    it.scoped(`${overflow}: a call that finds no room gets MailboxFull at once, a cast is dropped and counted`, () =>
      Effect.gen(function* () {
        const { goOn, log, server } = yield* busy(overflow, 2)
        const counted = yield* since
        const first = yield* calling(server, log, "1")
        yield* casting(server, log, "2")
        assert.deepStrictEqual(
          yield* Effect.flip(stateOf(server)),
          new CallError.MailboxFull({ server: "Scripted", request: "Do", capacity: 2 })
        )
        yield* tell(server, writing(log, "dropped"))
        yield* tell(server, writing(log, "dropped"))
        assert.strictEqual((yield* counted).undelivered ?? 0, 2)
        yield* goOn
        assert.strictEqual(yield* Fiber.join(first), "1 answered")
        assert.deepStrictEqual(log, ["1", "2"])
        // There is room again.
        assert.strictEqual(yield* stateOf(server), 0)
      })
    )
  }

  it.scoped("dropOldest: the oldest makes room: its caller gets MailboxFull, a cast is counted", () =>
    Effect.gen(function* () {
      const { goOn, log, server } = yield* busy("dropOldest", 2)
      const counted = yield* since
      const first = yield* calling(server, log, "1")
      yield* casting(server, log, "2")
      yield* casting(server, log, "3")
      assert.strictEqual(yield* Fiber.join(first), "MailboxFull")
      assert.strictEqual((yield* counted).undelivered ?? 0, 0)
      const fourth = yield* calling(server, log, "4")
      assert.strictEqual((yield* counted).undelivered ?? 0, 1)
      yield* goOn
      assert.strictEqual(yield* Fiber.join(fourth), "4 answered")
      assert.deepStrictEqual(log, ["3", "4"])
    })
  )

  it.scoped("dropOldest: what the server sent itself is older, and stays", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const latch = yield* Effect.makeLatch()
      const server = yield* start({ mailbox: { capacity: 1, overflow: "dropOldest" } })
      yield* tell(server, (n) =>
        Effect.gen(function* () {
          const self = yield* Scripted.self
          yield* self.send(new Note({ handle: writing(log, "own Info") }))
          yield* latch.await
          return noReply(n)
        })
      )
      yield* quiet
      const first = yield* calling(server, log, "1")
      const second = yield* calling(server, log, "2")
      yield* latch.open
      assert.strictEqual(yield* Fiber.join(first), "MailboxFull")
      assert.strictEqual(yield* Fiber.join(second), "2 answered")
      assert.deepStrictEqual(log, ["own Info", "2"])
    })
  )

  for (const overflow of policies) {
    it.scoped(`${overflow}: what a server sends itself always gets in: casts, Infos, timers, idle time-outs`, () =>
      Effect.gen(function* () {
        const { goOn, log, server } = yield* busy(overflow, 1)
        const counted = yield* since
        yield* goOn
        yield* ask(server, (n) =>
          Effect.gen(function* () {
            const self = yield* Scripted.self
            yield* self.send(new Say({ handle: writing(log, "cast") }))
            yield* self.send(new Note({ handle: writing(log, "Info") }))
            yield* GenServer.cast(Scripted, new Say({ handle: writing(log, "cast by its class") }))
            yield* self.sendAfter(new Say({ handle: writing(log, "timer's cast") }), "1 second")
            yield* self.sendAfter(new Note({ handle: writing(log, "timer's Info") }), "1 second")
            yield* Effect.sleep("2 seconds")
            return reply(n, n)
          })
        ).pipe(Effect.fork, Effect.zipLeft(TestClock.adjust("2 seconds")), Effect.flatMap(Fiber.join))
        yield* quiet
        yield* ask(server, (n) => reply(n, n, { idleTimeout: [0, new Note({ handle: writing(log, "idle") })] }))
        yield* quiet
        assert.deepStrictEqual(log, ["cast", "Info", "cast by its class", "timer's cast", "timer's Info", "idle"])
        assert.strictEqual((yield* counted).undelivered ?? 0, 0)
      })
    )

    it.scoped(`${overflow}: what a server sends itself takes no room from others`, () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const latch = yield* Effect.makeLatch()
        const server = yield* start({ mailbox: { capacity: 1, overflow } })
        yield* tell(server, (n) =>
          Effect.gen(function* () {
            const self = yield* Scripted.self
            yield* self.send(new Say({ handle: writing(log, "own cast") }))
            yield* self.send(new Note({ handle: writing(log, "own Info") }))
            yield* latch.await
            return noReply(n)
          })
        )
        yield* quiet
        const cast = yield* casting(server, log, "from outside")
        assert.isNotNull(cast.unsafePoll())
        yield* latch.open
        yield* quiet
        assert.deepStrictEqual(log, ["own cast", "own Info", "from outside"])
      })
    )

    it.scoped(`${overflow}: stop is not refused, nor does it wait for room`, () =>
      Effect.gen(function* () {
        const { goOn, log, server } = yield* busy(overflow, 1)
        const call = yield* calling(server, log, "1")
        const stopping = yield* Effect.fork(told(GenServer.stop(server)))
        yield* quiet
        yield* goOn
        assert.strictEqual(yield* Fiber.join(call), "1 answered")
        assert.strictEqual(yield* Fiber.join(stopping), "undefined")
      })
    )

    it.scoped(`${overflow}: a full mailbox keeps neither the end of the scope out, nor a signal`, () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const terminate = (reason: ExitReason.ExitReason) => Effect.sync(() => log.push(ExitReason.format(reason)))
        const one = yield* busy(overflow, 1, { trapExit: true, terminate })
        yield* casting(one.server, log, "queued before")
        const closing = yield* Effect.fork(one.close)
        yield* quiet
        yield* one.goOn
        yield* Fiber.join(closing)
        assert.deepStrictEqual(log, ["queued before", "shutdown"])
        const other = yield* busy(overflow, 1)
        const call = yield* calling(other.server, log, "never")
        yield* Process.exit(other.server, ExitReason.killed)
        assert.strictEqual(yield* Fiber.join(call), "ServerDown: killed")
      })
    )

    it.scoped(`${overflow}: a withdrawn call frees its place at once`, () =>
      Effect.gen(function* () {
        const { goOn, log, server } = yield* busy(overflow, 2)
        yield* casting(server, log, "1")
        const second = yield* calling(server, log, "2")
        yield* Fiber.interrupt(second)
        const third = yield* casting(server, log, "3")
        assert.isNotNull(third.unsafePoll())
        yield* goOn
        yield* stateOf(server)
        assert.deepStrictEqual(log, ["1", "3"])
      })
    )
  }

  for (const overflow of dropping) {
    it.scoped(`${overflow}: under a flood it keeps to its capacity, and answers afterwards`, () =>
      Effect.gen(function* () {
        const { goOn, log, server } = yield* busy(overflow, 10)
        const counted = yield* since
        for (let i = 0; i < 5000; i++) yield* tell(server, writing(log, String(i)))
        yield* goOn
        yield* stateOf(server)
        const kept = Array.from({ length: 10 }, (_, i) => String(overflow === "dropOldest" ? 4990 + i : i))
        assert.deepStrictEqual(log, kept)
        assert.strictEqual((yield* counted).undelivered ?? 0, 4990)
      })
    )
  }

  it.scoped("what is dropped is reported in the log, ever more rarely", () =>
    Effect.gen(function* () {
      const log = makeLog()
      class Flooded extends GenServer.Service<Flooded>()("@test/Flooded", { messages: [Say] }) {
        static readonly layer = this.toLayer(() => 0, {
          mailbox: { capacity: 1, overflow: "reject" },
          handleCast: { Say: ({ handle }, n) => handle(n) as Effect.Effect<GenServer.NoReply<number>> }
        })
      }
      const server = yield* Flooded.start().pipe(logging(log))
      const flood = GenServer.cast(server, new Say({ handle: () => Effect.never }))
      yield* flood
      yield* quiet
      // One waits, a hundred find no room.
      for (let i = 0; i < 101; i++) yield* flood
      yield* quiet
      assert.deepStrictEqual(
        log.lines.map(({ annotations, level }) => [level, annotations["server"]]),
        Array.from({ length: 3 }, () => ["WARN", "Flooded"])
      )
      for (const [i, count] of ["1 message:", "10 messages:", "100 messages:"].entries()) {
        assert.include(log.lines[i]!.message, count)
      }
    })
  )

  it.scoped("casts and Infos that are left when the server ends are counted as undelivered", () =>
    Effect.gen(function* () {
      const counted = yield* since
      const latch = yield* Effect.makeLatch()
      const server = yield* start()
      yield* tell(server, (n) =>
        Effect.gen(function* () {
          const self = yield* Scripted.self
          yield* self.send(new Note({ handle: noReply }))
          yield* latch.await
          return stop(ExitReason.normal, n)
        })
      )
      yield* quiet
      yield* tell(server, noReply)
      yield* tell(server, noReply)
      const call = yield* Effect.fork(told(stateOf(server)))
      yield* quiet
      yield* latch.open
      // A caller is told; it does not count.
      assert.strictEqual(yield* Fiber.join(call), "ServerDown: normal")
      assert.strictEqual((yield* counted).undelivered ?? 0, 3)
    })
  )
})
