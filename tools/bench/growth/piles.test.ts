import { expect, test } from '@jest/globals'
import { ownData } from '../../../test/own-data.ts'
import { isTried } from '../../../test/tried.ts'
import { commandsOf, openPlay } from '../catalogue.ts'
import { openPlace } from './pile.ts'
import { commandOf, PILES } from './piles.ts'

test('every command that uses the store is measured on a growing pile, or its own test counts its work', async () => {
  const data = await ownData()
  const store = await data.store()
  const measured = new Set<string>()
  for (const pile of PILES) {
    const play = await openPlay(store, pile.settings)
    const asks = await pile.fill(openPlace(store, play, pile.what, 2))
    for (const name of Object.keys(asks)) measured.add(commandOf(name))
  }
  const all = [...(await commandsOf())]
  expect([...measured].filter((name) => !all.some(([one]) => one === name))).toEqual([])
  const using = all.filter(([, { uses }]) => Object.keys(uses).length > 0)
  const left = using.map(([name]) => name).filter((name) => !measured.has(name) && !isTried(name, '.costs('))
  expect(left).toEqual([]) // `costs(command, input)` counts it
  await data.close()
})
