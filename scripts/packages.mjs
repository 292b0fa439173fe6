/** Builds and packs every package that gets published, and looks at it with the eyes of those who install it. */
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pnpm, root } from "./setup.mjs"

const bin = (name) => join(root, "node_modules", ".bin", name)

const check = (label, { error, status, stderr, stdout }) => {
  if (error === undefined && status === 0) return
  process.stdout.write(`${label}\n${stdout ?? ""}${stderr ?? ""}${error?.message ?? ""}\n`)
  process.exitCode = 1
}

const manifests = new Map(
  readdirSync(join(root, "packages"))
    .map((name) => [name, JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8"))])
    .filter(([, manifest]) => manifest.private !== true)
)

/** The folders, each behind those of the packages that it needs: it is compiled against what they are built to. */
const inOrder = new Set()
const place = (name) => {
  const { peerDependencies = {} } = manifests.get(name)
  for (const [other, manifest] of manifests) if (manifest.name in peerDependencies) place(other)
  inOrder.add(name)
}
for (const name of manifests.keys()) place(name)

const output = mkdtempSync(join(tmpdir(), "effect-otp-"))
try {
  for (const name of inOrder) {
    const cwd = join(root, "packages", name)
    const options = { cwd, encoding: "utf8" }

    // what a module that no longer exists left behind must not be packed
    rmSync(join(cwd, "dist"), { recursive: true, force: true })
    check(`${name}: build`, spawnSync(bin("tsc"), ["-p", "tsconfig.build.json"], options))

    const tarball = join(output, `${name}.tgz`)
    check(`${name}: pack`, pnpm(["pack", "--out", tarball], options))
    check(`${name}: publint`, spawnSync(bin("publint"), ["run", tarball, "--strict"], options))

    // attw does not expand `./*` by itself
    const modules = readdirSync(join(cwd, "src")).filter((file) => file.endsWith(".ts") && file !== "index.ts")
    const entrypoints = [".", ...modules.map((file) => file.slice(0, -".ts".length))]
    check(
      `${name}: attw`,
      spawnSync(bin("attw"), [tarball, "--profile", "esm-only", "--no-emoji", "--entrypoints", ...entrypoints], options)
    )

    const files = execFileSync("tar", ["-tzf", tarball], { encoding: "utf8" }).split("\n")
    const missing = ["LICENSE", "package.json", "dist/index.js", "dist/index.d.ts", "src/index.ts"].filter(
      (file) => !files.includes(`package/${file}`)
    )
    if (missing.length > 0) {
      process.stdout.write(`${name}: the package lacks ${missing.join(", ")}\n`)
      process.exitCode = 1
    }
  }
} finally {
  rmSync(output, { recursive: true, force: true })
}
