/**
 * What the kernel needs of Effect 3's fibers and their public interface leaves out, in one place: a fiber lives on from
 * one message to the next, so what a handler did to it must be taken back; and it parks after each, so parking must be
 * cheap.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type * as FiberRefs from "effect/FiberRefs"

interface Internals {
  readonly _fiberRefs?: FiberRefs.FiberRefs
  readonly currentRuntimeFlags?: number
  setFiberRefs(refs: FiberRefs.FiberRefs): void
  getChildren(): Set<Fiber.RuntimeFiber<unknown, unknown>>
}

// The class behind every `RuntimeFiber` has these methods; a test fails if a version of Effect takes them away.
const internals = (fiber: Fiber.RuntimeFiber<unknown, unknown>): Internals => fiber as unknown as Internals

/** Replaces all FiberRefs of a fiber. To be called in the fiber's own turn, or while it is parked. */
export const setFiberRefs = (fiber: Fiber.RuntimeFiber<unknown, unknown>, refs: FiberRefs.FiberRefs): void => {
  // Mostly nothing has changed them, and setting them is a tenth of a message.
  if (internals(fiber)._fiberRefs !== refs) internals(fiber).setFiberRefs(refs)
}

/** What tells whether a fiber's FiberRefs are those that it had before, without asking for them: that makes new ones. */
export const identityOf = (fiber: Fiber.RuntimeFiber<unknown, unknown>): FiberRefs.FiberRefs | undefined =>
  internals(fiber)._fiberRefs

/** The runtime flags of a fiber, which are not among its FiberRefs until one asks for those. */
export const flagsOf = (fiber: Fiber.RuntimeFiber<unknown, unknown>): number | undefined =>
  internals(fiber).currentRuntimeFlags

/** The fibers forked by a fiber that are still alive. */
export const livingChildren = (
  fiber: Fiber.RuntimeFiber<unknown, unknown>
): ReadonlySet<Fiber.RuntimeFiber<unknown, unknown>> => internals(fiber).getChildren()

interface Primitive {
  effect_instruction_i0: unknown
  effect_instruction_i1: unknown
}

/**
 * `Effect.async` without what it makes at each run, a canceler for one. The effect can be run any number of
 * times.
 */
export const parking = (register: (resume: (effect: Effect.Effect<void>) => void) => void): Effect.Effect<void> => {
  // Effect's primitives are of one class, which is not exported; any of them leads to it.
  const { constructor } = Object.getPrototypeOf(Effect.yieldNow()) as { constructor: new (op: string) => Primitive }
  const primitive = new constructor("Async")
  primitive.effect_instruction_i0 = register
  primitive.effect_instruction_i1 = FiberId.none
  return primitive as unknown as Effect.Effect<void>
}
