/** MQTT 5 reason codes for packets that break the standard [2.4]. */
export const MALFORMED = 0x81
export const PROTOCOL_ERROR = 0x82
export const TOPIC_ALIAS_INVALID = 0x94
export const PACKET_TOO_LARGE = 0x95

/** A packet breaks the standard. Its receiver closes the connection [MQTT-4.13.1-1], on MQTT 5 with this reason code. */
export class MalformedPacket extends Error {
  override readonly name = 'MalformedPacket'
  readonly reasonCode: number

  constructor(reasonCode: number, message: string) {
    super(message)
    this.reasonCode = reasonCode
  }
}
