/** Runs the console over a supervised Hashmap that starts with a name and an age. */
import { constants } from "node:os"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Supervisor from "@effect-otp/core/Supervisor"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HashMap from "effect/HashMap"
import * as Console from "./Console.ts"
import { Hashmap } from "./Hashmap.ts"
import * as Pipe from "./Pipe.ts"
import * as Terminal from "./Terminal.ts"

const person = HashMap.make<ReadonlyArray<[string, unknown]>>(["name", "John"], ["age", 30])

const isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true

/** Who runs the server is said here alone: one that crashes is started again, with a name and an age. */
const server = Supervisor.layer({ strategy: "one_for_one", children: [Hashmap.layer(person)] })

let signal: "SIGINT" | "SIGTERM" = "SIGINT"
process.once("SIGTERM", () => {
  signal = "SIGTERM"
})

const program = Console.run.pipe(
  Effect.provide(server),
  Effect.tapError((error) => Effect.logError(error.message)),
  Effect.tapDefect((cause) => Effect.logError(cause)),
  // outermost: it brings the logger, which the server and the reports above are to have too
  Effect.provide(isTerminal ? Terminal.layer : Pipe.layer)
)

NodeRuntime.runMain(program, {
  // both would write to standard output, where the answers go
  disableErrorReporting: true,
  disablePrettyLogger: true,
  // a job that a signal cut short is no success, as it would be by default; it ends with the code that shells use for it.
  // Ctrl-C at the prompt is no signal, but a way to say `quit`, and ends with 0: for anything else npm prints an error
  teardown: (exit, onExit) =>
    onExit(Exit.isSuccess(exit) ? 0 : Cause.isInterruptedOnly(exit.cause) ? 128 + constants.signals[signal] : 1)
})
