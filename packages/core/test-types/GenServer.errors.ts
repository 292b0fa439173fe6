// What a user can get wrong, and what the compiler says to it.
import { Context, Effect, Schema } from "effect"
import * as ExitReason from "../src/ExitReason.ts"
import * as GenServer from "../src/GenServer.ts"
import { Get, Hashmap } from "./Hashmap.ts"
const { noReply, reply } = GenServer

class Database extends Context.Tag("Database")<Database, { readonly save: (n: number) => Effect.Effect<void> }>() {}
class TooMuch extends Schema.TaggedError<TooMuch>()("TooMuch", { limit: Schema.Number }) {}
class Oops extends Schema.TaggedError<Oops>()("Oops", {}) {}

class Add extends GenServer.Call<Add>()("Add", {
  payload: { by: Schema.Number },
  success: Schema.Number,
  error: TooMuch
}) {}
class Size extends GenServer.Call<Size>()("Size", { success: Schema.Number }) {}
class Reset extends GenServer.Cast<Reset>()("Reset") {}
class Tick extends GenServer.Info<Tick>()("Tick") {}
class Warm extends GenServer.Continue<Warm>()("Warm") {}
// of no protocol here
class OtherCall extends GenServer.Call<OtherCall>()("OtherCall", { success: Schema.Number }) {}
class OtherTick extends GenServer.Info<OtherTick>()("OtherTick") {}
class OtherWarm extends GenServer.Continue<OtherWarm>()("OtherWarm") {}

class Counter extends GenServer.Service<Counter>()("@app/Counter", {
  state: Schema.Number,
  messages: [Add, Size, Reset, Tick]
}) {
  static readonly layer = this.toLayer((start: number) => Effect.as(Database, start), {
    handleCall: { Add: ({ by }, n) => reply(n + by, n + by), Size: (_, n) => reply(n, n) },
    handleCast: { Reset: () => noReply(0) },
    handleInfo: { Tick: (_, n) => noReply(n) }
  })
}
class Quiet extends GenServer.Service<Quiet>()("@app/Quiet", { messages: [Size] }) {
  static readonly layer = this.toLayer(() => 0, { handleCall: { Size: (_, n) => reply(n, n) } })
}
class Bare extends GenServer.Service<Bare>()("@app/Bare", { messages: [Size] }) {}

// -- sending ----------------------------------------------------------------------------------------------------------

// @expect-error: Argument of type 'OtherCall' is not assignable to parameter of type 'Add | Size'
export const unknownMessage = GenServer.call(Counter, new OtherCall())

// @expect-error: Argument of type 'Get' is not assignable to parameter of type 'Add | Size'
export const messageOfAnother = GenServer.call(Counter, new Get({ key: "a" }))

// @expect-error: Argument of type 'Reset' is not assignable to parameter of type 'Add | Size'
export const callingACast = GenServer.call(Counter, new Reset())

// @expect-error: Argument of type 'Tick' is not assignable to parameter of type 'Add | Size'
export const callingAnInfo = GenServer.call(Counter, new Tick())

// @expect-error: Argument of type 'Size' is not assignable to parameter of type 'Reset'
export const castingACall = GenServer.cast(Counter, new Size())

// @expect-error: Argument of type 'Tick' is not assignable to parameter of type 'Reset'
export const castingAnInfo = GenServer.cast(Counter, new Tick())

// @expect-error: Argument of type 'Reset' is not assignable to parameter of type 'Refused<"the protocol has no Cast">'
export const noCasts = GenServer.cast(Quiet, new Reset())

// @expect-error: Argument of type 'string' is not assignable to parameter of type 'Add | Size'
export const noMessage = GenServer.call(Counter, "Size")

// @expect-error: Argument of type 'typeof Add' is not assignable to parameter of type 'Add | Size'
export const theClass = GenServer.call(Counter, Add)

// @expect-error: Argument of type 'typeof Database' is not assignable to parameter of type 'Effect<ServerRef<unknown>, never, Database>'
export const noServer = GenServer.call(Database, new Size())

// @expect-error: Type '"forever"' is not assignable to type 'DurationInput | "infinity" | undefined'
export const timeout = GenServer.call(Counter, new Size(), { timeout: "forever" })

