/**
 * Writes the figures of the last whole benchmark run (`packages/bench/results/latest.json`) into the README, between its
 * `<!-- bench -->` marks. With `--check` it only says whether they are the ones that stand there.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "./setup.mjs"

const readmeFile = join(root, "README.md")
const results = JSON.parse(readFileSync(join(root, "packages", "bench", "results", "latest.json"), "utf8"))

const titles = {
  ours: "GenServer",
  erlang: "Erlang",
  loop: "`Queue` + `Deferred` loop",
  nact: "nact",
  xstate: "xstate"
}

/** The rows worth a reader's time; all of them are in the file. */
const rows = [
  "get",
  "get-100",
  "put",
  "effect-sync",
  "effect-gen",
  "effect-suspend",
  "start-stop",
  "restart",
  "children-1e5",
  "burst-1e5",
  "memory-idle",
  "memory-live"
]

const number = (value) => Math.round(value).toLocaleString("en-US")

const cell = (row, name) => {
  const figure = row.contestants[name]
  if (figure === undefined) return "–"
  const ours = row.contestants.ours.median
  return name === "ours"
    ? `**${number(figure.median)}**`
    : `${number(figure.median)} (${(figure.median / ours).toFixed(1)} ×)`
}

const names = Object.keys(titles)
const table = [
  `| | unit | ${names.map((name) => titles[name]).join(" | ")} |`,
  `|---|---|${names.map(() => "---").join("|")}|`,
  ...rows
    .map((id) => results.rows.find(({ row }) => row === id))
    .filter((row) => row !== undefined)
    .map((row) => `| ${row.title} | ${row.unit} | ${names.map((name) => cell(row, name)).join(" | ")} |`)
]

const { machine, rounds } = results
const block = `<!-- bench -->
${table.join("\n")}

Medians of ${rounds} rounds, each in a process of its own, in one run on ${machine.cores} cores, Node ${machine.node.slice(1)}${
  machine.elixir === undefined ? "" : ` and Elixir ${machine.elixir}`
}; in brackets, how many times ours. In the rows with an Effect handler, nact's is its plain query.
<!-- /bench -->`

const readme = readFileSync(readmeFile, "utf8")
const written = readme.replace(/<!-- bench -->[\s\S]*<!-- \/bench -->/, () => block)
if (process.argv.includes("--check")) {
  if (written !== readme) {
    console.error("README.md does not show the figures of packages/bench/results/latest.json: run `npm run figures`")
    process.exit(1)
  }
} else {
  writeFileSync(readmeFile, written)
}
