import { z } from 'zod'
import { outgoingEvent } from '../../../shared/wire/done.ts'
import { MAX_DEPTH, parseJsonObject } from '../../../shared/wire/json.ts'
import type { CommandName } from '../../../shared/wire/topic.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { TimedEvent } from '../events/events.ts'
import type { Command } from '../../seam/session.ts'
import { Reader, Writer, type Codec } from '../../storage/record.ts'

/** How a command has ended for its device, while that is remembered. */
export interface Ended {
  /** Identifies a repeat. */
  readonly key: string
  /** Digest of the command and its payload. */
  readonly digest: string
  /** Until when it is remembered, by `steady`. */
  readonly until: number
  /** The command id under which a repeat runs again, if the answer is not remembered. */
  readonly again?: string | undefined
  /** The answer as `encodeAnswer` wrote it, decoded only for a repeat. Empty: the answer is no longer kept. */
  readonly answer?: Buffer | undefined
}

/** One command, stored under its order: while groups work on it, and its end while that is remembered. */
export interface CommandRecord {
  readonly open?: { command: Command; groups: ReadonlyMap<string, number> } | undefined
  readonly ended?: Ended | undefined
}

const VERSION = 1
const [OPEN, ENDED, INTERNAL] = [1, 2, 4]
const writer = new Writer()

// count: the parts that there are (1 open, 2 ended; 4: the open command is internal)
// open:  number order, text id, text name, text user, text client, maybe text jti, maybe text re, number at, number expiresAt (NaN: none),
//        text traceparent, maybe bytes correlation, maybe text responseTopic, maybe text onlyTo, bytes payload,
//        count of groups, of each: text name, count of failed attempts
// ended: text key, text digest, number until, maybe text again, maybe bytes answer (JSON)
export const commandRecord: Codec<CommandRecord> = {
  holds: 'a command that has not ended, or the answer of one that has',

  encode({ open, ended }) {
    writer.begin(VERSION)
    writer.count((open ? OPEN : 0) + (ended ? ENDED : 0) + (open?.command.internal ? INTERNAL : 0))
    if (open) {
      const { command, groups } = open
      writer.number(command.order)
      writer.text(command.id)
      writer.text(command.name)
      writer.text(command.user)
      writer.text(command.client)
      writer.maybeText(command.jti)
      writer.maybeText(command.re)
      writer.number(command.at)
      writer.number(command.expiresAt ?? Number.NaN)
      writer.text(command.traceparent)
      writer.maybeBytes(command.correlation)
      writer.maybeText(command.responseTopic)
      writer.maybeText(command.onlyTo)
      writer.bytes(command.payload)
      writer.count(groups.size)
      for (const [group, failed] of groups) {
        writer.text(group)
        writer.count(failed)
      }
    }
    if (ended) {
      writer.text(ended.key)
      writer.text(ended.digest)
      writer.number(ended.until)
      writer.maybeText(ended.again)
      writer.maybeBytes(ended.answer)
    }
    return writer.end()
  },

  decode(bytes) {
    const { reader, isOpen, isEnded, isInternal } = openRecord(bytes)
    return {
      open: isOpen ? readOpen(reader, isInternal) : undefined,
      ended: isEnded ? readEnded(reader) : undefined,
    }
  },
}

/**
 * The parts that a record has, and a reader at the first of them.
 * @throws {Broken}
 */
export function openRecord(bytes: Buffer) {
  const reader = new Reader(bytes, VERSION)
  const parts = reader.count()
  const [isOpen, isEnded, isInternal] = [(parts & OPEN) !== 0, (parts & ENDED) !== 0, (parts & INTERNAL) !== 0]
  return { reader, isOpen, isEnded, isInternal }
}

function readOpen(reader: Reader, internal: boolean): NonNullable<CommandRecord['open']> {
  const command: Command = {
    order: reader.number(),
    id: reader.text(),
    name: reader.text() as CommandName,
    user: reader.text() as UserId,
    client: reader.text(),
    jti: reader.maybeText(),
    re: reader.maybeText(),
    at: reader.number(),
    expiresAt: numberOr(reader.number()),
    traceparent: reader.text(),
    correlation: reader.maybeBytes(),
    responseTopic: reader.maybeText(),
    onlyTo: reader.maybeText(),
    payload: reader.bytes(),
    stored: true,
    ...(internal && { internal }),
  }
  const groups = new Map<string, number>()
  for (let left = reader.count(); left > 0; left--) groups.set(reader.text(), reader.count())
  return { command, groups }
}

function readEnded(reader: Reader): Ended {
  const [key, digest, until] = [reader.text(), reader.text(), reader.number()]
  return { key, digest, until, again: reader.maybeText(), answer: reader.maybeBytes() }
}

const timedEvent = outgoingEvent.extend({
  at: z.string().optional(),
  numbers: z.array(z.number()).readonly().optional(),
})

export function encodeAnswer(answer: TimedEvent): Buffer {
  return Buffer.from(JSON.stringify(answer))
}

export function decodeAnswer(bytes: Buffer): TimedEvent {
  const { at, numbers, ...event } = timedEvent.parse(parseJsonObject(bytes, MAX_DEPTH + 2))
  return { ...event, ...(at !== undefined && { at }), ...(numbers && { numbers }) }
}

/** Decodes an optional number, which is NaN when absent. */
export function numberOr(value: number): number | undefined {
  return Number.isNaN(value) ? undefined : value
}
