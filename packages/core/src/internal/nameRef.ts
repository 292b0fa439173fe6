/**
 * A ref that finds its server at each use: the one that holds the name then.
 */
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Inspectable from "effect/Inspectable"
import type { Root } from "./root.ts"
import { Seat } from "./seat.ts"

export class NameRef extends Effectable.Class<NameRef> {
  readonly key: string
  readonly name: string
  private readonly root: Root | null
  private readonly nobody: Seat

  constructor(key: string, name: string, root: Root | null) {
    super()
    this.key = key
    this.name = name
    this.root = root
    this.nobody = new Seat(name)
  }

  /** Who holds the name, or an empty seat. */
  get seat(): Seat {
    return this.root?.lookup(this.key) ?? this.nobody
  }

  override commit(): Effect.Effect<this> {
    return Effect.succeed(this)
  }

  override toString(): string {
    return `ServerRef(${this.name}, by name)`
  }

  toJSON(): unknown {
    return { _id: "ServerRef", name: this.name, by: "name" }
  }

  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}
