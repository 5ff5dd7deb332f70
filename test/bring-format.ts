import { openFormat } from '../broker/core/format.ts'
import { openLmdb } from '../broker/storage/lmdb.ts'

// Brings a file into the format of this version, three records at a time, and kills itself while the commit of that number is
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
