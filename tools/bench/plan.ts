import type { Document as Bson } from 'mongodb'

// What a server says of how it does a command (manual, "Explain Results").

/** How a command was done. */
export interface Plan {
  /** From the result to the data. */
  readonly stages: readonly string[]
  readonly indexes: readonly string[]
  readonly keys: number
  readonly docs: number
  readonly returned: number
}

/** Beside the documents that a command is about, so many may be looked at, and of each so many more. */
const [SOME, TIMES] = [50, 5]
/** With the name of an index it is DocumentDB's word for the index of the key. */
const SCAN = 'COLLSCAN'
/** The key's own index is what these go by, and do not name. */
const BY_KEY = /^(?:IDHACK|CLUSTERED_IXSCAN|EXPRESS_(?:CLUSTERED_IXSCAN|UPDATE|DELETE))$/

/** @throws when it is not what the manual describes: then nothing is known, which must not pass for good */
export function planOf(explained: Bson): Plan {
  const { queryPlanner, executionStats } = explained
  const planned = nodes((queryPlanner as Bson | undefined)?.['winningPlan'])
  const { nReturned } = (executionStats ?? {}) as Bson
  const [keys, docs] = [maxOf(executionStats, 'totalKeysExamined'), maxOf(executionStats, 'totalDocsExamined')]
  if (planned.length === 0 || typeof nReturned !== 'number' || ![keys, docs].every(Number.isFinite)) {
    throw new Error('the server explains nothing that can be understood')
  }
  const indexes = planned.flatMap(({ stage, indexName }) => {
    if (typeof indexName === 'string') return [indexName]
    return BY_KEY.test(String(stage)) ? ['_id_'] : []
  })
  const stages = planned.map(({ stage, indexName }) =>
    indexName && stage === SCAN ? `${SCAN} by index` : String(stage),
  )
  return { stages, indexes: [...new Set(indexes)], keys, docs, returned: nReturned }
}

/** The greatest of its name, of the whole and of its stages: DocumentDB's whole is what it gives, and no more. */
function maxOf(stats: unknown, name: string): number {
  if (typeof stats !== 'object' || stats === null) return -Infinity
  const own = Object.entries(stats).flatMap(([key, value]) => (key === name ? [Number(value)] : []))
  return Math.max(...own, ...Object.values(stats).map((inner) => maxOf(inner, name)))
}

/** All that is a stage, whatever holds it: `inputStage`, `inputStages`, `queryPlan`, a shard's `winningPlan`. */
function nodes(tree: unknown): Bson[] {
  if (Array.isArray(tree)) return tree.flatMap(nodes)
  if (typeof tree !== 'object' || tree === null) return []
  const own = 'stage' in tree && typeof tree.stage === 'string' ? [tree as Bson] : []
  return [...own, ...Object.values(tree).flatMap(nodes)]
}

/** Why it grows with what is stored; undefined when it does not. */
export function faultOf({ stages, indexes, docs, returned }: Plan): string | undefined {
  if (stages.includes(SCAN)) return 'SCANS the collection'
  if (indexes.length === 0) return stages.includes('EOF') ? 'finds NOTHING to look at' : 'goes by NO INDEX'
  if (stages.includes('SORT')) return 'SORTS what it has found'
  return docs > SOME + TIMES * returned ? 'looks at MANY documents' : undefined
}
