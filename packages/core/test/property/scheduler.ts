/**
 * A `Scheduler` that picks the next runnable fiber at random, from a seed: what one fiber schedules stays in order,
 * everything else may happen in any. It also makes fibers give way at random between any two of their steps, unless a
 * fiber is held. Nothing runs before the driver says so.
 */
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import type * as Scheduler from "effect/Scheduler"

/** Numbers from a seed (mulberry32): good enough to pick, and the same everywhere. */
export class Random {
  private state: number

  constructor(seed: number) {
    this.state = seed | 0
  }

  /** At least 0, less than 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }
}

/**
 * The priority at which fibers give way, by which one that does is known: Effect's own way there and back takes several
 * steps, and at each of them it would give way again.
 */
const givingWay = 1

type AnyFiber = Fiber.RuntimeFiber<unknown, unknown>

interface Lane {
  readonly fiber: AnyFiber | undefined
  readonly tasks: Array<Scheduler.Task>
}

export class RandomScheduler implements Scheduler.Scheduler {
  private readonly random: Random
  /** How likely a fiber gives way at any of its steps. */
  private readonly giveWay: number
  private readonly lanes: Array<Lane> = []
  private readonly byFiber = new Map<AnyFiber | undefined, Lane>()
  private readonly held = new Set<AnyFiber>()
  /** Tasks that have been run. */
  steps = 0

  constructor(random: Random, giveWay: number) {
    this.random = random
    this.giveWay = giveWay
  }

  /** From here to the end of its turn the fiber does not give way: what it records is what it does. */
  hold(fiber: AnyFiber): void {
    this.held.add(fiber)
  }

  shouldYield(fiber: AnyFiber): number | false {
    if (this.giveWay === 0 || this.held.has(fiber) || !this.random.chance(this.giveWay)) return false
    return fiber.getFiberRef(FiberRef.currentSchedulingPriority) === givingWay ? false : givingWay
  }

  scheduleTask(task: Scheduler.Task, _priority: number, fiber?: AnyFiber): void {
    let lane = this.byFiber.get(fiber)
    if (lane === undefined) {
      lane = { fiber, tasks: [] }
      this.byFiber.set(fiber, lane)
      this.lanes.push(lane)
    }
    lane.tasks.push(task)
  }

  get isQuiet(): boolean {
    return this.lanes.length === 0
  }

  /** Runs one task. */
  step(): void {
    const index = this.random.below(this.lanes.length)
    const lane = this.lanes[index]
    if (lane === undefined) return
    const task = lane.tasks.shift()
    if (lane.tasks.length === 0) {
      this.byFiber.delete(lane.fiber)
      const last = this.lanes.pop()
      if (last !== undefined && last !== lane) this.lanes[index] = last
    }
    this.held.clear()
    this.steps++
    task?.()
  }
}
