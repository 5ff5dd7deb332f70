import type { Refusal } from '../../shared/wire/refusal.ts'

/** MQTT 5 reason codes of a refused PUBLISH. [MQTT-3.4.2.1] */
export const REASON: Record<Refusal['code'], number> = {
  bad_payload: 0x99,
  unknown_command: 0x90,
  forbidden: 0x87,
  not_found: 0x83,
  conflict: 0x83,
  rate_limited: 0x97,
  too_large: 0x83, // PUBACK has no 0x95
  unavailable: 0x97,
  timeout: 0x83,
  offline: 0x83,
  hash_mismatch: 0x83,
  internal: 0x80,
}
// Reason codes of the broker's DISCONNECT. [MQTT-3.14.2.1]
export const NOT_AUTHORIZED = 0x87
export const SERVER_BUSY = 0x89
export const RECEIVE_MAXIMUM_EXCEEDED = 0x93
export const MESSAGE_RATE_TOO_HIGH = 0x96
export const QUOTA_EXCEEDED = 0x97
export const ADMINISTRATIVE_ACTION = 0x98
