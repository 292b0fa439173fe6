import { assert, it } from "@effect/vitest"
import { Chunk, Effect, Exit, Fiber, HashMap, Option, Schema, Stream, TestClock } from "effect"
import { ExitReason, GenServer } from "@effect-otp/core"
const { noReply, reply } = GenServer
const Table = Schema.HashMap({ key: Schema.String, value: Schema.Unknown })
type Table = typeof Table.Type
class Get extends GenServer.Call<Get>()("Get", { payload: { key: Schema.String }, success: Schema.Option(Schema.Unknown) }) {}
class GetAll extends GenServer.Call<GetAll>()("GetAll", { success: Table }) {}
class Put extends GenServer.Call<Put>()("Put", { payload: { key: Schema.String, value: Schema.Unknown } }) {}
class Delete extends GenServer.Cast<Delete>()("Delete", { key: Schema.String }) {}
class Slow extends GenServer.Call<Slow>()("Slow", { success: Schema.Number }) {}
class Boom extends GenServer.Call<Boom>()("Boom", {}) {}
class Tick extends GenServer.Info<Tick>()("Tick") {}
class Hashmap extends GenServer.Service<Hashmap>()("@app/Hashmap", { state: Table, messages: [Get, GetAll, Put, Delete, Slow, Boom, Tick] }) {
  static readonly get = (key: string) => GenServer.call(this, new Get({ key }))
  static readonly put = (key: string, value: unknown) => GenServer.call(this, new Put({ key, value }))
  static readonly delete = (key: string) => GenServer.cast(this, new Delete({ key }))
  static readonly layer = this.toLayer((initial: Table = HashMap.empty()) => initial, {
    handleCall: {
      Get: ({ key }, table) => reply(HashMap.get(table, key), table),
      GetAll: (_, table) => reply(table, table),
      Put: ({ key, value }, table) => reply(undefined, HashMap.set(table, key, value)),
      Slow: (_, table) => Effect.gen(function* () {
        const self = yield* Hashmap.self
        yield* self.sendAfter(new Tick(), "1 second")
        yield* Effect.sleep("10 seconds")
        return reply(1, table)
      }),
      Boom: () => { throw new Error("boom") }
    },
    handleCast: { Delete: ({ key }, table) => noReply(HashMap.remove(table, key)) },
    handleInfo: { Tick: (_, table) => noReply(HashMap.set(table, "ticked", true)) }
  })
}
it.effect("hashmap", () => Effect.gen(function* () {
  yield* Hashmap.put("a", 1)
  assert.deepStrictEqual(yield* Hashmap.get("a"), Option.some(1))
  yield* Hashmap.delete("a")
  assert.deepStrictEqual(yield* Hashmap.get("a"), Option.none())
  const f = yield* Effect.fork(Effect.exit(GenServer.call(Hashmap, new Slow())))
  yield* TestClock.adjust("5 seconds")
  const e = yield* Fiber.join(f)
  assert.isTrue(Exit.isFailure(e))
  yield* TestClock.adjust("5 seconds")
  assert.deepStrictEqual(yield* Hashmap.get("ticked"), Option.some(true))
  const st = yield* Effect.fork(Stream.runCollect(GenServer.changes(Hashmap)))
  yield* Effect.yieldNow()
  yield* Hashmap.put("x", 1)
  const b = yield* Effect.exit(GenServer.call(Hashmap, new Boom()))
  console.log(String(b))
  console.log(Chunk.size(yield* Fiber.join(st)))
  console.log(String(yield* Effect.exit(Hashmap.get("x"))))
}).pipe(Effect.provide(Hashmap.layer())))
it.scoped("start stop", () => Effect.gen(function* () {
  const ref = yield* Hashmap.start()
  yield* GenServer.call(ref, new Put({ key: "a", value: 2 }))
  yield* GenServer.stop(ref)
  console.log(String(yield* Effect.exit(GenServer.call(ref, new Get({ key: "a" })))))
  console.log(String(yield* Effect.exit(GenServer.stop(ref, ExitReason.shutdown("x")))))
}))
