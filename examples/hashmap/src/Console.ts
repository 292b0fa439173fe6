/**
 * The console: reads lines, sends the server what they ask for, and answers each with one line.
 *
 * It knows neither where lines come from (`Terminal`, `Pipe`) nor who runs the server and restarts it: both are Layers.
 */
import type { CallError } from "@effect-otp/core/CallError"
import * as ExitReason from "@effect-otp/core/ExitReason"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Command from "./Command.ts"
import { Hashmap } from "./Hashmap.ts"
import * as Json from "./Json.ts"

/** The lines could not be read, or the answers not be written. */
export class ConsoleFailed extends Data.TaggedError("ConsoleFailed")<{ readonly message: string }> {}

/** Whoever read the answers has gone: an end like any other, as for a `head` that has seen enough. */
export class NobodyReads extends Data.TaggedError("NobodyReads") {}

/** Where the lines come from and the answers go. */
export class Console extends Context.Tag("@app/Console")<
  Console,
  {
    /** Without their line ends. */
    readonly lines: Stream.Stream<string, ConsoleFailed>
    /** Writes answers, in order, each followed by a line end. Done when they have been taken. */
    readonly write: (answers: Chunk.Chunk<string>) => Effect.Effect<void, ConsoleFailed | NobodyReads>
    /** The answer to `help`: one line for programs, several for people. */
    readonly help: string
  }
>() {}

const ok = "ok"

const explain = (error: CallError): string =>
  Json.escape(error._tag === "ServerDown" ? `the server is down: ${ExitReason.format(error.reason)}` : error.message)

const execute = (help: string) =>
  Command.match({
    Get: ({ key }) =>
      Effect.map(
        Hashmap.get(key),
        Option.match({
          onNone: () => "nil",
          onSome: Json.show
        })
      ),
    GetOr: ({ default: fallback, key }) => Effect.map(Hashmap.getOr(key, fallback), Json.show),
    Update: ({ key, value }) => Effect.as(Hashmap.update(key, value), ok),
    Put: ({ key, value }) => Effect.as(Hashmap.put(key, value), ok),
    All: () => Effect.map(Hashmap.getAll, Json.showEntries),
    Delete: ({ key }) => Effect.as(Hashmap.delete(key), ok),
    Crash: () => Effect.as(Hashmap.crash, ok),
    Help: () => Effect.succeed(help),
    // ends the stream of commands before it gets here
    Quit: () => Effect.succeed(ok)
  })

const isQuit = (parsed: Either.Either<Command.Command, string>): boolean =>
  Either.isRight(parsed) && parsed.right._tag === "Quit"

/** Answers line after line, until `quit` or the end of the lines. */
export const run: Effect.Effect<void, ConsoleFailed, Console | Hashmap> = Effect.gen(function* () {
  const { help, lines, write } = yield* Console
  const executeCommand = execute(help)
  const answer = Either.match({
    onLeft: Effect.succeed<string>,
    onRight: (command: Command.Command) =>
      Effect.catchAll(executeCommand(command), (error) => Effect.succeed(explain(error)))
  })
  yield* lines.pipe(
    Stream.filter((line) => !Command.isBlank(line)),
    Stream.map(Command.parse),
    Stream.takeWhile((parsed) => !isQuit(parsed)),
    // by chunks, so that what came at once is answered by one write
    Stream.mapChunksEffect((parsed) => Effect.map(Effect.forEach(parsed, answer), Chunk.unsafeFromArray)),
    Stream.runForEachChunk(write),
    Effect.catchTag("NobodyReads", () => Effect.void)
  )
})
