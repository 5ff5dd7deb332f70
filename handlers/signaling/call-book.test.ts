import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { readConfig } from '../../shared/config.ts'
import { handlerSettings } from '../../shared/runtime/handler-settings.ts'
import { userIdOf } from '../../shared/wire/user-id.ts'
import { ownData, type OwnData } from '../../test/own-data.ts'
import { callBook } from './call-book.ts'

let data: OwnData
beforeEach(async () => {
  data = await ownData()
})
afterEach(() => data.close())

test('at most 32 calls of one user ring at a time; one that is answered, cancelled or missed makes room', async () => {
  const calls = callBook(await data.store(), handlerSettings(readConfig({})))
  const [alice, bob] = [userIdOf('alice'), userIdOf('bob')]
  let order = 0
  const next = () => ({ id: `command ${++order}`, order, at: new Date(order) })
  const from = (user: typeof alice) => ({ user, client: 'phone', clients: new Set(['phone']) })
  const offers = (call: string, cause = next()) => calls.step(from(alice), bob, call, 'offer', false, cause)

  for (let n = 0; n < 32; n++) expect(await offers(`call ${n}`)).toMatchObject({ became: 'ringing' })
  const full = { code: 'conflict', fields: { call_id: '32 of your calls are ringing: end one first' } }
  await expect(offers('one more')).rejects.toMatchObject(full)
  expect((await offers('call 0')).call.state).toBe('ringing') // a second offer in a call that rings
  expect(await calls.step(from(bob), alice, 'another', 'offer', false, next())).toMatchObject({ became: 'ringing' })

  await calls.step(from(bob), alice, 'call 0', 'answer', false, next())
  await calls.step(from(alice), bob, 'call 1', 'cancel', false, next())
  await calls.miss((await offers('call 2')).call._id, next())
  for (const n of [1, 2, 3]) expect(await offers(`new ${n}`)).toMatchObject({ became: 'ringing' })
  await expect(offers('one more')).rejects.toMatchObject(full)
})
