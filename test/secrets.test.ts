import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openTurn } from '../handlers/turn-settings.ts'
import { readConfig } from '../shared/config.ts'
import { SECRETS } from '../shared/settings.ts'
import { tokenFor } from './device.ts'
import { Parts } from './parts.ts'

// Secrets in files, and their rotation: nothing is restarted, and nobody is disconnected.

const [OLD, NEW] = ['a secret of the tests', 'the next secret of the tests']
const [OLD_KEY, NEW_KEY] = ['a handler key of the tests', 'the next handler key of the tests']

let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'switchboard-'))
})
afterAll(() => rmSync(dir, { recursive: true }))

function file(name: string, content: string): string {
  const path = join(dir, name)
  writeFileSync(path, content, { mode: 0o600 })
  return path
}

const VALUES: Record<(typeof SECRETS)[number], string> = {
  SECRET: `${NEW},${OLD}`,
  OPERATOR_TOKEN: 'a.b.c',
  HANDLER_KEY: NEW_KEY,
  HANDLER_KEYS: `contacts=${NEW_KEY}`,
  MONGODB_URL: 'mongodb://ann:hunter2@127.0.0.1/x',
  TURN_SECRET: NEW,
  TURN_SECRET_STORE: 'mongodb://ann:hunter2@127.0.0.1/coturn',
  VAPID_PRIVATE_KEY: 'x'.repeat(43),
}

test.each(SECRETS)('%s may be in a file', (name) => {
  const path = file(name, `${VALUES[name]}\n`)
  expect(readConfig({ [`${name}_FILE`]: path })[name]).toEqual(readConfig({ [name]: VALUES[name] })[name])
  expect(() => readConfig({ [`${name}_FILE`]: path, [name]: VALUES[name] })).toThrow(
    `${name} and ${name}_FILE: set one of them`,
  )
  expect(() => readConfig({ [`${name}_FILE`]: join(dir, 'none') })).toThrow(`${name}_FILE: cannot read`)
  expect(() => readConfig({ [`${name}_FILE`]: file('empty', '\n') })).toThrow(`${name}_FILE: ${dir}/empty is empty`)
})

test('the token secret and the handler key are rotated while devices and handlers stay connected', async () => {
  const files = { SECRET_FILE: file('secret', OLD), HANDLER_KEY_FILE: file('key', OLD_KEY) }
  const parts = await Parts.open({ ...files, SECRET: '', HANDLER_KEY: '', LOG_LEVEL: 'info' })
  try {
    const handlers = await parts.startHandlers()
    const alice = await parts.device('alice')
    let ends = 0
    alice.mqtt.on('close', () => ends++)
    const reads = (times: number) => parts.broker.says(new RegExp(`(?:read the secrets again[^]*?){${times}}`))

    file('secret', `${NEW},${OLD}`)
    await reads(1)
    await parts.device('bob', { token: tokenFor('bob', NEW) })
    await parts.device('carol', { token: tokenFor('carol', OLD) })
    file('secret', NEW)
    await reads(2)
    const mqtt = { reconnectPeriod: 0 }
    await expect(parts.device('dave', { token: tokenFor('dave', OLD), mqtt })).rejects.toThrow(/[Nn]ot authorized/)

    file('key', `${NEW_KEY},${OLD_KEY}`)
    await reads(3)
    file('key', NEW_KEY)
    await reads(4)
    file('secret', 'short')
    await parts.broker.says(/cannot read the secrets again; the previous ones stay in use/)
    file('secret', NEW)
    await reads(5)

    expect(await alice.asks('request_contact', { user_id: 'bob' })).toMatchObject({ event: 'contact_request_sent' })
    expect(ends).toBe(0)

    // Only the new key opens now: a handler that connects again has read it.
    await parts.killBroker()
    await parts.startBroker()
    const erin = await parts.device('erin', { token: tokenFor('erin', NEW) })
    expect(await erin.asks('request_contact', { user_id: 'bob' })).toMatchObject({ event: 'contact_request_sent' })
    expect(handlers.child.exitCode).toBeNull()
    for (const secret of [OLD, NEW, OLD_KEY, NEW_KEY]) {
      expect(parts.broker.stdout + parts.broker.stderr + handlers.stdout + handlers.stderr).not.toContain(secret)
    }
  } finally {
    await parts.close()
  }
})

test('TURN credentials are signed with the new secret once its file has changed', async () => {
  const TURN_SECRET_FILE = file('turn', OLD)
  const turn = openTurn(readConfig({ TURN_URIS: 'turn:turn.example.com', TURN_SECRET_FILE }))!
  try {
    const before = await turn.password('1:alice')
    file('turn', `${NEW},${OLD}`)
    let now = before
    for (const end = Date.now() + 60_000; now === before && Date.now() < end; await pause(50)) {
      now = await turn.password('1:alice')
    }
    const fresh = openTurn(readConfig({ TURN_URIS: 'turn:turn.example.com', TURN_SECRET: NEW }))!
    expect(now).toBe(await fresh.password('1:alice'))
    expect(now).not.toBe(before)
  } finally {
    await turn.close()
  }
})
