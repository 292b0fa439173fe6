/**
 * Whether what a call has ended with is what it may end with.
 */
import { isFromOutside, type Parcel, type ServerModel, tolerance } from "./serverModel.ts"

/** What is wrong with the end of one message. */
export const judge = (parcel: Parcel, server: ServerModel, closing: number | null): ReadonlyArray<string> => {
  const { sent } = parcel
  const problems: Array<string> = []
  if (
    parcel.beganAt !== null &&
    isFromOutside(parcel) &&
    server.drops &&
    server.config.overflow !== "dropOldest" &&
    parcel.ahead >= server.config.capacity
  ) {
    problems.push(`#${sent.id} was let in although ${parcel.ahead} messages were waiting`)
  }
  if (sent.kind !== "call" && sent.kind !== "stop") return problems
  const { result } = parcel
  if (result === null) return [...problems, `#${sent.id} was never answered`]
  const [word, ...rest] = result.result.split(" ")
  const text = judgement(parcel, server, closing, result, word ?? "", rest.join(" "))
  return text === null ? problems : [...problems, `#${sent.id} ended with ${result.result}: ${text}`]
}

const judgement = (
  parcel: Parcel,
  server: ServerModel,
  closing: number | null,
  result: NonNullable<Parcel["result"]>,
  word: string,
  rest: string
): string | null => {
  const { answer, sent } = parcel
  const { end } = server
  switch (word) {
    case "ok":
    case "fail":
      if (sent.kind === "stop") {
        if (!server.isDownFor(sent.reason, closing)) return "the server has not ended for that reason"
        return null
      }
      if (answer === null) return "it was not answered"
      if (answer.result !== result.result && parcel.rival !== result.result) return `its answer was ${answer.result}`
      if (answer.index > result.index) return "its answer came later"
      if (end?.killed != null && answer.index > end.killed) return "its answer came after the server was killed"
      return null
    case "down":
      return down(parcel, server, closing, rest)
    case "timeout": {
      const due = parcel.at + sent.timeout
      if (result.at < due - tolerance) return `its time was over only at ${due}`
      if (answer?.certain != null && answer.certain.at < due - tolerance) return `it was answered: ${answer.result}`
      return null
    }
    case "full": {
      if (!server.drops || sent.kind === "stop") return "the mailbox of that server is never full"
      return parcel.beganAt === null ? null : "it was handled"
    }
    case "cycle":
      if (!parcel.mayBeCycle) return "nobody waits for its caller"
      return parcel.beganAt === null ? null : "it was handled"
    case "interrupted": {
      const { sender } = sent
      return sender._tag === "Client" && !sender.interruptible ? "nobody has interrupted it" : null
    }
    default:
      return "that is no end of a call"
  }
}

const down = (parcel: Parcel, server: ServerModel, closing: number | null, reason: string): string | null => {
  const { answer, index, result, sent } = parcel
  const { end } = server
  if (reason === "no process") {
    if (parcel.beganAt !== null) return "it was handled"
    return closing !== null || (end !== null && end.index < index) ? null : "the server was there"
  }
  if (!server.isDownFor(reason, closing)) return `the server ended for ${Array.from(end?.reasons ?? []).join(" or ")}`
  if (sent.kind === "stop" && reason === sent.reason) return "that is what it had asked for"
  server.told.add(reason)
  const ended = Math.min(end?.index ?? Number.POSITIVE_INFINITY, closing ?? Number.POSITIVE_INFINITY)
  if (result !== null && ended > result.index) return "the server has not ended"
  if (answer?.certain != null && answer.certain.index < ended) {
    return `it was answered: ${answer.result}`
  }
  return null
}
