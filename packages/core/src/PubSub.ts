/**
 * Messages to whoever is interested: publishers and subscribers that know a topic, and not each other.
 *
 * A PubSub is a class, as a server is: a tag, and a Layer that stands behind it. A {@link topic} has a name and the schema
 * of its messages. Whoever subscribes gets a Stream, or, being a server, messages of its own protocol. A broadcast is done
 * within the broadcaster's own turn and waits for nobody: there is no acknowledgement, no back-pressure, and no memory
 * (`PS-8`). Messages of one sender reach each subscriber in their order (`PS-9`).
 *
 * **When to use it.** For news that go to many, or to nobody knows whom: a change that views show, a presence, a cache
 * that is to forget something. With an {@link Adapter}, for those on other nodes as well.
 *
 * **When not.** For what must arrive: that is a call, or a queue that is stored. For the state of one server, whose
 * latest value is enough: `GenServer.changes`. Within one part of a program, where nobody has to find it by a name and
 * slow readers may hold up the writer: Effect's own `PubSub`.
 *
 * @example
 * ```ts
 * import { Effect, Schema, Stream } from "effect"
 * import { PubSub } from "@effect-otp/core"
 *
 * class Updates extends PubSub.Service<Updates>()("@app/Updates") {}
 *
 * const Changed = PubSub.topic("hashmap", Schema.Struct({ key: Schema.String }))
 *
 * const program = Effect.gen(function* () {
 *   const changes = yield* PubSub.subscription(Updates, Changed)
 *   yield* PubSub.broadcast(Updates, Changed, { key: "name" })
 *   yield* PubSub.broadcast(Updates, Changed, { key: "age" })
 *   const two = yield* Stream.runCollect(Stream.take(changes.stream, 2))
 *   console.log(Array.from(two, ({ key }) => key).join(" and ")) // => name and age
 * })
 *
 * await Effect.runPromise(Effect.provide(Effect.scoped(program), Updates.layer))
 * ```
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Mailbox from "effect/Mailbox"
import type * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ServerDown } from "./CallError.ts"
import type { SelfHandle, ServerRef } from "./GenServer.ts"
import { show } from "./internal/definition.ts"
import type { OwnOf } from "./internal/protocol.ts"
import * as internal from "./internal/pubSub.ts"
import type { Limit } from "./internal/pubSubEntry.ts"
import type { BroadcastError, SubscriberFull } from "./internal/pubSubError.ts"
import { overflows } from "./internal/pubSubRules.ts"
import { makePubSub } from "./internal/pubSubService.ts"
import { makeTopic, topicOf } from "./internal/pubSubTopic.ts"
import type { Refused, Settled } from "./internal/refused.ts"
import { checkOptions } from "./internal/spec.ts"

export { BroadcastError, SubscriberFull } from "./internal/pubSubError.ts"

// ---------------------------------------------------------------------------------------------------------------------
// Topics
// ---------------------------------------------------------------------------------------------------------------------

declare const topicType: unique symbol

/**
 * What messages are about: a name, and the schema of the messages.
 *
 * @category models
 */
export interface Topic<in out A, in out I> {
  readonly [topicType]: { readonly _A: (_: A) => A; readonly _I: (_: I) => I }
  /** What it is found by, on this node and on others. */
  readonly name: string
  readonly schema: Schema.Schema<A, I>
}

/**
 * Makes a topic. On this node messages are passed on as they are; the schema encodes those that go to other nodes, and
 * reads those that come from there.
 *
 * A topic for each of many things is a function that makes it. Its schema is made once, outside: subscribers with another
 * schema under the same name get what fits theirs, and each message has to be looked at for that.
 *
 * A name that is empty, or a schema that is none, throws a `TypeError`.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import { PubSub } from "@effect-otp/core"
 *
 * const Said = Schema.Struct({ who: Schema.String, text: Schema.String })
 * const Room = (id: string) => PubSub.topic(`room:${id}`, Said)
 *
 * console.log(Room("kitchen").name) // => room:kitchen
 * ```
 *
 * @category constructors
 */
