/**
 * When a supervisor is killed, the next one starts at once, and what the last one's children still do to end goes on
 * beside it (`SUP-26`): for a while two of them have one seat. Whoever waits is answered all the same, and nothing that
 * the last ones do touches the next.
 */
import { assert, describe, it } from "@effect/vitest"
import { type ChildSpec, DynamicSupervisor, ExitReason, GenServer, Process, Supervisor } from "@effect-otp/core"
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
  A,
  type AskScript,
  ask,
  type B,
  Family,
  kill,
  type MemberOptions,
  Sup,
  settled,
  startedIn,
  stateOf,
  tell
} from "./fixtures/family.ts"
import { logging, makeLog } from "./fixtures/logging.ts"
import { told } from "./fixtures/observing.ts"

const { noReply, reply } = GenServer

class Outer extends Supervisor.Service<Outer>()("@test/Outer") {}
class Inner extends Supervisor.Service<Inner>()("@test/Inner") {}

class Ping extends GenServer.Call<Ping>()("Ping") {}
class Hang extends GenServer.Call<Hang>()("Hang") {}

/** Is slow to let go of what it holds. */
class Guest extends GenServer.Service<Guest>()("@test/Guest", { messages: [Ping, Hang] }) {
  static readonly layer = this.toLayer(() => Effect.addFinalizer(() => Effect.sleep(30)), {
    mailbox: { onRestart: "keep" },
    handleCall: { Ping: (_, state) => reply(undefined, state), Hang: () => Effect.never }
  })
}
class Pool extends DynamicSupervisor.Service<Pool>()("@test/Pool", { children: [Guest] }) {}

type Children =
  | ReadonlyArray<ChildSpec.Child>
  | Effect.Effect<ReadonlyArray<Layer.Layer<A, string> | Layer.Layer<B, string>>>

interface Waits {
  readonly backoff?: Schedule.Schedule<unknown>
}

const endless = { intensity: { restarts: Infinity, within: "1 minute" } } as const

/** An outer supervisor, within it one that is to be killed, and within that one another one with the children. */
const nested = (children: Children, outer: Waits = {}, inner: Waits = {}) =>
  within(Inner.layer({ ...endless, ...inner, children: children as [] }), outer)

/** As `nested`, with the inner one in whatever layer. */
const within = (inner: Layer.Layer<Inner, string>, more: Waits = {}) =>
  Effect.gen(function* () {
    const middle = Sup.layer({ ...endless, children: [inner] })
    const scope = yield* Scope.make()
    const close = Effect.gen(function* () {
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      for (let i = 0; i < 10; i++) yield* after(releasing)
      yield* Fiber.join(closing)
    })
    yield* Effect.addFinalizer(() => close)
    const building = yield* Effect.fork(
      Layer.buildWithScope(Outer.layer({ ...endless, ...more, children: [middle] }), scope)
    )
    yield* after(acquiring)
    const context = yield* Fiber.join(building)
    return Object.assign(startedIn(context as never), {
      outer: Context.get(context, Outer),
      inner: Context.get(context, Inner),
      close
    })
  })

const after = (ms: number) => Effect.zipRight(TestClock.adjust(ms), settled)

const [acquiring, releasing] = [10, 30]

/** Something that is slow to come and slower to go. */
const slow = Layer.scopedDiscard(Effect.acquireRelease(Effect.sleep(acquiring), () => Effect.sleep(releasing)))

/** A layer whose build, once begun, goes on to its end. */
const stubborn = <A, E>(layer: Layer.Layer<A, E>): Layer.Layer<A, E> =>
  Layer.scopedContext(Effect.uninterruptible(Layer.build(layer)))

const slowly = (family: Family, options: MemberOptions) => Layer.provide(family.layerOf("a", options), slow)

/** Keeps its mail, and answers with the number of its life. */
const keep = { mailbox: { onRestart: "keep" }, init: (n: number) => n } as const

/** As `keep`, and is slow to end. */
const lingering = { ...keep, terminate: Effect.sleep(releasing) } as const

/** As `keep`, and ends at once when its supervisor is killed. */
const obedient = { ...keep, trapExit: false } as const

type Ref = Effect.Effect<GenServer.ServerRef<A>>

/** Makes a call, and gives a fiber with what its caller is told. */
const send = (server: Ref, handle: AskScript) =>
  Effect.zipLeft(Effect.fork(told(ask(server, handle, { timeout: "infinity" }))), settled)

