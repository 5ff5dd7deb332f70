import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { About } from '../shared/setting-kinds.ts'
import { SECRETS, SECTIONS } from '../shared/settings.ts'

// Generates .env.example and the table in docs/operate/settings.md from shared/settings.ts.

const EXAMPLE = fileURLToPath(new URL('../.env.example', import.meta.url))
const PAGE = fileURLToPath(new URL('../docs/operate/settings.md', import.meta.url))
const START = '<!-- from shared/settings.ts by npm run docs -->'
const END = '<!-- end -->'
const WIDTH = 110

interface Setting {
  name: string
  meaning: string
  unit: About['unit']
  /** As written in the environment; empty without a default. */
  standard: string
  unset: string | undefined
  bounds: [number, number] | undefined
}

/** Both files as they should be. */
export async function renderSettings(): Promise<{ example: string; page: string }> {
  const sections = Object.entries(SECTIONS).map(([title, shape]): [string, Setting[]] => [
    title,
    Object.entries(shape).map(([name, schema]) => settingOf(name, schema)),
  ])
  return { example: exampleOf(sections), page: pageWith(await readFile(PAGE, 'utf8'), sections) }
}

export async function writeSettings(): Promise<void> {
  const { example, page } = await renderSettings()
  await writeFile(EXAMPLE, example)
  await writeFile(PAGE, page)
}

function settingOf(name: string, schema: z.ZodType): Setting {
  const { description = '', unit, unset } = (schema.meta() ?? {}) as About
  const { minimum, maximum } = z.toJSONSchema(schema, { unrepresentable: 'any' })
  const given = schema.safeParse(undefined)
  const value: unknown = given.success ? given.data : undefined
  const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
  const bounds = minimum === undefined || maximum === undefined ? undefined : ([minimum, maximum] as [number, number])
  const isSecret = (SECRETS as readonly string[]).includes(name)
  const meaning = isSecret ? `${description} Or \`${name}_FILE\`: a file that holds it.` : description
  return { name, meaning, unit, standard: isPlain ? String(value) : '', unset, bounds }
}

function exampleOf(sections: [string, Setting[]][]): string {
  const head = `# Every setting with its default; uncomment what you change. A copy of this file as .env changes nothing.
# The environment takes precedence over .env. An empty value counts as unset.
# npm run docs writes this file from shared/settings.ts; docs/operate/settings.md is the same as a page.
`
  const lines = sections.flatMap(([title, settings]) => [
    `\n# --- ${title}\n`,
    ...settings.map((setting) => `${commentOf(setting)}\n#${setting.name}=${setting.standard}`),
  ])
  return `${head}${lines.join('\n')}\n`
}

function commentOf({ meaning, unit, unset, bounds }: Setting): string {
  const range = bounds && `Bounds: ${bounds[0]} to ${bounds[1]}${unit === undefined ? '' : ` ${unit}`}`
  const facts = [...(unset === undefined ? [] : [`Unset: ${unset}.`]), ...(range === undefined ? [] : [`${range}.`])]
  return wrapped([meaning, ...facts].join(' ').replaceAll('`', ''))
}

function wrapped(text: string): string {
  const lines = ['#']
  for (const word of text.split(' ')) {
    if (lines.at(-1)!.length + word.length >= WIDTH) lines.push('#')
    lines[lines.length - 1] += ` ${word}`
  }
  return lines.join('\n')
}

function pageWith(page: string, sections: [string, Setting[]][]): string {
  const [before, after] = [page.indexOf(START), page.indexOf(END)]
  if (before < 0 || after < before) throw new Error(`docs/operate/settings.md needs ${START} and ${END}`)
  const tables = sections.map(
    ([title, settings]) =>
      `## ${title}\n\n${tableOf([['Setting', 'Default', 'Bounds', 'Meaning'], ...settings.map(rowOf)])}\n`,
  )
  return `${page.slice(0, before)}${START}\n\n${tables.join('\n')}\n${page.slice(after)}`
}

function rowOf({ name, meaning, unit, standard, unset, bounds }: Setting): string[] {
  const value = standard === '' ? (unset ?? 'none') : `\`${standard}\`${readable(Number(standard), unit)}`
  return [`\`${name}\``, unset ?? value, bounds ? `${bounds[0]}–${bounds[1]}` : '', linked(meaning)]
}

/** Turns pages that a description names into links. */
const linked = (meaning: string): string =>
  meaning.replaceAll(/docs\/operate\/([a-z-]+\.md)/g, '[$1]($1)').replaceAll('|', '\\|')

/** A number of bytes or milliseconds in human terms. */
function readable(value: number, unit: About['unit']): string {
  if (unit === undefined) return ''
  const base = unit === 'bytes' ? 1024 : 60
  const names = unit === 'bytes' ? ['KiB', 'MiB', 'GiB'] : ['min', 'h']
  let [size, name] = unit === 'ms' ? [value / 1000, 's'] : [value, unit as string]
  if (unit === 'ms' && size < 1) return ' ms'
  for (const next of names) {
    if (size < base || size % base !== 0) break
    ;[size, name] = [size / base, next]
  }
  const same = size === value
  return same ? ` ${name}` : ` ${unit} (${size} ${name})`
}

/** A table as prettier would write it. */
function tableOf(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)))
  const line = (row: string[]): string => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`
  const [head, ...rest] = rows
  return [line(head!), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rest.map(line)].join('\n')
}
