/**
 * What the kernel takes for granted of Effect 3, beyond its public interface. A failure here says that a new version of
 * Effect needs a change in `internal/effectFiber`, `internal/effectScope` or `internal/gear`.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import { flagsOf, identityOf, livingChildren, setFiberRefs } from "../../src/internal/effectFiber.ts"
import { attach, isUsed } from "../../src/internal/effectScope.ts"
import { start } from "../fixtures/Scripted.ts"

const thisFiber = Effect.withFiberRuntime<Fiber.RuntimeFiber<unknown, unknown>>((fiber) =>
  // Its own result does not matter to whoever looks at it.
  Effect.succeed(fiber as Fiber.RuntimeFiber<unknown, unknown>)
)

describe("a fiber", () => {
  const number = FiberRef.unsafeMake(0)

  it.effect("has its FiberRefs set in its own turn, and sees that at once", () =>
    Effect.gen(function* () {
      const fiber = yield* thisFiber
      const before = fiber.getFiberRefs()
      yield* FiberRef.set(number, 1)
      yield* FiberRef.set(
        FiberRef.currentContext,
        fiber.currentContext.pipe((context) => context)
      )
      setFiberRefs(fiber, before)
      assert.strictEqual(yield* FiberRef.get(number), 0)
    })
  )

  it.effect("has what it keeps of its FiberRefs set as well", () =>
    Effect.gen(function* () {
      const fiber = yield* thisFiber
      const before = fiber.getFiberRefs()
      const { currentScheduler, currentTracer } = fiber
      yield* FiberRef.set(FiberRef.currentScheduler, new Scheduler.MixedScheduler(1))
      assert.notStrictEqual(fiber.currentScheduler, currentScheduler)
      setFiberRefs(fiber, before)
      assert.strictEqual(fiber.currentScheduler, currentScheduler)
      assert.strictEqual(fiber.currentTracer, currentTracer)
    })
  )

  it.effect("is known to be as it was without being asked for its FiberRefs", () =>
    Effect.gen(function* () {
      const fiber = yield* thisFiber
      const look = () => ({ identity: identityOf(fiber), flags: flagsOf(fiber) })
      const before = look()
      assert.isDefined(before.identity)
      assert.isNumber(before.flags)
      yield* Effect.void
      assert.strictEqual(look().identity, before.identity)
      yield* FiberRef.set(number, 1)
      assert.notStrictEqual(look().identity, before.identity)
      const flags = yield* Effect.uninterruptible(Effect.sync(() => look().flags))
      assert.notStrictEqual(flags, before.flags)
    })
  )

  it.effect("has its FiberRefs set while it is parked", () =>
    Effect.gen(function* () {
      let wake = () => {}
      const parked = Effect.async<void>((resume) => {
        wake = () => resume(Effect.void)
      })
      const fiber = yield* Effect.fork(
        Effect.gen(function* () {
          const before = yield* FiberRef.get(number)
          yield* parked
          return [before, yield* FiberRef.get(number)]
        })
      )
      yield* Effect.yieldNow()
      const refs = fiber.getFiberRefs()
      yield* FiberRef.set(number, 7)
      const mine = (yield* thisFiber).getFiberRefs()
      assert.notStrictEqual(refs, mine)
      setFiberRefs(fiber, mine)
      wake()
      assert.deepStrictEqual(yield* Fiber.join(fiber), [0, 7])
    })
  )

  it.effect("knows the fibers that it has forked, as long as they are alive, and no daemons", () =>
    Effect.gen(function* () {
      const fiber = yield* thisFiber
      const child = yield* Effect.fork(Effect.never)
      const daemon = yield* Effect.forkDaemon(Effect.never)
      yield* Effect.yieldNow()
      assert.deepStrictEqual(
        Array.from(livingChildren(fiber), (child) => child.id()),
        [child.id()]
      )
      yield* Fiber.interruptAll([child, daemon])
      assert.strictEqual(livingChildren(fiber).size, 0)
    })
  )

  it.effect("hands itself to its scheduler with every task, its own start too", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const scheduler: Scheduler.Scheduler = {
        shouldYield: Scheduler.defaultScheduler.shouldYield.bind(Scheduler.defaultScheduler),
        scheduleTask: (task, priority, fiber) => {
          seen.push(fiber?.id())
          Scheduler.defaultScheduler.scheduleTask(task, priority, fiber)
        }
      }
      let wake = () => {}
      const fiber = Effect.runFork(
        Effect.async<void>((resume) => {
          wake = () => resume(Effect.void)
        }),
        { scheduler, immediate: false }
      )
      yield* Effect.yieldNow()
      wake()
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(seen, [fiber.id(), fiber.id()])
    })
  )

  it("runs in the turn of whoever wakes it if its scheduler does, up to the next time that it waits", () => {
    const steps: Array<string> = []
    const scheduler: Scheduler.Scheduler = { shouldYield: () => false, scheduleTask: (task) => task() }
    let wake = () => {}
    const wait = Effect.async<void>((resume) => {
      steps.push("waits")
      wake = () => resume(Effect.void)
    })
    const fiber = Effect.runFork(
      Effect.forever(
        Effect.zipRight(
          wait,
          Effect.sync(() => void steps.push("works"))
        )
      ),
      { scheduler, immediate: false }
    )
    wake()
    steps.push("woken")
    wake()
    assert.deepStrictEqual(steps, ["waits", "works", "waits", "woken", "works", "waits"])
    fiber.unsafeInterruptAsFork(fiber.id())
  })

  it.effect("takes an interruption from outside, as nobody", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(Effect.never)
      yield* Effect.yieldNow()
      fiber.unsafeInterruptAsFork(fiber.id())
      assert.isTrue(Exit.isInterrupted(yield* Fiber.await(fiber)))
    })
  )
})

/** How a scope keeps its finalizers. */
const inside = (scope: Scope.Scope) =>
  (scope as unknown as { readonly state: { readonly _tag: string; readonly finalizers?: unknown } }).state

