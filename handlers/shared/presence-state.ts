import { z } from 'zod'
import { event, userId, type HandlerSettings } from '../../shared/runtime/command.ts'
import type { CollectionSpec, Document, Store } from '../../shared/store/documents.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import { relationBook } from './contact-pairs.ts'

export const STATUSES = ['available', 'away', 'busy', 'invisible'] as const
export type Status = (typeof STATUSES)[number]

/** Whether a user is connected, and the status they set. Only the presence group writes it. */
export interface PresenceRecord extends Document {
  readonly _id: UserId
  readonly online: boolean
  readonly status: Status
  readonly text?: string | undefined
  /** For the index: connected and not invisible. */
  readonly shown: boolean
}

export const PRESENCE: CollectionSpec = { name: 'presence', indexes: { by_shown: { fields: ['shown'] } } }

/** Only the latest state matters: a device that was offline asks for the current one when it connects. */
export const PRESENCE_PACE = { everyMs: 200, latest: 'presence' }
const shownStatus = z.enum(['available', 'away', 'busy'])
/** `user_id` is online, as far as the receiver may see. */
export const user_online = event(
  'user_online',
  { user_id: userId, status: shownStatus, text: z.string().optional() },
  PRESENCE_PACE,
)
/** `user_id` is offline or invisible. `last_seen`: when they disconnected, in ISO 8601, unless they hide it. */
export const user_offline = event(
  'user_offline',
  { user_id: userId, last_seen: z.iso.datetime().optional() },
  PRESENCE_PACE,
)

export type Shown = { user_id: UserId; status: z.output<typeof shownStatus>; text?: string }

/** What others may see of a user's presence; undefined when the user is offline or invisible. */
export function shownOf(record: PresenceRecord | undefined): Shown | undefined {
  if (!record?.online || record.status === 'invisible') return undefined
  const { _id, status, text } = record
  return { user_id: _id, status, ...(text !== undefined && { text }) }
}

type Told<Event> = [UserId, Event]

/** Tells two users of each other's presence when their relation changes. */
export function presenceBetween(store: Store, settings: HandlerSettings) {
  const states = store.collection<PresenceRecord>(PRESENCE)
  const relations = relationBook(store, settings)

  async function each<Event>(one: UserId, other: UserId, tell: (shown: Shown) => Event): Promise<Told<Event>[]> {
    const told: Told<Event>[] = []
    const [shown, others] = [shownOf(await states.get(one)), shownOf(await states.get(other))]
    if (shown) told.push([other, tell(shown)])
    if (others) told.push([one, tell(others)])
    return told
  }

  return {
    /** They may see each other from now on: tells each of the other, if online. */
    async meet(one: UserId, other: UserId): Promise<Told<ReturnType<typeof user_online>>[]> {
      return (await relations.mayReach(one, other)) ? each(one, other, (shown) => user_online(shown)) : []
    },
    /** They may no longer see each other: tells each that the other is offline. Tells nothing when they still may. */
    async part(one: UserId, other: UserId): Promise<Told<ReturnType<typeof user_offline>>[]> {
      if (await relations.mayReach(one, other)) return []
      return each(one, other, ({ user_id }) => user_offline({ user_id }))
    },
    /** Would they see each other if neither blocked the other? */
    wouldSee: (one: UserId, other: UserId): Promise<boolean> => relations.haveAccess(one, other),
  }
}
