/**
 * What can go wrong about broadcasting and subscribing, beside a PubSub that is not there.
 */
import * as Schema from "effect/Schema"
import { reasonOf } from "./pubSubTopic.ts"

/**
 * A message did not go out to the other nodes, and so not to this one's subscribers either (`PS-4`): `error` is what the
 * adapter failed with, or why the message could not be encoded by its topic's schema. `node` is there if it was for one
 * node alone.
 *
 * @category errors
 */
export class BroadcastError extends Schema.TaggedError<BroadcastError>("@effect-otp/core/BroadcastError")(
  "BroadcastError",
  {
    pubsub: Schema.String,
    topic: Schema.String,
    node: Schema.optionalWith(Schema.String, { exact: true }),
    error: Schema.Defect
  }
) {
  override get message(): string {
    const to = this.node === undefined ? "the other nodes" : `the node ${this.node}`
    return `${this.pubsub} could not send a message of the topic ${this.topic} to ${to}: ${reasonOf(this.error)}`
  }
}

/**
 * A subscriber was too slow: as many messages waited as its queue holds, one more came, and it had said that this should
 * end its subscription (`overflow: "end"`). Those that waited were delivered before.
 *
 * @category errors
 */
export class SubscriberFull extends Schema.TaggedError<SubscriberFull>("@effect-otp/core/SubscriberFull")(
  "SubscriberFull",
  { pubsub: Schema.String, topic: Schema.String, capacity: Schema.Number }
) {
  override get message(): string {
    const { capacity, pubsub, topic } = this
    return `the subscription to the topic ${topic} of ${pubsub} has ended: ${capacity} ${capacity === 1 ? "message" : "messages"} waited, which is all that its queue holds, and another one came`
  }
}
