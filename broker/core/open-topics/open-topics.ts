import { groupBy } from '../../../shared/group-by.ts'
import { Refusal, refuse } from '../../../shared/wire/refusal.ts'
import { mayReceive } from '../../seam/authority.ts'
import type { SessionMessage } from '../../seam/session-message.ts'
import type { FromCore, OpenReceiver } from '../../seam/from-core.ts'
import type { Incoming, WantsRetained } from '../../seam/from-front.ts'
import { asOfNow } from '../../seam/remaining-time.ts'
import { sessionOwner, type Session } from '../../seam/session.ts'
import type { Storage, Unit } from '../../storage/storage.ts'
import type { Connection, Connections } from '../connections.ts'
import { AT_ONCE, type Spread } from '../kept/spread.ts'
import type { SessionStore } from '../sessions/session-store.ts'
import type { MessageTarget } from './receivers.ts'
import { openMessageOf, withoutReceiver } from './open-message.ts'
import { RetainedMessages, type OpenMessage, type RetainedBounds } from './retained.ts'
import { Welcome } from './welcome.ts'

type Qos = 0 | 1 | 2

export interface OpenTopicPorts {
  storage: Storage
  sessions: SessionStore
  connections: Connections
  retained: RetainedBounds
  spread: Spread
  /** Bytes of retained messages that one subscriber is sent at a time. */
  pageBytes: number
  toFront: (message: FromCore) => void
  fault: (session: Session | undefined, err: Error) => void
}

/** A session that receives a message, and how. */
type Receiver = Omit<MessageTarget, 'qos'> & { qos: Qos }
type Connected = Receiver & { connection: number }

export type OpenTopics = ReturnType<typeof openTopics>

