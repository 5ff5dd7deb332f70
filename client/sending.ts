import { Rejected, Uncertain, type Code } from './errors.ts'
import type { Link } from './mqtt/link.ts'
import type { Entry, Outbox } from './outbox.ts'
import type { ServerClock } from './server-clock.ts'

export interface SendingPorts {
  outbox: Outbox
  clock: ServerClock
  /** Milliseconds for which the broker knows a command's id at least. */
  window: number
  /** Ends a call with an error. */
  fail: (entry: Entry, err: Error) => void
  fault: (err: unknown) => void
}

/** Packets without PUBACK at a time. */
const MAX_UNACKNOWLEDGED = 64
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

/**
 * Publishes what is in the outbox, in order, while there is a connection; after a loss it sends again what is not answered, as long as
 * the broker would know it again.
 */
export class Sending {
  readonly #ports: SendingPorts
  #link: Link | undefined
  #maxBytes = Infinity
  #toSend: Entry[] = []
  #unacknowledged = 0

  constructor(ports: SendingPorts) {
    this.#ports = ports
  }

  get isFlowing(): boolean {
    return this.#link !== undefined
  }

  /**
   * There is a connection, and what was missed is being passed.
   * @param hasAll every answer since the last connection was or will be among it
   */
  start(link: Link, maxBytes: number, hasAll: boolean): void {
    this.#link = link
    this.#maxBytes = maxBytes
    this.#unacknowledged = 0
    this.#toSend = []
    this.resume([...this.#ports.outbox.all], hasAll)
  }

  stop(): void {
    this.#link = undefined
    this.#toSend = []
    for (const entry of this.#ports.outbox.all) entry.isOut = false
  }

  /** Adds a call, which is stored first. @throws what the store throws */
  async add(entry: Entry): Promise<void> {
    if (this.isFlowing) {
      entry.call.sentAt = this.#ports.clock.now
      this.#toSend.push(entry)
    }
    if (entry.isKept) await this.#ports.outbox.store(entry)
    this.#pump()
  }

  /** Decides of each unanswered call whether it is sent (again). */
  resume(entries: readonly Entry[], hasAll: boolean): void {
    const { outbox, clock, fail, window } = this.#ports
    for (const entry of entries) {
      const { call } = entry
      entry.isOut = false
      if (!entry.wasPublished) this.#stamp(entry)
      else if (!entry.isRead && !(clock.now < Math.min(call.sentAt! + window - MARGIN, call.expiresAt ?? Infinity))) {
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
    if (!link) return
    while (this.#unacknowledged < MAX_UNACKNOWLEDGED) {
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
    if (payload.length + command.length + FRAME > this.#maxBytes) return this.#refuse(entry, 'too_large')
    entry.isOut = entry.wasPublished = true
    this.#unacknowledged++
    link.publish(command, payload, (reason) => {
      this.#unacknowledged--
      if (reason < 0x80) entry.call.isAccepted = true
      else setTimeout(() => this.#refuse(entry, CODES.get(reason) ?? 'internal', link), REFUSAL)
      this.#pump()
    })
  }

  /** Ends a call that the broker has refused, if nothing else has ended it. */
  #refuse(entry: Entry, code: Code, on = this.#link): void {
    const { command, id } = entry.call
    if (this.#ports.outbox.get(id) !== entry || this.#link !== on) return
    this.#ports.outbox.remove(entry)
    this.#ports.fail(entry, new Rejected({ command, code, message: `refused: ${code}` }))
  }
}
