/**
 * Effect's metrics as Prometheus reads them: the text exposition format, version 0.0.4.
 *
 * Names are kept where Prometheus takes them. What it says by a name, Effect says by a type: a counter that only goes up
 * ends in `_total`, and one that may go down is a gauge.
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as MetricKeyType from "effect/MetricKeyType"
import type * as MetricPair from "effect/MetricPair"
import * as MetricState from "effect/MetricState"
import * as Option from "effect/Option"

/** The `content-type` of the answer. */
export const contentType = "text/plain; version=0.0.4; charset=utf-8"

type Labels = ReadonlyArray<readonly [name: string, value: string]>

/** What is behind the name of its metric, with which further labels, and the value. */
type Sample = readonly [suffix: string, labels: Labels, value: number | bigint]

type Type = "counter" | "gauge" | "histogram" | "summary"

/** What a metric comes to. */
interface Shape {
  readonly type: Type
  readonly samples: ReadonlyArray<Sample>
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const number = (value: number | bigint): string =>
  value === Number.POSITIVE_INFINITY ? "+Inf" : value === Number.NEGATIVE_INFINITY ? "-Inf" : String(value)

/** A name that Prometheus takes: letters, digits and `_`, for metrics also `:`, and no digit in front. */
const nameOf = (name: string, others: RegExp): string => {
  const clean = name.replace(others, "_")
  return /^[0-9]/.test(clean) || clean === "" ? `_${clean}` : clean
}
const metricName = (name: string): string => nameOf(name, /[^a-zA-Z0-9_:]/g)
// two underscores in front are Prometheus's own labels
const labelName = (name: string): string => nameOf(name, /[^a-zA-Z0-9_]/g).replace(/^_+/, "_")

const escapeHelp = (text: string): string => text.replace(/\\/g, "\\\\").replace(/\n/g, "\\n")
const escapeLabel = (text: string): string => escapeHelp(text).replace(/"/g, '\\"')

/** Labels by name, in order. Where two have come to have one name, it has the values of both. */
const merge = (labels: Labels): Labels => {
  const merged = new Map<string, string>()
  for (const [name, value] of labels) {
    const before = merged.get(name)
    merged.set(name, before === undefined ? value : `${before};${value}`)
  }
  return [...merged].sort(([a], [b]) => order(a, b))
}

const show = (labels: Labels): string =>
  labels.length === 0 ? "" : `{${labels.map(([name, value]) => `${name}="${escapeLabel(value)}"`).join(",")}}`

const shapeOf = ({ metricKey, metricState }: MetricPair.MetricPair.Untyped): Shape => {
  if (MetricState.isCounterState(metricState)) {
    const isIncremental = MetricKeyType.isCounterKey(metricKey.keyType) && metricKey.keyType.incremental
    return { type: isIncremental ? "counter" : "gauge", samples: [["", [], metricState.count]] }
  }
  if (MetricState.isGaugeState(metricState)) return { type: "gauge", samples: [["", [], metricState.value]] }
  if (MetricState.isFrequencyState(metricState)) {
    return {
      type: "counter",
      samples: [...metricState.occurrences]
        .sort(([a], [b]) => order(a, b))
        .map(([word, count]) => ["", [["value", word]], count])
    }
  }
  if (MetricState.isHistogramState(metricState)) {
    const finite = metricState.buckets.filter(([boundary]) => Number.isFinite(boundary))
    const buckets = [...finite, [Number.POSITIVE_INFINITY, metricState.count] as const]
    return {
      type: "histogram",
      samples: [
        ...buckets.map(([le, count]): Sample => ["_bucket", [["le", number(le)]], count]),
        ["_sum", [], metricState.sum],
        ["_count", [], metricState.count]
      ]
    }
  }
  if (MetricState.isSummaryState(metricState)) {
    return {
      type: "summary",
      samples: [
        ...metricState.quantiles.map(
          ([quantile, value]): Sample => [
            "",
            [["quantile", number(quantile)]],
            // as Prometheus's own clients say that nothing was seen of late
            Option.getOrElse(value, () => Number.NaN)
          ]
        ),
        ["_sum", [], metricState.sum],
        ["_count", [], metricState.count]
      ]
    }
  }
  throw new TypeError(`Prometheus.format: a metric of an unknown kind: ${metricKey.name}`)
}

/** All metrics of one name. */
interface Family {
  readonly name: string
  readonly type: Type
  help: string
  readonly lines: Array<{ readonly labels: string; readonly text: string }>
}

const suffixes = ["", "_bucket", "_sum", "_count"]

/** What a family's samples may be called. */
const namesOf = (name: string, type: Type): ReadonlyArray<string> =>
  type === "histogram" || type === "summary" ? suffixes.map((suffix) => name + suffix) : [name]

/**
 * A snapshot as text, in an order that depends on nothing but what is in it.
 *
 * Prometheus refuses a text in which two things have one name. Where Effect has them, as two types of metric that differ
 * in their type or in what Prometheus does not take, the type is added to the second's name; two metrics that are
 * the same in everything but a description or boundaries are told apart by a label `series`.
 */
export const format = (snapshot: ReadonlyArray<MetricPair.MetricPair.Untyped>): string => {
  const families = new Map<string, Family>()
  const taken = new Map<string, Family>()
  const find = (wanted: string, type: Type): Family => {
    const base = type === "counter" && !wanted.endsWith("_total") ? `${wanted}_total` : wanted
    let name = base
    for (let attempt = 1; ; attempt++) {
      const known = families.get(name)
      if (known?.type === type) return known
      if (namesOf(name, type).every((sample) => !taken.has(sample))) break
      name = `${base}_${type}${attempt === 1 ? "" : attempt}`
    }
    const family: Family = { name, type, help: "", lines: [] }
    families.set(name, family)
    for (const sample of namesOf(name, type)) taken.set(sample, family)
    return family
  }
  const seen = new Set<string>()
  const sorted = snapshot
    .map((pair) => {
      const { description, keyType, name, tags } = pair.metricKey
      const labels = merge(tags.map(({ key, value }) => [labelName(key), value]))
      const help = Option.getOrElse(description, () => "")
      // whatever tells two metrics apart takes part, so that the order is that of the metrics and not of the registry
      return {
        pair,
        name: metricName(name),
        labels,
        help,
        sort: [name, show(labels), help, String(keyType)].join("\n")
      }
    })
    .sort((a, b) => order(a.sort, b.sort))
  for (const { help, labels, name, pair } of sorted) {
    const { samples, type } = shapeOf(pair)
    const family = find(name, type)
    if (family.help === "") family.help = help
    // the name that Prometheus itself gives to a label whose name is taken
    const used = new Set(samples.flatMap(([, more]) => more.map(([label]) => label)))
    const tags = labels.map(([label, value]) => [used.has(label) ? `exported_${label}` : label, value] as const)
    let own = merge(tags)
    for (let series = 2; seen.has(family.name + show(own)); series++) own = merge([...tags, ["series", String(series)]])
    seen.add(family.name + show(own))
    const text = samples
      .map(([suffix, more, value]) => `${family.name}${suffix}${show(merge([...own, ...more]))} ${number(value)}\n`)
      .join("")
    family.lines.push({ labels: show(own), text })
  }
  return [...families.values()]
    .filter((family) => family.lines.some(({ text }) => text !== ""))
    .sort((a, b) => order(a.name, b.name))
    .map(({ help, lines, name, type }) => {
      const head = `${help === "" ? "" : `# HELP ${name} ${escapeHelp(help)}\n`}# TYPE ${name} ${type}\n`
      return head + lines.map(({ text }) => text).join("")
    })
    .join("")
}

/** All metrics of this process, as they are now. */
export const text: Effect.Effect<string> = Effect.map(Metric.snapshot, format)
