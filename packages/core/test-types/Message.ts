// What a message's class shows in an editor, and what the compiler says to wrong ones.
import { Schema } from "effect"
import * as Message from "../src/Message.ts"

class Get extends Message.Call<Get>()("Get", {
  payload: { key: Schema.String },
  success: Schema.Option(Schema.Date),
  error: Schema.NumberFromString
}) {}
class GetAll extends Message.Call<GetAll>()("GetAll", { success: Schema.Array(Schema.String) }) {}
class Put extends Message.Call<Put>()("Put", { payload: { key: Schema.String, value: Schema.Unknown } }) {}
class Find extends Message.Call<Find>()("Find", {
  payload: { limit: Schema.optional(Schema.Number), at: Schema.optionalWith(Schema.Date, { exact: true }) },
  success: Schema.Option(Schema.Date)
}) {}
class Delete extends Message.Cast<Delete>()("Delete", { key: Schema.String }) {}
class Tick extends Message.Info<Tick>()("Tick") {}
class Load extends Message.Continue<Load>()("Load", { at: Schema.Date }) {}

const get = new Get({ key: "a" })
//    ^? const get: Get
const { key } = get
//      ^? const key: string
const put = new Put({ key: "a", value: 1 })
//                ^? constructor Put(payload: { readonly key: string; readonly value: unknown; }): Put
const all = new GetAll()
//                ^? constructor GetAll(): GetAll
const find = new Find()
//                ^? constructor Find(payload?: { readonly limit?: number | undefined; readonly at?: Date; } | undefined): Find
const { at, limit } = find
//          ^? const limit: number | undefined

type Reply = Message.Success<Get>
//   ^? type Reply = None<Date> | Some<Date>
type Failure = Message.Error<Get | Put>
//   ^? type Failure = number
type Replies = Message.Success<Get | Put | GetAll | Delete>
//   ^? type Replies = void | Option<Date> | readonly string[]
type Tag = Message.Tag<Get | Delete>
//   ^? type Tag = "Get" | "Delete"
type Calls = Extract<Get | Put | Delete | Tick | Load, Message.AnyCall>
//   ^? type Calls = Get | Put
type Casts = Extract<Get | Put | Delete | Tick | Load, Message.AnyCast>
//   ^? type Casts = Delete
type Infos = Extract<Get | Put | Delete | Tick | Load, Message.AnyInfo>
//   ^? type Infos = Tick
type Continues = Extract<Get | Put | Delete | Tick | Load, Message.AnyContinue>
//   ^? type Continues = Load

const schema = Load.schema
//    ^? const schema: Schema.Schema<Load, { readonly _tag: "Load"; readonly at: string; }, never>
const { success, error, payload, kind, _tag } = Get
//      ^? const success: Schema.Option<typeof Schema.Date>
const { is } = Get
//      ^? const is: (value: unknown) => value is Get
const classes: ReadonlyArray<Message.AnyClass> = [Get, GetAll, Put, Find, Delete, Tick, Load]

// @expect-error: Type 'number' is not assignable to type 'string'
new Get({ key: 1 })
// @expect-error: Expected 1 arguments, but got 0
new Get()
// @expect-error: 'other' does not exist in type '{ readonly key: string; }'
new Get({ key: "a", other: 1 })
// @expect-error: Property 'value' is missing in type '{ key: string; }'
new Put({ key: "a" })
// @expect-error: Expected 0 arguments, but got 1
new Tick({})
// @expect-error: Cannot assign to 'key' because it is a read-only property
get.key = "b"
// @expect-error: Property 'value' is missing in type 'Get'
const other: Put = get
// @expect-error: Type '{ readonly kind: "info"; }' is missing the following properties from type '{ readonly kind: "call";
const called: Message.AnyCall = new Tick()
// @expect-error: Missing `Self` generic - use `class Self extends Call<Self>()...`
class Forgotten extends Message.Call()("Forgotten") {}
// @expect-error: Missing `Self` generic - use `class Self extends Cast<Self>()...`
class Forgetful extends Message.Cast()("Forgetful", { a: Schema.String }) {}
// @expect-error: 'reply' does not exist in type '{ readonly payload?: {} | undefined; readonly success?:
class Unknown extends Message.Call<Unknown>()("Unknown", { reply: Schema.String }) {}
// @expect-error: Type 'string' is not assignable to type 'Field'
class Wrong extends Message.Call<Wrong>()("Wrong", { payload: { key: "string" } }) {}

// one with the same fields and another reply is another type
class Find2 extends Message.Call<Find2>()("Find", {
  payload: { limit: Schema.optional(Schema.Number), at: Schema.optionalWith(Schema.Date, { exact: true }) },
  success: Schema.Boolean
}) {}
// @expect-error: Type 'boolean' is not assignable to type 'Option<Date>'
const find2: Find = new Find2()
// @expect-error: Type 'Option<Date>' is not assignable to type 'boolean'
const find3: Find2 = new Find()

export { all, at, classes, called, error, find2, find3, Forgetful, Forgotten, is, key, kind, limit, other, payload, put }
export { schema, success, Unknown, Wrong, _tag }
export type { Calls, Casts, Continues, Failure, Infos, Replies, Reply, Tag }
