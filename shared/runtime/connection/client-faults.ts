/** Names of the reason codes with which a broker may refuse a handler process [2.4]. */
const REASONS: Readonly<Record<number, string>> = {
  0x80: 'Unspecified error',
  0x81: 'Malformed Packet',
  0x82: 'Protocol Error',
  0x83: 'Implementation specific error',
  0x84: 'Unsupported Protocol Version',
  0x85: 'Client Identifier not valid',
  0x86: 'Bad User Name or Password',
  0x87: 'Not authorized',
  0x88: 'Server unavailable',
  0x89: 'Server busy',
  0x8a: 'Banned',
  0x90: 'Topic Name invalid',
  0x97: 'Quota exceeded',
  0x99: 'Payload format invalid',
  0x9f: 'Connection rate exceeded',
}

/** The broker refused the connection or a PUBLISH. */
export class BrokerRefusal extends Error {
  override readonly name = 'BrokerRefusal'
  readonly reasonCode: number

  constructor(reasonCode: number, reasonString?: string, what = '') {
    super(what + (reasonString ?? REASONS[reasonCode] ?? `reason code ${reasonCode}`))
    this.reasonCode = reasonCode
  }
}

/** The client is not connected, or the connection was lost before the broker answered. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'

  constructor(message = 'lost the connection to the broker') {
    super(message)
  }
}

/** A PUBLISH exceeds the broker's Maximum Packet Size [MQTT-3.2.2-15]. */
export class TooLarge extends Error {
  override readonly name = 'TooLarge'

  constructor(bytes: number, max: number) {
    super(`the packet has ${bytes} bytes; the broker accepts at most ${max}`)
  }
}
