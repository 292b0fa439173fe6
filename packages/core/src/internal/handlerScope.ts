/**
 * The `Scope` that handlers find in their context. A real scope is opened only for a handler that uses it, and closed
 * when that handler's effect has ended: most handlers acquire nothing, and a scope each would cost as much as the call.
 */
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import { pipeArguments } from "effect/Pipeable"
import * as Scope from "effect/Scope"

export class HandlerScope implements Scope.Scope {
  readonly [Scope.ScopeTypeId]: typeof Scope.ScopeTypeId = Scope.ScopeTypeId
  readonly strategy = ExecutionStrategy.sequential
  private opened: Scope.CloseableScope | null = null
  private readonly isHandling: () => boolean

  constructor(isHandling: () => boolean) {
    this.isHandling = isHandling
  }

  get isOpen(): boolean {
    return this.opened !== null
  }

  /** Closes what the handler opened. */
  close(exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    const opened = this.opened
    this.opened = null
    return opened === null ? Effect.void : Scope.close(opened, exit)
  }

  private readonly open: Effect.Effect<Scope.CloseableScope> = Effect.suspend(() => {
    if (this.opened !== null) return Effect.succeed(this.opened)
    return Effect.tap(Scope.make(), (scope) => {
      // A fiber that outlives its handler finds the scope closed, as it would any other.
      if (!this.isHandling()) return Scope.close(scope, Exit.void)
      this.opened = scope
      return Effect.void
    })
  })

  fork(strategy: ExecutionStrategy.ExecutionStrategy): Effect.Effect<Scope.CloseableScope> {
    return Effect.flatMap(this.open, (scope) => Scope.fork(scope, strategy))
  }

  addFinalizer(finalizer: Scope.Scope.Finalizer): Effect.Effect<void> {
    return Effect.flatMap(this.open, (scope) => Scope.addFinalizerExit(scope, finalizer))
  }

  pipe() {
    // biome-ignore lint/complexity/noArguments: how `Pipeable` is implemented throughout Effect
    return pipeArguments(this, arguments)
  }
}
