/**
 * What of a history must be the same in every run of a program without races: what each server did, and what each sender
 * was told, with the times. Ids are given out in turn by all, so they are left out.
 */
import { type History, showSender } from "./history.ts"

export interface Line {
  readonly who: string
  readonly at: number
  readonly what: string
}

/** Where two outlines part; `null` if nowhere. Times may differ by the microseconds that the engine rounds to. */
export const parting = (a: ReadonlyArray<Line>, b: ReadonlyArray<Line>): string | null => {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const one = a[i]
    const other = b[i]
    const isSame = one !== undefined && other !== undefined && one.who === other.who && one.what === other.what
    if (!isSame || Math.abs(one.at - other.at) > 0.01) return `${show(one)}\n${show(other)}`
  }
  return null
}

const show = (line: Line | undefined): string =>
  line === undefined ? "nothing" : `${line.who} at ${line.at.toFixed(3)}: ${line.what}`

export const outline = (history: History): ReadonlyArray<Line> => {
  const lines = new Map<string, Array<Line>>()
  const senders = new Map<number, string>()
  for (const { at, event } of history) {
    // In the end everybody ends at the same time.
    if (event._tag === "Closing") break
    const say = (who: string, what: string): void => {
      const line: Line = { who, at, what }
      const known = lines.get(who)
      if (known === undefined) lines.set(who, [line])
      else known.push(line)
    }
    switch (event._tag) {
      case "Sent":
        senders.set(
          event.id,
          event.sender._tag === "Handler" ? `server ${event.sender.server}` : showSender(event.sender)
        )
        break
      case "Result":
        say(senders.get(event.id) ?? "nobody", event.result)
        break
      case "Began":
        say(`server ${event.server}`, `begins ${event.kind} ${event.message.act.label} with ${event.state}`)
        break
      case "Decided":
        say(`server ${event.server}`, JSON.stringify(event.decision))
        break
      case "Terminated":
        say(`server ${event.server}`, `terminates for ${event.reason} with ${event.state}`)
        break
      case "Cancelled":
        say(`server ${event.server}`, `cancels with ${event.left?.toFixed(1) ?? "nothing"} left`)
        break
      case "Released":
        say(`server ${event.server}`, "is released")
        break
      default:
    }
  }
  return Array.from(lines.keys())
    .sort()
    .flatMap((who) => lines.get(who) ?? [])
}
