import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { readConfig } from '../../shared/config.ts'
import { openLog } from '../../shared/log.ts'
import { PAIRS, pairKey, type PairRecord } from '../shared/contact-pairs.ts'
import type { DeclaredCommand } from '../../shared/runtime/command.ts'
import { execute, openWorkshop } from '../../shared/runtime/execute.ts'
import { handlerSettings } from '../../shared/runtime/handler-settings.ts'
import type { Store } from '../../shared/store/documents.ts'
import { userIdOf, type UserId } from '../../shared/wire/user-id.ts'
import { ownData, type OwnData } from '../../test/own-data.ts'
import { conferenceBook } from './conference-book.ts'
import participantExpired from './participant_expired.ts'
import participantHidden from './participant_hidden.ts'
import participantPresence from './participant_presence.ts'
import signalConference from './signal_conference.ts'

let data: OwnData
let store: Store
beforeAll(async () => {
  data = await ownData()
  store = await data.store()
})
afterAll(() => data.close())

/** Stores a block as block_user does. */
async function blocks(high: UserId, low: UserId): Promise<void> {
  const side = { sees: 'none' as const, blocks: true }
  const _id = pairKey(high, low)
  await store
    .collection<PairRecord>(PAIRS)
    .insert({ _id, low, high, low_side: { ...side, blocks: false }, high_side: side })
}

test('a participant hidden by a block looks gone at the same time as one whose connection was lost', async () => {
  const told: unknown[] = []
  for (const how of ['away', 'blocks']) {
    const [vic, mal] = [userIdOf(`vic ${how}`), userIdOf(`mal ${how}`)]
    const shop = openWorkshop(store, handlerSettings(readConfig({})), openLog('silent', 'test'))
    const book = conferenceBook(store, handlerSettings(readConfig({})))
    const cause = (id: string) => ({ id: `${id} ${how}`, order: 1, at: new Date(0) })
    const { conference } = await book.create(vic, undefined, cause('made'))
    const conference_id = conference._id
    await book.join(mal, conference_id, conference.token, cause('joined'))
    const run = (command: DeclaredCommand, user: UserId, id: string, seconds: number, input: object) => {
      const at = new Date(seconds * 1000).toISOString()
      const stamp = {
        'command-id': `${id} ${how}`,
        'user-id': user,
        'client-id': 'phone',
        attempt: 1,
        at,
        traceparent: '',
        order: 1,
      }
      return execute('it', command, Buffer.from(JSON.stringify(input)), stamp, shop)
    }
    const isBlock = how === 'blocks'
    if (isBlock) await blocks(vic, mal)
    const signal = { conference_id, type: 'bye' }
    const first = isBlock
      ? await run(signalConference, mal, 'signal', 0, signal)
      : await run(participantPresence, vic, 'offline', 0, { online: false })
    const [later] = 'later' in first ? first.later! : []
    const [command, user] = isBlock ? [participantHidden, mal] : [participantExpired, vic]
    const early = isBlock && (await run(command, user, 'early', 59, later!.input))
    if (early) expect(early).toMatchObject({ events: [], later: [later] })
    for (let attempt = 0; attempt < 2; attempt++) {
      const end = await run(command, user, 'later', 60, later!.input)
      const events = 'events' in end ? end.events! : []
      told.push(events.filter(({ to }) => to.includes(mal)).map(({ event, fields }) => [event, fields['reason']]))
      told.push([later!.after_ms])
    }
    if (isBlock) expect((await run(command, user, 'again', 120, later!.input)) as object).toMatchObject({ events: [] })
  }
  expect(told.slice(0, 4)).toEqual([[['participant_left', 'gone']], [60_000], [['participant_left', 'gone']], [60_000]])
  expect(told.slice(4)).toEqual(told.slice(0, 4))
})
