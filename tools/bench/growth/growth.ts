import type { Store } from '../../../shared/store/documents.ts'
import { PILES } from './piles.ts'
import type { Pile } from './pile.ts'
import { runPile, type Cost } from './run-pile.ts'

// The cost of each command as one user's data grow: counted work, time, and how long others wait meanwhile.

/** Target for the p99 of others, in milliseconds. */
const AIM = 50
/** A command's work grows if it exceeds so many times its work at a hundredth of the pile, plus so much. */
const [TIMES, MORE] = [1.5, 60]

/** The sizes within the pile's limit, each once. */
export function sizesOf({ most = Infinity }: Pile, sizes: readonly number[]): number[] {
  return [...new Set(sizes.map((size) => Math.min(size, most)))]
}

/** Measures the piles whose names contain `only`, each size in an empty store. Prints each pile's table as soon as it is measured. */
export async function benchGrowth(
  openEmpty: () => Promise<Store>,
  sizes: readonly number[],
  samples: number,
  only: string,
  out: (text: string) => void,
  progress: (text: string) => void,
): Promise<void> {
  const notes: string[] = []
  for (const pile of PILES.filter(({ what }) => what.includes(only))) {
    const found = new Map<string, Map<number, Cost>>()
    for (const size of sizesOf(pile, sizes)) {
      progress(`${pile.what}: ${size}`)
      const store = await openEmpty()
      try {
        for (const [name, cost] of await runPile(store, pile, size, samples)) {
          found.set(name, (found.get(name) ?? new Map<number, Cost>()).set(size, cost))
        }
      } finally {
        await store.close()
      }
    }
    out(tableOf(pile, sizesOf(pile, sizes), found))
    for (const [name, costs] of found) notes.push(...noteOf(pile, name, [...costs]))
  }
  out(
    notes.length > 0
      ? `\nWhat grows, or keeps others waiting for more than ${AIM} ms:\n${notes.join('')}`
      : '\nNothing grows.\n',
  )
}

function tableOf(pile: Pile, sizes: readonly number[], found: ReadonlyMap<string, ReadonlyMap<number, Cost>>): string {
  const head = sizes.map((size) => size.toLocaleString('en').padStart(30)).join('')
  const units = sizes.map(() => '   read count write   ms others').join('')
  const rows = [...found].map(([name, costs]) => {
    return name.padEnd(42) + sizes.map((size) => cell(costs.get(size))).join('')
  })
  const limit = pile.most === undefined ? '' : `, limited to little more than ${pile.most.toLocaleString('en')}`
  return `\n${pile.what}${limit}\n${' '.repeat(42)}${head}\n${' '.repeat(42)}${units}\n${rows.join('\n')}\n`
}

function cell(cost: Cost | undefined): string {
  if (!cost) return ''.padStart(31)
  const { work, p50, others } = cost
  const counts = [work.read, work.counted, work.written].map((count) => String(count).padStart(6)).join('')
  return ` ${counts}${p50.toFixed(1).padStart(6)}${others.toFixed(0).padStart(6)}`
}

function noteOf({ what }: Pile, name: string, costs: readonly (readonly [size: number, cost: Cost])[]): string[] {
  const [first, last] = [costs.at(-2)?.[1], costs.at(-1)![1]]
  const sum = ({ work }: Cost): number => work.read + work.counted + work.written
  const grows = first !== undefined && sum(last) > TIMES * sum(first) + MORE
  const waits = last.others > AIM
  if (!grows && !waits) return []
  const more = grows ? `, ${sum(first)} to ${sum(last)} documents and entries` : ''
  return [`  ${name}, by ${what}${more}, ${last.p50.toFixed(0)} ms, others ${last.others.toFixed(0)} ms\n`]
}
