import type { Outgoing } from './outgoing.ts'

/** Topics of one connection that have an alias, at most: their names stay in memory as long as it lasts. */
const MOST = 64

/** The names that one connection has for topics, as many as its client allows [MQTT-3.1.2-26]. */
export class TopicAliases {
  readonly #most: number
  readonly #aliases = new Map<string, number>()

  constructor(most: number) {
    this.#most = Math.min(most, MOST)
  }

  /** The packet as it goes out: with the topic and its new alias, or by the alias alone. */
  name(packet: Outgoing): Outgoing {
    const { topic } = packet
    const known = this.#aliases.get(topic)
    if (known === undefined && this.#aliases.size >= this.#most) return packet
    const topicAlias = known ?? this.#aliases.size + 1
    this.#aliases.set(topic, topicAlias)
    return { ...packet, topic: known === undefined ? topic : '', properties: { ...packet.properties, topicAlias } }
  }
}
