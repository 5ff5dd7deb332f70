import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { format } from 'prettier'
import { parse } from 'yaml'
import { z } from 'zod'

// Writes what is generated in the Helm chart: a Deployment's entry for each handler group in values.yaml, and the table of values in its
// README, from values.schema.json and values.yaml.

const CHART = fileURLToPath(new URL('../deploy/helm/', import.meta.url))
const PAGE = `${CHART}README.md`
const START = '<!-- from values.schema.json and values.yaml by npm run docs -->'
const END = '<!-- end -->'
/** The groups in values.yaml: what is indented below `handlers: … groups:`. */
const GROUPS = /^ {2}groups:\n(?: {4}.*\n)*/m

/** Adds each handler group that is missing to the text of values.yaml. */
export function withGroups(values: string, groups: readonly string[]): string {
  const [block] = GROUPS.exec(values) ?? []
  if (block === undefined) throw new Error('deploy/helm/values.yaml: cannot find handlers.groups')
  const missing = groups.filter((group) => !new RegExp(`^ {4}${group}:`, 'm').test(block))
  return values.replace(block, () => `${block}${missing.map((group) => `    ${group}: {}\n`).join('')}`)
}

/**
 * Gives each of these groups an entry in the chart, where there is one.
 * @returns whether the file has changed
 */
export async function writeChartGroups(groups: readonly string[]): Promise<boolean> {
  const file = `${CHART}values.yaml`
  if (!existsSync(file)) return false
  const before = await readFile(file, 'utf8')
  const after = withGroups(before, groups)
  if (after !== before) await writeFile(file, after)
  return after !== before
}

interface Described {
  description?: string | undefined
  properties?: Record<string, Described> | undefined
}
const described: z.ZodType<Described> = z.looseObject({
  description: z.string().optional(),
  get properties() {
    return z.record(z.string(), described).optional()
  },
})

export interface ChartValue {
  /** Such as `broker.heapMb`. */
  path: string
  meaning: string
  standard: unknown
}

/** Every value of the chart that its schema describes, in the schema's order. */
export async function chartValues(): Promise<ChartValue[]> {
  const schema = described.parse(JSON.parse(await readFile(`${CHART}values.schema.json`, 'utf8')))
  return below('', schema, parse(await readFile(`${CHART}values.yaml`, 'utf8')))
}

function below(path: string, { description, properties = {} }: Described, value: unknown): ChartValue[] {
  if (description !== undefined) return [{ path, meaning: description, standard: value }]
  return Object.entries(properties).flatMap(([name, field]) =>
    below(path === '' ? name : `${path}.${name}`, field, (value as Record<string, unknown> | undefined)?.[name]),
  )
}

/** The page as it should be. */
export async function renderChartPage(): Promise<string> {
  const before = await readFile(PAGE, 'utf8')
  const [start, end] = [before.indexOf(START), before.indexOf(END)]
  if (start < 0 || end < start) throw new Error(`deploy/helm/README.md: cannot find ${START} and ${END} after it`)
  const rows = (await chartValues()).map(
    ({ path, meaning, standard }) => `| \`${path}\` | ${shown(standard)} | ${meaning} |`,
  )
  const table = ['| Value | Default | Meaning |', '| --- | --- | --- |', ...rows].join('\n')
  return format(`${before.slice(0, start + START.length)}\n\n${table}\n\n${before.slice(end)}`, { parser: 'markdown' })
}

function shown(value: unknown): string {
  if (value === '' || (typeof value === 'object' && Object.keys(value ?? {}).length === 0)) return 'none'
  const text = Array.isArray(value) ? value.join(', ') : JSON.stringify(value)
  return text.length > 90 ? 'see values.yaml' : `\`${text.replaceAll('"', '').replaceAll(/[:,](?=\S)/g, '$& ')}\``
}

export async function writeChartPage(): Promise<void> {
  if (existsSync(PAGE)) await writeFile(PAGE, await renderChartPage())
}
