/** What one types at the console: a line is a command, or there is one line to say why not. */
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import * as Json from "./Json.ts"

export type Command = Data.TaggedEnum<{
  Get: { readonly key: string }
  GetOr: { readonly key: string; readonly default: unknown }
  Update: { readonly key: string; readonly value: unknown }
  Put: { readonly key: string; readonly value: unknown }
  All: {}
  Delete: { readonly key: string }
  Crash: {}
  Help: {}
  Quit: {}
}>

export const { $match: match, All, Crash, Delete, Get, GetOr, Help, Put, Quit, Update } = Data.taggedEnum<Command>()

/** How each command is written, and what it does. */
export const usages: ReadonlyArray<readonly [usage: string, does: string]> = [
  ["get KEY [DEFAULT]", "the value of KEY; DEFAULT, or nil, where there is none"],
  ["update KEY VALUE", "inserts or replaces: ok"],
  ["put KEY VALUE", "the same: ok"],
  ["delete KEY", "removes KEY; a cast: ok whether or not a server is there"],
  ["all", "everything, as one JSON object with its keys sorted"],
  ["crash", "makes the server throw"],
  ["help", "this list"],
  ["quit", "ends the console, as do Ctrl-D and Ctrl-C"]
]

/** What KEY, VALUE and DEFAULT may be. */
export const notation: ReadonlyArray<string> = [
  'Values are JSON, and are shown as JSON: 42, null, {"a": [1, 2]}, "Jane Doe".',
  "A word that is no JSON is a string: update name Doe.",
  'A key is a word, or a JSON string: get "first name".'
]

const isSpace = (character: string | undefined): boolean =>
  character === " " ||
  character === "\t" ||
  character === "\r" ||
  character === "\n" ||
  character === "\v" ||
  character === "\f"

/** Cuts white space from both ends, of the kinds that part words here: others, as the no-break space, are text. */
const trim = (text: string): string => {
  let start = 0
  let end = text.length
  while (start < end && isSpace(text[start])) start++
  while (end > start && isSpace(text[end - 1])) end--
  return text.slice(start, end)
}

/** True for a line with nothing on it, which is nobody's command and gets no answer. */
export const isBlank = (line: string): boolean => trim(line) === ""

type Parsed<A> = Either.Either<A, string>

/** The first word of a text, and what comes after it: both without white space around them. */
const splitWord = (text: string): readonly [word: string, rest: string] => {
  let end = 0
  while (end < text.length && !isSpace(text[end])) end++
  return [text.slice(0, end), trim(text.slice(end))]
}

/** A key, which is a word or a JSON string, and what comes after it. */
const splitKey = (text: string): Parsed<readonly [key: string, rest: string]> => {
  if (!text.startsWith('"')) return Either.right(splitWord(text))
  let end = 1
  while (end < text.length && text[end] !== '"') end += text[end] === "\\" ? 2 : 1
  const quoted = text.slice(0, end + 1)
  const rest = text.slice(end + 1)
  if (rest !== "" && !isSpace(rest[0])) return Either.left(`a space is missing after the key ${Json.quote(quoted)}`)
  try {
    // what begins with a quotation mark and is JSON is a string
    return Either.right([JSON.parse(quoted) as string, trim(rest)])
  } catch {
    return Either.left(`the key is no JSON string: ${Json.quote(quoted)}`)
  }
}

const usageOf = (name: string): string => usages.find(([usage]) => usage.split(" ")[0] === name)?.[0] ?? name

/** A command of one word. */
const alone =
  (name: string, command: Command) =>
  (rest: string): Parsed<Command> =>
    rest === "" ? Either.right(command) : Either.left(`nothing comes after ${name}, and here is ${Json.quote(rest)}`)

/** A command about a key: `make` is given the key and what comes after it. */
const about =
  (name: string, make: (key: string, rest: string) => Parsed<Command>) =>
  (text: string): Parsed<Command> =>
    text === ""
      ? Either.left(`the key is missing: ${usageOf(name)}`)
      : Either.flatMap(splitKey(text), ([key, rest]) => make(key, rest))

/** A command that stores the value after the key. */
const storing = (name: string, make: (fields: { readonly key: string; readonly value: unknown }) => Command) =>
  about(name, (key, rest) =>
    rest === ""
      ? Either.left(`the value is missing: ${usageOf(name)}`)
      : Either.map(Json.parse(rest), (value) => make({ key, value }))
  )

// a Map, because an object would know commands such as "constructor"
const parsers = new Map<string, (rest: string) => Parsed<Command>>([
  [
    "get",
    about("get", (key, rest) =>
      rest === "" ? Either.right(Get({ key })) : Either.map(Json.parse(rest), (value) => GetOr({ key, default: value }))
    )
  ],
  ["update", storing("update", Update)],
  ["put", storing("put", Put)],
  [
    "delete",
    about("delete", (key, rest) =>
      rest === ""
        ? Either.right(Delete({ key }))
        : Either.left(`delete takes one key, and here is more: ${Json.quote(rest)}`)
    )
  ],
  ["all", alone("all", All())],
  ["crash", alone("crash", Crash())],
  ["help", alone("help", Help())],
  ["quit", alone("quit", Quit())]
])

/** Reads a line: a command, or one line that says what is wrong with it. Never throws. */
export const parse = (line: string): Parsed<Command> => {
  const [name, rest] = splitWord(trim(line))
  const parser = parsers.get(name)
  return parser === undefined
    ? Either.left(`unknown command ${Json.quote(name)}: help lists those there are`)
    : parser(rest)
}
