import { relationBook, withinOneEvent } from '../shared/contact-pairs.ts'
import { PRESENCE, shownOf, type PresenceRecord, type Shown, type Status } from '../shared/presence-state.ts'
import { giveWay } from '../shared/give-way.ts'
import type { CommandRef, HandlerSettings } from '../../shared/runtime/command.ts'
import type { Store } from '../../shared/store/documents.ts'
import { MAX_BEGUN } from '../../shared/wire/stamp.ts'
import type { UserId } from '../../shared/wire/user-id.ts'

/** What those who may see a user hear of a change. */
export type Heard = 'online' | 'offline' | 'status' | 'nothing'

interface PresenceDocument extends PresenceRecord {
  /** When the user's last connection closed, in ISO 8601. */
  readonly last_seen?: string | undefined
  readonly shows_last_seen: boolean
  /** The user's last commands and what others heard of them, to recognise a redelivered command. */
  readonly recent: readonly (Pick<CommandRef, 'id' | 'order'> & { readonly heard: Heard })[]
}

/** Users read at a time, before giving way to other work. */
const AT_ONCE = 50
/** Users read for one page of a list and, with ACCESS=everyone, besides the contacts for one change. */
const MAX_LOOKED_AT = 1_000

/** A user whose presence was read, and what the asker may see of it. */
interface LookedAt {
  readonly user: UserId
  readonly shown: Shown | undefined
}

/** Stores who is online and with which status, and decides who may see it. */
export function presenceBook(store: Store, settings: HandlerSettings) {
  const states = store.collection<PresenceDocument>(PRESENCE)
  const relations = relationBook(store, settings)

  /** Changes a user's state once per command. Resolves with the state and what others hear; the same on redelivery. */
  async function change(user: UserId, command: CommandRef, next: (now: PresenceDocument) => PresenceDocument) {
    const after = await states.change(user, (found) => {
      const now: PresenceDocument = found ?? NEW(user)
      if (now.recent.some((one) => one.id === command.id || one.order > command.order)) return found
      const changed = next(now)
      const shown = changed.online && changed.status !== 'invisible'
      const done = { id: command.id, order: command.order, heard: heardOf(shownOf(now), shownOf(changed)) }
      return { ...changed, shown, recent: [...now.recent, done].slice(-MAX_BEGUN) }
    })
    return { state: after!, heard: after!.recent.find(({ id }) => id === command.id)?.heard ?? 'nothing' }
  }

  /** Yields everyone who is online and not invisible, by user id, after `after`, with what `user` may see of them. */
  async function* everyone(user: UserId, after = ''): AsyncGenerator<LookedAt[]> {
    for (let place = after, isMore = true; isMore;) {
      const behind = { _id: place }
      const page = await states.find({ by: 'by_shown', where: { shown: true }, after: behind, limit: AT_ONCE })
      const maySee = await relations.mayReachMany(
        user,
        page.map(({ _id }) => _id),
      )
      yield page.map((state, i) => {
        return { user: state._id, shown: state._id !== user && maySee[i] ? shownOf(state) : undefined }
      })
      isMore = page.length === AT_ONCE
      if (isMore) {
        await giveWay()
        place = page.at(-1)!._id
      }
    }
  }

  /** Yields all contacts of `user`, online or not, with what `user` may see of them. */
  async function* contacts(user: UserId, after?: UserId): AsyncGenerator<LookedAt[]> {
    for await (const page of relations.contacts(user, after)) {
      for (let i = 0; i < page.length; i += AT_ONCE) {
        if (i > 0) await giveWay()
        const some = page.slice(i, i + AT_ONCE)
        const found = await states.getMany(some)
        yield some.map((one) => ({ user: one, shown: shownOf(found.get(one)) }))
      }
    }
  }

  return {
    connected: (user: UserId, online: boolean, command: CommandRef) =>
      change(user, command, (now) => ({ ...now, online, ...(!online && { last_seen: command.at.toISOString() }) })),

    setStatus: (
      user: UserId,
      said: { status: Status; text?: string; shows_last_seen?: boolean },
      command: CommandRef,
    ) =>
      change(user, command, ({ text: _text, ...now }) => ({
        ...now,
        ...said,
        shows_last_seen: said.shows_last_seen ?? now.shows_last_seen,
      })),

    /**
     * Who hears when this user comes or goes: their contacts and, with ACCESS=everyone, others who are online; no more than
     * one event can go to.
     */
    async watchers(user: UserId): Promise<UserId[]> {
      const found = new Set(await relations.contactsOf(user))
      if (settings.access === 'everyone') {
        let looked = 0
        for await (const some of everyone(user)) {
          for (const one of some) if (one.shown) found.add(one.user)
          looked += some.length
          if (looked >= MAX_LOOKED_AT) break
        }
      }
      return withinOneEvent([...found], settings)
    },

    /**
     * A page of the users who are online, as far as `asker` may see, by user id, after `cursor`. When the result has a cursor
     * there may be more, even with fewer than `limit` users.
     */
    async active(
      asker: UserId,
      cursor: UserId | undefined,
      limit: number,
    ): Promise<{ users: Shown[]; cursor?: UserId }> {
      const users: Shown[] = []
      let looked = 0
      for await (const some of (settings.access === 'contacts' ? contacts : everyone)(asker, cursor)) {
        for (const { shown } of some) if (shown) users.push(shown)
        if (users.length > limit) {
          const page = users.slice(0, limit)
          return { users: page, cursor: page.at(-1)!.user_id }
        }
        looked += some.length
        if (looked >= MAX_LOOKED_AT) return { users, cursor: some.at(-1)!.user }
      }
      return { users }
    },
  }
}

const NEW = (user: UserId): PresenceDocument => ({
  _id: user,
  online: false,
  status: 'available',
  shown: false,
  shows_last_seen: true,
  recent: [],
})

function heardOf(before: Shown | undefined, after: Shown | undefined): Heard {
  if (!before || !after) return after ? 'online' : before ? 'offline' : 'nothing'
  return before.status === after.status && before.text === after.text ? 'nothing' : 'status'
}
