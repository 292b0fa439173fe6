import { expect, it } from "vitest"
import { examples } from "../src/Example.ts"

const markdown = [
  "Text",
  "```ts",
  "const x = 1",
  "x + 1 // => 2",
  "const y = x + 2 // => 3",
  "console.log('a') // =>  a",
  "```",
  "```ts continued",
  "x",
  "```",
  "```ts no-run",
  "run()",
  "```",
  "```sh",
  "ls",
  "```"
].join("\n")

it("reads the blocks of a Markdown file, each at its lines", () => {
  expect(examples("README.md", markdown)).toEqual([
    {
      file: "README.md",
      line: 3,
      run: true,
      code: [
        "\n",
        "const x = 1",
        "console.log(x + 1) // => 2",
        "const y = x + 2;console.log(y) // => 3",
        "console.log('a') // =>  a",
        "\n",
        "x\n"
      ].join("\n"),
      output: ["2", "3", "a"]
    },
    { file: "README.md", line: 12, run: false, code: `${"\n".repeat(11)}run()\n`, output: undefined }
  ])
})

it("reads the examples of doc comments, and no other blocks of theirs", () => {
  const source = [
    "/**",
    " * ```ts",
    " * not(an, example)",
    " * ```",
    " * @example",
    " * ```ts",
    " * one()",
    " *   two()",
    " * ```",
    " * @since 0.1.0",
    " */",
    "export const one = 1"
  ].join("\n")
  expect(examples("src/One.ts", source)).toEqual([
    { file: "src/One.ts", line: 7, run: true, code: `${"\n".repeat(6)}one()\n  two()\n`, output: undefined }
  ])
})
