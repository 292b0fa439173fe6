/**
 * What a run has shown, as plain data, in the order in which it happened. Servers and clients of the test write it
 * themselves; the model reads it.
 */
import type { Config, Ending, Message, Reason } from "./program.ts"

/** Who sent a message: a client's fiber, or the message whose handler did. */
export type Sender =
  | { readonly _tag: "Client"; readonly name: string; readonly interruptible: boolean }
  | { readonly _tag: "Handler"; readonly server: number; readonly message: number }

/** What a call ended with, in one word or two: `ok 5`, `fail 5`, `down normal`, `timeout`, `full`, `cycle`, … */
export type Result = string

/** What a handler has decided, as far as it concerns anybody else. */
export type Decision =
  | { readonly _tag: "Reply"; readonly result: Result; readonly state: number }
  | { readonly _tag: "NoReply"; readonly state: number }
  | { readonly _tag: "Fail"; readonly result: Result }
  | { readonly _tag: "Stop"; readonly reason: Reason; readonly state: number }
  | { readonly _tag: "StopReply"; readonly reason: Reason; readonly result: Result; readonly state: number }
  | { readonly _tag: "Crash"; readonly reason: Reason }

export interface Started {
  readonly _tag: "Started"
  readonly server: number
  readonly config: Config
  readonly state: number
}

export interface Sent {
  readonly _tag: "Sent"
  readonly id: number
  readonly server: number
  readonly kind: "call" | "cast" | "self" | "stop"
  readonly sender: Sender
  readonly message: Message | null
  readonly reason: Reason | null
  /** Milliseconds, ∞ for no limit. */
  readonly timeout: number
  readonly withdraw: boolean
}

export interface Began {
  readonly _tag: "Began"
  readonly server: number
  readonly id: number
  readonly kind: Message["kind"]
  readonly message: Message
  readonly state: number
}

export interface Decided {
  readonly _tag: "Decided"
  readonly server: number
  readonly id: number
  readonly decision: Decision
  /** What comes next: the id of the continue or idle message that the outcome names. */
  readonly ending: Ending
  readonly next: number | null
  /** Whether nothing can have come between this and its taking effect. */
  readonly exact: boolean
}

export interface Answered {
  readonly _tag: "Answered"
  readonly id: number
  readonly result: Result
}

export interface Ended {
  readonly _tag: "Result"
  readonly id: number
  readonly result: Result
}

export interface Armed {
  readonly _tag: "Armed"
  readonly server: number
  /** The message that comes. */
  readonly id: number
  readonly due: number
  /** 0 for a message that comes once. */
  readonly period: number
}

export interface Cancelled {
  readonly _tag: "Cancelled"
  readonly server: number
  readonly id: number
  /** Milliseconds that were left, or nothing. */
  readonly left: number | null
}

export interface Exited {
  readonly _tag: "Exit"
  readonly server: number
  readonly reason: Reason
  readonly isOwn: boolean
}

export interface Terminated {
  readonly _tag: "Terminated"
  readonly server: number
  readonly reason: Reason
  readonly state: number
}

export interface Released {
  readonly _tag: "Released"
  readonly server: number
}

export interface Seen {
  readonly _tag: "Seen"
  readonly server: number
  readonly state: number
}

/** Nothing can go on before the time does. */
export interface Quiet {
  readonly _tag: "Quiet"
}

/** From here on the parent of all servers ends. */
export interface Closing {
  readonly _tag: "Closing"
}

export type Event =
  | Started
  | Sent
  | Began
  | Decided
  | Answered
  | Ended
  | Armed
  | Cancelled
  | Exited
  | Terminated
  | Released
  | Seen
  | Quiet
  | Closing

/** An event and its virtual time in milliseconds. */
export interface Entry {
  readonly at: number
  readonly event: Event
}

export type History = ReadonlyArray<Entry>

export const showSender = (sender: Sender): string =>
  sender._tag === "Client" ? sender.name : `server ${sender.server} in #${sender.message}`

const words = ({ event }: Entry): string => {
  switch (event._tag) {
    case "Started":
      return `server ${event.server} started with ${event.state}: ${JSON.stringify(event.config)}`
    case "Sent": {
      const how = event.timeout === Number.POSITIVE_INFINITY ? "" : ` within ${event.timeout}`
      const what = event.message === null ? (event.reason ?? "") : JSON.stringify(event.message)
      const run = event.withdraw ? "" : " (not withdrawn)"
      return `${showSender(event.sender)}: ${event.kind} #${event.id} to server ${event.server}${how}${run} ${what}`
    }
    case "Began":
      return `server ${event.server} begins #${event.id} (${event.kind}) with ${event.state}`
    case "Decided": {
      const exact = event.exact ? "" : " (not at once)"
      const next = event.next === null ? "" : `, next #${event.next}`
      return `server ${event.server} decides #${event.id}${exact}: ${JSON.stringify(event.decision)}${next}`
    }
    case "Answered":
      return `#${event.id} is answered by its token: ${event.result}`
    case "Result":
      return `#${event.id} ends: ${event.result}`
    case "Armed":
      return `server ${event.server} arms #${event.id} for ${event.due}${event.period > 0 ? ` every ${event.period}` : ""}`
    case "Cancelled":
      return `server ${event.server} cancels #${event.id}: ${event.left ?? "nothing"} left`
    case "Exit":
      return `exit signal to server ${event.server}: ${event.reason}`
    case "Terminated":
      return `server ${event.server} terminates: ${event.reason} with ${event.state}`
    case "Released":
      return `server ${event.server} is released`
    case "Seen":
      return `server ${event.server} is seen with ${event.state}`
    case "Quiet":
      return "quiet"
    case "Closing":
      return "closing"
  }
}

export const show = (history: History): string =>
  history
    .map((entry, index) => `${index}`.padStart(4) + `${entry.at.toFixed(3)}`.padStart(12) + `  ${words(entry)}`)
    .join("\n")
