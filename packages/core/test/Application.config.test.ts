import { assert, describe, it } from "@effect/vitest"
import { Application, GenServer, Supervisor } from "@effect-otp/core"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { quiet, told } from "./fixtures/observing.ts"
import { ask, layer, Scripted, tell } from "./fixtures/Scripted.ts"

const { reply } = GenServer

const fromMap = (entries: Record<string, string>) => ConfigProvider.fromMap(new Map(Object.entries(entries)))

/** What `configChange` was told, as plain data. */
type Told = Pick<Application.ConfigChange, "removed"> & { readonly changed: object; readonly added: object }

/** An application that writes down what it is told, under a first configuration. */
const listening = (first: ConfigProvider.ConfigProvider) => {
  const changes: Array<Told> = []
  const app = Application.make({
    name: "App",
    children: [],
    configChange: ({ added, changed, removed }) =>
      Effect.sync(() => {
        changes.push({ changed: Object.fromEntries(changed), added: Object.fromEntries(added), removed })
      })
  })
  return { app, changes, run: Layer.build(app.layer).pipe(Effect.withConfigProvider(first)) }
}

const nothing: Told = { changed: {}, added: {}, removed: [] }

describe("Application, configuration", () => {
  it.scoped("is that of whoever starts it, until it is replaced", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const look = (who: string) =>
        Effect.flatMap(Effect.orDie(Config.string("word")), (word) =>
          Effect.sync(() => void seen.push(`${who}: ${word}`))
        )
      const app = Application.make({
        name: "App",
        children: [
          layer({ init: () => Effect.as(look("server"), 0) }),
          Supervisor.child(Layer.effectDiscard(look("layer")), { id: "layer" }),
          Supervisor.child(Supervisor.layer({ children: [Layer.effectDiscard(look("deep"))] }), { id: "deep" })
        ],
        strategy: "one_for_all",
        prepStop: look("prepStop"),
        stop: () => look("stop"),
        configChange: () => look("configChange")
      })
      yield* Effect.gen(function* () {
        assert.deepStrictEqual(seen.splice(0), ["server: one", "layer: one", "deep: one"])
        yield* Effect.withConfigProvider(app.changeConfig(fromMap({ word: "two" })), fromMap({ word: "not mine" }))
        assert.deepStrictEqual(seen.splice(0), ["configChange: two"])
        const inHandler = yield* ask(Scripted, (n) =>
          Effect.map(Effect.orDie(Config.string("word")), (word) => reply(word, n))
        )
        assert.strictEqual(inHandler, "two")
        yield* tell(Scripted, () => {
          throw new Error("a bug")
        })
        yield* quiet
        assert.deepStrictEqual(seen.splice(0), ["server: two", "layer: two", "deep: two"])
      }).pipe(Effect.provide(app.layer), Effect.withConfigProvider(fromMap({ word: "one" })))
      assert.deepStrictEqual(seen, ["prepStop: two", "stop: two"])
    })
  )

  it.scoped("lets children narrow it, as any provider", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const narrow = (f: (provider: ConfigProvider.ConfigProvider) => ConfigProvider.ConfigProvider) =>
        Effect.configProviderWith((provider) => Effect.withConfigProvider(Config.string("word"), f(provider))).pipe(
          Effect.match({ onFailure: () => "nothing", onSuccess: (word) => word }),
          Effect.map((word) => void seen.push(word))
        )
      const app = Application.make({
        name: "App",
        children: [
          Layer.effectDiscard(narrow(ConfigProvider.nested("inner"))),
          Layer.effectDiscard(narrow(ConfigProvider.orElse(() => fromMap({ word: "otherwise" })))),
          Layer.effectDiscard(narrow(ConfigProvider.mapInputPath((name) => `${name}!`)))
        ]
      })
      const first = fromMap({ "inner.WORD": "one", "WORD!": "loud" }).pipe(ConfigProvider.constantCase)
      yield* Effect.withConfigProvider(Layer.build(app.layer), first)
      assert.deepStrictEqual(seen, ["one", "otherwise", "loud"])
    })
  )

  describe("configChange is told the difference, by flattened keys, once (APP-13)", () => {
    it.scoped("of maps", () =>
      Effect.gen(function* () {
        const { app, changes, run } = listening(fromMap({ a: "1", "b.c": "2", "b.d": "3", e: "x,y" }))
        yield* run
        assert.deepStrictEqual(changes, [])
        yield* app.changeConfig(fromMap({ a: "1", "b.c": "20", "b.f.g": "4", e: "x,z" }))
        assert.deepStrictEqual(changes, [
          { changed: { "b.c": "20", e: "x,z" }, added: { "b.f.g": "4" }, removed: ["b.d"] }
        ])
        yield* app.changeConfig(fromMap({ a: "1" }))
        assert.deepStrictEqual(changes.slice(1), [{ ...nothing, removed: ["b.c", "b.f.g", "e"] }])
      })
    )

    it.scoped("a key that is a value and has others below it is both", () =>
      Effect.gen(function* () {
        const { app, changes, run } = listening(fromMap({ a: "1", "a.b": "2" }))
        yield* run
        yield* app.changeConfig(fromMap({ a: "2", "a.b": "2", "a.c": "3" }))
        assert.deepStrictEqual(changes, [{ ...nothing, changed: { a: "2" }, added: { "a.c": "3" } }])
      })
    )

    it.scoped("of JSON", () =>
      Effect.gen(function* () {
        const { app, changes, run } = listening(
          ConfigProvider.fromJson({ server: { port: 80, hosts: ["a", "b"] }, debug: true })
        )
        yield* run
        yield* app.changeConfig(ConfigProvider.fromJson({ server: { port: 81, hosts: ["a", "c"] }, name: "x" }))
        assert.deepStrictEqual(changes, [
          { changed: { "server.port": "81", "server.hosts.[1]": "c" }, added: { name: "x" }, removed: ["debug"] }
        ])
      })
    )

    it.scoped("of the environment, which changes by itself", () =>
      Effect.gen(function* () {
        const keys = ["OTPTEST_A", "OTPTEST_B", "OTPTEST_C"]
        yield* Effect.addFinalizer(() => Effect.sync(() => keys.forEach((key) => delete process.env[key])))
        process.env["OTPTEST_A"] = "1"
        process.env["OTPTEST_B"] = "2"
        const { app, changes, run } = listening(ConfigProvider.fromEnv())
        yield* run
        yield* app.changeConfig(ConfigProvider.fromEnv())
        assert.deepStrictEqual(changes, [])
        process.env["OTPTEST_A"] = "10"
        delete process.env["OTPTEST_B"]
        process.env["OTPTEST_C"] = "3"
        yield* app.changeConfig(ConfigProvider.fromEnv())
        assert.deepStrictEqual(changes, [
          { changed: { "OTPTEST.A": "10" }, added: { "OTPTEST.C": "3" }, removed: ["OTPTEST.B"] }
        ])
      })
    )

    it.scoped("of providers that were made of others", () =>
      Effect.gen(function* () {
        const { app, changes, run } = listening(
          ConfigProvider.nested(fromMap({ "app.a": "1", "app.b": "1,2", x: "3" }), "app")
        )
        yield* run
        yield* app.changeConfig(fromMap({ a: "1", b: "1,3" }).pipe(ConfigProvider.orElse(() => fromMap({ c: "4" }))))
        assert.deepStrictEqual(changes, [{ ...nothing, changed: { b: "1,3" }, added: { c: "4" } }])
      })
    )

    it.scoped("of two changes at once, each its own", () =>
      Effect.gen(function* () {
        const { app, changes, run } = listening(fromMap({ a: "1" }))
        yield* run
        yield* Effect.all([app.changeConfig(fromMap({ a: "2" })), app.changeConfig(fromMap({ b: "3" }))], {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(changes, [
          { ...nothing, changed: { a: "2" } },
          { ...nothing, added: { b: "3" }, removed: ["a"] }
        ])
      })
    )
  })

  it.scoped("configChange is not called when nothing has changed (APP-13)", () =>
    Effect.gen(function* () {
      const { app, changes, run } = listening(fromMap({ "a.b": "1" }))
      yield* run
      yield* app.changeConfig(fromMap({ "a.b": "1" }))
      yield* app.changeConfig(ConfigProvider.fromJson({ a: { b: 1 } }))
      assert.deepStrictEqual(changes, [])
    })
  )

  it.scoped("configChange may use the children and the top supervisor, and its defect is the caller's", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const app: Application.Application<Scripted, string, never> = Application.make({
        name: "App",
        children: [layer({ init: () => 7 })],
        configChange: ({ added }) =>
          Effect.gen(function* () {
            seen.push(yield* Effect.orDie(ask(Scripted, (n) => reply(n, n))))
            seen.push((yield* Effect.orDie(Supervisor.countChildren(app.supervisor))).active)
            if (added.has("bad")) return yield* Effect.dieMessage("a bad word")
          }) as Effect.Effect<void, never, Scripted | Application.TopSupervisor>
      })
      yield* Layer.build(app.layer)
      yield* app.changeConfig(fromMap({ good: "1" }))
      assert.deepStrictEqual(seen, [7, 1])
      const died = yield* Effect.catchAllDefect(app.changeConfig(fromMap({ bad: "1" })), (defect) =>
        Effect.succeed(String(defect))
      )
      assert.include(String(died), "a bad word")
    })
  )

  it.effect("changeConfig fails with ServerDown before, between and after runs", () =>
    Effect.gen(function* () {
      const { app, changes } = listening(fromMap({}))
      const change = told(app.changeConfig(fromMap({ a: "1" })))
      assert.strictEqual(yield* change, "ServerDown: no process")
      for (let run = 0; run < 2; run++) {
        const fiber = yield* Effect.fork(Effect.withConfigProvider(app.launch, fromMap({})))
        yield* quiet
        assert.strictEqual(yield* change, "undefined")
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(yield* change, "ServerDown: no process")
      }
      assert.deepStrictEqual(changes, [
        { ...nothing, added: { a: "1" } },
        { ...nothing, added: { a: "1" } }
      ])
    })
  )

  it.scoped("changeConfig reaches every run of the application", () =>
    Effect.gen(function* () {
      const { app, changes } = listening(fromMap({}))
      yield* Layer.build(Layer.fresh(app.layer)).pipe(Effect.withConfigProvider(fromMap({ a: "1" })))
      yield* Layer.build(Layer.fresh(app.layer)).pipe(Effect.withConfigProvider(fromMap({ a: "2" })))
      yield* app.changeConfig(fromMap({ a: "2" }))
      assert.deepStrictEqual(changes, [{ ...nothing, changed: { a: "2" } }])
    })
  )
})
