/**
 * What a handler decides, as a pure function of the message, the state, and what its own calls have ended with. The
 * servers of the test decide by it, and so does the model.
 */
import type { Decision, Result } from "./history.ts"
import type { Act, Message } from "./program.ts"

/** A number that depends on all that went into it, and on the order. */
export const mix = (a: number, b: number): number => {
  let h = Math.imul(a ^ (b + 0x9e3779b9), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

const mixText = (a: number, text: string): number => {
  let h = a
  for (let i = 0; i < text.length; i++) h = mix(h, text.charCodeAt(i))
  return h
}

export const nextState = (act: Act, state: number, results: ReadonlyArray<Result>): number =>
  act.keep ? state : results.reduce(mixText, mix(state, act.label))

/** What a token is answered with by whoever holds it. */
export const tokenResult = (act: Act): Result => `ok ${mix(act.label, 77)}`

export const decide = ({ act, kind }: Message, state: number, results: ReadonlyArray<Result>): Decision => {
  const next = nextState(act, state, results)
  const result = `ok ${mix(next, 3)}`
  const isCall = kind === "call"
  switch (act.finish) {
    case "reply":
      return isCall ? { _tag: "Reply", result, state: next } : { _tag: "NoReply", state: next }
    case "noReply":
      return { _tag: "NoReply", state: next }
    case "stop":
      return { _tag: "Stop", reason: act.reason, state: next }
    case "stopReply":
      return isCall
        ? { _tag: "StopReply", reason: act.reason, result, state: next }
        : { _tag: "Stop", reason: act.reason, state: next }
    case "throw":
      return { _tag: "Crash", reason: `crash thrown ${act.label}` }
    case "bad":
      return { _tag: "Crash", reason: "crash bad" }
    case "fail":
      return isCall
        ? { _tag: "Fail", result: `fail ${mix(state, act.label)}` }
        : { _tag: "Crash", reason: `crash died ${act.label}` }
    case "die":
      return { _tag: "Crash", reason: `crash died ${act.label}` }
    case "interrupt":
      return { _tag: "Crash", reason: "crash interrupted" }
  }
}
