import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { openStage, type Stage } from './stage.ts'

// The two scenarios of the original concept. 68946 and 23412 are users; 55555 is an uninvolved third.

const WAYS = [
  { version: 4, over: 'tls' },
  { version: 5, over: 'tls' },
  { version: 4, over: 'wss' },
  { version: 5, over: 'wss' },
] as const

let stage: Stage
beforeEach(async () => {
  stage = await openStage('contacts')
})
afterEach(() => stage.close())

test.each(WAYS)('add a contact, by MQTT $version over $over: 68946 asks 23412, who accepts', async (way) => {
  const asker = await stage.device('68946', { ...way, hears: ['contact_request_sent', 'contact_approved'] })
  const asked = await stage.device('23412', { ...way, hears: ['contact_requested', 'contact_added'] })
  const bystander = await stage.device('55555', way)

  const request = await asker.sends('request_contact', { user_id: '23412', note: 'we met in Rome' })
  expect(await asker.receives('contact_request_sent')).toEqual({
    event: 'contact_request_sent',
    event_seq: 1,
    user_id: '23412',
    re: request,
    at: expect.any(String),
  })
  expect(await asked.receives('contact_requested')).toEqual({
    event: 'contact_requested',
    event_seq: 1,
    user_id: '68946',
    note: 'we met in Rome',
    at: expect.any(String),
  })

  const acceptance = await asked.sends('accept_contact', { user_id: '68946' })
  expect(await asked.receives('contact_added')).toMatchObject({ user_id: '68946', re: acceptance })
  expect(await asker.receives('contact_approved')).toEqual({
    event: 'contact_approved',
    event_seq: 2,
    user_id: '23412',
    at: expect.any(String),
  })

  for (const anyone of [asker, asked, bystander]) expect(await anyone.unread()).toEqual([])
})

test.each(WAYS)('all events also arrive on <user>_events, by MQTT $version over $over', async (way) => {
  const [asker, asked] = [await stage.device('68946', way), await stage.device('23412', way)]
  const bystander = await stage.device('55555', way)

  await asker.sends('request_contact', { user_id: '23412' })
  await asked.receives('contact_requested')
  await asked.sends('accept_contact', { user_id: '68946' })
  await asker.receives('contact_approved')

  const names = async (who: typeof asker) => (await who.unread()).map(({ event }) => event)
  expect(await names(asker)).toEqual(['contact_request_sent'])
  expect(await names(asked)).toEqual(['contact_added'])
  expect(await names(bystander)).toEqual([])
})

test.each(WAYS)('get list of contacts, by MQTT $version over $over', async (way) => {
  const [owner, friend] = [await stage.device('68946', way), await stage.device('23412', way)]
  expect(await owner.asks('get_contact_list')).toMatchObject({ event: 'contact_list', contacts: [] })

  await owner.asks('request_contact', { user_id: '23412' })
  await friend.asks('accept_contact', { user_id: '68946' })
  await owner.asks('request_contact', { user_id: '70000', note: 'hello' })

  const reader = await stage.device('68946', { ...way, hears: ['contact_list'] })
  const id = await reader.sends('get_contact_list', {})
  expect(await reader.receives('contact_list')).toEqual({
    event: 'contact_list',
    re: id,
    at: expect.any(String),
    contacts: [
      { user_id: '23412', state: 'contact' },
      { user_id: '70000', state: 'requested', note: 'hello' },
    ],
  })
  expect(await friend.asks('get_contact_list')).toMatchObject({ contacts: [{ user_id: '68946', state: 'contact' }] })
})

test('68946 reads their contacts page by page', async () => {
  const owner = await stage.device('68946')
  const others = ['23412', '40000', '55555', '70000', '91000']
  for (const user_id of others) await owner.asks('request_contact', { user_id })

  const seen: string[] = []
  let cursor: unknown
  do {
    const page = await owner.asks('get_contact_list', { limit: 2, ...(cursor !== undefined && { cursor }) })
    const { contacts } = page as unknown as { contacts: { user_id: string }[] }
    expect(contacts.length).toBeLessThanOrEqual(2)
    seen.push(...contacts.map(({ user_id }) => user_id))
    cursor = page['cursor']
  } while (cursor !== undefined)
  expect(seen).toEqual(others)
})
