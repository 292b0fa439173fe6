/** The journal within an application: it subscribes to a PubSub that is started after it, and others crash around it. */
import { assert, describe, it } from "@effect/vitest"
import * as Application from "@effect-otp/core/Application"
import * as ExitReason from "@effect-otp/core/ExitReason"
import * as GenServer from "@effect-otp/core/GenServer"
import * as Process from "@effect-otp/core/Process"
import * as PubSub from "@effect-otp/core/PubSub"
import * as Supervisor from "@effect-otp/core/Supervisor"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Migrator from "../src/Migrator.ts"
import { type Entry, Repo } from "../src/Repo.ts"
import * as RepoSupervisor from "../src/RepoSupervisor.ts"
import { Update } from "../src/Updates.ts"
import { freshFile, run, settingsLayer } from "./fixtures/database.ts"
import { quiet } from "./fixtures/quiet.ts"

class News extends PubSub.Service<News>()("@test/News") {}
const Updated = PubSub.topic("table", Update)

class Put extends GenServer.Call<Put>()("Put", { payload: { key: Schema.String }, success: Schema.Number }) {}
class Last extends GenServer.Call<Last>()("Last", { success: Schema.Number }) {}

/** A table of nothing but the number of its changes, which outlives its crashes. */
class Table extends GenServer.Service<Table>()("@test/Table", { messages: [Put, Last] }) {
  static readonly layer = this.toLayer(
    (numbers: { last: number }) =>
      Effect.gen(function* () {
        const at = yield* DateTime.now
        // while there is no PubSub nobody is told, and the journal finds a gap
        yield* Effect.ignore(
          PubSub.broadcast(News, Updated, { _tag: "Start", sequence: ++numbers.last, entries: {}, at })
        )
        return numbers
      }),
    {
      handleCall: {
        Put: ({ key }, numbers) =>
          Effect.gen(function* () {
            const at = yield* DateTime.now
            const sequence = ++numbers.last
            yield* Effect.ignore(
              PubSub.broadcast(News, Updated, { _tag: "Put", by: "put", sequence, key, value: sequence, at })
            )
            return GenServer.reply(sequence, numbers)
          }),
        Last: (_, numbers) => GenServer.reply(numbers.last, numbers)
      }
    }
  )
}

const elapse = (millis: number) =>
  Effect.repeatN(Effect.zipRight(TestClock.adjust("500 millis"), quiet), Math.ceil(millis / 500) - 1)

const application = (file: string, limit = 1_000_000) => {
  const numbers = { last: 0 }
  const app = Application.make({
    name: "Test.Supervisor",
    intensity: { restarts: limit, within: "1 second" },
    children: [
      Supervisor.child(
        Layer.provide(
          RepoSupervisor.layer({
            run,
            updates: PubSub.subscribe(News, Updated, { capacity: 10_000, overflow: "dropNewest" }),
            sequence: GenServer.call(Table, new Last())
          }),
          [News.byName, Table.byName]
        ),
        { id: "Scuti.Repo.Supervisor" }
      ),
      Migrator.child,
      News.layer,
      // as the Endpoint, which stands there, waits for its port
      Layer.effectDiscard(quiet),
      Table.layer(numbers)
    ]
  })
  const settings = settingsLayer({ DATABASE_FILE: file, RELEASE_NAME: "test" })
  return { app, layer: Layer.provide(app.layer, Layer.merge(settings, Logger.remove(Logger.defaultLogger))) }
}

const journal = Effect.map(Repo.page({ before: null, limit: 1_000_000 }), ({ entries }) => [...entries].reverse())

const words = (entries: ReadonlyArray<Entry>) =>
  entries.map(({ operation, sequence, value }) => `${operation} ${sequence}${operation === "gap" ? ` (${value})` : ""}`)

const put = (key: string) => GenServer.call(Table, new Put({ key }))

describe("Journal, in an application", () => {
  it.scoped("in a release it has its tables, and subscribes in time for the table's start", () =>
    Effect.gen(function* () {
      const { app, layer } = application(yield* freshFile)
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* put("a"), 2)
        yield* elapse(1000)
        assert.deepStrictEqual(words(yield* journal), ["start 1", "put 2"])
        assert.deepStrictEqual((yield* Supervisor.tree(app.supervisor)).split("\n").slice(0, 5), [
          "Test.Supervisor",
          "├─ Scuti.Repo.Supervisor (Supervisor)",
          "│  ├─ Scuti.Repo (Layer)",
          "│  └─ Journal (Worker)",
          "├─ Migrator (Layer)"
        ])
      }).pipe(Effect.provide(layer))
    })
  )

  it.scoped(
    "whoever is killed under load, each change is a line or within a gap, once and in order",
    () =>
      Effect.gen(function* () {
        const { layer } = application(yield* freshFile)
        yield* Effect.gen(function* () {
          const victims = [News, Table, RepoSupervisor.RepoSupervisor, News, Table].map((victim) =>
            // each is of a type of its own
            Process.exit(victim as typeof News, ExitReason.killed)
          )
          let made = 0
          for (let round = 0; round < 60; round++) {
            for (let index = 0; index < 10; index++) made += (yield* Effect.isSuccess(put(`${round}/${index}`))) ? 1 : 0
            yield* victims[round % victims.length] ?? Effect.void
            if (round % 10 === 0) yield* elapse(100)
            for (let index = 0; index < 10; index++) made += (yield* Effect.isSuccess(put(`${round}/${index}`))) ? 1 : 0
            yield* quiet
          }
          yield* elapse(15_000)
          const last = yield* GenServer.call(Table, new Last())
          assert.isAbove(made, 600)
          const entries = yield* journal
          let covered = 0
          for (const { operation, sequence, value } of entries) {
            assert.strictEqual(sequence, covered + (operation === "gap" ? Number(value) : 1))
            covered = sequence
          }
          assert.strictEqual(covered, last)
          assert.isAbove(entries.filter(({ operation }) => operation === "put").length, made / 4)
        }).pipe(Effect.provide(layer))
      }),
    20_000
  )

  it.scoped("a PubSub that is not there for a while costs what was changed meanwhile, and nobody's restart", () =>
    Effect.gen(function* () {
      const { app, layer } = application(yield* freshFile)
      yield* Effect.gen(function* () {
        yield* put("a")
        yield* quiet
        yield* Supervisor.terminateChild(app.supervisor, "News")
        yield* put("lost")
        yield* elapse(3000)
        yield* Supervisor.restartChild(app.supervisor, "News")
        yield* quiet
        yield* put("b")
        yield* elapse(500)
        assert.deepStrictEqual(words(yield* journal).slice(-3), ["put 2", "gap 3 (1)", "put 4"])
        const restarts = (yield* Process.list).filter(({ name }) => name === "Journal").map(({ restarts }) => restarts)
        assert.deepStrictEqual(restarts, [0])
      }).pipe(Effect.provide(layer))
    })
  )

  it("what it is told by is a Stream that may fail as any may", () => {
    // a type test: what the Stream and the question require, the layer requires
    const layer: Layer.Layer<Repo | RepoSupervisor.RepoSupervisor, unknown, News> = RepoSupervisor.layer({
      run,
      updates: Stream.orDie(PubSub.subscribe(News, Updated)),
      sequence: Effect.succeed(0)
    })
    assert.isTrue(Layer.isLayer(layer))
  })
})
