import { people, withinOneEvent } from '../../shared/people/pairs.ts'
import { PRESENCE, shownOf, type PresenceRecord, type Shown, type Status } from '../../shared/people/presence.ts'
import { aTurn } from '../../shared/people/turn.ts'
import type { Context, HandlerSettings } from '../../shared/runtime/command.ts'
import type { Store } from '../../shared/store/documents.ts'
import { MAX_BEGUN } from '../../shared/wire/stamp.ts'
import type { UserId } from '../../shared/wire/user-id.ts'

type Cause = Readonly<Pick<Context['command'], 'id' | 'order'>>

/** What those who see him hear of a change. */
export type Heard = 'online' | 'offline' | 'status' | 'nothing'

interface PresenceDocument extends PresenceRecord {
  /** When his last connection ended, in ISO 8601. */
  readonly last_seen?: string | undefined
  readonly shows_last_seen: boolean
  /** His last commands, and what was heard of them: to know them when they come again after a crash. */
  readonly recent: readonly (Cause & { readonly heard: Heard })[]
}

/** Users looked at at a time; between two times others have their turn. */
const AT_ONCE = 50
/** Users looked at for one page of a list, and, with ACCESS=everyone, for one change beside the contacts. */
const MOST_LOOKED_AT = 1_000

/** A user looked at, and what of their presence the one who looks may see. */
interface LookedAt {
  readonly user: UserId
  readonly shown: Shown | undefined
}

/** Who is there, what he says of it, and who may see it. */
export function presenceBook(store: Store, settings: HandlerSettings) {
  const states = store.collection<PresenceDocument>(PRESENCE)
  const around = people(store, settings)

  /** Changes a user's state once; resolves with it, and with what is to be heard: the same when the command comes again. */
  async function change(user: UserId, cause: Cause, next: (now: PresenceDocument) => PresenceDocument) {
    const after = await states.change(user, (found) => {
      const now: PresenceDocument = found ?? NEW(user)
      if (now.recent.some((one) => one.id === cause.id || one.order > cause.order)) return found
      const changed = next(now)
      const shown = changed.online && changed.status !== 'invisible'
      const recent = [...now.recent, { ...cause, heard: heardOf(shownOf(now), shownOf(changed)) }].slice(-MAX_BEGUN)
      return { ...changed, shown, recent }
    })
    return { state: after!, heard: after!.recent.find(({ id }) => id === cause.id)?.heard ?? 'nothing' }
  }

  /** Everybody who is there and shows it, in the order of their ids, behind `after`, as far as `user` may see. */
  async function* everyone(user: UserId, after = ''): AsyncGenerator<LookedAt[]> {
    for (let place = after, isMore = true; isMore;) {
      const behind = { _id: place }
      const page = await states.find({ by: 'by_shown', where: { shown: true }, after: behind, limit: AT_ONCE })
      const look = async (state: PresenceDocument): Promise<LookedAt> => {
        const maySee = state._id !== user && (await around.mayReach(user, state._id))
        return { user: state._id, shown: maySee ? shownOf(state) : undefined }
      }
      yield await Promise.all(page.map(look))
      isMore = page.length === AT_ONCE
      if (isMore) {
        await aTurn()
        place = page.at(-1)!._id
      }
    }
  }

  /** The same of a user's contacts, those who are away too. */
  async function* contacts(user: UserId, after?: UserId): AsyncGenerator<LookedAt[]> {
    for await (const page of around.contacts(user, after)) {
      for (let i = 0; i < page.length; i += AT_ONCE) {
        if (i > 0) await aTurn()
        const some = page.slice(i, i + AT_ONCE)
        yield await Promise.all(some.map(async (one) => ({ user: one, shown: shownOf(await states.get(one)) })))
      }
    }
  }

  return {
    connected: (user: UserId, online: boolean, at: Date, cause: Cause) =>
      change(user, cause, (now) => ({ ...now, online, ...(!online && { last_seen: at.toISOString() }) })),

    setStatus: (user: UserId, said: { status: Status; text?: string; shows_last_seen?: boolean }, cause: Cause) =>
      change(user, cause, ({ text: _text, ...now }) => ({
        ...now,
        ...said,
        shows_last_seen: said.shows_last_seen ?? now.shows_last_seen,
      })),

    /**
     * Who hears of it when this user comes and goes: the contacts, and with ACCESS=everyone others who are there, as far as
     * so many go into one event.
     */
    async watchers(user: UserId): Promise<UserId[]> {
      const found = new Set(await around.contactsOf(user))
      if (settings.access === 'everyone') {
        let looked = 0
        for await (const some of everyone(user)) {
          for (const one of some) if (one.shown) found.add(one.user)
          looked += some.length
          if (looked >= MOST_LOOKED_AT) break
        }
      }
      return withinOneEvent([...found], settings)
    },

    /**
     * Those who are there, as far as `asker` may see: a page in the order of their ids, behind `cursor`. With a cursor there
     * may be more, also when they are fewer than `limit`.
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
        if (looked >= MOST_LOOKED_AT) return { users, cursor: some.at(-1)!.user }
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
