/**
 * Runs a program and gives its history. The driver picks whose turn it is and when time passes; everything happens
 * before this returns.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as GenServer from "../../src/GenServer.ts"
import { statsOf } from "../../src/internal/metrics.ts"
import type { History, Sender } from "./history.ts"
import type { Config, Move, Program } from "./program.ts"
import { answerOldest, callFrom, castFrom, exitFrom, layerOf, Subject, stopFrom } from "./server.ts"
import { type Incarnation, World } from "./world.ts"

export interface Options {
  readonly seed: number
  /** With "off" there is a tracer, and every call goes through the server's fiber. */
  readonly inline: "on" | "off"
  /** How likely a fiber gives way between two of its steps. */
  readonly giveWay: number
  /** How likely time passes while somebody could still go on. */
  readonly hurry: number
  /** When the parent ends, in virtual milliseconds, whatever clients still wait for. */
  readonly horizon: number
}

export interface Run {
  readonly history: History
  /** Whether something was a matter of chance in spite of all care: see `World`. */
  readonly hasRace: boolean
  /** Whether everything came to rest. */
  readonly isOver: boolean
  /** Messages that the servers still believe to be waiting. */
  readonly queued: number
  /** Turns that the scheduler has given. */
  readonly steps: number
}

/** Turns that a run may take before it counts as endless. */
const patience = 200_000

const nothing = (): void => {}

/** A tracer that does nothing. */
const tracer = Tracer.make({
  span: (name, parent, context, links, startTime, kind) => ({
    _tag: "Span",
    name,
    parent,
    context,
    links,
    kind,
    spanId: "span",
    traceId: "trace",
    sampled: false,
    status: { _tag: "Started", startTime },
    attributes: new Map(),
    end: nothing,
    attribute: nothing,
    event: nothing,
    addLinks: nothing
  }),
  context: (f) => f()
})

const start = (world: World, slot: number, config: Config): Effect.Effect<void, never, Scope.Scope> =>
  Effect.suspend(() => {
    const incarnation: Incarnation = {
      id: world.incarnations.length,
      config,
      ref: null,
      tokens: [],
      timers: [],
      timersLeft: 8
    }
    world.incarnations.push(incarnation)
    // The class finds its layer by its name; here there are many.
    const service = { layer: layerOf(config), start: Subject.start }
    return Effect.flatMap(service.start(world, incarnation), (ref) => {
      incarnation.ref = ref
      world.slots[slot] = incarnation
      return config.watched ? Effect.asVoid(Effect.forkDaemon(watch(world, incarnation, ref))) : Effect.void
    })
  })

/** Another one in the same place. */
const restart = (world: World, place: number): Effect.Effect<void, never, Scope.Scope> =>
  Effect.suspend(() => {
    if (world.isClosing) return Effect.void
    const slot = place % world.slots.length
    return start(world, slot, world.incarnation(slot).config)
  })

const watch = (world: World, { id }: Incarnation, ref: GenServer.ServerRef<Subject>): Effect.Effect<void> =>
  Stream.runForEach(GenServer.changes(ref), (state) =>
    Effect.sync(() => world.write({ _tag: "Seen", server: id, state: (state as { readonly value: number }).value }))
  )