/** A call that is answered with the number of the server. */
const number = (server: Ref) => send(server, (n) => reply(n, n))

/** A caller who waits behind another one: that one is never answered, unless something is said of it. */
const waitingAt = (server: Ref, first: Effect.Effect<void> = Effect.never) =>
  Effect.zipRight(
    send(server, (n) => Effect.as(first, reply(n, n))),
    number(server)
  )

const killOne = (supervisor: GenServer.ServerRef<Sup> | GenServer.ServerRef<Inner>) =>
  Effect.zipRight(Process.exit(supervisor as GenServer.ServerRef<Sup>, ExitReason.killed), settled)

/** What a caller has been told by now. */
const answerOf = (call: Fiber.RuntimeFiber<string>): string => {
  const answer = call.unsafePoll()
  return answer === null ? "nothing" : Exit.isSuccess(answer) ? answer.value : String(answer)
}

describe("two lives in one seat: who waits", () => {
  it.scoped("is answered by the next, also where the next supervisor has come before the last one has ended", () =>
    Effect.gen(function* () {
      const { a, sup } = yield* nested([slowly(new Family(), obedient)])
      const call = yield* waitingAt(a)
      yield* killOne(sup)
      assert.strictEqual(answerOf(call), "nothing")
      yield* after(releasing)
      assert.strictEqual(answerOf(call), "2")
      // The ref is good for the next ones, too.
      assert.strictEqual(yield* stateOf(a), 2)
      yield* kill(a)
      yield* after(acquiring + releasing)
      assert.strictEqual(yield* stateOf(a), 3)
    })
  )

  it.scoped("is told when all of it ends before the next one has come", () =>
    Effect.gen(function* () {
      const { a, close, sup } = yield* nested([slowly(new Family(), obedient)])
      const call = yield* waitingAt(a)
      for (let i = 0; i < 3; i++) {
        yield* killOne(sup)
        yield* after(1)
      }
      assert.strictEqual(answerOf(call), "nothing")
      yield* close
      assert.strictEqual(answerOf(call), "ServerDown: shutdown")
      assert.deepStrictEqual(yield* Process.list, [])
    })
  )

  it.scoped("is answered by the next also when several are on their way out", () =>
    Effect.gen(function* () {
      const family = new Family()
      const { a, inner, sup } = yield* nested([family.a(lingering)])
      const calls = []
      for (const one of [sup, inner, sup, sup]) {
        calls.push(yield* waitingAt(a, Effect.sleep(1)))
        yield* killOne(one)
      }
      yield* after(releasing)
      yield* after(releasing)
      assert.deepStrictEqual(calls.map(answerOf), ["2", "3", "4", "5"])
      assert.strictEqual(yield* stateOf(a), 5)
    })
  )

  it.scoped("comes before those who come after it", () =>
    Effect.gen(function* () {
      const { a, inner } = yield* nested([new Family().a(keep)])
      const latch = yield* Effect.makeLatch()
      const log: Array<string> = []
      const note = (what: string) =>
        tell(a, (n) => {
          log.push(`${what} by ${n}`)
          return noReply(n)
        })
      const first = yield* send(a, (n) => Effect.as(latch.await, reply(n, n)))
      yield* note("one")
      const second = yield* number(a)
      yield* killOne(inner)
      yield* note("two")
      const third = yield* number(a)
      assert.deepStrictEqual([first, second, third].map(answerOf), ["nothing", "2", "2"])
      yield* latch.open
      yield* settled
      assert.deepStrictEqual([answerOf(first), log], ["1", ["one by 2", "two by 2"]])
    })
  )

  it.scoped("for what is not kept is told by the last one, in its turn", () =>
    Effect.gen(function* () {
      const { a, inner } = yield* nested([new Family().a(keep)])
      const latch = yield* Effect.makeLatch()
      yield* send(a, (n) => Effect.as(latch.await, reply(n, n)))
      const stopping = yield* Effect.fork(told(GenServer.stop(a)))
      yield* settled
      yield* killOne(inner)
      yield* latch.open
      yield* settled
      assert.strictEqual(answerOf(stopping), "undefined")
      assert.strictEqual(yield* stateOf(a), 2)
    })
  )

  it.scoped("at a server that keeps nothing is answered by that one, in its turn (TERM-6)", () =>
    Effect.gen(function* () {
      const { a, inner } = yield* nested([new Family().a({ init: (n) => n })])
      const latch = yield* Effect.makeLatch()
      const call = yield* waitingAt(a, latch.await)
      yield* killOne(inner)
      assert.strictEqual(yield* stateOf(a), 2)
      yield* latch.open
      yield* settled
      assert.strictEqual(answerOf(call), "1")
    })
  )

  it.scoped("has the message that crashed the last one tried by the one who is there", () =>
    Effect.gen(function* () {
      const { a, inner } = yield* nested([new Family().a({ ...keep, mailbox: { onRestart: { retry: 2 } } })])
      const latch = yield* Effect.makeLatch()
      const call = yield* send(a, (n) =>
        Effect.zipRight(latch.await, n === 1 ? Effect.die(new Error("a bug")) : Effect.succeed(reply(n, n)))
      )
      yield* killOne(inner)
      assert.strictEqual(yield* stateOf(a), 2)
      yield* latch.open
      yield* settled
      assert.strictEqual(answerOf(call), "2")
    })
  )

  it.scoped("waits on for the next but one if the next has come and gone before the last one ends", () =>
    Effect.gen(function* () {
      const retrying = { ...keep, mailbox: { onRestart: { retry: 2 } } } as const
      const { a, inner } = yield* nested([new Family().a(retrying)], {}, { backoff: Schedule.spaced("1 second") })
      const latch = yield* Effect.makeLatch()
      const crashing = yield* send(a, (n) =>
        Effect.zipRight(latch.await, n === 1 ? Effect.die(new Error("a bug")) : Effect.succeed(reply(n, n)))
      )
      yield* killOne(inner)
      const call = yield* waitingAt(a)
      yield* kill(a)
      yield* settled
      yield* latch.open
      yield* settled
      assert.deepStrictEqual([call, crashing].map(answerOf), ["nothing", "nothing"])
      yield* after(1_000)
      assert.deepStrictEqual([call, crashing].map(answerOf), ["3", "3"])
    })
  )
  it.scoped("is told when the last one ends if no next one is wanted by then", () =>
    Effect.gen(function* () {
      const { a, inner } = yield* nested([new Family().a({ ...keep, mailbox: { onRestart: { retry: 2 } } })])
      const latch = yield* Effect.makeLatch()
      const crashing = yield* send(a, () => Effect.zipRight(latch.await, Effect.die(new Error("a bug"))))
      yield* killOne(inner)
      yield* Supervisor.terminateChild(inner, "a")
      yield* latch.open
      yield* settled
      assert.strictEqual(answerOf(crashing), "ServerDown: crashed: Error: a bug")
      assert.strictEqual(yield* told(stateOf(a)), "ServerDown: no process")
    })
  )

  it.scoped("is told when an inner supervisor ends that was given up while it was about to", () =>
    Effect.gen(function* () {
      const { a, outer, sup } = yield* nested([slowly(new Family(), obedient)], {
        backoff: Schedule.spaced("1 hour")
      })
      const call = yield* waitingAt(a)
      yield* killOne(sup)
      yield* Supervisor.terminateChild(outer, "Sup")
      yield* after(releasing)
      assert.strictEqual(answerOf(call), "ServerDown: killed")
      yield* Supervisor.restartChild(outer, "Sup").pipe(Effect.fork)
      yield* after(acquiring)
      assert.strictEqual(yield* stateOf(a), 2)
    })
  )

  it.scoped("is told when its server is not in what the layer starts the next time", () =>
    Effect.gen(function* () {
      const family = new Family()
      let builds = 0
      const child = Layer.unwrapEffect(
        Effect.sync(() =>
          builds++ === 0
            ? Layer.merge(family.layerOf("a", obedient), family.layerOf("b"))
            : (family.layerOf("b") as Layer.Layer<A | B, string>)
        )
      )
      const { a, b } = yield* nested([child])
      const call = yield* waitingAt(a)
      yield* kill(b)
      yield* settled
      assert.strictEqual(yield* stateOf(b), 0)
      assert.strictEqual(answerOf(call), "ServerDown: no process")
      assert.strictEqual(yield* told(stateOf(a)), "ServerDown: no process")
    })
  )

  for (const [what, next] of [
    ["another server is the next child of that id", (family: Family) => [family.b({ id: "a" })]],
    ["the next supervisor has no child of that id", (family: Family) => [family.b()]]
  ] as const) {
    it.scoped(`is told when ${what}`, () =>
      Effect.gen(function* () {
        const family = new Family()
        let lists = 0
        const children = Effect.sync(() => (lists++ === 0 ? [family.a(obedient)] : next(family)))
        const { a, inner } = yield* nested(children as never)
        const call = yield* waitingAt(a)
        yield* killOne(inner)
        assert.strictEqual(answerOf(call), "ServerDown: no process")
        assert.deepInclude(yield* Supervisor.countChildren(inner), { active: 1 })
      })
    )
  }

  it.scoped("is told by a child of a dynamic supervisor, which nobody comes after, when that one ends", () =>
    Effect.gen(function* () {
      const middle = Sup.layer({ ...endless, children: [Pool.layer()] })
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(Outer.layer({ ...endless, children: [middle] }), scope)
      const pool = Context.get(context, Pool)
      const guest = yield* DynamicSupervisor.startChild(pool, Guest, [])
      yield* Effect.fork(told(GenServer.call(guest, new Hang(), { timeout: "infinity" })))
      yield* settled
      const call = yield* Effect.fork(told(GenServer.call(guest, new Ping(), { timeout: "infinity" })))
      yield* settled
      yield* killOne(Context.get(context, Sup))
      assert.deepInclude(yield* DynamicSupervisor.countChildren(pool), { specs: 0 })
      assert.strictEqual(answerOf(call), "nothing")
      yield* after(releasing)
      assert.strictEqual(answerOf(call), "ServerDown: killed")
      assert.strictEqual(yield* told(GenServer.call(guest, new Ping())), "ServerDown: no process")
      yield* Scope.close(scope, Exit.void)
    })
  )
})

