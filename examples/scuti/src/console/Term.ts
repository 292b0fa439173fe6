/** Elixir's terms, as far as the console knows them, in Elixir's order. */
import * as Data from "effect/Data"
import * as Either from "effect/Either"

interface Composite {
  readonly elements: ReadonlyArray<Term>
  /** How far it goes down, and what showing it comes to: kept here because terms share their parts. */
  readonly depth: number
  readonly weight: number
}

export type Term =
  | { readonly _tag: "Atom"; readonly name: string }
  | { readonly _tag: "Integer"; readonly value: bigint }
  | { readonly _tag: "Float"; readonly value: number }
  | { readonly _tag: "Text"; readonly text: string }
  /** A process, which is known by its name here. */
  | { readonly _tag: "Pid"; readonly name: string }
  | ({ readonly _tag: "Tuple" } & Composite)
  | ({ readonly _tag: "List" } & Composite)
  /** The elements are keys and values by turns, in the order of the keys, none twice. */
  | ({ readonly _tag: "Map" } & Composite)

/** A term that cannot be made, or has no counterpart in JSON: why, in one line. */
export class Refused extends Data.TaggedError("Refused")<{ readonly message: string }> {}

/** Reading, showing and comparing go down by recursion. The application takes values that are not as deep by far. */
export const maximumDepth = 100
/** A term that holds itself twice is twice as long to show, line after line. */
const maximumWeight = 10_000_000

export const atom = (name: string): Term => ({ _tag: "Atom", name })
/** The atom that a module's name stands for. */
export const alias = (name: string): Term => atom(`Elixir.${name}`)
export const integer = (value: bigint): Term => ({ _tag: "Integer", value })
export const float = (value: number): Term => ({ _tag: "Float", value })
export const text = (text: string): Term => ({ _tag: "Text", text })
export const pid = (name: string): Term => ({ _tag: "Pid", name })

export const nil = atom("nil")
export const ok = atom("ok")
export const boolean = (value: boolean): Term => atom(value ? "true" : "false")

const depthOf = (term: Term): number => ("depth" in term ? term.depth : 0)
const weightOf = (term: Term): number => ("weight" in term ? term.weight : term._tag === "Text" ? term.text.length : 1)

const composite = (_tag: "Tuple" | "List" | "Map", elements: ReadonlyArray<Term>): Either.Either<Term, Refused> => {
  let depth = 0
  let weight = 1
  for (const element of elements) {
    depth = Math.max(depth, depthOf(element))
    weight += 1 + weightOf(element)
  }
  if (depth >= maximumDepth) {
    return Either.left(new Refused({ message: `a term may be nested ${maximumDepth} levels deep, not more` }))
  }
  if (weight > maximumWeight) return Either.left(new Refused({ message: "the term is too large for this console" }))
  return Either.right({ _tag, elements, depth: depth + 1, weight })
}

export const tuple = (elements: ReadonlyArray<Term>): Either.Either<Term, Refused> => composite("Tuple", elements)
export const list = (elements: ReadonlyArray<Term>): Either.Either<Term, Refused> => composite("List", elements)
/** Of two values of one key, the last one counts. */
export const map = (entries: Iterable<readonly [Term, Term]>): Either.Either<Term, Refused> => {
  // sorting is stable: the last one of a key is the last of its row
  const sorted = Array.from(entries).sort(([a], [b]) => compare(a, b))
  const last = sorted.filter(([key], index) => {
    const next = sorted[index + 1]
    return next === undefined || compare(key, next[0]) !== 0
  })
  return composite("Map", last.flat())
}

/** Terms that are keys and values by turns, as pairs. */
export const pairsOf = (terms: ReadonlyArray<Term>): ReadonlyArray<readonly [Term, Term]> =>
  // there is a value to each key
  Array.from({ length: terms.length / 2 }, (_, index) => [terms[2 * index]!, terms[2 * index + 1]!])

/** The keys and values of a map. */
export const entriesOf = (map: Term & { readonly _tag: "Map" }): ReadonlyArray<readonly [Term, Term]> =>
  pairsOf(map.elements)

/** The value of a map's key. */
export const valueOf = (map: Term & { readonly _tag: "Map" }, key: Term): Term | undefined =>
  entriesOf(map).find(([other]) => compare(other, key) === 0)?.[1]

/** Every integer before every float: the keys of a map are so, and nothing else is compared here. */
const ranks = { Integer: 0, Float: 1, Atom: 2, Pid: 3, Tuple: 4, Map: 5, List: 6, Text: 7 } as const

const order = <A extends bigint | number>(a: A, b: A): number => (a < b ? -1 : a > b ? 1 : 0)

/** By code points, as Elixir's strings and atoms are ordered: UTF-16 has some of them elsewhere. */
const compareText = (a: string, b: string): number => {
  let index = 0
  while (index < a.length && index < b.length && a.charCodeAt(index) === b.charCodeAt(index)) index++
  const first = (text: string) => {
    const unit = text.charCodeAt(index)
    // where only the second halves differ, they decide; else any pair comes after every single unit
    return Number.isNaN(unit) ? -1 : unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
  }
  return order(first(a), first(b))
}

