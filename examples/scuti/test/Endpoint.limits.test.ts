/** What comes to a port that is open: slow, broken, half, too much. Nothing is lost of the rest, and nothing is left. */
import * as Http from "node:http"
import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import { nextTurn } from "../src/nextTurn.ts"
import { ask, exchange, gate, leavesNothing, serving, statusOf } from "./fixtures/serving.ts"

const thousand = Array.from({ length: 1000 }, (_, index) => index)

/** All of them, and now and then somebody who does nothing wrong, and is served. */
const besides = <A>(port: number, each: (index: number) => Effect.Effect<A>, concurrency = 100) =>
  Effect.gen(function* () {
    const agent = new Http.Agent({ keepAlive: true, maxSockets: 1 })
    const good = Effect.map(ask(port, "GET", "/api/hashmap/version", { agent }), ({ json, status }) =>
      assert.deepStrictEqual([status, json], [200, "1.0.0"])
    )
    yield* Effect.forEach(thousand, (index) => Effect.zipLeft(each(index), index % 10 === 0 ? good : Effect.void), {
      concurrency,
      discard: true
    })
    agent.destroy()
  })

const bodyOf = (answer: string): { readonly _tag: string; readonly message: string } =>
  JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4))

describe("Endpoint, a thousand of", { timeout: 60_000 }, () => {
  it.scopedLive("malformed requests", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      const kinds = [
        ["\x16\x03\x01 no HTTP at all\r\n\r\n", 400, "MalformedRequest"],
        ["GET / HTTP/1.1\r\n\r\n", 400, "MalformedRequest"],
        ["GET / HTTP/1.1\r\nhost: a\r\nbroken header\r\n\r\n", 400, "MalformedRequest"],
        [`GET / HTTP/1.1\r\nhost: a\r\nbig: ${"x".repeat(20_000)}\r\n\r\n`, 431, "HeadersTooLarge"],
        ["PUT /api/hashmap/a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400, "MalformedRequest"],
        [
          "PUT /api/hashmap/a HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
          400,
          "MalformedRequest"
        ],
        ["CONNECT elsewhere:80 HTTP/1.1\r\nhost: elsewhere\r\n\r\n", 404, "RouteNotFound"]
      ] as const
      yield* leavesNothing(
        besides(port, (index) => {
          const [text, status, tag] = kinds[index % kinds.length]!
          return Effect.map(exchange(port, text, { end: text.startsWith("GET / HTTP/1.1\r\n\r\n") }), (answer) =>
            assert.deepStrictEqual([index, statusOf(answer), bodyOf(answer)._tag], [index, status, tag])
          )
        })
      )
    })
  )

  it.scopedLive("oversized bodies, announced and not", () =>
    Effect.gen(function* () {
      const { port } = yield* serving({ MAX_BODY_SIZE: "1000" })
      const head = "PUT /api/hashmap/a HTTP/1.1\r\nhost: a\r\n"
      const chunk = `1000\r\n${"x".repeat(0x1000)}\r\n`
      const kinds = [
        // waits to be told to go on
        `${head}content-length: 100000000\r\nexpect: 100-continue\r\n\r\n`,
        // sends all of it
        `${head}content-length: 1000000\r\n\r\n${"x".repeat(1_000_000)}`,
        `${head}transfer-encoding: chunked\r\n\r\n${chunk.repeat(20)}0\r\n\r\n`,
        // says no more after a part
        `${head}transfer-encoding: chunked\r\n\r\n${chunk.repeat(2)}`
      ]
      yield* leavesNothing(
        besides(
          port,
          (index) =>
            Effect.map(exchange(port, kinds[index % kinds.length]!), (answer) => {
              assert.deepStrictEqual([index, statusOf(answer), bodyOf(answer)._tag], [index, 413, "BodyTooLarge"])
              assert.match(answer, /\r\nconnection: close\r\n/i)
            }),
          500
        )
      )
    })
  )

  it.scopedLive("slow requests", () =>
    Effect.gen(function* () {
      const { port } = yield* serving({ REQUEST_TIMEOUT: "200 millis" })
      const kinds = [
        "GET / HT",
        "GET / HTTP/1.1\r\nhost: a\r\n",
        "PUT /api/hashmap/a HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{",
        "PUT /api/hashmap/a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n"
      ]
      yield* leavesNothing(
        besides(
          port,
          (index) =>
            Effect.map(exchange(port, kinds[index % kinds.length]!), (answer) =>
              assert.deepStrictEqual([index, statusOf(answer), bodyOf(answer)._tag], [index, 408, "RequestTimeout"])
            ),
          500
        )
      )
    })
  )

  it.scopedLive("connections that are closed on one side: after a whole request they are answered", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      // answered after the other end has said that it has no more to say
      MutableRef.set(gate, Effect.repeatN(nextTurn, 10))
      const whole = "GET /api/changes?limit=1 HTTP/1.1\r\nhost: a\r\n\r\n"
      const kinds = [
        [whole, 200],
        [`${whole}${whole}`, 200],
        ["GET /api/hash", 400],
        ["PUT /api/hashmap/a HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{", 400],
        ["", 0]
      ] as const
      yield* leavesNothing(
        besides(port, (index) => {
          const [text, status] = kinds[index % kinds.length]!
          return Effect.map(exchange(port, text, { end: true }), (answer) => {
            assert.deepStrictEqual([index, statusOf(answer)], [index, status])
            if (status === 200) {
              assert.strictEqual(answer.split('"id":7').length - 1, text.split("GET").length - 1)
            }
          })
        })
      )
    })
  )

  it.scopedLive("clients that go away: before the answer, and in the midst of one", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      MutableRef.set(gate, Effect.yieldNow())
      yield* ask(port, "PUT", "/api/hashmap/large", { body: { value: "x".repeat(60_000) } })
      const paths = ["/api/hashmap", "/api/changes", "/events", "/api/hashmap/large"]
      yield* leavesNothing(
        besides(port, (index) =>
          Effect.async<void>((resume) => {
            const socket = Net.connect(port, "127.0.0.1", () => {
              socket.write(`GET ${paths[index % paths.length]} HTTP/1.1\r\nhost: a\r\n\r\n`)
              if (index % 3 === 0) setImmediate(() => socket.resetAndDestroy())
            })
            socket.once("data", () => socket.resetAndDestroy())
            socket.on("error", () => {})
            socket.on("close", () => resume(Effect.void))
          })
        )
      )
      assert.strictEqual((yield* ask(port, "GET", "/api/hashmap/version")).status, 200)
    })
  )
})

