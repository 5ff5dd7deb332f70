import { afterEach, expect, test } from '@jest/globals'
import { readConfig } from '../shared/config.ts'
import { openLog } from '../shared/log.ts'
import { execute, openWorkshop } from '../shared/runtime/execute.ts'
import { handlerSettings } from '../shared/runtime/handler-settings.ts'
import { groupsIn, loadGroup } from '../shared/runtime/scan.ts'
import type { Store } from '../shared/store/documents.ts'
import type { Done } from '../shared/wire/done.ts'
import { userIdOf } from '../shared/wire/user-id.ts'
import { dyingAfter } from './dying-store.ts'
import { ownData, type OwnData } from './own-data.ts'
import { HANDLERS } from './stage.ts'
import { isTried } from './tried.ts'

// A handler that dies after any of its writes runs again with the same command, and must have the same effects.

const commands = new Map(
  (await Promise.all((await groupsIn(HANDLERS)).map((group) => loadGroup(HANDLERS, group)))).flatMap((all) => [...all]),
)

const opened: OwnData[] = []
afterEach(async () => {
  for (const data of opened.splice(0)) await data.close()
})

async function newStore(): Promise<Store> {
  const data = await ownData()
  opened.push(data)
  return data.store()
}

/** A command of one user, whose input may use earlier answers. */
type Line = [user: string, command: string, input: object | ((said: Record<string, unknown>[]) => object)]

const both: Line[] = [
  ['alice', 'request_contact', { user_id: 'bob' }],
  ['bob', 'accept_contact', { user_id: 'alice' }],
]
const group: Line[] = [
  ...both,
  ['alice', 'request_contact', { user_id: 'carl' }],
  ['carl', 'accept_contact', { user_id: 'alice' }],
  ['alice', 'create_group', { title: 'Some', members: ['bob'] }],
]
const inGroup = (more: object) => (said: Record<string, unknown>[]) => ({ group_id: said[4]!['group_id'], ...more })
const written: Line[] = [...both, ['alice', 'send_message', { to: 'bob', body: 'hello' }]]
const aboutIt = (more: object) => (said: Record<string, unknown>[]) => ({ message_id: said[2]!['message_id'], ...more })

const SDP = 'v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\n'
const called: Line[] = [...both, ['alice', 'signal', { target: 'bob', type: 'offer', body: SDP, call_id: 'c1' }]]
const conference: Line[] = [
  ['alice', 'create_conference', { title: 'Some' }],
  ['bob', 'join_conference', ([made]) => ({ conference_id: made!['conference_id'], token: made!['token'] })],
]
const inIt = (more: object) => (said: Record<string, unknown>[]) => ({
  conference_id: said[0]!['conference_id'],
  ...more,
})

const PLAYS: Record<string, Line[]> = {
  accept_contact: both,
  reject_contact: [both[0]!, ['bob', 'reject_contact', { user_id: 'alice' }]],
  cancel_contact_request: [both[0]!, ['alice', 'cancel_contact_request', { user_id: 'bob' }]],
  remove_contact: [...both, ['alice', 'remove_contact', { user_id: 'bob' }]],
  block_user: [...both, ['alice', 'block_user', { user_id: 'bob' }]],
  unblock_user: [
    ['alice', 'block_user', { user_id: 'bob' }],
    ['alice', 'unblock_user', { user_id: 'bob' }],
  ],
  update_profile: [...both, ['alice', 'update_profile', { fields: { name: 'Alice Cooper', mood: 'fine' } }]],
  set_status: [...both, ['alice', 'set_status', { status: 'busy' }]],
  send_message: written,
  edit_message: [...written, ['alice', 'edit_message', aboutIt({ body: 'bye' })]],
  delete_message: [...written, ['alice', 'delete_message', aboutIt({})]],
  ack_message: [...written, ['bob', 'ack_message', (said) => ({ message_ids: [said[2]!['message_id']] })]],
  mark_read: [...written, ['bob', 'mark_read', { with: 'alice', up_to: 1 }]],
  set_receipts: [['alice', 'set_receipts', { read: false }]],
  create_group: group,
  change_group_title: [...group, ['alice', 'change_group_title', inGroup({ title: 'Other' })]],
  add_member: [...group, ['alice', 'add_member', inGroup({ user_id: 'carl' })]],
  remove_member: [...group, ['alice', 'remove_member', inGroup({ user_id: 'bob' })]],
  leave_group: [...group, ['alice', 'leave_group', inGroup({})]],
  set_member_role: [...group, ['alice', 'set_member_role', inGroup({ user_id: 'bob', role: 'owner' })]],
  'signal an offer': called,
  'signal an answer': [...called, ['bob', 'signal', { target: 'alice', type: 'answer', body: SDP, call_id: 'c1' }]],
  'signal a bye': [...called, ['bob', 'signal', { target: 'alice', type: 'bye', call_id: 'c1' }]],
  create_conference: conference.slice(0, 1),
  join_conference: conference,
  leave_conference: [...conference, ['bob', 'leave_conference', inIt({})]],
  end_conference: [...conference, ['alice', 'end_conference', inIt({})]],
  'send_message to a group': [...group, ['bob', 'send_message', inGroup({ body: 'hello' })]],
}

