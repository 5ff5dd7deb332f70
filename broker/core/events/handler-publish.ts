import { namedBy, parseDone, type Done, type OutgoingEvent } from '../../../shared/wire/done.ts'
import { parseJsonObject, type JsonObject } from '../../../shared/wire/json.ts'
import { busy, BUSY_TOPIC } from '../../../shared/wire/member.ts'
import { refuse } from '../../../shared/wire/refusal.ts'
import { DONE_TOPIC, parseEventTopic } from '../../../shared/wire/topic.ts'
import type { Incoming } from '../../seam/from-front.ts'
import { mayPublishOpen } from '../../seam/authority.ts'
import type { Dispatch } from '../dispatch/dispatch.ts'
import type { Events } from './events.ts'
import { checkEvent } from './handler-event.ts'
import type { HandlerSession } from '../../seam/session.ts'

/**
 * Acts on a handler's PUBLISH: the result of a delivery (`$done`), whether it is busy (`$busy`), a message to an open topic that it
 * is granted, or an event, which also completes the command that its user property `completes` names. When a result is refused,
 * the attempt has failed.
 * @throws {Refusal} `forbidden` for what the handler's key does not allow, `bad_payload`
 */
export function receiveFromHandler(
  session: HandlerSession,
  message: Incoming,
  ports: {
    dispatch: Dispatch
    events: Events
    publishOpen: (session: HandlerSession, message: Incoming) => Promise<void>
  },
): void | Promise<void> {
  const { topic, payload, properties } = message
  const { dispatch, events } = ports
  if (topic === DONE_TOPIC) {
    let end: Done
    try {
      end = parseDone(payload)
    } catch (err) {
      const { command, attempt } = namedBy(payload) ?? {}
      if (command !== undefined) dispatch.results.fail(session, command, attempt, (err as Error).message)
      throw refuse('bad_payload', undefined, `$done: ${(err as Error).message}`)
    }
    return dispatch.results.settle(session, end)
  }
  if (topic === BUSY_TOPIC) {
    const said = busy.safeParse(parse(payload))
    if (!said.success) throw refuse('bad_payload', undefined, `$busy: ${said.error.issues[0]?.message}`)
    return dispatch.busy(session, said.data)
  }
  if (mayPublishOpen(session, topic)) return ports.publishOpen(session, message)
  const { completes } = properties
  let event: OutgoingEvent
  try {
    event = eventOf(session, topic, payload)
  } catch (err) {
    if (completes !== undefined) dispatch.results.fail(session, completes, undefined, (err as Error).message)
    throw err
  }
  if (completes === undefined) return events.tell(event)
  return dispatch.results.settle(session, { outcome: 'done', command: completes, events: [event] })
}

function eventOf(session: HandlerSession, topic: string, payload: Buffer): OutgoingEvent {
  const to = parseEventTopic(topic)
  if (!to) throw refuse('forbidden')
  const event = { to: to.user, event: to.event, fields: parse(payload) }
  checkEvent(session, event)
  return event
}

function parse(payload: Buffer): JsonObject {
  try {
    return parseJsonObject(payload)
  } catch (err) {
    throw refuse('bad_payload', undefined, `the payload ${(err as Error).message}`)
  }
}
