import { assert, describe, it } from "@effect/vitest"
import { ExitReason, GenServer, Process, Supervisor } from "@effect-otp/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import {
  type A,
  ask,
  crash,
  eachKind,
  Family,
  kill,
  type Sup,
  settled,
  start,
  stateOf,
  tell
} from "./fixtures/family.ts"
import { logging, makeLog } from "./fixtures/logging.ts"
import { told } from "./fixtures/observing.ts"
import { ask as askScripted, layer, Next, Note, Say, Scripted, tell as tellScripted } from "./fixtures/Scripted.ts"

const { noReply, reply } = GenServer

type Ref = GenServer.ServerRef<A>

const keep = { mailbox: { onRestart: "keep" } } as const
const retry = (k: number) => ({ mailbox: { onRestart: { retry: k } } }) as const

/** Restarts without an end, a second after each end: what is kept is held meanwhile. */
const waiting = {
  intensity: { restarts: Infinity, within: "1 minute" },
  backoff: Schedule.spaced("1 second")
} as const

const after = (ms: number) => Effect.zipRight(TestClock.adjust(ms), settled)

/** Makes a call, and gives a fiber with what its caller is told. */
const send = <E>(call: Effect.Effect<unknown, E>) => Effect.zipLeft(Effect.fork(told(call)), settled)

/** A call that answers with what it is and the number of the server, and says so. */
const named = (server: Ref, name: string, log: Array<string> = [], options?: GenServer.CallOptions) =>
  send(
    ask(
      server,
      (n) => {
        log.push(name)
        return reply(`${name} by ${n}`, n)
      },
      options
    )
  )

/** Keeps a server busy until the latch is open; then it crashes. */
const busyUntil = (server: Ref, latch: Effect.Latch) =>
  send(ask(server, () => Effect.zipRight(latch.await, Effect.die(new Error("a bug")))))

const crashed = "ServerDown: crashed: Error: a bug"

describe("mailbox.onRestart: drop", () => {
  eachKind("by default what is queued when a server crashes is lost, and its callers are told", (family) =>
    Effect.gen(function* () {
      const { a } = yield* start({ children: [family.a({ init: (n) => n })] })
      const latch = yield* Effect.makeLatch()
      const log: Array<string> = []
      const culprit = yield* busyUntil(a, latch)
      const one = yield* named(a, "one", log)
      yield* tell(a, (n) => {
        log.push("cast")
        return noReply(n)
      })
      yield* latch.open
      assert.strictEqual(yield* Fiber.join(culprit), crashed)
      assert.strictEqual(yield* Fiber.join(one), crashed)
      yield* settled
      assert.strictEqual(yield* stateOf(a), 2)
      assert.deepStrictEqual(log, [])
    })
  )
})

