import { cannotRun } from '../../test/real-parts.ts'

/** Says in the last lines of a run which MongoDB it ran against, and what was skipped; a green run shows neither. */
export default class {
  constructor({ testNamePattern }) {
    this.isWhole = !testNamePattern // else all that was not asked for counts as skipped
  }

  onRunComplete(_contexts, { testResults }) {
    const tests = testResults.flatMap((file) => file.testResults)
    const engines = new Set(tests.map(({ ancestorTitles }) => ancestorTitles[0]))
    for (const engine of engines) {
      const server = /^the store on MongoDB, by (.+)/.exec(engine)?.[1]
      if (server) console.error(`\nMongoDB: ${server}`)
    }
    for (const { fullName, status } of tests) {
      if (status === 'pending' && this.isWhole) console.error(`skipped: ${fullName}`)
    }
    for (const [file, parts] of cannotRun()) console.error(`skipped: ${file}, for want of ${parts.join(' and ')}`)
  }
}
