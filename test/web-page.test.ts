import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { brotliCompressSync, gunzipSync, brotliDecompressSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from './stage.ts'

// The web page at the HTTPS port, from a small folder in the place of the built one.

const SCRIPT = `console.log(${JSON.stringify('hello '.repeat(100))})`
const ISSUERS = [
  {
    issuer: 'https://id.example/realms/app',
    jwks_uri: 'http://127.0.0.1:9/keys',
    audience: 'switchboard',
    web: { client_id: 'app', name: 'Example', scope: 'offline', origins: ['https://login.example:8443'] },
    alias: 'kc',
  },
  { issuer: 'https://other.example/', jwks_uri: 'http://127.0.0.1:9/keys', audience: 'switchboard', alias: 'other' },
]

const folder = mkdtempSync(join(tmpdir(), 'page-'))
const put = (name: string, content: string | Buffer): void => writeFileSync(join(folder, name), content)
let stage: Stage
beforeAll(async () => {
  mkdirSync(join(folder, 'assets'))
  put('index.html', '<!doctype html><title>Page</title>')
  put('assets/main-ABCD2345.js', SCRIPT)
  put('assets/main-ABCD2345.js.br', brotliCompressSync(SCRIPT))
  put('assets/main-ABCD2345.js.gz', gzipSync(SCRIPT))
  put('.secret', 'hidden')
  symlinkSync('/etc/passwd', join(folder, 'passwd'))
  stage = await openStage([], { WEB: folder, OIDC_ISSUERS: JSON.stringify(ISSUERS) })
})
afterAll(async () => {
  await stage.close()
  rmSync(folder, { recursive: true })
})

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

async function asks(path: string, headers: OutgoingHttpHeaders = {}, method = 'GET', on = stage): Promise<Answer> {
  const asked = request({
    host: '127.0.0.1',
    port: on.broker.ports.wss,
    ca: on.ca,
    servername: 'localhost',
    path,
    headers,
    method,
    agent: false,
  })
  asked.end()
  const [answer] = (await once(asked, 'response')) as [import('node:http').IncomingMessage]
  const body: Buffer[] = []
  for await (const chunk of answer) body.push(chunk as Buffer)
  return { status: answer.statusCode!, headers: answer.headers, body: Buffer.concat(body) }
}

test('the page is at /, whatever the query, and is asked for again each time', async () => {
  const page = await asks('/?code=abc&state=def')
  expect([page.status, page.body.toString()]).toEqual([200, '<!doctype html><title>Page</title>'])
  expect(page.headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' })
  const again = await asks('/', { 'if-none-match': `"other", W/${page.headers.etag}` })
  expect([again.status, again.body.length]).toEqual([304, 0])
  expect((await asks('/', { 'if-none-match': '"other"' })).status).toBe(200)
})

test('a file with the hash of its content in its name is kept for ever, and comes as compressed as the client can take it', async () => {
  const path = '/assets/main-ABCD2345.js'
  const plain = await asks(path)
  expect(plain.headers).toMatchObject({
    'cache-control': 'public, max-age=31536000, immutable',
    'content-type': 'text/javascript; charset=utf-8',
    vary: 'accept-encoding',
  })
  expect([plain.headers['content-encoding'], plain.body.toString()]).toEqual([undefined, SCRIPT])
  const br = await asks(path, { 'accept-encoding': 'gzip, deflate, br' })
  expect([br.headers['content-encoding'], brotliDecompressSync(br.body).toString()]).toEqual(['br', SCRIPT])
  const gzip = await asks(path, { 'accept-encoding': 'gzip, br;q=0' })
  expect([gzip.headers['content-encoding'], gunzipSync(gzip.body).toString()]).toEqual(['gzip', SCRIPT])
  expect(new Set([plain, br, gzip].map(({ headers }) => headers.etag)).size).toBe(3)
  const head = await asks(path, { 'accept-encoding': 'br' }, 'HEAD')
  expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, `${br.body.length}`, 0])
})

test('the page learns where to sign in, and may contact those issuers and its own host alone', async () => {
  const facts = await asks('/config.json')
  expect(facts.headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-cache' })
  expect(JSON.parse(facts.body.toString())).toEqual({
    issuers: [
      {
        name: 'Example',
        issuer: 'https://id.example/realms/app',
        clientId: 'app',
        audience: 'switchboard',
        scope: 'offline',
      },
    ],
    development: true,
  })
  const { headers } = await asks('/', { host: 'chat.example:8443' })
  expect(String(headers['content-security-policy']).split('; ')).toEqual([
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob: data:",
    "media-src 'self' blob:",
    "connect-src 'self' wss://chat.example:8443 https://id.example https://login.example:8443",
    "manifest-src 'self'",
    "worker-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ])
  expect(headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'permissions-policy': expect.stringMatching(/camera=\(self\), microphone=\(self\), display-capture=\(self\)/),
  })
  const forged = await asks('/', { host: "a.example; script-src 'unsafe-inline'" })
  expect(forged.headers['content-security-policy'] ?? '').not.toContain('unsafe')
})

test.each([
  '/index.html',
  '/assets',
  '/assets/',
  '/assets/../index.html',
  '/%2e%2e/etc/passwd',
  '/.secret',
  '/passwd',
  '/assets/main-ABCD2345.js.br',
  '//',
  '/config.json/',
  '/__proto__',
  '/mqtt',
])('%s is no file of the page', async (path) => {
  const { status, body } = await asks(path)
  expect([status, body.toString()]).toEqual([404, 'MQTT over WebSocket is at /mqtt\n'])
})

test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is refused, and says what is not', async (method) => {
  const { status, headers } = await asks('/', {}, method)
  expect([status, headers.allow]).toEqual([405, 'GET, HEAD'])
})

test('one connection gets one answer, however many requests it sends at once', async () => {
  const socket = connectTls({ port: stage.broker.ports.wss, host: '127.0.0.1', ca: stage.ca })
  socket.on('error', () => {})
  let heard = ''
  socket.setEncoding('latin1').on('data', (text: string) => (heard += text))
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(2_000))
  await new Promise((resolve) => socket.once('close', resolve)) // perhaps by a reset, since it still sends
  expect(heard.match(/HTTP\/1\.1/g)).toHaveLength(1)
})

test('the page’s own origin may open a WebSocket; files of a newer build are served after a reload', async () => {
  const origin = `https://127.0.0.1:${stage.broker.ports.wss}`
  const alice = await stage.device('alice', { over: 'wss', mqtt: { wsOptions: { ca: stage.ca, origin } } })
  expect(await alice.asks('whoami')).toMatchObject({ event: 'session_info' })
  put('index.html', '<!doctype html><title>Newer</title>')
  await stage.broker.reload({})
  expect((await asks('/')).body.toString()).toContain('Newer')
})

test('WEB=off takes the page away; a folder without a page ends the start with the setting’s name', async () => {
  const without = stage.keep(await openStage([], { WEB: 'off' }))
  for (const path of ['/', '/config.json']) {
    const { status, headers } = await asks(path, {}, 'GET', without)
    expect([path, status, headers['content-security-policy']]).toEqual([path, 404, undefined])
  }
  await expect(openStage([], { WEB: join(folder, 'assets') })).rejects.toThrow('WEB: there is no index.html')
  await expect(openStage([], { WEB: join(folder, 'none') })).rejects.toThrow(
    /WEB: cannot read the folder .* \(ENOENT\)/,
  )
})
