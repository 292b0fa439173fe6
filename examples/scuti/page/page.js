// Follows the table by server-sent events, and lets one change it. Whatever comes from the server is shown as text.

const at = (id) => document.getElementById(id)

const state = at("state")
const status = at("status")
const rows = at("rows")
const form = at("put")
const keyField = at("key")
const valueField = at("value")
const crash = at("crash")
const restarts = at("restarts")
const journal = at("journal")
const journalNote = at("journal-note")
const older = at("older")

const element = (name, text, attributes = {}) => {
  const made = document.createElement(name)
  if (text !== undefined) made.textContent = text
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value)
  return made
}

const button = (text, label, onClick) => {
  const made = element("button", text, { type: "button", "aria-label": label })
  made.addEventListener("click", onClick)
  return made
}

const say = (text, isBad = false) => {
  // What is said already is not read out again.
  if (status.textContent !== text) status.textContent = text
  status.classList.toggle("bad", isBad)
}

const become = (name, text = name) => {
  state.dataset.state = name
  state.textContent = text
}

/** The time of day, and the day where it is another one. */
const clock = (time) => {
  const when = new Date(time)
  return when.toDateString() === new Date().toDateString() ? when.toLocaleTimeString() : when.toLocaleString()
}

// ---------------------------------------------------------------------------------------------------------------------
// Asking
// ---------------------------------------------------------------------------------------------------------------------

/** What is between the server and us may answer something else than JSON. */
const parsed = (text) => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** How long an answer may take, in milliseconds: longer than the server takes to say that it takes too long. */
const patience = 30_000

/** One request. Gives its JSON, or null for none; throws with what the server says of a failure. */
const ask = async (method, path, body) => {
  const options =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }
  const answer = async () => {
    const response = await fetch(path, { method, signal: AbortSignal.timeout(patience), ...options })
    return [response, parsed(await response.text())]
  }
  const [response, json] = await answer().catch(({ name }) => {
    throw new Error(name === "TimeoutError" ? "there was no answer for too long" : "the server cannot be reached")
  })
  if (!response.ok) throw new Error(json?.message ?? `the answer was ${response.status} ${response.statusText}`.trim())
  return json
}

/** What was asked for last. */
let changes = Promise.resolve()

/**
 * Does that when all before it is done, and says what came of it. On connections of their own, the later of two changes
 * might come first.
 */
const doing = (what, done) => {
  changes = changes.then(async () => {
    try {
      const answer = await what()
      say(done(answer))
    } catch (error) {
      say(`That failed: ${error.message}`, true)
    }
  })
}

const pathOf = (key) => `/api/hashmap/${encodeURIComponent(key)}`

/** What is typed is JSON, or else a text as it is. */
const valueOf = (text) => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** What is to be typed for a value: a text as it is where that gives the same text again, and fits into one line. */
const typedFor = (value) =>
  typeof value === "string" && value !== "" && valueOf(value) === value && !/[\r\n]/.test(value)
    ? value
    : JSON.stringify(value)

// ---------------------------------------------------------------------------------------------------------------------
// The table
// ---------------------------------------------------------------------------------------------------------------------

// The style for phones makes a grid of each row, which to some browsers is no row any more, unless it is called one.
const roles = { table: "table", "thead, tbody": "rowgroup", tr: "row", "thead th": "columnheader" }
for (const [selector, role] of Object.entries(roles)) {
  for (const found of document.querySelectorAll(selector)) found.setAttribute("role", role)
}

/** What is shown of each key. */
const shown = new Map()
/** The keys, as they stand below each other. */
const order = []

/** Where a key stands among the others, or would. */
const placeOf = (key) => {
  let low = 0
  let high = order.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (order[middle] < key) low = middle + 1
    else high = middle
  }
  return low
}

const markEmpty = () => {
  at("empty").hidden = shown.size > 0
}

const edit = (key) => {
  keyField.value = key
  valueField.value = typedFor(shown.get(key).value)
  valueField.focus()
  valueField.select()
}

const remove = (key) =>
  doing(
    () => ask("DELETE", pathOf(key)),
    () => `Deleted ${key}.`
  )

