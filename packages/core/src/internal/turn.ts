import * as Effect from "effect/Effect"
import { afterTurn } from "./fairness.ts"

/** Lets the event loop turn. */
export const turn: Effect.Effect<void> = Effect.async<void>((resume) => afterTurn(() => resume(Effect.void)))
