import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as FastCheck from "effect/FastCheck"
import * as Hash from "effect/Hash"
import * as HashSet from "effect/HashSet"
import * as JSONSchema from "effect/JSONSchema"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Pretty from "effect/Pretty"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Message from "../src/Message.ts"

class Get extends Message.Call<Get>()("Get", {
  payload: { key: Schema.String },
  success: Schema.Option(Schema.Unknown),
  error: Schema.NumberFromString
}) {}
class GetAll extends Message.Call<GetAll>()("GetAll", { success: Schema.Array(Schema.String) }) {}
class Put extends Message.Call<Put>()("Put", { payload: { key: Schema.String, value: Schema.Unknown } }) {}
class Delete extends Message.Cast<Delete>()("Delete", { key: Schema.String }) {}
class Tick extends Message.Info<Tick>()("Tick") {}
class Load extends Message.Continue<Load>()("Load", { at: Schema.Date }) {}
class Login extends Message.Cast<Login>()("Login", { user: Schema.String, password: Schema.Redacted(Schema.String) }) {}

const field = Symbol.for("@effect-otp/core/test/field")

let defaults = 0n
const fields = {
  name: Schema.NonEmptyString,
  count: Schema.propertySignature(Schema.BigInt).pipe(Schema.withConstructorDefault(() => ++defaults)),
  note: Schema.optional(Schema.String),
  size: Schema.optionalWith(Schema.Int, { exact: true }),
  level: Schema.optionalWith(Schema.Literal("low", "high"), { default: () => "low" }),
  inner: Schema.optionalWith(Schema.Struct({ a: Schema.Number }), { as: "Option" }),
  renamed: Schema.propertySignature(Schema.Boolean).pipe(Schema.fromKey("other")),
  [field]: Schema.UndefinedOr(Schema.Number)
}
class Wide extends Message.Call<Wide>()("Wide", { payload: fields }) {}

/** Of classes of many types: what is told apart is of no interest where they are all treated alike. */
const schemaOf = (Class: Message.AnyClass) => Class.schema as Schema.Schema<Message.Any, unknown>

/** From JavaScript anything can be given. */
const make = (Class: Message.AnyClass, ...args: ReadonlyArray<unknown>): unknown => Reflect.construct(Class, args)

const failure = (f: () => unknown): unknown => {
  try {
    f()
  } catch (error) {
    return error
  }
  return assert.fail("nothing was thrown")
}

/** The text with which a payload is refused. */
const refusal = (Class: Message.AnyClass, ...args: ReadonlyArray<unknown>): string => {
  const error = failure(() => make(Class, ...args))
  assert.isTrue(ParseResult.isParseError(error))
  return (error as ParseResult.ParseError).message
}

const message = (f: () => unknown): string => {
  const error = failure(f)
  assert.instanceOf(error, TypeError)
  return error.message
}

