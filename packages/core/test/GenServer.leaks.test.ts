/**
 * What is left of servers and calls that are over: nothing.
 */
import { assert, describe, it } from "@effect/vitest"
import { ExitReason, GenServer, Process } from "@effect-otp/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Scheduler from "effect/Scheduler"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { quiet } from "./fixtures/observing.ts"
import { ask, type Do, Note, Scripted, start, stateOf, tell } from "./fixtures/Scripted.ts"
import { VirtualClock } from "./property/clock.ts"
import { Random, RandomScheduler } from "./property/scheduler.ts"

const { noReply, reply } = GenServer

class Ask extends GenServer.Call<Ask>()("Ask", { success: Schema.Number }) {}
class AskLater extends GenServer.Call<AskLater>()("AskLater", { success: Schema.Number }) {}

type Init = "plain" | "in an Effect" | "failing" | "ignored"

class Short extends GenServer.Service<Short>()("@test/Short", {
  state: Schema.Number,
  messages: [Ask, AskLater]
}) {
  static readonly layer = this.toLayer(
    (init: Init) =>
      init === "plain"
        ? 0
        : init === "in an Effect"
          ? Effect.as(Effect.yieldNow(), 0)
          : init === "failing"
            ? Effect.fail("no" as const)
            : GenServer.ignore,
    {
      handleCall: {
        Ask: (_, state) => reply(state, state),
        AskLater: (_, state) => Effect.as(Effect.yieldNow(), reply(state, state))
      }
    }
  )
}

const finalizersIn = (scope: Scope.Scope): number =>
  (scope as unknown as { readonly state: { readonly finalizers: Map<unknown, unknown> } }).state.finalizers.size

/** A test on a clock that forgets a sleep that is over, which `TestClock` does not when it was interrupted. */
const onAClock = (
  title: string,
  body: (clock: VirtualClock) => Effect.Effect<unknown, unknown, Scope.Scope>,
  timeout = 5000
): void =>
  it.scopedLive(
    title,
    () =>
      Effect.suspend(() => {
        const clock = new VirtualClock(Scheduler.defaultScheduler)
        return Effect.withClock(body(clock), clock)
      }),
    { timeout }
  )

/** What {@link VirtualClock.nearest} is when nobody waits for anything. */
const never = Number.POSITIVE_INFINITY

describe("a scope that has started 2,000 servers", () => {
  const ends: ReadonlyArray<{
    readonly name: string
    readonly live: Effect.Effect<unknown, unknown, Scope.Scope>
  }> = [
    { name: "stopped at once", live: Effect.flatMap(Short.start("plain"), (server) => GenServer.stop(server)) },
    {
      name: "stopped after a call",
      live: Effect.tap(Short.start("in an Effect"), (server) =>
        Effect.zipRight(GenServer.call(server, new AskLater()), GenServer.stop(server))
      )
    },
    {
      name: "killed",
      live: Effect.tap(Short.start("plain"), (server) =>
        Effect.zipRight(GenServer.call(server, new Ask()), Process.exit(server, ExitReason.killed))
      )
    },
    { name: "that did not start", live: Effect.exit(Short.start("failing")) },
    { name: "that were ignored", live: Short.start("ignored") }
  ]

  for (const { live, name } of ends) {
    onAClock(
      `${name} holds what it held before`,
      (clock) =>
        Effect.gen(function* () {
          const scope = yield* Effect.scope
          const before = finalizersIn(scope)
          for (let i = 0; i < 2000; i++) yield* live
          yield* quiet
          assert.strictEqual(finalizersIn(scope), before)
          assert.strictEqual(clock.nearest, never)
        }),
      60_000
    )
  }

  it.effect("ends all of them", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const servers = yield* Scope.extend(Effect.replicateEffect(Short.start("plain"), 2000), scope)
      yield* Effect.forEach(servers, (server) => GenServer.call(server, new Ask()), { discard: true })
      yield* Scope.close(scope, Exit.void)
      const told = yield* Effect.forEach(servers, (server) => Effect.flip(GenServer.call(server, new Ask())))
      assert.deepStrictEqual(new Set(told.map(({ _tag }) => _tag)), new Set(["ServerDown"]))
    })
  )
})

