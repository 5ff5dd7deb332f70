import { expect, test } from '@jest/globals'
import { eventFor, nounOf, readNames } from './names.ts'

test.each([
  ['Notes/add_note', 'try notes/add_note'],
  ['myNotes/add_note', 'try my-notes/add_note'],
  ['notes/addNote', 'try notes/add_note'],
  ['notes/add-note', 'try notes/add_note'],
  ['notes/', "a command's name is snake_case"],
  ['notes', 'notes: name a group and a command'],
  ['notes/a/b', 'one slash between them'],
  ['../evil/add_note', 'one slash between them'],
  ['', 'name a group and a command'],
])('%p is refused with the reason and, where there is one, a better name', (text, why) => {
  expect(() => readNames(text)).toThrow(why)
})

test('a group and a command are read', () => {
  expect(readNames('to-do/add_note')).toEqual({ group: 'to-do', command: 'add_note' })
})

test.each([
  ['add_note', 'note_added', 'note'],
  ['create_shopping_list', 'shopping_list_created', 'shopping_list'],
  ['copy_note', 'note_copied', 'note'],
  ['send_parcel', 'parcel_sent', 'parcel'],
  ['wave', 'wave_done', 'wave'],
])('%s is answered %s and is about a %s', (command, event, noun) => {
  expect([eventFor(command), nounOf(command)]).toEqual([event, noun])
})
