// Services that the fixtures about supervisors share: a chain, each of which needs the one before it.
import { Context, Effect, Layer, Schema, Stream } from "effect"
import * as GenServer from "../src/GenServer.ts"

export class Offline extends Schema.TaggedError<Offline>()("Offline", {}) {}
export class Refusal extends Schema.TaggedError<Refusal>()("Refusal", {}) {}

export class Repo extends Context.Tag("Repo")<
  Repo,
  {
    readonly save: (count: number) => Effect.Effect<void>
    readonly count: Effect.Effect<number>
    readonly rows: Stream.Stream<number>
  }
>() {
  static readonly layer = Layer.scoped(
    Repo,
    Effect.succeed({ save: () => Effect.void, count: Effect.succeed(0), rows: Stream.empty })
  )
}

/** Needs {@link Repo}. */
export class Mailer extends Context.Tag("Mailer")<Mailer, { readonly send: (to: string) => Effect.Effect<void> }>() {
  static readonly layer = Layer.effect(Mailer, Effect.as(Repo, { send: () => Effect.void }))
}

/** Needs {@link Mailer}, may fail, and provides nothing. */
export const newsletter = Layer.scopedDiscard(Effect.zipRight(Mailer, Effect.fail(new Offline())))

/** A service with members that cannot be asked anew. */
export class Pool extends Context.Tag("Pool")<
  Pool,
  { readonly size: number; readonly acquire: Effect.Effect<void>; readonly url: string }
>() {
  static readonly layer = Layer.succeed(Pool, { size: 1, acquire: Effect.void, url: "" })
}

export class Join extends GenServer.Call<Join>()("Join", {
  payload: { who: Schema.String },
  success: Schema.Array(Schema.String)
}) {}
export class Size extends GenServer.Call<Size>()("Size", { success: Schema.Number, error: Refusal }) {}

/** Takes arguments, and needs {@link Repo}. */
export class Room extends GenServer.Service<Room>()("@app/Room", {
  state: Schema.Array(Schema.String),
  messages: [Join]
}) {
  static readonly layer = this.toLayer(
    (name: string, _capacity?: number) => Effect.map(Repo, (): ReadonlyArray<string> => [name]),
    { handleCall: { Join: ({ who }, present) => GenServer.reply(present, [...present, who]) } }
  )
}

/** Takes none, and needs {@link Mailer}. */
export class Lobby extends GenServer.Service<Lobby>()("@app/Lobby", { messages: [Size] }) {
  static readonly layer = this.toLayer(() => Effect.as(Mailer, 0), {
    handleCall: { Size: (_, size) => GenServer.reply(size, size) }
  })
}

/** Needs {@link Mailer}, in a handler alone. */
export class Desk extends GenServer.Service<Desk>()("@app/Desk", { messages: [Size] }) {
  static readonly layer = this.toLayer(() => 0, {
    handleCall: { Size: (_, size) => Effect.as(Mailer, GenServer.reply(size, size)) }
  })
}
