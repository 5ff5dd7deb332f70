import type { EventName } from '../../../shared/wire/topic.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { MessageProperties } from '../../seam/session-message.ts'
import { Reader, Writer, type Codec, type Decoder } from '../../storage/record.ts'
import type { Texts } from '../../storage/texts.ts'

// How a session holds an event: bits of `Place.form`.
/** On `<user>_events`; without it on `<user>_<event>` or the Response Topic. */
export const ON_ALL = 1
/** At QoS 2; without it at QoS 1. */
export const QOS_2 = 2
export const RETAINED = 4
const IDS = 8
/** Received through a shared subscription. */
export const SHARED = 16
/** In a session's queue alone, and instead of the other bits: the client has the message, and its PUBREL is due. */
export const RELEASED = 32

/** One session that holds a record in its queue, and how. */
export interface Place {
  /** The session's serial number. */
  readonly session: number
  readonly form: number
  /** Subscription identifiers. */
  readonly ids?: readonly number[] | undefined
  readonly shared?: string | undefined
}

interface AnyRecord {
  /** When it was kept, in milliseconds since 1970. */
  at: number
  /** When it expires, by `steady`. */
  readonly expiresAt?: number | undefined
  places: readonly Place[]
}

/** An event, shared by all its receivers. */
export interface KeptEvent extends AnyRecord {
  readonly kind: 'event'
  readonly event: EventName
  /** Its JSON, without its name and number. */
  readonly body: Buffer
  readonly to: readonly UserId[]
  /** Its number for each receiver; none when it is in no inbox. */
  readonly numbers: readonly number[]
  /** False: it is in no inbox, or repeats an event that is in one already. */
  readonly isInInbox: boolean
  /** The command that it answers, and its `re`. */
  readonly answers?: string | undefined
  readonly re?: string | undefined
  readonly correlation?: Buffer | undefined
  readonly responseTopic?: string | undefined
  readonly isFromStranger?: boolean | undefined
}

/** A message of an open topic. */
export interface KeptMessage extends AnyRecord {
  readonly kind: 'message'
  readonly topic: string
  readonly payload: Buffer
  readonly properties?: MessageProperties | undefined
}

export type KeptRecord = KeptEvent | KeptMessage

const VERSION = 1
const [EVENT, MESSAGE, STRANGER, NUMBERED, PROPERTIES, INBOX, EXPIRES, ANSWER] = [0, 1, 2, 4, 8, 16, 32, 64]
const writer = new Writer()

// count: what it is (0 an event, 1 a message; + 2 by a stranger, + 4 with numbers, + 8 with properties, + 16 in inboxes, + 32 that expires, + 64 an answer)
// number at, perhaps number expiresAt
// count of places, of each: count session, count form, perhaps count of ids and each, perhaps text shared
// event:   text event, perhaps an answer (maybe text answers, maybe text re, maybe bytes correlation, maybe text responseTopic),
//          count of receivers, of each: text user, perhaps count number; bytes body
// message: text topic, perhaps properties (maybe text contentType, count payloadFormatIndicator (0 none, 1 false, 2 true), maybe text
//          responseTopic, maybe bytes correlationData, count messageExpiryInterval + 1, count of user properties, of each text name,
//          text value); bytes payload
export const keptRecord: Codec<KeptRecord> = {
  holds: 'an event that a session waits for, or that its receivers could have asked for',

  encode(record) {
    const { kind, at, expiresAt, places } = record
    writer.begin(VERSION)
    writer.count(
      (kind === 'event' ? kindOf(record) : MESSAGE | (record.properties ? PROPERTIES : 0)) |
        (expiresAt === undefined ? 0 : EXPIRES),
    )
    writer.number(at)
    if (expiresAt !== undefined) writer.number(expiresAt)
    writer.count(places.length)
    for (const place of places) writePlace(place)
    if (kind === 'event') writeEvent(record)
    else writeMessage(record)
    return writer.end()
  },

  decode(bytes) {
    const reader = new Reader(bytes, VERSION)
    const what = reader.count()
    const at = reader.number()
    const expiresAt = what & EXPIRES ? reader.number() : undefined
    const places: Place[] = []
    for (let left = reader.count(); left > 0; left--) places.push(readPlace(reader))
    const kept = { at, places, ...(expiresAt !== undefined && { expiresAt }) }
    return (what & MESSAGE) === 0 ? readEvent(reader, what, kept) : readMessage(reader, what, kept)
  },
}

