import { createHash, randomFillSync } from 'node:crypto'
import { isMqttString } from '../../../shared/wire/mqtt-string.ts'
import { parseJsonObject, type JsonObject } from '../../../shared/wire/json.ts'
import { refuse, Refusal } from '../../../shared/wire/refusal.ts'
import { TIME_RULE, timeOf } from '../../../shared/wire/time.ts'
import { isCommandName, type CommandName } from '../../../shared/wire/topic.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { Incoming } from '../../seam/from-front.ts'
import { mayHear, mayPublishOpen, maySend } from '../../seam/authority.ts'
import type { BrokerCommand } from '../commands/broker-command.ts'
import type { AnsweredCommand, Events } from '../events/events.ts'
import type { Command, DeviceSession, Session } from '../../seam/session.ts'

export interface IntakePorts {
  maxBytes: number
  events: Events
  /** @throws {Refusal} when the session has exceeded its rate, or may no longer send */
  admit(session: DeviceSession, cost?: number): void
  /** Publishes to an open topic. */
  publishOpen: (session: Session, message: Incoming) => Promise<void>
  /** Commands that the broker answers itself. */
  own: ReadonlyMap<string, BrokerCommand>
  answer(own: BrokerCommand, session: DeviceSession, payload: JsonObject, asked: AnsweredCommand): Promise<void>
  isKnown(command: string): boolean
  /** True when only the client that sent the command gets its answer. */
  answersClient(command: string): boolean
  nextOrder(): number
  accept(command: Command, isRetransmitted: boolean): Promise<void>
  rejected(session: DeviceSession, command: string, refusal: Refusal): void
}

const MAX_ID = 64

/**
 * Checks, stamps and stores a device's PUBLISH. Nothing is awaited before it is stored, so commands are stored in the order in which
 * they came.
 * @param ended is called when it is stored, or with the error: for a {Refusal}, after `command_rejected` has gone to the sender
 */
