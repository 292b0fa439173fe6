import * as FastCheck from "effect/FastCheck"
import { calmProgram } from "./calm.ts"
import { show } from "./history.ts"
import { violations } from "./model.ts"
import { outline, parting } from "./outline.ts"
import { run } from "./run.ts"

const [, , from, count] = process.argv
let steps = 0,
  ties = 0,
  handled = 0
for (let i = Number(from); i < Number(from) + Number(count); i++) {
  const [p] = FastCheck.sample(calmProgram, { seed: i, numRuns: 1 })
  steps += p!.clients.reduce((sum, moves) => sum + moves.length, 0)
  const a = run(p!, { seed: i, inline: "on", giveWay: 0.05, hurry: 0, horizon: 5000 })
  const b = run(p!, { seed: i + 1, inline: "off", giveWay: 0.05, hurry: 0, horizon: 5000 })
  const v = [...violations(a.history).map((x) => "on " + x), ...violations(b.history).map((x) => "off " + x)]
  const x = outline(a.history),
    y = outline(b.history)
  if (a.hasTie || b.hasTie) {
    ties++
    continue
  }
  handled += x.length
  const d = parting(x, y)
  if (v.length || d !== null || !a.isOver || !b.isOver) console.log(i, a.isOver, b.isOver, v.slice(0, 3), d)
  if (process.env.SHOW) console.log(show(a.history) + "\n=====\n" + show(b.history))
}
console.log({ steps, ties, handled })