function writePlace({ session, form, ids = [], shared }: Place): void {
  writer.count(session)
  writer.count((form & ~(IDS | SHARED)) | (ids.length > 0 ? IDS : 0) | (shared === undefined ? 0 : SHARED))
  if (ids.length > 0) {
    writer.count(ids.length)
    for (const id of ids) writer.count(id)
  }
  if (shared !== undefined) writer.text(shared)
}

function readPlace(reader: Reader): Place {
  const session = reader.count()
  const found = reader.count()
  const form = found & ~IDS
  if ((found & (IDS | SHARED)) === 0) return { session, form }
  const ids: number[] = []
  if (found & IDS) for (let left = reader.count(); left > 0; left--) ids.push(reader.count())
  const shared = found & SHARED ? reader.text() : undefined
  return { session, form, ...(ids.length > 0 && { ids }), ...(shared !== undefined && { shared }) }
}

function kindOf(record: KeptEvent): number {
  const { isFromStranger, numbers, isInInbox } = record
  const bits = (isFromStranger ? STRANGER : 0) | (numbers.length > 0 ? NUMBERED : 0) | (isInInbox ? INBOX : 0)
  return EVENT | bits | (isAnswer(record) ? ANSWER : 0)
}

function isAnswer({ answers, correlation, responseTopic }: KeptEvent): boolean {
  return answers !== undefined || correlation !== undefined || responseTopic !== undefined
}

function writeEvent(record: KeptEvent): void {
  const { event, to, numbers, body } = record
  writer.text(event)
  if (isAnswer(record)) {
    writer.maybeText(record.answers)
    writer.maybeText(record.re)
    writer.maybeBytes(record.correlation)
    writer.maybeText(record.responseTopic)
  }
  writer.count(to.length)
  for (let i = 0; i < to.length; i++) {
    writer.text(to[i]!)
    if (numbers.length > 0) writer.count(numbers[i]!)
  }
  writer.bytes(body)
}

function readEvent(reader: Reader, what: number, fields: AnyRecord): KeptEvent {
  const event = reader.text()
  const answer = what & ANSWER ? readAnswer(reader) : undefined
  const to: UserId[] = []
  const numbers: number[] = []
  for (let left = reader.count(); left > 0; left--) {
    to.push(reader.text() as UserId)
    if (what & NUMBERED) numbers.push(reader.count())
  }
  const [isFromStranger, isInInbox] = [(what & STRANGER) !== 0, (what & INBOX) !== 0]
  return { kind: 'event', ...fields, event, ...answer, to, numbers, isFromStranger, isInInbox, body: reader.bytes() }
}

function readAnswer(reader: Reader): Pick<KeptEvent, 'answers' | 're' | 'correlation' | 'responseTopic'> {
  const [answers, re] = [reader.maybeText(), reader.maybeText()]
  return { answers, re, correlation: reader.maybeBytes(), responseTopic: reader.maybeText() }
}

function writeMessage({ topic, payload, properties }: KeptMessage): void {
  writer.text(topic)
  if (properties) {
    const { contentType, payloadFormatIndicator: isText, responseTopic, correlationData, userProperties } = properties
    writer.maybeText(contentType)
    writer.count(isText === undefined ? 0 : isText ? 2 : 1)
    writer.maybeText(responseTopic)
    writer.maybeBytes(correlationData)
    writer.count((properties.messageExpiryInterval ?? -1) + 1)
    const pairs = Object.entries(userProperties ?? {})
    writer.count(pairs.length)
    for (const [name, value] of pairs) {
      writer.text(name)
      writer.text(value)
    }
  }
  writer.bytes(payload)
}

