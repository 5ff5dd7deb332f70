import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Device } from '../../test/device.ts'
import { befriend } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'messaging'])
})
afterAll(() => stage.close())

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
async function pair(one: string, other: string): Promise<[Device, Device]> {
  const devices: [Device, Device] = [await stage.device(one), await stage.device(other)]
  await befriend(...devices)
  return devices
}

test('a message reaches every device of both, in the order in which it was sent', async () => {
  const [alice, bob] = await pair('alice', 'bob')
  const [alices, bobs] = [await stage.device('alice'), await stage.device('bob')]
  for (let i = 1; i <= 5; i++) {
    expect(await alice.asks('send_message', { to: 'bob', body: `hello ${i}` })).toMatchObject({
      event: 'message_sent',
      to: 'bob',
      seq: i,
      hash: sha256(`hello ${i}`),
    })
  }
  for (const device of [bob, bobs, alices, alice]) {
    for (let i = 1; i <= 5; i++) {
      expect(await device.receives('message_received')).toMatchObject({
        from: 'alice',
        to: 'bob',
        seq: i,
        body: `hello ${i}`,
        hash: sha256(`hello ${i}`),
        ...(i > 1 && { prev_hash: sha256(`hello ${i - 1}`) }),
      })
    }
    expect((await device.unread()).filter(({ event }) => event === 'message_received')).toEqual([])
  }
})

test('the same command twice is one message', async () => {
  const [carl, dora] = await pair('carl', 'dora')
  const first = await carl.asks('send_message', { to: 'dora', body: 'once' }, { id: 'same' })
  const again = await carl.asks('send_message', { to: 'dora', body: 'once' }, { id: 'same' })
  expect(again).toEqual(first)
  await dora.receives('message_received')
  expect(await dora.unread()).toEqual([])
})

test('a hash that does not fit is told, and so is a message that the sender has not seen', async () => {
  const [eve, finn] = await pair('eve', 'finn')
  const wrong = await eve.asks('send_message', { to: 'finn', body: 'a', hash: sha256('b') })
  expect(wrong).toMatchObject({ code: 'hash_mismatch', fields: { hash: expect.any(String) } })
  await eve.asks('send_message', { to: 'finn', body: 'first', hash: sha256('first') })
  await finn.asks('send_message', { to: 'eve', body: 'second', prev_hash: sha256('first') })
  const late = await eve.asks('send_message', { to: 'finn', body: 'third', prev_hash: sha256('first') })
  expect(late).toMatchObject({ code: 'conflict', fields: { prev_hash: expect.any(String) } })
})

test('ciphertext is passed on as it is, and attachments by reference, but for those that run scripts', async () => {
  const [gus, hal] = await pair('gus', 'hal')
  const picture = { file_id: 'f-1', type: 'image/png', size: 1234, name: 'a cat.png', width: 640, height: 480 }
  await gus.asks('send_message', { to: 'hal', ciphertext: 'AAEC', attachments: [picture] })
  const received = await hal.receives('message_received')
  expect(received).toMatchObject({ ciphertext: 'AAEC', attachments: [picture], hash: sha256('AAEC') })
  expect(received).not.toHaveProperty('body')
  for (const type of ['text/html', 'image/svg+xml', 'application/xhtml+xml', 'text/javascript', 'text/xml']) {
    const answer = await gus.asks('send_message', { to: 'hal', body: 'x', attachments: [{ ...picture, type }] })
    expect([type, answer['code']]).toEqual([type, 'bad_payload'])
  }
})

test.each([
  ['nothing in it', {}],
  ['both', { body: 'a', ciphertext: 'b' }],
  ['an empty body', { body: '' }],
  ['too long a body', { body: 'x'.repeat(10_001) }],
  ['a hash that is none', { body: 'a', hash: 'abc' }],
])('a message with %s is refused', async (_, fields) => {
  const ida = await stage.device('ida')
  expect(await ida.asks('send_message', { to: 'jon', ...fields })).toMatchObject({ code: 'bad_payload' })
})

test('strangers are refused; who is blocked cannot tell, and is not heard', async () => {
  const [kim, lea] = await pair('kim', 'lea')
  const stranger = await stage.device('stranger')
  expect(await stranger.asks('send_message', { to: 'kim', body: 'hi' })).toMatchObject({ code: 'forbidden' })
  expect(await stranger.asks('send_message', { to: 'nobody', body: 'hi' })).toMatchObject({ code: 'forbidden' })
  expect(await kim.asks('send_message', { to: 'kim', body: 'hi' })).toMatchObject({ code: 'bad_payload' })
  await lea.asks('block_user', { user_id: 'kim' })
  await lea.unread()
  expect(await kim.asks('send_message', { to: 'lea', body: 'unheard' })).toMatchObject({
    event: 'message_sent',
    seq: 1,
  })
  expect(await kim.asks('get_messages', { with: 'lea' })).toMatchObject({ messages: [{ body: 'unheard' }] })
  expect(await lea.asks('get_messages', { with: 'kim' })).toMatchObject({ messages: [], more: false })
  expect(await lea.asks('send_message', { to: 'kim', body: 'x' })).toMatchObject({ code: 'forbidden' })
  expect(await lea.unread()).toEqual([])
})

test('what was sent to one who is away waits for his device, in order and once', async () => {
  const [max, nina] = await pair('max', 'nina')
  const kept = { clientId: 'phone', mqtt: { clean: false, properties: { sessionExpiryInterval: 600 } } }
  await (await stage.device('nina', kept)).leaves()
  for (let i = 0; i < 20; i++) await max.asks('send_message', { to: 'nina', body: String(i) })
  const back = await stage.device('nina', kept)
  for (let i = 0; i < 20; i++) expect(await back.receives('message_received')).toMatchObject({ body: String(i) })
  expect(await back.unread()).toEqual([])
  await nina.leaves()
})
