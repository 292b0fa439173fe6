/**
 * The client's side: from a ref, a tag, or an effect that finds a ref, to the server that sits there now.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { CallCycle } from "../CallError.ts"
import * as ExitReason from "../ExitReason.ts"
import { alarmOf } from "./alarm.ts"
import { type Definition, durationOption, type Entry, type Kind, show } from "./definition.ts"
import { attach } from "./effectScope.ts"
import { Envelope, type Party, type Restore, type Wait } from "./envelope.ts"
import { capture, clockOf, type Environment, isLive } from "./environment.ts"
import { spend } from "./fairness.ts"
import { Gear } from "./gear.ts"
import type { Started } from "./incarnation.ts"
import { downExit, type Outsider, StopRequest } from "./items.ts"
import { Moment } from "./moment.ts"
import { NameRef } from "./nameRef.ts"
import type { Parent } from "./parent.ts"
import { Seat } from "./seat.ts"
import { Server } from "./server.ts"
import { callSpan, isTraced } from "./tracing.ts"
import { turn } from "./turn.ts"
import { currentWhereabouts, type Nest } from "./whereabouts.ts"

export type Ref = Seat<Server>

type AnyFiber = Fiber.RuntimeFiber<unknown, unknown>

type Result = Effect.Effect<unknown, unknown>

/**
 * Does something to the server that an argument stands for. The parts are passed on rather than closed over: this is made
 * for each call.
 */
export const withRef = <A, B>(
  server: Effect.Effect<unknown, unknown, unknown>,
  use: (fiber: AnyFiber, ref: Ref, a: A, b: B) => Result,
  a: A,
  b: B
): Effect.Effect<unknown, unknown, unknown> => {
  if (server instanceof Seat)
    return Effect.withFiberRuntime<unknown, unknown>((fiber) => use(fiber, server as Ref, a, b))
  if (Context.isTag(server)) {
    return Effect.withFiberRuntime<unknown, unknown, unknown>((fiber) => {
      const ref = fiber.currentContext.unsafeMap.get(server.key)
      if (ref instanceof Seat) return use(fiber, ref as Ref, a, b)
      return ref instanceof NameRef ? use(fiber, ref.seat as Ref, a, b) : Effect.flatMap(server, notARef)
    })
  }
  if (!Effect.isEffect(server)) return notARef(server)
  return Effect.flatMap(server, (ref) => {
    const seat = seatOf(ref)
    return seat === null ? notARef(ref) : Effect.withFiberRuntime<unknown, unknown>((fiber) => use(fiber, seat, a, b))
  })
}

/** Does something with the seat that an argument stands for. */
export const withServer = (
  server: Effect.Effect<unknown, unknown, unknown>,
  use: (ref: Ref) => Effect.Effect<unknown, unknown>
): Effect.Effect<unknown, unknown, unknown> => withRef(server, (_, ref) => use(ref), undefined, undefined)

/** Who holds a name under the root that the running fiber is under. */
export const whereis = (key: string): Effect.Effect<Option.Option<unknown>> =>
  Effect.withFiberRuntime((fiber) => {
    const seat = fiber.getFiberRef(currentWhereabouts)?.root.lookup(key)
    return Effect.succeed(seat === undefined || seat.occupant === null ? Option.none() : Option.some(seat))
  })

/** The seat that a ref points at now. */
export const seatOf = (ref: unknown): Ref | null =>
  ref instanceof Seat ? (ref as Ref) : ref instanceof NameRef ? (ref.seat as Ref) : null

const notARef = (given: unknown): Effect.Effect<never> =>
  Effect.die(
    new TypeError(`A server was expected: a ref, the server's class, or an effect that gives a ref; not ${show(given)}`)
  )

/** A server in whose own fiber this is. */
export const serverOf = (fiber: AnyFiber): Server | null => {
  const scheduler = fiber.currentScheduler
  if (!(scheduler instanceof Gear) || scheduler.fiber !== fiber) return null
  return scheduler.driver instanceof Server ? scheduler.driver : null
}

