import { computed, signal } from '@preact/signals'
import type { CallingBoard } from '../../client/index.ts'
import { board, isMe } from './board.ts'
import { allPages, read } from './reading.ts'

export type Relation = 'contact' | 'requested' | 'requesting'
export interface Contact {
  readonly user: string
  readonly state: Relation
  readonly note?: string | undefined
}
export interface Presence {
  readonly status: 'available' | 'away' | 'busy'
  readonly text?: string | undefined
}
/** A profile as far as this user may see it. `name`, `avatar` and `status_text` have a meaning; the rest are the user's own. */
export type Profile = Readonly<Record<string, unknown>>
export type OwnStatus = Presence['status'] | 'invisible'

/** Everybody with whom there is something: contacts, and requests in both directions. By user id. */
export const contacts = signal<ReadonlyMap<string, Contact>>(new Map())
/** Those who are online, by user id. */
export const presence = signal<ReadonlyMap<string, Presence>>(new Map())
/** When somebody was last seen, by user id, as far as they tell. */
export const lastSeen = signal<ReadonlyMap<string, string>>(new Map())
export const blocked = signal<ReadonlySet<string>>(new Set())
/** As it was set last; the platform does not tell it to a page that comes later, so this browser keeps it. */
export const ownStatus = signal<{ status: OwnStatus; text?: string | undefined }>({ status: 'available' })
const profiles = signal<ReadonlyMap<string, Profile>>(new Map())
const asked = new Set<string>()

export const friends = computed(() =>
  [...contacts.value.values()].filter(({ state }) => state === 'contact').map(({ user }) => user),
)
/** Requests to this user. */
export const requests = computed(() => [...contacts.value.values()].filter(({ state }) => state === 'requesting'))

/** A user's profile; it is fetched at the first look. */
export function profileOf(user: string): Profile | undefined {
  const known = profiles.value.get(user)
  if (!known && !asked.has(user)) {
    asked.add(user)
    read(() => board().call('get_profile', { user_id: user })).then(
      ({ fields }) => learnProfile(user, fields),
      () => asked.delete(user), // the next look asks again
    )
  }
  return known
}

/** What somebody calls themselves, else their id. */
export function nameOf(user: string): string {
  const name = profileOf(user)?.['name']
  return typeof name === 'string' && name !== '' ? name : user
}

export const nameForMe = (user: string): string => (isMe(user) ? 'You' : nameOf(user))

export function learnProfile(user: string, fields: Profile): void {
  asked.add(user)
  profiles.value = new Map(profiles.value).set(user, { ...profiles.value.get(user), ...fields })
}

function set(user: string, state: Relation | undefined, note?: string): void {
  const next = new Map(contacts.value)
  if (state === undefined) next.delete(user)
  else next.set(user, { user, state, ...(note !== undefined && { note }) })
  contacts.value = next
}

function appears(user: string, now: Presence | undefined, seen?: string): void {
  const next = new Map(presence.value)
  if (now) next.set(user, now)
  else next.delete(user)
  presence.value = next
  if (seen !== undefined) lastSeen.value = new Map(lastSeen.value).set(user, seen)
}

export function watchPeople(one: CallingBoard, { owner }: { owner: string }): void {
  const statusKey = `switchboard.status ${owner}`
  const stored = localStorage.getItem(statusKey)
  if (stored !== null) ownStatus.value = JSON.parse(stored) as typeof ownStatus.value
  // The answers reach all devices of the user, so they tell of what was done on another one, too.
  one.on('contact_request_sent', ({ user_id }) => set(user_id, 'requested'))
  one.on('contact_requested', ({ user_id, note }) => set(user_id, 'requesting', note))
  one.on('contact_added', ({ user_id }) => becomesContact(user_id))
  one.on('contact_approved', ({ user_id }) => becomesContact(user_id))
  for (const event of ['contact_updated', 'contact_rejected', 'contact_request_cancelled'] as const) {
    one.on(event, ({ user_id }) => set(user_id, undefined))
  }
  one.on('contact_removed', ({ user_id }) => set(user_id, undefined))
  one.on('block_list', ({ users, cursor }) => {
    if (cursor === undefined) blocked.value = new Set(users) // else there are more: `fetchPeople` reads them all
  })
  one.on('user_online', ({ user_id, status, text }) => appears(user_id, { status, text }))
  one.on('user_status', ({ user_id, status, text }) => appears(user_id, { status, text }))
  one.on('user_offline', ({ user_id, last_seen }) => appears(user_id, undefined, last_seen))
  one.on('status_set', ({ status, text }) => {
    ownStatus.value = { status, text }
    localStorage.setItem(statusKey, JSON.stringify(ownStatus.value))
  })
  one.on('profile_updated', ({ user_id, fields }) => learnProfile(user_id, fields))
}

/** A contact shows more of their profile than a stranger. */
function becomesContact(user: string): void {
  set(user, 'contact')
  read(() => board().call('get_profile', { user_id: user })).then(
    ({ fields }) => learnProfile(user, fields),
    () => {},
  )
}

export async function fetchPeople(one: CallingBoard): Promise<void> {
  const [list, online, users] = await Promise.all([
    allPages(
      (at) => one.call('get_contact_list', { limit: 100, ...at }),
      (page) => page.contacts,
    ),
    allPages(
      (at) => one.call('get_user_list', { limit: 100, ...at }),
      (page) => page.users,
    ),
    allPages(
      (at) => one.call('get_block_list', { limit: 100, ...at }),
      (page) => page.users,
    ),
  ])
  contacts.value = new Map(list.map(({ user_id: user, state, note }) => [user, { user, state, note }]))
  presence.value = new Map(online.map(({ user_id, status, text }) => [user_id, { status, text }]))
  blocked.value = new Set(users)
}
