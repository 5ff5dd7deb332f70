import type { Contract, JsonSchema } from './async-api.ts'

/** TypeScript types of every command and event, for a client. */
export function clientTypes({ commands, events }: Contract): string {
  const lines = [
    '// Made by `npm run docs` from the handlers; a test fails when it is out of date.',
    '',
    '/** Command name to its fields. */',
    'export interface Commands {',
    ...Object.entries(commands).map(([name, { input }]) => `  ${name}: ${typeOf(input)}`),
    '}',
    '',
    '/**',
    ' * What every event bears besides its fields: when it happened, the id of the command it answers, and its number among the',
    ' * events of its receiver, if it is one that `sync_events` can bring back.',
    ' */',
    'export interface Envelope {',
    '  at: string',
    '  re?: string',
    '  event_seq?: number',
    '}',
    '',
    '/** Event name to its fields, besides those of the envelope. */',
    'export interface Events {',
    ...Object.entries(events).map(([name, schema]) => `  ${name}: ${typeOf(schema)}`),
    '}',
    '',
    '/** What each command may cause, `command_rejected` and `command_failed` apart. */',
    'export interface Causes {',
    ...Object.entries(commands).map(([name, command]) => `  ${name}: ${command.events.map(quoted).join(' | ')}`),
    '}',
    '',
  ]
  return lines.join('\n')
}

/** The module `client/contract.ts`: the types, and what the client has to know of each command. */
export function clientContract(contract: Contract): string {
  const commands = Object.entries(contract.commands)
  const namesOf = (replyTo: 'client' | 'nobody'): string =>
    commands
      .filter(([, command]) => command.replyTo === replyTo)
      .map(([name]) => `\n  ${quoted(name)},`)
      .join('')
  const lines = [
    clientTypes(contract),
    '/** The events that answer each command; `undefined` when none does. */',
    'export interface Answers {',
    ...commands.map(([name, { replies }]) => `  ${name}: ${replies.map(quoted).join(' | ') || 'undefined'}`),
    '}',
    '',
    '/** An event with its name, its envelope and its fields. */',
    'export type Event<Name extends keyof Events> = { event: Name } & Envelope & Events[Name]',
    '',
    '/** The event that answers a command. */',
    'export type Answer<Name extends keyof Commands> = Answers[Name] extends keyof Events',
    '  ? { [Reply in Answers[Name]]: Event<Reply> }[Answers[Name]]',
    '  : undefined',
    '',
    ...Object.keys(contract.events).map((name) => `export type ${typeName(name)} = Event<${quoted(name)}>`),
    '',
    '/** Commands whose answer goes to the asking client alone: they change nothing, and are asked again rather than kept. */',
    `export const READS: ReadonlySet<string> = new Set([${namesOf('client')}\n])`,
    '',
    '/** Commands that nobody answers: they are sent once, while there is a connection. */',
    `export const UNANSWERED: ReadonlySet<string> = new Set([${namesOf('nobody')}\n])`,
    '',
  ]
  return lines.join('\n')
}

/** `message_sent` becomes `MessageSent`. */
function typeName(event: string): string {
  return event.replaceAll(/(?:^|_)([a-z0-9])/g, (_, first: string) => first.toUpperCase())
}

function typeOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  const either = schema.anyOf ?? (schema['oneOf'] as JsonSchema[] | undefined)
  if (either) return either.map(typeOf).join(' | ')
  switch (schema.type) {
    case 'object':
      return objectType(schema)
    case 'array':
      return `(${typeOf(schema.items ?? {})})[]`
    case 'integer':
    case 'number':
      return 'number'
    case 'string':
    case 'boolean':
    case 'null':
      return schema.type
    default:
      return 'unknown'
  }
}

function objectType({ properties = {}, required = [], additionalProperties }: JsonSchema): string {
  const fields = Object.entries(properties).map(
    ([name, schema]) => `${name}${required.includes(name) ? '' : '?'}: ${typeOf(schema)}`,
  )
  const isOpen = typeof additionalProperties === 'object' && fields.length > 0
  if (isOpen) fields.push('[field: string]: unknown')
  if (fields.length > 0) return `{ ${fields.join('; ')} }`
  const values = typeof additionalProperties === 'object' ? typeOf(additionalProperties) : undefined
  return values ? `Record<string, ${values}>` : 'Record<string, never>'
}

function quoted(name: string): string {
  return `'${name}'`
}
