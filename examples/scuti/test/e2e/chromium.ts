/** Chromium, where there is one. */
import { existsSync } from "node:fs"
import { type Browser, chromium } from "playwright-core"

const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]

const find = (): string | undefined => {
  const named = process.env["CHROMIUM"]
  if (named === undefined || named === "") return places.find((place) => existsSync(place))
  if (!existsSync(named)) throw new Error(`CHROMIUM is ${JSON.stringify(named)}, and there is no such file`)
  return named
}

/** The program, or nothing where there is none. */
export const program = find()

/** How to come by one. */
export const advice =
  "as there is no Chromium: `apt-get install chromium` brings one, CHROMIUM names one that is elsewhere"

/** Starts the program, with nobody to talk to but who is asked by a page. */
export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: program!,
    args: [
      ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
      ...["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    ]
  })
