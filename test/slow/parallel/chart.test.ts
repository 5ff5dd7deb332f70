// @needs helm, kubeconform, Kubernetes schemas
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { parse, parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { heapFor } from '../../../broker/heap.ts'
import { readConfig } from '../../../shared/config.ts'
import { CHART, chartDefaults, VALUES } from '../../chart.ts'
import { blocksOf } from '../../docs-blocks.ts'
import { ROOT } from '../../process.ts'
import { HELM, KUBECONFORM, KUBERNETES_SCHEMAS } from '../../real-parts.ts'

// The Helm chart, linted, rendered, and checked against Kubernetes' own schemas. No cluster has run it.

/** Kubernetes' version of the schemas; a helm that was built from source would take the chart's for 1.20. */
const VERSION = ['--kube-version', '1.37.0']
const dir = mkdtempSync(join(tmpdir(), 'chart-'))
afterAll(() => rmSync(dir, { recursive: true }))

function run(program: string, args: readonly string[], input = ''): { status: number | null; said: string } {
  const env = { PATH: process.env['PATH'], HOME: dir }
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: ROOT,
    env,
    input,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  return { status, said: status === 0 ? stdout : `${stdout}${stderr}` }
}

function render(...args: string[]): string {
  const { status, said } = run(HELM, ['template', 'chat', CHART, '-n', 'chat', ...VERSION, ...args])
  if (status !== 0) throw new Error(said)
  return said
}

const labels = z.record(z.string(), z.string())
const container = z.looseObject({
  command: z.array(z.string()).optional(),
  env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })).default([]),
  securityContext: z.unknown(),
  volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() }).loose()).default([]),
  ports: z.array(z.looseObject({ name: z.string().optional() })).default([]),
})
const pod = z.looseObject({
  securityContext: z.unknown(),
  automountServiceAccountToken: z.boolean(),
  containers: z.tuple([container]),
  volumes: z.array(z.looseObject({ name: z.string() })).default([]),
})
const resource = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
  spec: z
    .looseObject({ template: z.looseObject({ metadata: z.looseObject({ labels }), spec: pod }).optional() })
    .optional(),
})
type Resource = z.output<typeof resource>

function resourcesOf(text: string): Resource[] {
  return parseAllDocuments(text).flatMap((document) => {
    const value: unknown = document.toJS()
    return value === null ? [] : [resource.parse(value)]
  })
}
const podsOf = (all: readonly Resource[]) =>
  all.flatMap(({ metadata, spec }) => (spec?.template ? [{ name: metadata.name, ...spec.template }] : []))

const rendered = new Map<string, string>()
function textOf(name: string): string {
  const text = rendered.get(name) ?? render('-f', VALUES.get(name)!)
  rendered.set(name, text)
  return text
}
const NAMES = [...VALUES.keys()]

const KINDS =
  /^(?:_definitions|(?:configmap|deployment|networkpolicy|poddisruptionbudget|secret|service|statefulset)-.*)\.json$/

/** Copies the schemas, whose references are to kubernetes.io, with references to each other. */
function copySchemas(): string {
  const from = join(KUBERNETES_SCHEMAS, 'kubernetes_validate/kubernetes-json-schema/v1.37.0-local-strict')
  const to = join(dir, 'schemas')
  mkdirSync(to)
  for (const file of readdirSync(from).filter((name) => KINDS.test(name))) {
    const text = readFileSync(join(from, file), 'utf8')
    const local = text.replaceAll('"/api/_definitions.json#', '"_definitions.json#').replace(/"\$id": "[^"]*",?/, '')
    writeFileSync(join(to, file), JSON.stringify(JSON.parse(local.replace(/,(\s*\})$/, '$1'))))
  }
  return join(to, '{{ .ResourceKind }}{{ .KindSuffix }}.json')
}
let schemas: string
beforeAll(() => {
  schemas = copySchemas()
})

/** Checks all but the resources of the Prometheus Operator and of KEDA, whose schemas are in no package. */
function conforms(text: string) {
  const skipped = ['-skip', 'ServiceMonitor,PodMonitor,ScaledObject']
  return run(KUBECONFORM, ['-strict', '-summary', ...skipped, '-schema-location', schemas, '-'], text)
}

