import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as ExitReason from "../src/ExitReason.ts"
import * as GenServer from "../src/GenServer.ts"
import * as Process from "../src/Process.ts"
import * as Supervisor from "../src/Supervisor.ts"

class Ask extends GenServer.Call<Ask>()("Ask", { success: Schema.Number }) {}
class Hang extends GenServer.Call<Hang>()("Hang") {}

class First extends GenServer.Service<First>()("@test/First", { messages: [Ask] }) {
  static readonly layer = this.toLayer(() => 1, { handleCall: { Ask: (_, state) => GenServer.reply(state, state) } })
}

class Second extends GenServer.Service<Second>()("@test/Second", { messages: [Ask, Hang] }) {
  static readonly layer = this.toLayer(() => 1, {
    handleCall: { Ask: (_, state) => GenServer.reply(state, state), Hang: () => Effect.never },
    mailbox: { onRestart: "keep" }
  })
}

class Top extends Supervisor.Service<Top>()("@test/Top") {}

describe("a group restart that somebody calls off", () => {
  it.scoped("lets nobody wait for those who were to be started with the one that is terminated", () => {
    const tree = Top.layer({
      strategy: "one_for_all",
      children: [First.layer, Second.layer],
      backoff: Schedule.spaced("1 hour")
    })
    return Effect.gen(function* () {
      yield* Effect.fork(Effect.exit(GenServer.call(Second, new Hang())))
      yield* Effect.yieldNow()
      const waiting = yield* Effect.fork(GenServer.call(Second, new Ask(), { timeout: "infinity" }))
      yield* Effect.yieldNow()
      yield* Process.exit(First, ExitReason.killed)
      yield* Supervisor.terminateChild(Top, "First")
      const told = yield* Effect.flip(Fiber.join(waiting))
      assert.strictEqual(told._tag === "ServerDown" ? told.reason._tag : told._tag, "Shutdown")
      const later = yield* Effect.flip(GenServer.call(Second, new Ask()))
      assert.strictEqual(later._tag === "ServerDown" ? later.reason._tag : later._tag, "NoProcess")
    }).pipe(Effect.provide(tree))
  })

  it.scoped("does not say of the one that had ended that it is to come back", () => {
    let starts = 0
    const failing = Layer.scopedDiscard(
      Effect.suspend(() =>
        ++starts === 1 ? Effect.void : Effect.zipRight(Effect.repeatN(Effect.yieldNow(), 5), Effect.fail("no"))
      )
    )
    const tree = Top.layer({
      strategy: "one_for_all",
      children: [Supervisor.child(failing, { id: "failing" }), Second.layer]
    })
    return Effect.gen(function* () {
      yield* Process.exit(Second, ExitReason.killed)
      // Asked for while it is being started, and so before the next attempt.
      yield* Supervisor.terminateChild(Top, "failing")
      assert.deepStrictEqual(
        (yield* Supervisor.whichChildren(Top)).map(({ id, status }) => `${id} ${status}`),
        ["Second stopped", "failing stopped"]
      )
      yield* Supervisor.restartChild(Top, "Second")
      assert.strictEqual(yield* GenServer.call(Second, new Ask()), 1)
    }).pipe(Effect.provide(tree))
  })
})
