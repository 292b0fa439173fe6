/** The live page: the files of `page/`, as they are served. */
import { fileURLToPath } from "node:url"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"

export interface File {
  readonly path: `/${string}`
  readonly contentType: string
  readonly text: string
}

const file = (path: `/${string}`, name: string, contentType: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) =>
    Effect.map(
      fs.readFileString(fileURLToPath(new URL(`../page/${name}`, import.meta.url))),
      (text): File => ({ path, contentType, text })
    )
  )

/** The page, its script and its style. Read when the Endpoint starts; that they are missing is a defect. */
export const files: Effect.Effect<ReadonlyArray<File>, never, FileSystem.FileSystem> = Effect.orDie(
  Effect.all([
    file("/", "index.html", "text/html; charset=utf-8"),
    file("/page.js", "page.js", "text/javascript; charset=utf-8"),
    file("/page.css", "page.css", "text/css; charset=utf-8")
  ])
)

/** What the page may do: what stands in its own files. */
export const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
