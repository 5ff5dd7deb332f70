import { expect, test } from '@jest/globals'
import { cpuTime } from '../../test/cpu-time.ts'
import { indexedWordsOf, wordsOf } from './words.ts'

test.each([
  ['', ''],
  ['Hello, world! Hello?', 'hello world'],
  ['note-book, note_book, notebook', 'note book notebook'],
  ["don't 3.14 a@b.example", 'don t 3 14 a b example'],
  ['Ärger ärger ÄRGER Arger', 'arger'],
  ['Straße STRASSE STRAẞE', 'strasse'],
  ['ΟΔΟΣ οδος οδοσ Οδός', 'οδος'],
  ['İstanbul ISTANBUL ıstanbul', 'istanbul'],
  ['ﬁ ² ½ Ⅷ Å', 'fi 2 1 viii a'],
  ['й ё', 'и е'],
  ['Donau\u00addampf not\u2060able zero\u200bwidth', 'donaudampf notable zero width'],
  ['می\u200cخواهم کتـــاب', 'ميخواهم كتاب'],
  ['Łódź Đà Nẵng smørrebrød Ægir Œuvre Þór Guðrún ħ ŋ', 'lodz da nang smorrebrod aegir oeuvre thor gudrun h n'],
  ['रमा राम क्\u200dष', 'रमा राम क्ष'],
  ['שָׁלוֹם', 'שלום'],
  ['\u200eleft\u202cright\ufeff e\u034f\u0301\ufe0f', 'leftright e'],
  ['ພາສາ ភាសា မြန်မာ', 'ພ າ ສ ភា សា မြ န် မာ'],
  ['日本語 abc日本', '日 本 語 abc'],
  ['コーヒー ｺｰﾋｰ', 'コ ー ヒ'],
  ['か が は ぱ', 'か が は ぱ'],
  ['한국어 \u1112\u1161\u11ab', '한 국 어'],
  ['ภาษาไทย', 'ภ า ษ ไ ท ย'],
  ['हिन्दी की का', 'हिन्दी की का'],
  ['مُحَمَّد محمد ١٢٣', 'محمد ١٢٣'],
  ['𐐀𐐁 𐐨𐐩 𠀀𠀁', '𐐨𐐩 𠀀 𠀁'],
  ['1️⃣ 🦊 👨‍👩‍👧 ☎ _ - "*" \0 \ud800', '1'],
])('%j has the words %j', (text, words) => {
  expect(wordsOf(text).join(' ')).toBe(words)
})

test('joined words also count as one', () => {
  const found = indexedWordsOf("Jean-Luc O’Hara don't col·lecció 2026-11-20 a-1 x- -y rock-'n'-roll")
  const more = ['jeanluc', 'ohara', 'dont', 'colleccio']
  expect(found).toEqual([...wordsOf("Jean-Luc O’Hara don't col·lecció 2026-11-20 a-1 x- -y rock-'n'-roll"), ...more])
})

/** What splits otherwise when its words are split again, or has words with other characters in them. */
function isStrange(characters: readonly string[]): boolean {
  const words = wordsOf(characters.map((character) => `x${character}x ${character}`).join(' '))
  const again = wordsOf(words.join(' '))
  return again.join(' ') !== words.join(' ') || !words.every((word) => /^[\p{L}\p{N}\p{M}]+$/u.test(word))
}

test('splitting its own words again changes nothing', () => {
  const all = Array.from({ length: 0x30000 }, (_, i) => (i >= 0xd800 && i < 0xe000 ? '' : String.fromCodePoint(i)))
  const many = 256 // whose words are fewer than the 2,000 that count
  const strange = all.flatMap((_, i) => {
    const some = i % many === 0 ? all.slice(i, i + many) : []
    return isStrange(some) ? some.filter((one) => isStrange([one])) : []
  })
  expect(strange).toEqual([])
})

test('counts 40 characters of a word, and never half a character', () => {
  expect(wordsOf('a'.repeat(41))).toEqual(['a'.repeat(40)])
  expect(wordsOf('𐐨'.repeat(41))).toEqual(['𐐨'.repeat(40)])
  expect(wordsOf(`${'a'.repeat(40)}b ${'a'.repeat(40)}c`)).toHaveLength(1)
})

test('counts 2,000 distinct words of a text', () => {
  const words = Array.from({ length: 3_000 }, (_, i) => `w${i}`)
  expect(wordsOf(words.flatMap((word) => [word, 'again']).join(' '))).toEqual(['w0', 'again', ...words.slice(1, 1_999)])
})

test('takes time proportional to the text, whatever it holds', () => {
  const size = 50_000
  for (const part of [
    'a',
    'a\u0301',
    '\u0301',
    '한',
    'か\u3099',
    'क\u093f',
    'ก\u0e49',
    ' ',
    'ﷺ',
    '"',
    '\ud800',
    'a-',
    'a-1',
  ]) {
    for (const split of [wordsOf, indexedWordsOf]) {
      const began = cpuTime()
      split(part.repeat(size))
      expect([part, split.name, cpuTime() - began < 2_500]).toEqual([part, split.name, true])
    }
  }
})
