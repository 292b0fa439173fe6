/**
 * The servers under test. Their messages say what their handlers are to do; they record what they are asked, with which
 * state, and what they decide.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as ExitReason from "../../src/ExitReason.ts"
import * as GenServer from "../../src/GenServer.ts"
import * as Process from "../../src/Process.ts"
import { decide, tokenResult } from "./decide.ts"
import type { Decided, Decision, Result, Sender } from "./history.ts"
import type { Act, Config, Message, Reason, Step } from "./program.ts"
import { type Incarnation, reasonOf, type Token, type World } from "./world.ts"

const ActSchema: Schema.Schema<Act> = Schema.Any

const fields = { id: Schema.Number, act: ActSchema }

export class Ask extends GenServer.Call<Ask>()("Ask", {
  payload: fields,
  success: Schema.Number,
  error: Schema.Number
}) {}
export class Tell extends GenServer.Cast<Tell>()("Tell", fields) {}
export class Note extends GenServer.Info<Note>()("Note", fields) {}
export class Next extends GenServer.Continue<Next>()("Next", fields) {}

/** What every callback can see: states are compared by reference, so each commit makes a new one. */
interface State {
  readonly world: World
  readonly incarnation: Incarnation
  readonly value: number
}

export class Subject extends GenServer.Service<Subject>()("@property/Subject", {
  state: Schema.Any as Schema.Schema<State>,
  messages: [Ask, Tell, Note, Next]
}) {}

interface Payload {
  readonly id: number
  readonly act: Act
}

type Self = GenServer.SelfHandle<Subject>

