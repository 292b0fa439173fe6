/**
 * An open port, its connections, and the requests on them that have not been answered yet.
 *
 * It is not the process that serves: that can be killed and be there again within a millisecond, and whoever connects
 * meanwhile need not know. So a Listener is handed over from one life of the Endpoint to the next, and requests that come
 * in between wait.
 *
 * Node's server would do for most of it, but for its end: it cuts off connections that are idle, though a request may be
 * on its way to it, and waits without a limit for the others.
 */
import * as Http from "node:http"
import * as Net from "node:net"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { nextTurn } from "../nextTurn.ts"
import { type Address, type EndpointSettings, reasonAgainst } from "./Binding.ts"
import * as Refusal from "./Refusal.ts"

/** The Endpoint cannot do what its configuration says: one line that says what, why, and what to do. */
export class EndpointError extends Schema.TaggedError<EndpointError>()("EndpointError", { message: Schema.String }) {}

export type Handler = (request: Http.IncomingMessage, response: Http.ServerResponse) => void

/** What may be open at once. Connections beyond it are closed as they come. */
const maxConnections = 10_000
/** How large the head of a request may be, in bytes. */
const maxHeaderSize = 16 * 1024
/** How long a connection that asks nothing may still do so when it is to be closed: something may be on its way. */
const linger = "200 millis"
/** How long requests wait for the next life of the Endpoint. */
const patience = "1 second"
/** How long who sends something that cannot be read may take to see the answer, in milliseconds. */
const parting = 1_000

interface Exchange {
  readonly request: Http.IncomingMessage
  readonly response: Http.ServerResponse
}

export class Listener {
  readonly #server: Http.Server
  #settings: EndpointSettings
  #handler: Handler | null = null
  #owner: object | null = null
  #absence: object | null = null
  #waiting: Array<Exchange> = []
  /** The connections, and what was asked on each and is not answered yet. */
  readonly #sockets = new Map<Net.Socket, Set<Exchange>>()
  readonly #inFlight = new Set<Exchange>()
  #isStopped = false
  readonly #stopping = Deferred.unsafeMake<void>(FiberId.none)
  #isClosed = false
  readonly #watchers = new Set<() => void>()
  static readonly #byRequest = new WeakMap<Http.IncomingMessage, Listener>()

