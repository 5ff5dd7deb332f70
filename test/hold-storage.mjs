// Holds the write lock of an LMDB file until it is killed. For hold-storage.ts.
import { open } from 'lmdb'

const env = open({ path: process.argv[2], maxDbs: 16 })
env.transactionSync(() => {
  process.stdout.write('held\n')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
})
