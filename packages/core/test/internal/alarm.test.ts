import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as v8 from "node:v8"
import * as vm from "node:vm"
import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as TestClock from "effect/TestClock"
import { type Alarm, alarmOf } from "../../src/internal/alarm.ts"
import { Deadline } from "../../src/internal/deadlines.ts"

/** Writes down when it was due, and then does what it is told. */
class Probe extends Deadline {
  readonly name: string
  readonly log: Array<string>
  readonly then: (at: number) => void
  constructor(name: string, log: Array<string>, then: (at: number) => void = () => {}) {
    super()
    this.name = name
    this.log = log
    this.then = then
  }
  override onDue(at: number, now: number): void {
    this.log.push(`${this.name} at ${at}${now === at ? "" : ` by ${now}`}`)
    this.then(at)
  }
}

interface Sleep {
  readonly until: number
  readonly wake: () => void
}

/** A clock of one's own, whose sleeps can be interrupted, and that counts what is asked of it. */
class VirtualClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  time = 0
  asked = 0
  longest = 0
  sleeping: Array<Sleep> = []

  unsafeCurrentTimeMillis(): number {
    return this.time
  }
  unsafeCurrentTimeNanos(): bigint {
    return BigInt(this.time) * 1_000_000n
  }
  readonly currentTimeMillis = Effect.sync(() => this.unsafeCurrentTimeMillis())
  readonly currentTimeNanos = Effect.sync(() => this.unsafeCurrentTimeNanos())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const millis = Duration.toMillis(duration)
      this.asked++
      this.longest = Math.max(this.longest, millis)
      const sleep: Sleep = { until: this.time + millis, wake: () => resume(Effect.void) }
      this.sleeping.push(sleep)
      return Effect.sync(() => {
        this.sleeping = this.sleeping.filter((other) => other !== sleep)
      })
    })
  }

  /** Goes on to `time`, waking one sleep after the other. */
  async advanceTo(time: number): Promise<void> {
    for (;;) {
      const next = this.sleeping.reduce<Sleep | undefined>(
        (first, sleep) => (first === undefined || sleep.until < first.until ? sleep : first),
        undefined
      )
      if (next === undefined || next.until > time) break
      this.time = Math.max(this.time, next.until)
      this.sleeping = this.sleeping.filter((other) => other !== next)
      next.wake()
      await turn()
    }
    this.time = time
    await turn()
  }
}

/** Until the event loop has turned. */
const turn = () => new Promise<void>((resume) => setImmediate(resume))

const testAlarm = Effect.map(TestClock.testClock(), alarmOf)
const sleeps = Effect.map(TestClock.sleeps(), Chunk.toReadonlyArray)

describe("alarmOf", () => {
  it("gives one alarm per clock", () => {
    const clock = new VirtualClock()
    assert.strictEqual(alarmOf(clock), alarmOf(clock))
    assert.notStrictEqual(alarmOf(clock), alarmOf(new VirtualClock()))
  })

  it("does not keep a dropped clock", async () => {
    v8.setFlagsFromString("--expose-gc")
    const collect: () => void = vm.runInNewContext("gc")
    const use = () => {
      const clock = new VirtualClock()
      const deadline = new Probe("never", [])
      alarmOf(clock).set(deadline, 5000)
      alarmOf(clock).cancel(deadline)
      return new WeakRef(clock)
    }
    const clock = use()
    for (let tries = 0; tries < 20 && clock.deref() !== undefined; tries++) {
      await turn()
      collect()
    }
    assert.isUndefined(clock.deref())
  })
})

