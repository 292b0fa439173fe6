/** The words of a line of Elixir. */
import * as Json from "@effect-otp/example-hashmap/Json"
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import { operators } from "./Inspect.ts"
import * as Term from "./Term.ts"

/** Where a token stands: the first column is 1. */
interface Place {
  readonly column: number
  /** Whether white space comes before it, which tells `f (x)` from `f(x)`. */
  readonly isApart: boolean
}

export type Token = Place &
  (
    | { readonly _tag: "Literal"; readonly term: Term.Term; readonly source: string }
    /** `name: ` of a keyword list. */
    | { readonly _tag: "Keyword"; readonly name: string; readonly source: string }
    | { readonly _tag: "Identifier"; readonly source: string }
    /** One part of a module's name. */
    | { readonly _tag: "Alias"; readonly source: string }
    | { readonly _tag: "Punctuation"; readonly source: string }
    | { readonly _tag: "End"; readonly source: "" }
  )

type Kind = Token extends infer T ? (T extends Place ? Omit<T, keyof Place> : never) : never

/** A line that is no Elixir, or more of it than is known here: why, in one line. */
export class SyntaxError extends Data.TaggedError("SyntaxError")<{ readonly message: string }> {}

export const syntaxError = (column: number, message: string): SyntaxError =>
  new SyntaxError({ message: `** (SyntaxError) column ${column}: ${message}` })

