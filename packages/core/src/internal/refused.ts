/**
 * What types need so that compilers and editors tell a human what is the matter. Nothing here exists at run time.
 */

declare const refused: unique symbol

/** Stands where nothing of the kind can be, so that the compiler's message says why. */
export interface Refused<out Why extends string> {
  readonly [refused]: Why
}

/** `A`, which is not inferred from what the result should be. An editor shows `A`, where it would show `NoInfer<A>`. */
export type Settled<A> = [A] extends [infer Inferred] ? Inferred : never