test.each(NAMES)('values %s pass helm lint, and what they render passes kubeconform', (name) => {
  expect(run(HELM, ['lint', '--strict', ...VERSION, CHART, '-f', VALUES.get(name)!])).toMatchObject({ status: 0 })
  expect(conforms(textOf(name))).toEqual({ status: 0, said: expect.stringMatching(/Invalid: 0, Errors: 0/) })
})

test('kubeconform finds a field that does not exist, and one of the wrong type', () => {
  const text = textOf('default')
  for (const [from, to] of [
    ['serviceName:', 'servicName:'],
    ['replicas: 1', "replicas: 'one'"],
  ] as const) {
    expect(conforms(text.replace(from, to)).status).toBe(1)
  }
})

test.each([
  [['--set', 'broker.replicas=2', '--set', 'mongodb.enabled=true'], 'broker.replicas: a platform has one broker'],
  [[], 'handlers on several nodes cannot share a SQLite file'],
  [['--set', 'mongodb.enabled=true', '--set', 'keycloak.enabled=true'], 'keycloak.url and keycloak.page: set them'],
  [['--set', 'mongodb.enabled=true', '--set', 'broker.replica=1'], 'replica'],
  [['--set', 'mongodb.enabled=true', '--set', 'broker.env.max_queued=1'], 'max_queued'],
])('%j is refused: %s', (args, why) => {
  expect(run(HELM, ['template', 'chat', CHART, ...VERSION, ...args])).toEqual({
    status: 1,
    said: expect.stringContaining(why),
  })
})

test.each(NAMES)('values %s: no pod runs as root, writes its image, or may do more than it needs', (name) => {
  const pods = podsOf(resourcesOf(textOf(name)))
  expect(pods.length).toBeGreaterThan(7)
  for (const { name: what, spec } of pods) {
    expect(spec).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    })
    expect(spec.containers[0]).toMatchObject({
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: !what.endsWith('-keycloak'),
        capabilities: { drop: ['ALL'] },
      },
      resources: { limits: { memory: expect.any(String) } },
    })
  }
})

