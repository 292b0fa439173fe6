/**
 * What lies in a server's mailbox: calls as envelopes, casts and Infos as they are, and a few things of the kernel's own.
 */
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import type * as Tracer from "effect/Tracer"
import { ServerDown } from "../CallError.ts"
import type { DownReason, ExitReason } from "../ExitReason.ts"
import { Envelope, type Home, type Wait } from "./envelope.ts"
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

/** A cast or Info of which more has to be known than what it is. */
export class Stamped {
  readonly message: object
  /** The span that it comes from. */
  readonly link: Tracer.AnySpan | undefined
  /** When it was queued, in nanoseconds, if that is measured. */
  readonly queuedAt: bigint | null
  /** Whether it takes up room in a mailbox with a limit: it comes from outside. */
  readonly takesRoom: boolean
  /** How many servers have crashed over it. */
  crashes = 0
  constructor(message: object, link: Tracer.AnySpan | undefined, queuedAt: bigint | null, takesRoom: boolean) {
    this.message = message
    this.link = link
    this.queuedAt = queuedAt
    this.takesRoom = takesRoom
  }
}

/** A cast that waits for room in the mailbox, and its sender with it. */
export class Outsider implements Wait {
  readonly item: Item
  readonly home: Home
  isWithdrawn = false
  /** Its sender may go on. */
  isAdmitted = false
  resume: (() => void) | null = null
  constructor(item: Item, home: Home) {
    this.item = item
    this.home = home
  }

  get blocks(): boolean {
    return !this.isAdmitted && !this.isWithdrawn
  }

  admit(): void {
    this.isAdmitted = true
    this.resume?.()
  }
}

/** Calls and casts from outside take up room. What a server sends itself, and what the kernel puts in, does not. */
export const traits: Traits<Item> = {
  counted: (item) =>
    item instanceof Stamped
      ? item.takesRoom
      : item instanceof Outsider || (item instanceof Envelope && !(item instanceof StopRequest)),
  withdrawn: (item) => (item instanceof Envelope || item instanceof Outsider) && item.isWithdrawn
}

/**
 * What somebody is told who waited, or comes, while nobody is there. Thousands may be told at once: what the kernel says
 * itself need not be looked at by the error's schema, which is nine tenths of making one.
 */
export const downExit = (server: string, request: string, reason: DownReason): Exit.Exit<never, ServerDown> =>
  Exit.fail(new ServerDown({ server, request, reason }, { disableValidation: true }))
