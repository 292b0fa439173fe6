/** The table as it changes, by server-sent events. */
import * as Http from "node:http"
import { assert, describe, it } from "@effect/vitest"
import * as ExitReason from "@effect-otp/core/ExitReason"
import * as Process from "@effect-otp/core/Process"
import * as Supervisor from "@effect-otp/core/Supervisor"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Queue from "effect/Queue"
import * as TestClock from "effect/TestClock"
import { Hashmap } from "../src/Hashmap.ts"
import { ScutiPubSub } from "../src/ScutiPubSub.ts"
import { app, ask, leavesNothing, serving } from "./fixtures/serving.ts"

interface Event {
  readonly event: string
  readonly data: any
}

/** Somebody who looks at the page, in a scope. */
const viewer = (port: number) =>
  Effect.gen(function* () {
    const events = yield* Queue.unbounded<Event>()
    let text = ""
    let comments = 0
    const response = yield* Effect.acquireRelease(
      Effect.async<Http.IncomingMessage>((resume) => {
        Http.get({ host: "127.0.0.1", port, path: "/events", agent: false }, (response) => {
          response.setEncoding("utf8")
          response.on("error", () => {})
          response.on("data", (chunk: string) => {
            text += chunk
            const parts = text.split("\n\n")
            text = parts.pop()!
            for (const part of parts) {
              const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(part) ?? []
              if (event === undefined) comments += part.startsWith(":") ? 1 : 0
              else Queue.unsafeOffer(events, { event, data: JSON.parse(data!) })
            }
          })
          resume(Effect.succeed(response))
        })
      }),
      (response) => Effect.sync(() => response.destroy())
    )
    return { response, next: Queue.take(events), comments: () => comments }
  })

/** What a viewer holds for the table, by what it was told. */
const follow = (table: Map<string, unknown>, { data, event }: Event): void => {
  if (event === "table") {
    table.clear()
    for (const [key, value] of Object.entries(data.entries)) table.set(key, value)
  } else if (data._tag === "Put") table.set(data.key, data.value)
  else table.delete(data.key)
}

describe("Endpoint, the live page's events", () => {
  it.scopedLive("the table, then each change, and the table again when it has begun anew", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      const { next, response } = yield* viewer(port)
      assert.match(response.headers["content-type"]!, /^text\/event-stream/)
      const first = yield* next
      const entries = { app_name: "Scuti", started_at: "2025-08-16T12:00:00.000Z", version: "1.0.0" }
      assert.deepStrictEqual(first, { event: "table", data: { sequence: 1, restarted: false, entries } })
      yield* ask(port, "POST", "/api/hashmap", { body: { key: "<b>gender</b>", value: { a: "Male\n" } } })
      const { data: put, event } = yield* next
      assert.deepStrictEqual(
        [event, put._tag, put.sequence, put.by, put.key, put.value],
        ["update", "Put", 2, "put", "<b>gender</b>", { a: "Male\n" }]
      )
      assert.isFalse(Number.isNaN(Date.parse(put.at)))
      yield* ask(port, "DELETE", "/api/hashmap/version")
      const { data: removed } = yield* next
      assert.deepStrictEqual([removed._tag, removed.sequence, removed.key], ["Delete", 3, "version"])
      yield* ask(port, "POST", "/api/crash")
      assert.deepStrictEqual(yield* next, { event: "table", data: { sequence: 4, restarted: true, entries } })
    })
  )

  it.scopedLive("says that what tells of changes is down, and goes on with the next one", () =>
    Effect.gen(function* () {
      const { port, run } = yield* serving()
      const { next } = yield* viewer(port)
      yield* next
      yield* run(Process.exit(ScutiPubSub, ExitReason.killed))
      const down = yield* next
      assert.strictEqual(down.event, "down")
      assert.match(down.data.message, /Scuti\.PubSub/)
      assert.strictEqual((yield* next).event, "table")
      yield* ask(port, "PUT", "/api/hashmap/version", { body: { value: 2 } })
      assert.strictEqual((yield* next).event, "update")
    })
  )

  it.scoped("looks every fifteen seconds whether its viewer knows everything, and whether the table is there", () =>
    Effect.gen(function* () {
      const { port, run } = yield* serving()
      const { comments, next } = yield* viewer(port)
      yield* next
      yield* TestClock.adjust("15 seconds")
      yield* run(Supervisor.terminateChild(app.supervisor, "ScutiWeb.Service.Hashmap"))
      yield* TestClock.adjust("15 seconds")
      const down = yield* next
      assert.strictEqual(comments(), 1)
      assert.deepStrictEqual([down.event, /Hashmap/.test(down.data.message)], ["down", true])
      yield* run(Supervisor.restartChild(app.supervisor, "ScutiWeb.Service.Hashmap"))
      yield* TestClock.adjust("500 millis")
      assert.strictEqual((yield* next).event, "table")
    })
  )

  it.scopedLive(
    "a viewer that is slow holds nobody up, and is shown the whole table instead of what it has missed",
    () =>
      leavesNothing(
        Effect.scoped(
          Effect.gen(function* () {
            const { port, run } = yield* serving()
            const { next, response } = yield* viewer(port)
            const held = new Map<string, unknown>()
            follow(held, yield* next)
            response.pause()
            // more than fits into the connection and its queue
            const large = "x".repeat(50_000)
            for (let n = 1; n <= 600; n++) yield* run(Hashmap.put(`k${n % 20}`, `${n}${large}`))
            for (let n = 1; n <= 10; n++) yield* run(Hashmap.delete(`k${n}`))
            const last = yield* run(Hashmap.sequence)
            const table = yield* run(Hashmap.getAll)
            response.resume()
            let events = 0
            let tables = 0
            for (let known = 0; known < last; events++) {
              const event = yield* next
              if (event.event === "table") tables++
              known = event.data.sequence
              follow(held, event)
            }
            assert.isAbove(tables, 0)
            assert.isBelow(events, 610)
            assert.deepStrictEqual(Array.from(held.keys()).sort(), Array.from(HashMap.keys(table)).sort())
            for (const [key, value] of held) {
              if (key.startsWith("k")) assert.strictEqual(value, HashMap.unsafeGet(table, key))
            }
          })
        )
      )
  )
})
