import type { Duplex } from 'node:stream'
import type { Client, PublishPacket } from 'aedes'
import type { Parser } from 'mqtt-packet'

// The parts of Aedes 2.0.0-beta.1 that its own types do not show and this folder relies on.

/** Set by us in hooks that Aedes calls before it reads them. */
export interface InnerClient extends Omit<Client, 'id' | 'clean' | 'sessionExpiryInterval' | 'disconnect' | 'close'> {
  id: string
  clean: boolean
  sessionExpiryInterval: number
  subscriptions: Record<string, unknown>
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
  /** Restarts the clock of its keepalive. */
  readonly _keepaliveTimer: NodeJS.Timeout | null
  /** Says on MQTT 5 that a packet is too large, and ends the connection. */
  rejectPacketTooLarge(bytes: number): void
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

/** The parser of mqtt-packet 9.0.2. */
export interface InnerParser extends Omit<Parser, 'parse'> {
  /** Parses these bytes behind those that it has. */
  parse(bytes: Buffer | undefined): number
  error: Error | null
  /** Packets that came before the session was up; null since then. */
  _queue: unknown[] | null
}