const simpleEscapes: ReadonlyMap<string, string> = new Map([
  ["0", "\0"],
  ["a", "\u0007"],
  ["b", "\b"],
  ["d", "\u007f"],
  ["e", "\u001b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["s", " "],
  ["t", "\t"],
  ["v", "\v"]
])

/** Reads the inside of a string from its first character on: what it says, and where what comes after it begins. */
const readString = (line: string, start: number): Either.Either<readonly [text: string, end: number], SyntaxError> => {
  let text = ""
  let index = start
  while (true) {
    const plain = /[^"\\#]*/y
    plain.lastIndex = index
    text += plain.exec(line)?.[0] ?? ""
    index = plain.lastIndex
    const character = line[index]
    if (character === undefined)
      return Either.left(syntaxError(start, 'missing terminator: " (a string is one line here)'))
    if (character === '"') return Either.right([text, index + 1])
    if (character === "#") {
      if (line[index + 1] === "{") return Either.left(syntaxError(index + 1, "no interpolation in this console"))
      text += "#"
      index++
      continue
    }
    const escape = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|u\{([\da-fA-F]{1,6})\}|([^xu]))/uy
    escape.lastIndex = index
    const found = escape.exec(line)
    if (found === null)
      return Either.left(syntaxError(index + 1, "no such escape: \\xHH, \\uHHHH and \\u{H…} hold hex digits"))
    const [, byte, short, long, plainly] = found
    if (plainly !== undefined) text += simpleEscapes.get(plainly) ?? plainly
    else {
      const codePoint = Number.parseInt(byte ?? short ?? long ?? "", 16)
      if (byte !== undefined && codePoint > 0x7f) {
        return Either.left(
          syntaxError(index + 1, `strings are text here, and \\x${byte} is a byte: \\u00${byte} is the character`)
        )
      }
      if (codePoint > 0x10ffff)
        return Either.left(syntaxError(index + 1, "no such character: the last one is \\u{10FFFF}"))
      text += String.fromCodePoint(codePoint)
    }
    index = escape.lastIndex
  }
}

const maximumDigits = 1000

const readNumber = (source: string, column: number): Either.Either<Term.Term, SyntaxError> => {
  const digits = source.replaceAll("_", "")
  if (digits.length > maximumDigits)
    return Either.left(syntaxError(column, `a number has ${maximumDigits} digits here, not more`))
  if (!digits.includes(".")) return Either.right(Term.integer(BigInt(digits)))
  const value = Number(digits)
  return Number.isFinite(value)
    ? Either.right(Term.float(value))
    : Either.left(syntaxError(column, `too large a float: ${Json.quote(source)}`))
}

const sticky = {
  space: /[\s\ufeff]*/y,
  number: /0x[\da-fA-F]+|0o[0-7]+|0b[01]+|\d+(?:_\d+)*(?:\.\d+(?:_\d+)*(?:[eE][+-]?\d+)?)?/y,
  identifier: /[\p{Ll}\p{Lo}_][\p{L}\p{N}_]*[?!]?/uy,
  alias: /[A-Z][A-Za-z0-9_]*/y,
  atom: /:[\p{L}_][\p{L}\p{N}_@]*[?!]?/uy,
  keyword: /[\p{L}_][\p{L}\p{N}_@]*[?!]?:(?=\s|$)/uy,
  punctuation: /=>|\|>|%\{|[{}()[\],.;=^-]/y
}

const matchAt = (pattern: RegExp, line: string, index: number): string | undefined => {
  pattern.lastIndex = index
  return pattern.exec(line)?.[0]
}

const reserved = new Set(["nil", "true", "false"])

/** Reads the token at an index that is not at the line's end: what it is, and where it ends. */
const readToken = (line: string, index: number): Either.Either<readonly [kind: Kind, end: number], SyntaxError> => {
  const column = index + 1
  const found = (kind: Kind, end: number) => Either.right([kind, end] as const)
  const punctuation = matchAt(sticky.punctuation, line, index)
  if (punctuation !== undefined) return found({ _tag: "Punctuation", source: punctuation }, index + punctuation.length)
  const number = matchAt(sticky.number, line, index)
  if (number !== undefined) {
    return Either.map(readNumber(number, column), (term): readonly [Kind, number] => [
      { _tag: "Literal", term, source: number },
      index + number.length
    ])
  }
  if (line[index] === '"') {
    return Either.map(readString(line, index + 1), ([text, end]): readonly [Kind, number] =>
      line[end] === ":" && /^(\s|$)/.test(line.slice(end + 1, end + 2))
        ? [{ _tag: "Keyword", name: text, source: line.slice(index, end + 1) }, end + 1]
        : [{ _tag: "Literal", term: Term.text(text), source: line.slice(index, end) }, end]
    )
  }
  if (line.startsWith(':"', index)) {
    return Either.map(readString(line, index + 2), ([name, end]): readonly [Kind, number] => [
      { _tag: "Literal", term: Term.atom(name), source: line.slice(index, end) },
      end
    ])
  }
  const keyword = matchAt(sticky.keyword, line, index)
  if (keyword !== undefined)
    return found({ _tag: "Keyword", name: keyword.slice(0, -1), source: keyword }, index + keyword.length)
  const alias = matchAt(sticky.alias, line, index)
  if (alias !== undefined) return found({ _tag: "Alias", source: alias }, index + alias.length)
  const identifier = matchAt(sticky.identifier, line, index)
  if (identifier !== undefined) {
    return found(
      reserved.has(identifier)
        ? { _tag: "Literal", term: Term.atom(identifier), source: identifier }
        : { _tag: "Identifier", source: identifier },
      index + identifier.length
    )
  }
  const operator = line[index] === ":" ? operators.find((operator) => line.startsWith(operator, index + 1)) : undefined
  const atom = operator === undefined ? matchAt(sticky.atom, line, index) : `:${operator}`
  if (atom !== undefined) {
    return found({ _tag: "Literal", term: Term.atom(atom.slice(1)), source: atom }, index + atom.length)
  }
  return Either.left(
    syntaxError(column, `unexpected ${Json.quote(String.fromCodePoint(line.codePointAt(index) ?? 0))}`)
  )
}

/** The tokens of a line, up to its end or a comment; an `End` is the last. */
export const tokens = (line: string): Either.Either<ReadonlyArray<Token>, SyntaxError> => {
  const found: Array<Token> = []
  let end = 0
  while (true) {
    const index = end + (matchAt(sticky.space, line, end)?.length ?? 0)
    const place = { column: index + 1, isApart: index > end || index === 0 }
    if (index >= line.length || line[index] === "#") {
      found.push({ ...place, _tag: "End", source: "" })
      return Either.right(found)
    }
    const token = readToken(line, index)
    if (Either.isLeft(token)) return Either.left(token.left)
    const [kind, after] = token.right
    found.push({ ...place, ...kind })
    end = after
  }
}
