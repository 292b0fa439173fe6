/** The live page in a browser, of Scuti as a process of its own. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Browser, Page } from "playwright-core"
import { audit, eventually, focused, history, journal, live, open, rows, said, wasSaid } from "./browser.ts"
import { advice, launch, program } from "./chromium.ts"
import { kill, start, temporaryFolder } from "./running.ts"

const type = async (page: Page, ...keys: ReadonlyArray<string>): Promise<void> => {
  for (const key of keys) await page.keyboard.press(key)
}

/** Fills the form, as one does who begins in its first field. */
const put = async (page: Page, key: string, value: string): Promise<void> => {
  await page.locator("#key").focus()
  await page.keyboard.insertText(key)
  await type(page, "Tab")
  await page.keyboard.insertText(value)
  await type(page, "Enter")
}

/** Goes on with Tab until that has the focus, and gives the names of what was on the way. */
const tabTo = async (page: Page, name: string): Promise<ReadonlyArray<string>> => {
  const names: Array<string> = []
  while (names.at(-1) !== name) {
    await type(page, "Tab")
    const { isSeen, name: next } = await focused(page)
    assert.isTrue(isSeen, `one sees that ${next} has the focus`)
    assert.isBelow(names.push(next), 30, `${name} is not found: ${names}`)
  }
  return names
}

/** The roles and names of what is on the page. */
const expectedRoles = `
- link "To the table":
- banner:
  - heading "Scuti" [level=1]
  - paragraph: live
- main:
  - status: This is the table as it is now; it changes as you look.
  - region "The table":
    - heading "The table" [level=2]
    - form "Put":
      - text: Key
      - textbox "Key"
      - text: Value
      - textbox "Value"
      - button "Put"
      - paragraph: JSON, or a text as it is.
    - table "Keys and their values, as they are now":
      - rowgroup:
        - row "Key Value Actions":
          - columnheader "Key"
          - columnheader "Value"
          - columnheader "Actions"
      - rowgroup:
        - row "app_name \\"Scuti\\" Edit app_name Delete app_name":
          - rowheader "app_name"
          - cell "\\"Scuti\\""
          - cell "Edit app_name Delete app_name":
            - button "Edit app_name": Edit
            - button "Delete app_name": Delete
        - row "started_at \\"N\\" Edit started_at Delete started_at":
          - rowheader "started_at"
          - cell "\\"N\\""
          - cell "Edit started_at Delete started_at":
            - button "Edit started_at": Edit
            - button "Delete started_at": Delete
        - row "version \\"N\\" Edit version Delete version":
          - rowheader "version"
          - cell "\\"N\\""
          - cell "Edit version Delete version":
            - button "Edit version": Edit
            - button "Delete version": Delete
  - region "The server":
    - heading "The server" [level=2]
    - paragraph: One process keeps the table. When it crashes, its supervisor starts it again, with what the table began with. More than three crashes within five seconds are too many, and the application ends.
    - paragraph:
      - button "Crash it"
      - text: It has not crashed yet.
  - region "The journal":
    - heading "The journal" [level=2]
    - list:
      - listitem:
        - time: N
        - text: the table has begun
- contentinfo:
  - navigation "More":
    - link "API":
    - link "OpenAPI":
    - link "Health":
    - link "Readiness":
    - link "Metrics":
`

const title = program === undefined ? `The live page, ${advice}` : "The live page"