export function receiveCommand<Message extends Incoming>(
  session: DeviceSession,
  message: Message,
  ports: IntakePorts,
  ended: (message: Message, err?: Error) => void,
): void {
  const { user, id } = session
  const onlyTo = ports.answersClient(message.topic) ? id : undefined
  const asked: Writable<AnsweredCommand> = {
    user,
    name: message.topic,
    re: undefined,
    correlation: message.correlation,
    responseTopic: undefined,
    onlyTo,
  }
  const failed = (why: Error): void => {
    if (why instanceof Refusal) void refused(session, message, ports, asked, why).then((told) => ended(message, told))
    else ended(message, why)
  }
  let storing: Promise<void>
  try {
    storing = checkAndStore(session, message, ports, asked)
  } catch (err) {
    return failed(err as Error)
  }
  storing.then(() => ended(message), failed)
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

/** @param asked is filled in step by step, so that a refusal carries what has been read by then */
function checkAndStore(
  session: DeviceSession,
  message: Incoming,
  ports: IntakePorts,
  asked: Writable<AnsweredCommand>,
): Promise<void> {
  const { topic } = message
  ports.admit(session)
  if (mayPublishOpen(session, topic)) return ports.publishOpen(session, message)
  const name = nameOf(topic)
  const own = ports.own.get(name)
  if (!own && !ports.isKnown(name)) throw refuse('unknown_command')
  if (own?.forOperators && !session.token.isOperator) throw refuse('forbidden')
  // No acl takes away what everybody needs for their own session: whoami, refresh_session, sync_events.
  if ((!own || own.forOperators) && !maySend(session, name)) throw refuse('forbidden')
  const payload = parsePayload(message.payload, ports.maxBytes)
  const re = idOf(payload, message.correlation)
  asked.responseTopic = responseTopicOf(session, message)
  asked.re = re
  const expiresAt = expiryOf(payload, message.expiry)
  if (own) {
    if (own.cost > 1) ports.admit(session, own.cost - 1)
    return ports.answer(own, session, payload, asked)
  }
  const order = ports.nextOrder()
  const command: Command = {
    user: asked.user,
    re,
    correlation: asked.correlation,
    responseTopic: asked.responseTopic,
    onlyTo: asked.onlyTo,
    id: `${asked.user}/${re ?? ''}~${order.toString(36)}`,
    order,
    name,
    client: session.client,
    jti: session.token.jti,
    payload: message.payload,
    at: Date.now(),
    expiresAt,
    stored: message.qos > 0,
    traceparent: newTrace(),
  }
  return ports.accept(command, message.isRetransmitted)
}

/** Sends `command_rejected` to the sender. Returns the refusal, or the error that kept it from going out. */
async function refused(
  session: DeviceSession,
  message: Incoming,
  ports: IntakePorts,
  asked: AnsweredCommand,
  refusal: Refusal,
): Promise<Error> {
  ports.rejected(session, message.topic, refusal)
  const answered = { ...asked, re: asked.re ?? readableId(message, ports.maxBytes) }
  return ports.events.reject(session.user, message.topic, refusal, answered).then(
    () => refusal,
    (err: Error) => err,
  )
}

/** @throws {Refusal} `forbidden` when the topic is not a command's name */
function nameOf(topic: string): CommandName {
  if (isCommandName(topic)) return topic
  throw refuse('forbidden', { topic: 'is not a command name' })
}

function parsePayload(payload: Buffer, maxBytes: number): JsonObject {
  if (payload.length > maxBytes) throw refuse('too_large', { payload: `is larger than ${maxBytes} bytes` })
  try {
    return parseJsonObject(payload)
  } catch (err) {
    throw refuse('bad_payload', { payload: (err as Error).message })
  }
}

/** The device's id of a command: the payload's `id`, otherwise the correlation data, as text if it is a valid id, else as its digest. */
function idOf({ id }: JsonObject, correlation: Buffer | undefined): string | undefined {
  if (id === undefined) {
    if (!correlation?.length) return undefined
    const text = correlation.toString()
    const isText = Buffer.from(text).equals(correlation) && isId(text)
    return isText ? text : createHash('sha256').update(correlation).digest('base64url')
  }
  if (typeof id === 'string' && isId(id)) return id
  throw refuse('bad_payload', { id: `must be a string of 1 to ${MAX_ID} characters, without control characters` })
}

/** The id of a command that was refused before its id was checked, if one can be read. */
function readableId({ payload, correlation }: Incoming, maxBytes: number): string | undefined {
  try {
    return idOf(payload.length > maxBytes ? headOf(payload) : parsePayload(payload, maxBytes), correlation)
  } catch {
    return idOf({}, correlation)
  }
}

/** Matches an `id` that is the first field of a JSON object. */
const FIRST_ID = /^\s*\{\s*("id"\s*:\s*"(?:[^"\\]|\\.)*")\s*,/
/** Bytes searched for it. */
const HEAD = 1_024

/** The first field of a payload that is too large to parse, if it is an `id`. */
function headOf(payload: Buffer): JsonObject {
  const [, id] = FIRST_ID.exec(payload.subarray(0, HEAD).toString()) ?? []
  return id === undefined ? {} : parseJsonObject(Buffer.from(`{${id}}`))
}

function isId(text: string): boolean {
  return text !== '' && text.length <= MAX_ID && isMqttString(text)
}

/** The earlier of `expires_at` (RFC 3339, or milliseconds since 1970) and the message expiry (seconds from now). */
function expiryOf({ expires_at: at }: JsonObject, seconds: number | undefined): number | undefined {
  const own = at === undefined ? Infinity : timeOf(at)
  if (own === undefined) throw refuse('bad_payload', { expires_at: TIME_RULE })
  const due = Math.min(own, seconds === undefined ? Infinity : Date.now() + seconds * 1000)
  if (!(due > Date.now())) throw refuse('timeout', { expires_at: 'has passed' })
  return due === Infinity ? undefined : due
}

function responseTopicOf(session: DeviceSession, { responseTopic }: Incoming): string | undefined {
  if (responseTopic === undefined || mayHear(session, responseTopic)) return responseTopic
  throw refuse('forbidden', { response_topic: 'is not one of your own event topics' })
}

/** A command that the broker itself sends in a user's name. */
export function internalCommand(name: CommandName, user: UserId, input: object, order: number): Command {
  return {
    id: `${user}/~${order.toString(36)}`,
    order,
    name,
    user,
    client: '',
    payload: Buffer.from(JSON.stringify(input)),
    at: Date.now(),
    re: undefined,
    expiresAt: undefined,
    correlation: undefined,
    responseTopic: undefined,
    stored: true,
    internal: true,
    traceparent: newTrace(),
  }
}

/** Bytes of the ids of one trace and its first span. */
const TRACE = 24
/** Random bytes for traces, and how many of them have been used. */
const random = Buffer.alloc(TRACE * 256)
let used = random.length

/** A new trace [W3C Trace Context]; a device's own `traceparent` is not trusted. */
function newTrace(): string {
  if (used === random.length) {
    randomFillSync(random)
    used = 0
  }
  const hex = random.toString('hex', used, (used += TRACE))
  return `00-${hex.slice(0, 32)}-${hex.slice(32)}-01`
}
