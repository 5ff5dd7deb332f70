import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { Lingering } from './lingering.ts'

let server: Server
beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(() => void server.close())

/** Both ends of a connection whose far end stays open after ours has ended. */
async function pair(): Promise<{ ours: Socket; theirs: Socket }> {
  const accepting = once(server, 'connection') as Promise<[Socket]>
  const theirs = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true })
  theirs.on('error', () => {})
  const [ours] = await accepting
  return { ours, theirs }
}
const lingers = (lingering: Lingering, socket: Socket): void => lingering.end(socket, () => socket.destroy())
const closed = (socket: Socket): Promise<unknown> =>
  socket.destroyed ? Promise.resolve() : new Promise((resolve) => socket.once('close', resolve))

test('a peer whose bytes were never read still gets our last bytes', async () => {
  const lingering = new Lingering()
  const { ours, theirs } = await pair()
  theirs.write(Buffer.alloc(200_000))
  await once(ours, 'readable')
  ours.write('farewell')
  lingers(lingering, ours)
  expect(lingering.size).toBe(1)
  const heard: Buffer[] = []
  theirs.on('data', (chunk) => heard.push(chunk))
  await once(theirs, 'end')
  expect(Buffer.concat(heard).toString()).toBe('farewell')
  theirs.end()
  await closed(ours)
  expect(lingering.size).toBe(0)
})

test('cuts a peer that never closes, and reads only a bounded part of what it keeps sending', async () => {
  const lingering = new Lingering({ ms: 500 })
  const { ours, theirs } = await pair()
  const chunk = Buffer.alloc(65_536)
  const send = (): void => {
    while (!theirs.destroyed && theirs.write(chunk));
  }
  theirs.on('drain', send)
  lingers(lingering, ours)
  send()
  await closed(ours)
  expect(ours.bytesRead).toBeLessThan(2_000_000)
  expect(lingering.size).toBe(0)
  theirs.destroy()
})

test('bounds how many linger: the oldest is cut to make room', async () => {
  const lingering = new Lingering({ max: 2 })
  const pairs = [await pair(), await pair(), await pair()]
  for (const { ours } of pairs) lingers(lingering, ours)
  await closed(pairs[0]!.ours)
  expect(lingering.size).toBe(2)
  expect(pairs.map(({ ours }) => ours.destroyed)).toEqual([true, false, false])
  for (const { theirs } of pairs) theirs.destroy()
  await Promise.all(pairs.map(({ ours }) => closed(ours)))
})

test('close waits for peers that read and close, and cuts the others', async () => {
  const lingering = new Lingering()
  const [quick, slow] = [await pair(), await pair()]
  for (const { ours } of [quick, slow]) {
    ours.write('farewell')
    lingers(lingering, ours)
  }
  quick.theirs.once('end', () => quick.theirs.end())
  quick.theirs.resume()
  await lingering.close(200)
  expect([quick.ours, slow.ours].map(({ destroyed }) => destroyed)).toEqual([true, true])
  slow.theirs.destroy()
})
