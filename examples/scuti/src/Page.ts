/** The live page: the files of `page/`, as they are served. */
import { readFileSync } from "node:fs"

export interface File {
  readonly path: `/${string}`
  readonly contentType: string
  readonly text: string
}

// A part of the program that is no TypeScript: read once, as modules are.
const read = (name: string): string => readFileSync(new URL(`../page/${name}`, import.meta.url), "utf8")

/** The page, its script and its style. */
export const files: ReadonlyArray<File> = [
  { path: "/", contentType: "text/html; charset=utf-8", text: read("index.html") },
  { path: "/page.js", contentType: "text/javascript; charset=utf-8", text: read("page.js") },
  { path: "/page.css", contentType: "text/css; charset=utf-8", text: read("page.css") }
]

/** What the page may do: what stands in its own files. */
export const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
