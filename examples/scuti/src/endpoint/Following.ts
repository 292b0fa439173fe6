/** What a viewer that has followed the table up to a change does with the next thing it is told. A plain function. */

/**
 * - `skip`: it knows that already, since the table it was shown was younger than the change.
 * - `send`: that is the next change.
 * - `refresh`: changes in between are missing, so it is shown the whole table again.
 */
export const next = (last: number, sequence: number): "skip" | "send" | "refresh" =>
  sequence <= last ? "skip" : sequence === last + 1 ? "send" : "refresh"
