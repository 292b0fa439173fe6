/**
 * What goes on in a PubSub: subscribing, and broadcasting here and to other nodes.
 *
 * Its process keeps the table and does nothing else: whoever broadcasts or subscribes looks into the table himself, within
 * his own turn, as with a table of Erlang's.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import type * as Tracer from "effect/Tracer"
import * as ExitReason from "../ExitReason.ts"
import { type Ref, seatOf, serverOf, withRef } from "./calling.ts"
import { show } from "./definition.ts"
import { attach } from "./effectScope.ts"
import { downExit } from "./items.ts"
import { type Entry, type Host, type Limit, queueOf, ServerEntry, Subscription } from "./pubSubEntry.ts"
import { BroadcastError } from "./pubSubError.ts"
import { laneOf, type Pool } from "./pubSubRules.ts"
import { Table } from "./pubSubTable.ts"
import { decode, encode, fits, type Topic } from "./pubSubTopic.ts"
import { firstLine, isWorthALine } from "./reports.ts"
import { SelfHandle } from "./self.ts"
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
    const { owners, rows } = this.table
    for (const owner of owners) this.forget(owner)
    for (const row of rows) {
      this.table.remove(row)
      if (row instanceof Subscription) row.orphan(reason)
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
                  Effect.sync(() =>
                    this.misfit(topic, `another node has sent and cannot be read: ${firstLine(cause)}`)
                  ),
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
    dispatch(suited.map(recipient(message, link)), Option.none(), message)
  }
}

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

// ---------------------------------------------------------------------------------------------------------------------
// What is asked of it
// ---------------------------------------------------------------------------------------------------------------------

type Use = (board: Board, fiber: AnyFiber, ref: Ref) => Effect.Effect<unknown, unknown>

/** Does something with the board of a PubSub; fails with `ServerDown` while there is none. */
const withBoard = (
  pubsub: Effect.Effect<unknown, unknown, unknown>,
  request: string,
  use: Use
): Effect.Effect<unknown, unknown, unknown> => withRef(pubsub, look, request, use)

const look = (fiber: AnyFiber, ref: Ref, request: string, use: Use): Effect.Effect<unknown, unknown> => {
  const server = ref.occupant
  if (server === null) return downExit(ref.name, request, ref.down)
  if (!(server.state instanceof Board)) {
    return Effect.die(
      new TypeError(`PubSub.${request}: ${ref.name} is no PubSub, but a ${server.definition.processKind}`)
    )
  }
  const board = server.state
  board.settle(server)
  return use(board, fiber, ref)
}

/** Subscribes a queue that lives as long as the scope. */
export const subscription = (
  pubsub: Effect.Effect<unknown, unknown, unknown>,
  topic: Topic,
  metadata: unknown,
  limit: Limit
): Effect.Effect<Subscription, unknown, unknown> =>
  Effect.flatMap(Scope.Scope, (scope) =>
    Effect.flatMap(queueOf(limit), (queue) =>
      withBoard(pubsub, "subscribe", (board) => {
        const subscription = new Subscription(board, topic, metadata, limit, queue)
        const { detach, pending } = attach(scope, () => subscription.unsubscribe)
        subscription.detach = detach
        board.add(subscription)
        return pending === null ? Exit.succeed(subscription) : Effect.as(pending, subscription)
      })
    )
  ) as Effect.Effect<Subscription, unknown, unknown>

/** The incarnation that a handle belongs to. */
const ownerOf = (who: string, handle: unknown): Server => {
  if (handle instanceof SelfHandle && handle.owner instanceof Server) return handle.owner
  throw new TypeError(`${who}: a server's own \`self\` was expected, not ${show(handle)}`)
}

export const subscribeSelf = (
  pubsub: Effect.Effect<unknown, unknown, unknown>,
  self: Effect.Effect<unknown, unknown, unknown>,
  topic: Topic,
  as: (message: unknown) => object,
  metadata: unknown
): Effect.Effect<unknown, unknown, unknown> =>
  Effect.flatMap(self, (handle) => {
    const owner = ownerOf("PubSub.subscribeSelf", handle)
    return withBoard(pubsub, "subscribe", (board) => {
      board.add(new ServerEntry(owner, topic, metadata, as))
      return Exit.void
    })
  })

export const unsubscribeSelf = (
  pubsub: Effect.Effect<unknown, unknown, unknown>,
  self: Effect.Effect<unknown, unknown, unknown>,
  topic: Topic
): Effect.Effect<unknown, unknown, unknown> =>
  Effect.flatMap(self, (handle) => {
    const owner = ownerOf("PubSub.unsubscribe", handle)
    // Where nobody is, nothing has to be undone (`PS-3`).
    return withRef(
      pubsub,
      (_, ref) => {
        const board = ref.occupant?.state
        if (board instanceof Board) board.removeOf(owner, topic.name)
        return Exit.void
      },
      undefined,
      undefined
    )
  })

/** How a message is to be given out. */
export interface Delivery {
  readonly request: string
  readonly topic: Topic
  readonly message: unknown
  /** Who is left out. */
  readonly from: unknown
  readonly dispatcher: string | undefined
}

