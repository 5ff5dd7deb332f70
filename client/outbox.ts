import type { Writer } from './store/writer.ts'

/** A command that is not answered yet. */
export interface OpenCall {
  readonly id: string
  readonly command: string
  /** What is published: always the same bytes, by which the broker tells a repetition. */
  readonly payload: string
  /** Its place in the outbox. */
  readonly order: number
  /** After which the broker refuses it, in milliseconds since 1970. */
  readonly expiresAt?: number
  /** When it was first published, by the broker's clock. */
  sentAt?: number
  /** The broker has said that it keeps the command. */
  isAccepted?: boolean
}

/** A call as this process knows it. */
export interface Entry {
  readonly call: OpenCall
  /** It changes nothing, so it may run again whenever. */
  readonly isRead: boolean
  /** It survives the process. */
  readonly isKept: boolean
  /** It may go out: it is stored, or need not be. */
  isReady: boolean
  /** How often it was given to the store. */
  version: number
  /** It was published in this process. */
  wasPublished: boolean
  /** What the app of now waits for, if it has made the call. */
  waiting: { answer: Promise<unknown>; resolve: (answer: unknown) => void; reject: (err: Error) => void } | undefined
}

/** The prefix of the keys of its entries in the store. */
export const CALL = 'call:'

/** The commands that are not answered yet, in the order in which they were called. */
export class Outbox {
  readonly #entries = new Map<string, Entry>()
  readonly #writer: Writer
  readonly #changed: () => void
  #lastOrder = 0

  /** @param changed is told when something comes in, goes out, or is done */
  constructor(writer: Writer, changed: () => void) {
    this.#writer = writer
    this.#changed = changed
  }

  /** Takes up what an earlier process, or a closed tab, has left. */
  restore(stored: ReadonlyMap<string, string>): Entry[] {
    const restored: Entry[] = []
    const calls = Array.from(stored)
      .filter(([key]) => key.startsWith(CALL))
      .map(([, value]) => JSON.parse(value) as OpenCall)
      .toSorted((a, b) => a.order - b.order)
    for (const call of calls) {
      if (this.#entries.has(call.id)) continue
      this.#lastOrder = Math.max(this.#lastOrder, call.order)
      const entry = entryOf(call, false, true)
      entry.isReady = true
      entry.wasPublished = call.sentAt !== undefined
      this.#entries.set(call.id, entry)
      restored.push(entry)
    }
    if (restored.length > 0) this.#changed()
    return restored
  }

  get(id: string): Entry | undefined {
    return this.#entries.get(id)
  }

  /** In the order of the calls. */
  get all(): IterableIterator<Entry> {
    return this.#entries.values()
  }

  get size(): number {
    return this.#entries.size
  }

  /** Adds a call at the end. */
  add(call: Omit<OpenCall, 'order'>, { isRead, isKept }: Pick<Entry, 'isRead' | 'isKept'>): Entry {
    const entry = entryOf({ ...call, order: ++this.#lastOrder }, isRead, isKept)
    this.#entries.set(call.id, entry)
    this.#changed()
    return entry
  }

  /** Stores an entry as it is now; it is ready when that is done. @throws what the store throws */
  async store(entry: Entry): Promise<void> {
    const version = ++entry.version
    entry.isReady = false
    await this.#writer.put(CALL + entry.call.id, JSON.stringify(entry.call))
    if (version === entry.version) entry.isReady = true
  }

  /** Stores what has changed about a call, when it suits. */
  note(entry: Entry): void {
    if (entry.isKept) this.#writer.note(CALL + entry.call.id, JSON.stringify(entry.call))
  }

  remove(entry: Entry): void {
    this.#entries.delete(entry.call.id)
    if (entry.isKept) this.#writer.note(CALL + entry.call.id, undefined)
    this.#changed()
  }
}

function entryOf(call: OpenCall, isRead: boolean, isKept: boolean): Entry {
  return { call, isRead, isKept, isReady: !isKept, version: 0, wasPublished: false, waiting: undefined }
}
