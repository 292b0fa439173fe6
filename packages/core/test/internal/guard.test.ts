import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import { compile, explain } from "../../src/internal/guard.ts"

const Fruits = { Apple: 0, Banana: "banana" } as const

class Point extends Schema.Class<Point>("Point")({ x: Schema.Number }) {}

interface Tree {
  readonly children: ReadonlyArray<Tree>
}
const Tree: Schema.Schema<Tree> = Schema.Struct({ children: Schema.Array(Schema.suspend(() => Tree)) })

const symbol = Symbol.for("@effect-otp/core/test/guard")

const Trimmed = Schema.String.pipe(Schema.filter((s) => s === s.trim()))
const Small = Schema.Struct({ a: Schema.optional(Schema.Number) }).pipe(Schema.filter((r) => Object.keys(r).length < 2))

const schemas: ReadonlyArray<Schema.Schema<any, any>> = [
  Schema.String,
  Schema.Number,
  Schema.Boolean,
  Schema.BigIntFromSelf,
  Schema.SymbolFromSelf,
  Schema.Object,
  Schema.Undefined,
  Schema.Null,
  Schema.Void,
  Schema.Unknown,
  Schema.Any,
  Schema.Never as any,
  Schema.Literal("a"),
  Schema.Literal("a", 1, true, null, 2n),
  Schema.Literal(Number.NaN, 1),
  Schema.UniqueSymbolFromSelf(symbol),
  Schema.Enums(Fruits),
  Schema.TemplateLiteral("a", Schema.Number),
  Schema.NullishOr(Schema.String),
  Schema.Union(Schema.String, Schema.Number, Schema.Literal(true)),
  Schema.Union(Schema.String, Schema.Struct({ a: Schema.Number })),
  Schema.Union(Schema.Literal(1), Schema.NonEmptyString),
  Schema.Int.pipe(Schema.positive()),
  Schema.NonNaN,
  Trimmed,
  Schema.OptionFromSelf(Trimmed),
  Small,
  Small.pipe(Schema.filter((r) => r.a !== 1)),
  Schema.DateFromSelf,
  Schema.Date,
  Schema.NumberFromString,
  Schema.Duration,
  Schema.DurationFromSelf.pipe(Schema.lessThanDuration("5 seconds")),
  Schema.instanceOf(Map, { arbitrary: () => (fc) => fc.constant(new Map()) }),
  Schema.Option(Schema.Number),
  Schema.Array(Schema.String),
  Schema.Tuple(Schema.String, Schema.Number),
  Schema.HashMap({ key: Schema.String, value: Schema.Number }),
  Schema.Record({ key: Schema.String, value: Schema.Number }),
  Schema.Struct({ a: Schema.String, b: Schema.optionalWith(Schema.Number, { exact: true }) }),
  Schema.Struct({ a: Schema.Number }).annotations({ parseOptions: { onExcessProperty: "error" } }),
  Schema.Redacted(Schema.String),
  Schema.Chunk(Schema.Number),
  Point,
  Tree
]

/** Values near the borders of the schemas, and anything. */
const junk = FastCheck.oneof(
  FastCheck.constantFrom<Array<unknown>>(
    ...["", " ", "a", "a1", "banana", 0, -0, 1, 1.5, -1, Number.NaN, Number.POSITIVE_INFINITY, 2n],
    ...[true, null, undefined, symbol, Symbol("x"), () => 1, new Date(0), new Date(Number.NaN), new Map(), []],
    ...[{}, { a: 1 }, { a: 2, b: 1 }, { a: undefined }, { b: 1 }, ["a", 1], new Point({ x: 1 }), { x: 1 }],
    ...[Option.none(), Option.some(1), Option.some(" "), Option.some("a"), Duration.zero, Duration.infinity],
    ...[HashMap.empty(), HashMap.make(["a", "b"]), Redacted.make("a"), Redacted.make(1), Chunk.of(1), Chunk.of("1")],
    ...[{ children: [{ children: [] }] }, { children: [{ children: 1 }] }, Object.create(null)]
  ),
  FastCheck.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true })
)