export const topic = <A, I>(name: string, schema: Schema.Schema<A, I>): Topic<A, I> =>
  // Topics are of one class at run time; of what type the messages are is for the compiler.
  makeTopic(name, schema) as unknown as Topic<A, I>

// ---------------------------------------------------------------------------------------------------------------------
// Services
// ---------------------------------------------------------------------------------------------------------------------

declare const pubSub: unique symbol

/**
 * The instance type of a PubSub's class. There are no instances: it carries the names of the dispatchers.
 *
 * @category models
 */
export interface Instance<out Id extends string, out Dispatchers> {
  readonly [pubSub]: { readonly id: Id; readonly dispatchers: Dispatchers }
}

/**
 * Any PubSub.
 *
 * @category models
 */
export type Any = Instance<string, unknown>

/**
 * The class made by {@link Service}: a tag whose service is the ref of the process that keeps the subscriptions.
 *
 * @category models
 */
export interface ServiceClass<in out Self, out Id extends string, out Dispatchers>
  extends Context.Tag<Self, ServerRef<Self>> {
  new (_: never): Instance<Id, Dispatchers>
  readonly key: Id
  /** The PubSub, on this node alone; called with options, one that other nodes take part in. */
  readonly layer: ServiceLayer<Self>
  /** Builds nothing: finds, at each use, the PubSub of that name under the same root. */
  readonly byName: Layer.Layer<Self>
}

/**
 * A Layer as it is, and for who has something to say about it a function that makes one.
 *
 * @category models
 */
export interface ServiceLayer<in out Self> extends Layer.Layer<Self> {
  <E = never, R = never>(options: Options<E, R>): Layer.Layer<Self, Settled<E>, Exclude<Settled<R>, Self>>
}

/**
 * The options of a PubSub's layer.
 *
 * @category models
 */
export interface Options<out E, out R> {
  /** The way to other nodes (`PS-11`). Without it there is this node alone. */
  readonly adapter?: Adapter<E, R> | undefined
  /**
   * On how many lanes the adapter listens, 1 by default. Each sender has one lane, on which its messages stay in their
   * order (`PS-9`).
   */
  readonly poolSize?: number | undefined
  /**
   * On how many of these lanes it sends, all by default and never more than `poolSize`. To change the `poolSize` of nodes
   * that are up, keep this at the smaller of both sizes until all nodes listen on the new lanes (`PS-12`).
   */
  readonly broadcastPoolSize?: number | undefined
}

/**
 * Makes the class of a PubSub: its key, and its dispatchers if it has some.
 *
 * The layer starts a supervisor with the process that keeps the subscriptions and with the adapter, `rest_for_one`
 * (`PS-1`). When the adapter ends it is started again, and no subscription is lost. When the process itself does, all
 * subscriptions end: Streams fail with `ServerDown`, so that they can be retried, and subscribed servers get its reason as
 * an exit signal (`REG-17`). The class and its refs are good for the next one.
 *
 * A key that is missing or empty, and a dispatcher that is no function, throw a `TypeError`.
 *
 * @category constructors
 */
export const Service =
  <Self = never>() =>
  <const Id extends string, const Dispatchers extends string = never>(
    key: Id,
    options?: { readonly dispatchers?: { readonly [Name in Dispatchers]: Dispatcher } | undefined }
  ): [Self] extends [never]
    ? "Missing `Self` generic - use `class Self extends PubSub.Service<Self>()...`"
    : ServiceClass<Self, Id, Dispatchers> =>
    // The class's types are the interface's; what is made there has no types of its own.
    makePubSub(key, options) as never

// ---------------------------------------------------------------------------------------------------------------------
// Subscribing
// ---------------------------------------------------------------------------------------------------------------------

/**
 * What becomes of a message that comes to a full queue.
 *
 * - `"dropNewest"`: it is dropped.
 * - `"dropOldest"`: the message that has waited longest is dropped for it.
 * - `"end"`: it is dropped, and the subscription ends: what waits is still delivered, and then it fails with
 *   `SubscriberFull`.
 *
 * @category models
 */
