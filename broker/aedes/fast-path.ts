import { decodePuback } from '../../shared/wire/mqtt/puback.ts'
import { decodePublish, type Publish } from '../../shared/wire/mqtt/publish.ts'
import type { Session } from '../session.ts'
import { pubackOf } from './acks.ts'
import type { Connection } from './connection.ts'
import { isTopicName } from './guard.ts'
import type { InnerClient } from './internals.ts'
import type { Incoming } from './port.ts'

const [PUBACK, PINGREQ] = [0x40, 0xc0]
const PINGRESP = Buffer.from([0xd0, 0])
/** Levels of a topic, at most: beyond, Aedes ends the connection. */
const MAX_LEVELS = 100
/** Messages of a connection that are not dealt with: with so many, or so many bytes, it is not read on. */
const MOST_OPEN = 64
const MOST_OPEN_BYTES = 2 ** 16

export interface FastPathPorts {
  /** @throws {Refusal} */
  publish(session: Session, message: Incoming): void | Promise<void>
  acknowledged(client: InnerClient, messageId: number, reasonCode: number): void
  fault(session: Session, err: Error): void
}

/**
 * Handles the packets of which there are many, PUBLISH at QoS 0 and 1, PUBACK and PINGREQ, without Aedes, and leaves to it all others,
 * and whatever is not quite as it should be.
 */
export class FastPath {
  readonly #client: InnerClient
  readonly #connection: Connection
  readonly #ports: FastPathPorts
  #open = 0
  #openBytes = 0
  #isHeld = false

  constructor(client: InnerClient, connection: Connection, ports: FastPathPorts) {
    this.#client = client
    this.#connection = connection
    this.#ports = ports
  }

  /** So much waits that the connection is not read on. */
  get isHeld(): boolean {
    return this.#isHeld
  }

  /** Which kind of packet it would handle. */
  kindOf(packet: Buffer): 'publish' | 'puback' | 'pingreq' | undefined {
    // What came with CONNECT waits in Aedes' queue until the session is up.
    if (!this.#client.connackSent || this.#client._parser._queue !== null) return undefined
    const first = packet[0]!
    if (first >> 4 === 3) return (first & 0x06) < 0x04 ? 'publish' : undefined
    if (first === PUBACK) return 'puback'
    return first === PINGREQ && packet.length === 2 ? 'pingreq' : undefined
  }

  /** False: it is not quite as it should be. */
  handle(packet: Buffer, kind: 'publish' | 'puback' | 'pingreq'): boolean {
    switch (kind) {
      case 'publish':
        return this.#publish(packet)
      case 'puback':
        return this.#puback(packet)
      case 'pingreq':
        this.#connection.outbox.write(PINGRESP)
        return true
    }
  }

  #puback(packet: Buffer): boolean {
    try {
      const { messageId, reasonCode } = decodePuback(packet, this.#version)
      this.#ports.acknowledged(this.#client, messageId, reasonCode)
      return true
    } catch {
      return false
    }
  }

  #publish(packet: Buffer): boolean {
    let publish: Publish
    try {
      publish = decodePublish(packet, this.#version)
    } catch {
      return false
    }
    if (!isPlain(publish)) return false
    const { acks, session } = this.#connection
    const ack = publish.qos === 1 ? acks.expect(publish.messageId) : undefined
    const bytes = packet.length
    const ended = (failure?: Error): void => {
      this.#letGo(bytes)
      if (failure && failure.name !== 'Refusal') this.#failed(session!, failure)
      if (ack) acks.settle(ack, this.#isOver ? null : pubackOf(this.#client, ack.messageId, failure))
    }
    this.#hold(bytes)
    let taking: void | Promise<void>
    try {
      taking = this.#ports.publish(session!, incomingOf(publish, this.#client))
    } catch (err) {
      ended(err as Error)
      return true
    }
    if (taking) taking.then(() => ended(), ended)
    else ended()
    return true
  }

  get #version(): 3 | 4 | 5 {
    const { version } = this.#client
    return version === 5 ? 5 : 4
  }

  get #isOver(): boolean {
    return this.#client.closed || this.#client.conn.destroyed
  }

  /** A fault of our own: on 3.1.1 only the end of the connection says so. */
  #failed(session: Session, err: Error): void {
    this.#ports.fault(session, err)
    if (this.#client.version !== 5) this.#client.conn.destroy(err)
  }

  #hold(bytes: number): void {
    this.#open++
    this.#openBytes += bytes
    const most = this.#connection.inbox ? 16 : 1 // a handler's packets are those of many users
    if (this.#isHeld || (this.#open < most * MOST_OPEN && this.#openBytes < most * MOST_OPEN_BYTES)) return
    this.#isHeld = true
    this.#client._parsingBatch++ // so that it reads no more meanwhile
  }

  #letGo(bytes: number): void {
    this.#open--
    this.#openBytes -= bytes
    const most = this.#connection.inbox ? 16 : 1
    if (!this.#isHeld || this.#open > (most * MOST_OPEN) / 2 || this.#openBytes > (most * MOST_OPEN_BYTES) / 2) return
    this.#isHeld = false
    if (!this.#isOver) this.#client._nextBatch()
  }
}

/** Can it be handled without Aedes? */
function isPlain({ topic, properties }: Publish): boolean {
  if (!isTopicName(topic) || (topic.includes('/') && topic.split('/').length > MAX_LEVELS)) return false
  if (!properties) return true
  const { topicAlias, subscriptionIdentifiers, responseTopic = '' } = properties
  return topicAlias === undefined && subscriptionIdentifiers === undefined && !/[+#]/.test(responseTopic)
}

const NONE: Readonly<Record<string, string>> = Object.freeze({})

function incomingOf(publish: Publish, { clean }: InnerClient): Incoming {
  const { topic, payload, qos, retain, dup, properties } = publish
  return {
    topic,
    payload: Buffer.from(payload), // a copy, so that what is kept of it does not keep all that came with it
    qos,
    isRetransmitted: dup && !clean,
    expiry: properties?.messageExpiryInterval,
    correlation: properties?.correlationData && Buffer.from(properties.correlationData),
    responseTopic: properties?.responseTopic,
    contentType: properties?.contentType,
    isText: properties?.payloadFormatIndicator === true,
    retain,
    properties: properties?.userProperties ? firstOfPairs(properties.userProperties) : NONE,
  }
}

/** User properties, each with its first value. */
function firstOfPairs(pairs: readonly [string, string][]): Record<string, string> {
  const first: Record<string, string> = Object.create(null) as Record<string, string>
  for (const [name, value] of pairs) first[name] ??= value
  return first
}
