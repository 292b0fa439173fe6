/**
 * Where the model stands in a history: what it knows of all servers and messages by then.
 */
import type { History, Result } from "./history.ts"
import type { Parcel, ServerModel } from "./serverModel.ts"

export class Replay {
  readonly history: History
  readonly problems: Array<string> = []
  readonly servers = new Map<number, ServerModel>()
  readonly parcels = new Map<number, Parcel>()
  /** Those whose senders wait, and have no result yet. */
  readonly waiting = new Set<Parcel>()
  /** What the calls of a handler have ended with, by its message. */
  readonly inner = new Map<number, Array<Result>>()
  /** For each place, where it is quiet next. */
  readonly nextQuiet: Array<number> = []
  /** Where the handling of each message began. */
  readonly begun = new Map<number, number>()
  /** Where the parent of all servers began to end, if it has. */
  closing: number | null = null
  /** The place in the history. */
  index = 0
  now = 0

  constructor(history: History) {
    this.history = history
    let next = history.length
    for (let i = history.length - 1; i >= 0; i--) {
      if (history[i]?.event._tag === "Quiet") next = i
      this.nextQuiet[i] = next
    }
    // What calls end with is known from the start: it says which of them were taken back.
    for (const [index, { at, event }] of history.entries()) {
      if (event._tag === "Began") this.begun.set(event.id, index)
      else if (event._tag === "Sent") {
        this.parcels.set(event.id, {
          sent: event,
          index,
          at,
          beganAt: null,
          answer: null,
          rival: null,
          result: null,
          mayBeCycle: false,
          ahead: 0
        })
      } else if (event._tag === "Result") {
        const parcel = this.parcels.get(event.id)
        if (parcel === undefined) this.problem(`#${event.id} has a result and was never sent`, index)
        else if (parcel.result !== null) this.problem(`#${event.id} has two results`, index)
        else parcel.result = { result: event.result, index, at }
      }
    }
  }

  problem(text: string, index = this.index): void {
    this.problems.push(`${index}: ${text}`)
  }

  /** By now the last decision has been carried out. */
  takesEffect(server: ServerModel): void {
    const answer = server.undecided?.answer
    if (answer != null && answer.certain === null && server.end === null) {
      answer.certain = { index: this.index, at: this.now }
    }
    if (server.idle !== null) server.idle.latest ??= this.now + server.idle.ms
    server.undecided = null
    server.hasUndecided = false
  }
}
