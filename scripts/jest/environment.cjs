const { TestEnvironment } = require('jest-environment-node')

/** What `expect` compares kinds by, `expect.any(String)` for one. */
const KINDS = [Array, BigInt, Boolean, Date, Error, Function, Map, Number, Object, Promise, RegExp, Set, String, Symbol]

/**
 * Jest's environment for Node for tests that are not in a world of their own (`runtime.cjs`): its fake timers replace the process's own,
 * and its matchers know the process's own types.
 */
module.exports = class extends TestEnvironment {
  constructor(config, context) {
    super(config, context)
    const FakeTimers = this.fakeTimersModern.constructor
    this.fakeTimersModern = new FakeTimers({ config: config.projectConfig, global: globalThis })
    for (const kind of KINDS) this.global[kind.name] = kind
  }
}
