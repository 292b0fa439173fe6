/**
 * The whole run. For each round, for each row, each contestant measures in a process of its own, the one that begins
 * changing from round to round. Fresh processes, because what V8 made of one contestant's code, and the heap it left
 * behind, must not be the next one's; one row at a time, because a machine's speed drifts within minutes, and those that
 * are compared must have run within seconds of each other.
 */
import { execFile } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { arch, availableParallelism, cpus, loadavg, platform } from "node:os"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs, promisify } from "node:util"
import { build } from "esbuild"
import { type ContestantName, javascriptContestants, titles } from "./contestant.ts"
import type { Amount, Samples } from "./measure.ts"
import {
  evaluate,
  type Figure,
  goals,
  goalTable,
  type Machine,
  median,
  resultTable,
  rowResult,
  summarise
} from "./report.ts"
import { type Row, type RowId, rows, select } from "./rows.ts"

const run = promisify(execFile)

// this module is run from dist/
const root = fileURLToPath(new URL("..", import.meta.url))
const dist = join(root, "dist")

const usage = `npm run bench -- [options]

  --quick             one short round: figures to look at, not to quote
  --only ROW          only this row or group of rows, e.g. get, burst, memory; may be repeated
  --contestant NAME   only this contestant: ours, loop, nact, xstate or erlang; may be repeated
  --rounds N          rounds, 5 by default
  --no-elixir         without Erlang, also when elixir is on the path
  --out FILE          where the JSON goes: results/latest.json for a whole run, else results/partial.json

rows: ${rows.map(({ id }) => id).join(" ")}`

const fail = (message: string): never => {
  console.error(`${message}\n\n${usage}`)
  process.exit(2)
}

