import { writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { request as requestPlain } from 'node:http'
import { request } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls, type PeerCertificate } from 'node:tls'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { generate } from 'mqtt-packet'
import { generate as selfSigned, type CertificateExtension, type SubjectAltNameEntry } from 'selfsigned'
import { WebSocket } from 'ws'
import { describe } from '../shared/runtime/scan.ts'
import { Device, tokenFor } from './device.ts'
import { HANDLERS, openStage, type Stage } from './stage.ts'

// The outermost edge: listeners, before anyone has logged in.

const PAGE = 'https://app.example'
let stage: Stage
beforeAll(async () => {
  stage = await openStage(['presence', 'signaling'], { WSS_ORIGINS: `${PAGE},https://other.example` })
})
afterAll(() => stage.close())

function connectPacket(): Buffer {
  const login = { username: 'JWT', password: Buffer.from(tokenFor('alice', stage.secret)) }
  return generate({ cmd: 'connect', clientId: 'raw', clean: true, keepalive: 10, ...login })
}

test.each(['mqtts', 'wss'] as const)('plain TCP on the %s port never gets a CONNACK', async (port) => {
  const socket = connectTcp(stage.broker.ports[port], '127.0.0.1')
  const heard: Buffer[] = []
  socket.on('data', (chunk) => heard.push(chunk))
  socket.on('error', () => {})
  socket.write(connectPacket())
  await new Promise((resolve) => socket.once('close', resolve)) // perhaps by a reset
  // At most a TLS alert (0x15) or an HTTP 400: nothing that begins with a CONNACK's 0x20.
  expect(Buffer.concat(heard)[0]).not.toBe(0x20)
})

test('TLS older than 1.2 is refused', async () => {
  const socket = connectTls({
    port: stage.broker.ports.mqtts,
    ca: stage.ca,
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  })
  const [err] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
  expect(err.code).toMatch(/SSL|RESET/)
})

test.each(['AES128-SHA', 'ECDHE-ECDSA-AES128-SHA256', 'AES128-GCM-SHA256', 'NULL', 'DES-CBC3-SHA'])(
  'a client that has only the cipher %s is refused: no forward secrecy, or no authenticated encryption',
  async (cipher) => {
    for (const port of [stage.broker.ports.mqtts, stage.broker.ports.wss]) {
      const refused = new Promise<NodeJS.ErrnoException>((resolve) => {
        try {
          const ciphers = `${cipher}@SECLEVEL=0`
          connectTls({ port, ca: stage.ca, maxVersion: 'TLSv1.2', ciphers }).on('error', resolve)
        } catch (err) {
          resolve(err as NodeJS.ErrnoException) // OpenSSL itself no longer has it
        }
      })
      expect((await refused).code).toMatch(/SSL|RESET/)
    }
  },
)

test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s with a good cipher is served', async (version) => {
  const socket = connectTls({
    port: stage.broker.ports.mqtts,
    host: '127.0.0.1',
    ca: stage.ca,
    minVersion: version,
    maxVersion: version,
  })
  await once(socket, 'secureConnect')
  expect(socket.getProtocol()).toBe(version)
  expect(socket.getCipher().standardName).toMatch(/GCM|CHACHA20/)
  socket.destroy()
})

/** The HTTP status of a WebSocket's upgrade (101 if it opens), and what was negotiated. */
async function opens(headers: Record<string, string>, protocols = ['mqtt'], path = '/mqtt') {
  const ws = new WebSocket(stage.wss.replace('/mqtt', path), protocols, { ca: stage.ca, headers })
  ws.on('error', () => {})
  const answer = await new Promise<{ status: number; protocol?: string; extensions?: string }>((resolve) => {
    ws.once('open', () => resolve({ status: 101, protocol: ws.protocol, extensions: ws.extensions }))
    ws.once('unexpected-response', (_, { statusCode }) => resolve({ status: statusCode! }))
  })
  ws.terminate()
  return answer
}

test('a page of a foreign origin gets no WebSocket; pages of a listed or our own origin, and clients without one, do', async () => {
  for (const origin of [
    'https://evil.example',
    'null',
    '',
    `${PAGE}.evil.example`,
    `${PAGE}:444`,
    'http://app.example',
  ]) {
    expect([origin, await opens({ origin })]).toMatchObject([origin, { status: 403 }])
  }
  for (const origin of [PAGE, 'https://other.example', `https://127.0.0.1:${stage.broker.ports.wss}`]) {
    expect([origin, await opens({ origin })]).toMatchObject([origin, { status: 101 }])
  }
  expect(await opens({})).toMatchObject({ status: 101 })
})

