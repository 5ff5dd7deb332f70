import { splitEventTopic } from '../../../shared/wire/topic.ts'
import type { Target } from '../kept/holders.ts'
import type { OpenMatch } from '../open-topics/receivers.ts'
import { OPEN, type Subscription } from '../../seam/subscription.ts'
import { OpenSubscriptions } from './open-subscriptions.ts'
import type { SessionQueue } from './session-queue.ts'

/** Which sessions subscribe to what: to users' events at QoS 1 and 2, and to open topics. */
export class Subscribers<Session extends SessionQueue & Target['queue']> {
  /** By user and event. */
  readonly #byUser = new Map<string, Map<string, Set<Session>>>()
  readonly #open = new OpenSubscriptions()

  add(session: Session, sub: Subscription): void {
    this.remove(session, sub.topic)
    session.subscriptions.set(sub.topic, { ...sub })
    if (sub.topic.startsWith(OPEN)) return this.#open.add(session.id, sub.topic.slice(OPEN.length), sub)
    if (sub.qos === 0) return
    const { user, event } = splitEventTopic(sub.topic)
    const events = this.#byUser.get(user) ?? new Map<string, Set<Session>>()
    this.#byUser.set(user, events)
    const sessions = events.get(event)
    if (sessions) sessions.add(session)
    else events.set(event, new Set([session]))
  }

  remove(session: Session, filter: string): void {
    if (!session.subscriptions.delete(filter)) return
    if (filter.startsWith(OPEN)) return this.#open.remove(session.id, filter.slice(OPEN.length))
    const { user, event } = splitEventTopic(filter)
    const events = this.#byUser.get(user)
    const sessions = events?.get(event)
    if (!events || !sessions?.delete(session) || sessions.size > 0) return
    events.delete(event)
    if (events.size === 0) this.#byUser.delete(user)
  }

  /** Adds the queues that must keep an event on `<user>_<event>` to `to`. `onlyTo`: the queue of this session alone. */
  targets(to: Target[], user: string, event: string, form: number, onlyTo?: string): void {
    const sessions = this.#byUser.get(user)?.get(event)
    if (!sessions) return
    for (const queue of sessions) {
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
