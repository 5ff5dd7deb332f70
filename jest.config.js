export default {
  globalSetup: '<rootDir>/scripts/build/before-tests.mjs',
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/scripts/jest-transform.cjs' },
  testPathIgnorePatterns: ['/node_modules/', '/data/', '<rootDir>/dist/', ...(process.env.SLOW ? [] : ['/test/slow/'])],
  modulePathIgnorePatterns: ['/data/', '<rootDir>/dist/'],
  testTimeout: 180_000, // what is broken and waits in vain is told sooner, by deadlines of the tests' own
  maxWorkers: '100%', // the tests wait more than they work; one process for all would fill with what they leave
  reporters: ['<rootDir>/scripts/jest-reporter.mjs', 'default'],
}
