/**
 * ScutiWeb.Service.Hashmap: the table of the introduction, kept by one process for as long as the application runs, and
 * called from everywhere by its name. It tells every change of it.
 */
import * as GenServer from "@effect-otp/core/GenServer"
import * as PubSub from "@effect-otp/core/PubSub"
// the same words as the first example has
import { Crash, Delete, Get, GetAll, GetOr, Put, Update } from "@effect-otp/example-hashmap/Hashmap"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { ScutiPubSub, Updated } from "./ScutiPubSub.ts"
import type * as Updates from "./Updates.ts"

const { noReply, reply } = GenServer

const Table = Schema.HashMap({ key: Schema.String, value: Schema.Unknown })
export type Table = typeof Table.Type

/** The number of the last change. */
export class Sequence extends GenServer.Call<Sequence>()("Sequence", { success: Schema.Number }) {}

type When = Pick<Updates.Delete, "sequence" | "at">

/** The table, and who calls it. */
export class Hashmap extends GenServer.Service<Hashmap>()("@app/ScutiWeb.Service.Hashmap", {
  state: Table,
  messages: [Get, GetOr, GetAll, Update, Put, Delete, Crash, Sequence]
}) {
  // client
  static readonly get = (key: string) => GenServer.call(this, new Get({ key }))
  static readonly getOr = (key: string, fallback: unknown) =>
    GenServer.call(this, new GetOr({ key, default: fallback }))
  static readonly getAll = GenServer.call(this, new GetAll())
  static readonly update = (key: string, value: unknown) => GenServer.call(this, new Update({ key, value }))
  static readonly put = (key: string, value: unknown) => GenServer.call(this, new Put({ key, value }))
  static readonly delete = (key: string) => GenServer.cast(this, new Delete({ key }))
  static readonly crash = GenServer.call(this, new Crash())
  static readonly sequence = GenServer.call(this, new Sequence())

  // server
  /**
   * @param initial what the table begins with, and begins again with after a crash
   * @param numbers the number of the last change: whoever starts the table anew goes on counting
   */
  static readonly layer = (initial: Table, numbers: MutableRef.MutableRef<number>) => {
    const tell = (change: (when: When) => Updates.Update): Effect.Effect<void, never, ScutiPubSub> =>
      Effect.flatMap(DateTime.now, (at) =>
        // Numbered and told at once: a number that was given has been told, or whoever should have heard it is not there.
        Effect.ignore(
          Effect.suspend(() =>
            PubSub.broadcast(ScutiPubSub, Updated, change({ sequence: MutableRef.incrementAndGet(numbers), at }))
          )
        )
      )

    const store = (by: "put" | "update", key: string, value: unknown, table: Table) =>
      Effect.as(
        tell((when) => ({ _tag: "Put", ...when, by, key, value })),
        reply(undefined, HashMap.set(table, key, value))
      )

    return this.toLayer(
      () =>
        Effect.as(
          tell((when) => ({ _tag: "Start", ...when, entries: Object.fromEntries(initial) })),
          initial
        ),
      {
        handleCall: {
          Get: ({ key }, table) => reply(HashMap.get(table, key), table),
          GetOr: ({ default: fallback, key }, table) =>
            reply(
              Option.getOrElse(HashMap.get(table, key), () => fallback),
              table
            ),
          GetAll: (_, table) => reply(table, table),
          Update: ({ key, value }, table) => store("update", key, value, table),
          Put: ({ key, value }, table) => store("put", key, value, table),
          Crash: () => {
            throw new Error("told to crash")
          },
          Sequence: (_, table) => reply(MutableRef.get(numbers), table)
        },
        handleCast: {
          Delete: ({ key }, table) =>
            HashMap.has(table, key)
              ? Effect.as(
                  tell((when) => ({ _tag: "Delete", ...when, key })),
                  noReply(HashMap.remove(table, key))
                )
              : noReply(table)
        }
      }
    )
  }
}
