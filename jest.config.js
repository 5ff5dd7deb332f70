export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/scripts/jest-transform.cjs' },
  testPathIgnorePatterns: ['/node_modules/', '/data/'],
  modulePathIgnorePatterns: ['/data/'],
  testTimeout: 20_000,
}
