/**
 * Random programs without races: whatever the scheduler does, everything happens in one order only, so runs can be
 * compared for exact equality. There is one client, no two things are set for the same moment (runs in which they are
 * do not count), and time passes only when nothing else can go on.
 *
 * In the busy kind every handler keeps to its own server and none ends it, and the client never pauses. In the wild kind
 * everything may happen, but the client pauses after each move, and only the first server calls others.
 */
import * as FastCheck from "effect/FastCheck"
import type { Act, Config, Ending, Finish, Move, Program, Step } from "./program.ts"

const { constant, constantFrom, oneof, record, tuple } = FastCheck

/** Milliseconds, to the microsecond: hardly ever do two of them meet. */
const ms = FastCheck.integer({ min: 1, max: 20_000 }).map((micros) => micros / 1000)
const label = FastCheck.nat(999)
const keep = constantFrom(false, false, false, true)
const reason = constantFrom("normal", "shutdown", "crash asked")
const timeout = oneof({ weight: 2, arbitrary: constant(Number.POSITIVE_INFINITY) }, { weight: 1, arbitrary: ms })

interface Kind {
  readonly finishes: ReadonlyArray<Finish>
  /** Whether an idle time-out of 0 may be asked for. */
  readonly idlesAtOnce: boolean
  /** Whether handlers may call other servers. */
  readonly calls: boolean
  /** Which handlers may send to themselves: in a mailbox that a client sends to at the same time the order is open. */
  readonly sends: "never" | "first" | "always"
}

const busy: Kind = {
  finishes: ["reply", "reply", "reply", "noReply"],
  idlesAtOnce: false,
  calls: false,
  sends: "never"
}

/** Up to its reply, a call has its client wait. */
const busyCall: Kind = { ...busy, sends: "first" }

const leaf: Kind = {
  finishes: [
    ...busy.finishes,
    ...busy.finishes,
    "fail",
    "fail",
    "stop",
    "stopReply",
    "throw",
    "bad",
    "die",
    "interrupt"
  ],
  idlesAtOnce: true,
  calls: false,
  sends: "always"
}

const root: Kind = { ...leaf, calls: true }

const isPlain = (finish: Finish): boolean => finish !== "fail" && finish !== "die" && finish !== "interrupt"

const actOf = (kind: Kind, depth: number): FastCheck.Arbitrary<Act> => {
  const inner = depth === 0 ? null : actOf(kind.sends === "first" ? { ...kind, sends: "never" } : kind, depth - 1)
  const nothing: FastCheck.Arbitrary<Ending> = constantFrom(
    { _tag: "Nothing" },
    { _tag: "Nothing" },
    { _tag: "Hibernate" }
  )
  const idle = kind.idlesAtOnce ? oneof(ms, constant(0)) : ms
  const ending: FastCheck.Arbitrary<Ending> =
    inner === null
      ? nothing
      : oneof(
          { weight: 5, arbitrary: nothing },
          { weight: 1, arbitrary: inner.map((act) => ({ _tag: "Continue", act }) as const) },
          { weight: 1, arbitrary: tuple(idle, inner).map(([ms, act]) => ({ _tag: "Idle", ms, act }) as const) }
        )
  const shared = { label, keep, reason, ending }
  return oneof(
    record({ ...shared, steps: constant(null), finish: constantFrom(...kind.finishes.filter(isPlain)) }),
    record({
      ...shared,
      steps: FastCheck.array(stepOf(kind, inner), { maxLength: 3 }),
      finish: constantFrom(...kind.finishes)
    })
  )
}

const stepOf = (kind: Kind, inner: FastCheck.Arbitrary<Act> | null): FastCheck.Arbitrary<Step> => {
  const simple: FastCheck.Arbitrary<Step> = oneof(
    constant<Step>({ _tag: "Yield" }),
    ms.map((ms): Step => ({ _tag: "Sleep", ms })),
    constant<Step>({ _tag: "Answer" }),
    constant<Step>({ _tag: "Cancel" }),
    ms.map((ms): Step => ({ _tag: "Fork", ms }))
  )
  if (inner === null) return simple
  const sends = [
    inner.map((act): Step => ({ _tag: "Send", act })),
    inner.map((act): Step => ({ _tag: "CastSelf", act }))
  ]
  const own: FastCheck.Arbitrary<Step> = oneof(
    ...(kind.sends === "never" ? [] : sends),
    tuple(ms, inner).map(([ms, act]): Step => ({ _tag: "After", ms, act })),
    tuple(ms, inner).map(([ms, act]): Step => ({ _tag: "Every", ms: ms + 2, act }))
  )
  if (!kind.calls) return oneof(simple, own)
  const call = record({ _tag: constant("Call" as const), slot: FastCheck.nat(2), act: actOf(leaf, 0), timeout })
  return oneof(simple, own, call)
}

