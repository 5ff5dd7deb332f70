import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { Device } from '../../device.ts'
import { freePorts } from '../../free-port.ts'
import { isAlive, Run } from '../../process.ts'

// A frozen process keeps its locks, for example SQLite's, which blocks the writes of every group.

test('npm start kills a frozen broker and a frozen group, and restarts them', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'frozen-'))
  const secret = 'a secret of the tests'
  const env = { NODE_ENV: '', DATA_DIR: dir, SECRET: secret, ...(await freePorts()) }
  const start = new Run(['scripts/start.ts'], { env })
  try {
    await start.says(/Ctrl-C ends it/)
    const frozen = [...start.children()].filter(([, command]) =>
      /broker\/main\.js|handlers\/run\.js contacts/.test(command),
    )
    const pids = frozen.map(([pid]) => pid)
    expect(pids).toHaveLength(2)
    for (const pid of pids) process.kill(pid, 'SIGSTOP')
    for (const pid of pids) await start.says(new RegExp(`\\(pid ${pid}\\) does not answer; killing it`))
    await start.says(/the broker listens[^]*the broker listens[^]*"name":"contacts"[^\n]*"serving"/)
    expect(pids.filter(isAlive)).toEqual([])

    const ca = readFileSync(/--ca (\S+)/.exec(start.stdout)![1]!, 'utf8')
    const alice = await Device.connect('alice', /MQTT over TLS +(\S+)/.exec(start.stdout)![1]!, secret, ca)
    expect(await alice.asks('request_contact', { user_id: 'bob' })).toMatchObject({ event: 'contact_request_sent' })
    await alice.mqtt.endAsync(true)
    start.kill('SIGTERM')
    expect(await start.ended).toBe(0)
  } finally {
    await start.close()
    rmSync(dir, { recursive: true })
  }
})
