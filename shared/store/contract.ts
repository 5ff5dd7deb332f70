import { describe, expect, test } from '@jest/globals'
import { documentsContract } from './contract-documents.ts'
import { indexesContract } from './contract-indexes.ts'
import { searchContract } from './contract-search.ts'
import { searchChangesContract } from './contract-search-changes.ts'
import { type Desk, deskFor, type Note, NOTES, type Trial } from './contract-notes.ts'

/** Declares the tests that every engine must pass. */
export function storeContract(engine: string, open: () => Promise<Trial>): void {
  describe(`the store on ${engine}`, () => {
    const desk = deskFor(open)
    documentsContract(desk)
    indexesContract(desk)
    searchContract(desk)
    searchChangesContract(desk)
    openingContract(desk)
  })
}

function openingContract({ notes, put, ids, trial }: Desk): void {
  describe('opening and closing', () => {
    test('opens a collection again with an equal spec, and refuses another spec', () => {
      const { by_slug, by_rank } = NOTES.indexes
      trial().store.collection({ name: 'notes', indexes: { by_rank: { ...by_rank, unique: false }, by_slug } })
      expect(() => trial().store.collection({ name: 'notes' })).toThrow('notes')
      expect(() => trial().store.collection({ name: 'notes', indexes: { by_rank, by_slug: by_rank } })).toThrow('notes')
    })

    test('adds an index to existing documents', async () => {
      await put({ _id: 'a', body: 2 }, { _id: 'b', body: 1 }, { _id: 'c' })
      const spec = { name: 'notes', indexes: { ...NOTES.indexes, by_body: { fields: ['body'] } } }
      const later = (await trial().second()).collection<Note>(spec)
      expect((await later.find({ by: 'by_body', limit: 10 })).map((doc) => doc._id)).toEqual(['c', 'b', 'a'])
      expect(await ids({})).toBe('a b c') // and whoever opened it before works on
      await put({ _id: 'd', body: 0 })
      expect((await later.find({ by: 'by_body', limit: 10 })).map((doc) => doc._id)).toEqual(['c', 'd', 'b', 'a'])
    })

    test.each(['', 'Notes', 'no-tes', 'notes"; DROP', '_notes', '1notes', 'n'.repeat(41)])(
      'refuses the name %j',
      (name) => {
        expect(() => trial().store.collection({ name })).toThrow(TypeError)
        expect(() => trial().store.collection({ name: 'a', indexes: { [name]: { fields: ['a'] } } })).toThrow(TypeError)
        expect(() => trial().store.collection({ name: 'a', indexes: { a: { fields: [name] } } })).toThrow(TypeError)
        expect(() => trial().store.collection({ name: 'a', text: { field: name, within: 'a' } })).toThrow(TypeError)
        expect(() => trial().store.collection({ name: 'a', text: { field: 'a', within: name } })).toThrow(TypeError)
      },
    )

    test.each(['etag', 'place', 'words'])('refuses the reserved index name %j', (name) => {
      const indexes = { [name]: { fields: ['a'], unique: true } }
      expect(() => trial().store.collection({ name: 'a', indexes })).toThrow(TypeError)
    })

    test('shows one connection at once what another wrote', async () => {
      const others = (await trial().second()).collection<Note>(NOTES)
      await put({ _id: 'n1', owner: 'alice', slug: 'x' })
      expect(await others.get('n1')).toEqual({ _id: 'n1', owner: 'alice', slug: 'x' })
      expect(await others.insert({ _id: 'n2', owner: 'alice', slug: 'x' })).toBe(false)
      expect(await others.remove('n1')).toBe(true)
      expect(await notes().get('n1')).toBeUndefined()
    })

    test('answers until it is closed, and never after', async () => {
      await trial().store.ready()
      await trial().store.close()
      await trial().store.close()
      await expect(trial().store.ready()).rejects.toThrow('closed')
      await expect(notes().get('n1')).rejects.toThrow('closed')
      await expect(notes().insert({ _id: 'n1' })).rejects.toThrow('closed')
      await expect(notes().change('n1', (now) => now)).rejects.toThrow('closed')
      await expect(notes().find({ limit: 1 })).rejects.toThrow('closed')
      expect(await (await trial().second()).collection<Note>(NOTES).get('n1')).toBeUndefined()
    })
  })
}
