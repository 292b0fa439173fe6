import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import type { AutoShutdown, Restart, Strategy } from "../../src/ChildSpec.ts"
import {
  type Child,
  type Decision,
  ended,
  isRestarted,
  type Rules,
  restart,
  type Status
} from "../../src/internal/plan.ts"
import { Restarts } from "../../src/internal/restarts.ts"
import {
  isSame,
  type Outcome,
  outcomeOf,
  type Reason,
  reasonNames,
  reasons,
  ruledEnd,
  ruledRestart
} from "./planRules.ts"

const strategies: ReadonlyArray<Strategy> = ["one_for_one", "one_for_all", "rest_for_one"]
const autoShutdowns: ReadonlyArray<AutoShutdown> = ["never", "any_significant", "all_significant"]
const restarts: ReadonlyArray<Restart> = ["permanent", "transient", "temporary"]
const statuses: ReadonlyArray<Status> = ["running", "restarting", "stopped"]

const plain: ReadonlyArray<Child> = restarts.flatMap((restart) =>
  statuses.map((status) => ({ restart, significant: false, status }))
)
/** A permanent child cannot be significant (SUP-29). */
const significant: ReadonlyArray<Child> = plain
  .filter((child) => child.restart !== "permanent")
  .map((child) => ({ ...child, significant: true }))

function* lists(length: number, kinds: ReadonlyArray<Child>): Generator<ReadonlyArray<Child>> {
  if (length === 0) yield []
  else for (const rest of lists(length - 1, kinds)) for (const kind of kinds) yield [...rest, kind]
}

/** Asks `decide` whether the limit is passed as the plan does, and counts how often. */
const outcome = (decide: (isTooMany: () => boolean) => Decision, position: number, limitPassed: boolean): Outcome => {
  let asked = 0
  const decision = decide(() => {
    asked++
    return limitPassed
  })
  return outcomeOf(decision, position, asked)
}

const compare = (actual: Outcome, expected: Outcome, about: ReadonlyArray<unknown>): void => {
  if (!isSame(actual, expected)) assert.deepStrictEqual(actual, expected, JSON.stringify(about))
}

interface Dimensions {
  readonly lengths: ReadonlyArray<number>
  readonly kinds: ReadonlyArray<Child>
  readonly strategies: ReadonlyArray<Strategy>
  readonly autoShutdowns: ReadonlyArray<AutoShutdown>
}

/** Compares with the rules whatever can be made of these, and returns how many comparisons that were. */
const compareEnds = ({ lengths, kinds, strategies, autoShutdowns }: Dimensions): number => {
  let count = 0
  const allRules = strategies.flatMap((strategy) => autoShutdowns.map((autoShutdown) => ({ strategy, autoShutdown })))
  for (const length of lengths) {
    for (const children of lists(length, kinds)) {
      for (let position = 0; position < length; position++) {
        // A child that is being restarted has nothing that could end.
        if (children[position]!.status === "restarting") continue
        for (const rules of allRules) {
          for (const reason of reasonNames) {
            for (const limitPassed of [false, true]) {
              compare(
                outcome((ask) => ended(rules, children, position, reasons[reason], ask), position, limitPassed),
                ruledEnd(rules, children, position, reason, limitPassed),
                [rules, children, position, reason, limitPassed]
              )
              count++
            }
          }
        }
      }
    }
  }
  return count
}

const list = (...children: ReadonlyArray<[Restart, Status, "significant"?]>): ReadonlyArray<Child> =>
  children.map(([restart, status, significant]) => ({ restart, status, significant: significant !== undefined }))

/** How long one test of every combination may take on a busy machine, in milliseconds. */
const patience = 60_000

const within = () => false
const beyond = () => true

