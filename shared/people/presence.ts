import { z } from 'zod'
import { event, userId, type HandlerSettings } from '../runtime/command.ts'
import type { CollectionSpec, Document, Store } from '../store/documents.ts'
import type { UserId } from '../wire/user-id.ts'
import { people } from './pairs.ts'

export const STATUSES = ['available', 'away', 'busy', 'invisible'] as const
export type Status = (typeof STATUSES)[number]

/** Whether a user is there, and what he says of it; the presence group alone writes it. */
export interface PresenceRecord extends Document {
  readonly _id: UserId
  readonly online: boolean
  readonly status: Status
  readonly text?: string | undefined
  /** What the index needs: is he there, and does he show it? */
  readonly shown: boolean
}

export const PRESENCE: CollectionSpec = { name: 'presence', indexes: { by_shown: { fields: ['shown'] } } }

/** Who is not connected asks when he is: what he has missed of it is of no use, and what is past neither. */
export const NOW = { everyMs: 200, latest: 'presence' }
const shownStatus = z.enum(['available', 'away', 'busy'])
/** `user_id` is there, as far as the receiver may see. */
export const user_online = event(
  'user_online',
  { user_id: userId, status: shownStatus, text: z.string().optional() },
  NOW,
)
/** He is not, or does not show it. `last_seen`: when he was, in ISO 8601, unless he keeps it to himself. */
export const user_offline = event('user_offline', { user_id: userId, last_seen: z.iso.datetime().optional() }, NOW)

export type Shown = { user_id: UserId; status: z.output<typeof shownStatus>; text?: string }

/** What others may see of it, undefined for one who is not there or hides. */
export function shownOf(record: PresenceRecord | undefined): Shown | undefined {
  if (!record?.online || record.status === 'invisible') return undefined
  const { _id, status, text } = record
  return { user_id: _id, status, ...(text !== undefined && { text }) }
}

type Told<Event> = [UserId, Event]

/** What two users see of each other's presence when something between them changes. */
export function presenceBetween(store: Store, settings: HandlerSettings) {
  const states = store.collection<PresenceRecord>(PRESENCE)
  const around = people(store, settings)

  async function each<Event>(one: UserId, other: UserId, tell: (shown: Shown) => Event): Promise<Told<Event>[]> {
    const told: Told<Event>[] = []
    const [shown, others] = [shownOf(await states.get(one)), shownOf(await states.get(other))]
    if (shown) told.push([other, tell(shown)])
    if (others) told.push([one, tell(others)])
    return told
  }

  return {
    /** Something has brought them together: what each sees of the other from now on. */
    async meet(one: UserId, other: UserId): Promise<Told<ReturnType<typeof user_online>>[]> {
      return (await around.mayReach(one, other)) ? each(one, other, (shown) => user_online(shown)) : []
    },
    /** Something has parted them: each is gone, as the other sees it, unless everybody sees everybody. */
    async part(one: UserId, other: UserId): Promise<Told<ReturnType<typeof user_offline>>[]> {
      if (await around.mayReach(one, other)) return []
      return each(one, other, ({ user_id }) => user_offline({ user_id }))
    },
    /** Would they see each other, were it not for a block? */
    wouldSee: (one: UserId, other: UserId): Promise<boolean> => around.areNear(one, other),
  }
}
