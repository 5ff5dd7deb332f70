import { expect, test } from '@jest/globals'
import { fuzzCodec } from '../../../tools/fuzz/codec.ts'
import { runFuzz } from '../../../tools/fuzz/run-fuzz.ts'

// The short runs of `npm run fuzz`.

test('two hundred thousand packets, many of them malformed, do no harm', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  const say = (line: string): void => void process.stderr.write(`seed ${seed}, ${line}\n`)
  const report = await runFuzz({ seed, packets: 200_000, connections: 16 }, say)
  expect({ seed, crash: report.crash }).toEqual({ seed, crash: undefined })
  expect(report.mutated).toBeGreaterThan(5_000)
  expect(report.parsed['publish']).toBeGreaterThan(10_000)
  expect(report.parsed['connect']).toBeGreaterThan(500)
  expect(report.waits.length).toBeGreaterThan(50)
  expect(report.waits.at(-1)).toBeLessThan(10_000)
}, 600_000)

test('our codec reads two hundred thousand packets as mqtt-packet does, or refuses them', () => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  const { taken, differences } = fuzzCodec(seed, 200_000)
  expect({ seed, differences }).toEqual({ seed, differences: [] })
  expect(taken).toBeGreaterThan(100_000)
}, 600_000)
