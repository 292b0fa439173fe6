/**
 * What a call may fail with.
 */

/**
 * A program made of children.
 */
export * as Application from "./Application.ts"
export * as CallError from "./CallError.ts"
/**
 * What supervisors and those who describe children to them have in common.
 */
export * as ChildSpec from "./ChildSpec.ts"
/**
 * A supervisor for servers that come and go at run time.
 */
export * as DynamicSupervisor from "./DynamicSupervisor.ts"
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
/**
 * Messages to whoever is interested: publishers and subscribers that know a topic, and not each other.
 */
export * as PubSub from "./PubSub.ts"
/**
 * Who restarts whom.
 */
export * as Supervisor from "./Supervisor.ts"

/**
 * What can go wrong when children are started, ended and looked up.
 */
export * as SupervisorError from "./SupervisorError.ts"
