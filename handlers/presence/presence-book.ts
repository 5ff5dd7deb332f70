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

const PAGE = 200
/** Users looked at before others have their turn. */
const AT_ONCE = 50
/** Users told of a change with ACCESS=everyone, at most. */
const MOST_TOLD = 10_000

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

  /** Everybody who is there and shows it, in the order of their ids. */
  async function* shown(after = ''): AsyncGenerator<PresenceDocument> {
    for (let from = after; ;) {
      const page = await states.find({ by: 'by_shown', where: { shown: true }, after: { _id: from }, limit: PAGE })
      for (const [i, one] of page.entries()) {
        if (i % AT_ONCE === 0) await aTurn()
        yield one
      }
      if (page.length < PAGE) return
      from = page.at(-1)!._id
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

    /** Who sees this user come and go: all who may, unless they are thousands. */
    async watchers(user: UserId): Promise<UserId[]> {
      if (settings.access === 'contacts') return withinOneEvent(await around.contactsOf(user), settings)
      const found: UserId[] = []
      for await (const { _id } of shown()) {
        if (_id !== user && (await around.mayReach(_id, user))) found.push(_id)
        if (found.length === MOST_TOLD) break
      }
      return withinOneEvent(found, settings)
    },

    /** Those who are there, as far as `asker` may see: a page in the order of their ids, behind `cursor`. */
    async active(
      asker: UserId,
      cursor: UserId | undefined,
      limit: number,
    ): Promise<{ users: Shown[]; cursor?: UserId }> {
      const users: Shown[] = []
      const add = (state: PresenceDocument | undefined): void => {
        const one = shownOf(state)
        if (one) users.push(one)
      }
      if (settings.access === 'contacts') {
        const contacts = (await around.contactsOf(asker)).toSorted()
        for (const [i, user] of contacts.entries()) {
          if (cursor !== undefined && user <= cursor) continue
          if (i % AT_ONCE === 0) await aTurn()
          add(await states.get(user))
          if (users.length > limit) break
        }
      } else {
        for await (const state of shown(cursor)) {
          if (state._id !== asker && (await around.mayReach(asker, state._id))) add(state)
          if (users.length > limit) break
        }
      }
      const page = users.slice(0, limit)
      return { users: page, ...(users.length > limit && { cursor: page.at(-1)!.user_id }) }
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
