import { createHash } from 'node:crypto'
import type { Context, HandlerSettings } from '../../shared/runtime/command.ts'
import type { Store } from '../../shared/store/documents.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import type { Wanted } from './push-events.ts'
import { subscriptionBook } from './subscription-book.ts'

/** Seconds that a push service keeps a message for a device that is switched off. */
const TTL = 86_400
/** Milliseconds before each further try. */
const TRIES = [10_000, 60_000, 600_000, 3_600_000]
/** Milliseconds that a push service may ask for between two tries, at most. */
const LONGEST_PAUSE = 3_600_000

/** What remains to be done: these subscriptions again, after so many milliseconds. */
export interface Rest {
  readonly afterMs: number
  readonly to: string[]
}

/** Sends events to the browsers of a user. */
export function pushDesk(store: Store, settings: HandlerSettings) {
  const book = subscriptionBook(store, settings)
  const { push } = settings
  return {
    /**
     * Sends an event to all of a user's browsers that still are to get it.
     * @param tries how often it was sent before
     * @param to the subscriptions that are left; undefined: all
     */
    async tell(
      user: UserId,
      wanted: Wanted,
      { log }: Pick<Context, 'log'>,
      tries = 0,
      to?: readonly string[],
    ): Promise<Rest | undefined> {
      if (!push || !isNews(wanted)) return undefined
      const { event, event_seq, sent_at, fields } = wanted
      const message = {
        text: JSON.stringify({ event, event_seq, sent_at, ...fields, user_id: user }),
        topic: topicOf(user, wanted),
        ttl: TTL,
        isUrgent: true,
      }
      const again: string[] = []
      let afterMs = TRIES[tries] ?? 0
      const targets = (await book.of(user)).filter(({ _id }) => to?.includes(_id) ?? true)
      await Promise.all(
        targets.map(async (one) => {
          const said = await push.send(one, message)
          if (said.outcome === 'sent') return
          log.info({ event, outcome: said.outcome, reason: said.why }, 'a push message did not arrive')
          if (said.outcome === 'gone') await book.forget(one)
          if (said.outcome !== 'later') return
          again.push(one._id)
          afterMs = Math.max(afterMs, Math.min(said.retryAfterMs ?? 0, LONGEST_PAUSE))
        }),
      )
      return again.length > 0 && tries < TRIES.length ? { afterMs, to: again } : undefined
    },
  }
}

/** Of a call, only that it was missed: who is away has missed it as soon as it rings. */
function isNews({ event, fields }: Wanted): boolean {
  return event !== 'call_changed' || (fields['direction'] === 'in' && fields['state'] === 'missed')
}

/** Messages with one topic replace each other at the push service while the device sleeps: one is enough for a conversation. */
function topicOf(user: UserId, { event, fields }: Wanted): string {
  const about = fields['group_id'] ?? fields['from'] ?? fields['with'] ?? fields['conference_id'] ?? ''
  return createHash('sha256')
    .update(JSON.stringify([user, event, about]))
    .digest('base64url')
    .slice(0, 32)
}
