/** The Endpoint as a process: killed, told of changes, and at its end. */
import * as Http from "node:http"
import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as CallError from "@effect-otp/core/CallError"
import * as ExitReason from "@effect-otp/core/ExitReason"
import * as GenServer from "@effect-otp/core/GenServer"
import * as Process from "@effect-otp/core/Process"
import * as Supervisor from "@effect-otp/core/Supervisor"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as Endpoint from "../src/Endpoint.ts"
import { open } from "../src/endpoint/Listener.ts"
import { Hashmap } from "../src/Hashmap.ts"
import { app, ask, eventually, gate, leavesNothing, obstacle, serving, settings, silent } from "./fixtures/serving.ts"

/** A request that is in flight until `release` is run. */
const held = (port: number, agent?: Http.Agent) =>
  Effect.gen(function* () {
    const arrived = yield* Deferred.make<void>()
    const opened = yield* Deferred.make<void>()
    MutableRef.set(gate, Effect.zipRight(Deferred.succeed(arrived, undefined), Deferred.await(opened)))
    const asking = yield* Effect.fork(ask(port, "GET", "/api/changes?limit=1", { agent }))
    yield* Deferred.await(arrived)
    MutableRef.set(gate, Effect.void)
    return { asking, release: Deferred.succeed(opened, undefined) }
  })

const isRefused = (port: number): Effect.Effect<boolean> =>
  Effect.async((resume) => {
    const socket = Net.connect(port, "127.0.0.1")
    socket.on("connect", () => {
      socket.destroy()
      resume(Effect.succeed(false))
    })
    socket.on("error", () => resume(Effect.succeed(true)))
  })

