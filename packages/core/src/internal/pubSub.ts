/**
 * What is asked of a PubSub: subscribing, and broadcasting here and to other nodes.
 *
 * Its process keeps the board and does nothing else: whoever broadcasts or subscribes looks at the board himself, within
 * his own turn, as with a table of Erlang's.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { type Ref, seatOf, serverOf, withRef } from "./calling.ts"
import { show } from "./definition.ts"
import { attach } from "./effectScope.ts"
import { downExit } from "./items.ts"
import { Board, type Connection, type Outgoing, type Parcel } from "./pubSubBoard.ts"
import { type Limit, queueOf, ServerEntry, Subscription } from "./pubSubEntry.ts"
import { BroadcastError } from "./pubSubError.ts"
import { laneOf } from "./pubSubRules.ts"
import { encode, type Topic } from "./pubSubTopic.ts"
import { SelfHandle } from "./self.ts"
import { Server } from "./server.ts"

type AnyFiber = Fiber.RuntimeFiber<unknown, unknown>

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
    Effect.flatMap(queueOf(limit), (queue) => {
      const subscribe: Use = (board) => {
        const subscription = new Subscription(board, topic, metadata, limit, queue)
        const { detach, pending } = attach(scope, () => subscription.unsubscribe)
        subscription.detach = detach
        board.add(subscription)
        return pending === null ? Exit.succeed(subscription) : Effect.as(pending, subscription)
      }
      // A scope that is closed has a step of its own to say so: who is interrupted before it would stay on the board.
      const atOnce = (_: AnyFiber, ref: Ref): Effect.Effect<unknown, unknown> =>
        Effect.uninterruptible(
          Effect.withFiberRuntime<unknown, unknown>((fiber) => look(fiber, ref, "subscribe", subscribe))
        )
      return withRef(pubsub, atOnce, undefined, undefined)
    })
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
