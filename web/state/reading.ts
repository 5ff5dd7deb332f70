import { Rejected } from '../../client/index.ts'

// What the page reads at its start goes out a few at a time, so that what the user does meanwhile does not wait behind it.

const AT_ONCE = 3
const queue: (() => Promise<void>)[] = []
let running = 0

/** Runs a read when its turn comes; again when the platform says that it was too fast. */
export function read<Told>(work: () => Promise<Told>): Promise<Told> {
  return new Promise((resolve, reject) => {
    queue.push(async () => {
      try {
        resolve(await patiently(work))
      } catch (err) {
        reject(err)
      }
    })
    next()
  })
}

function next(): void {
  if (running >= AT_ONCE) return
  const work = queue.shift()
  if (!work) return
  running++
  void work().finally(() => {
    running--
    next()
  })
}

async function patiently<Told>(work: () => Promise<Told>): Promise<Told> {
  for (;;) {
    try {
      return await work()
    } catch (err) {
      if (!(err instanceof Rejected) || err.code !== 'rate_limited') throw err
      await new Promise((resolve) => setTimeout(resolve, err.retryAfterMs ?? 1_000))
    }
  }
}

/** All entries of a list that comes in pages. */
export async function allPages<Page extends { cursor?: string }, Entry>(
  fetchPage: (cursor: { cursor?: string }) => Promise<Page>,
  entriesOf: (page: Page) => readonly Entry[],
): Promise<Entry[]> {
  const all: Entry[] = []
  let cursor: string | undefined
  do {
    const from = cursor
    const page = await read(() => fetchPage(from === undefined ? {} : { cursor: from }))
    all.push(...entriesOf(page))
    cursor = page.cursor
  } while (cursor !== undefined)
  return all
}
