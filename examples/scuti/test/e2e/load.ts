/** Requests one after the other on connections of their own, for as long as one likes. */
import { Agent, request } from "node:http"

export interface Load {
  /** How many answers of each status there were. */
  readonly statuses: ReadonlyMap<number, number>
  /** What became of requests that were not answered, and of how many. */
  readonly unanswered: ReadonlyMap<string, number>
}

interface Answer {
  readonly status: number
  readonly body: string
}

const send = (agent: Agent, url: string, method: string, body: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request(
      url,
      { agent, method, headers: body === "" ? {} : { "content-type": "application/json" } },
      (response) => {
        let text = ""
        response.setEncoding("utf8")
        response.on("data", (chunk) => {
          text += chunk
        })
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }))
        response.on("error", reject)
      }
    )
    sent.on("error", reject)
    sent.end(body)
  })

/** A load that is on its way. */
export interface Running {
  /** How many answers there were. */
  readonly answered: () => number
  /** How many of them gave a value or took one. */
  readonly served: () => number
  readonly stop: () => Promise<Load>
}

/** Puts a value and reads it, again and again, on so many connections, until `stop` is called. */
export const begin = (url: string, connections: number): Running => {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const statuses = new Map<number, number>()
  const unanswered = new Map<string, number>()
  let isOver = false
  let count = 0
  const run = async (): Promise<void> => {
    while (!isOver) {
      const key = `key${(count++ >> 1) % 100}`
      const [method, body] = count % 2 === 0 ? ["PUT", JSON.stringify({ value: count })] : ["GET", ""]
      try {
        const { status } = await send(agent, `${url}/api/hashmap/${key}`, `${method}`, `${body}`)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      } catch (error) {
        unanswered.set(String(error), (unanswered.get(String(error)) ?? 0) + 1)
        // Where nobody listens, asking at once again would be all that this process does.
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }
  }
  const done = Promise.all(Array.from({ length: connections }, run))
  return {
    served: () => (statuses.get(200) ?? 0) + (statuses.get(204) ?? 0),
    answered: () => Array.from(statuses.values()).reduce((sum, count) => sum + count, 0),
    stop: async () => {
      isOver = true
      await done
      agent.destroy()
      return { statuses, unanswered }
    }
  }
}

interface Entry {
  readonly id: number
  readonly run: string
  readonly sequence: number
  readonly operation: string
  readonly key: string | null
  readonly value: unknown
}

/** The whole journal, the oldest line first. */
export const journal = async (url: string): Promise<ReadonlyArray<Entry>> => {
  const entries: Array<Entry> = []
  let before = ""
  while (true) {
    const response = await fetch(`${url}/api/changes?limit=100${before}`)
    if (!response.ok) throw new Error(`the journal cannot be read: ${response.status} ${await response.text()}`)
    const page = (await response.json()) as { entries: ReadonlyArray<Entry>; next: number | null }
    entries.push(...page.entries)
    if (page.next === null) return entries.reverse()
    before = `&before=${page.next}`
  }
}
