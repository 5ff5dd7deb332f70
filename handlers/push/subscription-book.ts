import { createHash } from 'node:crypto'
import type { CommandRef, HandlerSettings } from '../../shared/runtime/command.ts'
import type { CollectionSpec, Document, Store } from '../../shared/store/documents.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'

/** A browser that wants to be told. */
export interface Subscription extends Document {
  readonly user: UserId
  readonly endpoint: string
  readonly p256dh: string
  readonly auth: string
  readonly saved_at: string
}

const SUBSCRIPTIONS: CollectionSpec = {
  name: 'push_subscriptions',
  indexes: { by_user: { fields: ['user', 'saved_at'] } },
}

/** The most browsers of one user; the one that was saved first makes room. */
const MAX_SUBSCRIPTIONS = 10

/** An endpoint's key: it belongs to one user at a time, the last who signed in there. */
const keyOf = (endpoint: string): string => createHash('sha256').update(endpoint).digest('base64url')

/** Stores which browsers a user wants to be told in. */
export function subscriptionBook(store: Store, { push }: HandlerSettings) {
  const subscriptions = store.collection<Subscription>(SUBSCRIPTIONS)
  const of = (user: UserId, limit: number): Promise<Subscription[]> =>
    subscriptions.find({ by: 'by_user', where: { user }, limit })

  return {
    /** @throws {Refusal} `unavailable` when push is not set up */
    async save(user: UserId, wanted: Pick<Subscription, 'endpoint' | 'p256dh' | 'auth'>, { at }: CommandRef) {
      if (!push) throw refuse('unavailable', undefined, 'push is not set up here')
      const saved_at = at.toISOString()
      const _id = keyOf(wanted.endpoint)
      await subscriptions.change(_id, (now) => {
        return now && now.saved_at > saved_at ? now : { _id, user, ...wanted, saved_at }
      })
      const all = await of(user, MAX_SUBSCRIPTIONS + 10)
      for (const { _id } of all.slice(0, Math.max(0, all.length - MAX_SUBSCRIPTIONS))) await subscriptions.remove(_id)
    },

    /** Removes the user's subscription at an endpoint; that of another user stays. */
    async remove(user: UserId, endpoint: string, { at }: CommandRef): Promise<void> {
      const isMeant = (one: Subscription): boolean => one.user === user && one.saved_at <= at.toISOString()
      await subscriptions.change(keyOf(endpoint), (now) => (now && isMeant(now) ? undefined : now))
    },

    /** Forgets a subscription that its push service no longer knows, unless it has been saved anew. */
    async forget({ _id, saved_at }: Subscription): Promise<void> {
      await subscriptions.change(_id, (now) => (now?.saved_at === saved_at ? undefined : now))
    },

    of: (user: UserId) => of(user, MAX_SUBSCRIPTIONS),
  }
}
