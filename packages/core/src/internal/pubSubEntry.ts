/**
 * The two kinds of subscribers: a queue that somebody reads, and a server's own mailbox. Neither ever holds up whoever
 * broadcasts, and what goes wrong with one is its own business.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Inspectable from "effect/Inspectable"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import * as ExitReason from "../ExitReason.ts"
import { SubscriberFull } from "./pubSubError.ts"
import { admit, type Overflow } from "./pubSubRules.ts"
import type { Row } from "./pubSubTable.ts"
import type { Topic } from "./pubSubTopic.ts"
import type { Seat } from "./seat.ts"
import type { Server } from "./server.ts"

/** A subscription, as whoever broadcasts sees it. */
export interface Entry extends Row {
  readonly schema: Schema.Schema<unknown, unknown>
  readonly metadata: unknown
  /** By what it is left out of a broadcast: the subscription, or the server's seat. */
  readonly subscriber: object
  deliver(message: unknown, link: Tracer.AnySpan | undefined): void
}

/** What an entry needs of the PubSub that it is in. */
export interface Host {
  readonly name: string
  /** Takes an entry out; false if it is not in. */
  remove(entry: Entry): boolean
  /** A message was dropped because a queue was full. */
  dropped(): void
}

/** How much a queue holds, and what it does then. */
export interface Limit {
  readonly capacity: number
  readonly overflow: Overflow
}

/** The queue for such a limit: Effect's `Mailbox`, which drops the oldest by itself. */
export const queueOf = ({ capacity, overflow }: Limit): Effect.Effect<Mailbox.Mailbox<unknown, unknown>> =>
  Mailbox.make<unknown, unknown>({ capacity, strategy: overflow === "dropOldest" ? "sliding" : "dropping" })

/** A queue that somebody reads. It is its own subscriber. */
export class Subscription extends Inspectable.Class implements Entry {
  readonly topic: string
  readonly schema: Schema.Schema<unknown, unknown>
  readonly metadata: unknown
  readonly owner = null
  private readonly host: Host
  private readonly limit: Limit
  private readonly queue: Mailbox.Mailbox<unknown, unknown>
  private droppedCount = 0
  /** Unties it from the scope that it lives in. */
  detach: () => void = () => {}

  constructor(host: Host, topic: Topic, metadata: unknown, limit: Limit, queue: Mailbox.Mailbox<unknown, unknown>) {
    super()
    this.host = host
    this.topic = topic.name
    this.schema = topic.schema
    this.metadata = metadata
    this.limit = limit
    this.queue = queue
  }

  get subscriber(): this {
    return this
  }

  deliver(message: unknown): void {
    const { capacity, overflow } = this.limit
    if (capacity === Number.POSITIVE_INFINITY) {
      this.queue.unsafeOffer(message)
      return
    }
    const admission = admit(
      Option.getOrElse(this.queue.unsafeSize(), () => 0),
      capacity,
      overflow
    )
    if (admission === "take" || admission === "replace") this.queue.unsafeOffer(message)
    if (admission === "take") return
    this.droppedCount++
    this.host.dropped()
    if (admission === "end") {
      this.leave(Exit.fail(new SubscriberFull({ pubsub: this.host.name, topic: this.topic, capacity })))
    }
  }

  /** Nothing comes any more: what waits can still be taken, and then `exit`. */
  private leave(exit: Exit.Exit<void, unknown>): boolean {
    if (!this.host.remove(this)) return false
    this.close(exit)
    return true
  }

  /** The same, once it is out. */
  close(exit: Exit.Exit<void, unknown>): void {
    this.detach()
    this.queue.unsafeDone(exit)
  }

  readonly unsubscribe: Effect.Effect<void> = Effect.sync(() => void this.leave(Exit.void))

  readonly dropped: Effect.Effect<number> = Effect.sync(() => this.droppedCount)

  get messages(): Mailbox.ReadonlyMailbox<unknown, unknown> {
    return this.queue
  }

  get stream(): Stream.Stream<unknown, unknown> {
    return Mailbox.toStream(this.queue)
  }

  toJSON(): unknown {
    return { _id: "Subscription", pubsub: this.host.name, topic: this.topic }
  }
}

/** A server that gets each message as one of its own protocol. */
export class ServerEntry implements Entry {
  readonly topic: string
  readonly schema: Schema.Schema<unknown, unknown>
  readonly metadata: unknown
  readonly owner: Server
  private readonly as: (message: unknown) => object

  constructor(owner: Server, topic: Topic, metadata: unknown, as: (message: unknown) => object) {
    this.owner = owner
    this.topic = topic.name
    this.schema = topic.schema
    this.metadata = metadata
    this.as = as
  }

  get subscriber(): Seat {
    return this.owner.seat
  }

  deliver(message: unknown, link: Tracer.AnySpan | undefined): void {
    const { owner } = this
    // Beside one that is slow to end, the next one may sit there already, and get the message itself.
    if (owner.isDown || owner.isOvertaken) return
    try {
      // It may be anything, in JavaScript; `deliver` looks at it.
      const own = this.as(message) as object | undefined
      // A cast keeps to the limit of the mailbox: under "backpressure" it waits before it, and nobody with it.
      if (own !== undefined && owner.definition.entries.get(own.constructor)?.kind === "cast") {
        owner.enqueueCast(own, link)
      } else {
        owner.deliver(own as object, link)
      }
    } catch (error) {
      // It is the subscriber who cannot make anything of the message, and not whoever has sent it.
      owner.exit(ExitReason.crash(error))
    }
  }
}
