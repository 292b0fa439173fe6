/**
 * The restart intensity: whether a supervisor has restarted more often than it may within a while. The window slides and
 * its border counts as within (`SUP-15`). OTP counts in whole seconds, this in milliseconds, of a time that never goes back.
 */
export class Restarts {
  private readonly limit: number
  private readonly within: number
  /** When there were restarts, oldest first, from `first` on. */
  private times: Array<number> = []
  private first = 0

  /** At most `limit` restarts in any `within` milliseconds. */
  constructor(limit: number, within: number) {
    this.limit = limit
    this.within = within
  }

  /** Counts one at the time `now`, in milliseconds. True if that is one too many (`SUP-14`, `SUP-16`). */
  isTooMany(now: number): boolean {
    if (this.limit === Number.POSITIVE_INFINITY) return false
    const { times, within } = this
    times.push(now)
    while (now - (times[this.first] as number) > within) this.first++
    // What has left the window is cut off now and then, so that counting takes the same time whatever the limit.
    if (this.first > 32 && this.first * 2 > times.length) {
      this.times = times.slice(this.first)
      this.first = 0
    }
    return this.times.length - this.first > this.limit
  }
}
