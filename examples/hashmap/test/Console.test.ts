import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Supervisor from "@effect-otp/core/Supervisor"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Commands from "../src/Commands.ts"
import { Console, ConsoleFailed, NobodyReads, run } from "../src/Console.ts"
import { Hashmap } from "../src/Hashmap.ts"
import * as LocalTable from "../src/LocalTable.ts"

const program = run(Commands.language)

const person = HashMap.make<ReadonlyArray<[string, unknown]>>(["name", "John"], ["age", 30])

const oneByOne = (...lines: ReadonlyArray<string>) => Stream.rechunk(Stream.fromIterable(lines), 1)

const supervised = Supervisor.layer({ children: [Hashmap.layer(person)] })

/** Runs the console over lines, and collects the answers. */
const session = (lines: Stream.Stream<string>, server: Layer.Layer<Hashmap> = Hashmap.layer(person)) =>
  Effect.gen(function* () {
    const answers: Array<string> = []
    yield* program.pipe(
      Effect.provideService(Console, {
        lines,
        write: (chunk) => Effect.sync(() => void answers.push(...chunk)),
        help: "the help"
      }),
      Effect.provide(Layer.provide(LocalTable.layer, server))
    )
    return answers
  })

const crashed = "the server is down: crashed: Error: told to crash"
const down = "the server is down: no process"

