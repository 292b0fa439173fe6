import { assert, describe, it } from "@effect/vitest"
import { ServerDown } from "@effect-otp/core/CallError"
import * as ExitReason from "@effect-otp/core/ExitReason"
import * as Supervisor from "@effect-otp/core/Supervisor"
import { createClient } from "@libsql/client"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { Repo } from "../src/Repo.ts"
import * as RepoSupervisor from "../src/RepoSupervisor.ts"
import type { Update } from "../src/Updates.ts"
import { migratedFile, run, settingsLayer } from "./fixtures/database.ts"
import { quiet } from "./fixtures/quiet.ts"

/** Lets time pass in small steps, in which everybody runs. */
const elapse = (millis: number) =>
  Effect.repeatN(Effect.zipRight(TestClock.adjust("500 millis"), quiet), Math.ceil(millis / 500) - 1)

/** A table that numbers its changes, and tells whoever has subscribed, unless its telling is switched off. */
class Table extends Context.Tag("@test/Table")<
  Table,
  {
    readonly put: (value: unknown) => Effect.Effect<void>
    readonly updates: Stream.Stream<Update, ServerDown>
    readonly sequence: Effect.Effect<number>
    readonly isTelling: (isTelling: boolean) => void
  }
>() {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const told = yield* PubSub.unbounded<Update>()
      let sequence = 0
      let isTelling = true
      return {
        put: (value) =>
          Effect.suspend(() => {
            const number = ++sequence
            const update: Update = { _tag: "Put", by: "put", key: `key ${number}`, value, sequence: number, at: run }
            return isTelling ? PubSub.publish(told, update) : Effect.void
          }),
        updates: Stream.suspend(() =>
          isTelling
            ? Stream.takeWhile(Stream.fromPubSub(told), () => isTelling)
            : Stream.fail(new ServerDown({ server: "PubSub", request: "subscribe", reason: ExitReason.noProcess }))
        ),
        sequence: Effect.sync(() => sequence),
        isTelling: (is) => {
          isTelling = is
        }
      }
    })
  )
}

/** The application as far as the journal goes: a Repo and its writer, beside a table that outlives both. */
const application = (file: string, log: Array<string>) =>
  Layer.unwrapEffect(
    Effect.map(Table, ({ sequence, updates }) => RepoSupervisor.layer({ run, sequence, updates }))
  ).pipe(
    Layer.provideMerge(Table.layer),
    Layer.provide(settingsLayer({ DATABASE_FILE: file })),
    Layer.provide(
      Logger.replace(
        Logger.defaultLogger,
        Logger.make(({ logLevel, message }) => void log.push(`${logLevel.label} ${message}`.replace(file, "F")))
      )
    )
  )

/** What is in the journal, the oldest first, in words: `put 3`, `gap 4 (2)`. */
const journal = Effect.map(Repo.page({ before: null, limit: 100_000 }), ({ entries }) =>
  entries
    .map(({ operation, sequence, value }) => `${operation} ${sequence}${operation === "gap" ? ` (${value})` : ""}`)
    .reverse()
)

const putAll = (count: number) =>
  Effect.flatMap(Table, ({ put }) =>
    Effect.forEach(
      Array.from({ length: count }, (_, index) => index),
      put,
      { discard: true }
    )
  )

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => `put ${from + index}`)

const scoped = <A, E>(
  title: string,
  test: (given: {
    readonly file: string
    /** What is logged. */
    readonly log: ReadonlyArray<string>
  }) => Effect.Effect<A, E, Table | Repo | RepoSupervisor.RepoSupervisor>
) =>
  it.scoped(title, () =>
    Effect.flatMap(migratedFile, (file) => {
      const log: Array<string> = []
      return Effect.provide(Effect.zipRight(quiet, test({ file, log })), application(file, log))
    })
  )

/** Somebody else who holds the file for as long as the effect runs. */
const whileLocked = <A, E, R>(file: string, effect: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.promise(async () => {
      const client = createClient({ url: `file:${encodeURI(file)}` })
      await client.execute("BEGIN IMMEDIATE")
      return client
    }),
    () => effect,
    (client) =>
      Effect.promise(async () => {
        await client.execute("ROLLBACK")
        client.close()
      })
  )

