/**
 * Random programs as data: which servers there are, and what each client does. A message carries what its handler is to
 * do, so that one protocol covers every kind of handler.
 */
import * as FastCheck from "effect/FastCheck"

/** `normal`, `shutdown`, `killed`, or `crash …`. */
export type Reason = string

/** What a handler's effect does before its outcome. */
export type Step =
  | { readonly _tag: "Yield" }
  | { readonly _tag: "Sleep"; readonly ms: number }
  /** Sends itself an Info. */
  | { readonly _tag: "Send"; readonly act: Act }
  | { readonly _tag: "CastSelf"; readonly act: Act }
  | { readonly _tag: "After"; readonly ms: number; readonly act: Act }
  | { readonly _tag: "Every"; readonly ms: number; readonly act: Act }
  /** Cancels the last timer. */
  | { readonly _tag: "Cancel" }
  /** Answers the oldest call whose token is kept. */
  | { readonly _tag: "Answer" }
  | { readonly _tag: "Call"; readonly slot: number; readonly act: Act; readonly timeout: number }
  | { readonly _tag: "Cast"; readonly slot: number; readonly act: Act }
  /** Forks a fiber that answers the call being handled, after a while. */
  | { readonly _tag: "Fork"; readonly ms: number }
  | { readonly _tag: "Exit"; readonly slot: number; readonly reason: Reason }

/** How a handler ends. What a message's kind does not allow stands for the nearest thing that it does: see `decide`. */
export type Finish = "reply" | "noReply" | "stop" | "stopReply" | "throw" | "bad" | "fail" | "die" | "interrupt"

/** What an outcome asks for beside its state. */
export type Ending =
  | { readonly _tag: "Nothing" }
  | { readonly _tag: "Continue"; readonly act: Act }
  | { readonly _tag: "Idle"; readonly ms: number; readonly act: Act }
  | { readonly _tag: "Hibernate" }

/** What a handler does. */
export interface Act {
  /** Goes into the next state. */
  readonly label: number
  /** Whether the state stays the same. */
  readonly keep: boolean
  /** Nothing for a plain handler. */
  readonly steps: ReadonlyArray<Step> | null
  readonly finish: Finish
  readonly reason: Reason
  readonly ending: Ending
}

export interface Message {
  readonly kind: "call" | "cast" | "info" | "continue"
  readonly act: Act
}

export interface Config {
  readonly effectful: boolean
  readonly ending: Ending
  readonly terminate: "none" | "plain" | "yield" | "sleep" | "die"
  readonly trapExit: boolean
  readonly capacity: number
  readonly overflow: "backpressure" | "reject" | "dropNewest" | "dropOldest"
  readonly hibernateAfter: number
  readonly watched: boolean
}

/** What a client does next. */
export type Move =
  | {
      readonly _tag: "Call"
      readonly slot: number
      readonly act: Act
      readonly timeout: number
      readonly withdraw: boolean
    }
  /** A call in a fiber of its own, interrupted after a while; 0 is after giving way once, ∞ never. */
  | {
      readonly _tag: "Fork"
      readonly slot: number
      readonly act: Act
      readonly withdraw: boolean
      readonly ms: number
    }
  | { readonly _tag: "Cast"; readonly slot: number; readonly act: Act }
  | { readonly _tag: "Stop"; readonly slot: number; readonly reason: Reason; readonly timeout: number }
  | { readonly _tag: "Exit"; readonly slot: number; readonly reason: Reason }
  | { readonly _tag: "Answer"; readonly slot: number }
  /** Starts another server in the place of the one there. */
  | { readonly _tag: "Start"; readonly slot: number }
  | { readonly _tag: "Yield" }
  | { readonly _tag: "Sleep"; readonly ms: number }

export interface Program {
  /** Whether a client that finds a server down starts another one in its place. */
  readonly restarts: boolean
  readonly servers: ReadonlyArray<Config>
  readonly clients: ReadonlyArray<ReadonlyArray<Move>>
}

// ---------------------------------------------------------------------------------------------------------------------
// Any program
// ---------------------------------------------------------------------------------------------------------------------

const weighted = <A>(...choices: ReadonlyArray<readonly [weight: number, arbitrary: FastCheck.Arbitrary<A>]>) =>
  FastCheck.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })))

const constant = <A>(value: A): FastCheck.Arbitrary<A> => FastCheck.constant(value)

const oneOf = <const A>(...values: ReadonlyArray<A>): FastCheck.Arbitrary<A> => FastCheck.constantFrom(...values)

const label = FastCheck.nat(999)
const slot = FastCheck.nat(2)
const ms = oneOf(0, 1, 1, 2, 3, 5, 8, 13)
const reason = oneOf("normal", "normal", "shutdown", "crash asked")
const timeout = oneOf(Number.POSITIVE_INFINITY, 50, 50, 0, 1, 3, 10)

