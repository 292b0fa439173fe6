/**
 * Where a random tree lives: its clock, its scheduler, the layers made of its description, and a record of what its
 * children start, acquire and release.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as ChildSpec from "../../src/ChildSpec.ts"
import type * as ExitReason from "../../src/ExitReason.ts"
import * as GenServer from "../../src/GenServer.ts"
import { NameRef } from "../../src/internal/nameRef.ts"
import { Root } from "../../src/internal/root.ts"
import type { Seat } from "../../src/internal/seat.ts"
import * as Supervisor from "../../src/Supervisor.ts"
import { VirtualClock } from "./clock.ts"
import { Random, RandomScheduler } from "./scheduler.ts"
import type { Ask as AskOf, Body, Child, Group, Refusal } from "./tree.ts"

export class Ask extends GenServer.Call<Ask>()("Ask", {
  payload: { how: Schema.Literal("plain", "slow", "crash", "kept") },
  success: Schema.Number
}) {}

/** What a server does when it is asked. */
export type How = Exclude<AskOf["how"], "look">

/** Something that was done, and when. */
export interface Entry {
  readonly at: number
  readonly what: string
}

/** Something acquired by the n-th life of a child. */
interface Resource {
  readonly id: string
  readonly life: number
  releases: number
}

interface State {
  readonly life: number
}

type Verdict = "start" | Refusal["how"]

type AnyLayer = Layer.Layer<never, unknown>

/** How long a slow handler takes, in milliseconds. */
const slowly = 11

export class Stage {
  readonly scheduler: RandomScheduler
  readonly clock: VirtualClock
  readonly root = new Root()
  readonly trace: Array<Entry> = []
  readonly resources: Array<Resource> = []
  /** Which children refuse to start, and how often they will. */
  readonly refusals = new Map<string, { times: number; readonly how: Refusal["how"] }>()
  /** How children that are no servers are told to end. */
  readonly commands = new Map<string, (why: "normal" | "crash") => void>()
  private readonly lives = new Map<string, number>()
  private readonly isOrderly: boolean

  constructor(seed: number, giveWay: number, isOrderly: boolean) {
    this.scheduler = new RandomScheduler(new Random(seed), giveWay)
    this.clock = new VirtualClock(this.scheduler)
    this.isOrderly = isOrderly
  }

  write(what: string): void {
    this.trace.push({ at: this.clock.now, what })
  }

  /** How many resources of a child are held. */
  held(id: string): number {
    return this.resources.filter((resource) => resource.id === id && resource.releases === 0).length
  }

  // -------------------------------------------------------------------------------------------------------------------
  // What children do
  // -------------------------------------------------------------------------------------------------------------------

  private next(id: string): number {
    return (this.lives.get(id) ?? 0) + 1
  }

  private begin(id: string): number {
    const life = this.next(id)
    this.lives.set(id, life)
    return life
  }

  private decide(id: string, life: number): Verdict {
    const refusal = this.refusals.get(id)
    if (refusal === undefined || refusal.times === 0) {
      this.write(`start ${id}#${life}`)
      return "start"
    }
    refusal.times--
    this.write(`${refusal.how} ${id}#${life}`)
    return refusal.how
  }

  private acquire(id: string, life: number, ms: number): Effect.Effect<void, never, Scope.Scope> {
    const acquired = Effect.sync(() => {
      const resource: Resource = { id, life, releases: 0 }
      this.resources.push(resource)
      return resource
    })
    return Effect.asVoid(
      Effect.acquireRelease(acquired, (resource) =>
        Effect.suspend(() => {
          this.write(`release ${id}#${life}`)
          const released = Effect.sync(() => void resource.releases++)
          return ms === 0 ? released : Effect.delay(released, ms)
        })
      )
    )
  }