export const exitReason = (reason: Reason): ExitReason.ExitReason => {
  switch (reason) {
    case "normal":
      return ExitReason.normal
    case "shutdown":
      return ExitReason.shutdown()
    case "killed":
      return ExitReason.killed
    default:
      return ExitReason.crash(reason.replace("crash ", ""))
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Handlers
// ---------------------------------------------------------------------------------------------------------------------

const number = (result: Result): number => Number(result.split(" ")[1])

interface Handling {
  readonly state: State
  readonly message: Message
  readonly id: number
  readonly sender: Sender
  readonly from: GenServer.From<Ask> | null
}

/** The message that an outcome names, and the options that say so. */
const follow = ({ act: { ending } }: Message, world: World) => {
  switch (ending._tag) {
    case "Nothing":
      return { next: null, options: {} }
    case "Hibernate":
      return { next: null, options: { hibernate: true } }
    case "Continue": {
      const next = world.nextId()
      return { next, options: { continue: new Next({ id: next, act: ending.act }) } }
    }
    case "Idle": {
      const next = world.nextId()
      if (ending.ms > 0) world.moment(world.clock.now + ending.ms)
      const pair: readonly [number, Note] = [ending.ms, new Note({ id: next, act: ending.act })]
      return { next, options: { idleTimeout: pair } }
    }
  }
}

/** The decision, and how to say it to the engine: a thunk, since it may throw. */
const conclude = ({ from, id, message, state }: Handling, results: ReadonlyArray<Result>, exact: boolean) => {
  const { incarnation, world } = state
  const decision = decide(message, state.value, results)
  const goesOn = decision._tag === "Reply" || decision._tag === "NoReply"
  const { next, options } = goesOn ? follow(message, world) : { next: null, options: {} }
  const event: Decided = {
    _tag: "Decided",
    server: incarnation.id,
    id,
    decision,
    ending: message.act.ending,
    next,
    exact
  }
  if (decision._tag === "NoReply" && from !== null) incarnation.tokens.push({ id, act: message.act, from })
  const after = (value: number): State => (message.act.keep ? state : { ...state, value })
  return { event, give: () => give(message.act, decision, after, options) }
}

const give = (
  act: Act,
  decision: Decision,
  after: (value: number) => State,
  options: GenServer.Next<Next, Note>
): any => {
  switch (decision._tag) {
    case "Reply":
      return GenServer.reply(number(decision.result), after(decision.state), options)
    case "NoReply":
      return GenServer.noReply(after(decision.state), options)
    case "Stop":
      return GenServer.stop(exitReason(decision.reason), after(decision.state))
    case "StopReply":
      return GenServer.stopReply(exitReason(decision.reason), number(decision.result), after(decision.state))
    case "Fail":
      return Effect.fail(number(decision.result))
    case "Crash":
      if (act.finish === "bad") return "nonsense"
      if (act.finish === "interrupt") return Effect.interrupt
      if (act.finish === "throw") throw new Error(`thrown ${act.label}`)
      return Effect.dieMessage(`died ${act.label}`)
  }
}

const handle = (kind: Message["kind"], { act, id }: Payload, state: State, from: GenServer.From<Ask> | null): any => {
  const { incarnation, world } = state
  const message: Message = { kind, act }
  world.write({ _tag: "Began", server: incarnation.id, id, kind, message, state: state.value })
  const sender: Sender = { _tag: "Handler", server: incarnation.id, message: id }
  const handling: Handling = { state, message, id, sender, from }
  if (act.steps === null) {
    const fiber = Fiber.getCurrentFiber()
    if (Option.isSome(fiber)) world.scheduler.hold(fiber.value)
    // What the inline gear leaves to the server's fiber takes effect there.
    const isAtOnce =
      act.finish.endsWith("eply") &&
      act.ending._tag !== "Continue" &&
      !(act.ending._tag === "Idle" && act.ending.ms === 0)
    const { event, give } = conclude(handling, [], isAtOnce)
    world.write(event)
    return give()
  }
  return perform(handling, act.steps)
}

const perform = (handling: Handling, steps: ReadonlyArray<Step>): Effect.Effect<unknown, unknown, any> =>
  Effect.gen(function* () {
    const { world } = handling.state
    const self = yield* Subject.self
    const results: Array<Result> = []
    for (const step of steps) {
      const result = yield* take(handling, step, self)
      if (typeof result === "string") results.push(result)
    }
    const exact = world.random.chance(0.7)
    const { event, give } = conclude(handling, results, exact)
    if (exact) yield* world.record(event)
    else world.write(event)
    const given: unknown = give()
    return Effect.isEffect(given) ? yield* given as Effect.Effect<unknown, unknown> : given
  })

const take = (handling: Handling, step: Step, self: Self): Effect.Effect<Result | void, never, any> => {
  const { from, id, sender, state } = handling
  const { incarnation, world } = state
  const server = incarnation.id
  const arm = (act: Act, ms: number, period: number) =>
    Effect.flatMap(world.hold, () => {
      if (incarnation.timersLeft-- <= 0) return Effect.void
      const note = new Note({ id: world.nextId(), act })
      const due = world.clock.now + ms
      world.moment(due)
      world.write({ _tag: "Armed", server, id: note.id, due, period })
      return Effect.map(period > 0 ? self.sendEvery(note, period) : self.sendAfter(note, ms), (timer) => {
        incarnation.timers.push({ id: note.id, timer })
      })
    })
  switch (step._tag) {
    case "Yield":
      return Effect.yieldNow()
    case "Sleep":
      return Effect.suspend(() => {
        if (step.ms > 0) world.moment(world.clock.now + step.ms)
        return Effect.sleep(step.ms)
      })
    case "Send":
    case "CastSelf":
      return Effect.suspend(() => {
        // A client that has given up on this call may wait for room in the mailbox by now, and goes on when there is.
        const isAlone = from !== null && !world.waiting.has(id)
        if (isAlone && incarnation.config.capacity < Number.POSITIVE_INFINITY) world.hasRace = true
        const isSend = step._tag === "Send"
        const kind = isSend ? "info" : "cast"
        const sent = world.sent(server, "self", sender, { kind, act: step.act })
        const payload = { id: sent.id, act: step.act }
        const send = isSend ? self.send(new Note(payload)) : GenServer.cast(Subject, new Tell(payload))
        return Effect.zipRight(world.record({ _tag: "Sent", ...sent }), send)
      })
    case "After":
      return arm(step.act, step.ms, 0)
    case "Every":
      return arm(step.act, step.ms, step.ms)
    case "Cancel": {
      return Effect.flatMap(world.hold, () => {
        const last = incarnation.timers.pop()
        if (last === undefined) return Effect.void
        return Effect.map(last.timer.cancel, (left) => {
          const ms = Option.getOrNull(Option.map(left, Duration.toMillis))
          world.write({ _tag: "Cancelled", server, id: last.id, left: ms })
        })
      })
    }
    case "Answer":
      return answerOldest(world, incarnation)
    case "Fork":
      if (from === null) return Effect.void
      return Effect.suspend(() => {
        if (step.ms > 0) world.moment(world.clock.now + step.ms)
        return Effect.asVoid(Effect.fork(Effect.delay(answer(world, { id, act: handling.message.act, from }), step.ms)))
      })
    case "Call":
      return Effect.suspend(() => callFrom(world, sender, step.slot, step.act, step.timeout, true))
    case "Cast":
      return Effect.suspend(() => castFrom(world, sender, step.slot, step.act))
    case "Exit":
      return Effect.suspend(() => exitFrom(world, step.slot, step.reason, server))
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// What handlers and clients do
// ---------------------------------------------------------------------------------------------------------------------

const answer = (world: World, { act, from, id }: Token): Effect.Effect<void> => {
  const result = tokenResult(act)
  return Effect.zipRight(world.record({ _tag: "Answered", id, result }), from.succeed(number(result)))
}

export const answerOldest = (world: World, incarnation: Incarnation): Effect.Effect<void> =>
  Effect.suspend(() => {
    const token = incarnation.tokens.shift()
    return token === undefined ? Effect.void : answer(world, token)
  })

const refOf = ({ ref }: Incarnation): GenServer.ServerRef<Subject> => ref as GenServer.ServerRef<Subject>

export const callFrom = (
  world: World,
  sender: Sender,
  slot: number,
  act: Act,
  timeout: number,
  withdraw: boolean
): Effect.Effect<Result> => {
  const incarnation = world.incarnation(slot)
  const sent = { ...world.sent(incarnation.id, "call", sender, { kind: "call", act }), timeout, withdraw }
  return world.ask(
    sent,
    GenServer.call(refOf(incarnation), new Ask({ id: sent.id, act }), {
      timeout: timeout === Number.POSITIVE_INFINITY ? "infinity" : timeout,
      abandoned: withdraw ? "withdraw" : "run"
    })
  )
}

export const castFrom = (world: World, sender: Sender, slot: number, act: Act): Effect.Effect<void> => {
  const incarnation = world.incarnation(slot)
  const isOwn = sender._tag === "Handler" && sender.server === incarnation.id
  const sent = world.sent(incarnation.id, isOwn ? "self" : "cast", sender, { kind: "cast", act })
  return Effect.zipRight(
    world.record({ _tag: "Sent", ...sent }),
    GenServer.cast(refOf(incarnation), new Tell({ id: sent.id, act }))
  )
}

export const stopFrom = (
  world: World,
  sender: Sender,
  slot: number,
  reason: Reason,
  timeout: number
): Effect.Effect<Result> => {
  const incarnation = world.incarnation(slot)
  const sent = { ...world.sent(incarnation.id, "stop", sender, null), reason, timeout, withdraw: false }
  return world.ask(
    sent,
    GenServer.stop(refOf(incarnation), exitReason(reason), {
      timeout: timeout === Number.POSITIVE_INFINITY ? "infinity" : timeout
    })
  )
}

export const exitFrom = (world: World, slot: number, reason: Reason, by: number | null): Effect.Effect<void> => {
  const incarnation = world.incarnation(slot)
  return Effect.zipRight(
    world.record({ _tag: "Exit", server: incarnation.id, reason, isOwn: by === incarnation.id }),
    Process.exit(refOf(incarnation), exitReason(reason))
  )
}

// ---------------------------------------------------------------------------------------------------------------------
// Layers
// ---------------------------------------------------------------------------------------------------------------------

const terminate = (mode: Config["terminate"]) => (reason: ExitReason.ExitReason, state: State) => {
  const { incarnation, world } = state
  world.write({ _tag: "Terminated", server: incarnation.id, reason: reasonOf(reason), state: state.value })
  switch (mode) {
    case "yield":
      return Effect.yieldNow()
    case "sleep":
      return Effect.sleep(3)
    case "die":
      return Effect.dieMessage("in terminate")
    default:
      return Effect.void
  }
}

const init = (world: World, incarnation: Incarnation) => {
  const { config, id } = incarnation
  const state: State = { world, incarnation, value: id }
  const act: Act = { label: 0, keep: true, steps: null, finish: "noReply", reason: "normal", ending: config.ending }
  const { next, options } = follow({ kind: "info", act }, world)
  world.write({ _tag: "Started", server: id, config, state: id })
  const event: Decided = {
    _tag: "Decided",
    server: id,
    id: -1 - id,
    decision: { _tag: "NoReply", state: id },
    ending: config.ending,
    next,
    exact: true
  }
  world.write(event)
  return GenServer.ok(state, options)
}

const effectfulInit = (world: World, incarnation: Incarnation) =>
  Effect.acquireRelease(
    Effect.withFiberRuntime<ReturnType<typeof init>>((fiber) => {
      world.scheduler.hold(fiber)
      return Effect.succeed(init(world, incarnation))
    }),
    () => world.record({ _tag: "Released", server: incarnation.id })
  )

const make = (config: Config) => {
  const { capacity, effectful, hibernateAfter, overflow, trapExit } = config
  const callbacks = {
    handleCall: {
      Ask: (message: Ask, state: State, from: GenServer.From<Ask>) => handle("call", message, state, from)
    },
    handleCast: { Tell: (message: Tell, state: State) => handle("cast", message, state, null) },
    handleInfo: { Note: (message: Note, state: State) => handle("info", message, state, null) },
    handleContinue: { Next: (message: Next, state: State) => handle("continue", message, state, null) },
    trapExit,
    ...(config.terminate === "none" ? {} : { terminate: terminate(config.terminate) }),
    ...(capacity === Number.POSITIVE_INFINITY ? {} : { mailbox: { capacity, overflow } }),
    hibernateAfter: hibernateAfter === Number.POSITIVE_INFINITY ? ("infinity" as const) : hibernateAfter
  }
  return effectful ? Subject.toLayer(effectfulInit, callbacks) : Subject.toLayer(init, callbacks)
}

type SubjectLayer = (world: World, incarnation: Incarnation) => Layer.Layer<Subject>

const layers = new Map<string, SubjectLayer>()

/** Servers of one configuration share their layer, as those of a program do. */
export const layerOf = (config: Config): SubjectLayer => {
  const { capacity, effectful, hibernateAfter, overflow, terminate, trapExit } = config
  const key = [capacity, effectful, hibernateAfter, overflow, terminate, trapExit].join(" ")
  let layer = layers.get(key)
  if (layer === undefined) {
    layer = make(config) as SubjectLayer
    layers.set(key, layer)
  }
  return layer
}
