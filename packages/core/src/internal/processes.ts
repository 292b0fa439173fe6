/**
 * The processes alive, of whatever kind: a list through them, so that being in it costs a process two fields.
 */
import * as Duration from "effect/Duration"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"

/** What a process is doing. A `zombie` was killed, and what it had acquired is still being released. */
export type ProcessStatus = "starting" | "idle" | "running" | "stopping" | "zombie"

interface Fields {
  readonly name: string
  readonly kind: string
  readonly of: { readonly path: ReadonlyArray<string> }
  readonly status: ProcessStatus
  readonly queueLength: number
  readonly restarts: number
  readonly handled: number
  readonly handling: { readonly message: string; readonly millis: number } | null
  readonly zombie: number | null
}

/** A process as it was when somebody looked. */
export class ProcessInfo extends Inspectable.Class {
  private readonly fields: Fields

  constructor(fields: Fields) {
    super()
    this.fields = fields
  }

  /** Its name in logs: the last part of its service's key, or its id under the supervisor. */
  get name(): string {
    return this.fields.name
  }

  /** `GenServer`, `Supervisor`, `DynamicSupervisor`, `PubSub`, `Layer` or `Worker`. */
  get kind(): string {
    return this.fields.kind
  }

  /** Its place in the tree, the root first; its name alone if it has no supervisor. */
  get path(): ReadonlyArray<string> {
    return this.fields.of.path
  }

  get status(): ProcessStatus {
    return this.fields.status
  }

  /** Messages waiting in its mailbox. */
  get queueLength(): number {
    return this.fields.queueLength
  }

  /** How often its supervisor has started it again. */
  get restarts(): number {
    return this.fields.restarts
  }

  /** Messages handled since it was started. */
  get handled(): number {
    return this.fields.handled
  }

  /** The tag of the message that is being handled, and for how long by now. */
  get handling(): Option.Option<{ readonly message: string; readonly elapsed: Duration.Duration }> {
    return Option.map(Option.fromNullable(this.fields.handling), ({ message, millis }) => ({
      message,
      elapsed: Duration.millis(millis)
    }))
  }

  /** How long a zombie has been one. */
  get zombieFor(): Option.Option<Duration.Duration> {
    return Option.map(Option.fromNullable(this.fields.zombie), Duration.millis)
  }

  toJSON(): unknown {
    const { handling, kind, name, queueLength, restarts, status } = this.fields
    return { _id: "ProcessInfo", name, kind, path: this.path, status, queueLength, restarts, handling }
  }
}

/** A process in the list. */
export interface Listed {
  previous: Listed | null
  following: Listed | null
  describe(): ProcessInfo
}

let first: Listed | null = null
let last: Listed | null = null

export const enlist = (process: Listed): void => {
  process.previous = last
  if (last === null) first = process
  else last.following = process
  last = process
}

/** Takes a process out; nothing if it is not in. */
export const delist = (process: Listed): void => {
  const { following, previous } = process
  if (previous === null && first !== process) return
  if (previous === null) first = following
  else previous.following = following
  if (following === null) last = previous
  else following.previous = previous
  process.previous = null
  process.following = null
}

/** All processes alive, in the order in which they were started. */
export const list = (): Array<ProcessInfo> => {
  const processes: Array<ProcessInfo> = []
  for (let process = first; process !== null; process = process.following) processes.push(process.describe())
  return processes
}
