/** `node child.js CONTESTANT ROW AMOUNT`: measures, prints one line of JSON, ends. */
import type { Contestant } from "./contestant.ts"
import { type Amount, measure } from "./measure.ts"
import { rows } from "./rows.ts"

const [name, id, json] = process.argv.slice(2)
const row = rows.find((row) => row.id === id)
if (row === undefined || json === undefined) throw new Error(`No such row: ${id}`)

// each contestant is a bundle of its own beside this one
const file = new URL(`contestants/${name}.js`, import.meta.url)
const { contestant }: { readonly contestant: Contestant } = await import(file.href)
const amount: Amount = JSON.parse(json)
console.log(JSON.stringify(await measure(contestant, row, amount)))
// some contestants have fibers and timers that never end by themselves
process.exit(0)
