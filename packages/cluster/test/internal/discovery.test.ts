import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import {
  emptyView,
  type Found,
  type Heard,
  nothing,
  plan,
  questionKey,
  questionsOf,
  settle,
  tell,
  type View
} from "../../src/internal/discovery.ts"
import { type Address, isNamed, keyOf, nameOf, type Peer, peerOf } from "../../src/internal/peer.ts"

// A small world, so that the same things meet again and again.
const host = FastCheck.constantFrom("10.0.0.1", "10.0.0.2", "fd00::1", "FD00:0::1", "pod-0.internal", "POD-0.internal.")
const address: FastCheck.Arbitrary<Address> = FastCheck.oneof(
  FastCheck.record({ host }),
  FastCheck.record({ host, port: FastCheck.constantFrom(4000, 4001) })
)
const answer = FastCheck.option(FastCheck.array(address, { maxLength: 4 }), { freq: 3 })

const questions = questionsOf(
  [
    { basename: "app", query: "a.internal" },
    { basename: "app", query: "b.internal" },
    { basename: "job", query: "b.internal" },
    { basename: "app", query: "a.internal" }
  ],
  ["A", "SRV"]
)

const name = FastCheck.constantFrom("app@10.0.0.1", "app@pod-0.internal", "app@pod-0.internal:4000", "job@fd00::1")
const names = FastCheck.array(name, { maxLength: 3 }).map((all) => new Set(all))

/** What happens in a round: the answers, who is connected in somebody's list, and who lets himself be connected. */
interface Turn {
  readonly heard: ReadonlyArray<Heard>
  readonly listed: ReadonlySet<string> | null
  readonly willing: (peer: Peer) => boolean
  /** Whether the process is started again before it. */
  readonly isAnew: boolean
}

const turn: FastCheck.Arbitrary<Turn> = FastCheck.record({
  answers: FastCheck.tuple(...questions.map(() => answer)),
  listed: FastCheck.option(names, { freq: 2 }),
  unwilling: names,
  isAnew: FastCheck.integer({ min: 0, max: 5 }).map((n) => n === 0)
}).map(({ answers, isAnew, listed, unwilling }) => ({
  heard: questions.map((question, at) => [question, answers[at] ?? null] as const),
  listed,
  willing: (peer) => !isNamed(peer, unwilling),
  isAnew
}))

const keys = (peers: Iterable<Peer>): Array<string> => Array.from(peers, keyOf).sort()

/** All rounds of a history: what was known before and after each, and what it had to do. */
const play = (own: ReadonlySet<string>, turns: ReadonlyArray<Turn>) => {
  let found = nothing(questions)
  return turns.map((turn) => {
    if (turn.isAnew) found = nothing(questions)
    const before = found
    const round = plan(before, turn.heard, own, turn.listed)
    const connected = round.connect.filter(turn.willing)
    found = settle(before, round, connected)
    return { ...turn, before, round, connected, after: found }
  })
}

const history = FastCheck.record({ own: names, turns: FastCheck.array(turn, { minLength: 1, maxLength: 6 }) })

const always = <A>(arbitrary: FastCheck.Arbitrary<A>, holds: (value: A) => void) =>
  FastCheck.assert(FastCheck.property(arbitrary, holds), { numRuns: 200 })

/** Those that answers of this round name, by a plain reading. */
const named = ({ heard }: Turn, own: ReadonlySet<string>): Set<string> => {
  const all = heard.flatMap(([{ basenames }, addresses]) =>
    (addresses ?? []).flatMap((address) => basenames.map((basename) => peerOf(basename, address)))
  )
  return new Set(all.filter((peer) => !isNamed(peer, own)).map(keyOf))
}