/** Who waits when a fiber waits: a server in whose own fiber this is, or a child whose layer it builds or closes. */
const partyOf = (fiber: AnyFiber): Server | Nest | null => {
  const server = serverOf(fiber)
  if (server !== null) return server
  const nest = fiber.getFiberRef(currentWhereabouts)?.nest ?? null
  return nest !== null && nest.fiber === fiber ? nest : null
}

/** Whether a fiber is a server's own, or was forked by its callbacks: those inherit its scheduler. */
const isWithin = (fiber: AnyFiber, server: Server): boolean =>
  server.gear !== null && fiber.currentScheduler === server.gear

// ---------------------------------------------------------------------------------------------------------------------
// Calls
// ---------------------------------------------------------------------------------------------------------------------

export interface CallOptions {
  readonly timeout?: unknown
  readonly abandoned?: "withdraw" | "run" | undefined
}

const defaultTimeout = 5_000

export const call = (
  server: Effect.Effect<unknown, unknown, unknown>,
  request: object,
  options?: CallOptions
): Effect.Effect<unknown, unknown, unknown> => withRef(server, callRef, request, options)

const callRef = (fiber: AnyFiber, ref: Ref, request: object, options: CallOptions | undefined): Result => {
  const server = ref.occupant
  if (server === null) return noOne(fiber, ref, request, options)
  const entry = server.definition.entries.get(request?.constructor)
  if (entry === undefined || entry.kind !== "call") return foreign(ref.name, request, entry, "call")
  if (isTraced(fiber)) {
    return callSpan(ref.name, entry.tag, (span) =>
      Effect.withFiberRuntime<unknown, unknown>((fiber) => {
        // It may have ended while the span was begun.
        if (ref.occupant !== server) return callRef(fiber, ref, request, options)
        const envelope = new Envelope(entry.tag, request, server, options?.abandoned !== "run")
        envelope.span = span
        return enqueue(fiber, server, envelope, timeoutOfCall(ref.name, options))
      })
    )
  }
  const timeout = timeoutOfCall(ref.name, options)
  const envelope = new Envelope(entry.tag, request, server, options?.abandoned !== "run")
  if (server.gate !== 0 || server.environment.isTraced) return enqueue(fiber, server, envelope, timeout)
  // A caller that is a server itself waits from here on, should the handler not be done at once.
  const caller = serverOf(fiber)
  if (caller !== null) caller.waitingFor = envelope
  server.callIdle(envelope, entry)
  const { exit } = envelope
  const giveWay = mustGiveWay(fiber)
  if (exit !== null) return giveWay ? Effect.zipRight(turn, exit) : exit
  return Effect.uninterruptibleMask((restore) => wait(fiber, envelope, timeout, giveWay, restore))
}

/** Counts a call: a loop of calls must let the event loop turn now and then, however they are answered. */
const mustGiveWay = (fiber: AnyFiber): boolean => spend() && isLive(fiber.currentScheduler)

/** Waits for the answer, no longer than the time-out. */
const wait = (fiber: AnyFiber, envelope: Envelope, timeout: number, giveWay: boolean, restore: Restore): Result => {
  if (envelope.exit === null && timeout !== Number.POSITIVE_INFINITY) {
    envelope.expireAfter(alarmOf(clockOf(fiber)), timeout)
  }
  // The turn comes after the answer: interrupted before, the call would not be taken back.
  return giveWay ? Effect.onExit(envelope.wait(restore), afterwards) : envelope.wait(restore)
}