const add = (key) => {
  const row = element("tr", undefined, { role: "row" })
  const cell = element("td", undefined, { role: "cell" })
  const actions = element("td", undefined, { role: "cell" })
  actions.append(
    button("Edit", `Edit ${key}`, () => edit(key)),
    " ",
    button("Delete", `Delete ${key}`, () => remove(key))
  )
  row.append(element("th", key, { scope: "row", role: "rowheader" }), cell, actions)
  const place = placeOf(key)
  rows.insertBefore(row, shown.get(order[place])?.row ?? null)
  order.splice(place, 0, key)
  const made = { row, cell, value: undefined, text: undefined }
  shown.set(key, made)
  return made
}

const mark = (row) => {
  row.classList.add("fresh")
  setTimeout(() => row.classList.remove("fresh"), 1200)
}

/** Shows a value. What stands there already stays as it is, and so does what has the focus. */
const show = (key, value, isNews) => {
  const entry = shown.get(key) ?? add(key)
  const text = JSON.stringify(value)
  if (isNews && entry.text !== text) mark(entry.row)
  if (entry.text !== text) entry.cell.textContent = text
  entry.text = text
  entry.value = value
  markEmpty()
}

const hide = (key) => {
  const row = shown.get(key)?.row
  if (row === undefined) return
  // Who has just deleted it goes on with the next one.
  if (row.contains(document.activeElement)) {
    const beside = row.nextElementSibling ?? row.previousElementSibling
    ;(beside?.querySelector("button:last-of-type") ?? keyField).focus()
  }
  row.remove()
  shown.delete(key)
  order.splice(placeOf(key), 1)
  markEmpty()
}

const showAll = (entries, isNews) => {
  for (const key of Array.from(order)) if (!Object.hasOwn(entries, key)) hide(key)
  for (const [key, value] of Object.entries(entries)) show(key, value, isNews)
  markEmpty()
}

// ---------------------------------------------------------------------------------------------------------------------
// The journal
// ---------------------------------------------------------------------------------------------------------------------

const pageSize = 15
/** How many lines are shown at most: a page, and one more for each that was asked for. */
let room = pageSize
/** The line on top. */
let newest = 0

const described = ({ key, operation, sequence, value }) => {
  if (operation === "start") return "the table has begun"
  if (operation === "gap") return `changes up to ${sequence} were not written down`
  if (operation === "delete") return `delete ${key}`
  return `${operation} ${key} = ${JSON.stringify(value)}`
}

const line = (entry) => {
  const item = element("li", undefined, { "data-id": entry.id })
  const text = described(entry)
  item.append(
    element("time", clock(entry.at), { datetime: entry.at }),
    " ",
    element("span", text.length > 200 ? `${text.slice(0, 200)}…` : text)
  )
  return item
}

const offerOlder = (before) => {
  older.hidden = before === null
  older.dataset.before = before ?? ""
}

/** Puts on top what is new there. */
const readNewest = async () => {
  const { entries, next } = await ask("GET", `/api/changes?limit=${pageSize}`)
  if (entries.some(({ id }) => id === newest)) {
    journal.prepend(...entries.filter(({ id }) => id > newest).map(line))
    while (journal.childElementCount > room) {
      journal.lastElementChild.remove()
      offerOlder(journal.lastElementChild.dataset.id)
    }
  } else {
    journal.replaceChildren(...entries.map(line))
    room = pageSize
    offerOlder(next)
  }
  newest = entries[0]?.id ?? 0
  journalNote.textContent = newest === 0 ? "Nothing has been written yet." : ""
  return entries
}

const readOlder = async () => {
  const { before } = older.dataset
  const { entries, next } = await ask("GET", `/api/changes?limit=${pageSize}&before=${before}`)
  // What was there has moved on meanwhile, and with it what comes below.
  if (older.dataset.before !== before) return
  room = journal.childElementCount + entries.length
  journal.append(...entries.map(line))
  offerOlder(next)
}

/** Whether a line is the one that is waited for. Lines are written a little later than changes are told. */
let awaited = () => true
let attempts = 0
let isPlanned = false

const readAfter = (milliseconds) => {
  if (isPlanned) return
  isPlanned = true
  setTimeout(readSoon, milliseconds)
}

