import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { OWN_COMMANDS } from '../broker/core/commands/own-commands.ts'
import type { DeclaredCommand } from '../shared/runtime/command.ts'
import { groupsIn, loadGroup } from '../shared/runtime/scan.ts'
import type { BrokerEventName } from '../shared/wire/reserved.ts'
import { CODES } from '../shared/wire/refusal.ts'
import { clientContract, clientTypes } from './client-types.ts'
import { declaredTypes } from './declared.ts'

const HANDLERS = fileURLToPath(new URL('../handlers', import.meta.url))
const DOCS = fileURLToPath(new URL('../docs/', import.meta.url))

export interface JsonSchema {
  type?: string
  properties?: Record<string, JsonSchema>
  required?: string[]
  items?: JsonSchema
  enum?: unknown[]
  const?: unknown
  anyOf?: JsonSchema[]
  additionalProperties?: boolean | JsonSchema
  [more: string]: unknown
}

/** What clients send and receive, as JSON Schema: the source of the docs. */
export interface Contract {
  commands: Record<
    string,
    { group: string; input: JsonSchema; events: string[]; replies: string[]; replyTo: DeclaredCommand['replyTo'] }
  >
  events: Record<string, JsonSchema>
}

const rejection = z.object({
  command: z.string(),
  code: z.enum(CODES),
  message: z.string(),
  fields: z.record(z.string(), z.string()).optional(),
  retry_after_ms: z.number().optional(),
})

/** The commands that the broker answers itself. */
const BROKER: Partial<Record<BrokerEventName, z.ZodType>> = {
  command_rejected: rejection,
  command_failed: rejection,
  command_queued: z.object({ command: z.string() }),
  session_expiring: z.object({ client_id: z.string(), exp: z.number() }),
}

/** Reads the contract from the handlers' files. */
export async function readContract(): Promise<Contract> {
  const contract: Contract = {
    commands: {},
    events: Object.fromEntries(Object.entries(BROKER).map(([name, schema]) => [name, schemaOf(schema, 'output')])),
  }
  for (const [name, { input, answer, output }] of OWN_COMMANDS) {
    contract.commands[name] = {
      group: 'session',
      input: schemaOf(input, 'input'),
      events: [answer],
      replies: [answer],
      replyTo: 'client',
    }
    contract.events[answer] = schemaOf(output, 'output')
  }
  for (const group of await groupsIn(HANDLERS)) {
    for (const [name, { input, events, internal, replies, replyTo }] of await loadGroup(HANDLERS, group)) {
      if (!internal) {
        contract.commands[name] = {
          group,
          input: schemaOf(input, 'input'),
          events: [...events.keys()],
          replies: replyTo === 'nobody' ? [] : [...replies],
          replyTo,
        }
      }
      for (const [event, { schema }] of events) {
        contract.events[event] = schemaOf(schema, 'output')
      }
    }
  }
  return contract
}

/** The documents that are generated from the handlers, as text. */
export async function renderDocs(): Promise<Record<'asyncapi' | 'client' | 'contract' | 'declared', string>> {
  const contract = await readContract()
  const asyncapi = `${JSON.stringify(asyncApi(contract), null, 2)}\n`
  return {
    asyncapi,
    client: clientTypes(contract),
    contract: clientContract(contract),
    declared: await declaredTypes(HANDLERS),
  }
}

export async function writeDocs(): Promise<void> {
  const { asyncapi, client, contract, declared } = await renderDocs()
  await writeFile(`${DOCS}asyncapi.json`, asyncapi)
  await writeFile(`${DOCS}client.d.ts`, client)
  await writeFile(`${DOCS}../client/contract.ts`, contract)
  await writeFile(`${DOCS}../test/handlers/declared.ts`, declared)
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return rest as JsonSchema
}

/** AsyncAPI 3.0.0, as a client sees it: it sends commands and receives events. */
function asyncApi({ commands, events }: Contract): object {
  const ref = (path: string) => ({ $ref: `#/${path}` })
  const envelope = {
    at: { type: 'string', format: 'date-time' },
    re: { type: 'string', description: 'id of the command it answers' },
    event_seq: { type: 'integer', description: "its number among the receiver's events, for sync_events" },
  }
  const own = {
    id: { type: 'string', maxLength: 64 },
    expires_at: { description: 'RFC 3339 with an offset, such as 2026-11-20T18:00:00Z, or milliseconds since 1970' },
  }
  const withFields = (schema: JsonSchema, more: Record<string, JsonSchema>): JsonSchema => ({
    ...schema,
    properties: { ...more, ...schema.properties },
  })
  const channels = [
    ...Object.entries(commands).map(([name, { group, input }]) => [
      `command.${name}`,
      {
        address: name,
        tags: [{ name: group }],
        messages: { [name]: { contentType: 'application/json', payload: withFields(input, own) } },
      },
    ]),
    ...Object.entries(events).map(([name, schema]) => [
      `event.${name}`,
      {
        address: `{user_id}_${name}`,
        parameters: { user_id: { description: "the receiver's own user id" } },
        messages: { [name]: { contentType: 'application/json', payload: withFields(schema, envelope) } },
      },
    ]),
  ]
  const operations = [
    ...Object.entries(commands).map(([name, command]) => [
      `send.${name}`,
      {
        action: 'send',
        channel: ref(`channels/command.${name}`),
        description:
          `may cause ${[...command.events, 'command_rejected', 'command_failed'].join(', ')}` +
          (command.replyTo === 'client' ? '; its answer goes to the asking client alone, without event_seq' : ''),
      },
    ]),
    ...Object.keys(events).map((name) => [
      `receive.${name}`,
      { action: 'receive', channel: ref(`channels/event.${name}`) },
    ]),
  ]
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Switchboard',
      version: '1',
      description: 'Commands are published at QoS 1; every event also goes to {user_id}_events as { event, ... }.',
    },
    defaultContentType: 'application/json',
    servers: { broker: { host: 'localhost:8883', protocol: 'mqtts' } },
    channels: Object.fromEntries(channels),
    operations: Object.fromEntries(operations),
  }
}