describe("Endpoint, limits", () => {
  it.scopedLive("what a client has asked for and does not take is forgotten when it breaks off", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      // larger than what the system keeps of it
      yield* ask(port, "GET", "/docs")
      const breaksOff = Effect.async<void>((resume) => {
        const socket = Net.connect(port, "127.0.0.1", () =>
          socket.write("GET /docs HTTP/1.1\r\nhost: a\r\n\r\n".repeat(10))
        )
        socket.once("readable", () => setTimeout(() => socket.resetAndDestroy(), 20))
        socket.on("error", () => {})
        socket.on("close", () => resume(Effect.void))
      })
      yield* leavesNothing(
        Effect.all(
          Array.from({ length: 50 }, () => breaksOff),
          { concurrency: 50, discard: true }
        )
      )
    })
  )

  it.scopedLive("an answer that takes too long is 503, and who asks is told to ask again", () =>
    Effect.gen(function* () {
      const { port } = yield* serving({ REQUEST_TIMEOUT: "100 millis" })
      MutableRef.set(gate, Effect.never)
      const { headers, json, status } = yield* leavesNothing(ask(port, "GET", "/api/changes"))
      assert.deepStrictEqual([status, json._tag, headers["retry-after"]], [503, "TookTooLong", "1"])
    })
  )

  it.scopedLive("who sends too much sees why: the connection stays until the rest has come", () =>
    Effect.gen(function* () {
      const { port } = yield* serving({ MAX_BODY_SIZE: "1000" })
      const ended = yield* Effect.async<string>((resume) => {
        let received = ""
        let isTold = false
        const socket = Net.connect({ port, host: "127.0.0.1", allowHalfOpen: true }, () =>
          socket.write(`PUT /api/hashmap/a HTTP/1.1\r\nhost: a\r\ncontent-length: 500000\r\n\r\n${"x".repeat(2000)}`)
        )
        const rest = (left: number): void => {
          if (left > 0) socket.write("x".repeat(49_800), () => setImmediate(() => rest(left - 1)))
        }
        socket.on("data", (chunk) => {
          received += String(chunk)
          if (!isTold && received.endsWith("}")) {
            isTold = true
            rest(10)
          }
        })
        socket.on("error", (error) => resume(Effect.succeed(String(error))))
        socket.on("end", () => {
          socket.end()
          resume(Effect.succeed(`${statusOf(received)}, then the end`))
        })
      })
      assert.strictEqual(ended, "413, then the end")
    })
  )

  it.scopedLive("what was asked before something that cannot be read is answered", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      MutableRef.set(gate, Effect.yieldNow())
      const answer = yield* exchange(port, "GET /api/changes?limit=1 HTTP/1.1\r\nhost: a\r\n\r\n\x00\x00\x00\r\n\r\n")
      assert.strictEqual(statusOf(answer), 200)
      assert.match(answer, /"id":7/)
    })
  )

  it.scopedLive("a body that comes in time is waited for, byte by byte", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      const body = JSON.stringify({ value: "ü".repeat(20) })
      const answer = yield* Effect.async<string>((resume) => {
        let received = ""
        const socket = Net.connect(port, "127.0.0.1", () => {
          socket.write(
            `PUT /api/hashmap/slow HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`
          )
          const bytes = Array.from(Buffer.from(body))
          const next = () => {
            const byte = bytes.shift()
            if (byte !== undefined) socket.write(Buffer.from([byte]), () => setImmediate(next))
          }
          next()
        })
        socket.on("data", (chunk) => {
          received += String(chunk)
        })
        socket.on("close", () => resume(Effect.succeed(received)))
      })
      assert.strictEqual(statusOf(answer), 204)
      assert.strictEqual((yield* ask(port, "GET", "/api/hashmap/slow")).json, "ü".repeat(20))
    })
  )
})
