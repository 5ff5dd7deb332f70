import { accessSync, constants, statfsSync } from 'node:fs'
import { availableParallelism } from 'node:os'

const IN_MEMORY = '/dev/shm'
/** Room for what the tests write, which is some 200 MB at a time. A container may give less. */
const ROOM = 2 ** 30

/** The tests write with fsync thousands of times, which takes no time in memory. The slow ones write to a disk. */
function writesInMemory() {
  if (process.env.TMPDIR || process.env.SLOW) return false
  try {
    accessSync(IN_MEMORY, constants.W_OK)
    const { bavail, bsize } = statfsSync(IN_MEMORY)
    return bavail * bsize >= ROOM
  } catch {
    return false
  }
}

/** @returns {Promise<import('jest').Config>} */
export default async function config() {
  const { cannotRun, runByOthers } = await import('./test/real-parts.ts')
  if (writesInMemory()) process.env.TMPDIR = IN_MEMORY // all workers inherit it
  return {
    globalSetup: '<rootDir>/scripts/build/before-tests.mjs',
    testEnvironment: '<rootDir>/scripts/jest/environment.cjs',
    runtime: '<rootDir>/scripts/jest/runtime.cjs',
    transform: {}, // Node's loader strips the types: scripts/jest/hooks.mjs
    testPathIgnorePatterns: ['/node_modules/', '/data/', '<rootDir>/dist/', ...runByOthers(), ...cannotRun().keys()],
    modulePathIgnorePatterns: ['/data/', '<rootDir>/dist/'],
    testTimeout: 180_000, // what is broken and waits in vain is told sooner, by deadlines of the tests' own
    maxWorkers: availableParallelism() + 1, // the tests wait more than they work
    reporters: ['<rootDir>/scripts/jest/reporter.mjs', 'default'],
  }
}
