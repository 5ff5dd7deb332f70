import type { Collection, Document, Store } from '../../shared/store/documents.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import { seatOf, type ConferenceDocument } from './conference-state.ts'

/** The most conferences that one user is in at a time. */
const MAX_CONFERENCES = 32
const PAGE = 100

/** A hint where to find a user's conferences. Whether they are in one is only what the conference's own document says. */
interface SeatDocument extends Document {
  readonly user: UserId
  readonly conference: string
}

/** Finds the conferences that a user may be in, by hints, and bounds their number. */
export function conferenceSeats(store: Store, conferences: Collection<ConferenceDocument>) {
  const seats = store.collection<SeatDocument>({
    name: 'conference_seats',
    indexes: { by_user: { fields: ['user', 'conference'] } },
  })
  const keyOf = (user: UserId, conference: string): string => `${user} ${conference}`
  const remove = (user: UserId, conference: string) => seats.remove(keyOf(user, conference))

  async function list(user: UserId): Promise<string[]> {
    const all: string[] = []
    for (let after = { _id: '', conference: '' }, isMore = true; isMore;) {
      const page = await seats.find({ by: 'by_user', where: { user }, after, limit: PAGE })
      all.push(...page.map(({ conference }) => conference))
      isMore = page.length === PAGE
      if (isMore) after = page.at(-1)!
    }
    return all
  }

  /** Removes left-over hints when the bound is reached. @throws {Refusal} `conflict` when the user is in too many conferences */
  async function checkRoom(user: UserId): Promise<void> {
    const hinted = await list(user)
    if (hinted.length < MAX_CONFERENCES) return
    let taken = 0
    for (const id of hinted) {
      const found = await conferences.get(id)
      if (found && !found.ended && seatOf(found, user)) taken++
      else await remove(user, id)
    }
    if (taken < MAX_CONFERENCES) return
    throw refuse('conflict', undefined, `you are in ${MAX_CONFERENCES} conferences: leave one first`)
  }

  return {
    list,
    remove,
    /** Adds a hint, before the user takes the seat. @throws {Refusal} `conflict` when the user is in too many conferences */
    async add(user: UserId, conference: string): Promise<void> {
      const _id = keyOf(user, conference)
      if (!(await seats.get(_id))) await checkRoom(user)
      await seats.insert({ _id, user, conference })
    },
  }
}
