/** A console as the whole of a process: which kind it is, what goes to standard error, and the code it ends with. */
import { constants } from "node:os"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Console, Guide } from "./Console.ts"
import * as Pipe from "./Pipe.ts"
import * as Terminal from "./Terminal.ts"

/** Runs a console for a person where there is a terminal, for a program where there is none, and ends the process. */
export const console = (guide: Guide, program: Effect.Effect<void, { readonly message: string }, Console>): void => {
  const isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true

  let signal: "SIGINT" | "SIGTERM" = "SIGINT"
  process.once("SIGTERM", () => {
    signal = "SIGTERM"
  })

  const reported = program.pipe(
    Effect.tapError((error) => Effect.logError(error.message)),
    Effect.tapDefect((cause) => Effect.logError(cause)),
    // outermost: it brings the logger, which the program and the reports above are to have too
    Effect.provide(isTerminal ? Terminal.layer(guide) : Pipe.layer(guide))
  )

  NodeRuntime.runMain(reported, {
    // both would write to standard output, where the answers go
    disableErrorReporting: true,
    disablePrettyLogger: true,
    // a job that a signal cut short is no success, as it would be by default; it ends with the code that shells use for it.
    // Ctrl-C at the prompt is no signal, but a way to say `quit`, and ends with 0: for anything else npm prints an error
    teardown: (exit, onExit) =>
      onExit(Exit.isSuccess(exit) ? 0 : Cause.isInterruptedOnly(exit.cause) ? 128 + constants.signals[signal] : 1)
  })
}