/** A port of 127.0.0.1 that is taken until the scope is closed. */
const taken = Effect.acquireRelease(
  Effect.async<Net.Server>((resume) => {
    const server = Net.createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => server.close())
).pipe(Effect.map((server) => (server.address() as Net.AddressInfo).port))

/** A port of 127.0.0.1 that was free a moment ago. */
const free = Effect.scoped(taken)

describe("Endpoint, killed", { timeout: 60_000 }, () => {
  it.scopedLive("a thousand times under load: every request is answered", () =>
    Effect.gen(function* () {
      const { port, run } = yield* serving()
      const agent = new Http.Agent({ keepAlive: true, maxSockets: 4 })
      let answered = 0
      const client = (agent: Http.Agent | undefined) =>
        Effect.forever(
          Effect.map(ask(port, "GET", "/api/hashmap/version", { agent }), ({ json, status }) => {
            assert.deepStrictEqual([status, json], [200, "1.0.0"])
            answered++
          })
        )
      const clients = yield* Effect.forEach([agent, agent, undefined, undefined], (agent) =>
        Effect.forkScoped(client(agent))
      )
      for (let kills = 1; kills <= 1000; kills++) {
        yield* run(Process.exit(Endpoint.Endpoint, ExitReason.killed))
        yield* eventually(Effect.option(run(Endpoint.Endpoint.address)), Option.isSome)
        if (kills % 10 === 0)
          yield* eventually(
            Effect.sync(() => answered),
            (answered) => answered * 10 > kills
          )
        for (const client of clients) assert.isNull(client.unsafePoll())
      }
      agent.destroy()
      const { children } = (yield* ask(port, "GET", "/health")).json
      assert.deepStrictEqual(
        children.map(({ restarts }: { restarts: number }) => restarts),
        [0, 0, 1000, 0, 0]
      )
      assert.strictEqual((yield* run(Endpoint.Endpoint.address)).port, port)
    })
  )

  it.scopedLive("the request in flight is answered, and the live page goes on", () =>
    Effect.gen(function* () {
      const { port, run } = yield* serving()
      const { asking, release } = yield* held(port)
      yield* run(Process.exit(Endpoint.Endpoint, ExitReason.killed))
      assert.strictEqual((yield* ask(port, "GET", "/api/hashmap/version")).status, 200)
      yield* release
      const { json, status } = yield* Fiber.join(asking)
      assert.deepStrictEqual([status, json.entries.length], [200, 1])
    })
  )

  it.scopedLive("a port that nobody takes over is given up, and who waits there is told", () =>
    Effect.gen(function* () {
      const { run } = yield* serving()
      const scope = yield* Scope.make()
      const alone = yield* Endpoint.Endpoint.start({ tree: Supervisor.whichChildren(app.supervisor) }).pipe(
        Scope.extend(scope),
        run,
        Effect.withConfigProvider(settings())
      )
      const { port } = yield* GenServer.call(alone, new Endpoint.GetAddress())
      const { asking, release } = yield* held(port)
      yield* Process.exit(alone, ExitReason.killed)
      const { headers, json, status } = yield* ask(port, "GET", "/api/hashmap")
      assert.deepStrictEqual([status, json._tag, headers["retry-after"]], [503, "Restarting", "1"])
      yield* eventually(isRefused(port), (refused) => refused)
      yield* release
      assert.strictEqual((yield* Fiber.join(asking)).status, 200)
      yield* Scope.close(scope, Exit.void)
    })
  )
})

describe("Listener", () => {
  it.scoped("waits for each next owner anew", () =>
    Effect.gen(function* () {
      const listener = yield* open({
        host: "127.0.0.1",
        port: 0,
        serverHeader: "scuti",
        maxBodySize: 1,
        requestTimeout: 1000
      })
      const [first, second, third] = [{}, {}, {}]
      listener.attach(first, () => {})
      yield* listener.abandon(first)
      yield* TestClock.adjust("900 millis")
      listener.attach(second, () => {})
      // Who is not the owner any more gives nothing up.
      yield* listener.abandon(first)
      yield* listener.abandon(second)
      yield* TestClock.adjust("900 millis")
      assert.isTrue(listener.isOpen)
      const asking = yield* Effect.fork(ask(listener.address.port, "GET", "/"))
      yield* eventually(
        Effect.sync(() => listener.inFlight),
        (inFlight) => inFlight === 1
      )
      listener.attach(third, (_, response) => response.end("here"))
      assert.strictEqual((yield* Fiber.join(asking)).text, "here")
      yield* listener.abandon(third)
      yield* eventually(
        Effect.zipRight(
          TestClock.adjust("1 second"),
          Effect.sync(() => listener.isOpen)
        ),
        (isOpen) => !isOpen
      )
    })
  )
})

describe("Endpoint, without the table", () => {
  it.scoped("answers 503 before the table is up, and is neither healthy nor ready", () =>
    Effect.gen(function* () {
      const port = yield* free
      const passed = yield* Deferred.make<void>()
      MutableRef.set(obstacle, Deferred.await(passed))
      yield* Effect.addFinalizer(() => Effect.sync(() => MutableRef.set(obstacle, Effect.void)))
      const starting = yield* Effect.forkScoped(serving({ PORT: String(port) }))
      yield* eventually(isRefused(port), (refused) => !refused)
      const { json, status } = yield* ask(port, "GET", "/api/hashmap")
      assert.deepStrictEqual([status, json._tag], [503, "ServerDown"])
      for (const path of ["/health", "/ready"]) {
        const asking = yield* Effect.fork(ask(port, "GET", path))
        // The supervisor is busy with its start: nobody waits for it longer than this.
        const answer = yield* eventually(
          Effect.zipRight(TestClock.adjust("2 seconds"), Fiber.poll(asking)),
          Option.isSome
        )
        const { json, status } = yield* Effect.flatten(answer)
        assert.deepStrictEqual([path, status, json._tag], [path, 503, "Unhealthy"])
      }
      MutableRef.set(obstacle, Effect.void)
      yield* Deferred.succeed(passed, undefined)
      yield* Fiber.join(starting)
      for (const path of ["/api/hashmap", "/health", "/ready"]) {
        assert.deepStrictEqual([path, (yield* ask(port, "GET", path)).status], [path, 200])
      }
    })
  )

  it.scopedLive("answers 503 while the server is down, and is not ready", () =>
    Effect.gen(function* () {
      const { port, run } = yield* serving()
      const id = "ScutiWeb.Service.Hashmap"
      yield* run(Supervisor.terminateChild(app.supervisor, id))
      for (const [method, path, body] of [
        ["GET", "/api/hashmap", undefined],
        ["GET", "/api/hashmap/a", undefined],
        ["GET", "/api/hashmap/a?default=1", undefined],
        ["PUT", "/api/hashmap/a", { value: 1 }],
        ["POST", "/api/hashmap", { key: "a", value: 1 }],
        ["DELETE", "/api/hashmap/a", undefined],
        ["POST", "/api/crash", undefined]
      ] as const) {
        const { headers, json, status } = yield* ask(port, method, path, { body })
        assert.deepStrictEqual([path, status, json._tag, headers["retry-after"]], [path, 503, "ServerDown", "1"])
      }
      const ready = yield* ask(port, "GET", "/ready")
      assert.deepStrictEqual([ready.status, ready.json._tag, ready.json.missing], [503, "NotReady", [id]])
      assert.strictEqual(ready.json.message, `not up: ${id}`)
      assert.strictEqual((yield* ask(port, "GET", "/health")).status, 200)
      yield* run(Supervisor.restartChild(app.supervisor, id))
      assert.strictEqual((yield* ask(port, "GET", "/ready")).status, 200)
      assert.strictEqual((yield* ask(port, "GET", "/api/hashmap/version")).status, 200)
    })
  )
})

describe("Endpoint, configChange", () => {
  it.scopedLive("another header holds from the next request on, on the same connections", () =>
    Effect.gen(function* () {
      const { port, run } = yield* serving()
      const agent = new Http.Agent({ keepAlive: true, maxSockets: 1 })
      yield* ask(port, "GET", "/api/hashmap", { agent })
      const sockets = () => Object.values(agent.freeSockets).flat()
      const [before] = sockets()
      yield* app.changeConfig(settings({ PORT: "0", SERVER_HEADER: "Scuti 2", MAX_BODY_SIZE: "10" }))
      const { headers } = yield* ask(port, "GET", "/api/hashmap", { agent })
      assert.strictEqual(headers["server"], "Scuti 2")
      assert.strictEqual(sockets()[0], before)
      assert.strictEqual((yield* run(Endpoint.Endpoint.address)).port, port)
      assert.strictEqual((yield* ask(port, "PUT", "/api/hashmap/a", { body: { value: "1234" } })).status, 413)
      agent.destroy()
    })
  )

  it.scopedLive("another port is bound before the old one is left, and no request in flight is lost", () =>
    Effect.gen(function* () {
      const { port, run } = yield* serving()
      const agent = new Http.Agent({ keepAlive: true })
      const { asking, release } = yield* held(port, agent)
      const next = yield* free
      yield* app.changeConfig(settings({ PORT: String(next) }))
      assert.deepStrictEqual(yield* run(Endpoint.Endpoint.address), { host: "127.0.0.1", port: next })
      assert.strictEqual((yield* ask(next, "GET", "/api/hashmap/version")).status, 200)
      yield* eventually(isRefused(port), (refused) => refused)
      yield* release
      const { headers, status } = yield* Fiber.join(asking)
      // and is told not to come back there
      assert.deepStrictEqual([status, headers["connection"]], [200, "close"])
      yield* eventually(
        Effect.sync(() => Object.keys(agent.freeSockets).length),
        (open) => open === 0
      )
    })
  )

  it.scopedLive("a port that is taken, and settings that make no sense, leave everything as it was, and say why", () =>
    Effect.gen(function* () {
      const { port, run } = yield* serving()
      const other = yield* taken
      const change = (entries: Record<string, string>) =>
        Effect.gen(function* () {
          yield* silent(app.changeConfig(settings(entries)))
          return yield* Effect.flip(run(Endpoint.Endpoint.configChange))
        })
      const complaints = [
        [
          { PORT: String(other) },
          `port ${other} is taken at 127.0.0.1: another program listens there. Stop it, or set PORT to a port that is free`
        ],
        [
          { HOST: "203.0.113.1" },
          "this machine has no address 203.0.113.1 to listen at. Set HOST to one that it has, 127.0.0.1 for example"
        ],
        [
          { PORT: "80000" },
          "the settings of the endpoint are wrong: PORT: expected the number of a port, from 0 to 65535"
        ]
      ] as const
      for (const [entries, message] of complaints) {
        const error = yield* change(entries)
        assert.deepStrictEqual([error._tag, error.message], ["EndpointError", message])
        assert.strictEqual((yield* ask(port, "GET", "/api/hashmap/version")).status, 200)
      }
      // Nor does the next life end with them.
      yield* run(Process.exit(Endpoint.Endpoint, ExitReason.killed))
      yield* eventually(Effect.option(run(Endpoint.Endpoint.address)), Option.isSome)
      assert.deepStrictEqual(yield* run(Endpoint.Endpoint.address), { host: "127.0.0.1", port })
      assert.strictEqual((yield* ask(port, "GET", "/api/hashmap/version")).status, 200)
    })
  )

  it.scopedLive(
    "one port under another host: the old one is left first, and opened again if the new one cannot be",
    () =>
      Effect.gen(function* () {
        const port = yield* free
        const { run } = yield* serving({ PORT: String(port) })
        const { asking, release } = yield* held(port)
        yield* app.changeConfig(settings({ PORT: String(port), HOST: "0.0.0.0" }))
        assert.deepStrictEqual(yield* run(Endpoint.Endpoint.address), { host: "0.0.0.0", port })
        assert.strictEqual((yield* ask(port, "GET", "/api/hashmap/version")).status, 200)
        yield* release
        assert.strictEqual((yield* Fiber.join(asking)).status, 200)
        yield* silent(app.changeConfig(settings({ PORT: String(port), HOST: "203.0.113.1" })))
        assert.deepStrictEqual(yield* run(Endpoint.Endpoint.address), { host: "0.0.0.0", port })
        assert.strictEqual((yield* ask(port, "GET", "/api/hashmap/version")).status, 200)
        // It is where it says it is, and can leave from there.
        const next = yield* free
        yield* app.changeConfig(settings({ PORT: String(next) }))
        assert.deepStrictEqual(yield* run(Endpoint.Endpoint.address), { host: "127.0.0.1", port: next })
        yield* eventually(isRefused(port), (refused) => refused)
        yield* run(Endpoint.Endpoint.drain)
        assert.isTrue(yield* isRefused(next))
      })
  )
})

describe("Endpoint, start and end", () => {
  it.scopedLive("a port that is taken fails the start with one readable line", () =>
    Effect.gen(function* () {
      const port = yield* taken
      const error = yield* Effect.flip(serving({ PORT: String(port) }))
      assert.instanceOf(error, Endpoint.EndpointError)
      assert.strictEqual(
        error.message,
        `port ${port} is taken at 127.0.0.1: another program listens there. Stop it, or set PORT to a port that is free`
      )
    })
  )

  it.scopedLive("a port that is taken for a moment is waited for", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const port = yield* Scope.extend(taken, scope)
      const starting = yield* Effect.fork(serving({ PORT: String(port) }))
      yield* Effect.sleep("100 millis")
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(starting)
      assert.strictEqual((yield* ask(port, "GET", "/api/hashmap/version")).status, 200)
    })
  )

  it.scopedLive("the end waits for the requests in flight, lets no more in, and leaves nothing", () =>
    leavesNothing(
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const { port, run } = yield* Scope.extend(serving(), scope)
        const agent = new Http.Agent({ keepAlive: true })
        // one that is idle, one that is live, one in flight
        yield* ask(port, "GET", "/api/hashmap", { agent })
        const live = yield* Effect.fork(ask(port, "GET", "/events"))
        const { asking, release } = yield* held(port)
        const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
        yield* eventually(isRefused(port), (refused) => refused)
        assert.strictEqual((yield* Fiber.join(live)).status, 200)
        // all children are still there for it
        yield* run(Hashmap.put("last", "words"))
        assert.isNull(closing.unsafePoll())
        yield* release
        const { headers, status } = yield* Fiber.join(asking)
        assert.deepStrictEqual([status, headers["connection"]], [200, "close"])
        yield* Fiber.join(closing)
        agent.destroy()
      })
    )
  )

  it.scopedLive("under load no request that has been sent is cut off", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { port } = yield* Scope.extend(serving(), scope)
      const agent = new Http.Agent({ keepAlive: true, maxSockets: 20 })
      const ends: Array<number | string> = []
      let answered = 0
      const client = Effect.gen(function* () {
        for (;;) {
          const exit = yield* Effect.exit(ask(port, "PUT", "/api/hashmap/load", { body: { value: 1 }, agent }))
          if (Exit.isFailure(exit)) return ends.push(String(exit.cause))
          if (exit.value.status !== 204) return ends.push(exit.value.status)
          answered++
        }
      })
      const clients = yield* Effect.forEach(Array.from({ length: 20 }), () => Effect.fork(client))
      yield* eventually(
        Effect.sync(() => answered),
        (answered) => answered > 200
      )
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.joinAll(clients)
      assert.strictEqual(ends.length, 20)
      // A connection that cannot be made any more is all that anybody sees of it.
      for (const end of ends) assert.match(String(end), /ECONNREFUSED/)
      agent.destroy()
    })
  )

  it.scopedLive("stopped by hand it drains, and its supervisor starts it again at the same port", () =>
    Effect.gen(function* () {
      const port = yield* free
      const { run } = yield* serving({ PORT: String(port) })
      const { asking, release } = yield* held(port)
      const stopping = yield* Effect.fork(run(GenServer.stop(Endpoint.Endpoint)))
      yield* eventually(isRefused(port), (refused) => refused)
      yield* release
      yield* Fiber.join(stopping)
      assert.strictEqual((yield* Fiber.join(asking)).status, 200)
      yield* eventually(
        Effect.match(run(Endpoint.Endpoint.address), {
          onFailure: (error) => error instanceof CallError.ServerDown && false,
          onSuccess: () => true
        }),
        (isThere) => isThere
      )
      assert.strictEqual((yield* ask(port, "GET", "/api/hashmap/version")).status, 200)
    })
  )
})
