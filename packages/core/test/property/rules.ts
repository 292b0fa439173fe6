/**
 * What a tree of supervisors does, said as plainly as possible: a program that does one thing after the other, over
 * nested lists, and takes the time that things take. It is told of one fault at a time, and says in which order children
 * start and stop, and when, what the tree is like afterwards, and what who asked was told.
 */

import type { Entry } from "./stage.ts"
import { type Body, type Child, type Group, type Refusal, topId, type Why } from "./tree.ts"

/** How a child has ended. */
type End = Why | "killed"

/** A child's place. */
export interface Kid {
  readonly child: Child
  readonly keeper: Keeper
  isRunning: boolean
  /** How often it was started again. */
  restarts: number
  /** Which of its lives this is. */
  life: number
  /** What is still to be released though it has ended. */
  remains: number | null
  /** Its own children, if it is a supervisor that runs. */
  below: Keeper | null
}

/** A supervisor that runs. */
export interface Keeper {
  readonly id: string
  readonly group: Group
  /** Its own place; the one at the top has none. */
  readonly kid: Kid | null
  kids: Array<Kid>
  /** When there were restarts. */
  readonly restarts: Array<number>
}

type Server = Extract<Body, { _tag: "Server" }>

/** Something that a child does before it has ended, and how long that takes. */
type Ending = readonly [what: string | null, ms: number]

type Started = "started" | "failed" | "ignored"

const isNormal = (end: End): boolean => end === "normal" || end === "shutdown"

export class Rules {
  now = 0
  top: Keeper | null = null
  /** What happens in this order, at these times. */
  readonly trace: Array<Entry> = []
  /** What happens also, somewhen. */
  readonly loose: Array<string> = []
  readonly refusals = new Map<string, { times: number; readonly how: Refusal["how"] }>()
  private readonly lives = new Map<string, number>()

