/** Migrates the database by hand: `npm run migrate`. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Environment from "./Environment.ts"
import * as Migrator from "./Migrator.ts"
import * as Settings from "./Settings.ts"

const program = Effect.gen(function* () {
  const file = yield* Settings.databaseFile
  const made = yield* Migrator.run(file)
  yield* Effect.logInfo(
    made.length === 0
      ? `The database ${file} is up to date`
      : `Migrated the database ${file}: ${made.map(([id, name]) => `${id}_${name}`).join(", ")}`
  )
}).pipe(
  // its settings are those of the application, which it is run for
  Effect.tapError((error) => Effect.logFatal(error.message)),
  Effect.provide(Environment.layer),
  Effect.provide(NodeFileSystem.layer)
)

NodeRuntime.runMain(program, { disableErrorReporting: true })