describe("mailbox.onRestart: keep", () => {
  eachKind(
    "calls and casts that are queued are the next server's, in their order; not the one that crashed",
    (family) =>
      Effect.gen(function* () {
        const { a } = yield* start({ children: [family.a({ ...keep, init: (n) => n })] })
        const latch = yield* Effect.makeLatch()
        const log: Array<string> = []
        const culprit = yield* busyUntil(a, latch)
        const one = yield* named(a, "one", log)
        yield* tell(a, (n) => {
          log.push("cast")
          return noReply(n * 100)
        })
        const two = yield* named(a, "two", log)
        yield* latch.open
        assert.strictEqual(yield* Fiber.join(culprit), crashed)
        assert.strictEqual(yield* Fiber.join(one), "one by 2")
        assert.strictEqual(yield* Fiber.join(two), "two by 200")
        assert.deepStrictEqual(log, ["one", "cast", "two"])
      })
  )

  eachKind("callers who are held wait through the back-off; those who come then are told at once", (family) =>
    Effect.gen(function* () {
      const { a } = yield* start({ ...waiting, children: [family.a({ ...keep, init: (n) => n })] })
      const latch = yield* Effect.makeLatch()
      yield* busyUntil(a, latch)
      const held = yield* named(a, "held")
      yield* latch.open
      yield* settled
      assert.match(yield* told(stateOf(a)), /^ServerDown: restarting/)
      assert.strictEqual(held.unsafePoll(), null)
      yield* after(1_000)
      assert.strictEqual(yield* Fiber.join(held), "held by 2")
    })
  )

  it.scoped("what was queued before the crash comes before what comes while the next init runs", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a } = yield* start({
        children: [
          family.a({ ...keep, init: (n) => (n === 1 ? n : Effect.delay(Effect.succeed(n), "1 second")) }),
          family.b()
        ]
      })
      const latch = yield* Effect.makeLatch()
      const log: Array<string> = []
      yield* busyUntil(a, latch)
      yield* named(a, "one", log)
      yield* named(a, "two", log)
      yield* latch.open
      yield* settled
      const three = yield* named(a, "three", log)
      yield* after(1_000)
      assert.strictEqual(yield* Fiber.join(three), "three by 2")
      assert.deepStrictEqual(log, ["one", "two", "three"])
    })
  )

  it.scoped("it is kept through several crashes, and through starts that fail", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a } = yield* start({
        ...waiting,
        children: [family.a({ ...keep, init: (n) => (n === 2 || n === 3 ? Effect.fail("no disk") : n) })]
      })
      const latch = yield* Effect.makeLatch()
      const log: Array<string> = []
      yield* busyUntil(a, latch)
      const one = yield* named(a, "one", log)
      const second = yield* send(ask(a, () => Effect.die(new Error("another bug"))))
      const two = yield* named(a, "two", log)
      yield* latch.open
      yield* settled
      for (let i = 0; i < 3; i++) yield* after(1_000)
      assert.strictEqual(yield* Fiber.join(one), "one by 4")
      assert.strictEqual(yield* Fiber.join(second), "ServerDown: crashed: Error: another bug")
      assert.strictEqual(two.unsafePoll(), null)
      yield* after(1_000)
      assert.strictEqual(yield* Fiber.join(two), "two by 5")
    })
  )

  it.scoped("a kill and a stop are no different: what was queued is kept", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a } = yield* start({ children: [family.a({ ...keep, init: (n) => n })] })
      const handled = yield* send(ask(a, () => Effect.never))
      const queued = yield* named(a, "queued")
      yield* kill(a)
      assert.strictEqual(yield* Fiber.join(handled), "ServerDown: killed")
      assert.strictEqual(yield* Fiber.join(queued), "queued by 2")
      const latch = yield* Effect.makeLatch()
      const last = yield* send(ask(a, (n) => Effect.as(latch.await, GenServer.stop(ExitReason.normal, n))))
      const behind = yield* named(a, "behind")
      yield* latch.open
      assert.strictEqual(yield* Fiber.join(last), "ServerDown: normal")
      assert.strictEqual(yield* Fiber.join(behind), "behind by 3")
    })
  )

  it.scoped("callers whose token was kept, and those who wait for a stop, are told", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a } = yield* start({ children: [family.a(keep)] })
      const token = yield* send(ask(a, (n) => noReply(n)))
      const latch = yield* Effect.makeLatch()
      yield* busyUntil(a, latch)
      const stopping = yield* send(GenServer.stop(a))
      yield* latch.open
      assert.strictEqual(yield* Fiber.join(token), crashed)
      assert.strictEqual(yield* Fiber.join(stopping), crashed)
      yield* settled
      assert.deepStrictEqual(family.log, ["a started", "a terminated: crashed: Error: a bug", "a started"])
    })
  )

  it.scoped("Infos and continues are not kept", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const say = (what: string) => (n: number) => {
        log.push(what)
        return noReply(n)
      }
      const context = yield* Layer.build(Supervisor.layer({ children: [layer(keep)] }))
      const server = Context.get(context, Scripted)
      yield* tellScripted(server, () =>
        Effect.gen(function* () {
          const self = yield* Scripted.self
          yield* self.send(new Note({ handle: say("info") }))
          yield* GenServer.cast(Scripted, new Say({ handle: say("cast") }))
          return yield* Effect.die(new Error("a bug"))
        })
      )
      yield* settled
      yield* askScripted(server, (n) => reply(n, n))
      assert.deepStrictEqual(log, ["cast"])
    })
  )

  describe("a held call whose caller gives up is not handled", () => {
    const givenUp = (
      giveUp: (call: Fiber.RuntimeFiber<string>) => Effect.Effect<unknown>,
      words: string | null,
      options: GenServer.CallOptions = {}
    ) =>
      Effect.gen(function* () {
        const family = new Family()
        const { a } = yield* start({ ...waiting, children: [family.a(keep)] })
        const latch = yield* Effect.makeLatch()
        const log: Array<string> = []
        yield* busyUntil(a, latch)
        yield* named(a, "one", log)
        const call = yield* named(a, "given up", log, options)
        yield* named(a, "three", log)
        yield* latch.open
        yield* settled
        yield* giveUp(call)
        if (words !== null) assert.strictEqual(yield* Fiber.join(call), words)
        yield* after(1_000)
        return log
      })

    it.scoped("after a time-out", () =>
      Effect.gen(function* () {
        const log = yield* givenUp(() => after(500), "CallTimeout", { timeout: 500 })
        assert.deepStrictEqual(log, ["one", "three"])
      })
    )

    it.scoped("after an interruption", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* givenUp(Fiber.interrupt, null), ["one", "three"])
      })
    )

    it.scoped("unless it is to run all the same (CALL-7)", () =>
      Effect.gen(function* () {
        const options = { timeout: 500, abandoned: "run" } as const
        assert.deepStrictEqual(yield* givenUp(() => after(500), "CallTimeout", options), ["one", "given up", "three"])
      })
    )

    it.scoped("so it is when the next init runs already", () =>
      Effect.gen(function* () {
        const family = new Family()
        const { a } = yield* start({
          children: [family.a({ ...keep, init: (n) => (n === 1 ? n : Effect.delay(Effect.succeed(n), "1 second")) })]
        })
        const latch = yield* Effect.makeLatch()
        const log: Array<string> = []
        yield* busyUntil(a, latch)
        const call = yield* named(a, "given up", log, { timeout: 500 })
        const two = yield* named(a, "two", log)
        yield* latch.open
        yield* after(500)
        assert.strictEqual(yield* Fiber.join(call), "CallTimeout")
        yield* after(500)
        assert.strictEqual(yield* Fiber.join(two), "two by 2")
        assert.deepStrictEqual(log, ["two"])
      })
    )
  })

  it.scoped("callers who wait before a full mailbox are kept as well, in their order", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a } = yield* start({
        children: [family.a({ mailbox: { capacity: 1, onRestart: "keep" }, init: (n) => n })]
      })
      const latch = yield* Effect.makeLatch()
      const log: Array<string> = []
      yield* busyUntil(a, latch)
      const calls = [yield* named(a, "one", log), yield* named(a, "two", log)]
      const cast = yield* send(
        tell(a, (n) => {
          log.push("cast")
          return noReply(n)
        })
      )
      assert.strictEqual(cast.unsafePoll(), null)
      yield* latch.open
      yield* Fiber.join(cast)
      assert.deepStrictEqual(yield* Fiber.join(Fiber.all(calls)), ["one by 2", "two by 2"])
      yield* settled
      assert.deepStrictEqual(log, ["one", "two", "cast"])
    })
  )

  for (const strategy of ["one_for_all", "rest_for_one"] as const) {
    eachKind(`callers of a sibling that is restarted along go on waiting: ${strategy}`, (family) =>
      Effect.gen(function* () {
        const { a, b } = yield* start({
          strategy,
          children: [family.a(), family.b({ ...keep, init: (n) => n, trapExit: false })]
        })
        const handled = yield* send(ask(b, () => Effect.never))
        const queued = yield* send(ask(b, (n) => reply(`by ${n}`, n)))
        yield* crash(a)
        assert.strictEqual(yield* Fiber.join(handled), "ServerDown: shutdown")
        assert.strictEqual(yield* Fiber.join(queued), "by 2")
      })
    )
  }
})

