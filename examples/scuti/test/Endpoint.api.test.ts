import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as MetricState from "effect/MetricState"
import { ask, serving, started } from "./fixtures/serving.ts"

describe("Endpoint, the API", () => {
  it.scopedLive("reads all, with the keys in order and dates as text", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      for (const key of ["10", "9", "__proto__"])
        yield* ask(port, "PUT", `/api/hashmap/${key}`, { body: { value: key } })
      const { headers, status, text } = yield* ask(port, "GET", "/api/hashmap")
      assert.strictEqual(status, 200)
      assert.match(headers["content-type"]!, /^application\/json/)
      assert.strictEqual(
        text,
        '{"10":"10","9":"9","__proto__":"__proto__","app_name":"Scuti","started_at":"2025-08-16T12:00:00.000Z","version":"1.0.0"}'
      )
      assert.strictEqual(headers["server"], "scuti")
      assert.strictEqual(headers["x-content-type-options"], "nosniff")
    })
  )

  it.scopedLive("reads one, and the default where it is absent", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      assert.strictEqual((yield* ask(port, "GET", "/api/hashmap/version")).json, "1.0.0")
      assert.strictEqual((yield* ask(port, "GET", "/api/hashmap/started_at")).json, started.toJSON())
      const absent = yield* ask(port, "GET", "/api/hashmap/gender")
      assert.strictEqual(absent.status, 404)
      assert.deepStrictEqual(absent.json, { _tag: "NoSuchKey", key: "gender", message: 'there is no key "gender"' })
      const fallback = yield* ask(port, "GET", `/api/hashmap/gender?default=${encodeURIComponent('{"not":"said"}')}`)
      assert.deepStrictEqual([fallback.status, fallback.json], [200, { not: "said" }])
      const nothing = yield* ask(port, "GET", "/api/hashmap/gender?default=null")
      assert.deepStrictEqual([nothing.status, nothing.json], [200, null])
      const present = yield* ask(port, "GET", "/api/hashmap/version?default=0")
      assert.strictEqual(present.json, "1.0.0")
    })
  )

  it.scopedLive("puts, updates and deletes", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      const put = yield* ask(port, "POST", "/api/hashmap", { body: { key: "gender", value: "Male" } })
      assert.deepStrictEqual([put.status, put.text], [204, ""])
      assert.strictEqual((yield* ask(port, "GET", "/api/hashmap/gender")).json, "Male")
      const key = encodeURIComponent("a key/with ünïts?")
      assert.strictEqual(
        (yield* ask(port, "PUT", `/api/hashmap/${key}`, { body: { value: [1, { a: null }] } })).status,
        204
      )
      assert.deepStrictEqual((yield* ask(port, "GET", `/api/hashmap/${key}`)).json, [1, { a: null }])
      assert.strictEqual((yield* ask(port, "DELETE", "/api/hashmap/gender")).status, 204)
      assert.strictEqual((yield* ask(port, "GET", "/api/hashmap/gender")).status, 404)
      assert.strictEqual((yield* ask(port, "DELETE", "/api/hashmap/gender")).status, 204)
    })
  )

  it.scopedLive("crashes the server, which is there again for the next request", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      yield* ask(port, "PUT", "/api/hashmap/version", { body: { value: "2" } })
      const crash = yield* ask(port, "POST", "/api/crash")
      assert.strictEqual(crash.status, 200)
      assert.match(crash.json.message, /told to crash/)
      assert.strictEqual((yield* ask(port, "GET", "/api/hashmap/version")).json, "1.0.0")
    })
  )

  it.scopedLive("pages the journal out", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      const ids = ({ json }: { json: any }) => json.entries.map(({ id }: { id: number }) => id)
      const first = yield* ask(port, "GET", "/api/changes?limit=3")
      assert.deepStrictEqual([ids(first), first.json.next], [[7, 6, 5], 5])
      const second = yield* ask(port, "GET", "/api/changes?limit=3&before=5")
      assert.deepStrictEqual([ids(second), second.json.next], [[4, 3, 2], 2])
      const last = yield* ask(port, "GET", "/api/changes?limit=3&before=2")
      assert.deepStrictEqual([ids(last), last.json.next], [[1], null])
      assert.strictEqual((yield* ask(port, "GET", "/api/changes")).json.entries.length, 7)
      assert.strictEqual((yield* ask(port, "GET", "/api/changes?limit=0")).status, 400)
      assert.strictEqual((yield* ask(port, "GET", "/api/changes?before=x")).status, 400)
    })
  )

  it.scopedLive("tells of the tree's state", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      const health = yield* ask(port, "GET", "/health")
      assert.strictEqual(health.status, 200)
      assert.deepStrictEqual(
        health.json.children.map(({ id, status }: { id: string; status: string }) => `${id} ${status}`),
        [
          "Repo running",
          "Scuti.PubSub running",
          "Endpoint running",
          "Obstacle running",
          "ScutiWeb.Service.Hashmap running"
        ]
      )
      assert.strictEqual((yield* ask(port, "GET", "/ready")).status, 200)
    })
  )

  it.scopedLive("measures each answer by the pattern of its route", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      const counts = Effect.map(Metric.snapshot, (pairs) =>
        Object.fromEntries(
          pairs.flatMap(({ metricKey, metricState }) =>
            metricKey.name === "http_request_duration_seconds" && MetricState.isHistogramState(metricState)
              ? [
                  [
                    Array.from(metricKey.tags, ({ value }) => value)
                      .sort()
                      .join(" "),
                    metricState.count
                  ]
                ]
              : []
          )
        )
      )
      const before = yield* counts
      yield* ask(port, "GET", "/api/hashmap/version")
      yield* ask(port, "GET", "/api/hashmap/gender")
      yield* ask(port, "GET", "/api/hashmap/nobody")
      yield* ask(port, "GET", "/wp-login.php")
      const after = yield* counts
      const grown = Object.entries(after).flatMap(([key, count]) =>
        count === before[key] ? [] : [[key, count - (before[key] ?? 0)]]
      )
      assert.deepStrictEqual(grown.sort(), [
        ["/api/hashmap/:key 200 GET", 1],
        ["/api/hashmap/:key 404 GET", 2],
        ["404 GET none", 1]
      ])
    })
  )

  it.scopedLive("serves the page, the description of the API and the metrics", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      for (const [path, type] of [
        ["/", "text/html"],
        ["/page.js", "text/javascript"],
        ["/page.css", "text/css"],
        ["/docs", "text/html"],
        ["/openapi.json", "application/json"],
        ["/metrics", "text/plain"]
      ] as const) {
        const { headers, status } = yield* ask(port, "GET", path)
        assert.deepStrictEqual([path, status, headers["content-type"]!.split(";")[0]], [path, 200, type])
        const headOnly = yield* ask(port, "HEAD", path)
        assert.deepStrictEqual([headOnly.status, headOnly.text], [200, ""])
      }
      const { json } = yield* ask(port, "GET", "/openapi.json")
      assert.deepStrictEqual(Object.keys(json.paths).sort(), [
        ...["/api/changes", "/api/crash", "/api/hashmap", "/api/hashmap/{key}", "/health", "/ready"]
      ])
    })
  )

  it.scopedLive("answers what fits nothing in JSON with a tag", () =>
    Effect.gen(function* () {
      const { port } = yield* serving({ MAX_BODY_SIZE: "1000" })
      const deep = `{"value":${"[".repeat(400)}${"]".repeat(400)}}`
      const cases = [
        ["GET", "/nowhere", {}, 404, "RouteNotFound"],
        ["PATCH", "/api/hashmap", {}, 404, "RouteNotFound"],
        ["GET", "/api/hashmap/%E0%A4%A", {}, 404, "RouteNotFound"],
        ["PUT", "/api/hashmap/a", { body: { valeu: 1 } }, 400, "HttpApiDecodeError"],
        ["PUT", "/api/hashmap/a", { body: 5 }, 400, "HttpApiDecodeError"],
        ["PUT", "/api/hashmap/a", {}, 400, "HttpApiDecodeError"],
        ["PUT", `/api/hashmap/${"k".repeat(257)}`, { body: { value: 1 } }, 400, "HttpApiDecodeError"],
        ["PUT", "/api/hashmap/a", { raw: deep }, 400, "HttpApiDecodeError"],
        ["GET", "/api/hashmap/a?default=nonsense", {}, 400, "HttpApiDecodeError"],
        ["PUT", "/api/hashmap/a", { raw: '{"value":[1e999]}' }, 400, "HttpApiDecodeError"],
        ["PUT", "/api/hashmap/a", { raw: '{"value":' }, 400, "MalformedBody"],
        ["PUT", "/api/hashmap/a", { raw: "x".repeat(1001) }, 413, "BodyTooLarge"],
        [
          "PUT",
          "/api/hashmap/a",
          { raw: "a=1", headers: { "content-type": "text/plain" } },
          415,
          "UnsupportedMediaType"
        ],
        ["PUT", "/api/hashmap/a", { body: {}, headers: { "content-encoding": "gzip" } }, 415, "UnsupportedMediaType"],
        ["POST", "/api/crash", { headers: { origin: "http://elsewhere.example" } }, 403, "CrossOrigin"],
        ["PUT", "/api/hashmap/a", { body: { value: 1 }, headers: { expect: "a miracle" } }, 417, "ExpectationFailed"]
      ] as const
      for (const [method, path, asked, status, tag] of cases) {
        const answer = yield* ask(port, method, path, asked)
        assert.deepStrictEqual([method, path, answer.status, answer.json._tag], [method, path, status, tag])
        assert.isString(answer.json.message)
      }
      assert.strictEqual((yield* ask(port, "GET", "/api/hashmap/a")).status, 404)
    })
  )

  it.scopedLive("says of what does not fit the schema which part and why, in a line", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      const cases = [
        ["PUT", "/api/hashmap/a", { valeu: 1 }, "value: is missing"],
        ["PUT", "/api/hashmap/a", 5, "Expected { readonly value: any JSON }, actual 5"],
        ["PUT", `/api/hashmap/${"k".repeat(257)}`, { value: 1 }, "key: expected a key of at most 256 characters"],
        ["POST", "/api/hashmap", { key: "", value: 1 }, "key: expected a key, and not an empty one"],
        [
          "POST",
          "/api/hashmap",
          { key: "half \ud83d", value: 1 },
          "key: expected a key of whole characters: half of one is missing"
        ],
        ["PUT", "/api/hashmap/a%00b", { value: 1 }, "key: expected a key without the character 0"],
        ["POST", "/api/hashmap", { key: 1, value: 1 }, "key: Expected string, actual 1"],
        ["POST", "/api/hashmap", { key: [], value: 1 }, "key: Expected string, actual []"],
        ["GET", "/api/hashmap/a?default=foo", null, `default: Unexpected token 'o', "foo" is not valid JSON`],
        ["GET", "/api/changes?limit=0", null, "limit: Expected a positive number, actual 0"],
        ["GET", "/api/changes?limit=1&limit=2", null, 'limit: Expected string, actual ["1","2"]'],
        ["GET", "/api/changes?before=x", null, 'before: Unable to decode "x" into a number']
      ] as const
      for (const [method, path, body, message] of cases) {
        const { json, status } = yield* ask(port, method, path, body === null ? {} : { body })
        assert.deepStrictEqual(
          [method, path, status, json._tag, json.message],
          [method, path, 400, "HttpApiDecodeError", message]
        )
      }
      const long = yield* ask(port, "GET", `/api/changes?before=${"x".repeat(5000)}`)
      assert.isBelow(long.json.message.length, 400)
    })
  )
})
