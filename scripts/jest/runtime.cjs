const { pathToFileURL } = require('node:url')
const { default: Runtime } = require('jest-runtime')

let count = 0

/**
 * Jest's runtime, but a test file and everything it imports are Node's own modules, shared by the test files of a worker. Jest would
 * load each of them anew for each test file, three of the four seconds that a handler's test took.
 */
module.exports = class extends Runtime {
  #query

  constructor(...args) {
    super(...args)
    const { watch, watchAll } = args.at(-1)
    this.#query = watch || watchAll ? 'run' : 'file'
  }

  unstable_shouldLoadAsEsm() {
    return true
  }

  async unstable_importModule(path) {
    globalThis[Symbol.for('jest globals')] = this.jestGlobals.cjsGlobals(path)
    Error.prepareStackTrace = undefined // Node maps the positions of its own modules; Jest knows only those that it has loaded
    count += 1
    await import(`${pathToFileURL(path).href}?${this.#query}=${count}`)
  }
}
