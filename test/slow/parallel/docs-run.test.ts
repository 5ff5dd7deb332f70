import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { blocksOf, PAGES, placeOf, reasonOf, type Block } from '../../docs-blocks.ts'
import { DocsPlatform, type Output } from '../../docs-platform.ts'

// Runs every code block of the docs, page by page, on one platform. docs-blocks.ts explains how blocks are marked; what can be checked
// without running anything is in docs-code.test.ts.

/** Programs that a machine may lack, by the command that needs them. */
const NEEDS: readonly [in_: RegExp, there: () => boolean][] = [
  [/\bmosquitto_(?:pub|sub)\b/, () => isThere('mosquitto_pub')],
  [/\bcurl\b/, () => isThere('curl')],
  [/\bsqlite3\b/, () => isThere('sqlite3')],
  [/\bpython3\b/, () => spawnSync('/usr/bin/python3', ['-c', 'import paho.mqtt.client']).status === 0],
]
const isThere = (program: string): boolean => spawnSync('bash', ['-c', `command -v ${program}`]).status === 0

const all = PAGES.flatMap(blocksOf)
const isLacking = ({ language, text }: Block): boolean =>
  NEEDS.some(([what, isMet]) => (language === 'sh' || language === 'python') && what.test(text) && !isMet())

let platform: DocsPlatform
let last: Output | undefined
const programs: string[] = []
beforeAll(async () => {
  platform = await DocsPlatform.open()
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

for (const block of all.filter((one) => reasonOf(one) === undefined)) {
  const { language, words } = block
  const how = language === 'sh' ? runs : words.has('output') ? prints : words.has('file') ? isWritten : undefined
  if (how) (isLacking(block) ? test.skip : test)(placeOf(block), () => Promise.resolve(how(block)))
}

test('the TypeScript files of the docs type-check, their tests too', () => {
  const compilerOptions = { lib: ['es2024', 'dom', 'dom.iterable'] } // for the client
  const config = { extends: './tsconfig.json', compilerOptions, include: ['broker/**/*.d.ts'], files: programs }
  platform.write('tsconfig.docs.json', JSON.stringify(config))
  const tsc = join('node_modules', '.bin', 'tsc')
  const { stdout, status } = spawnSync(tsc, ['--noEmit', '-p', 'tsconfig.docs.json'], {
    cwd: platform.tree,
    encoding: 'utf8',
  })
  expect([stdout, status]).toEqual(['', 0])
})
