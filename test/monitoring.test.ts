import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { connectAsync } from 'mqtt'
import { parse } from 'yaml'
import { z } from 'zod'
import { tokenFor } from './device.ts'
import { freePort } from './free-port.ts'
import { metric } from './metrics.ts'
import { Parts } from './parts.ts'
import { groupsIn } from '../shared/runtime/scan.ts'
import { services } from './compose.ts'
import { ROOT, type Run } from './process.ts'
import { HANDLERS } from './stage.ts'

// What Prometheus gets from real processes, and whether the alerts, the dashboard and the docs name what is there.

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')
const rules = z
  .object({
    groups: z.array(
      z.object({
        name: z.string(),
        rules: z.array(
          z.strictObject({
            alert: z.string().regex(/^[A-Z]\w+$/),
            expr: z.string(),
            for: z.string().regex(/^\d+[mh]$/),
            labels: z.strictObject({ severity: z.enum(['warning', 'critical']) }),
            annotations: z.strictObject({ summary: z.string(), runbook: z.string() }),
          }),
        ),
      }),
    ),
  })
  .parse(parse(read('deploy/monitoring/rules.yml')))
  .groups.flatMap((group) => group.rules)
const dashboard = z
  .object({
    panels: z.array(
      z.looseObject({ id: z.number(), title: z.string(), targets: z.array(z.looseObject({ expr: z.string() })) }),
    ),
  })
  .parse(JSON.parse(read('deploy/monitoring/dashboard.json')))

let parts: Parts
let contacts: Run
let handlers: { admin: string }
beforeAll(async () => {
  parts = await Parts.open({ LOG_LEVEL: 'info' })
  const port = String(await freePort())
  handlers = { admin: `http://127.0.0.1:${port}` }
  contacts = await parts.startHandlers('contacts', { METRICS_PORT: port })
  await contacts.says(/serves metrics/)
})
afterAll(() => parts.close())

const scrape = async ({ admin }: { admin: string }): Promise<string> => (await fetch(`${admin}/metrics`)).text()

/** Name, kind and help of each metric. */
function metricsIn(text: string): { name: string; kind: string; help: string }[] {
  const kinds = new Map(Array.from(text.matchAll(/^# TYPE (\w+) (\w+)$/gm), ([, name, kind]) => [name!, kind!]))
  return Array.from(text.matchAll(/^# HELP (\w+) (.+)$/gm), ([, name, help]) => ({
    name: name!,
    kind: kinds.get(name!)!,
    help: help!,
  }))
}

const isOurs = ({ name }: { name: string }): boolean => !/^(?:nodejs|process)_/.test(name)

/** The names that an expression of PromQL uses as metrics. */
function namesIn(expr: string): string[] {
  const bare = expr
    .replaceAll(/"[^"]*"/g, '')
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]/g, '')
    .replaceAll(/\b(?:by|without|on|ignoring)\s*\([^)]*\)/g, '')
  const words = Array.from(bare.matchAll(/\b[a-z_]\w*\b(?!\s*\()/gi), ([word]) => word)
  return words.filter((word) => !['and', 'or', 'unless', 'by', 'bool', 'offset', 'sum'].includes(word))
}

test('every metric that an alert or the dashboard names is in a real scrape', async () => {
  const all = [...metricsIn(await scrape(parts)), ...metricsIn(await scrape(handlers))]
  const known = new Set([
    'up', // Prometheus' own
    ...all.flatMap(({ name, kind }) =>
      kind === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => name + end) : [name],
    ),
  ])
  const exprs = [
    ...rules.map(({ expr }) => expr),
    ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ]
  expect(exprs.flatMap(namesIn).length).toBeGreaterThanOrEqual(exprs.length)
  expect(exprs.flatMap(namesIn).filter((name) => !known.has(name))).toEqual([])
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
})

