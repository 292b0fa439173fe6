/**
 * Requests that are answered before anybody has looked at what they ask for, or that fail on the way, and how: every
 * answer that is no success has a tag. Plain data and functions.
 */
import * as Http from "node:http"

export interface Refusal {
  readonly status: number
  readonly tag: string
  readonly message: string
}

const refusal = (status: number, tag: string, message: string): Refusal => ({ status, tag, message })

export const notFound = (method: string, url: string): Refusal =>
  refusal(404, "RouteNotFound", `there is no ${method} ${pathOf(url)}; GET /docs shows what there is`)

export const bodyTooLarge = (limit: number): Refusal =>
  refusal(413, "BodyTooLarge", `the body is larger than the ${limit} bytes that are taken`)

export const malformedBody = (why: string): Refusal => refusal(400, "MalformedBody", `the body is no JSON: ${why}`)

/** What does not fit at which place of what was asked. */
export interface Issue {
  readonly path: ReadonlyArray<PropertyKey>
  readonly message: string
}

/** How long a message about what does not fit may be: it quotes what was sent. */
const maxMessage = 300

/** What does not fit, in one line. */
export const misfits = (issues: ReadonlyArray<Issue>): string => {
  const line = issues
    .map(({ message, path }) => (path.length === 0 ? message : `${path.map(String).join(".")}: ${message}`))
    .join("; ")
  return line.length > maxMessage ? `${line.slice(0, maxMessage)}…` : line
}

export const tookTooLong = (milliseconds: number): Refusal =>
  refusal(503, "TookTooLong", `there was no answer within ${milliseconds} ms; ask again`)

export const down = (tag: string, message: string): Refusal => refusal(503, tag, message)

export const starting: Refusal = refusal(503, "Restarting", "the endpoint is being started again; ask again")

export const internal: Refusal = refusal(
  500,
  "InternalError",
  "this should not have happened; the log of the server says what did"
)

const pathOf = (url: string): string => url.split("?", 1)[0]!

/** What is known of a request when its headers have come. */
export interface Head {
  readonly method?: string | undefined
  readonly httpVersion: string
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
}

const one = (value: string | ReadonlyArray<string> | undefined): string | undefined =>
  typeof value === "string" ? value : value?.[0]

/** Whether a request brings a body along. */
export const hasBody = ({ headers }: Pick<Head, "headers">): boolean =>
  headers["transfer-encoding"] !== undefined || Number(one(headers["content-length"]) ?? 0) > 0

const isSafe = (method: string | undefined): boolean => method === "GET" || method === "HEAD" || method === "OPTIONS"

/** Where a page that sends a request is from, if that is another place than the one that it asks. */
const stranger = ({ headers, method }: Head): string | null => {
  if (isSafe(method)) return null
  const origin = one(headers["origin"])
  if (origin === undefined) return null
  const host = one(headers["host"])
  return URL.canParse(origin) && new URL(origin).host === host ? null : origin
}

/** Why a request with this head is refused, or null. */
export const admit = (head: Head, limits: { readonly maxBodySize: number }): Refusal | null => {
  if (head.httpVersion === "1.1" && one(head.headers["host"]) === undefined) {
    return refusal(400, "MalformedRequest", "a request of HTTP/1.1 needs a host header")
  }
  const origin = stranger(head)
  if (origin !== null) {
    return refusal(403, "CrossOrigin", `a page from ${origin} may not change anything here`)
  }
  const expected = one(head.headers["expect"])
  if (expected !== undefined && expected.toLowerCase() !== "100-continue") {
    return refusal(417, "ExpectationFailed", `nothing is known of the expectation ${expected}`)
  }
  if (!hasBody(head)) return null
  if (Number(one(head.headers["content-length"]) ?? 0) > limits.maxBodySize) return bodyTooLarge(limits.maxBodySize)
  const type = one(head.headers["content-type"])
  if (type !== undefined && type.split(";", 1)[0]!.trim().toLowerCase() !== "application/json") {
    return refusal(415, "UnsupportedMediaType", `a body is application/json here, and not ${type}`)
  }
  if ((one(head.headers["content-encoding"]) ?? "identity") !== "identity") {
    return refusal(415, "UnsupportedMediaType", "a body is taken as it is, without content-encoding")
  }
  return null
}

/** What is answered to bytes that are no request, by the code of Node's error. */
export const ofParser = (code: string | undefined): Refusal => {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return refusal(431, "HeadersTooLarge", "the headers are larger than what is taken")
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return refusal(413, "BodyTooLarge", "the extensions of a chunk are larger than what is taken")
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return refusal(408, "RequestTimeout", "the request did not come to its end in time")
    default:
      return refusal(400, "MalformedRequest", `this is no request of HTTP/1.1${code === undefined ? "" : ` (${code})`}`)
  }
}

/** The body of the answer. */
export const json = ({ message, tag }: Refusal): string => JSON.stringify({ _tag: tag, message })

/** Others may ask again, and when, in seconds. */
export const retryAfter = "1"

/** The whole answer as it is written to a connection of which there is no more than the connection. */
export const raw = (refused: Refusal, serverHeader: string): string => {
  const body = json(refused)
  return [
    `HTTP/1.1 ${refused.status} ${Http.STATUS_CODES[refused.status] ?? ""}`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    `server: ${serverHeader}`,
    "x-content-type-options: nosniff",
    ...(refused.status === 503 ? [`retry-after: ${retryAfter}`] : []),
    "connection: close",
    "",
    body
  ].join("\r\n")
}
