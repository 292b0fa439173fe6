/** Runs the console as a client of the application, which is started by itself: `npm run console`. */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Console from "@effect-otp/example-hashmap/Console"
import * as Run from "@effect-otp/example-hashmap/Run"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as HttpTable from "./console/HttpTable.ts"
import * as Iex from "./console/Iex.ts"
import * as Environment from "./Environment.ts"
import * as Settings from "./Settings.ts"

const address = Environment.settings.pipe(
  Effect.flatMap((provider) => Effect.mapError(provider.load(Settings.url), Settings.complaint)),
  Effect.mapError((error) => (typeof error === "string" ? error : error.message)),
  Effect.provide(NodeFileSystem.layer)
)

Either.match(await Effect.runPromise(Effect.either(address)), {
  onLeft: (why) => {
    console.error(`the console does not know whom to ask: ${why}`)
    process.exitCode = 1
  },
  onRight: (url) =>
    Run.console(
      Iex.guide(url),
      Effect.flatMap(Iex.make, Console.run).pipe(
        Effect.provide(Layer.provide(HttpTable.layer(url), FetchHttpClient.layer))
      )
    )
})
