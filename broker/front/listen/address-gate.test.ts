import { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, expect, test } from '@jest/globals'
import { AddressGate } from './address-gate.ts'

const sockets: Socket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})

const [OFFICE, HOME] = ['192.0.2.1', '198.51.100.7']
async function comes(gate: AddressGate, address = OFFICE) {
  const socket = new Socket()
  sockets.push(socket)
  const admitted = gate.admit(socket, address)
  await turn()
  return { ...admitted, socket, isIn: !socket.destroyed }
}
async function guesses(gate: AddressGate, times: number, address = OFFICE): Promise<number> {
  let count = 0
  for (let i = 0; i < times; i++) if ((await comes(gate, address)).isIn) count++
  return count
}

test('connects without a login are limited per address; those that log in do not count', async () => {
  const refused: string[] = []
  const gate = new AddressGate({ connections: 1_000, connects: 10 }, (address, reason) =>
    refused.push(`${address} ${reason}`),
  )
  for (let i = 0; i < 50; i++) {
    const { isIn, loggedIn } = await comes(gate)
    expect(isIn).toBe(true)
    loggedIn('device')
  }
  expect(await guesses(gate, 30)).toBe(10)
  expect(await guesses(gate, 3, HOME)).toBe(3)
  expect(refused).toEqual([`${OFFICE} too many connects from this address`])
})

test('where a handler has logged in, guessers cannot lock it out, and what they hold open is bounded', async () => {
  const gate = new AddressGate({ connections: 100, connects: 50 }, () => {})
  const handler = await comes(gate)
  handler.loggedIn('handler')
  await guesses(gate, 2_000)
  expect(handler.socket.destroyed).toBe(false)
  const again = await comes(gate)
  expect(again.isIn).toBe(true)
  again.loggedIn('handler')
  await guesses(gate, 2_000)
  expect(again.socket.destroyed).toBe(false)
  expect(sockets.filter(({ destroyed }) => !destroyed).length).toBeLessThanOrEqual(100 + 500 + 1)
  expect(await guesses(gate, 300, HOME)).toBe(50)
})

test('where devices have logged in, a few connects beyond the limit are admitted each second', async () => {
  const gate = new AddressGate({ connections: 10_000, connects: 600 }, () => {})
  ;(await comes(gate)).loggedIn('device')
  expect(await guesses(gate, 600)).toBe(600)
  let [isIn, tries] = [false, 0]
  for (; !isIn && tries < 100; tries++) ({ isIn } = await comes(gate))
  expect(isIn).toBe(true)
})
