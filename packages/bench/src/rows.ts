/**
 * What is measured. A row is one workload; a contestant runs those it can do. `time` rows are nanoseconds per operation,
 * `memory` rows bytes per server, `gap` rows the longest time in milliseconds that a 10 ms interval had to wait.
 */

export type TimeRow =
  | "get"
  | "get-by-ref"
  | "get-100"
  | "put"
  | "effect-sync"
  | "effect-map"
  | "effect-gen"
  | "effect-suspend"
  | "start-stop"
  | "start-stop-scope"
  | "restart"
  | `group-${GroupSize}`
  | `bare-${FamilySize}`
  | `children-${FamilySize}`
  | `burst-${BurstSize}`
  | "broadcast-queue"
  | "broadcast-stream"
  | "message"
  | "message-schema"

export type MemoryRow = "memory-idle" | "memory-hibernated" | "memory-layer" | "memory-live" | "memory-child"

export type GapRow = "gap-plain" | "gap-effect" | "gap-suspend"

export type RowId = TimeRow | MemoryRow | GapRow

export type BurstSize = keyof typeof burstSizes

/** How many casts go out before the one call that waits for them all. */
export const burstSizes = { "1e3": 1_000, "1e4": 10_000, "1e5": 100_000, "1e6": 1_000_000 }

export type GroupSize = keyof typeof groupSizes

/** Children that are restarted together. */
export const groupSizes = { "1e2": 100, "1e3": 1_000 }

export type FamilySize = keyof typeof familySizes

/** Servers that are started, and all stopped at once. */
export const familySizes = { "1e4": 10_000, "1e5": 100_000 }

/** How many listen to a broadcast. */
export const audienceSize = 10_000

export type Row = { readonly title: string } & (
  | {
      readonly kind: "time"
      readonly id: TimeRow
      /** An inner round is a whole number of these many operations. */
      readonly step: number
    }
  | {
      readonly kind: "memory"
      readonly id: MemoryRow
      /** Milliseconds to wait before the heap is measured. */
      readonly wait: number
    }
  | { readonly kind: "gap"; readonly id: GapRow }
)

const time = (id: TimeRow, title: string, step = 1): Row => ({ kind: "time", id, title, step })

/** Servers go to sleep after a second of idleness; in this time, a hundred thousand of them have. */
const asleep = 4_000

const burst = (size: BurstSize): Row =>
  time(`burst-${size}`, `${burstSizes[size].toLocaleString("en")} casts, then one call (per cast)`, burstSizes[size])

const group = (size: GroupSize): Row =>
  time(
    `group-${size}`,
    `rest_for_one of ${groupSizes[size].toLocaleString("en")}, first killed (per child)`,
    groupSizes[size]
  )

const family = (kind: "bare" | "children", size: FamilySize, title: string): Row =>
  time(`${kind}-${size}`, title.replace("N", familySizes[size].toLocaleString("en")), familySizes[size])

export const rows: ReadonlyArray<Row> = [
  time("get", "get, plain handler, one caller"),
  time("get-by-ref", "the same, by the ref instead of the tag"),
  time("get-100", "get, plain handler, 100 callers", 100),
  time("put", "put, plain handler, one caller"),
  time("effect-sync", "get, handler Effect.sync"),
  time("effect-map", "get, handler Effect.map"),
  time("effect-gen", "get, handler Effect.gen"),
  time("effect-suspend", "get, handler that yields"),
  time("start-stop", "start and stop a server"),
  time("start-stop-scope", "start a server, close its scope"),
  time("restart", "kill a supervised server, and have the next"),
  group("1e2"),
  group("1e3"),
  family("bare", "1e4", "start N servers, close their scope (each)"),
  family("bare", "1e5", "start N servers, close their scope (each)"),
  family("children", "1e4", "start N children, stop them all (each)"),
  family("children", "1e5", "start N children, stop them all (each)"),
  burst("1e3"),
  burst("1e4"),
  burst("1e5"),
  burst("1e6"),
  time("broadcast-queue", "broadcast to 10,000 queues (each)", audienceSize),
  time("broadcast-stream", "broadcast to 10,000 Streams (each)", audienceSize),
  time("message", "make a message of 2 fields"),
  time("message-schema", "the same with Schema.TaggedRequest"),
  { kind: "memory", id: "memory-idle", title: "idle server, never called", wait: asleep },
  { kind: "memory", id: "memory-hibernated", title: "server that was called and has gone to sleep", wait: asleep },
  { kind: "memory", id: "memory-layer", title: "idle server built by a Layer", wait: asleep },
  { kind: "memory", id: "memory-child", title: "idle child of a DynamicSupervisor", wait: asleep },
  { kind: "memory", id: "memory-live", title: "live server, just called", wait: 0 },
  { kind: "gap", id: "gap-plain", title: "longest gap, calls to a plain handler" },
  { kind: "gap", id: "gap-effect", title: "longest gap, calls to Effect.sync" },
  { kind: "gap", id: "gap-suspend", title: "longest gap, calls to one that yields" }
]

/** The rows that `word` names: the row of that id, or all of a group (`burst`, `memory`, `effect`). */
export const select = (word: string): ReadonlyArray<Row> => {
  const exact = rows.filter((row) => row.id === word)
  return exact.length > 0 ? exact : rows.filter((row) => row.id.startsWith(`${word}-`))
}
