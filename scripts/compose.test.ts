import { expect, test } from '@jest/globals'
import { composeText, services } from '../test/compose.ts'
import { withServices } from './compose.ts'
import { parse } from 'yaml'

test('adds a service like the others for a group that has none, and changes nothing else', () => {
  const after = withServices(composeText, ['contacts', 'zz', 'zz-top'])
  const resolved = parse(after, { merge: true }) as { services: Record<string, object> }
  const { contacts, zz, 'zz-top': top, ...others } = resolved.services
  const run = (group: string): object => ({ command: [...services.get('contacts')!.command!.slice(0, -1), group] })
  expect(zz).toEqual({ ...contacts, ...run('zz') })
  expect(top).toEqual({ ...contacts, ...run('zz-top') })
  const before = parse(composeText, { merge: true }) as { services: Record<string, object> }
  expect({ contacts, ...others }).toEqual(before.services)
  expect(withServices(after, ['contacts', 'zz', 'zz-top'])).toBe(after)
})

test('says what it looked for where the file has no place for groups', () => {
  expect(() => withServices('services:\n  broker: {}\n', ['notes'])).toThrow('"# The handler groups: …"')
})
