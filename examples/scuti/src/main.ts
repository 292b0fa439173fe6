/** Runs Scuti until it is told to stop. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Scuti } from "./Application.ts"
import * as Environment from "./Environment.ts"

// It has given its account when it fails.
NodeRuntime.runMain(Environment.run(Scuti), { disableErrorReporting: true })
