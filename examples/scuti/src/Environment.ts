/**
 * Where the settings come from: the environment, and before it a file, if `SCUTI_CONFIG` names one: a JSON object of
 * settings by their names. It is read again at SIGHUP, which is how an application that runs is told of others.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import type { ServerDown } from "@effect-otp/core/CallError"
import type { ConfigError } from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { complaint } from "./endpoint/Binding.ts"
import * as Settings from "./Settings.ts"

/** The settings cannot be read: which, and why. */
export class SettingsUnreadable extends Data.TaggedError("SettingsUnreadable")<{ readonly message: string }> {}

const File = Schema.parseJson(
  Schema.Record({ key: Schema.String, value: Schema.Union(Schema.String, Schema.Number, Schema.Boolean) })
)

/** The settings of a text, by their names; or what is wrong with it. */
const parse = (text: string): Either.Either<ReadonlyMap<string, string>, string> =>
  Either.mapBoth(Schema.decodeEither(File)(text), {
    onLeft: ParseResult.TreeFormatter.formatErrorSync,
    onRight: (settings) => new Map(Object.entries(settings).map(([name, value]) => [name, String(value)]))
  })

const readFile = (
  file: string
): Effect.Effect<ReadonlyMap<string, string>, SettingsUnreadable, FileSystem.FileSystem> =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(file)).pipe(
    Effect.mapError((error) => error.message),
    Effect.flatMap(parse),
    Effect.mapError((why) => new SettingsUnreadable({ message: `the settings in ${file} cannot be read: ${why}` }))
  )

/** The settings of an environment, and of the file that it names. */
const read = (
  environment: NodeJS.ProcessEnv
): Effect.Effect<ConfigProvider.ConfigProvider, SettingsUnreadable, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const settings = new Map<string, string>()
    for (const [name, value] of Object.entries(environment)) if (value !== undefined) settings.set(name, value)
    const file = settings.get("SCUTI_CONFIG")
    if (file !== undefined) for (const [name, value] of yield* readFile(file)) settings.set(name, value)
    return ConfigProvider.fromMap(settings)
  })

/** The settings that a program of this process starts with, and those of them that stay as they are. */
export const layer: Layer.Layer<never, SettingsUnreadable | ConfigError, FileSystem.FileSystem> = Layer.unwrapEffect(
  Effect.map(
    Effect.suspend(() => read(process.env)),
    (provider) =>
      Layer.mergeAll(
        Layer.setConfigProvider(provider),
        Layer.unwrapEffect(Effect.map(Effect.withConfigProvider(Settings.logLevel, provider), Logger.minimumLogLevel))
      )
  )
)

const hangups: Stream.Stream<void> = Stream.asyncPush<void>(
  (emit) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const onHangup = (): void => {
          emit.single(undefined)
        }
        process.on("SIGHUP", onHangup)
        return onHangup
      }),
      (onHangup) => Effect.sync(() => process.off("SIGHUP", onHangup))
    ),
  { bufferSize: 1, strategy: "sliding" }
)

/**
 * At each SIGHUP, reads the settings again and gives them to `change`. What cannot be read or is refused is a line in
 * the log, and everything stays as it was.
 */
export const reloading = <E extends { readonly message: string }, R>(
  change: (next: ConfigProvider.ConfigProvider) => Effect.Effect<void, E, R>
): Effect.Effect<void, never, R | FileSystem.FileSystem> =>
  Stream.runForEach(hangups, () =>
    Effect.suspend(() => read(process.env)).pipe(
      Effect.flatMap(change),
      Effect.catchAll((error) => Effect.logWarning(`the settings stay as they are: ${error.message}`))
    )
  )

/** Runs an application with these settings, until it ends or is told to. */
export const run = <E, R>(application: {
  readonly launch: Effect.Effect<void, E, R>
  readonly changeConfig: (next: ConfigProvider.ConfigProvider) => Effect.Effect<void, ServerDown>
}): Effect.Effect<void, E | SettingsUnreadable | ConfigError, R> =>
  Effect.forkScoped(reloading(application.changeConfig)).pipe(
    Effect.zipRight(application.launch),
    Effect.scoped,
    // told here, because applications give their own account when they fail
    Effect.provide(
      Layer.tapError(layer, (error) =>
        Effect.logFatal(error._tag === "SettingsUnreadable" ? error.message : complaint(error))
      )
    ),
    Effect.provide(NodeFileSystem.layer)
  )
