/**
 * How an application has ended.
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import type { Overdue, Root, Unhandled } from "./root.ts"

export type { Overdue } from "./root.ts"

/** How the end of a tree went: what was late, what was killed, and which messages nobody has handled. */
export class ShutdownReport extends Data.TaggedClass("ShutdownReport")<{
  readonly name: string
  /** How long it took. */
  readonly took: Duration.Duration
  /** Children that did not end within their own `shutdown`, and were killed for it. */
  readonly late: ReadonlyArray<Overdue>
  /** Children that were killed because the application's time was over. */
  readonly killed: ReadonlyArray<Overdue>
  /** Messages that were left in mailboxes. */
  readonly unhandled: ReadonlyArray<Unhandled>
}> {
  /** Whether everything has ended by itself. */
  get isInTime(): boolean {
    return this.late.length + this.killed.length === 0
  }

  /** Whether there is nothing to complain of. */
  get isClean(): boolean {
    return this.isInTime && this.unhandled.length === 0
  }

  /** For a log line. */
  override toString(): string {
    const path = ({ path }: { readonly path: ReadonlyArray<string> }): string => path.slice(1).join(" / ")
    const waited = (overdue: Overdue): string => `${path(overdue)} (${Math.round(overdue.waited)} ms)`
    const parts = [
      `${this.name} has stopped in ${Math.round(Duration.toMillis(this.took))} ms`,
      this.late.length === 0 ? "" : `late: ${this.late.map(waited).join(", ")}`,
      this.killed.length === 0 ? "" : `killed, as there was no time left: ${this.killed.map(path).join(", ")}`,
      this.unhandled.length === 0
        ? ""
        : `not handled: ${this.unhandled.map((of) => `${of.messages} of ${path(of)}`).join(", ")}`
    ]
    return parts.filter((part) => part !== "").join("; ")
  }
}

export const reportOf = (name: string, took: number, { overdue, unhandled }: Root): ShutdownReport =>
  new ShutdownReport({
    name,
    took: Duration.millis(took),
    late: overdue.filter(({ why }) => why === "late"),
    killed: overdue.filter(({ why }) => why === "killed"),
    unhandled: unhandled.slice()
  })
