import { expect, test } from '@jest/globals'
import { inspectPorts } from './inspect-ports.ts'

test('each part has two ports of its own, which its processes take in turn', () => {
  const portsOf = inspectPorts(['--inspect'])
  const [broker, contacts] = [portsOf('broker')!, portsOf('contacts')!]
  expect([broker(), contacts(), contacts(), contacts()].flat()).toEqual([
    '--inspect=127.0.0.1:9229',
    '--inspect=127.0.0.1:9231',
    '--inspect=127.0.0.1:9232',
    '--inspect=127.0.0.1:9231',
  ])
})

test('nothing is inspected unless it is asked for', () => {
  expect(inspectPorts([])('broker')).toBeUndefined()
})

test.each([['--inspect=x'], ['--what'], ['--inspect', 'more'], ['--inspect=70000']])(
  '%s is refused with the usage',
  (...args) => {
    expect(() => inspectPorts(args)).toThrow('usage: npm run dev')
  },
)
