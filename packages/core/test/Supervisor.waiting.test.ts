import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as ExitReason from "../src/ExitReason.ts"
import * as GenServer from "../src/GenServer.ts"
import * as Process from "../src/Process.ts"
import * as Supervisor from "../src/Supervisor.ts"

class Ask extends GenServer.Call<Ask>()("Ask", { success: Schema.Number }) {}
class Hang extends GenServer.Call<Hang>()("Hang") {}
class Dig extends GenServer.Call<Dig>()("Dig") {}

type Start = "start" | "ignore" | "fail"

class Patient extends GenServer.Service<Patient>()("@test/Patient", { messages: [Ask, Hang, Dig] }) {
  /** Keeps its callers waiting for the next one; its starts go as the list says. */
  static readonly layer = this.toLayer(
    (starts: Array<Start>) =>
      Effect.suspend(() => {
        const start = starts.shift() ?? "start"
        // Calls can come while `init` runs.
        return Effect.as(Effect.repeatN(Effect.yieldNow(), 20), start)
      }).pipe(
        Effect.map((start) => {
          if (start === "fail") throw new Error("refused")
          return start === "ignore" ? GenServer.ignore : GenServer.ok(1)
        })
      ),
    {
      handleCall: {
        Ask: (_, state) => GenServer.reply(state, state),
        Hang: () => Effect.never,
        // Does not let itself be interrupted, and takes its time.
        Dig: (_, state) =>
          Effect.as(Effect.uninterruptible(Effect.repeatN(Effect.yieldNow(), 100)), GenServer.reply(undefined, state))
      },
      mailbox: { onRestart: "keep" }
    }
  )
}

class Top extends Supervisor.Service<Top>()("@test/Top") {}
class Inner extends Supervisor.Service<Inner>()("@test/Inner") {}

const reasonOf = (fiber: Fiber.RuntimeFiber<unknown, { readonly _tag: string }>) =>
  Effect.map(Effect.flip(Fiber.join(fiber)), (error) =>
    error._tag === "ServerDown" ? (error as unknown as { readonly reason: ExitReason.DownReason }).reason._tag : error
  )

describe("callers who wait for the next server", () => {
  it.scoped("are told when the next one wants no process", () => {
    const tree = Top.layer({ children: [Patient.layer(["start", "ignore"])] })
    return Effect.gen(function* () {
      yield* Effect.fork(Effect.exit(GenServer.call(Patient, new Hang())))
      yield* Effect.yieldNow()
      const waiting = yield* Effect.fork(GenServer.call(Patient, new Ask(), { timeout: "infinity" }))
      yield* Effect.yieldNow()
      yield* Process.exit(Patient, ExitReason.killed)
      assert.strictEqual(yield* reasonOf(waiting), "NoProcess")
    }).pipe(Effect.provide(tree))
  })

  it.scoped("are told when the server ends only after its next one was given up", () => {
    const inner = Inner.layer({ children: [Patient.layer([])] })
    const tree = Top.layer({ backoff: Schedule.spaced("1 second"), children: [inner] })
    return Effect.gen(function* () {
      yield* Effect.fork(Effect.exit(GenServer.call(Patient, new Dig())))
      yield* Effect.yieldNow()
      const waiting = yield* Effect.fork(GenServer.call(Patient, new Ask(), { timeout: "infinity" }))
      yield* Effect.yieldNow()
      // What the server was doing goes on until after all of this.
      yield* Process.exit(Inner, ExitReason.killed)
      yield* Supervisor.terminateChild(Top, "Inner")
      assert.strictEqual(yield* reasonOf(waiting), "Killed")
    }).pipe(Effect.provide(tree))
  })

  it.scoped("are told when somebody's attempt to start the next one fails", () => {
    const tree = Top.layer({ children: [Patient.layer(["start", "fail"])] })
    return Effect.gen(function* () {
      yield* Supervisor.terminateChild(Top, "Patient")
      const starting = yield* Effect.fork(Supervisor.restartChild(Top, "Patient"))
      while (!(yield* Effect.map(Process.list, (all) => all.some(({ name }) => name === "Patient")))) {
        yield* Effect.yieldNow()
      }
      const waiting = yield* Effect.fork(GenServer.call(Patient, new Ask(), { timeout: "infinity" }))
      assert.strictEqual((yield* Effect.flip(Fiber.join(starting)))._tag, "FailedToStart")
      assert.strictEqual(yield* reasonOf(waiting), "NoProcess")
    }).pipe(Effect.provide(tree))
  })
})
