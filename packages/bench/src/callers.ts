/** Those who call: the same ones for every contestant that speaks Effect, and for every one that speaks promises. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { type BurstSize, burstSizes } from "./rows.ts"
import { checkCount, checkLast, checkName, checkStored } from "./table.ts"

type Answer = Option.Option<unknown>

const callers = 100

export const effects = {
  gets: <E, R>(get: () => Effect.Effect<Answer, E, R>, operations: number): Effect.Effect<void, E, R> =>
    Effect.gen(function* () {
      for (let i = 0; i < operations; i++) checkName(yield* get())
    }),

  getsOfMany: <E, R>(get: () => Effect.Effect<Answer, E, R>, operations: number): Effect.Effect<void, E, R> =>
    Effect.forEach(Array.from({ length: callers }), () => effects.gets(get, operations / callers), {
      concurrency: "unbounded",
      discard: true
    }),

  puts: <E, R>(
    put: (value: number) => Effect.Effect<unknown, E, R>,
    get: () => Effect.Effect<Answer, E, R>,
    operations: number
  ): Effect.Effect<void, E, R> =>
    Effect.gen(function* () {
      for (let i = 0; i < operations; i++) checkStored(yield* put(i))
      checkLast(yield* get(), operations - 1)
    }),

  /** Bursts of `size` casts, each followed by a call that asks how many there have been since the server started. */
  bursts: <E, R>(
    size: BurstSize,
    from: number,
    cast: (index: number) => Effect.Effect<unknown, E, R>,
    count: () => Effect.Effect<number, E, R>,
    operations: number
  ): Effect.Effect<void, E, R> =>
    Effect.gen(function* () {
      let index = from
      while (index < from + operations) {
        for (let i = 0; i < burstSizes[size]; i++) yield* cast(index++)
        checkCount(yield* count(), index)
      }
    }),

  until: <E, R>(get: () => Effect.Effect<Answer, E, R>, isOver: () => boolean): Effect.Effect<void, E, R> =>
    Effect.gen(function* () {
      while (!isOver()) checkName(yield* get())
    })
}

export const promises = {
  gets: async (get: () => Promise<Answer>, operations: number): Promise<void> => {
    for (let i = 0; i < operations; i++) checkName(await get())
  },

  getsOfMany: async (get: () => Promise<Answer>, operations: number): Promise<void> => {
    await Promise.all(Array.from({ length: callers }, () => promises.gets(get, operations / callers)))
  },

  puts: async (put: (value: number) => Promise<unknown>, get: () => Promise<Answer>, operations: number) => {
    for (let i = 0; i < operations; i++) checkStored(await put(i))
    checkLast(await get(), operations - 1)
  },

  bursts: async (
    size: BurstSize,
    from: number,
    cast: (index: number) => void,
    count: () => Promise<number>,
    operations: number
  ): Promise<void> => {
    let index = from
    while (index < from + operations) {
      for (let i = 0; i < burstSizes[size]; i++) cast(index++)
      checkCount(await count(), index)
    }
  },

  until: async (get: () => Promise<Answer>, isOver: () => boolean): Promise<void> => {
    while (!isOver()) checkName(await get())
  }
}
