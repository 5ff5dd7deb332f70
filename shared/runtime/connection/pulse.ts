import { url as inspectorUrl } from 'node:inspector'

/** Milliseconds between two ticks, and between two ticks of a process that must have been suspended. */
export const TICK = 250
export const STOOD_STILL = 1_000
/** Seconds. The broker gives up a silent handler after 1.5 times as long [MQTT-3.1.2-22]. */
export const KEEPALIVE = 5
/** Milliseconds of silence from the broker after which it may have given our deliveries to another member. */
const SILENCE = KEEPALIVE * 1_200
/** Ticks without a beat of the main thread after which it counts as blocked: a second. */
const SILENT_TICKS = 4

/** A time long ago. */
const NEVER = -(10n ** 15n)

const HEARD = 0
const TICKED = 1
const CLOCKS = 2
const [BEATS, ENTERED, MAX_PACKET, DEBUGGED] = [0, 1, 2, 3]
const NUMBERS = 4

/**
 * Memory shared by both threads of a handler process, so that each knows the other's state without a message: whether the main
 * thread is alive, which delivery it has entered, and whether the connection thread has heard from the broker lately.
 */
export class Pulse {
  readonly buffer: SharedArrayBuffer
  readonly #clocks: BigInt64Array
  readonly #numbers: Int32Array
  #beats = 0
  #silent = 0

  constructor(buffer = new SharedArrayBuffer(CLOCKS * 8 + NUMBERS * 4)) {
    this.buffer = buffer
    this.#clocks = new BigInt64Array(buffer, 0, CLOCKS)
    this.#numbers = new Int32Array(buffer, CLOCKS * 8, NUMBERS)
  }

  /** Main thread: beats while it is alive. Returns what stops the beat. */
  beat(): () => void {
    const look = (): unknown => Atomics.store(this.#numbers, DEBUGGED, inspectorUrl() === undefined ? 0 : 1)
    look()
    const timer = setInterval(() => {
      Atomics.add(this.#numbers, BEATS, 1)
      look()
    }, TICK)
    timer.unref()
    return () => clearInterval(timer)
  }

  /** Main thread: enters the synchronous beginning of this delivery; 0 when it leaves it. */
  enter(n: number): void {
    Atomics.store(this.#numbers, ENTERED, n)
  }

  /** Main thread: whether this process surely still holds its deliveries. */
  get isHeld(): boolean {
    const now = clock()
    return now - Number(Atomics.load(this.#clocks, TICKED)) < STOOD_STILL && this.#silence(now) < SILENCE
  }

  /** The broker's Maximum Packet Size, in bytes; undefined before the first connection. */
  get maxPacket(): number | undefined {
    return Atomics.load(this.#numbers, MAX_PACKET) || undefined
  }

  set maxPacket(bytes: number) {
    Atomics.store(this.#numbers, MAX_PACKET, bytes)
  }

  /** Connection thread: the broker has answered something. */
  heard(): void {
    Atomics.store(this.#clocks, HEARD, BigInt(clock()))
  }

  /** Connection thread, at every `TICK`. After a suspension, the deliveries held before may be another member's. */
  tick(): void {
    const now = clock()
    if (now - Number(Atomics.load(this.#clocks, TICKED)) > STOOD_STILL) Atomics.store(this.#clocks, HEARD, NEVER)
    Atomics.store(this.#clocks, TICKED, BigInt(now))
    const beats = Atomics.load(this.#numbers, BEATS)
    this.#silent = beats === this.#beats ? this.#silent + 1 : 0
    this.#beats = beats
  }

  /** Connection thread: the main thread computes, or stands at a breakpoint. Counted in ticks, because a slow machine slows both threads. */
  get isStalled(): boolean {
    return this.#silent >= SILENT_TICKS
  }

  /** Connection thread: milliseconds since the main thread's last beat. */
  get silentMs(): number {
    return this.#silent * TICK
  }

  /** Connection thread: a debugger may be attached, and hold the main thread at a breakpoint. */
  get isDebugged(): boolean {
    return Atomics.load(this.#numbers, DEBUGGED) === 1
  }

  /** Connection thread: the delivery whose synchronous beginning the main thread is in, or 0. */
  get entered(): number {
    return Atomics.load(this.#numbers, ENTERED)
  }

  #silence(now: number): number {
    return now - Number(Atomics.load(this.#clocks, HEARD))
  }
}

/** Milliseconds on a clock that all threads of a process share. */
function clock(): number {
  return Number(process.hrtime.bigint() / 1_000_000n)
}
