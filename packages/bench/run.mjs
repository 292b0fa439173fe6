// Node 20 reads no TypeScript: makes plain JavaScript of the runner, and runs it.
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

const outfile = new URL("dist/run.js", import.meta.url)
await build({
  entryPoints: [fileURLToPath(new URL("src/run.ts", import.meta.url))],
  outfile: fileURLToPath(outfile),
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  packages: "external",
  logLevel: "warning"
})
await import(outfile.href)
