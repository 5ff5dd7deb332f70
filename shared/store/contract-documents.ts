import { describe, expect, test } from '@jest/globals'
import { type Desk, type Note, NOTES } from './contract-notes.ts'

/** Tests of documents by key, and of their changes. */
export function documentsContract({ notes, put, ids, trial }: Desk): void {
  describe('documents by key', () => {
    test('returns what was inserted, and undefined for a missing document', async () => {
      await put({ _id: 'n1', owner: 'alice', body: 'hello' })
      expect(await notes().get('n1')).toEqual({ _id: 'n1', owner: 'alice', body: 'hello' })
      expect(await notes().get('n2')).toBeUndefined()
    })

    test('returns many at once by key, without those that are missing', async () => {
      const all = Array.from({ length: 450 }, (_, i): Note => ({ _id: `n${i}`, body: i }))
      expect(await notes().insertMany(all)).toEqual(all.map(() => true))
      expect(await notes().getMany([...all.map((doc) => doc._id), 'n450', 'n1', "' OR 1=1 --"])).toEqual(
        new Map(all.map((doc) => [doc._id, doc])),
      )
      expect(await notes().getMany(['none'])).toEqual(new Map())
      expect(await notes().getMany([])).toEqual(new Map())
      const operator = { $gt: '' } as unknown as string
      await expect(notes().getMany([operator])).rejects.toThrow(TypeError)
      await expect(notes().getMany(Array<string>(1_001).fill('n1'))).rejects.toThrow(TypeError)
    })

    test('stores many at once, each unless its key or its values in a unique index exist', async () => {
      await put({ _id: 'n1', body: 'first' }, { _id: 'n2', owner: 'alice', slug: 'x' })
      const all: Note[] = [
        { _id: 'n0' },
        { _id: 'n1', body: 'second' },
        { _id: 'n3', owner: 'alice', slug: 'x' },
        { _id: 'n4', owner: 'alice', slug: 'y' },
        { _id: 'n4', owner: 'bob' },
      ]
      expect(await notes().insertMany(all)).toEqual([true, false, false, true, false])
      expect(await ids({})).toBe('n0 n1 n2 n4')
      expect(await notes().getMany(['n1', 'n4'])).toEqual(
        new Map([
          ['n1', { _id: 'n1', body: 'first' }],
          ['n4', all[3]],
        ]),
      )
      expect(await notes().insertMany([])).toEqual([])
      await expect(notes().insertMany([{ _id: 'n5' }, { _id: 'n6', owner: {} as string }])).rejects.toThrow(TypeError)
      expect(await notes().get('n5')).toBeUndefined()
      await expect(notes().insertMany(Array.from({ length: 1_001 }, () => ({ _id: 'n5' })))).rejects.toThrow(TypeError)
    })

    test('keeps the first document when a second has its key', async () => {
      await put({ _id: 'n1', body: 'first' })
      expect(await notes().insert({ _id: 'n1', body: 'second' })).toBe(false)
      expect(await notes().get('n1')).toEqual({ _id: 'n1', body: 'first' })
    })

    test('removes once', async () => {
      await put({ _id: 'n1' })
      expect(await notes().remove('n1')).toBe(true)
      expect(await notes().remove('n1')).toBe(false)
      expect(await notes().get('n1')).toBeUndefined()
    })

    test.each([
      ['nested objects and arrays', { list: [1, [2, { three: [] }], {}], deep: { er: { empty: '' } } }],
      ['every kind of scalar', [null, true, false, 0, -1.5, 1e300, Number.MAX_SAFE_INTEGER, '']],
      ['text of any script, with controls and quotes', 'Grüße, 東京 🦊 e\u0301 "\'`; -- \\ \u0000\u2028\n'],
      ['keys that mean something elsewhere', JSON.parse('{"__proto__": 1, "$set": {"a": 1}, "a.b": 2, "": 3}')],
    ])('round-trips %s', async (_, body) => {
      await put({ _id: 'n1', body })
      expect(await notes().get('n1')).toStrictEqual({ _id: 'n1', body })
    })

    test('round-trips such keys at the top level of a document, and ill-formed text', async () => {
      const doc = JSON.parse(
        '{"_id": "n1", "__proto__": 1, "$set": {"a": "\\ud800"}, "a.b": 2, "": 3, "%": 4, "_id2": 5}',
      ) as Note
      Object.assign(doc, {
        __etag: 6,
        __place: 7,
        _bsontype: 'ObjectId',
        'a\0': [{ _bsontype: 1 }],
        '\ud800': 8,
        '%0024': 9,
      })
      await put(doc)
      expect(await notes().get('n1')).toStrictEqual(doc)
      expect(await notes().change('n1', (now) => now && { ...now, body: 'more' })).toStrictEqual({
        ...doc,
        body: 'more',
      })
      expect(await notes().find({ limit: 1 })).toStrictEqual([{ ...doc, body: 'more' }])
    })

    test('takes any key, and tells keys apart byte by byte', async () => {
      const keys = ['', 'a', 'A', 'a ', '1', '01', 'é', 'e\u0301', '🦊', "'; DROP TABLE notes; --", '{"$gt":""}']
      await put(...keys.map((_id) => ({ _id, body: _id })))
      for (const key of keys) expect(await notes().get(key)).toEqual({ _id: key, body: key })
    })

    test('leaves undefined fields out', async () => {
      await put({ _id: 'n1', owner: undefined })
      expect(Object.keys((await notes().get('n1')) ?? {})).toEqual(['_id'])
    })

    test('shares no object with its caller', async () => {
      const mine = { _id: 'n1', body: { tags: ['a'] } }
      await put(mine)
      mine.body.tags.push('b')
      const changed = await notes().change('n2', () => ({ ...mine, _id: 'n2' }))
      mine.body.tags.push('c')
      expect(changed?.body).toEqual({ tags: ['a', 'b'] })
      expect((await notes().get('n1'))?.body).toEqual({ tags: ['a'] })
      expect((await notes().get('n2'))?.body).toEqual({ tags: ['a', 'b'] })
    })

    test.each([
      ['a key that is not a string', { _id: 7 }],
      ['a key with U+0000', { _id: 'a\0' }],
      ['a key with half a character', { _id: 'a\ud800' }],
      ['an object in an indexed field', { _id: 'n1', owner: { $gt: '' } }],
      ['an array in an indexed field', { _id: 'n1', rank: [1] }],
      ['no number in an indexed field', { _id: 'n1', rank: NaN }],
      ['U+0000 in an indexed field', { _id: 'n1', slug: 'a\0b' }],
    ])('refuses %s', async (_, doc) => {
      await expect(notes().insert(doc as Note)).rejects.toThrow(TypeError)
      await expect(notes().change('n1', () => doc as Note)).rejects.toThrow(TypeError)
      expect(await ids({})).toBe('')
    })

    test('keeps collections apart', async () => {
      const drafts = trial().store.collection<Note>({ ...NOTES, name: 'drafts' })
      await put({ _id: 'n1', owner: 'alice', slug: 'x' })
      expect(await drafts.insert({ _id: 'n1', owner: 'alice', slug: 'x', body: 'draft' })).toBe(true)
      expect(await drafts.remove('n1')).toBe(true)
      expect(await ids({})).toBe('n1')
    })
  })

  describe('a change', () => {
    test('gets the current document, and resolves with the new one', async () => {
      await put({ _id: 'n1', body: 1 })
      const changed = await notes().change('n1', (now) => ({ _id: 'n1', body: [now?.body] }))
      expect(changed).toEqual({ _id: 'n1', body: [1] })
      expect(await notes().get('n1')).toEqual(changed)
    })

    test('creates a missing document', async () => {
      expect(await notes().change('n1', (now) => now ?? { _id: 'n1', body: 'new' })).toEqual({ _id: 'n1', body: 'new' })
      expect(await ids({})).toBe('n1')
    })

    test('to undefined removes the document, if there is one', async () => {
      await put({ _id: 'n1' })
      expect(await notes().change('n1', () => undefined)).toBeUndefined()
      expect(await notes().change('n1', () => undefined)).toBeUndefined()
      expect(await ids({})).toBe('')
    })

    test('to the same document leaves it as it is', async () => {
      await put({ _id: 'n1', owner: 'alice', slug: 'x', body: { a: 1 } })
      const left = await notes().change('n1', (now) => now)
      expect(left).toEqual({ _id: 'n1', owner: 'alice', slug: 'x', body: { a: 1 } })
      expect(await notes().get('n1')).toEqual(left)
    })

    test('made in place is not lost', async () => {
      await put({ _id: 'n1', body: 1 })
      await notes().change('n1', (now) => now && Object.assign(now, { body: 2 }))
      expect((await notes().get('n1'))?.body).toBe(2)
    })

    test('moves the document in every index', async () => {
      await put({ _id: 'n1', owner: 'alice', slug: 'old', rank: 1 }, { _id: 'n2', owner: 'alice', rank: 2 })
      await notes().change('n1', (now) => now && { ...now, slug: 'new', rank: 3 })
      expect(await ids({ by: 'by_rank', where: { owner: 'alice' } })).toBe('n2 n1')
      expect(await ids({ by: 'by_slug', where: { owner: 'alice', slug: 'old' } })).toBe('')
      await put({ _id: 'n3', owner: 'alice', slug: 'old' })
    })

    test('may not give the document another key', async () => {
      await put({ _id: 'n1' })
      await expect(notes().change('n1', () => ({ _id: 'n2' }))).rejects.toThrow(TypeError)
      expect(await ids({})).toBe('n1')
    })

    test('that throws leaves the document, and the store usable', async () => {
      await put({ _id: 'n1', body: 1 })
      const refusal = new Error('not allowed')
      const refuse = () => {
        throw refusal
      }
      await expect(notes().change('n1', refuse)).rejects.toBe(refusal)
      expect(await notes().get('n1')).toEqual({ _id: 'n1', body: 1 })
      await notes().change('n1', () => ({ _id: 'n1', body: 2 }))
      expect(await notes().get('n1')).toEqual({ _id: 'n1', body: 2 })
    })

    test('that throws does not affect changes at the same time', async () => {
      await put({ _id: 'taken', owner: 'alice', slug: 'x' })
      const refusal = new Error('not allowed')
      const all = await Promise.allSettled([
        notes().insert({ _id: 'n1', body: 1 }),
        notes().change('n2', () => {
          throw refusal
        }),
        notes().change('n3', () => ({ _id: 'n3', owner: 'alice', slug: 'x' })),
        notes().insert({ _id: 'n4', owner: 'alice', slug: 'x' }),
        notes().change('n1', (now) => ({ _id: 'n1', body: [now?.body] })),
        notes().remove('taken'),
        notes().insert({ _id: 'n5', body: 5 }),
      ])
      expect(all[1]).toMatchObject({ status: 'rejected', reason: refusal })
      expect(all[6]).toEqual({ status: 'fulfilled', value: true })
      expect((await notes().get('n1'))?.body).toEqual(expect.anything())
      expect(await notes().get('n2')).toBeUndefined()
      expect(await notes().get('taken')).toBeUndefined()
      expect((await notes().get('n5'))?.body).toBe(5)
    })

    test('loses nothing when a hundred come at once from two connections', async () => {
      const others = (await trial().second()).collection<Note>(NOTES)
      const add = (now: Note | undefined): Note => ({ _id: 'n1', body: Number(now?.body ?? 0) + 1 })
      const sides = Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? notes() : others))
      const seen = await Promise.all(sides.map((side) => side.change('n1', add)))
      expect((await notes().get('n1'))?.body).toBe(100)
      expect(new Set(seen.map((doc) => doc?.body)).size).toBe(100)
    })

    test('lets only one of many inserts of one key win', async () => {
      const others = (await trial().second()).collection<Note>(NOTES)
      const sides = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? notes() : others))
      const won = await Promise.all(sides.map((side, i) => side.insert({ _id: 'n1', body: i })))
      expect(won.filter(Boolean)).toHaveLength(1)
      expect((await others.get('n1'))?.body).toBe(won.indexOf(true))
    })
  })
}
