import { assert, describe, it } from "@effect/vitest"
import { ExitReason, GenServer, Process } from "@effect-otp/core"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { quiet, told } from "./fixtures/observing.ts"
import { ask, Do, Note, type Ref, Say, Scripted, type ScriptedOptions, start, stateOf } from "./fixtures/Scripted.ts"

const { noReply, ok, reply, stop } = GenServer

/** What the compiler would refuse, and JavaScript would not. */
const unchecked = (value: unknown): never => value as never

/** The defect with which an effect ends, in words. */
const defectOf = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<string, never, R> =>
  Effect.map(Effect.exit(effect), (exit) =>
    Exit.isFailure(exit) && Cause.isDieType(exit.cause) ? String(exit.cause.defect) : `no defect: ${String(exit)}`
  )

const note = new Note({ handle: noReply })

describe("bad input: calls and stops", () => {
  for (const timeout of [-1, Number.NaN, Number.NEGATIVE_INFINITY, "soon", "-1 seconds", {}, null]) {
    it.scoped(
      `CALL-1: a time-out that is none is refused, and nothing is sent: ${typeof timeout} ${String(timeout)}`,
      () =>
        Effect.gen(function* () {
          const server = yield* start()
          const call = ask(server, (n) => reply(n, n + 1), { timeout: unchecked(timeout) })
          assert.match(
            yield* defectOf(call),
            /^TypeError: Scripted: `timeout` must be a duration that is not negative, but is /
          )
          assert.strictEqual(yield* stateOf(server), 0)
          // The same if nobody is there.
          yield* GenServer.stop(server)
          assert.match(yield* defectOf(call), /^TypeError: Scripted: `timeout` must be /)
        })
    )
  }

  it.scoped("an unknown option of a call is refused, and nothing is sent", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const call = ask(server, (n) => reply(n, n + 1), unchecked({ timout: 5 }))
      assert.match(yield* defectOf(call), /^TypeError: Scripted: there is no option `timout`/)
      assert.strictEqual(yield* stateOf(server), 0)
    })
  )

  it.scoped("a word for `abandoned` that is none is refused, and nothing is sent", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const call = ask(server, (n) => reply(n, n + 1), { abandoned: unchecked("keep") })
      assert.match(yield* defectOf(call), /^TypeError: Scripted: `abandoned` must be .*"keep"/)
      assert.strictEqual(yield* stateOf(server), 0)
    })
  )

  it.scoped("CALL-20: an unknown option of stop is refused, and the server lives", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const stopping = GenServer.stop(server, ExitReason.normal, unchecked({ timout: 5 }))
      assert.match(yield* defectOf(stopping), /^TypeError: Scripted: there is no option `timout`/)
      assert.strictEqual(yield* stateOf(server), 0)
    })
  )

  it.scoped("CALL-20: a reason that is none is refused, and the server lives", () =>
    Effect.gen(function* () {
      const server = yield* start()
      for (const reason of ["normal", { _tag: "Normal" }, new Error("boom"), null]) {
        assert.throws(() => GenServer.stop(server, unchecked(reason)), TypeError, "`reason` must be an ExitReason")
      }
      assert.strictEqual(yield* stateOf(server), 0)
    })
  )

  it.scoped("an exit signal with a reason that is none is refused, and the server lives", () =>
    Effect.gen(function* () {
      const server = yield* start()
      for (const reason of ["killed", { _tag: "Killed" }, undefined]) {
        const sending = Effect.suspend(() => Process.exit(server, unchecked(reason)))
        assert.match(yield* defectOf(sending), /^TypeError: .*ExitReason/)
      }
      assert.strictEqual(yield* stateOf(server), 0)
    })
  )

  for (const [what, server] of [
    ["nothing", undefined],
    ["null", null],
    ["a name", "@test/Scripted"],
    ["an object", { name: "Scripted" }],
    ["an effect of something else", Effect.succeed(42)]
  ] as const) {
    it.scoped(`CALL-3: what is no server is refused: ${what} (gen_server_test: call/3 exit messages)`, () =>
      Effect.gen(function* () {
        const given = server as unknown as Ref
        const complaint = /^TypeError: A server was expected: /
        assert.match(yield* defectOf(GenServer.call(given, new Do({ handle: noReply }))), complaint)
        assert.match(yield* defectOf(GenServer.cast(given, new Say({ handle: noReply }))), complaint)
        assert.match(yield* defectOf(Process.exit(given, ExitReason.normal)), complaint)
        assert.match(yield* defectOf(GenServer.stop(given)), complaint)
      })
    )
  }

  it.effect("CALL-3: a class that nobody provides is an Effect's missing service", () =>
    Effect.gen(function* () {
      const call = ask(Scripted, (n) => reply(n, n)) as Effect.Effect<unknown>
      assert.include(yield* defectOf(call), "Service not found: @test/Scripted")
    })
  )
})

