/**
 * Timers and idle time-outs: when they may come, and what cancelling them does.
 */
import type { Cancelled } from "./history.ts"
import { isGone } from "./mailbox.ts"
import type { Replay } from "./replay.ts"
import { type Idle, type ServerModel, type Timer, tolerance } from "./serverModel.ts"

export const fired = (replay: Replay, server: ServerModel, timer: Timer): void => {
  const { due, id, period } = timer.armed
  const at = due + timer.fired * period
  timer.fired++
  if (period === 0 && timer.fired > 1) replay.problem(`timer #${id} has fired twice`)
  if (timer.fired > timer.limit) replay.problem(`timer #${id} has fired after it was cancelled`)
  if (replay.now < at - tolerance) replay.problem(`timer #${id} has fired before its time ${at}`)
  if (at < server.lastDue - tolerance) replay.problem(`timer #${id}, due ${at}, comes after one due ${server.lastDue}`)
  server.lastDue = Math.max(server.lastDue, at)
}

export const idled = (replay: Replay, server: ServerModel, idle: Idle): void => {
  const before = replay.nextQuiet[replay.index] as number
  if (idle.cancelled) replay.problem(`the idle time-out #${idle.id} was cancelled by a message`)
  if (replay.now < idle.due - tolerance)
    replay.problem(`the idle time-out #${idle.id} comes before its time ${idle.due}`)
  const waiting = server.queue.find(
    (parcel) => parcel.at < idle.due - tolerance && !isGone(replay, parcel, server, before)
  )
  if (waiting !== undefined) replay.problem(`the idle time-out #${idle.id} comes while #${waiting.sent.id} waits`)
}

export const cancelled = (replay: Replay, server: ServerModel, { id, left }: Cancelled): void => {
  const timer = server.timers.get(id)
  if (timer === undefined) return
  const { due, period } = timer.armed
  const elapsed =
    period === 0 ? (replay.now >= due - tolerance ? 1 : 0) : Math.floor((replay.now - due + tolerance) / period) + 1
  timer.limit = Math.max(timer.fired, Math.min(period === 0 && left !== null ? 0 : elapsed, timer.limit))
  if (left === null && period === 0 && replay.now < due - tolerance)
    replay.problem(`timer #${id} was lost before its time`)
  if (left !== null && period === 0 && Math.abs(Math.max(0, due - replay.now) - left) > tolerance) {
    replay.problem(`timer #${id} had ${due - replay.now} left, and says ${left}`)
  }
}