  constructor(server: Http.Server, settings: EndpointSettings) {
    this.#server = server
    this.#settings = settings
    // Who says that it has nothing more to say still waits for the answer. Node's types do not know the property, which
    // `http.Server` has had from the beginning; without it such a connection is closed at once.
    Object.assign(server, { httpAllowHalfOpen: true })
    server.maxConnections = maxConnections
    this.apply(settings)
    server.on("connection", (socket) => {
      const exchanges = new Set<Exchange>()
      this.#sockets.set(socket, exchanges)
      socket.once("close", () => {
        this.#sockets.delete(socket)
        this.#changed()
        // Node says so to the answer that was being written, and not to those that had to wait for it.
        process.nextTick(() => {
          for (const { response } of exchanges) response.emit("close")
        })
      })
    })
    server.on("request", (request, response) => this.#request(request, response))
    server.on("checkContinue", (request: Http.IncomingMessage, response: Http.ServerResponse) => {
      // What will be refused need not be sent.
      if (Refusal.admit(request, this.#settings) === null) response.writeContinue()
      this.#request(request, response)
    })
    server.on("checkExpectation", (request, response) => this.#request(request, response))
    server.on("connect", ({ url = "" }, socket) => this.#part(socket as Net.Socket, Refusal.notFound("CONNECT", url)))
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => this.#unreadable(error, socket as Net.Socket))
  }

  /** The one that a request has come by. */
  static of(request: Http.IncomingMessage): Listener {
    const listener = Listener.#byRequest.get(request)
    if (listener === undefined) throw new Error("Listener.of: the request has come by no Listener")
    return listener
  }

  /** Where it listens: the port is the one that was found, if any would do. */
  get address(): Address {
    const address = this.#server.address()
    return typeof address === "object" && address !== null
      ? { host: address.address, port: address.port }
      : { host: this.#settings.host, port: this.#settings.port }
  }

  /** What it was told last. */
  get settings(): EndpointSettings {
    return this.#settings
  }

  get isOpen(): boolean {
    return !this.#isStopped
  }

  /** Whether nothing is left of it. */
  get isClosed(): boolean {
    return this.#isClosed && this.#sockets.size === 0
  }

  /** How many requests are not answered yet. */
  get inFlight(): number {
    return this.#inFlight.size
  }

  /** What Node itself looks after. */
  apply(settings: EndpointSettings): void {
    this.#settings = settings
    const server = this.#server
    server.headersTimeout = settings.requestTimeout
    server.requestTimeout = settings.requestTimeout
    // A connection on which nothing moves, also because its other end does not read what it has asked for.
    server.timeout = Math.max(60_000, 2 * settings.requestTimeout)
  }

  /** From now on requests are handed to this one; those that have waited are first. */
  attach(owner: object, handler: Handler): void {
    this.#owner = owner
    this.#absence = null
    this.#handler = handler
    for (const { request, response } of this.#waiting.splice(0)) handler(request, response)
  }

  /**
   * Its owner is gone. What comes now waits for the next one; if there is none in time, it is told so, and the port is
   * given up.
   */
  abandon(owner: object): Effect.Effect<void> {
    return Effect.suspend(() => {
      // The next one is already there.
      if (this.#owner !== owner || this.#isStopped) return Effect.void
      this.#owner = null
      this.#handler = null
      // Stands for this absence of an owner: there may be another one when the time of this one is over.
      const absence = {}
      this.#absence = absence
      const giveUp = Effect.suspend(() => {
        if (this.#absence !== absence || this.#isStopped) return Effect.void
        this.attach({}, (_, response) => this.#refuse(response, Refusal.starting))
        return this.drain
      })
      // Nobody is left to whom this fiber could belong; it ends within a second and the time of the requests in flight.
      return Effect.asVoid(Effect.forkDaemon(Effect.delay(giveUp, patience)))
    })
  }

  /** Accepts no more connections, ends what has no end of itself, and tells clients not to ask again on theirs. */
  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    // That of Node's HTTP server would cut off idle connections, and what is on its way to them.
    Net.Server.prototype.close.call(this.#server)
    for (const { response } of this.#inFlight) {
      if (!response.headersSent) response.shouldKeepAlive = false
    }
    Deferred.unsafeDone(this.#stopping, Effect.void)
  }

  /** Waits until it accepts no more connections: answers that never end by themselves end then. */
  get stopped(): Effect.Effect<void> {
    return Deferred.await(this.#stopping)
  }

  /**
   * Stops, and waits for the requests in flight. Each is bounded by the time that a request may take, so this is, too.
   * Who calls it twice waits twice.
   */
  readonly drain: Effect.Effect<void> = Effect.suspend(() => {
    if (this.#isClosed) return Effect.void
    const answered = this.#until(() => this.#inFlight.size === 0)
    const gone = this.#until(() => this.#sockets.size === 0)
    // A request is read, and then answered; what it asks for may have been written, but not taken.
    const bound = 2 * this.#settings.requestTimeout + parting
    // who has asked for the end, at a keyboard, is to know why it has not come yet
    const told = Effect.suspend(() =>
      this.#inFlight.size > 0
        ? Effect.logInfo(
            `ScutiWeb.Endpoint waits for ${requests(this.#inFlight.size)} in flight, for up to ${bound} ms`
          )
        : Effect.void
    )
    const lingered = Effect.raceFirst(gone, Effect.sleep(linger)).pipe(Effect.zipRight(told), Effect.zipRight(answered))
    return nextTurn.pipe(
      // Connections that the system has made by now are let in.
      Effect.zipRight(nextTurn),
      Effect.zipRight(Effect.sync(() => this.stop())),
      Effect.zipRight(Effect.timeoutOption(lingered, bound)),
      Effect.tap((done) =>
        Option.isNone(done) && this.#inFlight.size > 0
          ? Effect.logWarning(`ScutiWeb.Endpoint has cut off ${requests(this.#inFlight.size)} after ${bound} ms`)
          : Effect.void
      ),
      Effect.zipRight(Effect.sync(() => this.#close())),
      Effect.zipRight(gone)
    )
  })

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#server.closeAllConnections()
    // It does not listen any more, and says so to nobody. This also ends its look-out for slow requests.
    this.#server.close(() => {})
  }

  #request(request: Http.IncomingMessage, response: Http.ServerResponse): void {
    const exchange = { request, response }
    const beside = this.#sockets.get(request.socket)
    this.#inFlight.add(exchange)
    beside?.add(exchange)
    Listener.#byRequest.set(request, this)
    if (this.#isStopped) response.shouldKeepAlive = false
    response.once("close", () => {
      this.#inFlight.delete(exchange)
      beside?.delete(exchange)
      const waiting = this.#waiting.indexOf(exchange)
      if (waiting >= 0) this.#waiting.splice(waiting, 1)
      this.#changed()
    })
    if (this.#handler === null) this.#waiting.push(exchange)
    else this.#handler(request, response)
  }

  #refuse(response: Http.ServerResponse, refused: Refusal.Refusal): void {
    response.writeHead(refused.status, {
      "content-type": "application/json",
      server: this.#settings.serverHeader,
      "retry-after": Refusal.retryAfter,
      connection: "close"
    })
    response.end(Refusal.json(refused))
  }

  /** Node cannot make a request of what came, or it did not come in time. */
  #unreadable(error: NodeJS.ErrnoException, socket: Net.Socket): void {
    const open = Array.from(this.#sockets.get(socket) ?? [])
    if (!socket.writable || error.code === "ECONNRESET" || error.code === "EPIPE") {
      socket.destroy()
    } else if (open.length === 0 || open.some(({ request, response }) => !request.complete && !response.headersSent)) {
      this.#part(socket, Refusal.ofParser(error.code))
    } else if (open.some(({ response }) => response.headersSent && !response.writableEnded)) {
      // In the midst of an answer nothing can be said.
      socket.destroy()
    } else {
      // What it had asked for before, it gets.
      for (const { response } of open) {
        if (response.headersSent) socket.destroySoon()
        else response.shouldKeepAlive = false
      }
    }
  }

  /** Says that, takes no notice of what else comes, and does not wait long until it is seen. */
  #part(socket: Net.Socket, refused: Refusal.Refusal): void {
    socket.on("error", () => {})
    socket.end(Refusal.raw(refused, this.#settings.serverHeader))
    socket.resume()
    socket.setTimeout(parting, () => socket.destroy())
  }

  #changed(): void {
    for (const watcher of Array.from(this.#watchers)) watcher()
  }

  #until(holds: () => boolean): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const look = () => {
        if (!holds()) return
        this.#watchers.delete(look)
        resume(Effect.void)
      }
      this.#watchers.add(look)
      look()
      return Effect.sync(() => this.#watchers.delete(look))
    })
  }
}

const requests = (count: number): string => (count === 1 ? "1 request" : `${count} requests`)

/** Opens the port that the settings name. Fails with why that cannot be. */
export const open = (settings: EndpointSettings): Effect.Effect<Listener, EndpointError> =>
  Effect.async<Listener, EndpointError>((resume) => {
    const server = Http.createServer({
      maxHeaderSize,
      // A request without one is refused by us, so that the answer is like all others.
      requireHostHeader: false,
      // How often Node looks for requests that are too slow.
      connectionsCheckingInterval: Math.min(1_000, settings.requestTimeout)
    })
    const { host, port } = settings
    server.once("error", (error: NodeJS.ErrnoException) =>
      resume(new EndpointError({ message: reasonAgainst(settings, error.code, error.message) }))
    )
    server.listen({ host, port }, () => {
      server.removeAllListeners("error")
      resume(Effect.succeed(new Listener(server, settings)))
    })
    return Effect.sync(() => server.close())
  })

/** Another one may be about to leave: a port that is taken is tried again for a second. */
export const openInTime = (settings: EndpointSettings): Effect.Effect<Listener, EndpointError> =>
  Effect.retry(open(settings), {
    schedule: Schedule.intersect(Schedule.spaced("50 millis"), Schedule.recurs(20)),
    while: ({ message }) => message === reasonAgainst(settings, "EADDRINUSE", "")
  })
