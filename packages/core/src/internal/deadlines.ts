/**
 * Moments that are waited for, in order. Nearly all of them have one of a few durations (a call's five seconds, a
 * server's idle time), so what has the same duration forms a list, which is in order by itself: adding goes to its
 * end and removing takes a link out, both O(1) however many there are. A heap of the lists, by their first entries,
 * says what is due next; it costs only when a list's first entry changes.
 *
 * An entry carries its own links, so that adding one allocates nothing. Here are no clock and no timers: times are
 * numbers in milliseconds that only have to agree with each other. `internal/alarm` does the waiting.
 */

/** Something that happens at a moment, unless it is removed before. All fields belong to {@link Deadlines}. */
export abstract class Deadline {
  /** The moment, in milliseconds. Keeps its value after the deadline has been taken or removed. */
  at = 0
  /** The place in the order of insertion, which decides between equal moments. */
  seq = 0
  prev: Deadline | null = null
  next: Deadline | null = null
  /** The list this is in, `null` unless pending. */
  list: DeadlineList | null = null

  /** Called when the moment `at` has come; `now` is the time by then, both in milliseconds. */
  abstract onDue(at: number, now: number): void
}

/** The pending deadlines of one duration, first to come first. */
class DeadlineList {
  readonly owner: Deadlines
  readonly duration: number
  head: Deadline = nobody
  tail: Deadline = nobody
  /** Its index in the heap, -1 while it is empty and in none. */
  place = -1

  constructor(owner: Deadlines, duration: number) {
    this.owner = owner
    this.duration = duration
  }
}

export type { DeadlineList }

/** What an empty list has at both ends: it is never asked for them. */
const nobody = new (class extends Deadline {
  override onDue(): void {}
})()

const isBefore = (a: Deadline, b: Deadline): boolean => a.at < b.at || (a.at === b.at && a.seq < b.seq)

/** A set of pending deadlines. */
export class Deadlines {
  private readonly lists = new Map<number, DeadlineList>()
  private readonly heap: Array<DeadlineList> = []
  /** The list used last, which mostly is the one wanted next. */
  private last: DeadlineList | undefined = undefined
  /** The list that was emptied last, kept because one caller's calls empty and fill the same list all the time. */
  private spare: DeadlineList | undefined = undefined
  private count = 0
  private inserted = 0

  /** How many deadlines are pending. */
  get size(): number {
    return this.count
  }

  /** How many different durations are remembered: those of what is pending, and at most one other. */
  get durations(): number {
    return this.lists.size
  }

  /**
   * Adds a deadline for the moment `at`; one that is pending already, here or elsewhere, is moved.
   *
   * The duration (milliseconds) only groups. Adding is O(1) when `at` is not before any other with the same duration,
   * otherwise it takes a step for each of those that come later.
   */
  add(entry: Deadline, duration: number, at: number): void {
    if (entry.list !== null) entry.list.owner.remove(entry)
    entry.at = at
    entry.seq = this.inserted++
    this.count++
    let list = this.last
    if (list === undefined || list.duration !== duration) {
      list = this.lists.get(duration)
      if (list === undefined) {
        list = new DeadlineList(this, duration)
        this.lists.set(duration, list)
      }
      this.last = list
    }
    entry.list = list
    if (list.place < 0) {
      this.begin(list, entry)
      return
    }
    let before: Deadline | null = list.tail
    while (before !== null && before.at > at) before = before.prev
    entry.prev = before
    if (before === null) {
      entry.next = list.head
      list.head.prev = entry
      list.head = entry
      this.siftUp(list, list.place)
      return
    }
    entry.next = before.next
    if (before.next === null) list.tail = entry
    else before.next.prev = entry
    before.next = entry
  }

  /** Removes a deadline; `false` if it was not pending here. */
  remove(entry: Deadline): boolean {
    const list = entry.list
    if (list === null || list.owner !== this) return false
    const { next, prev } = entry
    entry.list = null
    entry.prev = null
    entry.next = null
    this.count--
    if (prev !== null) {
      prev.next = next
      if (next === null) list.tail = prev
      else next.prev = prev
    } else if (next === null) {
      this.end(list)
    } else {
      next.prev = null
      list.head = next
      this.siftDown(list, list.place)
    }
    return true
  }

  /** Whether a deadline is pending here. */
  isPending(entry: Deadline): boolean {
    return entry.list !== null && entry.list.owner === this
  }

  /** Removes and returns the first of the deadlines whose moment is not after `now`, `undefined` if there is none. */
  takeDue(now: number): Deadline | undefined {
    const first = this.heap[0]?.head
    if (first === undefined || first.at > now) return undefined
    this.remove(first)
    return first
  }

  /** The nearest moment, `undefined` when nothing is pending. */
  nearest(): number | undefined {
    return this.heap[0]?.head.at
  }

  /** Takes an empty list into the heap. */
  private begin(list: DeadlineList, only: Deadline): void {
    if (this.spare === list) this.spare = undefined
    list.head = only
    list.tail = only
    this.heap.push(list)
    this.siftUp(list, this.heap.length - 1)
  }

  /** Takes a list out of the heap that has become empty, so that durations used once leave nothing behind. */
  private end(list: DeadlineList): void {
    const { place } = list
    list.head = nobody
    list.tail = nobody
    list.place = -1
    if (this.spare !== undefined) {
      this.lists.delete(this.spare.duration)
      if (this.last === this.spare) this.last = undefined
    }
    this.spare = list
    // The list itself is in the heap, so there is one to pop.
    const moved = this.heap.pop()!
    if (moved === list) return
    // The hole may lie in another branch than the heap's last list, which then belongs above it or below it.
    this.siftUp(moved, place)
    this.siftDown(moved, moved.place)
  }

  private siftUp(list: DeadlineList, from: number): void {
    const { heap } = this
    let place = from
    while (place > 0) {
      const above = (place - 1) >> 1
      // An index that was computed from a place in the heap, towards its beginning.
      const parent = heap[above]!
      if (!isBefore(list.head, parent.head)) break
      heap[place] = parent
      parent.place = place
      place = above
    }
    heap[place] = list
    list.place = place
  }

  private siftDown(list: DeadlineList, from: number): void {
    const { heap } = this
    let place = from
    for (;;) {
      const left = 2 * place + 1
      let child = heap[left]
      if (child === undefined) break
      let below = left
      const right = heap[left + 1]
      if (right !== undefined && isBefore(right.head, child.head)) {
        child = right
        below = left + 1
      }
      if (!isBefore(child.head, list.head)) break
      heap[place] = child
      child.place = place
      place = below
    }
    heap[place] = list
    list.place = place
  }
}
