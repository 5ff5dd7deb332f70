import type { Duplex } from 'node:stream'
import type { Client, PublishPacket } from 'aedes'
import type { Parser } from 'mqtt-packet'

// Internals of Aedes 2.0.0-beta.1 that this folder relies on and that its types omit.

/** We set the writable fields in hooks that Aedes calls before it reads them. */
export interface InnerClient extends Omit<Client, 'id' | 'clean' | 'sessionExpiryInterval' | 'disconnect' | 'close'> {
  id: string
  clean: boolean
  sessionExpiryInterval: number
  subscriptions: Record<string, unknown>
  /** The next message id. */
  _nextId: number
  /** The client's Maximum Packet Size in bytes [MQTT-3.1.2-24]. */
  maximumPacketSize: number | undefined
  /** Pauses reading until `resume`. */
  pause(): void
  /** Packets still to be handled; at zero, it reads on. */
  _parsingBatch: number
  /** Counts one of them as handled. */
  readonly _nextBatch: () => void
  /** The keepalive's timer. */
  readonly _keepaliveTimer: NodeJS.Timeout | null
  /** Ends the connection, with reason code Packet too large on MQTT 5. */
  rejectPacketTooLarge(bytes: number): void
  connackSent: boolean
  readonly errored: boolean
  disconnect(options?: { reasonCode?: number }, done?: () => void): void
  close(done?: () => void): void
  /** Receive Maximum: QoS 1 and 2 messages that the client accepts before it acknowledges them. */
  readonly receiveMaximum: number
  /** The client has sent DISCONNECT: its will is void. */
  _disconnected: boolean
  will: PublishPacket | null
  _will: PublishPacket | null
  /** False: the client wants no Reason String [MQTT-3.1.2-29]. */
  _requestProblemInformation: boolean | undefined
  conn: Duplex
  _parser: InnerParser
}

/** The parser of mqtt-packet 9.0.2. */
export interface InnerParser extends Omit<Parser, 'parse'> {
  /** Parses these bytes after those it already holds. */
  parse(bytes: Buffer | undefined): number
  error: Error | null
  /** Packets that came before the session was up; null afterwards. */
  _queue: unknown[] | null
}