function readMessage(reader: Reader, what: number, fields: AnyRecord): KeptMessage {
  const topic = reader.text()
  const properties = what & PROPERTIES ? readProperties(reader) : undefined
  return { kind: 'message', ...fields, topic, ...(properties && { properties }), payload: reader.bytes() }
}

function readProperties(reader: Reader): MessageProperties {
  const contentType = reader.maybeText()
  const isText = reader.count()
  const [responseTopic, correlationData] = [reader.maybeText(), reader.maybeBytes()]
  const expiry = reader.count() - 1
  const pairs: [string, string][] = []
  for (let left = reader.count(); left > 0; left--) pairs.push([reader.text(), reader.text()])
  return {
    ...(contentType !== undefined && { contentType }),
    ...(isText > 0 && { payloadFormatIndicator: isText === 2 }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlationData && { correlationData }),
    ...(expiry >= 0 && { messageExpiryInterval: expiry }),
    ...(pairs.length > 0 && { userProperties: Object.fromEntries(pairs) }),
  }
}

/** The part of a record that its holders need at the start. */
export interface Outline {
  readonly places: readonly Place[]
  readonly to: readonly UserId[]
  /** Its number in the inbox of each receiver; none when it is in no inbox. */
  readonly numbers: readonly number[]
  readonly isEvent: boolean
  readonly isFromStranger: boolean
  /** Bytes that all its receivers share. */
  readonly bytes: number
}

/** Reads a record's outline. The whole record is checked. */
export function keptOutline(texts: Texts): Decoder<Outline> {
  return {
    holds: keptRecord.holds,
    keepsNoBytes: true,

    decode(bytes) {
      const reader = new Reader(bytes, VERSION)
      const what = reader.count()
      const isEvent = (what & MESSAGE) === 0
      reader.number()
      if (what & EXPIRES) reader.number()
      const places: Place[] = []
      for (let left = reader.count(); left > 0; left--) places.push(readPlace(reader))
      const to: UserId[] = []
      const numbers: number[] = []
      let content = reader.skipBytes()
      if (isEvent) {
        for (let left = what & ANSWER ? 4 : 0; left > 0; left--) content += reader.skipMaybe()
        for (let left = reader.count(); left > 0; left--) {
          to.push(reader.textOf(texts) as UserId)
          if (what & NUMBERED) numbers.push(reader.count())
        }
        content += reader.skipBytes()
        if (!(what & INBOX)) numbers.length = 0
      } else {
        // The rest is properties and the payload.
        content = bytes.length
      }
      return { places, to, numbers, isEvent, isFromStranger: (what & STRANGER) !== 0, bytes: content }
    },
  }
}

export function outlineOf(record: KeptRecord): Outline {
  const { places } = record
  const bytes = contentBytes(record)
  if (record.kind === 'message') return { places, to: [], numbers: [], isEvent: false, isFromStranger: false, bytes }
  const { to, isInInbox, numbers, isFromStranger = false } = record
  return { places, to, numbers: isInInbox ? numbers : [], isEvent: true, isFromStranger, bytes }
}

/** Bytes that all receivers of a record share. */
function contentBytes(record: KeptRecord): number {
  if (record.kind === 'event') {
    const { event, body, answers = '', re = '', correlation, responseTopic = '' } = record
    return (
      event.length +
      body.length +
      answers.length +
      Buffer.byteLength(re) +
      Buffer.byteLength(responseTopic) +
      (correlation?.length ?? 0)
    )
  }
  const { contentType = '', responseTopic = '', correlationData, userProperties = {} } = record.properties ?? {}
  let bytes = record.payload.length + 3 * (record.topic.length + contentType.length + responseTopic.length)
  bytes += correlationData?.length ?? 0
  for (const [name, value] of Object.entries(userProperties)) bytes += 3 * (name.length + value.length) + 2
  return bytes
}
