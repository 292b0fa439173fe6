/** Examples as modules: written down, compiled all at once, run one by one. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join, relative, sep } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { format } from "node:util"
import ts from "typescript"
import { type Example, examples, oneBlank } from "./Example.ts"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const generated = fileURLToPath(new URL("../.generated", import.meta.url))

export interface Module extends Example {
  /** Where it is written. */
  readonly path: string
}

const below = (folder: string, extension: string): ReadonlyArray<string> =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(extension))
        .map((file) => join(folder, file))
    : []

const children = (folder: string): ReadonlyArray<string> =>
  existsSync(join(root, folder)) ? readdirSync(join(root, folder)).map((name) => join(root, folder, name)) : []

/** The files that hold documentation. */
const documentation = (): ReadonlyArray<string> => {
  const packages = children("packages")
  const readmes = [root, ...packages, ...children("examples")].map((folder) => join(folder, "README.md"))
  return [
    ...readmes.filter((file) => existsSync(file)),
    ...packages.flatMap((folder) => below(join(folder, "docs"), ".md")),
    ...packages
      .filter((folder) => !folder.endsWith("docs-tests"))
      .flatMap((folder) => below(join(folder, "src"), ".ts"))
  ].sort()
}

/** Every example of the repository, each written to a file of its own. */
export const writeModules = (): ReadonlyArray<Module> => {
  const modules = documentation().flatMap((file) => {
    const name = relative(root, file).split(sep).join("/")
    return examples(name, readFileSync(file, "utf8")).map((example) => ({
      ...example,
      path: join(generated, `${name}.${example.line}.ts`)
    }))
  })
  const current = new Set(modules.map((module) => module.path))
  for (const file of below(generated, ".ts")) if (!current.has(file)) rmSync(file)
  for (const { code, path } of modules) {
    // untouched if unchanged, lest a watching test runner never rest
    if (existsSync(path) && readFileSync(path, "utf8") === code) continue
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, code)
  }
  return modules
}

/** The compiler's complaints about each module, in terms of the documentation: `README.md:12: …`. */
export const compile = (modules: ReadonlyArray<Module>): ((module: Module) => ReadonlyArray<string>) => {
  const { config } = ts.readConfigFile(join(root, "tsconfig.base.json"), ts.sys.readFile)
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root)
  // an example may show a thing and leave it at that
  const program = ts.createProgram(
    modules.map((module) => module.path),
    { ...options, noUnusedLocals: false, noUnusedParameters: false }
  )
  return (module) => {
    const source = program.getSourceFile(module.path)
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ file, messageText, start }) => {
        const line = file === undefined ? 0 : ts.getLineAndCharacterOfPosition(file, start ?? 0).line
        return `${module.file}:${line + 1}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`
      }
    )
  }
}

const outputPatience = 5000

/** Runs a module and gives what it logged. Its errors speak of the documentation's file. */
export const run = async (module: Module): Promise<ReadonlyArray<string>> => {
  const logged: Array<string> = []
  const original = console.log
  console.log = (...values: ReadonlyArray<unknown>) => {
    logged.push(oneBlank(format(...values)))
  }
  try {
    await import(/* @vite-ignore */ pathToFileURL(module.path).href)
    // a program that was started and not awaited logs later
    const deadline = Date.now() + outputPatience
    while (logged.length < (module.output?.length ?? 0) && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  } catch (error) {
    if (error instanceof Error && error.stack !== undefined) {
      error.stack = error.stack.replaceAll(pathToFileURL(module.path).href, join(root, module.file))
      error.stack = error.stack.replaceAll(module.path, join(root, module.file))
    }
    throw error
  } finally {
    console.log = original
  }
  return logged
}
