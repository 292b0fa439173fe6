/**
 * How servers end: stops, exit signals, `terminate`, and what must have happened by then.
 */
import type { Exited, Terminated } from "./history.ts"
import { dueStop } from "./mailbox.ts"
import type { Reason } from "./program.ts"
import type { Replay } from "./replay.ts"
import type { ServerModel } from "./serverModel.ts"

/** Somebody says that it has ended: if a stop was next, it was that. */
export const stopped = (replay: Replay, server: ServerModel): void => {
  const stop = server.end === null && server.busy === null ? dueStop(replay, server) : undefined
  if (stop === undefined) return
  const isByParent = replay.closing !== null
  if (server.config.terminate !== "none" && !isByParent) replay.problem(`server ${server.id} has not terminated`)
  server.end = { index: replay.index, reasons: new Set([stop.sent.reason as Reason]), isSignal: false, killed: null }
}

export const exited = (replay: Replay, server: ServerModel, { isOwn, reason }: Exited): void => {
  if (reason !== "killed" && (server.config.trapExit || (reason === "normal" && !isOwn))) return
  if (server.hasUndecided) server.isStateUncertain = true
  if (server.end !== null) {
    server.end.reasons.add(reason)
    if (reason === "killed") server.end.killed ??= replay.index
    return
  }
  const reasons = new Set([reason])
  const stop = server.busy === null ? dueStop(replay, server) : undefined
  if (stop !== undefined) reasons.add(stop.sent.reason as Reason)
  server.end = {
    index: replay.index,
    reasons,
    isSignal: stop === undefined && !server.hasUndecided,
    killed: reason === "killed" ? replay.index : null
  }
}

export const terminated = (replay: Replay, server: ServerModel, { reason, state }: Terminated): void => {
  const { end } = server
  if (server.terminated !== null) replay.problem(`server ${server.id} terminates twice`)
  server.terminated = replay.index
  if (end === null) {
    const isStop = dueStop(replay, server)?.sent.reason === reason
    const isParent = replay.closing !== null && server.config.trapExit && reason === "shutdown"
    if (!isStop && !isParent) replay.problem(`server ${server.id} terminates for ${reason}, which nobody asked for`)
    if (server.busy !== null) replay.problem(`server ${server.id} terminates while it handles #${server.busy.id}`)
    if (server.next !== null) replay.problem(`server ${server.id} terminates before its continue #${server.next}`)
    replay.takesEffect(server)
  } else {
    if (end.isSignal) replay.problem(`server ${server.id} terminates although it was told to exit`)
    if (!end.reasons.has(reason)) replay.problem(`server ${server.id} terminates for ${reason}`)
  }
  if (state !== server.state) {
    replay.problem(`server ${server.id} terminates with state ${state}, but ${server.state} was committed`)
  }
  const reasons = new Set([server.config.terminate === "die" ? "crash in terminate" : reason])
  if (end?.reasons.has("killed") === true || replay.closing !== null) reasons.add("killed")
  server.end = { index: end?.index ?? replay.index, reasons, isSignal: false, killed: null }
}

export const over = (replay: Replay, server: ServerModel): void => {
  if (server.told.size > 1) replay.problem(`server ${server.id} has ended for ${Array.from(server.told).join(" and ")}`)
  if (server.config.effectful && server.released !== 1) {
    replay.problem(`server ${server.id} was released ${server.released} times`)
  }
  let place = 0
  for (const state of server.seen) {
    const at = server.committed.indexOf(state, place)
    if (at < 0) {
      replay.problem(
        `server ${server.id} was seen with ${state}, which is not next of ${server.committed.slice(place)}`
      )
      return
    }
    place = at
  }
  const last = server.committed.length - 1
  if (server.seen.length > 0 && place !== last && !server.isStateUncertain) {
    replay.problem(`the last state of server ${server.id}, ${server.committed[last]}, was never seen`)
  }
}
