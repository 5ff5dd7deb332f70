// Reads all of an LMDB file: `node read-whole.mjs FILE`. A process of its own, since LMDB maps the file into memory and trusts it:
// a page that is missing or overwritten ends the process (SIGBUS, SIGSEGV, SIGABRT), or makes LMDB pass over what is behind it.
import { open } from 'lmdb'

const env = open({ path: process.argv[2], readOnly: true, maxDbs: 64 })
const names = [...env.getKeys()] // before any is opened, which ends the reading of the names
for (const name of names) {
  const table = env.openDB({ name, encoding: 'binary' })
  let read = 0
  for (const { value } of table.getRange()) {
    read++
    value.at(-1) // all of its pages are read: the value was copied
  }
  const { entryCount } = table.getStats()
  if (read !== entryCount)
    throw new Error(`the table ${String(name)} has ${entryCount} entries, and ${read} can be read`)
}