describe("Message", () => {
  describe("a message", () => {
    it("has its tag and its fields as own properties, in the order in which they are declared", () => {
      const put = new Put({ value: 1, key: "a" })
      assert.deepStrictEqual(Object.entries(put), [
        ["_tag", "Put"],
        ["key", "a"],
        ["value", 1]
      ])
      assert.instanceOf(put, Put)
      assert.deepStrictEqual(Reflect.ownKeys(new GetAll()), ["_tag"])
    })

    it("keeps values as they are, and leaves out what is not a field", () => {
      const value = { deep: [1] }
      const put = make(Put, { key: "a", value, other: 1 })
      assert.strictEqual((put as Put).value, value)
      assert.deepStrictEqual(Reflect.ownKeys(put as Put), ["_tag", "key", "value"])
    })

    it("says of what kind it is, and so does its class", () => {
      for (const [instance, Class, kind] of [
        [new Get({ key: "a" }), Get, "call"],
        [new Delete({ key: "a" }), Delete, "cast"],
        [new Tick(), Tick, "info"],
        [new Load({ at: new Date(0) }), Load, "continue"]
      ] as const) {
        assert.strictEqual(instance[Message.MessageTypeId].kind, kind)
        assert.strictEqual(Class.kind, kind)
        assert.strictEqual(Class._tag, instance._tag)
        assert.isFalse(Object.hasOwn(instance, Message.MessageTypeId))
      }
    })

    it("can be frozen and still be compared, hashed and printed", () => {
      const get = Object.freeze(new Get({ key: "a" }))
      assert.isTrue(Equal.equals(get, new Get({ key: "a" })))
      assert.strictEqual(Hash.hash(get), Hash.hash(new Get({ key: "a" })))
      assert.strictEqual(String(get), 'Get({ "key": "a" })')
    })

    it("is left as it is by comparing, hashing and printing", () => {
      const get = new Get({ key: "a" })
      Hash.hash(get)
      Equal.equals(get, new Get({ key: "a" }))
      String(get)
      inspect(get)
      assert.deepStrictEqual(Reflect.ownKeys(get), ["_tag", "key"])
      const enumerable: Array<string> = []
      for (const name in get) enumerable.push(name)
      assert.deepStrictEqual(enumerable, ["_tag", "key"])
    })

    it("can be given its class's methods", () => {
      class Add extends Message.Call<Add>()("Add", { payload: { a: Schema.Number, b: Schema.Number } }) {
        get sum() {
          return this.a + this.b
        }
      }
      assert.strictEqual(new Add({ a: 1, b: 2 }).sum, 3)
    })
  })

  describe("optional fields", () => {
    const all = { name: "n", count: 1n, level: "high", inner: Option.none(), renamed: true, [field]: 1 } as const

    it("are not there when they are not given", () => {
      assert.deepStrictEqual(Reflect.ownKeys(new Wide(all)), [
        "_tag",
        "name",
        "count",
        "level",
        "inner",
        "renamed",
        field
      ])
      const wide = new Wide({ ...all, note: undefined, size: 2 })
      assert.isTrue("note" in wide)
      assert.strictEqual(wide.size, 2)
    })

    it("need not be given at all when there are no others", () => {
      class Maybe extends Message.Cast<Maybe>()("Maybe", { note: Schema.optional(Schema.String) }) {}
      assert.deepStrictEqual(Reflect.ownKeys(new Maybe()), ["_tag"])
      assert.strictEqual(new Maybe({ note: "a" }).note, "a")
    })

    it("are refused as undefined when they are exact", () => {
      assert.include(refusal(Wide, { ...all, size: undefined }), '["size"]')
    })

    it("have a default that is evaluated once for each message that needs it", () => {
      const { count: _, ...rest } = all
      const before = defaults
      assert.strictEqual(new Wide(rest).count, before + 1n)
      assert.strictEqual(new Wide({ ...rest }).count, before + 2n)
      assert.strictEqual((make(Wide, { ...rest, count: undefined }) as Wide).count, before + 3n)
      assert.strictEqual(new Wide({ ...rest, count: 9n }).count, 9n)
      assert.strictEqual(defaults, before + 3n)
    })

    it("have their defaults checked too", () => {
      const wrong = Schema.propertySignature(Schema.Int).pipe(Schema.withConstructorDefault(() => 1.5))
      class Wrong extends Message.Cast<Wrong>()("Wrong", { wrong }) {}
      assert.include(refusal(Wrong), "Expected an integer, actual 1.5")
    })

    it("may be undefined and required", () => {
      const { [field]: _, ...rest } = all
      assert.include(refusal(Wide, rest), "is missing")
      assert.isTrue(field in new Wide({ ...rest, [field]: undefined }))
    })
  })

  describe("a payload that does not fit", () => {
    it("is refused with the message's name, the field's and the value, in Schema's words", () => {
      assert.strictEqual(refusal(Get, { key: 1 }), 'payload of Get\n└─ ["key"]\n   └─ Expected string, actual 1')
      assert.strictEqual(refusal(Put, { key: "a" }), 'payload of Put\n└─ ["value"]\n   └─ is missing')
      assert.include(refusal(Load, { at: new Date(Number.NaN) }), "actual Invalid Date")
    })

    it("is refused when it is missing or no object", () => {
      assert.strictEqual(refusal(Get), 'payload of Get\n└─ ["key"]\n   └─ is missing')
      for (const wrong of [null, 1, "a", true, Symbol.iterator, [], () => 1]) {
        assert.match(refusal(Get, wrong), /^Expected payload of Get, actual /)
      }
      class Sized extends Message.Cast<Sized>()("Sized", { length: Schema.Number }) {}
      assert.strictEqual(refusal(Sized, "abc"), 'Expected payload of Sized, actual "abc"')
      assert.strictEqual(refusal(GetAll, null), "Expected payload of GetAll, actual null")
    })

    it("is refused whichever of its fields is wrong", () => {
      class Many extends Message.Cast<Many>()("Many", {
        a: Schema.Number,
        b: Schema.Number,
        c: Schema.Number,
        d: Schema.Number
      }) {}
      const right = { a: 1, b: 2, c: 3, d: 4 }
      assert.deepStrictEqual({ ...new Many(right) }, { _tag: "Many", ...right })
      for (const key of Object.keys(right)) {
        assert.include(refusal(Many, { ...right, [key]: "x" }), `["${key}"]\n   └─ Expected number, actual "x"`)
      }
    })

    it("does not give secrets away", () => {
      for (const password of ["hunter2", Redacted.make(["hunter2"]), Redacted.make(2)]) {
        const text = refusal(Login, { user: "a", password })
        assert.notInclude(text, "2")
        assert.include(text, '["password"]')
        assert.include(text, "actual <redacted>")
      }
      assert.include(refusal(Login, { user: Redacted.make("hunter2"), password: "" }), "actual <redacted>")
    })

    it("is what Schema.is says of the fields' type", () => {
      const is = Schema.is(Schema.typeSchema(Wide.payload))
      const values = Arbitrary.make(Schema.typeSchema(Wide.payload))
      const accepts = (value: unknown) => {
        try {
          make(Wide, value)
          return true
        } catch {
          return false
        }
      }
      const key = FastCheck.constantFrom(...Reflect.ownKeys(fields))
      let refused = 0
      FastCheck.assert(
        FastCheck.property(values, key, FastCheck.anything(), FastCheck.boolean(), (value, key, other, drop) => {
          assert.isTrue(accepts(value))
          const changed: Record<PropertyKey, unknown> = { ...value, [key]: other }
          if (drop) delete changed[key]
          // for Schema.is a default is not there
          const known = { ...changed }
          for (const [name, value] of [
            ["count", 1n],
            ["level", "low"]
          ] as const) {
            if (known[name] === undefined) known[name] = value
          }
          assert.strictEqual(accepts(changed), is(known))
          if (!is(known)) refused++
        }),
        { numRuns: 1_000 }
      )
      assert.isAbove(refused, 100)
      FastCheck.assert(
        FastCheck.property(FastCheck.anything(), (value) => assert.strictEqual(accepts(value), is(value)))
      )
    })
  })

  describe("equality", () => {
    const messages = FastCheck.oneof(
      ...[Get, GetAll, Put, Delete, Wide].map((Class) => Arbitrary.make(schemaOf(Class)))
    ).filter((one) => Reflect.ownKeys(one).every((key) => !Number.isNaN(Reflect.get(one, key))))
    const copy = (one: Message.Any) => make(one.constructor as never, one)

    it("is by class and fields", () => {
      assert.isTrue(
        Equal.equals(new Put({ key: "a", value: Option.some(1) }), new Put({ key: "a", value: Option.some(1) }))
      )
      assert.isFalse(Equal.equals(new Put({ key: "a", value: 1 }), new Put({ key: "a", value: 2 })))
      assert.isFalse(Equal.equals(new Get({ key: "a" }), new Delete({ key: "a" })))
      assert.isFalse(Equal.equals(new Get({ key: "a" }), { _tag: "Get", key: "a" }))
      class Other extends Message.Call<Other>()("Get", { payload: { key: Schema.String } }) {}
      assert.isFalse(Equal.equals(new Get({ key: "a" }), new Other({ key: "a" })))
    })

    it("tells an absent field from an undefined one, and from another one", () => {
      class Maybe extends Message.Cast<Maybe>()("Maybe", {
        a: Schema.optional(Schema.String),
        b: Schema.optional(Schema.String)
      }) {}
      assert.isFalse(Equal.equals(new Maybe({}), new Maybe({ a: undefined })))
      assert.isFalse(Equal.equals(new Maybe({ a: undefined }), new Maybe({})))
      assert.isFalse(Equal.equals(new Maybe({ a: "x" }), new Maybe({ b: "x" })))
      // also for who does not look at the hashes first
      assert.isFalse(new Maybe({})[Equal.symbol](new Maybe({ a: undefined })))
      assert.isTrue(Equal.equals(new Maybe({ b: "x" }), new Maybe({ b: "x" })))
    })

    it("is an equivalence, with which the hash agrees", () => {
      FastCheck.assert(
        FastCheck.property(messages, messages, (a, b) => {
          const same = copy(a)
          assert.isTrue(Equal.equals(a, a))
          assert.isTrue(Equal.equals(a, same) && Equal.equals(same, a))
          assert.strictEqual(Hash.hash(a), Hash.hash(same))
          assert.strictEqual(Equal.equals(a, b), Equal.equals(b, a))
          assert.strictEqual(Equal.equals(a, b), Equal.equals(same, b))
          if (Equal.equals(a, b)) assert.strictEqual(Hash.hash(a), Hash.hash(b))
        })
      )
    })

    it("makes messages keys", () => {
      const keys = HashSet.make(new Get({ key: "a" }), new Get({ key: "a" }), new Get({ key: "b" }))
      assert.strictEqual(HashSet.size(keys), 2)
      assert.isTrue(HashSet.has(keys, new Get({ key: "b" })))
      const hashes = new Set(Array.from({ length: 100 }, (_, i) => Hash.hash(new Put({ key: `${i}`, value: i % 7 }))))
      assert.isAbove(hashes.size, 90)
    })
  })

  describe("printing", () => {
    it("shows the fields", () => {
      const circular: Record<string, unknown> = {}
      circular["self"] = circular
      for (const [value, text] of [
        ["b", '"b"'],
        [1, "1"],
        [2n, "2n"],
        [null, "null"],
        [undefined, "undefined"],
        [Option.some(1), '{"_id":"Option","_tag":"Some","value":1}'],
        [{ deep: [1] }, '{"deep":[1]}'],
        [circular, "{}"],
        [Object.assign(Object.create(null), { big: 1n }), "[unprintable]"],
        [Redacted.make("b"), '"<redacted>"'],
        [{ deep: Redacted.make("b") }, '{"deep":"<redacted>"}']
      ] as const) {
        assert.strictEqual(String(new Put({ key: "a", value })), `Put({ "key": "a", "value": ${text} })`)
      }
      assert.strictEqual(String(new GetAll()), "GetAll()")
      class Symbolic extends Message.Cast<Symbolic>()("Symbolic", { [field]: Schema.Number }) {}
      assert.strictEqual(String(new Symbolic({ [field]: 1 })), "Symbolic({ Symbol(@effect-otp/core/test/field): 1 })")
    })

    it("as JSON has the tag, the fields, and no secret", () => {
      const login = new Login({ user: "a", password: Redacted.make("hunter2") })
      assert.deepStrictEqual(JSON.parse(JSON.stringify(login)), { _tag: "Login", user: "a", password: "<redacted>" })
      assert.deepStrictEqual(login.toJSON(), { _tag: "Login", user: "a", password: "<redacted>" })
      assert.notInclude(inspect(login), "hunter2")
      assert.notInclude(String(login), "hunter2")
      assert.strictEqual(inspect(new Get({ key: "a" })), "{ _tag: 'Get', key: 'a' }")
    })
  })

  describe("a class", () => {
    it("has the schemas of what it is made from", () => {
      assert.strictEqual(Get.payload.fields.key, Schema.String)
      assert.deepStrictEqual(Schema.decodeUnknownSync(Get.success)({ _tag: "Some", value: 1 }), Option.some(1))
      assert.strictEqual(Get.error, Schema.NumberFromString)
      assert.strictEqual(Put.success, Schema.Void)
      assert.strictEqual(Put.error, Schema.Never)
      assert.isFalse("success" in Delete)
    })

    it("knows its own instances", () => {
      const { is } = Get
      assert.isTrue(is(new Get({ key: "a" })))
      assert.isFalse(is(new Delete({ key: "a" })))
      assert.isFalse(is({ _tag: "Get", key: "a" }))
      class Special extends Get {}
      assert.isTrue(Get.is(new Special({ key: "a" })))
      assert.isFalse(Special.is(new Get({ key: "a" })))
    })
  })

  describe("the schema", () => {
    it("decodes to instances, and encodes to a record with the tag", () => {
      const get = Schema.decodeUnknownSync(Get.schema)({ _tag: "Get", key: "a" })
      assert.instanceOf(get, Get)
      assert.strictEqual(get.key, "a")
      assert.deepStrictEqual(Schema.encodeSync(Get.schema)(get), { _tag: "Get", key: "a" })
      const load = new Load({ at: new Date(0) })
      const encoded = { _tag: "Load", at: "1970-01-01T00:00:00.000Z" } as const
      assert.deepStrictEqual(Schema.encodeSync(Load.schema)(load), encoded)
      assert.isTrue(Equal.equals(Schema.decodeSync(Load.schema)(encoded).at.getTime(), 0))
      assert.instanceOf(Schema.decodeUnknownSync(Tick.schema)({ _tag: "Tick" }), Tick)
    })

    it("refuses other tags, other payloads, and what is no instance", () => {
      const decode = Schema.decodeUnknownEither(Get.schema)
      for (const wrong of [{ _tag: "Put", key: "a" }, { key: "a" }, { _tag: "Get" }, { _tag: "Get", key: 1 }, null]) {
        assert.strictEqual(decode(wrong)._tag, "Left")
      }
      assert.isTrue(Schema.is(Get.schema)(new Get({ key: "a" })))
      for (const wrong of [{ _tag: "Get", key: "a" }, new Delete({ key: "a" })]) {
        assert.isFalse(Schema.is(Get.schema)(wrong))
        assert.strictEqual(Schema.encodeUnknownEither(Get.schema)(wrong)._tag, "Left")
      }
    })

    it("is one for each class, also for one that extends another", () => {
      class Special extends Get {}
      assert.strictEqual(Get.schema, Get.schema)
      assert.notStrictEqual<unknown>(Special.schema, Get.schema)
      assert.instanceOf(Schema.decodeUnknownSync(Special.schema)({ _tag: "Get", key: "a" }), Special)
      assert.notInstanceOf(Schema.decodeUnknownSync(Get.schema)({ _tag: "Get", key: "a" }), Special)
    })

    it("can be a member of a union", () => {
      const Any = Schema.Union(Get.schema, Put.schema, Delete.schema, Tick.schema)
      const put = Schema.decodeUnknownSync(Any)({ _tag: "Put", key: "a", value: 1 })
      assert.instanceOf(put, Put)
      assert.deepStrictEqual(Schema.encodeSync(Any)(put), { _tag: "Put", key: "a", value: 1 })
      assert.include(
        String(failure(() => Schema.decodeUnknownSync(Any)({ _tag: "Puts" }))),
        'Expected "Get" | "Put" | "Delete" | "Tick", actual "Puts"'
      )
      assert.isTrue(Schema.is(Any)(new Tick()))
    })

    it("can be a field of itself", () => {
      class Nested extends Message.Cast<Nested>()("Nested", {
        next: Schema.NullOr(Schema.suspend((): Schema.Schema<any, any> => Nested.schema))
      }) {}
      const nested = Schema.decodeUnknownSync(Nested.schema)({ _tag: "Nested", next: { _tag: "Nested", next: null } })
      assert.instanceOf(nested.next, Nested)
      assert.isTrue(Equal.equals(nested, new Nested({ next: new Nested({ next: null }) })))
      assert.include(refusal(Nested, { next: {} }), '["next"]')
    })

    it("uses the services that its fields need", () => {
      class Prefix extends Context.Tag("test/Prefix")<Prefix, string>() {}
      const Prefixed = Schema.transformOrFail(Schema.String, Schema.String, {
        decode: (text) => Effect.map(Prefix, (prefix) => prefix + text),
        encode: (text) => Effect.map(Prefix, (prefix) => text.slice(prefix.length))
      })
      class Hello extends Message.Cast<Hello>()("Hello", { name: Prefixed }) {}
      const hello = Effect.runSync(
        Effect.provideService(Schema.decodeUnknown(Hello.schema)({ _tag: "Hello", name: "b" }), Prefix, "a")
      )
      assert.isTrue(Equal.equals(hello, new Hello({ name: "ab" })))
    })

    it("takes a message there and back", () => {
      for (const Class of [Get, GetAll, Put, Delete, Tick, Wide]) {
        const schema = schemaOf(Class)
        const decode = Schema.decodeSync(schema)
        const encode = Schema.encodeSync(schema)
        FastCheck.assert(
          FastCheck.property(Arbitrary.make(schema), (message) => {
            assert.isTrue(Class.is(message))
            const back = decode(encode(message))
            assert.deepStrictEqual({ ...back }, { ...message })
            assert.deepStrictEqual(encode(back), encode(message))
            assert.isTrue(Class.is(back))
          })
        )
      }
    })

    it("has what other tools ask of a schema", () => {
      assert.strictEqual(Pretty.make(Get.schema)(new Get({ key: "a" })), 'Get({ "key": "a" })')
      assert.isTrue(Schema.equivalence(Get.schema)(new Get({ key: "a" }), new Get({ key: "a" })))
      assert.deepStrictEqual(JSONSchema.make(Get.schema).$defs?.["Get"], {
        type: "object",
        required: ["_tag", "key"],
        properties: { _tag: { type: "string", enum: ["Get"] }, key: { type: "string" } },
        additionalProperties: false
      })
      assert.strictEqual(String(Schema.typeSchema(Get.schema)), "Get")
    })
  })

  describe("a wrong definition", () => {
    const call = (tag: unknown, options?: unknown) => () => Message.Call<Get>()(tag as "Get", options as {})
    const cast = (tag: unknown, fields?: unknown) => () => Message.Cast<Get>()(tag as "Get", fields as {})

    it("of the tag is refused", () => {
      assert.strictEqual(message(call("")), 'Call: the tag must be a string that is not empty, but is ""')
      assert.strictEqual(message(cast(1)), "Cast: the tag must be a string that is not empty, but is 1")
      assert.strictEqual(
        message(() => Message.Info<Get>()("")),
        'Info: the tag must be a string that is not empty, but is ""'
      )
      assert.strictEqual(
        message(() => Message.Continue<Get>()("")),
        'Continue: the tag must be a string that is not empty, but is ""'
      )
    })

    it("of a field's name is refused", () => {
      for (const name of ["_tag", "constructor", "toString", "toJSON", "hasOwnProperty", "__proto__"]) {
        assert.strictEqual(
          message(call("Get", { payload: Object.fromEntries([[name, Schema.String]]) })),
          `Call "Get": no field can be called "${name}", which every message has`
        )
      }
      assert.include(message(cast("Get", { [Hash.symbol]: Schema.String })), "no field can be called Symbol(")
      assert.include(message(cast("Get", { [Message.MessageTypeId]: Schema.String })), "no field can be called")
    })

    it("of a field is refused", () => {
      assert.strictEqual(
        message(call("Get", { payload: { key: "string" } })),
        'Call "Get": its field "key" must be a schema, but is "string"'
      )
      assert.strictEqual(
        message(cast("Get", { payload: { key: Schema.String } })),
        'Cast "Get": its field "payload" must be a schema, but is {}'
      )
      assert.strictEqual(
        message(cast("Get", { key: String })),
        'Cast "Get": its field "key" must be a schema, but is a function'
      )
    })

    it("of the fields is refused", () => {
      for (const [wrong, text] of [
        [1, "1"],
        [[], "[]"],
        [Schema.Struct({ key: Schema.String }), "the schema { readonly key: string }"]
      ]) {
        const end = `its fields must be a record of schemas, but are ${text}`
        assert.strictEqual(message(call("Get", { payload: wrong })), `Call "Get": ${end}`)
        assert.strictEqual(message(cast("Get", wrong)), `Cast "Get": ${end}`)
      }
    })

    it("of the options is refused", () => {
      assert.strictEqual(
        message(call("Get", { reply: Schema.String })),
        'Call "Get": there is no option "reply", only payload, success, error'
      )
      assert.strictEqual(
        message(call("Get", { success: String })),
        'Call "Get": its success must be a schema, but is a function'
      )
      assert.strictEqual(message(call("Get", { error: 1 })), 'Call "Get": its error must be a schema, but is 1')
      assert.strictEqual(message(call("Get", 1)), 'Call "Get": its options must be an object, but are 1')
    })
  })

  it("has enough to go on when more fields are declared than the engine is helped with", () => {
    const classes = Array.from({ length: 100 }, (_, i) => ({
      Class: Message.Cast<any>()(`Cast${i}`, { [`a${i}`]: Schema.Number, [`b${i}`]: Schema.String }),
      right: { [`a${i}`]: i, [`b${i}`]: `${i}` }
    }))
    for (const { Class, right } of classes) {
      assert.deepStrictEqual({ ...(make(Class, right) as object) }, { _tag: Class._tag, ...right })
      assert.include(refusal(Class, { ...right, [Object.keys(right)[1]!]: 1 }), "Expected string, actual 1")
    }
  })
})
