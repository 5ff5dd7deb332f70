import { pairKey, PAIRS, type PairRecord } from '../shared/contact-pairs.ts'
import type { CommandRef } from '../../shared/runtime/command.ts'
import type { Store } from '../../shared/store/documents.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import type { ListPage } from './list-page.ts'
import {
  hasChanged,
  listed,
  outcome,
  perform,
  setBlock,
  STRANGERS,
  type Act,
  type List,
  type Pair,
  type Side,
} from './pair-state.ts'

/**
 * Two users share one document, so that every change between them is atomic. `low` is the one whose id sorts first. A pair
 * of users who are strangers again is kept: it remembers their last commands, and it is in no list, so no page reads it.
 */
interface PairDocument extends PairRecord {
  readonly low_side: Side
  readonly high_side: Side
  /** Which list each is in for the other: copied from the sides, for the indexes. */
  readonly low_list: ReturnType<typeof listed>
  readonly high_list: ReturnType<typeof listed>
  readonly note?: string | undefined
}

/** Bounds for one user: their contacts, their own pending requests, and the users whom they block. */
const MAX = { contacts: 5_000, requests: 1_000, blocks: 1_000 }

export type ContactBook = ReturnType<typeof contactBook>

/** Stores contacts, contact requests and blocks. Each command changes a pair once, by its id and order. */
export function contactBook(store: Store) {
  const pairs = store.collection<PairDocument>(PAIRS)

  /** Changes the pair as seen by `user`, and resolves with it as `user` sees it afterwards. */
  async function change(user: UserId, other: UserId, decide: (pair: Pair) => Pair): Promise<Pair> {
    const after = await pairs.change(pairKey(user, other), (now) => {
      const pair = seenBy(user, now)
      const next = decide(pair)
      return next === pair ? now : documentOf(user, other, next)
    })
    return seenBy(user, after)
  }

  /** Reads the outcome from the changed pair, so that a redelivered command gets the same outcome. */
  async function act<A extends Act>(what: A, user: UserId, other: UserId, command: CommandRef, note?: string) {
    return outcome(await change(user, other, (pair) => perform(pair, what, command, note)), what, command.id)
  }

  /** Reads one page of these lists, in the order of the other users' ids. */
  async function page(user: UserId, lists: readonly List[], { cursor, limit }: ListPage) {
    const peer = cursor ?? '' // sorts before every id
    const from = { after: { _id: pairKey(user, peer), low: peer, high: peer }, limit: limit + 1 }
    const found: PairDocument[] = []
    for (const list of lists) {
      found.push(...(await pairs.find({ by: 'by_high', where: { high: user, high_list: list }, ...from })))
      found.push(...(await pairs.find({ by: 'by_low', where: { low: user, low_list: list }, ...from })))
    }
    const docs = found.toSorted((a, b) => (otherIn(a, user) < otherIn(b, user) ? -1 : 1)).slice(0, limit)
    const last = found.length > limit ? docs.at(-1) : undefined
    return { docs, cursor: last && otherIn(last, user) }
  }

  /** The user's side before this command; undefined when the pair already has this command's change. */
  async function before(user: UserId, other: UserId, command: CommandRef): Promise<Side | undefined> {
    const { mine } = seenBy(user, await pairs.get(pairKey(user, other)))
    return mine.recent?.some(({ id }) => id === command.id) ? undefined : mine
  }

  /** Tells whether this list of the user's has reached its bound. */
  async function isFull(user: UserId, list: 'contacts' | 'blocks'): Promise<boolean> {
    const limit = MAX[list]
    const count =
      (await pairs.count({ by: 'by_high', where: { high: user, high_list: list }, limit })) +
      (await pairs.count({ by: 'by_low', where: { low: user, low_list: list }, limit }))
    return count >= limit
  }

  /** @throws {Refusal} `conflict` when the user may have no more contacts */
  async function checkContacts(user: UserId): Promise<void> {
    if (!(await isFull(user, 'contacts'))) return
    throw refuse('conflict', { user_id: `you have ${MAX.contacts} contacts: remove one first` })
  }

  /** @throws {Refusal} `conflict` when either of the two may have no more contacts */
  async function checkBoth(user: UserId, other: UserId): Promise<void> {
    await checkContacts(user)
    if (!(await isFull(other, 'contacts'))) return
    throw refuse('conflict', { user_id: `has ${MAX.contacts} contacts: they must remove one first` })
  }

  /** @throws {Refusal} `conflict` when the user may have no more pending requests */
  async function checkAsking(user: UserId): Promise<void> {
    await checkContacts(user) // otherwise nobody could accept the request
    const limit = MAX.requests
    if ((await pairs.count({ by: 'by_asker', where: { asker: user }, limit })) < limit) return
    throw refuse('conflict', { user_id: `${limit} requests of yours are pending: cancel one first` })
  }

  return {
    // The bounds are checked in the same way whether or not the other blocks the user, so that no answer reveals a block.
    /** @throws {Refusal} `conflict` when the user has too many pending requests, or either of the two too many contacts */
    async request(user: UserId, other: UserId, note: string | undefined, command: CommandRef) {
      const mine = await before(user, other, command)
      if (mine?.sees === 'none' && !mine.blocks) await checkAsking(user)
      if (mine?.sees === 'requesting' && !mine.blocks) await checkBoth(user, other)
      return act('request', user, other, command, note)
    },
    /** @throws {Refusal} `conflict` when either of the two has too many contacts */
    async accept(user: UserId, other: UserId, command: CommandRef) {
      const mine = await before(user, other, command)
      if (mine?.sees === 'requesting' && !mine.blocks) await checkBoth(user, other)
      return act('accept', user, other, command)
    },
    reject: (user: UserId, other: UserId, command: CommandRef) => act('reject', user, other, command),
    cancel: (user: UserId, other: UserId, command: CommandRef) => act('cancel', user, other, command),
    remove: (user: UserId, other: UserId, command: CommandRef) => act('remove', user, other, command),

    /** Contacts and pending requests, without users whom `user` blocks. */
    async contacts(user: UserId, at: ListPage) {
      const { docs, cursor } = await page(user, ['contacts', 'requests'], at)
      const contacts = docs.flatMap((doc) => {
        const { mine, note } = seenBy(user, doc)
        return mine.sees === 'none' ? [] : [{ user_id: otherIn(doc, user), state: mine.sees, note }]
      })
      return { contacts, cursor }
    },

    /**
     * Resolves with whether the block is new; a redelivered command gets the same answer.
     * @throws {Refusal} `conflict` when the user blocks too many users
     */
    async block(user: UserId, other: UserId, command: CommandRef) {
      const mine = await before(user, other, command)
      if (mine?.blocks === false && (await isFull(user, 'blocks'))) {
        throw refuse('conflict', { user_id: `you block ${MAX.blocks} users: unblock one first` })
      }
      return hasChanged(await change(user, other, (pair) => setBlock(pair, true, command)), command.id)
    },
    unblock: async (user: UserId, other: UserId, command: CommandRef) =>
      hasChanged(await change(user, other, (pair) => setBlock(pair, false, command)), command.id),
    async blocked(user: UserId, at: ListPage) {
      const { docs, cursor } = await page(user, ['blocks'], at)
      return { users: docs.map((doc) => otherIn(doc, user)), cursor }
    },
  }
}

function otherIn(doc: PairDocument, user: UserId): UserId {
  return doc.low === user ? doc.high : doc.low
}

function seenBy(user: UserId, doc: PairDocument | undefined): Pair {
  if (!doc) return STRANGERS
  const { low_side, high_side, note } = doc
  return doc.low === user ? { mine: low_side, theirs: high_side, note } : { mine: high_side, theirs: low_side, note }
}

function documentOf(user: UserId, other: UserId, { mine, theirs, note }: Pair): PairDocument {
  const [low, low_side, high, high_side] = user < other ? [user, mine, other, theirs] : [other, theirs, user, mine]
  const [low_list, high_list] = [listed(low_side), listed(high_side)]
  const asker = low_side.sees === 'requested' ? low : high_side.sees === 'requested' ? high : undefined
  return { _id: pairKey(low, high), low, high, low_side, high_side, low_list, high_list, asker, note }
}
