import { Readable } from 'node:stream'
import type { Subscription } from 'aedes'
import type { InnerClient, StoredPacket } from './internals.ts'

/** A QoS 1 event that waits for its PUBACK, and the connection it went out on last. */
interface Waiting {
  packet: StoredPacket
  sentOn?: object
  sent?: () => void
}

interface SessionState {
  subscriptions: Map<string, Subscription>
  /** By `brokerId:brokerCounter`, in the order of their publishing. */
  waiting: Map<string, Waiting>
  byMessageId: Map<number, string>
  /** QoS 2 ids whose PUBREL has not come [MQTT-4.3.3]. */
  incoming: Set<number>
  /** The connection that still gets the queue of its absence: what is published meanwhile lines up behind. */
  catchingUp?: object
}

export interface SessionLimits {
  maxWaiting: number
  /** Asked at every filter that is stored: a SUBSCRIBE is stored whole, with what was denied in it. */
  mayKeep(clientId: string, filter: string): boolean
  /** A PUBACK that came for something these sessions do not hold. */
  acknowledged(clientId: string, messageId: number, reasonCode: number): void
}

/**
 * Aedes' persistence in memory: sessions, their subscriptions and offline events. Deletes never reject and unknown packets
 * are ignored, since Aedes 2.0.0-beta.1 ends the process or the connection on either.
 */
