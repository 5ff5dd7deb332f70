import { constants, fstatSync, openSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'

/** The most bytes that wait for a reader that does not read; beyond, texts are dropped and counted. */
const MAX_WAITING = 1_048_576
/** Milliseconds between two attempts to write while the reader does not read. */
const PAUSE = 50
/** Milliseconds that an exiting process waits for its reader. */
const LAST_WORDS = 500

/**
 * Writes text to a file descriptor without ever blocking: what a full pipe, socket or terminal does not take waits in memory, and is
 * dropped beyond a bound. While the reader keeps up, the operating system has each text before `write` returns.
 */
export class Output {
  readonly #fd: number
  readonly #waiting: Buffer[] = []
  #bytes = 0
  #dropped = 0
  #untold = 0
  #timer: NodeJS.Timeout | undefined
  #isGone = false
  /** Called when the reader reads again, with the number of texts dropped meanwhile. */
  flowsAgain: (dropped: number) => void = () => {}

  constructor(fd: number) {
    this.#fd = nonBlocking(fd)
    process.on('exit', () => this.#end())
  }

  /** Texts dropped so far. */
  get dropped(): number {
    return this.#dropped
  }

  write(text: string): void {
    if (this.#isGone) return
    const bytes = Buffer.from(text)
    if (this.#bytes + bytes.length > MAX_WAITING) {
      this.#dropped++
      this.#untold++
      return
    }
    this.#waiting.push(bytes)
    this.#bytes += bytes.length
    if (!this.#timer) this.#flush()
  }

  /** Writes each text by itself: up to 4,096 bytes stay in one piece among the output of other processes [POSIX, PIPE_BUF]. */
  #flush(): void {
    this.#timer = undefined
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      const written = this.#try(next)
      if (written === undefined) {
        this.#timer = setTimeout(() => this.#flush(), PAUSE).unref()
        return
      }
      this.#bytes -= written
      if (written < next.length) this.#waiting[0] = next.subarray(written)
      else this.#waiting.shift()
    }
    if (this.#untold === 0) return
    const untold = this.#untold
    this.#untold = 0
    this.flowsAgain(untold)
  }

  /** @returns the bytes written, or dropped; undefined when the descriptor has no room now */
  #try(bytes: Buffer): number | undefined {
    try {
      return writeSync(this.#fd, bytes)
    } catch (err) {
      const { code } = err as NodeJS.ErrnoException
      if (code === 'EAGAIN') return undefined
      if (code === 'EPIPE')
        this.#isGone = true // nobody will read any more
      else this.#untold++ // a full disk, say
      this.#dropped++
      return bytes.length
    }
  }

  #end(): void {
    clearTimeout(this.#timer)
    const until = Date.now() + LAST_WORDS
    this.#flush()
    while (this.#waiting.length > 0 && Date.now() < until) {
      clearTimeout(this.#timer)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
      this.#flush()
    }
  }
}

/**
 * A non-blocking descriptor of the same file. A pipe or a terminal is opened again where the system can do so, because other
 * processes share the inherited one. A regular file stays as it is: writing to it does not block.
 */
function nonBlocking(fd: number): number {
  const kind = fstatSync(fd)
  if (kind.isFIFO() || kind.isCharacterDevice()) {
    try {
      return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
    } catch {
      // Not Linux, or the pipe belongs to another user, or its reader has gone.
    }
  }
  if (kind.isFIFO() || kind.isSocket()) new Socket({ fd, readable: false, writable: true }).unref() // makes the descriptor non-blocking
  return fd
}
