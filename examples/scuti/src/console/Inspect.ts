/** Terms as Elixir's `inspect` shows them: on one line, strings as strings and lists as lists whatever they hold. */
import * as Json from "@effect-otp/example-hashmap/Json"
import { entriesOf, type Term } from "./Term.ts"

const escapes: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ["\\", "\\\\"],
  ["\0", "\\0"],
  ["\u0007", "\\a"],
  ["\b", "\\b"],
  ["\t", "\\t"],
  ["\n", "\\n"],
  ["\v", "\\v"],
  ["\f", "\\f"],
  ["\r", "\\r"],
  ["\u001b", "\\e"],
  ["\u007f", "\\d"],
  ["#{", "\\#{"]
])

const hex = (character: string, digits: number): string =>
  character.charCodeAt(0).toString(16).toUpperCase().padStart(digits, "0")

const escapeOne = (found: string): string => {
  const known = escapes.get(found)
  if (known !== undefined) return known
  if (found < " ") return `\\x${hex(found, 2)}`
  return /^\p{Surrogate}$/u.test(found) ? `\\u${hex(found, 4)}` : found
}

/** A string in double quotes. What else must not reach a terminal is written `\u0080`, by `Json.escape`. */
export const quoted = (text: string): string => `"${Json.escape(text.replace(/["\\]|#\{|[^ -~]/gu, escapeOne))}"`

const isIdentifier = (name: string): boolean => /^[\p{L}_][\p{L}\p{N}_@]*[?!]?$/u.test(name)

/** Operators that are atoms without quotes, none before one that it begins. */
export const operators: ReadonlyArray<string> = [
  ...["===", "!==", "<<>>", "%{}", "..//", "...", "+++", "---", "&&&", "|||", "<<<", ">>>", "<<~", "~>>", "<~>"],
  ...["==", "!=", "<=", ">=", "&&", "||", "++", "--", "**", "<>", "=~", "|>", "<-", "->", "::", "..", "{}", "<~", "~>"],
  ...["+", "-", "*", "/", "<", ">", "=", "!", "&", "|", "^", "@", "."]
]

const modulePrefix = "Elixir."
const isAlias = (name: string): boolean => /^Elixir(\.[A-Z][A-Za-z0-9_]*)+$/.test(name)

const inspectAtom = (name: string): string => {
  if (name === "nil" || name === "true" || name === "false") return name
  if (isAlias(name)) return name.slice(modulePrefix.length)
  return `:${isIdentifier(name) || operators.includes(name) ? name : quoted(name)}`
}

const inspectKey = (name: string): string => `${isIdentifier(name) ? name : quoted(name)}: `

/** The digits that JavaScript shows, which are as few as tell the number from others, set as Elixir sets them. */
const inspectFloat = (value: number): string => {
  if (Object.is(value, -0)) return "-0.0"
  const [mantissa = "", exponent = "0"] = value.toExponential().split("e")
  const scientific = `${mantissa.includes(".") ? mantissa : `${mantissa}.0`}e${Number(exponent)}`
  if (Number(exponent) >= 16) return scientific
  if (Number(exponent) >= 0) {
    // JavaScript has no exponent before 1e21
    const decimal = String(value)
    return decimal.includes(".") ? decimal : `${decimal}.0`
  }
  const [, sign = "", digits = ""] = /^(-?)(.*)$/.exec(mantissa.replace(".", "")) ?? []
  const decimal = `${sign}0.${"0".repeat(-Number(exponent) - 1)}${digits}`
  return decimal.length <= scientific.length ? decimal : scientific
}

const isKeyword = (key: Term): key is Term & { readonly _tag: "Atom" } =>
  key._tag === "Atom" && !key.name.startsWith(modulePrefix)

/** The entry of a keyword list, if the term is one. */
const keywordOf = (term: Term): readonly [name: string, value: Term] | undefined => {
  if (term._tag !== "Tuple") return undefined
  const [key, value] = term.elements
  return term.elements.length === 2 && key !== undefined && value !== undefined && isKeyword(key)
    ? [key.name, value]
    : undefined
}

const inspectList = (elements: ReadonlyArray<Term>): string => {
  const keywords = elements.map(keywordOf)
  return keywords.every((keyword) => keyword !== undefined)
    ? keywords.map(([name, value]) => inspectKey(name) + inspect(value)).join(", ")
    : elements.map(inspect).join(", ")
}

const inspectEntries = (entries: ReadonlyArray<readonly [Term, Term]>): string => {
  const keys = entries.map(([key]) => key)
  return keys.every(isKeyword)
    ? entries.map(([, value], index) => inspectKey(keys[index]!.name) + inspect(value)).join(", ")
    : entries.map(([key, value]) => `${inspect(key)} => ${inspect(value)}`).join(", ")
}

/** One line, with nothing in it that a terminal would act upon. */
export const inspect = (term: Term): string => {
  switch (term._tag) {
    case "Atom":
      return inspectAtom(term.name)
    case "Integer":
      return String(term.value)
    case "Float":
      return inspectFloat(term.value)
    case "Text":
      return quoted(term.text)
    case "Pid":
      return `#PID<${Json.escape(term.name)}>`
    case "Tuple":
      return `{${term.elements.map(inspect).join(", ")}}`
    case "List":
      return `[${inspectList(term.elements)}]`
    case "Map":
      return `%{${inspectEntries(entriesOf(term))}}`
  }
}
