import { expect, test } from '@jest/globals'
import { Texts } from './texts.ts'

test('tells texts apart by all their bytes and returns each unchanged, however many there are', () => {
  const texts = new Texts()
  const all = ['', 'a', 'b', 'ab', 'ba', 'é', 'Ã©', '€', '😀', ...Array.from({ length: 5_000 }, (_, i) => `user-${i}`)]
  for (let round = 0; round < 2; round++) {
    for (const text of all) {
      const bytes = Buffer.from(`<${text}>`)
      expect(texts.of(bytes, 1, bytes.length - 2)).toBe(text)
    }
  }
})

test('keeps no bytes: reusing the buffer changes no text', () => {
  const texts = new Texts()
  const bytes = Buffer.from('alice')
  const alice = texts.of(bytes, 0, 5)
  bytes.write('carol')
  expect([alice, texts.of(bytes, 0, 5), texts.of(Buffer.from('alice'), 0, 5)]).toEqual(['alice', 'carol', 'alice'])
})
