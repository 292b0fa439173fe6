/**
 * Reads lines of Elixir: terms, variables, modules' names, calls, `|>`, `=`, `;` and `alias`. Not a language to write
 * programs in, but what one types to look at a server.
 */
import * as Json from "@effect-otp/example-hashmap/Json"
import * as Either from "effect/Either"
import * as Term from "./Term.ts"
import { type SyntaxError, syntaxError, type Token, tokens } from "./Token.ts"

export type Expression =
  | { readonly _tag: "Literal"; readonly term: Term.Term }
  | { readonly _tag: "Variable"; readonly name: string }
  /** The name of a module as it is written. */
  | { readonly _tag: "Module"; readonly name: string }
  | { readonly _tag: "Tuple"; readonly elements: ReadonlyArray<Expression> }
  | { readonly _tag: "List"; readonly elements: ReadonlyArray<Expression> }
  | { readonly _tag: "Map"; readonly entries: ReadonlyArray<readonly [key: Expression, value: Expression]> }
  /** `module.name(…)`; `name(…)` where there is no module. */
  | {
      readonly _tag: "Call"
      readonly module: string | undefined
      readonly name: string
      readonly arguments: ReadonlyArray<Expression>
    }
  /** `subject[key]` */
  | { readonly _tag: "Access"; readonly subject: Expression; readonly key: Expression }
  | { readonly _tag: "Match"; readonly pattern: Expression; readonly value: Expression }
  /** `^name`, in a pattern. */
  | { readonly _tag: "Pin"; readonly name: string }
  /** `alias Module.Name, as: Name` */
  | { readonly _tag: "AliasDirective"; readonly module: string; readonly as: string }

/** Words that begin what is not known here, and would else be taken for calls and variables. */
const beyond = new Set([
  ...["after", "and", "case", "catch", "cond", "def", "defimpl", "defmacro", "defmodule", "defp", "defprotocol"],
  ...["defstruct", "do", "else", "end", "fn", "for", "if", "import", "in", "not", "or", "quote", "raise", "receive"],
  ...["require", "rescue", "spawn", "throw", "try", "unless", "unquote", "use", "when", "with"]
])

/** A place in the tokens that is moved on by whoever takes one. The last token is the end, and is never passed. */
interface Cursor {
  readonly tokens: ReadonlyArray<Token>
  position: number
  depth: number
  /** How many `|>` and `[…]` there have been: each is one level more of what has been read. */
  links: number
}

type Parsed<A> = Either.Either<A, SyntaxError>

const peek = (cursor: Cursor): Token => cursor.tokens[cursor.position]!
const take = (cursor: Cursor): Token => {
  const token = peek(cursor)
  if (token._tag !== "End") cursor.position++
  return token
}

const isNext = (cursor: Cursor, punctuation: string): boolean => {
  const token = peek(cursor)
  return token._tag === "Punctuation" && token.source === punctuation
}

const skip = (cursor: Cursor, punctuation: string): boolean => {
  if (!isNext(cursor, punctuation)) return false
  take(cursor)
  return true
}

const unexpected = ({ _tag, column, source }: Token): Parsed<never> =>
  Either.left(
    _tag === "End"
      ? syntaxError(column, "the line ends too early: an expression is one line here")
      : syntaxError(column, `syntax error before: ${Json.quote(source)}`)
  )

const tooDeep = (cursor: Cursor): Parsed<never> =>
  Either.left(
    syntaxError(peek(cursor).column, `an expression may be nested ${Term.maximumDepth} levels deep, not more`)
  )

/** One level deeper, of which there are not more than a term may have. */
const nested = <A>(cursor: Cursor, read: (cursor: Cursor) => Parsed<A>): Parsed<A> => {
  if (cursor.depth === Term.maximumDepth) return tooDeep(cursor)
  cursor.depth++
  const result = read(cursor)
  cursor.depth--
  return result
}

/** Elements with commas between them, up to what closes them; `close` is undefined for a call without parentheses. */
const elementsUntil = <A>(
  cursor: Cursor,
  close: string | undefined,
  element: (cursor: Cursor) => Parsed<A>
): Parsed<ReadonlyArray<A>> => {
  const elements: Array<A> = []
  if (close !== undefined && skip(cursor, close)) return Either.right(elements)
  while (true) {
    const read = element(cursor)
    if (Either.isLeft(read)) return Either.left(read.left)
    elements.push(read.right)
    if (skip(cursor, ",")) continue
    if (close === undefined || skip(cursor, close)) return Either.right(elements)
    return unexpected(peek(cursor))
  }
}

