/**
 * A server's mailbox with what happens around it: what is counted, whose time is taken, who is refused, who waits.
 */
import * as Exit from "effect/Exit"
import type * as Tracer from "effect/Tracer"
import { MailboxFull } from "../CallError.ts"
import type { Definition } from "./definition.ts"
import { Envelope, type Home, Phase } from "./envelope.ts"
import type { Environment } from "./environment.ts"
import { type Item, Outsider, Stamped, traits } from "./items.ts"
import { Mailbox } from "./mailbox.ts"
import { sampling } from "./metrics.ts"

export class Inbox {
  private readonly definition: Definition
  private readonly home: Home
  private readonly environment: Environment
  private readonly mailbox: Mailbox<Item>
  /** A message was dropped. */
  private readonly onDrop: () => void

  constructor(definition: Definition, environment: Environment, home: Home, onDrop: () => void) {
    const { capacity, overflow } = definition
    this.definition = definition
    this.home = home
    this.environment = environment
    this.mailbox = new Mailbox(capacity, overflow, traits)
    this.onDrop = onDrop
  }

  /** How many messages can be taken. */
  get size(): number {
    return this.mailbox.size
  }

  /** Whether who comes from outside has to wait. */
  get isFull(): boolean {
    return this.mailbox.isFull && this.mailbox.overflow === "backpressure"
  }

  /** Lets something in, whatever the capacity. */
  push(item: Item): void {
    this.definition.stats.queued++
    this.mailbox.push(item)
  }

  /** A message of the server's own, or a cast to one without a limit. */
  pushMessage(message: object, link: Tracer.AnySpan | undefined): void {
    this.push(this.stamp(message, link, false))
  }

  /** A call. What became of it is in the envelope; true if it can be taken now. */
  offerCall(envelope: Envelope): boolean {
    const { stats } = this.definition
    if (envelope.span !== null || this.isMeasured()) {
      envelope.queuedAt = this.environment.clock.unsafeCurrentTimeNanos()
    }
    const offer = this.mailbox.offer(envelope)
    if (offer._tag === "Refused") {
      envelope.settle(this.full(envelope))
      return false
    }
    stats.queued++
    if (offer._tag === "Waiting") {
      envelope.phase = Phase.Outside
      return false
    }
    if (offer._tag === "Displaced") this.drop(offer.item)
    return true
  }

  /** A cast. Given is its place before the door if its sender has to wait there. */
  offerCast(message: object, link: Tracer.AnySpan | undefined): Outsider | null {
    if (this.definition.capacity === Number.POSITIVE_INFINITY) {
      this.pushMessage(message, link)
      return null
    }
    const item = this.stamp(message, link, true)
    const outsider = this.isFull ? new Outsider(item, this.home) : null
    const offer = this.mailbox.offer(outsider ?? item)
    if (offer._tag === "Refused") {
      this.onDrop()
      return null
    }
    this.definition.stats.queued++
    if (offer._tag === "Displaced") this.drop(offer.item)
    return outsider
  }

  /** The next message. Those who wait for its place come in. */
  take(): Item | undefined {
    const item = this.mailbox.take()
    if (item === undefined) return undefined
    this.definition.stats.queued--
    if (this.mailbox.waiting > 0) this.admit()
    return item instanceof Outsider ? item.item : item
  }

  /** A call that waits in the mailbox or before it is taken back. */
  withdrawCall(envelope: Envelope): void {
    this.definition.stats.queued--
    this.mailbox.withdraw(envelope.phase === Phase.Queued)
    this.admit()
  }

  /** The sender of a cast no longer waits before the door. */
  withdrawCast(outsider: Outsider): void {
    this.definition.stats.queued--
    outsider.isWithdrawn = true
    this.mailbox.withdraw(false)
  }

  /** Everything that will not be taken any more. Senders of casts that wait may go on. */
  drain(): Array<Item> {
    const items = this.mailbox.drain()
    this.definition.stats.queued -= items.length
    return items.map((item) => {
      if (!(item instanceof Outsider)) return item
      item.admit()
      return item.item
    })
  }

  private admit(): void {
    for (let item = this.mailbox.admit(); item !== undefined; item = this.mailbox.admit()) {
      if (item instanceof Envelope) item.phase = Phase.Queued
      else if (item instanceof Outsider) item.admit()
    }
  }

  private drop(item: Item): void {
    this.definition.stats.queued--
    if (item instanceof Envelope) item.settle(this.full(item))
    else this.onDrop()
  }

  private full(envelope: Envelope): Exit.Exit<never, MailboxFull> {
    return Exit.fail(
      new MailboxFull({
        server: this.definition.name,
        request: envelope.tag,
        capacity: this.definition.capacity
      })
    )
  }

  private stamp(message: object, link: Tracer.AnySpan | undefined, takesRoom: boolean): Item {
    const queuedAt = this.isMeasured() ? this.environment.clock.unsafeCurrentTimeNanos() : null
    return link === undefined && queuedAt === null && !takesRoom
      ? message
      : new Stamped(message, link, queuedAt, takesRoom)
  }

  private isMeasured(): boolean {
    return this.environment.isTraced || ++this.definition.stats.stamp % sampling === 0
  }
}
