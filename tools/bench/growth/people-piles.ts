import { PAIRS } from '../../../handlers/shared/contact-pairs.ts'
import { PRESENCE } from '../../../handlers/shared/presence-state.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import { nameIndex } from '../../../handlers/profiles/name-index.ts'
import { pair, present } from './documents.ts'
import { by, times, type Ask, type Pile, type Place } from './pile.ts'

// The other people of one user.

const STATUS = (i: number): object => ({ status: i % 2 ? 'away' : 'busy' })
const ONLINE = (i: number): object => ({ online: i % 2 === 1 })
const named = (user: UserId): object => ({ user_id: user })

/** Each command by which two users become or stop being contacts, each time with other users. */
function dealings({ me, stranger }: Place): Record<string, Ask> {
  const one = (at: number, i: number): UserId => stranger(1_000 * at + i)
  const asks = (user: UserId, other: UserId) => [user, 'request_contact', named(other)] as const
  return {
    request_contact: by(me, (i) => named(one(1, i))),
    'request_contact, crossing': (i) => ({ user: me, input: named(one(2, i)), first: [asks(one(2, i), me)] }),
    accept_contact: (i) => ({ user: me, input: named(one(3, i)), first: [asks(one(3, i), me)] }),
    'accept_contact, of theirs': (i) => ({ user: one(4, i), input: named(me), first: [asks(me, one(4, i))] }),
    reject_contact: (i) => ({ user: me, input: named(one(5, i)), first: [asks(one(5, i), me)] }),
    cancel_contact_request: (i) => ({ user: me, input: named(one(6, i)), first: [asks(me, one(6, i))] }),
    remove_contact: (i) => {
      const first = [asks(one(7, i), me), [me, 'accept_contact', named(one(7, i))]] as const
      return { user: me, input: named(one(7, i)), first }
    },
    block_user: by(me, (i) => named(one(8, i))),
    unblock_user: (i) => ({ user: me, input: named(one(9, i)), first: [[me, 'block_user', named(one(9, i))]] }),
  }
}

/** Commands that read a user's people, or notify them. */
const looks = ({ me, other }: Place): Record<string, Ask> => ({
  get_contact_list: by(me),
  get_block_list: by(me),
  get_user_list: by(me),
  set_status: by(me, STATUS),
  presence_changed: by(me, ONLINE),
  update_profile: by(me, (i) => ({ fields: { about: `the ${i}th` } })),
  get_profile: by(me, (i) => named(other(i))),
})

/** Others who all have the same relation to the user. */
function pairs(what: string, pairOf: (place: Place, other: UserId) => ReturnType<typeof pair>, most?: number): Pile {
  return {
    what,
    ...(most !== undefined && { most }),
    async fill(place) {
      await place.insert(
        PAIRS,
        times(place.size, (i) => pairOf(place, place.other(i))),
      )
      return { ...dealings(place), ...looks(place) }
    },
  }
}

export const PEOPLE: readonly Pile[] = [
  {
    what: 'contacts online',
    most: 4_900,
    async fill(place) {
      const { me, other, size, insert } = place
      await insert(PRESENCE, [me, ...times(size, other)].map(present))
      await insert(
        PAIRS,
        times(size, (i) => pair(me, 'contact', other(i))),
      )
      return { ...dealings(place), ...looks(place) }
    },
  },
  {
    what: 'contacts offline',
    most: 4_900,
    async fill({ me, other, size, insert }) {
      await insert(PRESENCE, [present(me)])
      await insert(
        PAIRS,
        times(size, (i) => pair(me, 'contact', other(i))),
      )
      return { get_user_list: by(me), set_status: by(me, STATUS) }
    },
  },
  pairs('own pending requests', ({ me }, other) => pair(me, 'asks', other), 900),
  pairs('requests from others', ({ me }, other) => pair(other, 'asks', me)),
  pairs('blocked users', ({ me }, other) => pair(me, 'blocks', other), 900),
  {
    what: 'users online, with ACCESS=everyone',
    settings: { ACCESS: 'everyone' },
    async fill({ me, other, size, insert }) {
      await insert(PRESENCE, [me, ...times(size, other)].map(present))
      return { get_user_list: by(me), set_status: by(me, STATUS), presence_changed: by(me, ONLINE) }
    },
  },
  {
    what: 'users online who block the user, with ACCESS=everyone',
    settings: { ACCESS: 'everyone' },
    async fill({ me, other, size, insert }) {
      await insert(PRESENCE, [me, ...times(size, other)].map(present))
      await insert(
        PAIRS,
        times(size, (i) => pair(other(i), 'blocks', me)),
      )
      return { get_user_list: by(me), set_status: by(me, STATUS), get_block_list: by(me) }
    },
  },
  {
    what: 'profiles of one name',
    async fill({ me, other, size, insert, store }) {
      await insert(
        { name: 'profiles' },
        times(size, (i) => ({ _id: other(i), fields: { name: 'Ann' }, order: 0 })),
      )
      const names = nameIndex(store)
      for (let i = 0; i < size; i += 200) {
        await Promise.all(times(Math.min(200, size - i), (more) => names.set(other(i + more), 'Ann')))
      }
      return {
        search_profiles: by(me, () => ({ q: 'Ann' })),
        update_profile: by(me, (i) => ({ fields: { name: i % 2 ? 'Ann' : 'Anna' } })),
        get_profile: by(me, (i) => named(other(i))),
      }
    },
  },
  {
    what: 'TURN credentials of an hour',
    most: 900,
    settings: { TURN_URIS: 'turn:localhost', TURN_SECRET: 'a secret of the bench', TURN_CREDENTIALS_PER_USER: '1000' },
    async fill({ me, size, insert }) {
      const given = times(size, (i) => ({ id: `c${i}`, at: Date.now(), expiry: 0 }))
      await insert({ name: 'turn_credentials_given' }, [Object.assign({ _id: me }, { given })])
      return { get_turn_credentials: by(me) }
    },
  },
]
