/**
 * The document store for the handlers' data. It offers what SQLite and MongoDB both do natively: documents by key, compound and
 * unique indexes, atomic changes of one document, ranges in the order of an index. No transaction spans documents: changes of
 * several documents are made safe by their order, by unique keys, and by repeating them.
 */
export type Scalar = string | number | boolean | null

/**
 * A document: JSON with a key. `undefined` fields are left out. The key and indexed fields are checked, because engines compare
 * them: an indexed field is a Scalar or missing (`null` counts as missing), numbers are finite, strings are well-formed Unicode
 * without U+0000. Anything else is a TypeError.
 */
export interface Document {
  readonly _id: string
}

/** A collection's name and how it is searched. Two specs with one name must be equal. */
export interface CollectionSpec {
  /** snake_case, at most 40 characters: the name of the table or collection. */
  readonly name: string
  /**
   * Index name (snake_case) to its top-level fields, in order. A unique index ignores documents that lack any of its fields, but
   * still finds them. A changed index needs a new name.
   */
  readonly indexes?: Readonly<Record<string, { readonly fields: readonly string[]; readonly unique?: boolean }>>
  readonly text?: TextSpec
}

/**
 * Makes the words of one text searchable, for those who may see the document. A collection's text spec cannot be changed. When a
 * collection gets one, its existing documents are indexed when it is opened, in the order of their keys. Processes that opened
 * it without the text must have ended by then, because searches do not find what they write. The same holds when a new version
 * folds words differently (see words.ts): what processes of the old version write is indexed by the old folding.
 */
export interface TextSpec {
  /** The top-level field with the text: a string, or missing, and then searches do not find the document. */
  readonly field: string
  /** The top-level field with the values that searches are limited to, such as the users who may see it: 0 to 16 strings. */
  readonly within: string
  /** The top-level field with the document's time, as text that sorts: an import restores the order of searches by it. */
  readonly time?: string
}

/** A search along one index. */
export interface Query {
  /** The index's name; by default documents are ordered by `_id`. */
  readonly by?: string
  /** Values of the index's leading fields: all of them or a prefix. `null` finds documents without the field. */
  readonly where?: Readonly<Record<string, Scalar>>
  /** The document to continue after, by its values of the remaining index fields and its `_id`. It need not exist any more. */
  readonly after?: Document & Readonly<Record<string, unknown>>
  /** Instead of `after`: values of all remaining index fields. Continues after every document that has them. */
  readonly beyond?: Readonly<Record<string, Scalar>>
  /** 1 to 1,000. */
  readonly limit: number
  /** In reverse order. Default false. */
  readonly reverse?: boolean
}

/** A search for words. */
export interface TextQuery {
  /** What a user typed. All its words must occur, whole, in any order; see words.ts. At most 16 words; nothing is found without one. */
  readonly words: string
  /** 1 to 1,000 values: only documents that have one of them are found. */
  readonly within: readonly string[]
  /** The cursor of the previous page. */
  readonly after?: string | undefined
  /** 1 to 1,000. */
  readonly limit: number
}

/** The documents found, newest first, and the cursor of the next page if there is one. The cursor holds no secret. */
export interface Found<D extends Document> {
  readonly docs: D[]
  readonly cursor?: string
}

export interface Collection<D extends Document> {
  get(id: string): Promise<D | undefined>
  /** The documents with these keys, by key, without those that are missing. At most 1,000 keys. */
  getMany(ids: readonly string[]): Promise<Map<string, D>>
  /** Stores a new document. Returns false, and stores nothing, when its key or its values in a unique index exist already. */
  insert(doc: D): Promise<boolean>
  /** Stores new documents, at most 1,000, each like `insert`, not all or none. Returns for each whether it was stored. */
  insertMany(docs: readonly D[]): Promise<boolean[]>
  /**
   * Changes one document atomically. `decide` gets the current document (or undefined) and returns the new one, `undefined` to
   * remove it, or the same content to leave it. It may be called more than once, so it must have no side effects. Resolves with
   * the document afterwards. When `decide` throws, nothing is changed, and the change rejects with that error.
   * @throws {Conflict} when a unique index has the new document's values already
   */
  change(id: string, decide: (now: D | undefined) => D | undefined): Promise<D | undefined>
  /** Removes a document; returns false when there was none. */
  remove(id: string): Promise<boolean>
  /**
   * Finds documents, in the order of the index's remaining fields and then `_id`: missing, numbers, strings byte by byte, booleans.
   * @throws {TypeError} when the query does not fit the index
   */
  find(query: Query): Promise<D[]>
  /**
   * Counts the documents that `find` would return, up to the query's `limit`, which may be 10,000 here, without reading them.
   * @throws {TypeError} like `find`
   */
  count(query: Query): Promise<number>
  /**
   * Finds documents whose text has all the words, the latest inserted first; a changed document keeps its place.
   * @throws {TypeError} when the collection has no text, there are too many words, or the cursor is invalid
   */
  search(query: TextQuery): Promise<Found<D>>
}

/** All methods reject with `Unavailable` while the engine cannot answer: when it is down, locked for too long, or its disk is full. */
export interface Store {
  /** Opens a collection, and creates what is missing of it; safe when several processes start at once. */
  collection<D extends Document>(spec: CollectionSpec): Collection<D>
  /**
   * Resolves when all collections opened so far are ready.
   * @throws {Unavailable} while the engine cannot answer, or is not done yet: call it again
   * @throws when the stored data does not fit the spec of a collection
   */
  ready(): Promise<void>
  close(): Promise<void>
}

/** A unique index refused a change. */
export class Conflict extends Error {
  override name = 'Conflict'
}
