import { createHash } from 'node:crypto'
import type { Searchable } from './rules.ts'
import { indexedWordsOf } from '../wire/words.ts'

// Text is searched by an ordinary multikey index over each document's tokens. Not by `$text`: its compound index cannot have a multikey
// field before the text (manual, "Text Indexes on Self-Managed Deployments": Restrictions), so it could not be narrowed to a search's
// values; it also stems words by language, and a collection can have only one.
//
// A document's tokens are `<digest of the value><word>` for each of its values and words, as with SQLite.

/** The tokens by which searches find a document. */
export function documentTokens({ text, within }: Searchable): string[] {
  const words = indexedWordsOf(text)
  return [...new Set(within)].flatMap((value) => tokensFor(value, words))
}

// Digests have one length, so that no value and word look like another pair, and 128 bits, so that nobody can make up a value with the
// digest of another.
export function tokensFor(value: string, words: readonly string[]): string[] {
  const digest = createHash('sha256').update(value).digest('base64url').slice(0, 22)
  return words.map((word) => digest + word)
}
