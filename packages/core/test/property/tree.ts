/**
 * Random trees as data, and what is done to them.
 */
import * as FastCheck from "effect/FastCheck"
import type { AutoShutdown, Restart, Strategy } from "../../src/ChildSpec.ts"

/** What a child is. Milliseconds say how long something takes; nothing, that it is not there. */
export type Body =
  | {
      readonly _tag: "Server"
      /** Its layer is more than the server: there is a resource, too, that is released after the server has ended. */
      readonly outer: number | null
      readonly effectful: boolean
      /** What `init` takes, if it is an Effect. */
      readonly start: number
      readonly trapExit: boolean
      readonly terminate: number | null
      readonly release: number | null
      readonly onRestart: "drop" | "keep" | "retry"
    }
  | { readonly _tag: "Layer"; readonly start: number; readonly release: number }
  | { readonly _tag: "Worker"; readonly release: number }
  | Group

/** A supervisor with its children. */
export interface Group {
  readonly _tag: "Group"
  readonly strategy: Strategy
  readonly restarts: number
  readonly within: number
  readonly autoShutdown: AutoShutdown
  readonly children: ReadonlyArray<Child>
}

export interface Child {
  /** Its supervisor's, and a letter. */
  readonly id: string
  readonly restart: Restart
  /** Nothing for the default. */
  readonly shutdown: number | "brutal" | "infinity" | null
  readonly significant: boolean
  readonly body: Body
}

/** Why something is told to end. */
export type Why = "normal" | "shutdown" | "crash"

/** Targets are numbers, taken modulo how many there are. */
export type Fault =
  | { readonly _tag: "Kill"; readonly target: number }
  /** An exit signal. */
  | { readonly _tag: "Exit"; readonly target: number }
  | { readonly _tag: "Stop"; readonly target: number; readonly why: Why }
  /** A call whose handler throws, a fiber that dies, a worker that fails. */
  | { readonly _tag: "Crash"; readonly target: number }
  | { readonly _tag: "Terminate"; readonly target: number }
  | { readonly _tag: "Restart"; readonly target: number }
  | { readonly _tag: "Delete"; readonly target: number }
  /** Another child; `place` says which of the few ids that are free for such children. */
  | { readonly _tag: "Start"; readonly target: number; readonly place: number; readonly child: Child }
  /** The supervisor at the top is killed, or told to stop. */
  | { readonly _tag: "Top"; readonly how: "killed" | Why }
  | { readonly _tag: "Jump"; readonly ms: number }

/** The next starts of one child fail, want no process, or never end. */
export interface Refusal {
  readonly target: number
  readonly times: number
  readonly how: "fail" | "ignore" | "hang"
}

/** A call from outside. */
export interface Ask {
  readonly target: number
  readonly after: number
  readonly how: "plain" | "slow" | "crash" | "kept" | "look"
  readonly timeout: number
}

export interface Step {
  readonly refusal: Refusal | null
  readonly faults: ReadonlyArray<Fault>
  readonly asks: ReadonlyArray<Ask>
}

export interface Program {
  readonly top: Group
  /** What fails while the tree is started at first. */
  readonly refusal: Refusal | null
  readonly steps: ReadonlyArray<Step>
  /** Whether the tree's scope is closed while the last step is still under way. */
  readonly isCutShort: boolean
}

// ---------------------------------------------------------------------------------------------------------------------
// Names, and what makes sense together
// ---------------------------------------------------------------------------------------------------------------------

export const topId = "T"

/** Letters of children that are started later. */
const letters = ["x", "y"]

export const laterId = (group: string, place: number): string => `${group}${letters[place % letters.length]}`

/** Gives ids, and takes back what a supervisor would refuse. */
export const named = (child: Child, id: string, autoShutdown: AutoShutdown): Child => {
  const { body, restart } = child
  const significant = child.significant && restart !== "permanent" && autoShutdown !== "never"
  switch (body._tag) {
    case "Group":
      return { ...child, id, significant, shutdown: null, body: namedGroup(body, id) }
    case "Server":
      return { ...child, id, significant, body: { ...body, effectful: body.effectful || body.release !== null } }
    default:
      return { ...child, id, significant }
  }
}

