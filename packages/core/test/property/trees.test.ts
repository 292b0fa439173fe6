/**
 * Runs random trees of supervisors under random faults: one at a time, where everything must be as a plain statement of
 * the rules says, and several at once, where nobody may be left without an answer and nothing without an owner.
 *
 * To repeat what a failure says: `SEED=… SHRUNK=… npx vitest run packages/core/test/property/trees.test.ts`.
 * `PROGRAMS=…` runs so many of each kind.
 */
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { orderlyRun } from "./orderly.ts"
import { seeds } from "./seeds.ts"
import { orderlyProgram, type Program, wildProgram } from "./tree.ts"
import type { Finding, Options } from "./treeRun.ts"
import { wildRun } from "./wild.ts"

/** One that is always the same, and one that is not. */
const programs = Number(process.env["PROGRAMS"] ?? 150)
const path = process.env["SHRUNK"]

/** How long may be spent, mostly to make a failing program smaller, in milliseconds. */
const patience = 60_000

const limit = 300_000

type Check = (program: Program, options: Options) => Promise<Finding>

const optionsOf = (schedule: number): Options => ({
  seed: schedule,
  // A fiber gives way never, now and then, or often.
  giveWay: [0, 0.02, 0.1][schedule % 3] as number,
  hurry: 0.02
})

/** Checks as many random programs as are wanted, and makes the smallest one that fails the test's failure. */
const checkAll = async (seed: number, arbitrary: FastCheck.Arbitrary<Program>, check: Check): Promise<void> => {
  let finding: Finding = { problems: [], account: [] }
  let run = Promise.resolve(finding)
  const details = await FastCheck.check(
    FastCheck.asyncProperty(arbitrary, FastCheck.nat(), async (program, schedule) => {
      run = check(program, optionsOf(schedule))
      const found = await run
      // The last that fails is the smallest.
      if (found.problems.length > 0) finding = found
      return found.problems.length === 0
    }),
    {
      seed,
      numRuns: programs,
      interruptAfterTimeLimit: patience,
      ...(path === undefined ? {} : { path })
    }
  )
  // When the time is over, the run that it is over in goes on: the next one would see what lives in it.
  await run
  if (!details.failed || details.counterexample === null) return
  const [program, schedule] = details.counterexample
  const { account, problems } = finding
  const again = `SEED=${details.seed} SHRUNK=${details.counterexamplePath} PROGRAMS=1`
  const text = JSON.stringify(program, (_, value) => (value === Number.POSITIVE_INFINITY ? "∞" : value))
  assert.fail([again, ...problems, text, `schedule ${schedule}`, ...account].join("\n"))
}

describe.each(seeds)("random trees, SEED=%i", (seed) => {
  it("do what the rules say, one fault after the other", () => checkAll(seed, orderlyProgram, orderlyRun), limit)

  it(
    "leave nobody waiting and nothing behind, whatever comes at once",
    () => checkAll(seed, wildProgram, wildRun),
    limit
  )

  it(
    "do the same again from the same seed",
    async () => {
      for (const sample of FastCheck.sample(wildProgram, { seed, numRuns: 10 })) {
        const [one, other] = [await wildRun(sample, optionsOf(seed)), await wildRun(sample, optionsOf(seed))]
        assert.deepStrictEqual(one.account, other.account)
      }
    },
    limit
  )
})