export type Overflow = "dropNewest" | "dropOldest" | "end"

/**
 * How a queue subscribes. Without a `capacity` it holds everything, as a mailbox does.
 *
 * @category models
 */
export type SubscribeOptions<O extends Overflow = Overflow> = {
  /** What dispatchers are told of the subscription. */
  readonly metadata?: unknown
} & (
  | { readonly capacity?: undefined; readonly overflow?: undefined }
  | {
      /** How many messages may wait, at least 1. */
      readonly capacity: number
      /** What happens to the next one. The broadcaster never waits, so it is one of these. */
      readonly overflow: O
    }
)

/**
 * What a subscription may end with beside `ServerDown`: nothing, unless its `overflow` is `"end"`.
 *
 * @category models
 */
export type OverflowError<O extends Overflow> = "end" extends O ? SubscriberFull : never

declare const subscriptionType: unique symbol

/**
 * A subscription that has been made. It lives as long as the scope it was made in, unless it ends before.
 *
 * @category models
 */
export interface Subscription<out A, out E = ServerDown> {
  readonly [subscriptionType]: { readonly _A: A; readonly _E: E }
  /** The name of the topic. */
  readonly topic: string
  /** What has come and was not taken yet. Those who take it share it: each message is taken once. */
  readonly messages: Mailbox.ReadonlyMailbox<A, E>
  /**
   * The same as a Stream. It ends with `unsubscribe`, and fails with what the subscription has ended by. It takes all
   * that waits at once: what whoever runs it leaves of that, as by `Stream.take`, is gone. To go on later, use `messages`.
   */
  readonly stream: Stream.Stream<A, E>
  /** How many messages were dropped because the queue was full. */
  readonly dropped: Effect.Effect<number>
  /** Ends it; what has come can still be taken. Nothing happens if it has ended (`PS-3`). */
  readonly unsubscribe: Effect.Effect<void>
}

const limitOf = (who: string, given: { readonly capacity?: unknown; readonly overflow?: unknown }): Limit => {
  checkOptions(who, given, ["metadata", "capacity", "overflow"])
  const { capacity, overflow } = given
  if (capacity === undefined && overflow === undefined) {
    return { capacity: Number.POSITIVE_INFINITY, overflow: "dropNewest" }
  }
  if (typeof capacity !== "number" || !Number.isInteger(capacity) || capacity < 1) {
    throw new TypeError(`${who}: \`capacity\` must be a whole number from 1 up, but is ${show(capacity)}`)
  }
  if (!(overflows as ReadonlyArray<unknown>).includes(overflow)) {
    throw new TypeError(
      `${who}: with a \`capacity\`, \`overflow\` must be one of ${overflows.join(", ")}, but is ${show(overflow)}`
    )
  }
  return { capacity, overflow: overflow as Overflow }
}

/**
 * Subscribes, in the scope of whoever asks: when it returns, nothing that is broadcast is missed any more. To be used
 * where it matters that the subscription is there before something else happens, or to name oneself in
 * {@link broadcastFrom}; otherwise {@link subscribe} does. In a server's handler the scope is that handler's: what is to
 * outlive it is made in `self.scope`, or by {@link subscribeSelf}.
 *
 * Each subscription gets each message, so whoever has two gets it twice (`PS-2`). Fails with `ServerDown` while there is
 * no PubSub. Options that make no sense throw a `TypeError`.
 *
 * @category subscribing
 */
export const subscription = <P extends Any, E, R, A, I, const O extends Overflow = never>(
  pubsub: Effect.Effect<ServerRef<P>, E, R>,
  topic: Topic<A, I>,
  options: SubscribeOptions<O> = {}
): Effect.Effect<Subscription<A, ServerDown | OverflowError<O>>, ServerDown | E, R | Scope.Scope> => {
  const who = "PubSub.subscription"
  const limit = limitOf(who, options)
  // The table knows nothing of types; the topic says which one its messages have.
  return internal.subscription(pubsub, topicOf(who, topic), options.metadata, limit) as never
}

