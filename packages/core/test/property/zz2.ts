import * as FastCheck from "effect/FastCheck"
import { show } from "./history.ts"
import { program } from "./program.ts"
import { run } from "./run.ts"
import { RandomScheduler } from "./scheduler.ts"
const orig = RandomScheduler.prototype.scheduleTask
let n = 0
RandomScheduler.prototype.scheduleTask = function (t, p, f) { n++; if (n > 1000 && n < 1010) console.log(f?.id().id, new Error().stack!.split("\n").slice(2, 14).join("\n")); return orig.call(this, t, p, f) }
const [, , i, mode] = process.argv
const [p] = FastCheck.sample(program, { seed: Number(i), numRuns: 1 })
console.log(JSON.stringify(p))
const r = run(p!, { seed: Number(i), inline: mode as "on", giveWay: 0.1 })
console.log(show(r.history).slice(0, 3000))
