/** What evaluating comes to, as plain data: a value, an error, a line to show, or a question to the table. */
import * as Data from "effect/Data"

/** What the table is asked. Values are JSON. */
export type Request = Data.TaggedEnum<{
  Get: { readonly key: string }
  GetOr: { readonly key: string; readonly default: unknown }
  GetAll: {}
  Update: { readonly key: string; readonly value: unknown }
  Put: { readonly key: string; readonly value: unknown }
  Delete: { readonly key: string }
}>

export const Request = Data.taggedEnum<Request>()

/** How long to wait for an answer, in milliseconds, and what is said where none comes by then. */
export interface Patience {
  readonly milliseconds: number
  readonly message: string
}

export type Evaluation<A> =
  | { readonly _tag: "Done"; readonly value: A }
  /** The line ends here. `message` is one line. */
  | { readonly _tag: "Raised"; readonly message: string }
  | { readonly _tag: "Print"; readonly line: string; readonly next: () => Evaluation<A> }
  | {
      readonly _tag: "Ask"
      readonly request: Request
      /** `undefined`: for as long as whoever asks the table waits by itself. */
      readonly patience: Patience | undefined
      /** Is given what the table answered: JSON, `undefined` where it says nothing or has no such key. */
      readonly next: (answer: unknown) => Evaluation<A>
    }

export const done = <A>(value: A): Evaluation<A> => ({ _tag: "Done", value })
export const raised = (message: string): Evaluation<never> => ({ _tag: "Raised", message })

/** Goes on with the value, when there is one. */
export const andThen = <A, B>(self: Evaluation<A>, f: (value: A) => Evaluation<B>): Evaluation<B> => {
  switch (self._tag) {
    case "Done":
      return f(self.value)
    case "Raised":
      return self
    case "Print":
      return { ...self, next: () => andThen(self.next(), f) }
    case "Ask":
      return { ...self, next: (answer) => andThen(self.next(answer), f) }
  }
}

/** Goes over many, with a state: in a loop, for as long as there is nothing to show or to ask. */
export const fold = <A, S>(
  items: ReadonlyArray<A>,
  initial: S,
  f: (state: S, item: A) => Evaluation<S>
): Evaluation<S> => foldFrom(items, 0, initial, f)

const foldFrom = <A, S>(
  items: ReadonlyArray<A>,
  start: number,
  initial: S,
  f: (state: S, item: A) => Evaluation<S>
): Evaluation<S> => {
  let state = initial
  for (const [index, item] of items.slice(start).entries()) {
    const evaluation = f(state, item)
    if (evaluation._tag !== "Done") return andThen(evaluation, (state) => foldFrom(items, start + index + 1, state, f))
    state = evaluation.value
  }
  return done(state)
}
