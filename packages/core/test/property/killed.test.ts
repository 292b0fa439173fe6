/**
 * What `init` acquired is released once, whichever step the server is at in letting go of its fiber when it is killed.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as ExitReason from "../../src/ExitReason.ts"
import * as GenServer from "../../src/GenServer.ts"
import * as Process from "../../src/Process.ts"
import { VirtualClock } from "./clock.ts"
import { Random, RandomScheduler } from "./scheduler.ts"

/** Milliseconds after which the server lets go. */
const hibernateAfter = 4

/** So many steps after its time has come, it has let go for certain. */
const steps = 60

class Ping extends GenServer.Call<Ping>()("Ping", { success: Schema.Number }) {}

class Holder extends GenServer.Service<Holder>()("@property/Holder", { state: Schema.Number, messages: [Ping] }) {}

/** Stops once, before a fiber's step of that number: fibers that gave way at each of their steps would not get on. */
class StoppingScheduler extends RandomScheduler {
  private left = Number.POSITIVE_INFINITY
  hasStopped = false

  constructor() {
    super(new Random(0), 0)
  }

  stopBefore(step: number): void {
    this.left = step
  }

  override shouldYield(): number | false {
    if (this.left-- !== 0) return false
    this.hasStopped = true
    return 1
  }
}

/** Kills a server at that step of letting go, and says whether there was such a step. */
const killAt = (step: number): { readonly released: number; readonly wasThere: boolean } => {
  const scheduler = new StoppingScheduler()
  const clock = new VirtualClock(scheduler)
  const scope = Effect.runSync(Scope.make())
  const fork = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) =>
    Effect.runFork(effect.pipe(Scope.extend(scope), Effect.withClock(clock)), { scheduler })
  const rest = (): void => {
    while (!scheduler.isQuiet) scheduler.step()
  }
  let released = 0
  const layer = Holder.toLayer(
    () => Effect.acquireRelease(Effect.succeed(0), () => Effect.sync(() => void released++)),
    { handleCall: { Ping: (_, state) => Effect.succeed(GenServer.reply(state, state)) }, hibernateAfter }
  )
  const start = fork(Effect.map(Layer.build(layer), (context) => Context.get(context, Holder)))
  rest()
  const started = start.unsafePoll()
  if (started === null || Exit.isFailure(started)) throw new Error("the server has not started")
  scheduler.stopBefore(step)
  clock.advance(hibernateAfter)
  while (!scheduler.isQuiet && !scheduler.hasStopped) scheduler.step()
  const wasThere = scheduler.hasStopped
  scheduler.stopBefore(Number.POSITIVE_INFINITY)
  Effect.runSync(Process.exit(started.value, ExitReason.killed))
  rest()
  const result = { released, wasThere }
  fork(Scope.close(scope, Exit.void))
  rest()
  assert.strictEqual(released, result.released)
  return result
}

describe("a server that is killed while it lets go of its fiber", () => {
  it("releases what it acquired, whichever step it is at", () => {
    const results = Array.from({ length: steps + 1 }, (_, step) => killAt(step))
    assert.deepStrictEqual(
      results.map(({ released }) => released),
      results.map(() => 1)
    )
    assert.isTrue(results[0]?.wasThere)
    assert.isFalse(results[steps]?.wasThere)
  })
})
