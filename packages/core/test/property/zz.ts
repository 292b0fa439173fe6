import * as FastCheck from "effect/FastCheck"
import { show } from "./history.ts"
import { violations } from "./model.ts"
import { program } from "./program.ts"
import { run } from "./run.ts"

const [, , from, count, mode] = process.argv
let steps = 0,
  events = 0,
  tRun = 0,
  tModel = 0
for (let i = Number(from); i < Number(from) + Number(count); i++) {
  const [p] = FastCheck.sample(program, { seed: i, numRuns: 1 })
  steps += p!.clients.reduce((sum, moves) => sum + moves.length, 0)
  const t0 = performance.now()
  const r = run(p!, {
    seed: i,
    inline: mode as "on",
    giveWay: Number(process.env.GW ?? 0.05),
    hurry: 0.02,
    horizon: 300
  })
  const t1 = performance.now()
  const v = violations(r.history)
  tRun += t1 - t0
  tModel += performance.now() - t1
  events += r.history.length
  if (r.queued) console.log(i, "queued", r.queued)
  if (v.length || !r.isOver || t1 - t0 > 1000)
    console.log(i, r.isOver, r.history.length, (t1 - t0).toFixed(0), v.slice(0, 3))
}
if (process.env.SHOW) {
  const [p] = FastCheck.sample(program, { seed: Number(from), numRuns: 1 })
  console.log(
    show(
      run(p!, {
        seed: Number(from),
        inline: mode as "on",
        giveWay: Number(process.env.GW ?? 0.05),
        hurry: 0.02,
        horizon: 300
      }).history
    )
  )
}
console.log({ steps, events, tRun, tModel })
