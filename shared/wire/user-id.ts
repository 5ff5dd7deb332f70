import { z } from 'zod'

/** A user's id as used in topics: issuer alias and subject, made topic-safe. Only the functions here make one. */
export type UserId = string & { readonly __brand: 'UserId' }

/** The most characters of an encoded id. A longer subject is refused and not cut: two cut ones could be equal. */
export const MAX_USER_ID = 512

const SAFE = /^(?:[A-Za-z0-9\-.~:|@]|%[0-9A-F]{2})+$/

/**
 * Makes a user id from a token's subject. Every byte outside `A-Z a-z 0-9 - . ~ : | @` is percent-encoded, `_` and `%`
 * included, so an id holds no `_ / + # $` and different subjects never share one.
 * @param alias the issuer's alias, if it has one
 * @throws {TypeError} when the subject is not a string, is empty, is not well-formed Unicode, or is too long when encoded
 */
export function userIdOf(sub: unknown, alias?: string): UserId {
  if (typeof sub !== 'string' || sub === '') throw new TypeError('sub must be a non-empty string')
  if (!sub.isWellFormed()) throw new TypeError('sub is not well-formed Unicode')
  if (sub.length > MAX_USER_ID) throw new TypeError(`sub is longer than ${MAX_USER_ID} characters`)
  const id = (alias === undefined ? '' : `${alias}:`) + sub.replace(/[^A-Za-z0-9\-.~:|@]/gu, percentEncoded)
  if (id.length > MAX_USER_ID) throw new TypeError(`the user id is longer than ${MAX_USER_ID} characters`)
  return id as UserId
}

/** Tells whether a value is a user id in its canonical spelling. */
export function isUserId(text: unknown): text is UserId {
  return typeof text === 'string' && text.length <= MAX_USER_ID && SAFE.test(text)
}

function percentEncoded(character: string): string {
  let out = ''
  for (const byte of Buffer.from(character)) out += '%' + byte.toString(16).toUpperCase().padStart(2, '0')
  return out
}

/** The schema of a field that holds a user id in its canonical spelling. */
export const userIdField = z.custom<UserId>(isUserId, 'is not a user id')
