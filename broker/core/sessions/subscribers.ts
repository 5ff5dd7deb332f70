import type { Target } from '../kept/kept-events.ts'
import type { OpenMatch } from '../open-topics/receivers.ts'
import { OPEN, type Subscription } from '../../seam/subscription.ts'
import { OpenSubscriptions } from './open-subscriptions.ts'
import type { SessionQueue } from './session-queue.ts'

/** Which sessions subscribe to what: to users' events at QoS 1 and 2, and to open topics. */
export class Subscribers<Session extends SessionQueue & Target['queue']> {
  /** By topic of a user's event. */
  readonly #byTopic = new Map<string, Set<Session>>()
  readonly #open = new OpenSubscriptions()

  add(session: Session, sub: Subscription): void {
    this.remove(session, sub.topic)
    session.subscriptions.set(sub.topic, { ...sub })
    if (sub.topic.startsWith(OPEN)) return this.#open.add(session.id, sub.topic.slice(OPEN.length), sub)
    if (sub.qos === 0) return
    const sessions = this.#byTopic.get(sub.topic)
    if (sessions) sessions.add(session)
    else this.#byTopic.set(sub.topic, new Set([session]))
  }

  remove(session: Session, filter: string): void {
    if (!session.subscriptions.delete(filter)) return
    if (filter.startsWith(OPEN)) return this.#open.remove(session.id, filter.slice(OPEN.length))
    const sessions = this.#byTopic.get(filter)
    if (sessions?.delete(session) && sessions.size === 0) this.#byTopic.delete(filter)
  }

  /** Adds the queues that must keep an event on this topic to `to`. `onlyTo`: the queue of this session alone. */
  targets(to: Target[], topic: string, form: number, onlyTo?: string): void {
    for (const queue of this.#byTopic.get(topic) ?? []) {
      if (onlyTo === undefined || onlyTo === queue.id) to.push({ queue, form })
    }
  }

  /** See `OpenSubscriptions.match`. */
  openTo(topic: string, sender: string, isHere: (session: string) => boolean): [string, OpenMatch][] {
    return this.#open.match(topic, sender, isHere)
  }

  /** See `OpenSubscriptions.member`. */
  memberOf(shared: string, isHere: (session: string) => boolean): [string, OpenMatch] | undefined {
    return this.#open.member(shared, isHere)
  }
}
