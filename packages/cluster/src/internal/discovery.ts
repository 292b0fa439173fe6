/**
 * A round of discovery, as decisions over plain data: what the answers say, who is to be connected, who has gone, and
 * what those are told who look on.
 */
import { type Address, isNamed, keyOf, type Peer, type PeerChange, PeerDown, PeerUp, peerOf } from "./peer.ts"

export type ResourceType = "A" | "AAAA" | "SRV"

/** What is looked up. Those that it finds are peers under each of the basenames. */
export interface Question {
  readonly query: string
  readonly type: ResourceType
  readonly basenames: ReadonlyArray<string>
}

/** What is known after so many rounds. */
export interface Found {
  readonly questions: ReadonlyArray<Question>
  /** The last answer to each question, by its key; none while a question has never been answered. */
  readonly answers: ReadonlyMap<string, ReadonlyArray<Peer>>
  /** Who is there, in the answers and connected: the longest first. */
  readonly peers: ReadonlyArray<Peer>
}

export const questionKey = ({ query, type }: Question): string => `${type} ${query}`

/** What to look up: each query once for each type, whatever basenames it was given with (`DNS-3`). */
export const questionsOf = (
  queries: ReadonlyArray<{ readonly basename: string; readonly query: string }>,
  types: ReadonlyArray<ResourceType>
): ReadonlyArray<Question> => {
  const basenames = new Map<string, Set<string>>()
  for (const { basename, query } of queries) {
    const known = basenames.get(query)
    if (known === undefined) basenames.set(query, new Set([basename]))
    else known.add(basename)
  }
  return [...new Set(types)].flatMap((type) =>
    Array.from(basenames, ([query, names]) => ({ query, type, basenames: [...names] }))
  )
}

/** Before the first round. */
export const nothing = (questions: ReadonlyArray<Question>): Found => ({ questions, answers: new Map(), peers: [] })

/** Each once, in the order in which they come first. */
const distinct = (peers: Iterable<Peer>): ReadonlyArray<Peer> => {
  const byKey = new Map<string, Peer>()
  for (const peer of peers) if (!byKey.has(keyOf(peer))) byKey.set(keyOf(peer), peer)
  return [...byKey.values()]
}

/** A question with its answer; null if it could not be looked up. */
export type Heard = readonly [question: Question, answer: ReadonlyArray<Address> | null]

/** What a round has to do. */
export interface Round {
  readonly answers: Found["answers"]
  /** Those that are to be connected. */
  readonly connect: ReadonlyArray<Peer>
  /** Those that are connected already. */
  readonly stay: ReadonlyArray<Peer>
}

/**
 * What the answers of a round come to.
 *
 * A lookup that failed counts as no addresses, so that nobody new is connected (`DNS-4`); but it says nothing of those
 * who were there: for them the last answer holds. `own` are the names of this node, which is nobody's peer. `listed` are
 * the names of the nodes that are connected, where somebody knows; null if those are that were connected in the last round.
 */
export const plan = (
  found: Found,
  heard: ReadonlyArray<Heard>,
  own: ReadonlySet<string>,
  listed: ReadonlySet<string> | null
): Round => {
  const answers = new Map(found.answers)
  const fresh = new Set<string>()
  for (const [question, addresses] of heard) {
    if (addresses === null) continue
    const peers = distinct(
      addresses.flatMap((address) => question.basenames.map((basename) => peerOf(basename, address)))
    ).filter((peer) => !isNamed(peer, own))
    answers.set(questionKey(question), peers)
    for (const peer of peers) fresh.add(keyOf(peer))
  }
  const known = new Set(found.peers.map(keyOf))
  const isKnown = (peer: Peer): boolean => (listed === null ? known.has(keyOf(peer)) : isNamed(peer, listed))
  const inAnswers = new Map([...answers.values()].flat().map((peer) => [keyOf(peer), peer]))
  // Name servers give their records in another order each time. Who was there keeps his place.
  const all = distinct([...found.peers.filter((peer) => inAnswers.has(keyOf(peer))), ...inAnswers.values()])
  return {
    answers,
    connect: all.filter((peer) => !isKnown(peer) && fresh.has(keyOf(peer))),
    stay: all.filter(isKnown)
  }
}

/** What is known after a round in which these could be connected. */
export const settle = (found: Found, { answers, stay }: Round, connected: ReadonlyArray<Peer>): Found => ({
  questions: found.questions,
  answers,
  peers: [...stay, ...connected]
})

// ---------------------------------------------------------------------------------------------------------------------
// What those are told who look on
// ---------------------------------------------------------------------------------------------------------------------

/** A peer that was told to be there, and which questions had found it. */
interface Seen {
  readonly peer: Peer
  readonly questions: ReadonlySet<string>
}

/** Who was told to be there. */
export type View = ReadonlyMap<string, Seen>

export const emptyView: View = new Map()

/**
 * What is new to somebody who was told of these. The gone come first.
 *
 * Who looks on stays through restarts, and a process that has just been started again knows of nobody. So a peer has gone
 * only when every question that had found it has been answered, or is not asked any more.
 */
export const tell = (view: View, { answers, peers, questions }: Found): [View, ReadonlyArray<PeerChange>] => {
  const open = new Set(questions.map(questionKey).filter((key) => !answers.has(key)))
  const foundBy = new Map<string, Set<string>>(peers.map((peer) => [keyOf(peer), new Set()]))
  for (const [question, found] of answers) for (const peer of found) foundBy.get(keyOf(peer))?.add(question)
  const changes: Array<PeerChange> = []
  const next = new Map<string, Seen>()
  for (const [key, seen] of view) {
    if (foundBy.has(key)) continue
    if ([...seen.questions].some((question) => open.has(question))) next.set(key, seen)
    else changes.push(new PeerDown({ peer: seen.peer }))
  }
  for (const peer of peers) {
    const key = keyOf(peer)
    next.set(key, { peer, questions: foundBy.get(key) ?? new Set() })
    if (!view.has(key)) changes.push(new PeerUp({ peer }))
  }
  return [next, changes]
}
