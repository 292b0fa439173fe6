/** The console's commands, carried out on the table. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Command from "./Command.ts"
import type { Guide, Language } from "./Console.ts"
import * as Json from "./Json.ts"
import { Table } from "./Table.ts"

const ok = "ok"

/** Carries a command out and gives the answer, which is the explanation where there is none. */
export const execute = (command: Command.Command, help: string): Effect.Effect<string, never, Table> =>
  Effect.flatMap(Table, (table) =>
    Command.match(command, {
      Get: ({ key }) =>
        Effect.map(
          table.get(key),
          Option.match({
            onNone: () => "nil",
            onSome: Json.show
          })
        ),
      GetOr: ({ default: fallback, key }) => Effect.map(table.getOr(key, fallback), Json.show),
      Update: ({ key, value }) => Effect.as(table.update(key, value), ok),
      Put: ({ key, value }) => Effect.as(table.put(key, value), ok),
      All: () => Effect.map(table.getAll, Json.showEntries),
      Delete: ({ key }) => Effect.as(table.delete(key), ok),
      Crash: () => Effect.as(table.crash, ok),
      Help: () => Effect.succeed(help),
      // ends the console before it gets here
      Quit: () => Effect.succeed(ok)
    })
  ).pipe(Effect.catchTag("Unanswered", ({ message }) => Effect.succeed(message)))

/** A line is one command. `undefined` stands for a line with nothing on it. */
export const language: Language<Either.Either<Command.Command, string> | undefined, Table> = {
  parse: (line) => (Command.isBlank(line) ? undefined : Command.parse(line)),
  isSilent: (parsed) => parsed === undefined,
  isQuit: (parsed) => parsed !== undefined && Either.isRight(parsed) && parsed.right._tag === "Quit",
  answer: (parsed, help) =>
    parsed === undefined
      ? Effect.succeed([])
      : Either.match(parsed, {
          onLeft: (explanation) => Effect.succeed([explanation]),
          onRight: (command) => Effect.map(execute(command, help), (answer) => [answer])
        })
}

export const guide: Guide = {
  greeting: "A hashmap kept by a GenServer. `help` lists the commands, `quit` ends it.",
  prompt: () => "> ",
  usages: Command.usages,
  notation: Command.notation
}
