/** The live page in a browser, if there is one. */
import { existsSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as ExitReason from "@effect-otp/core/ExitReason"
import * as Process from "@effect-otp/core/Process"
import * as Effect from "effect/Effect"
import { chromium, type Page } from "playwright-core"
import { Hashmap } from "../src/Hashmap.ts"
import { ScutiPubSub } from "../src/ScutiPubSub.ts"
import { serving } from "./fixtures/serving.ts"

const browser = [
  process.env["CHROMIUM"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome"
].find((path) => path !== undefined && existsSync(path))

const promise = <A>(run: () => Promise<A>): Effect.Effect<A> => Effect.promise(run)

const open = (port: number, options: { readonly width: number; readonly dark?: boolean }) =>
  Effect.gen(function* () {
    const running = yield* Effect.acquireRelease(
      promise(() => chromium.launch({ executablePath: browser!, args: ["--no-sandbox"] })),
      (running) => promise(() => running.close())
    )
    const page = yield* promise(() =>
      running.newPage({
        viewport: { width: options.width, height: 740 },
        colorScheme: options.dark === true ? "dark" : "light"
      })
    )
    const complaints: Array<string> = []
    const asked: Array<string> = []
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text())
    })
    page.on("pageerror", (error) => complaints.push(String(error)))
    page.on("request", (request) => asked.push(new URL(request.url()).host))
    yield* promise(() => page.goto(`http://127.0.0.1:${port}/`))
    yield* promise(() => page.waitForSelector('#state[data-state="live"]'))
    return { page, complaints, asked }
  })

/** Waits until the status line says that. */
const said = (page: Page, text: RegExp) =>
  promise(() => page.locator("#status").filter({ hasText: text }).waitFor({ timeout: 10_000 }))

const rows = (page: Page) => promise(() => page.locator("#rows th").allTextContents())

const press = (page: Page, ...keys: ReadonlyArray<string>) =>
  promise(async () => {
    for (const key of keys) await page.keyboard.press(key)
  })

describe.skipIf(browser === undefined)("The live page", { timeout: 120_000 }, () => {
  it.scopedLive("shows the table as it changes, and changes it, by keyboard alone", () =>
    Effect.gen(function* () {
      const { port, run } = yield* serving()
      const { asked, complaints, page } = yield* open(port, { width: 1000 })
      assert.deepStrictEqual(yield* rows(page), ["app_name", "started_at", "version"])

      // by others
      yield* run(Hashmap.put("<img src=x onerror=alert(1)>", "<b>bold</b>"))
      yield* promise(() => page.getByText('"<b>bold</b>"', { exact: true }).waitFor())
      assert.strictEqual(yield* promise(() => page.locator("#rows img, #rows b").count()), 0)
      yield* run(Hashmap.delete("<img src=x onerror=alert(1)>"))
      yield* promise(() => page.getByText("onerror").waitFor({ state: "detached" }))

      // put: from the top of the page to the form, and through it
      yield* promise(() => page.locator("#key").focus())
      yield* promise(() => page.keyboard.type("gender"))
      yield* press(page, "Tab")
      yield* promise(() => page.keyboard.type("Male"))
      yield* press(page, "Enter")
      yield* said(page, /^gender is "Male" now\.$/)
      yield* promise(() => page.locator("#rows th", { hasText: /^gender$/ }).waitFor())
      assert.deepStrictEqual(yield* rows(page), ["app_name", "gender", "started_at", "version"])

      // edit, with the old value in the form
      yield* promise(() => page.getByRole("button", { name: "Edit gender" }).focus())
      yield* press(page, "Enter")
      assert.strictEqual(yield* promise(() => page.locator("#value").inputValue()), "Male")
      yield* promise(() => page.keyboard.type('{"a":[1,2]}'))
      yield* press(page, "Enter")
      yield* promise(() => page.getByText('{"a":[1,2]}', { exact: true }).waitFor())

      // delete; who goes on typing is at the next one
      yield* promise(() => page.getByRole("button", { name: "Delete gender" }).focus())
      yield* press(page, "Space")
      yield* said(page, /^Deleted gender\.$/)
      yield* promise(() => page.locator("#rows th", { hasText: /^gender$/ }).waitFor({ state: "detached" }))
      assert.strictEqual(yield* promise(() => page.locator(":focus").getAttribute("aria-label")), "Delete started_at")

      // crash
      yield* run(Hashmap.put("version", "2"))
      yield* promise(() => page.getByText('"2"', { exact: true }).waitFor())
      yield* promise(() => page.getByRole("button", { name: "Crash it" }).focus())
      yield* press(page, "Enter")
      yield* said(page, /^The server was started again at .*: the table has begun anew\.$/)
      yield* promise(() => page.getByText('"1.0.0"', { exact: true }).waitFor())

      // the journal of the fixture
      assert.strictEqual(yield* promise(() => page.locator("#journal li").count()), 7)
      assert.deepStrictEqual([complaints, Array.from(new Set(asked))], [[], [`127.0.0.1:${port}`]])
    })
  )

  it.scopedLive("says what is down, and comes back by itself", () =>
    Effect.gen(function* () {
      const { port, run } = yield* serving()
      const { page } = yield* open(port, { width: 1000 })
      yield* run(Process.exit(ScutiPubSub, ExitReason.killed))
      yield* said(page, /cannot be followed/)
      yield* promise(() => page.waitForSelector('#state[data-state="live"]'))
      yield* run(Hashmap.put("again", true))
      yield* promise(() => page.locator("#rows th", { hasText: /^again$/ }).waitFor())
    })
  )

  for (const dark of [false, true]) {
    it.scopedLive(
      `fits a phone, ${dark ? "dark" : "light"}: nothing to scroll sideways, targets for fingers, names for all`,
      () =>
        Effect.gen(function* () {
          const { port, run } = yield* serving()
          const { page } = yield* open(port, { width: 320, dark })
          yield* run(Hashmap.put("a_long_key_".repeat(20), "a long value ".repeat(50)))
          yield* promise(() => page.getByText("a_long_key_").first().waitFor())
          const looked = yield* promise(() =>
            page.evaluate(`({
            overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
            small: Array.from(document.querySelectorAll("button:not([hidden]), input"), (e) => e.getBoundingClientRect().height).filter((h) => h < 40),
            nameless: Array.from(document.querySelectorAll("button, input"), (e) => e.ariaLabel || e.textContent || e.labels?.[0]?.textContent).filter((n) => !n),
            ground: getComputedStyle(document.body).backgroundColor
          })`)
          )
          assert.deepStrictEqual(looked, {
            overflow: 0,
            small: [],
            nameless: [],
            ground: dark ? "rgb(17, 21, 26)" : "rgb(255, 255, 255)"
          })
        })
    )
  }

  it.scopedLive("the description of the API asks nobody else for anything", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      const { asked, complaints, page } = yield* open(port, { width: 1000 })
      yield* promise(() => page.goto(`http://127.0.0.1:${port}/docs`))
      yield* promise(() => page.locator(".opblock").first().waitFor())
      assert.isAbove(yield* promise(() => page.locator(".opblock").count()), 8)
      assert.deepStrictEqual(
        [complaints, Array.from(new Set(asked)).filter((host) => host !== "")],
        [[], [`127.0.0.1:${port}`]]
      )
    })
  )
})
