/**
 * Busy servers let the event loop turn. This is about the event loop itself, so these tests take real time.
 */
import { assert, describe, it } from "@effect/vitest"
import { GenServer } from "@effect-otp/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scheduler from "effect/Scheduler"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { compute, gapsDuring, type Stretch } from "./fixtures/eventLoop.ts"
import { ask, type CallScript, Next, Note, type Ref, Scripted, start, tell } from "./fixtures/Scripted.ts"

const { noReply, reply } = GenServer

const plain: CallScript = (state) => reply(state, state)
const inEffect: CallScript = (state) => Effect.sync(() => reply(state, state))
const suspending: CallScript = (state) => Effect.as(Effect.yieldNow(), reply(state, state))

/** One call after the other, from one fiber. */
const calls = (server: Ref, handle: CallScript, { did, isOn }: Stretch) =>
  Effect.whileLoop({
    while: isOn,
    body: () => Effect.exit(ask(server, handle)),
    step: did
  })

/**
 * An interval of 10 ms never waits for longer than 50. The best of three stretches counts: who starves timers does so in
 * each of them, but a pause of the garbage collector or of a busy machine is not our doing.
 */
const fair = (
  title: string,
  run: (stretch: Stretch) => Effect.Effect<unknown, unknown, Scope.Scope>,
  duration?: number
): void =>
  it.scopedLive(
    title,
    () =>
      Effect.gen(function* () {
        let best = Number.POSITIVE_INFINITY
        for (let round = 0; round < 3 && best > 50; round++) {
          const { longest, ticks } = yield* gapsDuring(run, duration)
          if (ticks >= 6) best = Math.min(best, longest)
        }
        assert.isAtMost(best, 50)
      }),
    { timeout: 30_000 }
  )

describe("timers come to their turn", () => {
  for (const [name, handle] of Object.entries({ plain, "in an Effect": inEffect, suspending })) {
    fair(`under calls whose handler is ${name}`, (stretch) =>
      Effect.flatMap(start(), (server) => calls(server, handle, stretch))
    )

    fair(`under 50 callers of a server whose handler is ${name}`, (stretch) =>
      Effect.flatMap(start(), (server) =>
        Effect.all(
          Array.from({ length: 50 }, () => calls(server, handle, stretch)),
          { concurrency: "unbounded" }
        )
      )
    )
  }

  fair("under calls that fail, at once", (stretch) =>
    Effect.flatMap(start(), (server) => calls(server, () => Effect.fail("no"), stretch))
  )

  fair("under calls to a server that is not there", (stretch) =>
    Effect.flatMap(start(), (server) => Effect.zipRight(GenServer.stop(server), calls(server, plain, stretch)))
  )

  fair("under calls that fail, later", (stretch) =>
    Effect.flatMap(start(), (server) =>
      calls(server, () => Effect.zipRight(Effect.yieldNow(), Effect.fail("no")), stretch)
    )
  )

  fair("under handlers that call another server", (stretch) =>
    Effect.gen(function* () {
      const [one, other] = [yield* start(), yield* start()]
      for (const handle of [plain, suspending]) {
        yield* calls(one, (state) => Effect.as(Effect.orDie(ask(other, handle)), reply(0, state)), stretch)
      }
    })
  )

  fair("under two servers that cast to each other", (stretch) =>
    Effect.flatMap(Effect.all([start(), start()]), (servers) => pingPong(servers, stretch))
  )

  fair("under a server that sends to itself", (stretch) =>
    Effect.flatMap(start(), (server) =>
      ask(server, (state, from) => {
        const again: Note = new Note({
          handle: (state) => {
            stretch.did()
            if (!stretch.isOn()) return Effect.as(from.succeed(0), noReply(state))
            return Effect.flatMap(Scripted.self, (self) => Effect.as(self.send(again), noReply(state)))
          }
        })
        return noReply(state, { idleTimeout: [0, again] })
      })
    )
  )

  fair("under idle time-outs of nothing", (stretch) =>
    Effect.flatMap(start(), (server) =>
      ask(server, (state, from) => {
        const again: Note = new Note({
          handle: (state) => {
            stretch.did()
            return stretch.isOn()
              ? noReply(state, { idleTimeout: [0, again] })
              : Effect.as(from.succeed(0), noReply(state))
          }
        })
        return noReply(state, { idleTimeout: [0, again] })
      })
    )
  )

  fair("under a chain of continues", (stretch) =>
    Effect.flatMap(start(), (server) =>
      ask(server, (state, from) => {
        const again: Next = new Next({
          handle: (state) => {
            stretch.did()
            return stretch.isOn() ? noReply(state, { continue: again }) : Effect.as(from.succeed(0), noReply(state))
          }
        })
        return noReply(state, { continue: again })
      })
    )
  )

  fair("under a burst of casts", ({ did, isOn }) =>
    Effect.flatMap(start(), (server) =>
      Effect.whileLoop({
        while: isOn,
        body: () =>
          Effect.zipRight(
            Effect.replicateEffect(
              tell(server, (state) => {
                did()
                return noReply(state)
              }),
              20_000,
              { discard: true }
            ),
            ask(server, plain)
          ),
        step: () => {}
      })
    )
  )

  fair(
    "when handlers turn from nothing to a tenth of a millisecond each",
    (stretch) =>
      Effect.gen(function* () {
        const server = yield* start()
        let count = 0
        const handle: CallScript = (state) => {
          if (++count % 6000 > 5000) compute(0.1)
          return reply(state, state)
        }
        yield* calls(server, handle, stretch)
      }),
    1000
  )

  fair("under servers that were started by runSync", (stretch) =>
    Effect.acquireUseRelease(
      Scope.make(),
      (scope) =>
        Effect.suspend(() => {
          const servers = Effect.runSync(Scope.extend(Effect.all([start(), start()]), scope))
          return pingPong(servers, stretch)
        }),
      (scope) => Scope.close(scope, Exit.void)
    )
  )
})

