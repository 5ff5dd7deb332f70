import type { Document as Bson } from 'mongodb'

// A server's plan for a command (MongoDB manual, "Explain Results").

/** How a command was executed. */
export interface Plan {
  /** From the result to the data. */
  readonly stages: readonly string[]
  readonly indexes: readonly string[]
  readonly keys: number
  readonly docs: number
  readonly returned: number
}

/** Documents that a command may examine besides those it returns: so many, and so many per returned document. */
const [SOME, TIMES] = [50, 5]
/** With the name of an index, this is DocumentDB's name for the primary-key index. */
const SCAN = 'COLLSCAN'
/** These stages use the primary-key index and do not name it. */
const BY_KEY = /^(?:IDHACK|CLUSTERED_IXSCAN|EXPRESS_(?:CLUSTERED_IXSCAN|UPDATE|DELETE))$/

/** @throws when the plan is not as the manual describes, because an unknown plan must not pass for a good one */
export function planOf(explained: Bson): Plan {
  const { queryPlanner, executionStats } = explained
  const planned = nodes((queryPlanner as Bson | undefined)?.['winningPlan'])
  const { nReturned } = (executionStats ?? {}) as Bson
  const [keys, docs] = [maxOf(executionStats, 'totalKeysExamined'), maxOf(executionStats, 'totalDocsExamined')]
  if (planned.length === 0 || typeof nReturned !== 'number' || ![keys, docs].every(Number.isFinite)) {
    throw new Error("cannot understand the server's explanation")
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

/** The greatest number of this name in the plan and its stages: DocumentDB's total counts only what it returned. */
function maxOf(stats: unknown, name: string): number {
  if (typeof stats !== 'object' || stats === null) return -Infinity
  const own = Object.entries(stats).flatMap(([key, value]) => (key === name ? [Number(value)] : []))
  return Math.max(...own, ...Object.values(stats).map((inner) => maxOf(inner, name)))
}

/** All stages, wherever they are nested: `inputStage`, `inputStages`, `queryPlan`, a shard's `winningPlan`. */
function nodes(tree: unknown): Bson[] {
  if (Array.isArray(tree)) return tree.flatMap(nodes)
  if (typeof tree !== 'object' || tree === null) return []
  const own = 'stage' in tree && typeof tree.stage === 'string' ? [tree as Bson] : []
  return [...own, ...Object.values(tree).flatMap(nodes)]
}

/** Why its cost grows with the data; undefined if it does not. */
export function faultOf({ stages, indexes, docs, returned }: Plan): string | undefined {
  if (stages.includes(SCAN)) return 'SCANS the collection'
  if (indexes.length === 0) return stages.includes('EOF') ? 'examines NOTHING' : 'uses NO INDEX'
  if (stages.includes('SORT')) return 'SORTS its results'
  return docs > SOME + TIMES * returned ? 'examines MANY documents' : undefined
}