const configOf = (kind: Kind): FastCheck.Arbitrary<Config> =>
  record({
    effectful: FastCheck.boolean(),
    ending: constant({ _tag: "Nothing" }),
    terminate: constantFrom("none", "plain", "yield", "sleep", "die"),
    trapExit: FastCheck.boolean(),
    capacity: constantFrom(Number.POSITIVE_INFINITY, 1, 2),
    overflow:
      kind === busy ? constant("backpressure") : constantFrom("backpressure", "reject", "dropNewest", "dropOldest"),
    hibernateAfter: constantFrom(Number.POSITIVE_INFINITY, 4.0005),
    watched: constant(false)
  })

const onSlot = <A>(
  slot: number,
  act: FastCheck.Arbitrary<Act>,
  make: (slot: number, act: Act) => FastCheck.Arbitrary<A>
) => act.chain((act) => make(slot, act))

const sends = (slot: number, ask: FastCheck.Arbitrary<Act>, tell = ask): FastCheck.Arbitrary<Move> => {
  const call = onSlot(slot, ask, (slot, act) =>
    record({
      _tag: constant("Call" as const),
      slot: constant(slot),
      act: constant(act),
      // A caller without a limit could wait for ever where a token is kept, and its client with it.
      timeout: ms.map((ms) => ms + 20),
      withdraw: FastCheck.boolean()
    })
  )
  const cast = onSlot(slot, tell, (slot, act) => constant<Move>({ _tag: "Cast", slot, act }))
  return oneof({ weight: 3, arbitrary: call }, { weight: 2, arbitrary: cast })
}

const pause: FastCheck.Arbitrary<Move> = ms.map((ms): Move => ({ _tag: "Sleep", ms }))

const busyMove: FastCheck.Arbitrary<Move> = oneof(
  { weight: 6, arbitrary: sends(0, actOf(busyCall, 2), actOf(busy, 2)) },
  { weight: 6, arbitrary: sends(1, actOf(busyCall, 2), actOf(busy, 2)) },
  { weight: 1, arbitrary: pause }
)

const forked = (slot: number, act: FastCheck.Arbitrary<Act>): FastCheck.Arbitrary<Move> =>
  record({
    _tag: constant("Fork" as const),
    slot: constant(slot),
    act,
    withdraw: FastCheck.boolean(),
    ms: oneof(ms, constant(1000))
  })

const slot = FastCheck.nat(2)

/** A move, and what is done before or after it. */
const wildMoves: FastCheck.Arbitrary<ReadonlyArray<Move>> = tuple(
  oneof(
    { weight: 5, arbitrary: sends(0, actOf(root, 2)) },
    { weight: 3, arbitrary: sends(1, actOf(leaf, 2)) },
    { weight: 3, arbitrary: sends(2, actOf(leaf, 2)) },
    { weight: 2, arbitrary: forked(0, actOf(root, 2)) },
    { weight: 2, arbitrary: forked(1, actOf(leaf, 2)) },
    { weight: 1, arbitrary: slot.map((slot): Move => ({ _tag: "Answer", slot })) },
    { weight: 3, arbitrary: slot.map((slot): Move => ({ _tag: "Start", slot })) },
    {
      weight: 1,
      arbitrary: record({ _tag: constant("Stop" as const), slot, reason, timeout: ms.map((ms) => ms + 20) })
    },
    {
      weight: 1,
      arbitrary: record({ _tag: constant("Exit" as const), slot, reason: constantFrom("killed", "shutdown", "normal") })
    }
  ),
  pause
).map(([move, pause]) =>
  // What is replaced must not go on beside its successor.
  move._tag === "Start" ? [{ _tag: "Exit", slot: move.slot, reason: "killed" }, move, pause] : [move, pause]
)

const programOf = (kind: Kind, moves: FastCheck.Arbitrary<ReadonlyArray<Move>>): FastCheck.Arbitrary<Program> =>
  record({
    restarts: constant(false),
    servers: FastCheck.array(configOf(kind), { minLength: 3, maxLength: 3 }),
    clients: moves.map((moves) => [moves])
  })

/** Programs that can go in one way only. */
export const calmProgram: FastCheck.Arbitrary<Program> = oneof(
  programOf(busy, FastCheck.array(busyMove, { maxLength: 60, size: "max" })),
  programOf(
    leaf,
    FastCheck.array(wildMoves, { maxLength: 30, size: "max" }).map((moves) => moves.flat())
  )
)