describe("who is started again", () => {
  it("SUP-9: permanent after any end, transient after a failure, temporary never", () => {
    const after = (restart: Restart) => reasonNames.filter((reason) => isRestarted(restart, reasons[reason]))
    assert.deepStrictEqual(after("permanent"), ["normal", "shutdown", "shutdown with a note", "killed", "crash"])
    assert.deepStrictEqual(after("transient"), ["killed", "crash"])
    assert.deepStrictEqual(after("temporary"), [])
  })

  it("SUP-9: an end that restarts nobody leaves the others alone, in one_for_all too", () => {
    const rules: Rules = { strategy: "one_for_all", autoShutdown: "never" }
    const children = list(["permanent", "running"], ["transient", "running"], ["temporary", "running"])
    assert.deepStrictEqual(ended(rules, children, 1, reasons.normal, beyond), { _tag: "Leave", forget: false })
    assert.deepStrictEqual(ended(rules, children, 2, reasons.crash, beyond), { _tag: "Leave", forget: true })
  })

  it("SUP-10: one_for_all stops the others in reverse and starts all, what was not running as well", () => {
    const children = list(
      ["permanent", "running"],
      ["temporary", "running"],
      ["transient", "stopped"],
      ["permanent", "running"],
      ["permanent", "restarting"],
      ["transient", "running"]
    )
    assert.deepStrictEqual(
      ended({ strategy: "one_for_all", autoShutdown: "never" }, children, 3, reasons.normal, within),
      { _tag: "Restart", stop: [5, 1, 0], forget: [1], start: [0, 2, 3, 4, 5] }
    )
  })

  it("SUP-11: rest_for_one does so with those that come after", () => {
    const children = list(
      ["permanent", "running"],
      ["temporary", "running"],
      ["transient", "running"],
      ["transient", "stopped"],
      ["temporary", "running"],
      ["permanent", "running"]
    )
    assert.deepStrictEqual(
      ended({ strategy: "rest_for_one", autoShutdown: "never" }, children, 2, reasons.killed, within),
      { _tag: "Restart", stop: [5, 4], forget: [4], start: [2, 3, 5] }
    )
  })

  it("SUP-12: one_for_one starts the child alone", () => {
    const children = list(["permanent", "running"], ["permanent", "running"], ["temporary", "running"])
    assert.deepStrictEqual(
      ended({ strategy: "one_for_one", autoShutdown: "never" }, children, 1, reasons.crash, within),
      { _tag: "Restart", stop: [], forget: [], start: [1] }
    )
  })
})

describe("when the supervisor ends", () => {
  it("SUP-14, SUP-17: one count for all children; a group counts once, and each failed attempt", () => {
    const rules: Rules = { strategy: "one_for_all", autoShutdown: "never" }
    const children = list(["permanent", "running"], ["transient", "running"], ["temporary", "running"])
    const limit = new Restarts(3, 5000)
    const at = (now: number) => () => limit.isTooMany(now)
    assert.strictEqual(ended(rules, children, 0, reasons.crash, at(0))._tag, "Restart")
    for (let times = 0; times < 10; times++) {
      assert.strictEqual(ended(rules, children, 1, reasons.normal, at(1))._tag, "Leave")
      assert.strictEqual(ended(rules, children, 2, reasons.crash, at(1))._tag, "Leave")
    }
    assert.strictEqual(ended(rules, children, 1, reasons.crash, at(2))._tag, "Restart")
    assert.strictEqual(restart(rules, children, 1, at(3))._tag, "Restart")
    assert.deepStrictEqual(restart(rules, children, 1, at(4)), { _tag: "End", why: "intensity" })
  })

  it("SUP-28: any_significant ends with the first significant child that is not restarted", () => {
    const rules: Rules = { strategy: "one_for_one", autoShutdown: "any_significant" }
    const children = list(
      ["transient", "running", "significant"],
      ["temporary", "running", "significant"],
      ["transient", "running"]
    )
    const end: Decision = { _tag: "End", why: "autoShutdown" }
    assert.deepStrictEqual(ended(rules, children, 0, reasons.normal, within), end)
    assert.deepStrictEqual(ended(rules, children, 1, reasons.normal, within), end)
    assert.deepStrictEqual(ended(rules, children, 1, reasons.crash, within), end)
    assert.strictEqual(ended(rules, children, 0, reasons.crash, within)._tag, "Restart")
    assert.strictEqual(ended(rules, children, 2, reasons.normal, within)._tag, "Leave")
  })

  it("SUP-28: all_significant ends with the last one; one that is being restarted has not ended", () => {
    const rules: Rules = { strategy: "one_for_one", autoShutdown: "all_significant" }
    const withOther = (status: Status) =>
      list(["permanent", "running"], ["transient", status, "significant"], ["temporary", "running", "significant"])
    const tagWith = (status: Status) => ended(rules, withOther(status), 2, reasons.normal, within)._tag
    assert.strictEqual(tagWith("running"), "Leave")
    assert.strictEqual(tagWith("restarting"), "Leave")
    assert.strictEqual(tagWith("stopped"), "End")
  })

  it("SUP-28: never is never", () => {
    for (const strategy of strategies) {
      const rules: Rules = { strategy, autoShutdown: "never" }
      const tag = (child: ReadonlyArray<Child>, reason: Reason) => ended(rules, child, 0, reasons[reason], within)._tag
      assert.strictEqual(tag(list(["transient", "running", "significant"]), "normal"), "Leave")
      assert.strictEqual(tag(list(["temporary", "running", "significant"]), "crash"), "Leave")
    }
  })
})

