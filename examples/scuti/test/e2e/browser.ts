/** Tabs of a browser, and what is looked at in them. */
import { readFileSync } from "node:fs"
import { assert, onTestFailed, onTestFinished, vi } from "@effect/vitest"
import type { Browser, BrowserContextOptions, Page } from "playwright-core"

const remember = `
  window.said = { state: [], status: [] }
  addEventListener("DOMContentLoaded", () => {
    for (const [id, texts] of Object.entries(said)) {
      const seen = new MutationObserver((records) => {
        for (const { addedNodes } of records) for (const node of addedNodes) texts.push(node.data)
      })
      const it = document.getElementById(id)
      if (it !== null) seen.observe(it, { childList: true })
    }
  })
`

/** How long something may take to be seen, in milliseconds. */
const patience = 20_000

export interface Tab {
  readonly page: Page
  /** What the browser complained of: failures of scripts and of loading, and what the policy forbids. */
  readonly complaints: ReadonlyArray<string>
  /** Whom the page has asked for something. */
  readonly asked: ReadonlySet<string>
}

/** Opens a window of its own for a test, with as many tabs. */
export const open = async <const Tabs extends ReadonlyArray<unknown>>(
  browser: Browser,
  url: string,
  tabs: Tabs,
  options: BrowserContextOptions = {}
): Promise<{ readonly [K in keyof Tabs]: Tab }> => {
  const context = await browser.newContext({
    viewport: { width: 1200, height: 800 },
    locale: "en-GB",
    timezoneId: "UTC",
    reducedMotion: "reduce",
    ...options
  })
  onTestFinished(() => context.close())
  context.setDefaultTimeout(patience)
  await context.addInitScript(remember)
  const openTab = async (): Promise<Tab> => {
    const page = await context.newPage()
    const complaints: Array<string> = []
    const asked = new Set<string>()
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text())
    })
    page.on("pageerror", (error) => complaints.push(`${error}`))
    page.on("dialog", (dialog) => {
      complaints.push(`a dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
    page.on("request", (request) => {
      const { origin, protocol } = new URL(request.url())
      if (protocol !== "data:") asked.add(origin)
    })
    onTestFailed(() => {
      process.stderr.write(`the browser complained of: ${JSON.stringify(complaints)}\n`)
    })
    await page.goto(url)
    return { page, complaints, asked }
  }
  const opened: Array<Tab> = []
  for (const _ of tabs) opened.push(await openTab())
  // What is behind another one is painted once in a second.
  await opened[0]?.page.bringToFront()
  // one for each of `tabs`
  return opened as { readonly [K in keyof Tabs]: Tab }
}

/** Looks until it is so. */
export const eventually = <A>(look: () => Promise<A>, expected: A): Promise<void> =>
  vi.waitFor(async () => assert.deepStrictEqual(await look(), expected), { timeout: patience, interval: 20 })

/** Waits until the page follows the table. */
export const live = (page: Page): Promise<void> => page.locator('#state[data-state="live"]').waitFor()

/** Waits until the status says that, and goes on saying it. */
export const said = (page: Page, text: RegExp): Promise<void> =>
  page.locator("#status").filter({ hasText: text }).waitFor()

/** The table as it is shown. */
export const rows = (page: Page): Promise<Record<string, string>> =>
  page.evaluate(`Object.fromEntries(Array.from(document.querySelectorAll("#rows tr"), (row) =>
    [row.cells[0].textContent, row.cells[1].textContent]))`)

/** The journal as it is shown, without its times. */
export const journal = (page: Page): Promise<ReadonlyArray<string>> => page.locator("#journal span").allTextContents()

/** What has the focus, by its name; and whether one sees that. */
export const focused = (page: Page): Promise<{ readonly name: string; readonly isSeen: boolean }> =>
  page.evaluate(`(() => {
    const it = document.activeElement
    const { height, top } = it.getBoundingClientRect()
    const { outlineStyle, outlineWidth } = getComputedStyle(it)
    return {
      name: it.ariaLabel ?? it.labels?.[0]?.textContent ?? it.textContent,
      isSeen: outlineStyle === "solid" && parseFloat(outlineWidth) >= 2 && top >= 0 && top + height <= innerHeight
    }
  })()`)

/** What the page has said since it was opened, one after the other: also what was seen for a moment only. */
export const history = (page: Page, id: "state" | "status"): Promise<ReadonlyArray<string>> =>
  page.evaluate(`said.${id}`)

/** Waits until the status says that, or finds that it has. */
export const wasSaid = (page: Page, text: RegExp): Promise<void> =>
  eventually(async () => (await history(page, "status")).some((said) => text.test(said)), true)

/** What is wrong with how the page looks. */
export interface Audit {
  /** By how many pixels it is wider than the window. */
  readonly overflow: number
  /** What is smaller than 24 pixels, and is for fingers. */
  readonly small: ReadonlyArray<string>
  /** Where typing makes a phone zoom. */
  readonly zooming: ReadonlyArray<string>
  /** What has a name for nobody but those who see it. */
  readonly nameless: ReadonlyArray<string>
  /** Text of a contrast below 4.5, and edges and signs of one below 3. */
  readonly faint: ReadonlyArray<string>
  /** How many texts were looked at. */
  readonly texts: number
}

const auditing = readFileSync(new URL("./audit.js", import.meta.url), "utf8")

export const audit = (page: Page): Promise<Audit> => page.evaluate(auditing)
