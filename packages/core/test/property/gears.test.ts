/**
 * Runs random programs with the inline gear on and off: each run must be one that a sequential server could have made,
 * and where a program has no races, both must be the same.
 *
 * To repeat what a failure says: `SEED=… SHRUNK=… npx vitest run packages/core/test/property/gears.test.ts`.
 * `PROGRAMS=…` runs so many of each kind.
 */
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { calmProgram } from "./calm.ts"
import { show } from "./history.ts"
import { violations } from "./model.ts"
import { outline, parting } from "./outline.ts"
import { type Program, program } from "./program.ts"
import { type Options, run } from "./run.ts"

type Inline = Options["inline"]

const givenSeed = process.env["SEED"]
const seeds = [Number(givenSeed ?? 42)]
const programs = Number(process.env["PROGRAMS"] ?? 150)
const path = process.env["SHRUNK"]

/** Programs between two turns of the event loop. */
const batch = 50

/** How long one batch may take, mostly to make a failing program smaller, in milliseconds. */
const patience = 60_000

const limit = 300_000

interface Finding {
  readonly problems: ReadonlyArray<string>
  /** What happened, for whoever has to find out why. */
  readonly account: string
}

/** Checks as many random programs as are wanted, and makes the smallest one that fails the test's failure. */
const checkAll = async (
  seed: number,
  arbitrary: FastCheck.Arbitrary<Program>,
  check: (program: Program, schedule: number) => Finding
): Promise<void> => {
  for (let done = 0; done < programs; done += batch) {
    const details = FastCheck.check(
      FastCheck.property(
        arbitrary,
        FastCheck.nat(),
        (program, schedule) => check(program, schedule).problems.length === 0
      ),
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
      const again = `SEED=${details.seed} SHRUNK=${details.counterexamplePath} PROGRAMS=1`
      const text = JSON.stringify(program, (_, value) => (value === Number.POSITIVE_INFINITY ? "∞" : value))
      assert.fail([again, ...problems, text, `schedule ${schedule}`, account].join("\n"))
    }
    await new Promise((resume) => setImmediate(resume))
  }
}

const anyRun =
  (inline: Inline) =>
  (program: Program, schedule: number): Finding => {
    // A fiber gives way never, now and then, or often.
    const giveWay = [0, 0.02, 0.1][schedule % 3] as number
    const { history, isOver, queued } = run(program, { seed: schedule, inline, giveWay, hurry: 0.02, horizon: 300 })
    const problems = [...violations(history)]
    if (!isOver) problems.push("it does not come to rest")
    if (queued !== 0) problems.push(`${queued} messages are said to be waiting when all is over`)
    return { problems, account: show(history) }
  }

const calmRuns = (program: Program, schedule: number): Finding => {
  // A server whose intervals are too short for it may keep who waits for room in its mailbox waiting for ever.
  const runOf = (inline: Inline, seed: number) => run(program, { seed, inline, giveWay: 0.03, hurry: 0, horizon: 3000 })
  const on = runOf("on", schedule)
  const off = runOf("off", schedule + 1)
  const problems = [...violations(on.history), ...violations(off.history)]
  const difference = parting(outline(on.history), outline(off.history))
  if (difference !== null && !on.hasRace && !off.hasRace) problems.push(`the gears part: ${difference}`)
  if (!on.isOver || !off.isOver) problems.push("it does not come to rest")
  return { problems, account: `${show(on.history)}\nWithout the inline gear:\n${show(off.history)}` }
}

describe.each(seeds)("random programs, SEED=%i", (seed) => {
  it(
    "are what a sequential server could have done, with the inline gear",
    () => checkAll(seed, program, anyRun("on")),
    limit
  )

  it("are what a sequential server could have done, without it", () => checkAll(seed, program, anyRun("off")), limit)

  it("are the same with and without it where they have no races", () => checkAll(seed, calmProgram, calmRuns), limit)

  it("do the same again from the same seed", () => {
    for (const sample of FastCheck.sample(program, { seed, numRuns: 10 })) {
      assert.strictEqual(anyRun("on")(sample, seed).account, anyRun("on")(sample, seed).account)
    }
  })
})