test('origins are compared regardless of case and of the default port', async () => {
  for (const origin of ['HTTPS://App.Example', `${PAGE}:443`, `${PAGE}/`]) {
    expect([origin, await opens({ origin })]).toMatchObject([origin, { status: 101 }])
  }
  for (const [origin, host] of [
    ['https://chat.example.com:443', 'chat.example.com'],
    ['https://chat.example.com', 'Chat.Example.com:443'],
    ['https://bücher.example', 'xn--bcher-kva.example'],
    ['https://[::1]:8443', '[0:0::1]:8443'],
  ] as const) {
    const asked = { origin: Buffer.from(origin).toString('latin1'), host }
    const status = origin.includes('ü') ? 403 : 101 // browsers send punycode, never raw bytes
    expect([origin, await opens(asked)]).toMatchObject([origin, { status }])
  }
  for (const [origin, host] of [
    ['http://chat.example.com', 'chat.example.com'],
    ['https://chat.example.com', 'chat.example.com:8443'],
    ['null', 'null'],
  ] as const) {
    expect([origin, await opens({ origin, host, 'x-forwarded-host': 'chat.example.com' })]).toMatchObject([
      origin,
      { status: 403 },
    ])
  }
})

test('a refused origin is logged and counted, and the origin null is accepted where it is listed', async () => {
  const lines: string[] = []
  const other = await openStage([], { WSS_ORIGINS: 'null' }, lines)
  try {
    const statusOf = (origin: string): Promise<number> =>
      new Promise((resolve) => {
        const ws = new WebSocket(other.wss, ['mqtt'], { ca: other.ca, headers: { origin } })
        ws.on('error', () => {})
        ws.once('unexpected-response', (_, { statusCode }) => resolve(statusCode!))
        ws.once('open', () => resolve(101))
      })
    expect([await statusOf('null'), await statusOf('https://evil.example')]).toEqual([101, 403])
    expect(lines.find((line) => line.includes('WSS_ORIGINS'))).toMatch(
      /"origin":"https:\/\/evil.example","host":"127.0.0.1:\d+","address":"127.0.0.1"/,
    )
    expect(await (await fetch(`${other.admin}/metrics`)).text()).toMatch(/^websocket_origins_refused_total 1$/m)
  } finally {
    await other.close()
  }
})

test('a WebSocket opens only at /mqtt, with subprotocol mqtt, uncompressed', async () => {
  expect(await opens({}, ['chat', 'mqtt'])).toEqual({ status: 101, protocol: 'mqtt', extensions: '' })
  expect(await opens({}, [])).toMatchObject({ status: 400 })
  expect(await opens({}, ['mqttv3.1'])).toMatchObject({ status: 400 })
  for (const path of ['/', '/mqtt/', '/mqtts', '//mqtt'])
    expect(await opens({}, ['mqtt'], path)).toMatchObject({ status: 404 })
})

test('the web port serves no pages', async () => {
  const asked = request(stage.wss.replace('wss', 'https'), { ca: stage.ca })
  asked.end()
  const [answer] = (await once(asked, 'response')) as [{ statusCode: number; resume(): void }]
  answer.resume()
  expect(answer.statusCode).toBe(404)
})

test('a frame over the packet size ends its own WebSocket and no other', async () => {
  const alice = await stage.device('alice', { over: 'wss' })
  const ws = new WebSocket(stage.wss, ['mqtt'], { ca: stage.ca })
  ws.on('error', () => {})
  await once(ws, 'open')
  ws.send(Buffer.alloc(stage.config.MAX_PACKET_BYTES + 1))
  const [code] = (await once(ws, 'close')) as [number]
  expect(code).toBe(1009) // [RFC 6455 7.4.1] message too big
  expect(await alice.asks('whoami')).toMatchObject({ event: 'session_info' })
})

test('an unfinished WebSocket message is bounded too', async () => {
  const ws = new WebSocket(stage.wss, ['mqtt'], { ca: stage.ca })
  ws.on('error', () => {})
  await once(ws, 'open')
  const part = Buffer.alloc(stage.config.MAX_PACKET_BYTES / 4)
  for (let i = 0; i < 5; i++) ws.send(part, { fin: false })
  expect((await once(ws, 'close'))[0]).toBe(1009)
})

test('a silent connection is closed', async () => {
  const impatient = await openStage([], { CONNECT_TIMEOUT: '100' })
  try {
    const socket = connectTls({ port: impatient.broker.ports.mqtts, ca: impatient.ca })
    const ws = new WebSocket(impatient.wss, ['mqtt'], { ca: impatient.ca })
    await Promise.all([once(socket.resume(), 'close'), once(ws, 'close')])
  } finally {
    await impatient.close()
  }
})

test('health and metrics answer on loopback, and name no user', async () => {
  const person = await stage.device('a very particular name')
  await person.asks('whoami')
  await person.asks('sing')
  const admin = `http://127.0.0.1:${stage.broker.ports.admin}`
  const get = async (path: string) => {
    const answer = await fetch(`${admin}${path}`)
    return [answer.status, await answer.text()] as const
  }
  expect(await get('/healthz')).toEqual([200, 'ok\n'])
  expect(await get('/readyz')).toEqual([200, 'ready\n'])
  const [status, metrics] = await get('/metrics')
  expect(status).toBe(200)
  expect(metrics).toMatch(/^mqtt_connections\{kind="device"\} [1-9]/m)
  expect(metrics).toMatch(/^commands_rejected_total\{code="unknown_command"\} [1-9]/m)
  expect(metrics).not.toMatch(/particular/)
  expect((await get('/'))[0]).toBe(404)

  const elsewhere = connectTcp(stage.broker.ports.admin, '127.0.0.2')
  const [err] = (await once(elsewhere, 'error')) as [NodeJS.ErrnoException]
  expect(err.code).toBe('ECONNREFUSED')
})

