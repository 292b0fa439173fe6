import { assert, describe, it } from "@effect/vitest"
import * as HashMap from "effect/HashMap"
import { type Contestant, javascriptContestants } from "../src/contestant.ts"
import { burstSizes, type RowId, rows } from "../src/rows.ts"
import { countCast, seed, WrongAnswer } from "../src/table.ts"

const contestants = await Promise.all(
  javascriptContestants.map(async (name) => {
    const { contestant }: { readonly contestant: Contestant } = await import(`../src/contestants/${name}.ts`)
    return [name, contestant] as const
  })
)

/** What a row is run with, small enough for a test: a burst is never less than one. */
const operations = (id: RowId) => Object.entries(burstSizes).find(([size]) => id === `burst-${size}`)?.[1] ?? 300

const timeRows = rows.filter((row) => row.kind === "time").filter(({ id }) => operations(id) <= 10_000)

describe.each(contestants)("%s", (_, contestant) => {
  it.each(timeRows.filter(({ id }) => contestant.time[id] !== undefined))("runs $id, twice", async ({ id }) => {
    const workload = await contestant.time[id]!(seed)
    await workload.run(operations(id))
    await workload.run(operations(id))
  })

  it.each(rows.filter((row) => row.kind === "memory").filter(({ id }) => contestant.memory[id] !== undefined))(
    "populates $id",
    async ({ id }) => {
      const population = await contestant.memory[id]!(seed, 10)
      assert.strictEqual(population.servers.filter((server) => server !== undefined).length, 10)
      await population.release()
    }
  )

  it.each(rows.filter((row) => row.kind === "gap").filter(({ id }) => contestant.gap[id] !== undefined))(
    "calls for $id until it is over",
    async ({ id }) => {
      let calls = 0
      await contestant.gap[id]!(seed, () => calls++ === 100)
      assert.strictEqual(calls, 101)
    }
  )

  it.each(["get", "get-100", "effect-sync"] as const)("a wrong answer to %s is found", async (id) => {
    const prepare = contestant.time[id]
    if (prepare === undefined) return
    const workload = await prepare({ ...seed, table: HashMap.make(["name", "Jack"]) })
    await rejectsWrongAnswer(workload.run(300))
  })

  it("a cast counted twice is found", async () => {
    const workload = await contestant.time["burst-1e3"]!({ ...seed, count: 1 })
    await rejectsWrongAnswer(workload.run(1_000))
  })
})

const rejectsWrongAnswer = async (promise: Promise<void>) => {
  try {
    await promise
  } catch (error) {
    // what Effect rejects with is a copy of the error, with the same name
    assert.strictEqual(error instanceof Error && error.name.endsWith(WrongAnswer.name), true, String(error))
    return
  }
  assert.fail("nothing was found")
}

it("casts are counted only in their order", () => {
  assert.strictEqual([0, 1, 2].reduce(countCast, 0), 3)
  for (const casts of [
    [0, 2],
    [1, 0, 2],
    [0, 0, 1],
    [0, 1, 1, 2]
  ])
    assert.isNaN(casts.reduce(countCast, 0))
})