/** Commands on one store; later ones use answers of earlier ones. */
function stageOf(lines: Line[], store: Store) {
  const said: Record<string, unknown>[] = []
  const run = (line: number, on = store): Promise<Done> => {
    const [user, command, input] = lines[line]!
    const stamp = {
      'command-id': `${user}/${line}`,
      'user-id': userIdOf(user),
      'client-id': 'phone',
      attempt: 1,
      at: new Date(1_700_000_000_000 + line).toISOString(),
      traceparent: '',
      order: line + 1,
    }
    const payload = Buffer.from(JSON.stringify(typeof input === 'function' ? input(said) : input))
    const shop = openWorkshop(on, handlerSettings(readConfig({})), openLog('silent', 'test'))
    return execute(command, commands.get(command)!, payload, stamp, shop)
  }
  /** Runs the first n commands, which must succeed. */
  async function runFirst(count: number): Promise<void> {
    for (let line = 0; line < count; line++) {
      const end = await run(line)
      if (end.outcome !== 'done') throw new Error(`line ${line}: ${JSON.stringify(end)}`)
      said.push(end.events[0]!.fields)
    }
  }
  return { run, runFirst }
}

/** Runs the commands on a new store; the last one dies after its nth write, and runs again. Resolves with its result. */
async function play(lines: Line[], dies = 0): Promise<{ end: Done; died: boolean }> {
  const store = await newStore()
  const { run, runFirst } = stageOf(lines, store)
  await runFirst(lines.length - 1)
  const first = dies > 0 ? await run(lines.length - 1, dyingAfter(store, dies)) : undefined
  const end = await run(lines.length - 1)
  await store.close()
  return { end, died: first?.outcome === 'retry' }
}

/** A result without random parts. */
function bare(end: Done): string {
  return JSON.stringify(end).replace(/"token":"[^"]*"/g, '')
}

test.each(Object.keys(PLAYS))('%s', async (name) => {
  const lines = PLAYS[name]!
  const { end } = await play(lines)
  expect(end.outcome).toBe('done')
  let deaths = 0
  for (let died = true; died;) {
    const again = await play(lines, deaths + 1)
    died = again.died
    if (!died) break
    deaths++
    expect(bare(again.end)).toBe(bare(end))
  }
  expect(deaths).toBeGreaterThan(0)
})

test('every command that changes something is listed here, or has such a test of its own', () => {
  const plays = Object.values(PLAYS).flat()
  const played = new Set(plays.map(([, command]) => command))
  const only = /^(?:get|search|invite)_|^typing$|^signal_conference$|^send_conference_message$/ // commands that read or notify
  const changing = [...commands].filter(
    ([name, { internal, uses, replyTo }]) =>
      !internal && Object.keys(uses).length > 0 && replyTo !== 'client' && !only.test(name),
  )
  const left = changing.map(([name]) => name).filter((name) => !played.has(name) && !isTried(name, 'crashes: true'))
  expect(left).toEqual([]) // calls(command, input, { crashes: true }) tests it
})

// Several commands of one user start before the result of the first is stored. After a crash all of them run again.

const AUDIO = 'v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\n'
const onCall = (by: string, target: string, ...types: string[]): Line[] =>
  types.map((type) => {
    const body = type === 'offer' || type === 'answer' ? AUDIO : undefined
    return [by, 'signal', { target, type, call_id: 'c1', ...(body && { body }) }]
  })
const says = (by: string, ...bodies: string[]): Line[] => bodies.map((body) => [by, 'send_message', inGroup({ body })])
const withCarl: Line[] = [...group, ['alice', 'add_member', inGroup({ user_id: 'carl' })]]

const BEGUN: Record<string, [before: Line[], begun: Line[]]> = {
  'reading further and further in a group': [
    [...withCarl, ...says('alice', 'a'), ...says('carl', 'b')],
    [3, 4].map((up_to) => ['bob', 'mark_read', inGroup({ up_to })]),
  ],
  'a call that is answered and ended': [called, onCall('bob', 'alice', 'ringing', 'answer', 'candidate', 'bye')],
  'a call that is given up': [both, onCall('alice', 'bob', 'offer', 'candidate', 'candidate', 'cancel')],
  'a call that is declined': [called, onCall('bob', 'alice', 'ringing', 'decline')],
  'coming and going in a group': [
    withCarl,
    [
      ['alice', 'remove_member', inGroup({ user_id: 'bob' })],
      ['alice', 'add_member', inGroup({ user_id: 'bob' })],
      ['alice', 'change_group_title', inGroup({ title: 'Other' })],
      ['alice', 'set_member_role', inGroup({ user_id: 'bob', role: 'owner' })],
      ['alice', 'leave_group', inGroup({})],
    ],
  ],
  'writing, editing and taking back': [
    written,
    [
      ['alice', 'edit_message', aboutIt({ body: 'one' })],
      ['alice', 'edit_message', aboutIt({ body: 'two' })],
      ['alice', 'delete_message', aboutIt({})],
      ['alice', 'send_message', { to: 'bob', body: 'three' }],
    ],
  ],
  'joining, leaving and joining again': [
    conference.slice(0, 1),
    [conference[1]!, ['bob', 'leave_conference', inIt({})], conference[1]!, ['bob', 'leave_conference', inIt({})]],
  ],
}

test.each(Object.keys(BEGUN))('%s, all run again', async (name) => {
  const [before, begun] = BEGUN[name]!
  const store = await newStore()
  const { run, runFirst } = stageOf([...before, ...begun], store)
  await runFirst(before.length)
  const ends: string[][] = [[], []]
  for (const round of ends) for (const i of begun.keys()) round.push(bare(await run(before.length + i)))
  await store.close()
  expect(ends[0]!.filter((end) => !end.includes('"outcome":"done"'))).toEqual([])
  expect(ends[1]).toEqual(ends[0])
})
