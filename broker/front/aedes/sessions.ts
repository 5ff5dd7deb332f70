import { Readable } from 'node:stream'
import type { PublishPacket, Subscription } from 'aedes'
import type { FromFront } from '../../seam/from-front.ts'
import { connectionOf } from './connection.ts'
import type { InnerClient } from './internals.ts'
import { plainOf } from './subscribing.ts'

export interface SessionPorts {
  toCore: (message: FromFront) => void
  /** Resolves when the core has stored it. @throws when it cannot be stored */
  ask(what: (asks: number) => FromFront): Promise<void>
  /** The subscriptions of a session whose connection is about to come. */
  restored(session: string): readonly Subscription[]
  /** Called when a PUBREL has come. */
  released(client: InnerClient, messageId: number): void
  /** Keeps the will of a client that is about to connect. */
  putWill: (client: InnerClient, will: PublishPacket) => Promise<void>
  /** Called for a PUBACK of a message that no session holds. */
  acknowledged(client: InnerClient, messageId: number, reasonCode: number): void
}

/**
 * The core's sessions in the form of Aedes' persistence. Deletes never reject, and unknown packets are ignored, since Aedes 2.0.0-beta.1
 * ends the process or the connection otherwise. Aedes never sends what waits in a session: the core decides what goes out.
 */
export function sessionPersistence(ports: SessionPorts) {
  /** SUBSCRIBEs that are being stored: Aedes passes each one whole, once for every filter in it. */
  const storing = new WeakMap<Subscription[], Promise<void>>()

  /** Clears a finished message. With `reasonCode`, its client has acknowledged it. */
  function clear(client: InnerClient, messageId: number, reasonCode: number | undefined): void {
    const { number: connection, inFlight } = connectionOf(client)
    const number = inFlight?.done(messageId)
    if (number !== undefined) ports.toCore({ kind: 'cleared', connection, number })
    else if (reasonCode !== undefined) ports.acknowledged(client, messageId, reasonCode)
  }

  return {
    setup: async (_broker: unknown): Promise<void> => {},
    destroy: async (): Promise<void> => {},

    addSubscriptions(client: InnerClient, subs: Subscription[]): Promise<void> {
      const before = storing.get(subs)
      if (before) return before
      const { number: connection } = connectionOf(client)
      const subscriptions = subs.map(plainOf)
      const stored = ports.ask((asks) => ({ kind: 'subscribes', connection, subscriptions, asks }))
      storing.set(subs, stored)
      return stored
    },
    removeSubscriptions(client: InnerClient, filters: string[]): Promise<void> {
      const { number: connection } = connectionOf(client)
      return ports.ask((asks) => ({ kind: 'unsubscribes', connection, filters, asks }))
    },
    async subscriptionsByClient({ id }: { id: string }): Promise<readonly Subscription[]> {
      return ports.restored(id)
    },
    subscriptionsByTopic: async (): Promise<Subscription[]> => [], // the core knows all subscriptions
    /** Called at a clean start [MQTT-3.1.2-4]; `connected` tells the core. */
    async cleanSubscriptions(client: InnerClient): Promise<void> {
      connectionOf(client).isClean = true
    },

    // The core keeps events; what Aedes itself publishes must not be kept.
    outgoingEnqueue: async (_sub: { clientId: string }, _packet: unknown): Promise<void> => {},
    outgoingEnqueueCombi: async (_subs: { clientId: string }[], _packet: unknown): Promise<void> => {},

    /** A PUBREC has come; once this resolves, its PUBREL is sent [MQTT-4.3.3-1]. */
    async outgoingUpdate(client: InnerClient, { messageId }: { messageId?: number }): Promise<void> {
      const { number: connection, inFlight } = connectionOf(client)
      const number = messageId === undefined ? undefined : inFlight?.numberOf(messageId)
      if (messageId === undefined || number === undefined) return
      await ports.ask((asks) => ({ kind: 'client_has', connection, number, messageId, asks }))
    },
    async outgoingClearMessageId(client: InnerClient, ack: { messageId?: number; reasonCode?: number; cmd?: string }) {
      if (ack.messageId === undefined) return
      clear(client, ack.messageId, ack.cmd === 'puback' || ack.cmd === 'pubcomp' ? (ack.reasonCode ?? 0) : undefined)
    },
    /** A PUBACK has come. */
    acknowledged: clear,
    /** CONNACK has been sent. */
    outgoingStream(client: InnerClient): Readable {
      if (!client.clean) ports.toCore({ kind: 'wants_kept', connection: connectionOf(client).number })
      return Readable.from([])
    },

    // The core stores the id with its PUBLISH.
    incomingStorePacket: async (): Promise<void> => {},
    async incomingGetPacket(client: InnerClient, packet: { messageId: number }): Promise<{ messageId: number }> {
      if (connectionOf(client).received.has(packet.messageId)) return { messageId: packet.messageId }
      throw new Error('no such packet') // means "new" to Aedes
    },
    async incomingDelPacket(client: InnerClient, packet: { messageId: number }): Promise<void> {
      ports.released(client, packet.messageId)
    },

    // Nothing is retained here.
    storeRetained: async (): Promise<void> => {},
    createRetainedStream: () => Readable.from([]),
    createRetainedStreamCombi: () => Readable.from([]),
    putWill: ports.putWill,
    getWill: async (): Promise<undefined> => undefined,
    delWill: async (): Promise<undefined> => undefined, // the core removes it
    streamWill: () => Readable.from([]),
    getClientList: () => Readable.from([]),
    countOffline: async () => ({ subsCount: 0, clientsCount: 0 }),
  }
}