test('every alert has a name of its own and a section that says what to do', () => {
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length)
  const page = read('docs/operate/alerts.md')
  expect(Array.from(page.matchAll(/^## (.+)$/gm), ([, title]) => title)).toEqual(rules.map(({ alert }) => alert))
  for (const { alert, annotations } of rules) {
    expect(annotations.runbook).toBe(`docs/operate/alerts.md#${alert.toLowerCase()}`)
  }
  expect(existsSync(join(ROOT, 'docs/operate/alerts.md'))).toBe(true)
})

test.each(['broker', 'handler'] as const)(
  'the page of metrics lists those of a %s process, with their meaning',
  async (whose) => {
    const text = await scrape(whose === 'broker' ? parts : handlers)
    const page = read('docs/operate/metrics.md')
    const [, table = ''] = new RegExp(`<!-- ${whose} -->([\\s\\S]*?)<!-- end -->`).exec(page)!
    const rows = table
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      )
    const expected = metricsIn(text)
      .filter(isOurs)
      .map(({ name, kind, help }) => [`\`${name}\``, kind, `${help}.`])
    expect(rows).toEqual(expected)
  },
)

test('Prometheus looks for every group where docker-compose.yml has its metrics', async () => {
  const config = z
    .object({ scrape_configs: z.array(z.looseObject({ job_name: z.string() })) })
    .parse(parse(read('deploy/monitoring/prometheus.yml')))
  const [handlers] = config.scrape_configs.filter(({ job_name }) => job_name === 'switchboard-handlers')
  const groups = await groupsIn(HANDLERS)
  expect(handlers).toMatchObject({ dns_sd_configs: [{ names: groups.toSorted(), port: 9091 }] })
  for (const group of groups) expect(services.get(group)!.environment).toMatchObject({ METRICS_PORT: '9091' })
})

test('units are in the names, and counters end in total', async () => {
  for (const { name, kind } of [...metricsIn(await scrape(parts)), ...metricsIn(await scrape(handlers))].filter(
    isOurs,
  )) {
    if (kind === 'counter') expect(name).toMatch(/_total$/)
    if (kind === 'histogram') expect(name).toMatch(/_(?:seconds|units)$/)
  }
})

test('a command is counted on its whole way: attempts, dispatch, answer, fsync, handler, store', async () => {
  const alice = await parts.device('alice')
  const label = 'command="request_contact"'
  const before = await metric(parts, 'storage_commit_seconds_count')
  await alice.asks('request_contact', { user_id: 'bob' })
  for (const name of [
    'commands_accepted_total',
    'command_attempts_total',
    'command_seconds_count',
    'command_dispatch_seconds_count',
  ]) {
    expect([name, await metric(parts, name, label)]).toEqual([name, 1])
  }
  expect(await metric(parts, 'storage_commit_seconds_count')).toBeGreaterThanOrEqual(before + 2) // its acceptance, its end
  expect(await metric(parts, 'storage_commit_units_sum')).toBeGreaterThanOrEqual(before + 2)
  expect(await metric(handlers, 'handler_run_seconds_count', label)).toBe(1)
  expect(await metric(handlers, 'handler_store_seconds_count', 'operation="change"')).toBeGreaterThan(0)
  expect(await metric(handlers, 'handler_failures_total', label)).toBe(0)
  expect(await metric(parts, 'sessions_kept')).toBe(1)
  expect(await metric(parts, 'disk_free_bytes')).toBeGreaterThan(0)
  expect(await metric(parts, 'tls_certificate_expiry_timestamp_seconds')).toBeGreaterThan(Date.now() / 1000)
})

test('health is what /readyz says: here commands wait for the group presence, which has no process', async () => {
  await parts.device('frank')
  while ((await metric(parts, 'broker_faults')) === 0) await new Promise((resolve) => setTimeout(resolve, 50))
  let [before, told, after] = [0, [] as string[], -1]
  while (before !== after) {
    before = await metric(parts, 'broker_faults')
    told = (await parts.readyz()).slice(1)
    after = await metric(parts, 'broker_faults') // another fault may come in between
  }
  expect(told).toHaveLength(before)
  expect([await metric(parts, 'broker_ready'), await metric(parts, 'storage_writable')]).toEqual([1, 1])
  expect(await metric(parts, 'group_commands', 'group="presence"')).toBeGreaterThan(0)
})

test('refused logins are counted by reason', async () => {
  const secret = parts.env['SECRET']!
  const expired = tokenFor('mallory', secret, { exp: Math.floor(Date.now() / 1000) - 60 })
  const tries: [string, string, string][] = [
    ['JWT', expired, 'expired_token'],
    ['JWT', `${tokenFor('mallory', secret).slice(0, -4)}AAAA`, 'bad_token'],
    ['handler', 'a guessed key of a handler', 'handler_key'],
    ['nobody', 'x', 'no_login'],
  ]
  for (const [username, password, reason] of tries) {
    const login = connectAsync(parts.url, { ca: parts.ca, username, password, reconnectPeriod: 0 }, false)
    await expect(login).rejects.toThrow()
    expect([reason, await metric(parts, 'mqtt_connects_refused_total', `reason="${reason}"`)]).toEqual([reason, 1])
  }
})

test('ended connections are counted by reason', async () => {
  const ended = (reason: string): Promise<number> => metric(parts, 'mqtt_disconnects_total', `reason="${reason}"`)
  const becomes = async (reason: string, count: number): Promise<void> => {
    while ((await ended(reason)) < count) await new Promise((resolve) => setTimeout(resolve, 10))
    expect(await ended(reason)).toBe(count)
  }
  const [client, lost] = [await ended('client'), await ended('lost')]
  const polite = await parts.device('carol', { mqtt: { reconnectPeriod: 0 } })
  await polite.mqtt.endAsync()
  await becomes('client', client + 1)
  const cut = await parts.device('dave', { mqtt: { reconnectPeriod: 0 } })
  cut.mqtt.stream.destroy()
  await becomes('lost', lost + 1)
  await parts.device('erin', { mqtt: { reconnectPeriod: 0 } })
  await parts.device('erin', { mqtt: { reconnectPeriod: 0 } })
  await becomes('taken_over', 1)
})

test('a process whose port another one has serves its commands, and its metrics once the port is free', async () => {
  const port = new URL(handlers.admin).port
  const next = await parts.startHandlers('contacts', { METRICS_PORT: port })
  await next.says(/cannot serve metrics yet/)
  contacts.kill('SIGTERM')
  expect(await contacts.ended).toBe(0)
  await next.says(/"msg":"serves metrics"/)
  expect(await scrape(handlers)).toContain('handler_run_seconds')
})

test('a page cannot read the metrics by another name for the address', async () => {
  const { request } = await import('node:http')
  const status = await new Promise<number | undefined>((resolve, reject) => {
    request(`${handlers.admin}/metrics`, { headers: { host: 'evil.example' } }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })
  expect(status).toBe(421)
})
