/**
 * Where in a tree a fiber is: under which root, and, while a child's layer is being built, for which child.
 */
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import { globalValue } from "effect/GlobalValue"
import type { ExitReason } from "../ExitReason.ts"
import type { AlreadyStarted } from "../SupervisorError.ts"
import type { Definition } from "./definition.ts"
import type { Party, Wait } from "./envelope.ts"
import type { Parent } from "./parent.ts"
import type { Root } from "./root.ts"
import type { Seat } from "./seat.ts"
import type { Node } from "./tree.ts"

/** A process that belongs to a child. */
export interface Member extends Party {
  readonly definition: Definition
  readonly isDown: boolean
  /** Messages that it has left unhandled. */
  readonly leftCount: number
  /** What it looks like in a drawing of the tree. */
  readonly node: Node
  whenDown(callback: (reason: ExitReason) => void): void
  /** The exit signal of its parent. */
  parentExit(reason: ExitReason): void
  /** Ends it at once (`PROC-5`). */
  kill(): void
}

/** A child that has a fiber of its own. While its layer is being built, servers that are started are part of it. */
export interface Nest extends Parent, Party {
  readonly isOpen: boolean
  /** The fiber that builds it, and closes it. */
  readonly fiber: Fiber.RuntimeFiber<unknown, unknown> | null
  waitingFor: Wait | null
  /**
   * The seat for one of that definition: the one it had when the layer was built before. None if the child's seats are
   * another one's by now, since its supervisor has ended.
   */
  seatFor(definition: Definition): Seat | AlreadyStarted | null
  /** It was started, and belongs to the child from here on. */
  adopt(process: Member): void
  /** Its scope is being closed: its end is not the child's. */
  discard(process: Member): void
}

export interface Whereabouts {
  readonly root: Root
  readonly nest: Nest | null
}

export const currentWhereabouts: FiberRef.FiberRef<Whereabouts | null> = globalValue(
  "@effect-otp/core/currentWhereabouts",
  // A fiber that is forked is where its parent is; what it finds there is not brought back by joining it.
  () => FiberRef.unsafeMake<Whereabouts | null>(null, { join: (parent) => parent })
)
