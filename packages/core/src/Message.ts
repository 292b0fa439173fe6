/**
 * Messages: what a server is told, and what it answers.
 *
 * A message is a value with a tag and typed fields. Its class is made by `Call`, `Cast`, `Info` or `Continue`, from
 * schemas; a call's class also holds the schemas of what it is answered with, so that `GenServer.call` knows the type
 * of the reply from the message alone.
 *
 * A message is checked where it is made, and never again. Two of one class are equal when their fields are, and nothing
 * is ever written on one, so that it can be sent any number of times, also at once. For values that are not sent to a
 * server use `Schema.TaggedClass`, which does more and costs a hundred times as much to make.
 */
import type * as Equal from "effect/Equal"
import type * as Inspectable from "effect/Inspectable"
import type * as Schema from "effect/Schema"
import type * as Types from "effect/Types"
import { define, defineCall, type Kind, type MessageTypeId } from "./internal/messageClass.ts"

export {
  /**
   * What becomes of a message: a `call` is answered, a `cast` is not, an `info` comes to a server from itself or from
   * what it watches, a `continue` is the next step of a callback.
   *
   * @category models
   */
  type Kind,
  /**
   * The key under which a message says of what kind it is.
   *
   * @category symbols
   */
  MessageTypeId
} from "./internal/messageClass.ts"

/**
 * Any message. Extends Effect's `Equal`, and prints its fields, `Redacted` ones as `<redacted>`.
 *
 * @category models
 */
export interface Any extends Equal.Equal, Inspectable.Inspectable {
  readonly _tag: string
  readonly [MessageTypeId]: { readonly kind: Kind }
}

/**
 * A message that is answered with a `Success` or an `Error`; both are known to the compiler only.
 *
 * @category models
 */
export interface Call<out Tag extends string, out Success, out Error> extends Any {
  readonly _tag: Tag
  readonly [MessageTypeId]: {
    readonly kind: "call"
    readonly success: Types.Covariant<Success>
    readonly error: Types.Covariant<Error>
  }
}

/**
 * A message that is not answered.
 *
 * @category models
 */
export interface Cast<out Tag extends string> extends Any {
  readonly _tag: Tag
  readonly [MessageTypeId]: { readonly kind: "cast" }
}

/**
 * A message to the server itself.
 *
 * @category models
 */
export interface Info<out Tag extends string> extends Any {
  readonly _tag: Tag
  readonly [MessageTypeId]: { readonly kind: "info" }
}

/**
 * The next step of a callback.
 *
 * @category models
 */
export interface Continue<out Tag extends string> extends Any {
  readonly _tag: Tag
  readonly [MessageTypeId]: { readonly kind: "continue" }
}

/** @category models */
export interface AnyCall extends Call<string, unknown, unknown> {}

/** @category models */
export interface AnyCast extends Cast<string> {}

/** @category models */
export interface AnyInfo extends Info<string> {}

/** @category models */
export interface AnyContinue extends Continue<string> {}

/**
 * The tag of a message.
 *
 * @category type-level
 */
export type Tag<M extends Any> = M["_tag"]

/**
 * What a call is answered with when all goes well; `never` for other messages.
 *
 * @category type-level
 */
export type Success<M> = M extends { readonly [MessageTypeId]: { readonly success: Types.Covariant<infer A> } }
  ? A
  : never

/**
 * The failure that a call declares; `never` for other messages.
 *
 * @category type-level
 */
export type Error<M> = M extends { readonly [MessageTypeId]: { readonly error: Types.Covariant<infer E> } } ? E : never

/** Fields that need not be given. */
type Omittable = { readonly _TypeToken: "?:" } | { readonly _HasDefault: true }

/**
 * What the constructor of a message with these fields takes: nothing, or `Schema.Struct.Constructor` in a form that
 * editors always show in the same order.
 *
 * @category type-level
 */
export type Arguments<Fields extends Schema.Struct.Fields> = [keyof Fields] extends [never]
  ? []
  : Types.Simplify<
        {
          readonly [K in keyof Fields as Fields[K] extends Omittable ? never : K]: Schema.Schema.Type<Fields[K]>
        } & {
          readonly [K in keyof Fields as Fields[K] extends Omittable ? K : never]?: Schema.Schema.Type<Fields[K]>
        }
      > extends infer Payload
    ? {} extends Payload
      ? [payload?: Payload]
      : [payload: Payload]
    : never

/**
 * What a message looks like when it has been encoded.
 *
 * @category type-level
 */
export type Encoded<Tag extends string, Fields extends Schema.Struct.Fields> = Types.Simplify<
  { readonly _tag: Tag } & Schema.Struct.Encoded<Fields>
>

/**
 * What every class of messages has.
 *
 * @category models
 */
export interface AnyClass {
  new (...args: never): Any
  readonly _tag: string
  readonly kind: Kind
  /** The schema of the fields. */
  readonly payload: Schema.Schema.All
  /** The schema of the messages: between instances of this class and what they are encoded as. */
  readonly schema: Schema.Schema.All
  /** Whether a value is an instance of this class. */
  readonly is: (value: unknown) => boolean
}

/**
 * A class of messages. `Instance` is what its constructor makes, without the fields; `Self` is the class that extends it.
 *
 * `new` throws a `ParseError` that names the message and the field when a value does not fit. Values are kept as they
 * are given, and properties that are not fields are left out.
 *
 * @category models
 */
