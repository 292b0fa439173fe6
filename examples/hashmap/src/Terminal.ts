/** The console of people: a prompt, with editing and a history by `node:readline`. */
import * as readline from "node:readline"
import type * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { Console, type ConsoleFailed, type Guide } from "./Console.ts"

const helpOf = ({ notation, usages }: Guide): string => {
  const width = Math.max(...usages.map(([usage]) => usage.length)) + 2
  return [
    ...usages.map(([usage, does]) => `  ${usage.padEnd(width)}${does}`),
    ...notation.map((sentence) => `  ${sentence}`)
  ].join("\n")
}

interface Terminal {
  readonly lines: Stream.Stream<string, ConsoleFailed>
  /** Runs what writes whole lines to the terminal, with the line that is being typed out of its way. */
  readonly aside: (write: () => void) => void
}

const make = Effect.fnUntraced(function* ({ greeting, prompt: promptOf }: Guide) {
  const typed = yield* Mailbox.make<string>()
  const terminal = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const { stdin: input, stdout: output } = process
      output.write(`${greeting}\n`)
      const lines = readline.createInterface({ input, output, historySize: 1000, removeHistoryDuplicates: true })
      let isClosed = false
      let line = 1
      let isPrompting = false
      const prompt = () => {
        if (isClosed) return
        isPrompting = true
        lines.setPrompt(promptOf(line))
        // true: what was typed while the last command ran stays, with the cursor where it is
        lines.prompt(true)
      }
      lines.on("line", (text) => {
        isPrompting = false
        line++
        typed.unsafeOffer(text)
      })
      // by Ctrl-D, by Ctrl-C, which readline takes for the same as long as nobody listens to SIGINT, or by `close`
      lines.on("close", () => {
        isClosed = true
        // the shell's prompt is not to stand behind ours
        if (isPrompting) output.write("\n")
        isPrompting = false
        typed.unsafeDone(Exit.void)
      })
      const aside = (write: () => void) => {
        if (isClosed) return write()
        const { rows } = lines.getCursorPos()
        readline.moveCursor(output, 0, -rows)
        readline.cursorTo(output, 0)
        readline.clearScreenDown(output)
        write()
        if (!isPrompting) return
        // `prompt` goes up again by as many rows as the line had
        output.write("\n".repeat(rows))
        prompt()
      }
      return { lines, prompt, aside }
    }),
    ({ lines }) => Effect.sync(() => lines.close())
  )
  const next = Effect.suspend(() => {
    // several lines may come at once, pasted: the prompt is for when there is nothing more to answer
    if (Option.getOrElse(typed.unsafeSize(), () => 0) === 0) terminal.prompt()
    // at the end of a mailbox a take fails, which is how this stream ends
    return Effect.mapError(typed.take, () => Option.none<never>())
  })
  return { lines: Stream.repeatEffectOption(next), aside: terminal.aside } satisfies Terminal
})

const write = (terminal: Terminal) => (answers: Chunk.Chunk<string>) =>
  Effect.sync(() =>
    terminal.aside(() => {
      for (const answer of answers) process.stdout.write(`${answer}\n`)
    })
  )

const logger = (terminal: Terminal) => {
  const pretty = Logger.prettyLogger({ stderr: true, colors: process.stderr.isTTY === true })
  return Logger.replace(
    Logger.defaultLogger,
    Logger.make<unknown, void>((options) => terminal.aside(() => pretty.log(options)))
  )
}

/** Talks with a person at the terminal. Log lines go to standard error, above the line that is being typed. */
export const layer = (guide: Guide): Layer.Layer<Console> =>
  Layer.unwrapScoped(
    Effect.map(make(guide), (terminal) =>
      Layer.merge(
        Layer.succeed(Console, { lines: terminal.lines, write: write(terminal), help: helpOf(guide) }),
        logger(terminal)
      )
    )
  )
