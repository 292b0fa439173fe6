/** The functions that can be called, by module, name and number of arguments. */

import * as Json from "@effect-otp/example-hashmap/Json"
import * as Either from "effect/Either"
import { andThen, done, type Evaluation, type Patience, Request, raised } from "./Evaluation.ts"
import { inspect } from "./Inspect.ts"
import * as Term from "./Term.ts"

type Call = (...terms: ReadonlyArray<Term.Term>) => Evaluation<Term.Term>

/** The module under whose name the application's table is registered. */
export const table = "ScutiWeb.Service.Hashmap"
const tablePid = Term.pid(table)

export const made = Either.match({
  onLeft: ({ message }: Term.Refused) => raised(`** (ArgumentError) ${message}`),
  onRight: (term: Term.Term) => done(term)
})

const print = (line: string, value: Term.Term): Evaluation<Term.Term> => ({
  _tag: "Print",
  line,
  next: () => done(value)
})

// ---------------------------------------------------------------------------------------------------------------------
// GenServer
// ---------------------------------------------------------------------------------------------------------------------

/** Whom a term names: the table, a name that nobody has, or nobody at all. */
const whom = (server: Term.Term): "table" | "nobody" | "none" => {
  if (Term.compare(server, Term.alias(table)) === 0 || Term.compare(server, tablePid) === 0) return "table"
  return server._tag === "Atom" ? "nobody" : "none"
}

const noClause = (callback: string, message: Term.Term): Evaluation<never> =>
  raised(
    `** (FunctionClauseError) no function clause matching in ${table}.${callback} for ${inspect(message)}: ` +
      "not sent, for it would make the server crash"
  )

const tagged = (message: Term.Term): readonly [name: string, fields: ReadonlyArray<Term.Term>] => {
  const [tag, ...fields] = message._tag === "Tuple" ? message.elements : []
  return [tag?._tag === "Atom" ? tag.name : "", fields]
}

/** What a message asks, `undefined` for one that the server has no clause for. */
const requestOf = (
  clauses: Readonly<Record<string, (key: string, value: unknown) => Request>>,
  message: Term.Term
): Either.Either<Request | undefined, Term.Refused> => {
  const [name, fields] = tagged(message)
  const clause = clauses[`${name}/${fields.length}`]
  if (clause === undefined) return Either.right(undefined)
  const [key, value = Term.nil] = fields
  if (key !== undefined && key._tag !== "Text") {
    return Either.left(new Term.Refused({ message: `the keys of the table are strings, and ${inspect(key)} is none` }))
  }
  return Either.map(Term.toJson(value), (json) => clause(key?.text ?? "", json))
}

const callClauses = {
  "get/1": (key: string) => Request.Get({ key }),
  "get/2": (key: string, fallback: unknown) => Request.GetOr({ key, default: fallback }),
  "get_all/0": () => Request.GetAll(),
  "update/2": (key: string, value: unknown) => Request.Update({ key, value }),
  "put/2": (key: string, value: unknown) => Request.Put({ key, value })
}

const castClauses = { "delete/1": (key: string) => Request.Delete({ key }) }

/** What the table's answer is to Elixir. */
const answered = (request: Request, answer: unknown): Evaluation<Term.Term> => {
  switch (request._tag) {
    case "Get":
      return answer === undefined ? done(Term.nil) : made(Term.fromJson(answer))
    case "GetOr":
    case "GetAll":
      return made(Term.fromJson(answer))
    default:
      return done(Term.ok)
  }
}

const ask = (request: Request, patience?: Patience) => ({
  _tag: "Ask" as const,
  request,
  patience,
  next: (answer: unknown) => answered(request, answer)
})

const exited = (call: string, why: string): string => `** (exit) exited in: ${call} ** (EXIT) ${why}`

/** The milliseconds of a time-out, `undefined` for what is none. */
const millisecondsOf = (timeout: Term.Term): number | undefined => {
  if (timeout._tag === "Atom" && timeout.name === "infinity") return Number.POSITIVE_INFINITY
  return timeout._tag === "Integer" && timeout.value >= 0n ? Number(timeout.value) : undefined
}

const defaultTimeout = Term.integer(5000n)

const call: Call = (server = Term.nil, message = Term.nil, timeout = defaultTimeout) => {
  const written = `GenServer.call(${[server, message, timeout].map(inspect).join(", ")})`
  const milliseconds = millisecondsOf(timeout)
  const target = whom(server)
  if (target === "none" || milliseconds === undefined) {
    return raised(`** (FunctionClauseError) no function clause matching in ${written}`)
  }
  if (target === "nobody") return raised(exited(written, "no process: there is none of that name"))
  return Either.match(requestOf(callClauses, message), {
    onLeft: ({ message }) => raised(`** (ArgumentError) ${message}`),
    onRight: (request) =>
      request === undefined
        ? noClause("handle_call/3", message)
        : ask(request, { milliseconds, message: exited(written, "time out") })
  })
}

const cast: Call = (server = Term.nil, message = Term.nil) => {
  const target = whom(server)
  if (target === "none") {
    return raised(`** (FunctionClauseError) no function clause matching in GenServer.cast(${inspect(server)}, …)`)
  }
  // nobody hears that nobody was there
  if (target === "nobody") return done(Term.ok)
  return Either.match(requestOf(castClauses, message), {
    onLeft: ({ message }) => raised(`** (ArgumentError) ${message}`),
    onRight: (request) => (request === undefined ? noClause("handle_cast/2", message) : ask(request))
  })
}