/** To all nodes: the others first, and if that fails nobody here is told (`PS-4`). */
export const broadcast = (
  pubsub: Effect.Effect<unknown, unknown, unknown>,
  delivery: Delivery
): Effect.Effect<unknown, unknown, unknown> =>
  withBoard(pubsub, delivery.request, (board, fiber, ref) => {
    const give: Use = (board, fiber) => here(board, delivery, fiber)
    if (!board.setting.isDistributed) return give(board, fiber, ref)
    check(board, delivery)
    return Effect.zipRight(
      send(board, delivery, fiber, undefined, (connection, outgoing) => connection.broadcast(outgoing)),
      // It may have taken a while: the board may be another one by now.
      Effect.withFiberRuntime<unknown, unknown>((fiber) => look(fiber, ref, delivery.request, give))
    )
  })

/** To this node alone (`PS-6`). */
export const localBroadcast = (
  pubsub: Effect.Effect<unknown, unknown, unknown>,
  delivery: Delivery
): Effect.Effect<unknown, unknown, unknown> =>
  withBoard(pubsub, delivery.request, (board, fiber) => here(board, delivery, fiber))

/** To one node alone (`PS-7`). */
export const directBroadcast = (
  pubsub: Effect.Effect<unknown, unknown, unknown>,
  node: string,
  delivery: Delivery
): Effect.Effect<unknown, unknown, unknown> =>
  withBoard(pubsub, delivery.request, (board, fiber) => {
    const { isDistributed, nodeName } = board.setting
    if (node === nodeName) return here(board, delivery, fiber)
    check(board, delivery)
    // Nobody else is known.
    if (!isDistributed) return Exit.void
    return send(board, delivery, fiber, node, (connection, outgoing) => connection.directBroadcast(node, outgoing))
  })

const here = (board: Board, delivery: Delivery, fiber: AnyFiber): Exit.Exit<void> => {
  const from = check(board, delivery)
  const { dispatcher, message, topic } = delivery
  board.dispatch(topic, message, from, dispatcher, fiber)
  return Exit.void
}

/** Before anything goes out: whether there is such a dispatcher, and who is to be left out. */
const check = (board: Board, { dispatcher, from, request }: Delivery): object | null => {
  if (dispatcher !== undefined && !board.setting.dispatchers.has(dispatcher)) {
    throw new TypeError(`${board.name}: there is no dispatcher ${show(dispatcher)}`)
  }
  if (from === undefined) return null
  const subscriber = from instanceof Subscription ? from : seatOf(from)
  if (subscriber !== null) return subscriber
  throw new TypeError(`PubSub.${request}: \`from\` must be a subscription or a server's ref, but is ${show(from)}`)
}

/** Sends a message to other nodes, as its topic's schema encodes it. */
const send = (
  board: Board,
  { dispatcher, message, topic }: Delivery,
  fiber: AnyFiber,
  node: string | undefined,
  by: (connection: Connection, outgoing: Outgoing) => Effect.Effect<void, unknown>
): Effect.Effect<void, BroadcastError> => {
  const lane = laneOf(senderOf(fiber), board.setting.pool)
  return Effect.mapError(
    Effect.flatMap(encode(topic.schema)(message), (encoded) => {
      const { connection } = board
      if (connection === null)
        return Effect.fail(new Error("its adapter is not connected; its supervisor is starting it again"))
      return by(connection, {
        topic: topic.name,
        message: encoded,
        ...(dispatcher === undefined ? {} : { dispatcher }),
        lane
      })
    }),
    (error) =>
      new BroadcastError({
        pubsub: board.name,
        topic: topic.name,
        ...(node === undefined ? {} : { node }),
        error
      })
  )
}

let servers = 0

const numbers = new WeakMap<Server, number>()

/** Who sends: a server, whatever fiber it has just now, or a fiber. */
const senderOf = (fiber: AnyFiber): number => {
  const server = serverOf(fiber)
  if (server === null) return fiber.id().id
  const known = numbers.get(server)
  if (known !== undefined) return known
  numbers.set(server, ++servers)
  return servers
}

export const nodeName = (pubsub: Effect.Effect<unknown, unknown, unknown>): Effect.Effect<unknown, unknown, unknown> =>
  withBoard(pubsub, "nodeName", (board) => Exit.succeed(board.setting.nodeName))

export const subscribers = (
  pubsub: Effect.Effect<unknown, unknown, unknown>,
  topic: Topic
): Effect.Effect<unknown, unknown, unknown> =>
  withBoard(pubsub, "subscribers", (board) =>
    Exit.succeed(Array.from(board.table.of(topic.name), ({ metadata, subscriber }) => ({ subscriber, metadata })))
  )

export const counts = (pubsub: Effect.Effect<unknown, unknown, unknown>): Effect.Effect<unknown, unknown, unknown> =>
  withBoard(pubsub, "counts", (board) => Exit.succeed(board.counts))

/** Ties an adapter's way out to the board of a PubSub, as long as the scope lasts. */
export const connect = (ref: Ref, connection: Connection): Effect.Effect<unknown, unknown, Scope.Scope> =>
  Effect.acquireRelease(
    withBoard(ref, "connect", (board) => {
      board.connection = connection
      return Exit.succeed(board)
    }) as Effect.Effect<Board, unknown>,
    (board) =>
      Effect.sync(() => {
        if (board.connection === connection) board.connection = null
      })
  )

/** The way in for what other nodes send. While nobody is there nobody has subscribed, and nobody misses it. */
export const receive = (ref: Ref, parcel: Parcel): Effect.Effect<void> =>
  Effect.suspend(() => {
    const board = ref.occupant?.state
    return board instanceof Board ? board.receive(parcel) : Effect.void
  })
