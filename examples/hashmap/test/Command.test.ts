import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Command from "../src/Command.ts"
import * as Json from "../src/Json.ts"

const { constantFrom, oneof, record } = FastCheck

const keys = oneof(
  constantFrom(
    "name",
    "__proto__",
    "constructor",
    "first name",
    "",
    '"',
    "\\",
    "naïve",
    "名前",
    "😀",
    "a\tb",
    "\u2028"
  ),
  FastCheck.fullUnicodeString(),
  FastCheck.string16bits()
)

// through JSON, which has no -0
const values = FastCheck.jsonValue().map((value): unknown => JSON.parse(JSON.stringify(value)))

const commands: FastCheck.Arbitrary<Command.Command> = oneof(
  record({ key: keys }).map(Command.Get),
  record({ key: keys, default: values }).map(Command.GetOr),
  record({ key: keys, value: values }).map(Command.Update),
  record({ key: keys, value: values }).map(Command.Put),
  record({ key: keys }).map(Command.Delete),
  constantFrom(Command.All(), Command.Crash(), Command.Help(), Command.Quit())
)

const spaces = FastCheck.stringOf(constantFrom(" ", "\t"), { minLength: 1, maxLength: 3 })

const spacings = record({
  before: oneof(FastCheck.constant(""), spaces),
  between: spaces,
  after: oneof(FastCheck.constant(""), spaces, FastCheck.constant("\r")),
  quotesKeys: FastCheck.boolean(),
  indentsValues: FastCheck.boolean()
})

type Spacing = typeof spacings extends FastCheck.Arbitrary<infer A> ? A : never

const print = (command: Command.Command, spacing: Spacing): string => {
  const key = (key: string) =>
    spacing.quotesKeys || key === "" || key.startsWith('"') || /\s/.test(key) ? JSON.stringify(key) : key
  const value = (value: unknown) =>
    spacing.indentsValues ? JSON.stringify(value, null, 2).replaceAll(/\n\s*/g, spacing.between) : JSON.stringify(value)
  const words = Command.match(command, {
    Get: (command) => ["get", key(command.key)],
    GetOr: (command) => ["get", key(command.key), value(command.default)],
    Update: (command) => ["update", key(command.key), value(command.value)],
    Put: (command) => ["put", key(command.key), value(command.value)],
    Delete: (command) => ["delete", key(command.key)],
    All: () => ["all"],
    Crash: () => ["crash"],
    Help: () => ["help"],
    Quit: () => ["quit"]
  })
  return spacing.before + words.join(spacing.between) + spacing.after
}

const explanation = (line: string): string => Either.getOrThrow(Either.flip(Command.parse(line)))

/** Printable, on one line, and of a length one reads. */
const isOneLine = (text: string): boolean => text.length > 0 && text.length < 200 && Json.escape(text) === text

describe("Command", () => {
  it.prop("reads what was written, whatever the white space", [commands, spacings], ([command, spacing]) => {
    assert.deepStrictEqual(Command.parse(print(command, spacing)), Either.right(command))
  })

  it.prop(
    "reads or explains any line whatever, and explains it in one line",
    [
      record({
        word: constantFrom("", "get ", "put a ", "update ", "delete ", "all ", 'get "', "put x [", "\u001b[2J", '"'),
        rest: oneof(FastCheck.fullUnicodeString(), FastCheck.string16bits(), FastCheck.string({ maxLength: 2000 }))
      })
    ],
    ([{ rest, word }]) => {
      const parsed = Command.parse(word + rest)
      if (Either.isLeft(parsed)) assert.isTrue(isOneLine(parsed.left), parsed.left)
    }
  )

  it("takes a word that is no JSON for a string", () => {
    for (const [word, value] of [
      ["Doe", "Doe"],
      ["42", 42],
      ["-1.5e3", -1500],
      ["null", null],
      ["true", true],
      ["True", "True"],
      ["nil", "nil"],
      ["007", "007"],
      ['a"b', 'a"b'],
      ["undefined", "undefined"],
      ["no\u00a0break", "no\u00a0break"],
      ['"42"', "42"],
      ['{"a": [1, 2]}', { a: [1, 2] }]
    ] as const) {
      assert.deepStrictEqual(Command.parse(`put key ${word}`), Either.right(Command.Put({ key: "key", value })))
    }
  })

  it("explains what it does not understand", () => {
    const explanations = {
      bogus: "unknown command `bogus`: help lists those there are",
      GET: "unknown command `GET`: help lists those there are",
      constructor: "unknown command `constructor`: help lists those there are",
      "\u001b[2J": "unknown command `\\u001b[2J`: help lists those there are",
      get: "the key is missing: get KEY [DEFAULT]",
      put: "the key is missing: put KEY VALUE",
      "put key": "the value is missing: put KEY VALUE",
      "update key  ": "the value is missing: update KEY VALUE",
      "put key Jane Doe": "text with spaces goes in quotes, as JSON: `Jane Doe`",
      "put key {a: 1}": "not JSON: `{a: 1}`",
      'put key "Jane': 'not JSON: `"Jane`',
      "put key 1e999": "too large a number: `1e999`",
      'put key [1, {"a": -1E+400}]': 'too large a number: `[1, {"a": -1E+400}]`',
      [`put key ${"[".repeat(501)}${"]".repeat(501)}`]: "a value may be nested 500 levels deep, not more",
      'get "key': 'the key is no JSON string: `"key`',
      'get "key\\': 'the key is no JSON string: `"key\\`',
      'get "key"value': 'a space is missing after the key `"key"`',
      "delete key value": "delete takes one key, and here is more: `value`",
      "all of it": "nothing comes after all, and here is `of it`",
      [`put key {${"a".repeat(1000)}`]: `not JSON: \`{${"a".repeat(39)}…\``,
      [`${"😀".repeat(41)}`]: `unknown command \`${"😀".repeat(40)}…\`: help lists those there are`
    }
    for (const [line, expected] of Object.entries(explanations)) assert.strictEqual(explanation(line), expected)
  })

  it("takes brackets in strings for text, and values nested as deep as may be", () => {
    for (const value of [
      "[".repeat(10_000),
      JSON.parse(`${"[".repeat(500)}${"]".repeat(500)}`),
      ['\\"', "{".repeat(600)]
    ]) {
      assert.deepStrictEqual(
        Command.parse(`put key ${JSON.stringify(value)}`),
        Either.right(Command.Put({ key: "key", value }))
      )
    }
  })

  it("reads lines of megabytes", () => {
    const long = "x".repeat(4_000_000)
    assert.deepStrictEqual(Command.parse(`put key ${long}`), Either.right(Command.Put({ key: "key", value: long })))
    assert.deepStrictEqual(Command.parse(`get ${JSON.stringify(long)}`), Either.right(Command.Get({ key: long })))
    assert.deepStrictEqual(Command.parse(`all${" ".repeat(4_000_000)}`), Either.right(Command.All()))
    assert.isTrue(isOneLine(explanation(`put key ${"x ".repeat(2_000_000)}`)))
    assert.isTrue(isOneLine(explanation(`put key ${"[".repeat(4_000_000)}`)))
  })
})