/** Outcomes that cannot be made. */
const outcomes: ReadonlyArray<readonly [what: string, make: () => unknown, message: RegExp]> = [
  [
    "reply with an unknown option",
    () => reply(1, 1, unchecked({ hibernat: true })),
    /^GenServer.reply: there is no option `hibernat`/
  ],
  [
    "noReply with an unknown option",
    () => noReply(1, unchecked({ timeout: 5 })),
    /^GenServer.noReply: there is no option `timeout`/
  ],
  ["ok with an unknown option", () => ok(1, unchecked({ then: 5 })), /^GenServer.ok: there is no option `then`/],
  [
    "hibernate that is none",
    () => noReply(1, { hibernate: unchecked("yes") }),
    /^GenServer.noReply: `hibernate` must be true or false, but is yes/
  ],
  [
    "an idle time-out that is no pair",
    () => reply(1, 1, { idleTimeout: unchecked("1 second") }),
    /^GenServer.reply: `idleTimeout` must be \[duration, message\]/
  ],
  [
    "an idle time-out without a message",
    () => noReply(1, { idleTimeout: unchecked(["1 second"]) }),
    /^GenServer.noReply: `idleTimeout` must be \[duration, message\]/
  ],
  [
    "a negative idle time-out",
    () => reply(1, 1, { idleTimeout: [-1, note] }),
    /^GenServer.reply: `idleTimeout` must be a duration that is not negative, but is -1/
  ],
  [
    "an idle time-out of no number",
    () => ok(1, { idleTimeout: [Number.NaN, note] }),
    /^GenServer.ok: `idleTimeout` must be a duration that is not negative, but is NaN/
  ],
  ["stop for a reason that is none", () => stop(unchecked("normal"), 1), /^GenServer.stop: /]
]

describe("bad input: outcomes", () => {
  for (const [what, make, message] of outcomes) {
    it(`${what} throws`, () => {
      assert.throws(make, TypeError, message)
    })
  }

  it.scoped("CB-11: in a handler that is a crash, like any throw", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const call = ask(server, (n) => noReply(n, unchecked({ timeout: 5 })))
      assert.strictEqual(
        yield* told(call),
        "ServerDown: crashed: TypeError: GenServer.noReply: there is no option `timeout`"
      )
    })
  )

  for (const [what, init] of [
    ["a continue", () => ok(0, { continue: unchecked(note) })],
    ["an idle time-out", () => ok(0, { idleTimeout: [1000, unchecked(new Do({ handle: noReply }))] })],
    ["an idle time-out of nothing", () => ok(0, { idleTimeout: [0, unchecked({})] })]
  ] satisfies ReadonlyArray<readonly [string, () => unknown]>) {
    for (const how of ["plain", "in an Effect"]) {
      it.scoped(
        `START-13: an init, ${how}, whose ${what} is not of the protocol does not leave a server behind that hangs`,
        () =>
          Effect.gen(function* () {
            const given: ScriptedOptions["init"] = how === "plain" ? init : () => Effect.sync(init)
            const exit = yield* Effect.exit(start({ init: given }))
            if (Exit.isFailure(exit)) {
              assert.match(Cause.pretty(exit.cause), /Scripted: .*init/)
            } else {
              yield* quiet
              assert.match(yield* told(stateOf(exit.value)), /^ServerDown/)
            }
          })
      )
    }
  }

  it.scoped("a timer for a time that is none is a crash of the handler, which names it", () =>
    Effect.gen(function* () {
      for (const [option, start_] of [
        ["sendAfter", (self: GenServer.SelfHandle<Scripted>, time: never) => self.sendAfter(note, time)],
        ["sendEvery", (self: GenServer.SelfHandle<Scripted>, time: never) => self.sendEvery(note, time)]
      ] as const) {
        for (const time of [-1, Number.NaN, "soon", {}]) {
          const server = yield* start()
          const call = ask(server, (n) =>
            Effect.as(
              Effect.flatMap(Scripted.self, (self) => start_(self, unchecked(time))),
              reply(n, n)
            )
          )
          assert.include(
            yield* told(call),
            `TypeError: Scripted: \`${option}\` must be a duration that is not negative`
          )
        }
      }
    })
  )

  it.scoped("sendEvery of no time at all is a crash of the handler, which names it", () =>
    Effect.gen(function* () {
      const server = yield* start()
      const call = ask(server, (n) =>
        Effect.as(
          Effect.flatMap(Scripted.self, (self) => self.sendEvery(note, 0)),
          reply(n, n)
        )
      )
      assert.match(yield* told(call), /^ServerDown: crashed: RangeError: Scripted: .*`sendEvery`/)
    })
  )
})
