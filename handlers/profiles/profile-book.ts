import { relationBook, withinOneEvent, type Relation } from '../shared/contact-pairs.ts'
import type { Context, HandlerSettings } from '../../shared/runtime/command.ts'
import type { Document, Store } from '../../shared/store/documents.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import { nameIndex } from './name-index.ts'
import { MAX_FIELDS, type ProfileChange, type ProfileFields } from './profile-fields.ts'

interface ProfileDocument extends Document {
  /** The user's id. */
  readonly _id: UserId
  readonly fields: ProfileFields
  /** The order of the command that changed it last. */
  readonly order: number
}

type Shown = Record<string, string | number | boolean>

/** Profiles whose names are indexed again at a time. */
const AT_ONCE = 10

/** Stores users' profiles, finds them by name, and decides who sees which fields. */
export function profileBook(store: Store, settings: HandlerSettings) {
  const profiles = store.collection<ProfileDocument>({ name: 'profiles' })
  const names = nameIndex(store)
  const relations = relationBook(store, settings)

  /** Repeats until the indexed name is the profile's: another process may change it meanwhile. */
  async function indexAgain(user: UserId): Promise<void> {
    for (let order: number | undefined; ;) {
      const profile = await profiles.get(user)
      if (!profile || profile.order === order) return
      await names.set(user, profile.fields.name)
      order = profile.order
    }
  }

  return {
    /** Rebuilds the index of names that an older version folded, before the group's first command. Several processes may do so at once. */
    async prepare(): Promise<void> {
      if (await names.isFolded()) return
      for (let after: { _id: string } | undefined; ;) {
        const page = await profiles.find({ limit: AT_ONCE, ...(after && { after }) })
        await Promise.all(page.map(({ _id }) => indexAgain(_id)))
        if (page.length < AT_ONCE) break
        after = page.at(-1)!
      }
      await names.setFolded()
    },

    /** Sets and removes fields. Changes nothing when a later command of the user was already applied. */
    async change(user: UserId, change: ProfileChange, { order }: Pick<Context['command'], 'order'>): Promise<void> {
      const after = await profiles.change(user, (now) => {
        if (now && now.order >= order) return now
        const fields = Object.fromEntries(
          Object.entries({ ...now?.fields, ...change }).filter(([, value]) => value !== null),
        ) as ProfileFields
        if (Object.keys(fields).length > MAX_FIELDS)
          throw refuse('bad_payload', { fields: `a profile holds at most ${MAX_FIELDS}: remove some first` })
        return { _id: user, fields, order }
      })
      if ('name' in change) await names.set(user, after?.fields.name)
    },

    /** What `asker` may see of a user's profile. A missing user looks like one without a profile, and a block like being a stranger. */
    async seenBy(asker: UserId, user: UserId): Promise<Shown> {
      const [found, stands] = [await profiles.get(user), await relations.between(asker, user)]
      return found ? visible(found.fields, stands) : {}
    },

    /** Finds users by the words of their names, best matches first: at most `limit`, after `cursor`. */
    async search(query: string, cursor: string | undefined, limit: number) {
      const found = (await names.find(query)).filter(({ place }) => cursor === undefined || place > cursor)
      const page = found.slice(0, limit)
      const all = await profiles.getMany(page.map(({ user }) => user))
      return {
        profiles: page.flatMap(({ user }) => {
          const one = all.get(user)
          return one ? [{ user_id: user, fields: publicOf(one.fields) }] : []
        }),
        ...(found.length > limit && { cursor: page.at(-1)!.place }),
      }
    },

    /** The contacts who hear of a change: all of them, as far as one event can reach. */
    hearersOf: async (user: UserId) => withinOneEvent(await relations.contactsOf(user), settings),
  }
}

function visible(fields: ProfileFields, stands: Relation): Shown {
  return stands === 'self' || stands === 'contact' ? fields : publicOf(fields)
}

function publicOf({ name, avatar }: ProfileFields) {
  return { ...(name !== undefined && { name }), ...(avatar !== undefined && { avatar }) }
}
