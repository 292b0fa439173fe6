import { expect, it } from "vitest"
import { compile, type Module, run, writeModules } from "../src/Module.ts"

const modules = writeModules()

let compiled: ReturnType<typeof compile> | undefined
const complaints = (module: Module): ReadonlyArray<string> => {
  compiled ??= compile(modules)
  return compiled(module)
}

for (const module of modules) {
  it(`${module.file}:${module.line}`, async () => {
    const errors = complaints(module)
    if (errors.length > 0) throw new Error(errors.join("\n"))
    if (!module.run) return
    const logged = await run(module)
    if (module.output !== undefined) expect(logged, `${module.file}:${module.line} logs`).toEqual(module.output)
  })
}
