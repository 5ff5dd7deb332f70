import { z } from 'zod'
import { isWord } from '../../../shared/wire/topic.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { Acl } from '../../seam/session.ts'
import { isOpenFilter } from '../../seam/topic-filter.ts'

const MAX_ENTRIES = 200
const entries = z.array(z.string().max(1_024)).max(MAX_ENTRIES).optional()
const claim = z.strictObject({ pub: entries, sub: entries })

/**
 * Reads a token's `acl` claim: `{ pub: [...], sub: [...] }`. An entry with a slash (or `#`) grants a filter of open topics. A list
 * that holds any other entry, or is empty, also narrows the user's own rights to the commands (`pub`) and events (`sub`, with or
 * without the user id as prefix) that it names. Entries that name anything else grant nothing.
 * @throws {TypeError} when the claim has another shape: what it meant to forbid is then unknown
 */
export function parseAcl(value: unknown, user: UserId): Acl | undefined {
  if (value === undefined) return undefined
  const parsed = claim.safeParse(value)
  if (!parsed.success) throw new TypeError('acl must be {pub?: [string…], sub?: [string…]}')
  const { pub, sub } = parsed.data
  return {
    pub: pub?.filter(isOpenFilter) ?? [],
    sub: sub?.filter(isOpenFilter) ?? [],
    commands: narrowed(pub, ''),
    events: narrowed(sub, `${user}_`),
  }
}

function narrowed(list: string[] | undefined, own: string): ReadonlySet<string> | undefined {
  if (!list || (list.length > 0 && list.every((entry) => entry.includes('/') || entry === '#'))) return undefined
  const words = list.flatMap((entry) => [entry, ...(entry.startsWith(own) ? [entry.slice(own.length)] : [])])
  return new Set(words.filter(isWord))
}
