/** Scuti: the children of the introduction, in its order. */
import * as DnsCluster from "@effect-otp/cluster/DnsCluster"
import * as Application from "@effect-otp/core/Application"
import type { CallError } from "@effect-otp/core/CallError"
import * as PubSub from "@effect-otp/core/PubSub"
import * as Supervisor from "@effect-otp/core/Supervisor"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as MutableRef from "effect/MutableRef"
import * as Endpoint from "./Endpoint.ts"
import { Hashmap } from "./Hashmap.ts"
import * as Migrator from "./Migrator.ts"
import * as RepoSupervisor from "./RepoSupervisor.ts"
import { ScutiPubSub, Updated } from "./ScutiPubSub.ts"
import * as Settings from "./Settings.ts"
import * as Telemetry from "./Telemetry.ts"
import * as Prometheus from "./telemetry/Prometheus.ts"

export const name = "ScutiWeb.Supervisor"

/** What each child of the top supervisor is doing. Its type is written down, since the children's own are made of it. */
const tree = (): Effect.Effect<
  ReadonlyArray<Supervisor.ChildInfo>,
  CallError,
  Application.TopSupervisor<typeof name>
> => Supervisor.whichChildren(Scuti.supervisor)

/** Those that may be left out, or are over when they have done their work. */
const optional = ["Migrator", "DnsCluster"]

/** The children. Their time and their environment are read at each start, as `start/2` does. */
export const children = Effect.gen(function* () {
  const now = yield* DateTime.now
  const query = yield* Settings.dnsClusterQuery
  // counts the changes of the table through all its lives
  const numbers = MutableRef.make(0)
  const initial = HashMap.make<ReadonlyArray<[string, unknown]>>(
    ["app_name", "Scuti"],
    ["version", "1.0.0"],
    ["started_at", now]
  )

  return [
    Telemetry.child(),
    Supervisor.child(
      RepoSupervisor.layer({
        run: now,
        // what its writer does not take in time is a gap in the journal
        updates: PubSub.subscribe(ScutiPubSub, Updated, { capacity: 65_536, overflow: "dropNewest" }),
        sequence: Hashmap.sequence
      }).pipe(
        // both stand after it: the journal's writer finds them by their names
        Layer.provide([ScutiPubSub.byName, Hashmap.byName])
      ),
      { id: "Scuti.Repo" }
    ),
    Migrator.child,
    Supervisor.child(DnsCluster.layer({ query }), { id: "DnsCluster" }),
    ScutiPubSub.layer,
    Supervisor.child(
      Endpoint.layer({ tree: Effect.suspend(tree), optional, metrics: Prometheus.text }).pipe(
        // before Hashmap, as in the introduction: it finds the table by its name, at each request
        Layer.provide(Hashmap.byName)
      ),
      { id: "ScutiWeb.Endpoint" }
    ),
    Hashmap.layer(initial, numbers)
  ] as const
})

export const options = {
  name,
  strategy: "one_for_one",
  children,
  // who has asked already is answered, by children that are all still there
  prepStop: Endpoint.drain,
  configChange: () => Endpoint.configChange
} as const

export const Scuti = Application.make(options)
