import { expect, test } from '@jest/globals'
import { ownData } from '../../../test/own-data.ts'
import { commandsOf, openPlay } from '../catalogue.ts'
import { openPlace } from './pile.ts'
import { commandOf, PILES } from './piles.ts'

test('every command of the catalogue is measured with what one user can pile up', async () => {
  const data = await ownData()
  const store = await data.store()
  const measured = new Set<string>()
  for (const pile of PILES) {
    const play = await openPlay(store, pile.settings)
    const asks = await pile.fill(openPlace(store, play, pile.what, 2))
    for (const name of Object.keys(asks)) measured.add(commandOf(name))
  }
  expect([...measured].toSorted()).toEqual([...(await commandsOf()).keys()].toSorted())
  await data.close()
})