test('the admin port answers requests by address, localhost or a listed name, and no others, so DNS rebinding fails', async () => {
  const own = await openStage([], { ADMIN_HOSTS: 'broker,Metrics.Internal' })
  const { admin: port } = own.broker.ports
  const status = (host: string, path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const asked = requestPlain({ host: '127.0.0.1', port, path, headers: { host } }, (answer) => {
        answer.resume()
        resolve(answer.statusCode!)
      })
      asked.on('error', reject)
      asked.end()
    })
  try {
    for (const host of ['127.0.0.1', 'localhost', 'LOCALHOST', '[::1]', '10.1.2.3', 'broker', 'metrics.internal']) {
      expect([host, await status(`${host}:${port}`, '/metrics')]).toEqual([host, 200])
    }
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'broker.evil', 'a:b:c']) {
      for (const path of ['/metrics', '/readyz', '/api/dead-letters', '/']) {
        expect([host, path, await status(host, path)]).toEqual([host, path, 421])
      }
    }
  } finally {
    await own.close()
  }
})

function certificate(commonName: string): Promise<{ cert: string; private: string }> {
  const altNames: SubjectAltNameEntry[] = [{ type: 7, ip: '127.0.0.1' }]
  const extensions: CertificateExtension[] = [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'subjectAltName', altNames },
  ]
  return selfSigned([{ name: 'commonName', value: commonName }], { keyType: 'ec', extensions })
}

test('a renewed certificate serves new connections, and disconnects nobody', async () => {
  const [TLS_CERT, TLS_KEY] = [join(stage.config.DATA_DIR, 'cert.pem'), join(stage.config.DATA_DIR, 'key.pem')]
  const [old, renewed] = [await certificate('old'), await certificate('renewed')]
  const use = (pem: typeof old): void => {
    writeFileSync(TLS_CERT, pem.cert)
    writeFileSync(TLS_KEY, pem.private)
  }
  use(old)
  const other = await openStage('contacts', { TLS_CERT, TLS_KEY })
  const shown = async (port: number): Promise<PeerCertificate> => {
    const socket = connectTls({ port, host: '127.0.0.1', ca: [old.cert, renewed.cert] })
    await once(socket, 'secureConnect')
    const peer = socket.getPeerCertificate()
    socket.destroy()
    return peer
  }
  try {
    const [alice, bob] = [await other.device('alice'), await other.device('bob', { over: 'wss' })]
    const { mqtts, wss } = other.broker.ports
    const before = (await shown(mqtts)).fingerprint256
    use(renewed)
    await other.broker.reload(await describe(HANDLERS))
    const now = await Promise.all([shown(mqtts), shown(wss)])
    expect(now.map(({ fingerprint256 }) => fingerprint256 === before)).toEqual([false, false])
    const again = await certificate('renewed again')
    use(again)
    const fingerprint = async (port: number): Promise<string> => {
      const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
      await once(socket, 'secureConnect')
      const { fingerprint256 } = socket.getPeerCertificate()
      socket.destroy()
      return fingerprint256
    }
    while ((await fingerprint(wss)) === now[1].fingerprint256) await new Promise((resolve) => setTimeout(resolve, 50)) // without a reload
    use(renewed)
    while ((await fingerprint(wss)) !== now[1].fingerprint256) await new Promise((resolve) => setTimeout(resolve, 50))
    const carl = await Device.connect('carl', other.url, other.secret, renewed.cert)
    for (const one of [alice, bob, carl]) {
      expect(await one.asks('get_contact_list')).toMatchObject({ event: 'contact_list' }) // the handlers stay too
    }
    await carl.leaves()

    writeFileSync(TLS_CERT, 'no certificate')
    await expect(other.broker.reload(await describe(HANDLERS))).rejects.toThrow()
    expect((await shown(mqtts)).fingerprint256).toBe(now[0].fingerprint256) // the previous one stays
    expect(await alice.asks('whoami')).toMatchObject({ event: 'session_info' })
  } finally {
    await other.close()
  }
})

test('the broker closes a refused upgrade whether the peer closes or not', async () => {
  const { wss } = stage.broker.ports
  const socket = connectTls({
    socket: connectTcp({ port: wss, host: '127.0.0.1', allowHalfOpen: true }),
    ca: stage.ca,
    servername: 'localhost',
  })
  socket.on('error', () => {})
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.write('GET /elsewhere HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  await once(socket, 'data')
  const writing = setInterval(() => socket.write('still here'), 20) // a half-open connection would accept it for ever
  await closed
  clearInterval(writing)
})

test('a silent connection on the web port does not delay the broker’s shutdown', async () => {
  const other = await openStage()
  const silent = connectTcp(other.broker.ports.wss, '127.0.0.1')
  silent.on('error', () => {})
  await once(silent, 'connect')
  const closed = once(silent, 'close')
  silent.resume()
  await other.close()
  await closed
})