describe("guard", () => {
  describe("says what Schema.is says of", () => {
    for (const schema of schemas) {
      it(String(schema), () => {
        const guard = compile(AST.typeAST(schema.ast))
        const is = Schema.is(schema)
        const same = (value: unknown) => assert.strictEqual(guard(value), is(value))
        FastCheck.assert(FastCheck.property(junk, same), { numRuns: 500 })
        // nothing is of type never
        if (!AST.isNeverKeyword(schema.ast)) FastCheck.assert(FastCheck.property(Arbitrary.make(schema), same))
      })
    }
  })

  it("makes a filter see what Schema would show it", () => {
    assert.isTrue(compile(Small.ast)({ a: 1, excess: 2 }))
  })

  it("gives a filter the options that Schema.is gives it", () => {
    const Exact = Schema.String.pipe(Schema.filter((_, options) => options.exact === true))
    assert.isTrue(Schema.is(Exact)("a"))
    assert.isTrue(compile(Exact.ast)("a"))
  })

  it("leaves to the parser a declaration whose answer is an Effect", () => {
    const Slow = Schema.declare([], {
      decode: () => (value, _, ast) =>
        value === 1 ? Effect.succeed(value) : Effect.fail(new ParseResult.Type(ast, value)),
      encode: () => (value) => Effect.succeed(value)
    })
    for (const value of [1, 2]) assert.strictEqual(compile(Slow.ast)(value), Schema.is(Slow)(value))
    assert.isTrue(compile(Slow.ast)(1))
  })

  it("does not take a decoding fallback for a value of the type", () => {
    const Level = Schema.Literal("low", "high").annotations({ decodingFallback: () => Either.right("low" as const) })
    assert.strictEqual(Schema.decodeUnknownSync(Level)("none"), "low")
    assert.isFalse(compile(Level.ast)("none"))
    assert.strictEqual(explanation(Level, "none"), 'Expected "low" | "high", actual "none"')
  })

  const explanation = (schema: Schema.Schema.AnyNoContext, value: unknown) =>
    ParseResult.TreeFormatter.formatIssueSync(explain(AST.typeAST(schema.ast), value))

  describe("explains", () => {
    it("a wrong value in Schema's words", () => {
      for (const [schema, value] of [
        [Schema.String, 1],
        [Schema.Int, 1.5],
        [Schema.Array(Schema.Union(Schema.String, Schema.Boolean)), ["a", 1]],
        [Schema.Struct({ a: Schema.Option(Schema.Int) }), { a: Option.some(1.5) }]
      ] as const) {
        const parsed = ParseResult.validateEither<any, any, never>(schema)(value)
        assert.isTrue(Either.isLeft(parsed))
        if (Either.isLeft(parsed)) {
          assert.strictEqual(explanation(schema, value), ParseResult.TreeFormatter.formatIssueSync(parsed.left))
        }
      }
    })

    it("no secret, wherever it is and however wrong", () => {
      const Secret = Schema.Redacted(Schema.NonEmptyString)
      // one that does not say that what it is made of is redacted
      const Hidden = Schema.declare([Schema.String], {
        decode: (item) => (value, options, ast) =>
          ParseResult.mapBoth(ParseResult.decodeUnknown(item)(Redacted.value(value as never), options), {
            onSuccess: Redacted.make,
            onFailure: (issue) => new ParseResult.Composite(ast, value, issue)
          }),
        encode: () => (value) => ParseResult.succeed(value as string)
      })
      const secret = 73_310
      for (const [schema, value] of [
        [Secret, Redacted.make(secret)],
        [Secret, secret],
        [Schema.Redacted(Schema.Struct({ a: Schema.String })), Redacted.make({ a: secret })],
        [Schema.UndefinedOr(Secret), secret],
        [Schema.RedactedFromSelf(Schema.String).pipe(Schema.filter(() => false)), secret],
        [Schema.RedactedFromSelf(Schema.Number).pipe(Schema.filter(() => false)), Redacted.make(secret)],
        [Schema.Array(Schema.Union(Secret, Schema.Boolean)), [true, Redacted.make(secret)]],
        [Schema.Struct({ a: Secret }), { a: Redacted.make(secret) }],
        [Schema.Struct({ a: Secret }).pipe(Schema.filter(() => true)), { a: Redacted.make(secret) }],
        [Schema.Struct({ a: Secret }), { a: secret }],
        [Schema.UndefinedOr(Secret.pipe(Schema.filter(() => true))), secret],
        [Schema.Union(Schema.Struct({ a: Secret }), Schema.Struct({ b: Schema.String })), { a: secret, b: 1 }],
        [Hidden, Redacted.make(secret)],
        [Schema.String, Redacted.make(secret)]
      ] as const) {
        const text = explanation(schema, value)
        assert.notInclude(text, String(secret))
        assert.include(text, "actual <redacted>")
      }
    })
  })
})
