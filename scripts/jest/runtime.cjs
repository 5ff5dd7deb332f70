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

  /** Loads Jest's own framework: its state, a single file, anew for each test file, but once in a worker what it imports, such as `expect`. */
  requireInternalModule(from, to) {
    if (to !== undefined) return super.requireInternalModule(from, to)
    forgetState()
    delete require.cache[from]
    return require(from)
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

/** Removes what the framework has put on the global object for the last test file: its state, and the listeners to its events. */
function forgetState() {
  for (const key of Object.getOwnPropertySymbols(globalThis)) {
    if (key === Symbol.for('EVENT_HANDLERS') || key.description === 'JEST_STATE_SYMBOL') delete globalThis[key]
  }
}
