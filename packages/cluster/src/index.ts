/**
 * Finds the other machines of a program by DNS.
 */
export * as DnsCluster from "./DnsCluster.ts"
