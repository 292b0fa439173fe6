/**
 * Classes of messages as they are at run time; their types are in `Message`.
 */
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as Inspectable from "effect/Inspectable"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import { type Carry, carry } from "./carry.ts"
import { compile, explain, type Guard } from "./guard.ts"

export const MessageTypeId = "~@effect-otp/core/Message"

export type MessageTypeId = typeof MessageTypeId

export type Kind = "call" | "cast" | "info" | "continue"

interface Field {
  readonly key: PropertyKey
  readonly fits: Guard
  readonly carry: Carry
  readonly signature: AST.PropertySignature
  readonly initial: (() => unknown) | undefined
}

/** What a class knows of itself, and its messages have from their prototype. */
interface Definition {
  readonly kind: Kind
  readonly ast: AST.AST
  readonly fields: ReadonlyArray<Field>
}

type Values = Record<PropertyKey, unknown>

/** What all messages do. */
abstract class Base implements Equal.Equal, Inspectable.Inspectable {
  // which fields there are differs from class to class
  [field: PropertyKey]: unknown
  declare readonly _tag: string
  declare readonly [MessageTypeId]: Definition;

  [Equal.symbol](that: unknown): boolean {
    if (!(that instanceof Base) || Object.getPrototypeOf(this) !== Object.getPrototypeOf(that)) return false
    const own = valuesOf(this)
    const others = valuesOf(that)
    return (
      own.length === others.length &&
      own.every(([key, value], i) => key === others[i]![0] && Equal.equals(value, others[i]![1]))
    )
  }

  [Hash.symbol](): number {
    return Hash.optimize(
      valuesOf(this).reduce((hash, [_, value]) => Hash.combine(Hash.hash(value))(hash), Hash.string(this._tag))
    )
  }

  toJSON(): unknown {
    const json: Values = { _tag: this._tag }
    for (const [key, value] of valuesOf(this)) json[key] = Inspectable.toJSON(value)
    return json
  }

  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }

  toString(): string {
    const fields = valuesOf(this).map(([key, value]) => `${show(key)}: ${show(value)}`)
    return fields.length === 0 ? `${this._tag}()` : `${this._tag}({ ${fields.join(", ")} })`
  }
}

/** The fields that are there, in their order. */
const valuesOf = (message: Base): ReadonlyArray<readonly [key: PropertyKey, value: unknown]> =>
  message[MessageTypeId].fields.filter(({ key }) => Object.hasOwn(message, key)).map(({ key }) => [key, message[key]])

const show = (value: unknown): string => {
  if (typeof value === "string") return JSON.stringify(value)
  if (typeof value === "bigint") return `${value}n`
  try {
    return typeof value === "object" ? Inspectable.toStringUnknown(value, 0) : String(value)
  } catch {
    // its own way of becoming a string failed; who prints a message wants to see the rest of it
    return "[unprintable]"
  }
}

/** Sets all fields; here absent ones and defaults are looked after, and what does not fit is explained. */
const settle = (message: Values, payload: unknown, { ast, fields }: Definition): void => {
  const given = payload === undefined ? {} : payload
  if (!Predicate.isRecord(given)) throw ParseResult.parseError(new ParseResult.Type(ast, given))
  const refuse = (key: PropertyKey, issue: ParseResult.ParseIssue) =>
    ParseResult.parseError(new ParseResult.Composite(ast, given, new ParseResult.Pointer(key, given, issue)))
  for (const { fits, initial, key, signature } of fields) {
    let value = given[key]
    if (value === undefined && initial !== undefined) {
      value = initial()
    } else if (value === undefined && !(key in given)) {
      if (signature.isOptional) continue
      throw refuse(key, new ParseResult.Missing(signature))
    }
    if (!fits(value)) throw refuse(key, explain(signature.type, value))
    message[key] = value
  }
}

const fieldsOf = (fields: Schema.Struct.Fields, type: AST.AST): ReadonlyArray<Field> => {
  const signatures = new Map(AST.getPropertySignatures(type).map((signature) => [signature.name, signature]))
  return Reflect.ownKeys(fields).map((key) => {
    const signature = signatures.get(key)!
    const field = fields[key]!
    const ast = Schema.isPropertySignature(field) ? field.ast : undefined
    const to = ast?._tag === "PropertySignatureTransformation" ? ast.to : ast
    return { key, fits: compile(signature.type), carry: carry(), signature, initial: to?.defaultValue }
  })
}

/** Stands where a class has fewer fields. */
const nothing: Pick<Field, "key" | "fits" | "carry"> = { key: "", fits: () => true, carry: () => true }

const schemas = new WeakMap<object, Schema.Schema.All>()

