import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { heapFor } from '../broker/heap.ts'
import { chartValues, renderChartPage, withGroups } from '../scripts/chart.ts'
import { readConfig } from '../shared/config.ts'
import { groupsIn } from '../shared/runtime/scan.ts'
import { settings } from '../shared/settings.ts'
import { CHART, chartDefaults, templatesText } from './chart.ts'
import { composeText, services } from './compose.ts'
import { ROOT } from './process.ts'
import { HANDLERS } from './stage.ts'

// The Helm chart against what it deploys. test/slow/parallel/chart.test.ts renders it.

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

test('the chart has an entry for each handler group: npm run docs adds it', async () => {
  expect(Object.keys(chartDefaults.handlers.groups).toSorted()).toEqual((await groupsIn(HANDLERS)).toSorted())
})

test('a group that is missing is added, and nothing else changes', () => {
  const before = read('deploy/helm/values.yaml')
  const after = withGroups(before, [...Object.keys(chartDefaults.handlers.groups), 'zz', 'zz-top'])
  const [was, is] = [parse(before), parse(after)] as [typeof chartDefaults, typeof chartDefaults]
  const { groups } = is.handlers
  expect({ ...is, handlers: { ...is.handlers, groups: { ...groups, zz: undefined, 'zz-top': undefined } } }).toEqual(
    was,
  )
  expect([groups['zz'], groups['zz-top']]).toEqual([{}, {}])
  expect(withGroups(after, ['zz', 'zz-top'])).toBe(after)
  expect(() => withGroups('broker: {}\n', ['zz'])).toThrow('cannot find handlers.groups')
})

test('the README has every value: npm run docs writes it', async () => {
  expect(read('deploy/helm/README.md')).toBe(await renderChartPage())
  const undescribed = (await chartValues()).filter(({ standard }) => standard === undefined)
  expect(undescribed.map(({ path }) => path)).toEqual([]) // in values.schema.json, and not in values.yaml
})

/** Words in capitals in the templates that are not our settings: protocols, and variables of Node and of the other images. */
const OTHERS = /^(?:TCP|UDP|NODE_OPTIONS|HOME|MONGO_INITDB_\w+|MONGODB_PASSWORD|TURN_ADDRESS|KC_\w+)$/

test('every variable that the chart sets is a setting, or one of another program', () => {
  const given = [
    ...chartDefaults.broker.secretEnv,
    ...chartDefaults.handlers.secretEnv,
    ...Object.values(chartDefaults.handlers.groups).flatMap(({ secretEnv }) => secretEnv),
    ...Array.from(templatesText.matchAll(/"([A-Z][A-Z0-9_]{2,})"|\bname: ([A-Z][A-Z0-9_]+)\b/g), ([, a, b]) => a ?? b!),
  ]
  expect(given).toEqual(expect.arrayContaining(['SECRET', 'TURN_SECRET', 'TLS_CERT', 'BROKER_URL']))
  expect(given.filter((name) => !Object.hasOwn(settings.shape, name) && !OTHERS.test(name))).toEqual([])
})

test('secrets of the platform reach the pods that need them, and no others', () => {
  const { broker, handlers } = chartDefaults
  for (const name of ['SECRET', 'OPERATOR_TOKEN', 'HANDLER_KEYS']) {
    expect(broker.secretEnv).toContain(name)
    expect(JSON.stringify(handlers)).not.toContain(`"${name}"`)
  }
})

test('the heap of the broker holds what the default settings allow it, and its memory that and what is outside', () => {
  const { heapMb, resources } = chartDefaults.broker
  const config = readConfig({})
  expect(heapMb).toBe(heapFor(config))
  const outside = (100 * config.MAX_QUEUED + config.MAX_ALL_UNSENT_BYTES) / 2 ** 20 + 100
  expect(resources.limits.memory).toMatch(/^\d+Gi$/)
  const room = Number.parseInt(resources.limits.memory, 10) * 1024 - heapMb - outside
  expect(room * 2 ** 20).toBeGreaterThan(10_000 * 50_000) // connections
})

test('a pod is given as long to stop as a container of docker-compose.yml', () => {
  const [, grace] = /stop_grace_period: (\d+)s/.exec(composeText)!
  const given = Array.from(
    templatesText.matchAll(/^ {6}terminationGracePeriodSeconds: (\d+) # the process/gm),
    ([, s]) => s,
  )
  expect(given).toEqual([grace, grace])
})

test('the chart runs the same images as docker-compose.yml, and has the version of the platform', () => {
  for (const part of ['mongodb', 'coturn', 'keycloak'] as const) {
    expect(chartDefaults[part].image).toBe(services.get(part)!.image)
  }
  const { version } = JSON.parse(read('package.json')) as { version: string }
  expect(parse(read('deploy/helm/Chart.yaml'))).toMatchObject({ appVersion: version, version })
})

test('groups are scaled on a metric that the broker has', () => {
  const [, metric] = /query: sum\((\w+)\{/.exec(templatesText)!
  const sources = readdirSync(join(ROOT, 'broker'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => read(`broker/${file}`))
  expect(sources.some((text) => text.includes(`'${metric}'`))).toBe(true)
})

test("Prometheus knows the chart's processes by the names that the alerts use", () => {
  const jobs = Array.from(read('deploy/monitoring/prometheus.yml').matchAll(/job_name: (\S+)/g), ([, job]) => job)
  const ours = Array.from(templatesText.matchAll(/targetLabel: job, replacement: (\S+) \}/g), ([, job]) => job)
  expect(ours).toEqual(jobs)
})

test('coturn relays through the ports that its configuration names', () => {
  const conf = read('deploy/helm/files/coturn.conf') // a link: where links are not kept, this fails
  const [min, max] = ['min-port', 'max-port'].map((name) => Number(new RegExp(`^${name}=(\\d+)$`, 'm').exec(conf)![1]))
  expect(templatesText).toContain(`untilStep ${min} ${max! + 1} 1`)
  expect(templatesText).toContain(`port: ${min}, endPort: ${max}`)
  expect(readdirSync(join(CHART, 'files')).toSorted()).toEqual(
    [...new Set(Array.from(templatesText.matchAll(/files\/([\w.-]+)/g), ([, file]) => file!))].toSorted(),
  )
})
