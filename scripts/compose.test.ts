import { expect, test } from '@jest/globals'
import { composeText, services } from '../test/compose.ts'
import { withServices } from './compose.ts'
import { parse } from 'yaml'

test('adds a service like the others for a group that has none, and changes nothing else', () => {
  const after = withServices(composeText, ['contacts', 'notes', 'to-do'])
  const resolved = parse(after, { merge: true }) as { services: Record<string, object> }
  const { contacts, notes, 'to-do': todo, ...others } = resolved.services
  const run = (group: string): object => ({ command: [...services.get('contacts')!.command!.slice(0, -1), group] })
  expect(notes).toEqual({ ...contacts, ...run('notes') })
  expect(todo).toEqual({ ...contacts, ...run('to-do') })
  const before = parse(composeText, { merge: true }) as { services: Record<string, object> }
  expect({ contacts, ...others }).toEqual(before.services)
  expect(withServices(after, ['contacts', 'notes', 'to-do'])).toBe(after)
})

test('says what it looked for where the file has no place for groups', () => {
  expect(() => withServices('services:\n  broker: {}\n', ['notes'])).toThrow('"# The handler groups: …"')
})