/**
 * The messages of a topic, from the time the Stream is run until it ends. Each run is a subscription of its own.
 *
 * It fails with `ServerDown` when the PubSub ends, and while there is none: `Stream.retry` subscribes anew. What is
 * broadcast in between is missed.
 *
 * @example
 * ```ts
 * import { Effect, Schema, Stream } from "effect"
 * import { PubSub } from "@effect-otp/core"
 *
 * class Ticks extends PubSub.Service<Ticks>()("@app/Ticks") {}
 * const Tick = PubSub.topic("tick", Schema.Number)
 *
 * const newest = PubSub.subscribe(Ticks, Tick, { capacity: 1, overflow: "dropOldest" })
 *
 * const program = Effect.gen(function* () {
 *   const reader = yield* Effect.fork(Stream.runHead(newest))
 *   // When it has subscribed is its fiber's own business.
 *   const isThere = Effect.map(PubSub.counts(Ticks), ({ subscriptions }) => subscriptions === 1)
 *   yield* Effect.repeat(Effect.zipRight(Effect.sleep("1 millis"), isThere), { until: (there) => there })
 *   yield* PubSub.broadcast(Ticks, Tick, 1)
 *   console.log(yield* reader) // => { _id: 'Option', _tag: 'Some', value: 1 }
 * })
 *
 * await Effect.runPromise(Effect.provide(program, Ticks.layer))
 * ```
 *
 * @category subscribing
 */
export const subscribe = <P extends Any, E, R, A, I, const O extends Overflow = never>(
  pubsub: Effect.Effect<ServerRef<P>, E, R>,
  topic: Topic<A, I>,
  options: SubscribeOptions<O> = {}
): Stream.Stream<A, ServerDown | OverflowError<O> | E, R> => {
  const who = "PubSub.subscribe"
  const limit = limitOf(who, options)
  const made = internal.subscription(pubsub, topicOf(who, topic), options.metadata, limit)
  return Stream.unwrapScoped(Effect.map(made, ({ stream }) => stream)) as never
}

/**
 * Subscribes the server in whose callback this is, `init` included. `self` is its class's `self`. Each message is turned
 * into one of its own protocol and put into its mailbox: an Info always gets in, a Cast keeps to the mailbox's limit and
 * policy, though the broadcaster does not wait with it.
 *
 * It ends with the server, and each call is one more subscription (`PS-2`). What `as` does in vain is the server's crash,
 * and no concern of the broadcaster. When the PubSub ends, the server gets the reason as an exit signal, as from a process
 * it is linked to (`REG-17`, `PROC-3`): a server that does not trap exits ends with it, and its supervisor starts it again,
 * with a new subscription. One that traps them is told by `Process.Exit`, and has to subscribe again.
 *
 * Fails with `ServerDown` while there is no PubSub.
 *
 * @example
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { GenServer, PubSub } from "@effect-otp/core"
 *
 * class Updates extends PubSub.Service<Updates>()("@app/Updates") {}
 * const Changed = PubSub.topic("hashmap", Schema.String)
 *
 * class Forget extends GenServer.Info<Forget>()("Forget", { key: Schema.String }) {}
 * class Forgotten extends GenServer.Call<Forgotten>()("Forgotten", { success: Schema.Array(Schema.String) }) {}
 *
 * class Cache extends GenServer.Service<Cache>()("@app/Cache", {
 *   state: Schema.Array(Schema.String),
 *   messages: [Forget, Forgotten]
 * }) {
 *   static readonly layer = this.toLayer(
 *     () => Effect.as(PubSub.subscribeSelf(Updates, Cache.self, Changed, (key) => new Forget({ key })), []),
 *     {
 *       handleCall: { Forgotten: (_, keys) => GenServer.reply(keys, keys) },
 *       handleInfo: { Forget: ({ key }, keys) => GenServer.noReply([...keys, key]) }
 *     }
 *   )
 * }
 *
 * const program = Effect.gen(function* () {
 *   yield* Cache
 *   yield* PubSub.broadcast(Updates, Changed, "name")
 *   console.log(yield* GenServer.call(Cache, new Forgotten())) // => [ 'name' ]
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(Cache.layer), Effect.provide(Updates.layer)))
 * ```
 *
 * @category subscribing
 */
