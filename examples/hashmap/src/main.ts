/** Runs the console over a supervised Hashmap that starts with a name and an age. */
import * as Supervisor from "@effect-otp/core/Supervisor"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Commands from "./Commands.ts"
import * as Console from "./Console.ts"
import { Hashmap } from "./Hashmap.ts"
import * as LocalTable from "./LocalTable.ts"
import * as Run from "./Run.ts"

const person = HashMap.make<ReadonlyArray<[string, unknown]>>(["name", "John"], ["age", 30])

/** Who runs the server is said here alone: one that crashes is started again, with a name and an age. */
const server = Supervisor.layer({ strategy: "one_for_one", children: [Hashmap.layer(person)] })

Run.console(
  Commands.guide,
  Console.run(Commands.language).pipe(Effect.provide(Layer.provide(LocalTable.layer, server)))
)
