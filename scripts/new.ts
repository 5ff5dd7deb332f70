import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { readConfig } from '../shared/config.ts'
import { collectionsOf } from './data/collections.ts'
import { describe, groupsIn } from '../shared/runtime/scan.ts'
import type { Catalogue } from '../shared/wire/catalogue.ts'
import { faultOfCommand, faultOfGroup } from '../shared/wire/reserved.ts'
import { isWord } from '../shared/wire/topic.ts'
import { writeDocs } from './async-api.ts'
import { writeChartGroups } from './chart.ts'
import { isTakenService, writeServices } from './compose.ts'
import { KINDS, SAMPLE, type Kind } from './new/kinds.ts'
import { eventFor, nounOf, readNames } from './new/names.ts'

// npm run new -- notes/add_note: creates a handler and its test, and regenerates what is made from the handlers.

const HANDLERS = fileURLToPath(new URL('../handlers', import.meta.url))
const USAGE = `usage: npm run new -- <group>/<command> [--kind KIND]

  group     a folder of handlers/, and a process: lower-case letters, digits and hyphens
  command   the name of the file, and the topic that devices publish to: snake_case
  --kind    what the files hold to begin with:
${Object.entries(KINDS)
  .map(([name, { says }]) => `            ${name.padEnd(8)}  ${says}\n`)
  .join('')}
For example: npm run new -- notes/add_note --kind book
`

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { kind: { type: 'string', default: 'command' }, help: { type: 'boolean', short: 'h' } },
  })
  if (values.help) return void process.stdout.write(USAGE)
  const [names, ...more] = positionals
  if (names === undefined || more.length > 0) throw new Error(USAGE.trimEnd())
  const kind = Object.hasOwn(KINDS, values.kind) ? KINDS[values.kind]! : undefined
  if (!kind) throw new Error(`${values.kind}: there is no such kind; choose ${Object.keys(KINDS).join(', ')}`)

  const { group, command } = readNames(names)
  const catalogue = await describe(HANDLERS)
  const fault = faultOfGroup(group) ?? faultOfCommand(command) ?? faultBeside(catalogue, group, command)
  if (fault !== undefined) throw new Error(fault)

  const files = kind.files({
    group,
    command,
    event: eventOf(catalogue, command),
    collection: await collectionOf(group, command),
  })
  const paths = Object.keys(files).map((file) => `handlers/${group}/${file}`)
  const there = paths.filter((path) => existsSync(`${HANDLERS}/../${path}`))
  if (there.length > 0) throw new Error(`${there.join(', ')}: exists already, so nothing was written`)
  await mkdir(`${HANDLERS}/${group}`, { recursive: true })
  for (const [file, content] of Object.entries(files)) {
    await writeFile(`${HANDLERS}/${group}/${file}`, content, { flag: 'wx' })
  }
  await writeDocs()
  const groups = await groupsIn(HANDLERS)
  const added = [
    ...((await writeServices(groups)) ? ['docker-compose.yml'] : []),
    ...((await writeChartGroups(groups)) ? ['deploy/helm/values.yaml'] : []),
  ]
  process.stdout.write(report(paths, added, group, command, kind))
}

/** Why this name clashes with an existing one; undefined when it does not. */
function faultBeside(catalogue: Catalogue, group: string, command: string): string | undefined {
  for (const [other, { commands, events }] of Object.entries(catalogue)) {
    if (Object.hasOwn(commands, command)) return `the group ${other} has a command ${command} already`
    if (events.includes(command))
      return `${command} is an event of the group ${other}; choose another name for the command`
  }
  if (!Object.hasOwn(catalogue, group) && isTakenService(group)) {
    return `docker-compose.yml has a service ${group} already; choose another name for the group`
  }
  return undefined
}

/** An unused name for its event. */
function eventOf(catalogue: Catalogue, command: string): string {
  const taken = Object.values(catalogue).flatMap(({ commands, events }) => [...events, ...Object.keys(commands)])
  const names = [eventFor(command), `${command}_done`, `${command}_answered`]
  const free = names.find((name) => isWord(name) && !taken.includes(name))
  if (free === undefined) throw new Error(`${command}: too long, or its events' names (${names.join(', ')}) are taken`)
  return free
}

async function collectionOf(group: string, command: string): Promise<string> {
  const taken = (await collectionsOf(HANDLERS)).map(({ name }) => name)
  const name = `${nounOf(command)}s`
  return (taken.includes(name) ? `${group.replaceAll('-', '_')}_${name}` : name).slice(0, 40)
}

const NEXT: readonly (readonly [run: (group: string) => string, what: string])[] = [
  [(group) => `npm run watch -- handlers/${group}`, 'runs its tests at every save'],
  [() => 'npm run dev', 'runs the platform with it, reloaded at every save'],
  [() => 'npm run docs', 'after a change of inputs, events or file names'],
]

function report(
  paths: readonly string[],
  added: readonly string[],
  group: string,
  command: string,
  kind: Kind,
): string {
  const width = Math.max(...paths.map((path) => path.length)) + 2
  const says = (path: string): string => {
    if (path.endsWith('.test.ts')) return 'what it promises'
    return basename(path) === `${command}.ts` ? 'what it takes, does and causes: begin here' : 'what the group shares'
  }
  const port = readConfig().MQTTS_PORT
  const device = `npx mqtt pub -l mqtts -h localhost -p ${port} --ca data/dev/tls-cert.pem -u JWT -P "$(npm run --silent token -- alice)"`
  return `${paths.map((path) => `${path.padEnd(width)}${says(path)}\n`).join('')}
brought up to date: docs/asyncapi.json, docs/client.d.ts, client/contract.ts, ${['test/handlers/declared.ts', ...added].join(', ')}

Now:
${NEXT.map(([run, what]) => `  ${run(group).padEnd(group.length + 30)}${what}\n`).join('')}${
    kind.isSent
      ? `
From a device, while \`npm run dev\` runs (and \`mqtt sub\` with the same options and -t alice_events -v gets the answer):
  ${device} -q 1 -t ${command} -m '${JSON.stringify(SAMPLE)}'
`
      : ''
  }`
}

main().catch((err: Error) => {
  process.stderr.write(`${err.message}\n`)
  process.exit(1)
})
