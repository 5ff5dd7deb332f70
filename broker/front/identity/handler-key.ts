import { createHash, timingSafeEqual } from 'node:crypto'
import { groupKey } from '../../../shared/group-key.ts'
import type { Catalogue } from '../../../shared/wire/catalogue.ts'
import { groupOfUsername } from '../../../shared/handler-username.ts'
import { KEEPS_TIME } from '../../../shared/wire/member.ts'
import { KEEPS_ORDER } from '../../../shared/wire/stamp.ts'
import { Denied, type Grants, type HandlerSession, type Rights } from '../../seam/session.ts'
import type { BackOff } from './back-off.ts'
import type { Login } from './login.ts'

/** Handler keys. A shared key opens every group; a group's own key opens only what that group declares. */
export interface HandlerKeys {
  shared: readonly string[]
  groups: ReadonlyMap<string, readonly string[]>
  /** Open topics granted to each group. */
  grants: ReadonlyMap<string, Grants>
  backOff: BackOff
}

const GROUP = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/
const NONE: Grants = { pub: [], sub: [] }

/**
 * Admits a handler process. Username `handler` takes a shared key, and the group is the client id up to the first `.`;
 * `handler:<group>` takes one of that group's own keys. Refusals of wrong keys are delayed more and more; a right key is admitted
 * at once.
 * @throws {Denied} with the reason, for the log
 */
export async function admitHandler(
  { client, address, properties }: Login,
  username: string,
  key: string,
  keys: HandlerKeys,
  catalogue: Catalogue,
): Promise<HandlerSession> {
  const own = groupOfUsername(username)
  const group = own ?? client.split('.', 1)[0]!
  const valid = own === undefined ? keys.shared : keysOf(own, keys)
  await keys.backOff.guess(`${address} ${username.slice(0, 80)}`, () => {
    if (!isOneOf(key, valid)) throw new Denied('wrong handler key')
  })
  if (!GROUP.test(group)) throw new Denied('invalid group name: use up to 64 letters, digits, _ and -')
  const id = `$handler/${group}/${client}`
  const keepsOrder = properties[KEEPS_ORDER] === 'true'
  const keepsTime = properties[KEEPS_TIME] === 'true'
  const grants = keys.grants.get(group) ?? NONE
  return { kind: 'handler', id, group, client, rights: rightsOf(own, catalogue), grants, keepsOrder, keepsTime }
}

/** A group's own keys: those configured for it, and those derived from the shared keys. */
function keysOf(group: string, { groups, shared }: HandlerKeys): string[] {
  return [...(groups.get(group) ?? []), ...shared.map((key) => groupKey(key, group))]
}

function rightsOf(own: string | undefined, catalogue: Catalogue): Rights {
  if (own === undefined) return { commands: 'all', events: new Set() }
  const declared = Object.hasOwn(catalogue, own) ? catalogue[own] : undefined
  return { commands: new Set(Object.keys(declared?.commands ?? {})), events: new Set(declared?.events) }
}

/** Compares with every key in constant time, so that timing reveals none of them. */
function isOneOf(key: string, valid: readonly string[]): boolean {
  const given = digest(key)
  let found = false
  for (const one of valid) if (timingSafeEqual(given, digest(one))) found = true
  return found
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
