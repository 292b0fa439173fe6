/**
 * `node scripts/start.mjs hashmap/src/main.ts …` runs a module of `examples` in this very process, so that its stdin,
 * signals and exit code need no passing on. It sees the arguments as if Node had been given the module itself.
 *
 * Our own sources become one file, every other package is imported as it is: a third of the time that a loader of
 * TypeScript takes, which looks at each of Effect's files too.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { pathToFileURL } from "node:url"
import { root } from "./setup.mjs"

const examples = join(root, "examples")
const module = process.argv[2]
if (module === undefined || !existsSync(join(examples, module))) {
  console.error(
    `start.mjs runs a module of examples, as hashmap/src/main.ts: ${module === undefined ? "none was named" : `there is no ${module}`}`
  )
  process.exit(1)
}

const { buildSync } = await import("esbuild")

const example = join(examples, module.split("/")[0])
const outfile = join(example, ".generated", basename(module, ".ts") + ".mjs")
const { dependencies } = JSON.parse(readFileSync(join(example, "package.json"), "utf8"))

const { outputFiles } = buildSync({
  entryPoints: [join(examples, module)],
  outfile,
  bundle: true,
  write: false,
  format: "esm",
  platform: "node",
  target: "node20",
  sourcemap: true,
  external: Object.keys(dependencies)
    .filter((name) => !name.startsWith("@effect-otp/"))
    .flatMap((name) => [name, `${name}/*`]),
  logLevel: "warning"
})

// under another name first: who starts the same module at this moment is not to read half a file
mkdirSync(dirname(outfile), { recursive: true })
for (const { contents, path } of outputFiles) {
  const unfinished = `${path}.${process.pid}`
  writeFileSync(unfinished, contents)
  renameSync(unfinished, path)
}

process.argv.splice(1, 2, outfile)
process.setSourceMapsEnabled(true)
await import(pathToFileURL(outfile).href)
