/** What one types at Scuti's console: the commands of the Hashmap's console, and lines of Elixir. */
import * as Command from "@effect-otp/example-hashmap/Command"
import * as Commands from "@effect-otp/example-hashmap/Commands"
import type { Guide, Language } from "@effect-otp/example-hashmap/Console"
import { Table } from "@effect-otp/example-hashmap/Table"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import { evaluate, initial, type Scope } from "./Evaluate.ts"
import { type Evaluation, Request } from "./Evaluation.ts"
import { inspect } from "./Inspect.ts"
import { type Expression, parse as parseElixir } from "./Syntax.ts"

/** What a line is. */
export type Line = Data.TaggedEnum<{
  Command: { readonly command: Command.Command }
  Elixir: { readonly expressions: ReadonlyArray<Expression> }
  /** Neither, and why. */
  Nonsense: { readonly message: string }
}>

export const { Command: CommandLine, Elixir, Nonsense } = Data.taggedEnum<Line>()

const commandNames = Command.usages.map(([usage]) => usage.split(" ")[0])

/** A line that begins with a command's name is that command, unless Elixir goes on behind the word as a variable. */
const isCommand = (line: string): boolean => {
  const [, name, rest = ""] = /^\s*([a-z]+)(?!\S)\s*(.*)$/s.exec(line) ?? []
  return commandNames.includes(name) && !/^(?:=(?![=\S])\s*\S|\|>|;)/.test(rest)
}

/** Reads a line. Never throws. */
export const parse = (line: string): Line =>
  isCommand(line)
    ? Either.match(Command.parse(line), {
        onLeft: (message) => Nonsense({ message }),
        onRight: (command) => CommandLine({ command })
      })
    : Either.match(parseElixir(line), {
        onLeft: ({ message }) => Nonsense({ message: `${message}; help lists what can be typed` }),
        onRight: (expressions) => Elixir({ expressions })
      })

const ask = (request: Request) =>
  Effect.flatMap(Table, (table) =>
    Request.$match(request, {
      Get: ({ key }): Effect.Effect<unknown, { readonly message: string }> =>
        Effect.map(table.get(key), Option.getOrUndefined),
      GetOr: ({ default: fallback, key }) => table.getOr(key, fallback),
      GetAll: () => Effect.map(table.getAll, Object.fromEntries<unknown>),
      Update: ({ key, value }) => table.update(key, value),
      Put: ({ key, value }) => table.put(key, value),
      Delete: ({ key }) => table.delete(key)
    })
  )

/** Carries an evaluation out: the lines that it shows, and what it comes to, if it does. */
const carryOut = <A>(
  start: Evaluation<A>
): Effect.Effect<readonly [lines: ReadonlyArray<string>, result: Option.Option<A>], never, Table> =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    let evaluation = start
    while (evaluation._tag !== "Done") {
      if (evaluation._tag === "Print") {
        lines.push(evaluation.line)
        evaluation = evaluation.next()
      } else if (evaluation._tag === "Raised") {
        lines.push(evaluation.message)
        return [lines, Option.none()] as const
      } else {
        const { next, patience, request } = evaluation
        const asked = ask(request)
        const answer = yield* Effect.either(
          patience === undefined
            ? asked
            : Effect.timeoutFail(asked, { duration: patience.milliseconds, onTimeout: () => patience })
        )
        evaluation = Either.match(answer, {
          onLeft: ({ message }): Evaluation<A> => ({ _tag: "Raised", message }),
          onRight: next
        })
      }
    }
    return [lines, Option.some(evaluation.value)] as const
  })

/** A console's language. It remembers what has been bound. */
export const make: Effect.Effect<Language<Line, Table>> = Effect.map(Ref.make<Scope>(initial), (scopes) => ({
  parse,
  isSilent: (line) => line._tag === "Elixir" && line.expressions.length === 0,
  isQuit: (line) => line._tag === "Command" && line.command._tag === "Quit",
  answer: (line, help) => {
    switch (line._tag) {
      case "Nonsense":
        return Effect.succeed([line.message])
      case "Command":
        return Effect.map(Commands.execute(line.command, help), (answer) => [answer])
      case "Elixir":
        if (line.expressions.length === 0) return Effect.succeed([])
        return Effect.flatMap(Ref.get(scopes), (scope) =>
          Effect.flatMap(carryOut(evaluate(line.expressions, scope)), ([lines, result]) =>
            Option.match(result, {
              onNone: () => Effect.succeed(lines),
              onSome: ([term, scope]) => Effect.as(Ref.set(scopes, scope), [...lines, inspect(term)])
            })
          )
        )
    }
  }
}))

/** What the console tells whoever sits before it, at `url`. */
export const guide = (url: string): Guide => ({
  greeting: `A client of the application at ${url}. \`help\` lists what can be typed, \`quit\` ends it.`,
  prompt: (line) => `iex(${line})> `,
  usages: [
    ...Command.usages,
    [
      "GenServer.call(pid, {:get, KEY})",
      "and {:get, KEY, DEFAULT}, {:get_all}, {:update, KEY, VALUE}, {:put, KEY, VALUE}"
    ],
    ["GenServer.cast(pid, {:delete, KEY})", "`pid` is ScutiWeb.Service.Hashmap, unless you bind it to something else"],
    ["state = GenServer.call(pid, {:get_all})", 'variables, patterns and pipes: state |> Map.get("name")'],
    ["IO.inspect(state)", 'and IO.puts, inspect, Map.get, keys, values, has_key?, put, delete; state["name"]']
  ],
  notation: [
    ...Command.notation,
    'In lines of Elixir, keys are strings, and values what JSON can hold: %{"a" => [1, 2.5, nil, true, "text"]}.'
  ]
})
