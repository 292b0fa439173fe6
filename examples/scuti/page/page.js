// Follows the table by server-sent events, and lets one change it. Whatever comes from the server is shown as text.

const at = (id) => document.getElementById(id)

const state = at("state")
const status = at("status")
const rows = at("rows")
const form = at("put")
const keyField = at("key")
const valueField = at("value")
const crash = at("crash")
const journal = at("journal")
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
  status.textContent = text
  status.classList.toggle("bad", isBad)
}

const become = (name, text) => {
  state.dataset.state = name
  state.textContent = text
}

const clock = (time) => new Date(time).toLocaleTimeString()

// ---------------------------------------------------------------------------------------------------------------------
// Asking
// ---------------------------------------------------------------------------------------------------------------------

/** One request. Gives its JSON, or null for none; throws with what the server says of a failure. */
const ask = async (method, path, body) => {
  const response = await fetch(path, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } })
  })
  const text = await response.text()
  const json = text === "" ? null : JSON.parse(text)
  if (!response.ok) throw new Error(json?.message ?? `the answer was ${response.status}`)
  return json
}

/** Does that, and says what came of it. */
const doing = async (what, done) => {
  try {
    const answer = await what()
    say(done(answer))
  } catch (error) {
    say(`That failed: ${error.message}`, true)
  }
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

// ---------------------------------------------------------------------------------------------------------------------
// The table
// ---------------------------------------------------------------------------------------------------------------------

/** The row of each key. */
const shown = new Map()

const markEmpty = () => {
  at("empty").hidden = shown.size > 0
}

const edit = (key, value) => {
  keyField.value = key
  valueField.value = typeof value === "string" ? value : JSON.stringify(value)
  valueField.focus()
  valueField.select()
}

const show = (key, value) => {
  const row = element("tr")
  const actions = element("td")
  actions.append(
    button("Edit", `Edit ${key}`, () => edit(key, value)),
    " ",
    button("Delete", `Delete ${key}`, () =>
      doing(
        () => ask("DELETE", pathOf(key)),
        () => `Deleted ${key}.`
      )
    )
  )
  row.append(element("th", key, { scope: "row" }), element("td", JSON.stringify(value)), actions)
  const old = shown.get(key)
  if (old !== undefined) {
    // The one that is typed on stays the one that is typed on.
    const focused = Array.from(old.querySelectorAll("button")).indexOf(document.activeElement)
    old.replaceWith(row)
    if (focused >= 0) row.querySelectorAll("button")[focused].focus()
  } else {
    const next = Array.from(shown.keys())
      .filter((other) => other > key)
      .sort()[0]
    rows.insertBefore(row, next === undefined ? null : shown.get(next))
  }
  shown.set(key, row)
  markEmpty()
  return row
}

const hide = (key) => {
  const row = shown.get(key)
  if (row === undefined) return
  // Who has just deleted it goes on with the next one.
  if (row.contains(document.activeElement)) {
    const beside = row.nextElementSibling ?? row.previousElementSibling
    ;(beside?.querySelector("button:last-of-type") ?? keyField).focus()
  }
  row.remove()
  shown.delete(key)
  markEmpty()
}

const mark = (row) => {
  row.classList.add("fresh")
  setTimeout(() => row.classList.remove("fresh"), 1200)
}

const showAll = (entries) => {
  for (const key of Array.from(shown.keys())) if (!Object.hasOwn(entries, key)) hide(key)
  for (const [key, value] of Object.entries(entries)) show(key, value)
  markEmpty()
}

// ---------------------------------------------------------------------------------------------------------------------
// The journal
// ---------------------------------------------------------------------------------------------------------------------

const line = ({ at: when, key, operation, sequence, value }) => {
  const item = element("li")
  const what = {
    start: "the table has begun",
    gap: `changes up to ${sequence} were not written down`,
    delete: `delete ${key}`
  }
  item.append(
    element("time", clock(when), { datetime: when }),
    ` ${sequence}: ${what[operation] ?? `${operation} ${key} = ${JSON.stringify(value)}`}`
  )
  return item
}

const readJournal = async (before) => {
  const { entries, next } = await ask("GET", `/api/changes?limit=15${before === undefined ? "" : `&before=${before}`}`)
  if (before === undefined) journal.replaceChildren(...entries.map(line))
  else journal.append(...entries.map(line))
  at("no-journal").hidden = journal.childElementCount > 0
  older.hidden = next === null
  older.dataset.before = next ?? ""
}

let planned = null

/** Soon, and once for many changes; what is not there to be read now is read at the next change. */
const rereadJournal = () => {
  if (planned !== null) return
  planned = setTimeout(() => {
    planned = null
    readJournal().catch((error) => say(`The journal cannot be read: ${error.message}`, true))
  }, 300)
}

older.addEventListener("click", () => readJournal(older.dataset.before).catch((error) => say(error.message, true)))

// ---------------------------------------------------------------------------------------------------------------------
// What happens
// ---------------------------------------------------------------------------------------------------------------------

let isKnown = false

const events = new EventSource("/events")

events.addEventListener("table", ({ data }) => {
  const { entries, restarted } = JSON.parse(data)
  showAll(entries)
  become("live", "live")
  if (restarted) say(`The server was started again at ${clock(Date.now())}: the table has begun anew.`)
  else if (!isKnown) say("This is the table as it is now; it changes as you look.")
  isKnown = true
  rereadJournal()
})

events.addEventListener("update", ({ data }) => {
  const update = JSON.parse(data)
  if (update._tag === "Put") mark(show(update.key, update.value))
  else hide(update.key)
  rereadJournal()
})

events.addEventListener("down", ({ data }) => {
  become("down", "down")
  say(`The table cannot be followed: ${JSON.parse(data).message}. It will be tried again.`, true)
})

events.addEventListener("error", () => {
  become("connecting", "connecting")
  say("The connection is lost; it will be tried again.", true)
  isKnown = false
  // A browser tries again by itself, but where it was answered something else than events.
  if (events.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 2000)
})

form.addEventListener("submit", (event) => {
  event.preventDefault()
  const key = keyField.value
  const value = valueOf(valueField.value)
  doing(
    () => (shown.has(key) ? ask("PUT", pathOf(key), { value }) : ask("POST", "/api/hashmap", { key, value })),
    () => {
      form.reset()
      keyField.focus()
      return `${key} is ${JSON.stringify(value)} now.`
    }
  )
})

crash.addEventListener("click", async () => {
  crash.disabled = true
  // That it is there again is told by the table that comes then.
  await doing(
    () => ask("POST", "/api/crash"),
    ({ message }) => (state.dataset.state === "live" ? status.textContent : `It has crashed: ${message}`)
  )
  crash.disabled = false
  crash.focus()
})
