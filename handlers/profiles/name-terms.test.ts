import { expect, test } from '@jest/globals'
import { distance, restsOf, wordsOf } from './name-terms.ts'

test('a name is its words, without case, accents and punctuation', () => {
  expect(wordsOf("  Zoë O'Hara-Łuczak  ")).toEqual(['zoe', 'o', 'hara', 'łuczak'])
  expect(wordsOf('李 小龍')).toEqual(['李', '小龍'])
  expect(wordsOf('— ! —')).toEqual([])
})

test.each([
  ['alice', 'Alice Cooper', 0],
  ['ali', 'Alice Cooper', 0],
  ['coop ali', 'Alice Cooper', 0],
  ['zoe', 'Zoë', 0],
  ['alcie', 'Alice', 1],
  ['alise', 'Alice', 1],
  ['alce', 'Alice', 1],
  ['allice', 'Alice', 1],
  ['alcei', 'Alice', undefined],
  ['bob', 'Bab', undefined],
  ['alice b', 'Alice Cooper', undefined],
])('%s finds %s: %s', (query, name, far) => {
  expect(distance(query, name)).toBe(far)
})

test('two spellings that are one error apart have a rest in common, so that one finds the other', () => {
  const letters = 'abc'
  const words = ['alice', 'bobby', 'carla', 'abcabc']
  for (const word of words) {
    const errors = new Set<string>()
    for (let i = 0; i <= word.length; i++) {
      errors.add(word.slice(0, i) + word.slice(i + 1))
      for (const letter of letters) {
        errors.add(word.slice(0, i) + letter + word.slice(i))
        errors.add(word.slice(0, i) + letter + word.slice(i + 1))
      }
      if (i + 1 < word.length) errors.add(word.slice(0, i) + word[i + 1]! + word[i]! + word.slice(i + 2))
    }
    for (const error of errors) {
      const shared = restsOf(error).some((rest) => restsOf(word).includes(rest))
      expect([word, error, shared, distance(error, word) !== undefined]).toEqual([word, error, true, true])
    }
  }
})
