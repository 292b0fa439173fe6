/**
 * Runs random programs on two nodes and on a model of them: who subscribes and leaves, what is broadcast by whom and how,
 * who ends, and what a slow reader has left. After each step everybody must have heard what the model says.
 */
import { assert, describe, it } from "@effect/vitest"
import { type CallError, ExitReason, type GenServer, Process, PubSub, Supervisor } from "@effect-otp/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as TestContext from "effect/TestContext"
import { heard, inside, join, Listener, leave, Updates } from "../fixtures/Listener.ts"
import { Network } from "../fixtures/network.ts"
import { quiet, told } from "../fixtures/observing.ts"

const names = ["left", "right"] as const
const topics = ["a", "b"].map((name) => PubSub.topic(name, Schema.String))
const queuesOfNode = 3
const serversOfNode = 2

type Limit = { readonly capacity: number; readonly overflow: PubSub.Overflow } | null
type Who = { readonly kind: "queue" | "server"; readonly at: number }
type How = "all" | "local" | "direct"

type Step = { readonly node: number } & (
  | { readonly does: "subscribe"; readonly queue: number; readonly topic: number; readonly limit: Limit }
  | { readonly does: "unsubscribe"; readonly queue: number }
  | { readonly does: "drain"; readonly queue: number }
  | { readonly does: "join" | "leave"; readonly server: number; readonly topic: number }
  | { readonly does: "stop"; readonly server: number }
  | { readonly does: "broadcast"; readonly how: How; readonly topic: number; readonly from: Who | null }
  | { readonly does: "crash" }
  | { readonly does: "kill" }
)

const node = FastCheck.nat(1)
const topic = FastCheck.nat(1)
const queue = FastCheck.nat(queuesOfNode - 1)
const server = FastCheck.nat(serversOfNode - 1)
const limit: FastCheck.Arbitrary<Limit> = FastCheck.option(
  FastCheck.record({
    capacity: FastCheck.integer({ min: 1, max: 3 }),
    overflow: FastCheck.constantFrom<PubSub.Overflow>("dropNewest", "dropOldest", "end")
  })
)
const who: FastCheck.Arbitrary<Who> = FastCheck.oneof(
  FastCheck.record({ kind: FastCheck.constant("queue" as const), at: queue }),
  FastCheck.record({ kind: FastCheck.constant("server" as const), at: server })
)
const does = <D extends string>(does: D) => FastCheck.constant(does)

const step: FastCheck.Arbitrary<Step> = FastCheck.oneof(
  { weight: 4, arbitrary: FastCheck.record({ node, does: does("subscribe"), queue, topic, limit }) },
  { weight: 1, arbitrary: FastCheck.record({ node, does: does("unsubscribe"), queue }) },
  { weight: 2, arbitrary: FastCheck.record({ node, does: does("drain"), queue }) },
  { weight: 3, arbitrary: FastCheck.record({ node, does: does("join"), server, topic }) },
  { weight: 1, arbitrary: FastCheck.record({ node, does: does("leave"), server, topic }) },
  { weight: 1, arbitrary: FastCheck.record({ node, does: does("stop"), server }) },
  {
    weight: 8,
    arbitrary: FastCheck.record({
      node,
      does: does("broadcast"),
      how: FastCheck.constantFrom<How>("all", "local", "direct"),
      topic,
      from: FastCheck.option(who)
    })
  },
  { weight: 1, arbitrary: FastCheck.record({ node, does: does("crash") }) },
  { weight: 1, arbitrary: FastCheck.record({ node, does: does("kill") }) }
)

// ---------------------------------------------------------------------------------------------------------------------
// The model
// ---------------------------------------------------------------------------------------------------------------------

interface Queue {
  readonly topic: number
  readonly limit: Limit
  readonly waiting: Array<string>
  dropped: number
  /** What comes when all that waits is taken. */
  end: string | null
}

class ModelNode {
  private ends = 0
  readonly queues: Array<Queue | null> = Array.from({ length: queuesOfNode }, () => null)
  readonly servers = Array.from({ length: serversOfNode }, () => ({
    heard: [] as Array<string>,
    joined: topics.map(() => 0)
  }))

  get subscriptions(): number {
    const open = this.queues.filter((queue) => queue !== null && queue.end === null).length
    return this.servers.reduce((sum, { joined }) => sum + joined.reduce((a, b) => a + b, 0), open)
  }

  restart(at: number): void {
    this.servers[at] = { heard: [], joined: topics.map(() => 0) }
  }

