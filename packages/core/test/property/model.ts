/**
 * A sequential server that accepts every legal interleaving. Servers record in which order they have handled what, so
 * there is nothing to search for: the recorded order is replayed through pure functions, and must give the recorded
 * states and answers, and be an order in which messages can have come.
 */
import { judge } from "./answers.ts"
import { decide } from "./decide.ts"
import type { Armed, Began, Cancelled, Decided, Exited, History, Result, Sent, Terminated } from "./history.ts"
import type { Config, Reason } from "./program.ts"

/** Milliseconds by which times may be off: the engine counts in microseconds. */
export const tolerance = 0.002

/** One message under way. */
export interface Parcel {
  readonly sent: Sent
  readonly index: number
  readonly at: number
  beganAt: number | null
  /** What it is answered with, and from when on that is certain. */
  answer: { readonly result: Result; readonly index: number; certain: { index: number; at: number } | null } | null
  /** An answer that may have come before that one. */
  rival: Result | null
  result: { readonly result: Result; readonly index: number; readonly at: number } | null
  /** Whether the call closes a circle of servers that wait for each other. */
  mayBeCycle: boolean
  /** Messages in the mailbox for certain when it was sent. */
  ahead: number
}

interface Timer {
  readonly armed: Armed
  fired: number
  /** How many times it may have fired, once it is cancelled. */
  limit: number
}

interface Idle {
  readonly id: number
  readonly ms: number
  /** When it is due at the earliest, and at the latest if that is known. */
  readonly due: number
  latest: number | null
  cancelled: boolean
}

/** How a server ends, as far as is known. */
export interface End {
  readonly index: number
  /** What it may be; it is one of them for everybody. */
  readonly reasons: Set<Reason>
  /** Whether it is by an exit signal alone: then `terminate` does not run. */
  readonly isSignal: boolean
  /** When it was killed. */
  killed: number | null
}

export class ServerModel {
  readonly id: number
  readonly config: Config
  state: number
  readonly committed: Array<number>
  readonly seen: Array<number> = []
  busy: Began | null = null
  /** A decision of which it is not certain that it has taken effect. */
  undecided: Parcel | null = null
  hasUndecided = false
  /** Whether the last committed state may not have been committed. */
  isStateUncertain = false
  queue: Array<Parcel> = []
  readonly timers = new Map<number, Timer>()
  lastDue = 0
  next: number | null = null
  idle: Idle | null = null
  /** What waiting callers were told. */
  readonly told = new Set<Reason>()
  end: End | null = null
  terminated: number | null = null
  released = 0
  /** The call that its handler waits for. */
  waiting: Parcel | null = null
  /** The cast for which its handler may wait: the mailbox that it goes to may be full. */
  pressed: Parcel | null = null

  constructor(id: number, config: Config, state: number) {
    this.id = id
    this.config = config
    this.state = state
    this.committed = [state]
  }

  get isBounded(): boolean {
    return this.config.capacity < Number.POSITIVE_INFINITY
  }

  /** Whether it may have ended for that reason. Nothing says when and how the parent's end has reached it. */
  isDownFor(reason: Reason | null, closing: number | null): boolean {
    if (reason === null) return false
    if (this.end?.reasons.has(reason) === true) return true
    const isByParent = closing !== null && (this.end === null || this.end.index > closing)
    return isByParent && (reason === "shutdown" || reason === "killed")
  }

  get drops(): boolean {
    return this.isBounded && this.config.overflow !== "backpressure"
  }
}

export class Model {
  readonly history: History
  readonly problems: Array<string> = []
  readonly servers = new Map<number, ServerModel>()
  readonly parcels = new Map<number, Parcel>()
  /** Those whose senders wait, and have no result yet. */
  readonly waiting = new Set<Parcel>()
  private readonly inner = new Map<number, Array<Result>>()
  private readonly nextQuiet: Array<number> = []
  private closing: number | null = null
  private index = 0
  private now = 0

  constructor(history: History) {
    this.history = history
    let next = history.length
    for (let i = history.length - 1; i >= 0; i--) {
      if (history[i]?.event._tag === "Quiet") next = i
      this.nextQuiet[i] = next
    }
    // What calls end with is known from the start: it says which of them were taken back.
    for (const [index, { at, event }] of history.entries()) {
      if (event._tag === "Sent") {
        this.parcels.set(event.id, {
          sent: event,
          index,
          at,
          beganAt: null,
          answer: null,
          rival: null,
          result: null,
          mayBeCycle: false,
          ahead: 0
        })
      } else if (event._tag === "Result") {
        const parcel = this.parcels.get(event.id)
        if (parcel === undefined) this.problem(`#${event.id} has a result and was never sent`, index)
        else if (parcel.result !== null) this.problem(`#${event.id} has two results`, index)
        else parcel.result = { result: event.result, index, at }
      }
    }
  }

