/**
 * What a callback decides, as plain values: small classes that the kernel tells apart by `instanceof`.
 *
 * All of one kind have the same fields in the same order, whatever options are given: they are made once a message.
 */
import * as Cause from "effect/Cause"
import type { ExitReason } from "../ExitReason.ts"

/** What is to happen after an outcome, beside waiting for the next message. `N` is the type of the messages in it. */
export interface After<out N> {
  /** Handled next, before any queued message. */
  readonly next: N | undefined
  /** Handled if nothing comes for so many milliseconds. */
  readonly idle: readonly [ms: number, message: N] | undefined
  /** Lets go of the fiber at once. */
  readonly hibernate: boolean
}

export class Reply<out A, out S, out N = never> implements After<N> {
  readonly _tag = "Reply"
  readonly value: A
  readonly state: S
  readonly next: N | undefined
  readonly idle: readonly [ms: number, message: N] | undefined
  readonly hibernate: boolean

  constructor(value: A, state: S, next: N | undefined, idle: After<N>["idle"], hibernate: boolean) {
    this.value = value
    this.state = state
    this.next = next
    this.idle = idle
    this.hibernate = hibernate
  }
}

export class NoReply<out S, out N = never> implements After<N> {
  readonly _tag = "NoReply"
  readonly state: S
  readonly next: N | undefined
  readonly idle: readonly [ms: number, message: N] | undefined
  readonly hibernate: boolean

  constructor(state: S, next: N | undefined, idle: After<N>["idle"], hibernate: boolean) {
    this.state = state
    this.next = next
    this.idle = idle
    this.hibernate = hibernate
  }
}

export class Stop<out S> {
  readonly _tag = "Stop"
  readonly reason: ExitReason
  readonly state: S

  constructor(reason: ExitReason, state: S) {
    this.reason = reason
    this.state = state
  }
}

export class StopReply<out A, out S> {
  readonly _tag = "StopReply"
  readonly reason: ExitReason
  readonly value: A
  readonly state: S

  constructor(reason: ExitReason, value: A, state: S) {
    this.reason = reason
    this.value = value
    this.state = state
  }
}

/** `init` has ended, with options: OTP's `{ok, State, …}`. */
export class Ok<out S, out N = never> implements After<N> {
  readonly _tag = "Ok"
  readonly state: S
  readonly next: N | undefined
  readonly idle: readonly [ms: number, message: N] | undefined
  readonly hibernate: boolean

  constructor(state: S, next: N | undefined, idle: After<N>["idle"], hibernate: boolean) {
    this.state = state
    this.next = next
    this.idle = idle
    this.hibernate = hibernate
  }
}

/** `init` wants no server. */
export class Ignore {
  readonly _tag = "Ignore"
}

/** What a value looks like in a complaint about it. */
export const describe = (given: unknown): string => {
  if (given instanceof Reply || given instanceof StopReply) return `${given._tag} (where nobody waits for a reply)`
  if (typeof given === "string") return JSON.stringify(given)
  if (typeof given !== "object" || given === null) return String(given)
  return given.constructor?.name ?? "an object without a prototype"
}

/** The crash of a server whose callback returned anything else (`CB-11`, `START-13`). */
export const badOutcome = (server: string, where: string, given: unknown): Cause.Cause<never> =>
  Cause.die(
    new TypeError(
      `${server}: ${where} returned what is no outcome: ${describe(given)}. ` +
        "A callback returns GenServer.reply, noReply, stop or stopReply, or an Effect of one."
    )
  )

/** The crash of a server whose callback named a message that is not of its protocol, or not of the right kind. */
export const badOption = (
  server: string,
  where: string,
  option: string,
  given: unknown,
  wanted: string
): Cause.Cause<never> =>
  Cause.die(
    new TypeError(`${server}: \`${option}\` of ${where} names no ${wanted} of its protocol: ${describe(given)}`)
  )