export interface Class<Self, Instance extends Any, Fields extends Schema.Struct.Fields> {
  new (...args: Arguments<Fields>): Schema.Struct.Type<Fields> & Instance
  readonly _tag: Instance["_tag"]
  readonly kind: Instance[MessageTypeId]["kind"]
  /** The schema of the fields. */
  readonly payload: Schema.Struct<Fields>
  /** The schema of the messages: between instances of this class and `{ _tag, ...encoded fields }`. */
  readonly schema: Schema.Schema<Self, Encoded<Instance["_tag"], Fields>, Schema.Struct.Context<Fields>>
  /** Whether a value is an instance of this class. */
  readonly is: (value: unknown) => value is Self
}

/**
 * A class of calls.
 *
 * @category models
 */
export interface CallClass<
  Self,
  Tag extends string,
  Fields extends Schema.Struct.Fields,
  Success extends Schema.Schema.All,
  Error extends Schema.Schema.All
> extends Class<Self, Call<Tag, Schema.Schema.Type<Success>, Schema.Schema.Type<Error>>, Fields> {
  /** The schema of the reply. */
  readonly success: Success
  /** The schema of the failure that the call declares. */
  readonly error: Error
}

/** What a constructor returns to who forgets to say which class is being defined. */
type MissingSelfGeneric<Usage extends string> =
  `Missing \`Self\` generic - use \`class Self extends ${Usage}<Self>()...\``

type SimpleClass<Usage extends string, Self, Instance extends Any, Fields extends Schema.Struct.Fields> = [
  Self
] extends [never]
  ? MissingSelfGeneric<Usage>
  : Class<Self, Instance, Fields>

/**
 * Makes the class of a message that is answered.
 *
 * `payload` holds its fields, none by default; `success` is the schema of the reply (`Schema.Void`) and `error` that of
 * the failure which the call declares (`Schema.Never`).
 *
 * Throws a `TypeError` that names the message when a definition is wrong. `new` throws a `ParseError` that names the
 * message and the field when a value does not fit.
 *
 * @example
 * ```ts
 * import { Equal, Schema } from "effect"
 * import { Message } from "@effect-otp/core"
 *
 * class Get extends Message.Call<Get>()("Get", {
 *   payload: { key: Schema.String },
 *   success: Schema.Option(Schema.Unknown)
 * }) {}
 *
 * const get = new Get({ key: "name" })
 *
 * console.log(String(get)) // => Get({ "key": "name" })
 * console.log(Equal.equals(get, new Get({ key: "name" }))) // => true
 * console.log(Schema.decodeUnknownSync(Get.schema)({ _tag: "Get", key: "age" }).key) // => age
 * ```
 *
 * @category constructors
 */
export const Call =
  <Self = never>() =>
  <
    const Tag extends string,
    Fields extends Schema.Struct.Fields = {},
    Success extends Schema.Schema.All = typeof Schema.Void,
    Error extends Schema.Schema.All = typeof Schema.Never
  >(
    tag: Tag,
    options?: {
      readonly payload?: Fields | undefined
      readonly success?: Success | undefined
      readonly error?: Error | undefined
    }
  ): [Self] extends [never] ? MissingSelfGeneric<"Call"> : CallClass<Self, Tag, Fields, Success, Error> =>
    // The type has what the compiler alone knows: `Self`, and what is answered.
    defineCall(tag, options) as never

/**
 * Makes the class of a message that is not answered.
 *
 * Throws as `Call` does, and so does its `new`.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import { Message } from "@effect-otp/core"
 *
 * class Delete extends Message.Cast<Delete>()("Delete", { key: Schema.String }) {}
 *
 * console.log(String(new Delete({ key: "gender" }))) // => Delete({ "key": "gender" })
 * ```
 *
 * @category constructors
 */
export const Cast =
  <Self = never>() =>
  <const Tag extends string, Fields extends Schema.Struct.Fields = {}>(
    tag: Tag,
    fields?: Fields | undefined
  ): SimpleClass<"Cast", Self, Cast<Tag>, Fields> =>
    // The type has what the compiler alone knows: `Self`.
    define("Cast", "cast", tag, fields) as never

/**
 * Makes the class of a message to a server from itself or from what it watches: timers, monitors, idle timeouts.
 *
 * Throws as `Call` does, and so does its `new`.
 *
 * @category constructors
 */
export const Info =
  <Self = never>() =>
  <const Tag extends string, Fields extends Schema.Struct.Fields = {}>(
    tag: Tag,
    fields?: Fields | undefined
  ): SimpleClass<"Info", Self, Info<Tag>, Fields> =>
    // The type has what the compiler alone knows: `Self`.
    define("Info", "info", tag, fields) as never

/**
 * Makes the class of a message that names the next step of a callback, which is taken before the mailbox is looked at.
 *
 * Throws as `Call` does, and so does its `new`.
 *
 * @category constructors
 */
export const Continue =
  <Self = never>() =>
  <const Tag extends string, Fields extends Schema.Struct.Fields = {}>(
    tag: Tag,
    fields?: Fields | undefined
  ): SimpleClass<"Continue", Self, Continue<Tag>, Fields> =>
    // The type has what the compiler alone knows: `Self`.
    define("Continue", "continue", tag, fields) as never
