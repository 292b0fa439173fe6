import { assert, describe, it } from "@effect/vitest"
import { ExitReason, GenServer, Process } from "@effect-otp/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { quiet, told } from "./fixtures/observing.ts"
import { start, stateOf } from "./fixtures/Scripted.ts"

const { noReply, reply } = GenServer

class Kick extends GenServer.Call<Kick>()("Kick") {}
class Heard extends GenServer.Call<Heard>()("Heard", { success: Schema.Array(Schema.String) }) {}

/** Traps exits, and keeps what it hears. */
class Guard extends GenServer.Service<Guard>()("@test/Guard", {
  state: Schema.Array(Schema.String),
  messages: [Heard, Process.Exit]
}) {
  static readonly heard = GenServer.call(this, new Heard())
  static readonly layer = this.toLayer((log: Array<string>) => log as ReadonlyArray<string>, {
    trapExit: true,
    terminate: (reason, heard) =>
      Effect.sync(() => void (heard as Array<string>).push(`terminate: ${ExitReason.format(reason)}`)),
    handleCall: { Heard: (_, heard) => reply(heard, heard) },
    handleInfo: {
      EXIT: ({ from, reason }, heard) => noReply([...heard, `${from || "nobody"}: ${ExitReason.format(reason)}`])
    }
  })
}

/** Sends exit signals from its own fiber. */
class Bully extends GenServer.Service<Bully>()("@test/Bully", { messages: [Kick] }) {
  static readonly layer = this.toLayer((target: GenServer.ServerRef<Guard>) => target, {
    handleCall: {
      Kick: (_, target) => Effect.as(Process.exit(target, ExitReason.shutdown("kicked")), reply(undefined, target))
    }
  })
}

describe("Process.exit", () => {
  it.scoped(
    "TERM-5: a trapping server is sent a signal that is not its parent's as an Info (CB-4, PROC-3, PROC-4)",
    () =>
      Effect.gen(function* () {
        const guard = yield* Guard.start([])
        yield* Process.exit(guard, ExitReason.shutdown())
        yield* Process.exit(guard, ExitReason.normal)
        yield* Process.exit(guard, ExitReason.crash(new Error("boom")))
        const bully = yield* Bully.start(guard)
        yield* GenServer.call(bully, new Kick())
        assert.deepStrictEqual(yield* GenServer.call(guard, new Heard()), [
          "nobody: shutdown",
          "nobody: normal",
          "nobody: crashed: Error: boom",
          "Bully: shutdown: kicked"
        ])
      })
  )

  it.scoped("TERM-4: to the end of its parent a trapping server listens all the same", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const scope = yield* Scope.make()
      const guard = yield* Scope.extend(Guard.start(log), scope)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(log, ["terminate: shutdown"])
      assert.strictEqual(yield* told(GenServer.call(guard, new Heard())), "ServerDown: no process")
    })
  )

  it.scoped("TERM-3: killed cannot be trapped (PROC-5)", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const guard = yield* Guard.start(log)
      yield* Process.exit(guard, ExitReason.killed)
      assert.strictEqual(yield* told(GenServer.call(guard, new Heard())), "ServerDown: no process")
      assert.deepStrictEqual(log, [])
    })
  )

  it.scoped("TERM-5: a trapping server whose protocol has no EXIT ignores the signal", () =>
    Effect.gen(function* () {
      const server = yield* start({ trapExit: true })
      yield* Process.exit(server, ExitReason.shutdown())
      yield* quiet
      assert.strictEqual(yield* stateOf(server), 0)
    })
  )

  it.scoped("PROC-4: normal from somebody else is ignored by a server that does not trap", () =>
    Effect.gen(function* () {
      const server = yield* start()
      yield* Process.exit(server, ExitReason.normal)
      yield* quiet
      assert.strictEqual(yield* stateOf(server), 0)
    })
  )

  it.scoped("PROC-2: a signal to a server that has ended does nothing", () =>
    Effect.gen(function* () {
      const server = yield* start()
      yield* GenServer.stop(server)
      yield* Process.exit(server, ExitReason.killed)
      yield* Process.exit(server, ExitReason.shutdown())
    })
  )
})
