import type { Subscription } from 'aedes'
import type { InnerClient } from './internals.ts'

/** The connections that have subscribed to event topics. */
export class Audience {
  readonly #topics = new Map<string, Map<InnerClient, Subscription>>()

  add(client: InnerClient, sub: Subscription): void {
    const clients = this.#topics.get(sub.topic)
    if (clients) clients.set(client, sub)
    else this.#topics.set(sub.topic, new Map([[client, sub]]))
  }

  remove(client: InnerClient, topic: string): void {
    const clients = this.#topics.get(topic)
    if (clients?.delete(client) && clients.size === 0) this.#topics.delete(topic)
  }

  has(topic: string): boolean {
    return this.#topics.has(topic)
  }

  of(topic: string): ReadonlyMap<InnerClient, Subscription> | undefined {
    return this.#topics.get(topic)
  }
}