  problem(text: string, index = this.index): void {
    this.problems.push(`${index}: ${text}`)
  }

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
          for (const parcel of this.waiting) this.quietCall(parcel)
          for (const server of this.servers.values()) this.quiet(server)
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
          else if (event._tag === "Cancelled") this.cancelled(server, event)
          else if (event._tag === "Exit") this.exited(server, event)
          else if (event._tag === "Terminated") this.terminated(server, event)
          else if (event._tag === "Released") server.released++
          else server.seen.push(event.state)
        }
      }
    }
    for (const parcel of this.parcels.values()) {
      const server = this.servers.get(parcel.sent.server)
      if (server !== undefined) for (const text of judge(parcel, server, this.closing)) this.problem(text, parcel.index)
    }
    for (const server of this.servers.values()) this.over(server)
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
    parcel.ahead = server.queue.filter((other) => isFromOutside(other) && this.beganLater(other)).length - taken
    server.queue.push(parcel)
    if (server.idle !== null && this.now < server.idle.due - tolerance) server.idle.cancelled = true
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

  private readonly begun = new Map<number, number>()

  private beganLater(parcel: Parcel): boolean {
    if (this.begun.size === 0) {
      for (const [index, { event }] of this.history.entries()) {
        if (event._tag === "Began") this.begun.set(event.id, index)
      }
    }
    return (this.begun.get(parcel.sent.id) ?? -1) > this.index
  }

  private result(id: number, result: Result): void {
    const parcel = this.parcels.get(id)
    if (parcel === undefined) return
    this.waiting.delete(parcel)
    const server = this.servers.get(parcel.sent.server)
    if (server !== undefined && (result === "ok" || result.startsWith("down"))) this.stopped(server)
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

  /** Whether a message that was queued may be gone without having been handled. */
  private isGone(parcel: Parcel, server: ServerModel, before: number): boolean {
    const { result, sent } = parcel
    if (sent.kind === "cast") {
      const waits = server.isBounded && sent.sender._tag === "Handler"
      return server.drops || (waits && this.servers.get(sent.sender.server)?.end !== null)
    }
    if (result === null || sent.kind === "self") return false
    if (result.result === "cycle" || result.result === "full" || result.result === "down no process") return true
    const isAbandoned = result.result === "timeout" || result.result === "interrupted"
    // One that nobody waits for any more may also be dropped in silence.
    return sent.kind === "call" && isAbandoned && (sent.withdraw || server.drops) && result.index < before
  }

  /** What stands before a message in the mailbox, and has to be handled before it. */
  private overtaken(server: ServerModel, place: number): Parcel | undefined {
    const parcel = server.queue[place] as Parcel
    const before = this.nextQuiet[this.index] as number
    // Who waits for room is not yet in the mailbox; what is never refused goes past, as do casts of servers that would
    // wait for each other.
    const passes = (other: Parcel): boolean =>
      server.isBounded && !server.drops && this.isPushed(parcel) && isFromOutside(other)
    return server.queue.slice(0, place).find((other) => !this.isGone(other, server, before) && !passes(other))
  }

  private isPushed(parcel: Parcel): boolean {
    return !isFromOutside(parcel) || (parcel.sent.kind === "cast" && parcel.sent.sender._tag === "Handler")
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
    if (timer !== undefined) this.fired(server, timer)
    else if (idle !== null && idle.id === id) this.idled(server, idle)
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
    const other = this.overtaken(server, place)
    if (other !== undefined) this.problem(`server ${server.id} begins #${id} before #${other.sent.id}`)
    if (parcel.result !== null && parcel.result.index < this.index && parcel.sent.withdraw) {
      this.problem(`server ${server.id} begins #${id}, whose caller has gone`)
    }
    parcel.beganAt = this.index
    const isPushed = server.isBounded && this.isPushed(parcel)
    server.queue = server.queue.filter(
      (other, index) => index > place || (isPushed && index < place && isFromOutside(other))
    )
  }

  private fired(server: ServerModel, timer: Timer): void {
    const { due, id, period } = timer.armed
    const at = due + timer.fired * period
    timer.fired++
    if (period === 0 && timer.fired > 1) this.problem(`timer #${id} has fired twice`)
    if (timer.fired > timer.limit) this.problem(`timer #${id} has fired after it was cancelled`)
    if (this.now < at - tolerance) this.problem(`timer #${id} has fired before its time ${at}`)
    if (at < server.lastDue - tolerance) this.problem(`timer #${id}, due ${at}, comes after one due ${server.lastDue}`)
    server.lastDue = Math.max(server.lastDue, at)
  }

  private idled(server: ServerModel, idle: Idle): void {
    const before = this.nextQuiet[this.index] as number
    if (idle.cancelled) this.problem(`the idle time-out #${idle.id} was cancelled by a message`)
    if (this.now < idle.due - tolerance) this.problem(`the idle time-out #${idle.id} comes before its time ${idle.due}`)
    const waiting = server.queue.find(
      (parcel) => parcel.at < idle.due - tolerance && !this.isGone(parcel, server, before)
    )
    if (waiting !== undefined) this.problem(`the idle time-out #${idle.id} comes while #${waiting.sent.id} waits`)
  }

  private cancelled(server: ServerModel, { id, left }: Cancelled): void {
    const timer = server.timers.get(id)
    if (timer === undefined) return
    const { due, period } = timer.armed
    const elapsed =
      period === 0 ? (this.now >= due - tolerance ? 1 : 0) : Math.floor((this.now - due) / period + 1e-6) + 1
    timer.limit = Math.max(timer.fired, Math.min(period === 0 && left !== null ? 0 : elapsed, timer.limit))
    if (left === null && period === 0 && this.now < due - tolerance)
      this.problem(`timer #${id} was lost before its time`)
    if (left !== null && period === 0 && Math.abs(Math.max(0, due - this.now) - left) > tolerance) {
      this.problem(`timer #${id} had ${due - this.now} left, and says ${left}`)
    }
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
      server.idle = { id: next, ms, due, latest: exact ? due : null, cancelled: false }
    }
  }

  /** By now the last decision has been carried out. */
  private takesEffect(server: ServerModel): void {
    const answer = server.undecided?.answer
    if (answer != null && answer.certain === null && server.end === null) {
      answer.certain = { index: this.index, at: this.now }
    }
    if (server.idle !== null) server.idle.latest ??= this.now + server.idle.ms
    server.undecided = null
    server.hasUndecided = false
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Ending
  // -------------------------------------------------------------------------------------------------------------------

  /** The stop whose turn it may be, if there is one. */
  private dueStop(server: ServerModel): Parcel | undefined {
    const place = server.queue.findIndex(({ sent: { kind } }) => kind === "stop")
    for (let at = place; at >= 0 && at < server.queue.length; at++) {
      const parcel = server.queue[at] as Parcel
      if (this.isGone(parcel, server, this.nextQuiet[this.index] as number)) continue
      if (parcel.sent.kind === "stop") return this.overtaken(server, at) === undefined ? parcel : undefined
    }
    return undefined
  }

  /** Somebody says that it has ended: if a stop was next, it was that. */
  private stopped(server: ServerModel): void {
    const stop = server.end === null && server.busy === null ? this.dueStop(server) : undefined
    if (stop === undefined) return
    const isByParent = this.closing !== null
    if (server.config.terminate !== "none" && !isByParent) this.problem(`server ${server.id} has not terminated`)
    server.end = { index: this.index, reasons: new Set([stop.sent.reason as Reason]), isSignal: false, killed: null }
  }

  private exited(server: ServerModel, { isOwn, reason }: Exited): void {
    if (reason !== "killed" && (server.config.trapExit || (reason === "normal" && !isOwn))) return
    if (server.hasUndecided) server.isStateUncertain = true
    if (server.end !== null) {
      server.end.reasons.add(reason)
      if (reason === "killed") server.end.killed ??= this.index
      return
    }
    const reasons = new Set([reason])
    const stop = server.busy === null ? this.dueStop(server) : undefined
    if (stop !== undefined) reasons.add(stop.sent.reason as Reason)
    server.end = {
      index: this.index,
      reasons,
      isSignal: stop === undefined && !server.hasUndecided,
      killed: reason === "killed" ? this.index : null
    }
  }

  private terminated(server: ServerModel, { reason, state }: Terminated): void {
    const { end } = server
    if (server.terminated !== null) this.problem(`server ${server.id} terminates twice`)
    server.terminated = this.index
    if (end === null) {
      const isStop = this.dueStop(server)?.sent.reason === reason
      const isParent = this.closing !== null && server.config.trapExit && reason === "shutdown"
      if (!isStop && !isParent) this.problem(`server ${server.id} terminates for ${reason}, which nobody asked for`)
      if (server.busy !== null) this.problem(`server ${server.id} terminates while it handles #${server.busy.id}`)
      if (server.next !== null) this.problem(`server ${server.id} terminates before its continue #${server.next}`)
      this.takesEffect(server)
    } else {
      if (end.isSignal) this.problem(`server ${server.id} terminates although it was told to exit`)
      if (!end.reasons.has(reason)) this.problem(`server ${server.id} terminates for ${reason}`)
    }
    if (state !== server.state) {
      this.problem(`server ${server.id} terminates with state ${state}, but ${server.state} was committed`)
    }
    const reasons = new Set([server.config.terminate === "die" ? "crash in terminate" : reason])
    if (end?.reasons.has("killed") === true || this.closing !== null) reasons.add("killed")
    server.end = { index: end?.index ?? this.index, reasons, isSignal: false, killed: null }
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Quiet: whatever can happen has happened
  // -------------------------------------------------------------------------------------------------------------------

  private quietCall(parcel: Parcel): void {
    const { sender, server: id, timeout } = parcel.sent
    const server = this.servers.get(id)
    if (parcel.at + timeout <= this.now - tolerance) this.problem(`#${parcel.sent.id} has not timed out`)
    if (server === undefined) return
    if (server.end !== null && server.config.terminate !== "sleep") {
      this.problem(`#${parcel.sent.id} waits although server ${id} has ended`)
    }
    if (parcel.answer?.certain != null && server.end === null) this.problem(`#${parcel.sent.id} waits for its answer`)
    const caller = sender._tag === "Handler" ? this.servers.get(sender.server) : undefined
    const isKept = parcel.beganAt !== null && server.busy?.id !== parcel.sent.id
    if (caller !== undefined && !isKept && this.isBlocked(server, caller))
      this.problem(`#${parcel.sent.id} waits in a circle`)
  }

  private isBlocked(from: ServerModel, to: ServerModel): boolean {
    let server: ServerModel | undefined = from
    for (let steps = 0; server !== undefined && steps <= this.servers.size; steps++) {
      if (server === to) return true
      const { busy, waiting }: ServerModel = server
      if (busy === null || waiting === null) return false
      server = this.servers.get(waiting.sent.server)
      // Who has given `noReply` need not be free for the answer.
      if (waiting.beganAt !== null && server?.busy?.id !== waiting.sent.id) return false
    }
    return false
  }

  private quiet(server: ServerModel): void {
    if (server.end === null) this.takesEffect(server)
    if (this.closing !== null || server.end !== null || server.busy !== null) return
    this.stopped(server)
    if (server.end !== null) return
    server.queue = server.queue.filter((parcel) => !this.isGone(parcel, server, this.index))
    for (const { sent } of server.queue) this.problem(`#${sent.id} is left lying in the mailbox of server ${server.id}`)
    if (server.next !== null) this.problem(`the continue #${server.next} has not come`)
    for (const { armed, fired, limit } of server.timers.values()) {
      const isDue = armed.due + fired * armed.period <= this.now - tolerance
      if (isDue && limit === Infinity && (fired === 0 || armed.period > 0))
        this.problem(`timer #${armed.id} has not come`)
    }
    const { idle } = server
    if (idle?.latest != null && !idle.cancelled && idle.latest <= this.now - tolerance) {
      this.problem(`the idle time-out #${idle.id} has not come`)
    }
  }

  private over(server: ServerModel): void {
    if (server.told.size > 1) this.problem(`server ${server.id} has ended for ${Array.from(server.told).join(" and ")}`)
    if (server.config.effectful && server.released !== 1) {
      this.problem(`server ${server.id} was released ${server.released} times`)
    }
    let place = 0
    for (const state of server.seen) {
      const at = server.committed.indexOf(state, place)
      if (at < 0) {
        this.problem(
          `server ${server.id} was seen with ${state}, which is not next of ${server.committed.slice(place)}`
        )
        return
      }
      place = at
    }
    const last = server.committed.length - 1
    if (server.seen.length > 0 && place !== last && !server.isStateUncertain) {
      this.problem(`the last state of server ${server.id}, ${server.committed[last]}, was never seen`)
    }
  }
}

/** Whether it takes up room, and can be refused. */
export const isFromOutside = ({ sent: { kind } }: Parcel): boolean => kind === "call" || kind === "cast"

/** What is wrong with a history; nothing if a sequential server can have made it. */
export const violations = (history: History): ReadonlyArray<string> => new Model(history).check()
