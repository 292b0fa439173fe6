/**
 * What is behind a PubSub: who has subscribed, and how a message is given to them.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type * as Tracer from "effect/Tracer"
import type { ServerDown } from "../CallError.ts"
import * as ExitReason from "../ExitReason.ts"
import { show } from "./definition.ts"
import { downExit } from "./items.ts"
import { type Entry, type Host, Subscription } from "./pubSubEntry.ts"
import type { Pool } from "./pubSubRules.ts"
import { Table } from "./pubSubTable.ts"
import { decode, fits, reasonOf, type Topic } from "./pubSubTopic.ts"
import { firstLine, isWorthALine } from "./reports.ts"
import { Server } from "./server.ts"
import { spanOf } from "./tracing.ts"

type AnyFiber = Fiber.RuntimeFiber<unknown, unknown>

/** Whom a message reaches, as a dispatcher sees it. */
export interface Recipient {
  readonly subscriber: object
  readonly metadata: unknown
  readonly send: (message: unknown) => void
}

/** Gives a message to the subscribers of its topic. */
export type Dispatcher = (recipients: ReadonlyArray<Recipient>, from: Option.Option<object>, message: unknown) => void

/** A message on its way to another node. */
export interface Parcel {
  readonly topic: string
  readonly message: unknown
  readonly dispatcher?: string
}

/** A message on its way out. */
export interface Outgoing extends Parcel {
  readonly lane: number
}

/** The way to the other nodes, while an adapter is up. */
export interface Connection {
  readonly broadcast: (outgoing: Outgoing) => Effect.Effect<void, unknown>
  readonly directBroadcast: (node: string, outgoing: Outgoing) => Effect.Effect<void, unknown>
}

/** What a PubSub was told. */
export interface Setting {
  readonly nodeName: string
  /** Whether there may be other nodes. */
  readonly isDistributed: boolean
  readonly pool: Pool
  readonly dispatchers: ReadonlyMap<string, Dispatcher>
}

export interface Counts {
  readonly topics: number
  readonly subscriptions: number
  readonly dropped: number
  readonly misfits: number
}

/** The state of the process: one for each of its lives. */
export class Board implements Host {
  readonly setting: Setting
  readonly table = new Table<Entry>()
  connection: Connection | null = null
  private server: Server | null = null
  private droppedCount = 0
  private misfitCount = 0

  constructor(setting: Setting) {
    this.setting = setting
  }

  get name(): string {
    return this.server?.name ?? ""
  }

  get counts(): Counts {
    const { table } = this
    return {
      topics: table.topics.length,
      subscriptions: table.size,
      dropped: this.droppedCount,
      misfits: this.misfitCount
    }
  }

  /** Whose state it is; to be called before anything is put in. */
  settle(server: Server): void {
    if (this.server !== null) return
    this.server = server
    server.whenDown((reason) => this.end(reason))
  }

  // -----------------------------------------------------------------------------------------------------------------
  // Who is in it
  // -----------------------------------------------------------------------------------------------------------------

  private readonly departures = new Map<object, () => void>()

  add(entry: Entry): void {
    const { owner } = entry
    if (owner instanceof Server && !this.table.has(owner)) {
      const depart = (): void => {
        this.departures.delete(owner)
        this.table.removeOf(owner)
      }
      this.departures.set(owner, () => owner.forgetWaiting(depart))
      this.table.add(entry)
      owner.whenDown(depart)
    } else {
      this.table.add(entry)
    }
  }

  remove(entry: Entry): boolean {
    return this.table.remove(entry)
  }

  /** Takes out what a server has subscribed to under a topic (`PS-3`). */
  removeOf(owner: Server, topic: string): void {
    this.table.removeOf(owner, topic)
    if (!this.table.has(owner)) this.forget(owner)
  }

  private forget(owner: object): void {
    this.departures.get(owner)?.()
    this.departures.delete(owner)
  }

  /** It has ended, and with it all subscriptions, as processes do that are linked to it (`REG-17`). */
  private end(reason: ExitReason.ExitReason): void {
    const { owners, topics } = this.table
    for (const owner of owners) this.forget(owner)
    for (const topic of topics) {
      // Those of one topic are told by one error: to make one for each of thousands would be most of the work.
      let down: Exit.Exit<never, ServerDown> | null = null
      for (const row of this.table.of(topic)) {
        this.table.remove(row)
        if (row instanceof Subscription) {
          down ??= downExit(this.name, `subscribe ${topic}`, reason)
          row.close(down)
        }
      }
    }
    // A link would not tell of an end that is normal, and a subscription would be lost without a word.
    const signal = reason._tag === "Normal" ? ExitReason.shutdown() : reason
    for (const owner of owners) if (owner instanceof Server) owner.signal(signal, this.server)
  }

