/**
 * One run of a random tree: what is done to it, how time passes, and what must be true when all is over.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as ExitReason from "../../src/ExitReason.ts"
import * as GenServer from "../../src/GenServer.ts"
import { currentWhereabouts } from "../../src/internal/whereabouts.ts"
import * as Process from "../../src/Process.ts"
import * as Supervisor from "../../src/Supervisor.ts"
import { Random } from "./scheduler.ts"
import { Ask, Stage } from "./stage.ts"
import {
  type Ask as AskOf,
  type Body,
  type Child,
  type Fault,
  type Group,
  type Refusal,
  topId,
  type Why
} from "./tree.ts"

export interface Options {
  readonly seed: number
  /** How likely a fiber gives way between two of its steps. */
  readonly giveWay: number
  /** How likely time passes while somebody could still go on. */
  readonly hurry: number
}

export interface Finding {
  readonly problems: ReadonlyArray<string>
  /** What happened, for whoever has to find out why. */
  readonly account: ReadonlyArray<string>
}

/** Turns that a run may take before it counts as endless. */
const patience = 100_000

/** Something that was asked for. */
export interface Errand {
  readonly what: string
  result: string | null
}

const reasonOf = (why: Why): ExitReason.ExitReason =>
  why === "normal" ? ExitReason.normal : why === "shutdown" ? ExitReason.shutdown() : ExitReason.crash("told to")

const nameOf = (error: unknown): string => {
  const tag = String((error as { readonly _tag?: unknown } | null)?._tag)
  return tag === "ServerDown" ? "down" : tag
}

/** What there may be instead of an answer. */
const callErrors = ["down", "CallTimeout", "MailboxFull", "CallCycle"]

export class TreeRun {
  readonly stage: Stage
  readonly account: Array<string> = []
  readonly problems: Array<string> = []
  readonly errands: Array<Errand> = []
  private readonly random: Random
  private readonly hurry: number
  private readonly scope = Effect.runSync(Scope.make())
  /** Processes of other runs. */
  private readonly others = Effect.runSync(Process.list).length
  private turns = 0

  constructor({ giveWay, hurry, seed }: Options, isOrderly: boolean) {
    this.stage = new Stage(seed ^ 0x5eed, giveWay, isOrderly)
    this.random = new Random(seed)
    this.hurry = hurry
  }

  say(what: string): void {
    this.account.push(`${this.stage.clock.now} ${what}`)
  }

  problem(what: string): void {
    this.problems.push(what)
    this.say(`PROBLEM: ${what}`)
  }

  fork(effect: Effect.Effect<unknown, unknown>): Fiber.RuntimeFiber<unknown, unknown> {
    return Effect.runFork(
      effect.pipe(
        Effect.locally(currentWhereabouts, { root: this.stage.root, nest: null }),
        Effect.withClock(this.stage.clock),
        Effect.provide(Logger.remove(Logger.defaultLogger))
      ),
      { scheduler: this.stage.scheduler }
    )
  }

