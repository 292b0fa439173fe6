/**
 * ScutiWeb.Endpoint: HTTP, in front of the table. It stands before the table among the application's children, and finds
 * it by its name at each request: until it is there, the answer is 503.
 *
 * The Endpoint is a process. What listens outlives it: requests in flight go on when it is killed, and new ones wait for
 * the next one, which takes over the port.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as GenServer from "@effect-otp/core/GenServer"
import * as Process from "@effect-otp/core/Process"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as MutableRef from "effect/MutableRef"
import * as Schema from "effect/Schema"
import * as Answer from "./endpoint/Answer.ts"
import * as Binding from "./endpoint/Binding.ts"
import { EndpointError, type Handler, type Listener, open, openInTime } from "./endpoint/Listener.ts"
import * as Routes from "./endpoint/Routes.ts"
import * as Services from "./endpoint/Services.ts"
import * as Settings from "./Settings.ts"

export { EndpointError } from "./endpoint/Listener.ts"
export type { Options } from "./endpoint/Routes.ts"

/** Where the Endpoint listens. */
export const Address = Schema.Struct({ host: Schema.String, port: Schema.Number })

/** Asks where the Endpoint listens. */
export class GetAddress extends GenServer.Call<GetAddress>()("GetAddress", { success: Address }) {}

/** Says that the configuration has changed. The answer is where the Endpoint listens now. */
export class ConfigChange extends GenServer.Call<ConfigChange>()("ConfigChange", {
  success: Address,
  error: EndpointError
}) {}

/** Asks for the end of all that is served. */
export class Drain extends GenServer.Call<Drain>()("Drain") {}

/** What stays the same for one life of the Endpoint. */
interface Serving {
  /** The place of the Endpoint: its next life has the same. */
  readonly place: GenServer.ServerRef<Endpoint>
  /** Stands for this life. */
  readonly life: object
  readonly handler: Handler
  /** What requests keep to. */
  readonly limits: MutableRef.MutableRef<Binding.EndpointSettings>
}

interface State extends Serving {
  readonly listener: Listener
  /** Those that were given up for another port, and may still have something to answer. */
  readonly leaving: ReadonlyArray<Listener>
}

/** What the Endpoint of a place has open. */
const listeners = new WeakMap<GenServer.ServerRef<Endpoint>, Listener>()

const readSettings = Effect.mapError(
  Binding.settings,
  (error) => new EndpointError({ message: `the settings of the endpoint are wrong: ${Settings.complaint(error)}` })
)

/** Serves what comes by this one, and says so. */
const serve = ({ handler, life, place }: Serving, listener: Listener): Effect.Effect<void> =>
  Effect.suspend(() => {
    listeners.set(place, listener)
    listener.attach(life, handler)
    return Effect.logInfo(`ScutiWeb.Endpoint listens at ${Binding.url(listener.address)}`)
  })

/**
 * Leaves a port behind. Nobody waits for that: it ends by itself, in a bounded time, also if the process that leaves it
 * ends before.
 */
const leave = (listener: Listener): Effect.Effect<void> =>
  Effect.suspend(() => {
    listener.stop()
    return Effect.asVoid(Effect.forkDaemon(listener.drain))
  })

const drainAll = (listeners: ReadonlyArray<Listener>): Effect.Effect<void> =>
  Effect.forEach(listeners, ({ drain }) => drain, { concurrency: "unbounded", discard: true })

const stays = ({ message }: { readonly message: string }): Effect.Effect<void> =>
  Effect.logError(`the endpoint stays as it was: ${message}`)

/** Opens what the settings name. */
const begin = Effect.flatMap(readSettings, (settings) =>
  Effect.map(openInTime(settings), (listener) => ({ listener, settings }))
)

/** Takes over from the life before. What the settings say now and cannot be is no reason to serve nobody. */
const goOn = (before: Listener) =>
  Effect.gen(function* () {
    const settings = yield* readSettings
    if (Binding.stepTo(before.settings, settings) === "stay") return { listener: before, settings }
    const listener = yield* open(settings)
    yield* leave(before)
    return { listener, settings }
  }).pipe(Effect.catchAll((error) => Effect.as(stays(error), { listener: before, settings: before.settings })))

