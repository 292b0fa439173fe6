/**
 * What a call may fail with.
 */
export * as CallError from "./CallError.ts"

/**
 * Why a process ended.
 */
export * as ExitReason from "./ExitReason.ts"

/**
 * A process that keeps state and answers messages, one at a time.
 */
export * as GenServer from "./GenServer.ts"

/**
 * The messages of a protocol.
 */
export * as Message from "./Message.ts"

/**
 * What can be done to any process, whatever it runs.
 */
export * as Process from "./Process.ts"
