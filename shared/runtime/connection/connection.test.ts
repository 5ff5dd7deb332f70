import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { expect, test } from '@jest/globals'
import { generate, parser, type Packet } from 'mqtt-packet'
import { z } from 'zod'
import { inThisThread } from '../../../test/in-this-thread.ts'
import { ownData } from '../../../test/own-data.ts'
import { readConfig } from '../../config.ts'
import { tlsFiles } from '../../dev-secrets.ts'
import { openLog } from '../../log.ts'
import { command, event } from '../command.ts'
import { handlerSettings } from '../handler-settings.ts'
import { serveGroup } from '../serve.ts'

type Sent = Packet & { messageId: number; payload: Buffer }
const V5 = { protocolVersion: 5 }
const delivery = (id: string, attempt: number, lane: number): Packet => ({
  cmd: 'publish',
  topic: 'try_it',
  payload: JSON.stringify({ id }),
  qos: 0,
  dup: false,
  retain: false,
  properties: {
    userProperties: {
      'command-id': id,
      'user-id': 'alice',
      'client-id': 'phone',
      attempt: String(attempt),
      at: new Date(0).toISOString(),
      traceparent: `00-${'1'.repeat(32)}-${'1'.repeat(16)}-01`,
      order: '1',
      lane: String(lane),
    },
  },
})

test('skips what the broker sent before it heard of a failure, even when it arrives with the acknowledgement', async () => {
  const data = await ownData()
  const tls = await tlsFiles(readConfig(data.settings))
  const ran: string[] = []
  const heard: Packet[] = []
  let wake = (): void => {}
  const hears = async (cmd: Packet['cmd']): Promise<Packet> => {
    for (;;) {
      const at = heard.findIndex((one) => one.cmd === cmd)
      if (at >= 0) return heard.splice(at, 1)[0]!
      await new Promise<void>((resolve) => (wake = resolve))
    }
  }
  let socket!: TLSSocket
  const server = createServer(tls, (opened) => {
    socket = opened
    const reader = parser(V5)
    reader.on('packet', (packet) => {
      const isQuestion = packet.cmd === 'publish' && packet.payload.includes('"command":""')
      if (isQuestion) return send({ cmd: 'puback', messageId: packet.messageId! }) // asks whether it still holds its deliveries
      heard.push(packet)
      wake()
    })
    opened.on('data', (chunk) => reader.parse(chunk)).on('error', () => {})
  })
  const send = (...packets: Packet[]): void => void socket.write(Buffer.concat(packets.map((one) => generate(one, V5))))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const tried = event('tried', { id: z.string() })
  const tryIt = command({
    input: z.object({}),
    events: { tried },
    run(_input, { command: { id, attempt } }) {
      ran.push(`${id} ${attempt}`)
      if (id === 'first' && attempt === 1) throw new Error('fails once')
      return { reply: tried({ id }) }
    },
  })
  const serving = serveGroup({
    group: 'tries',
    commands: new Map([['try_it', tryIt]]),
    store: await data.store(),
    settings: handlerSettings(readConfig({})),
    log: openLog('silent', 'test'),
    broker: {
      url: `mqtts://127.0.0.1:${(server.address() as AddressInfo).port}`,
      ca: [tls.cert],
      key: 'a key',
      ownKey: false,
    },
    window: 8,
    open: inThisThread,
  })
  await hears('connect')
  send({ cmd: 'connack', sessionPresent: false, reasonCode: 0 })
  const { messageId } = (await hears('subscribe')) as Sent
  send({ cmd: 'suback', messageId, granted: [0] })
  const served = await serving

  send(delivery('first', 1, 1))
  const done = (await hears('publish')) as Sent
  expect(JSON.parse(done.payload.toString())).toMatchObject({ command: 'first', outcome: 'retry' })
  // In one write: `second` was sent before the broker read of the failure, `first` after it.
  send(
    delivery('second', 1, 1),
    { cmd: 'puback', messageId: done.messageId },
    delivery('first', 2, 2),
    delivery('second', 1, 2),
  )
  const ends = [(await hears('publish')) as Sent, (await hears('publish')) as Sent]
  expect(ran).toEqual(['first 1', 'first 2', 'second 1'])

  send(...ends.map(({ messageId }): Packet => ({ cmd: 'puback', messageId })))
  const closing = served.close()
  const { messageId: asked } = (await hears('unsubscribe')) as Sent
  send({ cmd: 'unsuback', messageId: asked, granted: [0] })
  await closing
  socket.destroy()
  server.close()
  await data.close()
})
