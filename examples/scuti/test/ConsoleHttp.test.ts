import { readFileSync } from "node:fs"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as ExitReason from "@effect-otp/core/ExitReason"
import * as Process from "@effect-otp/core/Process"
import * as Console from "@effect-otp/example-hashmap/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as HttpTable from "../src/console/HttpTable.ts"
import * as Iex from "../src/console/Iex.ts"
import { Hashmap } from "../src/Hashmap.ts"
import { serving } from "./fixtures/serving.ts"

const urlOf = (port: number) => `http://127.0.0.1:${port}`

/** Types lines one by one at a console of the application at a port, and collects what is shown for each. */
const session = (port: number, ...lines: ReadonlyArray<string | Effect.Effect<void>>) =>
  Effect.gen(function* () {
    const shown: Array<ReadonlyArray<string>> = []
    const language = yield* Iex.make
    yield* Console.run({
      ...language,
      // for the sake of this list, a line without an answer has an empty one
      isSilent: () => false,
      answer: (line, help) =>
        Effect.tap(language.answer(line, help), (answers) => Effect.sync(() => shown.push(answers)))
    }).pipe(
      Effect.provideService(Console.Console, {
        lines: Stream.fromIterable(lines).pipe(
          Stream.rechunk(1),
          Stream.mapEffect((line) => (typeof line === "string" ? Effect.succeed(line) : Effect.as(line, "# done")))
        ),
        write: () => Effect.void,
        help: "the help"
      }),
      Effect.provide(Layer.provide(HttpTable.layer(urlOf(port)), FetchHttpClient.layer))
    )
    return shown
  })

const answers = (port: number, ...lines: ReadonlyArray<string>) =>
  Effect.map(session(port, ...lines), (shown) => shown.flat())