  private write(what: string): void {
    this.trace.push({ at: this.now, what })
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Starting: in order, and if one fails those before it are stopped in reverse (SUP-4, SUP-5)
  // -------------------------------------------------------------------------------------------------------------------

  boot(group: Group): Started {
    const keeper = this.open(topId, group, null)
    const started = this.startAll(keeper)
    if (started === "started") this.top = keeper
    return started
  }

  private open(id: string, group: Group, kid: Kid | null): Keeper {
    const keeper: Keeper = { id, group, kid, kids: [], restarts: [] }
    keeper.kids = group.children.map((child) => place(child, keeper))
    return keeper
  }

  private startAll(keeper: Keeper): Started {
    for (const kid of keeper.kids.slice()) {
      const started = this.start(kid)
      if (started === "failed") {
        this.stopAll(keeper)
        return "failed"
      }
      if (started === "ignored" && kid.child.restart === "temporary") forget(kid)
    }
    return "started"
  }

  private start(kid: Kid): Started {
    const { body, id } = kid.child
    if (body._tag === "Group") {
      const keeper = this.open(id, body, kid)
      const started = this.startAll(keeper)
      if (started === "started") kid.below = keeper
      kid.isRunning = started === "started"
      return started
    }
    if (body._tag === "Worker") {
      // When it comes to its first step is its own business.
      kid.isRunning = true
      return "started"
    }
    kid.life = (this.lives.get(id) ?? 0) + 1
    this.lives.set(id, kid.life)
    if (body._tag === "Layer" || body.effectful) this.now += body.start
    const refusal = this.refusals.get(id)
    if (refusal !== undefined && refusal.times > 0) {
      refusal.times--
      this.write(`${refusal.how} ${id}#${kid.life}`)
      // What it had acquired is released, however long that takes.
      if (body.release !== null) {
        this.write(`release ${id}#${kid.life}`)
        this.now += body.release
      }
      const outer = outerOf(kid)
      if (outer !== null) {
        this.write(`release ${id}/outer#${kid.life}`)
        this.now += outer
      }
      return refusal.how === "fail" ? "failed" : "ignored"
    }
    this.write(`start ${id}#${kid.life}`)
    kid.isRunning = true
    return "started"
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Stopping: in reverse, one after the other, each within its time (SUP-20, SUP-21)
  // -------------------------------------------------------------------------------------------------------------------

  private stopAll(keeper: Keeper): void {
    for (const kid of keeper.kids.slice().reverse()) this.stop(kid)
  }

  private stop(kid: Kid): void {
    const { body, id, shutdown } = kid.child
    if (!kid.isRunning) {
      this.clear(kid)
      return
    }
    kid.isRunning = false
    if (body._tag === "Group") {
      this.stopAll(kid.below as Keeper)
      kid.below = null
      return
    }
    if (shutdown === "brutal") {
      this.abandon(kid)
      return
    }
    const steps: Array<Ending> = []
    if (body._tag === "Server") {
      if (body.trapExit && body.terminate !== null) steps.push([`terminate ${id}#${kid.life}`, body.terminate])
      if (body.release !== null) steps.push([`release ${id}#${kid.life}`, body.release])
      if (body.outer !== null) steps.push([`release ${id}/outer#${kid.life}`, body.outer])
    } else {
      steps.push([body._tag === "Worker" ? null : `release ${id}#${kid.life}`, body.release])
    }
    this.within(limitOf(shutdown), steps)
  }

  /** One step after the other, until the time is over: then it is killed, and the rest happens when it happens. */
  private within(limit: number, steps: ReadonlyArray<Ending>): void {
    const until = this.now + limit
    for (const [at, [what, ms]] of steps.entries()) {
      if (what !== null) this.write(what)
      if (this.now + ms > until) {
        this.now = until
        for (const [what] of steps.slice(at + 1)) if (what !== null) this.loose.push(what)
        return
      }
      this.now += ms
    }
  }

  /** Releases what is left of a child that has ended by itself. */
  private clear(kid: Kid): void {
    const { remains } = kid
    const { body, id, shutdown } = kid.child
    if (remains === null) return
    kid.remains = null
    const what = body._tag === "Server" ? `release ${id}/outer#${kid.life}` : `release ${id}#${kid.life}`
    if (shutdown === "brutal") this.loose.push(what)
    else this.within(limitOf(shutdown), [[what, remains]])
  }

  /** Killed: what it had acquired is released behind everybody's back. */
  private abandon(kid: Kid): void {
    const { body, id } = kid.child
    kid.isRunning = false
    if (body._tag === "Server" && body.outer !== null) this.loose.push(`release ${id}/outer#${kid.life}`)
    if (body._tag !== "Group" && body._tag !== "Worker" && body.release !== null) {
      this.loose.push(`release ${id}#${kid.life}`)
    }
  }

  // -------------------------------------------------------------------------------------------------------------------
  // A child has ended by itself
  // -------------------------------------------------------------------------------------------------------------------

  /** Who is started again (SUP-9), and whose end is the supervisor's (SUP-28). */
  private ended(kid: Kid, end: End): void {
    const { keeper } = kid
    const { restart, significant } = kid.child
    kid.isRunning = false
    kid.below = null
    if (restart === "permanent" || (restart === "transient" && !isNormal(end))) {
      this.restart(kid)
      return
    }
    this.clear(kid)
    if (significant && this.isLastOf(keeper, kid)) {
      this.giveUp(keeper)
      return
    }
    if (restart === "temporary") forget(kid)
  }

  private isLastOf({ group, kids }: Keeper, kid: Kid): boolean {
    switch (group.autoShutdown) {
      case "never":
        return false
      case "any_significant":
        return true
      case "all_significant":
        return kids.every((other) => other === kid || !other.child.significant || !other.isRunning)
    }
  }

  /** Once and again until it succeeds or it is enough (SUP-10 to SUP-19). */
  private restart(first: Kid): void {
    const { keeper } = first
    const { restarts, strategy, within } = keeper.group
    let culprit: Kid | null = first
    while (culprit !== null) {
      keeper.restarts.push(this.now)
      if (keeper.restarts.filter((at) => this.now - at <= within).length > restarts) {
        this.giveUp(keeper)
        return
      }
      this.clear(culprit)
      const from = strategy === "one_for_all" ? 0 : keeper.kids.indexOf(culprit)
      const group: Array<Kid> = strategy === "one_for_one" ? [culprit] : keeper.kids.slice(from)
      for (const kid of group.slice().reverse()) if (kid !== culprit) this.stop(kid)
      for (const kid of group) if (kid !== culprit && kid.child.restart === "temporary") forget(kid)
      culprit = null
      for (const kid of group) {
        if (!keeper.kids.includes(kid)) continue
        const started = this.start(kid)
        if (started === "started") kid.restarts++
        if (started === "failed") {
          culprit = kid
          break
        }
      }
    }
  }

  /** The supervisor stops what is left in reverse and ends with `shutdown` (SUP-14, SUP-27, SUP-30). */
  private giveUp(keeper: Keeper): void {
    this.stopAll(keeper)
    this.over(keeper, "shutdown")
  }

  private over({ kid }: Keeper, end: End): void {
    if (kid === null) this.top = null
    else this.ended(kid, end)
  }

  // -------------------------------------------------------------------------------------------------------------------
  // What is done to it
  // -------------------------------------------------------------------------------------------------------------------

  /** All places, a supervisor's before its children's. */
  get kids(): ReadonlyArray<Kid> {
    const all = ({ kids }: Keeper): ReadonlyArray<Kid> =>
      kids.flatMap((kid) => [kid, ...(kid.below === null ? [] : all(kid.below))])
    return this.top === null ? [] : all(this.top)
  }

  /** All supervisors that run. */
  get keepers(): ReadonlyArray<Keeper> {
    if (this.top === null) return []
    return [this.top, ...this.kids.flatMap(({ below }) => (below === null ? [] : [below]))]
  }

  kill(kid: Kid): void {
    if (!kid.isRunning) return
    const { body, id } = kid.child
    switch (body._tag) {
      case "Server":
        if (body.release !== null) this.loose.push(`release ${id}#${kid.life}`)
        kid.remains = body.outer
        this.ended(kid, "killed")
        break
      case "Group":
        this.orphan(kid.below as Keeper, false)
        this.ended(kid, "killed")
        break
      default:
        this.crash(kid)
    }
  }

  /** Whether it does not matter that what was below a killed supervisor ends when it ends. */
  canBeKilled(kid: Kid): boolean {
    const { below } = kid
    return below === null || below.kids.every(({ child: { body } }) => isPassive(body))
  }

  killTop(): void {
    if (this.top !== null) this.orphan(this.top, false)
    this.top = null
  }

  /**
   * Its children end, in whichever order: those that trap exits run `terminate` (SUP-26). A supervisor among them traps
   * exits, and stops its own as they are to be stopped (SUP-25).
   */
  private orphan({ kids }: Keeper, isOrderly: boolean): void {
    for (const kid of kids) {
      const { below, child, life } = kid
      if (!kid.isRunning) continue
      if (below !== null) this.orphan(below, true)
      const { body, id, shutdown } = child
      const isHeard = !(isOrderly && shutdown === "brutal")
      if (isHeard && body._tag === "Server" && body.trapExit && body.terminate !== null) {
        this.loose.push(`terminate ${id}#${life}`)
      }
      this.abandon(kid)
    }
  }

  /** The exit signal `shutdown`: who traps it goes on (PROC-3), and `terminate` does not run (TERM-2). */
  exit(kid: Kid): void {
    if (!kid.isRunning || kid.child.body._tag === "Group") return
    if (kid.child.body._tag !== "Server") this.crash(kid)
    else if (!kid.child.body.trapExit) this.leave(kid, kid.child.body, false, "shutdown")
  }

  stopBy(kid: Kid, why: Why): string {
    const { body } = kid.child
    if (!kid.isRunning) return "down"
    if (body._tag === "Server") {
      this.leave(kid, body, true, why)
    } else if (body._tag === "Group") {
      this.stopAll(kid.below as Keeper)
      this.ended(kid, why)
    } else if (body._tag === "Worker") {
      this.now += body.release
      this.ended(kid, why === "crash" ? "crash" : "normal")
    } else {
      this.crash(kid)
    }
    return "ok"
  }

  crash(kid: Kid): void {
    const { body } = kid.child
    if (!kid.isRunning) return
    if (body._tag === "Server") {
      this.leave(kid, body, true, "crash")
    } else if (body._tag === "Layer") {
      kid.remains = body.release
      this.ended(kid, "crash")
    } else if (body._tag === "Worker") {
      this.now += body.release
      this.ended(kid, "crash")
    } else {
      this.stopBy(kid, "shutdown")
    }
  }

  /** A server ends by itself, and takes the time that it wants. */
  private leave(kid: Kid, { outer, release, terminate }: Server, terminates: boolean, end: End): void {
    const { id } = kid.child
    if (terminates && terminate !== null) {
      this.write(`terminate ${id}#${kid.life}`)
      this.now += terminate
    }
    if (release !== null) {
      this.write(`release ${id}#${kid.life}`)
      this.now += release
    }
    kid.remains = outer
    this.ended(kid, end)
  }

  terminateChild(kid: Kid): string {
    this.stop(kid)
    if (kid.child.restart === "temporary") forget(kid)
    return "ok"
  }

  restartChild(kid: Kid): string {
    if (kid.isRunning) return "ChildRunning"
    const started = this.start(kid)
    if (started === "started") kid.restarts++
    return started === "failed" ? "FailedToStart" : "ok"
  }

  deleteChild(kid: Kid): string {
    if (kid.isRunning) return "ChildRunning"
    forget(kid)
    return "ok"
  }

  startChild(keeper: Keeper, child: Child): string {
    const present = keeper.kids.find((kid) => kid.child.id === child.id)
    if (present !== undefined) return present.isRunning ? "AlreadyStarted" : "AlreadyPresent"
    const kid = place(child, keeper)
    keeper.kids.push(kid)
    const started = this.start(kid)
    if (started === "failed" || (started === "ignored" && child.restart === "temporary")) forget(kid)
    return started === "failed" ? "FailedToStart" : "ok"
  }

  /** The end of the scope that the whole tree lives in. */
  close(): void {
    if (this.top !== null) this.stopAll(this.top)
    this.top = null
  }
}

const place = (child: Child, keeper: Keeper): Kid => ({
  child,
  keeper,
  isRunning: false,
  restarts: 0,
  life: 0,
  remains: null,
  below: null
})

const forget = (kid: Kid): void => {
  const { keeper } = kid
  keeper.kids = keeper.kids.filter((other) => other !== kid)
}

const outerOf = ({ child: { body } }: Kid): number | null => (body._tag === "Server" ? body.outer : null)

/** Five seconds unless it says something else (SUP-2). */
const limitOf = (shutdown: number | "infinity" | null): number =>
  shutdown === null ? 5_000 : shutdown === "infinity" ? Number.POSITIVE_INFINITY : shutdown

/** No process of its own has to end before another one can start in its place. */
const isPassive = (body: Body): boolean =>
  body._tag === "Layer" ||
  body._tag === "Worker" ||
  (body._tag === "Server" && body.outer === null && body.release === null && !body.trapExit && !body.effectful)
