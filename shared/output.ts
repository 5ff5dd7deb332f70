import { constants, fstatSync, openSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'

/** Bytes that may wait for a reader that stands still; what comes beyond is dropped and counted. */
const MAX_WAITING = 1_048_576
/** Milliseconds between two tries while the reader takes nothing. */
const PAUSE = 50
/** Milliseconds for which a process that ends waits for its reader. */
const LAST_WORDS = 500

/**
 * Writes text to a file descriptor and never waits for its reader: what a full pipe, socket or terminal does not take waits in
 * memory, and beyond a bound it is dropped. While the reader keeps up, each text is with the system before `write` returns.
 */
export class Output {
  readonly #fd: number
  readonly #waiting: Buffer[] = []
  #bytes = 0
  #dropped = 0
  #untold = 0
  #timer: NodeJS.Timeout | undefined
  #isGone = false
  /** Called when the reader reads again, with the number of texts that were dropped meanwhile. */
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

  /** One write for each text: up to 4,096 bytes stay in one piece among those of other processes [POSIX, PIPE_BUF]. */
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

  /** @returns how many bytes were taken, or given up; undefined when there is no room now */
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
 * A descriptor of the same file that does not block. A pipe or a terminal is opened anew, where the system can do so, since other
 * processes share what was inherited. A file stays as it is: it has no reader.
 */
function nonBlocking(fd: number): number {
  const kind = fstatSync(fd)
  if (kind.isFIFO() || kind.isCharacterDevice()) {
    try {
      return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
    } catch {
      // No Linux, the pipe belongs to another user, or its reader has gone.
    }
  }
  if (kind.isFIFO() || kind.isSocket()) new Socket({ fd, readable: false, writable: true }).unref() // makes it so
  return fd
}
