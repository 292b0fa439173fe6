/**
 * A server's mailbox as plain data: what waits, in which order, and what happens when there is no room.
 *
 * Only messages that `Traits.counted` says so (calls and casts) take up room, and only those that are offered can be
 * refused; what is pushed (a server's own messages, timers, system work) is always let in.
 */

/** What happens to a call or cast that finds the mailbox full. */
export type Overflow = "backpressure" | "reject" | "dropNewest" | "dropOldest"

/** What the mailbox has to know of its items. */
export interface Traits<in A> {
  /** Whether it takes up room. */
  readonly counted: (item: A) => boolean
  /** Whether its sender has withdrawn it: it is passed over, and takes up no room. */
  readonly withdrawn: (item: A) => boolean
}

const initialSize = 8

/** A first-in-first-out buffer that grows by doubling; its size is a power of two, and it never shifts. */
class Ring<A> {
  private buffer: Array<A | undefined> = []
  private head = 0
  length = 0

  push(item: A): void {
    if (this.length === this.buffer.length) this.resize(Math.max(initialSize, this.length * 2))
    this.buffer[(this.head + this.length) & (this.buffer.length - 1)] = item
    this.length++
  }

  shift(): A | undefined {
    if (this.length === 0) return undefined
    const item = this.buffer[this.head]
    this.buffer[this.head] = undefined
    this.head = (this.head + 1) & (this.buffer.length - 1)
    this.length--
    // A burst's buffer is not kept for good.
    if (this.length === 0 && this.buffer.length > 1024) {
      this.buffer = []
      this.head = 0
    }
    return item
  }

  /** Keeps the items that pass, in their order. */
  filter(keep: (item: A) => boolean): void {
    const kept = this.toArray().filter(keep)
    this.buffer = []
    this.head = 0
    this.length = 0
    for (const item of kept) this.push(item)
  }

  /** Removes the first item that passes. */
  removeFirst(test: (item: A) => boolean): A | undefined {
    const mask = this.buffer.length - 1
    for (let i = 0; i < this.length; i++) {
      const item = this.buffer[(this.head + i) & mask] as A
      if (!test(item)) continue
      // What stands before it moves up by one: the item is near the head where this is used.
      for (let j = i; j > 0; j--) {
        this.buffer[(this.head + j) & mask] = this.buffer[(this.head + j - 1) & mask]
      }
      this.shift()
      return item
    }
    return undefined
  }

  toArray(): Array<A> {
    const mask = this.buffer.length - 1
    const items: Array<A> = []
    for (let i = 0; i < this.length; i++) items.push(this.buffer[(this.head + i) & mask] as A)
    return items
  }

  private resize(size: number): void {
    const items = this.toArray()
    items.length = size
    this.buffer = items
    this.head = 0
  }
}

/** What became of an offered item. */
type Offer<A> =
  /** It is in the mailbox. */
  | { readonly _tag: "Taken" }
  /** It waits before the mailbox until there is room (`"backpressure"`). */
  | { readonly _tag: "Waiting" }
  /** It was not let in. */
  | { readonly _tag: "Refused" }
  /** It is in the mailbox, and the oldest call or cast was dropped for it (`"dropOldest"`). */
  | { readonly _tag: "Displaced"; readonly item: A }

const taken: Offer<never> = { _tag: "Taken" }
const waiting: Offer<never> = { _tag: "Waiting" }
const refused: Offer<never> = { _tag: "Refused" }

export class Mailbox<A> {
  readonly capacity: number
  readonly overflow: Overflow
  private readonly traits: Traits<A>
  private readonly ring = new Ring<A>()
  /** Those whose senders wait for room, in order. */
  private outside: Ring<A> | null = null
  private withdrawnInside = 0
  private withdrawnOutside = 0
  private counted = 0

  constructor(capacity: number, overflow: Overflow, traits: Traits<A>) {
    this.capacity = capacity
    this.overflow = overflow
    this.traits = traits
  }

  /** How many items can be taken. */
  get size(): number {
    return this.ring.length - this.withdrawnInside
  }

  /** How many wait for room. */
  get waiting(): number {
    return this.outside === null ? 0 : this.outside.length - this.withdrawnOutside
  }

  get isFull(): boolean {
    return this.counted >= this.capacity
  }

  /** Lets an item in, whatever the capacity. */
  push(item: A): void {
    if (this.capacity !== Infinity && this.traits.counted(item)) this.counted++
    this.ring.push(item)
  }

  /** Lets an item in if there is room, and otherwise does what the policy says. */
  offer(item: A): Offer<A> {
    if (this.capacity === Infinity || this.counted < this.capacity) {
      this.push(item)
      return taken
    }
    switch (this.overflow) {
      case "backpressure": {
        this.outside ??= new Ring<A>()
        this.outside.push(item)
        return waiting
      }
      case "reject":
      case "dropNewest":
        return refused
      case "dropOldest": {
        const oldest = this.ring.removeFirst((item) => this.traits.counted(item) && !this.traits.withdrawn(item))
        if (oldest !== undefined) this.counted--
        this.push(item)
        return oldest === undefined ? taken : { _tag: "Displaced", item: oldest }
      }
    }
  }

  /** The next item, passing over those withdrawn. */
  take(): A | undefined {
    while (true) {
      const item = this.ring.shift()
      if (item === undefined) return undefined
      if (this.withdrawnInside > 0 && this.traits.withdrawn(item)) {
        this.withdrawnInside--
        continue
      }
      if (this.capacity !== Infinity && this.traits.counted(item)) this.counted--
      return item
    }
  }

  /**
   * Moves the first of those waiting into the mailbox, if there is room now, and returns it: its sender may go on.
   * To be called until it returns nothing, whenever room may have been made.
   */
  admit(): A | undefined {
    if (this.outside === null) return undefined
    while (this.counted < this.capacity) {
      const item = this.outside.shift()
      if (item === undefined) {
        this.outside = null
        return undefined
      }
      if (this.withdrawnOutside > 0 && this.traits.withdrawn(item)) {
        this.withdrawnOutside--
        continue
      }
      this.push(item)
      return item
    }
    return undefined
  }

  /**
   * Says that one more item is withdrawn by now, which `inside` the mailbox or waiting before it. Its room is free at
   * once, and when more than half of what is stored is withdrawn, it is cleared away.
   */
  withdraw(inside: boolean): void {
    if (inside) {
      this.withdrawnInside++
      if (this.capacity !== Infinity) this.counted--
      if (this.withdrawnInside * 2 > this.ring.length) {
        this.ring.filter((item) => !this.traits.withdrawn(item))
        this.withdrawnInside = 0
      }
    } else if (this.outside !== null) {
      this.withdrawnOutside++
      if (this.withdrawnOutside * 2 > this.outside.length) {
        this.outside.filter((item) => !this.traits.withdrawn(item))
        this.withdrawnOutside = 0
      }
    }
  }

  /** Empties the mailbox: everything that was still to be taken, then what waited for room. */
  drain(): Array<A> {
    const items = this.ring.toArray().concat(this.outside === null ? [] : this.outside.toArray())
    this.ring.filter(() => false)
    this.outside = null
    this.counted = 0
    this.withdrawnInside = 0
    this.withdrawnOutside = 0
    return items.filter((item) => !this.traits.withdrawn(item))
  }
}