const start = (options: Routes.Options) =>
  Effect.gen(function* () {
    const { ref: place } = yield* Endpoint.self
    const app = yield* Routes.make(options)
    const services = yield* Effect.context<Services.Services>()
    const life = {}
    yield* Effect.addFinalizer(() => Effect.suspend(() => listeners.get(place)?.abandon(life) ?? Effect.void))
    const before = listeners.get(place)
    const { listener, settings } = before?.isOpen === true ? yield* goOn(before) : yield* begin
    const limits = MutableRef.make(settings)
    const respond = yield* NodeHttpServer.makeHandler(Answer.within(app, () => MutableRef.get(limits)))
    const handler: Handler = (request, response) => {
      Services.give(request, services)
      respond(request, response)
    }
    const serving: Serving = { place, life, handler, limits }
    listener.apply(settings)
    if (listener === before) listener.attach(life, handler)
    else yield* serve(serving, listener)
    const state: State = { ...serving, listener, leaving: [] }
    return state
  })

type Rebound = readonly [state: State, result: Exit.Exit<typeof Address.Type, EndpointError>]

const listening = (state: State): Rebound => [state, Exit.succeed(state.listener.address)]

/** Comes to what the settings say now; or back to where it was, and says why. */
const rebind = (state: State, settings: Binding.EndpointSettings): Effect.Effect<Rebound> =>
  Effect.gen(function* () {
    const { limits, listener } = state
    const before = MutableRef.get(limits)
    const step = Binding.stepTo(before, settings)
    // After the last request nothing is opened any more.
    if (step === "stay" || !listener.isOpen) {
      MutableRef.set(limits, settings)
      listener.apply(settings)
      return listening(state)
    }
    if (step === "closeFirst") listener.stop()
    const opened = yield* Effect.either(open(settings))
    if (Either.isLeft(opened) && step === "openFirst") return [state, Exit.fail(opened.left)]
    // Where it was before is open to it again: that it is not any more is a crash.
    const next = Either.isRight(opened) ? opened.right : yield* Effect.orDie(openInTime(before))
    if (Either.isRight(opened)) MutableRef.set(limits, settings)
    yield* serve(state, next)
    yield* leave(listener)
    const leaving = [...state.leaving, listener].filter(({ isClosed }) => !isClosed)
    const moved: State = { ...state, listener: next, leaving }
    return Either.isRight(opened) ? listening(moved) : [moved, Exit.fail(opened.left)]
  })

/** The process, and who calls it. */
export class Endpoint extends GenServer.Service<Endpoint>()("@app/ScutiWeb.Endpoint", {
  messages: [GetAddress, ConfigChange, Drain, Process.Exit]
}) {
  // client

  /** Where it listens. */
  static readonly address = GenServer.call(this, new GetAddress())

  /**
   * Reads its settings again, and does what they say. Another port or host is opened before the old one is left, and
   * what is in flight there is answered. Fails with `EndpointError` if the settings are wrong or the new port cannot be
   * opened; everything stays as it was then.
   */
  static readonly configChange = GenServer.call(this, new ConfigChange(), { timeout: "infinity" })

  /**
   * Accepts no more connections, ends the live pages, and waits for the answers to all requests in flight, of which each
   * is bounded by `REQUEST_TIMEOUT`. What is left after twice that is cut off, and logged.
   */
  static readonly drain = GenServer.call(this, new Drain(), { timeout: "infinity" })

  // server
  static readonly layer = this.toLayer((options: Routes.Options) => start(options), {
    // So that it ends by draining when its supervisor stops it; killed, it leaves its port to the next one.
    trapExit: true,
    // What it waits for is bounded, and the application's own time bounds that.
    shutdown: "infinity",
    terminate: (reason, { leaving, listener }) =>
      reason._tag === "Crash" ? Effect.void : drainAll([listener, ...leaving]),
    format: ({ limits, listener }) => ({
      ...MutableRef.get(limits),
      ...listener.address,
      inFlight: listener.inFlight
    }),
    handleCall: {
      GetAddress: (_, state) => GenServer.reply(state.listener.address, state),
      ConfigChange: (_, state, from) =>
        readSettings.pipe(
          Effect.flatMap((settings) => rebind(state, settings)),
          Effect.flatMap(([next, result]) => Effect.as(from.done(result), GenServer.noReply(next)))
        ),
      Drain: (_, state) => Effect.as(drainAll([state.listener, ...state.leaving]), GenServer.reply(undefined, state))
    },
    handleInfo: {
      EXIT: ({ reason }, state) => GenServer.stop(reason, state)
    }
  })
}

// What an application says to its Endpoint.

/** Serves. Fails with `EndpointError` if the settings are wrong or the port cannot be had. */
export const layer = Endpoint.layer

/** For `prepStop`: {@link Endpoint.drain}. */
export const drain = Endpoint.drain

/** For `configChange`: {@link Endpoint.configChange}. What cannot be done is logged, and everything stays as it was. */
export const configChange: Effect.Effect<void, never, Endpoint> = Endpoint.configChange.pipe(
  Effect.catchAll(stays),
  Effect.asVoid
)
