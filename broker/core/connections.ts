import type { Deliver } from '../seam/from-core.ts'
import type { Acknowledged, Connected } from '../seam/from-front.ts'
import type { Session } from '../seam/session.ts'
import type { Delivery } from './reach.ts'
import type { Feed } from './sessions/feed.ts'

/** What the core knows of a connection that a front has. */
export interface Connection {
  readonly number: number
  /** The core's own copy; the front has another. */
  readonly session: Session
  /** Its Receive Maximum. */
  readonly window: number
  /** Its Maximum Packet Size. */
  readonly largest: number
  /** Feeds it the messages of its session, if that keeps messages until they are acknowledged. */
  feed: Feed | undefined
}

/** All connections, by the numbers that their front gave them, and their unacknowledged deliveries. */
export class Connections {
  readonly #byNumber = new Map<number, Connection>()
  readonly #bySession = new Map<Session, Connection>()
  /** By session id. */
  readonly #byId = new Map<string, Connection>()
  /** By connection, its deliveries at QoS 1 by number. */
  readonly #deliveries = new Map<number, Map<number, Delivery>>()
  #lastDelivery = 0

  add({ connection: number, session, window, largest }: Connected): Connection {
    const connection = { number, session: { ...session }, window, largest, feed: undefined }
    this.#byNumber.set(number, connection)
    this.#bySession.set(connection.session, connection)
    this.#byId.set(session.id, connection)
    return connection
  }

  /** Undefined when the connection has gone, or never came. */
  get(number: number): Connection | undefined {
    return this.#byNumber.get(number)
  }

  of(session: Session): Connection | undefined {
    return this.#bySession.get(session)
  }

  /** The connection that has the session with this id now. */
  holding(session: string): Connection | undefined {
    return this.#byId.get(session)
  }

  /** Splits the receivers of a message with this number: those whose sessions hold it and let it go out now, and those whose do not hold it. */
  offer(all: readonly number[], number: number): { holding: number[]; others: number[] } {
    const [holding, others]: [number[], number[]] = [[], []]
    for (const one of all) {
      const taken = this.#byNumber.get(one)?.feed?.offer(number) ?? 'unknown'
      if (taken === 'now') holding.push(one)
      else if (taken === 'unknown') others.push(one)
    }
    return { holding, others }
  }

  /** Removes a connection. `hasSession`: no other connection has taken its session over. */
  remove(number: number): (Connection & { hasSession: boolean }) | undefined {
    const connection = this.#byNumber.get(number)
    if (!connection) return undefined
    this.#byNumber.delete(number)
    this.#bySession.delete(connection.session)
    const { id } = connection.session
    const hasSession = this.#byId.get(id) === connection
    if (hasSession) this.#byId.delete(id)
    this.#deliveries.delete(number)
    return { ...connection, hasSession }
  }

  /** The message to the front that delivers a command; undefined when the connection has gone. */
  delivers(session: Session, delivery: Delivery): Deliver | undefined {
    const connection = this.#bySession.get(session)?.number
    if (connection === undefined) return undefined
    const number = ++this.#lastDelivery
    if (delivery.qos > 0) {
      const own = this.#deliveries.get(connection)
      if (own) own.set(number, delivery)
      else this.#deliveries.set(connection, new Map([[number, delivery]]))
    }
    const { topic, payload, qos, stamp } = delivery
    return { kind: 'deliver', connection, delivery: number, topic, payload, qos, stamp }
  }

  /** The delivery that was acknowledged; undefined for a repeat. */
  acknowledged({ connection, delivery: number }: Acknowledged): Delivery | undefined {
    const own = this.#deliveries.get(connection)
    const delivery = own?.get(number)
    own?.delete(number)
    return delivery
  }
}