type Entry = readonly [key: Expression, value: Expression]

const keyword = (cursor: Cursor): Parsed<Entry> => {
  const token = take(cursor)
  return token._tag === "Keyword"
    ? Either.map(expression(cursor), (value): Entry => [{ _tag: "Literal", term: Term.atom(token.name) }, value])
    : unexpected(token)
}

/** Keywords, of which at least one comes: they are the last, and nothing else comes after them. */
const keywords = (cursor: Cursor): Parsed<ReadonlyArray<Entry>> => {
  const entries: Array<Entry> = []
  do {
    const entry = keyword(cursor)
    if (Either.isLeft(entry)) return Either.left(entry.left)
    entries.push(entry.right)
  } while (skip(cursor, ","))
  return Either.right(entries)
}

const isKeyword = (cursor: Cursor): boolean => peek(cursor)._tag === "Keyword"

/** Elements of which the last may be keywords: those are one list, or more elements of the list that they stand in. */
const elementsWithKeywords = (
  cursor: Cursor,
  close: string | undefined,
  isList: boolean
): Parsed<ReadonlyArray<Expression>> =>
  Either.map(
    elementsUntil(
      cursor,
      close,
      (cursor): Parsed<ReadonlyArray<Expression>> =>
        isKeyword(cursor)
          ? Either.map(keywords(cursor), (entries) => {
              const elements = entries.map((elements): Expression => ({ _tag: "Tuple", elements }))
              return isList ? elements : [{ _tag: "List", elements }]
            })
          : Either.map(expression(cursor), (element) => [element])
    ),
    (elements) => elements.flat()
  )

const entries = (cursor: Cursor): Parsed<ReadonlyArray<Entry>> =>
  isKeyword(cursor)
    ? keywords(cursor)
    : Either.flatMap(expression(cursor), (key) =>
        skip(cursor, "=>") ? Either.map(expression(cursor), (value) => [[key, value]]) : unexpected(peek(cursor))
      )

/** Whether the next token begins the first argument of a call without parentheses. */
const beginsArgument = (cursor: Cursor): boolean => {
  const token = peek(cursor)
  if (!token.isApart) return false
  return token._tag === "Punctuation" ? ["{", "%{", "[", "-"].includes(token.source) : token._tag !== "End"
}

/** The arguments of a call; `undefined` where neither parentheses nor an argument come. */
const argumentsOf = (cursor: Cursor): Parsed<ReadonlyArray<Expression> | undefined> => {
  if (isNext(cursor, "(") && !peek(cursor).isApart) {
    take(cursor)
    return elementsWithKeywords(cursor, ")", false)
  }
  return beginsArgument(cursor) ? elementsWithKeywords(cursor, undefined, false) : Either.right(undefined)
}

/** A module's name, or the call of a function of it. */
const moduleOrCall = (cursor: Cursor, first: string): Parsed<Expression> => {
  let name = first
  while (skip(cursor, ".")) {
    const token = take(cursor)
    if (token._tag === "Alias") name = `${name}.${token.source}`
    else if (token._tag === "Identifier") {
      return Either.map(
        argumentsOf(cursor),
        (found): Expression => ({
          _tag: "Call",
          module: name,
          name: token.source,
          arguments: found ?? []
        })
      )
    } else return unexpected(token)
  }
  return Either.right({ _tag: "Module", name })
}

const aliasDirective = (cursor: Cursor): Parsed<Expression> =>
  Either.flatMap(elementsWithKeywords(cursor, undefined, false), ([module, options, ...more]): Parsed<Expression> => {
    if (module?._tag !== "Module" || more.length > 0) return unexpected(peek(cursor))
    const last = module.name.split(".").at(-1) ?? module.name
    if (options === undefined) return Either.right({ _tag: "AliasDirective", module: module.name, as: last })
    const option = options._tag === "List" && options.elements.length === 1 ? options.elements[0] : undefined
    const [key, as] = option?._tag === "Tuple" ? option.elements : []
    return key?._tag === "Literal" &&
      key.term._tag === "Atom" &&
      key.term.name === "as" &&
      as?._tag === "Module" &&
      !as.name.includes(".")
      ? Either.right({ _tag: "AliasDirective", module: module.name, as: as.name })
      : unexpected(peek(cursor))
  })

