// Reads a whole LMDB file: `node read-whole.mjs FILE`. Runs as a separate process, since LMDB maps the file into memory and trusts it:
// a missing or overwritten page crashes the process (SIGBUS, SIGSEGV, SIGABRT), or makes LMDB skip the entries behind it.

import { open } from 'lmdb'

/** Decodes a value to its size: copying it out of its pages is check enough. */
const SIZE = { encode: (value) => value, decode: (bytes) => bytes.length }

const env = open({ path: process.argv[2], readOnly: true, maxDbs: 64 })
const names = [...env.getKeys()] // all at once, since opening a table would end this iteration
for (const name of names) {
  const table = env.openDB({ name, encoder: SIZE })
  const { entryCount, overflowPages } = table.getStats()
  // Small values are in the pages of their keys, which LMDB walks by itself many times faster.
  const read = overflowPages === 0 ? table.getCount() : countValues(table)
  if (read !== entryCount)
    throw new Error(`table ${String(name)} has ${entryCount} entries, but only ${read} can be read`)
}

function countValues(table) {
  let read = 0
  for (const { value } of table.getRange()) if (value >= 0) read++
  return read
}
