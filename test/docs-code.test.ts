import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { beforeAll, expect, test } from '@jest/globals'
import { z } from 'zod'
import { readContract, type Contract } from '../scripts/async-api.ts'
import { readConfig } from '../shared/config.ts'
import { blocksOf, NOT_RUN, PAGES, placeOf, reasonOf, type Block } from './docs-blocks.ts'
import { ROOT } from './process.ts'

// The code blocks of the docs, as far as they can be checked without running them. slow/parallel/docs-run.test.ts runs them.

const all = PAGES.flatMap(blocksOf)
let contract: Contract
beforeAll(async () => {
  contract = await readContract()
})

test('every code block says what it is, or is listed with the reason why it is not run', () => {
  const marks = ['output', 'file', 'command', 'event', 'setting', 'drawing']
  const unmarked = all.filter(
    (block) => block.language !== 'sh' && reasonOf(block) === undefined && !marks.some((mark) => block.words.has(mark)),
  )
  expect(unmarked.map(placeOf)).toEqual([])
  expect(all.filter((block) => reasonOf(block) !== undefined)).toHaveLength(NOT_RUN.length)
})

test('every shell block is valid shell', () => {
  const shell = all.filter(({ language }) => language === 'sh').map(({ text }) => `(\n${text}\n)`)
  execFileSync('bash', ['-n', '-c', shell.join('\n')])
})

/** Fields that every message may have. */
const ENVELOPE = new Set(['event', 'event_seq', 're', 'at', 'id', 'expires_at'])

function check({ words, text }: Block): void {
  const [[kind = '', name = ''] = []] = words
  if (kind === 'setting') return void readConfig({ [name]: text })
  const schema = kind === 'command' ? contract.commands[name]?.input : contract.events[name]
  if (!schema) throw new Error(`there is no ${kind} ${name}`)
  const fields = Object.entries(JSON.parse(text) as object).filter(([field]) => !ENVELOPE.has(field))
  z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]).parse(Object.fromEntries(fields))
}

test.each(
  all
    .filter(({ language, words }) => language === 'json' && words.size === 1)
    .map((block) => [placeOf(block), block] as const),
)('%s is valid', (_, block) => check(block))

test('every file in the docs is used, and the programs in TypeScript type-check', () => {
  const shell = all.filter(({ language }) => language === 'sh').map(({ text }) => text)
  for (const { words } of all.filter((block) => block.words.has('file'))) {
    const file = words.get('file')!
    expect(`${file}: ${file.startsWith('handlers/') || shell.some((text) => text.includes(file))}`).toBe(
      `${file}: true`,
    )
  }
  const tree = mkdtempSync(join(tmpdir(), 'docs-'))
  try {
    for (const name of readdirSync(ROOT)) if (name !== 'handlers') symlinkSync(join(ROOT, name), join(tree, name))
    const programs = all.filter(
      ({ language, words }) => language === 'ts' && words.has('file') && !words.get('file')!.endsWith('.test.ts'),
    )
    for (const { words, text } of programs) {
      const file = join(tree, words.get('file')!)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text)
    }
    const files = programs.map(({ words }) => words.get('file')!)
    const compilerOptions = { lib: ['es2024', 'dom', 'dom.iterable'] } // for the client
    const config = { extends: './tsconfig.json', compilerOptions, include: ['broker/**/*.d.ts'], files }
    writeFileSync(join(tree, 'tsconfig.docs.json'), JSON.stringify(config))
    const tsc = join('node_modules', '.bin', 'tsc')
    const { stdout, status } = spawnSync(tsc, ['--noEmit', '-p', 'tsconfig.docs.json'], { cwd: tree, encoding: 'utf8' })
    expect([stdout, status]).toEqual(['', 0])
  } finally {
    rmSync(tree, { recursive: true })
  }
})
