import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { faultOfCommand, faultOfGroup } from '../shared/wire/reserved.ts'
import { isCommandName, isWord } from '../shared/wire/topic.ts'
import { describe, groupsIn } from '../shared/runtime/scan.ts'
import { writeDocs } from './async-api.ts'
import { writeServices } from './compose.ts'

// npm run new -- notes/add_note: a handler file and its test, and the docs with it.

const HANDLERS = fileURLToPath(new URL('../handlers', import.meta.url))
const USAGE = `usage: npm run new -- <group>/<command>
Group: lower case letters, digits and hyphens. Command: snake_case; it is the topic that devices publish to.`

function handlerOf(command: string): string {
  return `import { z } from 'zod'
import { command, event } from '../../shared/runtime/command.ts'

export const ${command}_done = event('${command}_done', { text: z.string() })

/** Answers with the text it got. Say here what the command does for its sender. */
export default command({
  input: z.object({ text: z.string().min(1).max(1000) }),
  events: { ${command}_done },

  async run({ text }, { from, log }) {
    log.debug({ user: from.user }, 'running')
    return { reply: ${command}_done({ text }) }
  },
})
`
}

function testOf(group: string, command: string): string {
  return `import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../test/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage('${group}')
})
afterAll(() => stage.close())

test('answers its sender', async () => {
  const alice = await stage.device('alice')
  const answer = await alice.asks('${command}', { text: 'hello' })
  expect(answer).toMatchObject({ event: '${command}_done', text: 'hello' })
})

test('names the field that is wrong', async () => {
  const alice = await stage.device('alice')
  const answer = await alice.asks('${command}', { text: 7 })
  expect(answer).toMatchObject({ event: 'command_rejected', code: 'bad_payload', fields: { text: expect.any(String) } })
})
`
}

async function main(): Promise<void> {
  const [, group, name] = /^([a-z][a-z0-9-]*)\/([^/]+)$/.exec(process.argv[2] ?? '') ?? []
  if (
    group === undefined ||
    name === undefined ||
    process.argv.length > 3 ||
    !isCommandName(name) ||
    !isWord(`${name}_done`)
  )
    throw new Error(USAGE)
  const fault = faultOfGroup(group) ?? faultOfCommand(name)
  if (fault !== undefined) throw new Error(fault)
  const owner = Object.entries(await describe(HANDLERS)).find(([, { commands }]) => Object.hasOwn(commands, name))?.[0]
  if (owner !== undefined) throw new Error(`the group ${owner} has a command ${name} already`)
  const file = `${HANDLERS}/${group}/${name}.ts`
  const testFile = `${HANDLERS}/${group}/${name}.test.ts`
  if (existsSync(file) || existsSync(testFile)) throw new Error(`handlers/${group}/${name} is there already`)
  await mkdir(`${HANDLERS}/${group}`, { recursive: true })
  await writeFile(file, handlerOf(name), { flag: 'wx' })
  await writeFile(testFile, testOf(group, name), { flag: 'wx' })
  await writeDocs()
  const added = await writeServices(await groupsIn(HANDLERS))
  process.stdout.write(`handlers/${group}/${name}.ts       what it takes, causes and does
handlers/${group}/${name}.test.ts  what it promises: npm run jest -- handlers/${group}
docs/asyncapi.json, docs/client.d.ts   brought up to date
${added ? `docker-compose.yml               has a service ${group} now\n` : ''}`)
}

main().catch((err: Error) => {
  process.stderr.write(`${err.message}\n`)
  process.exit(1)
})
