/**
 * What may come out of a mailbox, and in which order.
 */
import type { Replay } from "./replay.ts"
import { isFromOutside, type Parcel, type ServerModel } from "./serverModel.ts"

export const beganLater = (replay: Replay, parcel: Parcel): boolean =>
  (replay.begun.get(parcel.sent.id) ?? -1) > replay.index

/** Whether a message that was queued may be gone without having been handled. */
export const isGone = (replay: Replay, parcel: Parcel, server: ServerModel, before: number): boolean => {
  const { result, sent } = parcel
  if (sent.kind === "cast") {
    const waits = server.isBounded && sent.sender._tag === "Handler"
    return server.drops || (waits && replay.servers.get(sent.sender.server)?.end !== null)
  }
  if (result === null || sent.kind === "self") return false
  if (result.result === "cycle" || result.result === "full" || result.result === "down no process") return true
  const isAbandoned = result.result === "timeout" || result.result === "interrupted"
  // One that nobody waits for any more may also be dropped in silence.
  return sent.kind === "call" && isAbandoned && (sent.withdraw || server.drops) && result.index < before
}

export const isPushed = (parcel: Parcel): boolean =>
  !isFromOutside(parcel) || (parcel.sent.kind === "cast" && parcel.sent.sender._tag === "Handler")

/** What stands before a message in the mailbox, and has to be handled before it. */
export const overtaken = (replay: Replay, server: ServerModel, place: number): Parcel | undefined => {
  const parcel = server.queue[place] as Parcel
  const before = replay.nextQuiet[replay.index] as number
  // Who waits for room is not yet in the mailbox; what is never refused goes past, as do casts of servers that would
  // wait for each other.
  const passes = (other: Parcel): boolean =>
    server.isBounded && !server.drops && isPushed(parcel) && isFromOutside(other)
  return server.queue.slice(0, place).find((other) => !isGone(replay, other, server, before) && !passes(other))
}

/** The stop whose turn it may be, if there is one. */
export const dueStop = (replay: Replay, server: ServerModel): Parcel | undefined => {
  const place = server.queue.findIndex(({ sent: { kind } }) => kind === "stop")
  for (let at = place; at >= 0 && at < server.queue.length; at++) {
    const parcel = server.queue[at] as Parcel
    if (isGone(replay, parcel, server, replay.nextQuiet[replay.index] as number)) continue
    if (parcel.sent.kind === "stop") return overtaken(replay, server, at) === undefined ? parcel : undefined
  }
  return undefined
}