describe("Console", () => {
  it.effect("answers as the README shows", () =>
    Effect.gen(function* () {
      const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8")
      const shown = /```console\n(> get name\n.*?)```/s.exec(readme)?.[1]
      assert.isDefined(shown)
      const lines = shown.trimEnd().split("\n")
      const typed = lines.filter((line) => line.startsWith("> ")).map((line) => line.slice(2))
      const answers = yield* session(oneByOne(...typed), supervised)
      assert.deepStrictEqual(
        typed.flatMap((line, index) => [`> ${line}`, ...answers.slice(index, index + 1)]),
        lines
      )
    })
  )

  it.effect("tells an absent key from a stored null, with and without a default", () =>
    Effect.gen(function* () {
      const answers = yield* session(
        oneByOne("get k", "get k 1", "put k null", "get k", "get k 1", "delete k", "get k null")
      )
      assert.deepStrictEqual(answers, ["nil", "1", "ok", "null", "null", "ok", "null"])
    })
  )

  it.effect("stores any JSON under any key", () =>
    Effect.gen(function* () {
      const keys = ["__proto__", "constructor", "toString", "first name", "", "名前", "😀", '"', "\\", "\u009b"]
      const values = [0, -1.5, true, "", "nil", [1, [2]], { a: [1, 2], "b c": null }, "😀", "\u001b[2J", null]
      const lines = keys.flatMap((key, index) => {
        const written = JSON.stringify(key)
        return [`put ${written} ${JSON.stringify(values[index], null, 1).replaceAll("\n", " ")}`, `get ${written}`]
      })
      const answers = yield* session(oneByOne(...lines, "all"))
      assert.deepStrictEqual(
        answers.slice(0, -1).map((answer) => (answer === "ok" ? answer : JSON.parse(answer))),
        values.flatMap((value) => ["ok", value])
      )
      const entries = Object.entries(JSON.parse(answers.at(-1)!))
      assert.deepStrictEqual(
        new Map(entries),
        new Map<string, unknown>([...keys.map((key, index) => [key, values[index]] as const), ...person])
      )
      assert.strictEqual(answers.at(-1), JSON.stringify(Object.fromEntries(entries)).replace("\u009b", "\\u009b"))
    })
  )

  it.effect("does not answer empty lines, explains nonsense, and goes on", () =>
    Effect.gen(function* () {
      const answers = yield* session(oneByOne("", " \t ", "nonsense", "\r", 'get "', "get name\r", "\tget \t age  "))
      assert.deepStrictEqual(answers, [
        "unknown command `nonsense`: help lists those there are",
        'the key is no JSON string: `"`',
        '"John"',
        "30"
      ])
    })
  )

  it.effect("goes on when the server has crashed, and nobody starts it again", () =>
    Effect.gen(function* () {
      const answers = yield* session(
        oneByOne("crash", "get name", "put a 1", "bogus", "all", "crash", "delete a", "help")
      )
      assert.deepStrictEqual(answers, [
        ...[crashed, down, down, "unknown command `bogus`: help lists those there are", down, down],
        // a cast: nobody hears whether anyone was there
        "ok",
        "the help"
      ])
    })
  )

  it.effect("goes on with a server that its supervisor has started again, until that gives up", () =>
    Effect.gen(function* () {
      const answers = yield* session(
        oneByOne("put a 1", "crash", "all", "put b 2", "all", "crash", "crash", "get name", "crash", "get name"),
        supervised
      )
      assert.deepStrictEqual(answers, [
        ...["ok", crashed, '{"age":30,"name":"John"}', "ok", '{"age":30,"b":2,"name":"John"}'],
        ...[crashed, crashed, '"John"', crashed, "the server is down: shutdown"]
      ])
    })
  )

  it.effect("reads nothing after quit", () =>
    Effect.gen(function* () {
      const read: Array<string> = []
      const lines = oneByOne("get name", "quit", "get age").pipe(
        Stream.tap((line) => Effect.sync(() => read.push(line)))
      )
      assert.deepStrictEqual(yield* session(lines), ['"John"'])
      assert.deepStrictEqual(read, ["get name", "quit"])
    })
  )

  it.effect("answers what came at once by one write", () =>
    Effect.gen(function* () {
      const written: Array<ReadonlyArray<string>> = []
      yield* program.pipe(
        Effect.provideService(Console, {
          lines: Stream.fromChunks(Chunk.make("get name", "get age"), Chunk.make("get nobody")),
          write: (chunk) => Effect.sync(() => void written.push(Chunk.toReadonlyArray(chunk))),
          help: ""
        }),
        Effect.provide(Layer.provide(LocalTable.layer, Hashmap.layer(person)))
      )
      assert.deepStrictEqual(written, [['"John"', "30"], ["nil"]])
    })
  )

  it.effect("ends when nobody reads, and fails when reading or writing does", () =>
    Effect.gen(function* () {
      const failed = new ConsoleFailed({ message: "the disk is full" })
      const withConsole = (console: Console["Type"]) =>
        Effect.exit(
          program.pipe(
            Effect.provideService(Console, console),
            Effect.provide(Layer.provide(LocalTable.layer, Hashmap.layer(person)))
          )
        )
      const lines = Stream.forever(Stream.make("get name"))
      const help = ""
      assert.isTrue((yield* withConsole({ lines, write: () => new NobodyReads(), help }))._tag === "Success")
      assert.deepStrictEqual(yield* Effect.flip(yield* withConsole({ lines, write: () => failed, help })), failed)
      assert.deepStrictEqual(
        yield* Effect.flip(yield* withConsole({ lines: Stream.fail(failed), write: () => Effect.void, help })),
        failed
      )
    })
  )

  it.effect("answers as a Map would", () =>
    Effect.promise(() => {
      const keys = FastCheck.constantFrom("name", "age", "a", "b", "__proto__")
      const values = FastCheck.constantFrom('"Doe"', "1", "null", "[]")
      type Step = readonly [line: string, answer: (model: Map<string, string>) => string]
      const steps: FastCheck.Arbitrary<Step> = FastCheck.oneof(
        keys.map((key): Step => [`get ${key}`, (model) => model.get(key) ?? "nil"]),
        FastCheck.tuple(keys, values).map(
          ([key, value]): Step => [`get ${key} ${value}`, (model) => model.get(key) ?? value]
        ),
        FastCheck.tuple(FastCheck.constantFrom("put", "update"), keys, values).map(
          ([command, key, value]): Step => [
            `${command} ${key} ${value}`,
            (model) => {
              model.set(key, value)
              return "ok"
            }
          ]
        ),
        keys.map(
          (key): Step => [
            `delete ${key}`,
            (model) => {
              model.delete(key)
              return "ok"
            }
          ]
        ),
        FastCheck.constant<Step>([
          "all",
          (model) =>
            `{${Array.from(model, ([key, value]) => `"${key}":${value}`)
              .sort()
              .join(",")}}`
        ])
      )
      return FastCheck.assert(
        FastCheck.asyncProperty(FastCheck.array(steps, { maxLength: 50 }), async (steps) => {
          const model = new Map([
            ["name", '"John"'],
            ["age", "30"]
          ])
          assert.deepStrictEqual(
            await Effect.runPromise(session(oneByOne(...steps.map(([line]) => line)))),
            steps.map(([, answer]) => answer(model))
          )
        })
      )
    })
  )
})