describe.skipIf(program === undefined)(title, { timeout: 120_000 }, () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launch()
  }, 60_000)
  afterAll(() => browser?.close())

  it("puts and deletes by the keyboard alone, and another tab sees it", async () => {
    const { url } = await start()
    const [{ asked, complaints, page }, other] = await open(browser, url, ["one", "other"])
    await Promise.all([live(page), live(other.page)])
    const initial = await rows(page)
    assert.deepStrictEqual(Object.keys(initial), ["app_name", "started_at", "version"])

    // through the whole page, from its top
    assert.deepStrictEqual(await tabTo(page, "Put"), ["To the table", "Key", "Value", "Put"])
    assert.deepStrictEqual(await tabTo(page, "Metrics"), [
      ...["Edit app_name", "Delete app_name", "Edit started_at", "Delete started_at", "Edit version", "Delete version"],
      ...["Crash it", "API", "OpenAPI", "Health", "Readiness", "Metrics"]
    ])

    // put
    await put(page, "gender", "Male")
    await said(page, /^gender is "Male" now\.$/)
    const withGender = { app_name: '"Scuti"', gender: '"Male"', ...initial }
    for (const tab of [page, other.page]) {
      await eventually(() => rows(tab), withGender)
      await eventually(() => journal(tab), ['put gender = "Male"', "the table has begun"])
    }
    assert.deepStrictEqual(Object.keys(await rows(other.page)), ["app_name", "gender", "started_at", "version"])
    assert.strictEqual((await focused(page)).name, "Key")

    // edit: the value that is there is in the form
    await tabTo(page, "Edit gender")
    await type(page, "Enter")
    assert.strictEqual((await focused(page)).name, "Value")
    assert.strictEqual(await page.locator("#value").inputValue(), "Male")
    await page.keyboard.insertText('{"a":[1,2]}')
    await type(page, "Enter")
    await eventually(() => rows(other.page), { ...withGender, gender: '{"a":[1,2]}' })
    await eventually(() => journal(other.page).then(([line]) => line), 'update gender = {"a":[1,2]}')

    // delete: who goes on typing is at the next one
    await tabTo(page, "Delete gender")
    await type(page, "Space")
    await said(page, /^Deleted gender\.$/)
    await eventually(() => rows(page), initial)
    await eventually(() => rows(other.page), initial)
    assert.strictEqual((await focused(page)).name, "Delete started_at")
    await eventually(() => journal(other.page).then(([line]) => line), "delete gender")

    assert.deepStrictEqual([complaints, other.complaints], [[], []])
    assert.deepStrictEqual([[...asked], [...other.asked]], [[url], [url]])
  })

  it("shows a text as a text, and puts the same text again", async () => {
    const { url } = await start()
    const [{ complaints, page }, other] = await open(browser, url, ["one", "other"])
    await Promise.all([live(page), live(other.page)])
    const markup = "<img src=x onerror=alert(1)>"
    await put(page, markup, markup)
    for (const tab of [page, other.page]) {
      await eventually(async () => (await rows(tab))[markup], JSON.stringify(markup))
      await eventually(async () => (await journal(tab))[0], `put ${markup} = ${JSON.stringify(markup)}`)
      assert.strictEqual(await tab.locator("img").count(), 0)
    }

    for (const value of ["123", "null", '"quoted"', "two\nlines", "", "plain"]) {
      const text = JSON.stringify(value)
      await put(page, "text", text)
      await eventually(async () => (await rows(page))["text"], text)
      await page.getByRole("button", { name: "Edit text" }).click()
      const typed = await page.locator("#value").inputValue()
      assert.strictEqual(typed, value === "plain" ? "plain" : text)
      await type(page, "Enter")
      await said(page, /^text is /)
      assert.strictEqual((await rows(page))["text"], text)
      // for the next one's word to be another one's
      await page.getByRole("button", { name: "Delete text" }).click()
      await said(page, /^Deleted text\.$/)
    }
    assert.deepStrictEqual([complaints, other.complaints], [[], []])
  })

  it("sends what is typed quickly in the order in which it was typed", async () => {
    const { url } = await start()
    const [{ page }] = await open(browser, url, ["one"])
    await live(page)
    // the first one is slow on its way
    let go = () => {}
    const held = new Promise<void>((resolve) => {
      go = resolve
    })
    await page.route("**/api/hashmap", (route) => held.then(() => route.continue()), { times: 1 })
    await put(page, "n", "1")
    await put(page, "n", "2")
    await put(page, "m", "3")
    await page.getByRole("button", { name: "Delete version" }).click()
    go()
    await said(page, /^Deleted version\.$/)
    await eventually(
      // the second is an update, if the first is shown by then
      async () => (await journal(page)).slice(0, 4).map((line) => line.replace(/^update/, "put")),
      ["delete version", "put m = 3", "put n = 2", "put n = 1"]
    )
  })

  it("crashes the server, and shows it come back, in every tab", async () => {
    const { url } = await start()
    const [{ asked, complaints, page }, other] = await open(browser, url, ["one", "other"])
    await Promise.all([live(page), live(other.page)])
    const initial = await rows(page)
    assert.strictEqual(await page.locator("#restarts").textContent(), "It has not crashed yet.")
    await put(page, "version", "2")
    await put(page, "gender", "Male")
    await eventually(() => rows(other.page), { ...initial, gender: '"Male"', version: "2" })

    await page.getByRole("button", { name: "Crash it" }).focus()
    await type(page, "Enter")
    const crashed = "ScutiWeb\\.Service\\.Hashmap did not answer Crash: crashed: Error: told to crash\\."
    const time = "\\d\\d:\\d\\d:\\d\\d"
    await said(
      page,
      new RegExp(`^${crashed} Its supervisor has started it again at ${time}: the table has begun anew\\.$`)
    )
    await said(other.page, new RegExp(`^The server was started again at ${time}: the table has begun anew\\.$`))
    assert.deepStrictEqual(await history(page, "state"), ["live", "crashing", "down", "live"])
    for (const tab of [page, other.page]) {
      await eventually(() => rows(tab), initial)
      await eventually(() => tab.locator("#restarts").textContent(), "It was started again once.")
      await eventually(
        () => journal(tab),
        [...["the table has begun", 'put gender = "Male"', "update version = 2", "the table has begun"]]
      )
      await live(tab)
    }

    // the button is still there for the next time
    assert.strictEqual((await focused(page)).name, "Crash it")
    await type(page, "Space")
    await eventually(() => other.page.locator("#restarts").textContent(), "It was started again 2 times.")
    assert.deepStrictEqual([complaints, other.complaints], [[], []])
    assert.deepStrictEqual([[...asked], [...other.asked]], [[url], [url]])
  })

  it("a crash more than the supervisor bears ends the application, and the page says that it is gone", async () => {
    const { ended, url } = await start()
    const [{ page }] = await open(browser, url, ["one"])
    await live(page)
    let isUp = true
    const over = ended.then((end) => {
      isUp = false
      return end
    })
    await page.getByRole("button", { name: "Crash it" }).click()
    // others do that too, and do not mind what it comes to
    while (isUp) await fetch(`${url}/api/crash`, { method: "POST" }).catch(() => {})
    await page.locator('#state[data-state="connecting"]').waitFor()
    assert.strictEqual((await over).code, 1)
    await eventually(() => page.locator("#crash").getAttribute("aria-disabled"), null)
  })

  it("says what is down, and is right again when that is there again", async () => {
    const running = await start({}, "scuti/test/e2e/main.ts")
    const [{ complaints, page }] = await open(browser, running.url, ["one"])
    await live(page)
    await kill(running, "Scuti.PubSub")
    await eventually(() => history(page, "state"), ["live", "down", "live"])
    const known = "This is the table as it is now; it changes as you look."
    const [first, second, ...rest] = await history(page, "status")
    assert.match(`${second}`, /^The table cannot be followed: .*Scuti\.PubSub.*\. It will be tried again\.$/)
    assert.deepStrictEqual([first, ...rest], [known, known])

    await kill(running, "ScutiWeb.Service.Hashmap")
    await wasSaid(page, /^The server was started again at/)
    await kill(running, "Scuti.Repo")
    await put(page, "gender", "Male")
    await eventually(async () => (await journal(page))[0], 'put gender = "Male"')
    assert.deepStrictEqual(
      complaints.filter((complaint) => !/503/.test(complaint)),
      []
    )
  })

  it("finds the application again that was stopped and started, and keeps what is typed", async () => {
    const folder = temporaryFolder()
    const first = await start({}, "scuti/src/main.ts", folder)
    const [{ page }] = await open(browser, first.url, ["one"])
    await live(page)
    await put(page, "gender", "Male")
    await eventually(async () => (await rows(page))["gender"], '"Male"')
    await page.locator("#key").fill("half a k")
    // a crash after which nothing comes any more
    await page.route("**/api/crash", (route) => route.fulfill({ json: { message: "it is gone" } }))
    const crash = page.getByRole("button", { name: "Crash it" })
    await crash.click()
    await said(page, /^it is gone\.$/)
    assert.strictEqual(await crash.getAttribute("aria-disabled"), "true")
    first.child.kill("SIGTERM")
    await said(page, /^The connection is lost; it will be tried again\.$/)
    await page.locator('#state[data-state="connecting"]').waitFor()
    await eventually(() => crash.getAttribute("aria-disabled"), null)
    assert.strictEqual((await first.ended).code, 0)
    await page.getByRole("button", { name: "Delete gender" }).click()
    await wasSaid(page, /^That failed: the server cannot be reached$/)

    const { port } = new URL(first.url)
    await start({ PORT: port }, "scuti/src/main.ts", folder)
    await said(page, /^This is the table as it is now; it changes as you look\.$/)
    await live(page)
    assert.deepStrictEqual(Object.keys(await rows(page)), ["app_name", "started_at", "version"])
    assert.strictEqual(await page.locator("#key").inputValue(), "half a k")
    await eventually(() => journal(page), ["the table has begun", 'put gender = "Male"', "the table has begun"])
  })

  it("tries again where something between answers for the server", async () => {
    const { url } = await start()
    const [{ page }] = await open(browser, "about:blank", ["one"])
    const badGateway = { status: 502, contentType: "text/html", body: "<h1>Bad Gateway</h1>" }
    await page.route("**/{events,api/**}", (route) => route.fulfill(badGateway))
    await page.goto(url)
    await said(page, /^The connection is lost; it will be tried again\.$/)
    await put(page, "gender", "Male")
    await wasSaid(page, /^That failed: the answer was 502 Bad Gateway$/)
    await page.unroute("**/{events,api/**}")
    await live(page)
    assert.strictEqual(await page.locator("#key").inputValue(), "gender")
    await type(page, "Enter")
    await eventually(async () => (await rows(page))["gender"], '"Male"')
  })

  it("shows the journal page by page, and what is new on top", async () => {
    const { url } = await start()
    const [{ complaints, page }] = await open(browser, url, ["one"])
    await live(page)
    const change = (n: number) =>
      fetch(`${url}/api/hashmap/n`, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: `{"value":${n}}`
      })
    const lines = (newest: number, oldest: number) =>
      Array.from({ length: newest - oldest + 1 }, (_, index) => `update n = ${newest - index}`)
    for (let n = 1; n <= 40; n++) await change(n)
    await eventually(() => journal(page), lines(40, 26))
    await page.getByRole("button", { name: "Older changes" }).click()
    await eventually(() => journal(page), lines(40, 11))
    await change(41)
    await eventually(() => journal(page), lines(41, 12))
    await page.getByRole("button", { name: "Older changes" }).click()
    await eventually(() => journal(page), [...lines(41, 1), "the table has begun"])
    assert.isFalse(await page.getByRole("button", { name: "Older changes" }).isVisible())
    assert.deepStrictEqual(complaints, [])
  })

  for (const colorScheme of ["light", "dark"] as const) {
    it(`can be read and touched on a phone and on a desk, ${colorScheme}`, async () => {
      const { url } = await start()
      const [{ page }] = await open(browser, url, ["one"], { colorScheme })
      await live(page)
      const isGood = async () => {
        for (const [width, height] of [
          [1200, 800],
          [360, 640],
          [320, 480]
        ] as const) {
          await page.setViewportSize({ width, height })
          const { texts, ...wrong } = await audit(page)
          assert.isAbove(texts, 20)
          assert.deepStrictEqual(wrong, { overflow: 0, small: [], zooming: [], nameless: [], faint: [] })
        }
      }
      await isGood()
      await put(page, "a_long_key_".repeat(20), "a long value ".repeat(50))
      await page.locator("#rows tr", { hasText: "a_long_key_" }).waitFor()
      // as what has just changed is shown, for longer than that is
      await page.evaluate(`for (const row of document.querySelectorAll("#rows tr")) row.classList.add("fresh")`)
      await isGood()
      for (let n = 0; n < 20; n++) await put(page, `key ${n}`, `${n}`)
      await page.getByRole("button", { name: "Older changes" }).waitFor()
      await isGood()
      // for as long as the server does not answer it is shown as crashing
      let answer = () => {}
      const held = new Promise<void>((resolve) => {
        answer = resolve
      })
      await page.route("**/api/crash", (route) => held.then(() => route.continue()))
      await page.getByRole("button", { name: "Crash it" }).click()
      await page.locator('#state[data-state="down"]').waitFor()
      await isGood()
      answer()
      await said(page, /the table has begun anew/)
    })
  }

  it("is named and ordered for those who do not see it, whatever it looks like", async () => {
    const { url } = await start()
    const [{ page }] = await open(browser, url, ["one"])
    await live(page)
    await page.locator("#journal li").waitFor()
    await eventually(() => page.locator("#restarts").textContent(), "It has not crashed yet.")
    const roles = async () => (await page.locator("body").ariaSnapshot()).replace(/\d+(?:[-:T.]\d+)+Z?/g, "N")
    const onDesk = await roles()
    assert.strictEqual(onDesk.replace(/^ +- \/url: .*\n?/gm, "").trim(), expectedRoles.trim())
    await page.setViewportSize({ width: 360, height: 640 })
    assert.strictEqual(await roles(), onDesk)
    assert.strictEqual(await page.getByRole("status").getAttribute("aria-live"), "polite")
    // one may skip what comes before the table
    await type(page, "Tab", "Enter")
    assert.strictEqual((await focused(page)).name, "The table")
  })

  it("the description of the API asks nobody else for anything", async () => {
    const { url } = await start()
    const [{ asked, complaints, page }] = await open(browser, `${url}/docs`, ["one"])
    await page.locator(".opblock").first().waitFor()
    assert.isAbove(await page.locator(".opblock").count(), 8)
    assert.deepStrictEqual([complaints, [...asked]], [[], [url]])
  })
})
