import { decodePuback, type Puback } from '../../../shared/wire/mqtt/puback.ts'
import { decodePublish, type Publish } from '../../../shared/wire/mqtt/publish.ts'
import type { Failure } from '../../seam/from-core.ts'
import type { Publish as Published } from '../../seam/from-front.ts'
import { MAX_LEVELS } from '../../seam/topic-filter.ts'
import type { Connection } from './connection.ts'
import { isTopicName } from './guard.ts'
import { publishOf } from './incoming.ts'
import type { InnerClient } from './internals.ts'

const [PUBACK, PINGREQ] = [0x40, 0xc0]
const PINGRESP = Buffer.from([0xd0, 0])
/** Unfinished messages of a connection, and their bytes, at which reading from it pauses. */
const MAX_OPEN = 64
const MAX_OPEN_BYTES = 2 ** 16

export interface FastPathPorts {
  publish(message: Published): void
  acknowledged(client: InnerClient, messageId: number, reasonCode: number): void
}

/**
 * Handles the frequent packets (PUBLISH at QoS 0 and 1, PUBACK and PINGREQ) without Aedes. Leaves to Aedes all other packets, and
 * those with anything unusual.
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

  /** Is reading paused because too much is unfinished? */
  get isHeld(): boolean {
    return this.#isHeld
  }

  /** The kind of packet, if the fast path handles it. */
  kindOf(packet: Buffer): 'publish' | 'puback' | 'pingreq' | undefined {
    // Packets that came with CONNECT wait in Aedes' queue until the session is up.
    if (!this.#client.connackSent || this.#client._parser._queue !== null) return undefined
    const first = packet[0]!
    if (first >> 4 === 3) return (first & 0x06) < 0x04 ? 'publish' : undefined
    if (first === PUBACK) return 'puback'
    return first === PINGREQ && packet.length === 2 ? 'pingreq' : undefined
  }

  /** Returns false for a packet with anything unusual, which Aedes must handle. */
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
    let puback: Puback
    try {
      puback = decodePuback(packet, this.#version)
    } catch {
      return false
    }
    this.#ports.acknowledged(this.#client, puback.messageId, puback.reasonCode)
    return true
  }

  #publish(packet: Buffer): boolean {
    let publish: Publish
    try {
      publish = decodePublish(packet, this.#version)
    } catch {
      return false
    }
    if (!isPlain(publish)) return false
    const { number, acks } = this.#connection
    const place = acks.expect(publish.messageId, publish.qos, packet.length)
    this.#hold(packet.length)
    const properties = firstOfPairs(publish.properties?.userProperties)
    this.#ports.publish(publishOf(number, place, publish, this.#client, properties))
    return true
  }

  /** The core has finished a PUBLISH, whether the fast path or Aedes decoded it. */
  published(number: number, failure: Failure | undefined): void {
    const bytes = this.#connection.acks.settle(number, failure)
    if (bytes > 0) this.#letGo(bytes)
    // Our own fault: on 3.1.1 only the end of the connection can tell.
    if (failure?.code === 'fault' && this.#client.version !== 5) this.#client.conn.destroy(new Error(failure.reason))
  }

  get #version(): 4 | 5 {
    return this.#client.version === 5 ? 5 : 4
  }

  /** Do the unfinished messages reach this share of the limit? */
  #reaches(share: number): boolean {
    const part = this.#connection.inbox ? 16 * share : share // a handler publishes for many users
    return this.#open >= part * MAX_OPEN || this.#openBytes >= part * MAX_OPEN_BYTES
  }

  #hold(bytes: number): void {
    this.#open++
    this.#openBytes += bytes
    if (this.#isHeld || !this.#reaches(1)) return
    this.#isHeld = true
    this.#client._parsingBatch++ // pauses reading
  }

  #letGo(bytes: number): void {
    this.#open--
    this.#openBytes -= bytes
    if (!this.#isHeld || this.#reaches(0.5)) return
    this.#isHeld = false
    if (!this.#client.closed && !this.#client.conn.destroyed) this.#client._nextBatch()
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

/** User properties, first value of each name. */
function firstOfPairs(pairs: readonly [string, string][] | undefined): Readonly<Record<string, string>> {
  if (!pairs) return NONE
  const first: Record<string, string> = Object.create(null) as Record<string, string>
  for (const [name, value] of pairs) first[name] ??= value
  return first
}