export function memorySessions(limits: SessionLimits) {
  const sessions = new Map<string, SessionState>()
  const subscribers = new Map<string, Map<string, Subscription & { clientId: string }>>()

  const open = (id: string): SessionState => {
    let session = sessions.get(id)
    if (!session) {
      session = { subscriptions: new Map(), waiting: new Map(), byMessageId: new Map(), incoming: new Set() }
      sessions.set(id, session)
    }
    return session
  }
  const unsubscribe = (id: string, session: SessionState, filter: string): void => {
    session.subscriptions.delete(filter)
    const ids = subscribers.get(filter)
    if (ids?.delete(id) && ids.size === 0) subscribers.delete(filter)
  }
  const enqueue = (id: string, packet: StoredPacket): void => {
    const session = open(id)
    session.waiting.set(keyOf(packet), { packet: { ...packet, messageId: undefined } })
    if (session.waiting.size > limits.maxWaiting) forget(session, session.waiting.keys().next().value!)
  }

  return {
    setup: async (_broker: unknown): Promise<void> => {},
    destroy: async (): Promise<void> => sessions.clear(),

    async addSubscriptions(client: { id: string }, subs: Subscription[]): Promise<void> {
      const session = open(client.id)
      for (const sub of subs) {
        if (!limits.mayKeep(client.id, sub.topic)) continue
        unsubscribe(client.id, session, sub.topic)
        session.subscriptions.set(sub.topic, { ...sub })
        if (sub.qos === 0) continue
        let ids = subscribers.get(sub.topic)
        if (!ids) subscribers.set(sub.topic, (ids = new Map()))
        ids.set(client.id, { ...sub, clientId: client.id })
      }
    },
    async removeSubscriptions(client: { id: string }, filters: string[]): Promise<void> {
      const session = sessions.get(client.id)
      if (session) for (const filter of filters) unsubscribe(client.id, session, filter)
    },
    async subscriptionsByClient(client: { id: string }): Promise<Subscription[]> {
      return [...(sessions.get(client.id)?.subscriptions.values() ?? [])]
    },
    async subscriptionsByTopic(topic: string): Promise<Subscription[]> {
      return [...(subscribers.get(topic)?.values() ?? [])]
    },
    hasSubscriber: (topic: string): boolean => subscribers.has(topic),
    /** Ends a session: Aedes calls it at a clean start [MQTT-3.1.2-4] and when a session expires. */
    async cleanSubscriptions(client: { id: string }): Promise<void> {
      const session = sessions.get(client.id)
      if (!session) return
      for (const filter of session.subscriptions.keys()) unsubscribe(client.id, session, filter)
      sessions.delete(client.id)
    },

    async outgoingEnqueue(sub: { clientId: string }, packet: StoredPacket): Promise<void> {
      enqueue(sub.clientId, packet)
    },
    async outgoingEnqueueCombi(subs: { clientId: string }[], packet: StoredPacket): Promise<void> {
      for (const sub of subs) enqueue(sub.clientId, packet)
    },
    /** Notes the message id under which an event goes out now; picks another where Aedes' own choice is taken. */
    async outgoingUpdate(client: InnerClient, packet: StoredPacket): Promise<void> {
      const session = sessions.get(client.id)
      const waiting = session?.waiting.get(keyOf(packet))
      if (!session || !waiting || packet.messageId === undefined) return
      while ((session.byMessageId.get(packet.messageId) ?? keyOf(packet)) !== keyOf(packet)) {
        packet.messageId = (packet.messageId % 65_535) + 1
      }
      waiting.packet.messageId = packet.messageId
      waiting.sentOn = client
      session.byMessageId.set(packet.messageId, keyOf(packet))
      waiting.sent?.()
    },
    async outgoingClearMessageId(client: InnerClient, ack: { messageId?: number; reasonCode?: number; cmd?: string }) {
      if (ack.messageId === undefined) return undefined
      const session = sessions.get(client.id)
      const key = session?.byMessageId.get(ack.messageId)
      if (session && key !== undefined) return forget(session, key)
      if (ack.cmd === 'puback') limits.acknowledged(client.id, ack.messageId, ack.reasonCode ?? 0)
      return undefined
    },
    outgoingStream(client: InnerClient): Readable {
      return Readable.from(catchUp(sessions.get(client.id), client), { highWaterMark: 1 })
    },
    /** Tells whether a live event has to wait: its session is catching up, or sent it while doing so. */
    holdsBack(client: InnerClient, packet: StoredPacket): boolean {
      if (packet.messageId !== undefined) return false // it comes from the catching up itself
      const session = sessions.get(client.id)
      const waiting = session?.waiting.get(keyOf(packet))
      return waiting !== undefined && (session?.catchingUp === client || waiting.sentOn === client)
    },

    isIncoming: (id: string, messageId: number): boolean => sessions.get(id)?.incoming.has(messageId) ?? false,
    async incomingStorePacket(client: { id: string }, packet: { messageId: number }): Promise<void> {
      open(client.id).incoming.add(packet.messageId)
    },
    async incomingGetPacket(client: { id: string }, packet: { messageId: number }): Promise<{ messageId: number }> {
      if (sessions.get(client.id)?.incoming.has(packet.messageId)) return { messageId: packet.messageId }
      throw new Error('no such packet') // what Aedes takes for "new"
    },
    async incomingDelPacket(client: { id: string }, packet: { messageId: number }): Promise<void> {
      sessions.get(client.id)?.incoming.delete(packet.messageId)
    },

    // Nothing is retained and no will outlives its broker here: a will is a command, published when its connection ends.
    storeRetained: async (): Promise<void> => {},
    createRetainedStream: () => Readable.from([]),
    createRetainedStreamCombi: () => Readable.from([]),
    putWill: async (): Promise<void> => {},
    getWill: async (): Promise<undefined> => undefined,
    delWill: async (): Promise<undefined> => undefined,
    streamWill: () => Readable.from([]),
    getClientList: () => Readable.from([]),
    countOffline: async () => ({ subsCount: subscribers.size, clientsCount: sessions.size }),
  }
}

export type Sessions = ReturnType<typeof memorySessions>

function keyOf(packet: StoredPacket): string {
  return `${packet.brokerId}:${packet.brokerCounter}`
}

function forget(session: SessionState, key: string): StoredPacket | undefined {
  const waiting = session.waiting.get(key)
  session.waiting.delete(key)
  if (waiting?.packet.messageId !== undefined) session.byMessageId.delete(waiting.packet.messageId)
  waiting?.sent?.()
  return waiting?.packet
}

/** Every waiting event in order, those that arrive meanwhile included, each once per connection. */
async function* catchUp(session: SessionState | undefined, client: InnerClient): AsyncGenerator<StoredPacket> {
  if (!session) return
  session.catchingUp = client
  try {
    for (const waiting of session.waiting.values()) {
      if (waiting.sentOn === client) continue
      const sent = new Promise<void>((resolve) => (waiting.sent = resolve))
      yield waiting.packet
      await sent // so that nothing published live can overtake what this stream still holds
    }
  } finally {
    if (session.catchingUp === client) delete session.catchingUp
  }
}
