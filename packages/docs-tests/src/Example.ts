/**
 * The examples of the documentation: each ```ts block of a Markdown file, and of a doc comment's `@example`.
 *
 * A block is a module of its own. Words behind ```ts: `continued` adds it to the block before, `no-run` means that it
 * is compiled and not run. A comment `// => text` says what is logged: one comment a `console.log`, in their order,
 * and then nothing else may be logged. At the end of a statement `x` or `const x = …` of the module itself it says what
 * logging `x` would show. White space counts as one blank.
 */
import ts from "typescript"

export interface Example {
  /** The documentation's file, relative to the repository, and the block's first line of code, from 1. */
  readonly file: string
  readonly line: number
  readonly run: boolean
  /** The module. Its lines have the numbers they have in the documentation. */
  readonly code: string
  /** What it logs; undefined where it does not say. */
  readonly output: ReadonlyArray<string> | undefined
}

interface Block {
  readonly line: number
  readonly words: ReadonlyArray<string>
  readonly code: ReadonlyArray<string>
}

const fence = /^(\s*)```(.*)$/

/** The ts blocks among these lines; a line that is undefined stands in no block. */
const blocks = (lines: ReadonlyArray<string | undefined>): ReadonlyArray<Block> => {
  const found: Array<Block> = []
  let open: { readonly line: number; readonly words: ReadonlyArray<string>; readonly code: Array<string> } | undefined
  let indent = ""
  lines.forEach((content, index) => {
    const mark = content === undefined ? null : fence.exec(content)
    if (open === undefined) {
      if (mark === null) return
      indent = mark[1]!
      open = { line: index + 2, words: mark[2]!.trim().split(/\s+/), code: [] }
    } else if (mark !== null || content === undefined) {
      if (/^(?:ts|typescript)$/.test(open.words[0] ?? "")) found.push(open)
      open = undefined
    } else {
      open.code.push(content.startsWith(indent) ? content.slice(indent.length) : content.trimStart())
    }
  })
  return found
}

/** The text of doc comments' examples, each line where it stands in the source. */
const docLines = (source: string): ReadonlyArray<string | undefined> => {
  let inExample = false
  return source.split(/\r?\n/).map((line) => {
    if (/^\s*\/\*\*/.test(line)) inExample = false
    const text = /^\s*\*(?!\/) ?(.*)$/.exec(line)?.[1]
    if (text === undefined) inExample = false
    else if (/^@example\b/.test(text)) inExample = true
    else if (/^@[a-z]+\b/.test(text)) inExample = false
    return inExample ? text : undefined
  })
}

const saysOutput = /\/\/ => ?(.*)$/

/** `x // => 1` and `const x = 1 // => 1` log x, so that the comment has something to be compared with. */
const logStatements = (code: string): string => {
  const source = ts.createSourceFile("example.ts", code, ts.ScriptTarget.ES2022, true)
  let result = code
  for (const statement of [...source.statements].reverse()) {
    const end = statement.getEnd()
    if (!/^;?[ \t]*\/\/ =>/.test(code.slice(end))) continue
    if (ts.isExpressionStatement(statement)) {
      const { expression } = statement
      if (/^console\s*\./.test(expression.getText())) continue
      const start = expression.getStart()
      result = `${result.slice(0, start)}console.log(${expression.getText()})${result.slice(expression.getEnd())}`
    } else if (ts.isVariableStatement(statement)) {
      const name = statement.declarationList.declarations.at(-1)!.name.getText()
      result = `${result.slice(0, end)};console.log(${name})${result.slice(end)}`
    }
  }
  return result
}

export const oneBlank = (text: string): string => text.replace(/\s+/g, " ").trim()

/** The examples of a Markdown file or of a TypeScript source. */
export const examples = (file: string, content: string): ReadonlyArray<Example> => {
  const modules: Array<{ line: number; run: boolean; lines: Array<string> }> = []
  for (const block of blocks(file.endsWith(".md") ? content.split(/\r?\n/) : docLines(content))) {
    const run = !block.words.includes("no-run")
    const previous = modules.at(-1)
    const module =
      block.words.includes("continued") && previous !== undefined ? previous : { line: block.line, run, lines: [] }
    if (module !== previous) modules.push(module)
    module.run &&= run
    // blank lines up to the block's place: then the compiler's and the runtime's line numbers are the documentation's
    while (module.lines.length < block.line - 1) module.lines.push("")
    module.lines.push(...block.code)
  }
  return modules.map(({ line, lines, run }) => {
    const output = lines.flatMap((text) => {
      const said = saysOutput.exec(text)
      return said === null ? [] : [oneBlank(said[1]!)]
    })
    return {
      file,
      line,
      run,
      code: `${logStatements(lines.join("\n"))}\n`,
      output: output.length === 0 ? undefined : output
    }
  })
}
