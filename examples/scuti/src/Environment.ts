/**
 * Where the settings come from: the environment, and before it a file, if `SCUTI_CONFIG` names one: a JSON object of
 * settings by their names. It is read again at SIGHUP, which is how an application that runs is told of others.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import type { ServerDown } from "@effect-otp/core/CallError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Settings from "./Settings.ts"

/** The settings cannot be used: which, and why. */
export class SettingsError extends Data.TaggedError("SettingsError")<{ readonly message: string }> {}

const Value = Schema.Union(Schema.String, Schema.Number, Schema.Boolean).annotations({
  message: () => ({ message: "expected a text, a number, true or false", override: true })
})

const File = Schema.parseJson(
  Schema.Record({ key: Schema.String, value: Value }).annotations({ identifier: "a JSON object of settings" })
)

/** The settings of a text, by their names; or what is wrong with it, in one line. */
const parse = (text: string): Either.Either<ReadonlyMap<string, string>, string> =>
  Either.mapBoth(Schema.decodeEither(File)(text), {
    onLeft: (error) =>
      ParseResult.ArrayFormatter.formatErrorSync(error)
        .map(({ message, path }) => [...path, message].join(": "))
        .join("; "),
    onRight: (settings) => new Map(Object.entries(settings).map(([name, value]) => [name, String(value)]))
  })

const reasonAgainst = (error: PlatformError): string => {
  if (error._tag === "SystemError" && error.reason === "NotFound") return "it is not there"
  if (error._tag === "SystemError" && error.reason === "PermissionDenied") return "this user may not read it"
  return error.message
}

const readFile = (file: string): Effect.Effect<ReadonlyMap<string, string>, SettingsError, FileSystem.FileSystem> =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(file)).pipe(
    Effect.mapError(reasonAgainst),
    Effect.flatMap(parse),
    Effect.mapError((why) => new SettingsError({ message: `the settings in ${file} cannot be read: ${why}` }))
  )

/**
 * The settings of an environment, and of the file that it names. What is empty is not set: that is how one takes a
 * variable back for one command, and no number should be made of it.
 */
const read = (
  environment: NodeJS.ProcessEnv
): Effect.Effect<ConfigProvider.ConfigProvider, SettingsError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const settings = new Map<string, string>()
    const add = (name: string, value: string | undefined): void => {
      if (value !== undefined && value !== "") settings.set(name, value)
    }
    for (const [name, value] of Object.entries(environment)) add(name, value)
    const file = settings.get("SCUTI_CONFIG")
    if (file !== undefined) for (const [name, value] of yield* readFile(file)) add(name, value)
    return ConfigProvider.fromMap(settings)
  })

/** The settings that this process finds now. */
export const settings: Effect.Effect<ConfigProvider.ConfigProvider, SettingsError, FileSystem.FileSystem> =
  Effect.suspend(() => read(process.env))

/** The same, if an application can use all of them. */
const usable = Effect.flatMap(settings, (provider) =>
  Effect.mapBoth(provider.load(Settings.all), {
    onFailure: (error) => new SettingsError({ message: Settings.complaint(error) }),
    onSuccess: ({ logLevel }) => ({ provider, logLevel })
  })
)

/** The settings that a program of this process starts with, and those of them that stay as they are. */
export const layer: Layer.Layer<never, SettingsError, FileSystem.FileSystem> = Layer.unwrapEffect(
  Effect.map(usable, ({ logLevel, provider }) =>
    Layer.merge(Layer.setConfigProvider(provider), Logger.minimumLogLevel(logLevel))
  )
).pipe(
  // told here, because programs give their own account when they fail
  Layer.tapError((error) => Effect.logFatal(error.message))
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
    usable.pipe(
      Effect.flatMap(({ provider }) => change(provider)),
      Effect.catchAll((error) => Effect.logWarning(`the settings stay as they are: ${error.message}`))
    )
  )

/** Runs an application with these settings, until it ends or is told to. */
export const run = <E, R>(application: {
  readonly launch: Effect.Effect<void, E, R>
  readonly changeConfig: (next: ConfigProvider.ConfigProvider) => Effect.Effect<void, ServerDown>
}): Effect.Effect<void, E | SettingsError, R> =>
  Effect.forkScoped(reloading(application.changeConfig)).pipe(
    Effect.zipRight(application.launch),
    Effect.scoped,
    Effect.provide(layer),
    Effect.provide(NodeFileSystem.layer)
  )
