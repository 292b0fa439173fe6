/**
 * Runs random programs with the inline gear on and off: each run must be one that a sequential server could have made,
 * and where a program has no races, both must be the same.
 *
 * One seed is always the same, the other is new every time. What a failure says is repeated by
 * `SEED=… SHRUNK=… PROGRAMS=1 npx vitest run packages/core/test/property/gears.test.ts -t "…"`; it begins with the words
 * to put there. `PROGRAMS=…` runs so many of each kind.
 */
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { calmProgram } from "./calm.ts"
import { show } from "./history.ts"
import { violations } from "./model.ts"
import { outline, parting } from "./outline.ts"
import { type Program, program } from "./program.ts"
import { type Options, run } from "./run.ts"
import { seeds } from "./seeds.ts"

type Inline = Options["inline"]

const usual = 150
const programs = Number(process.env["PROGRAMS"] ?? usual)
const path = process.env["SHRUNK"]

/** Programs between two turns of the event loop. */
const batch = 50

/** How long a batch may take, in milliseconds: a second or a few, unless a failing program has to be made smaller. */
const patience = 20_000

const limit = 300_000 + programs * 100

/** Turns of the scheduler that all programs of a seed must come to, or they hardly test anything. */
const enough = 100_000

interface Finding {
  readonly problems: ReadonlyArray<string>
  /** What happened, for whoever has to find out why. */
  readonly account: string
  readonly steps: number
}

type Check = (program: Program, schedule: number) => Finding

const anyRun =
  (inline: Inline): Check =>
  (program, schedule) => {
    // A fiber gives way never, now and then, or often.
    const giveWay = [0, 0.02, 0.1][schedule % 3] as number
    const options = { seed: schedule, inline, giveWay, hurry: 0.02, horizon: 300 }
    const { history, isOver, queued, steps } = run(program, options)
    const problems = [...violations(history)]
    if (!isOver) problems.push("it does not come to rest")
    if (queued !== 0) problems.push(`${queued} messages are said to be waiting when all is over`)
    return { problems, account: show(history), steps }
  }

const calmRuns: Check = (program, schedule) => {
  // A server whose intervals are too short for it may keep who waits for room in its mailbox waiting for ever.
  const runOf = (inline: Inline, seed: number) => run(program, { seed, inline, giveWay: 0.03, hurry: 0, horizon: 1000 })
  const on = runOf("on", schedule)
  const off = runOf("off", schedule + 1)
  const problems = [...violations(on.history), ...violations(off.history)]
  const difference = parting(outline(on.history), outline(off.history))
  if (difference !== null && !on.hasRace && !off.hasRace) problems.push(`the gears part: ${difference}`)
  if (!on.isOver || !off.isOver) problems.push("it does not come to rest")
  const account = `${show(on.history)}\nWithout the inline gear:\n${show(off.history)}`
  return { problems, account, steps: on.steps + off.steps }
}

const properties: ReadonlyArray<readonly [name: string, FastCheck.Arbitrary<Program>, Check]> = [
  ["are what a sequential server could have done, with the inline gear", program, anyRun("on")],
  ["are what a sequential server could have done, without it", program, anyRun("off")],
  ["are the same with and without it where they have no races", calmProgram, calmRuns]
]

/**
 * Checks as many random programs as are wanted, and makes the smallest one that fails the test's failure. Gives how many
 * turns they took.
 */
const checkAll = async (
  name: string,
  seed: number,
  arbitrary: FastCheck.Arbitrary<Program>,
  check: Check
): Promise<number> => {
  let total = 0
  for (let done = 0; done < programs; done += batch) {
    const details = FastCheck.check(
      FastCheck.property(arbitrary, FastCheck.nat(), (program, schedule) => {
        const { problems, steps } = check(program, schedule)
        total += steps
        return problems.length === 0
      }),
      {
        seed: seed + done,
        numRuns: Math.min(batch, programs - done),
        interruptAfterTimeLimit: patience,
        ...(path === undefined ? {} : { path })
      }
    )
    if (details.failed && details.counterexample !== null) {
      const [program, schedule] = details.counterexample
      const { account, problems } = check(program, schedule)
      const again = `${name}: SEED=${details.seed} SHRUNK=${details.counterexamplePath} PROGRAMS=1`
      const text = JSON.stringify(program, (_, value) => (value === Number.POSITIVE_INFINITY ? "∞" : value))
      assert.fail([again, ...problems, text, `schedule ${schedule}`, account].join("\n"))
    }
    await new Promise((resume) => setImmediate(resume))
  }
  return total
}

describe.each(seeds)("random programs, SEED=%i", (seed) => {
  let total = 0

  for (const [name, arbitrary, check] of properties) {
    it(
      name,
      async () => {
        total += await checkAll(name, seed, arbitrary, check)
      },
      limit
    )
  }

  it.runIf(programs >= usual)(`take ${enough} turns or more`, () => {
    assert.isAtLeast(total, enough, "turns")
  })

  it(
    "do the same again from the same seed",
    () => {
      for (const sample of FastCheck.sample(program, { seed, numRuns: 10 })) {
        assert.strictEqual(anyRun("on")(sample, seed).account, anyRun("on")(sample, seed).account)
      }
    },
    limit
  )
})
