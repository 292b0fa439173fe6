/** What the Endpoint decides, by itself. */
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Binding from "../src/endpoint/Binding.ts"
import * as Following from "../src/endpoint/Following.ts"
import * as Readiness from "../src/endpoint/Readiness.ts"
import * as Refusal from "../src/endpoint/Refusal.ts"
import * as Json from "../src/Json.ts"
import * as Settings from "../src/Settings.ts"

describe("Following", () => {
  it("whoever follows any subsequence of the changes from any snapshot knows all of them after a refresh or none missed", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.nat(20),
        FastCheck.array(FastCheck.boolean(), { maxLength: 40 }),
        (snapshot, delivered) => {
          // The model: knowing a change, and refreshing, which makes one know all up to now.
          let last = snapshot
          const known = new Set(Array.from({ length: snapshot }, (_, index) => index + 1))
          delivered.forEach((isDelivered, index) => {
            if (!isDelivered) return
            const sequence = index + 1
            const next = Following.next(last, sequence)
            if (next === "skip") {
              assert.isTrue(known.has(sequence))
              return
            }
            if (next === "refresh") for (let one = 1; one <= sequence; one++) known.add(one)
            known.add(sequence)
            last = sequence
            for (let one = 1; one <= sequence; one++) assert.isTrue(known.has(one))
          })
        }
      )
    )
  })
})

describe("Json", () => {
  it("an object is read back as it was, with its keys in order", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.dictionary(FastCheck.string(), FastCheck.jsonValue()), (entries) => {
        const text = Json.object(Object.entries(entries))
        assert.strictEqual(
          JSON.stringify(JSON.parse(text)),
          JSON.stringify(JSON.parse(JSON.stringify(sorted(entries))))
        )
      })
    )
  })

  it("what is no JSON is shown as text", () => {
    const circle: Array<unknown> = []
    circle.push(circle)
    assert.deepStrictEqual(
      [1n, undefined, () => 1, circle, new Date(0)].map((value) => typeof JSON.parse(Json.text(value))),
      ["string", "object", "object", "string", "string"]
    )
  })

  it("what is nested too deeply is found without the stack", () => {
    const nest = (depth: number): unknown => {
      let value: unknown = 1
      for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { value }
      return value
    }
    assert.isTrue(Json.isShallow(nest(Json.maxDepth)))
    assert.isFalse(Json.isShallow(nest(Json.maxDepth + 1)))
    assert.isFalse(Json.isShallow(nest(1_000_000)))
  })

  it("a number that no number is as large as is found wherever it is", () => {
    assert.isTrue(Json.isFinite({ a: [1, -1.5e308, "Infinity", null, true] }))
    for (const text of ["1e999", "[-1e999]", '{"a":{"b":[0,1e999]}}']) assert.isFalse(Json.isFinite(JSON.parse(text)))
    FastCheck.assert(FastCheck.property(FastCheck.jsonValue(), (value) => assert.isTrue(Json.isFinite(value))))
  })
})

const sorted = (entries: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1)))

describe("Binding", () => {
  it("the new address is opened first wherever the two are not in each other's way", () => {
    const at = (host: string, port: number) => ({ host, port })
    assert.deepStrictEqual(
      [
        Binding.stepTo(at("127.0.0.1", 4000), at("127.0.0.1", 4000)),
        Binding.stepTo(at("127.0.0.1", 4000), at("127.0.0.1", 4001)),
        Binding.stepTo(at("127.0.0.1", 4000), at("0.0.0.0", 4001)),
        Binding.stepTo(at("127.0.0.1", 4000), at("0.0.0.0", 4000)),
        Binding.stepTo(at("127.0.0.1", 0), at("0.0.0.0", 0)),
        Binding.stepTo(at("127.0.0.1", 0), at("127.0.0.1", 0))
      ],
      ["stay", "openFirst", "openFirst", "closeFirst", "openFirst", "stay"]
    )
  })

  it.effect("settings that make no sense are told by their names", () =>
    Effect.gen(function* () {
      const read = (entries: Record<string, string>) =>
        Effect.withConfigProvider(
          Effect.mapError(Binding.settings, Settings.complaint),
          ConfigProvider.fromMap(new Map(Object.entries(entries)))
        )
      assert.deepStrictEqual(yield* read({}), {
        host: "127.0.0.1",
        port: 4000,
        serverHeader: "scuti",
        maxBodySize: 65_536,
        requestTimeout: 10_000
      })
      for (const [name, value] of [
        ["PORT", "-1"],
        ["PORT", "65536"],
        ["PORT", "http"],
        ["PORT", "1.5"],
        ["SERVER_HEADER", "a\r\nset-cookie: b"],
        ["MAX_BODY_SIZE", "0"],
        ["REQUEST_TIMEOUT", "0"],
        ["REQUEST_TIMEOUT", "Infinity"],
        ["REQUEST_TIMEOUT", "soon"]
      ] as const) {
        const complaint = yield* Effect.flip(read({ [name]: value }))
        assert.match(complaint, new RegExp(`^${name}: `), `${name}=${value}`)
        assert.notInclude(complaint, "\n")
      }
    })
  )
})

describe("Readiness", () => {
  it("a child that restarts is missed always, one that is stopped where it should be up", () => {
    const child = (id: string, status: Readiness.Child["status"], restart: Readiness.Child["restart"]) => ({
      id,
      status,
      restart
    })
    assert.deepStrictEqual(
      Readiness.missing(
        [
          child("a", "running", "permanent"),
          child("b", "stopped", "permanent"),
          child("c", "restarting", "transient"),
          child("d", "stopped", "transient"),
          child("e", "stopped", "permanent"),
          child("f", "restarting", "permanent")
        ],
        ["e", "f"]
      ),
      ["b", "c", "f"]
    )
  })
})

describe("Refusal", () => {
  it("what is written to a bare connection is one whole answer, whatever the message holds", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.string(), FastCheck.constantFrom(400, 408, 413, 431, 503), (message, status) => {
        const text = Refusal.raw({ status, tag: "Tag", message }, "scuti")
        const [head, ...rest] = text.split("\r\n\r\n")
        const body = rest.join("\r\n\r\n")
        assert.deepStrictEqual(JSON.parse(body), { _tag: "Tag", message: JSON.parse(JSON.stringify(message)) })
        assert.include(head, `\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`)
        assert.match(head!, new RegExp(`^HTTP/1.1 ${status} [A-Z]`))
      })
    )
  })

  it("pages of others may look, and change nothing", () => {
    const admitted = (method: string, origin: string | undefined) =>
      Refusal.admit({ method, httpVersion: "1.1", headers: { host: "localhost:4000", origin } }, { maxBodySize: 10 })
    assert.isNull(admitted("GET", "http://elsewhere.example"))
    assert.isNull(admitted("POST", undefined))
    assert.isNull(admitted("POST", "http://localhost:4000"))
    for (const origin of ["http://elsewhere.example", "http://localhost:4001", "null", "nonsense"]) {
      assert.strictEqual(admitted("POST", origin)?.tag, "CrossOrigin")
    }
  })
})
