import * as Cause from "effect/Cause"

/** Why something ended, in one line for humans and without a stack. */
export const causeLine = (cause: Cause.Cause<unknown>): string => {
  if (Cause.isEmpty(cause)) return "it ended by itself"
  if (Cause.isInterruptedOnly(cause)) return "it was interrupted"
  return Cause.pretty(cause).split("\n", 1)[0] ?? ""
}
