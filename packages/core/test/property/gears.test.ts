import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { show } from "./history.ts"
import { violations } from "./model.ts"
import { type Program, program } from "./program.ts"
import { run } from "./run.ts"

const seed = Number(process.env["SEED"] ?? 42)
const runs = Number(process.env["RUNS"] ?? 200)

const problemsOf = (program: Program, seed: number, inline: "on" | "off") => {
  const result = run(program, { seed, inline, giveWay: 0.1 })
  const problems = violations(result.history)
  return { history: result.history, problems: result.isOver ? problems : [...problems, "it never came to rest"] }
}

describe("the two gears", () => {
  for (const inline of ["on", "off"] as const) {
    it(`keep the contract in random programs, inline gear ${inline}`, () => {
      let steps = 0
      const details = FastCheck.check(
        FastCheck.property(program, FastCheck.nat(), (program, schedule) => {
          steps += program.clients.reduce((sum, moves) => sum + moves.length, 0)
          return problemsOf(program, schedule, inline).problems.length === 0
        }),
        { seed, numRuns: runs, ...(process.env["SHRINK"] ? { path: process.env["SHRINK"] } : {}) }
      )
      console.log(steps)
      if (details.failed) {
        const [program, schedule] = details.counterexample as [Program, number]
        const { history, problems } = problemsOf(program, schedule, inline)
        assert.fail(
          `SEED=${seed} ${details.counterexamplePath} ${details.errorInstance ?? ""}\n${problems.join("\n")}\n${JSON.stringify(program)} ${schedule}\n${show(history)}`
        )
      }
    }, 600_000)
  }
})
