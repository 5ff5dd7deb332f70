import { ALL_EVENTS, eventTopic, type EventName } from '../../../shared/wire/topic.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { SessionMessage } from '../../seam/session-message.ts'
import { ON_ALL, QOS_2, RETAINED, type KeptEvent, type KeptRecord, type Place } from './kept-record.ts'

/** A record as a session of this user receives it. */
export function asSent(
  record: KeptRecord,
  user: string,
  { form, ids = [], shared }: Omit<Place, 'session'>,
): SessionMessage {
  const message = record.kind === 'event' ? eventFor(record, user as UserId, form) : record
  const properties = {
    ...message.properties,
    ...(ids.length > 0 && { subscriptionIdentifier: [...ids] }),
  }
  return {
    topic: message.topic,
    payload: message.payload,
    qos: form & QOS_2 ? 2 : 1,
    retain: (form & RETAINED) !== 0,
    ...(Object.keys(properties).length > 0 && { properties }),
    ...(record.expiresAt !== undefined && { messageExpiry: record.expiresAt }),
    ...('answers' in message && message.answers && { answers: message.answers }),
    ...(shared !== undefined && { shared }),
  }
}

function eventFor(record: KeptEvent, user: UserId, form: number) {
  const { event, body, to, numbers, answers: command, re, correlation, responseTopic } = record
  const isOnAll = (form & ON_ALL) !== 0
  const isNamed = isOnAll || responseTopic !== undefined
  const topic = isOnAll ? eventTopic(user, ALL_EVENTS) : (responseTopic ?? eventTopic(user, event))
  const number = numbers[to.length === 1 ? 0 : to.indexOf(user)]
  return {
    topic,
    payload: headed(body, number, isNamed ? event : undefined),
    properties: correlation && { correlationData: correlation },
    answers: command === undefined ? undefined : { command, re, isNamed },
  }
}

/** An event's JSON for one receiver: with their number, and with the event's name where the topic does not contain it. */
export function headed(body: Buffer, number: number | undefined, event?: EventName): Buffer {
  if (number === undefined && event === undefined) return body
  const name = event === undefined ? '' : `"event":"${event}",`
  const head = `{${name}${number === undefined ? '' : `"event_seq":${number},`}`
  const whole = Buffer.allocUnsafe(head.length + body.length - 1)
  whole.write(head, 'latin1') // names of events and numbers are ASCII
  body.copy(whole, head.length, 1)
  return whole
}
