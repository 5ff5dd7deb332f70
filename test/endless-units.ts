import { openLmdb } from '../broker/storage/lmdb.ts'

// For broker/storage/lmdb.test.ts: commits units for ever, each to two tables, and prints the number of each stored one.

const storage = openLmdb(process.argv[2]!)
const [one, other] = [storage.table<{ filled: Buffer }>('one'), storage.table<number>('other')]
let next = Number(process.argv[3])

function more(): void {
  const number = next++
  storage
    .commit((unit) => {
      unit.put(one, number, { filled: Buffer.alloc(300) })
      unit.put(other, number, number)
      if (number % 3 === 0) unit.remove(one, number - 1)
      if (number % 3 === 0) unit.remove(other, number - 1)
    })
    .then(
      () => process.stdout.write(`${number}\n`),
      (err: Error) => process.stderr.write(`${err.message}\n`),
    )
    .finally(() => setImmediate(more))
}
for (let i = 0; i < 50; i++) more()
