import { assert, describe, it } from "@effect/vitest"
import { ExitReason, GenServer } from "@effect-otp/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { eachGear } from "./fixtures/gears.ts"
import { logging, makeLog } from "./fixtures/logging.ts"
import { quiet, told } from "./fixtures/observing.ts"
import { ask, Next, type ScriptedOptions, start, stateOf, tell } from "./fixtures/Scripted.ts"

const { noReply, reply, stop, stopReply } = GenServer

const started = (options?: ScriptedOptions) => {
  const log = makeLog()
  return Effect.map(start(options).pipe(logging(log)), (server) => ({ lines: log.lines, server }))
}

class Login extends GenServer.Call<Login>()("Login", {
  payload: { user: Schema.String, password: Schema.Redacted(Schema.String) }
}) {}
class Forget extends GenServer.Cast<Forget>()("Forget", { user: Schema.String }) {}

const Secrets = Schema.Struct({ pin: Schema.Redacted(Schema.String), doors: Schema.Number })

/** Keeps secrets, and crashes with any message. */
class Vault extends GenServer.Service<Vault>()("@test/Vault", {
  state: Secrets,
  messages: [Login, Forget]
}) {}

const vault = (format?: (state: typeof Secrets.Type) => unknown) =>
  Vault.toLayer(() => ({ pin: Redacted.make("1234"), doors: 2 }), {
    format,
    handleCall: {
      Login: () => {
        throw new Error("a bug")
      }
    },
    handleCast: { Forget: () => Effect.die(new Error("a bug")) }
  })

/** What is logged when the vault crashes. */
const crashOf = (layer: ReturnType<typeof vault>, use: Effect.Effect<unknown, unknown, Vault>) =>
  Effect.gen(function* () {
    const log = makeLog()
    yield* Effect.zipRight(Effect.ignore(use), quiet).pipe(Effect.provide(layer), logging(log))
    return log.lines
  })

const login = GenServer.call(Vault, new Login({ user: "ann", password: Redacted.make("sesame") }))
const forget = GenServer.cast(Vault, new Forget({ user: "ann" }))