const readSoon = async () => {
  const isAwaited = awaited
  let again = null
  try {
    const entries = await readNewest()
    if (!entries.some(isAwaited) && attempts++ < 10) again = 1000
  } catch (error) {
    journalNote.textContent = `It cannot be read now: ${error.message}. It will be tried again.`
    again = 2000
  }
  isPlanned = false
  if (isAwaited !== awaited) readAfter(300)
  else if (again !== null) readAfter(again)
}

/** Reads the journal soon, once for many changes, and until that line is there. */
const awaitLine = (isThat) => {
  awaited = isThat
  attempts = 0
  readAfter(300)
}

older.addEventListener("click", () =>
  readOlder().catch((error) => {
    journalNote.textContent = `Older changes cannot be read now: ${error.message}.`
  })
)

// ---------------------------------------------------------------------------------------------------------------------
// The server
// ---------------------------------------------------------------------------------------------------------------------

/** What is followed now: `connecting`, `live` or `down`. */
let followed = "connecting"
/** What to do when the table is there again after a crash that was asked for here, or nobody can tell any more. */
let onReturn = null

const follow = (name) => {
  followed = name
  if (onReturn === null) become(name)
}

const countRestarts = async () => {
  try {
    const { children } = await ask("GET", "/health")
    const count = children.find(({ id }) => id === "ScutiWeb.Service.Hashmap").restarts
    const times = count === 1 ? "once" : `${count} times`
    restarts.textContent = count === 0 ? "It has not crashed yet." : `It was started again ${times}.`
  } catch (error) {
    restarts.textContent = `How often it was started again is not known: ${error.message}.`
  }
}

crash.addEventListener("click", async () => {
  if (onReturn !== null) return
  crash.setAttribute("aria-disabled", "true")
  const returned = new Promise((resolve) => {
    onReturn = resolve
  })
  become("down", "crashing")
  say("The server is told to crash.", true)
  try {
    await changes
    const { message } = await ask("POST", "/api/crash")
    become("down")
    say(`${message}.`, true)
    await returned
    if (followed === "live") {
      say(`${message}. Its supervisor has started it again at ${clock(Date.now())}: the table has begun anew.`)
    }
  } catch (error) {
    say(`That failed: ${error.message}`, true)
  }
  onReturn = null
  become(followed)
  crash.removeAttribute("aria-disabled")
})

// ---------------------------------------------------------------------------------------------------------------------
// What happens
// ---------------------------------------------------------------------------------------------------------------------

let isKnown = false

const connect = () => {
  const events = new EventSource("/events")

  events.addEventListener("table", ({ data }) => {
    const { entries, restarted, sequence } = JSON.parse(data)
    const wasLive = followed === "live"
    showAll(entries, isKnown)
    follow("live")
    if (onReturn !== null) onReturn()
    else if (restarted) say(`The server was started again at ${clock(Date.now())}: the table has begun anew.`)
    else if (!wasLive) say("This is the table as it is now; it changes as you look.")
    isKnown = true
    awaitLine((entry) => entry.sequence === sequence)
    countRestarts()
  })

  events.addEventListener("update", ({ data }) => {
    const update = JSON.parse(data)
    if (update._tag === "Put") show(update.key, update.value, true)
    else hide(update.key)
    awaitLine((entry) => entry.at >= update.at)
  })

  events.addEventListener("down", ({ data }) => {
    follow("down")
    say(`The table cannot be followed: ${JSON.parse(data).message}. It will be tried again.`, true)
  })

  events.addEventListener("error", () => {
    follow("connecting")
    onReturn?.()
    say("The connection is lost; it will be tried again.", true)
    isKnown = false
    // A browser tries again by itself, but where it was answered something else than events.
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, 2000)
  })
}

form.addEventListener("submit", (event) => {
  event.preventDefault()
  const key = keyField.value
  const text = valueField.value
  const value = valueOf(text)
  // Emptied at once, so that the next one can be typed while this one is on its way; and filled again if it fails.
  form.reset()
  keyField.focus()
  doing(
    async () => {
      try {
        await (shown.has(key) ? ask("PUT", pathOf(key), { value }) : ask("POST", "/api/hashmap", { key, value }))
      } catch (error) {
        if (keyField.value === "" && valueField.value === "") {
          keyField.value = key
          valueField.value = text
        }
        throw error
      }
    },
    () => `${key} is ${JSON.stringify(value)} now.`
  )
})

connect()
