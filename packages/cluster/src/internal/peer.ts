/**
 * Peers: what DNS says is there, under the name that a node has.
 */
import { isIPv6, SocketAddress } from "node:net"
import * as Schema from "effect/Schema"

/**
 * Another machine of the cluster, or one of the processes there.
 *
 * @category models
 */
export class Peer extends Schema.Class<Peer>("@effect-otp/cluster/Peer")({
  /** Its name, as Erlang's nodes have it: `basename@host`. */
  node: Schema.String,
  basename: Schema.String,
  /** An IP address, of an A or AAAA record, or a host's name, of an SRV record. */
  host: Schema.String,
  /** The port, of an SRV record. The others have none. */
  port: Schema.optionalWith(Schema.Int, { exact: true })
}) {}

/**
 * A peer is there: DNS has it, and it is connected.
 *
 * @category models
 */
export class PeerUp extends Schema.TaggedClass<PeerUp>("@effect-otp/cluster/PeerUp")("PeerUp", { peer: Peer }) {}

/**
 * A peer has gone: DNS does not have it any more, or it is not connected any more.
 *
 * @category models
 */
export class PeerDown extends Schema.TaggedClass<PeerDown>("@effect-otp/cluster/PeerDown")("PeerDown", {
  peer: Peer
}) {}

/**
 * What becomes of peers.
 *
 * @category models
 */
export type PeerChange = PeerUp | PeerDown

/** Where a peer is, as a resolver says it. */
export interface Address {
  readonly host: string
  readonly port?: number | undefined
}

/** A host in the one form in which hosts are compared: many texts are the same IPv6 address, and the same name. */
export const hostOf = (text: string): string =>
  // An address with a zone ("%eth0") is not one that others know, and has no other form.
  isIPv6(text) && !text.includes("%")
    ? new SocketAddress({ address: text, family: "ipv6" }).address
    : text.toLowerCase().replace(/\.$/, "")

export const peerOf = (basename: string, address: Address): Peer => {
  const host = hostOf(address.host)
  const node = `${basename}@${host}`
  return new Peer(address.port === undefined ? { node, basename, host } : { node, basename, host, port: address.port })
}

/** What tells one peer from another: two processes of one host have the same node's name, and two ports. */
export const keyOf = ({ node, port }: Peer): string => (port === undefined ? node : `${node}:${port}`)

/** A node's name in the form in which names are compared. */
export const nameOf = (name: string): string => {
  const at = name.indexOf("@")
  // A resolver may list what is nobody's name.
  if (at < 0) return name
  return `${name.slice(0, at)}@${hostOf(name.slice(at + 1))}`
}

/** Whether a peer is among those names. A name with a port is one process, a name without is all that are there. */
export const isNamed = (peer: Peer, names: ReadonlySet<string>): boolean =>
  names.has(peer.node) || names.has(keyOf(peer))
