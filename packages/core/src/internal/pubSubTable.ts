/**
 * Who has subscribed to what: the table of a PubSub, as plain data.
 *
 * A subscription is found by its topic when something is broadcast, and by its owner when that ends. Nothing is kept of a
 * topic without subscriptions, nor of an owner without any (`REG-18`).
 */

/** What a row has to say about itself. */
export interface Row {
  readonly topic: string
  /** Whose rows are taken out together; nothing for one that is its own owner. */
  readonly owner: object | null
}

export class Table<R extends Row> {
  private readonly byTopic = new Map<string, Set<R>>()
  private readonly byOwner = new Map<object, Map<string, Set<R>>>()
  /** How many rows there are. */
  size = 0

  add(row: R): void {
    const { owner, topic } = row
    into(this.byTopic, topic, row)
    this.size++
    if (owner === null) return
    let owned = this.byOwner.get(owner)
    if (owned === undefined) {
      owned = new Map()
      this.byOwner.set(owner, owned)
    }
    into(owned, topic, row)
  }

  /** Takes a row out; false if it is not in. */
  remove(row: R): boolean {
    const { owner, topic } = row
    if (!outOf(this.byTopic, topic, row)) return false
    this.size--
    const owned = owner === null ? undefined : this.byOwner.get(owner)
    if (owned !== undefined) {
      outOf(owned, topic, row)
      if (owned.size === 0) this.byOwner.delete(owner as object)
    }
    return true
  }

  /** Takes out all rows of an owner for a topic, or for all topics; given is how many. */
  removeOf(owner: object, topic?: string): number {
    const owned = this.byOwner.get(owner)
    if (owned === undefined) return 0
    const rows =
      topic === undefined ? Array.from(owned.values(), (rows) => [...rows]).flat() : [...(owned.get(topic) ?? [])]
    for (const row of rows) this.remove(row)
    return rows.length
  }

  has(owner: object): boolean {
    return this.byOwner.has(owner)
  }

  /**
   * The rows of a topic, in the order in which they came. They may be taken out while one goes through them; what is added
   * meanwhile comes last.
   */
  of(topic: string): ReadonlySet<R> {
    return this.byTopic.get(topic) ?? nobody
  }

  /** The topics that have rows, in the order of their first ones. */
  get topics(): Array<string> {
    return Array.from(this.byTopic.keys())
  }

  get owners(): Array<object> {
    return Array.from(this.byOwner.keys())
  }
}

const nobody: ReadonlySet<never> = new Set()

const into = <R>(index: Map<string, Set<R>>, topic: string, row: R): void => {
  const rows = index.get(topic)
  if (rows === undefined) index.set(topic, new Set([row]))
  else rows.add(row)
}

const outOf = <R>(index: Map<string, Set<R>>, topic: string, row: R): boolean => {
  const rows = index.get(topic)
  if (rows === undefined || !rows.delete(row)) return false
  if (rows.size === 0) index.delete(topic)
  return true
}
