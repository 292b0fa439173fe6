/**
 * `npm run screenshot` in `examples/scuti`: makes `docs/page.png` of Scuti as it runs, after a crash. A folder as an
 * argument takes the page as it is in the dark and on a phone, too.
 */
import { fork } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type { Browser, BrowserContextOptions } from "playwright-core"
import { advice, launch, program } from "./chromium.ts"

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** Runs Scuti, and whatever is done with its address. */
const serving = async (use: (url: string) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), "scuti-"))
  const child = fork(here("../../../../scripts/start.mjs"), ["scuti/src/release.ts"], {
    cwd: folder,
    env: { PATH: process.env["PATH"], NO_COLOR: "1", PORT: "0" },
    execArgv: [],
    stdio: ["ignore", "pipe", "inherit", "ipc"]
  })
  const ended = once(child, "exit")
  try {
    const address = new Promise<string>((resolve, reject) => {
      createInterface(child.stdout!).on("line", (line) => {
        const [, url] = /listens at (\S+)$/.exec(line) ?? []
        if (url !== undefined) resolve(url)
      })
      ended.then(([code]) => reject(new Error(`it ended with ${code} before it listened`)), reject)
    })
    await use(await address)
  } finally {
    child.kill("SIGTERM")
    await ended
    rmSync(folder, { recursive: true })
  }
}

const put = async (url: string, key: string, value: unknown): Promise<void> => {
  const response = await fetch(`${url}/api/hashmap`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ key, value })
  })
  if (!response.ok) throw new Error(`${key} was not put: ${await response.text()}`)
}

const open = async (browser: Browser, url: string, options: BrowserContextOptions = {}) => {
  const page = await browser.newPage({
    viewport: { width: 1200, height: 800 },
    locale: "en-GB",
    timezoneId: "UTC",
    reducedMotion: "reduce",
    ...options
  })
  await page.goto(url)
  await page.locator('#state[data-state="live"]').waitFor()
  return page
}

const take = async (url: string, folder: string | undefined): Promise<void> => {
  const browser = await launch()
  try {
    const page = await open(browser, url)
    await put(url, "name", "Doe")
    await page.getByRole("button", { name: "Crash it" }).click()
    await page.locator("#status").filter({ hasText: "has started it again" }).waitFor()
    await put(url, "gender", "Male")
    await put(url, "languages", ["TypeScript", "Elixir"])
    await page.locator("#journal").getByText("put languages").waitFor()
    await page.locator("tr.fresh").last().waitFor({ state: "detached" })
    await page.mouse.click(1, 1)
    await page.screenshot({ path: here("../../docs/page.png") })
    if (folder === undefined) return
    for (const [name, options] of Object.entries<BrowserContextOptions>({
      dark: { colorScheme: "dark" },
      phone: { viewport: { width: 360, height: 640 } }
    })) {
      const other = await open(browser, url, options)
      await other.locator("#journal li").first().waitFor()
      await other.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
    }
  } finally {
    await browser.close()
  }
}

if (program === undefined) {
  console.error(`No screenshot was made, ${advice}`)
  process.exitCode = 1
} else {
  await serving((url) => take(url, process.argv[2]))
}
