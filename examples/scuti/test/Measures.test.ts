import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import * as Measures from "../src/telemetry/Measures.ts"
import * as Prometheus from "../src/telemetry/Prometheus.ts"

const lines = (name: string, holding: string) =>
  Effect.map(Prometheus.text, (text) =>
    text
      .split("\n")
      .filter((line) => line.startsWith(`${name}_`) && line.includes(holding) && !/_bucket.* 0$/.test(line))
  )

describe("Measures", () => {
  it.effect("requests are told by method, route and status, and counted by how long they took", () =>
    Effect.gen(function* () {
      const request = { method: "GET", route: "/measured/:key", status: 200 }
      yield* Measures.request(request, 0.3)
      yield* Measures.request(request, 6)
      const labels = 'method="GET",route="/measured/:key",status="200"'
      assert.deepStrictEqual(yield* lines("http_request_duration_seconds", "/measured/"), [
        `http_request_duration_seconds_bucket{le="0.5",${labels}} 1`,
        `http_request_duration_seconds_bucket{le="1",${labels}} 1`,
        `http_request_duration_seconds_bucket{le="2.5",${labels}} 1`,
        `http_request_duration_seconds_bucket{le="5",${labels}} 1`,
        `http_request_duration_seconds_bucket{le="10",${labels}} 2`,
        `http_request_duration_seconds_bucket{le="+Inf",${labels}} 2`,
        `http_request_duration_seconds_sum{${labels}} 6.3`,
        `http_request_duration_seconds_count{${labels}} 2`
      ])
    })
  )

  it.effect("queries are timed by the clock, whether they succeed, fail or are interrupted", () =>
    Effect.gen(function* () {
      const query = Measures.query("measured")
      yield* query(TestClock.adjust("250 millis"))
      yield* Effect.exit(query(Effect.zipRight(TestClock.adjust("2 seconds"), Effect.fail("no"))))
      yield* Effect.exit(query(Effect.interrupt))
      const sums = (yield* lines("repo_query_duration_seconds", '"measured"')).filter((line) => line.includes("_sum"))
      assert.deepStrictEqual(sums, [
        'repo_query_duration_seconds_sum{outcome="failure",query="measured"} 2',
        'repo_query_duration_seconds_sum{outcome="interrupted",query="measured"} 0',
        'repo_query_duration_seconds_sum{outcome="success",query="measured"} 0.25'
      ])
    })
  )
})
