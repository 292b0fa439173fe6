// What comes unaided: requirements, errors and states from `init` and the handlers to the layer and the client.
import { Context, Effect, Layer, Option, Schema, type Scope } from "effect"
import type { CallError } from "../src/CallError.ts"
import * as ExitReason from "../src/ExitReason.ts"
import * as GenServer from "../src/GenServer.ts"
import { Hashmap } from "./Hashmap.ts"
import { same } from "./same.ts"
const { noReply, reply } = GenServer

export class Database extends Context.Tag("Database")<
  Database,
  { readonly save: (count: number) => Effect.Effect<void> }
>() {}
export class TooMuch extends Schema.TaggedError<TooMuch>()("TooMuch", { limit: Schema.Number }) {}
export class Offline extends Schema.TaggedError<Offline>()("Offline", {}) {}

export class Add extends GenServer.Call<Add>()("Add", {
  payload: { by: Schema.Number },
  success: Schema.Number,
  error: TooMuch
}) {}
export class Status extends GenServer.Call<Status>()("Status", { success: Schema.Literal("ok", "busy") }) {}
export class Reset extends GenServer.Cast<Reset>()("Reset") {}
export class Tick extends GenServer.Info<Tick>()("Tick") {}
export class Warm extends GenServer.Continue<Warm>()("Warm") {}

export class Counter extends GenServer.Service<Counter>()("@app/Counter", {
  state: Schema.Number,
  messages: [Add, Status, Reset, Tick, Warm]
}) {
  static readonly add = (by: number) => GenServer.call(this, new Add({ by }))

  static readonly layer = this.toLayer((start: number) => GenServer.ok(start, { continue: new Warm() }), {
    handleCall: {
      // plainly or in an Effect
      Add: ({ by }, count, from) =>
        //                 ^? (parameter) from: GenServer.From<Add>
        by > 10
          ? Effect.fail(new TooMuch({ limit: 10 }))
          : reply(count + by, count + by, { idleTimeout: ["1 second", new Tick()] }),
      Status: (_, count) =>
        Effect.gen(function* () {
          const self = yield* Counter.self
          //    ^? const self: GenServer.SelfHandle<Counter>
          yield* self.send(new Reset())
          const timer = yield* self.sendAfter(new Tick(), "1 second")
          yield* timer.cancel
          const database = yield* Database
          yield* database.save(count)
          yield* Effect.ignore(Counter.add(1))
          yield* Effect.addFinalizer(() => Effect.void)
          return reply("ok", count)
        })
    },
    handleCast: { Reset: () => noReply(0) },
    handleInfo: {
      Tick: (_, count) =>
        Effect.as(Hashmap.delete("a"), count > 3 ? GenServer.stop(ExitReason.normal, count) : noReply(count))
    },
    handleContinue: { Warm: (_, count) => Effect.succeed(noReply(count, { hibernate: true })) },
    terminate: (reason, count) =>
      //        ^? (parameter) reason: ExitReason.ExitReason
      Effect.flatMap(Database, (database) => database.save(count)),
    initTimeout: "1 second"
  })
}

same<ReturnType<typeof Counter.add>, Effect.Effect<number, TooMuch | CallError, Counter>>(true)
same<typeof Counter.layer, (start: number) => Layer.Layer<Counter, GenServer.InitTimeout, Database | Hashmap>>(true)

export const started = Counter.start(1)
same<
  typeof started,
  Effect.Effect<GenServer.ServerRef<Counter>, GenServer.InitTimeout, Database | Hashmap | Scope.Scope>
>(true)

// a server is its class, a ref, or any effect that finds a ref
export class Directory extends Context.Tag("Directory")<
  Directory,
  { readonly find: (name: string) => Effect.Effect<GenServer.ServerRef<Counter>, Offline> }
>() {}
export const found = Effect.flatMap(Directory, (directory) => directory.find("a"))
export const foundCall = GenServer.call(found, new Add({ by: 1 }), { timeout: "infinity", abandoned: "run" })
same<typeof foundCall, Effect.Effect<number, TooMuch | CallError | Offline, Directory>>(true)
export const foundCast = GenServer.cast(found, new Reset())
//           ^? const foundCast: Effect.Effect<void, Offline, Directory>
export const foundStop = GenServer.stop(found, ExitReason.shutdown("done"), { timeout: "1 second" })
same<typeof foundStop, Effect.Effect<void, CallError | Offline, Directory>>(true)
export const foundChanges = GenServer.changes(found)
//           ^? const foundChanges: Stream<number, Offline, Directory>
export const refCall = (ref: GenServer.ServerRef<Counter>) => GenServer.call(ref, new Status())
same<ReturnType<typeof refCall>, Effect.Effect<"ok" | "busy", CallError>>(true)
export const refOf = Effect.map(Counter, (ref) => ref)
//           ^? const refOf: Effect.Effect<GenServer.ServerRef<Counter>, never, Counter>

