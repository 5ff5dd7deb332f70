import { Readable } from 'node:stream'
import type { PublishPacket, Subscription } from 'aedes'
import type { FromFront } from '../../seam/messages.ts'
import type { KeptSession, KeptSessions, Waiting } from '../../seam/kept-sessions.ts'
import { connectionOf } from './connection.ts'
import type { InnerClient, StoredPacket } from './internals.ts'
import { fitting } from './too-large.ts'
import { windowOf } from './send-window.ts'
import { plainOf } from './subscribing.ts'
import { packetOf, pubrelOf } from './stored-packet.ts'

export interface SessionPorts {
  /** Resolves when the core has kept what it is told. @throws when it cannot */
  ask(what: (asks: number) => FromFront): Promise<void>
  /** What the session is subscribed to of a connection that is about to come. */
  restored(session: string): readonly Subscription[]
  /** A PUBREL has come. */
  released(client: InnerClient, messageId: number): void
  /** Keeps the will of a client that is about to connect. */
  putWill: (client: InnerClient, will: PublishPacket) => Promise<void>
  /** Sends a message that has waited for room. */
  send: (client: InnerClient, packet: StoredPacket) => void
  /** A PUBACK that came for something these sessions do not hold. */
  acknowledged(client: InnerClient, messageId: number, reasonCode: number): void
}

/**
 * The core's sessions as Aedes' persistence. Deletes never reject and unknown packets are ignored, since Aedes 2.0.0-beta.1 ends
 * the process or the connection on either.
 */
