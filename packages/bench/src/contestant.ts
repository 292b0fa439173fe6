/** The one shape of everything that is compared. */
import type * as HashMap from "effect/HashMap"
import type { GapRow, MemoryRow, TimeRow } from "./rows.ts"

/** What the servers start with. The same values are given to every contestant. */
export interface Seed {
  readonly table: HashMap.HashMap<string, unknown>
  /** How many casts a counting server believes to have had. */
  readonly count: number
}

/** A server that is up. `run` does `operations` of them and fails with `WrongAnswer` if any one went wrong. */
export interface Workload {
  readonly run: (operations: number) => Promise<void>
}

/** Servers that are up, in the condition the row asks for. */
export interface Population {
  readonly servers: ReadonlyArray<unknown>
  /** For how many milliseconds, from the start of the first, they stay in that condition; for ever, if not given. */
  readonly lasts?: number
  readonly release: () => Promise<void>
}

export interface Contestant {
  readonly time: { readonly [Id in TimeRow]?: (seed: Seed) => Promise<Workload> }
  readonly memory: { readonly [Id in MemoryRow]?: (seed: Seed, servers: number) => Promise<Population> }
  /** Calls one after the other until `isOver`. */
  readonly gap: { readonly [Id in GapRow]?: (seed: Seed, isOver: () => boolean) => Promise<void> }
}

export const javascriptContestants = ["ours", "loop", "nact", "xstate"] as const
export type JavaScriptContestant = (typeof javascriptContestants)[number]
export type ContestantName = JavaScriptContestant | "erlang"

/** As the tables name them. */
export const titles: { readonly [Name in ContestantName]: string } = {
  ours: "GenServer",
  loop: "loop",
  nact: "nact",
  xstate: "xstate",
  erlang: "Erlang"
}