  give(topic: number, text: string, from: Who | null): void {
    for (const [at, queue] of this.queues.entries()) {
      if (queue === null || queue.topic !== topic || queue.end !== null) continue
      if (from?.kind === "queue" && from.at === at) continue
      const { limit, waiting } = queue
      if (limit === null || waiting.length < limit.capacity) {
        waiting.push(text)
        continue
      }
      queue.dropped++
      if (limit.overflow === "dropOldest") {
        waiting.shift()
        waiting.push(text)
      } else if (limit.overflow === "end") queue.end = "error: SubscriberFull"
    }
    for (const [at, { heard, joined }] of this.servers.entries()) {
      if (from?.kind === "server" && from.at === at) continue
      for (let n = 0; n < (joined[topic] ?? 0); n++) heard.push(text)
    }
  }

  /** The adapter ends, or the table with all subscriptions. At the fourth time their supervisor gives up, and ends both. */
  fail(isTable: boolean): void {
    this.ends++
    if (isTable) this.endTable("ServerDown: killed")
    if (this.ends < 4) return
    this.ends = 0
    this.endTable("ServerDown: shutdown")
  }

  private endTable(end: string): void {
    for (const queue of this.queues) if (queue !== null) queue.end ??= end
    for (const [at, { joined }] of this.servers.entries()) if (joined.some((times) => times > 0)) this.restart(at)
  }
}

