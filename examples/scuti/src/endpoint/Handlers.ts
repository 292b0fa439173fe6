/** What the API does: it asks the table, the journal and the supervisor. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import type * as CoreError from "@effect-otp/core/CallError"
import type * as Supervisor from "@effect-otp/core/Supervisor"
import * as Arr from "effect/Array"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import {
  Api,
  CallTimeout,
  type Child,
  JournalDown,
  MailboxFull,
  NoSuchKey,
  NotReady,
  ServerDown,
  Unhealthy
} from "../Api.ts"
import { Hashmap } from "../Hashmap.ts"
import * as Json from "../Json.ts"
import { Repo } from "../Repo.ts"
import * as Readiness from "./Readiness.ts"
import { serve, type Top } from "./Services.ts"

/** A failed call, as it is answered. A circle is a mistake of the program, and no answer. */
const answered = (error: CoreError.CallError): Effect.Effect<never, ServerDown | CallTimeout | MailboxFull> => {
  const { message } = error
  switch (error._tag) {
    case "ServerDown":
      return new ServerDown({ message })
    case "CallTimeout":
      return new CallTimeout({ message })
    case "MailboxFull":
      return new MailboxFull({ message })
    case "CallCycle":
      return Effect.die(error)
  }
}

const json = (text: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(text, { contentType: "application/json" })

const table = HttpApiBuilder.group(Api, "hashmap", (handlers) =>
  handlers
    .handle("all", () =>
      Hashmap.getAll.pipe(
        Effect.map((all) => json(Json.object(all))),
        Effect.catchAll(answered),
        serve
      )
    )
    .handle("one", ({ path: { key }, urlParams }) =>
      "default" in urlParams
        ? Hashmap.getOr(key, urlParams.default).pipe(
            Effect.map((value) => json(Json.text(value))),
            Effect.catchAll(answered),
            serve
          )
        : Hashmap.get(key).pipe(
            Effect.catchAll(answered),
            Effect.flatMap(
              Option.match({
                onNone: () => Effect.fail(new NoSuchKey({ key, message: `there is no key ${JSON.stringify(key)}` })),
                onSome: (value) => Effect.succeed(json(Json.text(value)))
              })
            ),
            serve
          )
    )
    .handle("put", ({ payload: { key, value } }) => Hashmap.put(key, value).pipe(Effect.catchAll(answered), serve))
    .handle("update", ({ path: { key }, payload: { value } }) =>
      Hashmap.update(key, value).pipe(Effect.catchAll(answered), serve)
    )
    .handle("delete", ({ path: { key } }) =>
      // A cast says nothing. The call behind it in the same mailbox is answered when it has been handled, and fails where
      // nobody is there to handle either.
      Hashmap.delete(key).pipe(Effect.zipRight(Hashmap.get(key)), Effect.asVoid, Effect.catchAll(answered), serve)
    )
    .handle("crash", () =>
      Hashmap.crash.pipe(
        Effect.matchEffect({
          onFailure: (error) =>
            error._tag === "ServerDown" && error.reason._tag === "Crash"
              ? Effect.succeed({ message: error.message })
              : answered(error),
          onSuccess: () => Effect.dieMessage("it was told to crash, and did not")
        }),
        serve
      )
    )
)

const journal = HttpApiBuilder.group(Api, "journal", (handlers) =>
  handlers.handle("changes", ({ urlParams: { before, limit } }) =>
    Repo.page({ before: before ?? null, limit }).pipe(
      Effect.mapError(({ message }) => new JournalDown({ message })),
      serve
    )
  )
)

/** What the application tells of its children. */
export interface Tree {
  /** The children of its supervisor. Asked at each `/health` and `/ready`. */
  readonly tree: Effect.Effect<ReadonlyArray<Supervisor.ChildInfo>, CoreError.CallError, Top>
  /** The ids of permanent children that need not run: their settings may leave them out. None by default. */
  readonly optional?: ReadonlyArray<string> | undefined
}

/** How long a supervisor may be busy with something else, and still be called healthy. */
const patience: Duration.DurationInput = "2 seconds"

const state = ({ optional = [], tree }: Tree) => {
  const children = tree.pipe(
    Effect.mapError(({ message }) => new Unhealthy({ message })),
    Effect.timeoutFail({
      duration: patience,
      onTimeout: () =>
        new Unhealthy({ message: "the supervisor does not answer: it is starting or stopping something" })
    }),
    // The newest comes first from it; people count from the first.
    Effect.map((infos) => Arr.reverse(infos)),
    serve
  )
  const shown = (infos: ReadonlyArray<Supervisor.ChildInfo>): ReadonlyArray<typeof Child.Type> =>
    infos.map(({ id, restarts, status, type }) => ({ id, type, status, restarts }))
  return HttpApiBuilder.group(Api, "state", (handlers) =>
    handlers
      .handle("health", () => Effect.map(children, (infos) => ({ status: "up" as const, children: shown(infos) })))
      .handle("ready", () =>
        Effect.flatMap(children, (infos) => {
          const missing = Readiness.missing(infos, optional)
          return missing.length === 0
            ? Effect.succeed({ status: "ready" as const, children: shown(infos) })
            : new NotReady({ message: `not up: ${missing.join(", ")}`, missing, children: shown(infos) })
        })
      )
  )
}

/** The whole API. */
export const layer = (tree: Tree) => Layer.provide(HttpApiBuilder.api(Api), Layer.mergeAll(table, journal, state(tree)))
