import { existsSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from '@jest/globals'
import { readContract, renderDocs, type Contract } from '../scripts/async-api.ts'
import { SECRETS, settings } from '../shared/settings.ts'
import { blocksOf, PAGES, proseOf } from './docs-blocks.ts'
import { ROOT } from './process.ts'

// Parts of the docs are generated from the handlers. After changing a handler: npm run docs

const DOCS = fileURLToPath(new URL('../docs/', import.meta.url))
let contract: Contract
beforeAll(async () => {
  contract = await readContract()
})

test.each([
  ['docs/asyncapi.json', 'asyncapi'],
  ['docs/client.d.ts', 'client'],
  ['client/contract.ts', 'contract'],
  ['test/handlers/declared.ts', 'declared'],
] as const)('%s matches what the handlers declare', async (file, part) => {
  expect(await readFile(`${DOCS}../${file}`, 'utf8')).toBe((await renderDocs())[part])
})

/** A page's anchors on GitHub. */
const anchorsOf = (page: string): string[] =>
  Array.from(proseOf(page).matchAll(/^#+ (.+)$/gm), ([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\- _]/gu, '')
      .replaceAll(' ', '-'),
  )

test.each(PAGES)('every link of %s leads somewhere', (page) => {
  const links = Array.from(proseOf(page).matchAll(/\]\((?!https?:|mailto:)([^)#]*)(?:#([^)]+))?\)/g))
  const dead = links.filter(([, path, anchor]) => {
    const target = path === '' ? page : join(dirname(page), path!)
    return !existsSync(join(ROOT, target)) || (anchor !== undefined && !anchorsOf(target).includes(anchor))
  })
  expect(dead.map(([link]) => link)).toEqual([])
})

test('every page of docs/ is in its index', () => {
  const index = proseOf('docs/README.md')
  const pages = PAGES.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md')
  expect(pages.filter((page) => !index.includes(`(${page.slice('docs/'.length)})`))).toEqual([])
})

const inCode = (page: string): string[] => Array.from(proseOf(page).matchAll(/`([^`\n]+)`/g), ([, code]) => code!)

test.each(PAGES)('every npm script and setting named in %s exists', async (page) => {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { scripts: object }
  const named = inCode(page).concat(blocksOf(page).map(({ text }) => text))
  const run = named.flatMap((code) =>
    Array.from(code.matchAll(/\bnpm run (?:--silent )?([\w:]+)/g), ([, name]) => name!),
  )
  expect(run.filter((name) => !Object.hasOwn(scripts, name))).toEqual([])
  const upper = inCode(page).flatMap((code) => code.match(/^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?==|$)/g) ?? [])
  const files = new Set(SECRETS.map((name) => `${name}_FILE`))
  const isKnown = (name: string): boolean =>
    Object.hasOwn(settings.shape, name) || files.has(name) || OTHER_VARIABLES.has(name)
  expect(upper.filter((name) => !isKnown(name))).toEqual([])
})

test.each(PAGES.filter((page) => page.startsWith('docs/app/') || page.startsWith('docs/operate/')))(
  'every command, event, field and metric named in %s exists',
  async (page) => {
    const catalogue = JSON.stringify(contract)
    const measured = await Promise.all(MEASURING.map((file) => readFile(join(ROOT, file), 'utf8')))
    const callErrors = await readFile(join(ROOT, 'client/calls/call-error.ts'), 'utf8')
    const api = ['route', 'dead-letters', 'users'].map((name) => join(ROOT, `broker/admin/api/${name}.ts`))
    const apiText = (await Promise.all(api.map((file) => readFile(file, 'utf8')))).join('')
    const known = new Set(
      `${catalogue}${measured.join('')}${callErrors}${apiText}${PAGES.flatMap(blocksOf)
        .map(({ text }) => text)
        .join('')}`.match(/\w+/g),
    )
    const words = inCode(page).flatMap((code) => code.match(/\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b/g) ?? [])
    expect(words.filter((word) => !known.has(word) && !OTHER_WORDS.has(word))).toEqual([])
  },
)

test('a debugger starts Jest as npm run jest does, in a shell and in VS Code', async () => {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { scripts: { jest: string } }
  const [, options, jest] = /^node (.*) (\S*jest\.js)$/.exec(scripts.jest)!
  const blocks = blocksOf('CONTRIBUTING.md').map(({ text }) => text)
  expect(blocks.join('\n')).toContain(`node --inspect-brk ${options} ${jest} --runInBand `)
  const launch = await readFile(join(ROOT, '.vscode/launch.json'), 'utf8')
  expect(launch).toContain(`"runtimeArgs": ${JSON.stringify(options!.split(' ')).replaceAll(',', ', ')}`)
})

/** The files that hold the names of metrics and the values of their labels. */
const MEASURING = [
  ...['metrics', 'fullness', 'health'].map((name) => `broker/metrics/${name}.ts`),
  'broker/core/open-core.ts',
  'broker/core/dispatch/group-gauges.ts',
  'broker/front/kind-of-refusal.ts',
  'broker/front/end-reason.ts',
  'shared/metrics/handler-metrics.ts',
]

/** Variables in the docs that are not our settings: Node's, and those of the tests. */
const OTHER_VARIABLES = new Set(['MONGODB_PASSWORD', 'NODE_OPTIONS', 'NO_INSTALL', 'TEST_TIMES'])
/** Names in the docs that are in neither the catalogue nor a block. */
const OTHER_WORDS = new Set([
  'access_token',
  'contact_pairs',
  'dead_letters',
  'jwks_uri',
  'name_claim',
  'nodejs_eventloop_lag_p99_seconds',
  'nodejs_heap_size_used_bytes',
])

test.each(['docs/architecture.md', 'broker/front/aedes/README.md'])(
  'every file that %s names without a path exists',
  async (document) => {
    const names = new Set(
      readdirSync(`${DOCS}../broker`, { recursive: true, encoding: 'utf8' }).map((file) => basename(file)),
    )
    const text = await readFile(`${DOCS}../${document}`, 'utf8')
    const named = Array.from(text.matchAll(/`([a-z-]+\.ts)`/g), ([, name]) => name!)
    expect(named.filter((name) => !names.has(name))).toEqual([])
  },
)

// DESIGN: The catalogue. These names are a contract: a command takes at least these fields, and causes at least these events.
const CATALOGUE: [string, string[], string[]][] = [
  ['request_contact', ['user_id', 'note'], ['contact_request_sent', 'contact_requested']],
  ['accept_contact', ['user_id'], ['contact_added', 'contact_approved']],
  ['reject_contact', ['user_id'], ['contact_updated', 'contact_rejected']],
  ['cancel_contact_request', ['user_id'], ['contact_updated', 'contact_request_cancelled']],
  ['remove_contact', ['user_id'], ['contact_updated', 'contact_removed']],
  ['get_contact_list', ['cursor', 'limit'], ['contact_list']],
  ['block_user', ['user_id'], ['block_list']],
  ['unblock_user', ['user_id'], ['block_list']],
  ['get_block_list', ['cursor', 'limit'], ['block_list']],
  ['get_profile', ['user_id'], ['profile']],
  ['update_profile', ['fields'], ['profile_updated']],
  ['search_profiles', ['q', 'cursor'], ['profile_results']],
  ['get_user_list', [], ['user_list']],
  ['set_status', ['status', 'text'], ['status_set', 'user_online', 'user_offline', 'user_status']],
  ['send_message', ['to', 'group_id', 'body', 'ciphertext', 'hash', 'prev_hash'], ['message_sent', 'message_received']],
  ['ack_message', ['message_ids'], ['receipt_recorded', 'message_delivered']],
  ['mark_read', ['with', 'up_to'], ['receipt_recorded', 'message_read']],
  ['get_messages', ['with', 'before', 'limit'], ['messages']],
  ['search_messages', ['q'], ['message_results']],
  ['edit_message', ['message_id'], ['message_updated', 'message_edited']],
  ['delete_message', ['message_id'], ['message_removed', 'message_deleted']],
  ['typing', ['to'], ['user_typing']],
  ['create_group', [], ['group_updated', 'group_changed']],
  ['change_group_title', [], ['group_updated', 'group_changed']],
  ['add_member', [], ['group_updated', 'group_changed']],
  ['remove_member', [], ['group_updated', 'group_changed']],
  ['leave_group', [], ['group_updated', 'group_changed']],
  ['signal', ['target', 'type', 'body', 'call_id'], ['signal_relayed', 'signal']],
  ['create_conference', [], ['conference_invited']],
  ['join_conference', ['token'], ['participant_joined', 'participant_resumed']],
  ['leave_conference', [], ['participant_left']],
  ['end_conference', [], []],
  ['signal_conference', [], ['signal']],
  ['send_conference_message', [], ['conference_message']],
  ['get_turn_credentials', ['ttl'], ['turn_credentials']],
  ['whoami', [], ['session_info']],
  ['refresh_session', ['token'], ['session_refreshed']],
  ['sync_events', ['epoch', 'since', 'limit'], ['events_synced']],
]
test.each(CATALOGUE)('%s keeps the names of the catalogue', (name, fields, events) => {
  const declared = contract.commands[name]
  expect(Object.keys(declared?.input.properties ?? {})).toEqual(expect.arrayContaining(fields))
  expect(declared?.events).toEqual(expect.arrayContaining(events))
})

test.each([
  ['message_sent', ['message_id', 'seq']],
  ['signal', ['origin', 'type', 'body']],
  ['turn_credentials', ['username', 'password', 'ttl', 'uris', 'ice_servers']],
  ['command_rejected', ['command', 'code', 'message', 'fields', 'retry_after_ms']],
])('%s has the fields of the catalogue', (event, fields) => {
  expect(Object.keys(contract.events[event]?.properties ?? {})).toEqual(expect.arrayContaining(fields))
})

test('the client knows every command and event', async () => {
  const { client } = await renderDocs()
  for (const name of [...Object.keys(contract.commands), ...Object.keys(contract.events)]) {
    expect(client).toMatch(new RegExp(`^  ${name}: `, 'm'))
  }
})
