import { expect, test } from '@jest/globals'
import { stage } from './stage.ts'

// The stage itself, with existing groups. Each @ts-expect-error marks what `npm run types` must refuse.

const { alice, bob, carl, dora, person, clock } = await stage(['contacts', 'presence', 'signaling'])

async function befriended(one: typeof alice, other: typeof alice): Promise<void> {
  await one.calls('request_contact', { user_id: other.user })
  await other.calls('accept_contact', { user_id: one.user })
  for (const each of [one, other]) each.unread()
}
const body = 'v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\n'

test('an answer is compared with the event and the fields that are expected, and a difference is shown', async () => {
  const answer = await alice.calls('request_contact', { user_id: 'zoe' })
  expect(answer).toAnswer('contact_request_sent')
  expect(answer).toAnswer('contact_request_sent', { user_id: expect.any(String) })
  expect(answer.as('contact_request_sent').user_id).toBe('zoe')
  expect(() => expect(answer).toAnswer('contact_added')).toThrow(/contact_added[^]*contact_request_sent/)
  expect(() => expect(answer).toAnswer('contact_request_sent', { user_id: 'zed' })).toThrow(/zed[^]*zoe/)
  expect(() => expect(answer).toBeRefused('conflict')).toThrow(/command_rejected[^]*contact_request_sent/)
  expect(() => answer.as('contact_added')).toThrow(
    /request_contact was answered .*contact_request_sent.*, not contact_added/,
  )
})

test('a refusal is an answer, with its code and what is wrong with the fields', async () => {
  const refused = await alice.calls('request_contact', { user_id: 7 as never })
  expect(refused).toBeRefused('bad_payload', { user_id: 'is not a user id' })
  expect(() => expect(refused).toBeRefused('conflict')).toThrow(/conflict[^]*bad_payload/)
  expect(await alice.calls('ring_timed_out' as never, {} as never)).toBeRefused('unknown_command')
})

test('what others get has arrived when the call resolves; an event that is missing is named with those that are there', async () => {
  await carl.calls('request_contact', { user_id: dora.user, note: 'hello' })
  expect(() => dora.receives('contact_removed')).toThrow('dora did not get contact_removed; unread: contact_requested')
  expect(() => dora.receives('contact_requested', { note: 'bye' })).toThrow(/bye[^]*hello/)
  expect(() => dora.receives('contact_requested')).toThrow('unread: nothing') // it has been read already
})

test('what a handler puts off runs when the clock has reached it, in order', async () => {
  await befriended(alice, bob)
  for (const call_id of ['c1', 'c2']) {
    await alice.calls('signal', { target: bob.user, type: 'offer', body, call_id })
    await clock.passes(1_000)
  }
  bob.unread()
  await clock.passes(42_999)
  expect(bob.unread()).toEqual([])
  await clock.passes(1)
  bob.receives('call_changed', { call_id: 'c1', state: 'missed' })
  expect(bob.unread()).toEqual([])
  await clock.passes(60_000)
  bob.receives('call_changed', { call_id: 'c2', state: 'missed' })
})

test('people come and go', async () => {
  const [zoe, zed] = [person('zoe'), person('zed')]
  await zoe.comes()
  await zed.comes()
  await befriended(zoe, zed)
  await zed.leaves()
  zoe.receives('user_offline', { user_id: 'zed' })
  await zed.comes()
  zoe.receives('user_online', { user_id: 'zed' })
})

test('a command can be tried with a process that dies behind each of its writes, and its work counted', async () => {
  const sent = await person('ivo').calls('request_contact', { user_id: 'iva' }, { crashes: true })
  expect(sent).toAnswer('contact_request_sent')
  expect(person('iva').unread()).toHaveLength(1)
  expect(await person('ivo').costs('get_contact_list')).toEqual({ read: 1, counted: 0, written: 0 })
})

test('names, inputs and events are those that the handlers declare', async () => {
  const never = async (): Promise<void> => {
    // @ts-expect-error -- no command of these groups
    await alice.calls('send_message', {})
    // @ts-expect-error -- only the broker sends it
    await alice.calls('presence_changed', { online: true })
    // @ts-expect-error -- its input has a field user_id
    await alice.calls('request_contact')
    // @ts-expect-error -- user_id is a string
    await alice.calls('request_contact', { user_id: 7 })
    const answer = await alice.calls('request_contact', { user_id: 'bob' })
    // @ts-expect-error -- another command's event
    expect(answer).toAnswer('contact_removed')
    // @ts-expect-error -- no field of this event
    expect(answer).toAnswer('contact_request_sent', { note: 'x' })
    // @ts-expect-error -- no such error code
    expect(answer).toBeRefused('no_such_code')
    // @ts-expect-error -- no event of these groups
    alice.receives('message_received')
    // @ts-expect-error -- no such group
    await stage('nosuch')
  }
  expect(never).toBeInstanceOf(Function)
})
