import { beforeEach, describe, expect, test } from '@jest/globals'
import type { Desk, Note } from './contract-notes.ts'
import { Conflict, type Query } from './documents.ts'

/** Tests of uniqueness, searches and paging. */
export function indexesContract({ notes, put, ids }: Desk): void {
  describe('a unique index', () => {
    beforeEach(() => put({ _id: 'n1', owner: 'alice', slug: 'x' }))

    test('refuses a second document with all its values, and only that', async () => {
      expect(await notes().insert({ _id: 'n2', owner: 'alice', slug: 'x' })).toBe(false)
      expect(await notes().get('n2')).toBeUndefined()
      await put({ _id: 'n3', owner: 'alice', slug: 'y' }, { _id: 'n4', owner: 'bob', slug: 'x' })
    })

    test('counts what it finds, up to the limit, and from a place on', async () => {
      await put(
        { _id: 'n2', owner: 'alice', slug: 'y' },
        { _id: 'n3', owner: 'alice', slug: 'z' },
        { _id: 'n4', owner: 'bob' },
      )
      const alice = { by: 'by_slug', where: { owner: 'alice' } }
      expect(await notes().count({ ...alice, limit: 100 })).toBe(3)
      expect(await notes().count({ ...alice, limit: 2 })).toBe(2)
      expect(await notes().count({ ...alice, after: { _id: 'n1', slug: 'x' }, limit: 100 })).toBe(2)
      expect(await notes().count({ by: 'by_slug', where: { owner: 'carol' }, limit: 100 })).toBe(0)
      await expect(notes().count({ by: 'none', limit: 1 })).rejects.toThrow(TypeError)
    })

    test('tells types, case and spelling apart', async () => {
      await put({ _id: 'n2', owner: 'alice', slug: 'X' }, { _id: 'n3', owner: 'Alice', slug: 'x' })
      await put(
        { _id: 'n4', owner: 1, slug: 'x' },
        { _id: 'n5', owner: '1', slug: 'x' },
        { _id: 'n6', owner: true, slug: 'x' },
      )
      expect(await notes().insert({ _id: 'n7', owner: 1, slug: 'x' })).toBe(false)
      expect(await notes().insert({ _id: 'n7', owner: true, slug: 'x' })).toBe(false)
    })

    test('ignores documents that lack one of its fields, or have null there', async () => {
      await put({ _id: 'n2', owner: 'bob' }, { _id: 'n3', owner: 'bob' }, { _id: 'n4', owner: 'bob', slug: null })
      await put({ _id: 'n5', slug: 'x' }, { _id: 'n6', slug: 'x', owner: null }, { _id: 'n7' }, { _id: 'n8' })
      expect(await ids({ by: 'by_slug', where: { owner: 'bob' } })).toBe('n2 n3 n4')
    })

    test('makes a change into its values a Conflict, and leaves the document', async () => {
      await put({ _id: 'n2', owner: 'alice', slug: 'y' })
      const steal = (now: Note | undefined): Note => ({ ...now, _id: 'n2', slug: 'x' })
      await expect(notes().change('n2', steal)).rejects.toThrow(Conflict)
      expect(await notes().get('n2')).toEqual({ _id: 'n2', owner: 'alice', slug: 'y' })
      await expect(notes().change('n9', () => ({ _id: 'n9', owner: 'alice', slug: 'x' }))).rejects.toThrow(Conflict)
      expect(await notes().get('n9')).toBeUndefined()
      expect((await notes().get('n1'))?.slug).toBe('x')
    })

    test('frees the values of a removed document', async () => {
      await notes().remove('n1')
      await put({ _id: 'n2', owner: 'alice', slug: 'x' })
    })

    test('lets a document keep its own values', async () => {
      await notes().change('n1', (now) => now && { ...now, body: 'more' })
      expect(await notes().get('n1')).toEqual({ _id: 'n1', owner: 'alice', slug: 'x', body: 'more' })
    })
  })

  describe('a search', () => {
    const alice = { by: 'by_rank', where: { owner: 'alice' } }

    test('returns the documents of one owner in the order of the index, ties by key', async () => {
      await put({ _id: 'c', owner: 'alice', rank: 1 }, { _id: 'a', owner: 'alice', rank: 2 })
      await put({ _id: 'b', owner: 'alice', rank: 1 }, { _id: 'x', owner: 'bob', rank: 0 }, { _id: 'y' })
      expect(await ids(alice)).toBe('b c a')
      expect(await ids({ ...alice, reverse: true })).toBe('a c b')
      expect(await ids({ ...alice, limit: 2 })).toBe('b c')
      expect(await ids({ by: 'by_rank', where: { rank: 1, owner: 'alice' } })).toBe('b c')
      expect(await ids({ by: 'by_rank' })).toBe('y b c a x')
    })

    test('without an index goes by key', async () => {
      await put({ _id: 'b' }, { _id: 'a' }, { _id: 'c' })
      expect(await ids({})).toBe('a b c')
      expect(await ids({ after: { _id: 'a' } })).toBe('b c')
      expect(await ids({ after: { _id: 'c' }, reverse: true })).toBe('b a')
    })

    test('orders missing fields, numbers, strings, booleans', async () => {
      await put({ _id: 'a', owner: 'alice', rank: true }, { _id: 'b', owner: 'alice', rank: 'text' })
      await put({ _id: 'c', owner: 'alice', rank: 10 }, { _id: 'd', owner: 'alice', rank: 9.5 })
      await put({ _id: 'e', owner: 'alice', rank: -1e300 }, { _id: 'f', owner: 'alice' })
      await put({ _id: 'g', owner: 'alice', rank: null }, { _id: 'h', owner: 'alice', rank: false })
      expect(await ids(alice)).toBe('f g e d c b h a')
    })

    test('orders text byte by byte, in UTF-8', async () => {
      const ordered = ['', 'B', 'a', 'a b', 'a"', 'aa', 'é', '東', '\uffee', '🦊']
      await put(...ordered.toReversed().map((rank, i) => ({ _id: `n${i}`, owner: 'alice', rank })))
      expect((await notes().find({ ...alice, limit: 100 })).map((doc) => doc.rank)).toEqual(ordered)
      await put(...ordered.toReversed().map((_id) => ({ _id, owner: 'bob' })))
      const keys = await notes().find({ by: 'by_rank', where: { owner: 'bob' }, limit: 100 })
      expect(keys.map((doc) => doc._id)).toEqual(ordered)
    })

    test('distinguishes values by type', async () => {
      await put({ _id: 'a', owner: 1 }, { _id: 'b', owner: '1' }, { _id: 'c', owner: true }, { _id: 'd', owner: 0 })
      await put({ _id: 'e', owner: false }, { _id: 'f', owner: 'true' }, { _id: 'g', owner: null }, { _id: 'h' })
      const of = (owner: string | number | boolean | null) => ids({ by: 'by_rank', where: { owner } })
      expect(await of(1)).toBe('a')
      expect(await of('1')).toBe('b')
      expect(await of(true)).toBe('c')
      expect(await of(0)).toBe('d')
      expect(await of(false)).toBe('e')
      expect(await of('true')).toBe('f')
      expect(await of(null)).toBe('g h')
    })

    test('treats operators and SQL as plain text', async () => {
      await put(
        { _id: 'a', owner: '{"$gt":""}', body: { $gt: '' } },
        { _id: 'b', owner: "' OR 1=1 --" },
        { _id: 'c', owner: '%' },
      )
      expect(await ids({ by: 'by_rank', where: { owner: '{"$gt":""}' } })).toBe('a')
      expect(await ids({ by: 'by_rank', where: { owner: "' OR 1=1 --" } })).toBe('b')
      expect(await ids({ by: 'by_rank', where: { owner: '%' } })).toBe('c')
      expect((await notes().get('a'))?.body).toEqual({ $gt: '' })
      const operator = { owner: { $gt: '' } } as unknown as { owner: string }
      await expect(ids({ by: 'by_rank', where: operator })).rejects.toThrow(TypeError)
    })

    test.each([
      ['a limit of 0', { limit: 0 }],
      ['a limit of 1001', { limit: 1001 }],
      ['half a limit', { limit: 1.5 }],
      ['an index that is not there', { by: 'by_title', limit: 1 }],
      ['an index named like a property of every object', { by: 'constructor', limit: 1 }],
      ['a field before the one that it follows', { by: 'by_rank', where: { rank: 1 }, limit: 1 }],
      ['a field that is not in the index', { by: 'by_rank', where: { owner: 'alice', slug: 'x' }, limit: 1 }],
      ['a field without an index', { where: { owner: 'alice' }, limit: 1 }],
      ['undefined, which would widen it', { by: 'by_rank', where: { owner: undefined }, limit: 1 }],
      ['no finite number', { by: 'by_rank', where: { owner: -Infinity }, limit: 1 }],
      ['an object to go on behind', { by: 'by_rank', after: { _id: 'a', owner: {} }, limit: 1 }],
      ['no key to go on behind', { by: 'by_rank', after: { owner: 'alice' }, limit: 1 }],
      ['values to go on beyond without one of the fields', { by: 'by_rank', beyond: { owner: 'alice' }, limit: 1 }],
      ['values to go on beyond without a field that orders', { beyond: {}, limit: 1 }],
      [
        'values and a document to go on behind',
        { by: 'by_slug', beyond: { owner: 'a', slug: 'x' }, after: { _id: 'a' }, limit: 1 },
      ],
    ])('refuses %s', async (_, query) => {
      await expect(notes().find(query as unknown as Query)).rejects.toThrow(TypeError)
    })
  })

  describe('paging', () => {
    // Ranks that tie, lack and mix types, so that pages end in the middle of each.
    const ranks = [undefined, null, 1, 1, 1, 2, 'a', 'a', 'é', false, true, true]
    const all = ranks.map((rank, i) => ({
      _id: `n${String(i).padStart(2, '0')}`,
      owner: 'alice',
      ...(rank !== undefined && { rank }),
    }))
    const pages = async (limit: number, reverse: boolean, query: Partial<Query>): Promise<string[]> => {
      const seen: string[] = []
      for (let after: Note | undefined; ;) {
        const page = await notes().find({ ...query, limit, reverse, ...(after && { after: { ...after } }) })
        seen.push(...page.map((doc) => doc._id))
        if (page.length < limit) return seen
        after = page.at(-1)
      }
    }

    test.each([1, 2, 5, 12])('by %i shows every document once, in both directions', async (limit) => {
      await put(...all, { _id: 'z1', owner: 'bob', rank: 1 }, { _id: 'z2' })
      const mine = all.map((doc) => doc._id)
      const where = { owner: 'alice' }
      expect(await pages(limit, false, { by: 'by_rank', where })).toEqual(mine)
      expect(await pages(limit, true, { by: 'by_rank', where })).toEqual(mine.toReversed())
      expect(await pages(limit, false, { by: 'by_rank' })).toEqual(['z2', ...mine, 'z1'])
      expect(await pages(limit, true, { by: 'by_rank' })).toEqual(['z1', ...mine.toReversed(), 'z2'])
      expect(await pages(limit, false, { by: 'by_rank', where: { owner: 'alice', rank: 1 } })).toEqual([
        'n02',
        'n03',
        'n04',
      ])
      expect(await pages(limit, false, {})).toEqual([...mine, 'z1', 'z2'])
    })

    test('continues beyond all documents with the same values, in both directions', async () => {
      await put(...all, { _id: 'z1', owner: 'bob', rank: 1 }, { _id: 'z2' })
      const mine = { by: 'by_rank', where: { owner: 'alice' } }
      expect(await ids({ ...mine, beyond: { rank: null } })).toBe('n02 n03 n04 n05 n06 n07 n08 n09 n10 n11')
      expect(await ids({ ...mine, beyond: { rank: 1 } })).toBe('n05 n06 n07 n08 n09 n10 n11')
      expect(await ids({ ...mine, beyond: { rank: 1 }, limit: 2 })).toBe('n05 n06')
      expect(await ids({ ...mine, beyond: { rank: 'b' } })).toBe('n08 n09 n10 n11')
      expect(await ids({ ...mine, beyond: { rank: true } })).toBe('')
      expect(await ids({ ...mine, beyond: { rank: 'a' }, reverse: true })).toBe('n05 n04 n03 n02 n01 n00')
      expect(await ids({ ...mine, beyond: { rank: 1 }, reverse: true, limit: 1 })).toBe('n01')
      expect(await ids({ by: 'by_rank', beyond: { owner: 'alice', rank: true } })).toBe('z1')
      expect(await notes().count({ ...mine, beyond: { rank: 2 }, limit: 100 })).toBe(6)
    })

    test('continues in place when documents come and go between pages', async () => {
      await put(...[1, 2, 3, 4, 5, 6].map((rank) => ({ _id: `n${rank}`, owner: 'alice', rank })))
      const mine = { by: 'by_rank', where: { owner: 'alice' }, limit: 3 }
      const [, , after] = await notes().find(mine)
      if (!after) throw new Error('no first page')
      await notes().remove('n3') // the very document to go on behind
      await notes().remove('n5')
      await put({ _id: 'n0', owner: 'alice', rank: 0 }, { _id: 'n35', owner: 'alice', rank: 3.5 })
      expect(await ids({ ...mine, after: { ...after } })).toBe('n35 n4 n6')
      expect(await ids({ ...mine, after: { ...after }, reverse: true })).toBe('n2 n1 n0')
    })
  })
}
