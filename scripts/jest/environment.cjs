const { appendFileSync, readFileSync } = require('node:fs')
const path = require('node:path')
const { TestEnvironment } = require('jest-environment-node')

/** With TEST_TIMES=file, a line for each test file goes there: seconds of CPU, seconds of wall time, path. */
const { TEST_TIMES } = process.env

/** Seconds of CPU that this process and the processes that it has started and outlived have taken; see proc(5). */
function cpuSeconds() {
  const [, fields] = /^.*\) (.*)$/s.exec(readFileSync('/proc/self/stat', 'utf8'))
  const ticks = fields.split(' ').slice(11, 15).map(Number) // utime, stime, cutime, cstime
  return ticks.reduce((sum, one) => sum + one, 0) / 100
}

/**
 * Jest's environment for Node for tests that are not in a world of their own (`runtime.cjs`): its fake timers replace the process's own.
 */
module.exports = class extends TestEnvironment {
  #path
  #began

  constructor(config, context) {
    super(config, context)
    if (TEST_TIMES) this.#began = { cpu: cpuSeconds(), wall: performance.now() }
    this.#path = path.relative(config.projectConfig.rootDir, context.testPath)
    const FakeTimers = this.fakeTimersModern.constructor
    this.fakeTimersModern = new FakeTimers({ config: config.projectConfig, global: globalThis })
  }

  async teardown() {
    await super.teardown()
    if (!TEST_TIMES) return
    const seconds = [cpuSeconds() - this.#began.cpu, (performance.now() - this.#began.wall) / 1_000]
    appendFileSync(TEST_TIMES, `${seconds.map((one) => one.toFixed(2).padStart(7)).join(' ')} ${this.#path}\n`)
  }
}
