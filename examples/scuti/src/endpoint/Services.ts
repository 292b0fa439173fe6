/**
 * What routes ask. They are made once, while the Endpoint lives again and again: so each request carries along what the
 * life that serves it has been given.
 */
import type { IncomingMessage } from "node:http"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import type * as Application from "@effect-otp/core/Application"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Hashmap } from "../Hashmap.ts"
import type { Repo } from "../Repo.ts"
import type { ScutiPubSub } from "../ScutiPubSub.ts"

/** The supervisor of the application. */
export type Top = Application.TopSupervisor<"ScutiWeb.Supervisor">

export type Services = Hashmap | Repo | ScutiPubSub | Top

const given = new WeakMap<IncomingMessage, Context.Context<Services>>()

/** Says what a request is served with. */
export const give = (request: IncomingMessage, services: Context.Context<Services>): void => {
  given.set(request, services)
}

/** The services that the current request is served with. */
export const services: Effect.Effect<
  Context.Context<Services>,
  never,
  HttpServerRequest.HttpServerRequest
> = Effect.map(HttpServerRequest.HttpServerRequest, (request) => {
  const services = given.get(NodeHttpServerRequest.toIncomingMessage(request))
  if (services === undefined) throw new Error("Services: the request has come by no Endpoint")
  return services
})

/** Provides an effect with them. */
export const serve = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, Exclude<R, Services> | HttpServerRequest.HttpServerRequest> =>
  Effect.flatMap(services, (services) => Effect.provide(effect, services))