describe("an alarm on TestClock", () => {
  it.effect("fires in order, to the millisecond", () =>
    Effect.gen(function* () {
      const alarm = yield* testAlarm
      const log: Array<string> = []
      alarm.set(new Probe("c", log), 300)
      alarm.set(new Probe("a", log), 100)
      alarm.set(new Probe("b", log), 200)
      alarm.set(new Probe("a too", log), 100)
      yield* TestClock.adjust(99)
      assert.deepStrictEqual(log, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(log, ["a at 100", "a too at 100"])
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(log, ["a at 100", "a too at 100", "b at 200", "c at 300"])
    })
  )

  it.effect("fires inside the same adjust what is set while firing", () =>
    Effect.gen(function* () {
      const alarm = yield* testAlarm
      const log: Array<string> = []
      const tick: Probe = new Probe("tick", log, (at) => {
        if (at < 50) alarm.setAt(tick, 10, at + 10)
      })
      alarm.set(tick, 10)
      alarm.set(
        new Probe("one", log, () => {
          alarm.set(new Probe("late", log), 7)
          alarm.set(new Probe("now", log), 0)
          alarm.set(new Probe("soon", log), 1)
        }),
        25
      )
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(log, [
        "tick at 10",
        "tick at 20",
        "one at 25",
        "now at 25",
        "soon at 26",
        "tick at 30",
        "late at 32",
        "tick at 40",
        "tick at 50"
      ])
    })
  )

  it.effect("needs one sleep for thousands of deadlines", () =>
    Effect.gen(function* () {
      const alarm = yield* testAlarm
      const log: Array<string> = []
      for (let index = 0; index < 5000; index++) alarm.set(new Probe(`${index}`, log), 5000 + (index % 2))
      assert.deepStrictEqual(yield* sleeps, [5000])
      yield* TestClock.adjust("1 day")
      assert.strictEqual(log.length, 5000)
      assert.deepStrictEqual(log.slice(2499, 2501), ["4998 at 5000", "1 at 5001"])
      assert.deepStrictEqual(yield* sleeps, [])
    })
  )

  it.effect("needs no sleep more for what comes and goes under one", () =>
    Effect.gen(function* () {
      const alarm = yield* testAlarm
      const log: Array<string> = []
      alarm.set(new Probe("kept", log), 10_000)
      for (let index = 0; index < 20; index++) {
        const call = new Probe("call", log)
        alarm.set(call, 5000)
        yield* TestClock.adjust(10)
        alarm.cancel(call)
      }
      assert.deepStrictEqual([...(yield* sleeps)].sort(), [10_000, 5000])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(log, ["kept at 10000"])
    })
  )

  it.effect("is exact on a clock that shows today's time", () =>
    Effect.gen(function* () {
      const alarm = yield* testAlarm
      const log: Array<string> = []
      const today = 1_753_000_000_003
      for (let index = 0; index < 5; index++) {
        yield* TestClock.setTime(today + 10_001 * index)
        assert.strictEqual(alarm.now(), today + 10_001 * index)
        alarm.set(new Probe("due", log), 4999)
        yield* TestClock.adjust(4998)
        assert.strictEqual(log.length, index)
        yield* TestClock.adjust(1)
        assert.strictEqual(log[index], `due at ${today + 10_001 * index + 4999}`)
      }
    })
  )

  it.effect("counts in fractions of a millisecond too", () =>
    Effect.gen(function* () {
      const alarm = yield* testAlarm
      const log: Array<string> = []
      yield* TestClock.adjust(0.7)
      alarm.set(new Probe("due", log), 0.1)
      yield* TestClock.adjust(0.1)
      assert.strictEqual(log.length, 1)
      alarm.set(new Probe("tiny", log), 1e-9)
      yield* TestClock.adjust(0.001)
      assert.strictEqual(log.length, 2)
    })
  )

  it.effect("tells what is left", () =>
    Effect.gen(function* () {
      const alarm = yield* testAlarm
      const deadline = new Probe("never", [])
      assert.isUndefined(alarm.remaining(deadline))
      alarm.set(deadline, 1000)
      yield* TestClock.adjust(400)
      assert.strictEqual(alarm.remaining(deadline), 600)
      alarm.set(deadline, 1000)
      assert.strictEqual(alarm.remaining(deadline), 1000)
      assert.isTrue(alarm.cancel(deadline))
      assert.isUndefined(alarm.remaining(deadline))
      assert.isFalse(alarm.cancel(deadline))
      yield* TestClock.adjust("1 day")
      assert.deepStrictEqual(deadline.log, [])
    })
  )
})

describe("an alarm on a clock of one's own", () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it("has registered its sleep when set returns", () => {
    const clock = new VirtualClock()
    const deadline = new Probe("never", [])
    alarmOf(clock).set(deadline, 5000)
    assert.deepStrictEqual(
      clock.sleeping.map((sleep) => sleep.until),
      [5000]
    )
    alarmOf(clock).cancel(deadline)
  })

  it("adds a sleeper only for what is nearer than every other", async () => {
    const clock = new VirtualClock()
    const log: Array<string> = []
    for (const duration of [500, 700, 300, 400, 300, 301]) alarmOf(clock).set(new Probe(`${duration}`, log), duration)
    assert.strictEqual(clock.asked, 2)
    await clock.advanceTo(1000)
    assert.deepStrictEqual(log, ["300 at 300", "300 at 300", "301 at 301", "400 at 400", "500 at 500", "700 at 700"])
    assert.deepStrictEqual(clock.sleeping, [])
    // 500 was slept for from the beginning, and nobody slept for it twice.
    assert.strictEqual(clock.asked, 5)
  })

  it("leaves nothing asleep when the last deadline is gone", async () => {
    const clock = new VirtualClock()
    const alarm = alarmOf(clock)
    const [near, far] = [new Probe("near", []), new Probe("far", [])]
    alarm.set(far, 60_000)
    alarm.set(near, 5000)
    alarm.cancel(far)
    await turn()
    assert.strictEqual(clock.sleeping.length, 2)
    alarm.cancel(near)
    await turn()
    await turn()
    assert.deepStrictEqual(clock.sleeping, [])
    alarm.set(far, 60_000)
    alarm.set(near, 10)
    alarm.cancel(far)
    await clock.advanceTo(10)
    await turn()
    assert.deepStrictEqual(near.log, ["near at 10"])
    assert.deepStrictEqual(clock.sleeping, [])
  })

  it("sleeps again and does not lose what is set while its sleepers are being let go", async () => {
    const clock = new VirtualClock()
    const alarm = alarmOf(clock)
    const log: Array<string> = []
    for (let index = 0; index < 50; index++) {
      const call = new Probe("call", log)
      alarm.set(call, 5000)
      alarm.cancel(call)
      if (index % 3 === 0) await turn()
      if (index % 3 === 1) await Promise.resolve()
    }
    alarm.set(new Probe("last", log), 10)
    await turn()
    await clock.advanceTo(20)
    assert.deepStrictEqual(log, ["last at 10"])
  })

  it("has few sleepers, also when each deadline is nearer than the one before", async () => {
    const clock = new VirtualClock()
    const log: Array<string> = []
    for (let duration = 200; duration > 0; duration--) alarmOf(clock).set(new Probe("due", log), duration)
    await turn()
    assert.isAtMost(clock.sleeping.length, 16)
    await clock.advanceTo(200)
    assert.deepStrictEqual(
      log,
      Array.from({ length: 200 }, (_, index) => `due at ${index + 1}`)
    )
  })

  it("sleeps no longer than timers can, and waits for more than that", async () => {
    const clock = new VirtualClock()
    const log: Array<string> = []
    const days = 24 * 60 * 60 * 1000
    alarmOf(clock).set(new Probe("due", log), 100 * days)
    await clock.advanceTo(100 * days - 1)
    assert.deepStrictEqual(log, [])
    await clock.advanceTo(100 * days)
    assert.deepStrictEqual(log, [`due at ${100 * days}`])
    assert.strictEqual(clock.longest, 2 ** 31 - 1)
  })

  it("does not sleep for what never comes", async () => {
    const clock = new VirtualClock()
    const alarm = alarmOf(clock)
    const deadline = new Probe("never", [])
    alarm.set(deadline, Number.POSITIVE_INFINITY)
    assert.strictEqual(clock.asked, 0)
    const other = new Probe("other", [])
    alarm.set(other, 5000)
    alarm.cancel(other)
    await turn()
    await turn()
    assert.deepStrictEqual(clock.sleeping, [])
    assert.strictEqual(alarm.remaining(deadline), Number.POSITIVE_INFINITY)
    assert.isTrue(alarm.cancel(deadline))
  })

  it("never fires out of set, and waits once on a clock that does not really sleep", async () => {
    class Sleepless extends VirtualClock {
      override sleep(): Effect.Effect<void> {
        this.asked++
        return Effect.void
      }
    }
    const clock = new Sleepless()
    const log: Array<string> = []
    alarmOf(clock).set(new Probe("now", log), 0)
    alarmOf(clock).set(new Probe("due", log), 5000)
    assert.deepStrictEqual(log, [])
    await turn()
    assert.deepStrictEqual(log, ["now at 0", "due at 5000"])
    assert.strictEqual(clock.asked, 2)
  })

  it("fires the others when one throws, and says so", async () => {
    const said = vi.spyOn(console, "log").mockImplementation(() => {})
    const clock = new VirtualClock()
    const log: Array<string> = []
    const fail = () => {
      throw new Error("boom")
    }
    for (const name of ["a", "b", "c"]) alarmOf(clock).set(new Probe(name, log, name === "b" ? fail : undefined), 10)
    alarmOf(clock).set(new Probe("d", log), 20)
    await clock.advanceTo(20)
    assert.deepStrictEqual(log, ["a at 10", "b at 10", "c at 10", "d at 20"])
    assert.strictEqual(said.mock.calls.length, 1)
    assert.match(String(said.mock.calls[0]), /ERROR.*boom/s)
  })

  it("asks a clock again that has failed once", async () => {
    vi.spyOn(console, "log").mockImplementation(() => {})
    class Failing extends VirtualClock {
      override sleep(duration: Duration.Duration): Effect.Effect<void> {
        return this.asked++ === 0 ? Effect.die("out of order") : super.sleep(duration)
      }
    }
    const clock = new Failing()
    const log: Array<string> = []
    alarmOf(clock).set(new Probe("a", log), 10)
    alarmOf(clock).set(new Probe("b", log), 10)
    await clock.advanceTo(20)
    assert.deepStrictEqual(log, ["a at 10", "b at 10"])
  })

  it("lets others have their turn while it fires a great many", async () => {
    const clock = new VirtualClock()
    const alarm = alarmOf(clock)
    let fired = 0
    let turned = false
    // It is always due again at once, and would be fired for ever.
    const again: Probe = new Probe("again", [], (at) => {
      fired++
      again.log.length = 0
      if (!turned) alarm.setAt(again, 0, at)
    })
    alarm.set(again, 0)
    setTimeout(() => {
      turned = true
    }, 0)
    while (!turned) await clock.advanceTo(1)
    assert.isAbove(fired, 128)
  })

  it("does at random what a sorted list does", async () => {
    const step = FastCheck.oneof(
      FastCheck.record({
        type: FastCheck.constant("set" as const),
        name: FastCheck.nat(9),
        duration: FastCheck.constantFrom(0, 1, 5, 5, 20, 60)
      }),
      FastCheck.record({ type: FastCheck.constant("cancel" as const), name: FastCheck.nat(9) }),
      FastCheck.record({ type: FastCheck.constant("advance" as const), by: FastCheck.nat(30) })
    )
    await FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.array(step, { maxLength: 40 }), async (program) => {
        const clock = new VirtualClock()
        const alarm = alarmOf(clock)
        const log: Array<string> = []
        const probes = Array.from({ length: 10 }, (_, name) => new Probe(`${name}`, log))
        let pending: Array<{ readonly name: number; readonly at: number }> = []
        const expected: Array<string> = []
        for (const action of program) {
          switch (action.type) {
            case "set": {
              alarm.set(probes[action.name]!, action.duration)
              pending = pending.filter((entry) => entry.name !== action.name)
              pending.push({ name: action.name, at: clock.time + action.duration })
              break
            }
            case "cancel": {
              const before = pending.length
              pending = pending.filter((entry) => entry.name !== action.name)
              assert.strictEqual(alarm.cancel(probes[action.name]!), pending.length < before)
              break
            }
            case "advance": {
              const until = clock.time + action.by
              await clock.advanceTo(until)
              for (const { at, name } of pending.filter((entry) => entry.at <= until).sort((a, b) => a.at - b.at)) {
                expected.push(`${name} at ${at}`)
              }
              pending = pending.filter((entry) => entry.at > until)
              break
            }
          }
          assert.deepStrictEqual(log, expected)
        }
        for (const probe of probes) alarm.cancel(probe)
        await turn()
        await turn()
        assert.deepStrictEqual(clock.sleeping, [])
      }),
      { numRuns: 100 }
    )
  })
})

