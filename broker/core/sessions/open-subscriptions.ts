import { Qlobber } from 'qlobber'
import type { Subscription } from '../../seam/subscription.ts'
import type { OpenMatch } from '../open-topics/receivers.ts'
import { sharedFilter, sharedOrOwn } from '../../seam/shared-filter.ts'

/** Topics whose matching filters are cached, at most. */
const MAX_MATCHED = 1_000

/** Which sessions subscribe to which open topics, connected or not. */
export class OpenSubscriptions {
  readonly #filters = new Qlobber<string>({
    separator: '/',
    wildcard_one: '+',
    wildcard_some: '#',
    match_empty_levels: true,
  })
  /** The next turn in each shared subscription. */
  readonly #turns = new Map<string, number>()
  /** Cached filters that match recent topics, until a filter is added or removed. */
  readonly #matched = new Map<string, string[]>()
  readonly #subs = new Map<string, Map<string, Subscription>>()

  get count(): number {
    return this.#subs.size
  }

  add(session: string, filter: string, sub: Subscription): void {
    let ids = this.#subs.get(filter)
    if (!ids) {
      this.#subs.set(filter, (ids = new Map()))
      this.#filters.add(sharedOrOwn(filter), filter)
      this.#matched.clear()
    }
    ids.set(session, sub)
  }

  remove(session: string, filter: string): void {
    const ids = this.#subs.get(filter)
    if (!ids?.delete(session) || ids.size > 0) return
    this.#subs.delete(filter)
    this.#filters.remove(sharedOrOwn(filter), filter)
    this.#matched.clear()
    this.#turns.delete(filter)
  }

  /**
   * The sessions that receive what `sender` publishes to this topic: each once for all its own subscriptions, and once for each
   * shared subscription in which it has its turn [MQTT-4.8.2-4].
   * @param isHere true for sessions to which the message can be sent at once
   */
  match(topic: string, sender: string, isHere: (session: string) => boolean): [string, OpenMatch][] {
    const found = new Map<string, OpenMatch>()
    const shared: [string, OpenMatch][] = []
    for (const filter of this.#filtersOf(topic)) {
      const subs = this.#subs.get(filter) ?? new Map<string, Subscription>()
      if (sharedFilter(filter)) {
        const member = this.member(filter, isHere)
        if (member) shared.push(member)
        continue
      }
      for (const [session, sub] of subs) {
        if (sub.nl && session === sender) continue // [MQTT-3.8.3-3]
        found.set(session, widened(found.get(session) ?? NOTHING, sub))
      }
    }
    return [...found, ...shared]
  }

  /** The member of a shared subscription whose turn it is. */
  member(filter: string, isHere: (session: string) => boolean): [string, OpenMatch] | undefined {
    const subs = this.#subs.get(filter)
    const session = subs && this.#turnOf(filter, [...subs.keys()], isHere)
    return session === undefined ? undefined : [session, { ...widened(NOTHING, subs!.get(session)!), shared: filter }]
  }

  #filtersOf(topic: string): string[] {
    let filters = this.#matched.get(topic)
    if (!filters) {
      if (this.#matched.size >= MAX_MATCHED) this.#matched.clear()
      this.#matched.set(topic, (filters = this.#filters.match(topic)))
    }
    return filters
  }

  /** The session whose turn it is: the next that is here, or simply the next when none is. */
  #turnOf(filter: string, sessions: string[], isHere: (session: string) => boolean): string | undefined {
    const turn = (this.#turns.get(filter) ?? 0) % sessions.length
    const inTurn = [...sessions.slice(turn), ...sessions.slice(0, turn)]
    const session = inTurn.find(isHere) ?? inTurn[0]
    if (session !== undefined) this.#turns.set(filter, sessions.indexOf(session) + 1)
    return session
  }
}

const NOTHING: OpenMatch = { qos: 0, keepsRetain: false, identifiers: [] }

function widened({ qos, keepsRetain, identifiers }: OpenMatch, sub: Subscription): OpenMatch {
  const { subscriptionIdentifier: id } = sub
  return {
    qos: sub.qos > qos ? sub.qos : qos,
    keepsRetain: keepsRetain || sub.rap === true,
    identifiers: id === undefined ? identifiers : [...identifiers, id],
  }
}
