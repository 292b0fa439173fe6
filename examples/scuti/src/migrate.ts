/** Migrates the database by hand: `npm run migrate`. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
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
}).pipe(Effect.tapError((error) => Effect.logFatal(error.message)))

NodeRuntime.runMain(program, { disableErrorReporting: true })
