/** Evaluates lines of Elixir. What happens outside of it (the table is asked, lines are shown) is left to the caller. */
import * as Json from "@effect-otp/example-hashmap/Json"
import * as Chunk from "effect/Chunk"
import * as Either from "effect/Either"
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Option from "effect/Option"
import { andThen, done, type Evaluation, fold, raised } from "./Evaluation.ts"
import { access, apply, made, table } from "./Functions.ts"
import { inspect } from "./Inspect.ts"
import type { Expression } from "./Syntax.ts"
import * as Term from "./Term.ts"

/** What has been bound. */
export interface Scope {
  readonly variables: HashMap.HashMap<string, Term.Term>
  /** What a name of one part stands for. */
  readonly aliases: HashMap.HashMap<string, string>
}

/**
 * As an `.iex.exs` of the application's would begin: `pid` and `Hashmap` are the server that runs, so that one who comes
 * from the introduction finds it under both.
 */
export const initial: Scope = {
  variables: HashMap.make(["pid", Term.alias(table)]),
  aliases: HashMap.make(["Hashmap", table])
}

const expand = (name: string, { aliases }: Scope): string => {
  const [first = "", ...rest] = name.split(".")
  return [Option.getOrElse(HashMap.get(aliases, first), () => first), ...rest].join(".")
}

// ---------------------------------------------------------------------------------------------------------------------
// Before anything happens
// ---------------------------------------------------------------------------------------------------------------------

/** The variables that are bound at some place, or why a line cannot be evaluated. */
type Bound = Either.Either<HashSet.HashSet<string>, string>

const uncompilable = (message: string): Bound => Either.left(`** (CompileError) ${message}`)

const checkAll = <A>(items: ReadonlyArray<A>, bound: Bound, check: (item: A, bound: Bound) => Bound): Bound => {
  let now = bound
  for (const item of items) now = check(item, now)
  return now
}

const read = (name: string, bound: Bound): Bound =>
  Either.flatMap(bound, (names) => {
    if (name === "_") return uncompilable("invalid use of _: it can be matched with, and not read")
    return HashSet.has(names, name) ? bound : uncompilable(`undefined variable ${Json.quote(name)}`)
  })

const checkExpression = (expression: Expression, bound: Bound): Bound => {
  switch (expression._tag) {
    case "Literal":
    case "Module":
    case "AliasDirective":
      return bound
    case "Variable":
      return read(expression.name, bound)
    case "Tuple":
    case "List":
      return checkAll(expression.elements, bound, checkExpression)
    case "Call":
      return checkAll(expression.arguments, bound, checkExpression)
    case "Map":
      return checkAll(expression.entries.flat(), bound, checkExpression)
    case "Access":
      return checkAll([expression.subject, expression.key], bound, checkExpression)
    case "Match":
      return checkPattern(expression.pattern, checkExpression(expression.value, bound))
    case "Pin":
      return Either.flatMap(bound, () => uncompilable("^ stands in a pattern, on the left of ="))
  }
}