// @expect-error: 'retry' does not exist in type 'CallOptions'
export const option = GenServer.call(Counter, new Size(), { retry: 1 })

export const twoOfOneProtocol = (ref: GenServer.ServerRef<Bare>): GenServer.ServerRef<Quiet> => {
  // @expect-error: Type 'ServerRef<Bare>' is not assignable to type 'ServerRef<Quiet>'
  // @expect-error: Type '"@app/Quiet"' is not assignable to type '"@app/Bare"'
  return ref
}

// -- running ----------------------------------------------------------------------------------------------------------

// @expect-error: Type 'Self<Counter>' is not assignable to type 'never'
export const selfOutside = Effect.runPromise(Counter.self)

export const selfOfAnother = Effect.runPromise(
  // @expect-error: Type 'Self<Counter>' is not assignable to type 'never'
  Effect.provide(Effect.zip(Hashmap.getAll, Counter.self), Hashmap.layer())
)

// @expect-error: Type 'Counter' is not assignable to type 'never'
export const noLayer = Effect.runPromise(GenServer.call(Counter, new Size()))

// @expect-error: Type 'Database' is not assignable to type 'never'
export const requirement = Effect.runPromise(Effect.provide(GenServer.call(Counter, new Size()), Counter.layer(1)))

// @expect-error: Expected 1 arguments, but got 0
export const layerWithout = Counter.layer()

// @expect-error: Argument of type 'string' is not assignable to parameter of type 'number'
export const layerWrong = Counter.layer("1")

// @expect-error: Expected 1 arguments, but got 0
export const startWithout = Counter.start()

// @expect-error: Argument of type 'string' is not assignable to parameter of type 'number'
export const startWrong = Counter.start("1")

// @expect-error: Expected 0 arguments, but got 1
export const startTooMany = Quiet.start(1)

// @expect-error: Property 'layer' is missing in type 'typeof Bare' but required in type 'HasLayer<Bare>'
export const startBare = Bare.start()

// -- the protocol -----------------------------------------------------------------------------------------------------

// @expect-error: "Missing `Self` generic - use `class Self extends GenServer.Service<Self>()...`"
export class Forgotten extends GenServer.Service()("@app/Forgotten", { messages: [Size] }) {}

// @expect-error: Type 'Size' is not assignable to type 'MessageClass'
export class Instance extends GenServer.Service<Instance>()("@app/Instance", { messages: [new Size()] }) {}

// @expect-error: Type 'typeof Oops' is not assignable to type 'MessageClass'
export class NoMessage extends GenServer.Service<NoMessage>()("@app/NoMessage", { messages: [Oops] }) {}

// @expect-error: 'message' does not exist in type
export class Misspelt extends GenServer.Service<Misspelt>()("@app/Misspelt", { message: [Size] }) {}

// -- tokens and self --------------------------------------------------------------------------------------------------

export const token = (from: GenServer.From<Add>, other: GenServer.From<Size>) => [
  // @expect-error: Argument of type 'string' is not assignable to parameter of type 'number'
  from.succeed("1"),
  // @expect-error: Argument of type 'Oops' is not assignable to parameter of type 'TooMuch'
  from.fail(new Oops()),
  // @expect-error: Argument of type 'Oops' is not assignable to parameter of type 'never'
  other.fail(new Oops())
]

export const own = Effect.flatMap(Counter.self, (self) => [
  self.send(new Reset()),
  self.sendEvery(new Tick(), "1 second"),
  // @expect-error: Argument of type 'Size' is not assignable to parameter of type 'Reset | Tick'
  self.send(new Size()),
  // @expect-error: Argument of type 'Warm' is not assignable to parameter of type 'Reset | Tick'
  self.send(new Warm()),
  // @expect-error: Argument of type 'OtherTick' is not assignable to parameter of type 'Reset | Tick'
  self.sendAfter(new OtherTick(), "1 second")
] as never)

// -- callbacks --------------------------------------------------------------------------------------------------------

