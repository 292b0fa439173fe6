/** Scuti as a process of its own, on a free port and with a database of its own, as `npm start` runs it. */
import { type ChildProcess, fork } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { onTestFailed, onTestFinished } from "@effect/vitest"

const root = fileURLToPath(new URL("../../../..", import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** What it wrote. */
  readonly log: string
}

export interface Running {
  readonly child: ChildProcess
  /** Where it keeps its files. */
  readonly folder: string
  /** The first match in what it writes, or has written. Rejects if it ends without. */
  readonly waitFor: (pattern: RegExp) => Promise<RegExpExecArray>
  /** What it has written. */
  readonly log: () => string
  /** Resolves when it has ended and everything that it wrote is here. */
  readonly ended: Promise<Ended>
}

/** A folder that is gone after the test. */
export const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "scuti-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Runs a module of `examples`. */
export const run = (
  module: string,
  environment: Readonly<Record<string, string>> = {},
  folder: string = temporaryFolder()
): Running => {
  const child = fork(join(root, "scripts", "start.mjs"), [module], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      NO_COLOR: "1",
      PORT: "0",
      RELEASE_NAME: "scuti",
      DATABASE_FILE: join(folder, "scuti.db"),
      ...environment
    },
    execArgv: ["--expose-gc"],
    stdio: ["ignore", "pipe", "pipe", "ipc"]
  })
  let log = ""
  const listeners = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text) => {
      log += text
      for (const listener of [...listeners]) listener()
    })
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (code, signal) => resolve({ code, signal, log }))
  })
  const waitFor = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const listener = (): void => {
        const found = pattern.exec(log)
        if (found === null) return
        listeners.delete(listener)
        resolve(found)
      }
      listeners.add(listener)
      listener()
      ended.then(() => reject(new Error(`it ended without writing ${pattern}, after:\n${log}`)), reject)
    })
  onTestFailed(() => {
    process.stderr.write(`it wrote, before the test failed:\n${log}\n`)
  })
  onTestFinished(() => {
    child.kill("SIGKILL")
  })
  return { child, folder, waitFor, log: () => log, ended }
}

/** Runs Scuti, and gives its address once all its children are there. */
export const start = async (
  environment: Readonly<Record<string, string>> = {},
  module = "scuti/src/main.ts",
  folder?: string
): Promise<Running & { readonly url: string }> => {
  const running = run(module, environment, folder)
  const [, url] = await running.waitFor(/listens at (http:\S+?)["\s]/)
  while (!(await isReady(`${url}`))) await new Promise((resolve) => setTimeout(resolve, 10))
  return { ...running, url: `${url}` }
}

const isReady = (url: string): Promise<boolean> =>
  fetch(`${url}/ready`).then(
    ({ ok }) => ok,
    () => false
  )

/** What `main.ts` of these tests tells of itself. */
export interface Measured {
  readonly heap: number
  readonly sockets: number
  readonly listeners: number
}

/** Says something to the `main.ts` of these tests, and gives its answer. */
const ask = <A>({ child }: Running, message: object): Promise<A> =>
  new Promise((resolve, reject) => {
    child.once("message", (answer) => resolve(answer as A))
    child.send(message, (error) => {
      if (error !== null) reject(error)
    })
  })

export const kill = (running: Running, id: string): Promise<void> => ask(running, { kill: id })

export const measure = (running: Running): Promise<Measured> => ask(running, { measure: true })
