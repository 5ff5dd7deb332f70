import type { Outgoing } from './outgoing.ts'

/** Most topic aliases of one connection: their topics stay in memory while it lasts. */
const MAX_ALIASES = 64

/** The topic aliases of one connection, as many as its client allows [MQTT-3.1.2-26]. */
export class TopicAliases {
  readonly #max: number
  readonly #aliases = new Map<string, number>()

  constructor(max: number) {
    this.#max = Math.min(max, MAX_ALIASES)
  }

  /** The packet to send: with its topic and a new alias, or with a known alias alone. */
  name(packet: Outgoing): Outgoing {
    const { topic } = packet
    const known = this.#aliases.get(topic)
    if (known === undefined && this.#aliases.size >= this.#max) return packet
    const topicAlias = known ?? this.#aliases.size + 1
    this.#aliases.set(topic, topicAlias)
    return { ...packet, topic: known === undefined ? topic : '', properties: { ...packet.properties, topicAlias } }
  }
}