export class Handlers extends GenServer.Service<Handlers>()("@app/Handlers", {
  state: Schema.Number,
  messages: [Add, Size, Reset]
}) {
  static readonly missingHandler = this.toLayer(() => 0, {
    // @expect-error: Property 'Add' is missing in type
    handleCall: { Size: (_, n) => reply(n, n) },
    handleCast: { Reset: () => noReply(0) }
  })

  static readonly extraHandler = this.toLayer(() => 0, {
    handleCall: {
      Add: (_, n) => reply(n, n),
      Size: (_, n) => reply(n, n),
      // @expect-error: is not assignable to type 'Refused<"the protocol has no Call named Get">'
      // @expect-error: implicitly has an 'any' type
      Get: (_, n) => reply(n, n)
    },
    handleCast: { Reset: () => noReply(0) }
  })

  static readonly otherSection = this.toLayer(() => 0, {
    handleCall: { Add: (_, n) => reply(n, n), Size: (_, n) => reply(n, n) },
    handleCast: {
      Reset: () => noReply(0),
      // @expect-error: is not assignable to type 'Refused<"the protocol has no Cast named Size">'
      // @expect-error: implicitly has an 'any' type
      Size: (_, n) => noReply(n)
    }
  })

  // @expect-error: Property 'handleCast' is missing in type
  // @expect-error: but required in type 'HandleCast<Reset, number, never>'
  static readonly missingSection = this.toLayer(() => 0, {
    handleCall: { Add: (_, n) => reply(n, n), Size: (_, n) => reply(n, n) }
  })

  static readonly extraSection = this.toLayer(() => 0, {
    handleCall: { Add: (_, n) => reply(n, n), Size: (_, n) => reply(n, n) },
    handleCast: { Reset: () => noReply(0) },
    // @expect-error: required in type 'Refused<"the protocol has no Info">'
    handleInfo: { Tick: () => noReply(0) }
  })

  static readonly misspeltOption = this.toLayer(() => 0, {
    handleCall: { Add: (_, n) => reply(n, n), Size: (_, n) => reply(n, n) },
    handleCast: { Reset: () => noReply(0) },
    // @expect-error: Refused<"there is no option trapexit">
    trapexit: true
  })

  static readonly wrongOptions = this.toLayer(() => 0, {
    handleCall: { Add: (_, n) => reply(n, n), Size: (_, n) => reply(n, n) },
    handleCast: { Reset: () => noReply(0) },
    // @expect-error: Type 'string' is not assignable to type 'boolean | undefined'
    trapExit: "yes",
    // @expect-error: Type '"soon"' is not assignable to type 'DurationInput | "infinity" | "brutal" | undefined'
    shutdown: "soon",
    // @expect-error: is not assignable to type '"backpressure" | "reject" | "dropNewest" | "dropOldest" | undefined'
    mailbox: { capacity: 1, overflow: "dropAll" }
  })

  static readonly wrongReply = this.toLayer(() => 0, {
    handleCall: {
      // @expect-error: Type 'Reply<string, number, never>' is not assignable to type 'CallResult<Add, number, never>'
      // @expect-error: Type 'string' is not assignable to type 'number'
      Add: (_, n) => reply("1", n),
      // @expect-error: Type 'Reply<string, number, never>' is not assignable to type 'Reply<number, number, never>'
      // @expect-error: Type 'string' is not assignable to type 'number'
      Size: (_, n) => Effect.succeed(reply("1", n))
    },
    handleCast: { Reset: () => noReply(0) }
  })

  static readonly wrongState = this.toLayer(() => 0, {
    handleCall: {
      // @expect-error: Type 'Reply<number, string, never>' is not assignable to type 'Reply<number, number, never>'
      // @expect-error: Type 'string' is not assignable to type 'number'
      Add: (_, n) => reply(n, "1"),
      Size: (_, n) =>
        // @expect-error: Type 'Reply<number, string, never>' is not assignable to type 'Reply<number, number, never>'
        // @expect-error: Type 'string' is not assignable to type 'number'
        Effect.gen(function* () {
          return reply(n, "1")
        })
    },
    // @expect-error: Type 'NoReply<string, never>' is not assignable to type 'NoReply<number, never>'
    handleCast: { Reset: () => noReply("0") }
  })

  // @expect-error: Type 'string' is not assignable to type 'InitOutcome<number, never>'
  static readonly wrongInit = this.toLayer(() => "0", {
    handleCall: { Add: (_, n) => reply(n, n), Size: (_, n) => reply(n, n) },
    handleCast: { Reset: () => noReply(0) }
  })

  static readonly noOutcome = this.toLayer(() => 0, {
    handleCall: {
      // @expect-error: Type 'number' is not assignable to type 'CallResult<Add, number, never>'
      Add: (_, n) => n,
      // @expect-error: Type 'Effect<number, never, never>' is not assignable to type 'CallResult<Size, number, never>'
      Size: (_, n) => Effect.succeed(n)
    },
    // @expect-error: Type 'Reply<number, number, never>' is not assignable to type 'Result<number, never>'
    // @expect-error: Type '"Reply"' is not assignable to type '"NoReply"'
    handleCast: { Reset: (_, n) => reply(n, n) }
  })

  static readonly undeclaredError = this.toLayer(() => 0, {
    handleCall: {
      // @expect-error: Type 'Effect<never, Oops, never>' is not assignable to type 'CallResult<Add, number, never>'
      // @expect-error: Property 'limit' is missing in type 'Oops' but required in type 'TooMuch'
      Add: () => Effect.fail(new Oops()),
      // @expect-error: Type 'Effect<never, Oops, never>' is not assignable to type 'CallResult<Size, number, never>'
      // @expect-error: Type 'Oops' is not assignable to type 'never'
      Size: () => Effect.fail(new Oops())
    },
    handleCast: {
      // @expect-error: Type 'Effect<never, Oops, never>' is not assignable to type 'Result<number, never>'
      // @expect-error: Type 'Oops' is not assignable to type 'never'
      Reset: () => Effect.fail(new Oops())
    },
    // @expect-error: Type 'Oops' is not assignable to type 'never'
    terminate: () => Effect.fail(new Oops())
  })

  static readonly wrongToken = this.toLayer(() => 0, {
    handleCall: {
      // @expect-error: Argument of type 'string' is not assignable to parameter of type 'number'
      Add: (_, n, from) => Effect.as(from.succeed("1"), noReply(n)),
      Size: (_, n) => reply(n, n)
    },
    handleCast: { Reset: () => noReply(0) }
  })
}