describe("GenServer, crash logs", () => {
  eachGear("CB-17: a crash is logged once, with its cause, the server's name and where it happened", (gear) =>
    Effect.gen(function* () {
      const { lines, server } = yield* started()
      const waiting = told(ask(server, (n) => noReply(n)))
      yield* Effect.fork(waiting)
      yield* quiet
      yield* told(
        gear.ask(server, () => {
          throw new Error("a bug")
        })
      )
      yield* quiet
      assert.strictEqual(lines.length, 1)
      const [line] = lines
      assert.strictEqual(line!.level, "ERROR")
      assert.strictEqual(line!.message, "GenServer Scripted crashed in handleCall.Do")
      assert.strictEqual(line!.cause, "Error: a bug")
      assert.strictEqual(line!.annotations["server"], "Scripted")
    })
  )

  it.scoped("CB-17: a crash of an effect, in a continue for example, is logged all the same", () =>
    Effect.gen(function* () {
      const { lines, server } = yield* started()
      yield* tell(server, (n) => noReply(n, { continue: new Next({ handle: () => Effect.die(new Error("a bug")) }) }))
      yield* quiet
      assert.deepStrictEqual(
        lines.map(({ cause, level, message }) => [level, message, cause]),
        [["ERROR", "GenServer Scripted crashed in handleContinue.Next", "Error: a bug"]]
      )
    })
  )

  it.effect("CB-17: it says which message it was, and shows nothing of the state", () =>
    Effect.gen(function* () {
      const [line, ...more] = yield* crashOf(vault(), forget)
      assert.deepStrictEqual(more, [])
      assert.strictEqual(line!.message, "GenServer Vault crashed in handleCast.Forget")
      assert.include(String(line!.annotations["message"]), "Forget")
      assert.include(String(line!.annotations["message"]), "ann")
      assert.strictEqual(line!.annotations["state"], "<redacted>")
    })
  )

  it.effect("CB-17: what is Redacted in the message stays so", () =>
    Effect.gen(function* () {
      const [line] = yield* crashOf(vault(), login)
      assert.include(String(line!.annotations["message"]), "ann")
      assert.notInclude(JSON.stringify(line), "sesame")
    })
  )

  it.effect("FMT-1: format says what of the state is shown, and what is Redacted stays so", () =>
    Effect.gen(function* () {
      const [some] = yield* crashOf(
        vault(({ doors }) => ({ doors })),
        forget
      )
      assert.match(String(some!.annotations["state"]), /"?doors"?: ?2/)
      const [all] = yield* crashOf(
        vault((state) => state),
        forget
      )
      assert.include(String(all!.annotations["state"]), "doors")
      assert.notInclude(JSON.stringify(all), "1234")
    })
  )

  it.effect("FMT-2: a format that throws hides the state, and not the crash", () =>
    Effect.gen(function* () {
      const lines = yield* crashOf(
        vault(() => {
          throw new Error("a bug in format")
        }),
        forget
      )
      assert.deepStrictEqual(
        lines.map(({ cause, message }) => [message, cause]),
        [["GenServer Vault crashed in handleCast.Forget", "Error: a bug"]]
      )
      assert.notInclude(JSON.stringify(lines), "1234")
    })
  )

  for (const [name, reason] of [
    ["normal", ExitReason.normal],
    ["shutdown", ExitReason.shutdown()],
    ["a shutdown with a note", ExitReason.shutdown("enough")]
  ] as const) {
    it.scoped(`CB-17: nothing is logged for an end that somebody wanted: ${name}`, () =>
      Effect.gen(function* () {
        const { lines, server } = yield* started()
        yield* told(ask(server, (n) => stop(reason, n)))
        const other = yield* started()
        yield* told(ask(other.server, (n) => Effect.succeed(stopReply(reason, n, n))))
        const third = yield* started({ terminate: () => Effect.void })
        yield* GenServer.stop(third.server, reason)
        yield* quiet
        assert.deepStrictEqual([...lines, ...other.lines, ...third.lines], [])
      })
    )
  }

  it.scoped("CB-17: a stop for a reason of its own is a crash in the log, once", () =>
    Effect.gen(function* () {
      const { lines, server } = yield* started()
      yield* told(ask(server, (n) => stop(ExitReason.crash(new Error("no disk")), n)))
      yield* quiet
      assert.deepStrictEqual(
        lines.map(({ cause, level }) => [level, cause]),
        [["ERROR", "Error: no disk"]]
      )
    })
  )

  it.scoped("CB-17: nothing is logged for a declared error, nor for a caller's time-out or interruption", () =>
    Effect.gen(function* () {
      const { lines, server } = yield* started()
      yield* told(ask(server, () => Effect.fail("not today")))
      const late = yield* Effect.fork(told(ask(server, (n) => noReply(n))))
      const interrupted = yield* Effect.fork(ask(server, (n) => noReply(n)))
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(late)
      yield* Fiber.interrupt(interrupted)
      yield* stateOf(server)
      assert.deepStrictEqual(lines, [])
    })
  )

  it.scoped("TERM-7: a crash of terminate is logged", () =>
    Effect.gen(function* () {
      const { lines, server } = yield* started({ terminate: () => Effect.die(new Error("a bug in terminate")) })
      yield* told(GenServer.stop(server))
      yield* quiet
      assert.deepStrictEqual(
        lines.map(({ cause, level, message }) => [level, message, cause]),
        [["ERROR", "GenServer Scripted crashed in terminate", "Error: a bug in terminate"]]
      )
    })
  )

  it.scoped("TERM-7: a crash and then one of terminate are two lines, in their order", () =>
    Effect.gen(function* () {
      const { lines, server } = yield* started({ terminate: () => Effect.die(new Error("the second")) })
      const given = yield* told(ask(server, () => Effect.die(new Error("the first"))))
      yield* quiet
      assert.strictEqual(given, "ServerDown: crashed: Error: the second")
      assert.deepStrictEqual(
        lines.map(({ cause }) => cause),
        ["Error: the first", "Error: the second"]
      )
    })
  )

  it.scoped("a finalizer that dies is logged, and does not change how the server ends", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const { lines, server } = yield* started({
        init: () =>
          Effect.gen(function* () {
            yield* Effect.addFinalizer(() => Effect.sync(() => log.push("the other one")))
            yield* Effect.addFinalizer(() => Effect.die(new Error("a bug in a finalizer")))
            return 0
          })
      })
      yield* GenServer.stop(server)
      assert.deepStrictEqual(log, ["the other one"])
      assert.deepStrictEqual(
        lines.map(({ cause, level }) => [level, cause]),
        [["ERROR", "Error: a bug in a finalizer"]]
      )
    })
  )

  for (const [how, init] of [
    ["fails", () => Effect.fail("no")],
    ["dies", () => Effect.die(new Error("a bug"))],
    ["is ignored", () => GenServer.ignore]
  ] satisfies ReadonlyArray<readonly [string, ScriptedOptions["init"]]>) {
    it.scoped(`START-9: nothing is logged when init ${how}: whoever starts it is told`, () =>
      Effect.gen(function* () {
        const log = makeLog()
        yield* Effect.exit(start({ init }).pipe(logging(log)))
        yield* quiet
        assert.deepStrictEqual(log.lines, [])
      })
    )
  }

  it.scoped("a crash is logged in the layer's loggers, not in its caller's", () =>
    Effect.gen(function* () {
      const { lines, server } = yield* started()
      const callers = makeLog()
      yield* told(ask(server, () => Effect.die("a bug"))).pipe(logging(callers))
      yield* quiet
      assert.strictEqual(lines.length, 1)
      assert.deepStrictEqual(callers.lines, [])
    })
  )

  it.scoped("what a handler logs goes to the layer's loggers", () =>
    Effect.gen(function* () {
      const { lines, server } = yield* started()
      yield* ask(server, (n) => Effect.as(Effect.logInfo("hello"), reply(n, n)))
      assert.deepStrictEqual(
        lines.map(({ message }) => message),
        ["hello"]
      )
    })
  )
})
