import { writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { z } from 'zod'
import { readConfig } from '../shared/config.ts'
import { tlsFiles, type Tls } from '../shared/dev-secrets.ts'
import { openLog } from '../shared/log.ts'
import { command, event } from '../shared/runtime/command.ts'
import { handlerSettings, type HandlerSettings } from '../shared/runtime/handler-settings.ts'
import { describe, loadGroup } from '../shared/runtime/scan.ts'
import { serveGroup } from '../shared/runtime/serve.ts'
import type { Store } from '../shared/store/documents.ts'
import { openStore } from '../shared/store/open.ts'
import { Device } from './device.ts'
import { inThisThread } from './in-this-thread.ts'
import { metric } from './metrics.ts'
import { ownData } from './own-data.ts'
import { PlainHandler, type PlainOptions } from './plain-handler.ts'
import { HANDLERS, openStage, type Stage } from './stage.ts'

// What a handler's key allows, and how a plain MQTT client works as a handler.

const NEW = 'the shared key that is new'
const OLD = 'the shared key that is old'
const CONTACTS = 'the key of contacts alone'
const CONTACTS_NEXT = 'the next key of contacts'
const lines: string[] = []
const own: PlainOptions = { username: 'handler:contacts', key: CONTACTS }

let stage: Stage
let alice: Device
beforeAll(async () => {
  const keys = `contacts=${CONTACTS},contacts=${CONTACTS_NEXT},nobody=the key of no group here`
  stage = await openStage([], { HANDLER_KEY: `${NEW},${OLD}`, HANDLER_KEYS: keys }, lines)
  alice = await stage.device('alice')
})
afterAll(() => stage.close())
beforeEach(() => {
  lines.length = 0
})

/** The lines of `/readyz` about a group. */
async function faultsOf(group: string): Promise<string[]> {
  const [first, ...faults] = (await (await fetch(`${stage.admin}/readyz`)).text()).trimEnd().split('\n')
  expect(first).toBe(faults.length > 0 ? 'degraded' : 'ready')
  return faults.filter((fault) => fault.includes(`the group ${group} `))
}

/** The reason code of a publish on MQTT 5; undefined for success. */
function reasonOf(publish: Promise<void>): Promise<number | undefined> {
  return publish.then(
    () => undefined,
    ({ code }: { code: number }) => code,
  )
}

const INTRUDERS: [string, PlainOptions][] = [
  ['a guessed key', { key: 'a key that is guessed' }],
  ['no key', { key: '' }],
  ['the beginning of the key', { key: NEW.slice(0, -1) }],
  ["a group's key for the shared one", { key: CONTACTS }],
  ['the shared key for that of a group', { username: 'handler:contacts', key: NEW }],
  ["another group's key", { username: 'handler:contacts', key: 'the key of no group here' }],
  ['a group that has no key', { username: 'handler:profiles', key: NEW }],
  ['a group that is a word of every object', { username: 'handler:constructor', key: CONTACTS }],
  ['no group', { username: 'handler:', key: CONTACTS }],
]
test.each(INTRUDERS)('a handler with %s is refused; the log says so and shows no key', async (_, login) => {
  for (const [version, code] of [
    [4, 5],
    [5, 0x87],
  ] as const) {
    await expect(PlainHandler.connect(stage, 'contacts.x', { ...login, version })).rejects.toMatchObject({ code })
  }
  const all = lines.join('')
  expect(all.match(/"connect refused"/g)).toHaveLength(2)
  expect(all).toMatch(/wrong handler key/)
  for (const key of [NEW, OLD, CONTACTS, login.key!]) if (key !== '') expect(all).not.toContain(key)
})

test.each([
  ['the shared key', { key: NEW }],
  ['the old shared key', { key: OLD }],
  ["its group's key", own],
  ["its group's next key", { ...own, key: CONTACTS_NEXT }],
])('a handler with %s is admitted, on MQTT 3.1.1 and 5', async (_, login) => {
  for (const version of [4, 5] as const) {
    const handler = await PlainHandler.connect(stage, 'contacts.x', { ...login, version })
    await handler.takes('get_contact_list')
    await handler.mqtt.endAsync()
  }
})

test("a group's own key takes its group's commands and no others", async () => {
  const contacts = await PlainHandler.connect(stage, 'c.1', own)
  await contacts.takes('request_contact')
  for (const foreign of ['add_note', 'whoami', 'contacts', '#', 'alice_events', 'fleet/7/pos', '$SYS/#', '__proto__']) {
    await expect(contacts.takes(foreign)).rejects.toMatchObject({ packet: { granted: [0x87] } })
  }
  const nobody = await PlainHandler.connect(stage, 'n.1', {
    username: 'handler:nobody',
    key: 'the key of no group here',
  })
  await expect(nobody.takes('request_contact')).rejects.toMatchObject({ packet: { granted: [0x87] } })
  await Promise.all([contacts.mqtt.endAsync(), nobody.mqtt.endAsync()])
})

test("a group's own key publishes the events that its group declares and no others", async () => {
  const contacts = await PlainHandler.connect(stage, 'c.1', own)
  await contacts.causes('alice_contact_requested', { user_id: 'bob' })
  expect(await alice.receives('contact_requested')).toMatchObject({ user_id: 'bob' })

  const foreign = ['alice_note_added', 'alice_command_rejected', 'alice_session_info', 'alice_events', 'alice_']
  for (const topic of [
    ...foreign,
    'request_contact',
    'sing',
    '_contact_requested',
    'fleet/7/pos',
    '$SYS/x',
    '$other',
  ]) {
    expect([topic, await reasonOf(contacts.causes(topic, {}))]).toEqual([topic, 0x87])
  }
  expect(contacts.mqtt.connected).toBe(true)
  expect(await alice.unread()).toEqual([])
  await contacts.mqtt.endAsync()
})

test('a $done with an event that the key does not allow fails the attempt', async () => {
  const contacts = await PlainHandler.connect(stage, 'c.1', own)
  await contacts.takes('get_contact_list', 0)
  const id = await alice.sends('get_contact_list', {})
  const { stamp } = await contacts.gets()
  const events = [{ to: 'alice', event: 'note_added', fields: {} }]
  const said = { outcome: 'done', command: stamp['command-id'], attempt: 1, events }
  expect(await reasonOf(contacts.ends(said))).toBe(0x87)
  const again = await contacts.gets()
  expect(again.stamp['attempt']).toBe('2')
  await contacts.causes('alice_contact_list', { contacts: [] }, again.stamp['command-id'])
  expect(await alice.receives('contact_list')).toMatchObject({ re: id })
  expect(await alice.unread()).toEqual([])
  await contacts.mqtt.endAsync()
})

test('no handler publishes a command, even with the shared key: what it publishes is an event', async () => {
  const [notes, other] = [await PlainHandler.connect(stage, 'notes.1'), await PlainHandler.connect(stage, 'other.1')]
  await other.takes('request_contact', 0)
  const request = await stage.device('request', { hears: ['contact'] })
  await notes.causes('request_contact', { user_id: 'bob' })
  expect(await request.receives('contact')).toMatchObject({ user_id: 'bob' })
  for (const word of ['whoami', 'sing', 'alice_events']) expect(await reasonOf(notes.causes(word, {}))).toBe(0x87)
  expect(await reasonOf(notes.ends({ nonsense: true }))).toBe(0x99)
  expect(other.unread).toBe(0)
  await Promise.all([notes.mqtt.endAsync(), other.mqtt.endAsync()])
})

test("no key takes the broker's own commands, the shared one included, and no file may declare them", async () => {
  const notes = await PlainHandler.connect(stage, 'notes.1')
  for (const name of ['whoami', 'sync_events', 'kick_user']) {
    await expect(notes.takes(name)).rejects.toMatchObject({ packet: { granted: [0x87] } })
  }
  for (const topic of ['alice_session_info', 'alice_command_rejected', 'alice_session_expiring']) {
    expect([topic, await reasonOf(notes.causes(topic, {}))]).toEqual([topic, 0x87])
  }
  const rule = { ordered: true, timeoutMs: 1_000, attempts: 1 }
  const declares = (group: string, command: string, events: string[]) =>
    stage.broker.reload({ [group]: { commands: { [command]: rule }, events } })
  await expect(declares('notes', 'whoami', [])).rejects.toThrow('the broker answers whoami itself')
  await expect(declares('notes', 'add_note', ['session_info'])).rejects.toThrow('the event session_info is')
  await expect(declares('session', 'add_note', [])).rejects.toThrow('the group name session is reserved')
  expect(await alice.unread()).toEqual([])
  await notes.mqtt.endAsync()
})

test('a handler receives no events, whatever it subscribes to', async () => {
  const curious = await PlainHandler.connect(stage, 'notes.1')
  for (const topic of ['alice_events', 'request_contact/#', '$SYS/#', '#']) {
    await curious.takes(topic).catch(() => {}) // alice_events could be a command's name
  }
  await curious.causes('alice_greeted', {})
  await alice.receives('greeted')
  expect(curious.unread).toBe(0)
  await curious.mqtt.endAsync()
})

test('a plain client completes a command by an event that names the command, which is the answer', async () => {
  const notes = await PlainHandler.connect(stage, 'notes.1')
  await notes.takes('add_note', 0)
  const id = await alice.sends('add_note', { text: 'hi' })
  const { command, payload, stamp } = await notes.gets()
  expect([command, JSON.parse(payload.toString())]).toEqual(['add_note', { id, text: 'hi' }])
  expect(stamp).toMatchObject({ 'user-id': 'alice', attempt: '1' })
  await notes.causes('alice_note_added', { text: 'hi' }, stamp['command-id'])
  expect(await alice.receives('note_added')).toMatchObject({ re: id, text: 'hi' })
  await notes.causes('alice_note_added', { text: 'again' }, stamp['command-id']) // too late: the command has ended
  expect(await alice.unread()).toEqual([])
  await notes.mqtt.endAsync()
})

test.each([4, 5] as const)('a plain client completes a command by PUBACK (MQTT %d)', async (version) => {
  const notes = await PlainHandler.connect(stage, 'notes.1', { version })
  await notes.takes('add_note', 1)
  await alice.sends('add_note', { n: 1 })
  await alice.sends('add_note', { n: 2 })
  for (const n of [1, 2]) {
    const { payload, acknowledge } = await notes.gets()
    expect(JSON.parse(payload.toString())).toMatchObject({ n }) // the second comes once the first has ended
    expect(notes.unread).toBe(0)
    acknowledge()
  }
  expect(await alice.unread()).toEqual([])
  await notes.mqtt.endAsync()
})

test('a plain client completes a command on $done: with events, with a refusal, or with a request to retry', async () => {
  const notes = await PlainHandler.connect(stage, 'notes.1')
  await notes.takes('add_note', 0)
  const bob = await stage.device('bob')
  const ids = [await alice.sends('add_note', { n: 1 }), await alice.sends('add_note', { n: 2 })]

  const first = await notes.gets()
  const command = first.stamp['command-id']
  await notes.ends({ outcome: 'retry', command, attempt: 1, code: 'internal' })
  expect((await notes.gets()).stamp).toMatchObject({ 'command-id': command, attempt: '2' })
  const stale = {
    outcome: 'done',
    command,
    attempt: 1,
    events: [{ to: 'alice', event: 'note_added', fields: { stale: 1 } }],
  }
  await notes.ends(stale)
  const events = [
    { to: 'alice', event: 'note_added', fields: { n: 1 } },
    { to: 'bob', event: 'note_shared', fields: { n: 1 } },
  ]
  await notes.ends({ outcome: 'done', command, attempt: 2, events })
  expect(await alice.receives('note_added')).toMatchObject({ re: ids[0], n: 1 })
  const shared = await bob.receives('note_shared')
  expect(shared).toMatchObject({ n: 1 })
  expect(shared).not.toHaveProperty('re')

  const second = await notes.gets()
  const refusal = { outcome: 'refused', code: 'conflict', message: 'is there already', fields: { n: 'is taken' } }
  await notes.ends({ ...refusal, command: second.stamp['command-id'], attempt: 1 })
  expect(await alice.receives('command_rejected')).toMatchObject({
    re: ids[1],
    command: 'add_note',
    code: 'conflict',
    message: 'is there already',
    fields: { n: 'is taken' },
  })
  expect(await alice.unread()).toEqual([])
  await notes.mqtt.endAsync()
})

test('a refused completion ends its attempt at once, and the handler is told why', async () => {
  const contacts = await PlainHandler.connect(stage, 'c.1', own)
  await contacts.takes('get_contact_list', 0)
  await alice.sends('get_contact_list', {})
  const told: (string | undefined)[] = []
  contacts.mqtt.on('packetreceive', (packet) => {
    if (packet.cmd === 'puback') told.push(packet.properties?.reasonString)
  })
  const remind = { after_ms: 1, command: 'remind', input: {} }
  const attempts: [string, (command: string) => Promise<void>, code: number][] = [
    [
      '1',
      (command) =>
        contacts.ends({
          command,
          attempt: 1,
          outcome: 'done',
          events: [],
          later: Array.from({ length: 1_001 }, () => remind),
        }),
      0x99,
    ],
    ['2', (command) => contacts.causes('alice_note_added', {}, command), 0x87],
    ['3', (command) => contacts.causes('alice_contact_list', [], command), 0x99],
  ]
  for (const [attempt, ends, code] of attempts) {
    const { stamp } = await contacts.gets()
    expect(stamp['attempt']).toBe(attempt)
    expect(await reasonOf(ends(stamp['command-id']!))).toBe(code)
  }
  expect(told[0]).toBe('$done: later: Too big: expected array to have <=1000 items')
  const { stamp } = await contacts.gets()
  expect(stamp['attempt']).toBe('4')
  await contacts.causes('alice_contact_list', { contacts: [] }, stamp['command-id'])
  expect(await alice.receives('contact_list')).toMatchObject({ contacts: [] })
  await contacts.mqtt.endAsync()
})

test('/readyz names a group that defers its commands, and why, until they have ended', async () => {
  const notes = await PlainHandler.connect(stage, 'notes.1')
  await notes.takes('add_note', 0)
  await alice.sends('add_note', {})
  for (const [reason, said] of [
    [{ reason: 'the paper is away\nready' }, 'the paper is away ready'],
    [{}, 'something that it needs is unavailable'],
  ] as const) {
    const { stamp } = await notes.gets()
    await notes.ends({ outcome: 'retry', command: stamp['command-id'], attempt: 1, code: 'unavailable', ...reason })
    expect(await faultsOf('notes')).toEqual([`the group notes puts commands off: ${said}`])
  }
  const { stamp } = await notes.gets()
  expect(stamp['attempt']).toBe('1')
  await notes.ends({ outcome: 'done', command: stamp['command-id'], attempt: 1, events: [] })
  expect(await faultsOf('notes')).toEqual([])
  await notes.mqtt.endAsync()
})

test('a group without a process is reported while commands wait for it: in /readyz, the log and the metrics', async () => {
  const drafts = await PlainHandler.connect(stage, 'drafts.1')
  await drafts.takes('keep_draft')
  await drafts.mqtt.endAsync()
  const dora = await stage.device('dora')
  await dora.sends('keep_draft', {})
  await dora.sends('keep_draft', {})
  while ((await faultsOf('drafts')).length === 0) await new Promise((resolve) => setTimeout(resolve, 100))
  expect(await faultsOf('drafts')).toEqual([
    expect.stringMatching(/^the group drafts has no process: 2 waiting, the oldest for \d+ s$/),
  ])
  const [members, commands] = ['group_processes', 'group_commands']
  expect(await metric(stage, members, 'group="drafts"')).toBe(0)
  expect(await metric(stage, commands, 'group="drafts"')).toBe(2)
  expect(await metric(stage, 'group_oldest_command_seconds', 'group="drafts"')).toBeGreaterThan(1)
  const again = await PlainHandler.connect(stage, 'drafts.2')
  await again.takes('keep_draft', 0)
  expect(await faultsOf('drafts')).toEqual([])
  expect(await metric(stage, members, 'group="drafts"')).toBe(1)
  const said = lines.map((line) => JSON.parse(line) as { msg: string; group?: string; waiting?: number })
  expect(said.filter(({ group }) => group === 'drafts')).toMatchObject([
    { msg: 'a group has its first process' },
    { msg: 'a group has no process; its commands wait until one is started', waiting: 2 },
    { msg: 'a group has a process again', waiting: 2 },
  ])
  await again.mqtt.endAsync()
})

test('a PUBACK with a reason code of 0x80 or more asks for a retry, up to the limit', async () => {
  const notes = await PlainHandler.connect(stage, 'notes.1')
  await notes.takes('add_note', 1)
  const id = await alice.sends('add_note', {})
  for (const attempt of ['1', '2', '3', '4', '5']) {
    const { stamp, acknowledge } = await notes.gets()
    expect(stamp['attempt']).toBe(attempt)
    acknowledge(0x80)
  }
  expect(await alice.receives('command_failed')).toMatchObject({ re: id, command: 'add_note', code: 'internal' })
  await notes.mqtt.endAsync()
})

test('no handler completes a command that another holds', async () => {
  const [notes, other] = [await PlainHandler.connect(stage, 'notes.1'), await PlainHandler.connect(stage, 'other.1')]
  await notes.takes('add_note', 0)
  const id = await alice.sends('add_note', {})
  const { stamp } = await notes.gets()
  const command = stamp['command-id']
  await other.causes('alice_note_added', { from: 'another group' }, command)
  const events = [{ to: 'alice', event: 'note_added', fields: { from: 'another group' } }]
  await other.ends({ outcome: 'done', command, attempt: 1, events })
  await notes.causes('alice_note_added', { from: 'notes' }, command)
  expect(await alice.receives('note_added')).toMatchObject({ re: id, from: 'notes' })
  expect(await alice.unread()).toEqual([])
  await Promise.all([notes.mqtt.endAsync(), other.mqtt.endAsync()])
})

test('a process whose key does not allow one of its commands says which, and serves the others', async () => {
  const declared = await loadGroup(HANDLERS, 'contacts')
  const commands = new Map([...declared, ['add_note', declared.get('get_contact_list')!]])
  const broker = { url: stage.url, ca: [stage.ca], key: CONTACTS, ownKey: true }
  const log = openLog('info', 'contacts', { write: (line) => void lines.push(line) })
  const store = stage.keep(await openStore(stage.config, log))
  const settings = handlerSettings(stage.config)
  stage.keep(await serveGroup({ group: 'contacts', commands, store, settings, log, broker, window: 10 }))
  expect(lines.map((line) => JSON.parse(line) as object)).toContainEqual(
    expect.objectContaining({
      msg: 'the broker refused these commands: the key does not grant them',
      denied: ['add_note'],
    }),
  )
  expect(await alice.asks('get_contact_list')).toMatchObject({ event: 'contact_list' })
})

test('a handler process does not send its key to a broker with an unknown certificate', async () => {
  const commands = await loadGroup(HANDLERS, 'contacts')
  const log = openLog('silent', 'contacts')
  const store = stage.keep(await openStore(stage.config, log))
  const serve = (ca: string[]) =>
    serveGroup({
      group: 'contacts',
      commands,
      store,
      settings: handlerSettings(stage.config),
      log,
      window: 10,
      broker: { url: stage.url, ca, key: NEW, ownKey: false },
    })
  await expect(serve([...rootCertificates])).rejects.toThrow(/self-signed|unable to verify/)
  expect(lines.join('')).not.toMatch(/connect refused|"connected"/)
  await (await serve([...rootCertificates, stage.ca])).close()
})

test('a handler process limits its answers to the broker’s Maximum Packet Size, not its own setting', async () => {
  const small = stage.keep(
    await openStage([], { MAX_PACKET_BYTES: '32768', MAX_COMMAND_BYTES: '16384', HANDLER_EVENTS: 'sized' }),
  )
  const sized = event('sized', { bytes: z.number() })
  const size = command({
    input: z.object({}),
    events: { sized },
    uses: { settings: (_store: Store, settings: HandlerSettings) => settings },
    run: (_, { settings }) => ({ reply: sized({ bytes: settings.answerBytes }) }),
  })
  const log = openLog('silent', 'sizes')
  const store = stage.keep(await openStore(small.config, log))
  const settings = handlerSettings(readConfig({}))
  expect(settings.answerBytes).toBe(131_072)
  const broker = { url: small.url, ca: [small.ca], key: small.handlerKey, ownKey: false }
  const commands = new Map([['size', size]])
  stage.keep(
    await serveGroup({ group: 'sizes', commands, store, settings, log, broker, window: 10, open: inThisThread }),
  )
  const bob = await small.device('bob')
  expect(await bob.asks('size')).toMatchObject({ event: 'sized', bytes: 16_384 })
})

test('a handler process reconnects to a broker whose self-signed certificate was renewed in the file that both read', async () => {
  const [before, after] = [stage.keep(await ownData()), stage.keep(await ownData())]
  const [old, renewed] = [await tlsFiles(readConfig(before.settings)), await tlsFiles(readConfig(after.settings))]
  const files = {
    TLS_CERT: join(before.settings.DATA_DIR, 'cert.pem'),
    TLS_KEY: join(before.settings.DATA_DIR, 'key.pem'),
  }
  const writes = ({ cert, key }: Tls): void => {
    writeFileSync(files.TLS_CERT, cert)
    writeFileSync(files.TLS_KEY, key)
  }
  writes(old)
  const other = stage.keep(await openStage([], files))
  const way = stage.keep(await openWay(other.broker.ports.mqtts))
  const log = openLog('silent', 'contacts')
  const commands = await loadGroup(HANDLERS, 'contacts')
  const store = stage.keep(await openStore(other.config, log))
  const broker = {
    url: `mqtts://127.0.0.1:${way.port}`,
    ca: [],
    caFiles: [files.TLS_CERT],
    key: other.handlerKey,
    ownKey: false,
  }
  const settings = handlerSettings(other.config)
  stage.keep(
    await serveGroup({ group: 'contacts', commands, store, settings, log, broker, window: 10, open: inThisThread }),
  )
  writes(renewed)
  await other.broker.reload(await describe(HANDLERS))
  way.breaks()
  const bob = await Device.connect('bob', other.url, other.secret, renewed.cert)
  stage.keep({ close: () => bob.mqtt.endAsync(true) })
  expect(await bob.asks('get_contact_list')).toMatchObject({ event: 'contact_list' })
})

/** A connection to a port of this machine that the test can break. */
async function openWay(to: number) {
  const sockets = new Set<Socket>()
  const server = createServer((here) => {
    const there = connect(to, '127.0.0.1')
    for (const [one, other] of [
      [here, there],
      [there, here],
    ] as const) {
      sockets.add(one)
      one.on('error', () => {}).on('close', () => other.destroy())
      one.pipe(other)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const breaks = (): void => {
    for (const one of sockets) one.destroy()
    sockets.clear()
  }
  return {
    port: (server.address() as AddressInfo).port,
    breaks,
    close: async () => {
      breaks()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
