import { namedBy, parseDone, type Done, type OutgoingEvent } from '../../../shared/wire/done.ts'
import { parseJsonObject, type JsonObject } from '../../../shared/wire/json.ts'
import { busy, BUSY_TOPIC } from '../../../shared/wire/member.ts'
import { refuse } from '../../../shared/wire/refusal.ts'
import { DONE_TOPIC, parseEventTopic } from '../../../shared/wire/topic.ts'
import type { Incoming } from '../../seam/messages.ts'
import { mayRelay } from '../../seam/authority.ts'
import type { Dispatch } from '../dispatch/dispatch.ts'
import type { Events } from './events.ts'
import { checkEvent } from './handler-event.ts'
import type { HandlerSession } from '../../seam/session.ts'

/**
 * Takes what a handler published: the end of a delivery on `$done`, on `$busy` that it begins nothing, an open topic granted to it, or an event, which ends the
 * command that its user property `completes` names. When an end is refused, the attempt has failed.
 * @throws {Refusal} `forbidden` for what its key does not allow, `bad_payload`
 */
export function takeFromHandler(
  session: HandlerSession,
  message: Incoming,
  ports: { dispatch: Dispatch; events: Events; relay: (session: HandlerSession, message: Incoming) => Promise<void> },
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
  if (mayRelay(session, topic)) return ports.relay(session, message)
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
