/**
 * One fault after the other, each left to come to rest: what has happened must be what the rules say, in their order and
 * at their times, and the tree must be as they say.
 */
import { type Keeper, type Kid, Rules } from "./rules.ts"
import { outerOf, workOf } from "./stage.ts"
import { type Body, type Child, type Fault, laterId, named, type Program, type Refusal, topId } from "./tree.ts"
import { type Errand, type Finding, type Options, TreeRun } from "./treeRun.ts"

const at = <A>(items: ReadonlyArray<A>, index: number): A | undefined => items[index % items.length]

class OrderlyRun extends TreeRun {
  private readonly rules = new Rules()
  private readonly loose: Array<string> = []
  private toldByRules = 0
  private told = 0

  async run({ refusal, steps, top }: Program): Promise<Finding> {
    if (refusal !== null) this.arm(refusal, leaves(top))
    const started = this.rules.boot(top)
    const isUp = await this.boot(top)
    this.compare("whether it starts", isUp, started === "started")
    this.check()
    for (const step of steps) {
      if (this.rules.top === null || this.problems.length > 0) break
      this.rules.now = this.stage.clock.now
      const kids = this.rules.kids.map(({ child }) => child)
      this.arm(
        step.refusal,
        kids.filter(({ body }) => body._tag !== "Group" && body._tag !== "Worker")
      )
      for (const ask of step.asks) {
        const target = at(kids, ask.target)
        // Handlers that take time or crash are faults themselves.
        if (target !== undefined) this.ask({ ...ask, how: "plain" }, target.id, target.body)
      }
      const [fault] = step.faults
      if (fault !== undefined) await this.inflict(fault)
      await this.settle()
      this.check()
    }
    this.rules.now = this.stage.clock.now
    this.rules.close()
    await this.close()
    this.checkTrace()
    return this
  }

  private compare(what: string, given: unknown, expected: unknown): void {
    const [a, b] = [JSON.stringify(given), JSON.stringify(expected)]
    if (a !== b) this.problem(`${what}: ${a}, and by the rules ${b}`)
  }

  private arm(refusal: Refusal | null, children: ReadonlyArray<Child>): void {
    this.stage.refusals.clear()
    this.rules.refusals.clear()
    const target = refusal === null ? undefined : at(children, refusal.target)
    if (refusal === null || target === undefined) return
    this.rules.refusals.set(target.id, { times: refusal.times, how: this.refuse(refusal, target, false) })
  }

  /** Does it, and says what comes of it by the rules. */
  private async inflict(fault: Fault): Promise<void> {
    const { rules } = this
    if (fault._tag === "Jump") {
      this.jump(fault.ms)
      return
    }
    if (fault._tag === "Top") {
      const errand = this.top(fault.how)
      if (fault.how === "killed") rules.killTop()
      else rules.close()
      await this.finish(errand, "ok")
      return
    }
    if (fault._tag === "Start") {
      const keeper = at(rules.keepers, fault.target) as Keeper
      const child = named(fault.child, laterId(keeper.id, fault.place), "never")
      const errand = this.start(keeper.id, child)
      await this.finish(errand, rules.startChild(keeper, child))
      return
    }
    const kid = at(rules.kids, fault.target)
    if (kid === undefined || (fault._tag === "Kill" && !rules.canBeKilled(kid))) return
    const errand = this.strike(fault, kid.child)
    await this.finish(errand, this.ruled(fault, kid))
  }

  private async finish(errand: Errand, expected: string | null): Promise<void> {
    await this.settle()
    if (expected !== null) this.compare(errand.what, errand.result, expected)
  }

  private ruled(fault: Exclude<Fault, { _tag: "Start" | "Jump" | "Top" }>, kid: Kid): string | null {
    const { rules } = this
    switch (fault._tag) {
      case "Kill":
        rules.kill(kid)
        return null
      case "Exit":
        rules.exit(kid)
        return null
      case "Crash":
        rules.crash(kid)
        return null
      case "Stop":
        return rules.stopBy(kid, fault.why)
      case "Terminate":
        return rules.terminateChild(kid)
      case "Restart":
        return rules.restartChild(kid)
      case "Delete":
        return rules.deleteChild(kid)
    }
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Whether both are the same
  // -------------------------------------------------------------------------------------------------------------------

  private check(): void {
    this.checkErrands()
    this.checkTrace()
    const { keepers, kids } = this.rules
    for (const { id, kids } of keepers) {
      const infos = this.look(id)
      this.compare(
        `the children of ${id}`,
        infos?.map(({ id, restarts, status, type }) => [id, status, restarts, type === "supervisor"]),
        kids.map(({ child, isRunning, restarts }) => [
          child.id,
          isRunning ? "running" : "stopped",
          restarts,
          child.body._tag === "Group"
        ])
      )
    }
    if (this.rules.top === null) this.compare("the children of all", this.look(topId), null)
    const held = new Map<string, number>()
    for (const { id } of this.stage.resources) held.set(id, 0)
    for (const { child, isRunning, life } of kids) {
      const { body, id } = child
      if (body._tag === "Server") {
        this.compare(`the life of ${id}`, this.life(id), isRunning ? life : "down")
        if (body.release !== null) held.set(id, isRunning ? 1 : 0)
        if (body.outer !== null) held.set(outerOf(id), isRunning ? 1 : 0)
      } else if (body._tag !== "Group") {
        held.set(body._tag === "Worker" ? workOf(id) : id, isRunning ? 1 : 0)
      }
    }
    for (const [id, count] of held) this.compare(`what is held by ${id}`, this.stage.held(id), count)
  }

  /** What has happened since the last time. */
  private checkTrace(): void {
    const { rules, stage } = this
    const given: Array<string> = []
    this.loose.push(...rules.loose.splice(0))
    for (const { at, what } of stage.trace.slice(this.told)) {
      this.account.push(`${at} * ${what}`)
      if (what.includes(workOf(""))) continue
      const place = this.loose.indexOf(what)
      if (place >= 0) this.loose.splice(place, 1)
      else given.push(`${at} ${what}`)
    }
    const expected = rules.trace.slice(this.toldByRules).map(({ at, what }) => `${at} ${what}`)
    this.told = stage.trace.length
    this.toldByRules = rules.trace.length
    this.compare("what has happened", given, expected)
    this.compare("what has not happened", this.loose, [])
  }
}

const leaves = (body: Body): ReadonlyArray<Child> =>
  body._tag !== "Group"
    ? []
    : body.children.flatMap((child) =>
        child.body._tag === "Group" ? leaves(child.body) : child.body._tag === "Worker" ? [] : [child]
      )

export const orderlyRun = (program: Program, options: Options): Promise<Finding> =>
  new OrderlyRun({ ...options, hurry: 0 }, true).run(program)
