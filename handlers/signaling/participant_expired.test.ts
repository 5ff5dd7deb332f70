import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { readConfig } from '../../shared/config.ts'
import { handlerSettings } from '../../shared/runtime/handler-settings.ts'
import type { Store } from '../../shared/store/documents.ts'
import { userIdOf } from '../../shared/wire/user-id.ts'
import { ownData, type OwnData } from '../../test/own-data.ts'
import { conferenceBook } from './conference-book.ts'

let data: OwnData
let store: Store
beforeAll(async () => {
  data = await ownData()
  store = await data.store()
})
afterAll(() => data.close())

test('a seat is given up when its user has not come back since, and kept when he has', async () => {
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
