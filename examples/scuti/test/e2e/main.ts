/** Scuti as `src/main.ts` runs it, with one more child that ends the others when the process's parent says so. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { DnsCluster } from "@effect-otp/cluster/DnsCluster"
import * as Core from "@effect-otp/core/Application"
import * as ExitReason from "@effect-otp/core/ExitReason"
import * as Process from "@effect-otp/core/Process"
import * as Supervisor from "@effect-otp/core/Supervisor"
import * as Effect from "effect/Effect"
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

const Order = Schema.Struct({ kill: Schema.Literal(...(Object.keys(kill) as ReadonlyArray<keyof typeof kill>)) })

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

const executioner = Stream.runForEach(orders, (message) =>
  Effect.flatMap(Schema.decodeUnknown(Order)(message), (order) =>
    Effect.zipRight(
      // of a union of effects the compiler sees no effect
      kill[order.kill] as Effect.Effect<void, never, Killed>,
      Effect.sync(() => process.send?.({ killed: order.kill }))
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