export const namedGroup = (group: Group, id: string): Group => {
  const mayEnd = group.children.some(({ restart, significant }) => significant && restart !== "permanent")
  const autoShutdown = mayEnd ? group.autoShutdown : "never"
  const children = group.children.map((child, at) => named(child, `${id}${String.fromCharCode(97 + at)}`, autoShutdown))
  return { ...group, autoShutdown, children }
}

/** Everything in a tree, a supervisor before its children. */
export const childrenOf = (group: Group): ReadonlyArray<Child> =>
  group.children.flatMap((child) => [child, ...(child.body._tag === "Group" ? childrenOf(child.body) : [])])

// ---------------------------------------------------------------------------------------------------------------------
// Any program
// ---------------------------------------------------------------------------------------------------------------------

const weighted = <A>(...choices: ReadonlyArray<readonly [weight: number, arbitrary: FastCheck.Arbitrary<A>]>) =>
  FastCheck.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })))

const oneOf = <const A>(...values: ReadonlyArray<A>): FastCheck.Arbitrary<A> => FastCheck.constantFrom(...values)

const constant = <A>(value: A): FastCheck.Arbitrary<A> => FastCheck.constant(value)

// No sum of what takes time is the time that there is: which of the two comes first would be a matter of chance.
const slowness = oneOf(0, 0, 0, 7, 30, 170)
const slownessOrNone = oneOf(null, null, null, 0, 0, 7, 30, 170)
const shutdown = oneOf<number | "brutal" | "infinity" | null>(null, null, null, "brutal", "infinity", 13, 101)

const leaf: FastCheck.Arbitrary<Body> = weighted<Body>(
  [
    6,
    FastCheck.record({
      _tag: constant("Server" as const),
      outer: oneOf(null, null, 0, 30),
      effectful: FastCheck.boolean(),
      start: slowness,
      trapExit: FastCheck.boolean(),
      terminate: slownessOrNone,
      release: slownessOrNone,
      onRestart: oneOf<"drop" | "keep" | "retry">("drop", "keep", "retry")
    })
  ],
  [2, FastCheck.tuple(slowness, slowness).map(([start, release]) => ({ _tag: "Layer", start, release }))],
  [2, slowness.map((release) => ({ _tag: "Worker", release }))]
)

const childOf = (body: FastCheck.Arbitrary<Body>): FastCheck.Arbitrary<Child> =>
  FastCheck.record({
    id: constant(""),
    restart: oneOf<Restart>("permanent", "permanent", "permanent", "transient", "temporary"),
    shutdown,
    significant: FastCheck.boolean(),
    body
  })

const groupOf = (child: FastCheck.Arbitrary<Child>, most: number): FastCheck.Arbitrary<Group> =>
  FastCheck.record({
    _tag: constant("Group" as const),
    strategy: oneOf<Strategy>("one_for_one", "one_for_all", "rest_for_one"),
    restarts: oneOf(0, 1, 2, 3, 3, 6),
    within: oneOf(40, 2_000, 5_000, 60_000),
    autoShutdown: oneOf<AutoShutdown>("never", "never", "any_significant", "all_significant"),
    children: FastCheck.array(child, { minLength: 1, maxLength: most, size: "max" })
  })

const lowest = childOf(leaf)
const lower = groupOf(lowest, 3)
const middle = groupOf(childOf(weighted<Body>([3, leaf], [1, lower])), 3)
const upper = groupOf(childOf(weighted<Body>([3, leaf], [3, middle])), 4).map((group) => namedGroup(group, topId))

const target = FastCheck.nat(999)
const why = oneOf<Why>("normal", "shutdown", "crash")