const negative = (cursor: Cursor, minus: Token): Parsed<Expression> => {
  const token = take(cursor)
  if (token._tag !== "Literal") return unexpected(minus)
  const { term } = token
  if (term._tag === "Integer") return Either.right({ _tag: "Literal", term: Term.integer(-term.value) })
  if (term._tag === "Float") return Either.right({ _tag: "Literal", term: Term.float(-term.value) })
  return unexpected(minus)
}

const punctuated = (cursor: Cursor, token: Token): Parsed<Expression> => {
  switch (token.source) {
    case "{":
      return Either.map(elementsWithKeywords(cursor, "}", false), (elements) => ({ _tag: "Tuple", elements }))
    case "[":
      return Either.map(elementsWithKeywords(cursor, "]", true), (elements) => ({ _tag: "List", elements }))
    case "%{":
      return Either.map(elementsUntil(cursor, "}", entries), (entries) => ({ _tag: "Map", entries: entries.flat() }))
    case "(":
      return Either.flatMap(expression(cursor), (inner) =>
        skip(cursor, ")") ? Either.right(inner) : unexpected(peek(cursor))
      )
    case "^": {
      const name = take(cursor)
      return name._tag === "Identifier" ? Either.right({ _tag: "Pin", name: name.source }) : unexpected(name)
    }
    case "-":
      return negative(cursor, token)
    default:
      return unexpected(token)
  }
}

const primary = (cursor: Cursor): Parsed<Expression> => {
  const token = take(cursor)
  switch (token._tag) {
    case "Literal":
      return Either.right({ _tag: "Literal", term: token.term })
    case "Alias":
      return moduleOrCall(cursor, token.source)
    case "Identifier":
      if (beyond.has(token.source)) {
        return Either.left(syntaxError(token.column, `\`${token.source}\` is more Elixir than this console knows`))
      }
      if (token.source === "alias" && beginsArgument(cursor)) return aliasDirective(cursor)
      return Either.map(
        // without parentheses it is a variable, and nothing comes after that
        isNext(cursor, "(") ? argumentsOf(cursor) : Either.right(undefined),
        (found): Expression =>
          found === undefined
            ? { _tag: "Variable", name: token.source }
            : { _tag: "Call", module: undefined, name: token.source, arguments: found }
      )
    case "Punctuation":
      return punctuated(cursor, token)
    default:
      return unexpected(token)
  }
}

const postfix = (cursor: Cursor): Parsed<Expression> =>
  Either.flatMap(primary(cursor), (first) => {
    let subject = first
    while (isNext(cursor, "[") && !peek(cursor).isApart) {
      take(cursor)
      const key = expression(cursor)
      if (Either.isLeft(key)) return key
      if (!skip(cursor, "]")) return unexpected(peek(cursor))
      if (++cursor.links > Term.maximumDepth) return tooDeep(cursor)
      subject = { _tag: "Access", subject, key: key.right }
    }
    return Either.right(subject)
  })

/** `value |> call(…)`, as often as it comes: the value is the call's first argument. */
const pipeline = (cursor: Cursor): Parsed<Expression> =>
  Either.flatMap(postfix(cursor), (first) => {
    let value = first
    while (isNext(cursor, "|>")) {
      const operator = take(cursor)
      const call = postfix(cursor)
      if (Either.isLeft(call)) return call
      if (call.right._tag !== "Call") {
        return Either.left(syntaxError(operator.column, "after |> comes a call, as IO.inspect()"))
      }
      if (++cursor.links > Term.maximumDepth) return tooDeep(cursor)
      value = { ...call.right, arguments: [value, ...call.right.arguments] }
    }
    return Either.right(value)
  })

const expression = (cursor: Cursor): Parsed<Expression> =>
  nested(cursor, (cursor) =>
    Either.flatMap(pipeline(cursor), (pattern) =>
      skip(cursor, "=")
        ? Either.map(expression(cursor), (value): Expression => ({ _tag: "Match", pattern, value }))
        : Either.right(pattern)
    )
  )

/** The expressions of a line, none for a line with nothing but a comment. Never throws. */
export const parse = (line: string): Parsed<ReadonlyArray<Expression>> =>
  Either.flatMap(tokens(line), (tokens) => {
    const cursor: Cursor = { tokens, position: 0, depth: 0, links: 0 }
    const expressions: Array<Expression> = []
    while (true) {
      while (skip(cursor, ";")) {}
      if (peek(cursor)._tag === "End") return Either.right(expressions)
      const read = expression(cursor)
      if (Either.isLeft(read)) return Either.left(read.left)
      expressions.push(read.right)
      if (peek(cursor)._tag !== "End" && !isNext(cursor, ";")) return unexpected(peek(cursor))
    }
  })
