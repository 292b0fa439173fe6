/**
 * A server as its class and `toLayer` define it, checked once: everything that all its incarnations share.
 */
import * as Duration from "effect/Duration"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { ExitReason } from "../ExitReason.ts"
import type { Overflow } from "./mailbox.ts"
import { type Stats, statsOf } from "./metrics.ts"

export type Kind = "call" | "cast" | "info" | "continue"

/** A message class as the kernel sees it. */
export interface MessageClass {
  readonly _tag: string
  readonly kind: Kind
}

/** What is known of one message of a protocol. */
export interface Entry {
  readonly kind: Kind
  readonly tag: string
  /** For messages to humans: `handleCall.Get`. */
  readonly where: string
  // The types of handlers are checked where they are given; from there on they are values among others.
  readonly handler: (message: never, state: never, from: never) => unknown
}

/** What kind of process runs by a definition. */
export type ProcessKind = "GenServer" | "Supervisor" | "DynamicSupervisor" | "PubSub"

/** Whether a process of that kind has children. */
export const isSupervisor = (kind: ProcessKind): boolean => kind === "Supervisor" || kind === "DynamicSupervisor"

export interface Definition {
  readonly processKind: ProcessKind
  /** Whether it is known under its key: a supervisor may be nameless. */
  readonly isNamed: boolean
  /** The keys of the service and of the handle that callbacks find in their context. */
  readonly key: string
  readonly selfKey: string
  /** What the process is called in logs and errors: the last part of the service's key. */
  readonly name: string
  readonly entries: ReadonlyMap<unknown, Entry>
  readonly init: (...args: ReadonlyArray<never>) => unknown
  readonly terminate: ((reason: ExitReason, state: never) => unknown) | undefined
  readonly trapExit: boolean
  /** How long the parent waits for the end before it kills, in milliseconds; 0 is at once. */
  readonly shutdown: number
  /** How long `init` may take, in milliseconds. */
  readonly initTimeout: number
  readonly capacity: number
  readonly overflow: Overflow
  /** Whether calls and casts that wait when it ends are left to the next one in its seat. */
  readonly keeps: boolean
  /** How many servers a message may crash before it is set aside; 0 is that it is never tried again. */
  readonly retries: number
  /** After how many milliseconds of idleness the fiber is let go. */
  readonly hibernateAfter: number
  readonly format: ((state: never) => unknown) | undefined
  readonly stats: Stats
}

const sections = {
  handleCall: "call",
  handleCast: "cast",
  handleInfo: "info",
  handleContinue: "continue"
} as const

const options = ["terminate", "trapExit", "shutdown", "initTimeout", "mailbox", "hibernateAfter", "format"]

const overflows: ReadonlyArray<Overflow> = ["backpressure", "reject", "dropNewest", "dropOldest"]

const refuse = (name: string, what: string): never => {
  throw new TypeError(`${name}: ${what}`)
}

/** What a value looks like in a complaint about it: short, and not the source of a class. */
export const show = (value: unknown): string => {
  if (typeof value === "string") return JSON.stringify(value)
  if (typeof value === "function") return `function ${value.name || "(anonymous)"}`
  if (typeof value !== "object" || value === null) return String(value)
  if (Layer.isLayer(value)) return "a Layer"
  try {
    const text = JSON.stringify(value) ?? String(value)
    return text.length > 200 ? `${text.slice(0, 200)}…` : text
  } catch {
    // A value that JSON cannot hold is quoted as best as can be: the complaint is about the option.
    return Object.prototype.toString.call(value)
  }
}

/** A duration option in milliseconds, or a complaint that names the server, the option and the value. */
export const durationOption = (
  name: string,
  option: string,
  value: unknown,
  words: { readonly [word: string]: number } = {}
): number => {
  if (typeof value === "string" && Object.hasOwn(words, value)) return words[value] as number
  const duration = isNegative(value) ? Option.none() : Duration.decodeUnknown(value)
  if (duration._tag === "None") {
    return refuse(name, `\`${option}\` must be a duration that is not negative, but is ${show(value)}`)
  }
  return Duration.toMillis(duration.value)
}

/** What Effect would take for a duration of nothing: it reads `-1`, `"-1 seconds"` and `NaN` as zero. */
const isNegative = (value: unknown): boolean => {
  if (typeof value === "number") return !(value >= 0)
  if (typeof value === "bigint") return value < 0n
  if (typeof value === "string") return value.trimStart().startsWith("-")
  return Array.isArray(value) && value.some(isNegative)
}

/** The key of the handle that a server's callbacks find in their context. */
export const selfKey = (key: string): string => `${key}/Self`

/** The last part of a service's key. */
export const processName = (key: string): string => key.slice(key.lastIndexOf("/") + 1)

/** The classes of a protocol, by themselves and by tag. */
export const checkProtocol = (name: string, messages: unknown): ReadonlyMap<string, MessageClass> => {
  if (!Array.isArray(messages)) return refuse(name, `\`messages\` must be an array, but is ${show(messages)}`)
  const byTag = new Map<string, MessageClass>()
  for (const message of messages as ReadonlyArray<unknown>) {
    if (!isMessageClass(message)) {
      return refuse(
        name,
        `\`messages\` holds ${show(message)}, which was not made by GenServer.Call, Cast, Info or Continue`
      )
    }
    if (byTag.has(message._tag)) return refuse(name, `two of its messages have the tag ${show(message._tag)}`)
    byTag.set(message._tag, message)
  }
  return byTag
}

const isMessageClass = (u: unknown): u is MessageClass =>
  typeof u === "function" &&
  "_tag" in u &&
  typeof u._tag === "string" &&
  "kind" in u &&
  Object.values(sections).includes(u.kind as Kind)

