// What `import … from '@jest/globals'` gets: modules are shared by the test files of a worker, so each name leads to those of the
// file that is running.
const current = (name) => globalThis[Symbol.for('jest globals')][name]
const passedOn = (name) =>
  new Proxy(function () {}, {
    apply: (_, self, args) => Reflect.apply(current(name), self, args),
    get: (_, key) => Reflect.get(current(name), key),
  })

export const [test, it, describe, expect, jest] = ['test', 'it', 'describe', 'expect', 'jest'].map(passedOn)
export const [beforeAll, beforeEach, afterEach, afterAll] = ['beforeAll', 'beforeEach', 'afterEach', 'afterAll'].map(
  passedOn,
)
