import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { Outbox } from '../../../shared/outbox.ts'
import { MOST_UNSENT, Unsent } from './unsent.ts'

const LIMIT = 4_000_000
const CHUNK = Buffer.alloc(100_000)

let server: Server
let unsent: Unsent
let connections: { outbox: Outbox; client: { conn: Socket }; peer: Socket; ended?: string }[]
beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  connections = []
  unsent = new Unsent(LIMIT, () => connections)
})
afterEach(() => {
  unsent.close()
  for (const { client, peer } of connections) [client.conn, peer].forEach((socket) => socket.destroy())
  server.close()
})

/** A connection whose peer reads nothing. */
async function connected() {
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const peer = connect((server.address() as AddressInfo).port, '127.0.0.1').pause()
  const [conn] = await accepted
  const one: (typeof connections)[number] = { outbox: new Outbox(conn, unsent.grew), client: { conn }, peer }
  conn.on('error', ({ message }) => (one.ended = message))
  conn.on('close', () => one.outbox.report())
  connections.push(one)
  return one
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 15))

/** Sends until this much waits in the socket, beyond what the operating system buffers. */
async function fills({ outbox, client }: (typeof connections)[number], bytes: number): Promise<void> {
  while (outbox.unsent < bytes && !client.conn.destroyed) {
    outbox.write(CHUNK)
    if (outbox.unsent > bytes / 2) await nextTurn()
  }
  await nextTurn()
}

test('beyond the bound of all sockets, those with the most unsent are disconnected, and no others', async () => {
  const few = [await connected(), await connected(), await connected()]
  for (const one of few) await fills(one, 500_000)
  const most = await connected()
  await fills(most, 3_000_000)
  expect(most.ended).toBe(MOST_UNSENT)
  expect(few.map(({ ended, client }) => ended ?? client.conn.destroyed)).toEqual([false, false, false])
  const { used, limit } = unsent.size()
  expect(used).toBe(few.reduce((sum, { client }) => sum + client.conn.writableLength, 0))
  expect(used).toBeGreaterThan(1_000_000)
  expect(used).toBeLessThan(limit)
})

test('what was sent and taken does not count, however much it was', async () => {
  const one = await connected()
  one.peer.resume()
  for (let i = 0; i < 100; i++) {
    one.outbox.write(CHUNK)
    one.outbox.flush()
    if (one.client.conn.writableNeedDrain) await once(one.client.conn, 'drain')
  }
  await nextTurn()
  expect(one.client.conn.destroyed).toBe(false)
  expect(unsent.size().used).toBe(0)
})

test('a connection that closes takes nothing with it', async () => {
  const one = await connected()
  await fills(one, 500_000)
  expect(unsent.size().used).toBeGreaterThan(0)
  one.client.conn.destroy()
  await once(one.client.conn, 'close')
  connections = []
  expect(unsent.size().used).toBe(0)
})
