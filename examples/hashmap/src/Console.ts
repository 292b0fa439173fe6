/**
 * The console: reads lines and answers each. What a line means is its language's business, where lines come from and
 * answers go (`Terminal`, `Pipe`) a Layer's.
 */
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

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

/** What a console tells whoever sits before it. */
export interface Guide {
  /** One line, at the start. */
  readonly greeting: string
  /** What stands before the line that is typed, the first of which is number 1. */
  readonly prompt: (line: number) => string
  /** How each command is written, and what it does. */
  readonly usages: ReadonlyArray<readonly [usage: string, does: string]>
  /** Sentences to come after them. */
  readonly notation: ReadonlyArray<string>
}

/** What lines mean. */
export interface Language<Parsed, R> {
  /** Reads a line. Never throws. */
  readonly parse: (line: string) => Parsed
  /** True for a line that gets no answer, as one with nothing on it. */
  readonly isSilent: (parsed: Parsed) => boolean
  /** True for the line that ends the console. */
  readonly isQuit: (parsed: Parsed) => boolean
  /** Does what a line asks for: mostly one line of answer. */
  readonly answer: (parsed: Parsed, help: string) => Effect.Effect<ReadonlyArray<string>, never, R>
}

/** Answers line after line, until the language's `quit` or the end of the lines. */
export const run = <Parsed, R>(language: Language<Parsed, R>): Effect.Effect<void, ConsoleFailed, Console | R> =>
  Effect.gen(function* () {
    const { help, lines, write } = yield* Console
    yield* lines.pipe(
      Stream.map(language.parse),
      Stream.filter((parsed) => !language.isSilent(parsed)),
      Stream.takeWhile((parsed) => !language.isQuit(parsed)),
      // by chunks, so that what came at once is answered by one write
      Stream.mapChunksEffect((chunk) =>
        Effect.map(
          Effect.forEach(chunk, (parsed) => language.answer(parsed, help)),
          (answers) => Chunk.unsafeFromArray(answers.flat())
        )
      ),
      Stream.runForEachChunk(write),
      Effect.catchTag("NobodyReads", () => Effect.void)
    )
  })
