import { assert, describe, it } from "@effect/vitest"
import * as Json from "@effect-otp/example-hashmap/Json"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import { evaluate, initial } from "../src/console/Evaluate.ts"
import type { Evaluation } from "../src/console/Evaluation.ts"
import { inspect, operators } from "../src/console/Inspect.ts"
import { parse } from "../src/console/Syntax.ts"
import * as Term from "../src/console/Term.ts"

const { array, bigInt, constantFrom, letrec, oneof, tuple } = FastCheck

const texts = oneof(
  FastCheck.fullUnicodeString(),
  FastCheck.string16bits(),
  constantFrom(
    "",
    "name",
    "#{x}",
    "#",
    "\u001b[2J",
    "\u009b",
    "\u202e",
    "\ud800",
    "\0",
    "😀",
    "\\",
    '"',
    "Elixir.A",
    "nil"
  )
)

const names = oneof(
  texts,
  constantFrom("ok", "a?", "b!", "a@b", "Elixir.ScutiWeb.Service.Hashmap", "Foo", ...operators)
)

const terms = letrec<{ term: Term.Term }>((tie) => {
  const made = (
    elements: FastCheck.Arbitrary<ReadonlyArray<Term.Term>>,
    make: (elements: ReadonlyArray<Term.Term>) => Either.Either<Term.Term, Term.Refused>
  ) => elements.map((elements) => Either.getOrThrow(make(elements)))
  const few = array(tie("term"), { maxLength: 4 })
  return {
    term: oneof(
      { maxDepth: 4 },
      names.map(Term.atom),
      oneof(bigInt(), bigInt({ min: -5n, max: 5n })).map(Term.integer),
      FastCheck.double({ noNaN: true, noDefaultInfinity: true }).map(Term.float),
      texts.map(Term.text),
      made(few, Term.tuple),
      made(few, Term.list),
      made(
        array(tuple(names, tie("term")), { maxLength: 3 }).map((pairs) =>
          pairs.map(([name, value]) => Either.getOrThrow(Term.tuple([Term.atom(name), value])))
        ),
        Term.list
      ),
      array(tuple(tie("term"), tie("term")), { maxLength: 4 }).map((entries) => Either.getOrThrow(Term.map(entries))),
      array(tuple(names.map(Term.atom), tie("term")), { maxLength: 4 }).map((entries) =>
        Either.getOrThrow(Term.map(entries))
      )
    )
  }
}).term

/** What a line comes to, where it asks nobody anything. */
const valueOf = (line: string, scope = initial): Either.Either<Term.Term, string> => {
  const parsed = parse(line)
  if (Either.isLeft(parsed)) return Either.left(parsed.left.message)
  let evaluation: Evaluation<readonly [Term.Term, unknown]> = evaluate(parsed.right, scope)
  while (evaluation._tag === "Print") evaluation = evaluation.next()
  if (evaluation._tag === "Raised") return Either.left(evaluation.message)
  return evaluation._tag === "Done"
    ? Either.right(evaluation.value[0])
    : Either.left(`asks: ${evaluation.request._tag}`)
}

/** What is shown for a line. */
const shown = (line: string): string => Either.merge(Either.map(valueOf(line), inspect))

/** Printable, and one line. */
const isOneLine = (text: string): boolean => text.length > 0 && Json.escape(text) === text

