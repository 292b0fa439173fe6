/**
 * The members of Effect 3's `FiberRuntime` that its public interface leaves out and the kernel needs, in one place:
 * a fiber lives on from one message to the next, so what a handler did to it must be taken back.
 */
import type * as Fiber from "effect/Fiber"
import type * as FiberRefs from "effect/FiberRefs"

interface Internals {
  setFiberRefs(refs: FiberRefs.FiberRefs): void
  getChildren(): Set<Fiber.RuntimeFiber<unknown, unknown>>
}

// The class behind every `RuntimeFiber` has these methods; a test fails if a version of Effect takes them away.
const internals = (fiber: Fiber.RuntimeFiber<unknown, unknown>): Internals => fiber as unknown as Internals

/** Replaces all FiberRefs of a fiber. To be called in the fiber's own turn. */
export const setFiberRefs = (fiber: Fiber.RuntimeFiber<unknown, unknown>, refs: FiberRefs.FiberRefs): void =>
  internals(fiber).setFiberRefs(refs)

/** The fibers forked by a fiber that are still alive. */
export const livingChildren = (
  fiber: Fiber.RuntimeFiber<unknown, unknown>
): ReadonlySet<Fiber.RuntimeFiber<unknown, unknown>> => internals(fiber).getChildren()
