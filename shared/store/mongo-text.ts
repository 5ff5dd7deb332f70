import { createHash } from 'node:crypto'
import type { Searchable } from './rules.ts'
import { indexedWordsOf } from '../wire/words.ts'

// Text is searched by an ordinary multikey index over the tokens of each document. Not by `$text`: its compound index may have
// no multikey field before the text (manual, "Text Indexes on Self-Managed Deployments": Restrictions), so it could not be
// narrowed to whom a search is for; it stems words by language, and a collection has one at most.
//
// A document's tokens are all its words for each of its values, `<digest of the value><word>`, as with SQLite.

/** What a document is found by. */
export function documentTokens({ text, within }: Searchable): string[] {
  const words = indexedWordsOf(text)
  return [...new Set(within)].flatMap((value) => tokensFor(value, words))
}

// Digests are of one length, so that no value and word together look like two others; 128 bits, so that nobody makes up a
// value with the digest of another one.
export function tokensFor(value: string, words: readonly string[]): string[] {
  const digest = createHash('sha256').update(value).digest('base64url').slice(0, 22)
  return words.map((word) => digest + word)
}
