import { assert, describe, it } from "@effect/vitest"
import { GenServer } from "@effect-otp/core"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { quiet, told } from "./fixtures/observing.ts"
import { ask, Do, Next, Note, Say, Scripted, start } from "./fixtures/Scripted.ts"

const { noReply, reply } = GenServer

/** What the compiler would refuse, and JavaScript would not. */
const unchecked = (value: unknown): never => value as never

class Get extends GenServer.Call<Get>()("Get", { payload: { key: Schema.String }, success: Schema.String }) {}
class Put extends GenServer.Cast<Put>()("Put", { key: Schema.String }) {}
class Tick extends GenServer.Info<Tick>()("Tick") {}
class Warm extends GenServer.Continue<Warm>()("Warm") {}

class Table extends GenServer.Service<Table>()("@test/Table", {
  state: Schema.Number,
  messages: [Get, Put, Tick, Warm]
}) {}

const handlers = {
  handleCall: { Get: ({ key }: Get, state: number) => reply(key, state) },
  handleCast: { Put: (_: Put, state: number) => noReply(state) },
  handleInfo: { Tick: (_: Tick, state: number) => noReply(state) },
  handleContinue: { Warm: (_: Warm, state: number) => noReply(state) }
}

const define = (callbacks: unknown) => () => Table.toLayer(() => 0, unchecked(callbacks))

const tableServer = Effect.gen(function* () {
  const context = yield* Layer.build(Table.toLayer(() => 0, handlers))
  return Context.get(context, Table)
})

/** The defect with which an effect ends, in words. */
const defectOf = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<string, never, R> =>
  Effect.map(Effect.exit(effect), (exit) =>
    Exit.isFailure(exit) && Cause.isDieType(exit.cause) ? String(exit.cause.defect) : `no defect: ${String(exit)}`
  )

describe("bad input: the service", () => {
  for (const name of [42, null, undefined, "", "@test/"]) {
    it(`a name that is none is quoted: ${JSON.stringify(name)} (gen_server_test: start_link/3)`, () => {
      assert.throws(
        () => GenServer.Service<Table>()(unchecked(name), { messages: [Get] }),
        TypeError,
        `GenServer.Service: the name must be a string that ends with a word, but is ${String(name)}`
      )
    })
  }

  for (const [what, options, message] of [
    ["an unknown option", { messages: [], stat: Schema.Number }, /^Broken: there is no option `stat`/],
    ["no options", undefined, /^Broken: .*`messages`/],
    ["no messages", {}, /^Broken: `messages` must be an array, but is undefined/],
    ["messages that are no array", { messages: Get }, /^Broken: `messages` must be an array, but is function Get/],
    ["a state that is no schema", { messages: [], state: 42 }, /^Broken: `state` must be a schema, but is 42/],
    ["a message that is none", { messages: [Get, 42] }, /^Broken: `messages` holds 42/],
    ["a message that is an instance", { messages: [new Tick()] }, /^Broken: `messages` holds /],
    ["a class of another kind", { messages: [Map] }, /^Broken: `messages` holds function Map/]
  ] as const) {
    it(`${what} is refused`, () => {
      assert.throws(() => GenServer.Service<Table>()("@test/Broken", unchecked(options)), TypeError, message)
    })
  }

  it("two messages of one tag are refused, with the tag", () => {
    class Other extends GenServer.Cast<Other>()("Get") {}
    for (const messages of [
      [Get, Other],
      [Get, Put, Get]
    ]) {
      assert.throws(
        () => GenServer.Service<Table>()("@test/Broken", { messages }),
        TypeError,
        /^Broken: two of its messages have the tag "Get"/
      )
    }
  })
})

