/**
 * `npm start`: runs the example in this very process, so that its stdin, signals and exit code need no passing on.
 *
 * Our own sources become one file, Effect is imported as it is: a third of the time that a loader of TypeScript takes,
 * which looks at each of Effect's files too.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { root } from "./setup.mjs"

const { buildSync } = await import("esbuild")

const example = join(root, "examples", "hashmap")
const outfile = join(example, ".generated", "main.mjs")
const { dependencies } = JSON.parse(readFileSync(join(example, "package.json"), "utf8"))

buildSync({
  entryPoints: [join(example, "src", "main.ts")],
  outfile,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  sourcemap: true,
  external: Object.keys(dependencies)
    .filter((name) => !name.startsWith("@effect-otp/"))
    .flatMap((name) => [name, `${name}/*`]),
  logLevel: "warning"
})

process.setSourceMapsEnabled(true)
await import(pathToFileURL(outfile).href)
