import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricKey from "effect/MetricKey"
import * as MetricLabel from "effect/MetricLabel"
import * as MetricPair from "effect/MetricPair"
import * as MetricState from "effect/MetricState"
import * as Option from "effect/Option"
import { format } from "../src/telemetry/Prometheus.ts"

type Pair = MetricPair.MetricPair.Untyped

const tagged = <K extends MetricKey.MetricKey.Untyped>(key: K, tags: Record<string, string>) =>
  MetricKey.taggedWithLabels(
    key,
    Object.entries(tags).map(([key, value]) => MetricLabel.make(key, value))
  )

const pair = (key: MetricKey.MetricKey.Untyped, state: MetricState.MetricState.Untyped): Pair =>
  MetricPair.unsafeMake(key, state)

const gauge = (name: string, value: number, tags: Record<string, string> = {}, description?: string) =>
  pair(tagged(MetricKey.gauge(name, { description }), tags), MetricState.gauge(value))

const counter = (name: string, count: number, incremental: boolean, tags: Record<string, string> = {}) =>
  pair(tagged(MetricKey.counter(name, { incremental }), tags), MetricState.counter(count))

const histogram = (
  name: string,
  values: ReadonlyArray<number>,
  bounds: ReadonlyArray<number>,
  tags: Record<string, string> = {}
) =>
  pair(
    tagged(MetricKey.histogram(name, MetricBoundaries.fromIterable(bounds)), tags),
    MetricState.histogram({
      buckets: bounds.map((bound) => [bound, values.filter((value) => value <= bound).length] as const),
      count: values.length,
      min: Math.min(...values),
      max: Math.max(...values),
      sum: values.reduce((a, b) => a + b, 0)
    })
  )

// ---------------------------------------------------------------------------------------------------------------------
// A reader of the format, as its description has it, and with nothing of what writes it.
// ---------------------------------------------------------------------------------------------------------------------

interface Read {
  readonly types: ReadonlyMap<string, string>
  readonly helps: ReadonlyMap<string, string>
  readonly samples: ReadonlyMap<string, number>
}

const toNumber = (text: string) =>
  text === "+Inf"
    ? Number.POSITIVE_INFINITY
    : text === "-Inf"
      ? Number.NEGATIVE_INFINITY
      : text === "NaN"
        ? Number.NaN
        : Number(text)

const unescape = (text: string) => text.replace(/\\(.)/g, (_, c) => (c === "n" ? "\n" : c))

const read = (text: string): Read => {
  const types = new Map<string, string>()
  const helps = new Map<string, string>()
  const samples = new Map<string, number>()
  let current = ""
  const closed = new Set<string>()
  assert.isTrue(text === "" || text.endsWith("\n"))
  for (const line of text.split("\n").slice(0, -1)) {
    const help = /^# HELP (\S+) (.*)$/.exec(line)
    const type = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line)
    if (help !== null) {
      const [, name = "", words = ""] = help
      assert.isFalse(helps.has(name))
      helps.set(name, unescape(words))
    } else if (type !== null) {
      const [, name = "", kind = ""] = type
      assert.isFalse(types.has(name), `${name} has two types`)
      types.set(name, kind)
      closed.add(current)
      current = name
    } else {
      const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
      assert.isNotNull(sample, `not a line of the format: ${line}`)
      const [, name = "", inner = "", value = ""] = sample ?? []
      const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, "")
      assert.strictEqual(family, current, "the lines of a family stand together")
      const labels: Record<string, string> = {}
      let rest = inner
      while (rest !== "") {
        const label = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\.)*)"(?:,|$)/.exec(rest)
        assert.isNotNull(label, `not a label: ${rest}`)
        const [whole = "", key = "", quoted = ""] = label ?? []
        assert.isFalse(Object.hasOwn(labels, key) || key.startsWith("__"), key)
        labels[key] = unescape(quoted)
        rest = rest.slice(whole.length)
      }
      if (name.endsWith("_bucket")) assert.isFalse(Number.isNaN(toNumber(labels["le"] ?? "none")), line)
      const series = name + JSON.stringify(Object.entries(labels).sort())
      assert.isFalse(samples.has(series), `${series} is there twice`)
      samples.set(series, toNumber(value))
    }
  }
  return { types, helps, samples }
}

const text = FastCheck.oneof(
  FastCheck.string(),
  FastCheck.constantFrom("a", "a_total", "a_sum", "a-b", "a b", "", "0", '"\\\n', "le")
)
const tags = FastCheck.dictionary(text, text, { maxKeys: 3, noNullPrototype: true })
const value = FastCheck.oneof(FastCheck.double(), FastCheck.integer())

const pairs = FastCheck.array(
  FastCheck.oneof(
    FastCheck.tuple(text, value, tags, FastCheck.option(text, { nil: undefined })).map((all) => gauge(...all)),
    FastCheck.tuple(text, value, FastCheck.boolean(), tags).map((all) => counter(...all)),
    FastCheck.tuple(text, FastCheck.array(FastCheck.nat(100)), FastCheck.uniqueArray(FastCheck.nat(100)), tags).map(
      ([name, values, bounds, tags]) =>
        histogram(
          name,
          values,
          bounds.sort((a, b) => a - b),
          tags
        )
    ),
    FastCheck.tuple(text, FastCheck.dictionary(text, FastCheck.nat(), { noNullPrototype: true }), tags).map(
      ([name, words, tags]) =>
        pair(tagged(MetricKey.frequency(name), tags), MetricState.frequency(new Map(Object.entries(words))))
    ),
    FastCheck.tuple(text, FastCheck.option(value), tags).map(([name, median, tags]) =>
      pair(
        tagged(MetricKey.summary({ name, maxAge: "1 minute", maxSize: 10, error: 0.1, quantiles: [0.5] }), tags),
        MetricState.summary({
          error: 0.1,
          quantiles: [[0.5, Option.fromNullable(median)]],
          count: 1,
          min: 0,
          max: 0,
          sum: 2
        })
      )
    )
  ),
  { maxLength: 12 }
)

