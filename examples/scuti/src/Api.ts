/** What can be asked over HTTP, and what is answered. */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { isFinite, isShallow, maxDepth } from "./Json.ts"
import { Entry } from "./Repo.ts"

// ---------------------------------------------------------------------------------------------------------------------
// Errors
// ---------------------------------------------------------------------------------------------------------------------

/** There is no such key in the table. */
export class NoSuchKey extends Schema.TaggedError<NoSuchKey>()(
  "NoSuchKey",
  { key: Schema.String, message: Schema.String },
  HttpApiSchema.annotations({ status: 404 })
) {}

const unavailable = { status: 503 }

/** The table's server is not there, or ended before it answered. It will be there again: ask again. */
export class ServerDown extends Schema.TaggedError<ServerDown>()(
  "ServerDown",
  { message: Schema.String },
  HttpApiSchema.annotations(unavailable)
) {}

/** The table's server did not answer in time. */
export class CallTimeout extends Schema.TaggedError<CallTimeout>()(
  "CallTimeout",
  { message: Schema.String },
  HttpApiSchema.annotations(unavailable)
) {}

/** Too many wait for the table's server. */
export class MailboxFull extends Schema.TaggedError<MailboxFull>()(
  "MailboxFull",
  { message: Schema.String },
  HttpApiSchema.annotations(unavailable)
) {}

/** The journal cannot be read. */
export class JournalDown extends Schema.TaggedError<JournalDown>()(
  "JournalDown",
  { message: Schema.String },
  HttpApiSchema.annotations(unavailable)
) {}

/** Nobody looks at a request that takes longer. */
export class TookTooLong extends Schema.TaggedError<TookTooLong>()(
  "TookTooLong",
  { message: Schema.String },
  HttpApiSchema.annotations(unavailable)
) {}

/** A body is larger than what is taken. */
export class BodyTooLarge extends Schema.TaggedError<BodyTooLarge>()(
  "BodyTooLarge",
  { message: Schema.String },
  HttpApiSchema.annotations({ status: 413 })
) {}

// ---------------------------------------------------------------------------------------------------------------------
// What goes in and out
// ---------------------------------------------------------------------------------------------------------------------

const maxKeyLength = 256

const keySchema = { type: "string", minLength: 1, maxLength: maxKeyLength }

const Key = Schema.String.pipe(
  Schema.filter((key) => {
    if (key === "") return "expected a key, and not an empty one"
    if (key.length > maxKeyLength) return `expected a key of at most ${maxKeyLength} characters`
    // SQLite ends a text there, and the journal would have another key
    if (key.includes("\0")) return "expected a key without the character 0"
    // neither an address nor the journal can hold it
    return !/\p{Surrogate}/u.test(key) || "expected a key of whole characters: half of one is missing"
  })
).annotations({ description: "a key", jsonSchema: keySchema })

const Value = Schema.Unknown.pipe(
  Schema.filter((value) => {
    // What is missing is undefined here, which is no JSON.
    if (value === undefined) return "expected a value"
    if (!isShallow(value)) return `expected JSON that is nested no deeper than ${maxDepth}`
    return isFinite(value) || `expected numbers of at most ${Number.MAX_VALUE}`
  })
).annotations({ description: "any JSON", jsonSchema: {} })

const Json = Schema.parseJson(Value)

/** A key as a part of a path, which is encoded by clients; the router decodes it for the server. */
const PathKey = Schema.transform(Schema.String, Key, {
  strict: true,
  decode: (key) => key,
  encode: encodeURIComponent
}).annotations({ jsonSchema: keySchema })

// `Schema.Record` would lose a key `__proto__`
const Entries = Schema.declare(
  (value): value is Readonly<Record<string, unknown>> =>
    Predicate.isRecord(value) && Object.values(value).every(isShallow)
).annotations({ description: "any JSON by its key", jsonSchema: { type: "object", additionalProperties: {} } })

/** A child of the application, as its supervisor sees it. */
export const Child = Schema.Struct({
  id: Schema.String,
  type: Schema.Literal("worker", "supervisor"),
  status: Schema.Literal("running", "restarting", "stopped"),
  restarts: Schema.Number
})

/** The supervisor answers, and these are its children. */
export const Health = Schema.Struct({ status: Schema.Literal("up"), children: Schema.Array(Child) })

/** The supervisor does not answer. */
export class Unhealthy extends Schema.TaggedError<Unhealthy>()(
  "Unhealthy",
  { message: Schema.String },
  HttpApiSchema.annotations(unavailable)
) {}