describe("every combination gives what the rules say", () => {
  it(
    "SUP-9 to SUP-12, SUP-14, SUP-17, SUP-28: up to three children, everything",
    () => {
      const lengths = [1, 2, 3]
      const kinds = [...plain, ...significant]
      // SUP-29: nobody is significant where auto-shutdown is never.
      const withNever = compareEnds({ lengths, kinds: plain, strategies, autoShutdowns: ["never"] })
      const withOthers = compareEnds({
        lengths,
        kinds,
        strategies,
        autoShutdowns: ["any_significant", "all_significant"]
      })
      // The sum over lengths of (lists) * (positions), of which two in three may end, * strategies * reasons * limit.
      assert.strictEqual(withNever, ((9 + 81 * 2 + 729 * 3) * 2 * 3 * 5 * 2) / 3)
      assert.strictEqual(withOthers, (((15 + 225 * 2 + 3375 * 3) * 2) / 3) * 3 * 2 * 5 * 2)
    },
    patience
  )

  it(
    "SUP-9 to SUP-12, SUP-14, SUP-17: four children, nobody significant",
    () => {
      compareEnds({ lengths: [4], kinds: plain, strategies, autoShutdowns: ["never"] })
    },
    patience
  )

  it(
    "SUP-28: four children, some of them significant",
    () => {
      compareEnds({
        lengths: [4],
        kinds: [...significant, ...plain.filter((child) => child.status === "running")],
        // Which strategy it is makes no difference to an end without a restart, and up to three children tell all of them.
        strategies: ["one_for_all"],
        autoShutdowns: ["any_significant", "all_significant"]
      })
    },
    patience
  )

  it(
    "SUP-18: a failed attempt is a restart, whatever it failed with, up to four children",
    () => {
      for (const length of [1, 2, 3, 4]) {
        for (const children of lists(length, plain)) {
          for (let position = 0; position < length; position++) {
            // A temporary child is never started again.
            if (children[position]!.restart === "temporary") continue
            for (const strategy of strategies) {
              const rules: Rules = { strategy, autoShutdown: "never" }
              for (const limitPassed of [false, true]) {
                compare(
                  outcome((ask) => restart(rules, children, position, ask), position, limitPassed),
                  ruledRestart(rules, children, position, limitPassed),
                  [rules, children, position, limitPassed]
                )
              }
            }
          }
        }
      }
    },
    patience
  )
})

