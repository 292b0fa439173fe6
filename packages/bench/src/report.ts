/** From samples to figures, goals and tables. No clock, no process: plain data and functions. */
import { type ContestantName, titles } from "./contestant.ts"
import type { Row, RowId } from "./rows.ts"

export interface Figure {
  readonly median: number
  readonly min: number
  readonly max: number
  /** How many rounds, each a process of its own. */
  readonly n: number
  /** How many operations, or servers, one sample is about. */
  readonly operations: number
}

export interface RowResult {
  readonly row: RowId
  readonly title: string
  readonly unit: "ns/op" | "bytes" | "ms"
  readonly contestants: { readonly [Name in ContestantName]?: Figure }
}

export interface Machine {
  readonly node: string
  readonly elixir: string | undefined
  readonly platform: string
  readonly cpu: string
  readonly cores: number
  /** Processes that wanted a core in the minute before the run; above 0.5 somebody else was at work too. */
  readonly load: number
  readonly date: string
}

/** What is to be reached: a ratio against somebody's figure of the same row, or a limit in the row's own unit. */
export type Goal = { readonly title: string; readonly row: RowId; readonly aim?: true } & (
  | { readonly kind: "times faster"; readonly against: ContestantName; readonly atLeast: number }
  | { readonly kind: "growth"; readonly from: RowId; readonly atMost: number }
  | { readonly kind: "limit"; readonly of: "median" | "max"; readonly atMost: number }
)

export interface GoalResult {
  readonly goal: string
  readonly row: RowId
  /** Wished for, but not demanded. */
  readonly aim: boolean
  readonly against: ContestantName | undefined
  readonly required: string
  /** A ratio or, for a limit, the figure itself. Undefined if this run did not measure it. */
  readonly measured: number | undefined
  readonly met: boolean | undefined
}

const faster = (title: string, row: RowId, against: ContestantName, atLeast: number): Goal => ({
  kind: "times faster",
  title,
  row,
  against,
  atLeast
})
const limit = (title: string, row: RowId, atMost: number, of: "median" | "max" = "median"): Goal => ({
  kind: "limit",
  title,
  row,
  of,
  atMost
})

const growth = (title: string, row: RowId, from: RowId, atMost: number): Goal => ({
  kind: "growth",
  title,
  row,
  from,
  atMost
})

export const goals: ReadonlyArray<Goal> = [
  faster("plain handler, one caller", "get", "erlang", 2),
  faster("plain handler, 100 callers", "get-100", "erlang", 1.5),
  faster("Effect.sync handler", "effect-sync", "loop", 6),
  faster("Effect.sync handler", "effect-sync", "nact", 1),
  faster("Effect.map handler", "effect-map", "loop", 6),
  faster("Effect.map handler", "effect-map", "nact", 1),
  { ...faster("Effect.gen handler", "effect-gen", "nact", 1), aim: true },
  { ...faster("handler that yields", "effect-suspend", "nact", 1), aim: true },
  faster("start and stop", "start-stop", "erlang", 1.5),
  faster("kill and restart", "restart", "erlang", 3),
  growth("a child of 100,000, to a bare server", "children-1e5", "bare-1e5", 2),
  growth("a child of 100,000, to one of 10,000", "children-1e5", "children-1e4", 2),
  growth("one of a group of 1,000, to one of 100", "group-1e3", "group-1e2", 2),
  faster("100,000 casts, then one call", "burst-1e5", "loop", 3),
  growth("a cast of a million, to one of a thousand", "burst-1e6", "burst-1e3", 2),
  faster("broadcast to 10,000 queues", "broadcast-queue", "loop", 1),
  faster("broadcast to 10,000 Streams", "broadcast-stream", "loop", 1),
  limit("make and check a message", "message", 60),
  limit("idle server", "memory-idle", 2_700),
  limit("sleeping server", "memory-hibernated", 2_700),
  limit("live server", "memory-live", 8_000),
  limit("interval under plain calls", "gap-plain", 50, "max"),
  limit("interval under Effect calls", "gap-effect", 50, "max"),
  limit("interval under yielding calls", "gap-suspend", 50, "max")
]

export const median = (samples: ReadonlyArray<number>): number => {
  if (samples.length === 0) throw new Error("No samples")
  const sorted = [...samples].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export const summarise = (rounds: ReadonlyArray<number>, operations: number): Figure => ({
  median: median(rounds),
  min: Math.min(...rounds),
  max: Math.max(...rounds),
  n: rounds.length,
  operations
})

const units = { time: "ns/op", memory: "bytes", gap: "ms" } as const

export const rowResult = (row: Row, contestants: RowResult["contestants"]): RowResult => ({
  row: row.id,
  title: row.title,
  unit: units[row.kind],
  contestants
})

/** How our figures stand to each goal. */
export const evaluate = (goals: ReadonlyArray<Goal>, results: ReadonlyArray<RowResult>): ReadonlyArray<GoalResult> =>
  goals.map((goal) => {
    const result = results.find(({ row }) => row === goal.row)
    const ours = result?.contestants.ours
    const common = { goal: goal.title, row: goal.row, aim: goal.aim === true, against: undefined }
    switch (goal.kind) {
      case "times faster": {
        const theirs = result?.contestants[goal.against]
        const measured = ours && theirs && theirs.median / ours.median
        return {
          ...common,
          against: goal.against,
          required: `≥ ${goal.atLeast} ×`,
          measured,
          met: measured === undefined ? undefined : measured >= goal.atLeast
        }
      }
      case "growth": {
        const first = results.find(({ row }) => row === goal.from)?.contestants.ours
        const measured = ours && first && ours.median / first.median
        return {
          ...common,
          required: `≤ ${goal.atMost} ×`,
          measured,
          met: measured === undefined ? undefined : measured <= goal.atMost
        }
      }
      case "limit": {
        const measured = ours?.[goal.of]
        return {
          ...common,
          required: `≤ ${goal.atMost} ${result?.unit ?? ""}`.trim(),
          measured,
          met: measured === undefined ? undefined : measured <= goal.atMost
        }
      }
    }
  })

/** Lines of cells, padded to columns: the first to the left, the others to the right. */
export const align = (lines: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths: Array<number> = []
  for (const line of lines) line.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)))
  return lines
    .map((line) =>
      line
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

const number = (value: number): string => (value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString("en"))

/** Each row's medians; beside the others' how many times ours that is. */
export const resultTable = (results: ReadonlyArray<RowResult>, names: ReadonlyArray<ContestantName>): string =>
  align([
    ["", "unit", ...names.map((name) => titles[name])],
    ...results.map(({ contestants, title, unit }) => [
      title,
      unit,
      ...names.map((name) => {
        const figure = contestants[name]
        if (figure === undefined) return "-"
        const { ours } = contestants
        return name === "ours" || ours === undefined
          ? number(figure.median)
          : `${number(figure.median)} (${(figure.median / ours.median).toFixed(2)} ×)`
      })
    ])
  ])

export const goalTable = (results: ReadonlyArray<GoalResult>): string =>
  align([
    ["goal", "against", "required", "measured", ""],
    ...results.map(({ against, aim, goal, measured, met, required }) => [
      goal,
      against === undefined ? "-" : titles[against],
      required,
      measured === undefined ? "-" : required.endsWith("×") ? `${measured.toFixed(2)} ×` : number(measured),
      met === undefined ? "not measured" : `${met ? "met" : "missed"}${aim ? " (an aim)" : ""}`
    ])
  ])
