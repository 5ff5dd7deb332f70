import { beforeEach, describe, expect, test } from '@jest/globals'
import { alices, LETTERS, lettersFor, type Letter } from './contract-letters.ts'
import type { Desk } from './contract-notes.ts'
import { type CollectionSpec, Conflict, type Document } from './documents.ts'

/** Splits a text as the first version did. */
function wordsOfFirst(text: string): string[] {
  const plain = text
    .normalize('NFKD')
    .replace(
      /(?![\u3099\u309a])(?=[\p{sc=Inherited}\p{sc=Cyrillic}\p{sc=Hebrew}\p{sc=Arabic}\p{sc=Syriac}])\p{M}/gu,
      '',
    )
    .normalize('NFC')
  const words = plain.match(/[\p{L}\p{N}]\p{M}*(?:[\p{L}\p{N}]\p{M}*)*/gu) ?? []
  return [...new Set(words.map((word) => word.toLowerCase().toUpperCase().toLowerCase()))]
}

/** What searches find while documents, and the versions that store them, change. */
export function searchChangesContract(desk: Desk): void {
  const { trial } = desk
  const { letters, put, search, ids } = lettersFor(desk)

  describe('what a search finds follows', () => {
    beforeEach(() => put(alices('a', 'red fox'), alices('b', 'red hen')))

    test('a changed text, which keeps its place', async () => {
      await letters().change('a', () => alices('a', 'red owl'))
      expect(await ids('fox')).toBe('')
      expect(await ids('owl')).toBe('a')
      expect(await ids('red')).toBe('b a')
    })

    test('a text that goes and comes back, in its place', async () => {
      await letters().change('a', () => ({ _id: 'a', readers: ['alice'] }))
      expect(await ids('red')).toBe('b')
      await letters().change('a', () => alices('a', 'red owl'))
      expect(await ids('red')).toBe('b a')
      expect(await ids('fox')).toBe('')
    })

    test('changed values', async () => {
      await letters().change('a', (now) => now && { ...now, readers: ['bob', 'carol'] })
      expect(await ids('red')).toBe('b')
      expect(await ids('red', { within: ['carol'] })).toBe('a')
      expect(await ids('red', { within: ['bob', 'alice', 'carol'] })).toBe('b a')
    })

    test('a change of something else, and one in place', async () => {
      await letters().change('a', (now) => now && { ...now, stamp: 'new' })
      expect((await search('fox')).docs).toEqual([{ ...alices('a', 'red fox'), stamp: 'new' }])
      await letters().change('a', (now) => now && Object.assign(now, { body: 'red owl', readers: ['bob'] }))
      expect(await ids('fox', { within: ['alice', 'bob'] })).toBe('')
      expect(await ids('owl', { within: ['bob'] })).toBe('a')
    })

    test('a change that makes a document', async () => {
      await letters().change('c', () => alices('c', 'red owl'))
      expect(await ids('red')).toBe('c b a')
    })

    test('a removal, and what is inserted again is new', async () => {
      expect(await letters().remove('a')).toBe(true)
      expect(await letters().remove('a')).toBe(false)
      expect(await ids('red')).toBe('b')
      await put(alices('a', 'red owl'))
      expect(await ids('red')).toBe('a b')
      expect(await ids('fox')).toBe('')
      await letters().change('a', () => undefined)
      expect(await ids('red')).toBe('b')
    })

    test('no refused document', async () => {
      await put({ ...alices('c', 'owl'), stamp: 'x' })
      expect(await letters().insert({ ...alices('d', 'red owl'), stamp: 'x' })).toBe(false)
      expect(await letters().insert(alices('a', 'red owl'))).toBe(false)
      await expect(letters().change('b', () => ({ ...alices('b', 'owl'), stamp: 'x' }))).rejects.toThrow(Conflict)
      await expect(letters().change('e', () => ({ ...alices('e', 'owl'), stamp: 'x' }))).rejects.toThrow(Conflict)
      expect(await ids('owl')).toBe('c')
      expect(await ids('hen')).toBe('b')
      await put(alices('d', 'owl'), alices('e', 'owl'))
      expect(await ids('owl')).toBe('e d c')
    })

    test('changes by another connection at once', async () => {
      const others = (await trial().second()).collection<Letter>(LETTERS)
      expect(await ids('red', {}, others)).toBe('b a')
      await put(alices('c', 'red owl'))
      expect(await ids('red', {}, others)).toBe('c b a')
      await others.change('c', () => alices('c', 'grey owl'))
      expect(await others.insert(alices('d', 'red owl'))).toBe(true)
      await others.remove('a')
      expect(await ids('red')).toBe('d b')
      expect(await ids('owl')).toBe('d c')
    })

    test('forty changes at once from two connections', async () => {
      const others = (await trial().second()).collection<Letter>(LETTERS)
      const sides = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? letters() : others))
      await Promise.all(
        sides.map((side, i) =>
          i % 4 < 2
            ? side.insert(alices(`n${i}`, `red n${i}`))
            : side.change('a', (now) => alices('a', `${now?.body} w${i}`)),
        ),
      )
      const words = Array.from({ length: 10 }, (_, i) => `w${4 * i + 2}`).join(' ')
      expect(await ids(words)).toBe('a')
      expect((await search('red')).docs).toHaveLength(22)
      expect((await search('red')).docs.at(-1)?._id).toBe('a')
    })
  })

  describe('the pages of a search', () => {
    test.each([1, 3, 6, 7])('by %i show every document once, newest first', async (limit) => {
      for (const name of ['f', 'c', 'e', 'a', 'd', 'b']) await put(alices(name, 'fox'), alices(`${name}2`, 'hen'))
      const seen: string[] = []
      for (let after: string | undefined; ;) {
        const { docs, cursor } = await search('fox', { limit, after })
        seen.push(...docs.map((doc) => doc._id))
        if (cursor === undefined) break
        expect(docs).toHaveLength(limit)
        after = cursor
      }
      expect(seen.join(' ')).toBe('b d a e c f')
    })

    test('go on in place when documents come, go and change between them', async () => {
      for (let i = 1; i <= 8; i++) await put(alices(`n${i}`, 'fox'))
      const { docs, cursor } = await search('fox', { limit: 3 })
      expect(docs.map((doc) => doc._id)).toEqual(['n8', 'n7', 'n6'])
      await put(alices('n9', 'fox'))
      await letters().remove('n6') // the very document to go on behind
      await letters().remove('n4')
      await letters().change('n3', () => alices('n3', 'another fox'))
      await letters().change('n7', () => alices('n7', 'no more'))
      await put(alices('n6', 'fox')) // new, and so before the first page
      expect(await ids('fox', { after: cursor })).toBe('n5 n3 n2 n1')
      expect(await ids('fox')).toBe('n6 n9 n8 n5 n3 n2 n1')
    })
  })

  describe('words that an earlier version has folded', () => {
    test('are folded again when opened, by several processes at once, and keep their places', async () => {
      for (let i = 0; i < 450; i++) await put(alices(`n${i}`, i % 2 ? `Łódź ${i}` : `dampf\u00adschiff ${i}`))
      await put(alices('o', 'note'), alices('p', '\u00ad'), { _id: 'q', body: 'łódź', readers: ['bob'] })
      await trial().foldAsBefore(LETTERS, wordsOfFirst)
      const sides = await Promise.all([trial().second(), trial().second(), trial().second()])
      const opened = sides.map((side) => side.collection<Letter>(LETTERS))
      await Promise.all(sides.map((side) => side.ready()))
      for (const side of opened) {
        expect((await side.search({ words: 'lodz', within: ['alice'], limit: 1_000 })).docs).toHaveLength(225)
        expect((await side.search({ words: 'dampfschiff', within: ['alice'], limit: 1_000 })).docs).toHaveLength(225)
        expect(await ids('dampfschiff', { limit: 2 }, side)).toBe('n448 n446')
        expect(await ids('dampf', {}, side)).toBe('')
        expect(await ids('lodz', { within: ['bob'] }, side)).toBe('q')
        expect(await ids('note', {}, side)).toBe('o')
      }
      await opened[0]!.change('n1', () => alices('n1', 'changed'))
      await opened[1]!.remove('n3')
      expect((await opened[2]!.search({ words: 'lodz', within: ['alice'], limit: 1_000 })).docs).toHaveLength(223)
      const later = (await trial().second()).collection<Letter>(LETTERS)
      expect(await ids('changed', {}, later)).toBe('n1')
    })
  })

  describe('a text that a collection gets later', () => {
    const TEXT = { field: 'body', within: 'owner' }

    test('is found in the documents that were there, and in those that do not fit it is not', async () => {
      const spec = { ...LETTERS, name: 'plain' }
      const { indexes, name } = spec
      const plain = trial().store.collection<Document & Record<string, unknown>>({ name, indexes })
      for (let i = 100; i < 700; i++) {
        await plain.insert({ _id: `n${i}`, body: `fox w${i % 300}`, readers: ['alice', 'bob'] })
      }
      for (const [i, body] of [7, null, ['fox'], { fox: 'fox' }].entries()) {
        await plain.insert({ _id: `x${i}`, body, readers: ['alice'] })
      }
      await plain.insert({ _id: 'y1', body: 'fox', readers: 'alice' })
      await plain.insert({ _id: 'y2', body: 'fox', readers: [7, 'bob'] })
      const later = (await trial().second()).collection<Letter>(spec)
      expect(await ids('fox w5', {}, later)).toBe('n605 n305')
      expect(await ids('fox w5', { within: ['bob'] }, later)).toBe('n605 n305')
      expect((await later.search({ words: 'fox', within: ['alice'], limit: 1_000 })).docs).toHaveLength(600)
      expect((await later.search({ words: 'fox', within: ['bob'], limit: 1_000 })).docs).toHaveLength(601)

      expect(await later.insert(alices('a', 'fox w5'))).toBe(true)
      await later.change('n305', (now) => now && { ...now, body: 'hen w5' })
      await later.remove('n606')
      const again = (await trial().second()).collection<Letter>(spec)
      expect(await ids('fox w5', {}, again)).toBe('a n605')
      expect(await ids('w5', {}, again)).toBe('a n605 n305')
      expect(await ids('w6', {}, again)).toBe('n306')
    })

    test('is part of the spec, and cannot be changed', async () => {
      trial().store.collection({ ...LETTERS, text: { within: 'readers', field: 'body' } })
      expect(() => trial().store.collection({ ...LETTERS, text: TEXT })).toThrow('letters')
      await letters().get('a')
      // At opening, or where that does not wait for the engine, before it is ready.
      const open = async (spec: CollectionSpec) => {
        const second = await trial().second()
        second.collection(spec)
        await second.ready()
      }
      await open({ ...LETTERS, text: { within: 'readers', field: 'body' } })
      await expect(open({ ...LETTERS, text: TEXT })).rejects.toThrow('letters')
      await expect(open({ name: LETTERS.name, indexes: LETTERS.indexes })).rejects.toThrow('letters')
    })
  })
}
