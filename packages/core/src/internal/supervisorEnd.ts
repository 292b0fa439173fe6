import * as Effect from "effect/Effect"
import type { CallError } from "../CallError.ts"
import type { ExitReason } from "../ExitReason.ts"
import type { MaxRestartsExceeded } from "../SupervisorError.ts"
import { withServer } from "./calling.ts"
import { downExit } from "./items.ts"
import { Overseer } from "./overseer.ts"

/** Waits until a supervisor has ended; it is a failure if it has given up. */
export const awaitEnd = <E, R>(
  server: Effect.Effect<unknown, E, R>
): Effect.Effect<ExitReason, MaxRestartsExceeded | CallError | E, R> =>
  // What finds the server may fail and require something, as its own type says.
  withServer(server, (ref) => {
    const process = ref.occupant
    if (process === null) return downExit(ref.name, "awaitEnd", ref.down)
    return Effect.async<ExitReason, MaxRestartsExceeded>((resume) => {
      const tell = (reason: ExitReason): void => {
        const gaveUp = process instanceof Overseer ? process.gaveUp : null
        resume(gaveUp === null ? Effect.succeed(reason) : Effect.fail(gaveUp))
      }
      process.whenDown(tell)
      return Effect.sync(() => process.forgetWaiting(tell))
    })
  }) as Effect.Effect<ExitReason, MaxRestartsExceeded | CallError | E, R>
