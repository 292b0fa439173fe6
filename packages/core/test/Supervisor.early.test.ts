import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as GenServer from "../src/GenServer.ts"
import * as Supervisor from "../src/Supervisor.ts"

class Boom extends GenServer.Continue<Boom>()("Boom") {}

class Hasty extends GenServer.Service<Hasty>()("@test/Hasty", { messages: [Boom] }) {
  /** The first one crashes right after its `init`, before whoever builds its layer has gone on. */
  static readonly layer = this.toLayer(
    (starts: { count: number }) =>
      Effect.sync(() => (++starts.count === 1 ? GenServer.ok(1, { continue: new Boom() }) : GenServer.ok(1))),
    {
      handleContinue: {
        Boom: () => {
          throw new Error("too early")
        }
      }
    }
  )
}

class Top extends Supervisor.Service<Top>()("@test/Top") {}

describe("a server that ends right after its start", () => {
  it.effect("is restarted also if its child's layer was still being built", () => {
    const starts = { count: 0 }
    const layer = Layer.map(Hasty.layer(starts), (services) => services)
    const tree = Top.layer({ children: [Supervisor.child(layer, { id: "hasty" })] })
    return Effect.gen(function* () {
      for (let turns = 0; starts.count < 2 && turns < 1_000; turns++) yield* Effect.yieldNow()
      yield* Effect.yieldNow()
      const [child] = yield* Supervisor.whichChildren(Top)
      assert.deepStrictEqual([child?.status, child?.restarts, starts.count], ["running", 1, 2])
    }).pipe(Effect.provide(tree))
  })
})