const compareElements = (a: ReadonlyArray<Term>, b: ReadonlyArray<Term>): number => {
  for (let index = 0; index < a.length && index < b.length; index++) {
    const compared = compare(a[index]!, b[index]!)
    if (compared !== 0) return compared
  }
  return order(a.length, b.length)
}

const keysOf = (map: Composite) => map.elements.filter((_, index) => index % 2 === 0)
const valuesOf = (map: Composite) => map.elements.filter((_, index) => index % 2 === 1)

/** How the keys of a map are sorted: 0 for what is one and the same key, which `1` and `1.0` are not. */
export const compare = (a: Term, b: Term): number => {
  if (a === b) return 0
  switch (a._tag) {
    case "Integer":
      if (b._tag === "Integer") return order(a.value, b.value)
      break
    case "Float":
      // 0.0 and -0.0 are two
      if (b._tag === "Float") return a.value === b.value ? order(1 / a.value, 1 / b.value) : order(a.value, b.value)
      break
    case "Atom":
    case "Pid":
      if (b._tag === a._tag) return compareText(a.name, b.name)
      break
    case "Text":
      if (b._tag === "Text") return compareText(a.text, b.text)
      break
    case "List":
      if (b._tag === "List") return compareElements(a.elements, b.elements)
      break
    case "Tuple":
      if (b._tag === "Tuple")
        return order(a.elements.length, b.elements.length) || compareElements(a.elements, b.elements)
      break
    case "Map":
      if (b._tag === "Map") {
        return (
          order(a.elements.length, b.elements.length) ||
          compareElements(keysOf(a), keysOf(b)) ||
          compareElements(valuesOf(a), valuesOf(b))
        )
      }
  }
  return order(ranks[a._tag], ranks[b._tag])
}

/**
 * What JSON says, as a term: its `null` is `nil`, its objects are maps with strings for keys. A number is an integer where
 * JavaScript tells it from its neighbours, so that `1.0`, which JSON does not tell from `1`, comes back as `1`.
 */
export const fromJson = (value: unknown): Either.Either<Term, Refused> => fromJsonAt(value, 0)

const fromJsonAt = (value: unknown, depth: number): Either.Either<Term, Refused> => {
  switch (typeof value) {
    case "string":
      return Either.right(text(value))
    case "boolean":
      return Either.right(boolean(value))
    case "number":
      return Either.right(Number.isSafeInteger(value) && !Object.is(value, -0) ? integer(BigInt(value)) : float(value))
    case "object": {
      if (value === null) return Either.right(nil)
      // goes no deeper than `composite` allows, for what it would refuse when all is done
      if (depth === maximumDepth) return composite("List", [deepest])
      if (Array.isArray(value)) {
        return Either.flatMap(Either.all(value.map((element) => fromJsonAt(element, depth + 1))), list)
      }
      return Either.flatMap(
        Either.all(
          Object.entries(value).map(([key, value]) =>
            Either.map(fromJsonAt(value, depth + 1), (value): readonly [Term, Term] => [text(key), value])
          )
        ),
        map
      )
    }
    default:
      return Either.left(new Refused({ message: `not JSON: a ${typeof value}` }))
  }
}

const deepest: Term = { _tag: "List", elements: [], depth: maximumDepth, weight: 1 }

/** Why a term cannot go where JSON goes. */
const noJson = (what: string) => Either.left(new Refused({ message: `${what}: the table holds what JSON can` }))

/**
 * A term as JSON, or why it has none: of atoms there are `nil`, `true` and `false`, integers are those that JavaScript
 * tells from their neighbours, and a map's keys are strings.
 */
export const toJson = (term: Term): Either.Either<unknown, Refused> => {
  switch (term._tag) {
    case "Atom": {
      const value = term.name === "nil" ? null : term.name === "true" ? true : term.name === "false" ? false : undefined
      return value === undefined ? noJson("an atom is no JSON") : Either.right(value)
    }
    case "Integer": {
      const value = Number(term.value)
      return Number.isSafeInteger(value) ? Either.right(value) : noJson("an integer beyond 2^53 would be rounded")
    }
    case "Float":
      return Either.right(term.value)
    case "Text":
      return Either.right(term.text)
    case "List":
      return Either.all(term.elements.map(toJson))
    case "Map":
      return Either.map(
        Either.all(
          entriesOf(term).map(([key, value]) =>
            key._tag === "Text"
              ? Either.map(toJson(value), (json): readonly [string, unknown] => [key.text, json])
              : noJson("a map with a key that is no string is no JSON")
          )
        ),
        Object.fromEntries<unknown>
      )
    case "Tuple":
      return noJson("a tuple is no JSON")
    case "Pid":
      return noJson("a pid is no JSON")
  }
}
