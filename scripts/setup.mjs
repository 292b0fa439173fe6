/**
 * Installs the dependencies if they are not those of the lock file; otherwise does nothing, in a few milliseconds.
 * Needs Node and npm alone, so every job of the repository begins with it:
 *
 *   node scripts/setup.mjs && …     before a command
 *   import "./setup.mjs"            as a script's first import
 */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("..", import.meta.url))
const stampFile = join(root, "node_modules", ".effect-otp-setup")

const manifests = ["package.json"]
for (const folder of ["packages", "examples"]) {
  if (!existsSync(join(root, folder))) continue
  for (const name of readdirSync(join(root, folder)).sort()) {
    const manifest = join(folder, name, "package.json")
    if (existsSync(join(root, manifest))) manifests.push(manifest)
  }
}

const contents = (file) => readFileSync(join(root, file), "utf8")

const hash = createHash("sha256")
for (const file of ["pnpm-lock.yaml", "pnpm-workspace.yaml", ...manifests]) hash.update(file).update(contents(file))
// esbuild's and Biome's binaries are those of the machine that installed them
hash.update(`${process.platform}-${process.arch}`)
const wanted = hash.digest("hex")

const isInstalled = () =>
  existsSync(stampFile) &&
  readFileSync(stampFile, "utf8") === wanted &&
  manifests.every((manifest) => existsSync(join(root, manifest, "..", "node_modules")))

/** Runs the pinned pnpm. Nobody has to have one. */
export const pnpm = (args, options) => {
  // `npm start --silent` silences npm, but not what goes wrong while installing
  const env = { ...process.env, npm_config_loglevel: "error", npm_config_prefer_offline: "true" }
  const spec = JSON.parse(contents("package.json")).packageManager
  return spawnSync("npx", ["--yes", spec, ...args], {
    cwd: root,
    env,
    shell: process.platform === "win32",
    ...options
  })
}

if (!isInstalled()) {
  const started = Date.now()
  process.stderr.write("Installing the dependencies of pnpm-lock.yaml; this happens once ...\n")
  // stdin belongs to the program that runs afterwards, and stdout too
  const { error, status } = pnpm(["install", "--frozen-lockfile", "--reporter=append-only"], {
    stdio: ["ignore", 2, 2]
  })
  if (error !== undefined || status !== 0) {
    process.stderr.write(`Installing failed: ${error?.message ?? `pnpm ended with ${status}`}\n`)
    process.exit(1)
  }
  writeFileSync(stampFile, wanted)
  process.stderr.write(`Installed in ${((Date.now() - started) / 1000).toFixed(0)} s\n\n`)
}
