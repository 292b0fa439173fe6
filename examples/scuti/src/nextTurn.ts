/** The event loop's next turn: by then everything else that was ready has run, and what the system has to tell is in. */
import * as Effect from "effect/Effect"

export const nextTurn: Effect.Effect<void> = Effect.async((resume) => {
  const handle = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(handle))
})
