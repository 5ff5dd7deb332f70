import { refuse } from '../../../shared/wire/refusal.ts'
import type { Fullness } from '../../metrics/fullness.ts'
import { steady } from '../../../shared/steady.ts'
import type { Storage, Unit } from '../../storage/storage.ts'
import { covers } from '../../seam/topic-filter.ts'
import type { SessionMessage } from '../../seam/session-message.ts'

/** A message of an open topic, as it may be retained. */
export type OpenMessage = Pick<SessionMessage, 'topic' | 'payload' | 'qos' | 'properties' | 'messageExpiry'>

export interface RetainedBounds {
  maxRetained: number
  maxRetainedBytes: number
  /** Messages of one user, at most. Handlers have no such bound. */
  perUser: number
  bytesPerUser: number
}

interface RetainedNote {
  bytes: number
  user: string | undefined
  expiresAt: number
}

type RetainedRecord = OpenMessage & { user?: string | undefined }

/** Retained messages in the broker's storage. Memory holds only the size, user and expiry of each. */
export class RetainedMessages {
  readonly #storage: Storage
  readonly #bounds: RetainedBounds
  readonly #table
  readonly #notes = new Map<string, RetainedNote>()
  readonly #users = new Map<string, { count: number; bytes: number }>()
  #bytes = 0
  /** When the next message expires, at the earliest. */
  #nextEnd = Infinity

  constructor(storage: Storage, bounds: RetainedBounds) {
    this.#storage = storage
    this.#bounds = bounds
    this.#table = storage.table<RetainedRecord>('retained')
    for (const { key, value } of this.#table.entries()) this.#note(String(key), noteOf(value))
    this.#forgetPast()
  }

  /**
   * Retains a message for later subscribers or, when it is empty, deletes the retained one [MQTT-3.3.1-6].
   * @throws {Refusal} `rate_limited` when there are too many
   */
  keep(unit: Unit, user: string | undefined, message: OpenMessage): void {
    const { topic, payload } = message
    this.#forgetPast()
    const record = payload.length === 0 ? undefined : { ...message, user }
    const note = noteOf(record)
    const full = note && this.#isFullFor(note, this.#notes.get(topic))
    if (full !== undefined) throw refuse('rate_limited', undefined, full)
    if (record) unit.put(this.#table, topic, record)
    else unit.remove(this.#table, topic)
    // Counted at once; otherwise many that are being stored could exceed the bounds together.
    this.#note(topic, note)
    unit.afterwards(() => this.#note(topic, note))
    unit.otherwise(() => this.#note(topic, noteOf(this.#table.get(topic))))
  }

  fullness(): Fullness {
    const { maxRetained, maxRetainedBytes: limit } = this.#bounds
    const [used, count] = [this.#bytes, this.#notes.size]
    const part = Math.max(count / Math.max(maxRetained, 1), used / Math.max(limit, 1))
    return {
      kind: 'retained',
      what: 'retained messages',
      used,
      limit,
      part,
      beyond: 'further ones are refused (rate_limited)',
    }
  }

  get(topic: string): OpenMessage | undefined {
    const record = this.#table.get(topic)
    if (!record || (record.messageExpiry ?? Infinity) <= steady()) return undefined
    const { user: _user, ...message } = record
    return message
  }

  sizeOf = (topic: string): number => this.#notes.get(topic)?.bytes ?? 0

  topicsOf(filter: string): string[] {
    this.#forgetPast()
    if (!/[+#]/.test(filter)) return this.#notes.has(filter) ? [filter] : []
    return [...this.#notes.keys()].filter((topic) => covers(filter, topic))
  }

  #isFullFor({ bytes, user }: RetainedNote, before: RetainedNote | undefined): string | undefined {
    const { maxRetained, maxRetainedBytes, perUser, bytesPerUser } = this.#bounds
    const more = bytes - (before?.bytes ?? 0)
    if (!before && this.#notes.size >= maxRetained) return 'the broker retains too many messages already'
    if (more > 0 && this.#bytes + more > maxRetainedBytes)
      return 'the retained messages of all users take too much room'
    if (user === undefined) return undefined
    const own = this.#users.get(user) ?? { count: 0, bytes: 0 }
    const isOwn = before?.user === user
    if (!isOwn && own.count >= perUser) return 'you retain too many messages'
    const ownMore = isOwn ? more : bytes
    return ownMore > 0 && own.bytes + ownMore > bytesPerUser ? 'your retained messages take too much room' : undefined
  }

  #note(topic: string, note: RetainedNote | undefined): void {
    const before = this.#notes.get(topic)
    if (before) this.#count(before, -1)
    if (!note) return void this.#notes.delete(topic)
    this.#notes.set(topic, note)
    this.#count(note, 1)
    this.#nextEnd = Math.min(this.#nextEnd, note.expiresAt)
  }

  #count({ user, bytes }: RetainedNote, by: 1 | -1): void {
    this.#bytes += by * bytes
    if (user === undefined) return
    const own = this.#users.get(user) ?? { count: 0, bytes: 0 }
    own.count += by
    own.bytes += by * bytes
    if (own.count > 0) this.#users.set(user, own)
    else this.#users.delete(user)
  }

  /** Forgets expired messages. */
  #forgetPast(): void {
    const now = steady()
    if (this.#nextEnd > now) return
    this.#nextEnd = Infinity
    const past: string[] = []
    for (const [topic, { expiresAt }] of this.#notes) {
      if (expiresAt <= now) past.push(topic)
      else this.#nextEnd = Math.min(this.#nextEnd, expiresAt)
    }
    if (past.length === 0) return
    for (const topic of past) this.#note(topic, undefined)
    this.#storage.eventually((unit) => {
      for (const topic of past) if (!this.#notes.has(topic)) unit.remove(this.#table, topic)
    })
  }
}

function noteOf(record: RetainedRecord | undefined): RetainedNote | undefined {
  if (!record) return undefined
  const { topic, payload, properties, user, messageExpiry = Infinity } = record
  const { userProperties, correlationData, ...others } = properties ?? {}
  const more = Buffer.byteLength(JSON.stringify({ ...userProperties, ...others })) + (correlationData?.length ?? 0)
  return { bytes: Buffer.byteLength(topic) + payload.length + more, user, expiresAt: messageExpiry }
}
