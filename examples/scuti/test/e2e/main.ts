/** Scuti as `src/main.ts` runs it, with one more child that ends the others when the process's parent says so. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { DnsCluster } from "@effect-otp/cluster/DnsCluster"
import * as Core from "@effect-otp/core/Application"
import type { CallError } from "@effect-otp/core/CallError"
import * as ExitReason from "@effect-otp/core/ExitReason"
import * as Process from "@effect-otp/core/Process"
import * as Supervisor from "@effect-otp/core/Supervisor"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Application from "../../src/Application.ts"
import { Endpoint } from "../../src/Endpoint.ts"
import * as Environment from "../../src/Environment.ts"
import { Hashmap } from "../../src/Hashmap.ts"
import { RepoSupervisor } from "../../src/RepoSupervisor.ts"
import { ScutiPubSub } from "../../src/ScutiPubSub.ts"
import { Telemetry } from "../../src/Telemetry.ts"

const kill = {
  "ScutiWeb.Telemetry": Process.exit(Telemetry, ExitReason.killed),
  "Scuti.Repo": Process.exit(RepoSupervisor, ExitReason.killed),
  DnsCluster: Process.exit(DnsCluster, ExitReason.killed),
  "Scuti.PubSub": Process.exit(ScutiPubSub, ExitReason.killed),
  "ScutiWeb.Endpoint": Process.exit(Endpoint, ExitReason.killed),
  "ScutiWeb.Service.Hashmap": Process.exit(Hashmap, ExitReason.killed)
}

type Killed = Effect.Effect.Context<(typeof kill)[keyof typeof kill]>

const Order = Schema.Union(
  Schema.Struct({ kill: Schema.Literal(...(Object.keys(kill) as ReadonlyArray<keyof typeof kill>)) }),
  Schema.Struct({ measure: Schema.Literal(true) })
)

/** What is left open, and how much memory is in use when all garbage is gone. */
const measure: Effect.Effect<object> = Effect.sync(() => {
  globalThis.gc?.()
  const resources = process.getActiveResourcesInfo()
  return {
    heap: process.memoryUsage().heapUsed,
    sockets: resources.filter((name) => name === "TCPSocketWrap").length,
    listeners: resources.filter((name) => name === "TCPServerWrap").length
  }
})

const orders = Stream.asyncPush<unknown>((emit) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const onMessage = (message: unknown): void => {
        emit.single(message)
      }
      process.on("message", onMessage)
      return onMessage
    }),
    // The channel to the parent would keep the process alive.
    (onMessage) =>
      Effect.sync(() => {
        process.off("message", onMessage)
        process.disconnect?.()
      })
  )
)

/** Each life is to have been one: a child is killed when it runs. */
const running = (id: string): Effect.Effect<unknown, CallError, Core.TopSupervisor<typeof Application.name>> =>
  Supervisor.whichChildren(Scuti.supervisor).pipe(
    Effect.repeat({
      until: (children) => children.some((child) => child.id === id && child.status === "running"),
      schedule: Schedule.spaced("1 millis")
    })
  )

const executioner = Stream.runForEach(orders, (message) =>
  Effect.flatMap(Schema.decodeUnknown(Order)(message), (order) =>
    Effect.flatMap(
      "measure" in order
        ? measure
        : // of a union of effects the compiler sees no effect
          Effect.as(
            Effect.zipRight(running(order.kill), kill[order.kill] as Effect.Effect<void, never, Killed>),
            order as object
          ),
      (answer) => Effect.sync(() => process.send?.(answer))
    )
  )
)

const Scuti = Core.make({
  ...Application.options,
  // As often as a test likes.
  intensity: { restarts: 1_000_000, within: "1 minute" },
  children: Effect.map(
    Application.children,
    (children) => [...children, Supervisor.worker("Executioner", executioner)] as const
  )
})

NodeRuntime.runMain(Environment.run(Scuti), { disableErrorReporting: true })
