import { createHash } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { befriend, gather } from '../../test/handlers/friends.ts'
import { stage } from '../../test/handlers/stage.ts'

const { ida, person } = await stage(['contacts', 'groups', 'messaging'])

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
async function pair(one: string, other: string): Promise<[typeof ida, typeof ida]> {
  const people: [typeof ida, typeof ida] = [person(one), person(other)]
  await befriend(...people)
  return people
}

test('a message reaches both, in the order in which it was sent', async () => {
  const [alice, bob] = await pair('alice', 'bob')
  for (let i = 1; i <= 5; i++) {
    expect(await alice.calls('send_message', { to: 'bob', body: `hello ${i}` })).toAnswer('message_sent', {
      to: 'bob',
      seq: i,
      hash: sha256(`hello ${i}`),
    })
  }
  for (const one of [alice, bob]) {
    for (let i = 1; i <= 5; i++) {
      one.receives('message_received', {
        from: 'alice',
        to: 'bob',
        seq: i,
        body: `hello ${i}`,
        hash: sha256(`hello ${i}`),
        ...(i > 1 && { prev_hash: sha256(`hello ${i - 1}`) }),
      })
    }
    expect(one.unread()).toEqual([])
  }
})

test('a command that runs again after a crash stores one message', async () => {
  const [carl, dora] = await pair('carl', 'dora')
  expect(await carl.calls('send_message', { to: 'dora', body: 'once' }, { crashes: true })).toAnswer('message_sent')
  dora.receives('message_received')
  expect(dora.unread()).toEqual([])
})

test('refuses a hash that does not match, and a prev_hash when the sender has missed a message', async () => {
  const [eve, finn] = await pair('eve', 'finn')
  const wrong = await eve.calls('send_message', { to: 'finn', body: 'a', hash: sha256('b') })
  expect(wrong).toMatchObject({ code: 'hash_mismatch', fields: { hash: expect.any(String) } })
  await eve.calls('send_message', { to: 'finn', body: 'first', hash: sha256('first') })
  await finn.calls('send_message', { to: 'eve', body: 'second', prev_hash: sha256('first') })
  const late = await eve.calls('send_message', { to: 'finn', body: 'third', prev_hash: sha256('first') })
  expect(late).toMatchObject({ code: 'conflict', fields: { prev_hash: expect.any(String) } })
})

test('passes on ciphertext unchanged and attachments by reference, except types that can run scripts', async () => {
  const [gus, hal] = await pair('gus', 'hal')
  const picture = { file_id: 'f-1', type: 'image/png', size: 1234, name: 'a cat.png', width: 640, height: 480 }
  await gus.calls('send_message', { to: 'hal', ciphertext: 'AAEC', attachments: [picture] })
  const received = hal.receives('message_received')
  expect(received).toMatchObject({ ciphertext: 'AAEC', attachments: [picture], hash: sha256('AAEC') })
  expect(received).not.toHaveProperty('body')
  for (const type of ['text/html', 'image/svg+xml', 'application/xhtml+xml', 'text/javascript', 'text/xml']) {
    const answer = await gus.calls('send_message', { to: 'hal', body: 'x', attachments: [{ ...picture, type }] })
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
  expect(await ida.calls('send_message', { to: 'jon', ...fields })).toBeRefused('bad_payload')
})

test('refuses strangers; a blocked sender cannot tell, and is not heard', async () => {
  const [kim, lea] = await pair('kim', 'lea')
  const stranger = person('stranger')
  expect(await stranger.calls('send_message', { to: 'kim', body: 'hi' })).toBeRefused('forbidden')
  expect(await stranger.calls('send_message', { to: 'nobody', body: 'hi' })).toBeRefused('forbidden')
  expect(await kim.calls('send_message', { to: 'kim', body: 'hi' })).toBeRefused('bad_payload')
  await lea.calls('block_user', { user_id: 'kim' })
  lea.unread()
  expect(await kim.calls('send_message', { to: 'lea', body: 'unheard' })).toAnswer('message_sent', {
    seq: 1,
  })
  expect(await kim.calls('get_messages', { with: 'lea' })).toMatchObject({ messages: [{ body: 'unheard' }] })
  expect(await lea.calls('get_messages', { with: 'kim' })).toMatchObject({ messages: [], more: false })
  expect(await lea.calls('send_message', { to: 'kim', body: 'x' })).toBeRefused('forbidden')
  expect(lea.unread()).toEqual([])
})

test('messages withheld by a block leave no gap in the chain of the blocker, and no trace in that of the sender', async () => {
  const [olaf, pia] = await pair('olaf', 'pia')
  const says = async (by: typeof ida, to: string, body: string, prev?: string) =>
    by.calls('send_message', { to, body, ...(prev !== undefined && { prev_hash: sha256(prev) }) })
  await says(olaf, 'pia', 'heard')
  await pia.calls('block_user', { user_id: 'olaf' })
  await says(olaf, 'pia', 'unheard 1', 'heard')
  await says(olaf, 'pia', 'unheard 2', 'unheard 1')
  await pia.calls('unblock_user', { user_id: 'olaf' })
  pia.unread()
  olaf.unread()
  expect(await says(pia, 'olaf', 'again', 'heard')).toAnswer('message_sent')
  olaf.receives('message_received', { body: 'again', prev_hash: sha256('unheard 2') })
  pia.receives('message_received', { body: 'again', prev_hash: sha256('heard') })
  expect(await says(olaf, 'pia', 'and on', 'again')).toAnswer('message_sent')
  pia.receives('message_received', { body: 'and on', prev_hash: sha256('again') })
  const chain = async (by: typeof ida, other: string) =>
    ((await by.calls('get_messages', { with: other }))['messages'] as { body: string; prev_hash?: string }[]).map(
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

test('a message to a group reaches every member, and nobody else', async () => {
  const [quin, rosa, sam] = [person('quin'), person('rosa'), person('sam')]
  const group_id = await gather(quin, rosa, sam)
  const outsider = person('outsider')
  const sent = (await rosa.calls('send_message', { group_id, body: 'to all', hash: sha256('to all') })).as(
    'message_sent',
  )
  expect(sent).toMatchObject({ group_id, seq: 2, hash: sha256('to all') })
  for (const one of [quin, rosa, sam]) {
    const received = one.receives('message_received')
    expect(received).toMatchObject({
      from: 'rosa',
      group_id,
      seq: 2,
      body: 'to all',
      prev_hash: sha256('created Some'),
    })
    expect(received).not.toHaveProperty('to')
  }
  expect(outsider.unread()).toEqual([])
  expect(await outsider.calls('send_message', { group_id, body: 'x' })).toBeRefused('forbidden')
  expect(await sam.calls('send_message', { group_id, body: 'x', prev_hash: sha256('no') })).toBeRefused('conflict')
  expect(await sam.calls('send_message', { group_id, to: 'quin', body: 'x' })).toBeRefused('bad_payload')
  expect(await sam.calls('send_message', { body: 'x' })).toBeRefused('bad_payload')
})
