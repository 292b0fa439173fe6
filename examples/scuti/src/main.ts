/** Runs Scuti until it is told to stop. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Scuti } from "./Application.ts"
import * as Environment from "./Environment.ts"

const program = Effect.forkScoped(Environment.reloading(Scuti.changeConfig)).pipe(
  Effect.zipRight(Scuti.launch),
  Effect.scoped,
  Effect.provide(Layer.provideMerge(Environment.layer, NodeFileSystem.layer)),
  // The application has given its own account when it fails.
  Effect.tapErrorTag("SettingsUnreadable", (error) => Effect.logFatal(error.message))
)

NodeRuntime.runMain(program, { disableErrorReporting: true })