describe("an alarm on Effect's own clock", () => {
  /** Its timers and its time are the test's. */
  const withFakeTimers = (run: (alarm: Alarm) => Promise<void>) => async () => {
    vi.useFakeTimers()
    try {
      await run(alarmOf(Clock.make()))
    } finally {
      vi.useRealTimers()
    }
  }

  it(
    "sleeps for nothing that is over before the event loop has turned",
    withFakeTimers(async (alarm) => {
      for (let index = 0; index < 1000; index++) {
        const call = new Probe("call", [])
        alarm.set(call, 5000)
        assert.strictEqual(vi.getTimerCount(), 1)
        alarm.cancel(call)
      }
      await vi.advanceTimersByTimeAsync(0)
      assert.strictEqual(vi.getTimerCount(), 0)
    })
  )

  it(
    "has one timer for all that is pending, and none afterwards",
    withFakeTimers(async (alarm) => {
      const calls = Array.from({ length: 1000 }, () => new Probe("call", []))
      for (const call of calls) alarm.set(call, 5000)
      await vi.advanceTimersByTimeAsync(100)
      assert.strictEqual(vi.getTimerCount(), 1)
      for (const call of calls) alarm.cancel(call)
      await vi.advanceTimersByTimeAsync(1)
      assert.strictEqual(vi.getTimerCount(), 0)
    })
  )

  it(
    "fires in order, not before its time",
    withFakeTimers(async (alarm) => {
      const log: Array<string> = []
      const start = alarm.now()
      const tick: Probe = new Probe("tick", log, (at) => alarm.setAt(tick, 10, at + 10))
      alarm.set(tick, 10)
      alarm.set(new Probe("due", log), 15)
      await vi.advanceTimersByTimeAsync(9)
      assert.deepStrictEqual(log, [])
      await vi.advanceTimersByTimeAsync(30)
      assert.deepStrictEqual(
        log.map((line) => line.split(" ")[0]),
        ["tick", "due", "tick", "tick"]
      )
      assert.strictEqual(tick.at, start + 40)
      alarm.cancel(tick)
    })
  )

  /** Runs a program in a process of its own; fails if it does not end by itself. */
  const output = (program: string) =>
    new Promise<string>((resolve, reject) => {
      const source = `
        import * as Clock from "effect/Clock"
        import { alarmOf } from "./src/internal/alarm.ts"
        import { Deadline } from "./src/internal/deadlines.ts"
        class Said extends Deadline {
          onDue() { console.log("due") }
        }
        const [alarm, deadline] = [alarmOf(Clock.make()), new Said()]
        process.on("exit", () => console.log("end"))
        ${program}
      `
      execFile(
        process.execPath,
        ["--import", "tsx", "--input-type=module", "--eval", source],
        { cwd: fileURLToPath(new URL("../..", import.meta.url)), timeout: 20_000 },
        (error, stdout) => (error === null ? resolve(stdout) : reject(error))
      )
    })

  it("holds the process for what is pending, not for what is cancelled", { timeout: 30_000 }, async () => {
    // Set when there is nothing else left to do.
    const pending = output(`setTimeout(() => setImmediate(() => alarm.set(deadline, 30)), 20)`)
    const cancelled = output(`
      alarm.set(deadline, 600_000)
      setTimeout(() => console.log(alarm.cancel(deadline)), 20)
    `)
    assert.deepStrictEqual(await Promise.all([pending, cancelled]), ["due\nend\n", "true\nend\n"])
  })
})
