import type { Logger } from '../../../shared/log.ts'
import { parseInput } from '../../../shared/wire/input.ts'
import type { Connections } from '../connections.ts'
import type { Events } from '../events/events.ts'
import { roomFor } from '../events/too-large-answer.ts'
import type { IntakePorts } from '../intake/intake.ts'
import type { BrokerContext } from './broker-command.ts'
import type { Verifications } from './verifications.ts'

export interface AnswerOwnPorts extends Pick<BrokerContext, 'devices' | 'revocations' | 'inbox' | 'maxBytes'> {
  connections: Connections
  verifications: Verifications
  events: Events
  log: Logger
}

/** Runs one of the broker's own commands for a device, and sends its answer. */
export function answerOwn(ports: AnswerOwnPorts): IntakePorts['answer'] {
  const { connections, verifications, events, log, devices, revocations, inbox, maxBytes } = ports
  return async (own, session, payload, cause) => {
    const connection = connections.of(session)
    const largest = roomFor(connection?.largest ?? Infinity, cause)
    const verify: BrokerContext['verify'] = (token) =>
      connection ? verifications.ask(connection.number, token) : Promise.reject(new Error('its connection has ended'))
    const context = { session, devices, revocations, verify, inbox, maxBytes, largest, log }
    const fields = await own.run(parseInput(own.input, payload), context)
    if (own.forOperators) log.warn({ operator: session.user, ...fields }, own.answer)
    await events.tell({ to: session.user, event: own.answer, fields: { ...fields } }, cause)
  }
}
