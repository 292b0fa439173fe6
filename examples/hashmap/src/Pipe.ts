/** The console of programs: commands come from standard input until its end, answers go to standard output. */
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import { Console, ConsoleFailed, type Guide, NobodyReads } from "./Console.ts"

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const lines = NodeStream.fromReadable(
  // `NodeStream.stdin` is this too, but a read error is a defect there, and it leaves stdin open at `quit`, which would
  // keep the process for as long as somebody holds the other end
  () => process.stdin,
  (error) => new ConsoleFailed({ message: `the commands cannot be read: ${messageOf(error)}` })
).pipe(Stream.decodeText(), Stream.splitLines)

const write = (answers: Chunk.Chunk<string>): Effect.Effect<void, ConsoleFailed | NobodyReads> =>
  Effect.async((resume) => {
    if (Chunk.isEmpty(answers)) return resume(Effect.void)
    process.stdout.write(`${Chunk.join(answers, "\n")}\n`, (error: NodeJS.ErrnoException | null | undefined) => {
      if (error === null || error === undefined) resume(Effect.void)
      else if (error.code === "EPIPE") resume(new NobodyReads())
      else resume(new ConsoleFailed({ message: `the answers cannot be written: ${error.message}` }))
    })
  })

// everything but the answers goes to standard error
const logger = Logger.replace(
  Logger.defaultLogger,
  Logger.prettyLogger({ stderr: true, colors: process.stderr.isTTY === true })
)

/** Reads standard input and writes standard output. Log lines go to standard error. */
export const layer = ({ usages }: Guide): Layer.Layer<Console> =>
  Layer.merge(
    Layer.effect(
      Console,
      Effect.sync(() => {
        // `write` hears of every error, and a log that nobody can read is no loss; but an error that nobody listens to
        // would end the process, with a stack
        process.stdout.on("error", constVoid)
        process.stderr.on("error", constVoid)
        return { lines, write, help: usages.map(([usage]) => usage).join(" | ") }
      })
    ),
    logger
  )
