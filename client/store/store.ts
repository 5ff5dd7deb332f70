/** Keys to values, both of them text. */
export type Entries = ReadonlyMap<string, string>
/** What changes; undefined removes. */
export type Changes = ReadonlyMap<string, string | undefined>

/**
 * Where a board keeps its outbox and the number of its last event: a small map of texts, read once and written in batches. One
 * board at a time holds it.
 */
export interface Store {
  /**
   * Takes hold of it, and returns all that it holds.
   * @throws when another board holds it, or it cannot be read
   */
  open(): Promise<Entries>
  /** Makes all changes of a batch, or none. Called again only when the last batch is stored. */
  write(changes: Changes): Promise<void>
  /**
   * Moves here, in one step, the entries with this prefix that boards have left behind which hold their store no longer, such as a
   * browser's tab that was closed. Returns them.
   */
  adopt?(prefix: string): Promise<Entries>
  close(): Promise<void>
}
