import { z } from 'zod'
import { isWord } from '../../../shared/wire/topic.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { Acl } from '../../seam/session.ts'
import { isOpenFilter } from '../../seam/topic-filter.ts'

const MAX_ENTRIES = 200
const entries = z.array(z.string().max(1_024)).max(MAX_ENTRIES).optional()
const claim = z.strictObject({ pub: entries, sub: entries })

/**
 * Reads a token's `acl` claim: `{ pub: [...], sub: [...] }`. An entry with a slash (or `#`) is the filter of open topics that it
 * adds. A list with any other entry, or none at all, also narrows what the user has of his own to the commands (`pub`) and the
 * events (`sub`, with or without his id before them) that it names. What names anything else grants nothing.
 * @throws {TypeError} when the claim is not of this shape: nobody knows then what it was to forbid
 */
export function parseAcl(value: unknown, user: UserId): Acl | undefined {
  if (value === undefined) return undefined
  const parsed = claim.safeParse(value)
  if (!parsed.success) throw new TypeError('acl must be {pub?: [text…], sub?: [text…]}')
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