describe("bad input: toLayer", () => {
  for (const [what, callbacks, message] of [
    ["no callbacks", undefined, "Table: the callbacks must be an object, but are undefined"],
    ["an unknown option", { ...handlers, terminat: 1 }, "Table: there is no option `terminat`"],
    ["an unknown section", { ...handlers, handleCalls: {} }, "Table: there is no option `handleCalls`"],
    ["a section that is none", { ...handlers, handleCast: 42 }, "Table: `handleCast` must be an object, but is 42"],
    ["a terminate that is none", { ...handlers, terminate: "x" }, 'Table: `terminate` must be a function, but is "x"'],
    [
      "a trapExit that is none",
      { ...handlers, trapExit: "yes" },
      'Table: `trapExit` must be true or false, but is "yes"'
    ],
    ["a format that is none", { ...handlers, format: {} }, "Table: `format` must be a function, but is {}"],
    ["a mailbox that is none", { ...handlers, mailbox: 10 }, "Table: `mailbox` must be an object, but is 10"],
    ["an unknown mailbox option", { ...handlers, mailbox: { size: 1 } }, "Table: there is no option `mailbox.size`"],
    [
      "an unknown overflow",
      { ...handlers, mailbox: { overflow: "drop" } },
      'Table: `mailbox.overflow` must be one of backpressure, reject, dropNewest, dropOldest, but is "drop"'
    ],
    [
      "CB-6: a message without a handler",
      { ...handlers, handleCast: {} },
      "Table: `handleCast.Put` must be a function, but is undefined"
    ],
    [
      "CB-6: a section that is missing",
      { ...handlers, handleCall: undefined },
      "Table: `handleCall.Get` must be a function, but is undefined"
    ],
    [
      "CB-5: an Info without a handler",
      { ...handlers, handleInfo: {} },
      "Table: `handleInfo.Tick` must be a function, but is undefined"
    ],
    [
      "CB-6: a continue without a handler",
      { ...handlers, handleContinue: {} },
      "Table: `handleContinue.Warm` must be a function, but is undefined"
    ],
    [
      "CB-6: a handler that only the prototype has",
      { ...handlers, handleCast: Object.create(handlers.handleCast) },
      "Table: `handleCast.Put` must be a function, but is undefined"
    ],
    [
      "CB-7: a handler without a message",
      { ...handlers, handleCall: { ...handlers.handleCall, Gett: noReply } },
      "Table: `handleCall.Gett` handles a message that is not in its protocol"
    ],
    [
      "CB-7: a handler in the wrong section",
      { ...handlers, handleCall: { ...handlers.handleCall, Put: noReply } },
      "Table: `handleCall.Put` handles a cast, which belongs into another section"
    ],
    [
      "a handler that is no function",
      { ...handlers, handleCall: { Get: 42 } },
      "Table: `handleCall.Get` must be a function, but is 42"
    ]
  ] as const) {
    it(`${what} is refused`, () => {
      assert.throws(define(callbacks), TypeError, message)
    })
  }

  for (const capacity of [0, -1, 1.5, Number.NaN, "10", Number.NEGATIVE_INFINITY]) {
    it(`a capacity of ${typeof capacity} ${capacity} is refused`, () => {
      assert.throws(
        define({ ...handlers, mailbox: { capacity } }),
        TypeError,
        `Table: \`mailbox.capacity\` must be a whole number from 1 up, but is ${typeof capacity === "string" ? JSON.stringify(capacity) : capacity}`
      )
    })
  }

  for (const option of ["shutdown", "initTimeout", "hibernateAfter"]) {
    for (const value of [-1, Number.NaN, Number.NEGATIVE_INFINITY, "-1 seconds", "soon", {}, true]) {
      it(`a duration that is none is refused: ${option} ${typeof value} ${String(value)}`, () => {
        assert.throws(
          define({ ...handlers, [option]: value }),
          TypeError,
          new RegExp(`^Table: \`${option}\` must be a duration that is not negative, but is `)
        )
      })
    }
  }

  it("START-15: an init that is no function is refused", () => {
    for (const init of [undefined, 42, { state: 1 }]) {
      assert.throws(
        () => Table.toLayer(unchecked(init), handlers),
        TypeError,
        /^Table: `init` must be a function, but is /
      )
    }
  })

  it.scoped("START-15: start of a class without a layer says so", () =>
    Effect.gen(function* () {
      assert.include(
        yield* defectOf(Table.start.call(unchecked(Table)) as Effect.Effect<unknown>),
        "Table.start: Table has no `layer`"
      )
    })
  )
})

