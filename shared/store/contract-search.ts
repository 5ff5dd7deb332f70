import { describe, expect, test } from '@jest/globals'
import { alices, lettersFor, type Letter } from './contract-letters.ts'
import type { Desk } from './contract-notes.ts'

/** Searches for words. */
export function searchContract(desk: Desk): void {
  const { notes } = desk
  const { letters, put, search, ids } = lettersFor(desk)

  describe('a search for words', () => {
    test('finds the documents that have all of them, in any order, newest first', async () => {
      await put(alices('c', 'the red fox'), alices('a', 'a fox, not red: the grey one'), alices('b', 'red'))
      expect(await search('fox')).toEqual({ docs: [await letters().get('a'), await letters().get('c')] })
      expect(await ids('red')).toBe('b a c')
      expect(await ids('FOX red, fox')).toBe('a c')
      expect(await ids('red blue')).toBe('')
    })

    test('finds whole words only', async () => {
      await put(alices('a', 'notebook'), alices('b', 'note-book'), alices('c', 'note'))
      expect(await ids('note')).toBe('c b')
      expect(await ids('book')).toBe('b')
      expect(await ids('no')).toBe('')
    })

    test.each([
      ['case', 'Straße ΟΔΟΣ ПРИВЕТ', 'STRASSE οδος привет'],
      ['accents', 'Crème brûlée, Łódź à Việt Nam', 'creme brulee lodz a viet nam'],
      ['compatible letters', 'ﬁne Ｗｉｄｅ ２０２６ x²', 'fine wide 2026 x2'],
      ['the way that letters are composed', 'cafe\u0301', 'caf\u00e9'],
      ['Arabic and Hebrew points', 'مُحَمَّد שָׁלוֹם', 'محمد שלום'],
    ])('overlooks %s', async (_, body, words) => {
      await put(alices('a', body))
      expect(await ids(words)).toBe('a')
      await letters().change('a', () => alices('a', words))
      expect(await ids(body)).toBe('a')
    })

    test('finds Chinese, Japanese and Korean in the middle of a sentence', async () => {
      await put(alices('a', '我明天去東京大学'), alices('b', '明日はがっこうへいく'), alices('c', '나는 서울에 간다'))
      expect(await ids('東京')).toBe('a')
      expect(await ids('明')).toBe('b a')
      expect(await ids('がっこう')).toBe('b')
      expect(await ids('かっこう')).toBe('')
      expect(await ids('서울')).toBe('c')
      expect(await ids('소')).toBe('')
    })

    test.each(['', '  ', '-', '"*"', '🦊', '\0', '\ud800'])(
      'without a word, as in %j, finds nothing',
      async (words) => {
        await put(alices('a', 'fox 🦊 - "*"'), alices('b', ''))
        expect(await search(words)).toEqual({ docs: [] })
      },
    )

    test('treats operators as words', async () => {
      await put(alices('a', 'fox'), alices('b', 'fox near or not hen'), alices('c', 'body tokens place'))
      for (const words of [
        'fox*',
        '"fox"',
        '"fox',
        "fox'",
        '^fox',
        '-fox',
        '+fox',
        '(fox',
        'fox)',
        'fox\0',
        '{fox}:',
      ]) {
        expect(await ids(words)).toBe('b a')
      }
      expect(await ids('fox OR hen')).toBe('b')
      expect(await ids('fox NOT hen')).toBe('b')
      expect(await ids('NEAR(fox hen)')).toBe('b')
      expect(await ids('fo*')).toBe('')
      expect(await ids('fox AND hen')).toBe('')
      expect(await ids('tokens: fox')).toBe('')
      expect(await ids('body:fox')).toBe('')
      expect(await ids('{"$gt": ""}')).toBe('')
    })

    test('ignores what follows the 40th character of a word', async () => {
      await put(alices('a', 'x'.repeat(40)), alices('b', `${'x'.repeat(40)}y`), alices('c', 'x'.repeat(39)))
      expect(await ids('x'.repeat(41))).toBe('b a')
    })

    test('ignores what follows the 2,000th word of a text', async () => {
      const words = Array.from({ length: 2_001 }, (_, i) => `w${i}`)
      await put({ _id: 'a', body: words.join(' '), readers: Array.from({ length: 16 }, (_, i) => `reader ${i}`) })
      expect(await ids('w1999 w0', { within: ['reader 15'] })).toBe('a')
      expect(await ids('w2000', { within: ['reader 15'] })).toBe('')
    })

    test.each<[what: string, query: object]>([
      ['more than 16 words', { words: 'a b c d e f g h i j k l m n o p q' }],
      ['words that are no text', { words: ['fox'] }],
      ['nobody to search for', { within: [] }],
      ['more than 1,000 values', { within: Array.from({ length: 1_001 }, String) }],
      ['a value that is no text', { within: [{ $gt: '' }] }],
      ['a value with U+0000', { within: ['alice\0'] }],
      ['a text instead of values', { within: 'alice' }],
      ['a limit of 0', { limit: 0 }],
      ['a limit of 1001', { limit: 1_001 }],
      ['an invalid cursor', { after: '1 OR 1=1' }],
      ['an empty cursor', { after: '' }],
      ['an object as a cursor', { after: { $gt: '' } }],
    ])('refuses %s', async (_, query) => {
      await expect(letters().search({ words: 'fox', within: ['alice'], limit: 1, ...query })).rejects.toThrow(TypeError)
    })

    test('is refused in a collection without a text', async () => {
      await expect(notes().search({ words: 'fox', within: ['alice'], limit: 1 })).rejects.toThrow(TypeError)
    })
  })

  describe('whom a search is for', () => {
    test('is one value of a document or several', async () => {
      await put({ _id: 'a', body: 'fox', readers: ['alice', 'bob'] }, { _id: 'b', body: 'fox', readers: ['bob'] })
      await put({ _id: 'c', body: 'fox', readers: ['group x'] }, { _id: 'd', body: 'hen', readers: ['group x'] })
      expect(await ids('fox')).toBe('a')
      expect(await ids('fox', { within: ['bob'] })).toBe('b a')
      expect(await ids('fox', { within: ['alice', 'group x', 'bob', 'alice'] })).toBe('c b a')
      expect(await ids('fox', { within: ['carol', 'Alice', 'alice ', 'ali', ''] })).toBe('')
    })

    test('may be one of many', async () => {
      const groups = Array.from({ length: 1_000 }, (_, i) => `group ${i}`)
      const words = 'a b c d e f g h i j k l m n o p'
      for (let i = 0; i < 30; i++) {
        const readers = [groups[i * 33]!, groups[999 - i]!, groups[i]!]
        await put({ _id: `n${i}`, body: words, readers }, { _id: `x${i}`, body: words.slice(2), readers })
      }
      const newest = Array.from({ length: 30 }, (_, i) => `n${29 - i}`)
      expect(await ids(words, { within: groups })).toBe(newest.join(' '))
      const { docs, cursor } = await search(words, { within: groups, limit: 7 })
      expect(docs.map((doc) => doc._id)).toEqual(newest.slice(0, 7))
      expect(await ids(words, { within: groups, after: cursor, limit: 23 })).toBe(newest.slice(7).join(' '))
    })

    test('is never made up of words', async () => {
      await put({ _id: 'a', body: 'bob fox', readers: ['alice'] }, { _id: 'b', body: 'xfox', readers: ['alice'] })
      expect(await ids('fox', { within: ['bob'] })).toBe('')
      expect(await ids('fox', { within: ['alicex'] })).toBe('')
    })

    test('finds nothing in a document without its text or values', async () => {
      await put({ _id: 'a', readers: ['alice'] }, { _id: 'b', body: null, readers: ['alice'] })
      await put(
        { _id: 'c', body: 'fox' },
        { _id: 'd', body: 'fox', readers: null },
        { _id: 'e', body: 'fox', readers: [] },
      )
      expect(await ids('fox')).toBe('')
      expect(await ids('null')).toBe('')
      expect(await letters().find({ limit: 10 })).toHaveLength(5)
    })

    test.each([
      ['a text that is not a string', { _id: 'a', body: { $gt: '' }, readers: ['alice'] }],
      ['a value that is no text', { _id: 'a', body: 'fox', readers: ['alice', 7] }],
      ['a value with half a character', { _id: 'a', body: 'fox', readers: ['\ud800'] }],
      ['a text instead of values', { _id: 'a', body: 'fox', readers: 'alice' }],
      ['more than 16 values', { _id: 'a', body: 'fox', readers: Array.from({ length: 17 }, String) }],
    ])('may not be %s', async (_, doc) => {
      await expect(letters().insert(doc as unknown as Letter)).rejects.toThrow(TypeError)
      await expect(letters().change('a', () => doc as unknown as Letter)).rejects.toThrow(TypeError)
      expect(await letters().get('a')).toBeUndefined()
    })
  })
}
