import { beforeEach, expect, test } from '@jest/globals'
import { Lanes } from './lanes.ts'

let lanes: Lanes
let ran: string[]
/** Holds up each delivery until the test releases it. */
let gates: Map<string, () => void>
beforeEach(() => {
  lanes = new Lanes()
  ran = []
  gates = new Map()
})

function sends(user: string, name: string, time = 1): Promise<void> {
  return lanes.run(user, time, async () => {
    ran.push(name)
    await new Promise<void>((resolve) => gates.set(name, resolve))
  })
}
async function ends(name: string): Promise<void> {
  gates.get(name)!()
  await new Promise(setImmediate)
}

test("runs one user's deliveries one after another, and different users' at the same time", async () => {
  for (const name of ['a1', 'a2', 'a3']) void sends('alice', name)
  void sends('bob', 'b1')
  expect(ran).toEqual(['a1', 'b1'])
  await ends('a1')
  await ends('a2')
  expect(ran).toEqual(['a1', 'b1', 'a2', 'a3'])
})

test('skips the deliveries after a failed one, and those of its generation still to come, until the broker has heard of it', async () => {
  void sends('alice', 'a1')
  const behind = sends('alice', 'a2')
  lanes.skip('alice', 1)
  await behind
  await sends('alice', 'a3') // was already on its way
  await ends('a1')
  void sends('alice', 'a1 again', 2)
  expect(ran).toEqual(['a1', 'a1 again'])
  lanes.heard('alice', 1)
  void sends('bob', 'b1')
  expect(ran).toEqual(['a1', 'a1 again', 'b1'])
})

test('a delivery of a later generation runs, whether the broker’s acknowledgement came before or after it', async () => {
  void sends('alice', 'a1')
  lanes.skip('alice', 1)
  void sends('alice', 'a1 again', 2)
  expect(ran).toEqual(['a1'])
  await ends('a1')
  expect(ran).toEqual(['a1', 'a1 again'])
  lanes.heard('alice', 1)
  await ends('a1 again')
  void sends('alice', 'a2', 2)
  expect(ran).toEqual(['a1', 'a1 again', 'a2'])
})

test('a lost connection skips everything that has not begun', async () => {
  void sends('alice', 'a1')
  const lost = sends('alice', 'a2')
  lanes.skipAll()
  await lost
  void sends('alice', 'a1 again') // from the next connection: waits for the one that still runs
  expect(ran).toEqual(['a1'])
  await ends('a1')
  expect(ran).toEqual(['a1', 'a1 again'])
})