/** All children that should be up are. */
export const Readiness = Schema.Struct({ status: Schema.Literal("ready"), children: Schema.Array(Child) })

/** Children that should be up are not. */
export class NotReady extends Schema.TaggedError<NotReady>()(
  "NotReady",
  { message: Schema.String, missing: Schema.Array(Schema.String), children: Schema.Array(Child) },
  HttpApiSchema.annotations(unavailable)
) {}

// ---------------------------------------------------------------------------------------------------------------------
// Endpoints
// ---------------------------------------------------------------------------------------------------------------------

const path = Schema.Struct({ key: PathKey })

class Table extends HttpApiGroup.make("hashmap")
  .add(
    HttpApiEndpoint.get("all", "/api/hashmap")
      .addSuccess(Entries)
      .annotate(OpenApi.Description, "The whole table, its keys in order.")
  )
  .add(
    HttpApiEndpoint.get("one", "/api/hashmap/:key")
      .setPath(path)
      .setUrlParams(Schema.Struct({ default: Schema.optionalWith(Json, { exact: true }) }))
      .addSuccess(Value)
      .addError(NoSuchKey)
      .annotate(OpenApi.Description, "The value of a key, or the default, JSON, where the key is absent.")
  )
  .add(
    HttpApiEndpoint.post("put", "/api/hashmap")
      .setPayload(Schema.Struct({ key: Key, value: Value }))
      .addSuccess(HttpApiSchema.NoContent)
      .annotate(OpenApi.Description, "Puts a value under a key.")
  )
  .add(
    HttpApiEndpoint.put("update", "/api/hashmap/:key")
      .setPath(path)
      .setPayload(Schema.Struct({ value: Value }))
      .addSuccess(HttpApiSchema.NoContent)
      .annotate(OpenApi.Description, "Updates the value of a key; one that is absent is put there.")
  )
  .add(
    HttpApiEndpoint.del("delete", "/api/hashmap/:key")
      .setPath(path)
      .addSuccess(HttpApiSchema.NoContent)
      .annotate(
        OpenApi.Description,
        "Deletes a key, if it is there. It is a cast, and a call behind it that says when it is done."
      )
  )
  .add(
    HttpApiEndpoint.post("crash", "/api/crash")
      .addSuccess(Schema.Struct({ message: Schema.String }))
      .annotate(OpenApi.Description, "Makes the table's server crash, to see it come back.")
  )
  .addError(ServerDown)
  .addError(CallTimeout)
  .addError(MailboxFull)
  .annotate(OpenApi.Description, "The table of ScutiWeb.Service.Hashmap") {}

const Positive = Schema.NumberFromString.pipe(Schema.int(), Schema.positive())

class Journal extends HttpApiGroup.make("journal")
  .add(
    HttpApiEndpoint.get("changes", "/api/changes")
      .setUrlParams(
        Schema.Struct({
          before: Schema.optionalWith(Positive, { exact: true }),
          limit: Schema.optionalWith(Positive.pipe(Schema.lessThanOrEqualTo(200)), { exact: true, default: () => 50 })
        })
      )
      .addSuccess(Schema.Struct({ entries: Schema.Array(Entry), next: Schema.NullOr(Schema.Number) }))
      .addError(JournalDown)
      .annotate(
        OpenApi.Description,
        "What has happened to the table, the newest first; `next` is the `before` of the next page."
      )
  )
  .annotate(OpenApi.Description, "The journal of the table's changes") {}

class State extends HttpApiGroup.make("state")
  .add(
    HttpApiEndpoint.get("health", "/health")
      .addSuccess(Health)
      .addError(Unhealthy)
      .annotate(OpenApi.Description, "Whether the application's supervisor answers, and what it says of its children.")
  )
  .add(
    HttpApiEndpoint.get("ready", "/ready")
      .addSuccess(Readiness)
      .addError(NotReady)
      .addError(Unhealthy)
      .annotate(OpenApi.Description, "Whether all children that should be up are.")
  )
  .annotate(OpenApi.Description, "The application's own state") {}

/**
 * The API of the Endpoint. `GET /docs` shows it, `GET /openapi.json` describes it. Beside it there are the live page at
 * `/`, its events at `/events`, and `/metrics`.
 */
export class Api extends HttpApi.make("scuti")
  .add(Table)
  .add(Journal)
  .add(State)
  .addError(TookTooLong)
  .addError(BodyTooLarge)
  .annotate(OpenApi.Title, "Scuti")
  .annotate(OpenApi.Version, "1.0.0")
  .annotate(
    OpenApi.Description,
    "A table kept by one process. Every answer that is no success is JSON with a `_tag` and a `message`."
  ) {}