/** Two servers that keep each other going. */
const pingPong = ([one, other]: readonly [Ref, Ref], { did, isOn }: Stretch) =>
  ask(
    one,
    (state, from) => {
      const go =
        (to: Ref, back: Ref) =>
        (state: number): Effect.Effect<GenServer.NoReply<number>> => {
          did()
          return Effect.as(isOn() ? tell(to, go(back, to)) : from.succeed(0), noReply(state))
        }
      return Effect.as(tell(other, go(one, other)), noReply(state))
    },
    { timeout: "infinity" }
  )

class Count extends GenServer.Call<Count>()("Count", { success: Schema.Number }) {}

class Counter extends GenServer.Service<Counter>()("@test/Counter", { state: Schema.Number, messages: [Count] }) {
  static readonly plain = this.toLayer(() => 0, {
    handleCall: { Count: (_, count) => reply(count + 1, count + 1) }
  })
  static readonly inEffect = this.toLayer(() => 0, {
    handleCall: { Count: (_, count) => Effect.map(Effect.succeed(count + 1), (next) => reply(next, next)) }
  })
}

describe("Effect.runSync of a call to an idle server", () => {
  const rounds = 100_000

  const countUp = (server: GenServer.ServerRef<Counter>): number => {
    const call = GenServer.call(server, new Count())
    let last = 0
    for (let round = 0; round < rounds; round++) last = Effect.runSync(call)
    return last
  }

  for (const layer of ["plain", "inEffect"] as const) {
    it.live(
      `always works (${layer})`,
      () =>
        Effect.map(Effect.provide(Effect.map(Counter, countUp), Counter[layer]), (last) =>
          assert.strictEqual(last, rounds)
        ),
      { timeout: 30_000 }
    )
  }
})

/** A scheduler that does what it is given when it is asked to. */
class Patient implements Scheduler.Scheduler {
  private tasks: Array<Scheduler.Task> = []

  shouldYield = Scheduler.defaultShouldYield

  scheduleTask(task: Scheduler.Task): void {
    this.tasks.push(task)
  }

  run(): void {
    for (let task = this.tasks.shift(); task !== undefined; task = this.tasks.shift()) task()
  }
}

describe("a scheduler of one's own", () => {
  for (const [name, handle] of Object.entries({ plain, "in an Effect": inEffect, suspending })) {
    it(`decides alone where the handler is ${name}`, () => {
      const scheduler = new Patient()
      const fiber = Effect.runFork(
        Effect.scoped(
          Effect.gen(function* () {
            const server = yield* start()
            for (let i = 0; i < 5000; i++) yield* tell(server, (state) => noReply(state + 1))
            for (let i = 0; i < 5000; i++) yield* ask(server, handle)
            // So that time has passed, whatever the machine.
            compute(10)
            for (let i = 0; i < 5000; i++) yield* ask(server, handle)
            return yield* ask(server, plain)
          })
        ),
        { scheduler }
      )
      scheduler.run()
      // The event loop has not turned.
      assert.deepStrictEqual(fiber.unsafePoll(), Exit.succeed(5000))
    })
  }
})