export class Inferred extends GenServer.Service<Inferred>()("@app/Inferred", { messages: [Size] }) {
  static readonly wrongState = this.toLayer(() => ({ size: 0 }), {
    // @expect-error: Type 'number' is not assignable to type '{ size: number; }'
    handleCall: { Size: (_, { size }) => reply(size, size) }
  })
}

export class Steps extends GenServer.Service<Steps>()("@app/Steps", {
  state: Schema.Number,
  messages: [Size, Tick, Warm]
}) {
  // @expect-error: Type 'OtherWarm' is not assignable to type 'Tick | Warm'
  static readonly afterInit = this.toLayer(() => GenServer.ok(0, { continue: new OtherWarm() }), {
    handleCall: { Size: (_, n) => reply(n, n) },
    handleInfo: { Tick: (_, n) => noReply(n) },
    handleContinue: { Warm: (_, n) => noReply(n) }
  })

  static readonly afterHandlers = this.toLayer(() => 0, {
    // @expect-error: Type 'OtherWarm' is not assignable to type 'Tick | Warm'
    handleCall: { Size: (_, n) => reply(n, n, { continue: new OtherWarm() }) },
    // @expect-error: Type 'OtherTick' is not assignable to type 'Tick | Warm'
    handleInfo: { Tick: (_, n) => noReply(n, { idleTimeout: ["1 second", new OtherTick()] }) },
    handleContinue: { Warm: (_, n) => noReply(n, { continue: new Warm() }) }
  })
}

// @expect-error: Type 'Tick' is not assignable to type 'Continue<string>'
export const infoAsContinue = noReply(0, { continue: new Tick() })

// @expect-error: Type 'Warm' is not assignable to type 'AnyInfo'
export const continueAsInfo = noReply(0, { idleTimeout: ["1 second", new Warm()] })

// @expect-error: Type '"a while"' is not assignable to type 'DurationInput'
export const noDuration = noReply(0, { idleTimeout: ["a while", new Tick()] })

// @expect-error: 'hibernat' does not exist in type 'Next<never, never>'. Did you mean to write 'hibernate'?
export const noSuchOption = reply(1, 0, { hibernat: true })

// @expect-error: No overload matches this call
export const reason = GenServer.stop("normal", 0)

export const stopped = GenServer.stop(ExitReason.normal, 0)
