import type { Subscription } from 'aedes'
import { Qlobber } from 'qlobber'

/** How a session gets the messages of one topic: by the highest QoS of its subscriptions that match [MQTT-3.3.4-2]. */
export interface OpenMatch {
  qos: 0 | 1 | 2
  keepsRetain: boolean
  /** Of all subscriptions that match [MQTT-3.3.4-4]. */
  identifiers: number[]
}

/** Who subscribed to which open topics, connected or away. */
export class OpenSubscriptions {
  readonly #filters = new Qlobber<string>({
    separator: '/',
    wildcard_one: '+',
    wildcard_some: '#',
    match_empty_levels: true,
  })
  readonly #subs = new Map<string, Map<string, Subscription>>()

  get count(): number {
    return this.#subs.size
  }

  add(session: string, filter: string, sub: Subscription): void {
    let ids = this.#subs.get(filter)
    if (!ids) {
      this.#subs.set(filter, (ids = new Map()))
      this.#filters.add(filter, filter)
    }
    ids.set(session, sub)
  }

  remove(session: string, filter: string): void {
    const ids = this.#subs.get(filter)
    if (!ids?.delete(session) || ids.size > 0) return
    this.#subs.delete(filter)
    this.#filters.remove(filter, filter)
  }

  /** Every session that gets what `sender` publishes to this topic, once. */
  match(topic: string, sender: string): Map<string, OpenMatch> {
    const found = new Map<string, OpenMatch>()
    for (const filter of this.#filters.match(topic)) {
      for (const [session, sub] of this.#subs.get(filter) ?? []) {
        if (sub.nl && session === sender) continue // [MQTT-3.8.3-3]
        const one = found.get(session) ?? { qos: 0, keepsRetain: false, identifiers: [] }
        found.set(session, one)
        if (sub.qos > one.qos) one.qos = sub.qos
        one.keepsRetain ||= sub.rap === true
        const { subscriptionIdentifier } = sub as { subscriptionIdentifier?: number }
        if (subscriptionIdentifier !== undefined) one.identifiers.push(subscriptionIdentifier)
      }
    }
    return found
  }
}
