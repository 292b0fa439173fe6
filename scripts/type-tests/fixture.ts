/**
 * Type tests: what does not compile, how the compiler says so, and what an editor shows on hover.
 *
 * A fixture is a TypeScript file with comments:
 *
 *     // @expect-error: a piece of the message
 *     // @expect-error: another piece, of this or of another message
 *     const x: number = "one"
 *
 * Each expectation must occur in a message that starts on the next line of code, and each message of the file must
 * be expected. White space counts as one blank.
 *
 *     const pair = make(1, "a")
 *     //    ^? const pair: readonly [number, string]
 *     //       (lines that go on with three blanks or more belong to it)
 *
 * The text is what hovering over the caret's column, in the line of code above, shows: the whole of it. The parts of a
 * union may stand in any order: the compiler's own depends on all that it has seen before.
 */
import { dirname, join } from "node:path"
import ts from "typescript"

export interface Expectation {
  readonly kind: "error" | "hover"
  readonly text: string
  /** Where the comment stands, from 1. */
  readonly line: number
  /** The line of code it speaks about, and the column a hover points at, from 0. */
  readonly target: { readonly line: number; readonly column: number }
}

export interface Message {
  readonly text: string
  /** From 0. */
  readonly line: number
}

const errorComment = /^\s*\/\/ @expect-error:(.*)$/
const hoverComment = /^(\s*\/\/\s*)\^\?(.*)$/
const continuation = /^\s*\/\/ {3,}(?!\s*\^\?)(\S.*)$/
const comment = /^\s*\/\//
const misspelt = /^\s*\/\/\s*(?:@expect-error|\^)/

const oneBlank = (text: string): string => text.replace(/\s+/g, " ").trim()

/** The expectations a fixture's comments state. */
export const expectations = (source: string): ReadonlyArray<Expectation> => {
  const lines = source.split(/\r?\n/)
  const isCode = (line: number): boolean => !comment.test(lines[line]!) && lines[line]!.trim() !== ""
  const found: Array<Expectation> = []
  lines.forEach((content, line) => {
    const error = errorComment.exec(content)
    const hover = hoverComment.exec(content)
    if (error !== null) {
      let target = line + 1
      while (target < lines.length && !isCode(target)) target++
      const text = oneBlank(error[1]!)
      if (text === "") throw new Error(`line ${line + 1}: which error?`)
      found.push({ kind: "error", text, line: line + 1, target: { line: target, column: 0 } })
    } else if (hover !== null) {
      let target = line - 1
      while (target >= 0 && !isCode(target)) target--
      let text = hover[2]!
      for (let next = line + 1; next < lines.length; next++) {
        const more = continuation.exec(lines[next]!)
        if (more === null) break
        text += ` ${more[1]}`
      }
      found.push({
        kind: "hover",
        text: oneBlank(text),
        line: line + 1,
        target: { line: target, column: hover[1]!.length }
      })
    } else if (misspelt.test(content)) {
      throw new Error(`line ${line + 1}: neither "// @expect-error: text" nor "// ^? text"`)
    }
  })
  return found
}

export interface Checker {
  readonly messages: (file: string) => ReadonlyArray<Message>
  readonly hover: (file: string, position: { readonly line: number; readonly column: number }) => string
}

/** One language service for all the files: the types of Effect are read once. */
export const makeChecker = (root: string, files: ReadonlyArray<string>): Checker => {
  const configFile = join(root, "tsconfig.base.json")
  const { config, error } = ts.readConfigFile(configFile, ts.sys.readFile)
  if (error !== undefined) throw new Error(ts.flattenDiagnosticMessageText(error.messageText, "\n"))
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, dirname(configFile))
  // what a fixture declares, it declares to be looked at
  const compilerOptions = { ...options, noUnusedLocals: false, noUnusedParameters: false }

  const snapshots = new Map<string, ts.IScriptSnapshot>()
  const service = ts.createLanguageService({
    getCompilationSettings: () => compilerOptions,
    getCurrentDirectory: () => root,
    getDefaultLibFileName: (chosen) => ts.getDefaultLibFilePath(chosen),
    getScriptFileNames: () => [...files],
    getScriptVersion: () => "0",
    getScriptSnapshot: (file) => {
      const known = snapshots.get(file)
      if (known !== undefined) return known
      const content = ts.sys.readFile(file)
      if (content === undefined) return undefined
      const snapshot = ts.ScriptSnapshot.fromString(content)
      snapshots.set(file, snapshot)
      return snapshot
    },
    fileExists: ts.sys.fileExists,
    readFile: ts.sys.readFile,
    readDirectory: ts.sys.readDirectory,
    directoryExists: ts.sys.directoryExists,
    getDirectories: ts.sys.getDirectories,
    realpath: ts.sys.realpath!
  })

  const sourceFile = (file: string): ts.SourceFile => {
    const found = service.getProgram()?.getSourceFile(file)
    if (found === undefined) throw new Error(`${file} is not a fixture`)
    return found
  }

  return {
    messages: (file) =>
      [...service.getSyntacticDiagnostics(file), ...service.getSemanticDiagnostics(file)].map(
        ({ messageText, start }) => ({
          text: oneBlank(ts.flattenDiagnosticMessageText(messageText, "\n")),
          line: ts.getLineAndCharacterOfPosition(sourceFile(file), start ?? 0).line
        })
      ),
    hover: (file, { column, line }) => {
      const position = ts.getPositionOfLineAndCharacter(sourceFile(file), line, column)
      // 500 is the length at which an editor cuts, too
      const info = service.getQuickInfoAtPosition(file, position, 500)
      return oneBlank(ts.displayPartsToString(info?.displayParts))
    }
  }
}

/** What the compiler says at an error's line, or on hover: what an expectation is compared with. */
export const actual = (checker: Checker, file: string, { kind, target }: Expectation): ReadonlyArray<string> =>
  kind === "hover"
    ? [checker.hover(file, target)]
    : checker
        .messages(file)
        .filter((message) => message.line === target.line)
        .map((message) => message.text)

/** A type's text with the parts of each union sorted, to be compared with others of its kind. */
export const sorted = (text: string): string => {
  let at = 0
  const upToBracket = (): string => {
    let done = ""
    let parts: Array<string> = []
    let part = ""
    const endUnion = (separator: string) => {
      done += [...parts, part.trim()].sort().join(" | ") + separator
      parts = []
      part = ""
    }
    while (at < text.length) {
      const next = /^(?:"(?:[^"\\]|\\.)*"|=>|[\s\S])/.exec(text.slice(at))![0]
      at += next.length
      if ("(<[{".includes(next)) part += next + upToBracket()
      else if (")>]}".includes(next)) {
        endUnion(next)
        return done
      } else if (["=>", "=", ":", ",", ";"].includes(next)) endUnion(next)
      else if (next === "|") {
        parts.push(part.trim())
        part = ""
      } else part += next
    }
    endUnion("")
    return done
  }
  return upToBracket()
}

export const isMet = ({ kind, text }: Expectation, found: ReadonlyArray<string>): boolean =>
  found.some((one) => (kind === "hover" ? sorted(one) === sorted(text) : one.includes(text)))

/** The messages nobody expects, each with its line. */
export const unexpected = (
  checker: Checker,
  file: string,
  expected: ReadonlyArray<Expectation>
): ReadonlyArray<string> =>
  checker
    .messages(file)
    .filter(
      (message) =>
        !expected.some(
          ({ kind, target, text }) => kind === "error" && target.line === message.line && message.text.includes(text)
        )
    )
    .map(({ line, text }) => `line ${line + 1}: ${text}`)