export const subscribeSelf = <P extends Any, E, R, Server, R2, A, I>(
  pubsub: Effect.Effect<ServerRef<P>, E, R>,
  self: Effect.Effect<SelfHandle<Server>, never, R2>,
  topic: Topic<A, I>,
  as: (message: A) => OwnOf<Server>,
  options: { readonly metadata?: unknown } = {}
): Effect.Effect<void, ServerDown | E, R | R2> => {
  const who = "PubSub.subscribeSelf"
  checkOptions(who, options, ["metadata"])
  if (typeof as !== "function") throw new TypeError(`${who}: \`as\` must be a function, but is ${show(as)}`)
  // The table knows nothing of types: messages of the topic come to `as`, and what it gives is of the server's protocol.
  return internal.subscribeSelf(pubsub, self, topicOf(who, topic), as as never, options.metadata) as never
}

/**
 * Ends all subscriptions that the server in whose callback this is has made to a topic (`PS-3`). Nothing happens if there
 * is none. What is in its mailbox stays there.
 *
 * @category subscribing
 */
export const unsubscribe = <P extends Any, E, R, Server, R2, A, I>(
  pubsub: Effect.Effect<ServerRef<P>, E, R>,
  self: Effect.Effect<SelfHandle<Server>, never, R2>,
  topic: Topic<A, I>
): Effect.Effect<void, E, R | R2> =>
  internal.unsubscribeSelf(pubsub, self, topicOf("PubSub.unsubscribe", topic)) as never

// ---------------------------------------------------------------------------------------------------------------------
// Broadcasting
// ---------------------------------------------------------------------------------------------------------------------

/**
 * Who has subscribed: a subscription, or a server by its ref.
 *
 * @category models
 */
export type Subscriber<Server = unknown> = Subscription<unknown, unknown> | ServerRef<Server>

/**
 * How a message is given out.
 *
 * @category models
 */
export interface BroadcastOptions<P> {
  /** The name of one of the PubSub's dispatchers (`PS-10`). Without it each subscriber gets the message. */
  readonly dispatcher?: DispatcherOf<P> | undefined
}

type DispatcherOf<P> =
  P extends Instance<string, infer D> ? ([D] extends [never] ? Refused<"the PubSub has no dispatchers"> : D) : never

type Sent<E, R> = Effect.Effect<void, BroadcastError | ServerDown | E, R>

const delivery = (
  request: string,
  topic: unknown,
  message: unknown,
  from: unknown,
  options: { readonly dispatcher?: unknown }
): internal.Delivery => {
  const who = `PubSub.${request}`
  checkOptions(who, options, ["dispatcher"])
  const { dispatcher } = options
  if (dispatcher !== undefined && typeof dispatcher !== "string") {
    throw new TypeError(`${who}: \`dispatcher\` must be the name of one, but is ${show(dispatcher)}`)
  }
  return { request, topic: topicOf(who, topic), message, from, dispatcher }
}

/**
 * Gives a message to all subscribers of its topic, on all nodes: first the adapter sends it to the other nodes, then it
 * is put into the queues of this one (`PS-4`). It waits for no subscriber.
 *
 * Fails with `ServerDown` while there is no PubSub, and with `BroadcastError` if the message could not go out to the other
 * nodes: then it is not given to the subscribers of this one either.
 *
 * @category broadcasting
 */
export const broadcast = <P extends Any, E, R, A, I>(
  pubsub: Effect.Effect<ServerRef<P>, E, R>,
  topic: Topic<A, I>,
  message: Settled<A>,
  options: BroadcastOptions<P> = {}
): Sent<E, R> => internal.broadcast(pubsub, delivery("broadcast", topic, message, undefined, options)) as never

