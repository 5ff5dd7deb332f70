/** @returns {Promise<import('jest').Config>} */
export default async function config() {
  const { cannotRun } = await import('./test/real-parts.ts')
  const slow = process.env.SLOW ? [] : ['/test/slow/']
  return {
    globalSetup: '<rootDir>/scripts/build/before-tests.mjs',
    testEnvironment: '<rootDir>/scripts/jest/environment.cjs',
    runtime: '<rootDir>/scripts/jest/runtime.cjs',
    transform: {}, // Node's loader strips the types: scripts/jest/hooks.mjs
    testPathIgnorePatterns: ['/node_modules/', '/data/', '<rootDir>/dist/', ...slow, ...cannotRun().keys()],
    modulePathIgnorePatterns: ['/data/', '<rootDir>/dist/'],
    testTimeout: 180_000, // what is broken and waits in vain is told sooner, by deadlines of the tests' own
    maxWorkers: '100%', // the tests wait more than they work; one process for all would fill with what they leave
    reporters: ['<rootDir>/scripts/jest/reporter.mjs', 'default'],
  }
}
