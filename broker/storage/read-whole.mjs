// Reads all of an LMDB file: `node read-whole.mjs FILE`. A process of its own, since LMDB maps the file into memory and trusts it:
// a page that is missing or overwritten ends the process (SIGBUS, SIGSEGV, SIGABRT), or makes LMDB pass over what is behind it.

import { open } from 'lmdb'

/** Of a value, the bytes that LMDB has copied out of its pages are enough. */
const SIZE = { encode: (value) => value, decode: (bytes) => bytes.length }

const env = open({ path: process.argv[2], readOnly: true, maxDbs: 64 })
const names = [...env.getKeys()] // before any is opened, which ends the reading of the names
for (const name of names) {
  const table = env.openDB({ name, encoder: SIZE })
  const { entryCount, overflowPages } = table.getStats()
  // Where all values are small they stand in the pages of their keys, and LMDB walks over those by itself, many times as fast.
  const read = overflowPages === 0 ? table.getCount() : countValues(table)
  if (read !== entryCount)
    throw new Error(`the table ${String(name)} has ${entryCount} entries, and ${read} can be read`)
}

function countValues(table) {
  let read = 0
  for (const { value } of table.getRange()) if (value >= 0) read++
  return read
}
