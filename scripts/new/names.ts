import { isWord } from '../../shared/wire/topic.ts'

/** What to create. */
export interface Wanted {
  readonly group: string
  readonly command: string
}

/**
 * Reads `<group>/<command>`.
 * @throws {Error} naming the mistake, and a name that would do
 */
export function readNames(text: string): Wanted {
  const [group = '', command, ...more] = text.split('/')
  if (command === undefined || more.length > 0) {
    throw new Error(`${text}: name a group and a command with one slash between them, such as notes/add_note`)
  }
  if (!isWord(command)) {
    const better = snakeCase(command)
    const advice = isWord(better) ? `: try ${group.toLowerCase()}/${better}` : ''
    throw new Error(`${command}: a command's name is snake_case, at most 64 characters${advice}`)
  }
  if (/[A-Z_]/.test(group)) {
    const better = snakeCase(group).replaceAll('_', '-')
    throw new Error(`${group}: a group's name is lower-case letters, digits and hyphens: try ${better}/${command}`)
  }
  return { group, command }
}

function snakeCase(text: string): string {
  const apart = text.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase()
  return apart.replace(/[^a-z0-9]+/g, '_').replace(/^_+|_+$/g, '')
}

/** Past participles that do not end in -ed. */
const IRREGULAR: Readonly<Record<string, string>> = {
  begin: 'begun',
  do: 'done',
  find: 'found',
  hold: 'held',
  keep: 'kept',
  leave: 'left',
  make: 'made',
  pay: 'paid',
  put: 'put',
  read: 'read',
  send: 'sent',
  set: 'set',
  take: 'taken',
  tell: 'told',
  write: 'written',
}

/** The event that answers a command: `note_added` for `add_note`. */
export function eventFor(command: string): string {
  const [verb, ...noun] = command.split('_')
  return noun.length === 0 ? `${command}_done` : `${noun.join('_')}_${pastOf(verb!)}`
}

function pastOf(verb: string): string {
  if (verb in IRREGULAR) return IRREGULAR[verb]!
  if (verb.endsWith('e')) return `${verb}d`
  return /[^aeiou]y$/.test(verb) ? `${verb.slice(0, -1)}ied` : `${verb}ed`
}

/** What a command is about: `note` for `add_note`. */
export function nounOf(command: string): string {
  const [, ...noun] = command.split('_')
  return noun.join('_') || command
}

/** The TypeScript name: `shoppingList` for `shopping_list`. */
export function camelCase(name: string): string {
  return name.replace(/[_-]([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}
