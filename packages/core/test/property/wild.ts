/**
 * Several faults at once, in whatever order the scheduler and the clock give them: nobody is left without an answer,
 * nothing without an owner, and what a supervisor says of its children is what they are.
 */
import type { Seat } from "../../src/internal/seat.ts"
import { outerOf, workOf } from "./stage.ts"
import {
  type Body,
  type Child,
  childrenOf,
  type Fault,
  laterId,
  named,
  type Program,
  type Refusal,
  topId
} from "./tree.ts"
import { type Finding, type Options, TreeRun } from "./treeRun.ts"

const at = <A>(items: ReadonlyArray<A>, index: number): A | undefined => items[index % items.length]

/** A call that no server is going to answer before it ends. */
const isForEver = (what: string): boolean => what.startsWith("ask") && what.includes(" kept ")

class WildRun extends TreeRun {
  /** All children that there ever were, and what each is made of; the newest of an id counts. */
  private readonly known = new Map<string, Child>()
  /** Where those that have a name were found last. */
  private readonly seats = new Map<string, Seat>()
  /** Supervisors some of whose children may be down by somebody's wish. */
  private readonly meddled = new Set<string>()

  async run({ isCutShort, refusal, steps, top }: Program): Promise<Finding> {
    for (const child of childrenOf(top)) this.known.set(child.id, child)
    if (refusal !== null) this.refuseOne(refusal)
    if (await this.boot(top)) {
      for (const id of this.known.keys()) this.checkSeat(id)
      for (const [place, { asks, faults, refusal }] of steps.entries()) {
        if (this.problems.length > 0) break
        const isLast = isCutShort && place === steps.length - 1
        const children = Array.from(this.known.values())
        // Who waits for what hangs is told when the tree ends.
        if (isLast) this.hang(faults, children)
        else if (refusal !== null) this.refuseOne(refusal)
        for (const ask of asks) {
          const target = at(children, ask.target)
          if (target !== undefined) this.ask(ask, target.id, target.body)
        }
        for (const fault of faults) this.inflict(fault, children)
        if (isLast) {
          this.hasten(60)
          break
        }
        await this.settle()
        this.check()
      }
    }
    const expected = isCutShort ? null : this.order(topId)
    const told = this.stage.trace.length
    await this.close()
    this.account.push(...this.stage.trace.map(({ at, what }) => `${at} * ${what}`))
    if (expected !== null) this.checkOrder(expected, told)
    return this
  }

  private refuseOne(refusal: Refusal): void {
    const target = at(
      Array.from(this.known.values()).filter(({ body }) => body._tag !== "Group"),
      refusal.target
    )
    if (target === undefined) return
    this.meddled.add(above(target.id))
    this.refuse(refusal, target, false)
  }

  /** Who is hit first is started again without end. */
  private hang(faults: ReadonlyArray<Fault>, children: ReadonlyArray<Child>): void {
    const hit = faults.flatMap((fault) => ("target" in fault && fault._tag !== "Start" ? [fault.target] : []))[0]
    const child = hit === undefined ? undefined : at(children, hit)
    if (child !== undefined) this.refuse({ target: 0, times: 1, how: "hang" }, child, true)
  }

  private inflict(fault: Fault, children: ReadonlyArray<Child>): void {
    switch (fault._tag) {
      case "Jump":
        this.jump(fault.ms)
        return
      case "Top":
        this.top(fault.how)
        return
      case "Start": {
        const groups = [topId, ...children.flatMap(({ body, id }) => (body._tag === "Group" ? [id] : []))]
        const group = at(groups, fault.target) as string
        const id = laterId(group, fault.place)
        // What an id stands for must not depend on who was first.
        const child = this.known.get(id) ?? named(fault.child, id, "never")
        this.known.set(id, child)
        if (child.body._tag === "Group") for (const below of childrenOf(child.body)) this.known.set(below.id, below)
        this.start(group, child)
        return
      }
      default: {
        const target = at(children, fault.target)
        if (target === undefined) return
        if (fault._tag === "Terminate" || fault._tag === "Restart") this.meddled.add(above(target.id))
        this.strike(fault, target)
      }
    }
  }

