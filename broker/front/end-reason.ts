import {
  ADMINISTRATIVE_ACTION,
  MESSAGE_RATE_TOO_HIGH,
  NOT_AUTHORIZED,
  QUOTA_EXCEEDED,
  RECEIVE_MAXIMUM_EXCEEDED,
  SERVER_BUSY,
} from '../seam/reasons.ts'

// Reason codes of DISCONNECT that Aedes gives. [MQTT-3.14.2.1]
const SERVER_SHUTTING_DOWN = 0x8b
const SESSION_TAKEN_OVER = 0x8e

const BY_CODE = {
  [NOT_AUTHORIZED]: 'token_expired',
  [SERVER_BUSY]: 'busy',
  [SERVER_SHUTTING_DOWN]: 'shutting_down',
  [SESSION_TAKEN_OVER]: 'taken_over',
  [RECEIVE_MAXIMUM_EXCEEDED]: 'protocol',
  [MESSAGE_RATE_TOO_HIGH]: 'flood',
  [QUOTA_EXCEEDED]: 'quota',
  [ADMINISTRATIVE_ACTION]: 'operator',
} as const

/**
 * Why a connection ended, for the metrics. `client`: it sent DISCONNECT; `lost`: its socket closed without one; `silent`: it exceeded its
 * keepalive; `fault`: it broke the protocol, or took what was sent to it too slowly. The others are the broker's own decisions.
 */
export type EndReason = 'client' | 'lost' | 'silent' | 'fault' | 'protocol' | (typeof BY_CODE)[keyof typeof BY_CODE]

/** The reason for which the broker sends a DISCONNECT with this code. */
export function endReasonOf(code: number): EndReason {
  return BY_CODE[code as keyof typeof BY_CODE] ?? 'protocol'
}
