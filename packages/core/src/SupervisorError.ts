/**
 * What can go wrong when children are started, ended and looked up, beside what a call to their supervisor may fail
 * with.
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { causeLine } from "./internal/causeLine.ts"

const AnyCause = Schema.Cause({ error: Schema.Defect, defect: Schema.Defect })

/**
 * There is one already: a server that holds the name, or a running child with the id (`START-4`, `SUP-31`). `ref` points
 * at it; a child that is no server has none.
 *
 * @category errors
 */
export class AlreadyStarted extends Schema.TaggedError<AlreadyStarted>("@effect-otp/core/AlreadyStarted")(
  "AlreadyStarted",
  { process: Schema.String, ref: Schema.optionalWith(Schema.Unknown, { exact: true }) }
) {
  override get message(): string {
    return `${this.process} is already started`
  }
}

/**
 * The supervisor has a child with that id, which does not run: it is to be restarted or deleted (`SUP-31`).
 *
 * @category errors
 */
export class AlreadyPresent extends Schema.TaggedError<AlreadyPresent>("@effect-otp/core/AlreadyPresent")(
  "AlreadyPresent",
  { supervisor: Schema.String, id: Schema.String }
) {
  override get message(): string {
    return `the child ${this.id} of ${this.supervisor} does not run: restart it or delete it`
  }
}

/**
 * A child could not be started (`SUP-31`, `SUP-33`, `DYN-5`).
 *
 * @category errors
 */
export class FailedToStart extends Schema.TaggedError<FailedToStart>("@effect-otp/core/FailedToStart")(
  "FailedToStart",
  { supervisor: Schema.String, id: Schema.String, reason: AnyCause }
) {
  override get message(): string {
    return `${this.supervisor} could not start ${this.id}: ${causeLine(this.reason)}`
  }
}

/**
 * The supervisor has no such child (`SUP-32` to `SUP-34`).
 *
 * @category errors
 */
export class NoSuchChild extends Schema.TaggedError<NoSuchChild>("@effect-otp/core/NoSuchChild")("NoSuchChild", {
  supervisor: Schema.String,
  id: Schema.String
}) {
  override get message(): string {
    return `${this.supervisor} has no child ${this.id}`
  }
}

/**
 * The child runs, or is being restarted, and so can be neither restarted nor deleted (`SUP-33`, `SUP-34`).
 *
 * @category errors
 */
export class ChildRunning extends Schema.TaggedError<ChildRunning>("@effect-otp/core/ChildRunning")("ChildRunning", {
  supervisor: Schema.String,
  id: Schema.String,
  status: Schema.Literal("running", "restarting")
}) {
  override get message(): string {
    return `the child ${this.id} of ${this.supervisor} is ${this.status}: terminate it first`
  }
}

/**
 * The supervisor may have no more children (`DYN-3`).
 *
 * @category errors
 */
export class MaxChildren extends Schema.TaggedError<MaxChildren>("@effect-otp/core/MaxChildren")("MaxChildren", {
  supervisor: Schema.String,
  maxChildren: Schema.Number
}) {
  override get message(): string {
    return `${this.supervisor} may have no more children: \`maxChildren\` is ${this.maxChildren}`
  }
}

/**
 * A supervisor has given up: its children have ended more often than its intensity allows, or its back-off schedule is
 * done (`SUP-14`): `limit` says which. `child` is the one that ended last, `reason` why.
 *
 * @category errors
 */
export class MaxRestartsExceeded extends Schema.TaggedError<MaxRestartsExceeded>(
  "@effect-otp/core/MaxRestartsExceeded"
)("MaxRestartsExceeded", {
  supervisor: Schema.String,
  path: Schema.Array(Schema.String),
  child: Schema.String,
  restarts: Schema.Number,
  within: Schema.Number,
  limit: Schema.optionalWith(Schema.Literal("intensity", "backoff"), { default: () => "intensity" }),
  reason: AnyCause
}) {
  override get message(): string {
    const restarts = this.restarts === 1 ? "1 restart" : `${this.restarts === 0 ? "no" : this.restarts} restarts`
    const limit =
      this.limit === "intensity"
        ? `after ${restarts} within ${Duration.format(Duration.millis(this.within))}`
        : "than its back-off allows"
    return `${this.path.join(" / ")} gave up: ${this.child} ended once more ${limit}. The last time: ${causeLine(this.reason)}`
  }
}
