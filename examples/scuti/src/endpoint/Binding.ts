/**
 * What the Endpoint is told by its configuration, and what it has to do when that changes. Plain data and functions.
 */
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Settings from "../Settings.ts"

export interface Address {
  readonly host: string
  /** 0 stands for any port that is free. */
  readonly port: number
}

export interface EndpointSettings extends Address {
  /** The `server` header of every answer. */
  readonly serverHeader: string
  /** In bytes. */
  readonly maxBodySize: number
  /** How long a request may take to be read, and again to be answered, in milliseconds. */
  readonly requestTimeout: number
}

export const settings: Config.Config<EndpointSettings> = Config.all({
  host: Settings.host,
  port: Settings.port,
  serverHeader: Settings.serverHeader,
  maxBodySize: Settings.maxBodySize,
  requestTimeout: Config.map(Settings.requestTimeout, Duration.toMillis)
})

/**
 * How to come from one address to another. The new one is opened before the old one is closed, so that there is no
 * moment without. On one port under two hosts that cannot be: all addresses of a machine and one of them are in each
 * other's way.
 */
export const stepTo = (now: Address, next: Address): "stay" | "openFirst" | "closeFirst" =>
  now.port !== next.port ? "openFirst" : now.host === next.host ? "stay" : next.port === 0 ? "openFirst" : "closeFirst"

/** An address as one types it into a browser. */
export const url = ({ host, port }: Address): string => `http://${host.includes(":") ? `[${host}]` : host}:${port}`

/** Why there is no listening at an address, in one line: what, where, why, and what to do. */
export const reasonAgainst = ({ host, port }: Address, code: string | undefined, message: string): string => {
  switch (code) {
    case "EADDRINUSE":
      return `port ${port} is taken at ${host}: another program listens there. Stop it, or set PORT to a port that is free`
    case "EACCES":
      return `port ${port} at ${host} is not for this user to open. Set PORT to one above 1023`
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `this machine has no address ${host} to listen at. Set HOST to one that it has, 127.0.0.1 for example`
    default:
      return `cannot listen at ${url({ host, port })}: ${message}`
  }
}
