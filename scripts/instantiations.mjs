/**
 * What type-checking a server costs, in the compiler's own unit: instantiations of types, beyond those that the same
 * file needs for Effect alone. Fails above the limit.
 *
 *     node scripts/instantiations.mjs
 */
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript"

const limit = 20_000

const root = fileURLToPath(new URL("..", import.meta.url))
const fixture = (name) => join(root, "packages", "core", "test-types", name)
const withServer = fixture("Hashmap.ts")
const effectAlone = fixture("Hashmap.baseline.ts")

const configFile = join(root, "tsconfig.base.json")
const { config } = ts.readConfigFile(configFile, ts.sys.readFile)
const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, dirname(configFile))

/** One program each, in which that file alone is checked: of what it imports, only what it uses. */
const measure = (file) => {
  const program = ts.createProgram([file], { ...options, noUnusedLocals: false, noUnusedParameters: false })
  const source = program.getSourceFile(file)
  const errors = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
  if (errors.length > 0) {
    console.error(
      ts.formatDiagnostics(errors, {
        getCanonicalFileName: (name) => name,
        getCurrentDirectory: () => root,
        getNewLine: () => "\n"
      })
    )
    process.exit(1)
  }
  return program.getInstantiationCount()
}

const show = (name, count) => console.log(`${name.padEnd(46)} ${count.toLocaleString("en").padStart(8)}`)

const alone = measure(effectAlone)
const together = measure(withServer)
const cost = together - alone

show(relative(root, effectAlone), alone)
show(relative(root, withServer), together)
show("the server's own instantiations", cost)
show("limit", limit)

if (cost >= limit) {
  console.error(`\nType-checking ${relative(root, withServer)} has become too dear.`)
  process.exitCode = 1
}
