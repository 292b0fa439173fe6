/** Those who listen to broadcasts: the same ones for every contestant. */
import * as Effect from "effect/Effect"
import type { Workload } from "./contestant.ts"
import { audienceSize } from "./rows.ts"
import { WrongAnswer } from "./table.ts"

/** Somebody who hears messages until the process ends. It returns when he has subscribed. */
export type Listen = (heard: (message: number) => Effect.Effect<void>) => Effect.Effect<unknown>

class Audience {
  private readonly size: number
  private message = 0
  private left = 0
  private isOver: (result: Effect.Effect<void>) => void = () => {}

  constructor(size: number) {
    this.size = size
  }

  readonly heard = (message: number): Effect.Effect<void> =>
    Effect.sync(() => {
      if (message !== this.message) this.isOver(Effect.die(new WrongAnswer("broadcast", this.message, message)))
      else if (--this.left === 0) this.isOver(Effect.void)
    })

  /** Broadcasts one message, and waits until everybody has heard it. */
  round(broadcast: (message: number) => Effect.Effect<unknown>): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.left = this.size
      const message = ++this.message
      let result: Effect.Effect<void> | undefined
      let resume: ((result: Effect.Effect<void>) => void) | undefined
      this.isOver = (given) => {
        result = given
        resume?.(given)
      }
      const everybody = Effect.async<void>((callback) => {
        if (result === undefined) resume = callback
        else callback(result)
      })
      return Effect.zipRight(broadcast(message), everybody)
    })
  }
}

/**
 * Broadcasts to an audience, which is there from the first round on: as many as that has operations, at most 10,000. One
 * operation is one listener who has heard one message.
 */
export const broadcasts = (listen: Listen, broadcast: (message: number) => Effect.Effect<unknown>): Workload => {
  let audience: Audience | undefined
  let size = 0
  const open = (operations: number) =>
    Effect.gen(function* () {
      size = Math.min(operations, audienceSize)
      const opened = new Audience(size)
      for (let i = 0; i < size; i++) yield* listen(opened.heard)
      audience = opened
      return opened
    })
  return {
    run: (operations) =>
      Effect.runPromise(
        Effect.gen(function* () {
          const listeners = audience ?? (yield* open(operations))
          for (let done = 0; done < operations; done += size) yield* listeners.round(broadcast)
        })
      )
  }
}

/** Does something again and again, without giving way in between. */
export const always = <E, R>(effect: Effect.Effect<unknown, E, R>): Effect.Effect<void, E, R> =>
  Effect.whileLoop({ while: () => true, body: () => effect, step: () => {} })