describe("two lives in one seat: what the last one does", () => {
  it.scoped("does not end what was started after it: its supervisor's terminateChild is for its own", () =>
    Effect.gen(function* () {
      const { a, inner, sup } = yield* nested([new Family().a(lingering)])
      const states: Array<number> = []
      yield* Effect.fork(Stream.runForEach(GenServer.changes(a), (n) => Effect.sync(() => states.push(n as number))))
      yield* settled
      const terminating = yield* Effect.fork(told(Supervisor.terminateChild(inner, "a")))
      yield* settled
      yield* Effect.fork(told(Supervisor.deleteChild(inner, "a")))
      yield* settled
      yield* killOne(sup)
      assert.strictEqual(yield* stateOf(a), 2)
      yield* after(releasing)
      assert.strictEqual(answerOf(terminating), "undefined")
      const call = yield* waitingAt(a)
      yield* kill(a)
      yield* settled
      assert.strictEqual(answerOf(call), "3")
      assert.deepStrictEqual(states, [1, 2, 3])
    })
  )

  for (const [what, isEmpty] of [
    ["starts nothing any more", false],
    ["says nothing of who is not in it", true]
  ] as const) {
    it.scoped(`does not take the seat again: a build that was given up ${what}`, () =>
      Effect.gen(function* () {
        const family = new Family()
        const latch = yield* Effect.makeLatch()
        const layer = family.layerOf("a", obedient)
        let builds = 0
        const child = Layer.unwrapEffect(
          Effect.suspend((): Effect.Effect<Layer.Layer<A, string>> => {
            if (++builds !== 2) return Effect.succeed(layer)
            return Effect.as(latch.await, isEmpty ? (Layer.empty as Layer.Layer<A>) : layer)
          })
        )
        const { a, inner } = yield* nested([stubborn(child)])
        yield* kill(a)
        yield* settled
        assert.strictEqual(builds, 2)
        yield* killOne(inner)
        assert.strictEqual(yield* stateOf(a), 2)
        yield* latch.open
        yield* settled
        assert.deepStrictEqual(family.log, ["a started", "a started"])
        const call = yield* waitingAt(a)
        yield* kill(a)
        yield* settled
        assert.strictEqual(answerOf(call), "3")
      })
    )
  }

  it.scoped("starts nobody: a build that is given up when nobody comes after it", () =>
    Effect.gen(function* () {
      const family = new Family()
      const latch = yield* Effect.makeLatch()
      let builds = 0
      const child = Layer.effectDiscard(Effect.suspend(() => (++builds === 2 ? latch.await : Effect.void)))
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(
        Outer.layer({ children: [stubborn(Layer.provide(family.layerOf("a", obedient), child))] }),
        scope
      )
      const a = Context.get(context, A)
      yield* kill(a)
      yield* settled
      yield* Process.exit(Context.get(context, Outer), ExitReason.killed)
      yield* settled
      yield* latch.open
      yield* settled
      assert.deepStrictEqual(family.log, ["a started"])
      assert.strictEqual(yield* told(stateOf(a)), "ServerDown: no process")
      assert.deepStrictEqual(yield* Process.list, [])
      yield* Scope.close(scope, Exit.void)
    })
  )

  it.scoped("goes no further: a supervisor that was starting its children starts no other", () =>
    Effect.gen(function* () {
      const family = new Family()
      const latch = yield* Effect.makeLatch()
      const slowStart = family.layerOf("a", { ...keep, init: (n) => (n === 2 ? Effect.as(latch.await, n) : n) })
      const children = [Layer.fresh(slowStart), family.b({ ...keep })] as const
      const { b, inner, sup } = yield* within(stubborn(Inner.layer({ ...endless, children })))
      yield* killOne(inner)
      yield* killOne(sup)
      assert.strictEqual(yield* stateOf(b), 2)
      yield* latch.open
      yield* settled
      assert.strictEqual(yield* stateOf(b), 2)
      assert.strictEqual(family.log.filter((line) => line === "b started").length, 2)
    })
  )

  it.scoped("takes nothing from the next: a supervisor that was making its list", () =>
    Effect.gen(function* () {
      const family = new Family()
      const latches = [yield* Effect.makeLatch(true), yield* Effect.makeLatch(), yield* Effect.makeLatch()]
      const child = family.a(obedient)
      let lists = 0
      const children = Effect.suspend(() => Effect.as((latches[lists++] as Effect.Latch).await, [child] as const))
      const { a, inner, sup } = yield* within(stubborn(Inner.layer({ ...endless, children })))
      const call = yield* waitingAt(a)
      yield* killOne(inner)
      yield* killOne(sup)
      assert.strictEqual(lists, 3)
      yield* (latches[1] as Effect.Latch).open
      yield* settled
      assert.strictEqual(answerOf(call), "nothing")
      yield* (latches[2] as Effect.Latch).open
      yield* settled
      assert.strictEqual(answerOf(call), "2")
      assert.strictEqual(yield* stateOf(a), 2)
    })
  )
  it.scoped("is not seen: neither the state of an init that ends late, nor that it wanted no process", () =>
    Effect.gen(function* () {
      for (const late of [99, GenServer.ignore]) {
        const latch = yield* Effect.makeLatch()
        const family = new Family("server with an Effect for init")
        const child = family.layerOf("a", {
          ...keep,
          init: (n) => (n === 2 ? Effect.as(latch.await, late) : n)
        })
        const { a, inner } = yield* nested([stubborn(child)])
        const states: Array<number> = []
        yield* Effect.fork(Stream.runForEach(GenServer.changes(a), (n) => Effect.sync(() => states.push(n as number))))
        yield* settled
        yield* kill(a)
        yield* settled
        yield* killOne(inner)
        assert.strictEqual(yield* stateOf(a), 3)
        yield* latch.open
        yield* settled
        const call = yield* waitingAt(a)
        yield* kill(a)
        yield* settled
        assert.strictEqual(answerOf(call), "4")
        assert.deepStrictEqual(states, [1, 3, 4])
      }
    })
  )

  it.scoped("is done once: a start that it gives up has one time to end, and nothing is said of it later", () =>
    Effect.gen(function* () {
      const log = makeLog()
      const { inner, sup } = yield* nested([new Family().a(keep)]).pipe(logging(log))
      yield* Effect.fork(
        told(Supervisor.startChild(inner, Layer.effectDiscard(Effect.uninterruptible(Effect.sleep(acquiring)))))
      )
      yield* settled
      yield* killOne(sup)
      assert.deepStrictEqual(
        (yield* Supervisor.whichChildren(inner)).map(({ id }) => id),
        ["a"]
      )
      yield* after(5_000)
      yield* after(5_000)
      assert.deepStrictEqual(
        log.lines.map(({ message }) => message),
        ["Sup was killed"]
      )
    })
  )
})