const afterwards = (exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
  Exit.isInterrupted(exit) ? Effect.void : turn

/**
 * Queues a call or a stop, and waits. Both are in one uninterruptible step, so that no request is left behind by a caller
 * who was interrupted in between.
 */
const enqueue = (fiber: AnyFiber, server: Server, envelope: Envelope, timeout: number): Result =>
  Effect.uninterruptibleMask((restore) => {
    if (server.isDown) return downExit(server.name, envelope.tag, server.seat.down)
    const caller = partyOf(fiber)
    if (caller !== null) {
      const cycle = cycleFrom(caller, server)
      if (cycle !== null) return Exit.fail(cycle)
      caller.waitingFor = envelope
    }
    if (envelope instanceof StopRequest) server.requestStop(envelope)
    else server.enqueueCall(envelope)
    return wait(fiber, envelope, timeout, mustGiveWay(fiber), restore)
  })

/**
 * The circle that a call from one server to another would close. An edge goes from a server to the one for whose answer
 * its own fiber waits, as long as that one has to be free for it: not once it has given `noReply`, because then somebody
 * else may hold the token.
 */
const cycleFrom = (caller: Party, server: Server): CallCycle | null => {
  const path = [caller.name, server.name]
  let last: Party = server
  while (last !== caller) {
    const waiting: Wait | null = last.waitingFor
    if (waiting === null || !waiting.blocks) return null
    const next = waiting.isFor?.(caller) === true ? caller : waiting.home
    if (next === null) return null
    last = next
    path.push(last.name)
  }
  return new CallCycle({ path: path as [string, ...Array<string>] })
}

const timeoutOf = (name: string, options: { readonly timeout?: unknown } | undefined, otherwise: number): number =>
  options === undefined || options.timeout === undefined
    ? otherwise
    : durationOption(name, "timeout", options.timeout, { infinity: Number.POSITIVE_INFINITY })

const checkOptions = (name: string, what: string, options: object | undefined, known: ReadonlyArray<string>): void => {
  if (options === undefined) return
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw new TypeError(`${name}: there is no option \`${key}\` of \`${what}\``)
  }
}

/** Checks the options of a call and gives its time-out. */
const timeoutOfCall = (name: string, options: CallOptions | undefined): number => {
  if (options === undefined) return defaultTimeout
  checkOptions(name, "call", options, callOptions)
  const { abandoned } = options
  if (abandoned !== undefined && abandoned !== "withdraw" && abandoned !== "run") {
    throw new TypeError(`${name}: \`abandoned\` must be "withdraw" or "run", but is ${show(abandoned)}`)
  }
  return timeoutOf(name, options, defaultTimeout)
}

const callOptions = ["timeout", "abandoned"]

/**
 * A call to a seat that nobody sits on. The options are checked all the same, and it counts as a call: whoever asks again
 * and again must not keep the event loop from turning, and so the server from coming back.
 */
const noOne = (fiber: AnyFiber, ref: Ref, request: object, options: CallOptions | undefined): Result => {
  timeoutOfCall(ref.name, options)
  const exit = downExit(ref.name, (request as { readonly _tag?: string })?._tag ?? show(request), ref.down)
  return mustGiveWay(fiber) ? Effect.zipRight(turn, exit) : exit
}

const foreign = (name: string, message: unknown, entry: Entry | undefined, wanted: Kind): Effect.Effect<never> =>
  Effect.die(
    new TypeError(
      entry === undefined
        ? `${name}: ${show(message)} is not an instance of a message class of its protocol`
        : `${name}: ${entry.tag} is a ${entry.kind}, and cannot be sent by \`${wanted}\``
    )
  )

// ---------------------------------------------------------------------------------------------------------------------
// Casts
// ---------------------------------------------------------------------------------------------------------------------

export const cast = (
  server: Effect.Effect<unknown, unknown, unknown>,
  message: object
): Effect.Effect<unknown, unknown, unknown> => withRef(server, castRef, message, undefined)

const castRef = (fiber: AnyFiber, ref: Ref, message: object): Result => {
  const server = ref.occupant
  // Nobody there: it says nothing about that (`CALL-14`).
  if (server === null) return Exit.void
  const entry = server.definition.entries.get(message?.constructor)
  if (entry === undefined || entry.kind !== "cast") return foreign(ref.name, message, entry, "cast")
  const traced = isTraced(fiber) || server.environment.isTraced
  const link = traced ? fiber.currentSpan : undefined
  // From the server itself, or from a fiber that one of its callbacks forked: always let in.
  if (isWithin(fiber, server)) {
    server.deliver(message, link)
    return Exit.void
  }
  const caller = serverOf(fiber)
  // Waiting for room would close a circle, and nobody in it could go on.
  if (caller !== null && server.isFull && cycleFrom(caller, server) !== null) {
    server.deliver(message, link)
    return Exit.void
  }
  const outsider = server.enqueueCast(message, link)
  if (outsider === null) return Exit.void
  if (caller !== null) caller.waitingFor = outsider
  return waitForRoom(server, outsider)
}

