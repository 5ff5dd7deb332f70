/**
 * The document store that handlers keep their data in. It holds what SQLite and MongoDB both do natively: documents by
 * key, compound and unique indexes, an atomic change of one document, ranges in the order of an index. No transaction
 * spans documents: a change of several is made safe by order, unique keys and repetition.
 */
export type Scalar = string | number | boolean | null

/**
 * A document: JSON with a key of its own. `undefined` fields are left out. The key and the fields of indexes are what
 * engines compare, so they are checked: an indexed field is a Scalar or lacking (`null` counts as lacking), numbers are
 * finite, strings are well-formed Unicode without U+0000; anything else is a TypeError.
 */
export interface Document {
  readonly _id: string
}

/** What a collection is called and how it is searched. Two specs of one name must be equal. */
export interface CollectionSpec {
  /** snake_case, at most 40 characters; the table's or collection's name. */
  readonly name: string
  /**
   * Index name (snake_case too) to its top-level fields, in order. A unique one lets documents that lack any of its fields
   * repeat the others; they are found by it none the less. A changed index needs a new name.
   */
  readonly indexes?: Readonly<Record<string, { readonly fields: readonly string[]; readonly unique?: boolean }>>
  readonly text?: TextSpec
}

/**
 * The words of one text can be searched, by those who may see the document. A collection keeps its text for good. When it
 * gets one, the documents that are there are made searchable at opening, in the order of their keys; processes that
 * opened it without the text must have ended by then, because what they write is not found. The same when words are folded
 * by a new version (see words.ts): those of the version before must have ended, or what they write is found by the old folding.
 */
export interface TextSpec {
  /** The top-level field with the text: a string, or lacking, and then the document is not found. */
  readonly field: string
  /** The top-level field with the values that a search may be within, such as the users who may see it: 0 to 16 strings. */
  readonly within: string
  /** The top-level field with the time at which a document came, as text that sorts: what is moved elsewhere keeps the order of searches by it. */
  readonly time?: string
}

/** A search along one index. */
export interface Query {
  /** Name of the index; without it, the documents by `_id`. */
  readonly by?: string
  /** Values of the leading fields of the index; all of them or a prefix. `null` finds the documents that lack the field. */
  readonly where?: Readonly<Record<string, Scalar>>
  /** The document to go on behind, by its values of the remaining index fields and its `_id`. Need not exist any more. */
  readonly after?: Document & Readonly<Record<string, unknown>>
  /** 1 to 1,000. */
  readonly limit: number
  /** Against the index's order. Default false. */
  readonly reverse?: boolean
}

/** A search for words. */
export interface TextQuery {
  /** What a user typed. Its words must all occur, whole, in any order; see words.ts. At most 16; without one nothing is found. */
  readonly words: string
  /** 1 to 1,000 values; a document is found when it has one of them. */
  readonly within: readonly string[]
  /** The cursor of the page before. */
  readonly after?: string | undefined
  /** 1 to 1,000. */
  readonly limit: number
}

/** The documents found, newest first. The cursor of the next page is there when there is one; it holds no secret. */
export interface Found<D extends Document> {
  readonly docs: D[]
  readonly cursor?: string
}

export interface Collection<D extends Document> {
  get(id: string): Promise<D | undefined>
  /** Stores a new document; false, and nothing stored, when its key or a unique index has it already. */
  insert(doc: D): Promise<boolean>
  /**
   * Changes one document atomically: `decide` sees it as it is (or undefined) and returns what it shall be, `undefined` to
   * remove it, or the very same content to leave it. It may be called more than once and must be free of effects.
   * Resolves with the document as it is afterwards; when `decide` throws, rejects with that and changes nothing.
   * @throws {Conflict} when a unique index has the new document's values already
   */
  change(id: string, decide: (now: D | undefined) => D | undefined): Promise<D | undefined>
  /** Removes a document; false when there was none. */
  remove(id: string): Promise<boolean>
  /**
   * Documents in the order of the index's remaining fields and then `_id`: lacking, numbers, strings byte by byte, booleans.
   * @throws {TypeError} when the query does not fit the index
   */
  find(query: Query): Promise<D[]>
  /**
   * How many documents `find` would return: at most the query's `limit`, which may be 10,000 here. No document is read.
   * @throws {TypeError} like `find`
   */
  count(query: Query): Promise<number>
  /**
   * Documents whose text has all the words, those inserted last first; a changed document keeps its place.
   * @throws {TypeError} when the collection has no text, the words are too many or the cursor is none
   */
  search(query: TextQuery): Promise<Found<D>>
}

/** Everything of a store rejects with `Unavailable` while the engine cannot answer: it is down, locked for too long, its disk is full. */
export interface Store {
  /** Opens a collection, and makes what is missing of it; safe with several processes starting at once. */
  collection<D extends Document>(spec: CollectionSpec): Collection<D>
  /**
   * Resolves when all that was opened by now is made.
   * @throws {Unavailable} while the engine cannot answer, or is not done yet: ask again
   * @throws when what is stored does not fit what was opened
   */
  ready(): Promise<void>
  close(): Promise<void>
}

/** A unique index refuses a change. */
export class Conflict extends Error {
  override name = 'Conflict'
}
