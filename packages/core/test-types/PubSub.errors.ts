// What a user can get wrong about a PubSub, and what the compiler says to it.
import { Effect, Schema, type Stream } from "effect"
import * as GenServer from "../src/GenServer.ts"
import * as PubSub from "../src/PubSub.ts"
import { Hashmap } from "./Hashmap.ts"
import { Live, Room, Updates } from "./PubSub.ts"

// @expect-error: Expected 1-2 arguments, but got 0
export const nameless = PubSub.Service<Updates>()()

// @expect-error: Type '"Missing `Self` generic - use `class Self extends PubSub.Service<Self>()...`"' is not a constructor function type
export class Missing extends PubSub.Service()("@app/Missing") {}

// -- messages ---------------------------------------------------------------------------------------------------------

// @expect-error: Type 'number' is not assignable to type 'string'
export const wrong = PubSub.broadcast(Updates, Room("a"), { text: 42 })

// @expect-error: Property 'text' is missing in type '{}' but required in type '{ readonly text: string; }'
export const empty = PubSub.localBroadcast(Updates, Room("a"), {})

// @expect-error: Argument of type 'string' is not assignable to parameter of type 'Topic<unknown, unknown>'
export const untyped = PubSub.broadcast(Updates, "room:a", { text: "hello" })

// @expect-error: Type '{ readonly text: string; }' is not assignable to type 'string'
export const read: Stream.Stream<string, unknown, Updates> = PubSub.subscribe(Updates, Room("a"))

// -- who is asked -----------------------------------------------------------------------------------------------------

// @expect-error: Type 'ServerRef<Hashmap>' is not assignable to type 'ServerRef<Any>'
export const server = PubSub.broadcast(Hashmap, Room("a"), { text: "hello" })

class Ask extends GenServer.Call<Ask>()("Ask") {}
// @expect-error: Argument of type 'Ask' is not assignable to parameter of type 'Refused<"the protocol has no Call">'
export const called = GenServer.call(Updates, new Ask())

// -- options ----------------------------------------------------------------------------------------------------------

// @expect-error: Property 'overflow' is missing
export const undecided = PubSub.subscribe(Updates, Room("a"), { capacity: 10 })

// @expect-error: Type '"backpressure"' is not assignable to type 'Overflow
export const waiting = PubSub.subscribe(Updates, Room("a"), { capacity: 10, overflow: "backpressure" })

// @expect-error: Type 'string' is not assignable to type 'Refused<"the PubSub has no dispatchers">'
export const noDispatcher = PubSub.broadcast(Updates, Room("a"), { text: "hello" }, { dispatcher: "fastlane" })

// @expect-error: Type '"slowlane"' is not assignable to type '"fastlane"'
export const unknown = PubSub.broadcast(Live, Room("a"), { text: "hello" }, { dispatcher: "slowlane" })

// @expect-error: 'poolsize' does not exist in type 'Options<never, never>'
export const misspelt = Updates.layer({ poolsize: 2 })

// -- servers ----------------------------------------------------------------------------------------------------------

class Heard extends GenServer.Info<Heard>()("Heard", { text: Schema.String }) {}
class Get extends GenServer.Call<Get>()("Get") {}
class Listener extends GenServer.Service<Listener>()("@app/Listener", { messages: [Heard, Get] }) {}

const hears = PubSub.subscribeSelf(Updates, Listener.self, Room("a"), ({ text }) => new Heard({ text }))
// @expect-error: Type 'Updates | Self<Listener>' is not assignable to type 'Updates'
export const outside: Effect.Effect<void, unknown, Updates> = hears

// @expect-error: Property 'text' is missing in type 'Get' but required in type 'Heard'
export const call = PubSub.subscribeSelf(Updates, Listener.self, Room("a"), () => new Get())

export const class_ = Effect.flatMap(Effect.void, () =>
  // @expect-error: Argument of type 'typeof Listener' is not assignable to parameter of type
  PubSub.unsubscribe(Updates, Listener, Room("a"))
)
