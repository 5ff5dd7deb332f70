// @needs mosquitto_sub, Paho
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from './stage.ts'

// A handler needs none of our code: any MQTT client with a key will do, in any language.

let stage: Stage
let ca: string
beforeAll(async () => {
  stage = await openStage()
  ca = join(stage.config.DATA_DIR, 'ca.pem')
  writeFileSync(ca, stage.ca)
})
afterAll(() => stage.close())

/** A third-party program. */
async function starts(program: string, ...args: string[]) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child, 'spawn')
  let said = ''
  child.stdout.on('data', (text: Buffer) => (said += text.toString()))
  stage.keep({
    async close() {
      if (child.exitCode === null && child.signalCode === null && child.kill()) await once(child, 'close')
    },
  })
  return {
    /** Resolves with the matches once it has printed this many. */
    async says(what: RegExp, times = 1): Promise<string[]> {
      for (;;) {
        const found = said.match(what) ?? []
        if (found.length >= times) return found
        if (child.exitCode !== null) throw new Error(`${program} has ended: ${said}`)
        await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
      }
    },
  }
}

test('Python with paho answers by an event that completes the command', async () => {
  const script = fileURLToPath(new URL('plain-handler.py', import.meta.url))
  const greeter = await starts('/usr/bin/python3', script, String(stage.broker.ports.mqtts), ca, stage.handlerKey)
  await greeter.says(/ready/g)
  for (const version of [4, 5] as const) {
    const alice = await stage.device(`alice${version}`, { version })
    for (const name of ['Bob', 'Carol']) {
      expect(await alice.asks('greet', { name })).toMatchObject({ event: 'greeted', text: `Hello ${name}` })
    }
    expect(await alice.unread()).toEqual([])
  }
})

test('mosquitto_sub, which can only listen, completes commands by PUBACK, and gets each once', async () => {
  const port = String(stage.broker.ports.mqtts)
  const login = [
    '-h',
    'localhost',
    '-p',
    port,
    '--cafile',
    ca,
    '-u',
    'handler',
    '-P',
    stage.handlerKey,
    '-i',
    'audit.1',
  ]
  const audit = await starts(
    'stdbuf',
    '-oL',
    'mosquitto_sub',
    ...login,
    '-V',
    '5',
    '-q',
    '1',
    '-t',
    'note_down',
    '-d',
    '-F',
    '%p %P',
  )
  await audit.says(/received SUBACK/g)
  const alice = await stage.device('alice')
  for (const id of ['one', 'two', 'three', 'one', 'four']) await alice.sends('note_down', { text: id }, { id })
  const lines = await audit.says(/"text":"\w+"/g, 4)
  expect(lines).toEqual(['one', 'two', 'three', 'four'].map((id) => `"text":"${id}"`))
  expect(await audit.says(/command-id:alice\/one~/g)).toHaveLength(1)
  expect((await alice.unread()).map(({ event }) => event)).toEqual([])
})
