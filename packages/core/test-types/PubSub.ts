// What a PubSub is to those who subscribe and broadcast: the types of topics, of what comes, and of what may go wrong.
import { type Context, Data, Effect, type Layer, Schema, type Scope, Stream } from "effect"
import type { ServerDown } from "../src/CallError.ts"
import * as GenServer from "../src/GenServer.ts"
import * as PubSub from "../src/PubSub.ts"
import * as Supervisor from "../src/Supervisor.ts"
import { Repo } from "./Services.ts"
import { same } from "./same.ts"

export class Updates extends PubSub.Service<Updates>()("@app/Updates") {}
export class Live extends PubSub.Service<Live>()("@app/Live", {
  dispatchers: {
    fastlane: (recipients, from, message) => {
      //       ^? (parameter) recipients: readonly PubSub.Recipient[]
      for (const { send } of recipients) if (from._tag === "None") send(message)
    }
  }
}) {}

// -- layers -----------------------------------------------------------------------------------------------------------

class Unreachable extends Data.TaggedError("Unreachable") {}

const adapter: PubSub.Adapter<Unreachable, Repo> = {
  nodeName: "a",
  start: ({ receive }) =>
    //       ^? (parameter) receive: (parcel: PubSub.Parcel) => Effect.Effect<void>
    Effect.map(Repo, ({ save }) => ({
      broadcast: ({ lane, message, topic }) => Effect.zipRight(save(lane), receive({ topic, message })),
      directBroadcast: () => new Unreachable()
    }))
}

export const local: Layer.Layer<Updates> = Updates.layer
export const between = Updates.layer({ adapter, poolSize: 2 })
//           ^? const between: Layer.Layer<Updates, Unreachable, Repo>
export const alone = Updates.layer({})
//           ^? const alone: Layer.Layer<Updates, never, never>
export const byName = Updates.byName
//           ^? const byName: Layer.Layer<Updates, never, never>
export const supervised = Supervisor.layer({ children: [Updates.layer, Live.layer] })
//           ^? const supervised: Layer.Layer<Updates | Live, never, never>
export const configured = Supervisor.layer({ children: [Repo.layer, Supervisor.child(Updates.layer({ adapter }), {})] })
//           ^? const configured: Layer.Layer<Repo | Updates, Unreachable, never>
same<Context.Tag.Service<typeof Updates>, GenServer.ServerRef<Updates>>(true)

// -- topics -----------------------------------------------------------------------------------------------------------

export const Changed = PubSub.topic("changed", Schema.Date)
//           ^? const Changed: PubSub.Topic<Date, string>
const Said = Schema.Struct({ text: Schema.String })
export const Room = (id: string) => PubSub.topic(`room:${id}`, Said)

// -- subscribing ------------------------------------------------------------------------------------------------------

export const stream = PubSub.subscribe(Updates, Changed)
//           ^? const stream: Stream.Stream<Date, ServerDown, Updates>
export const texts = Stream.map(PubSub.subscribe(Updates, Room("a")), ({ text }) => text)
//           ^? const texts: Stream.Stream<string, ServerDown, Updates>
export const dropping = Stream.map(
  //         ^? const dropping: Stream.Stream<string, ServerDown, Updates>
  PubSub.subscribe(Updates, Room("a"), { capacity: 10, overflow: "dropOldest", metadata: 1 }),
  ({ text }) => text
)
export const ending = Stream.map(
  //         ^? const ending: Stream.Stream<string, ServerDown | PubSub.SubscriberFull, Updates>
  PubSub.subscribe(Updates, Room("a"), { capacity: 10, overflow: "end" }),
  ({ text }) => text
)

export const subscription = PubSub.subscription(Updates, Room("a"))
same<
  typeof subscription,
  Effect.Effect<PubSub.Subscription<{ readonly text: string }>, ServerDown, Updates | Scope.Scope>
>(true)

export const program = Effect.gen(function* () {
  const dates = yield* PubSub.subscription(Updates, Changed)
  //    ^? const dates: PubSub.Subscription<Date, ServerDown>
  yield* dates.unsubscribe
  const room = yield* subscription
  const { text } = yield* room.messages.take
  //      ^? const text: string
  yield* room.unsubscribe
  return text
})

// -- servers ----------------------------------------------------------------------------------------------------------

class Heard extends GenServer.Info<Heard>()("Heard", { text: Schema.String }) {}
class Leave extends GenServer.Cast<Leave>()("Leave") {}

class Listener extends GenServer.Service<Listener>()("@app/Listener", { messages: [Heard, Leave] }) {
  static readonly layer = this.toLayer(
    () => Effect.as(PubSub.subscribeSelf(Updates, Listener.self, Room("a"), ({ text }) => new Heard({ text })), 0),
    {
      handleInfo: { Heard: (_, count) => GenServer.noReply(count + 1) },
      handleCast: {
        Leave: (_, count) =>
          Effect.gen(function* () {
            const { ref } = yield* Listener.self
            yield* Effect.ignore(PubSub.broadcastFrom(Updates, ref, Room("a"), { text: "bye" }))
            yield* PubSub.unsubscribe(Updates, Listener.self, Room("a"))
            return GenServer.noReply(count)
          })
      }
    }
  )
}
export const listener = Listener.layer
//           ^? const listener: Layer.Layer<Listener, ServerDown, Updates>

// -- broadcasting -----------------------------------------------------------------------------------------------------

type Sent = Effect.Effect<void, ServerDown | PubSub.BroadcastError, Updates>

const said = { text: "hello" }
const all = PubSub.broadcast(Updates, Room("a"), said)
same<typeof all, Sent>(true)
const one = PubSub.directBroadcast(Updates, "b", Room("a"), said)
same<typeof one, Sent>(true)
const here = PubSub.localBroadcast(Updates, Room("a"), said)
same<typeof here, Effect.Effect<void, ServerDown, Updates>>(true)
export const others = Effect.flatMap(subscription, (room) => PubSub.broadcastFrom(Updates, room, Room("a"), said))
export const these = Effect.flatMap(subscription, (room) => PubSub.localBroadcastFrom(Updates, room, Room("a"), said))
export const fast = PubSub.broadcast(Live, Room("a"), said, { dispatcher: "fastlane" })

// -- looking ----------------------------------------------------------------------------------------------------------

export const looking = Effect.gen(function* () {
  const node = yield* PubSub.nodeName(Updates)
  //    ^? const node: string
  const [first] = yield* PubSub.subscribers(Updates, Changed)
  const metadata = first?.metadata
  //    ^? const metadata: unknown
  const { dropped } = yield* PubSub.counts(Updates)
  //      ^? const dropped: number
  return [node, metadata, dropped]
})