describe("mailbox.onRestart: callers who are held are told when there is no next server:", () => {
  /** A child with a caller who is held, and what that is told after something has happened. */
  const heldUntil = (
    options: Partial<Parameters<Family["a"]>[0]>,
    happens: (sup: GenServer.ServerRef<Sup>, scope: Scope.CloseableScope) => Effect.Effect<unknown, unknown>,
    ends: (a: Ref) => Effect.Effect<unknown> = kill,
    more: Partial<Supervisor.Options<[], never, never>> = waiting
  ) =>
    Effect.gen(function* () {
      const family = new Family()
      const scope = yield* Scope.make()
      const { a, sup } = yield* Scope.extend(
        start({ ...more, children: [family.a({ ...keep, ...options }), family.b()] }),
        scope
      )
      yield* send(ask(a, () => Effect.never))
      const held = yield* named(a, "held")
      const done: Array<string> = []
      yield* tell(a, (n) => {
        done.push("cast")
        return noReply(n)
      })
      yield* ends(a)
      yield* settled
      yield* happens(sup, scope)
      yield* settled
      assert.deepStrictEqual(done, [])
      const answer = held.unsafePoll()
      yield* Fiber.interrupt(held)
      return answer === null ? "nothing" : Exit.isSuccess(answer) ? answer.value : String(answer)
    })

  it.scoped("the child is terminated", () =>
    Effect.gen(function* () {
      const words = yield* heldUntil({}, (sup) => Supervisor.terminateChild(sup, "a"))
      assert.strictEqual(words, "ServerDown: shutdown")
    })
  )

  it.scoped("the running child is terminated", () =>
    Effect.gen(function* () {
      const words = yield* heldUntil(
        { trapExit: false },
        (sup) => Supervisor.terminateChild(sup, "a"),
        () => Effect.void
      )
      assert.strictEqual(words, "ServerDown: shutdown")
    })
  )

  it.scoped("the child is terminated and deleted", () =>
    Effect.gen(function* () {
      const words = yield* heldUntil({}, (sup) =>
        Effect.zipRight(Supervisor.terminateChild(sup, "a"), Supervisor.deleteChild(sup, "a"))
      )
      assert.strictEqual(words, "ServerDown: shutdown")
    })
  )

  it.scoped("the supervisor is stopped", () =>
    Effect.gen(function* () {
      const words = yield* heldUntil({}, (sup) => Supervisor.stop(sup, ExitReason.shutdown()))
      assert.strictEqual(words, "ServerDown: shutdown")
    })
  )

  it.scoped("the supervisor's scope is closed", () =>
    Effect.gen(function* () {
      const words = yield* heldUntil({}, (_, scope) => Scope.close(scope, Exit.void))
      assert.strictEqual(words, "ServerDown: shutdown")
    })
  )

  it.scoped("the supervisor is killed", () =>
    Effect.gen(function* () {
      const words = yield* heldUntil({}, (sup) => Process.exit(sup, ExitReason.killed))
      assert.strictEqual(words, "ServerDown: killed")
    })
  )

  it.scoped("the supervisor gives up", () =>
    Effect.gen(function* () {
      const words = yield* heldUntil({}, () => Effect.void, kill, { intensity: { restarts: 0, within: 1 } })
      assert.strictEqual(words, "ServerDown: shutdown")
    })
  )

  it.scoped("a temporary child has ended: why", () =>
    Effect.gen(function* () {
      const words = yield* heldUntil({ restart: "temporary" }, () => Effect.void)
      assert.strictEqual(words, "ServerDown: killed")
    })
  )

  it.scoped("a transient child has ended for good: why", () =>
    Effect.gen(function* () {
      const words = yield* heldUntil(
        { restart: "transient", trapExit: false },
        () => Effect.void,
        (a) => Process.exit(a, ExitReason.shutdown("enough"))
      )
      assert.strictEqual(words, "ServerDown: shutdown: enough")
    })
  )

  it.scoped("a significant child has ended, and the supervisor with it", () =>
    Effect.gen(function* () {
      const words = yield* heldUntil(
        { restart: "transient", significant: true, trapExit: false },
        () => Effect.void,
        (a) => Process.exit(a, ExitReason.shutdown("enough")),
        { autoShutdown: "any_significant" }
      )
      assert.strictEqual(words, "ServerDown: shutdown: enough")
    })
  )

  it.scoped("the next init is ignored", () =>
    Effect.gen(function* () {
      const words = yield* heldUntil({ init: (n) => (n === 1 ? n : GenServer.ignore) }, () => after(1_000))
      assert.strictEqual(words, "ServerDown: no process")
    })
  )
})