/** Open topics with MQTT's own semantics: wildcards, shared subscriptions, retained messages and QoS 2. */
export function openTopics(ports: OpenTopicPorts) {
  const { storage, sessions, connections, spread, toFront, fault } = ports
  const retained = new RetainedMessages(storage, ports.retained)
  const welcome = new Welcome({
    retained,
    pageBytes: ports.pageBytes,
    connections,
    sessions,
    wantsRoom: (connection) => toFront({ kind: 'wants_room', connection }),
    hand: handRetained,
  })

  /** Hands a message to sessions: to the queues that must keep it and, once that is stored, to connections. */
  function hand(unit: Unit, message: OpenMessage, to: readonly Receiver[]): void {
    const all = to.map((one) => ({ ...one, qos: Math.min(message.qos, one.qos) as Qos }))
    const keeping = all.filter((one): one is typeof one & MessageTarget => isKept(one.session, one.qos))
    const others = connected(all.filter(({ session, qos }) => !isKept(session, qos)))
    const now: OpenReceiver[] = []
    const send = (): void => sendMessage(message, now.splice(0))
    let isLate = false
    const reached = (place: number): void => {
      const { session, qos, retain, ids, shared } = keeping[place]!
      const holder = connections.holding(session)
      if (!holder) return
      const number = numbers[place]!
      const taken = holder.feed?.offer(number) ?? 'waits'
      if (taken === 'waits') return
      const held = taken === 'now' ? number : undefined // a full session has dropped it
      now.push({ connection: holder.number, qos, retain, ids, number: held, shared })
      if (isLate) send()
    }
    const numbers = keeping.length > 0 ? sessions.keepMessage(unit, message, keeping, reached) : []
    unit.afterwards(() => {
      send()
      isLate = true // many sessions get it over several turns
      sendTo(others, message)
    })
  }

  /** The receivers that have a connection now, with its number. */
  function connected(receivers: readonly Receiver[]): Connected[] {
    return receivers.flatMap((one) => {
      const connection = connections.holding(one.session)?.number
      return connection === undefined ? [] : [{ ...one, connection }]
    })
  }

  /** Sends a message that their sessions do not keep to those connections that are still there. */
  function sendTo(receivers: readonly Connected[], message: OpenMessage): void {
    const now: OpenReceiver[] = []
    const served = (): void => sendMessage(message, now.splice(0))
    const add = ({ session, connection, qos, retain, ids, shared }: Connected): void => {
      const holder = connections.holding(session)
      if (holder?.number !== connection || !mayGet(holder, message)) return
      now.push({ connection, qos, retain, ids, number: undefined, shared })
    }
    if (receivers.length <= AT_ONCE && spread.isIdle) {
      receivers.forEach(add)
      return served()
    }
    const byOwner = groupBy(receivers, ({ session }) => sessionOwner(session).user)
    const owners = [...byOwner.keys()]
    spread.over(owners, { serve: (place) => byOwner.get(owners[place]!)!.forEach(add), served })
  }

  function sendMessage(message: OpenMessage, to: readonly OpenReceiver[]): void {
    const { topic, payload, properties, messageExpiry } = message
    if (to.length > 0) toFront({ kind: 'open_message', topic, payload, properties, messageExpiry, to })
  }

  /** True for sessions that can receive a message on this topic now. */
  function getsAtOnce(topic: string): (session: string) => boolean {
    return (id) => {
      const connection = connections.holding(id)
      return connection !== undefined && mayGet(connection, { topic })
    }
  }

  /** True when this session must keep the message, which then goes out once it is stored. */
  function isKept(session: string, qos: number): boolean {
    if (qos === 0) return false
    const holder = connections.holding(session)
    return holder ? holder.feed !== undefined : (sessions.get(session)?.expiry ?? 0) > 0
  }

  /** Passes messages that a member of a shared subscription had not acknowledged when its session ended to another [MQTT 5, 4.8.2]. */
  async function passOn(left: SessionMessage[]): Promise<void> {
    await stored((unit) => {
      for (const message of left) {
        const [session, match] = sessions.memberOf(message.shared!, getsAtOnce(message.topic)) ?? []
        const now = asOfNow(withoutReceiver(message))
        if (session === undefined || !match || !now) continue
        const { qos, identifiers: ids } = match
        hand(unit, now, [{ session, qos, retain: message.retain, ids, shared: message.shared }])
      }
    })
  }
  sessions.passesOn((left) => void passOn(left).catch((err: Error) => fault(undefined, err)))

  async function handRetained(topics: readonly string[], session: string, sub: WantsRetained): Promise<void> {
    const to = [{ session, qos: sub.qos, retain: true, ids: sub.identifier === undefined ? [] : [sub.identifier] }]
    await stored((unit) => {
      for (const topic of topics) {
        const message = retained.get(topic)
        const now = message && asOfNow(message)
        if (now) hand(unit, now, to)
      }
    })
  }

  async function stored(write: (unit: Unit) => void): Promise<void> {
    await storage.commit(write, { inOrder: false }).catch((err: Error) => {
      throw err instanceof Refusal ? err : refuse('unavailable')
    })
  }

  return {
    fullness: () => retained.fullness(),
    /**
     * Publishes to an open topic. Resolves when the message is stored in every session that must keep it, and retained if asked for.
     * @throws {Refusal} `unavailable` when it cannot be stored, `bad_payload`, `rate_limited`
     */
    async publish(session: Session, incoming: Incoming): Promise<void> {
      const message = openMessageOf(incoming)
      const { topic, qos } = message
      const matches = sessions.openTo(topic, session.id, getsAtOnce(topic))
      const { retain } = incoming
      if (!retain && !matches.some(([id, match]) => isKept(id, Math.min(qos, match.qos)))) {
        const receivers = matches.map(([session, { qos: most, identifiers: ids }]) => {
          return { session, qos: Math.min(qos, most) as Qos, retain: false, ids }
        })
        return sendTo(connected(receivers), message)
      }
      await stored((unit) => {
        if (retain) retained.keep(unit, session.kind === 'device' ? session.user : undefined, message)
        const to = matches.map(([id, { qos: most, keepsRetain, identifiers: ids, shared }]) => {
          return { session: id, qos: most, retain: retain && keepsRetain, ids, shared }
        })
        hand(unit, message, to)
      })
    },

    /** Sends retained messages to a new subscriber [MQTT-3.8.4-4]. */
    welcome(sub: WantsRetained): void {
      const connection = connections.get(sub.connection)
      if (connection) welcome.send(connection, sub).catch((err: Error) => fault(connection.session, err))
    },
    /** A connection has sent everything out, or has gone. */
    hasRoom: (connection: number): void => welcome.hasRoom(connection),
  }
}

function mayGet({ session }: Connection, { topic }: Pick<OpenMessage, 'topic'>): boolean {
  return mayReceive(session, topic)
}
