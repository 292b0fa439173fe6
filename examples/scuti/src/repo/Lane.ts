/**
 * A way that only so many may use at once; the others wait, and go in the order in which they came.
 *
 * Effect's semaphore does the same for a few. It wakes all who wait whenever one leaves, and all but one wait anew: for
 * two thousand queries that come at once it takes minutes, and gigabytes.
 */
import * as Effect from "effect/Effect"
import * as MutableQueue from "effect/MutableQueue"

export interface Lane {
  /** Runs an effect when it is its turn. Whoever is interrupted meanwhile gives up its place. */
  readonly through: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

interface Waiting {
  state: "waits" | "goes" | "gone"
  readonly go: () => void
}

/** For so many at once. */
export const make = (width: number): Lane => {
  const waiting = MutableQueue.unbounded<Waiting>()
  let free = width
  const leave = () => {
    for (;;) {
      const next = MutableQueue.poll(waiting, null)
      if (next === null) {
        free++
        return
      }
      if (next.state === "gone") continue
      // it is given the place of the one that leaves, so that nobody who comes now is before it
      next.state = "goes"
      next.go()
      return
    }
  }
  const enter = Effect.async<void>((resume) => {
    if (free > 0) {
      free--
      return resume(Effect.void)
    }
    const self: Waiting = { state: "waits", go: () => resume(Effect.void) }
    MutableQueue.offer(waiting, self)
    return Effect.sync(() => {
      // it may be interrupted after it was given the place, and before it knows
      if (self.state === "goes") leave()
      else self.state = "gone"
    })
  })
  return {
    through: (effect) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.zipRight(restore(enter), Effect.ensuring(restore(effect), Effect.sync(leave)))
      )
  }
}
