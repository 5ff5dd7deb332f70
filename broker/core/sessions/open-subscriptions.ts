import { Qlobber } from 'qlobber'
import type { Subscription } from '../../seam/subscription.ts'
import type { OpenMatch } from '../open-topics/receivers.ts'
import { sharedFilter, sharedOrOwn } from '../../seam/shared-filter.ts'

/** Topics whose filters are remembered, at most. */
const MAX_MATCHED = 1_000

/** Who subscribed to which open topics, connected or away. */
export class OpenSubscriptions {
  readonly #filters = new Qlobber<string>({
    separator: '/',
    wildcard_one: '+',
    wildcard_some: '#',
    match_empty_levels: true,
  })
  /** How often the group of a shared subscription has had a message. */
  readonly #turns = new Map<string, number>()
  /** Topics lately published to, and the filters that match each; until a filter comes or goes. */
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
   * Every session that gets what `sender` publishes to this topic: once for all subscriptions of its own, and once for each
   * shared one when it has its turn [MQTT-4.8.2-4].
   * @param isHere tells who of a group can be sent it at once
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

  /** Whose turn it is: the next one who is here, or, when nobody is, the next one. */
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