/** A server of Node's, in a scope: its port. */
const listening = (handle: Http.RequestListener) =>
  Effect.acquireRelease(
    Effect.async<Http.Server>((resume) => {
      const server = Http.createServer(handle)
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close().closeAllConnections())
  ).pipe(Effect.map((server) => (server.address() as AddressInfo).port))

/** One that answers everything with the same. */
const answering = (status: number, body: string) =>
  listening((_, response) => void response.writeHead(status).end(body))

/** A port at which nobody listens. */
const freePort = Effect.scoped(answering(200, ""))

const down = (request: string, why: string) =>
  `the server is down: ScutiWeb.Service.Hashmap did not answer ${request}: ${why}`

describe("The console over HTTP", () => {
  it.scopedLive("answers as its documentation shows", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      const document = readFileSync(new URL("../docs/console.md", import.meta.url), "utf8")
      const shown = /```console\n(iex\(1\).*?)```/s.exec(document)?.[1]
      assert.isDefined(shown)
      const typed = Array.from(shown.matchAll(/^iex\(\d+\)> (.*)$/gm), ([, line]) => line!)
      const answered = yield* session(port, ...typed)
      assert.strictEqual(
        typed.map((line, index) => [`iex(${index + 1})> ${line}`, ...(answered[index] ?? []), ""].join("\n")).join(""),
        shown
      )
    })
  )

  it.scopedLive("does what the Hashmap's own console does, by each of its commands", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      assert.deepStrictEqual(
        yield* answers(
          port,
          ...["get gender", "get gender 1", "put gender null", "get gender", "get gender 1", "delete gender"],
          ...["get gender", 'update "first name" {"a": [1]}', 'get "first name"', "get version", "bogus", "get", "help"]
        ),
        [
          ...["nil", "1", "ok", "null", "null", "ok", "nil", "ok", '{"a":[1]}', '"1.0.0"'],
          "** (CompileError) undefined variable `bogus`",
          "the key is missing: get KEY [DEFAULT]",
          "the help"
        ]
      )
    })
  )

  it.scopedLive("keeps apart commands and Elixir that begins with the same word", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      assert.deepStrictEqual(
        yield* answers(port, "all = 1", "all |> IO.inspect()", "get = 2; get", "get =", 'put b "x"', "get b"),
        ["1", "1", "1", "2", "nil", "ok", '"x"']
      )
    })
  )

  it.scopedLive("stores any JSON under any key that an address can hold", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      const keys = [
        "__proto__",
        "constructor",
        "first name",
        "名前",
        "😀",
        '"',
        "\\",
        "\u009b",
        "a/b",
        "?",
        "#",
        "%",
        "%2F",
        "+",
        "..."
      ]
      const values = [0, -1.5, true, "", "nil", [1, [2]], { a: [1, 2], "b c": null }, "😀", "\u001b[2J", null]
      const lines = keys.flatMap((key, index) => {
        const name = JSON.stringify(key)
        return [`put ${name} 0`, `update ${name} ${JSON.stringify(values[index % values.length])}`, `get ${name}`]
      })
      const shown = yield* answers(port, ...lines, "all", ...keys.map((key) => `delete ${JSON.stringify(key)}`), "all")
      assert.deepStrictEqual(
        shown.slice(0, lines.length).map((answer) => (answer === "ok" ? answer : JSON.parse(answer))),
        keys.flatMap((_, index) => ["ok", "ok", values[index % values.length]])
      )
      assert.deepStrictEqual(
        Object.keys(JSON.parse(shown[lines.length]!)).sort(),
        [...keys, "app_name", "started_at", "version"].sort()
      )
      assert.strictEqual(shown.at(-1), '{"app_name":"Scuti","started_at":"2025-08-16T12:00:00.000Z","version":"1.0.0"}')
    })
  )

  it.scopedLive("says of what the application would not take why, in one line", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      const deep = `${"[".repeat(66)}${"]".repeat(66)}`
      const shown = yield* answers(
        port,
        ...[
          'put ".." 1',
          'get ".."',
          "update . 1",
          "delete ..",
          'put "" 1',
          `get ${"x".repeat(257)}`,
          'get "\\ud800"',
          'put "\\ud800" 1'
        ],
        ...[
          `put a ${deep}`,
          `GenServer.call(pid, {:put, "a", ${deep}})`,
          `put a "${"x".repeat(70_000)}"`,
          "get version"
        ]
      )
      assert.deepStrictEqual(shown, [
        "ok",
        'no address can hold the key "..": it can be put, and be seen in all',
        'no address can hold the key ".": it can be put, and be seen in all',
        'no address can hold the key "..": it can be put, and be seen in all',
        "expected a key, and not an empty one",
        "expected a key of at most 256 characters",
        'no address can hold the key "\\uD800": half a character is missing',
        "expected a key of whole characters: half of one is missing",
        "expected JSON that is nested no deeper than 64",
        "expected JSON that is nested no deeper than 64",
        "the body is larger than the 65536 bytes that are taken",
        '"1.0.0"'
      ])
    })
  )

  it.scopedLive("tells of a server that is down as the Hashmap's console does, and goes on with the next one", () =>
    Effect.gen(function* () {
      const { port, run } = yield* serving()
      const kill = Effect.orDie(run(Effect.asVoid(Process.exit(Hashmap, ExitReason.killed))))
      assert.deepStrictEqual(
        (yield* session(port, "put a 1", "crash", "get a", kill, "GenServer.call(pid, {:get_all})")).flat(),
        [
          "ok",
          down("Crash", "crashed: Error: told to crash"),
          "nil",
          '%{"app_name" => "Scuti", "started_at" => "2025-08-16T12:00:00.000Z", "version" => "1.0.0"}'
        ]
      )
    })
  )

  it.live("outlives the application", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const absent = `no application answers at ${urlOf(port)}: start it with \`npm start\``
      const first = yield* Scope.make()
      const second = yield* Scope.make()
      const start = (scope: Scope.Scope) =>
        Effect.orDie(Effect.asVoid(Scope.extend(serving({ PORT: String(port) }), scope)))
      const shown = yield* session(
        port,
        "get version",
        start(first),
        'state = GenServer.call(pid, {:get, "version"})',
        Scope.close(first, Exit.void),
        ...["all", "crash", "{:ok, pid} = Hashmap.start_link()", 'GenServer.cast(pid, {:delete, "a"})'],
        start(second),
        '{state, GenServer.call(pid, {:get, "version"})}',
        Scope.close(second, Exit.void)
      )
      assert.deepStrictEqual(shown.flat(), [
        absent,
        '"1.0.0"',
        ...[absent, absent, absent, absent],
        '{"1.0.0", "1.0.0"}'
      ])
    })
  )

  it.scopedLive("knows what is not the application", () =>
    Effect.gen(function* () {
      const shown = (status: number, body: string) =>
        Effect.flatMap(answering(status, body), (port) =>
          Effect.map(answers(port, "get a"), ([answer]) => answer?.replace(urlOf(port), "URL"))
        )
      assert.strictEqual(
        yield* shown(404, "<html>"),
        "what answers at URL is not the application (its answer has status 404)"
      )
      assert.strictEqual(
        yield* shown(200, "<html>"),
        "what answers at URL is not the application (its answer has status 200)"
      )
      // an Endpoint that is being started, of which the API does not speak
      assert.strictEqual(
        yield* shown(503, '{"_tag":"Restarting","message":"the endpoint is being started again; ask again"}'),
        "the endpoint is being started again; ask again"
      )
    })
  )

  it.scoped("waits as long as a call says, and 15 seconds where it says nothing", () =>
    Effect.gen(function* () {
      const asked = yield* Queue.unbounded<void>()
      const port = yield* listening(() => Queue.unsafeOffer(asked, undefined))
      for (const [line, milliseconds, expected] of [
        [
          "GenServer.call(pid, {:get_all}, 20)",
          20,
          "** (exit) exited in: GenServer.call(ScutiWeb.Service.Hashmap, {:get_all}, 20) ** (EXIT) time out"
        ],
        [
          'GenServer.call(pid, {:get, "a"})',
          5000,
          '** (exit) exited in: GenServer.call(ScutiWeb.Service.Hashmap, {:get, "a"}, 5000) ** (EXIT) time out'
        ],
        ["GenServer.call(pid, {:get_all}, :infinity)", 15_000, `no answer from ${urlOf(port)} within 15 seconds`],
        ["put a 1", 15_000, `no answer from ${urlOf(port)} within 15 seconds`]
      ] as const) {
        const answering = yield* Effect.fork(answers(port, line))
        yield* Queue.take(asked)
        yield* TestClock.adjust(milliseconds - 1)
        assert.isNull(yield* Fiber.poll(answering).pipe(Effect.map(Option.getOrNull)))
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(yield* Fiber.join(answering), [expected])
      }
    })
  )
})