const finalizersIn = (scope: Scope.Scope): number => {
  const { finalizers } = inside(scope)
  assert.instanceOf(finalizers, Map)
  return (finalizers as Map<unknown, unknown>).size
}

/** A scope of somebody else's making. */
class OtherScope implements Scope.Scope {
  readonly [Scope.ScopeTypeId]: typeof Scope.ScopeTypeId = Scope.ScopeTypeId
  readonly strategy = ExecutionStrategy.sequential
  private readonly scope: Scope.CloseableScope

  constructor(scope: Scope.CloseableScope) {
    this.scope = scope
  }

  fork(strategy: ExecutionStrategy.ExecutionStrategy): Effect.Effect<Scope.CloseableScope> {
    return Scope.fork(this.scope, strategy)
  }

  addFinalizer(finalizer: Scope.Scope.Finalizer): Effect.Effect<void> {
    return Scope.addFinalizerExit(this.scope, finalizer)
  }

  // A scope is pipeable, which nobody makes use of here.
  pipe(): this {
    return this
  }
}

describe("a scope", () => {
  it.effect("keeps its finalizers in a map as long as it is open", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      assert.strictEqual(inside(scope)._tag, "Open")
      assert.strictEqual(finalizersIn(scope), 0)
      assert.isFalse(isUsed(scope))
      yield* Scope.addFinalizer(scope, Effect.void)
      assert.strictEqual(finalizersIn(scope), 1)
      assert.isTrue(isUsed(scope))
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(inside(scope)._tag, "Closed")
    })
  )

  it.effect("counts as used as soon as anything is in it", () =>
    Effect.gen(function* () {
      const uses: ReadonlyArray<Effect.Effect<unknown, never, Scope.Scope>> = [
        Effect.addFinalizer(() => Effect.void),
        Effect.acquireRelease(Effect.void, () => Effect.void),
        Effect.forkScoped(Effect.never),
        Effect.flatMap(Scope.Scope, (scope) => Scope.fork(scope, ExecutionStrategy.sequential))
      ]
      for (const use of uses) {
        const scope = yield* Scope.make()
        yield* Scope.extend(use, scope)
        assert.isTrue(isUsed(scope))
        yield* Scope.close(scope, Exit.void)
      }
    })
  )

  it.effect("runs what was attached with its exit, in reverse among the others", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const scope = yield* Scope.make()
      const note = (what: string) => Effect.sync(() => void log.push(what))
      yield* Scope.addFinalizer(scope, note("first"))
      attach(scope, (exit) => note(`attached: ${exit._tag}`))
      yield* Scope.addFinalizer(scope, note("last"))
      yield* Scope.close(scope, Exit.fail("no"))
      assert.deepStrictEqual(log, ["last", "attached: Failure", "first"])
    })
  )

  it.effect("does not run what was detached, and keeps nothing of it", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      let runs = 0
      for (let i = 0; i < 1000; i++) {
        const { detach, pending } = attach(scope, () => Effect.sync(() => void runs++))
        assert.isNull(pending)
        detach()
        detach()
      }
      assert.strictEqual(finalizersIn(scope), 0)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(runs, 0)
    })
  )

  it.effect("that is closed runs what is attached once the pending effect is run", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Scope.close(scope, Exit.void)
      let runs = 0
      const { pending } = attach(scope, () => Effect.sync(() => void runs++))
      assert.isNotNull(pending)
      yield* pending ?? Effect.void
      assert.strictEqual(runs, 1)
    })
  )

  it.effect("of somebody else's making is asked by its own interface", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const scope = yield* Scope.make()
      const other = new OtherScope(scope)
      for (const name of ["kept", "detached"]) {
        const { detach, pending } = attach(other, () => Effect.sync(() => void log.push(name)))
        yield* pending ?? Effect.die("it was not asked")
        if (name === "detached") detach()
      }
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(log, ["kept"])
    })
  )
})

describe("a server in a scope of somebody else's making", () => {
  it.effect("ends with it", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const scope = yield* Scope.make()
      const options = { trapExit: true, terminate: () => Effect.sync(() => void log.push("ended")) }
      yield* Effect.provideService(start(options), Scope.Scope, new OtherScope(scope))
      assert.deepStrictEqual(log, [])
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(log, ["ended"])
    })
  )
})
