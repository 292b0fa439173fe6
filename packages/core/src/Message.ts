/** Stand-in while the real module is being finished: same names and types, slow checks. */
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as Schema from "effect/Schema"

export const MessageTypeId = "~@effect-otp/core/Message"
type TypeId = typeof MessageTypeId
export interface Any { readonly _tag: string; readonly [MessageTypeId]: { readonly kind: string } }
export interface AnyCall { readonly _tag: string; readonly [MessageTypeId]: { readonly kind: "call"; readonly success: unknown; readonly error: unknown } }
export interface AnyCast { readonly _tag: string; readonly [MessageTypeId]: { readonly kind: "cast" } }
export interface AnyInfo { readonly _tag: string; readonly [MessageTypeId]: { readonly kind: "info" } }
export interface AnyContinue { readonly _tag: string; readonly [MessageTypeId]: { readonly kind: "continue" } }
export interface CallInstance<Tag extends string, A, E> { readonly _tag: Tag; readonly [MessageTypeId]: { readonly kind: "call"; readonly success: A; readonly error: E } }
export interface OtherInstance<Tag extends string, K extends string> { readonly _tag: Tag; readonly [MessageTypeId]: { readonly kind: K } }
type Args<F extends Schema.Struct.Fields> = {} extends Schema.Struct.Constructor<F> ? [payload?: Schema.Struct.Constructor<F>] : [payload: Schema.Struct.Constructor<F>]
export interface CallClass<Tag extends string, F extends Schema.Struct.Fields, A extends Schema.Schema.All, E extends Schema.Schema.All> {
  new (...args: Args<F>): CallInstance<Tag, Schema.Schema.Type<A>, Schema.Schema.Type<E>> & Schema.Struct.Type<F>
  readonly _tag: Tag
  readonly kind: "call"
  readonly success: A
  readonly error: E
}
export interface OtherClass<Tag extends string, K extends string, F extends Schema.Struct.Fields> {
  new (...args: Args<F>): OtherInstance<Tag, K> & Schema.Struct.Type<F>
  readonly _tag: Tag
  readonly kind: K
}
const make = (kind: string, tag: string, fields: Schema.Struct.Fields, extra: object): any => {
  const struct = Schema.Struct(fields)
  class Message {
    static readonly _tag = tag
    static readonly kind = kind
    readonly _tag = tag
    constructor(props: object = {}) {
      Object.assign(this, struct.make(props as never))
    }
    get [MessageTypeId as TypeId]() { return { kind } }
    [Equal.symbol](that: unknown): boolean { return that instanceof this.constructor && Object.entries(this).every(([k, v]) => Equal.equals(v, (that as any)[k])) }
    [Hash.symbol](): number { return Hash.structure(this) }
  }
  return Object.assign(Message, extra)
}
export const Call = <_Self = never>() => <const Tag extends string, F extends Schema.Struct.Fields = {}, A extends Schema.Schema.All = typeof Schema.Void, E extends Schema.Schema.All = typeof Schema.Never>(
  tag: Tag, options?: { readonly payload?: F, readonly success?: A, readonly error?: E }): CallClass<Tag, F, A, E> => make("call", tag, options?.payload ?? {}, { success: options?.success ?? Schema.Void, error: options?.error ?? Schema.Never })
export const Cast = <_Self = never>() => <const Tag extends string, F extends Schema.Struct.Fields = {}>(tag: Tag, fields?: F): OtherClass<Tag, "cast", F> => make("cast", tag, fields ?? {}, {})
export const Info = <_Self = never>() => <const Tag extends string, F extends Schema.Struct.Fields = {}>(tag: Tag, fields?: F): OtherClass<Tag, "info", F> => make("info", tag, fields ?? {}, {})
export const Continue = <_Self = never>() => <const Tag extends string, F extends Schema.Struct.Fields = {}>(tag: Tag, fields?: F): OtherClass<Tag, "continue", F> => make("continue", tag, fields ?? {}, {})
export type Success<M> = M extends { readonly [MessageTypeId]: { readonly success: infer A } } ? A : never
export type Error<M> = M extends { readonly [MessageTypeId]: { readonly error: infer A } } ? A : never
