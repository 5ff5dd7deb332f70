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

/** Requests of one user that nobody has answered, and users whom one blocks, at most. */
const [MOST_REQUESTS, MOST_BLOCKS] = [1_000, 1_000]

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

  /** A pair that a command would put into one of the user's lists, where it is not yet. */
  async function isNew(user: UserId, other: UserId, cause: Cause, isIn: (mine: Side) => boolean): Promise<boolean> {
    const { mine } = seenBy(user, await pairs.get(pairKey(user, other)))
    return !isIn(mine) && !mine.recent?.some(({ id }) => id === cause.id)
  }

  async function countBlocks(user: UserId): Promise<number> {
    const limit = MOST_BLOCKS
    return (
      (await pairs.count({ by: 'by_high', where: { high: user, high_list: 'blocks' }, limit })) +
      (await pairs.count({ by: 'by_low', where: { low: user, low_list: 'blocks' }, limit }))
    )
  }

  return {
    /** @throws {Refusal} `conflict` when too many requests of the user's are pending */
    async request(user: UserId, other: UserId, note: string | undefined, cause: Cause) {
      // Counted alike whether the other blocks the user or not, so that no answer tells.
      const isAsking = await isNew(user, other, cause, ({ sees, blocks }) => sees !== 'none' || blocks)
      if (
        isAsking &&
        (await pairs.count({ by: 'by_asker', where: { asker: user }, limit: MOST_REQUESTS })) >= MOST_REQUESTS
      ) {
        throw refuse('conflict', { user_id: `${MOST_REQUESTS} requests of yours are pending: cancel one first` })
      }
      return act('request', user, other, cause, note)
    },
    accept: (user: UserId, other: UserId, cause: Cause) => act('accept', user, other, cause),
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
      if ((await isNew(user, other, cause, ({ blocks }) => blocks)) && (await countBlocks(user)) >= MOST_BLOCKS) {
        throw refuse('conflict', { user_id: `you block ${MOST_BLOCKS} users: unblock one first` })
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