const go = (world: World, name: string, move: Move, index: number): Effect.Effect<unknown, never, Scope.Scope> => {
  const sender: Sender = { _tag: "Client", name, interruptible: false }
  switch (move._tag) {
    case "Call":
      return Effect.flatMap(
        Effect.suspend(() => callFrom(world, sender, move.slot, move.act, move.timeout, move.withdraw)),
        (result) => (world.program.restarts && result.startsWith("down") ? restart(world, move.slot) : Effect.void)
      )
    case "Fork": {
      const child: Sender = { _tag: "Client", name: `${name}/${index}`, interruptible: true }
      const call = Effect.suspend(() =>
        callFrom(world, child, move.slot, move.act, Number.POSITIVE_INFINITY, move.withdraw)
      )
      return Effect.gen(function* () {
        const fiber = yield* Effect.forkDaemon(call)
        if (move.ms === 0) {
          yield* Effect.yieldNow()
          yield* Fiber.interruptFork(fiber)
        } else if (move.ms < 1000) {
          world.moment(world.clock.now + move.ms)
          yield* Fiber.interruptFork(fiber).pipe(Effect.delay(move.ms), Effect.forkDaemon)
        }
      })
    }
    case "Cast":
      return Effect.suspend(() => castFrom(world, sender, move.slot, move.act))
    case "Stop":
      return Effect.suspend(() => stopFrom(world, sender, move.slot, move.reason, move.timeout))
    case "Exit":
      return Effect.suspend(() => exitFrom(world, move.slot, move.reason, null))
    case "Answer":
      return Effect.suspend(() => answerOldest(world, world.incarnation(move.slot)))
    case "Start":
      return restart(world, move.slot)
    case "Yield":
      return Effect.yieldNow()
    case "Sleep":
      if (move.ms > 0) world.moment(world.clock.now + move.ms)
      return Effect.sleep(move.ms)
  }
}

/** Everything happens in here. */
export const run = (program: Program, { giveWay, horizon, hurry, inline, seed }: Options): Run => {
  const world = new World(program, seed, giveWay)
  const { clock, random, scheduler } = world
  // What all servers of a name count together decides about log lines, and so about who has a turn.
  const stats = Object.assign(statsOf(Subject.key, "Subject"), {
    handled: 0,
    queued: 0,
    crashes: 0,
    undelivered: 0,
    ignored: 0,
    stamp: 0
  })
  const scope = Effect.runSync(Scope.make())
  const fork = (effect: Effect.Effect<unknown, never, Scope.Scope>) =>
    Effect.runFork(
      effect.pipe(
        Scope.extend(scope),
        inline === "off" ? Effect.withTracer(tracer) : (same) => same,
        Effect.withClock(clock),
        Effect.provide(Logger.remove(Logger.defaultLogger))
      ),
      { scheduler }
    )
  let turns = 0
  /** Lets everybody have turns, and time pass, until all of these are done; false if they never are. */
  const drive = (fibers: ReadonlyArray<Fiber.RuntimeFiber<unknown, unknown>>, until: number): boolean => {
    const isDone = () =>
      (world.waiting.size === 0 || !world.isClosing) && fibers.every((fiber) => fiber.unsafePoll() !== null)
    while (!isDone() && turns++ < patience) {
      if (scheduler.isQuiet) {
        if (clock.nearest > clock.now) world.write({ _tag: "Quiet" })
        if (clock.nearest > until || clock.nearest === Number.POSITIVE_INFINITY) return false
        clock.advance(clock.nearest)
      } else {
        if (hurry > 0 && random.chance(hurry)) clock.advance(Math.min(clock.nearest, clock.now + random.below(4)))
        scheduler.step()
      }
    }
    while (!(scheduler.isQuiet && clock.nearest > clock.now) && turns++ < patience) {
      if (scheduler.isQuiet) clock.advance(clock.now)
      else scheduler.step()
    }
    world.write({ _tag: "Quiet" })
    return isDone()
  }
  const { clients: scripts, servers } = program
  drive([fork(Effect.forEach(servers, (config, slot) => start(world, slot, config), { discard: true }))], horizon)
  const clients = scripts.map((moves, client) =>
    fork(Effect.forEach(moves, (move, index) => go(world, `client ${client}`, move, index), { discard: true }))
  )
  drive(clients, horizon)
  world.isClosing = true
  world.write({ _tag: "Closing" })
  const isOver = drive([fork(Scope.close(scope, Exit.void)), ...clients], Number.POSITIVE_INFINITY)
  return {
    history: world.history,
    hasRace: world.hasRace || clock.hasTie,
    isOver: isOver && turns < patience,
    queued: stats.queued,
    steps: scheduler.steps
  }
}