describe("mailbox.onRestart: retry", () => {
  eachKind("the message that crashed is tried again in its place, and answered if it succeeds", (family) =>
    Effect.gen(function* () {
      const { a } = yield* start({ children: [family.a({ ...retry(3), init: (n) => n })] })
      const latch = yield* Effect.makeLatch()
      const log: Array<string> = []
      const first = yield* send(
        ask(a, (n) =>
          Effect.flatMap(latch.await, () => {
            log.push(`first, by ${n}`)
            return n < 3 ? Effect.die(new Error("a bug")) : Effect.succeed(reply(`by ${n}`, n))
          })
        )
      )
      const second = yield* named(a, "second", log)
      yield* latch.open
      assert.strictEqual(yield* Fiber.join(first), "by 3")
      assert.strictEqual(yield* Fiber.join(second), "second by 3")
      assert.deepStrictEqual(log, ["first, by 1", "first, by 2", "first, by 3", "second"])
    })
  )

  for (const k of [1, 2, 3]) {
    it.scoped(`after ${k} crashes in a row it is set aside, and its caller told; the others go on`, () =>
      Effect.gen(function* () {
        const log = makeLog()
        const family = new Family()
        const events: Array<string> = []
        yield* Effect.fork(
          Stream.runForEach(Process.events, (event) =>
            Effect.sync(() => {
              if (event._tag !== "Quarantined") return
              const { crashes, message, path, reason } = event
              events.push(`${path.join("/")}: ${(message as { _tag: string })._tag}, ${crashes}, ${reason._tag}`)
            })
          )
        )
        yield* settled
        const { a } = yield* start({ children: [family.a({ ...retry(k), init: (n) => n })] }).pipe(logging(log))
        const latch = yield* Effect.makeLatch()
        const poison = yield* busyUntil(a, latch)
        const other = yield* named(a, "other")
        yield* latch.open
        assert.strictEqual(yield* Fiber.join(poison), crashed)
        assert.strictEqual(yield* Fiber.join(other), `other by ${k + 1}`)
        assert.deepStrictEqual(events, [`Sup/a: Ask, ${k}, Crash`])
        assert.deepStrictEqual(
          log.lines.filter(({ level }) => level === "WARN").map(({ message }) => message),
          [`GenServer a has set a message aside that has crashed it ${k} ${k === 1 ? "time" : "times"} in a row`]
        )
      })
    )
  }

  it.scoped("so it is with a cast", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a } = yield* start({ children: [family.a({ ...retry(2), init: (n) => n })] })
      const log: Array<string> = []
      yield* tell(a, (n) => {
        log.push(`cast, by ${n}`)
        throw new Error("a bug")
      })
      const other = yield* named(a, "other", log)
      assert.strictEqual(yield* Fiber.join(other), "other by 3")
      assert.deepStrictEqual(log, ["cast, by 1", "cast, by 2", "other"])
    })
  )

  it.scoped("each message has its own count, and each time that it is sent", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a } = yield* start({
        intensity: { restarts: Infinity, within: 1 },
        children: [family.a({ ...retry(2), init: (n) => n })]
      })
      // Crashes every other server, so each is tried twice and never set aside.
      const moody = ask(a, (n) => (n % 2 === 1 ? Effect.die(new Error("a bug")) : reply(`by ${n}`, n + 1)))
      for (let i = 1; i <= 3; i++) {
        assert.strictEqual(yield* told(moody), `by ${2 * i}`)
        // Its server is even: make it odd.
        yield* kill(a)
        yield* settled
      }
    })
  )

  it.scoped("a message is not tried again for a caller who has gone, nor after a kill", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a } = yield* start({ children: [family.a({ ...retry(3), init: (n) => n })] })
      const log: Array<string> = []
      const latch = yield* Effect.makeLatch()
      const gone = yield* send(
        ask(
          a,
          (n) => {
            log.push(`by ${n}`)
            return Effect.zipRight(latch.await, Effect.die(new Error("a bug")))
          },
          { timeout: 500 }
        )
      )
      yield* after(500)
      assert.strictEqual(yield* Fiber.join(gone), "CallTimeout")
      yield* latch.open
      yield* settled
      const killed = yield* send(
        ask(a, (n) => {
          log.push(`by ${n}`)
          return Effect.never
        })
      )
      yield* kill(a)
      assert.strictEqual(yield* Fiber.join(killed), "ServerDown: killed")
      yield* settled
      assert.strictEqual(yield* stateOf(a), 3)
      assert.deepStrictEqual(log, ["by 1", "by 2"])
    })
  )

  it.scoped("one that stops the server by a reason of its own counts as a crash, one that stops it well does not", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a } = yield* start({ children: [family.a({ ...retry(2), init: (n) => n })] })
      const log: Array<string> = []
      yield* tell(a, (n) => {
        log.push(`by ${n}`)
        return GenServer.stop(n === 1 ? ExitReason.crash("no disk") : ExitReason.normal, n)
      })
      yield* settled
      assert.strictEqual(yield* stateOf(a), 3)
      assert.deepStrictEqual(log, ["by 1", "by 2"])
    })
  )

  it.scoped("the intensity is not changed by it: a supervisor that gives up tells the caller of the message", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a } = yield* start({ children: [family.a(retry(100))] })
      const given = yield* told(ask(a, () => Effect.die(new Error("a bug"))))
      assert.strictEqual(given, "ServerDown: shutdown")
      assert.strictEqual(family.log.filter((line) => line === "a started").length, 4)
    })
  )

  it.scoped("a continue that crashes is nobody's message: what is queued is kept, and nothing is set aside", () =>
    Effect.gen(function* () {
      const bug = new Next({ handle: () => Effect.die(new Error("a bug")) })
      let starts = 0
      const context = yield* Layer.build(
        Supervisor.layer({
          children: [layer({ ...retry(1), init: () => Effect.sync(() => ++starts) })]
        })
      )
      const server = Context.get(context, Scripted)
      const latch = yield* Effect.makeLatch()
      const first = yield* send(askScripted(server, (n) => Effect.as(latch.await, reply("done", n, { continue: bug }))))
      const queued = yield* send(askScripted(server, (n) => reply(`by ${n}`, n)))
      yield* latch.open
      assert.strictEqual(yield* Fiber.join(first), "done")
      assert.strictEqual(yield* Fiber.join(queued), "by 2")
    })
  )

  it.scoped("without a supervisor nothing is kept", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(layer(retry(3)))
      const server = Context.get(context, Scripted)
      const latch = yield* Effect.makeLatch()
      const first = yield* send(askScripted(server, () => Effect.zipRight(latch.await, Effect.die(new Error("a bug")))))
      const second = yield* send(askScripted(server, (n) => reply(n, n)))
      yield* latch.open
      assert.strictEqual(yield* Fiber.join(first), crashed)
      assert.strictEqual(yield* Fiber.join(second), crashed)
    })
  )
})
