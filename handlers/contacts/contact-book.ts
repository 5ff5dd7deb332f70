import { pairKey, PAIRS, type PairRecord } from '../../shared/people/pairs.ts'
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
  type Cause,
  type List,
  type Pair,
  type Side,
} from './pair-state.ts'

/**
 * Two users in one document, so that whatever happens between them is one atomic change. `low` is the one whose id sorts
 * first. A pair that says nothing any more stays: it remembers the last commands, and being in no list it costs no page.
 */
interface PairDocument extends PairRecord {
  readonly low_side: Side
  readonly high_side: Side
  /** What the indexes need to know of the sides. */
  readonly low_list: ReturnType<typeof listed>
  readonly high_list: ReturnType<typeof listed>
  readonly note?: string | undefined
}

/** Of one user: contacts, requests of theirs that nobody has answered, and users whom they block. */
const MOST = { contacts: 5_000, requests: 1_000, blocks: 1_000 }

export type ContactBook = ReturnType<typeof contactBook>

/**
 * Who is whose contact, who has asked whom, who blocks whom. A command's id and order make its change
 * happen once.
 */
export function contactBook(store: Store) {
  const pairs = store.collection<PairDocument>(PAIRS)

  /** Changes the pair as `user` stands to `other`, and resolves with how he stands then. */
  async function change(user: UserId, other: UserId, decide: (pair: Pair) => Pair): Promise<Pair> {
    const after = await pairs.change(pairKey(user, other), (now) => {
      const pair = seenBy(user, now)
      const next = decide(pair)
      return next === pair ? now : documentOf(user, other, next)
    })
    return seenBy(user, after)
  }

  /** The outcome is read off the pair as it is afterwards, exactly as when the command comes again after a crash. */
  async function act<A extends Act>(what: A, user: UserId, other: UserId, cause: Cause, note?: string) {
    return outcome(await change(user, other, (pair) => perform(pair, what, cause, note)), what, cause.id)
  }

  /** In the order of the others' ids. */
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

  /** How `user` stands to `other` before this command; undefined when the pair has been through it. */
  async function before(user: UserId, other: UserId, cause: Cause): Promise<Side | undefined> {
    const { mine } = seenBy(user, await pairs.get(pairKey(user, other)))
    return mine.recent?.some(({ id }) => id === cause.id) ? undefined : mine
  }

  /** Has the user as many in this list as they may? */
  async function isFull(user: UserId, list: 'contacts' | 'blocks'): Promise<boolean> {
    const limit = MOST[list]
    const count =
      (await pairs.count({ by: 'by_high', where: { high: user, high_list: list }, limit })) +
      (await pairs.count({ by: 'by_low', where: { low: user, low_list: list }, limit }))
    return count >= limit
  }

  /** @throws {Refusal} `conflict` when the user may have no more contacts */
  async function checkContacts(user: UserId): Promise<void> {
    if (!(await isFull(user, 'contacts'))) return
    throw refuse('conflict', { user_id: `you have ${MOST.contacts} contacts: remove one first` })
  }

  /** @throws {Refusal} `conflict` when one of the two, of whom `other` has asked, may have no more contacts */
  async function checkBoth(user: UserId, other: UserId): Promise<void> {
    await checkContacts(user)
    if (!(await isFull(other, 'contacts'))) return
    throw refuse('conflict', { user_id: `has ${MOST.contacts} contacts: they must remove one first` })
  }

  /** @throws {Refusal} `conflict` when the user may ask nobody else */
  async function checkAsking(user: UserId): Promise<void> {
    await checkContacts(user) // nobody could accept it
    const limit = MOST.requests
    if ((await pairs.count({ by: 'by_asker', where: { asker: user }, limit })) < limit) return
    throw refuse('conflict', { user_id: `${limit} requests of yours are pending: cancel one first` })
  }

  return {
    // What may be is checked alike whether the other blocks the user or not, so that no answer tells.
    /** @throws {Refusal} `conflict` when too many requests of the user's are pending, or one of both has too many contacts */
    async request(user: UserId, other: UserId, note: string | undefined, cause: Cause) {
      const mine = await before(user, other, cause)
      if (mine?.sees === 'none' && !mine.blocks) await checkAsking(user)
      if (mine?.sees === 'requesting' && !mine.blocks) await checkBoth(user, other)
      return act('request', user, other, cause, note)
    },
    /** @throws {Refusal} `conflict` when one of both has too many contacts */
    async accept(user: UserId, other: UserId, cause: Cause) {
      const mine = await before(user, other, cause)
      if (mine?.sees === 'requesting' && !mine.blocks) await checkBoth(user, other)
      return act('accept', user, other, cause)
    },
    reject: (user: UserId, other: UserId, cause: Cause) => act('reject', user, other, cause),
    cancel: (user: UserId, other: UserId, cause: Cause) => act('cancel', user, other, cause),
    remove: (user: UserId, other: UserId, cause: Cause) => act('remove', user, other, cause),

    /** Contacts and pending requests, without those whom he blocks. */
    async contacts(user: UserId, at: ListPage) {
      const { docs, cursor } = await page(user, ['contacts', 'requests'], at)
      const contacts = docs.flatMap((doc) => {
        const { mine, note } = seenBy(user, doc)
        return mine.sees === 'none' ? [] : [{ user_id: otherIn(doc, user), state: mine.sees, note }]
      })
      return { contacts, cursor }
    },

    /**
     * Resolves with whether that changed anything; the same when the command comes again.
     * @throws {Refusal} `conflict` when the user blocks too many
     */
    async block(user: UserId, other: UserId, cause: Cause) {
      const mine = await before(user, other, cause)
      if (mine?.blocks === false && (await isFull(user, 'blocks'))) {
        throw refuse('conflict', { user_id: `you block ${MOST.blocks} users: unblock one first` })
      }
      return hasChanged(await change(user, other, (pair) => setBlock(pair, true, cause)), cause.id)
    },
    unblock: async (user: UserId, other: UserId, cause: Cause) =>
      hasChanged(await change(user, other, (pair) => setBlock(pair, false, cause)), cause.id),
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
