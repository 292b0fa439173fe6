import { Deadline } from "./deadlines.ts"

/** A deadline that calls a function. */
export class Moment extends Deadline {
  private readonly action: (moment: Moment) => void

  constructor(action: (moment: Moment) => void) {
    super()
    this.action = action
  }

  override onDue(): void {
    this.action(this)
  }
}
