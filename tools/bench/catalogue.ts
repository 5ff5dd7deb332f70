import { fileURLToPath } from 'node:url'
import { openTurn } from '../../handlers/turn-settings.ts'
import { readConfig } from '../../shared/config.ts'
import { openLog } from '../../shared/log.ts'
import { pairKey } from '../../handlers/shared/contact-pairs.ts'
import { conversations, idFrom, type MessageRecord } from '../../handlers/shared/message-chain.ts'
import { execute, openWorkshop } from '../../shared/runtime/execute.ts'
import { handlerSettings } from '../../shared/runtime/handler-settings.ts'
import { groupsIn, loadGroup, type Commands } from '../../shared/runtime/scan.ts'
import type { Store } from '../../shared/store/documents.ts'
import type { Done } from '../../shared/wire/done.ts'
import { userIdOf } from '../../shared/wire/user-id.ts'

// Commands of the catalogue, run as a handler process runs them, without a broker, on growing data.

export const HANDLERS = fileURLToPath(new URL('../../handlers', import.meta.url))
/** Messages of one pair of users. The users of each pair have profiles and are contacts. */
const OWN = 100

const one = (couple: number): string => `one${couple}`
const other = (couple: number): string => `other${couple}`

export type Play = (user: string, command: string, input: object) => Promise<Done>

/** All declared commands. */
export async function commandsOf(): Promise<Commands> {
  const groups = await Promise.all((await groupsIn(HANDLERS)).map((group) => loadGroup(HANDLERS, group)))
  return new Map(groups.flatMap((group) => [...group]))
}

/** Runs commands on a store as if they had just arrived. These settings override the defaults. */
export async function openPlay(store: Store, over: Readonly<Record<string, string>> = {}): Promise<Play> {
  const commands = await commandsOf()
  const config = readConfig(over)
  const settings = handlerSettings(config, openTurn(config))
  const shop = openWorkshop(store, settings, openLog('silent', 'bench'))
  let order = 0
  return async (user, name, input) => {
    const stamp = {
      'command-id': `${user}/~${++order}`,
      'user-id': userIdOf(user),
      'client-id': 'bench',
      attempt: 1,
      at: new Date().toISOString(),
      traceparent: '',
      order,
    }
    const end = await execute(name, commands.get(name)!, Buffer.from(JSON.stringify(input)), stamp, shop)
    if (end.outcome !== 'done') throw new Error(`${name}: ${JSON.stringify(end)}`)
    return end
  }
}

/** Stores these pairs, the last excluded, with their messages. */
export async function fill(store: Store, play: Play, from: number, to: number, tell: (done: number) => void) {
  const { messages } = conversations(store)
  for (let couple = from; couple < to; couple++) {
    const [a, b] = [userIdOf(one(couple)), userIdOf(other(couple))]
    await play(a, 'request_contact', { user_id: b })
    await play(b, 'accept_contact', { user_id: a })
    for (const user of [a, b]) await play(user, 'update_profile', { fields: { name: `Person ${user}` } })
    const all = Array.from({ length: OWN }, (_, i): MessageRecord => ({
      _id: idFrom(`${a}-${i}`),
      conversation: pairKey(a, b),
      seq: i + 1,
      from: i % 2 ? a : b,
      to: i % 2 ? b : a,
      scopes: [`user ${a}`, `user ${b}`],
      body: `the snow of ${i % 7} winters`,
      hash: '0'.repeat(64),
      sent_at: new Date(1_700_000_000_000 + i).toISOString(),
    }))
    await Promise.all(all.map((message) => messages.insert(message)))
    if (couple % 20 === 0) tell((couple + 1) * OWN)
  }
}

/** One call of each command, each time by another pair. */
export function plays(play: Play, couples: number): Record<string, (i: number) => Promise<unknown>> {
  const some = (i: number): number => (i * 7919 + 13) % couples
  const by =
    (command: string, input: (couple: number, i: number) => object) =>
    (i: number): Promise<Done> =>
      play(one(some(i)), command, input(some(i), i))
  return {
    send_message: by('send_message', (couple) => ({ to: other(couple), body: 'once more' })),
    get_messages: by('get_messages', (couple) => ({ with: other(couple) })),
    search_messages: by('search_messages', () => ({ q: 'snow winters' })),
    mark_read: by('mark_read', (couple) => ({ with: other(couple), up_to: 50 })),
    get_contact_list: by('get_contact_list', () => ({})),
    get_user_list: by('get_user_list', () => ({})),
    set_status: by('set_status', () => ({ status: 'busy' })),
    get_profile: by('get_profile', (couple) => ({ user_id: other(couple) })),
    search_profiles: by('search_profiles', (couple) => ({ q: `Person ${other(couple)}` })),
    request_contact: by('request_contact', (_, i) => ({ user_id: `new${couples}-${i}` })),
    get_group_list: by('get_group_list', () => ({})),
    get_call_list: by('get_call_list', () => ({})),
  }
}
