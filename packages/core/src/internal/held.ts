/**
 * What a server that has ended leaves in its mailbox for the next one in its seat (`mailbox.onRestart`): calls whose
 * callers go on waiting, and casts. What a server sent itself, its timers and continues are not among them.
 */
import type { DownReason } from "../ExitReason.ts"
import { Envelope, type Home, Phase } from "./envelope.ts"
import { downExit, type Item } from "./items.ts"
import type { Stats } from "./metrics.ts"

export class Held {
  private readonly items: ReadonlyArray<Item>
  private readonly stats: Stats

  constructor(items: ReadonlyArray<Item>, stats: Stats) {
    this.items = items
    this.stats = stats
  }

  /** With what is left after it. */
  and(later: Held): Held {
    return new Held([...this.items, ...later.items], this.stats)
  }

  /** Gives everything that somebody still wants handled to the next server, in order. */
  handOver(home: Home, push: (item: Item) => void): void {
    for (const item of this.items) {
      if (item instanceof Envelope) {
        if (item.isWithdrawn) continue
        item.home = home
        item.phase = Phase.Queued
      }
      push(item)
    }
  }

  /** There is no next one: who waits is told. */
  dismiss(server: string, reason: DownReason): void {
    for (const item of this.items) {
      if (item instanceof Envelope) item.settle(downExit(server, item.tag, reason))
      else this.stats.undelivered++
    }
  }
}
