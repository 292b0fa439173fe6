import type * as Effect from "effect/Effect"
import type { MaxRestartsExceeded } from "../SupervisorError.ts"

/** A process's place under its supervisor, as the process sees it. */
export interface Parent {
  /** The place's own path in the tree, the root first. */
  readonly path: ReadonlyArray<string>
  /** The path of a process of that name in this place. */
  pathOf(name: string): ReadonlyArray<string>
  /** How often a process was started here again. */
  readonly restarts: number
  /**
   * Called with each crash that is to be logged. If the last one here was the same, given is what to log instead: mostly
   * nothing, and now and then their count.
   */
  repeats(text: string): Effect.Effect<void> | null
  /** Called by a supervisor that gives up: it will end as if it had been asked to, and what it says itself is better. */
  gaveUp(why: MaxRestartsExceeded): void
}