  /** Waits until it is told to end. */
  private command(id: string): Effect.Effect<void, string> {
    return Effect.async((resume) => {
      const command = (why: "normal" | "crash"): void => {
        this.commands.delete(id)
        resume(why === "normal" ? Effect.void : Effect.fail("told to"))
      }
      this.commands.set(id, command)
      return Effect.sync(() => {
        if (this.commands.get(id) === command) this.commands.delete(id)
      })
    })
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Children as supervisors take them
  // -------------------------------------------------------------------------------------------------------------------

  /** A child, for the list of a supervisor or to be started later. */
  spec(child: Child): ChildSpec.ChildSpec<never, unknown> {
    const { body, id, restart, significant } = child
    const options = { id, restart, significant, ...(child.shutdown === null ? {} : { shutdown: child.shutdown }) }
    if (body._tag !== "Worker") return Supervisor.child(this.layer(id, body), options) as never
    const { id: _, ...others } = options
    return Supervisor.worker(id, this.worker(id, body.release), others) as never
  }

  private layer(id: string, body: Exclude<Body, { _tag: "Worker" }>): AnyLayer {
    switch (body._tag) {
      case "Group":
        return this.group(id, body)
      case "Layer":
        return this.plain(id, body)
      case "Server": {
        const server = this.server(id, body)
        if (body.outer === null) return server
        // It is counted with the server that comes after it.
        const outside = Effect.suspend(() => this.acquire(outerOf(id), this.next(id), body.outer ?? 0))
        // Not by `provideMerge`: it builds the outer one in two fibers that share it, and Effect never releases what one of
        // them was interrupted over, right between counting itself among its users and saying when it is none any more.
        return Layer.flatMap(Layer.scopedDiscard(outside), () => server) as AnyLayer
      }
    }
  }

  group(id: string, { autoShutdown, children, restarts, strategy, within }: Group): AnyLayer {
    const service = Supervisor.Service<never>()(`@trees/${id}`) as unknown as Supervisor.ServiceClass<never, string>
    return service.layer({
      strategy,
      autoShutdown,
      intensity: { restarts, within },
      children: children.map((child) => this.spec(child))
    }) as AnyLayer
  }

  private plain(id: string, { release, start }: Extract<Body, { _tag: "Layer" }>): AnyLayer {
    return Layer.scopedDiscard(
      Effect.suspend(() => {
        const life = this.begin(id)
        const works = Effect.asVoid(Effect.forkScoped(this.command(id)))
        return Effect.zipRight(
          this.acquire(id, life, release),
          this.after(id, life, start, (verdict) => (verdict === "start" ? works : Effect.fail("refused")))
        )
      })
    ) as AnyLayer
  }

  /** Goes on as it is decided, after a while. */
  private after<A, E, R>(
    id: string,
    life: number,
    ms: number,
    go: (verdict: Verdict) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, R> {
    const decided = Effect.suspend(() => {
      const verdict = this.decide(id, life)
      return verdict === "hang" ? Effect.never : go(verdict)
    })
    return ms === 0 ? decided : Effect.delay(decided, ms)
  }

  private worker(id: string, release: number): Effect.Effect<void, string, Scope.Scope> {
    // When a worker comes to its first step is its own business: what it does is told apart by this name.
    const name = workOf(id)
    return Effect.suspend(() => {
      const life = this.begin(name)
      return Effect.zipRight(
        this.acquire(name, life, release),
        Effect.suspend(() => (this.decide(name, life) === "start" ? this.command(id) : Effect.fail("refused")))
      )
    })
  }

  private server(id: string, body: Extract<Body, { _tag: "Server" }>): AnyLayer {
    const { effectful, onRestart, release, start, terminate, trapExit } = body
    const service = GenServer.Service<never>()(`@trees/${id}`, {
      messages: [Ask]
    }) as unknown as GenServer.ServiceClass<never, string, Ask, State>
    const enter = (life: number, verdict: Verdict) => {
      switch (verdict) {
        case "start":
          return { life }
        case "ignore":
          return GenServer.ignore
        default:
          throw new Error("refused")
      }
    }
    const init = () => {
      const life = this.begin(id)
      return enter(life, this.decide(id, life))
    }
    const effectfulInit = () =>
      Effect.suspend(() => {
        const life = this.begin(id)
        const acquire = release === null ? Effect.void : this.acquire(id, life, release)
        const entered = this.after(id, life, start, (verdict) => Effect.sync(() => enter(life, verdict)))
        return Effect.zipRight(acquire, entered)
      })
    const kept = this.isOrderly || onRestart === "drop" ? (onRestart === "drop" ? "drop" : "keep") : onRestart
    const callbacks = {
      handleCall: { Ask: ({ how }: Ask, state: State) => answer(how, state) },
      trapExit,
      ...(terminate === null
        ? {}
        : {
            terminate: (_: ExitReason.ExitReason, { life }: State) => {
              this.write(`terminate ${id}#${life}`)
              return terminate === 0 ? Effect.void : Effect.sleep(terminate)
            }
          }),
      // Its child's is the one that counts. Not for ever: one that traps exits and hangs in `init` ends by it.
      shutdown: body.outer === null ? 5_000 : 60_000,
      mailbox: { onRestart: kept === "retry" ? { retry: 2 } : kept }
    }
    // What the callbacks of all these servers have in common is not worth their types.
    return service.toLayer((effectful ? effectfulInit : init) as never, callbacks as never) as unknown as AnyLayer
  }

  /** Where a server or a supervisor is found by its name. */
  seat(id: string): Seat | undefined {
    return this.root.lookup(`@trees/${id}`)
  }

  /** A server or a supervisor, by its name. */
  ref<Self>(id: string): GenServer.ServerRef<Self> {
    return new NameRef(`@trees/${id}`, id, this.root) as never
  }
}

/** What a child's layer holds beside its server. */
export const outerOf = (id: string): string => `${id}/outer`

export const workOf = (id: string): string => `${id}/work`

const answer = (how: How, state: State) => {
  switch (how) {
    case "plain":
      return GenServer.reply(state.life, state)
    case "slow":
      return Effect.delay(Effect.succeed(GenServer.reply(state.life, state)), slowly)
    case "crash":
      throw new Error("told to")
    case "kept":
      return GenServer.noReply(state)
  }
}
