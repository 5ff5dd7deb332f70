import type { HandlerSettings } from '../../shared/runtime/command.ts'
import type { CollectionSpec, Document, Store } from '../../shared/store/documents.ts'
import { MAX_RECEIVERS } from '../../shared/wire/done.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import { giveWay } from './give-way.ts'

/** One user's half of a pair, as far as handler groups other than contacts need it. */
interface Half {
  readonly sees: 'none' | 'requested' | 'requesting' | 'contact'
  readonly blocks: boolean
}

/** Two users in one document, which only the contacts group writes. `low` is the one whose id sorts first. */
export interface PairRecord extends Document {
  readonly low: UserId
  readonly high: UserId
  readonly low_side: Half
  readonly high_side: Half
  /** The user whose request is pending. */
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

/** What two users are to each other. A blocked user must not be able to tell `blocked` from `stranger`. */
export type Relation = 'self' | 'contact' | 'stranger' | 'blocked'

/**
 * How one user may approach another. `closed`: why they may not message, call or add them, if so. `isBlocked`: the other blocks
 * them, which no answer to them may reveal.
 */
export interface Approach {
  readonly closed?: string
  readonly blocks: boolean
  readonly isBlocked: boolean
}

/** Contacts read at a time, for a page of them and for all of them. */
const [PAGE, LONG_PAGE] = [200, 500]

/** The first of these users, as many as one event can go to: a list of all of them could exceed the packet limit. */
export function withinOneEvent(users: readonly UserId[], { answerBytes }: HandlerSettings): UserId[] {
  let bytes = 0
  const end = users.findIndex((user, i) => (bytes += user.length + '"",'.length) > answerBytes || i >= MAX_RECEIVERS)
  return end < 0 ? [...users] : users.slice(0, end)
}

/** Reads who is whose contact and who blocks whom, for every handler group but contacts itself. */
export function relationBook(store: Store, { access }: HandlerSettings) {
  const pairs = store.collection<PairRecord>(PAIRS)

  /** What the two are to each other: `blocked` when either blocks the other. */
  async function between(user: UserId, other: UserId): Promise<Relation> {
    return (await betweenMany(user, [other]))[0]!
  }

  /** The same for many others, at most 1,000, in their order. */
  async function betweenMany(user: UserId, others: readonly UserId[]): Promise<Relation[]> {
    const found = await pairs.getMany(others.flatMap((other) => (other === user ? [] : pairKey(user, other))))
    return others.map((other) => {
      if (user === other) return 'self'
      const pair = found.get(pairKey(user, other))
      return pair ? relationIn(pair) : 'stranger'
    })
  }

  /** See `toward`. */
  function approach(user: UserId, other: UserId, pair: PairRecord | undefined): Approach {
    const [mine, theirs] = user < other ? [pair?.low_side, pair?.high_side] : [pair?.high_side, pair?.low_side]
    const { sees = 'none', blocks = false } = mine ?? {}
    const hasAccess = access === 'everyone' || sees === 'contact'
    const closed = blocks ? 'is blocked by you' : hasAccess ? undefined : 'is not one of your contacts'
    return { ...(closed !== undefined && { closed }), blocks, isBlocked: theirs?.blocks ?? false }
  }

  /** May a user who stands so to another message and call them, and see their presence? */
  function reaches(stands: Relation): boolean {
    return stands === 'contact' || stands === 'self' || (access === 'everyone' && stands === 'stranger')
  }

  /**
   * Yields pages of a user's contacts in the order of their ids, after `after`, without contacts who block the user or whom
   * the user blocks. It gives way to other work between pages.
   */
  async function* contacts(user: UserId, after = '', size = PAGE): AsyncGenerator<UserId[]> {
    for (const [by, mine, theirs] of [
      ['by_high', 'high', 'low'], // contacts whose ids sort before the user's
      ['by_low', 'low', 'high'],
    ] as const) {
      const where = { [mine]: user, [`${mine}_list`]: 'contacts' }
      for (let place = after, isMore = true; isMore;) {
        const page = await pairs.find({ by, where, beyond: { [theirs]: place }, limit: size })
        yield page.filter((pair) => relationIn(pair) === 'contact').map((pair) => pair[theirs])
        isMore = page.length === size
        if (isMore) {
          await giveWay()
          place = page.at(-1)![theirs]
        }
      }
    }
  }

  return {
    between,
    contacts,
    betweenMany,
    /** How `user` may approach `other`. */
    toward: async (user: UserId, other: UserId) => approach(user, other, await pairs.get(pairKey(user, other))),
    /** How `user` may approach each of many others, at most 1,000, in their order. */
    async towardMany(user: UserId, others: readonly UserId[]): Promise<Approach[]> {
      const found = await pairs.getMany(others.map((other) => pairKey(user, other)))
      return others.map((other) => approach(user, other, found.get(pairKey(user, other))))
    },
    /** May `user` message and call `other`, and see their presence? Contacts may; with ACCESS=everyone, everyone not blocked. */
    mayReach: async (user: UserId, other: UserId) => reaches(await between(user, other)),
    /** The same for many others, at most 1,000, in their order. */
    async mayReachMany(user: UserId, others: readonly UserId[]): Promise<boolean[]> {
      return (await betweenMany(user, others)).map(reaches)
    },
    /** Are they contacts, or is ACCESS=everyone? Ignores blocks. */
    async haveAccess(user: UserId, other: UserId): Promise<boolean> {
      return access === 'everyone' || (await pairs.get(pairKey(user, other)))?.low_side.sees === 'contact'
    },
    /** All of a user's contacts; the contacts group bounds their number. */
    async contactsOf(user: UserId): Promise<UserId[]> {
      const found: UserId[] = []
      for await (const page of contacts(user, '', LONG_PAGE)) found.push(...page)
      return found
    },
  }
}

function relationIn({ low_side, high_side }: PairRecord): Relation {
  if (low_side.blocks || high_side.blocks) return 'blocked'
  return low_side.sees === 'contact' ? 'contact' : 'stranger'
}
