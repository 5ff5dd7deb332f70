import type { SessionMessage } from '../../seam/kept-sessions.ts'
import type { StoredPacket } from './internals.ts'

/** What Aedes takes for `brokerId`: all packets of ours come from one. */
const OURS = 'switchboard'

/** A message as Aedes knows it. */
export function packetOf(number: number, message: SessionMessage): StoredPacket {
  return { cmd: 'publish', ...message, dup: false, brokerId: OURS, brokerCounter: number }
}

export function pubrelOf(number: number, messageId: number | undefined): StoredPacket {
  return { ...packetOf(number, NOTHING), cmd: 'pubrel', messageId }
}

const NOTHING: SessionMessage = { topic: '', payload: Buffer.alloc(0), qos: 1, retain: false }
