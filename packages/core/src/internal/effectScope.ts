/**
 * What Effect 3's scopes do not offer and the kernel needs: taking a finalizer back, and seeing whether there is one.
 *
 * `Scope.addFinalizer` cannot be undone, and a child scope costs as much as a server's whole start: in a scope that lives
 * long and starts many servers, the finalizers of those that have ended would pile up. This uses how Effect 3 keeps them;
 * a test fails if a version changes that.
 */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"

interface State {
  readonly _tag: "Open" | "Closed"
  readonly finalizers?: Map<object, Scope.Scope.Finalizer>
}

// Effect's own implementation keeps its finalizers in a map behind `state`; another one may not.
const stateOf = (scope: Scope.Scope): State | undefined => (scope as { readonly state?: State }).state

/** Whether anything was ever added to an open scope that is still in it. */
export const isUsed = (scope: Scope.Scope): boolean => stateOf(scope)?.finalizers?.size !== 0

/** Ties a finalizer to a scope. Returns what unties it, or an effect to be run if that cannot be done in one step. */
export const attach = (
  scope: Scope.Scope,
  finalizer: Scope.Scope.Finalizer
): { readonly detach: () => void; readonly pending: Effect.Effect<void> | null } => {
  const state = stateOf(scope)
  if (state?._tag === "Open" && state.finalizers instanceof Map) {
    const { finalizers } = state
    const key = {}
    finalizers.set(key, finalizer)
    return { detach: () => void finalizers.delete(key), pending: null }
  }
  let isDetached = false
  return {
    detach: () => {
      isDetached = true
    },
    pending: Scope.addFinalizerExit(scope, (exit) => (isDetached ? Effect.void : finalizer(exit)))
  }
}