  // -------------------------------------------------------------------------------------------------------------------
  // At rest
  // -------------------------------------------------------------------------------------------------------------------

  private check(): void {
    this.checkErrands(isForEver)
    const held = new Map<string, number>()
    for (const { id } of this.stage.resources) held.set(id, 0)
    this.visit(topId, held)
    for (const [id, count] of held) {
      const found = this.stage.held(id)
      if (found !== count) this.problem(`${id} holds ${found}, and should hold ${count}`)
    }
  }

  /** A ref is good as long as anybody may come: where another one is found by the name, the last one is over. */
  private checkSeat(id: string): void {
    const seat = this.stage.seat(id)
    const last = this.seats.get(id)
    if (seat === undefined) return
    this.seats.set(id, seat)
    if (last !== undefined && last !== seat && last.isKept) this.problem(`refs of ${id} lead nowhere`)
  }

  /** Looks at a supervisor that should run, and all below it. */
  private visit(id: string, held: Map<string, number>): void {
    const infos = this.look(id)
    this.checkSeat(id)
    if (infos === null) {
      if (id !== topId) this.problem(`${id} is said to run, and does not answer`)
      return
    }
    for (const info of infos) {
      const { body, restart } = this.known.get(info.id) as Child
      if (info.status === "restarting") this.problem(`${info.id} is being restarted for ever`)
      if (info.status === "running") this.visitChild(info.id, body, held)
      else if (restart === "permanent" && !this.meddled.has(id)) this.problem(`${info.id} is ${info.status}`)
    }
    if (new Set(infos.map(({ id }) => id)).size < infos.length) this.problem(`${id} has two children of one id`)
  }

  private visitChild(id: string, body: Body, held: Map<string, number>): void {
    switch (body._tag) {
      case "Group":
        this.visit(id, held)
        return
      case "Server": {
        const life = this.life(id)
        this.checkSeat(id)
        if (typeof life !== "number") this.problem(`${id} is said to run, and answers ${life}`)
        if (body.release !== null) held.set(id, 1)
        if (body.outer !== null) held.set(outerOf(id), 1)
        return
      }
      default:
        held.set(body._tag === "Worker" ? workOf(id) : id, 1)
    }
  }

  // -------------------------------------------------------------------------------------------------------------------
  // The end
  // -------------------------------------------------------------------------------------------------------------------

  /** In which order those children end that have the time they need, and something to say when they end. */
  private order(id: string): ReadonlyArray<string> {
    const infos = this.look(id) ?? []
    return infos
      .slice()
      .reverse()
      .flatMap((info) => {
        const { body, shutdown } = this.known.get(info.id) as Child
        if (info.status !== "running") return []
        if (body._tag === "Group") return this.order(info.id)
        if (shutdown !== null && shutdown !== "infinity") return []
        if (body._tag !== "Server") return [info.id]
        return body.release !== null || body.outer !== null || (body.trapExit && body.terminate !== null)
          ? [info.id]
          : []
      })
  }

  private checkOrder(expected: ReadonlyArray<string>, told: number): void {
    const ends = this.stage.trace.slice(told).map(({ what }) => what.split(/[ /#]/)[1] ?? "")
    const order = ends.filter((id) => expected.includes(id)).filter((id, at, all) => all[at - 1] !== id)
    if (order.join() !== expected.join()) {
      this.problem(`the children end in the order ${order.join()}, and not in the order ${expected.join()}`)
    }
  }
}

/** The supervisor of a child. */
const above = (id: string): string => id.slice(0, -1)

export const wildRun = (program: Program, options: Options): Promise<Finding> =>
  new WildRun(options, false).run(program)
