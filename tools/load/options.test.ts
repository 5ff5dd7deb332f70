import { expect, test } from '@jest/globals'
import { readOptions, SCENARIOS, USAGE } from './options.ts'

test('without arguments it is echo, in three shapes', () => {
  expect(readOptions([])).toMatchObject({
    scenarios: ['echo'],
    shapes: [
      { devices: 50, open: 4 },
      { devices: 20, open: 1 },
      { devices: 1, open: 1 },
    ],
    counts: { rounds: 5, 'warm-up': 30_000 },
  })
})

test('devices and what each has open make one shape', () => {
  const options = readOptions(['echo', '--devices', '7', '--in-flight', '2'])
  expect(options!.shapes).toEqual([{ devices: 7, open: 2 }])
})

test('all is every scenario that ends soon', () => {
  expect(readOptions(['all'])!.scenarios).toEqual(
    SCENARIOS.filter((name) => !['soak', 'crowded', 'queued'].includes(name)),
  )
})

test('the usage is shown when it is asked for, names every scenario, and comes with what is wrong', () => {
  expect(readOptions(['--help'])).toBeUndefined()
  for (const name of SCENARIOS) expect(USAGE).toContain(`\n  ${name} `)
  for (const wrong of [['ecko'], ['--rounds', '0'], ['--shapes', '5'], ['--only', 'emqx']]) {
    expect(() => readOptions(wrong)).toThrow(/is not understood\nusage: /)
  }
})
