import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { z } from 'zod'
import { readContract, type Contract } from '../scripts/async-api.ts'
import { readConfig } from '../shared/config.ts'
import { blocksOf, PAGES, placeOf, type Block } from './docs-blocks.ts'
import { DocsPlatform, type Output } from './docs-platform.ts'

// Runs every code block of the docs, page by page, on one platform. docs-blocks.ts explains how blocks are marked.

/** Blocks that are not run here, by their beginning, and why. Shell is at least parsed. */
const NOT_RUN: readonly [page: string, start: string, why: string][] = [
  ['README.md', 'npm test', 'it is what runs this'],
  ['CONTRIBUTING.md', 'npm run jest -- shared', 'npm test runs this file'],
  ['docs/handlers/first.md', 'npm run jest', 'docs/handlers/testing.md runs the same tests and more'],
  ['CONTRIBUTING.md', 'npm run dev -- --inspect', 'new-handler.test.ts starts the platform so'],
  ['CONTRIBUTING.md', 'node --inspect-brk', 'it waits for a debugger'],
  ['docs/operate/run.md', 'cp .env.example .env', 'it needs Docker; settings.test.ts checks docker-compose.yml'],
  ['docs/operate/run.md', 'docker compose exec', 'it needs Docker'],
  ['docs/operate/backup.md', 'docker compose run', 'it needs Docker'],
  ['docs/operate/run.md', '[Unit]', 'it needs systemd'],
  ['docs/operate/run.md', 'turnadmin', 'it needs a database of coturn; turn.test.ts runs turnadmin'],
  [
    'docs/operate/scaling.md',
    'npm run data -- export dump',
    'it needs MongoDB; data.test.ts moves data to it and back',
  ],
]

/** Programs that a machine may lack, by the command that needs them. */
const NEEDS: readonly [in_: RegExp, there: () => boolean][] = [
  [/\bmosquitto_(?:pub|sub)\b/, () => isThere('mosquitto_pub')],
  [/\bcurl\b/, () => isThere('curl')],
  [/\bsqlite3\b/, () => isThere('sqlite3')],
  [/\bpython3\b/, () => spawnSync('/usr/bin/python3', ['-c', 'import paho.mqtt.client']).status === 0],
]
const isThere = (program: string): boolean => spawnSync('bash', ['-c', `command -v ${program}`]).status === 0

const all = PAGES.flatMap(blocksOf)
const reasonOf = ({ page, text }: Block): string | undefined =>
  NOT_RUN.find(([where, start]) => where === page && text.startsWith(start))?.[2]
const isLacking = ({ language, text }: Block): boolean =>
  NEEDS.some(([what, isMet]) => (language === 'sh' || language === 'python') && what.test(text) && !isMet())

let platform: DocsPlatform
let last: Output | undefined
const programs: string[] = []
let contract: Contract
beforeAll(async () => {
  ;[platform, contract] = await Promise.all([DocsPlatform.open(), readContract()])
})
afterAll(() => platform.close())

async function runs(block: Block): Promise<void> {
  const { page, words, text } = block
  const name = words.get('background')
  if (name !== undefined) last = await platform.background(page, name, text)
  else {
    last = await platform.run(page, text)
    const failed = last.ended !== 0
    if (failed !== words.has('fails')) throw new Error(`it ended with ${last.ended}:\n${last.text}`)
  }
}

async function prints({ words, text }: Block): Promise<void> {
  const name = words.get('output')!
  const output = name === '' ? last : platform.outputs.get(name)
  if (!output) throw new Error('it follows no command')
  await platform.prints(output, text)
}

function isWritten({ language, words, text }: Block): void {
  const file = words.get('file')!
  platform.write(file, text)
  if (language === 'ts') programs.push(file)
}

/** Fields that every message may have. */
const ENVELOPE = new Set(['event', 'event_seq', 're', 'at', 'id', 'expires_at'])

function isValid({ words, text }: Block): void {
  const [[kind = '', name = ''] = []] = words
  if (kind === 'setting') return void readConfig({ [name]: text })
  const schema = kind === 'command' ? contract.commands[name]?.input : contract.events[name]
  if (!schema) throw new Error(`there is no ${kind} ${name}`)
  const fields = Object.entries(JSON.parse(text) as object).filter(([field]) => !ENVELOPE.has(field))
  z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]).parse(Object.fromEntries(fields))
}

for (const block of all.filter((one) => reasonOf(one) === undefined)) {
  const { language, words } = block
  const how =
    language === 'sh'
      ? runs
      : words.has('output')
        ? prints
        : words.has('file')
          ? isWritten
          : language === 'json' && words.size === 1
            ? isValid
            : undefined
  if (how) (isLacking(block) ? test.skip : test)(placeOf(block), () => Promise.resolve(how(block)))
  else if (!words.has('drawing'))
    test(placeOf(block), () => Promise.reject(new Error('the block is neither run nor listed in NOT_RUN')))
}

test('blocks that are not run still exist, and are valid shell', () => {
  const blocks = all.filter((block) => reasonOf(block) !== undefined)
  expect(blocks).toHaveLength(NOT_RUN.length)
  for (const { text } of blocks.filter(({ language }) => language === 'sh')) execFileSync('bash', ['-n', '-c', text])
})

test('every file in the docs is used, and the TypeScript ones type-check', () => {
  const shell = all.filter(({ language }) => language === 'sh').map(({ text }) => text)
  for (const { words } of all.filter((block) => block.words.has('file'))) {
    const file = words.get('file')!
    expect(`${file}: ${file.startsWith('handlers/') || shell.some((text) => text.includes(file))}`).toBe(
      `${file}: true`,
    )
  }
  const config = { extends: './tsconfig.json', include: ['broker/**/*.d.ts'], files: programs }
  platform.write('tsconfig.docs.json', JSON.stringify(config))
  const tsc = join('node_modules', '.bin', 'tsc')
  const { stdout, status } = spawnSync(tsc, ['--noEmit', '-p', 'tsconfig.docs.json'], {
    cwd: platform.tree,
    encoding: 'utf8',
  })
  expect([stdout, status]).toEqual(['', 0])
})
