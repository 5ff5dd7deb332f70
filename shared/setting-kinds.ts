import { isIP } from 'node:net'
import { z } from 'zod'
import { originOf } from './origin.ts'
import { areTurnUris } from './turn-uris.ts'

// The kinds of values that settings have. An error never repeats the value, which could be a secret.

/** What a table of settings says of each, beside its meaning (`description`) and what its schema tells. */
export interface About {
  description?: string
  /** Of its number. */
  unit?: 'bytes' | 'ms' | 's'
  /** What applies while it is unset, where that is not a fixed value. */
  unset?: string
}

/** Digits only: `0x10`, `1e3` and blanks are mistakes. */
const whole = z
  .string()
  .regex(/^\d{1,16}$/, 'must be a whole number')
  .transform(Number)
export const count = (value: number, min: number, max: number) => whole.pipe(z.int().min(min).max(max)).default(value)
const measured = (unit: About['unit']) => (value: number, min: number, max: number) =>
  count(value, min, max).meta({ unit })
export const bytes = measured('bytes')
export const ms = measured('ms')
export const seconds = measured('s')
export const port = (value: number) => count(value, 0, 65_535)

/** Comma-separated. */
export const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
)
/** An address or a name. An IPv6 address may be in brackets; it cannot have a zone, which no URL can carry. */
export const host = z
  .string()
  .regex(/^(?:\[[\da-f:.]+\]|[^\s/%[\]]+)$/i, 'must be an address or a host name')
  .transform((text) => text.replace(/^\[(.*)\]$/, '$1'))
export const origins = list.transform((all, context) =>
  all.map((one) => {
    const origin = originOf(one)
    if (origin === undefined)
      context.addIssue('must be origins: scheme://host[:port], without a path, comma-separated; or null')
    return origin ?? ''
  }),
)
export const networks = list.refine(
  (all) => all.every(isNetwork),
  'must be IP addresses and networks such as 10.0.0.0/8, comma-separated',
)

const MIN_SECRET = 16
export const secrets = list.refine((all) => all.length > 0 && all.every((one) => one.length >= MIN_SECRET), {
  message: `each must have at least ${MIN_SECRET} characters`,
})
/** `group=key` pairs. A group may have several keys. */
export const keysOfGroups = z.string().default('').transform(groupKeys)

export const turnUris = z
  .string()
  .toLowerCase()
  .pipe(list)
  .refine(
    areTurnUris,
    'must be 1 to 16 URIs stun:host[:port] or turn(s):host[:port][?transport=udp|tcp], comma-separated',
  )
export const isMongoUrl = (text: string): boolean => /^mongodb(?:\+srv)?:\/\/[^\s/?]+(?:[/?]\S*)?$/.test(text)
export const coturnDatabase = z
  .string()
  .refine(
    (at) => isMongoUrl(at) || !/^[a-z][a-z0-9+.-]+:\/\//i.test(at),
    'must be the path of a SQLite file, or a mongodb:// URL',
  )

export const notYet = (what: string) =>
  z.never({ error: `${what} is not part of this version; leave it unset` }).optional()

function isNetwork(text: string): boolean {
  const [, address = '', prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const family = isIP(address)
  return family !== 0 && (prefix === undefined || Number(prefix) <= (family === 4 ? 32 : 128))
}

export function json(text: string, context: z.RefinementCtx): unknown {
  try {
    return JSON.parse(text)
  } catch {
    context.addIssue('must be JSON')
    return z.NEVER
  }
}

function groupKeys(text: string, context: z.RefinementCtx): Map<string, string[]> {
  const keys = new Map<string, string[]>()
  for (const pair of text.split(',').map((item) => item.trim())) {
    if (pair === '') continue
    const [, group, key] = /^([A-Za-z0-9][A-Za-z0-9_-]*)=(.+)$/.exec(pair) ?? []
    if (group === undefined || key === undefined || key.length < MIN_SECRET) {
      context.addIssue(`must be group=key pairs, each key with at least ${MIN_SECRET} characters`)
      return z.NEVER
    }
    keys.set(group, [...(keys.get(group) ?? []), key])
  }
  return keys
}
