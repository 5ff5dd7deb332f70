import { eventTopic, type EventName } from '../../shared/wire/topic.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import type { StampProperties } from '../../shared/wire/stamp.ts'
import type { FromCore } from '../seam/from-core.ts'
import type { HandlerSession } from '../seam/session.ts'
import type { Answers } from '../seam/too-large.ts'
import type { Connections } from './connections.ts'
import type { Audience } from './events/audience.ts'

/** An event on its way to devices, already stored wherever it must be kept. */
export interface Outgoing extends Keeping {
  /** Its number in the sessions that keep it, if any does. */
  number: number | undefined
  /** The topic is `<user>_<name>`. */
  user: UserId
  name: EventName
  payload: Buffer
  correlation?: Buffer | undefined
  /** The only session that may receive it, if it is subscribed; undefined: all that are subscribed. */
  onlyTo?: string | undefined
  /** The command that it answers: a client for which it is too large gets a refusal instead. */
  answers?: Answers | undefined
}

/** Whether and how long an event is kept for sessions that it does not reach at once. */
export interface Keeping {
  /** False: not kept, and sent at QoS 0. */
  kept?: boolean
  /** When it expires, by `steady`. */
  expiresAt?: number | undefined
}

/** A command on its way to one handler process. */
export interface Delivery {
  topic: string
  payload: Buffer
  qos: 0 | 1
  stamp: StampProperties
}

/** How the parts of the core reach devices and handlers. */
export interface Reach {
  /** True when a connected device subscribes to `<user>_<name>`. */
  isHeard(user: UserId, name: EventName): boolean
  /** Sends an event to the connected devices that subscribe to it. */
  event(event: Outgoing): void
  deliver(session: HandlerSession, delivery: Delivery): void
}

/** Reaches them by messages to the front. */
export function openReach({
  audience,
  connections,
  toFront,
}: {
  audience: Audience
  connections: Connections
  toFront: (message: FromCore) => void
}): Reach {
  return {
    isHeard: (user, name) => audience.has(user, name),
    event({ number, user, name, payload, correlation, onlyTo, answers, kept: isKept = true, expiresAt }) {
      const all = audience.of(user, name)
      const to = onlyTo === undefined ? all : all.filter((one) => connections.get(one)?.session.id === onlyTo)
      const say = (those: readonly number[], held: number | undefined): void => {
        if (those.length === 0) return
        toFront({
          kind: 'event',
          to: those,
          number: held,
          topic: eventTopic(user, name),
          payload,
          correlation,
          answers,
          expiresAt,
          kept: isKept,
        })
      }
      if (number === undefined) return say(to, undefined)
      const { holding, others } = connections.offer(to, number)
      say(holding, number)
      say(others, undefined)
    },
    deliver(session, delivery) {
      const message = connections.delivers(session, delivery)
      if (message) toFront(message)
    },
  }
}
