/**
 * Every way in which a call can go unanswered. In OTP the caller exits; here these are typed errors, beside the ones
 * that the request itself declares. They have schemas, so they travel.
 */
import * as Schema from "effect/Schema"
import { DownReason, format } from "./ExitReason.ts"

/**
 * The server ended before it answered, or was not there (`CALL-3`, `CALL-8`).
 *
 * `reason` is why it ended, `NoProcess` if there was none when the message was sent. `request` is the tag of the
 * message, `stop` for a stop.
 *
 * @category errors
 */
export class ServerDown extends Schema.TaggedError<ServerDown>("@effect-otp/core/ServerDown")("ServerDown", {
  server: Schema.String,
  request: Schema.String,
  reason: DownReason
}) {
  override get message(): string {
    return `${this.server} did not answer ${this.request}: ${format(this.reason)}`
  }
}

/**
 * No answer came within the caller's time (`CALL-1`). `timeout` is that time in milliseconds. A reply that comes later
 * reaches nobody (`CALL-6`).
 *
 * @category errors
 */
export class CallTimeout extends Schema.TaggedError<CallTimeout>("@effect-otp/core/CallTimeout")("CallTimeout", {
  server: Schema.String,
  request: Schema.String,
  timeout: Schema.Number
}) {
  override get message(): string {
    return `${this.server} did not answer ${this.request} within ${this.timeout} ms`
  }
}

/**
 * The server's mailbox was full, and its policy refused this call, or dropped it to make room.
 *
 * @category errors
 */
export class MailboxFull extends Schema.TaggedError<MailboxFull>("@effect-otp/core/MailboxFull")("MailboxFull", {
  server: Schema.String,
  request: Schema.String,
  capacity: Schema.Number
}) {
  override get message(): string {
    return `the mailbox of ${this.server} is full (${this.capacity} messages): ${this.request} was not taken`
  }
}

/**
 * The call could never be answered: the server that makes it is, directly or through others, the one that it waits for
 * (`CALL-4`, `CALL-23`). `path` names the servers, the caller first and last.
 *
 * @category errors
 */
export class CallCycle extends Schema.TaggedError<CallCycle>("@effect-otp/core/CallCycle")("CallCycle", {
  path: Schema.NonEmptyArray(Schema.String)
}) {
  override get message(): string {
    return `a call in a circle can never be answered: ${this.path.join(" → ")}`
  }
}

/**
 * What a call may fail with, beside the error that the request declares.
 *
 * @category errors
 */
export type CallError = ServerDown | CallTimeout | MailboxFull | CallCycle

/**
 * @category schemas
 */
export const CallError: Schema.Union<[typeof ServerDown, typeof CallTimeout, typeof MailboxFull, typeof CallCycle]> =
  Schema.Union(ServerDown, CallTimeout, MailboxFull, CallCycle)

/**
 * A server's `init` was not done within its `initTimeout`, in milliseconds; it was killed (`START-11`). This is an error
 * of the layer, not of a call.
 *
 * @category errors
 */
export class InitTimeout extends Schema.TaggedError<InitTimeout>("@effect-otp/core/InitTimeout")("InitTimeout", {
  server: Schema.String,
  timeout: Schema.Number
}) {
  override get message(): string {
    return `the init of ${this.server} was not done within ${this.timeout} ms`
  }
}
