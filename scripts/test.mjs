/**
 * `npm test`: every check there is, two at a time. A check is one line; what it printed is shown only if it failed.
 * The last line is the test runner's own count.
 */
import { spawn } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs"
import { delimiter, join, relative, sep } from "node:path"
import { root } from "./setup.mjs"

const reportFile = join(root, "node_modules", ".cache", "effect-otp", "tests.json")
mkdirSync(join(reportFile, ".."), { recursive: true })
rmSync(reportFile, { force: true })

const env = { ...process.env, NO_COLOR: "1", PATH: join(root, "node_modules", ".bin") + delimiter + process.env.PATH }
delete env.FORCE_COLOR

const run = (command) =>
  new Promise((resolve) => {
    const started = Date.now()
    let output = ""
    const child = spawn(command, { cwd: root, env, shell: true, stdio: ["ignore", "pipe", "pipe"] })
    child.stdout.setEncoding("utf8").on("data", (chunk) => (output += chunk))
    child.stderr.setEncoding("utf8").on("data", (chunk) => (output += chunk))
    child.on("close", (code) => resolve({ ok: code === 0, output, seconds: (Date.now() - started) / 1000 }))
  })

const line = (name, verdict, detail) => console.log(`${name.padEnd(24)} ${verdict.padEnd(7)} ${detail}`)

const failed = []
const step = async (name, command) => {
  const result = await run(command)
  line(name, result.ok ? "ok" : "FAILED", `${result.seconds.toFixed(1)} s`)
  if (!result.ok) {
    failed.push(name)
    console.log(`\n$ ${command}\n${result.output.trim()}\n`)
  }
}

/** The runner's report, or undefined if it did not get as far as writing one. */
const readReport = () => {
  if (!existsSync(reportFile)) return undefined
  const { testResults } = JSON.parse(readFileSync(reportFile, "utf8"))
  const groups = new Map()
  const skipped = new Map()
  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const { assertionResults, name, status } of testResults) {
    const path = relative(root, name).split(sep).join("/")
    const group = path.startsWith("scripts/type-tests/")
      ? "type tests"
      : path.startsWith("packages/docs-tests/")
        ? "documentation examples"
        : path.split("/").slice(0, 2).join("/")
    const counts = groups.get(group) ?? { passed: 0, failed: 0, skipped: 0 }
    groups.set(group, counts)
    const count = (what) => {
      counts[what]++
      total[what]++
    }
    for (const assertion of assertionResults) {
      const isRun = assertion.status === "passed" || assertion.status === "failed"
      count(isRun ? assertion.status : "skipped")
      // by the outermost title, which says what is missing where that is a matter of the machine
      if (!isRun) {
        const what = assertion.ancestorTitles[0] ?? assertion.title
        skipped.set(what, (skipped.get(what) ?? 0) + 1)
      }
    }
    // a file that does not even load has no assertions, and is a failure all the same
    if (status === "failed" && assertionResults.every((assertion) => assertion.status !== "failed")) count("failed")
  }
  return { groups, skipped, total }
}

const counted = ({ failed, passed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`

const tests = async () => {
  await step("tests", `vitest run --reporter=default --reporter=json --outputFile.json="${reportFile}"`)
  const { groups, skipped } = readReport() ?? { groups: [], skipped: [] }
  for (const [group, counts] of groups) line(`  ${group}`, "", counted(counts))
  for (const [what, count] of skipped) line("  skipped", "", `${count} of: ${what}`)
}

const checks = async () => {
  await step("types", "tsc -p tsconfig.json")
  await step("lint", "biome check --error-on-warnings")
  await step("cycles and layers", "depcruise --config .dependency-cruiser.mjs packages/*/src examples/*/src")
  await step("instantiations", "node scripts/instantiations.mjs")
  await step("figures in the README", "node scripts/readme-figures.mjs --check")
  await step("packages", "node scripts/packages.mjs")
}

await Promise.all([tests(), checks()])

if (failed.length > 0) {
  console.log(`\nfailed: ${failed.join(", ")}`)
  process.exitCode = 1
}
const total = readReport()?.total ?? { passed: 0, failed: 0, skipped: 0 }
if (total.passed + total.failed === 0) process.exitCode = 1
console.log(`\ntests: ${counted(total)}`)
