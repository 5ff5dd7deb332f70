/** A user's id as it stands in topics: issuer alias and subject, made topic-safe. Made only by the functions here. */
export type UserId = string & { readonly __brand: 'UserId' }

/** Longest id in characters, after encoding. A longer subject is refused, never cut: two cut ones could meet. */
export const MAX_USER_ID = 512

const SAFE = /^(?:[A-Za-z0-9\-.~:|@]|%[0-9A-F]{2})+$/

/**
 * Makes the user id of a token's subject. Every byte outside `A-Z a-z 0-9 - . ~ : | @` is percent-encoded, `_` and `%`
 * included, so an id holds no `_ / + # $` and different subjects never share one.
 * @param alias of the token's issuer; none for the one issuer that has no alias
 * @throws {TypeError} when the subject is no string, empty, not well-formed Unicode, or too long when encoded
 */
export function userIdOf(sub: unknown, alias?: string): UserId {
  if (typeof sub !== 'string' || sub === '') throw new TypeError('sub must be a non-empty string')
  if (!sub.isWellFormed()) throw new TypeError('sub is not well-formed Unicode')
  if (sub.length > MAX_USER_ID) throw new TypeError(`sub is longer than ${MAX_USER_ID} characters`)
  const id = (alias === undefined ? '' : `${alias}:`) + sub.replace(/[^A-Za-z0-9\-.~:|@]/gu, percentEncoded)
  if (id.length > MAX_USER_ID) throw new TypeError(`the user id is longer than ${MAX_USER_ID} characters`)
  return id as UserId
}

/** Tells whether a text is a user id in its one canonical spelling. */
export function isUserId(text: unknown): text is UserId {
  return typeof text === 'string' && text.length <= MAX_USER_ID && SAFE.test(text)
}

function percentEncoded(character: string): string {
  let out = ''
  for (const byte of Buffer.from(character)) out += '%' + byte.toString(16).toUpperCase().padStart(2, '0')
  return out
}
