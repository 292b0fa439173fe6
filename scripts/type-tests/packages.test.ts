import { readdirSync, readFileSync } from "node:fs"
import { join, relative, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { actual, type Checker, expectations, isMet, makeChecker, unexpected } from "./fixture.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))

const files = readdirSync(join(root, "packages"))
  .flatMap((name) => {
    const folder = join(root, "packages", name, "test-types")
    try {
      return readdirSync(folder, { recursive: true, encoding: "utf8" }).map((file) => join(folder, file))
    } catch {
      return []
    }
  })
  .filter((file) => file.endsWith(".ts"))
  .sort()

let made: Checker | undefined
const checker = (): Checker => {
  made ??= makeChecker(root, files)
  return made
}

for (const file of files) {
  const path = relative(root, file).split(sep).join("/")
  const expected = expectations(readFileSync(file, "utf8"))

  describe(path, () => {
    it("has no error but the expected ones", () => {
      expect(unexpected(checker(), file, expected), path).toEqual([])
    })

    for (const expectation of expected) {
      const { kind, line, text } = expectation
      it(`${line}: ${kind === "hover" ? "shows" : "refuses"} ${text}`, () => {
        const found = actual(checker(), file, expectation)
        if (isMet(expectation, found)) return
        const where = kind === "hover" ? `${path}:${line} on hover` : `${path}:${expectation.target.line + 1} the error`
        expect(found.join("\n"), where).toBe(text)
      })
    }
  })
}

// so that the project also stands while there is no fixture
it("finds its fixtures", () => {
  for (const file of files) expect(file).toMatch(/test-types/)
})