  // -----------------------------------------------------------------------------------------------------------------
  // Giving out messages
  // -----------------------------------------------------------------------------------------------------------------

  dropped(): void {
    this.droppedCount++
  }

  /** Gives a message of this node to the subscribers of its topic. The dispatcher, if there is one, is known. */
  dispatch(topic: Topic, message: unknown, from: object | null, dispatcher: string | undefined, fiber: AnyFiber): void {
    const entries = this.table.of(topic.name)
    if (entries.size === 0) return
    const { schema } = topic
    const link = spanOf(fiber)
    if (dispatcher === undefined) {
      for (const entry of entries) {
        if (entry.subscriber !== from && this.suits(entry, schema, message)) entry.deliver(message, link)
      }
      return
    }
    const suited = Array.from(entries).filter((entry) => this.suits(entry, schema, message))
    if (suited.length === 0) return
    this.setting.dispatchers.get(dispatcher)?.(suited.map(recipient(message, link)), Option.fromNullable(from), message)
  }

  /** Two topics may have one name and two schemas: nobody is given what he does not expect. */
  private suits(entry: Entry, schema: Schema.Schema<unknown, unknown>, message: unknown): boolean {
    if (entry.schema === schema || isFit(entry.schema, message)) return true
    this.misfit(entry.topic, "does not fit the schema that a subscriber has for it")
    return false
  }

  /** A message cannot be given to a subscriber. It is dropped, and whoever looks after the program is told. */
  private misfit(topic: string, why: string): void {
    const count = ++this.misfitCount
    if (!isWorthALine(count)) return
    this.server?.run(
      Effect.logWarning(`PubSub ${this.name} has dropped a message of the topic ${topic}, which ${why}`).pipe(
        Effect.annotateLogs({ pubsub: this.name, topic, dropped: count })
      )
    )
  }

  /** Gives a message of another node to the subscribers of its topic: to each as its own schema reads it. */
  receive(parcel: Parcel): Effect.Effect<void> {
    const { dispatcher, topic } = parcel
    const schemas = new Set<Schema.Schema<unknown, unknown>>()
    for (const { schema } of this.table.of(topic)) schemas.add(schema)
    return Effect.forEach(
      schemas,
      (schema) =>
        Effect.matchCauseEffect(
          Effect.suspend(() => decode(schema)(parcel.message)),
          {
            onFailure: (cause) =>
              Cause.isInterrupted(cause)
                ? Effect.interrupt
                : // A schema that throws is no reason for the adapter to end.
                  Effect.sync(() => this.misfit(topic, `another node has sent and cannot be read: ${why(cause)}`)),
            onSuccess: (message) =>
              Effect.withFiberRuntime<void>((fiber) => {
                this.give(topic, schema, message, dispatcher, spanOf(fiber))
                return Effect.void
              })
          }
        ),
      { discard: true }
    )
  }

  private give(
    topic: string,
    schema: Schema.Schema<unknown, unknown>,
    message: unknown,
    dispatcher: string | undefined,
    link: Tracer.AnySpan | undefined
  ): void {
    const entries = this.table.of(topic)
    if (dispatcher === undefined) {
      for (const entry of entries) if (entry.schema === schema) entry.deliver(message, link)
      return
    }
    const dispatch = this.setting.dispatchers.get(dispatcher)
    if (dispatch === undefined) {
      this.misfit(topic, `another node has sent for the dispatcher ${show(dispatcher)}, which is not known here`)
      return
    }
    const suited = Array.from(entries).filter((entry) => entry.schema === schema)
    if (suited.length === 0) return
    dispatch(suited.map(recipient(message, link)), Option.none(), message)
  }
}

const why = (cause: Cause.Cause<unknown>): string =>
  Option.match(Cause.failureOption(cause), { onNone: () => firstLine(cause), onSome: reasonOf })

/** A schema's own predicate may throw: that is its subscriber's business, and not the broadcaster's. */
const isFit = (schema: Schema.Schema<unknown, unknown>, message: unknown): boolean => {
  try {
    return fits(schema)(message)
  } catch {
    return false
  }
}

const recipient =
  (given: unknown, link: Tracer.AnySpan | undefined) =>
  (entry: Entry): Recipient => ({
    subscriber: entry.subscriber,
    metadata: entry.metadata,
    send: (message) => {
      // What a dispatcher has made of it is yet to be looked at: subscribers are promised what their topics say.
      if (message !== given && !isFit(entry.schema, message)) {
        throw new TypeError(
          `a dispatcher has sent ${show(message)} to a subscriber of the topic ${entry.topic}, whose schema it does not fit`
        )
      }
      entry.deliver(message, link)
    }
  })
