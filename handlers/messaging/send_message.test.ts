import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Device } from '../../test/device.ts'
import { befriend, gather } from '../../test/friends.ts'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(['contacts', 'groups', 'messaging'])
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

test('the same command twice stores one message', async () => {
  const [carl, dora] = await pair('carl', 'dora')
  const first = await carl.asks('send_message', { to: 'dora', body: 'once' }, { id: 'same' })
  const again = await carl.asks('send_message', { to: 'dora', body: 'once' }, { id: 'same' })
  expect(again).toEqual(first)
  await dora.receives('message_received')
  expect(await dora.unread()).toEqual([])
})

test('refuses a hash that does not match, and a prev_hash when the sender has missed a message', async () => {
  const [eve, finn] = await pair('eve', 'finn')
  const wrong = await eve.asks('send_message', { to: 'finn', body: 'a', hash: sha256('b') })
  expect(wrong).toMatchObject({ code: 'hash_mismatch', fields: { hash: expect.any(String) } })
  await eve.asks('send_message', { to: 'finn', body: 'first', hash: sha256('first') })
  await finn.asks('send_message', { to: 'eve', body: 'second', prev_hash: sha256('first') })
  const late = await eve.asks('send_message', { to: 'finn', body: 'third', prev_hash: sha256('first') })
  expect(late).toMatchObject({ code: 'conflict', fields: { prev_hash: expect.any(String) } })
})

test('passes on ciphertext unchanged and attachments by reference, except types that can run scripts', async () => {
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
  ['no content', {}],
  ['both body and ciphertext', { body: 'a', ciphertext: 'b' }],
  ['an empty body', { body: '' }],
  ['a body that is too long', { body: 'x'.repeat(10_001) }],
  ['an invalid hash', { body: 'a', hash: 'abc' }],
])('a message with %s is refused', async (_, fields) => {
  const ida = await stage.device('ida')
  expect(await ida.asks('send_message', { to: 'jon', ...fields })).toMatchObject({ code: 'bad_payload' })
})

test('refuses strangers; a blocked sender cannot tell, and is not heard', async () => {
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

test('messages to a user who is offline wait for their device, in order and once', async () => {
  const [max, nina] = await pair('max', 'nina')
  const kept = { clientId: 'phone', mqtt: { clean: false, properties: { sessionExpiryInterval: 600 } } }
  await (await stage.device('nina', kept)).leaves()
  for (let i = 0; i < 20; i++) await max.asks('send_message', { to: 'nina', body: String(i) })
  const back = await stage.device('nina', kept)
  for (let i = 0; i < 20; i++) expect(await back.receives('message_received')).toMatchObject({ body: String(i) })
  expect(await back.unread()).toEqual([])
  await nina.leaves()
})

test('messages withheld by a block leave no gap in the chain of the blocker, and no trace in that of the sender', async () => {
  const [olaf, pia] = await pair('olaf', 'pia')
  const says = async (by: Device, to: string, body: string, prev?: string) =>
    by.asks('send_message', { to, body, ...(prev !== undefined && { prev_hash: sha256(prev) }) })
  await says(olaf, 'pia', 'heard')
  await pia.asks('block_user', { user_id: 'olaf' })
  await says(olaf, 'pia', 'unheard 1', 'heard')
  await says(olaf, 'pia', 'unheard 2', 'unheard 1')
  await pia.asks('unblock_user', { user_id: 'olaf' })
  await pia.unread()
  await olaf.unread()
  expect(await says(pia, 'olaf', 'again', 'heard')).toMatchObject({ event: 'message_sent' })
  expect(await olaf.receives('message_received')).toMatchObject({ body: 'again', prev_hash: sha256('unheard 2') })
  expect(await pia.receives('message_received')).toMatchObject({ body: 'again', prev_hash: sha256('heard') })
  expect(await says(olaf, 'pia', 'and on', 'again')).toMatchObject({ event: 'message_sent' })
  expect(await pia.receives('message_received')).toMatchObject({ body: 'and on', prev_hash: sha256('again') })
  const chain = async (by: Device, other: string) =>
    ((await by.asks('get_messages', { with: other }))['messages'] as { body: string; prev_hash?: string }[]).map(
      ({ body, prev_hash }) => [body, prev_hash],
    )
  expect(await chain(pia, 'olaf')).toEqual([
    ['heard', undefined],
    ['again', sha256('heard')],
    ['and on', sha256('again')],
  ])
  expect((await chain(olaf, 'pia')).map(([, prev]) => prev)).toEqual(
    [undefined, 'heard', 'unheard 1', 'unheard 2', 'again'].map((body) => body && sha256(body)),
  )
})

test('a message to a group reaches every device of every member, and nobody else', async () => {
  const [quin, rosa, sam] = [await stage.device('quin'), await stage.device('rosa'), await stage.device('sam')]
  const group_id = await gather(quin, rosa, sam)
  const [quins, outsider] = [await stage.device('quin'), await stage.device('outsider')]
  const sent = await rosa.asks('send_message', { group_id, body: 'to all', hash: sha256('to all') })
  expect(sent).toMatchObject({ event: 'message_sent', group_id, seq: 2, hash: sha256('to all') })
  for (const device of [quin, quins, rosa, sam]) {
    const received = await device.receives('message_received')
    expect(received).toMatchObject({
      from: 'rosa',
      group_id,
      seq: 2,
      body: 'to all',
      prev_hash: sha256('created Some'),
    })
    expect(received).not.toHaveProperty('to')
  }
  expect(await outsider.unread()).toEqual([])
  expect(await outsider.asks('send_message', { group_id, body: 'x' })).toMatchObject({ code: 'forbidden' })
  expect(await sam.asks('send_message', { group_id, body: 'x', prev_hash: sha256('no') })).toMatchObject({
    code: 'conflict',
  })
  expect(await sam.asks('send_message', { group_id, to: 'quin', body: 'x' })).toMatchObject({ code: 'bad_payload' })
  expect(await sam.asks('send_message', { body: 'x' })).toMatchObject({ code: 'bad_payload' })
})

test('messages sent to one group at the same time have consecutive places and form one chain', async () => {
  const names = ['tim', 'uma', 'vera', 'will']
  const devices = await Promise.all(names.map((name) => stage.device(name)))
  const group_id = await gather(devices[0]!, ...devices.slice(1))
  await stage.serve('messaging') // as if by a second process
  const body = (i: number): string => `message ${i}`
  const all = devices.flatMap((device, d) =>
    Array.from({ length: 10 }, (_, i) => device.asks('send_message', { group_id, body: body(d * 10 + i) })),
  )
  expect((await Promise.all(all)).filter(({ event }) => event !== 'message_sent')).toEqual([])
  const page = await devices[0]!.asks('get_messages', { group_id, after: 1, limit: 50 })
  const messages = page['messages'] as { seq: number; hash: string; prev_hash: string }[]
  expect(messages.map(({ seq }) => seq)).toEqual(Array.from({ length: 40 }, (_, i) => i + 2))
  for (const [i, { prev_hash }] of messages.entries()) {
    expect(prev_hash).toBe(i === 0 ? sha256('created Some') : messages[i - 1]!.hash)
  }
})