  /** Runs an errand. What becomes of it is written down. */
  send(what: string, effect: Effect.Effect<unknown, unknown>): Errand {
    const errand: Errand = { what, result: null }
    this.errands.push(errand)
    this.say(what)
    this.fork(
      Effect.matchCause(effect, {
        onSuccess: (value) => (typeof value === "string" || typeof value === "number" ? String(value) : "ok"),
        onFailure: (cause) =>
          Option.match(Cause.failureOption(cause), { onNone: () => `died: ${Cause.pretty(cause)}`, onSome: nameOf })
      }).pipe(
        Effect.map((result) => {
          errand.result = result
          this.say(`${what}: ${result}`)
        })
      )
    )
    return errand
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Time
  // -------------------------------------------------------------------------------------------------------------------

  /** Lets everybody have turns until nobody wants one, and no time pass. */
  private exhaust(): void {
    const { clock, scheduler } = this.stage
    while (!scheduler.isQuiet && this.turns++ < patience) {
      if (this.hurry > 0 && this.random.chance(this.hurry)) {
        clock.advance(Math.min(clock.nearest, clock.now + this.random.below(9)))
      }
      scheduler.step()
    }
  }

  /** As `exhaust`, and those who slept for something that is not waited for any more are gone. */
  private async quiet(): Promise<void> {
    this.exhaust()
    if (this.stage.clock.nearest === Number.POSITIVE_INFINITY) return
    // The alarm lets go of its sleepers in a turn of the event loop.
    await new Promise((resume) => setImmediate(resume))
    this.exhaust()
  }

  /** Lets everything come to rest, however long it takes. */
  async settle(): Promise<void> {
    const { clock } = this.stage
    for (;;) {
      await this.quiet()
      if (this.turns >= patience) {
        this.problem("it does not come to rest")
        return
      }
      if (clock.nearest === Number.POSITIVE_INFINITY) return
      clock.advance(clock.nearest)
    }
  }

  /** Goes on for so many turns. */
  hasten(turns: number): void {
    for (let turn = 0; turn < turns && !this.stage.scheduler.isQuiet; turn++) this.stage.scheduler.step()
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Beginning and end
  // -------------------------------------------------------------------------------------------------------------------

  async boot(top: Group): Promise<boolean> {
    const layer = this.stage.group(topId, top)
    const errand = this.send("boot", Effect.asVoid(Layer.buildWithScope(layer, this.scope)))
    await this.settle()
    return errand.result === "ok"
  }

  /** The end of the scope, and what must be true after it. */
  async close(): Promise<void> {
    const { clock, resources } = this.stage
    const errand = this.send("close", Scope.close(this.scope, Exit.void))
    const isOver = () =>
      this.errands.every(({ result }) => result !== null) &&
      resources.every(({ releases }) => releases > 0) &&
      this.living.length === 0
    for (;;) {
      await this.quiet()
      if (isOver() || this.turns >= patience || clock.nearest === Number.POSITIVE_INFINITY) break
      clock.advance(clock.nearest)
    }
    if (errand.result === null) this.problem("the scope is never closed")
    else if (isOver() && clock.nearest < Number.POSITIVE_INFINITY) {
      this.problem(`all is over, and somebody sleeps until ${clock.nearest}`)
    }
    this.checkErrands()
    for (const { id, life, releases } of resources) {
      if (releases !== 1) this.problem(`what ${id}#${life} acquired was released ${releases} times`)
    }
    for (const text of this.living) this.problem(`still alive: ${text}`)
  }

  private get living(): ReadonlyArray<string> {
    return Effect.runSync(Process.list)
      .slice(this.others)
      .map(({ kind, path, status }) => `${path.join("/")} (${kind}, ${status})`)
  }

  /** Everybody has an answer, but for those whom nobody wanted to give one. */
  checkErrands(excused: (what: string) => boolean = () => false): void {
    for (const { result, what } of this.errands) {
      if (result === null && !excused(what)) this.problem(`no answer to: ${what}`)
      if (
        result !== null &&
        what.startsWith("ask") &&
        !Number(result) &&
        !callErrors.includes(result) &&
        result !== "ok"
      )
        this.problem(`a strange answer to ${what}: ${result}`)
    }
  }

  // -------------------------------------------------------------------------------------------------------------------
  // What is done to it
  // -------------------------------------------------------------------------------------------------------------------

  ask({ after, how, timeout }: AskOf, id: string, body: Body): Errand | null {
    if (body._tag !== "Server" && body._tag !== "Group") return null
    const limit = { timeout: timeout === Number.POSITIVE_INFINITY ? ("infinity" as const) : timeout }
    const call: Effect.Effect<unknown, unknown> =
      body._tag === "Group"
        ? Effect.map(Supervisor.whichChildren(this.stage.ref(id)), () => "ok")
        : GenServer.call(this.stage.ref(id), new Ask({ how: how === "look" ? "plain" : how }) as never, limit)
    return this.send(`ask ${id} ${how} after ${after}`, after === 0 ? call : Effect.delay(call, after))
  }

  /** The fault, at what it hits. */
  strike(fault: Exclude<Fault, { _tag: "Start" | "Jump" | "Top" }>, { body, id }: Pick<Child, "body" | "id">): Errand {
    const { stage } = this
    const what = `${fault._tag} ${id}${fault._tag === "Stop" ? ` ${fault.why}` : ""}`
    const above = stage.ref<never>(id.slice(0, -1))
    switch (fault._tag) {
      case "Terminate":
        return this.send(what, Supervisor.terminateChild(above, id))
      case "Restart":
        return this.send(what, Supervisor.restartChild(above, id))
      case "Delete":
        return this.send(what, Supervisor.deleteChild(above, id))
      default:
    }
    const ref = stage.ref<never>(id)
    if (body._tag === "Layer" || body._tag === "Worker") {
      const why = body._tag === "Worker" && fault._tag === "Stop" && fault.why !== "crash" ? "normal" : "crash"
      return this.send(
        what,
        Effect.sync(() => {
          const command = stage.commands.get(id)
          command?.(why)
          return command === undefined ? "down" : "ok"
        })
      )
    }
    switch (fault._tag) {
      case "Kill":
        return this.send(what, Process.exit(ref, ExitReason.killed))
      case "Exit":
        return this.send(what, Process.exit(ref, ExitReason.shutdown()))
      case "Stop":
        return this.send(what, GenServer.stop(ref, reasonOf(fault.why)))
      case "Crash":
        return body._tag === "Group"
          ? this.send(what, Supervisor.stop(ref, ExitReason.shutdown()))
          : this.send(what, GenServer.call(ref, new Ask({ how: "crash" }) as never, { timeout: "infinity" }))
    }
  }

  start(group: string, child: Child): Errand {
    return this.send(
      `Start ${child.id}`,
      Supervisor.startChild(this.stage.ref<never>(group), this.stage.spec(child) as never)
    )
  }

  top(how: Extract<Fault, { _tag: "Top" }>["how"]): Errand {
    const ref = this.stage.ref<never>(topId)
    return this.send(
      `Top ${how}`,
      how === "killed" ? Process.exit(ref, ExitReason.killed) : Supervisor.stop(ref, reasonOf(how))
    )
  }

  jump(ms: number): void {
    this.say(`Jump ${ms}`)
    this.stage.clock.advance(this.stage.clock.now + ms)
  }

  refuse({ how, times }: Refusal, { body, id }: Pick<Child, "body" | "id">, mayHang: boolean): Refusal["how"] {
    // Only a server by itself can want no process.
    const isPossible = how === "hang" ? mayHang : body._tag === "Server" && body.outer === null
    const possible = isPossible ? how : "fail"
    this.stage.refusals.clear()
    this.stage.refusals.set(id, { times, how: possible })
    this.say(`the next ${times} starts of ${id} ${possible}`)
    return possible
  }

  /** What a supervisor says of its children, the oldest first; nothing if it does not run. */
  look(id: string): ReadonlyArray<Supervisor.ChildInfo> | null {
    const infos = this.hear(Supervisor.whichChildren(this.stage.ref<never>(id)))
    return Array.isArray(infos) ? infos.slice().reverse() : null
  }

  /** The life of a server, as it says itself; a word if it does not run. */
  life(id: string): unknown {
    return this.hear(GenServer.call(this.stage.ref(id), new Ask({ how: "plain" }) as never, { timeout: "infinity" }))
  }

  /** An answer that must come without anybody waiting for anything. */
  private hear(asking: Effect.Effect<unknown, unknown>): unknown {
    const fiber = this.fork(Effect.catchAll(asking, (error) => Effect.succeed(nameOf(error))))
    this.exhaust()
    const exit = fiber.unsafePoll()
    if (exit === null) return "no answer"
    return Exit.isSuccess(exit) ? exit.value : Cause.pretty(exit.cause)
  }
}
