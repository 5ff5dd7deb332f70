import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { readConfig } from '../shared/config.ts'
import { heapFor, warnOfHeap } from './heap.ts'

test('warns, with what to do, of a heap limit below what the settings allow, and of no other', () => {
  const said: string[] = []
  const log = { warn: (_: unknown, text?: string) => void said.push(text ?? '') }
  warnOfHeap(readConfig({ MAX_QUEUED: '1000', MAX_KEPT_BYTES: '1000000', MAX_SESSION_BYTES: '1000000' }), log)
  expect(said).toEqual([])
  const config = readConfig({ MAX_QUEUED: '100000000' })
  warnOfHeap(config, log)
  expect(said).toEqual([expect.stringContaining(`NODE_OPTIONS=--max-old-space-size=${heapFor(config)}`)])
})

test('the docs name the heap size that the default settings need', () => {
  const page = readFileSync(new URL('../docs/operate/settings.md', import.meta.url), 'utf8')
  expect(page).toContain(`--max-old-space-size=${heapFor(readConfig({}))}`)
})