/**
 * The application has started it. Whether it runs is asked, since one that does not would be started by its supervisor
 * alone, and nothing that is typed here could do so.
 */
const startLink: Call = () =>
  andThen<Term.Term, Term.Term>(ask(Request.GetAll()), () =>
    made(
      Either.flatMap(Term.tuple([Term.atom("already_started"), tablePid]), (reason) =>
        Term.tuple([Term.atom("error"), reason])
      )
    )
  )

// ---------------------------------------------------------------------------------------------------------------------
// IO
// ---------------------------------------------------------------------------------------------------------------------

/** The label among options, `undefined` where they are other options or none. */
const labelOf = (options: Term.Term): string | undefined => {
  if (options._tag !== "List" || options.elements.length !== 1) return undefined
  const [option] = options.elements
  const [key, label] = option?._tag === "Tuple" ? option.elements : []
  return key?._tag === "Atom" && key.name === "label" && label?._tag === "Text" ? label.text : undefined
}

const ioInspect: Call = (term = Term.nil, options) => {
  if (options === undefined) return print(inspect(term), term)
  const label = labelOf(options)
  return label === undefined
    ? raised(`** (ArgumentError) IO.inspect takes label: "text" here, and not ${inspect(options)}`)
    : print(`${Json.escape(label)}: ${inspect(term)}`, term)
}

const ioPuts: Call = (term = Term.nil) => {
  switch (term._tag) {
    case "Text":
      return print(Json.escape(term.text), Term.ok)
    case "Integer":
    case "Float":
      return print(inspect(term), Term.ok)
    case "Atom":
      return print(term.name === "nil" ? "" : Json.escape(term.name), Term.ok)
    default:
      return raised(`** (Protocol.UndefinedError) protocol String.Chars not implemented for ${inspect(term)}`)
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Map
// ---------------------------------------------------------------------------------------------------------------------

type MapTerm = Term.Term & { readonly _tag: "Map" }

const onMap =
  (f: (map: MapTerm, ...rest: ReadonlyArray<Term.Term>) => Evaluation<Term.Term>): Call =>
  (map = Term.nil, ...rest) =>
    map._tag === "Map" ? f(map, ...rest) : raised(`** (BadMapError) expected a map, got: ${inspect(map)}`)

/** `map[key]`, which is `nil` where `map` is. */
export const access: (subject: Term.Term, key: Term.Term) => Evaluation<Term.Term> = (subject, key) => {
  if (subject._tag === "Map") return done(Term.valueOf(subject, key) ?? Term.nil)
  return subject._tag === "Atom" && subject.name === "nil"
    ? done(Term.nil)
    : raised(`** (ArgumentError) [] takes a map here, and not ${inspect(subject)}`)
}

// ---------------------------------------------------------------------------------------------------------------------
// All of them
// ---------------------------------------------------------------------------------------------------------------------

const functions = new Map<string, Call>([
  [`${table}.start_link/0`, startLink],
  [`${table}.start_link/1`, startLink],
  ["GenServer.call/2", call],
  ["GenServer.call/3", call],
  ["GenServer.cast/2", cast],
  ["IO.inspect/1", ioInspect],
  ["IO.inspect/2", ioInspect],
  ["IO.puts/1", ioPuts],
  ["Kernel.inspect/1", (term = Term.nil) => done(Term.text(inspect(term)))],
  ["Map.get/2", onMap((map, key = Term.nil) => done(Term.valueOf(map, key) ?? Term.nil))],
  ["Map.get/3", onMap((map, key = Term.nil, fallback = Term.nil) => done(Term.valueOf(map, key) ?? fallback))],
  ["Map.has_key?/2", onMap((map, key = Term.nil) => done(Term.boolean(Term.valueOf(map, key) !== undefined)))],
  ["Map.keys/1", onMap((map) => made(Term.list(Term.entriesOf(map).map(([key]) => key))))],
  ["Map.values/1", onMap((map) => made(Term.list(Term.entriesOf(map).map(([, value]) => value))))],
  [
    "Map.put/3",
    onMap((map, key = Term.nil, value = Term.nil) => made(Term.map([...Term.entriesOf(map), [key, value]])))
  ],
  [
    "Map.delete/2",
    onMap((map, key = Term.nil) =>
      made(Term.map(Term.entriesOf(map).filter(([other]) => Term.compare(other, key) !== 0)))
    )
  ]
])

const modules = new Set(Array.from(functions.keys(), (name) => name.slice(0, name.lastIndexOf("."))))

/** Calls a function by its module's name, `Kernel` for one without. */
export const apply = (module: string, name: string, terms: ReadonlyArray<Term.Term>): Evaluation<Term.Term> => {
  const which = `${module}.${name}/${terms.length}`
  const found = functions.get(which)
  if (found !== undefined) return found(...terms)
  return raised(
    `** (UndefinedFunctionError) function ${Json.escape(which)} is undefined ` +
      (modules.has(module) ? "in this console" : `(module ${Json.escape(module)} is not available in this console)`)
  )
}
