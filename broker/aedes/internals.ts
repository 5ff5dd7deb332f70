import type { Duplex } from 'node:stream'
import type { Client, PublishPacket } from 'aedes'
import type { Parser } from 'mqtt-packet'
import type { Answers } from './port.ts'

// The parts of Aedes 2.0.0-beta.1 that its own types do not show and this folder relies on.

/** Set by us in hooks that Aedes calls before it reads them. */
export interface InnerClient extends Omit<Client, 'id' | 'clean' | 'sessionExpiryInterval' | 'disconnect' | 'close'> {
  id: string
  clean: boolean
  sessionExpiryInterval: number
  subscriptions: Record<string, unknown>
  duplicates: Record<string, number>
  /** The message id it would take next. */
  _nextId: number
  /** Bytes of a packet that the client takes, at most [MQTT-3.1.2-24]. */
  maximumPacketSize: number | undefined
  /** Reads nothing more until `resume`. */
  pause(): void
  /** Packets it has still to handle: when there are none, it reads on. */
  _parsingBatch: number
  /** One of them is handled. */
  readonly _nextBatch: () => void
  connackSent: boolean
  readonly errored: boolean
  disconnect(options?: { reasonCode?: number }, done?: () => void): void
  close(done?: () => void): void
  /** Messages of QoS 1 and 2 that it takes without having acknowledged them. */
  readonly receiveMaximum: number
  /** It has said goodbye: its will is void. */
  _disconnected: boolean
  will: PublishPacket | null
  _will: PublishPacket | null
  /** False: it wants no Reason String [MQTT-3.1.2-29]. */
  _requestProblemInformation: boolean | undefined
  conn: Duplex
  _parser: InnerParser
}

/** Bytes that have come and are not parsed, as `bl` keeps them. */
export interface Pieces {
  readonly length: number
  slice(from: number, to: number): Buffer
  readonly constructor: new (all: Buffer) => Pieces
}

/** The parser of mqtt-packet 9.0.2. */
export interface InnerParser extends Omit<Parser, 'parse'> {
  /** Parses these bytes behind those that it has. */
  parse(bytes: Buffer | undefined): number
  error: Error | null
  packet: { cmd: string; length: number }
  _list: Pieces
  /** Parses a packet whose length is known; false when there is more to come. */
  _parsePayload(): boolean
}

/** A packet as Aedes keeps it: `brokerId` and `brokerCounter` name one publish. */
export interface StoredPacket {
  cmd: 'publish' | 'pubrel'
  topic: string
  payload: Buffer
  qos: 0 | 1 | 2
  retain: boolean
  dup: boolean
  brokerId: string
  brokerCounter: number
  messageId?: number | undefined
  messageExpiry?: number
  answers?: Answers | undefined
  /** The shared subscription for which one of its group has this message. */
  shared?: string | undefined
  properties?: PublishPacket['properties']
}
