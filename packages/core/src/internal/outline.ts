/**
 * A tree of processes as text.
 */
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { CallError } from "../CallError.ts"
import { withServer } from "./calling.ts"
import { downExit } from "./items.ts"
import { Overseer } from "./overseer.ts"
import { linesOf } from "./tree.ts"

/** The tree under a supervisor. */
export const draw = <E, R>(server: Effect.Effect<unknown, E, R>): Effect.Effect<string, CallError | E, R> =>
  // What finds the server may fail and require something, as its own type says.
  withServer(server, (ref) => {
    const process = ref.occupant
    if (process === null) return downExit(ref.name, "tree", ref.down)
    return Exit.succeed(
      linesOf(process instanceof Overseer ? process.node : { text: process.name, below: [] }).join("\n")
    )
  }) as Effect.Effect<string, CallError | E, R>
