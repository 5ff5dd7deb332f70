import { expect, test } from '@jest/globals'
import { askedIn, distance, restsOf, wordsOf } from './name-terms.ts'

test('splits a name into its words, without case, accents and punctuation', () => {
  expect(wordsOf("  Zoë O'Hara-Łuczak  ")).toEqual(['zoe', 'o', 'hara', 'luczak', 'oharaluczak'])
  expect(wordsOf('李 小龍')).toEqual(['李小龍', '小龍', '龍'])
  expect(wordsOf('— ! —')).toEqual([])
  expect(askedIn('小龍 Lee')).toEqual(['小龍', 'lee'])
  expect(askedIn('🦊')).toEqual([])
})

test.each([
  ['alice', 'Alice Cooper', 0],
  ['ali', 'Alice Cooper', 0],
  ['coop ali', 'Alice Cooper', 0],
  ['zoe', 'Zoë', 0],
  ['小龍', '李小龍', 0],
  ['龍', '李小龍', 0],
  ['李小龍', '李 小龍', 0],
  ['李 小龍', '李小龍', 0],
  ['龍小', '李小龍', undefined],
  ['철수', '김철수', 0],
  ['ชาย', 'สมชาย', 0],
  ['strauss', 'Strauß', 0],
  ['strauß', 'Strauss', 0],
  ['aegir', 'Ægir', 0],
  ['soren', 'Søren', 0],
  ['lodz', 'Łódź', 0],
  ['jeanluc', 'Jean-Luc', 0],
  ['jean luc', 'Jean-Luc', 0],
  ['ohara', 'O’Hara', 0],
  ['राम', 'राम प्रसाद', 0],
  ['रमा', 'राम', undefined],
  ['राम', 'रमा', undefined],
  ['محمد', 'مُحَمَّد', 0],
  ['محمد', 'محـــمد', 0],
  ['نیما', 'نی\u200cما', 0],
  ['straus', 'Strauß', 0],
  ['strauzs', 'Strauß', 1],
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

test('two spellings one typing error apart share a rest, so that one finds the other', () => {
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