const rules = FastCheck.record({
  strategy: FastCheck.constantFrom(...strategies),
  autoShutdown: FastCheck.constantFrom(...autoShutdowns)
})

interface Situation {
  readonly rules: Rules
  readonly children: ReadonlyArray<Child>
  readonly position: number
  readonly reason: Reason
}

const situation: FastCheck.Arbitrary<Situation> = rules.chain((rules) => {
  const kinds = rules.autoShutdown === "never" ? plain : [...plain, ...significant]
  return FastCheck.record({
    rules: FastCheck.constant(rules),
    children: FastCheck.array(FastCheck.constantFrom(...kinds), { minLength: 1, maxLength: 40, size: "max" }),
    reason: FastCheck.constantFrom(...reasonNames)
  }).chain(({ children, ...rest }) =>
    FastCheck.nat(children.length - 1).map((position) => ({
      ...rest,
      position,
      children: children.map((child, at) => (at === position ? { ...child, status: "running" as const } : child))
    }))
  )
})

/** What is decided when a child has ended, if it is that some are restarted. */
const restartOf = ({ rules, children, position, reason }: Situation) => {
  const decision = ended(rules, children, position, reasons[reason], within)
  return decision._tag === "Restart" ? decision : undefined
}

const holds = (predicate: (situation: Situation, restart: NonNullable<ReturnType<typeof restartOf>>) => void): void => {
  let restarted = 0
  FastCheck.assert(
    FastCheck.property(situation, (situation) => {
      const restart = restartOf(situation)
      if (restart === undefined) return
      restarted++
      predicate(situation, restart)
    }),
    { numRuns: 1000 }
  )
  assert.isAbove(restarted, 100)
}

const isAscending = (positions: ReadonlyArray<number>): boolean =>
  positions.every((at, index) => index === 0 || positions[index - 1]! < at)

interface Named extends Child {
  readonly name: number
}

/**
 * A list of children that decisions are carried out on. It refuses what makes no sense, and writes down what is done. What
 * is to be started fails to, where `isFailing` says so: then the rest is left for another attempt (SUP-18).
 */
class World {
  readonly rules: Rules
  children: Array<Named>
  readonly log: Array<string> = []

  constructor(rules: Rules, children: ReadonlyArray<Child>) {
    this.rules = rules
    this.children = children.map((child, name) => ({ ...child, name }))
  }

  private set(at: number, status: Status): void {
    this.children[at] = { ...this.children[at]!, status }
  }

  /** Returns the position of the child that failed to start. */
  carryOut(position: number, decision: Decision, isFailing: (name: number) => boolean): number | undefined {
    if (decision._tag !== "Restart") return assert.fail(`not a restart: ${decision._tag}`)
    this.set(position, "stopped")
    for (const at of decision.stop) {
      assert.strictEqual(this.children[at]!.status, "running")
      this.set(at, "stopped")
      this.log.push(`stop ${this.children[at]!.name}`)
    }
    for (const at of decision.forget) assert.notStrictEqual(this.children[at]!.status, "running")
    const starting = decision.start.map((at) => this.children[at]!.name)
    const forgotten = new Set(decision.forget)
    this.children = this.children.filter((_, at) => !forgotten.has(at))
    for (const name of starting) {
      const at = this.children.findIndex((child) => child.name === name)
      assert.notStrictEqual(this.children[at]!.status, "running")
      if (isFailing(name)) {
        this.set(at, "restarting")
        this.log.push(`fail ${name}`)
        return at
      }
      this.set(at, "running")
      this.log.push(`start ${name}`)
    }
    return undefined
  }
}