/** Checks what `toLayer` was given. */
export const define = (
  key: string,
  protocol: ReadonlyMap<string, MessageClass>,
  init: unknown,
  callbacks: unknown,
  processKind: ProcessKind = "GenServer",
  isNamed = true
): Definition => {
  const name = processName(key)
  if (typeof init !== "function") return refuse(name, `\`init\` must be a function, but is ${show(init)}`)
  if (typeof callbacks !== "object" || callbacks === null) {
    return refuse(name, `the callbacks must be an object, but are ${show(callbacks)}`)
  }
  const given = callbacks as { readonly [key: string]: unknown }
  for (const key of Object.keys(given)) {
    if (!Object.hasOwn(sections, key) && !options.includes(key)) refuse(name, `there is no option \`${key}\``)
  }
  const func = <A>(key: string): A | undefined => {
    const value = given[key]
    if (value !== undefined && typeof value !== "function") {
      return refuse(name, `\`${key}\` must be a function, but is ${show(value)}`)
    }
    return value as A | undefined
  }
  const trapExit = given["trapExit"] ?? false
  if (typeof trapExit !== "boolean") return refuse(name, `\`trapExit\` must be true or false, but is ${show(trapExit)}`)
  const duration = (option: string, otherwise: number, words?: { readonly [word: string]: number }) =>
    given[option] === undefined ? otherwise : durationOption(name, option, given[option], words)
  return {
    processKind,
    isNamed,
    key,
    selfKey: selfKey(key),
    name,
    entries: entriesOf(name, protocol, given),
    init: init as Definition["init"],
    terminate: func("terminate"),
    trapExit,
    shutdown: duration("shutdown", 5_000, { brutal: 0, infinity: Number.POSITIVE_INFINITY }),
    initTimeout: duration("initTimeout", Number.POSITIVE_INFINITY, { infinity: Number.POSITIVE_INFINITY }),
    ...mailboxOptions(name, given["mailbox"]),
    hibernateAfter: duration("hibernateAfter", 1_000, { infinity: Number.POSITIVE_INFINITY }),
    format: func("format"),
    stats: statsOf(key, name, isSupervisor(processKind))
  }
}

/** Each message has its handler, and each handler its message. */
const entriesOf = (
  name: string,
  protocol: ReadonlyMap<string, MessageClass>,
  given: { readonly [key: string]: unknown }
): ReadonlyMap<unknown, Entry> => {
  const entries = new Map<unknown, Entry>()
  for (const [section, kind] of Object.entries(sections)) {
    const handlers = given[section] ?? {}
    if (typeof handlers !== "object") refuse(name, `\`${section}\` must be an object, but is ${show(handlers)}`)
    for (const tag of Object.keys(handlers as object)) {
      if (protocol.get(tag)?.kind === kind) continue
      const known = protocol.get(tag)
      refuse(
        name,
        known === undefined
          ? `\`${section}.${tag}\` handles a message that is not in its protocol`
          : `\`${section}.${tag}\` handles a ${known.kind}, which belongs into another section`
      )
    }
    for (const [tag, message] of protocol) {
      if (message.kind !== kind) continue
      const where = `${section}.${tag}`
      const handler = Object.hasOwn(handlers as object, tag)
        ? (handlers as { readonly [tag: string]: unknown })[tag]
        : undefined
      if (typeof handler !== "function") {
        refuse(name, `\`${where}\` must be a function, but is ${show(handler)}`)
      }
      entries.set(message, { kind, tag, where, handler: handler as Entry["handler"] })
    }
  }
  return entries
}

const mailboxOptions = (
  name: string,
  given: unknown
): Pick<Definition, "capacity" | "overflow" | "keeps" | "retries"> => {
  if (given !== undefined && (typeof given !== "object" || given === null)) {
    return refuse(name, `\`mailbox\` must be an object, but is ${show(given)}`)
  }
  const mailbox = (given ?? {}) as { readonly [key: string]: unknown }
  for (const key of Object.keys(mailbox)) {
    if (!["capacity", "overflow", "onRestart"].includes(key)) refuse(name, `there is no option \`mailbox.${key}\``)
  }
  const capacity = mailbox["capacity"] ?? Number.POSITIVE_INFINITY
  if (typeof capacity !== "number" || !(capacity >= 1) || !(capacity === Infinity || Number.isInteger(capacity))) {
    return refuse(name, `\`mailbox.capacity\` must be a whole number from 1 up, but is ${show(capacity)}`)
  }
  const overflow = mailbox["overflow"] ?? "backpressure"
  if (!overflows.includes(overflow as Overflow)) {
    return refuse(name, `\`mailbox.overflow\` must be one of ${overflows.join(", ")}, but is ${show(overflow)}`)
  }
  return { capacity, overflow: overflow as Overflow, ...onRestartOption(name, mailbox["onRestart"] ?? "drop") }
}

const onRestartOption = (name: string, given: unknown): Pick<Definition, "keeps" | "retries"> => {
  if (given === "drop") return { keeps: false, retries: 0 }
  if (given === "keep") return { keeps: true, retries: 0 }
  const retries =
    typeof given === "object" && given !== null && Object.keys(given).join() === "retry"
      ? (given as { readonly retry: unknown }).retry
      : undefined
  if (typeof retries === "number" && Number.isInteger(retries) && retries >= 1) return { keeps: true, retries }
  return refuse(
    name,
    `\`mailbox.onRestart\` must be "drop", "keep" or { retry: k } with a whole number from 1 up, but is ${show(given)}`
  )
}
