// @needs MongoDB
import { afterAll, describe, expect, test } from '@jest/globals'
import { explainAll, whoExplains } from '../../tools/bench/explain.ts'
import { faultOf, planOf } from '../../tools/bench/plan.ts'
import { startMongoServer } from '../../test/mongo-server.ts'
import { dropDatabase, ownDatabase } from '../../test/own-data.ts'

const given = process.env['TEST_MONGODB_URL']
const started = given === undefined ? await startMongoServer() : undefined
const url = given ?? started!.url
afterAll(() => started?.close())

const stats = (keys: number, docs: number, nReturned: number, stages: object = {}) => ({
  executionStats: { nReturned, totalKeysExamined: keys, totalDocsExamined: docs, executionStages: stages },
})
const explained = (winningPlan: object, executionStats = stats(20, 20, 20)) => ({
  queryPlanner: { winningPlan, rejectedPlans: [{ stage: 'COLLSCAN' }] },
  ...executionStats,
})
const scan = { stage: 'IXSCAN', indexName: 'by_at' }
const fetch = { stage: 'FETCH', inputStage: scan }

describe('a plan', () => {
  test.each([
    ['an index, in its order', explained({ stage: 'LIMIT', inputStage: fetch }), 'by_at'],
    [
      'an index, in the other engine of MongoDB',
      explained({ queryPlan: fetch, slotBasedPlan: { stages: '…' } }),
      'by_at',
    ],
    ['stretches of an index, merged', explained({ stage: 'SORT_MERGE', inputStages: [fetch, fetch] }), 'by_at'],
    ['the key, before MongoDB 8', explained({ stage: 'IDHACK' }, stats(1, 1, 1)), '_id_'],
    ['the key', explained({ stage: 'EXPRESS_IXSCAN', indexName: '_id_' }, stats(1, 1, 1)), '_id_'],
    ['the index of a shard', explained({ stage: 'SINGLE_SHARD', shards: [{ winningPlan: fetch }] }), 'by_at'],
    ['the key, as DocumentDB calls it', explained({ stage: 'COLLSCAN', indexName: '_id_' }, stats(1, 1, 1)), '_id_'],
  ])('is good when it goes by %s', (_, all, index) => {
    const plan = planOf(all)
    expect(faultOf(plan)).toBeUndefined()
    expect(plan.indexes).toEqual([index])
  })

  test.each([
    ['scans the collection', explained({ stage: 'COLLSCAN' }), 'SCANS'],
    [
      'scans it for one of several branches',
      explained({ stage: 'OR', inputStages: [scan, { stage: 'COLLSCAN' }] }),
      'SCANS',
    ],
    ['sorts', explained({ stage: 'SORT', inputStage: fetch }), 'SORTS'],
    ['goes by an index through documents that it does not give', explained(fetch, stats(2_000, 2_000, 20)), 'MANY'],
    [
      'goes through more than it says of the whole',
      explained(fetch, stats(20, 20, 20, { totalDocsExamined: 2_000 })),
      'MANY',
    ],
    ['finds no collection', explained({ stage: 'EOF' }, stats(0, 0, 0)), 'NOTHING'],
  ])('is bad when it %s', (_, all, fault) => {
    expect(faultOf(planOf(all))).toContain(fault)
  })

  test.each([
    ['without figures', { queryPlanner: { winningPlan: fetch } }],
    ['of another form', { queryPlanner: { Plan: { 'Node Type': 'Index Scan' } }, ...stats(1, 1, 1) }],
    ['that is none', { ok: 1 }],
  ])('%s is not accepted', (_, all) => {
    expect(() => planOf(all)).toThrow("cannot understand the server's explanation")
  })
})

const { server, silent } = await whoExplains(url)
const ifExplained = silent === undefined ? test : test.skip

ifExplained(`MongoDB goes by an index in every way in which a store uses one (${silent ?? server})`, async () => {
  const spec = {
    name: 'lines',
    indexes: {
      by_at: { fields: ['owner', 'at'], unique: true },
      by_kind: { fields: ['kind', 'owner', 'rank'] },
    },
    text: { field: 'body', within: 'readers' },
  }
  const own = ownDatabase(url)
  try {
    const all = await explainAll(own, [spec], 2_000)
    const indexes = all.map(({ use, plan }) => `${use}: ${plan.indexes.join(' and ')}`)
    expect(indexes).toContain('get: _id_')
    expect(indexes).toContain('by_kind of (kind, owner) backwards, behind one: by_kind')
    expect(indexes).toContain('a rare word and one of all: __words')
    const faults = all.flatMap(({ use, command, fault }) => (fault ? [`${use} (${command}) ${fault}`] : []))
    // Other servers' planners may sort what MongoDB finds in order.
    expect(server.startsWith('mongod') ? faults : faults.filter((fault) => /SCANS|NO INDEX/.test(fault))).toEqual([])
  } finally {
    await dropDatabase(own)
  }
})