describe("whatever children there are", () => {
  it("SUP-9 to SUP-12, SUP-14, SUP-28: it is what the rules say", () => {
    FastCheck.assert(
      FastCheck.property(situation, FastCheck.boolean(), ({ rules, children, position, reason }, limitPassed) =>
        compare(
          outcome((ask) => ended(rules, children, position, reasons[reason], ask), position, limitPassed),
          ruledEnd(rules, children, position, reason, limitPassed),
          []
        )
      ),
      { numRuns: 2000 }
    )
  })

  it("SUP-10, SUP-11: it stops from the last to the first, only what runs, and never the one that has ended", () =>
    holds(({ children, position }, { stop }) => {
      assert.isTrue(isAscending([...stop].reverse()))
      assert.isTrue(stop.every((at) => children[at]!.status === "running"))
      assert.notInclude(stop, position)
    }))

  it("SUP-10, SUP-11: it starts from the first to the last, and the one that has ended among them", () =>
    holds(({ position }, { start }) => {
      assert.isTrue(isAscending(start))
      assert.include(start, position)
    }))

  it("SUP-10: temporary siblings are forgotten and not started, the others are started and not forgotten", () =>
    holds(({ children }, { start, stop, forget }) => {
      assert.isTrue(start.every((at) => children[at]!.restart !== "temporary"))
      assert.isTrue(forget.every((at) => children[at]!.restart === "temporary"))
      assert.isTrue(forget.every((at) => !start.includes(at)))
      assert.strictEqual(new Set(forget).size, forget.length)
      // Nobody is stopped and then left to lie there.
      assert.isTrue(stop.every((at) => start.includes(at) || forget.includes(at)))
    }))

  it("SUP-10 to SUP-12: each strategy concerns those whom it ties to the child", () =>
    holds(({ rules, children, position }, { stop, start, forget }) => {
      const concerned = [...new Set([...stop, ...start, ...forget])].sort((a, b) => a - b)
      const all = [...children.keys()]
      const expected = { one_for_one: [position], one_for_all: all, rest_for_one: all.slice(position) }
      assert.deepStrictEqual(concerned, expected[rules.strategy])
    }))

  it("SUP-12: carried out, all that it concerns run, the others are what they were, and nobody changes places", () =>
    holds((situation, decision) => {
      const { rules, children, position } = situation
      const world = new World(rules, children)
      const before = world.children
      assert.isUndefined(world.carryOut(position, decision, () => false))
      const names = world.children.map((child) => child.name)
      assert.isTrue(isAscending(names))
      const isTied = (name: number) =>
        name === position || { one_for_one: false, one_for_all: true, rest_for_one: name > position }[rules.strategy]
      assert.deepStrictEqual(
        world.children,
        before
          .filter(({ name, restart }) => !(isTied(name) && restart === "temporary"))
          .map((child) => (isTied(child.name) ? { ...child, status: "running" } : child))
      )
    }))

  it("SUP-19: a failure inside a group: one_for_all does it all again, rest_for_one goes on from the one that failed", () =>
    FastCheck.assert(
      FastCheck.property(situation, FastCheck.nat(), (situation, choice) => {
        const decision = restartOf(situation)
        FastCheck.pre(decision !== undefined)
        const { rules, children, position } = situation
        const world = new World(rules, children)
        // What is started has its name from the place where it stood at first.
        const failing = decision!.start[choice % decision!.start.length]!
        const failed = world.carryOut(position, decision!, (name) => name === failing)!
        const started = decision!.start.filter((name) => name < failing)
        const first = world.log.filter((entry) => entry.startsWith("start"))
        assert.deepStrictEqual(
          first,
          started.map((name) => `start ${name}`)
        )
        world.log.length = 0
        const again = restart(rules, world.children, failed, within)
        assert.isUndefined(world.carryOut(failed, again, () => false))
        const stopsAgain = rules.strategy === "one_for_all" ? [...started].reverse() : []
        const startsAgain = rules.strategy === "one_for_all" ? decision!.start : decision!.start.slice(started.length)
        assert.deepStrictEqual(world.log, [
          ...stopsAgain.map((name) => `stop ${name}`),
          ...startsAgain.map((name) => `start ${name}`)
        ])
      }),
      { numRuns: 1000 }
    ))
})
