import type { Client, Subscription } from 'aedes'
import { maySubscribe } from '../../seam/authority.ts'
import type { FromFront } from '../../seam/from-front.ts'
import type { Witness } from '../witness.ts'
import { connectionOf } from './connection.ts'
import { INERT } from './guard.ts'
import type { InnerClient } from './internals.ts'
import { OPEN, type Subscription as Plain } from '../../seam/subscription.ts'
import { sharedFilter, sharedOrOwn } from '../../seam/shared-filter.ts'

export interface SubscribingPorts {
  /** Most subscriptions of one connection. */
  maxSubscriptions: number
  toCore: (message: FromFront) => void
  witness: Witness
}

/** Aedes' hooks for SUBSCRIBE and UNSUBSCRIBE. */
export function subscribing({ maxSubscriptions, toCore, witness }: SubscribingPorts) {
  /** New subscriptions. */
  const fresh = new WeakSet<Subscription>()

  /** Retain Handling [MQTT-3.3.1-9 to 11]: retained messages at each SUBSCRIBE, only at the first, or never. */
  function wantsRetained(sub: Subscription): boolean {
    const { rh = 0 } = sub as { rh?: number }
    return rh === 0 || (rh === 1 && fresh.has(sub))
  }

  return {
    authorizeSubscribe(
      client: Client,
      sub: Subscription,
      done: (err: Error | null, sub?: Subscription | null) => void,
    ): void {
      const { number, session, filters, ended } = connectionOf(client)
      const isNew = !filters.has(sub.topic)
      const isOver = isNew && filters.size >= maxSubscriptions
      const filter = sub.topic.startsWith(OPEN) ? sharedOrOwn(sub.topic.slice(OPEN.length)) : sub.topic
      const verdict = session && !isOver ? maySubscribe(session, filter) : 'deny'
      if (isOver) witness.fault(session, new Error('too many subscriptions (SUBSCRIPTIONS_PER_SESSION)'))
      else if (session && verdict === 'deny') witness.refusedSubscription(session, filter)
      if (verdict === 'deny') return done(null, null)
      filters.set(sub.topic, sub)
      if (verdict === 'consume') {
        toCore({ kind: 'consume', connection: number, command: filter, qos: sub.qos === 0 ? 0 : 1 })
        return done(null, { ...sub, topic: INERT + sub.topic })
      }
      if (verdict === 'open') {
        if (isNew) fresh.add(sub)
        // A shared subscription's messages stay in the session until they are acknowledged, however short it lasts.
        if (sub.qos > 0 && sharedFilter(sub.topic.slice(OPEN.length))) {
          ;(client as unknown as InnerClient).clean = false
          toCore({ kind: 'keeps', connection: number })
        }
        // A restored subscription is already the session's.
        if (ended) toCore({ kind: 'subscribes', connection: number, subscriptions: [plainOf(sub)], asks: undefined })
      } else toCore({ kind: 'hears', connection: number, topic: sub.topic })
      done(null, sub)
    },

    subscribed(subs: Subscription[], client: Client): void {
      for (const sub of subs) {
        if (!sub.topic.startsWith(OPEN) || sub.qos > 2 || !wantsRetained(sub)) continue
        if (sharedFilter(sub.topic.slice(OPEN.length))) continue // shared subscriptions get no retained messages
        const { subscriptionIdentifier: identifier } = sub as { subscriptionIdentifier?: number }
        const [filter, connection] = [sub.topic.slice(OPEN.length), connectionOf(client).number]
        toCore({ kind: 'wants_retained', connection, filter, qos: sub.qos, identifier })
      }
    },

    /** Takes effect at once, so that a SUBSCRIBE right behind it holds. */
    unsubscribed(client: InnerClient, filters: readonly string[]): void {
      const { number, session, filters: own } = connectionOf(client)
      for (const filter of filters) {
        own.delete(filter)
        if (filter.startsWith(OPEN))
          toCore({ kind: 'unsubscribes', connection: number, filters: [filter], asks: undefined })
        else if (session?.kind === 'handler') toCore({ kind: 'unconsume', connection: number, command: filter })
        else toCore({ kind: 'hears_no_more', connection: number, topic: filter })
      }
    },
  }
}

/** A subscription in the form that the core knows. */
export function plainOf(sub: Subscription): Plain {
  const { topic, qos, nl, rap, rh, subscriptionIdentifier } = sub as Plain
  return {
    topic,
    qos,
    ...(nl !== undefined && { nl }),
    ...(rap !== undefined && { rap }),
    ...(rh !== undefined && { rh }),
    ...(subscriptionIdentifier !== undefined && { subscriptionIdentifier }),
  }
}
