/**
 * What happens to processes, as values for whoever wants to hear of it. An event is made only if somebody listens, and
 * put into the hub within the turn in which it happens; listeners run in fibers of their own.
 */
import type * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import type { ExitReason } from "../ExitReason.ts"

/** Whom an event is about. */
export interface Identity {
  readonly process: string
  readonly path: ReadonlyArray<string>
  readonly kind: string
}

export type ProcessEvent = Data.TaggedEnum<{
  /** It runs: `init` has ended, or its layer was built. */
  Started: Identity
  /** It runs again. */
  Restarted: Identity & { readonly restarts: number }
  /** It could not be started. */
  FailedToStart: Identity & { readonly cause: Cause.Cause<unknown>; readonly restarts: number }
  /** It has ended, and somebody wanted that. */
  Stopped: Identity & { readonly reason: ExitReason }
  /** It has ended by an error, or was killed. */
  Crashed: Identity & { readonly reason: ExitReason; readonly restarts: number }
  /** Its supervisor waits until that time, in milliseconds since the epoch, before it starts it again. */
  Delayed: Identity & { readonly at: number; readonly attempt: number }
  /** A supervisor has given up: its children have ended more often than they may. */
  GaveUp: Identity & { readonly child: string; readonly cause: Cause.Cause<unknown> }
  /** A message has crashed as many servers as it may, and is not tried again. */
  Quarantined: Identity & { readonly message: object; readonly crashes: number; readonly reason: ExitReason }
  /** A fiber failed while the layer that had forked it was built, and the build succeeded all the same. */
  WorkerFailed: Identity & { readonly cause: Cause.Cause<unknown> }
}>

export const ProcessEvent = Data.taggedEnum<ProcessEvent>()

/** What a listener that is slow may have in store; the oldest are dropped for newer ones. */
const capacity = 16_384

const hub = Effect.runSync(PubSub.sliding<ProcessEvent>(capacity))

let listeners = 0

export const emit = (make: () => ProcessEvent): void => {
  if (listeners === 0) return
  const event = make()
  // A hub that is full takes nothing there: publishing drops the oldest, and does not wait.
  if (!hub.unsafeOffer(event)) Effect.runSync(PubSub.publish(hub, event))
}

/** Everything that happens from the subscription on. */
export const events: Stream.Stream<ProcessEvent> = Stream.unwrapScoped(
  Effect.zipRight(
    Effect.acquireRelease(
      Effect.sync(() => void listeners++),
      () => Effect.sync(() => void listeners--)
    ),
    Effect.map(PubSub.subscribe(hub), (queue) => Stream.fromQueue(queue))
  )
)