const checkPattern = (pattern: Expression, bound: Bound): Bound => {
  switch (pattern._tag) {
    case "Literal":
    case "Module":
      return bound
    case "Variable":
      return pattern.name === "_" ? bound : Either.map(bound, HashSet.add(pattern.name))
    case "Pin":
      return read(pattern.name, bound)
    case "Tuple":
    case "List":
      return checkAll(pattern.elements, bound, checkPattern)
    case "Map":
      return checkAll(pattern.entries, bound, ([key, value], bound) =>
        key._tag === "Literal" || key._tag === "Pin"
          ? checkPattern(value, checkPattern(key, bound))
          : Either.flatMap(bound, () => uncompilable("a key in a pattern is a literal, or a pinned variable"))
      )
    case "Match":
      return checkAll([pattern.pattern, pattern.value], bound, checkPattern)
    case "Call":
    case "Access":
    case "AliasDirective":
      return Either.flatMap(bound, () => uncompilable("nothing can be called inside a match"))
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Matching
// ---------------------------------------------------------------------------------------------------------------------

type Bindings = HashMap.HashMap<string, Term.Term>

const isSame = (a: Term.Term, b: Term.Term): boolean => Term.compare(a, b) === 0

/** What the pattern's variables are bound to, on top of those it has bound already; nothing where it does not match. */
const match = (pattern: Expression, term: Term.Term, bindings: Bindings, scope: Scope): Option.Option<Bindings> => {
  const when = (holds: boolean) => (holds ? Option.some(bindings) : Option.none())
  switch (pattern._tag) {
    case "Literal":
      return when(isSame(pattern.term, term))
    case "Module":
      return when(isSame(Term.alias(expand(pattern.name, scope)), term))
    case "Pin":
      return when(Option.exists(HashMap.get(scope.variables, pattern.name), (pinned) => isSame(pinned, term)))
    case "Variable":
      if (pattern.name === "_") return Option.some(bindings)
      return Option.match(HashMap.get(bindings, pattern.name), {
        onNone: () => Option.some(HashMap.set(bindings, pattern.name, term)),
        // the same variable twice: the same value twice
        onSome: (bound) => when(isSame(bound, term))
      })
    case "Tuple":
    case "List":
      if (term._tag !== pattern._tag || term.elements.length !== pattern.elements.length) return Option.none()
      return matchAll(
        // as many as there are elements
        pattern.elements.map((element, index) => [element, term.elements[index]!]),
        bindings,
        scope
      )
    case "Map": {
      if (term._tag !== "Map") return Option.none()
      return Option.flatMap(
        Option.all(
          pattern.entries.map(([key, value]) =>
            Option.map(
              Option.flatMap(keyOf(key, scope), (key) => Option.fromNullable(Term.valueOf(term, key))),
              (found): readonly [Expression, Term.Term] => [value, found]
            )
          )
        ),
        (pairs) => matchAll(pairs, bindings, scope)
      )
    }
    case "Match":
      return Option.flatMap(match(pattern.pattern, term, bindings, scope), (bindings) =>
        match(pattern.value, term, bindings, scope)
      )
    default:
      // the check has refused them
      return Option.none()
  }
}

const matchAll = (
  pairs: ReadonlyArray<readonly [Expression, Term.Term]>,
  initial: Bindings,
  scope: Scope
): Option.Option<Bindings> => {
  let bindings = initial
  for (const [pattern, term] of pairs) {
    const matched = match(pattern, term, bindings, scope)
    if (Option.isNone(matched)) return matched
    bindings = matched.value
  }
  return Option.some(bindings)
}

/** The key of a map's pattern. */
const keyOf = (key: Expression, scope: Scope): Option.Option<Term.Term> =>
  key._tag === "Literal"
    ? Option.some(key.term)
    : key._tag === "Pin"
      ? HashMap.get(scope.variables, key.name)
      : Option.none()

// ---------------------------------------------------------------------------------------------------------------------
// Evaluating
// ---------------------------------------------------------------------------------------------------------------------

/** A value, and what is bound after it. */
type Step<A> = Evaluation<readonly [A, Scope]>

const withScope = (evaluation: Evaluation<Term.Term>, scope: Scope): Step<Term.Term> =>
  andThen(evaluation, (term) => done([term, scope] as const))

const elements = (expressions: ReadonlyArray<Expression>, scope: Scope): Step<ReadonlyArray<Term.Term>> =>
  andThen(
    fold(expressions, { terms: Chunk.empty<Term.Term>(), scope }, (state, expression) =>
      andThen(step(expression, state.scope), ([term, scope]) => done({ terms: Chunk.append(state.terms, term), scope }))
    ),
    ({ scope, terms }) => done([Chunk.toReadonlyArray(terms), scope] as const)
  )

const step = (expression: Expression, scope: Scope): Step<Term.Term> => {
  switch (expression._tag) {
    case "Literal":
      return done([expression.term, scope])
    case "Module":
      return done([Term.alias(expand(expression.name, scope)), scope])
    case "Variable":
      return Option.match(HashMap.get(scope.variables, expression.name), {
        // the check has seen to it
        onNone: () => raised(`** (CompileError) undefined variable ${Json.quote(expression.name)}`),
        onSome: (term) => done([term, scope] as const)
      })
    case "Tuple":
      return andThen(elements(expression.elements, scope), ([terms, scope]) =>
        withScope(made(Term.tuple(terms)), scope)
      )
    case "List":
      return andThen(elements(expression.elements, scope), ([terms, scope]) => withScope(made(Term.list(terms)), scope))
    case "Map":
      return andThen(elements(expression.entries.flat(), scope), ([terms, scope]) =>
        withScope(made(Term.map(Term.pairsOf(terms))), scope)
      )
    case "Call":
      return andThen(elements(expression.arguments, scope), ([terms, scope]) =>
        withScope(apply(expand(expression.module ?? "Kernel", scope), expression.name, terms), scope)
      )
    case "Access":
      return andThen(step(expression.subject, scope), ([subject, scope]) =>
        andThen(step(expression.key, scope), ([key, scope]) => withScope(access(subject, key), scope))
      )
    case "Match":
      return andThen(step(expression.value, scope), ([term, scope]) =>
        Option.match(match(expression.pattern, term, HashMap.empty(), scope), {
          onNone: () => raised(`** (MatchError) no match of right hand side value: ${inspect(term)}`),
          onSome: (bindings) => done([term, { ...scope, variables: HashMap.union(scope.variables, bindings) }] as const)
        })
      )
    case "AliasDirective": {
      const module = expand(expression.module, scope)
      return done([Term.alias(module), { ...scope, aliases: HashMap.set(scope.aliases, expression.as, module) }])
    }
    case "Pin":
      // the check has refused it
      return raised("** (CompileError) ^ stands in a pattern, on the left of =")
  }
}

/**
 * Evaluates the expressions of a line: the value of the last one, and the scope for the next line. A line that Elixir
 * would not compile does nothing at all.
 */
export const evaluate = (
  expressions: ReadonlyArray<Expression>,
  scope: Scope
): Evaluation<readonly [Term.Term, Scope]> => {
  // as Elixir, which compiles a line before it runs any of it
  const bound = checkAll(expressions, Either.right(HashMap.keySet(scope.variables)), checkExpression)
  return Either.isLeft(bound)
    ? raised(bound.left)
    : fold(expressions, [Term.nil, scope] as readonly [Term.Term, Scope], ([, scope], expression) =>
        step(expression, scope)
      )
}
