/**
 * `npm run bench:http`: requests for one key, answered by the table's server and by a plain `Ref` in its place: the same
 * application, the same endpoint, the same load, in turns in one run. `--rounds 5 --seconds 4 --connections 32`.
 */
import { fork } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { cpus, loadavg, tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import autocannon from "autocannon"
import { build } from "esbuild"

const example = fileURLToPath(new URL("..", import.meta.url))

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "4" },
    connections: { type: "string", default: "32" }
  }
})
const { dependencies } = JSON.parse(readFileSync(join(example, "package.json"), "utf8"))

/** The release as one file; with another table in the place of `src/Hashmap.ts`, if one is named. */
const bundle = async (name, table) => {
  const outfile = join(example, ".generated", `bench-${name}.mjs`)
  await build({
    entryPoints: [join(example, "src", "release.ts")],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    external: Object.keys(dependencies)
      .filter((dependency) => !dependency.startsWith("@effect-otp/"))
      .flatMap((dependency) => [dependency, `${dependency}/*`]),
    plugins:
      table === undefined
        ? []
        : [{ name: "table", setup: (it) => it.onResolve({ filter: /\/Hashmap\.ts$/ }, () => ({ path: table })) }],
    logLevel: "warning"
  })
  return outfile
}

/** Starts it, asks for one key for so long, ends it: requests a second, and how long the slowest of a hundred took. */
const measure = async (file) => {
  const folder = mkdtempSync(join(tmpdir(), "scuti-bench-"))
  const child = fork(file, { cwd: folder, env: { PATH: process.env.PATH, PORT: "0", NO_COLOR: "1" }, silent: true })
  try {
    const url = await new Promise((resolve, reject) => {
      let log = ""
      child.on("close", () => reject(new Error(`it ended:\n${log}`)))
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text) => {
          log += text
          const found = /listens at (http:\S+)/.exec(log)
          if (found !== null) resolve(found[1])
        })
      }
    })
    const load = (duration) =>
      autocannon({ url: `${url}/api/hashmap/app_name`, connections: Number(values.connections), duration })
    await load(2)
    const { errors, latency, non2xx, requests } = await load(Number(values.seconds))
    if (errors + non2xx > 0) throw new Error(`${errors} errors, and ${non2xx} answers that were none`)
    return { rate: requests.average, p99: latency.p99 }
  } finally {
    child.removeAllListeners("close")
    const closed = new Promise((resolve) => child.on("close", resolve))
    child.kill("SIGTERM")
    await closed
    rmSync(folder, { recursive: true, force: true })
  }
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]

const contestants = [
  { name: "GenServer", file: await bundle("server"), results: [] },
  { name: "Ref", file: await bundle("ref", join(example, "bench", "PlainHashmap.ts")), results: [] }
]
console.log(`Node ${process.version}, ${cpus().length} cores, load ${loadavg()[0].toFixed(1)}`)
for (let round = 0; round < Number(values.rounds); round++) {
  // who is first changes, so that neither always runs on a warmer machine
  for (const contestant of round % 2 === 0 ? contestants : contestants.toReversed()) {
    const result = await measure(contestant.file)
    contestant.results.push(result)
    console.log(`${contestant.name.padEnd(10)} ${result.rate.toFixed(0).padStart(7)} requests/s, p99 ${result.p99} ms`)
  }
}
const [server, ref] = contestants.map(({ results }) => median(results.map(({ rate }) => rate)))
console.log(
  `\nmedians: ${server.toFixed(0)} and ${ref.toFixed(0)} requests/s: ${(server / ref).toFixed(2)} × the plain Ref`
)
