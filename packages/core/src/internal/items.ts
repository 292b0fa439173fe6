/**
 * What lies in a server's mailbox: calls as envelopes, casts and Infos as they are, and a few things of the kernel's own.
 */
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import type * as Tracer from "effect/Tracer"
import { ServerDown } from "../CallError.ts"
import type { DownReason, ExitReason } from "../ExitReason.ts"
import type { Entry } from "./definition.ts"
import { Envelope, type Home } from "./envelope.ts"
import type { Traits } from "./mailbox.ts"

export type Item = object

/** A stop that somebody asked for and waits for. */
export class StopRequest extends Envelope {
  readonly reason: ExitReason

  constructor(home: Home, reason: ExitReason) {
    super("stop", stopMessage, home, false)
    this.reason = reason
  }

  /** The server has ended: well if that is for the reason asked for (`CALL-19`). */
  end(reason: ExitReason): void {
    this.settle(Equal.equals(reason, this.reason) ? Exit.void : downExit(this.home.name, this.tag, reason))
  }
}

const stopMessage = {}

/** A trapping server's parent ends. What is before it in the mailbox is handled, what comes after is not (`TERM-6`). */
export class ParentExit {
  readonly reason: ExitReason
  constructor(reason: ExitReason) {
    this.reason = reason
  }
}

/** A cast or Info of which somebody wants to know where it came from, or how long it waited. */
export class Stamped {
  readonly message: object
  readonly link: Tracer.AnySpan | undefined
  readonly queuedAt: bigint
  constructor(message: object, link: Tracer.AnySpan | undefined, queuedAt: bigint) {
    this.message = message
    this.link = link
    this.queuedAt = queuedAt
  }
}

/** A cast that waits for room in the mailbox, and its sender with it. */
export class Outsider {
  readonly item: Item
  isWithdrawn = false
  resume: (() => void) | null = null
  constructor(item: Item) {
    this.item = item
  }
}

/** How a mailbox of a protocol tells its items apart. */
export const traitsOf = (entries: ReadonlyMap<unknown, Entry>): Traits<Item> => ({
  counted: (item) => {
    if (item instanceof StopRequest || item instanceof ParentExit) return false
    if (item instanceof Envelope || item instanceof Outsider) return true
    const message = item instanceof Stamped ? item.message : item
    return entries.get(message.constructor)?.kind === "cast"
  },
  withdrawn: (item) => (item instanceof Envelope || item instanceof Outsider) && item.isWithdrawn
})

export const downExit = (server: string, request: string, reason: DownReason): Exit.Exit<never, ServerDown> =>
  Exit.fail(new ServerDown({ server, request, reason }))