describe("Prometheus", () => {
  it("writes each type as Prometheus has it", () => {
    const snapshot = [
      gauge("memory_bytes", 12.5, {}, "Memory, in \\bytes\nof all"),
      counter("starts", 3, true, { server: "Hashmap" }),
      counter("open", -2, false),
      histogram("duration_seconds", [0.1, 0.2, 7], [0.1, 1], { route: "/" }),
      pair(
        MetricKey.frequency("words"),
        MetricState.frequency(
          new Map([
            ["b", 1],
            ['a"', 2]
          ])
        )
      ),
      pair(
        MetricKey.summary({ name: "size", maxAge: "1 minute", maxSize: 10, error: 0.1, quantiles: [0.5, 0.9] }),
        MetricState.summary({
          error: 0.1,
          quantiles: [
            [0.5, Option.some(4)],
            [0.9, Option.none()]
          ],
          count: 2,
          min: 1,
          max: 4,
          sum: 5
        })
      )
    ]
    assert.strictEqual(
      format(snapshot),
      String.raw`# TYPE duration_seconds histogram
duration_seconds_bucket{le="0.1",route="/"} 1
duration_seconds_bucket{le="1",route="/"} 2
duration_seconds_bucket{le="+Inf",route="/"} 3
duration_seconds_sum{route="/"} 7.3
duration_seconds_count{route="/"} 3
# HELP memory_bytes Memory, in \\bytes\nof all
# TYPE memory_bytes gauge
memory_bytes 12.5
# TYPE open gauge
open -2
# TYPE size summary
size{quantile="0.5"} 4
size{quantile="0.9"} NaN
size_sum 5
size_count 2
# TYPE starts_total counter
starts_total{server="Hashmap"} 3
# TYPE words_total counter
words_total{value="a\""} 2
words_total{value="b"} 1
`
    )
  })

  it("names that Prometheus does not take are made such that it does, and values are left as they are", () => {
    assert.strictEqual(
      format([gauge("0 über.alles", 1, { "__a-b": 'x"y\\z\n', "": "e" })]),
      String.raw`# TYPE _0__ber_alles gauge
_0__ber_alles{_="e",_a_b="x\"y\\z\n"} 1
`
    )
  })

  it("a label with the name of one that the format needs gets another name", () => {
    const lines = format([histogram("x", [1], [2], { le: "mine" })]).split("\n")
    assert.include(lines, 'x_bucket{exported_le="mine",le="2"} 1')
    assert.include(lines, 'x_count{exported_le="mine"} 1')
  })

  it("two metrics that would have one name, or all labels in common, are told apart", () => {
    assert.strictEqual(
      format([
        gauge("a b", 1),
        gauge("a_b", 2),
        histogram("x", [1], [2]),
        gauge("x_sum", 4),
        counter("a_b", 3, true),
        gauge("a_b_total", 4)
      ]),
      `# TYPE a_b gauge
a_b 1
a_b{series="2"} 2
# TYPE a_b_total counter
a_b_total 3
# TYPE a_b_total_gauge gauge
a_b_total_gauge 4
# TYPE x histogram
x_bucket{le="2"} 1
x_bucket{le="+Inf"} 1
x_sum 1
x_count 1
# TYPE x_sum_gauge gauge
x_sum_gauge 4
`
    )
  })

  it("property: whatever is measured, a reader of the format takes it, and every value is there", () => {
    FastCheck.assert(
      FastCheck.property(pairs, (pairs) => {
        const { samples, types } = read(format(pairs))
        const expected: Array<number> = []
        for (const { metricState: state } of pairs) {
          if (MetricState.isCounterState(state)) expected.push(Number(state.count))
          else if (MetricState.isGaugeState(state)) expected.push(Number(state.value))
          else if (MetricState.isFrequencyState(state)) expected.push(...state.occurrences.values())
          else if (MetricState.isHistogramState(state)) {
            expected.push(...state.buckets.map(([, count]) => count), state.count, state.sum, state.count)
          } else if (MetricState.isSummaryState(state)) {
            expected.push(
              ...state.quantiles.map(([, value]) => Option.getOrElse(value, () => Number.NaN)),
              state.sum,
              state.count
            )
          }
        }
        const sorted = (values: Iterable<number>) => [...values].map((value) => String(value + 0)).sort()
        assert.deepStrictEqual(sorted(samples.values()), sorted(expected))
        assert.isAtMost(types.size, pairs.length)
      }),
      { numRuns: 300 }
    )
  })

  it("property: the order in which metrics were made is not seen", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.uniqueArray(
          FastCheck.tuple(FastCheck.constantFrom("a", "b", "c"), FastCheck.constantFrom("x", "y"), FastCheck.integer()),
          {
            selector: ([name, tag]) => name + tag
          }
        ),
        (made) => {
          const all = made.map(([name, tag, value]) => gauge(name, value, { tag }))
          assert.strictEqual(format([...all].reverse()), format(all))
        }
      )
    )
  })
})
