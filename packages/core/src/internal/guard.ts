/**
 * Guards compiled from schemas: whether a value is of a schema's type, without what a parser costs.
 *
 * `Schema.is` makes a result for every value it looks at, and options for every call. A message is checked each time
 * one is made, so the schemas that messages are mostly made of become plain functions here; every other schema keeps
 * its own parser. Nothing is generated as text, so this works where a content security policy forbids that.
 */
import * as Arr from "effect/Array"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"

export type Guard = (value: unknown) => boolean

/** The options with which Schema validates. */
const exact: AST.ParseOptions = { exact: true }

const always: Guard = () => true

/** Made when it is needed: a schema may refer to a class that is still being made. */
const parser = (ast: AST.AST): Guard => {
  let is: Guard | undefined
  return (value) => {
    is ??= Schema.is(Schema.make(ast))
    return is(value)
  }
}

const oneOf = (values: ReadonlyArray<unknown>): Guard => {
  const [only] = values
  // indexOf compares as Schema does: NaN is not the literal NaN
  return values.length === 1 ? (value) => value === only : (value) => values.indexOf(value) !== -1
}

const union = (types: ReadonlyArray<AST.AST>): Guard | undefined => {
  if (types.every(AST.isLiteral)) return oneOf(types.map((type) => type.literal))
  const members: Array<Guard> = []
  for (const type of types) {
    const member = whole(type)
    if (member === undefined) return undefined
    members.push(member)
  }
  const [first, second] = members
  return members.length === 2
    ? (value) => first!(value) || second!(value)
    : (value) => members.some((member) => member(value))
}

const declaration = (ast: AST.Declaration): Guard => {
  const parse = ast.decodeUnknown()
  const otherwise = parser(ast)
  return (value) => {
    const result = parse(value, exact, ast)
    // what is no Either is an Effect, and running that is the parser's business
    return Either.isEither(result) ? Either.isRight(result) : otherwise(value)
  }
}

/**
 * The guard of a type whose parser gives back the very value it was given; none for the others, such as structs, which
 * are copied without their excess properties: a filter behind one of those must see the copy.
 */
const whole = (ast: AST.AST): Guard | undefined => {
  switch (ast._tag) {
    case "StringKeyword":
      return Predicate.isString
    case "NumberKeyword":
      return Predicate.isNumber
    case "BooleanKeyword":
      return Predicate.isBoolean
    case "BigIntKeyword":
      return Predicate.isBigInt
    case "SymbolKeyword":
      return Predicate.isSymbol
    case "ObjectKeyword":
      return Predicate.isObject
    case "UndefinedKeyword":
      return Predicate.isUndefined
    case "NeverKeyword":
      return Predicate.isNever
    case "UnknownKeyword":
    case "AnyKeyword":
    case "VoidKeyword":
      return always
    case "Literal":
      return oneOf([ast.literal])
    case "UniqueSymbol":
      return oneOf([ast.symbol])
    case "Enums":
      return oneOf(ast.enums.map(([_, value]) => value))
    case "Union":
      return union(ast.types)
    case "Declaration":
      return ast.typeParameters.length === 0 ? declaration(ast) : undefined
    case "Refinement": {
      const from = whole(ast.from)
      return from && ((value) => from(value) && Option.isNone(ast.filter(value, exact, ast)))
    }
    default:
      return undefined
  }
}

/**
 * Whether a value is of this type: the type side of a schema. It says what `Schema.is` says, except that a
 * `decodingFallback`, which is for decoding, does not make a wrong value of a plain type right.
 */
export const compile = (ast: AST.AST): Guard => whole(ast) ?? parser(ast)

/** Whether a value refused by this type may be a secret that was given bare. */
const isSecret = (ast: AST.AST): boolean => {
  switch (ast._tag) {
    case "Declaration":
      return Option.exists(AST.getTypeConstructorAnnotation(ast), ({ _tag }) => _tag === "effect/Redacted")
    case "Refinement":
      return isSecret(ast.from)
    case "Union":
      return ast.types.some(isSecret)
    default:
      return false
  }
}

/** The issue without what is redacted: Schema's own says what it found inside. */
const redact = (issue: ParseResult.ParseIssue): ParseResult.ParseIssue => {
  switch (issue._tag) {
    case "Pointer":
      return new ParseResult.Pointer(issue.path, issue.actual, redact(issue.issue))
    case "Missing":
    case "Unexpected":
      return issue
    default:
      if (Redacted.isRedacted(issue.actual) || isSecret(issue.ast)) {
        return new ParseResult.Type(issue.ast, Redacted.make(issue.actual))
      }
  }
  switch (issue._tag) {
    case "Composite": {
      const { issues } = issue
      return new ParseResult.Composite(
        issue.ast,
        issue.actual,
        "_tag" in issues ? redact(issues) : Arr.map(issues, redact)
      )
    }
    case "Refinement":
      return new ParseResult.Refinement(issue.ast, issue.actual, issue.kind, redact(issue.issue))
    case "Transformation":
      return new ParseResult.Transformation(issue.ast, issue.actual, issue.kind, redact(issue.issue))
    default:
      return issue
  }
}

/** Why a value is not of this type, in Schema's words and without secrets. */
export const explain = (ast: AST.AST, value: unknown): ParseResult.ParseIssue => {
  const result = ParseResult.validateEither(Schema.make(ast))(value)
  return Either.isLeft(result) ? redact(result.left) : new ParseResult.Type(ast, value)
}
