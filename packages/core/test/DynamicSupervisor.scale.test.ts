/**
 * Many children under one dynamic supervisor. What is looked at is how often something is done, not how long it takes.
 */
import { assert, describe, it } from "@effect/vitest"
import { DynamicSupervisor, ExitReason, GenServer, Process } from "@effect-otp/core"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { quiet, quietUntil } from "./fixtures/observing.ts"

const many = 20_000

class Next extends GenServer.Call<Next>()("Next", { success: Schema.Number }) {}

/** What has been done to the cells of a hive. */
interface Tally {
  inits: number
  /** How often `terminate` has been called. */
  ends: number
}

class Cell extends GenServer.Service<Cell>()("@test/Cell", { messages: [Next] }) {
  static readonly layer = this.toLayer(
    (tally: Tally) => {
      tally.inits++
      return { count: 0, tally }
    },
    {
      handleCall: {
        Next: (_, { count, tally }) => GenServer.reply(count + 1, { count: count + 1, tally })
      }
    }
  )
}

/** What drones wait for on their way out. */
interface Gate extends Tally {
  readonly open: Deferred.Deferred<void>
}

/** Traps exits, so that each has something to do on its way out. */
class Drone extends GenServer.Service<Drone>()("@test/Drone", { messages: [Next] }) {
  static readonly layer = this.toLayer((gate: Gate) => ({ gate }), {
    trapExit: true,
    terminate: (_, { gate }) =>
      Effect.suspend(() => {
        gate.ends++
        return Deferred.await(gate.open)
      }),
    handleCall: { Next: (_, state) => GenServer.reply(0, state) }
  })
}

class Hive extends DynamicSupervisor.Service<Hive>()("@test/Hive", { children: [Cell, Drone] }) {}

const openIn = (scope: Scope.Scope) =>
  Effect.map(Layer.buildWithScope(Hive.layer(), scope), (context) => Context.get(context, Hive))

const alive = Effect.map(Process.list, (all) => all.length)

const statesOf = (hive: GenServer.ServerRef<Hive>) =>
  Effect.map(DynamicSupervisor.whichChildren(hive), (children) => {
    let running = 0
    const restarted: Array<number> = []
    let at = 0
    for (const { restarts, status } of children) {
      if (status === "running") running++
      if (restarts > 0) restarted.push(at)
      at++
    }
    return { running, restarted }
  })

describe(`${many} children under one supervisor`, () => {
  it.effect("start, one of them is restarted and no other touched, and all of them end (DYN-1, DYN-7, DYN-9)", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const before = yield* alive
      const hive = yield* openIn(scope)
      const tally: Tally = { inits: 0, ends: 0 }
      const cells: Array<GenServer.ServerRef<Cell>> = []
      for (let i = 0; i < many; i++) cells.push(yield* DynamicSupervisor.startChild(hive, Cell, [tally]))
      assert.strictEqual(tally.inits, many)
      assert.strictEqual(yield* alive, before + 1 + many)
      for (const cell of cells) yield* GenServer.call(cell, new Next())

      const victim = many / 2
      yield* Process.exit(cells[victim]!, ExitReason.killed)
      assert.strictEqual(tally.inits, many + 1)
      assert.deepStrictEqual(yield* statesOf(hive), { running: many, restarted: [victim] })
      assert.deepStrictEqual(yield* DynamicSupervisor.countChildren(hive), {
        specs: many,
        active: many,
        supervisors: 0,
        workers: many
      })
      let sum = 0
      for (const cell of cells) sum += yield* GenServer.call(cell, new Next())
      // The one that was restarted has begun anew.
      assert.strictEqual(sum, 2 * many - 1)

      yield* Scope.close(scope, Exit.void)
      yield* quiet
      assert.strictEqual(yield* alive, before)
      assert.strictEqual(tally.inits, many + 1)
      for (const cell of [cells[0]!, cells[victim]!, cells[many - 1]!]) {
        const error = yield* Effect.flip(GenServer.call(cell, new Next()))
        assert.strictEqual(error._tag, "ServerDown")
      }
    })
  )

  it.effect("are terminated one by one, in any order, and nothing is left (DYN-8)", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const before = yield* alive
      const hive = yield* openIn(scope)
      const tally: Tally = { inits: 0, ends: 0 }
      const cells: Array<GenServer.ServerRef<Cell>> = []
      for (let i = 0; i < many; i++) cells.push(yield* DynamicSupervisor.startChild(hive, Cell, [tally]))
      // From both ends to the middle.
      for (let i = 0; i < many / 2; i++) {
        yield* DynamicSupervisor.terminateChild(hive, cells[i]!)
        yield* DynamicSupervisor.terminateChild(hive, cells[many - 1 - i]!)
      }
      assert.strictEqual((yield* DynamicSupervisor.countChildren(hive)).specs, 0)
      assert.strictEqual(yield* alive, before + 1)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* alive, before)
    })
  )

  it.effect("end all at once: none of them waits for another (DYN-9)", () =>
    Effect.gen(function* () {
      const few = many / 10
      const scope = yield* Scope.make()
      const before = yield* alive
      const hive = yield* openIn(scope)
      const gate: Gate = { inits: 0, ends: 0, open: yield* Deferred.make<void>() }
      for (let i = 0; i < few; i++) yield* DynamicSupervisor.startChild(hive, Drone, [gate])
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      // Each has begun to end, and none of them has ended.
      yield* quietUntil(() => gate.ends === few)
      assert.strictEqual(yield* alive, before + 1 + few)
      yield* Deferred.succeed(gate.open, undefined)
      yield* Fiber.join(closing)
      yield* quiet
      assert.strictEqual(yield* alive, before)
    })
  )

  it.effect("crash all at once, and each is restarted once (DYN-7)", () =>
    Effect.gen(function* () {
      const few = many / 10
      const scope = yield* Scope.make()
      const before = yield* alive
      const intensity = { restarts: few, within: "1 minute" } as const
      const hive = Context.get(yield* Layer.buildWithScope(Hive.layer({ intensity }), scope), Hive)
      const tally: Tally = { inits: 0, ends: 0 }
      const cells: Array<GenServer.ServerRef<Cell>> = []
      for (let i = 0; i < few; i++) cells.push(yield* DynamicSupervisor.startChild(hive, Cell, [tally]))
      for (const cell of cells) yield* Process.exit(cell, ExitReason.shutdown())
      yield* quietUntil(() => tally.inits >= 2 * few)
      yield* quiet
      assert.strictEqual(tally.inits, 2 * few)
      assert.strictEqual((yield* statesOf(hive)).restarted.length, few)
      yield* Scope.close(scope, Exit.void)
      yield* quiet
      assert.strictEqual(yield* alive, before)
    })
  )
})
