import type { Acknowledged, Came, Deliver } from '../seam/messages.ts'
import type { Session } from '../seam/session.ts'
import type { Delivery } from './reach.ts'
import type { Feed } from './sessions/feed.ts'

/** A connection that a front has, as far as the core needs to know it. */
export interface Connection {
  readonly number: number
  /** The core's own copy: what the front holds is the front's. */
  readonly session: Session
  /** Its Receive Maximum. */
  readonly window: number
  /** Bytes of a packet that its client takes, at most. */
  readonly largest: number
  /** What it gets of its session, when that holds what it has not acknowledged. */
  feed: Feed | undefined
}

/** The connections that there are, by the numbers that their front has given them, and the deliveries that they have not acknowledged. */
export class Connections {
  readonly #byNumber = new Map<number, Connection>()
  readonly #bySession = new Map<Session, Connection>()
  /** By the session's id. */
  readonly #byId = new Map<string, Connection>()
  /** By connection, those at QoS 1 by their number. */
  readonly #deliveries = new Map<number, Map<number, Delivery>>()
  #lastDelivery = 0

  came({ connection: number, session, window, largest }: Came): Connection {
    const connection = { number, session: { ...session }, window, largest, feed: undefined }
    this.#byNumber.set(number, connection)
    this.#bySession.set(connection.session, connection)
    this.#byId.set(session.id, connection)
    return connection
  }

  /** Undefined when it has gone, or never came. */
  get(number: number): Connection | undefined {
    return this.#byNumber.get(number)
  }

  of(session: Session): Connection | undefined {
    return this.#bySession.get(session)
  }

  /** The one that has the session with this id now. */
  holding(session: string): Connection | undefined {
    return this.#byId.get(session)
  }

  /** Of those that hear a message that waits under this number: those whose sessions hold it, and those whose do not. */
  offer(all: readonly number[], number: number): { holding: number[]; others: number[] } {
    const [holding, others]: [number[], number[]] = [[], []]
    for (const one of all) {
      const taken = this.#byNumber.get(one)?.feed?.offer(number) ?? 'unknown'
      if (taken === 'now') holding.push(one)
      else if (taken === 'unknown') others.push(one)
    }
    return { holding, others }
  }

  /** Tells whether its session was its own still. */
  went(number: number): (Connection & { hasSession: boolean }) | undefined {
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

  /** What is said of a delivery to a connection; undefined when that has gone. */
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

  /** What was acknowledged; once. */
  acknowledged({ connection, delivery: number }: Acknowledged): Delivery | undefined {
    const own = this.#deliveries.get(connection)
    const delivery = own?.get(number)
    own?.delete(number)
    return delivery
  }
}
