/** The table of a running application, over HTTP. */
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Json from "@effect-otp/example-hashmap/Json"
import { Table, Unanswered } from "@effect-otp/example-hashmap/Table"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { Api } from "../Api.ts"
import { quoted } from "./Inspect.ts"

/** Longer than the application takes for a request, unless it is told to. */
const patience = "15 seconds"

/** What every answer of the application's that is no success says. */
class Refused extends Data.TaggedError("Refused")<{ readonly tag: string; readonly message: string }> {}

/** What answers is not the application. */
class Stranger extends Data.TaggedError("Stranger")<{ readonly status: number }> {}

const Refusal = Schema.Struct({ _tag: Schema.String, message: Schema.String })

const isJson = ({ headers }: HttpClientResponse.HttpClientResponse): boolean =>
  /^application\/json\b/.test(headers["content-type"] ?? "")

/**
 * Answers that are no success are the same for all that is asked, and there are some that the API does not list, as those
 * of an Endpoint that is being started.
 */
const refuse = (
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<HttpClientResponse.HttpClientResponse, Refused | Stranger> =>
  response.status < 400
    ? response.status === 204 || isJson(response)
      ? Effect.succeed(response)
      : new Stranger({ status: response.status })
    : response.json.pipe(
        Effect.flatMap(Schema.decodeUnknown(Refusal)),
        Effect.matchEffect({
          onFailure: () => new Stranger({ status: response.status }),
          onSuccess: ({ _tag: tag, message }) => new Refused({ tag, message })
        })
      )

/** The client's types list the API's errors too, of which `refuse` has made one of ours. */
interface Failure {
  readonly _tag: string
  readonly message: string
}

/** The code of the error of the network that lies under what `fetch` says. */
const codeOf = (error: unknown): string => {
  let deepest: unknown = error
  while (Predicate.hasProperty(deepest, "cause") && deepest.cause !== undefined) deepest = deepest.cause
  if (Predicate.hasProperty(deepest, "code") && typeof deepest.code === "string") return deepest.code
  return deepest instanceof Error ? deepest.message : String(deepest)
}

const beginning = (text: string): string => {
  const maximum = 120
  return text.length > maximum
    ? `${Array.from(text.slice(0, 2 * maximum))
        .slice(0, maximum)
        .join("")}…`
    : text
}

const down = (message: string): string => `the server is down: ${message}`

const isNoSuchKey = (failure: Failure): boolean => failure instanceof Refused && failure.tag === "NoSuchKey"

const explain = (url: string, failure: Failure): string => {
  if (failure instanceof Refused) return failure.tag === "ServerDown" ? down(failure.message) : failure.message
  if (failure instanceof Stranger) {
    return `what answers at ${url} is not the application (its answer has status ${failure.status})`
  }
  if (ParseResult.isParseError(failure)) {
    // it quotes what was typed, however long that is
    return beginning(ParseResult.ArrayFormatter.formatErrorSync(failure)[0]?.message ?? failure.message)
  }
  if (HttpClientError.isHttpClientError(failure) && failure._tag === "RequestError") {
    const code = codeOf(failure)
    return code === "ECONNREFUSED"
      ? `no application answers at ${url}: start it with \`npm start\``
      : `no answer from ${url}: ${code}`
  }
  return `no answer from ${url} that can be read: ${failure.message}`
}

/** Why a key cannot be a part of a path: such parts are taken out of it, by every client and proxy, also when encoded. */
const refusedKey = (key: string): Option.Option<Unanswered> => {
  if (key === "." || key === "..") {
    return Option.some(
      new Unanswered({ message: `no address can hold the key ${quoted(key)}: it can be put, and be seen in all` })
    )
  }
  return /\p{Surrogate}/u.test(key)
    ? Option.some(
        new Unanswered({ message: `no address can hold the key ${quoted(key)}: half a character is missing` })
      )
    : Option.none()
}

/** Asks the application at a URL, which ends without a slash. */
export const layer = (url: string): Layer.Layer<Table, never, HttpClient.HttpClient> =>
  Layer.effect(
    Table,
    Effect.gen(function* () {
      const httpClient = HttpClient.transformResponse(yield* HttpClient.HttpClient, Effect.flatMap(refuse))
      const client = yield* HttpApiClient.group(Api, {
        group: "hashmap",
        httpClient: HttpClient.mapRequest(httpClient, HttpClientRequest.prependUrl(url))
      })

      const ask = <A, E extends Failure>(request: Effect.Effect<A, E>): Effect.Effect<A, Unanswered> =>
        request.pipe(
          Effect.mapError((failure) => new Unanswered({ message: Json.escape(explain(url, failure)) })),
          Effect.timeoutFail({
            duration: patience,
            onTimeout: () => new Unanswered({ message: `no answer from ${url} within ${patience}` })
          })
        )
      const about = <A, E extends Failure>(key: string, request: Effect.Effect<A, E>): Effect.Effect<A, Unanswered> =>
        Option.getOrElse(refusedKey(key), () => ask(request))

      return {
        get: (key) =>
          about(
            key,
            client.one({ path: { key }, urlParams: {} }).pipe(
              Effect.asSome,
              Effect.catchIf(isNoSuchKey, () => Effect.succeedNone)
            )
          ),
        getOr: (key, fallback) => about(key, client.one({ path: { key }, urlParams: { default: fallback } })),
        getAll: Effect.map(ask(client.all({})), Object.entries),
        update: (key, value) => about(key, client.update({ path: { key }, payload: { value } })),
        put: (key, value) => ask(client.put({ payload: { key, value } })),
        delete: (key) => about(key, client.delete({ path: { key } })),
        // the answer tells of the crash that was asked for, which is why the server gave none
        crash: Effect.flatMap(
          ask(client.crash({})),
          ({ message }) => new Unanswered({ message: Json.escape(down(message)) })
        )
      }
    })
  )