test.each(NAMES)('values %s: whatever one resource names of another is there', (name) => {
  const all = resourcesOf(textOf(name))
  const pods = podsOf(all)
  const names = (kind: string): string[] => all.filter((one) => one.kind === kind).map((one) => one.metadata.name)
  expect(new Set(all.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).size).toBe(all.length)
  const given = ['switchboard-secrets', 'mqtt-example-com'] // by the operator
  for (const { spec } of pods) {
    const text = JSON.stringify(spec)
    const secrets = Array.from(text.matchAll(/"(?:secretKeyRef":\{"name|secretName)":"([^"]+)"/g), ([, one]) => one!)
    for (const secret of secrets) expect([...names('Secret'), ...given]).toContain(secret)
    const maps = Array.from(text.matchAll(/"configMap":\{"name":"([^"]+)"/g), ([, one]) => one!)
    for (const map of maps) expect(names('ConfigMap')).toContain(map)
    const [{ volumeMounts, env, ports }] = spec.containers
    const unique = env.map((one) => one.name)
    expect(unique.toSorted()).toEqual([...new Set(unique)].toSorted())
    for (const named of [
      volumeMounts.map((one) => one.mountPath),
      ports.map((one) => one.name ?? JSON.stringify(one)),
    ]) {
      expect(new Set(named).size).toBe(named.length)
    }
  }
  for (const { kind, metadata, spec = {} } of all) {
    const found = kind === 'NetworkPolicy' ? spec['podSelector'] : spec['selector']
    if (found === undefined || kind === 'ServiceMonitor') continue // it selects a Service
    const selector = labels.parse((found as { matchLabels?: object }).matchLabels ?? found)
    const selected = pods.filter(({ metadata: { labels: own } }) =>
      Object.entries(selector).every(([key, value]) => own[key] === value),
    )
    expect([kind, metadata.name, selected.length > 0]).toEqual([kind, metadata.name, true])
  }
  for (const one of all.filter(({ kind }) => kind === 'ScaledObject')) {
    expect(names('Deployment')).toContain((one.spec!['scaleTargetRef'] as { name: string }).name)
  }
})

/** The settings of a pod as its process will read them. */
function settingsOf(spec: z.output<typeof pod>, secrets: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    spec.containers[0].env.flatMap(({ name, value, valueFrom }) => {
      const key = (valueFrom as { secretKeyRef?: { key: string } } | undefined)?.secretKeyRef?.key
      const text = value ?? (key === undefined ? undefined : secrets[key])
      return text === undefined ? [] : [[name, text]]
    }),
  )
}

test.each(NAMES)('values %s: broker and handlers accept the settings they get, and the heap fits them', (name) => {
  const all = resourcesOf(textOf(name))
  const made = all.find(({ kind, metadata }) => kind === 'Secret' && metadata.name === 'chat-switchboard')
  const secrets = labels.parse(made?.['stringData'] ?? {})
  const ours = podsOf(all).filter(({ spec }) => JSON.stringify(spec).includes('max-old-space-size'))
  expect(ours.length).toBeGreaterThan(7)
  const broker = ours.find((one) => one.name.endsWith('-broker'))!
  const own = settingsOf(broker.spec, secrets)
  const config = readConfig(own)
  expect(own['NODE_OPTIONS']).toBe(`--max-old-space-size=${heapFor(config)}`)
  expect(config).toMatchObject({ production: true, ADMIN_HOST: '0.0.0.0', TLS_CERT: '/run/secrets/tls_cert' })
  for (const { name: what, spec } of ours.filter((one) => one !== broker)) {
    const env = settingsOf(spec, secrets)
    expect(readConfig(env).BROKER_URL).toBe('mqtts://chat-switchboard-broker:8883')
    expect(env).not.toHaveProperty('SECRET')
    if (made && secrets['HANDLER_KEYS'] !== undefined) {
      const group = what.replace('chat-switchboard-', '')
      expect([...readConfig(env).HANDLER_KEYS]).toEqual([[group, config.HANDLER_KEYS.get(group)]])
    }
  }
})

test('values are written as the settings want them', () => {
  const broker = podsOf(resourcesOf(textOf('production'))).find((one) => one.name.endsWith('-broker'))!
  expect(settingsOf(broker.spec, {})).toMatchObject({
    MAX_QUEUED_BYTES: '4294967296',
    PROXY_PROTOCOL_FROM: '10.0.0.0/8,192.168.0.0/16',
    HANDLER_GRANTS: '{"tracking":{"sub":["fleet/+/pos"]}}',
  })
})

test('each group has a Deployment; null leaves one out; autoscaling alone decides how many run', () => {
  const groups = Object.keys(chartDefaults.handlers.groups)
  const deployed = (name: string) => resourcesOf(textOf(name)).filter(({ kind }) => kind === 'Deployment')
  expect(deployed('default').map(({ metadata }) => metadata.name)).toEqual(
    groups.toSorted().map((group) => `chat-switchboard-${group}`),
  )
  const production = deployed('production')
  expect(production).toHaveLength(groups.length - 1)
  for (const { spec } of production) expect(spec).not.toHaveProperty('replicas')
})

test('the secrets of two renderings differ, and within one the pods are marked with what they got', () => {
  const [first, second] = [render('-f', VALUES.get('default')!), render('-f', VALUES.get('default')!)]
  const marks = (text: string): Set<string> => new Set(text.match(/checksum\/secrets: \w+/g))
  expect([marks(first).size, marks(second).size]).toEqual([1, 1])
  expect(marks(first)).not.toEqual(marks(second))
})

test('the realm comes without the users of development, and sends people back to the page', () => {
  const map = resourcesOf(textOf('everything')).find(
    ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name.endsWith('keycloak'),
  )!
  const realm = JSON.parse(labels.parse(map['data'])['switchboard-realm.json']!) as {
    users?: object
    clients: object[]
  }
  expect(realm).not.toHaveProperty('users')
  expect(JSON.stringify(realm.clients)).toContain('"redirectUris":["https://chat.example.com/*"]')
})

test('the commands of the docs render', () => {
  const blocks = blocksOf('docs/operate/kubernetes.md')
  for (const { words, text } of blocks.filter((block) => block.words.has('file'))) {
    writeFileSync(join(dir, words.get('file')!), text)
    expect(parse(text)).toEqual(expect.any(Object))
  }
  const commands = blocks.filter(({ language, text }) => language === 'sh' && text.includes('helm upgrade'))
  expect(commands.length).toBeGreaterThan(1)
  for (const { text } of commands) {
    const [command] = text.replaceAll('\\\n', ' ').match(/^helm upgrade .*$/m)!
    const words = command
      .replace('helm upgrade --install', 'template')
      .replace(' -f ', ` -f ${dir}/`)
      .trim()
      .split(/\s+/)
    expect(run(HELM, [...words, ...VERSION])).toMatchObject({ status: 0 })
  }
})
