/**
 * The place of a child that is a server and nothing else: it is started again in its seat, without its layer.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import type { Type } from "../ChildSpec.ts"
import { type ExitReason, killed, shutdown } from "../ExitReason.ts"
import { AlreadyStarted } from "../SupervisorError.ts"
import type { Definition } from "./definition.ts"
import type { Environment } from "./environment.ts"
import type { Identity } from "./events.ts"
import { type Care, failed, ignored, type Keeper, type Outcome, Place, started } from "./place.ts"
import { Seat, type Seats } from "./seat.ts"
import { Server } from "./server.ts"
import type { Node } from "./tree.ts"

export class ServerPlace extends Place {
  readonly seat: Seat<Server>
  private readonly definition: Definition
  private readonly args: ReadonlyArray<unknown>
  /** Whether it is known by its name under the root. */
  private readonly isNamed: boolean
  private server: Server | null = null

  constructor(
    id: string,
    care: Care,
    keeper: Keeper,
    definition: Definition,
    args: ReadonlyArray<unknown>,
    isNamed: boolean,
    inherited: Seats | undefined
  ) {
    super(id, care, keeper)
    this.definition = definition
    this.args = args
    this.isNamed = isNamed
    // Only servers of that definition have sat there.
    this.seat = (inherited?.get(definition.key)?.[0] as Seat<Server> | undefined) ?? new Seat<Server>(definition.name)
    this.seat.isKept = true
  }

  /** What it provides: its ref, which is good whoever sits there. */
  get services(): Context.Context<never> {
    return Context.unsafeMake(new Map([[this.definition.key, this.seat]]))
  }

  override start(environment: Environment, onOutcome: (outcome: Outcome) => void): void {
    if (this.isNamed) {
      const holder = this.keeper.root.claim(this.definition.key, this.seat)
      if (holder !== null) {
        onOutcome(failed(Cause.die(new AlreadyStarted({ process: this.definition.name, ref: holder }))))
        return
      }
    }
    const server = new Server(this.definition, this.seat, environment, this)
    this.server = server
    server.whenDown((reason) => {
      if (this.server !== server) return
      this.server = null
      this.unhandled = server.leftCount
      this.ended(reason)
    })
    server.start(this.args, (exit) =>
      onOutcome(Exit.isFailure(exit) ? failed(exit.cause) : server.isDown ? ignored : started)
    )
  }

  override cancel(): void {
    // Also one that traps exits: in its `init` it would not come to that. What `init` has acquired is waited for.
    this.server?.exit(shutdown())
  }

  protected override whenOver(onEnd: (reason: ExitReason) => void): void {
    this.server?.whenDown(onEnd)
  }

  protected override tell(reason: ExitReason): void {
    this.server?.parentExit(reason)
  }

  override kill(): void {
    this.server?.kill()
  }

  override orphan(): void {
    const { server } = this
    // In its `init` it would not come to a signal that it traps.
    if (server?.isStarting === true) server.exit(killed)
    else server?.parentExit(killed)
  }

  override get hasRemains(): boolean {
    return this.server !== null
  }

  override get isAlive(): boolean {
    return this.server !== null && !this.server.isDown
  }

  override get type(): Type {
    return "worker"
  }

  override get shutdown(): number {
    return this.care.shutdown ?? this.definition.shutdown
  }

  // Made when they are asked for: there may be very many such places.
  override get seats(): ReadonlyArray<Seat> {
    return [this.seat]
  }

  override get estate(): Seats {
    return new Map([[this.definition.key, [this.seat]]])
  }

  override get party(): Server {
    return this.server as Server
  }

  override get identity(): Identity {
    return { process: this.definition.name, path: this.path, kind: this.definition.processKind }
  }

  /** The server is the child, whatever that is called. */
  override pathOf(): ReadonlyArray<string> {
    return this.path
  }

  override get node(): Node {
    return { text: this.label(this.definition.processKind), below: [] }
  }

  override free(): void {
    if (this.isNamed) this.keeper.root.free(this.definition.key, this.seat)
  }
}
