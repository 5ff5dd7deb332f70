import { encodePublish } from '../../../shared/wire/mqtt/publish.ts'
import { bodyAt } from '../../../shared/wire/mqtt/frames.ts'
import type { Outgoing } from './outgoing.ts'
import { propertiesOf } from './packet-bytes.ts'

type Message = Pick<Outgoing, 'topic' | 'payload' | 'properties'>
type Qos = 0 | 1 | 2

/** One message, not retained, for many receivers: encoded once per MQTT version and QoS. */
export class Copies {
  readonly #message: Message
  readonly #forms = new Map<number, Buffer>()
  readonly #idAt: number

  constructor(message: Message) {
    this.#message = message
    this.#idAt = 2 + Buffer.byteLength(message.topic)
  }

  /** @param messageId for QoS 1 and 2; bytes of QoS 0 are shared and must not be changed */
  bytes(version: number | null, qos: Qos, messageId: number): Buffer {
    const form = this.form(version, qos)
    if (qos === 0) return form
    const copy = Buffer.allocUnsafe(form.length)
    form.copy(copy)
    copy.writeUInt16BE(messageId, bodyAt(copy) + this.#idAt)
    return copy
  }

  /** The encoded packet, with an arbitrary message id. */
  form(version: number | null, qos: Qos): Buffer {
    const key = (version === 5 ? 4 : 0) | qos
    let form = this.#forms.get(key)
    if (!form) {
      const { topic, payload, properties } = this.#message
      const packet = { topic, payload, qos, retain: false, dup: false, messageId: qos === 0 ? 0 : 1 }
      const with5 = properties && { ...packet, properties: propertiesOf(properties) }
      this.#forms.set(key, (form = encodePublish(with5 ?? packet, version === 5 ? 5 : 4)))
    }
    return form
  }
}
