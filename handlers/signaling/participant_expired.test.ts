import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { readConfig } from '../../shared/config.ts'
import { handlerSettings } from '../../shared/runtime/handler-settings.ts'
import { openLog } from '../../shared/log.ts'
import type { DeclaredCommand } from '../../shared/runtime/command.ts'
import { execute, openWorkshop } from '../../shared/runtime/execute.ts'
import type { Store } from '../../shared/store/documents.ts'
import { done } from '../../shared/wire/done.ts'
import { userIdOf } from '../../shared/wire/user-id.ts'
import { ownData, type OwnData } from '../../test/own-data.ts'
import { conferenceBook } from './conference-book.ts'
import participantExpired from './participant_expired.ts'
import participantPresence from './participant_presence.ts'

let data: OwnData
let store: Store
beforeAll(async () => {
  data = await ownData()
  store = await data.store()
})
afterAll(() => data.close())

test('a seat is given up when its user has not come back, and kept when they have', async () => {
  const book = conferenceBook(store, handlerSettings(readConfig({})))
  const [alice, bob] = [userIdOf('alice'), userIdOf('bob')]
  let order = 0
  const cause = (id: string) => ({ id, order: ++order, at: new Date() })
  const { conference } = await book.create(alice, undefined, cause('create'))
  const id = conference._id
  await book.join(bob, id, conference.token, cause('join'))
  await book.present(bob, false, cause('gone 1'))
  await book.present(bob, true, cause('back'))
  await book.present(bob, false, cause('gone 2'))
  expect(await book.expire(bob, id, 'gone 1', cause('expired 1'))).not.toHaveProperty('what', 'left')
  const expired = cause('expired 2')
  for (let attempt = 0; attempt < 2; attempt++) {
    const outcome = await book.expire(bob, id, 'gone 2', expired)
    expect(outcome).toMatchObject({ what: 'left', among: [{ user: 'alice' }, { user: 'bob' }] })
  }
  await expect(book.inside(bob, id)).rejects.toMatchObject({ code: 'forbidden' })
  expect((await book.inside(alice, id)).participants).toHaveLength(1)
})

test('one command gives up all seats of a user, however many', async () => {
  const [carl, dora] = [userIdOf('carl'), userIdOf('dora')]
  const book = conferenceBook(store, handlerSettings(readConfig({})))
  for (let i = 0; i < 32; i++) {
    const { conference } = await book.create(dora, undefined, { id: `made ${i}`, order: i, at: new Date() })
    await book.join(carl, conference._id, conference.token, { id: `joined ${i}`, order: i, at: new Date() })
  }
  const shop = openWorkshop(store, handlerSettings(readConfig({})), openLog('silent', 'test'))
  const run = (command: DeclaredCommand, id: string, input: object) => {
    const [at, client] = [new Date().toISOString(), 'phone']
    const stamp = {
      'command-id': id,
      'user-id': carl,
      'client-id': client,
      attempt: 1,
      at,
      traceparent: '',
      order: 100,
    }
    return execute('it', command, Buffer.from(JSON.stringify(input)), stamp, shop)
  }
  const gone = await run(participantPresence, 'gone', { online: false })
  const later = 'later' in gone ? gone.later! : []
  expect(later).toMatchObject([{ command: 'participant_expired' }])
  const left = await run(participantExpired, 'expired', later[0]!.input)
  expect('events' in left && left.events).toHaveLength(32)
  expect(done.safeParse(left)).toMatchObject({ success: true })
})