describe("discovery", () => {
  it("DNS-3: a query is looked up once for each type, whatever basenames it has", () => {
    assert.deepStrictEqual(questions, [
      { query: "a.internal", type: "A", basenames: ["app"] },
      { query: "b.internal", type: "A", basenames: ["app", "job"] },
      { query: "a.internal", type: "SRV", basenames: ["app"] },
      { query: "b.internal", type: "SRV", basenames: ["app", "job"] }
    ])
  })

  it("a host has one form: that of its address, or small letters", () => {
    const forms = [
      ["app@FDAA:0:0:0:0:0:0:1", "app@fdaa::1"],
      ["app@fe80::1%eth0", "app@fe80::1%eth0"],
      ["app@10.0.0.1", "app@10.0.0.1"],
      ["App@Pod-0.Internal.", "App@pod-0.internal"],
      ["app@pod-0.internal:4000", "app@pod-0.internal:4000"]
    ] as const
    for (const [given, form] of forms) assert.strictEqual(nameOf(given), form)
  })

  it("DNS-3: who is connected is new, named by this round, not this node, and comes once", () => {
    always(history, ({ own, turns }) => {
      for (const { before, listed, round, ...turn } of play(own, turns)) {
        const here = named({ listed, ...turn }, own)
        const known = new Set(before.peers.map(keyOf))
        const connect = keys(round.connect)
        assert.strictEqual(new Set(connect).size, connect.length)
        const isKnown = (peer: Peer) => (listed === null ? known.has(keyOf(peer)) : isNamed(peer, listed))
        for (const peer of [...round.connect, ...round.stay]) assert.isFalse(isNamed(peer, own))
        for (const peer of round.connect) assert.isFalse(isKnown(peer))
        for (const peer of round.stay) assert.isTrue(isKnown(peer))
        // nobody who is named is left out
        const cared = new Set([...connect, ...keys(round.stay)])
        for (const key of here) assert.isTrue(cared.has(key), key)
        for (const key of connect) assert.isTrue(here.has(key), key)
      }
    })
  })

  it("DNS-4: in a round whose lookups have all failed nobody comes; nobody goes but by the list", () => {
    always(history, ({ own, turns }) => {
      for (const { after } of play(own, turns)) {
        const heard = questions.map((question): Heard => [question, null])
        const round = plan(after, heard, own, null)
        assert.deepStrictEqual(round.connect, [])
        assert.deepStrictEqual(settle(after, round, []), after)
        const unlisted = plan(after, heard, own, new Set())
        assert.deepStrictEqual(unlisted.connect, [])
        assert.deepStrictEqual(unlisted.stay, [])
      }
    })
  })

  it("DNS-4: in a round whose lookups have all succeeded who is not named has gone", () => {
    always(history, ({ own, turns }) => {
      for (const { after, heard, ...turn } of play(own, turns)) {
        if (heard.some(([, addresses]) => addresses === null)) continue
        const here = named({ heard, ...turn }, own)
        for (const key of keys(after.peers)) assert.isTrue(here.has(key), key)
      }
    })
  })

  it("DNS-4: who was there, and had been found by a question that has failed now, has not gone by it", () => {
    always(history, ({ own, turns }) => {
      for (const { after, before, heard, listed } of play(own, turns)) {
        if (listed !== null) continue
        const here = new Set(keys(after.peers))
        for (const [question, addresses] of heard) {
          if (addresses !== null) continue
          const found = new Set((before.answers.get(questionKey(question)) ?? []).map(keyOf))
          for (const peer of before.peers) if (found.has(keyOf(peer))) assert.isTrue(here.has(keyOf(peer)))
        }
      }
    })
  })

  it("peers come once, and who stays comes before the others, in the same order", () => {
    always(history, ({ own, turns }) => {
      for (const { after, before, round } of play(own, turns)) {
        const order = after.peers.map(keyOf)
        assert.strictEqual(new Set(order).size, order.length)
        const staying = new Set(round.stay.map(keyOf))
        const stayed = before.peers.map(keyOf).filter((key) => staying.has(key))
        assert.deepStrictEqual(order.slice(0, stayed.length), stayed)
      }
    })
  })

  describe("what is told", () => {
    /** Tells of each state that is not skipped, and gives the view and the changes after each. */
    const follow = (states: ReadonlyArray<Found>, sees: ReadonlyArray<boolean>) => {
      let view: View = emptyView
      return states.flatMap((found, at) => {
        if (sees[at] === false) return []
        const [next, changes] = tell(view, found)
        const step = { found, changes, before: view, view: next }
        view = next
        return [step]
      })
    }
    const watched = FastCheck.record({
      history,
      sees: FastCheck.array(FastCheck.boolean(), { minLength: 6, maxLength: 6 })
    })

    it("up only who was not there, down only who was, and what was told is what is seen", () => {
      always(watched, ({ history: { own, turns }, sees }) => {
        const states = play(own, turns).map(({ after }) => after)
        for (const { before, changes, found, view } of follow(states, sees)) {
          const told = new Set(before.keys())
          for (const change of changes) {
            const key = keyOf(change.peer)
            assert.strictEqual(told.has(key), change._tag === "PeerDown", key)
            if (change._tag === "PeerUp") told.add(key)
            else told.delete(key)
          }
          assert.deepStrictEqual([...told].sort(), [...view.keys()].sort())
          for (const key of keys(found.peers)) assert.isTrue(told.has(key))
        }
      })
    })

    it("it is what is known, once every question has been answered", () => {
      always(watched, ({ history: { own, turns }, sees }) => {
        const states = play(own, turns).map(({ after }) => after)
        for (const { found, view } of follow(states, sees)) {
          if (found.answers.size < questions.length) continue
          assert.deepStrictEqual([...view.keys()].sort(), keys(found.peers))
        }
      })
    })

    it("without a start in between it is what is known, always", () => {
      always(watched, ({ history: { own, turns }, sees }) => {
        const states = play(
          own,
          turns.map((turn) => ({ ...turn, isAnew: false }))
        ).map(({ after }) => after)
        for (const { found, view } of follow(states, sees)) {
          assert.deepStrictEqual([...view.keys()].sort(), keys(found.peers))
        }
      })
    })

    it("a start tells nothing, and nobody goes until what found him has been answered", () => {
      always(watched, ({ history: { own, turns }, sees }) => {
        const states = play(own, turns).map(({ after }) => after)
        for (const { view } of follow(states, sees)) {
          assert.deepStrictEqual(tell(view, nothing(questions)), [view, []])
          // who was found by questions that are not asked any more has gone
          const [none, changes] = tell(view, nothing([]))
          assert.strictEqual(none.size, 0)
          assert.strictEqual(changes.length, view.size)
        }
      })
    })
  })
})