describe("bad input: messages", () => {
  for (const [what, make] of [
    ["a call's", () => new Get(unchecked({ key: 42 }))],
    ["a cast's", () => new Put(unchecked({ key: null }))],
    ["a call's, missing", () => new Get(unchecked({}))],
    ["a call's, without any", () => new Get(...(unchecked([]) as [never]))]
  ] as const) {
    it(`a payload that does not fit its schema is refused where it is made: ${what}`, () => {
      assert.throws(make, /key/)
    })
  }

  /** What is no message of the protocol, and by what the complaint names it. */
  const foreign: ReadonlyArray<readonly [what: string, message: unknown]> = [
    ["an object that looks like one", { _tag: "Get", key: "x" }],
    ["nothing", undefined],
    ["null", null],
    ["a string", "Get"],
    ["the class itself", Get],
    ["a message of another protocol", new Do({ handle: (n) => reply(n, n) })]
  ]

  for (const [what, message] of foreign) {
    it.scoped(`what is not an instance of a message class of the protocol cannot be sent: ${what}`, () =>
      Effect.gen(function* () {
        const server = yield* tableServer
        const complaint = /^TypeError: Table: .* is not an instance of a message class of its protocol/
        assert.match(yield* defectOf(GenServer.call(server, unchecked(message))), complaint)
        assert.match(yield* defectOf(GenServer.cast(server, unchecked(message))), complaint)
        // The server has heard nothing of it.
        assert.strictEqual(yield* GenServer.call(server, new Get({ key: "still there" })), "still there")
      })
    )
  }

  it.scoped("a cast cannot be called, a call not be cast, and nobody but the server sends Infos and continues", () =>
    Effect.gen(function* () {
      const server = yield* tableServer
      const get = new Get({ key: "x" })
      const put = new Put({ key: "x" })
      assert.include(
        yield* defectOf(GenServer.call(server, unchecked(put))),
        "Table: Put is a cast, and cannot be sent by `call`"
      )
      assert.include(
        yield* defectOf(GenServer.cast(server, unchecked(get))),
        "Table: Get is a call, and cannot be sent by `cast`"
      )
      assert.include(yield* defectOf(GenServer.cast(server, unchecked(new Tick()))), "Table: Tick is a info")
      assert.include(yield* defectOf(GenServer.cast(server, unchecked(new Warm()))), "Table: Warm is a continue")
      assert.strictEqual(yield* GenServer.call(server, get), "x")
    })
  )

  for (const [what, message] of [
    ["a call", new Do({ handle: (n) => reply(n, n) })],
    ["a continue", new Next({ handle: noReply })],
    ["another protocol's", new Tick()],
    ["an object", { _tag: "Note" }],
    ["nothing", undefined]
  ] as const) {
    it.scoped(`a server that sends itself what it cannot get crashes where it does that: ${what}`, () =>
      Effect.gen(function* () {
        for (const send of [
          (self: GenServer.SelfHandle<Scripted>) => self.send(unchecked(message)),
          (self: GenServer.SelfHandle<Scripted>) => self.sendAfter(unchecked(message), "1 second"),
          (self: GenServer.SelfHandle<Scripted>) => self.sendEvery(unchecked(message), "1 second")
        ]) {
          const server = yield* start()
          const call = ask(server, (n) => Effect.as(Effect.flatMap(Scripted.self, send), reply(n, n)))
          assert.match(
            yield* told(call),
            /^ServerDown: crashed: TypeError: Scripted: .* is no cast or Info of its protocol/
          )
        }
      })
    )
  }

  for (const [what, message] of [
    ["an Info", new Note({ handle: noReply })],
    ["a cast", new Say({ handle: noReply })],
    ["another protocol's", new Warm()],
    ["an object", { _tag: "Next" }]
  ] as const) {
    for (const how of ["plainly", "by an Effect"]) {
      it.scoped(`a continue that is none crashes the server, which says who asked for it: ${what}, ${how}`, () =>
        Effect.gen(function* () {
          const server = yield* start()
          const waiting = yield* Effect.fork(told(ask(server, (n) => noReply(n))))
          yield* quiet
          const outcome = reply(0, 0, { continue: unchecked(message) })
          yield* told(ask(server, () => (how === "plainly" ? outcome : Effect.succeed(outcome))))
          const given = yield* Fiber.join(waiting)
          assert.match(given, /^ServerDown: crashed: TypeError: Scripted: /)
          assert.match(given, /handleCall\.Do/)
        })
      )
    }
  }

  for (const [what, message] of [
    ["a continue", new Next({ handle: noReply })],
    ["another protocol's", new Tick()],
    ["an object", { _tag: "Note" }]
  ] as const) {
    for (const how of ["plainly", "by an Effect"]) {
      for (const time of [0, 1000]) {
        it.scoped(
          `an idle time-out's message that is none crashes the server, which says who asked for it: ${what}, ${how}, ${time}`,
          () =>
            Effect.gen(function* () {
              const server = yield* start()
              const waiting = yield* Effect.fork(told(ask(server, (n) => noReply(n))))
              yield* quiet
              const outcome = reply(0, 0, { idleTimeout: [time, unchecked(message)] })
              yield* Effect.exit(ask(server, () => (how === "plainly" ? outcome : Effect.succeed(outcome))))
              const given = yield* Fiber.join(waiting)
              assert.match(given, /^ServerDown: crashed: TypeError: Scripted: /)
              assert.match(given, /handleCall\.Do/)
            })
        )
      }
    }
  }
})
