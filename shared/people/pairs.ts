import type { HandlerSettings } from '../runtime/command.ts'
import type { CollectionSpec, Document, Store } from '../store/documents.ts'
import { MAX_RECEIVERS } from '../wire/done.ts'
import type { UserId } from '../wire/user-id.ts'
import { aTurn } from './turn.ts'

/** One user's half of a pair, as far as others than the contacts group need it. */
interface Half {
  readonly sees: 'none' | 'requested' | 'requesting' | 'contact'
  readonly blocks: boolean
}

/** Two users in one document; the contacts group alone writes it. `low` is the one whose id sorts first. */
export interface PairRecord extends Document {
  readonly low: UserId
  readonly high: UserId
  readonly low_side: Half
  readonly high_side: Half
  /** Whose request is pending. */
  readonly asker?: UserId | undefined
}

export const PAIRS: CollectionSpec = {
  name: 'contact_pairs',
  indexes: {
    by_low: { fields: ['low', 'low_list', 'high'] },
    by_high: { fields: ['high', 'high_list', 'low'] },
    by_asker: { fields: ['asker'] },
  },
}

export function pairKey(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}

/** How a user stands to another. Who is blocked must not be able to tell it from `stranger`. */
export type Relation = 'self' | 'contact' | 'stranger' | 'blocked'

const PAGE = 200

/** As many of these, in their order, as one event can go to: with all of them, what a handler says would be more than a packet. */
export function withinOneEvent(users: readonly UserId[], { answerBytes }: HandlerSettings): UserId[] {
  let bytes = 0
  const end = users.findIndex((user, i) => (bytes += user.length + '"",'.length) > answerBytes || i >= MAX_RECEIVERS)
  return end < 0 ? [...users] : users.slice(0, end)
}

/** Who is whose contact, for every group but contacts itself. */
export function people(store: Store, { access }: HandlerSettings) {
  const pairs = store.collection<PairRecord>(PAIRS)

  /** How `user` may be treated by what belongs to `other`: `blocked` when either blocks the other. */
  async function relation(user: UserId, other: UserId): Promise<Relation> {
    if (user === other) return 'self'
    const pair = await pairs.get(pairKey(user, other))
    return pair ? relationIn(pair) : 'stranger'
  }

  /**
   * A user's contacts in the order of their ids, behind `after`, without those between whom and the user there is a block. They
   * come in pages, and between two of them others have their turn.
   */
  async function* contacts(user: UserId, after = ''): AsyncGenerator<UserId[]> {
    for (const [by, mine, theirs] of [
      ['by_high', 'high', 'low'], // the others' ids sort before the user's
      ['by_low', 'low', 'high'],
    ] as const) {
      const where = { [mine]: user, [`${mine}_list`]: 'contacts' }
      for (let place = after, isMore = true; isMore;) {
        const behind = { _id: '\u{10ffff}', [theirs]: place }
        const page = await pairs.find({ by, where, after: behind, limit: PAGE })
        yield page.filter((pair) => relationIn(pair) === 'contact').map((pair) => pair[theirs])
        isMore = page.length === PAGE
        if (isMore) {
          await aTurn()
          place = page.at(-1)![theirs]
        }
      }
    }
  }

  return {
    relation,
    contacts,
    /** What `user` may do to `other`, and what he must not find out: being blocked has to look as if it were not so. */
    async toward(user: UserId, other: UserId): Promise<{ isNear: boolean; blocks: boolean; isBlocked: boolean }> {
      const pair = await pairs.get(pairKey(user, other))
      const [mine, theirs] = user < other ? [pair?.low_side, pair?.high_side] : [pair?.high_side, pair?.low_side]
      return {
        isNear: access === 'everyone' || mine?.sees === 'contact',
        blocks: mine?.blocks ?? false,
        isBlocked: theirs?.blocks ?? false,
      }
    },
    /** May `user` write to `other`, call him, and see whether he is there? Contacts may; with ACCESS=everyone all but the blocked. */
    async mayReach(user: UserId, other: UserId): Promise<boolean> {
      const stands = await relation(user, other)
      return stands === 'contact' || stands === 'self' || (access === 'everyone' && stands === 'stranger')
    },
    /** Are they contacts, or is nobody asked to be? A block between them does not count. */
    async areNear(user: UserId, other: UserId): Promise<boolean> {
      return access === 'everyone' || (await pairs.get(pairKey(user, other)))?.low_side.sees === 'contact'
    },
    /** All of a user's contacts, as many as one may have. */
    async contactsOf(user: UserId): Promise<UserId[]> {
      const found: UserId[] = []
      for await (const page of contacts(user)) found.push(...page)
      return found
    },
  }
}

function relationIn({ low_side, high_side }: PairRecord): Relation {
  if (low_side.blocks || high_side.blocks) return 'blocked'
  return low_side.sees === 'contact' ? 'contact' : 'stranger'
}
