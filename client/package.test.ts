import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { build } from 'esbuild'
import { ROOT } from '../test/process.ts'

// What `npm pack` makes, in an app's empty folder.

const TSC = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
const npm = (args: string[], cwd: string): string =>
  execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

let app: string
beforeAll(() => {
  app = mkdtempSync(join(tmpdir(), 'app-'))
  const [{ filename }] = JSON.parse(npm(['pack', '--json', '--pack-destination', app], join(ROOT, 'client'))) as [
    { filename: string },
  ]
  writeFileSync(join(app, 'package.json'), '{ "name": "app", "private": true, "type": "module" }')
  npm(['install', '--offline', '--no-audit', '--no-fund', `./${filename}`], app)
})
afterAll(() => rmSync(app, { recursive: true }))

test('it is the only package that comes, and Node imports it', () => {
  const { dependencies } = JSON.parse(npm(['ls', '--all', '--json'], app)) as { dependencies: object }
  expect(Object.keys(dependencies)).toEqual(['@switchboard/client'])
  const script = "console.log(Object.keys(await import('@switchboard/client')).join(' '))"
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: app, encoding: 'utf8' })
  expect(said).toMatch(/\bRejected\b.*\bconnect\b.*\bfileStore\b.*\bindexedDbStore\b/)
})

test.each([
  ['@switchboard/client', 20_000],
  ['@switchboard/client/core', 12_000], // without calls
])('a page gets %s in less than %d bytes, gzipped, and nothing of Node', async (name, most) => {
  const { outputFiles } = await build({
    stdin: { contents: `import { connect } from '${name}'; console.log(connect)`, resolveDir: app },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser', // would fail at an import of Node's
    write: false,
  })
  const bytes = gzipSync(outputFiles[0]!.contents, { level: 9 }).length
  expect(bytes).toBeGreaterThan(4_000)
  expect(bytes).toBeLessThan(most)
  expect(outputFiles[0]!.text.includes('RTCPeerConnection')).toBe(most === 20_000)
})

const GOOD = `
import { connect, fileStore, Rejected, type MessageSent } from '@switchboard/client'
const board = connect({ url: 'wss://example.com/mqtt', token: () => Promise.resolve('…'), store: fileStore('outbox') })
const sent: MessageSent = await board.call('send_message', { to: 'bob', body: 'hi' })
const seq: number = sent.seq
const list = await board.call('get_contact_list')
const states: 'contact' | 'requested' | 'requesting' = list.contacts[0]!.state
const answer = await board.call('request_contact', { user_id: 'bob' }, { timeout: 5_000 })
if (answer.event === 'contact_added') answer.user_id satisfies string
const off: () => void = board.on('message_received', (event) => event.body?.toUpperCase())
board.on('reset', () => board.call('get_contact_list'))
board.on('state', (state, reason) => [state === 'refused', reason?.length])
board.on('*', (event) => event.event === 'message_received' && event.from)
new Rejected({ command: 'x', code: 'offline', message: '' }).retryAfterMs satisfies number | undefined
board.calls.on('incoming', (call) => call.answer({ audio: true }))
const ringing = await board.calls.dial('bob', { audio: true, video: true })
ringing.end?.code satisfies string | undefined
console.log(seq, states, off)
`
const BAD = [
  "board.call('send_mesage', { to: 'bob' })",
  "board.call('send_message', { too: 'bob' })",
  "board.call('request_contact')",
  "board.call('request_contact', { user_id: 7 })",
  "board.call('request_contact', { user_id: 'bob' }).then((answer) => answer.message_id)",
  "board.on('message_recieved', () => {})",
  "board.on('message_received', (event) => event.boddy)",
  "board.on('state', (state) => state === 'on')",
  "board.calls.on('incomming', () => {})",
]

test.each(['nodenext', 'bundler'])('a wrong command, field or event does not compile (%s)', (resolution) => {
  const bad = BAD.map((line) => `// @ts-expect-error\nvoid ${line}\n`).join('')
  const nodeOnly = resolution === 'bundler' // a bundler builds for a page, where there are no files
  const good = nodeOnly ? GOOD.replace(', fileStore', '').replace(", store: fileStore('outbox')", '') : GOOD
  writeFileSync(join(app, 'app.ts'), good + bad)
  const module = resolution === 'bundler' ? 'esnext' : 'nodenext'
  const lib = 'es2023,dom'
  const args = ['--noEmit', '--strict', '--target', 'es2022', '--module', module, '--moduleResolution', resolution]
  const { stdout, status } = spawnSync(process.execPath, [TSC, ...args, '--lib', lib, '--types', '', 'app.ts'], {
    cwd: app,
    encoding: 'utf8',
  })
  expect([stdout, status]).toEqual(['', 0])
})