describe("Journal", () => {
  scoped("writes each change, in order", () =>
    Effect.gen(function* () {
      yield* putAll(1200)
      yield* quiet
      assert.deepStrictEqual(yield* journal, numbers(1, 1200))
    })
  )

  scoped("changes that it was not told of are a gap before the next one", () =>
    Effect.gen(function* () {
      const { isTelling } = yield* Table
      yield* putAll(2)
      yield* quiet
      isTelling(false)
      yield* putAll(3)
      isTelling(true)
      yield* elapse(1000)
      yield* putAll(1)
      yield* quiet
      assert.deepStrictEqual(yield* journal, ["put 1", "put 2", "gap 5 (3)", "put 6"])
    })
  )

  scoped("a gap is found although nothing comes after it", () =>
    Effect.gen(function* () {
      const { isTelling } = yield* Table
      yield* putAll(1)
      yield* quiet
      isTelling(false)
      yield* putAll(4)
      yield* elapse(12_000)
      assert.deepStrictEqual(yield* journal, ["put 1", "gap 5 (4)"])
      // and it is written once
      isTelling(true)
      yield* elapse(12_000)
      yield* putAll(1)
      yield* quiet
      assert.deepStrictEqual(yield* journal, ["put 1", "gap 5 (4)", "put 6"])
    })
  )

  scoped("a restart of the writer takes up where the journal ends, and what it missed is a gap", () =>
    Effect.gen(function* () {
      yield* putAll(3)
      yield* quiet
      yield* Supervisor.terminateChild(RepoSupervisor.RepoSupervisor, "Journal")
      yield* putAll(2)
      yield* Supervisor.restartChild(RepoSupervisor.RepoSupervisor, "Journal")
      yield* quiet
      yield* putAll(1)
      yield* quiet
      assert.deepStrictEqual(yield* journal, [...numbers(1, 3), "gap 5 (2)", "put 6"])
    })
  )

  scoped("restarts of the Repo lose nothing", () =>
    Effect.gen(function* () {
      for (let round = 0; round < 20; round++) {
        yield* putAll(10)
        yield* Supervisor.terminateChild(RepoSupervisor.RepoSupervisor, "Scuti.Repo")
        yield* putAll(10)
        yield* Supervisor.restartChild(RepoSupervisor.RepoSupervisor, "Scuti.Repo")
        yield* putAll(5)
      }
      yield* elapse(6000)
      assert.deepStrictEqual(yield* journal, numbers(1, 500))
    })
  )

  scoped(
    "a locked file holds lines back, and loses none; the log says so at the 1st and the 10th failure",
    ({ file, log }) =>
      Effect.gen(function* () {
        yield* whileLocked(
          file,
          Effect.gen(function* () {
            yield* putAll(700)
            yield* elapse(25_000)
            assert.deepStrictEqual(yield* journal, [])
          })
        )
        yield* elapse(6000)
        assert.deepStrictEqual(yield* journal, numbers(1, 700))
        const why =
          "the database F cannot be written: another process has locked it; it is free when that one is done or has ended"
        assert.deepStrictEqual(log, [
          `WARN The journal waits, for the 1st time: ${why}`,
          `WARN The journal waits, for the 10th time: ${why}`,
          "INFO The journal is written again"
        ])
      })
  )

  scoped("what it cannot hold back any more is a gap, and its memory has a limit", ({ file }) =>
    Effect.gen(function* () {
      const large = "x".repeat(1024 * 1024)
      const { put } = yield* Table
      yield* whileLocked(
        file,
        Effect.zipRight(Effect.repeatN(Effect.zipRight(put(large), Effect.yieldNow()), 29), elapse(100))
      )
      yield* elapse(20_000)
      const lines = yield* journal
      assert.strictEqual(lines.at(-1), `gap 30 (${30 - lines.length + 1})`)
      assert.deepStrictEqual(lines.slice(0, -1), numbers(1, lines.length - 1))
      assert.isAbove(lines.length, 10)
      assert.isBelow(lines.length, 18)
    })
  )
})
