import type { Collection, Document, Store } from '../../shared/store/documents.ts'

// The store's own operations, on one collection that grows.

export interface Line extends Document {
  readonly owner: string
  readonly at: number
  readonly body: string
  readonly scopes: readonly string[]
}

export const SPEC = {
  name: 'bench_lines',
  indexes: { by_at: { fields: ['owner', 'at'], unique: true } },
  text: { field: 'body', within: 'scopes' },
}
/** Documents of one owner. Every second document belongs to one owner whose documents grow with the store. */
const OWN = 100
const CROWD = 'crowd'

export type Operation = (i: number) => Promise<unknown>

export function openLines(store: Store): Collection<Line> {
  return store.collection<Line>(SPEC)
}

export function line(i: number): Line {
  const its = { _id: `line${i}`, body: `the snow of ${i % 7} winters, word${i % 1000}` }
  if (i % 2) return { ...its, owner: CROWD, at: i, scopes: [CROWD] }
  const owner = `owner${Math.floor(i / 2 / OWN)}`
  return { ...its, owner, at: (i / 2) % OWN, scopes: [owner] }
}

/** What handlers do, on a store of `size` documents: each call with another document. */
export function operations(lines: Collection<Line>, size: number): Record<string, Operation> {
  const some = (i: number): number => (i * 7919 + 13) % size
  const owner = (i: number): string => line(some(i) & ~1).owner
  const many = { by: 'by_at', where: { owner: CROWD }, limit: 20 }
  return {
    get: (i) => lines.get(`line${some(i)}`),
    insert: (i) => lines.insert({ ...line(size + i), _id: `more${size}-${i}`, owner: `more${size}`, at: i }),
    change: (i) =>
      lines.change(`line${some(i)}`, (now) => now && { ...now, body: `${now.body.slice(0, 40)} ${i % 10}` }),
    'find 20': (i) => lines.find({ by: 'by_at', where: { owner: owner(i) }, limit: 20, reverse: true }),
    'find behind': (i) =>
      lines.find({ by: 'by_at', where: { owner: owner(i) }, after: { _id: '', at: 50 }, limit: 20 }),
    search: (i) => lines.search({ words: 'snow winters', within: [owner(i)], limit: 20 }),
    'find of many': () => lines.find({ ...many, reverse: true }),
    'behind of many': (i) => lines.find({ ...many, after: { _id: '', at: some(i) } }),
    'search in many': () => lines.search({ words: 'snow winters', within: [CROWD], limit: 20 }),
    'rare word of many': (i) => lines.search({ words: `snow word${(some(i) % 1000) | 1}`, within: [CROWD], limit: 20 }),
    remove: (i) => lines.remove(`more${size}-${i}`),
  }
}
