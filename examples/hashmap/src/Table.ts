/** The table as the console asks it, wherever it is kept: in this process, or behind a network. */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"

/** The table did not do what it was asked; `message` says why, in one line and without what a terminal would act upon. */
export class Unanswered extends Data.TaggedError("Unanswered")<{ readonly message: string }> {}

/** Values are what JSON may hold. */
export class Table extends Context.Tag("@app/Table")<
  Table,
  {
    readonly get: (key: string) => Effect.Effect<Option.Option<unknown>, Unanswered>
    readonly getOr: (key: string, fallback: unknown) => Effect.Effect<unknown, Unanswered>
    readonly getAll: Effect.Effect<Iterable<readonly [key: string, value: unknown]>, Unanswered>
    readonly update: (key: string, value: unknown) => Effect.Effect<void, Unanswered>
    readonly put: (key: string, value: unknown) => Effect.Effect<void, Unanswered>
    /** Done when it has been sent. */
    readonly delete: (key: string) => Effect.Effect<void, Unanswered>
    /** Makes the server throw, so that this fails as what was asked of a server that is no more. */
    readonly crash: Effect.Effect<void, Unanswered>
  }
>() {}
