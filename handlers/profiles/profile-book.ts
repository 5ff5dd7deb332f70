import { people, withinOneEvent, type Relation } from '../../shared/people/pairs.ts'
import type { Context, HandlerSettings } from '../../shared/runtime/command.ts'
import type { Document, Store } from '../../shared/store/documents.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import { distance, restsOf, wordsOf } from './name-terms.ts'
import { MAX_FIELDS, type ProfileChange, type ProfileFields } from './profile-fields.ts'

interface ProfileDocument extends Document {
  /** The user's id is the key. */
  readonly _id: UserId
  readonly fields: ProfileFields
  /** The order of the command that changed it last. */
  readonly order: number
}

type Shown = Record<string, string | number | boolean>

/** A way to find a user: a word of his name, or the rest of one. */
interface TermDocument extends Document {
  readonly kind: 'word' | 'rest'
  readonly term: string
  readonly user: UserId
}

/** Users looked at for one page of results, at most. */
const MOST_LOOKED_AT = 300

export type ProfileBook = ReturnType<typeof profileBook>

/** Who says what of himself, and to whom it is shown. */
export function profileBook(store: Store, settings: HandlerSettings) {
  const profiles = store.collection<ProfileDocument>({ name: 'profiles' })
  const terms = store.collection<TermDocument>({
    name: 'profile_terms',
    indexes: { by_term: { fields: ['kind', 'term', 'user'] }, by_user: { fields: ['user'] } },
  })
  const around = people(store, settings)

  /** Makes the user's terms those of his name. Comes to the same however often it is begun. */
  async function index(user: UserId, name: string | undefined): Promise<void> {
    const words = wordsOf(name ?? '')
    const wanted = new Map<string, TermDocument>()
    for (const word of words) {
      for (const [kind, all] of [['word', [word]] as const, ['rest', restsOf(word)] as const]) {
        for (const term of all)
          wanted.set(`${kind} ${term} ${user}`, { _id: `${kind} ${term} ${user}`, kind, term, user })
      }
    }
    const had = await terms.find({ by: 'by_user', where: { user }, limit: 200 })
    for (const { _id } of had) if (!wanted.delete(_id)) await terms.remove(_id)
    for (const term of wanted.values()) await terms.insert(term)
  }

  /** Users whose name may answer to this word. */
  async function candidates(word: string): Promise<Set<UserId>> {
    const found = new Set<UserId>()
    const from = { _id: '', term: word, user: '' }
    for (const doc of await terms.find({
      by: 'by_term',
      where: { kind: 'word' },
      after: from,
      limit: MOST_LOOKED_AT,
    })) {
      if (!doc.term.startsWith(word)) break
      found.add(doc.user)
    }
    for (const term of restsOf(word)) {
      for (const doc of await terms.find({ by: 'by_term', where: { kind: 'rest', term }, limit: 50 }))
        found.add(doc.user)
    }
    return found
  }

  return {
    /** Sets and takes away fields. A command that a later one has overtaken changes nothing. */
    async change(user: UserId, change: ProfileChange, { order }: Pick<Context['command'], 'order'>): Promise<void> {
      const after = await profiles.change(user, (now) => {
        if (now && now.order >= order) return now
        const fields = Object.fromEntries(
          Object.entries({ ...now?.fields, ...change }).filter(([, value]) => value !== null),
        ) as ProfileFields
        if (Object.keys(fields).length > MAX_FIELDS)
          throw refuse('bad_payload', { fields: `would be more than ${MAX_FIELDS}` })
        return { _id: user, fields, order }
      })
      if ('name' in change) await index(user, after?.fields.name)
    },

    /** What `asker` may see of a user. Nobody can tell a user without a profile from none, nor a block from being a stranger. */
    async seenBy(asker: UserId, user: UserId): Promise<Shown> {
      const [found, stands] = [await profiles.get(user), await around.relation(asker, user)]
      return found ? visible(found.fields, stands) : {}
    },

    /** Users by the words of their names, best first: 50 at most, behind `cursor`. */
    async search(query: string, cursor: string | undefined, limit: number) {
      const words = wordsOf(query)
      if (words.length === 0) return { profiles: [] }
      const longest = words.toSorted((a, b) => b.length - a.length)[0]! // the fewest answer to it
      const found: { place: string; user_id: UserId; fields: ReturnType<typeof publicOf> }[] = []
      for (const user of await candidates(longest)) {
        const profile = await profiles.get(user)
        const far = profile?.fields.name === undefined ? undefined : distance(query, profile.fields.name)
        if (far === undefined || !profile) continue
        found.push({ place: `${far} ${user}`, user_id: user, fields: publicOf(profile.fields) })
      }
      const sorted = found.toSorted((a, b) => (a.place < b.place ? -1 : 1))
      const page = sorted.filter(({ place }) => cursor === undefined || place > cursor)
      const shown = page.slice(0, limit)
      return {
        profiles: shown.map(({ user_id, fields }) => ({ user_id, fields })),
        ...(page.length > limit && { cursor: shown.at(-1)!.place }),
      }
    },

    /** Those of his contacts who hear of a change: all, unless they are thousands. */
    hearersOf: async (user: UserId) => withinOneEvent(await around.contactsOf(user), settings),
  }
}

function visible(fields: ProfileFields, stands: Relation): Shown {
  return stands === 'self' || stands === 'contact' ? fields : publicOf(fields)
}

function publicOf({ name, avatar }: ProfileFields) {
  return { ...(name !== undefined && { name }), ...(avatar !== undefined && { avatar }) }
}