const waitForRoom = (server: Server, outsider: Outsider): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    if (outsider.isAdmitted) {
      resume(Effect.void)
      return
    }
    outsider.resume = () => {
      outsider.resume = null
      resume(Effect.void)
    }
    return Effect.sync(() => {
      if (outsider.resume === null) return
      outsider.resume = null
      server.withdrawCast(outsider)
    })
  })

// ---------------------------------------------------------------------------------------------------------------------
// Stopping
// ---------------------------------------------------------------------------------------------------------------------

export const stop = (
  server: Effect.Effect<unknown, unknown, unknown>,
  reason: ExitReason.ExitReason,
  options?: { readonly timeout?: unknown }
): Effect.Effect<unknown, unknown, unknown> => withRef(server, stopRef, reason, options)

const stopRef = (
  fiber: AnyFiber,
  ref: Ref,
  reason: ExitReason.ExitReason,
  options: { readonly timeout?: unknown } | undefined
): Result => {
  checkOptions(ref.name, "stop", options, ["timeout"])
  const timeout = timeoutOf(ref.name, options, Number.POSITIVE_INFINITY)
  const server = ref.occupant
  if (server === null) return downExit(ref.name, "stop", ref.down)
  const request = new StopRequest(server, reason)
  if (!server.canStopAtOnce) return enqueue(fiber, server, request, timeout)
  server.requestStop(request)
  const { exit } = request
  const giveWay = mustGiveWay(fiber)
  // A crash that was asked for is logged first, in the server's own fiber.
  if (exit === null) return Effect.uninterruptibleMask((restore) => wait(fiber, request, timeout, giveWay, restore))
  return giveWay ? Effect.zipRight(turn, exit) : exit
}

/** `Process.exit` for a server. */
export const exit = (
  server: Effect.Effect<unknown, unknown, unknown>,
  reason: ExitReason.ExitReason
): Effect.Effect<unknown, unknown, unknown> => withRef(server, exitRef, reason, undefined)

const exitRef = (fiber: AnyFiber, ref: Ref, reason: ExitReason.ExitReason): Result => {
  if (!ExitReason.isExitReason(reason)) {
    throw new TypeError(`${ref.name}: an exit signal needs an ExitReason, not ${show(reason)}`)
  }
  const server = ref.occupant
  if (server === null) return Exit.void
  if (reason._tag === "Killed") server.kill()
  else server.signal(reason, serverOf(fiber))
  return Exit.void
}

// ---------------------------------------------------------------------------------------------------------------------
// Starting
// ---------------------------------------------------------------------------------------------------------------------

/** What makes a process of a definition: a server, or what extends one. */
export type Make<P extends Server> = (
  definition: Definition,
  seat: Ref,
  environment: Environment,
  parent: Parent | null
) => P

const makeServer: Make<Server> = (definition, seat, environment, parent) =>
  new Server(definition, seat, environment, parent)

/** Starts a server in the scope of whoever starts it, which is its parent. */
export const start = (definition: Definition, args: ReadonlyArray<unknown>): Effect.Effect<Ref, unknown, Scope.Scope> =>
  startProcess(definition, makeServer, () => args, refOf)

const refOf = ({ seat }: Server): Ref => seat as Ref

/**
 * Starts a process in the scope of whoever starts it. While the layer of a supervised child is built, it becomes part of
 * that child: it takes its name and the seat it had before, and its end is the child's.
 */
