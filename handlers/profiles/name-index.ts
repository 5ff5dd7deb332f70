import type { Document, Store } from '../../shared/store/documents.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import { FOLDING } from '../../shared/wire/words.ts'
import { askedIn, distance, restsOf, wordsOf } from './name-terms.ts'

/** A term by which a user is found: a word of their name, or a word with a letter left out. One more document holds the version of the folding. */
interface TermDocument extends Document {
  readonly kind: 'word' | 'rest' | 'folding'
  readonly term: string
  readonly user: string
  /** The whole name, so that a search need not read the profile of every candidate. */
  readonly name?: string
}

/** A user whose name matches a search. `place` sorts the best matches first, and serves as a cursor. */
export interface NameFound {
  readonly user: UserId
  readonly place: string
}

/** Terms read for one search: words with the searched beginning, and documents for each rest. */
const [MAX_WORDS, MAX_RESTS] = [300, 50]
/** The most terms that one user can have. */
const MAX_TERMS = 500
const FOLDED = 'folding'

/** Indexes users by the terms of their names. */
export function nameIndex(store: Store) {
  const terms = store.collection<TermDocument>({
    name: 'profile_terms',
    indexes: { by_term: { fields: ['kind', 'term', 'user'] }, by_user: { fields: ['user'] } },
  })

  return {
    /** Replaces the user's terms by those of this name. May be repeated after a crash, with the same result. */
    async set(user: UserId, name: string | undefined): Promise<void> {
      const wanted = termsOf(user, name)
      const had = await terms.find({ by: 'by_user', where: { user }, limit: MAX_TERMS })
      const same = new Set(had.filter((one) => one.name === name).map(({ _id }) => _id))
      await Promise.all([
        ...had.filter(({ _id }) => !wanted.has(_id)).map(({ _id }) => terms.remove(_id)),
        ...[...wanted.values()].filter(({ _id }) => !same.has(_id)).map((term) => terms.change(term._id, () => term)),
      ])
    },

    /** Finds users whose names match, best first. */
    async find(query: string): Promise<NameFound[]> {
      const longest = askedIn(query).toSorted((a, b) => b.length - a.length)[0] // the fewest names match it
      if (longest === undefined) return []
      const behind = { _id: '', term: longest, user: '' }
      const words = await terms.find({ by: 'by_term', where: { kind: 'word' }, after: behind, limit: MAX_WORDS })
      const rests = await Promise.all(
        restsOf(longest).map((term) => terms.find({ by: 'by_term', where: { kind: 'rest', term }, limit: MAX_RESTS })),
      )
      const found = new Map<string, NameFound>()
      for (const { user, name } of [...words.filter(({ term }) => term.startsWith(longest)), ...rests.flat()]) {
        const far = name === undefined || found.has(user) ? undefined : distance(query, name)
        if (far !== undefined) found.set(user, { user: user as UserId, place: `${far} ${user}` })
      }
      return [...found.values()].toSorted((a, b) => (a.place < b.place ? -1 : 1))
    },

    isFolded: async () => (await terms.get(FOLDED))?.term === String(FOLDING),
    async setFolded(): Promise<void> {
      await terms.change(FOLDED, () => ({ _id: FOLDED, kind: FOLDED, term: String(FOLDING), user: '' }))
    },
  }
}

function termsOf(user: UserId, name: string | undefined): Map<string, TermDocument> {
  const wanted = new Map<string, TermDocument>()
  if (name === undefined) return wanted
  for (const word of wordsOf(name)) {
    for (const [kind, all] of [['word', [word]] as const, ['rest', restsOf(word)] as const]) {
      for (const term of all) {
        const _id = `${kind} ${term} ${user}`
        wanted.set(_id, { _id, kind, term, user, name })
      }
    }
  }
  return wanted
}