describe("Elixir at the console", () => {
  it.prop("reads what `inspect` shows, and gets the term that was shown", [terms], ([term]) => {
    const line = inspect(term)
    assert.isTrue(isOneLine(line), line)
    const read = Either.getOrThrowWith(valueOf(line), (message) => new Error(`${line}: ${message}`))
    assert.strictEqual(Term.compare(read, term), 0, `${line} is read as ${inspect(read)}`)
    assert.strictEqual(inspect(read), line)
  })

  it.prop("orders terms in one row", [terms, terms, terms], ([a, b, c]) => {
    assert.strictEqual(Math.sign(Term.compare(a, b)), -Math.sign(Term.compare(b, a)) + 0)
    const [x, y, z] = [a, b, c].sort(Term.compare)
    assert.isTrue(Term.compare(x!, y!) <= 0 && Term.compare(y!, z!) <= 0 && Term.compare(x!, z!) <= 0)
  })

  it.prop(
    "brings JSON there and back",
    [FastCheck.jsonValue().map((value): unknown => JSON.parse(JSON.stringify(value)))],
    ([value]) => {
      const term = Either.getOrThrow(Term.fromJson(value))
      assert.deepStrictEqual(Either.getOrThrow(Term.toJson(term)), value)
    }
  )

  const pieces = oneof(
    constantFrom(
      ...[
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "%{",
        "=>",
        "|>",
        "=",
        ",",
        ";",
        ".",
        ":",
        "^",
        "-",
        "#",
        '"',
        "\\",
        "#{",
        "\\x"
      ],
      ...[
        "pid",
        "_",
        "x",
        "alias",
        "alias Foo",
        "as: B",
        "nil",
        "1",
        "1.0e999",
        "2.5",
        "0x",
        ":ok",
        "a: ",
        "Hashmap",
        "do"
      ],
      ...[
        "GenServer.call",
        "GenServer.cast",
        "IO.inspect",
        "Map.get",
        "inspect",
        "start_link",
        " ",
        "\t",
        "\ufeff",
        "😀"
      ],
      ...[
        '{:get, "name"}',
        "{:delete, 1}",
        "{:get_all}",
        ".__proto__",
        "{:constructor}",
        "\u2028",
        "\ud800",
        "9".repeat(2000)
      ]
    ),
    FastCheck.fullUnicodeString({ maxLength: 3 }),
    FastCheck.string16bits({ maxLength: 3 })
  )

  it.prop(
    "reads or explains any line whatever, and explains it in one line",
    [array(pieces, { maxLength: 30 }).map((pieces) => pieces.join(""))],
    ([line]) => {
      const value = valueOf(line)
      assert.isTrue(isOneLine(Either.merge(Either.map(value, inspect))), line)
    },
    { fastCheck: { numRuns: 5000 } }
  )

  it("shows terms as Elixir does", () => {
    // each of these lines is what Elixir's `inspect` gives for it
    for (const line of [
      ...[
        "nil",
        "true",
        ":ok",
        ':"foo bar"',
        ":a?",
        ":a@b",
        ":Foo",
        ":é",
        ':"1a"',
        ':""',
        ":+",
        ":%{}",
        ':"a-b"',
        "Foo.Bar"
      ],
      ...[
        "1",
        "-1",
        "1.0",
        "-0.0",
        "0.1",
        "0.0001",
        "1.0e-5",
        "1.2345e-4",
        "0.00123456789",
        "1000000000000000.0",
        "1.0e16"
      ],
      ...["1.0e22", "1.2345678901234568e17", "5.0e-324", "123456789012345678901234567890"],
      ...['""', '"Jane \\"Doe\\""', '"a\\#{b"', '"\\e[2J"', '"\\n\\t\\0\\d\\x01"', '"名😀"'],
      ...["{}", "{:ok, 1}", "[]", "[1, [2], {3}]", "[a: 1, b: [2]]", "[{:a, 1}, {Foo, 1}]", "[nil: 1, a@b: 2]"],
      ...[
        "%{}",
        '%{"age" => 30, "name" => "John"}',
        "%{nil: 1}",
        '%{"": 1, "B c": 2, Foo: 3, a: 4}',
        "%{Foo => 3, :a => 1}"
      ],
      '%{3 => 4, 1.0 => 2, :b => 2, nil => 1, {1} => 2, %{} => 4, [1] => 3, "a" => 1}'
    ]) {
      assert.strictEqual(shown(line), line)
    }
    // and these are written otherwise than shown
    for (const [line, expected] of [
      // by code points, as UTF-8 has them and UTF-16 has not
      ['%{"😀" => 1, "～" => 2}', '%{"～" => 2, "😀" => 1}'],
      ['%{"name" => "John", "age" => 30}', '%{"age" => 30, "name" => "John"}'],
      ['%{"a" => 1, b: 2}', '%{:b => 2, "a" => 1}'],
      ['%{"a" => 1, "a" => 2}', '%{"a" => 2}'],
      ["%{a: 1, b: 2}", "%{a: 1, b: 2}"],
      ["[1_000, 0x1F, 0b101, 0o17, - 1]", "[1000, 31, 5, 15, -1]"],
      ["1.5e3", "1500.0"],
      ['"\\x41\\u00e9\\u{1F600}\\s\\q"', '"Aé😀 q"'],
      ['[1, a: 2, b: "c"]', '[1, {:a, 2}, {:b, "c"}]'],
      ["{1, a: 2}", "{1, [a: 2]}"],
      ['%{"a b": 1}', '%{"a b": 1}'],
      ["(1)", "1"],
      ["{1, 2} # a tuple", "{1, 2}"]
    ] as const) {
      assert.strictEqual(shown(line), expected, line)
    }
  })

  it("binds variables by patterns", () => {
    for (const [line, expected] of [
      ["x = 1; y = x; {x, y}", "{1, 1}"],
      ["x = y = 2; {x, y}", "{2, 2}"],
      ['{:ok, x} = {:ok, "v"}; x', '"v"'],
      ['%{"a" => [x, _]} = %{"a" => [1, 2], "b" => 3}; x', "1"],
      ["{x, x} = {1, 1}; x", "1"],
      ["x = 1; {^x, y} = {1, 2}; y", "2"],
      ['k = "a"; %{^k => v} = %{"a" => 1}; v', "1"],
      ["{x = {_, y}, 3} = {{1, 2}, 3}; {x, y}", "{{1, 2}, 2}"],
      ["Hashmap = pid", "ScutiWeb.Service.Hashmap"],
      ["{:ok, pid} = {:error, 1}", "** (MatchError) no match of right hand side value: {:error, 1}"],
      ["{x, x} = {1, 2}", "** (MatchError) no match of right hand side value: {1, 2}"],
      ["1 = 1.0", "** (MatchError) no match of right hand side value: 1.0"],
      ["x = 1; ^x = 2", "** (MatchError) no match of right hand side value: 2"],
      ["[x] = []", "** (MatchError) no match of right hand side value: []"],
      ['%{"b" => _} = %{"a" => 1}', '** (MatchError) no match of right hand side value: %{"a" => 1}'],
      ["_", "** (CompileError) invalid use of _: it can be matched with, and not read"],
      ["^x", "** (CompileError) ^ stands in a pattern, on the left of ="],
      ["IO.inspect(1) = 1", "** (CompileError) nothing can be called inside a match"],
      ["%{x => 1} = %{}", "** (CompileError) a key in a pattern is a literal, or a pinned variable"]
    ] as const) {
      assert.strictEqual(shown(line), expected, line)
    }
  })

  it("calls, pipes, and looks into maps", () => {
    for (const [line, expected] of [
      ['%{"a" => 1} |> Map.get("a")', "1"],
      ['Map.get(%{"a" => 1}, "b")', "nil"],
      ['Map.get(%{"a" => 1}, "b", 0)', "0"],
      ['Map.get %{"a" => 1}, "a"', "1"],
      ['m = %{"a" => %{"b" => 2}}; m["a"]["b"]', "2"],
      ['m = %{"a" => 1}; m["b"]["c"]', "nil"],
      ['%{"a" => 1} |> Map.put("b", 2) |> Map.delete("a") |> Map.keys()', '["b"]'],
      ["%{a: 1} |> Map.values |> inspect()", '"[1]"'],
      ["Map.has_key?(%{a: nil}, :a)", "true"],
      ["alias Foo.Bar; Bar.Baz", "Foo.Bar.Baz"],
      ["alias Foo.Bar, as: Baz; Baz", "Foo.Bar"],
      ["alias IO, as: Out; Out.inspect(1)", "1"],
      ["Map.get(1, 2)", "** (BadMapError) expected a map, got: 1"],
      ['1["a"]', "** (ArgumentError) [] takes a map here, and not 1"],
      [
        "Foo.bar(1)",
        "** (UndefinedFunctionError) function Foo.bar/1 is undefined (module Foo is not available in this console)"
      ],
      ["IO.bar(1)", "** (UndefinedFunctionError) function IO.bar/1 is undefined in this console"],
      ["IO.inspect(1, 2)", '** (ArgumentError) IO.inspect takes label: "text" here, and not 2'],
      ["IO.puts(%{})", "** (Protocol.UndefinedError) protocol String.Chars not implemented for %{}"],
      [
        "Foo.constructor",
        "** (UndefinedFunctionError) function Foo.constructor/0 is undefined (module Foo is not available in this console)"
      ]
    ] as const) {
      assert.strictEqual(shown(line), expected, line)
    }
  })

  it("asks nothing of a table that could not do it", () => {
    const crashes = ": not sent, for it would make the server crash"
    const noClause = "** (FunctionClauseError) no function clause matching in ScutiWeb.Service.Hashmap"
    for (const [line, expected] of [
      ["GenServer.call(pid, {:nonsense, 1})", `${noClause}.handle_call/3 for {:nonsense, 1}${crashes}`],
      ['GenServer.call(pid, {:delete, "a"})', `${noClause}.handle_call/3 for {:delete, "a"}${crashes}`],
      ["GenServer.call(Hashmap, :get_all)", `${noClause}.handle_call/3 for :get_all${crashes}`],
      ["GenServer.call(pid, {:__proto__, 1})", `${noClause}.handle_call/3 for {:__proto__, 1}${crashes}`],
      ['GenServer.cast(pid, {:get, "a"})', `${noClause}.handle_cast/2 for {:get, "a"}${crashes}`],
      ["GenServer.call(pid, {:get, :a})", "** (ArgumentError) the keys of the table are strings, and :a is none"],
      ['GenServer.call(pid, {:put, "a", :b})', "** (ArgumentError) an atom is no JSON: the table holds what JSON can"],
      [
        'GenServer.call(pid, {:put, "a", [{1}]})',
        "** (ArgumentError) a tuple is no JSON: the table holds what JSON can"
      ],
      [
        'GenServer.call(pid, {:put, "a", %{b: 1}})',
        "** (ArgumentError) a map with a key that is no string is no JSON: the table holds what JSON can"
      ],
      [
        'GenServer.call(pid, {:put, "a", 9007199254740993})',
        "** (ArgumentError) an integer beyond 2^53 would be rounded: the table holds what JSON can"
      ],
      [
        "GenServer.call(Nobody, {:get_all})",
        "** (exit) exited in: GenServer.call(Nobody, {:get_all}, 5000) ** (EXIT) no process: there is none of that name"
      ],
      ["GenServer.cast(Nobody, {:get_all})", ":ok"],
      [
        'GenServer.call("pid", {:get_all})',
        '** (FunctionClauseError) no function clause matching in GenServer.call("pid", {:get_all}, 5000)'
      ],
      [
        "GenServer.call(pid, {:get_all}, :soon)",
        "** (FunctionClauseError) no function clause matching in GenServer.call(ScutiWeb.Service.Hashmap, {:get_all}, :soon)"
      ],
      // what Elixir would not compile is not begun
      ['GenServer.cast(pid, {:delete, "a"}); bogus', "** (CompileError) undefined variable `bogus`"]
    ] as const) {
      assert.strictEqual(shown(line), expected, line)
    }
  })

  it("says which piece of a line it does not read", () => {
    for (const [line, expected] of [
      ["1 2", "** (SyntaxError) column 3: syntax error before: `2`"],
      ["{1,", "** (SyntaxError) column 4: the line ends too early: an expression is one line here"],
      ["{a: 1, 2}", "** (SyntaxError) column 8: syntax error before: `2`"],
      ["x == 1", "** (SyntaxError) column 4: syntax error before: `=`"],
      ['"abc', '** (SyntaxError) column 1: missing terminator: " (a string is one line here)'],
      ['"a#{1}"', "** (SyntaxError) column 3: no interpolation in this console"],
      ['"\\xff"', "** (SyntaxError) column 2: strings are text here, and \\xff is a byte: \\u00ff is the character"],
      ['"\\u12"', "** (SyntaxError) column 2: no such escape: \\xHH, \\uHHHH and \\u{H…} hold hex digits"],
      ["1.0e999", "** (SyntaxError) column 1: too large a float: `1.0e999`"],
      ["defmodule Hashmap do", "** (SyntaxError) column 1: `defmodule` is more Elixir than this console knows"],
      ["1 |> 2", "** (SyntaxError) column 3: after |> comes a call, as IO.inspect()"],
      ["~w(a)", "** (SyntaxError) column 1: unexpected `~`"],
      ["\u001b[2J", "** (SyntaxError) column 1: unexpected `\\u001b`"]
    ] as const) {
      assert.strictEqual(shown(line), expected, line)
    }
  })

  it("keeps to what can be read, shown and compared, however long the line", { timeout: 60_000 }, () => {
    const tooDeep = /nested 100 levels deep, not more/
    for (const [open, close] of [
      ["[", "]"],
      ["{", "}"],
      ["(", ")"],
      ["%{1 => ", "}"],
      ["IO.inspect(", ")"],
      ["IO.inspect ", ""],
      ["[a: ", "]"],
      ["x = ", ""]
    ] as const) {
      assert.match(shown(`${open.repeat(2_000)}1${close.repeat(2_000)}`), tooDeep)
      // a keyword is a tuple in a list
      const deepest = open === "[a: " ? 49 : 99
      assert.notMatch(shown(`${open.repeat(deepest)}1${close.repeat(deepest)}`), /Error/)
    }
    assert.match(shown(`1${" |> IO.inspect()".repeat(2_000)}`), tooDeep)
    assert.match(shown(`pid${'["a"]'.repeat(2_000)}`), tooDeep)
    const many = `[${"1, ".repeat(20_000)}1]`
    assert.strictEqual(shown(many), many)
    assert.strictEqual(shown(`%{${"1 => 2, ".repeat(2_000)}1 => 3}`), "%{1 => 3}")
    assert.strictEqual(shown(`${"1; ".repeat(2_000)}2`), "2")
    assert.strictEqual(shown(`"${"x".repeat(4_000_000)}"`).length, 4_000_002)
    assert.match(shown(`x = 1; ${"x = [x]; ".repeat(200)}x`), tooDeep)
    assert.match(shown(`x = 1; ${"x = [x, x]; ".repeat(60)}x`), /too large for this console/)
    assert.match(shown("9".repeat(1_000_000)), /1000 digits here, not more/)
  })
})