export const startProcess = <P extends Server, A>(
  definition: Definition,
  make: Make<P>,
  args: (process: P) => ReadonlyArray<unknown>,
  give: (process: P) => A
): Effect.Effect<A, unknown, Scope.Scope> =>
  Effect.withFiberRuntime<A, unknown, Scope.Scope>((fiber) => {
    const scope = fiber.currentContext.unsafeMap.get(Scope.Scope.key) as Scope.Scope | undefined
    // Not in a scope: ask for it, and fail as Effect does.
    if (scope === undefined) return Effect.flatMap(Scope.Scope, () => startProcess(definition, make, args, give))
    const nest = nestOf(fiber)
    const given = nest === null ? new Seat<Server>(definition.name) : nest.seatFor(definition)
    // The build goes on for a while, though it is given up: what it would start now is nobody's.
    if (given === null) return Effect.interrupt
    if (!(given instanceof Seat)) return Effect.die(given)
    const process = make(definition, given as Ref, capture(fiber), nest)
    const { detach, pending } = attach(scope, closing(process, nest))
    process.whenDown(detach)
    let started: Started | null = null
    let resume: ((exit: Started) => void) | null = null
    // The build waits for it from here on, also in the turn in which it starts.
    const builder = nest !== null && nest.fiber === fiber ? nest : null
    const begin = (): Effect.Effect<A, unknown> | null => {
      if (builder !== null) builder.waitingFor = { home: process, blocks: true }
      process.start(args(process), (exit) => {
        started = exit
        if (builder !== null) builder.waitingFor = null
        resume?.(exit)
      })
      return started === null ? null : result(started)
    }
    const result = (exit: Started): Effect.Effect<A, unknown> => {
      if (Exit.isFailure(exit)) return Exit.failCause(exit.cause)
      if (process.isIgnored) {
        if (!process.isOvertaken) given.giveUp(ExitReason.noProcess)
      }
      // It may have ended by now: that is for the child to know, too.
      else if (nest !== null) nest.adopt(process)
      return pending === null ? Exit.succeed(give(process)) : Effect.as(pending, give(process))
    }
    const finish = (restore: Restore): Effect.Effect<A, unknown> => {
      const wait = Effect.async<void, unknown>((callback) => {
        if (started === null) resume = callback
        else callback(started)
      })
      return Effect.matchCauseEffect(restore(wait), {
        onFailure: (cause) => {
          const rest = started === null ? close(process, nest) : pending
          return rest === null ? Effect.failCause(cause) : Effect.zipRight(rest, Effect.failCause(cause))
        },
        onSuccess: () => result(Exit.void)
      })
    }
    if (pending === null) return begin() ?? Effect.uninterruptibleMask(finish)
    // A scope that is closed has a step of its own to say so: who is interrupted before it would leave a server behind.
    return Effect.uninterruptibleMask((restore) => begin() ?? finish(restore))
  })

const nestOf = (fiber: AnyFiber): Nest | null => {
  const nest = fiber.getFiberRef(currentWhereabouts)?.nest ?? null
  return nest?.isOpen === true ? nest : null
}

/** Made apart from the start: its scope keeps it, and would keep all that the start knows with it. */
const closing = (server: Server, nest: Nest | null) => (): Effect.Effect<void> => close(server, nest)

/** The end of the scope that a server lives in: it ends within its `shutdown`, or is killed. */
const close = (server: Server, nest: Nest | null): Effect.Effect<void> =>
  Effect.withFiberRuntime((fiber) => {
    nest?.discard(server)
    if (server.isDown) return Effect.void
    const closer = nest !== null && nest.fiber === fiber ? nest : null
    if (closer !== null) closer.waitingFor = { home: server, blocks: true }
    // Waiting by callbacks: in a finalizer nothing can be interrupted, so `Effect.timeout` would wait for ever.
    const { shutdown } = server.definition
    return Effect.async<void>((resume) =>
      endWithin(server, ExitReason.shutdown(), shutdown, () => {
        if (closer !== null) closer.waitingFor = null
        resume(Effect.void)
      })
    )
  })

/** The parent's end: the server ends within so many milliseconds, or is killed. */
export const endWithin = (
  server: Server,
  reason: ExitReason.ExitReason,
  limit: number,
  onEnd: (reason: ExitReason.ExitReason) => void
): void => {
  if (limit <= 0) server.kill()
  else server.parentExit(reason)
  if (server.isDown || limit === Number.POSITIVE_INFINITY) {
    server.whenDown(onEnd)
    return
  }
  const { alarm } = server
  const deadline = new Moment(() => server.kill())
  alarm.set(deadline, limit)
  server.whenDown((reason) => {
    alarm.cancel(deadline)
    onEnd(reason)
  })
}
