/**
 * A sequential server that accepts every legal interleaving. Servers record in which order they have handled what, so
 * there is nothing to search for: the recorded order is replayed through pure functions, and must give the recorded
 * states and answers, and be an order in which messages can have come.
 */
import { judge } from "./answers.ts"
import { decide } from "./decide.ts"
import { exited, over, stopped, terminated } from "./ending.ts"
import type { Began, Decided, History, Result } from "./history.ts"
import { beganLater, isPushed, overtaken } from "./mailbox.ts"
import { quiet, quietCall } from "./quiet.ts"
import { Replay } from "./replay.ts"
import { isFromOutside, type Parcel, ServerModel, tolerance } from "./serverModel.ts"
import { cancelled, fired, idled } from "./timing.ts"

class Model extends Replay {
  check(): ReadonlyArray<string> {
    for (const [index, { at, event }] of this.history.entries()) {
      this.index = index
      this.now = at
      switch (event._tag) {
        case "Started":
          this.servers.set(event.server, new ServerModel(event.server, event.config, event.state))
          break
        case "Sent":
          this.sent(this.parcels.get(event.id) as Parcel)
          break
        case "Result":
          this.result(event.id, event.result)
          break
        case "Answered":
          this.answered(event.id, event.result, true)
          break
        case "Quiet":
          for (const parcel of this.waiting) quietCall(this, parcel)
          for (const server of this.servers.values()) quiet(this, server)
          break
        case "Closing":
          this.closing = index
          break
        default: {
          const server = this.servers.get(event.server)
          if (server === undefined) this.problem(`server ${event.server} was never started`)
          else if (event._tag === "Began") this.began(server, event)
          else if (event._tag === "Decided") this.decided(server, event)
          else if (event._tag === "Armed") server.timers.set(event.id, { armed: event, fired: 0, limit: Infinity })
          else if (event._tag === "Cancelled") cancelled(this, server, event)
          else if (event._tag === "Exit") exited(this, server, event)
          else if (event._tag === "Terminated") terminated(this, server, event)
          else if (event._tag === "Released") server.released++
          else server.seen.push(event.state)
        }
      }
    }
    for (const parcel of this.parcels.values()) {
      const server = this.servers.get(parcel.sent.server)
      if (server !== undefined) for (const text of judge(parcel, server, this.closing)) this.problem(text, parcel.index)
    }
    for (const server of this.servers.values()) over(this, server)
    return this.problems
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Messages
  // -------------------------------------------------------------------------------------------------------------------

  private sent(parcel: Parcel): void {
    const { kind, sender, server: id } = parcel.sent
    const server = this.servers.get(id)
    if (server === undefined) return
    // Before a handler is called, its message is out of the mailbox already.
    const taken = server.busy === null ? 1 : 0
    parcel.ahead = server.queue.filter((other) => isFromOutside(other) && beganLater(this, other)).length - taken
    server.queue.push(parcel)
    if (server.idle !== null) {
      if (this.now < server.idle.due - tolerance) server.idle.cancelled = true
      // Due by now, and not come: whichever of the two the server has heard of first.
      else server.idle.isRivalled = true
    }
    const caller = sender._tag === "Handler" ? this.servers.get(sender.server) : undefined
    if (kind === "call" || kind === "stop") {
      this.waiting.add(parcel)
      if (caller !== undefined) {
        caller.waiting = parcel
        parcel.mayBeCycle = this.leadsTo(server, caller)
      }
    } else if (caller !== undefined) caller.pressed = server.isBounded && !server.drops ? parcel : null
  }

  /** Whether servers wait for each other from one to another. */
  private leadsTo(from: ServerModel, to: ServerModel): boolean {
    let server: ServerModel | undefined = from
    for (let steps = 0; server !== undefined && steps <= this.servers.size; steps++) {
      if (server === to) return true
      const { pressed, waiting }: ServerModel = server
      server = this.servers.get((waiting ?? pressed)?.sent.server ?? -1)
    }
    return false
  }

  private result(id: number, result: Result): void {
    const parcel = this.parcels.get(id)
    if (parcel === undefined) return
    this.waiting.delete(parcel)
    const server = this.servers.get(parcel.sent.server)
    if (server !== undefined && (result === "ok" || result.startsWith("down"))) stopped(this, server)
    const { sender } = parcel.sent
    if (sender._tag !== "Handler") return
    const caller = this.servers.get(sender.server)
    if (caller?.waiting === parcel) caller.waiting = null
    const results = this.inner.get(sender.message) ?? []
    if (parcel.sent.kind === "call") results.push(result)
    this.inner.set(sender.message, results)
  }

  private answered(id: number, result: Result, isCertain: boolean): void {
    const parcel = this.parcels.get(id)
    if (parcel === undefined) return
    if (parcel.answer !== null) {
      // The first answer counts, where it is known which that was.
      if (parcel.answer.certain === null) parcel.rival ??= result
      return
    }
    const certain = isCertain ? { index: this.index, at: this.now } : null
    parcel.answer = { result, index: this.index, certain }
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Handling
  // -------------------------------------------------------------------------------------------------------------------

  private began(server: ServerModel, event: Began): void {
    const { id, message } = event
    this.takesEffect(server)
    if (server.end !== null) this.problem(`server ${server.id} begins #${id} after its end`)
    if (server.busy !== null) this.problem(`server ${server.id} begins #${id} while it handles #${server.busy.id}`)
    if (event.state !== server.state) {
      this.problem(`server ${server.id} begins #${id} with state ${event.state}, but ${server.state} was committed`)
    }
    const { idle, next } = server
    server.busy = event
    this.inner.delete(id)
    server.next = null
    server.idle = null
    const timer = server.timers.get(id)
    if (next !== null && next !== id) this.problem(`server ${server.id} begins #${id} before its continue #${next}`)
    if (next === id) return
    if (timer !== undefined) fired(this, server, timer)
    else if (idle !== null && idle.id === id) idled(this, server, idle)
    else if (message.kind === "continue") this.problem(`nobody has asked for the continue #${id}`)
    else this.taken(server, id)
  }

  private taken(server: ServerModel, id: number): void {
    const place = server.queue.findIndex(({ sent }) => sent.id === id)
    const parcel = server.queue[place]
    if (parcel === undefined) {
      this.problem(`server ${server.id} begins #${id}, which is not in its mailbox`)
      return
    }
    const other = overtaken(this, server, place)
    if (other !== undefined) this.problem(`server ${server.id} begins #${id} before #${other.sent.id}`)
    if (parcel.result !== null && parcel.result.index < this.index && parcel.sent.withdraw) {
      this.problem(`server ${server.id} begins #${id}, whose caller has gone`)
    }
    parcel.beganAt = this.index
    const goesPast = server.isBounded && isPushed(parcel)
    server.queue = server.queue.filter(
      (other, index) => index > place || (goesPast && index < place && isFromOutside(other))
    )
  }

  private decided(server: ServerModel, event: Decided): void {
    const { decision, exact, id, next } = event
    if (server.end !== null) return
    if (id >= 0) {
      const { busy } = server
      if (busy === null || busy.id !== id) {
        this.problem(`server ${server.id} decides #${id}, which it does not handle`)
        return
      }
      const expected = decide(busy.message, busy.state, this.inner.get(id) ?? [])
      if (JSON.stringify(expected) !== JSON.stringify(decision)) {
        this.problem(
          `server ${server.id} decides ${JSON.stringify(decision)} where it should ${JSON.stringify(expected)}`
        )
      }
    }
    const keeps = server.busy?.message.act.keep ?? true
    server.busy = null
    server.pressed = null
    this.takesEffect(server)
    server.hasUndecided = true
    server.undecided = this.parcels.get(id) ?? null
    if ("state" in decision && !keeps) {
      server.state = decision.state
      server.committed.push(decision.state)
    }
    if (decision._tag === "Reply" || decision._tag === "Fail") this.answered(id, decision.result, false)
    if (decision._tag === "StopReply") this.answered(id, decision.result, false)
    if (decision._tag === "Stop" || decision._tag === "StopReply" || decision._tag === "Crash") {
      server.end = { index: this.index, reasons: new Set([decision.reason]), isSignal: false, killed: null }
      return
    }
    if (exact) this.takesEffect(server)
    else if (this.closing !== null) server.isStateUncertain = true
    if (next !== null && event.ending._tag === "Continue") server.next = next
    if (next !== null && event.ending._tag === "Idle") {
      const { ms } = event.ending
      const due = this.now + ms
      server.idle = { id: next, ms, due, latest: exact ? due : null, cancelled: false, isRivalled: false }
    }
  }
}

/** What is wrong with a history; nothing if a sequential server can have made it. */
export const violations = (history: History): ReadonlyArray<string> => new Model(history).check()
