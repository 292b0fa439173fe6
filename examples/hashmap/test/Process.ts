/** The example as a process of its own, as its `start` script runs it. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { stripVTControlCharacters } from "node:util"
import { onTestFailed, onTestFinished } from "@effect/vitest"

const root = fileURLToPath(new URL("..", import.meta.url))

/** What starts the example, for a shell. */
export const command: ReadonlyArray<string> = [process.execPath, "--import", "tsx", "src/main.ts"]

export interface Process {
  readonly child: ChildProcessWithoutNullStreams
  /**
   * Resolves when standard output, from the last match on and without what moves a terminal's cursor, matches; rejects
   * if the process ends without it.
   */
  readonly waitFor: (pattern: RegExp) => Promise<void>
  /** Resolves when the process has ended and everything it wrote is here. */
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>
}

export const start = (
  [file, ...args]: ReadonlyArray<string> = command,
  environment: Readonly<Record<string, string>> = {}
): Process => {
  const child = spawn(file!, args, { cwd: root, env: { ...process.env, NO_COLOR: "1", TERM: "xterm", ...environment } })
  let stdout = ""
  let stderr = ""
  let from = 0
  const listeners = new Set<() => void>()
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout += text
    for (const listener of listeners) listener()
  })
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text
  })
  // it may end without reading to the end
  child.stdin.on("error", () => {})
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (code) => resolve({ code, stdout, stderr }))
  })
  const waitFor = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const listener = () => {
        const match = pattern.exec(stripVTControlCharacters(stdout).slice(from))
        if (match === null) return
        from += match.index + match[0].length
        listeners.delete(listener)
        resolve()
      }
      listeners.add(listener)
      listener()
      ended.then(() => reject(new Error(`it ended without writing ${pattern}, after:\n${stdout}\n${stderr}`)), reject)
    })
  onTestFailed(() => console.error(`it wrote, before the test failed:\n${stdout}\n${stderr}`))
  onTestFinished(() => {
    child.kill()
  })
  return { child, ended, waitFor }
}

/** Runs the example over an input. */
export const run = (input: string | Uint8Array) => {
  const { child, ended } = start()
  child.stdin.end(input)
  return ended
}