/**
 * As {@link broadcast}, but for one subscriber of this node that is left out, with all its subscriptions (`PS-5`): mostly
 * the one who broadcasts. A server is named by its ref: `(yield* Room.self).ref`.
 *
 * @category broadcasting
 */
export const broadcastFrom = <P extends Any, E, R, A, I, Server>(
  pubsub: Effect.Effect<ServerRef<P>, E, R>,
  from: Subscriber<Server>,
  topic: Topic<A, I>,
  message: Settled<A>,
  options: BroadcastOptions<P> = {}
): Sent<E, R> => internal.broadcast(pubsub, delivery("broadcastFrom", topic, message, from, options)) as never

/**
 * Gives a message to the subscribers of this node alone (`PS-6`).
 *
 * Fails with `ServerDown` while there is no PubSub.
 *
 * @category broadcasting
 */
export const localBroadcast = <P extends Any, E, R, A, I>(
  pubsub: Effect.Effect<ServerRef<P>, E, R>,
  topic: Topic<A, I>,
  message: Settled<A>,
  options: BroadcastOptions<P> = {}
): Effect.Effect<void, ServerDown | E, R> =>
  internal.localBroadcast(pubsub, delivery("localBroadcast", topic, message, undefined, options)) as never

/**
 * As {@link localBroadcast}, but for one subscriber that is left out (`PS-6`).
 *
 * @category broadcasting
 */
export const localBroadcastFrom = <P extends Any, E, R, A, I, Server>(
  pubsub: Effect.Effect<ServerRef<P>, E, R>,
  from: Subscriber<Server>,
  topic: Topic<A, I>,
  message: Settled<A>,
  options: BroadcastOptions<P> = {}
): Effect.Effect<void, ServerDown | E, R> =>
  internal.localBroadcast(pubsub, delivery("localBroadcastFrom", topic, message, from, options)) as never

/**
 * Gives a message to the subscribers of one node, which may be this one. A node that nobody knows is no error: nothing
 * happens (`PS-7`).
 *
 * Fails as {@link broadcast} does.
 *
 * @category broadcasting
 */
export const directBroadcast = <P extends Any, E, R, A, I>(
  pubsub: Effect.Effect<ServerRef<P>, E, R>,
  node: string,
  topic: Topic<A, I>,
  message: Settled<A>,
  options: BroadcastOptions<P> = {}
): Sent<E, R> => {
  if (typeof node !== "string")
    throw new TypeError(`PubSub.directBroadcast: the node must be a string, but is ${show(node)}`)
  return internal.directBroadcast(
    pubsub,
    node,
    delivery("directBroadcast", topic, message, undefined, options)
  ) as never
}

// ---------------------------------------------------------------------------------------------------------------------
// Dispatchers
// ---------------------------------------------------------------------------------------------------------------------

/**
 * A subscription, as it is told of.
 *
 * @category models
 */
export interface SubscriptionInfo {
  readonly subscriber: Subscriber
  /** What was said about the subscription when it was made. */
  readonly metadata: unknown
}

/**
 * A subscription, as a dispatcher sees it.
 *
 * @category dispatching
 */
export interface Recipient extends SubscriptionInfo {
  /** Gives it a message: the one that was broadcast, or another one that fits its topic. Anything else throws. */
  readonly send: (message: unknown) => void
}

/**
 * Gives a message to the subscribers of its topic, in place of {@link broadcast}'s own way, which leaves out `from` and
 * gives it to everybody else (`PS-10`). It is called once for each broadcast that somebody is there for, in the
 * broadcaster's turn, and for messages of other nodes in the adapter's: there `from` is none, and if subscribers have the
 * topic with several schemas it is called once for each. It is known by a name because a name can travel.
 *
 * What it throws is a defect of whoever has called it.
 *
 * @category dispatching
 */
export type Dispatcher = (
  recipients: ReadonlyArray<Recipient>,
  from: Option.Option<Subscriber>,
  message: unknown
) => void