/** Acts whose steps may hold others, `depth` deep. */
const actOf = (depth: number): FastCheck.Arbitrary<Act> => {
  const plain = weighted<Finish>(
    [20, constant("reply")],
    [4, constant("noReply")],
    [1, constant("stop")],
    [1, constant("stopReply")],
    [1, constant("throw")],
    [1, constant("bad")]
  )
  const effectful = weighted<Finish>(
    [30, constant("reply")],
    [6, constant("noReply")],
    [4, constant("fail")],
    [1, constant("stop")],
    [1, constant("stopReply")],
    [1, constant("throw")],
    [1, constant("bad")],
    [1, constant("die")],
    [1, constant("interrupt")]
  )
  const inner = depth === 0 ? null : actOf(depth - 1)
  const ending: FastCheck.Arbitrary<Ending> = weighted<Ending>(
    [12, constant({ _tag: "Nothing" })],
    [1, constant({ _tag: "Hibernate" })],
    ...(inner === null
      ? []
      : ([
          [2, inner.map((act) => ({ _tag: "Continue", act }) as const)],
          [2, FastCheck.tuple(ms, inner).map(([ms, act]) => ({ _tag: "Idle", ms, act }) as const)]
        ] as const))
  )
  const steps = FastCheck.array(stepOf(inner), { maxLength: 3 })
  const shared = { label, keep: oneOf(false, false, false, true), reason, ending }
  return weighted<Act>(
    [3, FastCheck.record({ ...shared, steps: constant(null), finish: plain })],
    [4, FastCheck.record({ ...shared, steps, finish: effectful })]
  )
}

const stepOf = (inner: FastCheck.Arbitrary<Act> | null): FastCheck.Arbitrary<Step> =>
  weighted<Step>(
    [3, constant({ _tag: "Yield" })],
    [2, ms.map((ms) => ({ _tag: "Sleep", ms }))],
    [3, constant({ _tag: "Answer" })],
    [1, constant({ _tag: "Cancel" })],
    [1, ms.map((ms) => ({ _tag: "Fork", ms }))],
    ...(inner === null
      ? []
      : ([
          [2, inner.map((act) => ({ _tag: "Send", act }) as const)],
          [2, inner.map((act) => ({ _tag: "CastSelf", act }) as const)],
          [2, FastCheck.tuple(ms, inner).map(([ms, act]) => ({ _tag: "After", ms, act }) as const)],
          [1, FastCheck.tuple(ms, inner).map(([ms, act]) => ({ _tag: "Every", ms: ms + 2, act }) as const)],
          [3, FastCheck.record({ _tag: constant("Call" as const), slot, act: inner, timeout })],
          [2, FastCheck.record({ _tag: constant("Cast" as const), slot, act: inner })]
        ] as const))
  )

const act = actOf(2)

const config: FastCheck.Arbitrary<Config> = FastCheck.record({
  effectful: FastCheck.boolean(),
  ending: weighted<Ending>(
    [4, constant({ _tag: "Nothing" })],
    [1, actOf(0).map((act) => ({ _tag: "Continue", act }) as const)],
    [1, actOf(0).map((act) => ({ _tag: "Idle", ms: 4, act }) as const)]
  ),
  terminate: oneOf("none", "plain", "yield", "sleep", "die"),
  trapExit: FastCheck.boolean(),
  capacity: oneOf(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 1, 2),
  overflow: oneOf("backpressure", "reject", "dropNewest", "dropOldest"),
  hibernateAfter: oneOf(Number.POSITIVE_INFINITY, 50, 4),
  watched: oneOf(true, false, false)
})

const move: FastCheck.Arbitrary<Move> = weighted<Move>(
  [14, FastCheck.record({ _tag: constant("Call" as const), slot, act, timeout, withdraw: FastCheck.boolean() })],
  [8, FastCheck.record({ _tag: constant("Cast" as const), slot, act })],
  [
    6,
    FastCheck.record({
      _tag: constant("Fork" as const),
      slot,
      act,
      withdraw: FastCheck.boolean(),
      ms: oneOf(0, 1, 5, 1000)
    })
  ],
  [1, FastCheck.record({ _tag: constant("Stop" as const), slot, reason, timeout })],
  [
    1,
    FastCheck.record({ _tag: constant("Exit" as const), slot, reason: oneOf("killed", "killed", "shutdown", "normal") })
  ],
  [2, slot.map((slot) => ({ _tag: "Answer", slot }))],
  [4, slot.map((slot) => ({ _tag: "Start", slot }))],
  [3, constant({ _tag: "Yield" })],
  [3, ms.map((ms) => ({ _tag: "Sleep", ms }))]
)

const servers = FastCheck.array(config, { minLength: 1, maxLength: 3 })

const clients = (count: number, moves: number) =>
  FastCheck.array(FastCheck.array(move, { maxLength: moves, size: "max" }), {
    minLength: 1,
    maxLength: count,
    size: "max"
  })

/** One to four clients that do some fifty things together, all at once. */
export const program: FastCheck.Arbitrary<Program> = FastCheck.record({
  restarts: constant(true),
  servers,
  clients: FastCheck.oneof(clients(1, 100), clients(4, 40))
})
