/**
 * What the application is told by its environment. Each is read where and when it is needed, so that a child that is
 * started again, and one that is told of a change, sees what holds then. `all` is for who wants to know beforehand
 * whether they can be read.
 */
import * as DnsCluster from "@effect-otp/cluster/DnsCluster"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"

/** Where HTTP is served; 0 stands for any port that is free. */
export const port = Config.integer("PORT").pipe(
  Config.validate({
    message: "expected the number of a port, from 0 to 65535",
    validation: (port) => port >= 0 && port <= 65_535
  }),
  Config.withDefault(4000)
)
/** Where a client finds it, without a slash at the end: `SCUTI_URL`, or the `PORT` of this machine. */
export const url = Config.all({
  given: Config.url("SCUTI_URL").pipe(
    Config.validate({
      message: "expected an address that begins with http:// or https://",
      validation: ({ protocol }) => protocol === "http:" || protocol === "https:"
    }),
    Config.option
  ),
  port
}).pipe(
  Config.map(({ given, port }) =>
    Option.match(given, {
      onNone: () => `http://127.0.0.1:${port}`,
      onSome: ({ origin, pathname }) => origin + pathname.replace(/\/+$/, "")
    })
  )
)
/** The address to listen at: this machine alone, unless told otherwise. */
export const host = Config.nonEmptyString("HOST").pipe(Config.withDefault("127.0.0.1"))
/** The `server` header of every answer. */
export const serverHeader = Config.nonEmptyString("SERVER_HEADER").pipe(
  Config.validate({
    message: "expected what may stand in a header: letters, digits and signs of one line",
    validation: (header) => /^[\x20-\x7e]+$/.test(header)
  }),
  Config.withDefault("scuti")
)
/** How large a request may be, in bytes. */
export const maxBodySize = Config.integer("MAX_BODY_SIZE").pipe(
  Config.validate({ message: "expected a number of bytes, at least 1", validation: (size) => size >= 1 }),
  Config.withDefault(64 * 1024)
)
/** How long a request may take, to be read and to be answered. */
export const requestTimeout = Config.nonEmptyString("REQUEST_TIMEOUT").pipe(
  Config.mapOrFail((text) =>
    Duration.decodeUnknown(text).pipe(
      Option.filter(Duration.between({ minimum: Duration.millis(1), maximum: Duration.days(1) })),
      Either.fromOption(() =>
        ConfigError.InvalidData(
          [],
          `expected a time, such as "10 seconds", of at least a millisecond and at most a day, and not "${text}"`
        )
      )
    )
  ),
  Config.withDefault(Duration.seconds(10))
)

/** The file of the database. */
export const databaseFile = Config.nonEmptyString("DATABASE_FILE").pipe(
  Config.validate({
    // each connection would have a database of its own there: one with the tables, and one to write to
    message: "expected the name of a file: a journal in memory alone would end with each connection",
    validation: (file) => !file.includes(":memory:")
  }),
  Config.withDefault("scuti.db")
)
/**
 * What a row of the journal survives once it is written: `normal`, the end of this process, however it comes; `full`, a
 * loss of power as well, for the price of a wait for the disk, in which nothing else is done, at each transaction.
 */
export const databaseSynchronous = Config.literal(
  "normal",
  "full"
)("DATABASE_SYNCHRONOUS").pipe(Config.withDefault("normal" as const))
/**
 * How many queries may run in one turn of the event loop. Each holds up everything else while it runs, so this bounds
 * for how long a burst of them does; further ones wait for the turns that follow.
 */
export const poolSize = Config.integer("POOL_SIZE").pipe(
  Config.validate({ message: "expected a number of queries, at least 1", validation: (size) => size >= 1 }),
  Config.withDefault(5)
)

/** The name of the release, if it is one that runs: it brings its tables up to date by itself. */
export const releaseName = Config.nonEmptyString("RELEASE_NAME").pipe(Config.option)
/** Whether this is a release. */
export const isRelease = Config.map(releaseName, Option.isSome)

/** What to ask the DNS for other nodes. */
export const dnsClusterQuery = Config.nonEmptyString("DNS_CLUSTER_QUERY").pipe(
  // what can be asked, the cluster knows: its layer is not made of anything else
  Config.mapAttempt((query) => {
    DnsCluster.layer({ query })
    return query
  }),
  Config.withDefault("ignore")
)

/** Where metrics and traces are sent, if anywhere. */
export const otlpEndpoint = Config.url("OTEL_EXPORTER_OTLP_ENDPOINT").pipe(Config.option)

/** What is worth a line: `debug` tells of each start and stop, too. */
export const logLevel = Config.logLevel("LOG_LEVEL").pipe(Config.withDefault(LogLevel.Info))

/** All of them, as an application needs them. */
export const all = Config.all({
  port,
  host,
  serverHeader,
  maxBodySize,
  requestTimeout,
  databaseFile,
  databaseSynchronous,
  poolSize,
  releaseName,
  dnsClusterQuery,
  otlpEndpoint,
  logLevel
})

/** What is wrong with a configuration, in one line. */
export const complaint = (error: ConfigError.ConfigError): string =>
  ConfigError.reduceWithContext(error, undefined, {
    andCase: (_, left, right) => `${left}; ${right}`,
    orCase: (_, left, right) => `${left}; ${right}`,
    invalidDataCase: (_, path, message) => `${path.join(".")}: ${message}`,
    missingDataCase: (_, path, message) => `${path.join(".")}: ${message}`,
    sourceUnavailableCase: (_, path, message) => `${path.join(".")}: ${message}`,
    unsupportedCase: (_, path, message) => `${path.join(".")}: ${message}`
  })