describe("the clock", () => {
  const free = { hibernateAfter: "infinity" } as const

  onAClock("has nothing to wait for when calls are answered", (clock) =>
    Effect.gen(function* () {
      const server = yield* start(free)
      for (let i = 0; i < 1000; i++) {
        yield* stateOf(server)
        yield* ask(server, (state) => Effect.as(Effect.yieldNow(), reply(0, state)))
      }
      yield* quiet
      assert.strictEqual(clock.nearest, never)
    })
  )

  onAClock("waits once for a thousand calls", (clock) =>
    Effect.gen(function* () {
      const server = yield* start(free)
      const tokens: Array<GenServer.From<Do>> = []
      const calls = yield* Effect.forkAll(
        Array.from({ length: 1000 }, () =>
          ask(server, (state, from) => {
            tokens.push(from)
            return noReply(state)
          })
        )
      )
      yield* quiet
      assert.strictEqual(clock.nearest, 5000)
      yield* tell(server, (state) =>
        Effect.as(
          Effect.forEach(tokens, (token) => token.done(Exit.void)),
          noReply(state)
        )
      )
      yield* Fiber.join(calls)
      yield* quiet
      assert.strictEqual(clock.nearest, never)
    })
  )

  onAClock("has nothing to wait for when callers are gone", (clock) =>
    Effect.gen(function* () {
      const server = yield* start(free)
      const calls = yield* Effect.forkAll(
        Array.from({ length: 100 }, () => ask(server, (state) => noReply(state), { timeout: "1 hour" }))
      )
      yield* quiet
      yield* Fiber.interrupt(calls)
      yield* quiet
      assert.strictEqual(clock.nearest, never)
    })
  )

  onAClock("has nothing to wait for when a server with timers has ended", (clock) =>
    Effect.gen(function* () {
      const server = yield* start()
      const note = new Note({ handle: (state) => noReply(state) })
      yield* ask(server, (state) =>
        Effect.gen(function* () {
          const self = yield* Scripted.self
          for (let i = 1; i <= 100; i++) yield* self.sendAfter(note, i * 1000)
          yield* self.sendEvery(note, "1 minute")
          return reply(0, state, { idleTimeout: ["2 minutes", note] })
        })
      )
      assert.strictEqual(clock.nearest, 1000)
      yield* GenServer.stop(server)
      yield* quiet
      assert.strictEqual(clock.nearest, never)
    })
  )

  onAClock("has nothing to wait for when a server sleeps", (clock) =>
    Effect.gen(function* () {
      const server = yield* start()
      yield* ask(server, (state) => Effect.as(Effect.yieldNow(), reply(0, state)))
      assert.strictEqual(clock.nearest, 1000)
      clock.advance(1000)
      yield* quiet
      assert.strictEqual(clock.nearest, never)
      yield* ask(server, (state) => Effect.as(Effect.yieldNow(), reply(0, state, { hibernate: true })))
      yield* quiet
      assert.strictEqual(clock.nearest, never)
    })
  )
})

describe("a start that is interrupted, at whatever step", () => {
  for (const init of ["plain", "in an Effect", "failing"] as const) {
    for (const what of ["open", "closed meanwhile", "closed"] as const) {
      it.effect(`leaves nothing: init ${init}, the scope ${what} (START-12)`, () =>
        Effect.gen(function* () {
          for (let seed = 1; seed <= 100; seed++) {
            const scope = yield* Scope.make()
            const close = Scope.close(scope, Exit.void)
            if (what === "closed") yield* close
            const random = new Random(seed)
            const scheduler = new RandomScheduler(random, 0.1)
            const run = (steps: number) => {
              for (let step = 0; step < steps && !scheduler.isQuiet; step++) scheduler.step()
            }
            const starting = Effect.runFork(Scope.extend(Short.start(init), scope), { scheduler })
            run(random.below(12))
            if (what === "closed meanwhile") Effect.runFork(close, { scheduler })
            run(random.below(4))
            starting.unsafeInterruptAsFork(FiberId.none)
            run(10_000)
            const closing = Effect.runFork(close, { scheduler })
            run(10_000)
            assert.isNotNull(starting.unsafePoll())
            assert.isNotNull(closing.unsafePoll())
            assert.deepStrictEqual(yield* Process.list, [], `seed ${seed}`)
          }
        })
      )
    }
  }
})
