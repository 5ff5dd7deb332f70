import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from '@jest/globals'
import { readContract, renderDocs, type Contract } from '../scripts/async-api.ts'

// The documents are made from the handlers. After a change of one: npm run docs

const DOCS = fileURLToPath(new URL('../docs/', import.meta.url))
let contract: Contract
beforeAll(async () => {
  contract = await readContract()
})

test.each([
  ['asyncapi.json', 'asyncapi'],
  ['client.d.ts', 'client'],
] as const)('docs/%s says what the handlers declare', async (file, part) => {
  expect(await readFile(`${DOCS}${file}`, 'utf8')).toBe((await renderDocs())[part])
})

// DESIGN: The catalogue, group contacts. These names are a contract.
const CONTACTS: [string, string[], string[]][] = [
  ['request_contact', ['note', 'user_id'], ['contact_request_sent', 'contact_requested']],
  ['accept_contact', ['user_id'], ['contact_added', 'contact_approved']],
  ['reject_contact', ['user_id'], ['contact_updated', 'contact_rejected']],
  ['cancel_contact_request', ['user_id'], ['contact_updated', 'contact_request_cancelled']],
  ['remove_contact', ['user_id'], ['contact_updated', 'contact_removed']],
  ['get_contact_list', ['cursor', 'limit'], ['contact_list']],
  ['block_user', ['user_id'], ['block_list']],
  ['unblock_user', ['user_id'], ['block_list']],
  ['get_block_list', ['cursor', 'limit'], ['block_list']],
]
test.each(CONTACTS)('%s keeps the names of the catalogue', (name, fields, events) => {
  const declared = contract.commands[name]
  expect(Object.keys(declared?.input.properties ?? {}).toSorted()).toEqual(fields)
  expect(declared?.events).toEqual(expect.arrayContaining(events))
})

test('the client knows every command and event that there is', async () => {
  const { client } = await renderDocs()
  for (const name of [...Object.keys(contract.commands), ...Object.keys(contract.events)]) {
    expect(client).toMatch(new RegExp(`^  ${name}: `, 'm'))
  }
})