const makeClass = (kind: Kind, tag: string, fields: Schema.Struct.Fields) => {
  const payload = Schema.Struct(fields)
  const type = Schema.typeSchema(payload).annotations({ title: `payload of ${tag}` })
  const definition: Definition = { kind, ast: type.ast, fields: fieldsOf(fields, type.ast) }

  // Two are written out: a loop costs as much as what it does, and keeps the engine from inlining the constructor.
  const [first = nothing, second = nothing, ...others] = definition.fields
  const more = others.length > 0
  const rest = (to: Values, from: Values): boolean => {
    for (const field of others) if (!field.carry(to, from, field)) return false
    return true
  }

  class Message extends Base {
    static readonly _tag = tag
    static readonly kind = kind
    static readonly payload = payload

    static get schema(): Schema.Schema.All {
      const known = schemas.get(this)
      if (known !== undefined) return known
      const made = schemaOf(this, tag, fields)
      schemas.set(this, made)
      return made
    }

    static get is(): (value: unknown) => boolean {
      return (value) => value instanceof this
    }

    declare readonly _tag: string

    constructor(payload: Values) {
      super()
      this._tag = tag
      if (
        typeof payload !== "object" ||
        payload === null ||
        !first.carry(this, payload, first) ||
        !second.carry(this, payload, second) ||
        (more && !rest(this, payload))
      ) {
        settle(this, payload, definition)
      }
    }
  }
  Object.defineProperty(Message.prototype, MessageTypeId, { value: definition })
  return Message
}

const schemaOf = (self: new (payload: Values) => Base, tag: string, fields: Schema.Struct.Fields) => {
  const encoded = Schema.Struct({ _tag: Schema.Literal(tag), ...fields })
  const type = Schema.typeSchema(encoded)
  const parse = (value: unknown, _: AST.ParseOptions, ast: AST.AST) =>
    value instanceof self ? ParseResult.succeed(value) : ParseResult.fail(new ParseResult.Type(ast, value))
  const instance = Schema.declare(
    [type],
    { decode: () => parse, encode: () => parse },
    {
      identifier: tag,
      description: `a message ${tag}`,
      pretty: () => String,
      arbitrary: (values) => (fc) => values(fc).map((payload) => new self(payload)),
      equivalence: () => Equal.equals,
      // by it a union of messages finds the one with the tag
      [AST.SurrogateAnnotationId]: type.ast
    }
  )
  return Schema.transform(encoded, instance, {
    strict: false,
    decode: (payload) => new self(payload),
    encode: (message) => message
  })
}

const quote = (value: unknown): string =>
  Schema.isSchema(value) ? `the schema ${String(value)}` : typeof value === "function" ? "a function" : show(value)

/** Checks what a constructor of messages was given, and makes the class. */
export const define = (usage: string, kind: Kind, tag: unknown, fields: unknown) => {
  if (typeof tag !== "string" || tag === "") {
    throw new TypeError(`${usage}: the tag must be a string that is not empty, but is ${quote(tag)}`)
  }
  const refuse = (what: string) => new TypeError(`${usage} ${show(tag)}: ${what}`)
  const given = fields ?? {}
  if (!Predicate.isRecord(given)) throw refuse(`its fields must be a record of schemas, but are ${quote(given)}`)
  for (const key of Reflect.ownKeys(given)) {
    if (key === "_tag" || key === MessageTypeId || key in Base.prototype) {
      throw refuse(`no field can be called ${show(key)}, which every message has`)
    }
    const field = given[key]
    if (!Schema.isSchema(field) && !Schema.isPropertySignature(field)) {
      throw refuse(`its field ${show(key)} must be a schema, but is ${quote(field)}`)
    }
  }
  // each of its values has just been looked at
  return makeClass(kind, tag, given as Schema.Struct.Fields)
}

const callOptions = ["payload", "success", "error"]

export const defineCall = (tag: unknown, options: unknown) => {
  const given = options ?? {}
  const refuse = (what: string) => new TypeError(`Call ${show(tag)}: ${what}`)
  if (!Predicate.isRecord(given)) throw refuse(`its options must be an object, but are ${quote(given)}`)
  for (const name of Reflect.ownKeys(given)) {
    if (!callOptions.includes(name as string)) {
      throw refuse(`there is no option ${show(name)}, only ${callOptions.join(", ")}`)
    }
  }
  const { error = Schema.Never, payload, success = Schema.Void } = given
  if (!Schema.isSchema(success)) throw refuse(`its success must be a schema, but is ${quote(success)}`)
  if (!Schema.isSchema(error)) throw refuse(`its error must be a schema, but is ${quote(error)}`)
  return Object.assign(define("Call", "call", tag, payload), { success, error })
}