const fault: FastCheck.Arbitrary<Fault> = weighted<Fault>(
  [8, FastCheck.record({ _tag: constant("Kill" as const), target })],
  [4, FastCheck.record({ _tag: constant("Exit" as const), target })],
  [10, FastCheck.record({ _tag: constant("Stop" as const), target, why })],
  [12, FastCheck.record({ _tag: constant("Crash" as const), target })],
  [6, FastCheck.record({ _tag: constant("Terminate" as const), target })],
  [6, FastCheck.record({ _tag: constant("Restart" as const), target })],
  [2, FastCheck.record({ _tag: constant("Delete" as const), target })],
  [
    4,
    FastCheck.record({
      _tag: constant("Start" as const),
      target,
      place: FastCheck.nat(1),
      child: childOf(weighted<Body>([4, leaf], [1, lower]))
    })
  ],
  [2, oneOf(1, 50, 500, 3_000, 20_000).map((ms) => ({ _tag: "Jump", ms }))],
  [1, FastCheck.record({ _tag: constant("Top" as const), how: oneOf("killed", "normal", "shutdown", "crash") })]
)

const refusal = (times: FastCheck.Arbitrary<number>): FastCheck.Arbitrary<Refusal> =>
  FastCheck.record({ target, times, how: oneOf("fail", "fail", "fail", "ignore") })

const ask: FastCheck.Arbitrary<Ask> = FastCheck.record({
  target,
  after: oneOf(0, 0, 3, 20),
  how: oneOf("plain", "plain", "slow", "crash", "kept", "look"),
  timeout: oneOf(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 5, 60)
})

const step = (faults: FastCheck.Arbitrary<ReadonlyArray<Fault>>): FastCheck.Arbitrary<Step> =>
  FastCheck.record({
    refusal: weighted<Refusal | null>([2, constant(null)], [1, refusal(oneOf(1, 2, 3, 9))]),
    faults,
    asks: FastCheck.array(ask, { maxLength: 3 })
  })

const programOf = (steps: FastCheck.Arbitrary<ReadonlyArray<Step>>): FastCheck.Arbitrary<Program> =>
  FastCheck.record({
    top: upper,
    refusal: weighted<Refusal | null>([12, constant(null)], [1, refusal(constant(1))]),
    steps,
    isCutShort: FastCheck.boolean()
  })

const withQuickWorkers = (child: Child): Child => {
  const { body } = child
  switch (body._tag) {
    case "Worker":
      return { ...child, body: { ...body, release: 0 } }
    case "Group":
      return { ...child, body: { ...body, children: body.children.map(withQuickWorkers) } }
    default:
      return child
  }
}

/**
 * A worker counts as started before its first step. If a sibling fails to start in the same moment, whether there is
 * something to be released is a matter of chance: then it must not take time.
 */
const foreseeable = (program: Program): Program => {
  if (program.refusal === null && program.steps.every(({ refusal }) => refusal === null)) return program
  const faultOf = (fault: Fault): Fault =>
    fault._tag === "Start" ? { ...fault, child: withQuickWorkers(fault.child) } : fault
  return {
    ...program,
    top: { ...program.top, children: program.top.children.map(withQuickWorkers) },
    steps: program.steps.map((step) => ({ ...step, faults: step.faults.map(faultOf) }))
  }
}

/** One thing after the other. */
export const orderlyProgram: FastCheck.Arbitrary<Program> = programOf(
  FastCheck.array(step(fault.map((fault) => [fault])), { maxLength: 14, size: "max" })
).map(foreseeable)

/** Faults that come together mostly hit what stands together. */
const faultsNearby: FastCheck.Arbitrary<ReadonlyArray<Fault>> = FastCheck.tuple(
  FastCheck.array(fault, { minLength: 2, maxLength: 5, size: "max" }),
  target,
  oneOf(2, 3, 4, 1000)
).map(([faults, around, width]) =>
  faults.map((fault) => ("target" in fault ? { ...fault, target: around + (fault.target % width) } : fault))
)

/** Several things at once. */
export const wildProgram: FastCheck.Arbitrary<Program> = programOf(
  FastCheck.array(step(faultsNearby), { maxLength: 5, size: "max" })
)
