import { openFormat } from '../broker/core/format.ts'
import { openLmdb } from '../broker/storage/lmdb.ts'

// Migrates a file to this version's format, three records at a time, and kills itself while the nth commit is being
// written. For format.test.ts.

const [path = '', dieAt = ''] = process.argv.slice(2)
const storage = openLmdb(path)
let commits = 0

async function main(): Promise<void> {
  const dying = {
    ...storage,
    commit(...args: Parameters<typeof storage.commit>) {
      const stored = storage.commit(...args)
      if (++commits === Number(dieAt)) setImmediate(() => process.kill(process.pid, 'SIGKILL'))
      return stored
    },
  }
  await openFormat(dying, { info: () => {} }, 3)
  await storage.close()
}

void main()
