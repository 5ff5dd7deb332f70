import { expect, test } from '@jest/globals'
import { fuzzCodec } from '../../../tools/fuzz/codec.ts'

const SEED = 20_261_128

test('mqtt-packet reads every packet that the codec accepts in the same way, and each reads what the other writes', () => {
  const { taken, mutated, stricter, differences } = fuzzCodec(SEED, 3_000)
  expect(differences).toEqual([])
  expect(taken).toBeGreaterThan(1_500)
  expect(mutated).toBeGreaterThan(1_000)
  expect(Object.keys(stricter).length).toBeGreaterThan(5) // broken packets of many kinds have come by
})