export function sessionPersistence(store: KeptSessions, limits: SessionPorts) {
  /** SUBSCRIBEs that are being stored: Aedes brings each whole once for every filter in it. */
  const storing = new WeakMap<Subscription[], Promise<void>>()
  /** Connections that have begun to get the queue of their absence. */
  const begun = new WeakSet<object>()

  /** Sends what has waited for room in the client's window, as far as there is some. */
  function sendQueued(client: InnerClient): void {
    const [window, session] = [windowOf(client), store.get(client.id)]
    if (!window?.isQueued || !session || session.catchingUp === client) return
    window.isQueued = false
    for (const [number, waiting] of session.waiting) {
      if (waiting.sentOn === client) continue
      if (window.isQueued) return
      const message = store.message(client.id, number)
      if (message) limits.send(client, packetOf(number, message))
      if (client.conn.destroyed) return
      if (!window.isQueued && waiting.sentOn !== client) store.drop(client.id, number) // nobody may get it any more
    }
  }

  /** A message that waited is done with. `reasonCode`: its client has acknowledged it. */
  function clear(client: InnerClient, messageId: number, reasonCode: number | undefined): void {
    const session = store.get(client.id)
    const number = session?.byMessageId.get(messageId)
    if (number !== undefined) {
      store.drop(client.id, number)
      windowOf(client)?.acknowledged(number)
    } else if (reasonCode !== undefined) {
      if (session) windowOf(client)?.freed()
      limits.acknowledged(client, messageId, reasonCode)
    }
  }

  return {
    setup: async (_broker: unknown): Promise<void> => {},
    destroy: async (): Promise<void> => {},

    addSubscriptions(client: InnerClient, subs: Subscription[]): Promise<void> {
      const before = storing.get(subs)
      if (before) return before
      const { number: connection } = connectionOf(client)
      const subscriptions = subs.map(plainOf)
      const stored = limits.ask((asks) => ({ kind: 'subscribes', connection, subscriptions, asks }))
      storing.set(subs, stored)
      return stored
    },
    removeSubscriptions(client: InnerClient, filters: string[]): Promise<void> {
      const { number: connection } = connectionOf(client)
      return limits.ask((asks) => ({ kind: 'unsubscribes', connection, filters, asks }))
    },
    async subscriptionsByClient({ id }: { id: string }): Promise<readonly Subscription[]> {
      return limits.restored(id)
    },
    subscriptionsByTopic: async (): Promise<Subscription[]> => [], // the core knows who hears what
    /** Aedes calls it at a clean start [MQTT-3.1.2-4]: the core is told with the connection. */
    async cleanSubscriptions(client: InnerClient): Promise<void> {
      connectionOf(client).isClean = true
    },

    // The core keeps events; what Aedes publishes by itself, nobody may keep.
    outgoingEnqueue: async (_sub: { clientId: string }, _packet: StoredPacket): Promise<void> => {},
    outgoingEnqueueCombi: async (_subs: { clientId: string }[], _packet: StoredPacket): Promise<void> => {},

    /** Notes the message id under which an event goes out now; picks another where Aedes' own choice is taken. */
    async outgoingUpdate(client: InnerClient, packet: StoredPacket): Promise<void> {
      if (packet.cmd === 'pubrel' && !packet.brokerCounter) return store.has(client.id, packet.messageId!)
      const session = store.get(client.id)
      const number = packet.brokerCounter
      const waiting = session?.waiting.get(number)
      if (!session || !waiting || packet.messageId === undefined) return
      while ((session.byMessageId.get(packet.messageId) ?? number) !== number) {
        packet.messageId = (packet.messageId % 65_535) + 1
      }
      waiting.messageId = packet.messageId
      waiting.sentOn = client
      windowOf(client)?.sent(number)
      session.byMessageId.set(packet.messageId, number)
      waiting.sent?.()
    },
    async outgoingClearMessageId(client: InnerClient, ack: { messageId?: number; reasonCode?: number; cmd?: string }) {
      // By this Aedes clears what it was not let send; what is to be cleared, `drop` has.
      if (ack.messageId === undefined || ack.cmd === 'publish') return
      clear(client, ack.messageId, ack.cmd === 'puback' || ack.cmd === 'pubcomp' ? (ack.reasonCode ?? 0) : undefined)
    },
    /** A PUBACK has come. */
    acknowledged: clear,
    outgoingStream(client: InnerClient): Readable {
      begun.add(client)
      const session = store.get(client.id)
      if (session) session.catchingUp = client
      const window = windowOf(client)
      if (window) window.next = () => sendQueued(client)
      return Readable.from(session ? catchUp(session, client, store) : [], { highWaterMark: 1 })
    },
    /** Takes a message that its client must not get out of its session. */
    drop: (id: string, packet: StoredPacket): void => store.drop(id, packet.brokerCounter),
    /** Tells whether a live event has to wait: its session will catch up, does so, or sent it while doing so. */
    holdsBack(client: InnerClient, packet: StoredPacket): boolean {
      if (packet.messageId !== undefined) return false // it comes from the catching up itself
      const session = store.get(client.id)
      const waiting = session?.waiting.get(packet.brokerCounter)
      if (!waiting) return false
      if (!begun.has(client) || session?.catchingUp === client || waiting.sentOn === client) return true
      return windowOf(client)?.queues(packet.brokerCounter, session!) ?? false
    },

    // The core has noted it with its PUBLISH.
    incomingStorePacket: async (): Promise<void> => {},
    async incomingGetPacket(client: InnerClient, packet: { messageId: number }): Promise<{ messageId: number }> {
      if (connectionOf(client).received.has(packet.messageId)) return { messageId: packet.messageId }
      throw new Error('no such packet') // what Aedes takes for "new"
    },
    async incomingDelPacket(client: InnerClient, packet: { messageId: number }): Promise<void> {
      limits.released(client, packet.messageId)
    },

    // Nothing is retained here.
    storeRetained: async (): Promise<void> => {},
    createRetainedStream: () => Readable.from([]),
    createRetainedStreamCombi: () => Readable.from([]),
    putWill: limits.putWill,
    getWill: async (): Promise<undefined> => undefined,
    delWill: async (): Promise<undefined> => undefined, // the core knows by itself
    streamWill: () => Readable.from([]),
    getClientList: () => Readable.from([]),
    countOffline: async () => ({ subsCount: 0, clientsCount: 0 }),
  }
}

/** Every waiting event in order, those that arrive meanwhile included, each once per connection. */
async function* catchUp(session: KeptSession, client: InnerClient, store: KeptSessions): AsyncGenerator<StoredPacket> {
  const packetFor = (number: number, waiting: Waiting): StoredPacket | undefined => {
    const { messageId, isReleased, sentOn, isOfOld } = waiting
    if (isReleased) return pubrelOf(number, messageId)
    const message = store.message(session.id, number)
    const packet = message && packetOf(number, message)
    return packet && { ...(fitting(client, packet) ?? packet), messageId, dup: isOfOld || sentOn !== undefined }
  }
  try {
    for (const [number, waiting] of session.waiting) {
      if (waiting.sentOn === client) continue
      await windowOf(client)?.room(session)
      if (session.waiting.get(number) !== waiting) continue // it went meanwhile
      const packet = packetFor(number, waiting)
      if (!packet) {
        store.drop(session.id, number)
        continue
      }
      const sent = new Promise<void>((resolve) => (waiting.sent = resolve))
      yield packet
      await sent // so that nothing published live can overtake what this stream still holds
    }
  } finally {
    if (session.catchingUp === client) delete session.catchingUp
    windowOf(client)?.next()
  }
}