// ---------------------------------------------------------------------------------------------------------------------
// Other nodes
// ---------------------------------------------------------------------------------------------------------------------

/**
 * The way to other nodes (`PS-11`). It runs under the PubSub's supervisor, which starts it again when it ends: when a
 * fiber that `start` has forked fails.
 *
 * @category adapters
 */
export interface Adapter<out E = never, out R = never> {
  /** What this node is called by others. */
  readonly nodeName: string
  /**
   * Connects, in a scope that is closed when the PubSub ends or the adapter is to be started again, and gives the way out.
   */
  readonly start: (node: Node) => Effect.Effect<Connection, E, R | Scope.Scope>
}

/**
 * What an adapter is told of the PubSub that it works for.
 *
 * @category adapters
 */
export interface Node {
  /** The name of the PubSub, which it has on all nodes. */
  readonly pubsub: string
  /** On how many lanes it is to listen: from 0 up to this. */
  readonly poolSize: number
  /** On how many of them it sends. */
  readonly broadcastPoolSize: number
  /**
   * The way in: gives what came from another node to the subscribers of this one. To be called in the order in which it
   * came, as far as it is of one lane. A message that does not fit a topic's schema is dropped, counted and logged; it
   * never fails. What a dispatcher throws is a defect of it, and so ends an adapter that does not see to that.
   */
  readonly receive: (parcel: Parcel) => Effect.Effect<void>
}

/**
 * The way out. What these fail with comes to the broadcaster as a `BroadcastError`.
 *
 * @category adapters
 */
export interface Connection {
  /** Sends to all other nodes, and not to this one. */
  readonly broadcast: (outgoing: Outgoing) => Effect.Effect<void, unknown>
  /** Sends to that node alone. It does nothing if there is none of that name (`PS-7`). */
  readonly directBroadcast: (node: string, outgoing: Outgoing) => Effect.Effect<void, unknown>
}

/**
 * A message between two nodes.
 *
 * @category adapters
 */
export interface Parcel {
  /** The name of the topic. */
  readonly topic: string
  /** The message, as the topic's schema encodes it. */
  readonly message: unknown
  /** The name of the dispatcher, if it is another one than the default. */
  readonly dispatcher?: string
}

/**
 * A message on its way out.
 *
 * @category adapters
 */
export interface Outgoing extends Parcel {
  /** The lane of the sender: what goes by one lane has to arrive in its order (`PS-9`). */
  readonly lane: number
}

// ---------------------------------------------------------------------------------------------------------------------
// Looking
// ---------------------------------------------------------------------------------------------------------------------

/**
 * What this node is called by others: what the adapter says.
 *
 * @category looking
 */
export const nodeName = <P extends Any, E, R>(
  pubsub: Effect.Effect<ServerRef<P>, E, R>
): Effect.Effect<string, ServerDown | E, R> => internal.nodeName(pubsub) as never

/**
 * The subscriptions to a topic on this node, in the order in which they were made. For tests and tools.
 *
 * @category looking
 */
export const subscribers = <P extends Any, E, R, A, I>(
  pubsub: Effect.Effect<ServerRef<P>, E, R>,
  topic: Topic<A, I>
): Effect.Effect<ReadonlyArray<SubscriptionInfo>, ServerDown | E, R> =>
  internal.subscribers(pubsub, topicOf("PubSub.subscribers", topic)) as never

/**
 * What a PubSub counts.
 *
 * @category looking
 */
export interface Counts {
  /** Topics that somebody has subscribed to. */
  readonly topics: number
  readonly subscriptions: number
  /** Messages dropped by full queues since it was started. */
  readonly dropped: number
  /** Messages dropped because they fit no subscriber's schema, or came for a dispatcher that is not known. */
  readonly misfits: number
}

/**
 * What a PubSub has counted on this node.
 *
 * @category looking
 */
export const counts = <P extends Any, E, R>(
  pubsub: Effect.Effect<ServerRef<P>, E, R>
): Effect.Effect<Counts, ServerDown | E, R> => internal.counts(pubsub) as never
