/**
 * The table as it changes, for whoever looks at it: server-sent events.
 *
 * - `table`: all of it, `{ sequence, entries, restarted }`. The first event, and again when the table has begun anew, and
 *   when changes were missed.
 * - `update`: one change of it, an `Update`.
 * - `down`: the table, or what tells of its changes, is not there; `table` comes when it is there again.
 *
 * A viewer that is slow misses changes and gets the whole table instead: what waits for it is bounded, and nobody waits
 * for it.
 */
import * as PubSub from "@effect-otp/core/PubSub"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { Hashmap } from "../Hashmap.ts"
import * as Json from "../Json.ts"
import { ScutiPubSub, Updated } from "../ScutiPubSub.ts"
import type { Update } from "../Updates.ts"
import * as Following from "./Following.ts"

/** How many changes may wait for one viewer. */
const capacity = 256
/** How often a connection is kept alive, and is looked whether its viewer knows everything. */
const pulse = "15 seconds"
/** How long to wait before looking again for what is down. */
const patience = "500 millis"

const event = (name: string, data: string): string => `event: ${name}\ndata: ${data}\n\n`

const tableEvent = (sequence: number, entries: Iterable<readonly [string, unknown]>, restarted: boolean): string =>
  event("table", `{"sequence":${sequence},"restarted":${restarted},"entries":${Json.object(entries)}}`)

const updateEvent = (update: Update): string =>
  event("update", Json.text("value" in update ? { ...update, value: Json.plain(update.value) } : update))

const downEvent = ({ message }: { readonly message: string }): string => event("down", Json.text({ message }))

/** The number first: what happens between the two is told once more, which does no harm. */
const snapshot = Effect.gen(function* () {
  const sequence = yield* Hashmap.sequence
  const table = yield* Hashmap.getAll
  return { last: sequence, text: tableEvent(sequence, table, false) }
})

type Step = readonly [last: number, text: string]

const refreshed = Effect.map(snapshot, ({ last, text }): Step => [last, text])

const told = (last: number, update: Update) => {
  const next = Following.next(last, update.sequence)
  if (next === "skip") return Effect.succeed<Step>([last, ""])
  if (update._tag === "Start") {
    return Effect.succeed<Step>([update.sequence, tableEvent(update.sequence, Object.entries(update.entries), true)])
  }
  return next === "send" ? Effect.succeed<Step>([update.sequence, updateEvent(update)]) : refreshed
}

/** A comment, which no browser shows; or the table, if something was missed. */
const checked = (last: number) =>
  Effect.flatMap(Hashmap.sequence, (sequence) =>
    sequence === last ? Effect.succeed<Step>([last, ": still here\n\n"]) : refreshed
  )

const pulses = Stream.as(Stream.fromSchedule(Schedule.spaced(pulse)), null)

/** Follows the table until that fails. */
const followed = Stream.unwrapScoped(
  Effect.gen(function* () {
    const updates = yield* PubSub.subscription(ScutiPubSub, Updated, { capacity, overflow: "dropOldest" })
    const { last, text } = yield* snapshot
    const changes = Stream.merge(updates.stream, pulses, { haltStrategy: "left" })
    return Stream.concat(
      Stream.make(text),
      Stream.mapAccumEffect(changes, last, (last, update) => (update === null ? checked(last) : told(last, update)))
    )
  })
)

/** The events, for as long as somebody reads them. */
export const events: Stream.Stream<string, never, Hashmap | ScutiPubSub> = Stream.concat(
  // How long a browser waits before it connects again, in milliseconds.
  Stream.make("retry: 1000\n\n"),
  followed.pipe(
    Stream.catchAll((error) =>
      Stream.concat(Stream.make(downEvent(error)), Stream.drain(Stream.fromEffect(Effect.sleep(patience))))
    ),
    Stream.repeat(Schedule.forever)
  )
).pipe(Stream.filter((text) => text !== ""))
