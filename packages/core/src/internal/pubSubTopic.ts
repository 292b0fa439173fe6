/**
 * A topic: the name under which messages are broadcast, and the schema of these messages.
 */
import * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { show } from "./definition.ts"
import { firstLine } from "./reports.ts"

export class Topic extends Inspectable.Class {
  readonly name: string
  readonly schema: Schema.Schema<unknown, unknown>

  constructor(name: string, schema: Schema.Schema<unknown, unknown>) {
    super()
    this.name = name
    this.schema = schema
  }

  toJSON(): unknown {
    return { _id: "Topic", name: this.name }
  }
}

export const makeTopic = (name: unknown, schema: unknown): Topic => {
  if (typeof name !== "string" || name === "") {
    throw new TypeError(`PubSub.topic: the name must be a string that is not empty, but is ${show(name)}`)
  }
  if (!Schema.isSchema(schema)) {
    throw new TypeError(
      `PubSub.topic ${show(name)}: the schema of its messages must be a schema, but is ${show(schema)}`
    )
  }
  return new Topic(name, schema as Schema.Schema<unknown, unknown>)
}

/** What was given as a topic. */
export const topicOf = (who: string, given: unknown): Topic => {
  if (given instanceof Topic) return given
  throw new TypeError(`${who}: a topic is made by PubSub.topic(name, schema), but given was ${show(given)}`)
}

// Functions by schemas: a topic of a dynamic name is made for each use, and its schema is not.
const bySchema = <A>(make: (schema: Schema.Schema<unknown, unknown>) => A) => {
  const made = new WeakMap<object, A>()
  return (schema: Schema.Schema<unknown, unknown>): A => {
    const known = made.get(schema)
    if (known !== undefined) return known
    const value = make(schema)
    made.set(schema, value)
    return value
  }
}

/** Whether a value is a message of the schema. */
export const fits: (schema: Schema.Schema<unknown, unknown>) => (message: unknown) => boolean = bySchema((schema) =>
  Schema.is(schema)
)

/**
 * What went wrong, in one line. Of a message that does not fit, where in it and why: the first line of a `ParseError` is
 * the whole schema.
 */
export const reasonOf = (error: unknown): string => {
  if (!ParseResult.isParseError(error)) return firstLine(Cause.fail(error))
  const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
  if (issue === undefined) return firstLine(Cause.fail(error))
  const [message = ""] = issue.message.split("\n", 1)
  return issue.path.length === 0 ? message : `at ${issue.path.map(String).join(".")}: ${message}`
}

type Code = (message: unknown) => Effect.Effect<unknown, ParseResult.ParseError>

/** To what goes to another node. */
export const encode: (schema: Schema.Schema<unknown, unknown>) => Code = bySchema((schema) => Schema.encode(schema))

/** From what came from another node. */
export const decode: (schema: Schema.Schema<unknown, unknown>) => Code = bySchema((schema) =>
  Schema.decodeUnknown(schema)
)
