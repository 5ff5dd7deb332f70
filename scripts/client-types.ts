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
