/**
 * What must have happened when nothing can go on before the time does.
 */
import { stopped } from "./ending.ts"
import { isGone } from "./mailbox.ts"
import type { Replay } from "./replay.ts"
import { type Parcel, type ServerModel, tolerance } from "./serverModel.ts"

const isBlocked = (replay: Replay, from: ServerModel, to: ServerModel): boolean => {
  let server: ServerModel | undefined = from
  for (let steps = 0; server !== undefined && steps <= replay.servers.size; steps++) {
    if (server === to) return true
    const { busy, waiting }: ServerModel = server
    if (busy === null || waiting === null) return false
    server = replay.servers.get(waiting.sent.server)
    // Who has given `noReply` need not be free for the answer.
    if (waiting.beganAt !== null && server?.busy?.id !== waiting.sent.id) return false
  }
  return false
}

export const quietCall = (replay: Replay, parcel: Parcel): void => {
  const { sender, server: id, timeout } = parcel.sent
  const server = replay.servers.get(id)
  if (parcel.at + timeout <= replay.now - tolerance) replay.problem(`#${parcel.sent.id} has not timed out`)
  if (server === undefined) return
  if (server.end !== null && server.config.terminate !== "sleep") {
    replay.problem(`#${parcel.sent.id} waits although server ${id} has ended`)
  }
  if (parcel.answer?.certain != null && server.end === null) replay.problem(`#${parcel.sent.id} waits for its answer`)
  const caller = sender._tag === "Handler" ? replay.servers.get(sender.server) : undefined
  const isKept = parcel.beganAt !== null && server.busy?.id !== parcel.sent.id
  if (caller !== undefined && !isKept && isBlocked(replay, server, caller))
    replay.problem(`#${parcel.sent.id} waits in a circle`)
}

export const quiet = (replay: Replay, server: ServerModel): void => {
  if (server.end === null) replay.takesEffect(server)
  if (replay.closing !== null || server.end !== null || server.busy !== null) return
  stopped(replay, server)
  if (server.end !== null) return
  server.queue = server.queue.filter((parcel) => !isGone(replay, parcel, server, replay.index))
  for (const { sent } of server.queue) replay.problem(`#${sent.id} is left lying in the mailbox of server ${server.id}`)
  if (server.next !== null) replay.problem(`the continue #${server.next} has not come`)
  for (const { armed, fired, limit } of server.timers.values()) {
    const isDue = armed.due + fired * armed.period <= replay.now - tolerance
    if (isDue && limit === Infinity && (fired === 0 || armed.period > 0))
      replay.problem(`timer #${armed.id} has not come`)
  }
  const { idle } = server
  if (idle?.latest != null && !idle.cancelled && !idle.isRivalled && idle.latest <= replay.now - tolerance) {
    replay.problem(`the idle time-out #${idle.id} has not come`)
  }
}
