import { Rejected, Uncertain, type Code } from './errors.ts'
import { bytesOf } from './mqtt/encode.ts'
import type { Link } from './mqtt/link.ts'
import type { Entry, Outbox } from './outbox.ts'
import type { ServerClock } from './server-clock.ts'

export interface SendingPorts {
  outbox: Outbox
  clock: ServerClock
  /** Ends a call with an error. */
  fail: (entry: Entry, err: Error) => void
  fault: (err: unknown) => void
}

/** What the broker has said of itself at the login. */
export interface Announced {
  /** Bytes of the largest packet that it takes. */
  maxPacketBytes: number
  /** Milliseconds for which it knows a command's id at least. */
  idempotencyWindow: number
}

/** Packets without PUBACK at a time. */
const MAX_UNACKNOWLEDGED = 64
/** Commands without an answer at a time: well below what the broker keeps waiting for one user (`QUEUED_PER_USER`). */
const MAX_UNANSWERED = 1_000
/** The window is taken to be so much shorter, for what is on its way. */
const MARGIN = 15_000
/** Milliseconds to wait for the `command_rejected` that comes with a PUBACK of failure. */
const REFUSAL = 5_000
/** Milliseconds before something is tried again that the store could not write. */
const AGAIN = 5_000
/** Bytes of a PUBLISH besides topic and payload, at most. */
const FRAME = 16
/** The reason codes of PUBACK, if the event that says more is lost. */
const CODES = new Map<number, Code>([
  [0x87, 'forbidden'],
  [0x90, 'unknown_command'],
  [0x97, 'unavailable'],
  [0x99, 'bad_payload'],
])

interface Publication {
  /** By its PUBACK. */
  isTaken: boolean
}

/**
 * Publishes what is in the outbox, in order, while there is a connection; after a loss it sends again what is not answered, as long as
 * the broker would know it again.
 */
export class Sending {
  readonly #ports: SendingPorts
  #link: Link | undefined
  #announced: Announced = { maxPacketBytes: Infinity, idempotencyWindow: 0 }
  #toSend: Entry[] = []
  /** Published on the connection of now and not answered yet. */
  readonly #out = new Map<Entry, Publication>()
  /** Came too fast; they go first when the pause is over. */
  readonly #early = new Set<Entry>()
  #pause: ReturnType<typeof setTimeout> | undefined
  #pauseEnds = 0
  #unacknowledged = 0

  constructor(ports: SendingPorts) {
    this.#ports = ports
  }

  /** @param hasAll every answer since the last connection was or will be among what is passed */
  start(link: Link, announced: Announced, hasAll: boolean): void {
    this.stop()
    this.#link = link
    this.#announced = announced
    this.#unacknowledged = 0
    this.#resume([...this.#ports.outbox.all], hasAll)
  }

  stop(): void {
    this.#link = undefined
    this.#toSend = []
    this.#out.clear()
    this.#early.clear()
    this.#endPause()
  }

  /** Published on the connection of now. */
  isOut(entry: Entry): boolean {
    return this.#out.has(entry)
  }

  /** It is on its way, and the broker has not said yet that it takes it. */
  isUntaken(entry: Entry): boolean {
    return this.#out.get(entry)?.isTaken === false
  }

  /** Adds a call, which is stored first. @throws what the store throws */
  async add(entry: Entry): Promise<void> {
    if (this.#link) {
      entry.call.sentAt = this.#ports.clock.now
      this.#toSend.push(entry)
    }
    if (entry.isKept) await this.#ports.outbox.store(entry)
    this.#pump()
  }

  /** Adds what another tab has left. */
  adopt(entries: readonly Entry[]): void {
    if (this.#link) this.#resume(entries, false)
  }

  /** A call has its answer. */
  answered(entry: Entry): void {
    this.#out.delete(entry)
    this.#pump()
  }

  /** The broker refused a call because too many came: sends nothing for so many milliseconds, then this one in its place. */
  slowDown(entry: Entry, ms: number): void {
    this.#out.delete(entry)
    this.#early.add(entry)
    const ends = performance.now() + ms
    if (ends < this.#pauseEnds) return
    this.#pauseEnds = ends
    clearTimeout(this.#pause)
    this.#pause = setTimeout(() => this.#goOn(), ms)
  }

  #goOn(): void {
    this.#endPause()
    const next = new Set([...this.#toSend, ...this.#early])
    this.#early.clear()
    this.#toSend = Array.from(this.#ports.outbox.all).filter((entry) => next.has(entry))
    this.#pump()
  }

  #endPause(): void {
    clearTimeout(this.#pause)
    this.#pause = undefined
    this.#pauseEnds = 0
  }

  /** Decides of each unanswered call whether it is sent (again). */
  #resume(entries: readonly Entry[], hasAll: boolean): void {
    const { outbox, clock, fail } = this.#ports
    const window = this.#announced.idempotencyWindow - MARGIN
    for (const entry of entries) {
      const { call } = entry
      if (!entry.wasPublished) this.#stamp(entry)
      else if (!entry.isRead && !(clock.now < Math.min(call.sentAt! + window, call.expiresAt ?? Infinity))) {
        if (call.isAccepted && hasAll) continue // its answer is still to come
        outbox.remove(entry)
        fail(entry, new Uncertain(call.command, call.id))
        continue
      }
      this.#toSend.push(entry)
    }
    this.#pump()
  }

  /** Notes that it is about to be sent, before it is: after a crash it then counts as sent. */
  #stamp(entry: Entry): void {
    const { clock, outbox, fault } = this.#ports
    entry.call.sentAt = clock.now
    if (!entry.isKept) return
    outbox.store(entry).then(
      () => this.#pump(),
      (err: unknown) => {
        fault(err)
        const link = this.#link
        setTimeout(() => link && this.#link === link && outbox.get(entry.call.id) && this.#stamp(entry), AGAIN)
      },
    )
  }

  #pump(): void {
    const link = this.#link
    if (!link || this.#pause) return
    while (this.#unacknowledged < MAX_UNACKNOWLEDGED && this.#out.size < MAX_UNANSWERED) {
      const entry = this.#toSend[0]
      if (!entry) return
      const isOpen = this.#ports.outbox.get(entry.call.id) === entry
      if (isOpen && !entry.isReady) return // those behind it wait: order
      this.#toSend.shift()
      if (isOpen) this.#publish(link, entry)
    }
  }

  #publish(link: Link, entry: Entry): void {
    const { command, payload } = entry.call
    const bytes = bytesOf(payload).length + command.length + FRAME
    if (bytes > this.#announced.maxPacketBytes) return this.#refuse(entry, 'too_large')
    const publication = { isTaken: false }
    entry.wasPublished = true
    this.#out.set(entry, publication)
    this.#unacknowledged++
    link.publish(command, payload, (reason) => {
      this.#unacknowledged--
      if (reason < 0x80) entry.call.isAccepted = publication.isTaken = true
      else setTimeout(() => this.#isOutAs(entry, publication) && this.#refuse(entry, CODES.get(reason)), REFUSAL)
      this.#pump()
    })
  }

  /** Nothing has ended it since, and it was not published again. */
  #isOutAs(entry: Entry, publication: Publication): boolean {
    return this.#out.get(entry) === publication
  }

  #refuse(entry: Entry, code: Code = 'internal'): void {
    const { command, id } = entry.call
    if (this.#ports.outbox.get(id) !== entry) return
    this.#ports.outbox.remove(entry)
    this.#out.delete(entry)
    this.#ports.fail(entry, new Rejected({ command, code, message: `refused: ${code}` }))
  }
}
