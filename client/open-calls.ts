import { READS, type Events } from './contract.ts'
import { Failed, NotStored, Rejected, Uncertain } from './errors.ts'
import type { Incoming } from './inbox.ts'
import { Outbox, type Entry } from './outbox.ts'
import { Sending, type Announced } from './sending.ts'
import { ServerClock } from './server-clock.ts'
import type { Link } from './mqtt/link.ts'
import type { Writer } from './store/writer.ts'

/** A command in the outbox. */
export interface Waiting {
  id: string
  command: string
  fields: Record<string, unknown>
  /** It is on its way; otherwise it waits for a connection, or for its turn. */
  isSent: boolean
}

export interface OpenCallsPorts {
  writer: Writer
  /** Something came in, went out, or is done. */
  changed: () => void
  uncertain: (err: Uncertain) => void
  fault: (err: unknown) => void
}

/** Answers that are remembered, since a command that was sent again may be answered twice. */
const MAX_ANSWERED = 1_000
/** Milliseconds before a command that came too fast is sent again, if the broker does not say. */
const PAUSE = 1_000

/** What the app has called and nobody has answered yet: each call gets its answer, or the error that ends it. */
export class OpenCalls {
  readonly #ports: OpenCallsPorts
  readonly #outbox: Outbox
  readonly #sending: Sending
  readonly #clock = new ServerClock()
  readonly #answered = new Set<string>()

  constructor(ports: OpenCallsPorts) {
    this.#ports = ports
    this.#outbox = new Outbox(ports.writer, ports.changed)
    this.#sending = new Sending({
      outbox: this.#outbox,
      clock: this.#clock,
      fail: (entry, err) => this.#fail(entry, err),
      fault: ports.fault,
    })
  }

  get size(): number {
    return this.#outbox.size
  }

  /** In the order of the calls. */
  get waiting(): Waiting[] {
    return Array.from(this.#outbox.all, (entry) => {
      const { id, command, payload } = entry.call
      const { id: _id, expires_at: _at, ...fields } = JSON.parse(payload) as Record<string, unknown>
      return { id, command, fields, isSent: this.#sending.isOut(entry) }
    })
  }

  /** Takes up what an earlier process, or a closed tab, has left. */
  restore(stored: ReadonlyMap<string, string>): void {
    this.#sending.adopt(this.#outbox.restore(stored))
  }

  /**
   * There is a connection, and what was missed is being passed.
   * @param at the broker's time
   * @param hasAll every answer since the last connection was or will be among what is passed
   */
  start(link: Link, announced: Announced, at: string, hasAll: boolean): void {
    this.#clock.set(at)
    this.#sending.start(link, announced, hasAll)
  }

  stop(): void {
    this.#sending.stop()
    this.#ports.changed()
  }

  /** Sends a command, now or when there is a connection. Two calls with the same id are one. */
  send(
    id: string,
    command: string,
    fields: object,
    { expiresAt, keep = true }: { expiresAt?: Date; keep?: boolean },
  ): Promise<unknown> {
    const entry = this.#outbox.get(id) ?? this.#add(id, command, fields, expiresAt?.getTime(), keep)
    if (!entry.waiting) {
      let settle: Pick<NonNullable<Entry['waiting']>, 'resolve' | 'reject'>
      const answer = new Promise((resolve, reject) => (settle = { resolve, reject }))
      entry.waiting = { answer, ...settle! }
    }
    return entry.waiting.answer
  }

  /** Gives an answer to its call. Returns false for what the app need not hear: it has had it. */
  takes(event: Incoming): boolean {
    const { re } = event
    if (re === undefined) return true
    const entry = this.#outbox.get(re)
    if (!entry) return event.event_seq !== undefined || !this.#answered.has(re)
    if (event.event === 'command_queued') {
      entry.call.isAccepted = true
      this.#outbox.note(entry)
    } else if (this.#isTooFast(entry, event)) {
      this.#sending.slowDown(entry, Number(event['retry_after_ms'] ?? PAUSE))
      return false
    } else this.#settle(entry, event)
    return true
  }

  /** Ends all calls, and forgets them. */
  discard(why: Error): void {
    for (const entry of this.#outbox.all) {
      this.#outbox.remove(entry)
      entry.waiting?.reject(why)
    }
  }

  /** Ends all waits; the calls stay in the outbox. */
  leave(why: Error): void {
    for (const { waiting } of this.#outbox.all) waiting?.reject(why)
  }

  #add(id: string, command: string, fields: object, expiresAt: number | undefined, keep: boolean): Entry {
    const payload = JSON.stringify({ id, ...fields, ...(expiresAt !== undefined && { expires_at: expiresAt }) })
    const isRead = READS.has(command)
    const call = { id, command, payload, ...(expiresAt !== undefined && { expiresAt }) }
    const entry = this.#outbox.add(call, { isRead, isKept: keep && !isRead })
    this.#sending.add(entry).catch((err: unknown) => {
      this.#outbox.remove(entry)
      this.#fail(entry, new NotStored(command, err))
    })
    return entry
  }

  /** The broker refused to take it, this once: it has not run. What a handler refuses was taken before, and has ended. */
  #isTooFast(entry: Entry, { event, event_seq, code }: Incoming): boolean {
    const isRate = event === 'command_rejected' && code === 'rate_limited' && event_seq === undefined
    return isRate && this.#sending.isUntaken(entry)
  }

  #settle(entry: Entry, event: Incoming): void {
    const { id } = entry.call
    this.#outbox.remove(entry)
    this.#answered.add(id)
    if (this.#answered.size > MAX_ANSWERED) this.#answered.delete(this.#answered.values().next().value!)
    if (event.event === 'command_rejected') {
      entry.waiting?.reject(new Rejected(event as unknown as Events['command_rejected']))
    } else if (event.event === 'command_failed') {
      entry.waiting?.reject(new Failed(event as unknown as Events['command_failed']))
    } else entry.waiting?.resolve(event)
    this.#sending.answered(entry)
  }

  #fail(entry: Entry, err: Error): void {
    entry.waiting?.reject(err)
    if (err instanceof Uncertain) this.#ports.uncertain(err)
  }
}