const act = (nodes: ReadonlyArray<ModelNode>, step: Step, text: string): void => {
  const here = nodes[step.node] as ModelNode
  switch (step.does) {
    case "subscribe":
      here.queues[step.queue] = { topic: step.topic, limit: step.limit, waiting: [], dropped: 0, end: null }
      return
    case "unsubscribe": {
      const queue = here.queues[step.queue]
      if (queue != null) queue.end ??= "ended"
      return
    }
    case "drain":
      here.queues[step.queue]?.waiting.splice(0)
      return
    case "join":
    case "leave": {
      const joined = here.servers[step.server]?.joined as Array<number>
      joined[step.topic] = step.does === "leave" ? 0 : (joined[step.topic] ?? 0) + 1
      return
    }
    case "stop":
      here.restart(step.server)
      return
    case "broadcast": {
      const other = nodes[1 - step.node] as ModelNode
      if (step.how !== "direct") here.give(step.topic, text, step.from)
      if (step.how !== "local") other.give(step.topic, text, null)
      return
    }
    case "crash":
    case "kill":
      here.fail(step.does === "kill")
      return
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// The real thing
// ---------------------------------------------------------------------------------------------------------------------

type RealQueue = PubSub.Subscription<string, CallError.ServerDown | PubSub.SubscriberFull>

class RealNode {
  readonly name: string
  readonly queues: Array<{ readonly scope: Scope.CloseableScope; readonly of: RealQueue } | null>
  readonly servers: ReadonlyArray<GenServer.ServerRef<Listener>>
  private readonly context: Context.Context<Updates>

  constructor(name: string, context: Context.Context<Updates>, servers: ReadonlyArray<GenServer.ServerRef<Listener>>) {
    this.name = name
    this.context = context
    this.servers = servers
    this.queues = Array.from({ length: queuesOfNode }, () => null)
  }

  in<A, E>(effect: Effect.Effect<A, E, Updates>): Effect.Effect<A, E> {
    return Effect.provide(effect, this.context)
  }
}

/** A node that bears any number of ends. */
const open = (network: Network, name: string, poolSize: number) =>
  Effect.gen(function* () {
    const intensity = { restarts: 1_000, within: "1 second" } as const
    // The PubSub's own supervisor bears three ends in five seconds, and time does not pass.
    const context = yield* Layer.build(
      Supervisor.layer({ children: [Updates.layer({ adapter: network.adapter(name), poolSize })], intensity })
    )
    const servers = Array.from({ length: serversOfNode }, (_, at) =>
      Layer.build(
        Layer.provide(Supervisor.layer({ children: [Listener.layer()], intensity }), Layer.succeedContext(context))
      ).pipe(
        Effect.map((services) => Context.get(services, Listener)),
        Effect.annotateLogs({ at })
      )
    )
    return new RealNode(name, context, yield* Effect.all(servers))
  })

const perform = (network: Network, nodes: ReadonlyArray<RealNode>, step: Step, text: string) =>
  Effect.gen(function* () {
    const here = nodes[step.node] as RealNode
    switch (step.does) {
      case "subscribe": {
        const last = here.queues[step.queue]
        if (last != null) yield* Scope.close(last.scope, yield* Effect.exit(Effect.void))
        const scope = yield* Scope.make()
        const topic = topics[step.topic] as (typeof topics)[number]
        const of = yield* here.in(Scope.extend(PubSub.subscription(Updates, topic, step.limit ?? {}), scope))
        here.queues[step.queue] = { scope, of }
        return
      }
      case "unsubscribe":
        return yield* here.queues[step.queue]?.of.unsubscribe ?? Effect.void
      case "drain":
        return yield* Effect.asVoid(Effect.option(here.queues[step.queue]?.of.messages.clear ?? Effect.void))
      case "join":
      case "leave": {
        const topic = topics[step.topic] as (typeof topics)[number]
        const server = here.servers[step.server] as GenServer.ServerRef<Listener>
        return yield* inside(server, step.does === "join" ? join(topic) : leave(topic))
      }
      case "stop":
        return yield* Process.exit(here.servers[step.server] as GenServer.ServerRef<Listener>, ExitReason.killed)
      case "broadcast": {
        const topic = topics[step.topic] as (typeof topics)[number]
        const other = nodes[1 - step.node] as RealNode
        const from = step.from === null ? null : subscriber(here, step.from)
        if (step.how === "direct") return yield* here.in(PubSub.directBroadcast(Updates, other.name, topic, text))
        const local = step.how === "local"
        if (from === null) {
          return yield* here.in((local ? PubSub.localBroadcast : PubSub.broadcast)(Updates, topic, text))
        }
        return yield* here.in((local ? PubSub.localBroadcastFrom : PubSub.broadcastFrom)(Updates, from, topic, text))
      }
      case "crash":
        return network.crash(here.name)
      case "kill":
        return yield* Process.exit(here.in(Updates), ExitReason.killed)
    }
  })

const subscriber = (node: RealNode, { at, kind }: Who): PubSub.Subscriber<Listener> | null =>
  kind === "queue" ? (node.queues[at]?.of ?? null) : (node.servers[at] ?? null)

/** What waits in a queue, without taking it: only the model's own steps do that. */
const stateOf = (queue: RealQueue) =>
  Effect.gen(function* () {
    const size = yield* queue.messages.size
    return { waiting: size._tag === "Some" ? size.value : 0, dropped: yield* queue.dropped }
  })

const run = (steps: ReadonlyArray<Step>, poolSize: number) =>
  Effect.gen(function* () {
    const network = new Network()
    const real = [yield* open(network, names[0], poolSize), yield* open(network, names[1], poolSize)]
    const model = [new ModelNode(), new ModelNode()]
    for (const [at, step] of steps.entries()) {
      yield* perform(network, real, step, String(at))
      act(model, step, String(at))
      yield* quiet
      for (const [n, node] of real.entries()) {
        const expected = model[n] as ModelNode
        const counts = yield* node.in(PubSub.counts(Updates))
        assert.strictEqual(counts.subscriptions, expected.subscriptions, `subscriptions after step ${at}`)
        for (const [q, queue] of node.queues.entries()) {
          const wanted = expected.queues[q]
          if (queue === null || wanted == null) continue
          assert.deepStrictEqual(yield* stateOf(queue.of), {
            waiting: wanted.waiting.length,
            dropped: wanted.dropped
          })
        }
        for (const [s, server] of node.servers.entries()) {
          assert.deepStrictEqual(yield* heard(server), expected.servers[s]?.heard as ReadonlyArray<string>)
        }
      }
    }
    for (const [n, node] of real.entries()) {
      for (const [q, queue] of node.queues.entries()) {
        const wanted = model[n]?.queues[q]
        if (queue === null || wanted == null) continue
        for (const text of wanted.waiting) assert.strictEqual(yield* queue.of.messages.take, text)
        if (wanted.end === null) continue
        const end = yield* told(queue.of.messages.take)
        const words = wanted.end === "ended" ? "error: NoSuchElementException" : wanted.end
        assert.strictEqual(end.slice(0, words.length), words)
      }
    }
  })

const quietly = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<A> =>
  Effect.runPromise(
    Effect.provide(Effect.scoped(effect), Layer.merge(TestContext.TestContext, Logger.remove(Logger.defaultLogger)))
  )

const program = FastCheck.array(step, { minLength: 5, maxLength: 40, size: "max" })

describe("programs of subscribers and broadcasters", () => {
  for (const poolSize of [1, 8]) {
    it(`on two nodes with a pool of ${poolSize} do what a model of them does (PS-2 to PS-9, REG-17, REG-18)`, async () => {
      await FastCheck.assert(
        FastCheck.asyncProperty(program, (steps) => quietly(run(steps, poolSize))),
        { numRuns: 60 }
      )
    }, 120_000)
  }
})