const options = (() => {
  try {
    return parseArgs({
      options: {
        quick: { type: "boolean", default: false },
        only: { type: "string", multiple: true, default: [] },
        contestant: { type: "string", multiple: true, default: [] },
        rounds: { type: "string" },
        "no-elixir": { type: "boolean", default: false },
        out: { type: "string" },
        help: { type: "boolean", default: false }
      }
    }).values
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
})()
if (options.help) {
  console.log(usage)
  process.exit(0)
}

const chosenRows =
  options.only.length === 0
    ? rows
    : options.only.flatMap((word) => {
        const found = select(word)
        return found.length > 0 ? found : fail(`No such row: ${word}`)
      })

const rounds = Number(options.rounds ?? (options.quick ? 1 : 5))
if (!Number.isInteger(rounds) || rounds < 1) fail(`--rounds must be a whole number from 1 on: ${options.rounds}`)

const amount: Amount = options.quick
  ? { warmMillis: 200, roundMillis: 50, innerRounds: 3, servers: 20_000, gapMillis: 500 }
  : { warmMillis: 400, roundMillis: 150, innerRounds: 3, servers: 100_000, gapMillis: 2_000 }

const elixir = await run("elixir", ["--short-version"]).then(
  ({ stdout }) => stdout.trim(),
  () => undefined
)

const available: ReadonlyArray<ContestantName> =
  elixir === undefined || options["no-elixir"] ? javascriptContestants : [...javascriptContestants, "erlang"]
for (const name of options.contestant) {
  if (!available.some((other) => other === name)) fail(`No such contestant here: ${name}`)
}
const contestants =
  options.contestant.length === 0 ? available : available.filter((name) => options.contestant.includes(name))

const machine: Machine = {
  node: process.version,
  elixir: contestants.includes("erlang") ? elixir : undefined,
  platform: `${platform()}-${arch()}`,
  cpu: cpus()[0]?.model ?? "unknown",
  cores: availableParallelism(),
  load: loadavg()[0] ?? 0,
  date: new Date().toISOString()
}

// plain JavaScript, as it would be published: our sources bundled in, everybody else's as they are installed
await build({
  entryPoints: [
    join(root, "src/child.ts"),
    ...contestants.filter((name) => name !== "erlang").map((name) => join(root, `src/contestants/${name}.ts`))
  ],
  outdir: dist,
  outbase: join(root, "src"),
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  external: ["effect", "effect/*", "nact", "xstate"],
  logLevel: "warning"
})

/** Erlang runs the rows its script has: those about Effect and about the event loop mean nothing there. */
const erlangRows: ReadonlySet<RowId> = new Set([
  "get",
  "get-100",
  "put",
  "start-stop",
  "restart",
  "burst-1e3",
  "burst-1e4",
  "burst-1e5",
  "burst-1e6",
  "memory-idle",
  "memory-hibernated",
  "memory-live"
])

const measureIn = async (name: ContestantName, row: Row, amount: Amount): Promise<Samples | null> => {
  if (name === "erlang") {
    if (!erlangRows.has(row.id)) return null
    const script = [join(root, "genserver.exs"), row.id, amount.roundMillis, amount.innerRounds, amount.servers]
    return JSON.parse((await run("elixir", script.map(String))).stdout)
  }
  const child = ["--expose-gc", "--max-old-space-size=4096", join(dist, "child.js"), name, row.id]
  const { stdout } = await run(process.execPath, [...child, JSON.stringify(amount)])
  const measured: Samples | "too many" | null = JSON.parse(stdout)
  return measured === "too many"
    ? measureIn(name, row, { ...amount, servers: Math.ceil(amount.servers / 2) })
    : measured
}

const progress = (text: string) => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`)
}

// what there is to do in a round is known after the first: who cannot do a row is not asked again
const samples = new Map<string, Array<Samples>>()
for (let round = 0; round < rounds; round++) {
  for (const [position, row] of chosenRows.entries()) {
    // bytes do not vary as nanoseconds do
    if (row.kind === "memory" && round > 1) continue
    for (let turn = 0; turn < contestants.length; turn++) {
      const name = contestants[(turn + round + position) % contestants.length]!
      progress(`round ${round + 1} of ${rounds}: ${row.id}, ${titles[name]}`)
      const key = `${row.id} ${name}`
      if (round > 0 && !samples.has(key)) continue
      const measured = await measureIn(name, row, amount).catch((error: unknown) => {
        progress("")
        console.error(`${titles[name]} failed at "${row.title}"`, error)
        return process.exit(1)
      })
      if (measured !== null) samples.set(key, [...(samples.get(key) ?? []), measured])
    }
  }
}
progress("")

const results = chosenRows.map((row) => {
  const figures: { [Name in ContestantName]?: Figure } = {}
  for (const name of contestants) {
    const rounds = samples.get(`${row.id} ${name}`)
    if (rounds === undefined) continue
    const inRound = rounds.map(({ samples }) => (row.kind === "gap" ? Math.max(...samples) : median(samples)))
    figures[name] = summarise(inRound, median(rounds.map(({ operations }) => operations)))
  }
  return rowResult(row, figures)
})
const reached = evaluate(goals, results).filter(({ row }) => chosenRows.some(({ id }) => id === row))

console.log(
  `node ${machine.node}${machine.elixir ? `, elixir ${machine.elixir}` : ""}, ${machine.cores} cores, ${machine.cpu}`
)
console.log(`medians of ${rounds} rounds; in brackets, how many times ours\n`)
console.log(resultTable(results, contestants))
if (contestants.includes("ours") && reached.length > 0) console.log(`\n${goalTable(reached)}`)

const whole = !options.quick && options.only.length === 0 && options.contestant.length === 0
const out = options.out ?? join(root, "results", whole ? "latest.json" : "partial.json")
mkdirSync(dirname(out), { recursive: true })
writeFileSync(out, `${JSON.stringify({ machine, rounds, amount, rows: results, goals: reached }, undefined, 2)}\n`)
console.log(`\nwritten to ${relative(process.cwd(), out)}`)
if (machine.load > 0.5)
  console.log(`The machine was busy with other things (load ${machine.load.toFixed(1)}): measure again.`)