// without a schema, the state is what `init` gives
export class Inferred extends GenServer.Service<Inferred>()("@app/Inferred", { messages: [Status, Reset] }) {
  static readonly layer = this.toLayer(
    Effect.fn(function* (path: string, last?: number) {
      const database = yield* Database
      yield* Effect.addFinalizer(() => database.save(0))
      if (last === 0) return yield* new Offline()
      if (last === 1) return GenServer.ignore
      return { path, count: 0 }
    }),
    {
      handleCall: {
        Status: Effect.fn("Status")(function* (_, state, from) {
          //                                      ^? (parameter) state: { path: string; count: number; }
          yield* Effect.forkScoped(from.succeed("busy"))
          yield* Hashmap.get(state.path).pipe(Effect.orDie)
          return noReply({ ...state, count: 1 })
        })
      },
      handleCast: { Reset: (_, state) => (state.count > 1 ? Effect.never : noReply({ ...state, count: 0 })) }
    }
  )
}
same<
  typeof Inferred.layer,
  (path: string, last?: number) => Layer.Layer<Inferred, Offline, Database | Hashmap>
>(true)
export const inferredChanges = GenServer.changes(Inferred)
//           ^? const inferredChanges: Stream<unknown, never, Inferred>

// literals stay literals where the protocol has them
export class Light extends GenServer.Service<Light>()("@app/Light", {
  state: Schema.Literal("red", "green"),
  messages: [Status]
}) {
  static readonly layer = this.toLayer(() => Effect.succeed("red"), {
    handleCall: {
      Status: (_, light) =>
        Effect.gen(function* () {
          yield* Effect.yieldNow()
          return light === "red" ? reply("ok", "green") : reply("busy", "red")
        })
    }
  })
}
export const light = Light.layer
//           ^? const light: Layer.Layer<Light, never, never>

// a state that is itself an Effect comes by `ok`, or from an Effect
export class Maybe extends GenServer.Service<Maybe>()("@app/Maybe", {
  state: Schema.Option(Schema.Number),
  messages: []
}) {
  static readonly byOk = this.toLayer(() => GenServer.ok(Option.some(1)), {})
  static readonly byEffect = this.toLayer(() => Effect.succeedSome(1), {})
  // @expect-error: is not assignable to type 'InitOutcome<Option<number>, never>'
  static readonly plainly = this.toLayer(() => Option.some(1), {})
}

// static methods, and a layer with its needs provided
export class Methods extends GenServer.Service<Methods>()("@app/Methods", { messages: [Status] }) {
  static status() {
    return GenServer.call(this, new Status())
  }
  static statusAndRef() {
    return Effect.gen(this, function* () {
      return [yield* this.status(), yield* this] as const
    })
  }
  static readonly layer = this.toLayer(() => Effect.as(Database, 0), {
    handleCall: { Status: (_, count) => reply("ok", count) }
  }).pipe(Layer.provide(Layer.succeed(Database, { save: () => Effect.void })))
}
same<ReturnType<typeof Methods.status>, Effect.Effect<"ok" | "busy", CallError, Methods>>(true)
same<
  ReturnType<typeof Methods.statusAndRef>,
  Effect.Effect<readonly ["ok" | "busy", GenServer.ServerRef<Methods>], CallError, Methods>
>(true)
export const methods = Methods.start()
//           ^? const methods: Effect.Effect<GenServer.ServerRef<Methods>, never, Scope.Scope>

// an Effect that says nothing of its requirements has none
export class Callback extends GenServer.Service<Callback>()("@app/Callback", { messages: [Status] }) {
  static readonly layer = this.toLayer(() => 0, {
    handleCall: { Status: (_, count) => Effect.async((resume) => resume(Effect.succeed(reply("ok", count)))) }
  })
}
export const callback = Callback.layer
//           ^? const callback: Layer.Layer<Callback, never, never>

// options that may be there
export const layerWith = (options: Pick<GenServer.ServerOptions<number>, "initTimeout" | "trapExit">) =>
  Plain.toLayer(() => 0, { ...options, handleCall: { Status: (_, count) => reply("ok", count) } })
export class Plain extends GenServer.Service<Plain>()("@app/Plain", { messages: [Status] }) {}
same<ReturnType<typeof layerWith>, Layer.Layer<Plain, GenServer.InitTimeout>>(true)
